"""APDUs in words, for people: `GET limiter 0.0.17.0.0.255: threshold_normal`, `3300`.

An answer does not say what it answers; a `Telling` remembers the question, so that each value
stands behind the name of its attribute (Blue Book Part 2, the class descriptions).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field

from protocols.dlms.apdu import (
    AARE,
    AARQ,
    RLRE,
    RLRQ,
    AccessRequestApdu,
    AccessResponseApdu,
    ActionRequestBlock,
    ActionRequestFirstBlock,
    ActionRequestNext,
    ActionRequestNormal,
    ActionRequestWithList,
    ActionRequestWithListFirstBlock,
    ActionResponseBlock,
    ActionResponseNext,
    ActionResponseNormal,
    ActionResponseWithList,
    Apdu,
    Ciphered,
    ConfirmedServiceError,
    DataNotification,
    DataNotificationConfirm,
    EventNotification,
    ExceptionResponse,
    GeneralBlock,
    GeneralCiphered,
    GeneralCiphering,
    GeneralSigning,
    GetRequestNext,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseBlock,
    GetResponseNormal,
    GetResponseWithList,
    InitiateRequest,
    InitiateResponse,
    SetRequestBlock,
    SetRequestFirstBlock,
    SetRequestNormal,
    SetRequestWithList,
    SetRequestWithListFirstBlock,
    SetResponseBlock,
    SetResponseLastBlock,
    SetResponseLastBlockWithList,
    SetResponseNormal,
    SetResponseWithList,
    decode,
)
from protocols.dlms.codes import (
    AcseUserDiagnostic,
    ActionResult,
    AssociationResult,
    AuthenticationMechanism,
    DataAccessResult,
)
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.units import unit_symbol
from protocols.dlms.quantity import NUMBERS
from protocols.dlms.services import (
    AccessAction,
    AccessItem,
    AccessResult,
    AccessService,
    AccessSet,
    AttributeDescriptor,
    GetResult,
    MethodDescriptor,
    MethodReturn,
)
from protocols.dlms.short_names import ShortNameApdu
from protocols.dlms.values import (
    Array,
    Boolean,
    Enum,
    Integer,
    NullData,
    OctetString,
    Structure,
    Value,
)
from protocols.errors import ProtocolError
from tools.dlms import short_name_text

CLASSES = {
    1: "data",
    3: "register",
    4: "extended register",
    5: "demand register",
    7: "profile",
    8: "clock",
    15: "association",
    64: "security setup",
    70: "disconnect control",
    71: "limiter",
}
_REGISTER = {2: "value", 3: "scaler_unit"}
ATTRIBUTES = {
    1: {2: "value"},
    3: _REGISTER,
    4: _REGISTER,
    5: {2: "current_average_value", 3: "last_average_value", 4: "scaler_unit"},
    70: {2: "output_state", 3: "control_state", 4: "control_mode"},
    71: {
        2: "monitored_value",
        3: "threshold_active",
        4: "threshold_normal",
        5: "threshold_emergency",
        6: "min_over_threshold_duration",
        7: "min_under_threshold_duration",
        8: "emergency_profile",
        9: "emergency_profile_group_id_list",
        10: "emergency_profile_active",
        11: "actions",
    },
}
METHODS = {
    15: {1: "reply_to_HLS_authentication"},
    70: {1: "remote_disconnect", 2: "remote_reconnect"},
}
INVOCATION_COUNTER = bytes((0, 0, 43, 1))  # groups A to D; IEC 62056-6-1, security
CONTROL_STATES = {0: "disconnected", 1: "connected", 2: "ready for reconnection"}
_THRESHOLDS = {(71, 3), (71, 4), (71, 5)}
_SCALER_UNITS = {(3, 3), (4, 3), (5, 4)}

Asked = tuple[AttributeDescriptor | MethodDescriptor, ...]


@dataclass(slots=True)
class Telling:
    """One conversation, APDU by APDU, in the order in which they travelled."""

    _asked: Asked = field(default=())

    def octets(self, octets: bytes) -> str:
        """An APDU's octets in words; what is no APDU says so."""
        try:
            return self.apdu(decode(octets))
        except ProtocolError as error:
            return f"no APDU ({error})"

    def apdu(self, apdu: Apdu) -> str:
        """An APDU in words."""
        match apdu:
            case AARQ() | AARE() | RLRQ() | RLRE() | InitiateRequest() | InitiateResponse():
                return _association(apdu)
            case Ciphered() | GeneralCiphered():
                what = apdu.tag.name.lower().replace("_", "-")
                size, counter = len(apdu.payload), apdu.invocation_counter
                return f"{what}, {size} octets under counter {counter}, not opened"
            case GeneralCiphering():
                size, counter = len(apdu.payload), apdu.invocation_counter
                return f"general-ciphering, {size} octets under counter {counter}, not opened"
            case GeneralSigning():
                return "general-signing, not opened"
            case ConfirmedServiceError(service, kind, value):
                return f"error of {_name(service)}: {_name(kind)} {value}"
            case ExceptionResponse(state, service, counter):
                due = "" if counter is None else f", counter {counter} is due"
                return f"exception: {_name(state)}, {_name(service)}{due}"
            case DataNotification(body=body):
                return f"data notification: {value_text(body)}"
            case DataNotificationConfirm():
                return "data notification received"
            case EventNotification(attribute=attribute, value=value):
                return f"event: {self._object((attribute,))} = {_given(attribute, value)}"
            case _ if isinstance(apdu, ShortNameApdu):
                return short_name_text.words(apdu, value_text)
        return self._service(apdu)

    def _service(self, apdu: Apdu) -> str:
        match apdu:
            case GetRequestNormal(attribute=attribute):
                return f"GET {self._ask((attribute,))}"
            case GetRequestWithList(attributes=attributes):
                return f"GET {self._ask(attributes)}"
            case GetResponseNormal(result=result):
                return self._told((result,))
            case GetResponseWithList(results=results):
                return self._told(results)
            case SetRequestNormal(attribute=attribute, value=value):
                return f"SET {self._ask((attribute,))} = {_given(attribute, value)}"
            case SetRequestWithList(attributes=attributes, values=values):
                given = map(_given, attributes, values)
                return f"SET {self._ask(attributes)} = {', '.join(given)}"
            case SetResponseNormal(result=result) | SetResponseLastBlock(result=result):
                return _refusals((result,))
            case (
                SetResponseWithList(results=results) | SetResponseLastBlockWithList(results=results)
            ):
                return _refusals(results)
            case ActionRequestNormal(method=method, parameters=parameters):
                return f"ACTION {self._ask((method,))}({_parameter(parameters)})"
            case ActionRequestWithList(methods=methods, parameters=several):
                return f"ACTION {self._ask(methods)}({', '.join(map(_parameter, several))})"
            case ActionResponseNormal(response=response):
                return _returned((response,))
            case ActionResponseWithList(responses=responses):
                return _returned(responses)
            case AccessRequestApdu(items=items):
                self._asked = tuple(map(_target, items))
                return f"ACCESS: {'; '.join(map(_access, items))}"
            case AccessResponseApdu(results=results):
                return self._accessed(results)
        return self._block(apdu)

    def _block(self, apdu: Apdu) -> str:
        match apdu:
            case GeneralBlock(data=b"", acknowledged=number):
                return f"general blocks up to {number} received"
            case GeneralBlock(number=number, last_block=last, data=data):
                return f"general {_part(number, last, data)}"
            case (
                GetRequestNext(block_number=number)
                | ActionRequestNext(block_number=number)
                | ActionResponseNext(block_number=number)
            ):
                return f"the block after {number}, please"
            case SetResponseBlock(block_number=number):
                return f"block {number} received"
            case GetResponseBlock(last_block=last, block_number=number, result=result):
                if isinstance(result, bytes):
                    return _part(number, last, result)
                return f"block {number}: {_name(result)}"
            case SetRequestFirstBlock(attribute=attribute, block=block):
                what = self._ask((attribute,))
                return f"SET {what}, {_part(block.block_number, block.last_block, block.raw)}"
            case SetRequestWithListFirstBlock(attributes=attributes, block=block):
                what = self._ask(attributes)
                return f"SET {what}, {_part(block.block_number, block.last_block, block.raw)}"
            case ActionRequestFirstBlock(method=method, block=block):
                what = self._ask((method,))
                return f"ACTION {what}, {_part(block.block_number, block.last_block, block.raw)}"
            case ActionRequestWithListFirstBlock(methods=methods, block=block):
                what = self._ask(methods)
                return f"ACTION {what}, {_part(block.block_number, block.last_block, block.raw)}"
            case (
                SetRequestBlock(block=block)
                | ActionRequestBlock(block=block)
                | ActionResponseBlock(block=block)
            ):
                return _part(block.block_number, block.last_block, block.raw)
        return type(apdu).__name__

    def _accessed(self, results: tuple[AccessResult, ...]) -> str:
        """Each part's refusal, or what it gave."""
        return "; ".join(
            _refusals((result.code,))
            if result.code or result.service is not AccessService.GET
            else self._told((result.data,))
            for result in results
        )

    def _ask(self, asked: Asked) -> str:
        self._asked = asked
        return self._object(asked)

    def _object(self, asked: Asked) -> str:
        """Objects and members; a list of members of one object names it once."""
        objects = {(each.class_id, each.instance) for each in asked}
        if len(objects) == 1:
            each = asked[0]
            return f"{_object(each)}: {', '.join(map(_member, asked))}"
        return ", ".join(f"{_object(each)}: {_member(each)}" for each in asked)

    def _told(self, results: Iterable[GetResult]) -> str:
        results = tuple(results)
        if len(results) != len(self._asked):
            return ", ".join(map(_result, results))
        return ", ".join(
            f"{_member(asked)} {_given(asked, result)}"
            for asked, result in zip(self._asked, results, strict=True)
        )


# --- associations --------------------------------------------------------------------------------

_SECURITY: dict[int | None, str] = {
    None: "no security",
    AuthenticationMechanism.NONE: "no security",
    AuthenticationMechanism.LOW: "a password",
    AuthenticationMechanism.HIGH_GMAC: "HLS-5 GMAC",
}


def _association(apdu: AARQ | AARE | RLRQ | RLRE | InitiateRequest | InitiateResponse) -> str:
    match apdu:
        case AARQ(mechanism=mechanism):
            known = _SECURITY.get(mechanism, f"mechanism {mechanism}")
            return f"asks for an association with {known}"
        case AARE(
            result=AssociationResult.ACCEPTED, diagnostic=AcseUserDiagnostic.AUTHENTICATION_REQUIRED
        ):
            return "association accepted, once each side has proved itself"
        case AARE(result=result, diagnostic=diagnostic):
            why = "" if int(diagnostic) == 0 else f" ({_name(diagnostic)})"
            return f"association {_name(result)}{why}"
        case RLRQ():
            return "asks to release the association"
        case RLRE():
            return "association released"
        case InitiateRequest(client_max_receive_pdu_size=size):
            return f"initiate, takes APDUs of {size} octets"
        case InitiateResponse(server_max_receive_pdu_size=size):
            return f"initiated, takes APDUs of {size} octets"


# --- parts ---------------------------------------------------------------------------------------


def _name(code: enum.Enum) -> str:
    return code.name.lower().replace("_", "-")


def _object(each: AttributeDescriptor | MethodDescriptor) -> str:
    known = CLASSES.get(each.class_id, f"class {each.class_id}")
    if each.instance[:4] == INVOCATION_COUNTER:
        known = "invocation counter"
    return f"{known} {each.instance}"


def _member(each: AttributeDescriptor | MethodDescriptor) -> str:
    if isinstance(each, MethodDescriptor):
        return METHODS.get(each.class_id, {}).get(each.method, f"method {each.method}")
    return ATTRIBUTES.get(each.class_id, {}).get(each.attribute, f"attribute {each.attribute}")


def _given(asked: AttributeDescriptor | MethodDescriptor, result: GetResult) -> str:
    """A value as its attribute means it."""
    if isinstance(result, DataAccessResult):
        return f"refused: {_name(result)}"
    if isinstance(asked, MethodDescriptor):
        return value_text(result)
    match (asked.class_id, asked.attribute), result:
        case (70, 3), Enum() if int(result) in CONTROL_STATES:
            return CONTROL_STATES[int(result)]
        case (71, 2), Structure((_, OctetString() as name, _)) if len(name) == 6:
            return f"{LogicalName(bytes(name))}"
        case place, Structure((Integer() as scaler, Enum() as unit)) if place in _SCALER_UNITS:
            return f"10^{int(scaler)} {unit_symbol(int(unit))}"
        case place, number if place in _THRESHOLDS and isinstance(number, NUMBERS):
            return "none" if number == type(number).MAX else str(int(number))
    return value_text(result)


def _target(item: AccessItem) -> AttributeDescriptor | MethodDescriptor:
    return item.method if isinstance(item, AccessAction) else item.attribute


def _access(item: AccessItem) -> str:
    """One part of an ACCESS, as the service that it is would be told."""
    target = _target(item)
    what = f"{_object(target)}: {_member(target)}"
    match item:
        case AccessSet(value=value):
            return f"SET {what} = {_given(target, value)}"
        case AccessAction(parameters=parameters):
            return f"ACTION {what}({_parameter(parameters)})"
        case _:
            return f"GET {what}"


def _result(result: GetResult) -> str:
    return (
        f"refused: {_name(result)}" if isinstance(result, DataAccessResult) else value_text(result)
    )


def _refusals(results: Iterable[DataAccessResult | ActionResult]) -> str:
    return ", ".join(
        "success" if result == 0 else f"refused: {_name(result)}" for result in results
    )


def _returned(returns: Iterable[MethodReturn]) -> str:
    return ", ".join(
        _refusals((each.result,))
        + ("" if each.returned is None else f", returned {_result(each.returned)}")
        for each in returns
    )


def _parameter(value: Value | None) -> str:
    return "" if value is None else value_text(value)


def _part(number: int, last: bool, octets: bytes) -> str:
    return f"block {number} of {len(octets)} octets{', the last one' if last else ''}"


def value_text(value: Value) -> str:
    """A typed value, without its type."""
    match value:
        case Boolean():
            return "yes" if value else "no"
        case Array() | Structure():
            return f"[{', '.join(map(value_text, value))}]"
        case OctetString():
            if len(value) == 6 and value[5] == 0xFF:
                return str(LogicalName(bytes(value)))
            return bytes(value).hex().upper() or "no octets"
        case NullData():
            return "null"
        case int():
            return str(int(value))
        case str():
            return repr(str(value))
    return str(value)
