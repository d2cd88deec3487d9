"""Empty arrays and structures in the answer to a GET with list, over both engines.

gurux-dlms 1.0.203 by itself takes the octet behind an empty value for a part of it: at the end of
a list it raised, before that it misread the next one (`protocols/dlms/gurux/list_answers.py`).
"""

from __future__ import annotations

import pytest

from protocols.dlms import get
from protocols.dlms.axdr import Reader
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.events import NEED_DATA, ProtocolViolation
from protocols.dlms.gurux import library
from protocols.dlms.gurux.translation import to_xml
from protocols.dlms.services import GetRequest, GetResponse
from protocols.dlms.values import Array, LongUnsigned, NullData, OctetString, Structure, Unsigned
from tests.dlms_engines.field import GMAC, NONE, client_settings
from tests.dlms_engines.test_reading_procedures import meter
from tests.dlms_engines.test_services import ENERGY, VOLTS, engine, line

__all__ = ["engine"]
NO_ROWS, NO_FIELDS = Array(()), Structure(())
BEFORE, BEHIND = LongUnsigned(2304), OctetString(b"\x00\x01")
UNDEFINED = DataAccessResult.OBJECT_UNDEFINED

# what -> the results (IEC 62056-5-3, 7.3.4, get-response-with-list)
LISTS = {
    "an empty array alone": (NO_ROWS,),
    "an empty array first": (NO_ROWS, BEFORE, BEHIND),
    "an empty array in the middle": (BEFORE, NO_ROWS, BEHIND),
    "an empty array last": (BEFORE, BEHIND, NO_ROWS),
    "empty arrays side by side": (NO_ROWS, NO_ROWS, NO_ROWS),
    "an empty array in an array, last": (BEFORE, Array((NO_ROWS,))),
    "an empty array in a structure": (Structure((NO_ROWS, Unsigned(1))), BEFORE),
    "an empty structure first": (NO_FIELDS, BEFORE),
    "an empty structure last": (BEFORE, NO_FIELDS),
    "an empty structure in an array": (Array((NO_FIELDS, NO_FIELDS)), BEFORE),
    "null-data beside an empty array": (NullData(), NO_ROWS, NullData(), BEFORE),
    "null-data last": (NO_ROWS, NullData()),
    "a refusal behind an empty array": (NO_ROWS, UNDEFINED, BEFORE),
    "a refusal first, an empty array last": (UNDEFINED, NO_ROWS),
    "no octets beside an empty array": (OctetString(b""), NO_ROWS),
}
lists = pytest.mark.parametrize("results", LISTS.values(), ids=LISTS)


def asked_of(engine, results, kind, **options):
    """What the engine makes of a meter that answers a GET of so many attributes so."""
    device = meter()
    made = line(engine, device, kind, **options)
    device.answer = lambda request: GetResponse(results)
    return made.ask(GetRequest((ENERGY, VOLTS, ENERGY, VOLTS)[: len(results)]))


@lists
@pytest.mark.parametrize("kind", [NONE, GMAC], ids=lambda kind: kind.name)
def test_all_values_are_read(engine, kind, results):
    assert repr(asked_of(engine, results, kind)) == repr(GetResponse(results))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_all_values_are_read_from_blocks(engine, place):
    """A list that is longer than a PDU comes in blocks and is read once it is joined."""
    results = [Array(LongUnsigned(n) for n in range(40)), OctetString(bytes(60))]
    results.insert(place, NO_ROWS)
    small = {"max_pdu_size": 64}
    found = asked_of(engine, tuple(results), NONE, client=small, server=small)
    assert found == GetResponse(tuple(results))


# octets of the answer -> what gurux-dlms reads in them
OCTETS = {
    "C403C1 01 00 0100": [[]],
    "C403C1 01 00 0200": [[]],
    "C403C1 02 00 0100 00 1105": [[], 5],
    "C403C1 03 00 1105 00 0100 01 04": [5, [], None],
    "C403C1 02 00 00 00 0101 0100": [None, [[]]],
}


@pytest.mark.parametrize("octets", OCTETS)
def test_what_the_library_reads(octets):
    wire = bytes.fromhex(octets)
    client = library.Library(client_settings(NONE))
    client.get((ENERGY, VOLTS, ENERGY)[: wire[3]], 1)
    assert client.answered(wire) and client.value == OCTETS[octets]
    reader = Reader(wire[3:])
    assert len(get.read_results(reader)) == wire[3]
    reader.end()


@pytest.mark.parametrize("octets", ["C403C1 01 00", "C403C1 01 00 0102 11", "C403C1 02 00 0100"])
def test_a_list_that_ends_too_soon_is_not_read(octets):
    client = library.Library(client_settings(NONE))
    client.get((ENERGY, VOLTS), 1)
    with pytest.raises((ValueError, IndexError)):
        client.answered(bytes.fromhex(octets))


@pytest.mark.parametrize("octets", ["C403C1 01 00", "C403C1 02 00 0100", "C403C1 02 00 0100 00"])
def test_and_is_a_violation(engine, octets):
    made = line(engine, kind=NONE)
    sent = made.client.send(GetRequest.of(ENERGY, VOLTS), now=0)
    wire = bytearray.fromhex(octets)
    wire[2] = sent[2]
    made.client.receive_data(bytes(wire), now=0)
    assert isinstance(made.client.next_event(), ProtocolViolation)
    assert made.client.next_event() is NEED_DATA


def test_the_translator_still_reads_lists():
    """Where it writes XML its own way stands."""
    library.load()
    xml = to_xml(bytes.fromhex("C403C1 02 00 0100 00 1105"))
    assert '<Array Qty="00"' in xml and '<UInt8 Value="05"' in xml
