"""Profiles of meters that count fewer rows than they send: all are read, and the octets kept.

Bytes written here after what servers of C++, Java and C were seen to send: an array of 0 or 1 with
all of its rows behind it, and an empty array twice.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from devices.concentrator.rows_read import Rows
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import Conformance, DataAccessResult
from protocols.dlms.date_time import DateTime
from protocols.dlms.events import Associated, ProtocolViolation, Violation
from protocols.dlms.flaws import Flaw
from protocols.dlms.gurux import GuruxConnection
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.capture import CaptureObject
from protocols.dlms.objects.clock import read_time
from protocols.dlms.objects.profile import Column
from protocols.dlms.procedures import Captured, RawBuffer, read_attributes
from protocols.dlms.script import Objects, carry_out
from protocols.dlms.services import AttributeDescriptor, GetRequest, GetResponse, Negotiated
from protocols.dlms.settings import ClientSettings, ServerSettings
from protocols.dlms.values import (
    Array,
    DoubleLong,
    EncodedValue,
    Integer,
    OctetString,
    Structure,
)
from tests.dlms.pair import ENERGY, Pair

ROW = "0202090C07EA0B1507140000FF80000005000026F9"
OTHER = "0202090C07EA0B1507150000FF80000005000026FA"
ROWS = [
    Structure((OctetString(bytes.fromhex(row[8:32])), DoubleLong(int(row[-8:], 16))))
    for row in (ROW, OTHER)
]
TOLD: dict[str, tuple[str, Array]] = {
    "none is counted": ("0100" + ROW + OTHER, Array(ROWS)),
    "one is counted": ("0101" + ROW + OTHER, Array(ROWS)),
    "no rows, twice": ("01000100", Array()),
}
NOT_ROWS: dict[str, str] = {
    "a row that is cut": "0101" + ROW + OTHER[:-2],
    "a row of another length": "0101" + ROW + "020109020102",
    "no row": "0101" + ROW + "1105",
    "octets behind no array": "1105" + ROW,
}


ENGINES = {"ours": ClientConnection, "gurux-dlms": GuruxConnection}


def asked(answer: bytes, engine: type = ClientConnection) -> list[object]:
    """What a client is told whose GET is answered so; XX of the answer is its invoke id."""
    pair = Pair(ClientSettings(), ServerSettings())
    pair.client = engine(ClientSettings())
    pair.associate()
    pair.up = lambda wire: [answer[:2] + wire[2:3] + answer[3:]]
    return pair.ask(GetRequest.of(ENERGY))


def normal(value: str) -> bytes:
    return bytes.fromhex("C4010000" + value)


def block(value: str) -> bytes:
    """The only one, flagged as the last."""
    octets = bytes.fromhex(value)
    return bytes.fromhex("C402000100000001") + bytes((0, len(octets))) + octets


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("said", [normal, block])
@pytest.mark.parametrize(("value", "rows"), TOLD.values(), ids=TOLD)
def test_all_rows_are_read(said, value, rows, engine):
    expected = GetResponse((rows,), Flaw.TRAILING_OCTETS, bytes.fromhex(value))
    assert asked(said(value), engine) == [expected]


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("said", [normal, block])
@pytest.mark.parametrize("value", NOT_ROWS.values(), ids=NOT_ROWS)
def test_what_is_no_row_is_refused(said, value, engine):
    (violation,) = asked(said(value), engine)
    assert isinstance(violation, ProtocolViolation)
    assert violation.violation is Violation.MALFORMED


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_a_refusal_in_a_block_that_begins_again_is_one(engine):
    """As a server in C answers for a log without rows, but for its invoke id."""
    head = "C402410000000001"
    answer = bytes.fromhex(head + "0102" + "000102" + head + "010200")
    assert asked(answer, engine) == [GetResponse.of(DataAccessResult.TEMPORARY_FAILURE)]
    (violation,) = asked(bytes.fromhex(head + "0102" + "000102"), engine)
    assert isinstance(violation, ProtocolViolation), "nothing shows what those octets are"


CLOCK_AND_ENERGY = (
    CaptureObject(8, LogicalName("0.0.1.0.0.255"), 2),
    CaptureObject(3, LogicalName("1.0.1.8.0.255"), 2),
)


@pytest.mark.parametrize("value", ["0100" + ROW + OTHER, "0101" + ROW + OTHER])
def test_a_concentrator_carries_all_rows_on(value):
    captured = Captured(tuple(map(Column, CLOCK_AND_ENERGY)), 900)
    raw = RawBuffer(captured, EncodedValue(bytes.fromhex(value)), whole=False)
    rows = Rows.of(raw)
    assert (rows.count, rows.octets) == (2, bytes.fromhex("0102" + ROW + OTHER))
    whole = replace(raw, value=EncodedValue(bytes.fromhex("0102" + ROW + OTHER)))
    assert rows.newest == Rows.of(whole).newest


def test_objects_that_nobody_met_are_asked_alone():
    """Meters are in use that break down at a list that names an object they have not."""
    clock = [AttributeDescriptor(8, LogicalName("0.0.1.0.0.255"), index) for index in (2, 3, 4)]
    limit = [AttributeDescriptor(71, LogicalName("0.0.17.0.0.255"), index) for index in (2, 3)]
    has = {attribute: Integer(attribute.attribute) for attribute in clock}
    there: Objects = set()
    agreed = Associated(Negotiated(Conformance.GET | Conformance.MULTIPLE_REFERENCES, 0, 0), b"")
    for expected in (
        [clock[:1], limit[:1], limit[1:], clock[1:]],
        [limit[:1], limit[1:], clock],
    ):
        script = carry_out(read_attributes([clock[0], *limit, *clock[1:]]), agreed,
                           lambda: False, there)  # fmt: skip
        sent, request = [], next(script)
        with pytest.raises(StopIteration) as end:
            while True:
                assert isinstance(request, GetRequest)
                sent.append(list(request.attributes))
                undefined = DataAccessResult.OBJECT_UNDEFINED
                told = (has.get(each, undefined) for each in request.attributes)
                request = script.send(GetResponse(tuple(told)))
        assert sent == expected
        values = (Integer(2), *(DataAccessResult.OBJECT_UNDEFINED,) * 2, Integer(3), Integer(4))
        assert end.value.value == values


def test_a_clock_within_a_clock_is_read():
    """As a server in C writes it in a list: 14 octets, the first two of them tag and length."""
    time = bytes.fromhex("07EA0B160714243600000000")
    assert read_time(OctetString(time)) == (DateTime.from_octets(time), False)
    assert read_time(OctetString(b"\x09\x0c" + time)) == (DateTime.from_octets(time), True)
    assert read_time(OctetString(time + b"\x00\x00")) == (DateTime.from_octets(time), True)
