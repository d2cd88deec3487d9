"""Profiles of meters that count fewer rows than they send: all are read, and the octets kept.

Bytes written here after what servers of C++, Java and C were seen to send: an array of 0 or 1 with
all of its rows behind it, and an empty array twice.
"""

from __future__ import annotations

import pytest

from protocols.dlms.events import ProtocolViolation, Violation
from protocols.dlms.flaws import Flaw
from protocols.dlms.services import GetRequest, GetResponse
from protocols.dlms.settings import ClientSettings, ServerSettings
from protocols.dlms.values import Array, DoubleLong, OctetString, Structure
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


def asked(answer: bytes) -> list[object]:
    """What a client is told whose GET is answered so; XX of the answer is its invoke id."""
    pair = Pair(ClientSettings(), ServerSettings())
    pair.associate()
    pair.up = lambda wire: [answer[:2] + wire[2:3] + answer[3:]]
    return pair.ask(GetRequest.of(ENERGY))


def normal(value: str) -> bytes:
    return bytes.fromhex("C4010000" + value)


def block(value: str) -> bytes:
    """The only one, flagged as the last."""
    octets = bytes.fromhex(value)
    return bytes.fromhex("C402000100000001") + bytes((0, len(octets))) + octets


@pytest.mark.parametrize("said", [normal, block])
@pytest.mark.parametrize(("value", "rows"), TOLD.values(), ids=TOLD)
def test_all_rows_are_read(said, value, rows):
    assert asked(said(value)) == [GetResponse((rows,), Flaw.TRAILING_OCTETS, bytes.fromhex(value))]


@pytest.mark.parametrize("said", [normal, block])
@pytest.mark.parametrize("value", NOT_ROWS.values(), ids=NOT_ROWS)
def test_what_is_no_row_is_refused(said, value):
    (violation,) = asked(said(value))
    assert isinstance(violation, ProtocolViolation)
    assert violation.violation is Violation.MALFORMED
