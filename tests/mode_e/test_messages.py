"""The messages of a sign-on, as meters write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.link import Identified
from protocols.mode_e.messages import (
    Acknowledgement,
    acknowledgement,
    find_acknowledgement,
    find_identification,
    find_request,
    identification,
    is_readout,
    request,
    same_address,
    without_parity,
)


def test_requests() -> None:
    assert request() == b"/?!\r\n"
    assert request("12345678") == b"/?12345678!\r\n"
    for address in ("1" * 33, "a-b", "ñ", "1!\r\n"):
        with pytest.raises(ValueError):
            request(address)


@pytest.mark.parametrize(
    ("octets", "address"),
    [
        (b"/?!\r\n", ""),
        (b"/?00012345!\r\n", "00012345"),
        (b"\x00\x00\x00/?!\r\n", ""),  # woken up before
        (b"/?/?!\r\n", ""),  # the first one broke off
        (b"/?!\r", None),
        (b"/ISK5\\2ME382\r\n", None),
        (b"?!\r\n", None),
    ],
)
def test_request_is_found(octets: bytes, address: str | None) -> None:
    assert find_request(octets) == address


@pytest.mark.parametrize(
    ("asked", "own", "meant"),
    [
        ("", "12", True),
        ("000000", "12", True),
        ("12", "12", True),
        ("0012", "12", True),
        ("12", "0012", True),
        ("13", "12", False),
        ("12", "", False),
        ("120", "12", False),
    ],
)
def test_addresses(asked: str, own: str, meant: bool) -> None:
    assert same_address(asked, own) is meant


IDENTIFICATIONS = {
    # name: (octets, manufacturer, Z, Bd, mode E, text)
    "with the mark": (b"/ISK5\\2MT382-1000\r\n", "ISK", "5", 9600, True, "MT382-1000"),
    "without it": (b"/ISk5ME382\r\n", "ISk", "5", 9600, False, "ME382"),
    "without any text": (b"/LGZ4\\2\r\n", "LGZ", "4", 4800, True, ""),
    "two marks": (b"/EMH6\\@\\2DMTZ\r\n", "EMH", "6", 19200, True, "DMTZ"),
    "another mark": (b"/EMH6\\@DMTZ\r\n", "EMH", "6", 19200, False, "DMTZ"),
    "mode B": (b"/ABBEA44\r\n", "ABB", "E", 300, False, "A44"),
    "behind an echo": (b"/?!\r\n/KFM5\\2M\r\n", "KFM", "5", 9600, True, "M"),
    "behind a cut echo": (b"?!\r\n/KFM5\\2M\r\n", "KFM", "5", 9600, True, "M"),
    "mixed with an echo": (b"/?/KFM5\\2M\r\n", "KFM", "5", 9600, True, "M"),
    "behind noise": (b"\xff/K/KFM5\\2M\r\n", "KFM", "5", 9600, True, "M"),
    "without CR": (b"/KFM5\\2M\n", "KFM", "5", 9600, True, "M"),
}


@pytest.mark.parametrize(
    ("octets", "manufacturer", "code", "baud", "mode_e", "text"),
    IDENTIFICATIONS.values(),
    ids=IDENTIFICATIONS,
)
def test_identification(octets, manufacturer, code, baud, mode_e, text) -> None:
    found = find_identification(octets)
    assert isinstance(found, Identified)
    assert (found.manufacturer, found.baud_code, found.baud) == (manufacturer, code, baud)
    assert (found.mode_e, found.identification) == (mode_e, text)
    assert octets.endswith(found.raw)


@pytest.mark.parametrize("octets", [b"", b"/?!\r\n", b"/KF5\\2M\r\n", b"/KFM5\\2M", b"KFM5M\r\n"])
def test_no_identification(octets: bytes) -> None:
    assert find_identification(octets) is None


def test_identification_is_made() -> None:
    assert identification("AMI", "5", "METER") == b"/AMI5\\2METER\r\n"
    assert identification("AMI", "5", "METER", mode_e=False) == b"/AMI5METER\r\n"
    for wrong in (("AM", "5", ""), ("AMI", "", ""), ("AMI", "5", "x" * 33), ("AMI", "5", "\r")):
        with pytest.raises(ValueError):
            identification(*wrong)


def test_acknowledgement() -> None:
    assert acknowledgement("5") == b"\x06252\r\n"
    found = find_acknowledgement(b"noise" + acknowledgement("6"))
    assert found == Acknowledgement("2", "6", "2")
    assert found.binary
    readout = find_acknowledgement(b"\x06050\r\n")
    assert readout is not None and not readout.binary
    assert find_acknowledgement(b"\x06052") is None


def test_parity_is_taken_off() -> None:
    with_parity = bytes(octet | (octet.bit_count() & 1) << 7 for octet in acknowledgement("5"))
    assert with_parity != acknowledgement("5")
    assert find_acknowledgement(without_parity(with_parity)) is not None


@pytest.mark.parametrize(
    ("octets", "clear_text"),
    [
        (b"\x020-0:C.1.0(72432595)\r\n", True),
        (b"\x02F.F(00)\r\n", True),
        (b"\x02F.F(00", False),
        (b"0-0:C.1.0(72432595)", False),
        (b"\x02\x01(\x00)", False),
        (b"", False),
    ],
)
def test_readout(octets: bytes, clear_text: bool) -> None:
    assert is_readout(octets) is clear_text


@given(st.binary(max_size=200))
def test_random_octets_are_searched_in_peace(octets: bytes) -> None:
    for find in (find_request, find_identification, find_acknowledgement, is_readout):
        find(without_parity(octets))
