"""An APDU or a value as a tree of elements with the standard's names.

Generic over our structs: a class that nobody listed in `names` shows its fields all the same.
What the standard puts on another level than our classes do is said in `_SPECIAL`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from protocols.dissection import names
from protocols.dlms import obis
from protocols.dlms.apdu import (
    Apdu,
    Ciphered,
    ConfirmedServiceError,
    DataNotification,
    ExceptionResponse,
    GeneralCiphered,
    GeneralCiphering,
    GetResponseBlock,
)
from protocols.dlms.codes import (
    ApplicationContext,
    AuthenticationMechanism,
    Conformance,
    DataAccessResult,
)
from protocols.dlms.general import AgreedKey, GeneralHeader, IdentifiedKey, WrappedKey
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import AttributeDescriptor, MethodDescriptor
from protocols.dlms.short_names import (
    BlockNumberAccess,
    ReadBlockTaken,
    ShortData,
    ShortError,
    VariableName,
    WriteBlockTaken,
)
from protocols.dlms.values import Array, Structure, Value


@dataclass(frozen=True, slots=True)
class Named:
    """A code that has a name: of an enumeration, or of a registered object."""

    name: str
    number: int | str


@dataclass(frozen=True, slots=True)
class Bits:
    """A bit string whose bits have names; `octets` are all its bits."""

    names: tuple[str, ...]
    octets: bytes


Leaf = int | bool | bytes | str | Named | Bits | Value | None


@dataclass(frozen=True, slots=True)
class Element:
    """A name and what stands under it; a list's values may have no name of their own."""

    name: str
    content: tuple[Element, ...] | Leaf
    listed: bool = False  # a SEQUENCE OF: its elements may have one name
    words: str = ""  # for people

    @property
    def elements(self) -> tuple[Element, ...] | None:
        """What it consists of; None where it is a leaf."""
        content = self.content
        # Arrays and structures are tuples too, but they are values.
        if isinstance(content, tuple) and not isinstance(content, Array | Structure):
            return content
        return None


Inside = Mapping[str, Element]
"""For a field with octets: the APDU that they are."""


def is_value(content: object) -> bool:
    """Whether this is a typed value of DLMS."""
    return hasattr(content, "TAG")


def of_apdu(apdu: Apdu, inside: Inside | None = None) -> Element:
    """The tree of one APDU, outermost choice first."""
    if isinstance(apdu, Ciphered | GeneralCiphered):
        return Element(names.ciphered(apdu.tag), _ciphered(apdu))
    *outer, innermost = names.choices(type(apdu))
    element = Element(innermost, _fields(apdu, inside or {}))
    for name in reversed(outer):
        element = Element(name, (element,))
    return element


def of_value(value: Value) -> Element:
    """The tree of one value."""
    return Element("data", value)


# --- classes -------------------------------------------------------------------------------------


def _fields(owner: msgspec.Struct, inside: Inside) -> tuple[Element, ...]:
    special = _SPECIAL.get(type(owner))
    if special is not None:
        return special(owner)
    kind = type(owner)
    found: list[Element] = []
    for name in names.ORDER.get(kind.__name__, owner.__struct_fields__):
        held = getattr(owner, name)
        if name in inside:
            found.append(Element(names.field(kind, name), (inside[name],)))
        elif held is not None:
            found.extend(_field(kind, name, held))
    return tuple(found)


def _field(kind: type[object], name: str, held: object) -> Iterator[Element]:
    """The elements of one field; a descriptor with a selection makes two."""
    spelled = names.field(kind, name)
    match held:
        case AttributeDescriptor():
            yield from _attribute(held)
        case MethodDescriptor():
            yield _method(held)
        case GeneralHeader():
            yield from _fields(held, {})
        case IdentifiedKey() | WrappedKey() | AgreedKey():
            yield Element(spelled, (Element(names.choices(type(held))[-1], _fields(held, {})),))
        case _ if (kind.__name__, name) in _RESULTS:
            yield _results(spelled, held)
        case tuple() if not is_value(held):
            yield Element(spelled, tuple(map(_item, held)), listed=True)
        case msgspec.Struct():
            yield Element(spelled, _fields(held, {}))
        case _:
            yield _leaf(name, spelled, held)


# Fields that hold data or a reason why there are none: Get-Data-Result.
_RESULTS = {
    ("GetResponseNormal", "result"),
    ("GetResponseWithList", "results"),
    ("MethodReturn", "returned"),
}


def _results(spelled: str, held: object) -> Element:
    if isinstance(held, tuple) and not is_value(held):
        return Element(spelled, tuple(map(_get_data_result, held)), listed=True)
    return Element(spelled, (_get_data_result(held),))


def _get_data_result(result: object) -> Element:
    if isinstance(result, DataAccessResult):
        return Element("data-access-result", _named(result))
    return Element("data", cast(Value, result))


def _item(item: object) -> Element:
    """A member of a SEQUENCE OF."""
    if isinstance(item, AttributeDescriptor):
        return Element("cosem-attribute-descriptor-with-selection", tuple(_attribute(item)))
    if isinstance(item, MethodDescriptor):
        return _method(item)
    if is_value(item):
        return Element("", cast(Value, item))
    if isinstance(item, enum.IntEnum):
        return Element(_code_name(item), _named(item))
    if (alone := _ALONE.get(type(item))) is not None:  # a choice of a simple type
        held = getattr(item, alone)
        leaf = held if is_value(held) or not isinstance(held, enum.IntEnum) else _named(held)
        words = f"{held:04X}" if isinstance(item, VariableName) else ""
        return Element(names.choices(type(item))[-1], cast(Leaf, leaf), words=words)
    return Element(names.choices(type(item))[-1], _fields(cast(msgspec.Struct, item), {}))


_ALONE: dict[type[object], str] = {
    VariableName: "name",
    BlockNumberAccess: "block_number",
    ShortData: "value",
    ShortError: "result",
    ReadBlockTaken: "block_number",
    WriteBlockTaken: "block_number",
}


def _code_name(item: enum.IntEnum) -> str:
    return "data-access-result" if isinstance(item, DataAccessResult) else "action-result"


def _leaf(name: str, spelled: str, held: object) -> Element:
    match name, held:
        case "application_context", int():
            return _registered(spelled, names.APPLICATION_CONTEXT_OID, held, ApplicationContext)
        case "mechanism", int():
            return _registered(spelled, names.MECHANISM_OID, held, AuthenticationMechanism)
        case _, Conformance():
            return Element(spelled, _conformance(held))
        case _, enum.IntEnum():
            return Element(spelled, _named(held))
        case "invoke_id_and_priority", int():
            return Element(spelled, held, words=_invoke_id(held))
        case _, LogicalName():
            return Element(spelled, bytes(held), words=f"{held}, {obis.describe(held)}")
    return Element(spelled, cast(Leaf, held))


def _registered(spelled: str, arc: str, last: int, kind: type[enum.IntEnum]) -> Element:
    oid = f"{arc}.{last}"
    known = last in set(kind)
    return Element(spelled, Named(names.code(kind(last)) if known else oid, oid))


def _named(member: enum.IntEnum) -> Named:
    return Named(names.code(member), int(member))


def _conformance(conformance: Conformance) -> Bits:
    found = (name for bit, name in names.CONFORMANCE.items() if bit & conformance)
    return Bits(tuple(found), int(conformance).to_bytes(3, "big"))


def _invoke_id(octet: int) -> str:
    service = "confirmed" if octet & 0x40 else "unconfirmed"
    return f"invoke id {octet & 0x0F}, {service}, {'high' if octet & 0x80 else 'normal'} priority"


def _attribute(descriptor: AttributeDescriptor) -> Iterator[Element]:
    yield Element(
        "cosem-attribute-descriptor",
        (
            Element("class-id", descriptor.class_id),
            _leaf("instance", "instance-id", descriptor.instance),
            Element("attribute-id", descriptor.attribute),
        ),
    )
    selection = descriptor.selection
    if selection is not None:
        parts = (
            Element("access-selector", selection.selector),
            Element("access-parameters", selection.parameters),
        )
        yield Element("access-selection", parts)


def _method(descriptor: MethodDescriptor) -> Element:
    return Element(
        "cosem-method-descriptor",
        (
            Element("class-id", descriptor.class_id),
            _leaf("instance", "instance-id", descriptor.instance),
            Element("method-id", descriptor.method),
        ),
    )


# --- what the standard has on another level ------------------------------------------------------


def _ciphered(apdu: Ciphered | GeneralCiphered) -> tuple[Element, ...]:
    protected = _protected(apdu)
    if isinstance(apdu, GeneralCiphered):
        title = Element("system-title", apdu.system_title)
        return title, Element("ciphered-service", protected)
    return protected


def _protected(apdu: Ciphered | GeneralCiphered | GeneralCiphering) -> tuple[Element, ...]:
    """The octet string of a ciphered service, parted (Green Book 9.2.7.2.4.6)."""
    control = apdu.security_control
    return (
        Element("security-control", control.to_bytes(1, "big"), words=security_words(control)),
        Element("invocation-counter", apdu.invocation_counter),
        Element("ciphered-content", apdu.payload),
    )


def security_words(control: int) -> str:
    """A security control octet in words."""
    bits = ((0x10, "authenticated"), (0x20, "encrypted"), (0x40, "broadcast key"))
    found = [word for bit, word in (*bits, (0x80, "compressed")) if control & bit]
    return ", ".join([f"suite {control & 0x0F}", *found])


def _general_ciphering(apdu: GeneralCiphering) -> tuple[Element, ...]:
    info = () if apdu.key_info is None else tuple(_field(type(apdu), "key_info", apdu.key_info))
    service = Element("ciphered-service", _protected(apdu))
    return (*_fields(apdu.header, {}), *info, service)


def _get_response_block(apdu: GetResponseBlock) -> tuple[Element, ...]:
    result = apdu.result
    held = Element("raw-data", result) if isinstance(result, bytes) else _get_data_result(result)
    block = (
        Element("last-block", apdu.last_block),
        Element("block-number", apdu.block_number),
        Element("result", (held,)),
    )
    invoke = apdu.invoke_id_and_priority
    return _leaf("invoke_id_and_priority", "invoke-id-and-priority", invoke), Element(
        "result", block
    )


def _data_notification(apdu: DataNotification) -> tuple[Element, ...]:
    tagged = (Element("date-time-tagged", True),) if apdu.date_time_tagged else ()
    return (
        Element("long-invoke-id-and-priority", apdu.long_invoke_id_and_priority),
        *tagged,  # a meter's habit, no part of the standard
        Element("date-time", apdu.date_time),
        Element("notification-body", (Element("data-value", apdu.body),)),
    )


def _exception(apdu: ExceptionResponse) -> tuple[Element, ...]:
    error: Leaf | tuple[Element, ...] = _named(apdu.service_error)
    if apdu.invocation_counter is not None:
        error = (Element(names.code(apdu.service_error), apdu.invocation_counter),)
    return Element("state-error", _named(apdu.state_error)), Element("service-error", error)


def _service_error(apdu: ConfirmedServiceError) -> tuple[Element, ...]:
    known = apdu.initiate_error
    value: Leaf = apdu.value if known is None else _named(known)
    kind = Element(names.code(apdu.kind), value)
    return (Element(names.camel_case(names.code(apdu.service)), (kind,)),)


_SPECIAL: dict[type[object], Callable[[Any], tuple[Element, ...]]] = {
    GeneralCiphering: _general_ciphering,
    GetResponseBlock: _get_response_block,
    DataNotification: _data_notification,
    ExceptionResponse: _exception,
    ConfirmedServiceError: _service_error,
}
