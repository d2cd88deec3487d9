"""Every message that we have, changed octet by octet: an error, or written again as it came.

What decodes to the same value from different octets would show here: TRUE as 7F, a length in more
octets than it needs, a presence flag, a bit that is not used, data where null-data belongs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from protocols import wrapper
from protocols.dissection import report
from protocols.dissection.lines import Framing, take_apart
from protocols.dissection.opening import KeyRing
from protocols.hdlc.checksum import checksum
from tests.dlms.shared import Vector, vectors
from tests.dlms.test_general_block import BLOCKS
from tests.dlms.test_octets import APDUS, VALUES
from tests.dlms.test_short_names import VECTORS as SHORT_NAMES

BOUNDS = (0x00, 0x01, 0x02, 0x03, 0x7F, 0x80, 0x81, 0x82, 0xFE, 0xFF)
FLIPS = (0x01, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80)
INSERTED = (b"\x00", b"\x81", b"\x82\x00", b"\x84\x00\x00\x00")
OCTETS_MAX = 160
"""Of one message: behind it stand values of kinds that stood before."""


def _mutants(octets: bytes) -> Iterator[bytes]:
    """One octet other, one missing, or some more: at each place."""
    for place in range(min(len(octets), OCTETS_MAX)):
        head, octet, tail = octets[:place], octets[place], octets[place + 1 :]
        for other in sorted({*BOUNDS, *(octet ^ flip for flip in FLIPS)} - {octet}):
            yield head + bytes((other,)) + tail
        if len(octets) <= OCTETS_MAX:
            yield head + tail
            for more in INSERTED:
                yield head + more + octets[place:]


def _own(table: Mapping[str, tuple[Any, ...]]) -> list[bytes]:
    return [bytes.fromhex(entry[0]) for entry in table.values()]


def _of_others(*kinds: str) -> list[bytes]:
    return [vector.octets for vector in vectors(*kinds)]


APDU_KINDS = ("apdu", "push-raw", "ciphered-apdu", "ciphered-acse")
TABLES = {
    "our APDUs": _own(APDUS),
    "our general blocks": _own(BLOCKS),
    "our short names": _own(SHORT_NAMES),
    "their APDUs": _of_others(*APDU_KINDS),
}
# Octets that were once told otherwise than they came.
LOST = {
    "data of a GET within ACCESS": "D92000000000010100010000010000FF0201FF",
    "an INTEGER with a zero before it": (
        "6120A109060760857405080101A203020101A305A103020103A60402020001880203A8"
    ),
    "response-allowed behind a dedicated key flagged 7F": "01007F0100005F1F04000147FF0000",
    "TRUE as 81 before a long length": (
        "188100010701F651021DFCCB020101051DFCCB05000000030105194D02840000000112 01F1"
    ),
    "a list flagged 81 and counted in four octets": (
        "C10473010256CEBB5D6565037D810B02020284000000010F8001041500000000000001001C65"
        "06000000AB02031B76F52565126EE80D0000"
    ),
}


def _again(octets: bytes, framing: Framing = Framing.NONE, ring: KeyRing | None = None) -> bool:
    """Whether it was understood; and then it must be what came."""
    found = report.find(octets, framing, ring or KeyRing())
    if found.problems:
        return False
    assert found.reencoded == octets, octets.hex()
    return True


@pytest.mark.parametrize("octets", LOST.values(), ids=LOST)
def test_what_was_once_lost(octets: str) -> None:
    _again(bytes.fromhex(octets))


def test_data_of_a_get_within_access_are_kept() -> None:
    assert _again(bytes.fromhex(LOST["data of a GET within ACCESS"]))


@pytest.mark.parametrize("table", TABLES)
def test_each_octet_of_an_apdu(table: str) -> None:
    understood = 0
    for octets in TABLES[table]:
        understood += sum(map(_again, _mutants(octets)))
    assert understood > 10 * len(TABLES[table]), "most octets of an APDU are numbers"


def test_each_octet_of_a_value() -> None:
    for octets in [*_own(VALUES), *_of_others("axdr")]:
        for mutant in _mutants(octets):
            told = report.value_as_json(mutant, bytes.hex)
            assert "error" in told or told["reencoded"] == mutant.hex(), mutant.hex()


def test_each_octet_of_a_wrapper_s_frame() -> None:
    octets = wrapper.encode(16, 1, _own(APDUS)[0])
    assert sum(_again(mutant, Framing.WRAPPER) for mutant in _mutants(octets))


def _keys(vector: Vector) -> KeyRing:
    """Without the authentication key, so that a changed tag is not seen."""
    return KeyRing(vector.key("encryption_key"), system_title=vector.key("system_title"))


def test_each_octet_of_what_is_opened_without_its_tag() -> None:
    """Without the authentication key any change of the ciphertext is one of the plain text."""
    for vector in vectors("ciphered-apdu"):
        if not {"encryption_key", "system_title"} <= vector.keys.keys():
            continue
        for mutant in _mutants(vector.octets):
            _again(mutant, ring=_keys(vector))


def _with_checksums(octets: bytes) -> Iterator[bytes]:
    """Each octet of each HDLC frame changed, with checksums that fit again."""
    for frame in take_apart(octets, Framing.HDLC).frames:
        start, size = frame.offset, len(frame.octets)
        header = size - len(frame.part) - (4 if frame.part else 2)
        for place in range(min(size - 2, OCTETS_MAX)):
            for flip in FLIPS[place % 2 :: 2]:
                changed = bytearray(frame.octets)
                changed[place] ^= flip
                if frame.part:
                    changed[header : header + 2] = checksum(changed[:header])
                changed[-2:] = checksum(changed[:-2])
                yield octets[:start] + bytes(changed) + octets[start + size :]


def test_each_octet_of_an_hdlc_frame() -> None:
    for octets in _of_others("hdlc-frame", "push-hdlc"):
        for mutant in _with_checksums(octets):
            _again(mutant, Framing.HDLC)


def test_each_octet_of_an_m_bus_frame() -> None:
    for octets in _of_others("push-mbus"):
        for frame in take_apart(octets, Framing.MBUS).frames:
            end = frame.offset + len(frame.octets)
            for place in range(frame.offset + 4, end - 2):
                for flip in FLIPS[place % 2 :: 2]:
                    changed = bytearray(octets)
                    changed[place] ^= flip
                    changed[end - 2] = sum(changed[frame.offset + 4 : end - 2]) & 0xFF
                    _again(bytes(changed), Framing.MBUS)
