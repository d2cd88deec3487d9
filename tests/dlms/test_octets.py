"""Values and APDUs to octets and back, for any of them, and for octets that are none."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.dlms import acse, apdu, axdr, values
from protocols.dlms.apdu import decode, encode
from protocols.dlms.codes import (
    AcseProviderDiagnostic,
    AcseUserDiagnostic,
    ActionResult,
    AssociationResult,
    Conformance,
    DataAccessResult,
    DataTag,
    ServiceError,
    StateError,
)
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import (
    AccessAction,
    AccessGet,
    AccessResult,
    AccessService,
    AccessSet,
    AttributeDescriptor,
    ExceptionResponse,
    MethodDescriptor,
    MethodReturn,
    SelectiveAccess,
)
from protocols.dlms.set import DataBlock
from protocols.dlms.values import (
    NULL,
    Array,
    BitString,
    Boolean,
    CompactArray,
    DoubleLongUnsigned,
    Enum,
    Float32,
    Float64,
    Integer,
    Long64,
    LongUnsigned,
    OctetString,
    Structure,
    TypeDescription,
    Unsigned,
    Utf8String,
    VisibleString,
)
from protocols.errors import ProtocolError
from tests.dlms import strategies

VALUES = {
    "null-data": ("00", NULL),
    "boolean true": ("03 01", Boolean(1)),
    "boolean true as FF": ("03 FF", Boolean(0xFF)),
    "bit-string": ("04 0A FF C0", BitString.of("1111111111")),
    "double-long-unsigned": ("06 00 00 05 ED", DoubleLongUnsigned(1517)),
    "octet-string": ("09 03 01 02 03", OctetString(b"\x01\x02\x03")),
    "octet-string of 128": ("09 81 80" + "00" * 128, OctetString(bytes(128))),
    "octet-string of 256": ("09 82 01 00" + "00" * 256, OctetString(bytes(256))),
    "visible-string beyond ASCII": ("0A 02 41 E9", VisibleString("Aé")),
    "utf8-string": ("0C 03 41 C3 A9", Utf8String("Aé")),
    "utf8-string that is none": ("0C 01 FF", Utf8String("\udcff")),
    "integer": ("0F FF", Integer(-1)),
    "long64": ("14 80 00 00 00 00 00 00 00", Long64(-(1 << 63))),
    "enum": ("16 1B", Enum(27)),
    "float32": ("17 3F 00 00 00", Float32(0.5)),
    "float64": ("18 BF E0 00 00 00 00 00 00", Float64(-0.5)),
    "array of structures": (
        "01 02 02 01 11 01 02 01 11 02",
        Array((Structure((Unsigned(1),)), Structure((Unsigned(2),)))),
    ),
    "compact-array": (
        "13 02 02 12 06 0C 0001 00000002 0003 00000004",
        CompactArray(
            TypeDescription(
                DataTag.STRUCTURE,
                members=(
                    TypeDescription(DataTag.LONG_UNSIGNED),
                    TypeDescription(DataTag.DOUBLE_LONG_UNSIGNED),
                ),
            ),
            bytes.fromhex("0001 00000002 0003 00000004"),
        ),
    ),
}

CLOCK = AttributeDescriptor(8, LogicalName("0.0.1.0.0.255"), 2)
PROFILE = AttributeDescriptor(
    7,
    LogicalName("1.0.99.1.0.255"),
    2,
    SelectiveAccess(2, Structure((DoubleLongUnsigned(1), DoubleLongUnsigned(96)))),
)
ENERGY = AttributeDescriptor(3, LogicalName("1.0.1.8.0.255"), 2)
DISCONNECT = MethodDescriptor(70, LogicalName("0.0.96.3.10.255"), 1)
BLOCK = DataBlock(True, 2, b"\x01\x02")
SUCCESS = DataAccessResult.SUCCESS

APDUS = {
    "get": ("C0 01 C1 0008 0000010000FF 02 00", apdu.GetRequestNormal(0xC1, CLOCK)),
    "get by entry": (
        "C0 01 C1 0007 0100630100FF 02 01 02 02 02 06 00000001 06 00000060",
        apdu.GetRequestNormal(0xC1, PROFILE),
    ),
    "get next": ("C0 02 C1 00000001", apdu.GetRequestNext(0xC1, 1)),
    "get with list": (
        "C0 03 C1 02 0008 0000010000FF 02 00 0008 0000010000FF 02 00",
        apdu.GetRequestWithList(0xC1, (CLOCK, CLOCK)),
    ),
    "got": (
        "C4 01 C1 00 06 00 00 05 ED",
        apdu.GetResponseNormal(0xC1, DoubleLongUnsigned(1517)),
    ),
    "not got": (
        "C4 01 C1 01 03",
        apdu.GetResponseNormal(0xC1, DataAccessResult.READ_WRITE_DENIED),
    ),
    "got a block": (
        "C4 02 C1 00 00000001 00 02 0102",
        apdu.GetResponseBlock(0xC1, False, 1, b"\x01\x02"),
    ),
    "got no block": (
        "C4 02 C1 01 00000001 01 13",
        apdu.GetResponseBlock(0xC1, True, 1, DataAccessResult.DATA_BLOCK_NUMBER_INVALID),
    ),
    "got a list": (
        "C4 03 C1 02 00 11 01 01 04",
        apdu.GetResponseWithList(0xC1, (Unsigned(1), DataAccessResult.OBJECT_UNDEFINED)),
    ),
    "set": (
        "C1 01 C1 0008 0000010000FF 02 00 12 0001",
        apdu.SetRequestNormal(0xC1, CLOCK, LongUnsigned(1)),
    ),
    "set first block": (
        "C1 02 C1 0008 0000010000FF 02 00 01 00000002 02 0102",
        apdu.SetRequestFirstBlock(0xC1, CLOCK, BLOCK),
    ),
    "set block": ("C1 03 C1 01 00000002 02 0102", apdu.SetRequestBlock(0xC1, BLOCK)),
    "set with list": (
        "C1 04 C1 01 0008 0000010000FF 02 00 01 12 0001",
        apdu.SetRequestWithList(0xC1, (CLOCK,), (LongUnsigned(1),)),
    ),
    "set with list first block": (
        "C1 05 C1 01 0008 0000010000FF 02 00 01 00000002 02 0102",
        apdu.SetRequestWithListFirstBlock(0xC1, (CLOCK,), BLOCK),
    ),
    "was set": ("C5 01 C1 00", apdu.SetResponseNormal(0xC1, SUCCESS)),
    "block was set": ("C5 02 C1 00000002", apdu.SetResponseBlock(0xC1, 2)),
    "last block was set": ("C5 03 C1 00 00000002", apdu.SetResponseLastBlock(0xC1, SUCCESS, 2)),
    "last block of list was set": (
        "C5 04 C1 02 00 03 00000002",
        apdu.SetResponseLastBlockWithList(0xC1, (SUCCESS, DataAccessResult.READ_WRITE_DENIED), 2),
    ),
    "list was set": ("C5 05 C1 01 00", apdu.SetResponseWithList(0xC1, (SUCCESS,))),
    "action": (
        "C3 01 C1 0046 000060030AFF 01 00",
        apdu.ActionRequestNormal(0xC1, DISCONNECT, None),
    ),
    "action with parameters": (
        "C3 01 C1 0046 000060030AFF 01 01 0F 00",
        apdu.ActionRequestNormal(0xC1, DISCONNECT, Integer(0)),
    ),
    "action next": ("C3 02 C1 00000001", apdu.ActionRequestNext(0xC1, 1)),
    "action with list": (
        "C3 03 C1 01 0046 000060030AFF 01 01 0F 00",
        apdu.ActionRequestWithList(0xC1, (DISCONNECT,), (Integer(0),)),
    ),
    "action first block": (
        "C3 04 C1 0046 000060030AFF 01 01 00000002 02 0102",
        apdu.ActionRequestFirstBlock(0xC1, DISCONNECT, BLOCK),
    ),
    "action with list first block": (
        "C3 05 C1 01 0046 000060030AFF 01 01 00000002 02 0102",
        apdu.ActionRequestWithListFirstBlock(0xC1, (DISCONNECT,), BLOCK),
    ),
    "action block": ("C3 06 C1 01 00000002 02 0102", apdu.ActionRequestBlock(0xC1, BLOCK)),
    "acted": (
        "C7 01 C1 00 00",
        apdu.ActionResponseNormal(0xC1, MethodReturn(ActionResult.SUCCESS)),
    ),
    "acted and returned": (
        "C7 01 C1 00 01 00 0F 00",
        apdu.ActionResponseNormal(0xC1, MethodReturn(ActionResult.SUCCESS, Integer(0))),
    ),
    "returned a block": ("C7 02 C1 01 00000002 02 0102", apdu.ActionResponseBlock(0xC1, BLOCK)),
    "acted on a list": (
        "C7 03 C1 01 03 01 01 FA",
        apdu.ActionResponseWithList(
            0xC1,
            (MethodReturn(ActionResult.READ_WRITE_DENIED, DataAccessResult.OTHER_REASON),),
        ),
    ),
    "action block taken": ("C7 04 C1 00000002", apdu.ActionResponseNext(0xC1, 2)),
    "exception": (
        "D8 01 02",
        ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.SERVICE_NOT_SUPPORTED),
    ),
    "exception with counter": (
        "D8 01 06 00000100",
        ExceptionResponse(
            StateError.SERVICE_NOT_ALLOWED, ServiceError.INVOCATION_COUNTER_ERROR, 256
        ),
    ),
    "access": (
        (
            "D9 40000001 00 03 01 0003 0100010800FF 02"
            "02 0008 0000010000FF 02 03 0046 000060030AFF 01"
            "03 00 12 0001 0F 00"
        ),
        apdu.AccessRequestApdu(
            0x40000001,
            b"",
            (
                AccessGet(ENERGY),
                AccessSet(CLOCK, LongUnsigned(1)),
                AccessAction(DISCONNECT, Integer(0)),
            ),
        ),
    ),
    "access with selections, a time, and to be repeated": (
        (
            "D9 50000002 0C 07EA0706010A000000FFF000 03"
            "04 0007 0100630100FF 02 02 02 02 06 00000001 06 00000060"
            "05 0007 0100630100FF 02 02 02 02 06 00000001 06 00000060"
            "03 0046 000060030AFF 01 03 00 11 07 00"
        ),
        apdu.AccessRequestApdu(
            0x50000002,
            bytes.fromhex("07EA0706010A000000FFF000"),
            (AccessGet(PROFILE), AccessSet(PROFILE, Unsigned(7)), AccessAction(DISCONNECT)),
        ),
    ),
    "accessed": (
        "DA 40000001 00 00 03 06 000005ED 00 00 03 01 00 02 03 03 FA",
        apdu.AccessResponseApdu(
            0x40000001,
            b"",
            (
                AccessResult(AccessService.GET, SUCCESS, DoubleLongUnsigned(1517)),
                AccessResult(AccessService.SET, DataAccessResult.READ_WRITE_DENIED),
                AccessResult(AccessService.ACTION, ActionResult.OTHER_REASON),
            ),
        ),
    ),
    "accessed, the request repeated": (
        "DA 50000002 00 01 01 01 0003 0100010800FF 02 01 00 01 01 04",
        apdu.AccessResponseApdu(
            0x50000002,
            b"",
            (AccessResult(AccessService.GET, DataAccessResult.OBJECT_UNDEFINED),),
            (AccessGet(ENERGY),),
        ),
    ),
    "push": ("0F 00000007 00 12 0001", apdu.DataNotification(7, b"", LongUnsigned(1))),
    "push received": ("10 40000007 00", apdu.DataNotificationConfirm(0x40000007)),
    "initiate": (
        "01 00 00 00 06 5F1F04 00 007E1F 04B0",
        apdu.InitiateRequest(Conformance(0x7E1F), 1200),
    ),
    "initiate unanswered": (
        "01 00 01 00 00 06 5F1F04 00 007E1F 04B0",
        apdu.InitiateRequest(Conformance(0x7E1F), 1200, response_allowed=False),
    ),
    "release": ("62 00", acse.RLRQ(None)),
    "aare of the provider": (
        "61 17 A109060760857405080101 A203020102 A305A203020102",
        acse.AARE(
            1,
            AssociationResult.REJECTED_TRANSIENT,
            AcseProviderDiagnostic.NO_COMMON_ACSE_VERSION,
        ),
    ),
}


@pytest.mark.parametrize(("octets", "value"), VALUES.values(), ids=VALUES)
def test_value(octets: str, value: values.Value) -> None:
    wire = bytes.fromhex(octets)
    assert axdr.decode(wire) == value
    assert type(axdr.decode(wire)) is type(value)
    assert axdr.encode(value) == wire
    assert_cut_off_and_trailing(wire, axdr.decode)


@pytest.mark.parametrize("first", ["01 00 00 00", "08 00"])
def test_conformance_under_its_old_tag(first: str) -> None:
    """Meters older than the edition that gives the tag two octets are still read, both ways."""
    now, old = (bytes.fromhex(f"{first} 06 {tag} 00 007E1F 04B0") for tag in ("5F1F04", "5F04"))
    tail = b"\0\7" if first.startswith("08") else b""
    assert decode(old + tail) == decode(now + tail)
    with pytest.raises(ProtocolError, match="no conformance block"):
        decode(bytes.fromhex(f"{first} 06 5F1F 00 007E1F 04B0") + tail)


@pytest.mark.parametrize(("octets", "expected"), APDUS.values(), ids=APDUS)
def test_apdu(octets: str, expected: apdu.Apdu) -> None:
    wire = bytes.fromhex(octets)
    assert decode(wire) == expected
    assert encode(expected) == wire
    assert_cut_off_and_trailing(wire, decode)


def assert_cut_off_and_trailing(wire: bytes, read: Callable[[bytes], object]) -> None:
    """Each octet is needed, and none more is taken."""
    for end in range(len(wire)):
        with pytest.raises(ProtocolError):
            read(wire[:end])
    with pytest.raises(ProtocolError) as trailing:
        read(wire + b"\x00")
    if wire[0] not in range(0x60, 0x64):  # BER sees it at the length
        assert trailing.value.offset == len(wire)


WRONG = {
    # name: (octets of a value, offset, part of the cause)
    "no octets": ("", 0, "missing"),
    "unknown tag": ("08", 0, "no data type"),
    "short integer": ("06 00 00 05", 1, "missing"),
    "length of no octets": ("09 80", 1, "starts no length"),
    "length of five octets": ("09 85 00 00 00 00 01", 1, "starts no length"),
    "endless octet-string": ("09 84 FF FF FF FF", 1, "4294967295 octets announced"),
    "endless array": ("01 84 FF FF FF FF", 1, "4294967295 elements announced"),
    "array longer than its octets": ("01 03 00 00", 1, "3 elements announced"),
    "compact array of compact arrays": ("13 13 00", 1, "cannot hold"),
    "compact array of nothing known": ("13 07 00", 1, "no data type"),
    "nested too deep": ("01 01" * 17 + "00", 33, "deeper than 16"),
    "type nested too deep": ("13" + "02 01" * 17 + "11 00", 33, "deeper than 16"),
}


@pytest.mark.parametrize(("octets", "offset", "cause"), WRONG.values(), ids=WRONG)
def test_octets_that_are_no_value(octets: str, offset: int, cause: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        axdr.decode(bytes.fromhex(octets))
    assert (refused.value.offset, cause in refused.value.cause) == (offset, True), refused.value


WRONG_APDUS = {
    "nothing": ("", 0, "missing"),
    "unknown service": ("E5 00", 0, "no APDU known"),
    "unknown kind of GET": ("C0 04 C1", 1, "no GET request"),
    "unknown result": ("C4 01 C1 01 07", 4, "7 is no data access result"),
    "neither data nor result": ("C4 01 C1 02 00", 3, "neither data"),
    "clock encoded twice": (
        "C4 01 C1 00 09 0C 07EA0706010A000000FFF000 09 0C 07EA0706010A000000FFF000",
        18,
        "14 trailing octets",
    ),
    "an access specification of no kind": ("D9 40000001 00 01 06", 7, "6 is no access request"),
    "an access result of no kind": ("DA 40000001 00 00 01 00 01 04 00", 10, "4 is no access resp"),
    "access data for nothing": ("D9 40000001 00 00 01 00", 6, "1 data for 0 specifications"),
    "accessed data for nothing": ("DA 40000001 00 00 01 00 00", 7, "1 data for 0 results"),
    "endless access": ("D9 40000001 00 84 FFFFFFFF", 6, "4294967295 elements announced"),
    "endless block": ("E0 80 0001 0000 84 FFFFFFFF 00", 11, "4294967295 octets announced"),
    "no security header": ("C8 04 30 00 00 00", 1, "security header"),
    "a date-time of three octets": ("0F 00000000 03 010203 00", 5, "12 octets"),
    "AARQ without context": ("60 00", 2, "A1 is missing"),
    "AARQ with another context": ("60 0B A1 09 06 07 60857405080201", 6, "object identifier"),
    "field twice": ("62 06 80 01 00 80 01 00", 5, "twice"),
    "field unknown": ("62 03 81 01 00", 4, "81 is unknown"),
    "BER length of no end": ("62 80 00 00", 1, "starts no length"),
    "conformance of another size": ("01 00 00 00 06 5F1F03 00 007E1F 04B0", 5, "conformance"),
}


@pytest.mark.parametrize(("octets", "offset", "cause"), WRONG_APDUS.values(), ids=WRONG_APDUS)
def test_octets_that_are_no_apdu(octets: str, offset: int, cause: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode(bytes.fromhex(octets))
    assert (refused.value.offset, cause in refused.value.cause) == (offset, True), refused.value


def test_what_has_no_encoding() -> None:
    for plain in (1, b"", "", (), None, True):
        with pytest.raises(TypeError, match="no DLMS value"):
            axdr.encode(plain)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="32 bits"):
        axdr.encode(Float32(1e39))
    nested: values.Value = NULL
    for _ in range(17):
        nested = Array((nested,))
    with pytest.raises(ValueError, match="deeper"):
        axdr.encode(nested)


@given(strategies.value)
def test_any_value_comes_back(value: values.Value) -> None:
    wire = axdr.encode(value)
    assert axdr.decode(wire) == value
    assert axdr.encode(axdr.decode(wire)) == wire


@given(strategies.any_apdu)
def test_any_apdu_comes_back(apdu: apdu.Apdu) -> None:
    wire = encode(apdu)
    assert decode(wire) == apdu
    assert encode(decode(wire)) == wire


TAGS = st.sampled_from([bytes((tag,)) for tag in (*range(0x40), *range(0x60, 0x64))])
SERVICES = st.sampled_from([bytes((tag, kind)) for tag in range(0xC0, 0xE1) for kind in range(8)])


@given(
    st.binary(max_size=300)
    | st.builds(lambda head, rest: head + rest, TAGS | SERVICES, st.binary(max_size=80))
)
@example(b"\x01\x84\xff\xff\xff\xff")
@example(b"\x17\x7f\x80\x00\x01")
def test_random_octets_raise_protocol_errors_alone(octets: bytes) -> None:
    for read, write in ((axdr.decode, axdr.encode), (decode, encode)):
        try:
            found = read(octets)
        except ProtocolError as error:
            assert 0 <= error.offset <= len(octets)
        else:
            # What could be read can be written, and reads back as the same.
            again = write(found)  # type: ignore[operator]
            assert write(read(again)) == again  # type: ignore[operator]


@given(strategies.any_apdu, st.data())
def test_changed_octets_raise_protocol_errors_alone(apdu: apdu.Apdu, data: st.DataObject) -> None:
    wire = bytearray(encode(apdu))
    at = data.draw(st.integers(0, len(wire) - 1))
    wire[at] = data.draw(strategies.octet)
    try:
        decode(bytes(wire))
    except ProtocolError as error:
        assert 0 <= error.offset <= len(wire)


# --- compact arrays ------------------------------------------------------------------------------


def test_compact_array_expands() -> None:
    value = VALUES["compact-array"][1]
    assert isinstance(value, CompactArray)
    assert axdr.elements(value) == Array(
        (
            Structure((LongUnsigned(1), DoubleLongUnsigned(2))),
            Structure((LongUnsigned(3), DoubleLongUnsigned(4))),
        )
    )


def test_compact_array_of_arrays_and_strings() -> None:
    described = TypeDescription(
        DataTag.STRUCTURE,
        members=(
            TypeDescription(DataTag.OCTET_STRING),
            TypeDescription(DataTag.ARRAY, 2, (TypeDescription(DataTag.UNSIGNED),)),
        ),
    )
    value = CompactArray(described, bytes.fromhex("02 4142 01 02 00 03 04"))
    assert axdr.elements(value) == (
        Structure((OctetString(b"AB"), Array((Unsigned(1), Unsigned(2))))),
        Structure((OctetString(b""), Array((Unsigned(3), Unsigned(4))))),
    )


def test_compact_array_that_would_grow_without_end_is_refused() -> None:
    bomb = TypeDescription(DataTag.NULL_DATA)
    for _ in range(4):
        bomb = TypeDescription(DataTag.ARRAY, 0xFFFF, (bomb,))
    with pytest.raises(ProtocolError, match="more elements than"):
        axdr.elements(CompactArray(bomb, b"\x00"))
    with pytest.raises(ProtocolError, match="need none"):
        axdr.elements(CompactArray(TypeDescription(DataTag.NULL_DATA), b"\x00"))


@given(strategies.descriptions, st.binary(max_size=60))
def test_any_compact_array_expands_or_is_refused(described: TypeDescription, raw: bytes) -> None:
    try:
        axdr.elements(CompactArray(described, raw))
    except ProtocolError as error:
        assert error.offset <= len(raw)


def test_signalling_nan_becomes_quiet() -> None:
    """The one value that does not come back octet for octet: the processor quiets it."""
    value = axdr.decode(b"\x17" + struct.pack(">I", 0x7F800001))
    assert value != value
    assert axdr.encode(value)[0] == 0x17


def test_diagnostic_sources() -> None:
    accepted = acse.AARE(1, AssociationResult.ACCEPTED, AcseUserDiagnostic.NULL)
    assert isinstance(decode(encode(accepted)).diagnostic, AcseUserDiagnostic)


def test_compact_array_is_made() -> None:
    octets, value = VALUES["compact-array"]
    assert isinstance(value, CompactArray)
    assert axdr.compact(axdr.elements(value)) == value
    assert axdr.encode(axdr.compact(axdr.elements(value))) == bytes.fromhex(octets)


NOT_COMPACT = {
    "no elements": (Array(()), "no element"),
    "two types": (Array((Unsigned(1), LongUnsigned(1))), "have one type"),
    "arrays of two lengths": (
        Array((Array((Unsigned(1),)), Array((Unsigned(1), Unsigned(2))))),
        "have one type",
    ),
    "an empty array within": (Array((Array(()),)), "elements of one type"),
    "compact arrays": (
        Array((CompactArray(TypeDescription(DataTag.UNSIGNED), b"\x01"),)),
        "cannot hold",
    ),
}


@pytest.mark.parametrize(("array", "cause"), NOT_COMPACT.values(), ids=NOT_COMPACT)
def test_what_no_compact_array_holds(array: Array, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        axdr.compact(array)


@given(strategies.value.filter(lambda found: found != NULL), st.integers(1, 4))
def test_any_array_of_one_type_comes_back_from_its_compact_form(value, count: int) -> None:
    array = Array((value,) * count)
    try:
        found = axdr.compact(array)
    except ValueError:
        return
    if len(found.contents) >= count:  # elements without octets cannot be counted
        assert axdr.elements(axdr.decode(axdr.encode(found))) == array
