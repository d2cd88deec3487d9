"""APDUs in words.  Each kind has words of its own; none falls through to the name of its class."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms import apdu as apdus
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
    DataBlock,
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
)
from protocols.dlms.codes import (
    AcseUserDiagnostic,
    ActionResult,
    ApduTag,
    AssociationResult,
    ConfirmedService,
    Conformance,
    DataAccessResult,
    ServiceError,
    ServiceErrorKind,
    StateError,
)
from protocols.dlms.general import GeneralHeader
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import DISCONNECT_CONTROL, LIMITER
from protocols.dlms.services import (
    AccessAction,
    AccessGet,
    AccessResult,
    AccessService,
    AccessSet,
    AttributeDescriptor,
    MethodDescriptor,
    MethodReturn,
)
from protocols.dlms.short_names import ShortNameApdu
from protocols.dlms.values import (
    NULL,
    Array,
    Boolean,
    DoubleLongUnsigned,
    Enum,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
    VisibleString,
)
from tools.dlms.apdu_text import Telling, value_text

NORMAL = AttributeDescriptor(71, LIMITER, 4)
ACTIVE = AttributeDescriptor(71, LIMITER, 3)
SCALER = AttributeDescriptor(3, LogicalName("1.0.1.7.0.255"), 3)
STATE = AttributeDescriptor(70, DISCONNECT_CONTROL, 3)
OPEN = MethodDescriptor(70, DISCONNECT_CONTROL, 1)
NO_LIMIT = DoubleLongUnsigned(DoubleLongUnsigned.MAX)
WATTS = DoubleLongUnsigned(3300)
DENIED = DataAccessResult.READ_WRITE_DENIED
PART = DataBlock(True, 2, bytes(9))
PART_TEXT = "block 2 of 9 octets, the last one"
LIMITER_TEXT = "limiter 0.0.17.0.0.255"
OPEN_TEXT = "disconnect control 0.0.96.3.10.255: remote_disconnect"
ACCESS_TEXT = f"GET {LIMITER_TEXT}: threshold_normal; SET {LIMITER_TEXT}: threshold_normal = 3300"

# name: (APDU, its words)
WORDS: dict[str, tuple[Apdu, str]] = {
    "associate, lowest": (AARQ(1), "asks for an association with no security"),
    "associate, password": (AARQ(1, mechanism=1), "asks for an association with a password"),
    "associate, GMAC": (AARQ(3, mechanism=5), "asks for an association with HLS-5 GMAC"),
    "associate, other": (AARQ(3, mechanism=6), "asks for an association with mechanism 6"),
    "associated": (
        AARE(1, AssociationResult.ACCEPTED, AcseUserDiagnostic.NULL),
        "association accepted",
    ),
    "associated, proof to come": (
        AARE(3, AssociationResult.ACCEPTED, AcseUserDiagnostic.AUTHENTICATION_REQUIRED),
        "association accepted, once each side has proved itself",
    ),
    "not associated": (
        AARE(3, AssociationResult.REJECTED_PERMANENT, AcseUserDiagnostic.NO_REASON_GIVEN),
        "association rejected-permanent (no-reason-given)",
    ),
    "release": (RLRQ(), "asks to release the association"),
    "released": (RLRE(), "association released"),
    "initiate": (InitiateRequest(Conformance(0), 1024), "initiate, takes APDUs of 1024 octets"),
    "initiated": (InitiateResponse(Conformance(0), 512), "initiated, takes APDUs of 512 octets"),
    "get": (GetRequestNormal(1, NORMAL), f"GET {LIMITER_TEXT}: threshold_normal"),
    "get of a counter": (
        GetRequestNormal(1, AttributeDescriptor(1, LogicalName("0.0.43.1.5.255"), 2)),
        "GET invocation counter 0.0.43.1.5.255: value",
    ),
    "get of what nobody knows": (
        GetRequestNormal(1, AttributeDescriptor(199, LogicalName("1.2.3.4.5.6"), 7)),
        "GET class 199 1.2.3.4.5.6: attribute 7",
    ),
    "get with list": (
        GetRequestWithList(1, (ACTIVE, NORMAL)),
        f"GET {LIMITER_TEXT}: threshold_active, threshold_normal",
    ),
    "get from two objects": (
        GetRequestWithList(1, (NORMAL, STATE)),
        f"GET {LIMITER_TEXT}: threshold_normal, disconnect control 0.0.96.3.10.255: control_state",
    ),
    "get next": (GetRequestNext(1, 3), "the block after 3, please"),
    "got, unasked": (GetResponseNormal(1, WATTS), "3300"),
    "got nothing": (GetResponseNormal(1, DENIED), "refused: read-write-denied"),
    "got a list": (GetResponseWithList(1, (WATTS, DENIED)), "3300, refused: read-write-denied"),
    "got a block": (GetResponseBlock(1, False, 2, b"abc"), "block 2 of 3 octets"),
    "got no block": (GetResponseBlock(1, True, 2, DENIED), "block 2: read-write-denied"),
    "set": (SetRequestNormal(1, NORMAL, WATTS), f"SET {LIMITER_TEXT}: threshold_normal = 3300"),
    "set no limit": (
        SetRequestNormal(1, NORMAL, NO_LIMIT),
        f"SET {LIMITER_TEXT}: threshold_normal = none",
    ),
    "set with list": (
        SetRequestWithList(1, (ACTIVE, NORMAL), (WATTS, NO_LIMIT)),
        f"SET {LIMITER_TEXT}: threshold_active, threshold_normal = 3300, none",
    ),
    "set in blocks": (
        SetRequestFirstBlock(1, NORMAL, PART),
        f"SET {LIMITER_TEXT}: threshold_normal, {PART_TEXT}",
    ),
    "set a list in blocks": (
        SetRequestWithListFirstBlock(1, (ACTIVE, NORMAL), PART),
        f"SET {LIMITER_TEXT}: threshold_active, threshold_normal, {PART_TEXT}",
    ),
    "set a block": (SetRequestBlock(1, PART), PART_TEXT),
    "was set": (SetResponseNormal(1, DataAccessResult.SUCCESS), "success"),
    "was not set": (SetResponseNormal(1, DENIED), "refused: read-write-denied"),
    "were set": (
        SetResponseWithList(1, (DataAccessResult.SUCCESS, DENIED)),
        "success, refused: read-write-denied",
    ),
    "block was taken": (SetResponseBlock(1, 2), "block 2 received"),
    "last block was taken": (SetResponseLastBlock(1, DataAccessResult.SUCCESS, 2), "success"),
    "last blocks were taken": (
        SetResponseLastBlockWithList(1, (DENIED,), 2),
        "refused: read-write-denied",
    ),
    "action": (ActionRequestNormal(1, OPEN, Integer(0)), f"ACTION {OPEN_TEXT}(0)"),
    "action without parameter": (ActionRequestNormal(1, OPEN, None), f"ACTION {OPEN_TEXT}()"),
    "actions": (ActionRequestWithList(1, (OPEN,), (Integer(0),)), f"ACTION {OPEN_TEXT}(0)"),
    "action in blocks": (
        ActionRequestFirstBlock(1, OPEN, PART),
        f"ACTION {OPEN_TEXT}, {PART_TEXT}",
    ),
    "actions in blocks": (
        ActionRequestWithListFirstBlock(1, (OPEN,), PART),
        f"ACTION {OPEN_TEXT}, {PART_TEXT}",
    ),
    "action block": (ActionRequestBlock(1, PART), PART_TEXT),
    "action next": (ActionRequestNext(1, 4), "the block after 4, please"),
    "acted": (ActionResponseNormal(1, MethodReturn(ActionResult.SUCCESS)), "success"),
    "acted and returned": (
        ActionResponseNormal(1, MethodReturn(ActionResult.SUCCESS, OctetString(b"\x01\xab"))),
        "success, returned 01AB",
    ),
    "did not act": (
        ActionResponseWithList(1, (MethodReturn(ActionResult.HARDWARE_FAULT),)),
        "refused: hardware-fault",
    ),
    "action answer block": (ActionResponseBlock(1, PART), PART_TEXT),
    "action answer next": (ActionResponseNext(1, 2), "the block after 2, please"),
    "ciphered": (
        Ciphered(ApduTag.GLO_GET_REQUEST, 0x30, 17, bytes(20)),
        "glo-get-request, 20 octets under counter 17, not opened",
    ),
    "ciphered for all": (
        GeneralCiphered(ApduTag.GENERAL_GLO_CIPHERING, bytes(8), 0x30, 17, bytes(20)),
        "general-glo-ciphering, 20 octets under counter 17, not opened",
    ),
    "exception": (
        ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.INVOCATION_COUNTER_ERROR, 9),
        "exception: service-not-allowed, invocation-counter-error, counter 9 is due",
    ),
    "event": (EventNotification(None, STATE, Enum(1)), "event: disconnect control"),
    "data": (DataNotification(1, b"", WATTS), "data notification: 3300"),
    "data received": (DataNotificationConfirm(1), "data notification received"),
    "ciphered for one message": (
        GeneralCiphering(GeneralHeader(), None, 0x30, 17, bytes(20)),
        "general-ciphering, 20 octets under counter 17, not opened",
    ),
    "signed": (
        GeneralSigning(GeneralHeader(), bytes(20), bytes(64)),
        "general-signing, not opened",
    ),
    "access": (
        AccessRequestApdu(
            1, b"", (AccessGet(NORMAL), AccessSet(NORMAL, WATTS), AccessAction(OPEN, Integer(0)))
        ),
        f"ACCESS: {ACCESS_TEXT}; ACTION {OPEN_TEXT}(0)",
    ),
    "accessed": (
        AccessResponseApdu(
            1,
            b"",
            (
                AccessResult(AccessService.GET, DataAccessResult.SUCCESS, WATTS),
                AccessResult(AccessService.GET, DENIED),
                AccessResult(AccessService.ACTION, ActionResult.SUCCESS),
            ),
        ),
        "3300; refused: read-write-denied; success",
    ),
    "general block": (
        GeneralBlock(True, False, 1, 2, 0, bytes(9)),
        f"general {PART_TEXT}",
    ),
    "general block acknowledged": (
        GeneralBlock(True, False, 1, 2, 7, b""),
        "general blocks up to 7 received",
    ),
    "error": (
        ConfirmedServiceError(next(iter(ConfirmedService)), next(iter(ServiceErrorKind)), 1),
        "error of ",
    ),
}


@pytest.mark.parametrize(("apdu", "words"), WORDS.values(), ids=WORDS)
def test_words(apdu: Apdu, words: str) -> None:
    assert Telling().apdu(apdu).startswith(words)
    if not words.endswith((" ", "control")):
        assert Telling().apdu(apdu) == words


def test_every_kind_has_words() -> None:
    kinds = {type(apdu) for apdu, _ in WORDS.values()}
    known = {each for each in map(vars(apdus).get, apdus.__all__) if isinstance(each, type)}
    elsewhere = {DataBlock, *get_args(ShortNameApdu)}  # the latter: tests/dlms/test_short_names.py
    assert kinds == (set(get_args(Apdu)) | known) - elsewhere


ANSWERS = {
    "limits": ((ACTIVE, NORMAL), (WATTS, NO_LIMIT), "threshold_active 3300, threshold_normal none"),
    "state": ((STATE,), (Enum(2),), "control_state ready for reconnection"),
    "state that is none": ((STATE,), (Enum(7),), "control_state 7"),
    "scaler and unit": ((SCALER,), (Structure((Integer(-1), Enum(27))),), "scaler_unit 10^-1 W"),
    "object": (
        (AttributeDescriptor(71, LIMITER, 2),),
        (Structure((LongUnsigned(3), OctetString(bytes((1, 0, 1, 7, 0, 255))), Integer(2))),),
        "monitored_value 1.0.1.7.0.255",
    ),
    "refusal": ((NORMAL,), (DENIED,), "threshold_normal refused: read-write-denied"),
}


@pytest.mark.parametrize(("asked", "results", "words"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_stands_behind_its_question(
    asked: tuple[AttributeDescriptor, ...], results: tuple[object, ...], words: str
) -> None:
    telling = Telling()
    telling.apdu(GetRequestWithList(1, asked))
    assert telling.apdu(GetResponseWithList(1, results)) == words  # type: ignore[arg-type]


VALUES = {
    "null": (NULL, "null"),
    "yes": (Boolean(1), "yes"),
    "no": (Boolean(0), "no"),
    "array": (Array((Integer(1), Array(()))), "[1, []]"),
    "text": (VisibleString("ab"), "'ab'"),
    "octets": (OctetString(b"\x01\x02"), "0102"),
    "no octets": (OctetString(b""), "no octets"),
}


@pytest.mark.parametrize(("value", "words"), VALUES.values(), ids=VALUES)
def test_value(value: object, words: str) -> None:
    assert value_text(value) == words  # type: ignore[arg-type]


@given(st.binary(max_size=60))
def test_random_octets_have_words_too(octets: bytes) -> None:
    assert Telling().octets(octets)
