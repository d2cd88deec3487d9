"""APDUs to octets and back: `encode(apdu)`, `decode(octets)`.

`decode` takes exactly one APDU: trailing octets are an error with their offset.  The classes
stand in get, set, action, initiate, notification, short_names, ciphered and acse; nearly all can be
imported from here.
"""

from __future__ import annotations

from collections.abc import Callable

from protocols.dlms import (
    access,
    acse,
    action,
    ciphered,
    general,
    general_block,
    get,
    initiate,
    notification,
    short_names,
)
from protocols.dlms import set as set_apdus
from protocols.dlms.access import AccessRequestApdu, AccessResponseApdu
from protocols.dlms.acse import AARE, AARQ, RLRE, RLRQ
from protocols.dlms.action import (
    ActionRequestApdu,
    ActionRequestBlock,
    ActionRequestFirstBlock,
    ActionRequestNext,
    ActionRequestNormal,
    ActionRequestWithList,
    ActionRequestWithListFirstBlock,
    ActionResponseApdu,
    ActionResponseBlock,
    ActionResponseNext,
    ActionResponseNormal,
    ActionResponseWithList,
)
from protocols.dlms.axdr import Reader
from protocols.dlms.ciphered import Ciphered, GeneralCiphered
from protocols.dlms.codes import ApduTag, ServiceError, StateError
from protocols.dlms.general import GeneralCiphering, GeneralSigning
from protocols.dlms.general_block import GeneralBlock
from protocols.dlms.get import (
    GetRequestApdu,
    GetRequestNext,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseApdu,
    GetResponseBlock,
    GetResponseNormal,
    GetResponseWithList,
)
from protocols.dlms.initiate import ConfirmedServiceError, InitiateRequest, InitiateResponse
from protocols.dlms.notification import (
    DataNotification,
    DataNotificationConfirm,
    EventNotification,
)
from protocols.dlms.services import ExceptionResponse
from protocols.dlms.set import (
    DataBlock,
    SetRequestApdu,
    SetRequestBlock,
    SetRequestFirstBlock,
    SetRequestNormal,
    SetRequestWithList,
    SetRequestWithListFirstBlock,
    SetResponseApdu,
    SetResponseBlock,
    SetResponseLastBlock,
    SetResponseLastBlockWithList,
    SetResponseNormal,
    SetResponseWithList,
)
from protocols.dlms.short_names import ShortNameApdu
from protocols.errors import ProtocolError

__all__ = [
    "AARE", "AARQ", "RLRE", "RLRQ",
    "AccessRequestApdu", "AccessResponseApdu",
    "ActionRequestBlock", "ActionRequestFirstBlock", "ActionRequestNext", "ActionRequestNormal",
    "ActionRequestWithList", "ActionRequestWithListFirstBlock", "ActionResponseBlock",
    "ActionResponseNext", "ActionResponseNormal", "ActionResponseWithList",
    "Apdu", "Ciphered", "ConfirmedServiceError", "DataBlock", "DataNotification",
    "DataNotificationConfirm", "EventNotification", "ExceptionResponse",
    "GeneralBlock", "GeneralCiphered", "GeneralCiphering", "GeneralSigning",
    "GetRequestNext", "GetRequestNormal", "GetRequestWithList",
    "GetResponseBlock", "GetResponseNormal", "GetResponseWithList",
    "InitiateRequest", "InitiateResponse",
    "SetRequestBlock", "SetRequestFirstBlock", "SetRequestNormal", "SetRequestWithList",
    "SetRequestWithListFirstBlock", "SetResponseBlock", "SetResponseLastBlock",
    "SetResponseLastBlockWithList", "SetResponseNormal", "SetResponseWithList",
    "decode", "encode",
]  # fmt: skip

Apdu = (
    AARQ
    | AARE
    | RLRQ
    | RLRE
    | InitiateRequest
    | InitiateResponse
    | ConfirmedServiceError
    | GetRequestApdu
    | GetResponseApdu
    | SetRequestApdu
    | SetResponseApdu
    | ActionRequestApdu
    | ActionResponseApdu
    | AccessRequestApdu
    | AccessResponseApdu
    | GeneralBlock
    | ExceptionResponse
    | DataNotification
    | DataNotificationConfirm
    | EventNotification
    | Ciphered
    | GeneralCiphered
    | GeneralCiphering
    | GeneralSigning
    | ShortNameApdu
)


def _read_exception(reader: Reader) -> ExceptionResponse:
    state = reader.choice("state error", StateError)
    service = reader.choice("service error", ServiceError)
    counted = service is ServiceError.INVOCATION_COUNTER_ERROR
    return ExceptionResponse(state, service, reader.u32() if counted else None)


def _write_exception(apdu: ExceptionResponse) -> bytes:
    octets = bytes((ApduTag.EXCEPTION_RESPONSE, apdu.state_error, apdu.service_error))
    if apdu.invocation_counter is None:
        return octets
    return octets + apdu.invocation_counter.to_bytes(4, "big")


def _ciphered_reader(tag: ApduTag) -> Callable[[Reader], Apdu]:
    return lambda reader: ciphered.read(reader, tag)


_READERS: dict[int, Callable[[Reader], Apdu]] = {
    ApduTag.INITIATE_REQUEST: initiate.read_request,
    ApduTag.INITIATE_RESPONSE: initiate.read_response,
    ApduTag.CONFIRMED_SERVICE_ERROR: initiate.read_error,
    ApduTag.DATA_NOTIFICATION: notification.read_data,
    ApduTag.DATA_NOTIFICATION_CONFIRM: notification.read_confirm,
    ApduTag.AARQ: acse.read_aarq,
    ApduTag.AARE: acse.read_aare,
    ApduTag.RLRQ: acse.read_rlrq,
    ApduTag.RLRE: acse.read_rlre,
    ApduTag.GET_REQUEST: get.read_request,
    ApduTag.SET_REQUEST: set_apdus.read_request,
    ApduTag.EVENT_NOTIFICATION_REQUEST: notification.read_event,
    ApduTag.ACTION_REQUEST: action.read_request,
    ApduTag.GET_RESPONSE: get.read_response,
    ApduTag.SET_RESPONSE: set_apdus.read_response,
    ApduTag.ACTION_RESPONSE: action.read_response,
    ApduTag.EXCEPTION_RESPONSE: _read_exception,
    ApduTag.ACCESS_REQUEST: access.read_request,
    ApduTag.ACCESS_RESPONSE: access.read_response,
    ApduTag.GENERAL_BLOCK_TRANSFER: general_block.read,
    ApduTag.GENERAL_GLO_CIPHERING: lambda reader: ciphered.read_general(
        reader, ApduTag.GENERAL_GLO_CIPHERING
    ),
    ApduTag.GENERAL_DED_CIPHERING: lambda reader: ciphered.read_general(
        reader, ApduTag.GENERAL_DED_CIPHERING
    ),
    ApduTag.GENERAL_CIPHERING: general.read_ciphering,
    ApduTag.GENERAL_SIGNING: general.read_signing,
}
_READERS.update(short_names.READERS)
_READERS.update((tag, _ciphered_reader(ApduTag(tag))) for tag in ciphered.PLAIN_TAG)


def decode(octets: bytes) -> Apdu:
    """The one APDU in `octets`.  Raises `ProtocolError` and nothing else."""
    if not octets:
        raise ProtocolError(0, "octets are missing")
    read = _READERS.get(octets[0])
    if read is None:
        raise ProtocolError(0, f"{octets[0]:02X} is no APDU known here")
    reader = Reader(octets, 1)
    apdu = read(reader)
    if reader.offset != len(octets):
        reader.end()
    return apdu


def encode(apdu: Apdu) -> bytes:
    """The octets of one APDU.  Raises ValueError or TypeError for values without encoding."""
    if isinstance(apdu, ExceptionResponse):
        return _write_exception(apdu)
    return apdu.encode()
