"""What all framings have in common, and what the wrapper alone has."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import wrapper
from protocols.errors import LocalProtocolError
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.server import HdlcServer
from protocols.link import (
    ApduReceived,
    ClientLink,
    Down,
    LinkDown,
    LinkUp,
    LinkViolation,
    Parity,
    ServerLink,
    SetLine,
)
from protocols.mode_e.client import ModeEClient
from protocols.mode_e.server import ModeEServer
from protocols.mode_e.settings import SIGN_ON_LINE
from protocols.sans_io import NEED_DATA
from protocols.wrapper.link import WrapperClient, WrapperServer
from tests.links.rig import ANY_SPEED, Rig

APDU = b"\xc0\x01\xc1\x00"

FRAMINGS: dict[str, Callable[[], tuple[ClientLink, ServerLink, SetLine]]] = {
    "wrapper": lambda: (WrapperClient(16), WrapperServer(), ANY_SPEED),
    "wrapper in datagrams": lambda: (
        WrapperClient(16, datagrams=True),
        WrapperServer(datagrams=True),
        ANY_SPEED,
    ),
    "HDLC": lambda: (HdlcClient(16), HdlcServer(), ANY_SPEED),
    "mode E": lambda: (ModeEClient(16), ModeEServer(), SIGN_ON_LINE),
}


@pytest.fixture(params=FRAMINGS)
def rig(request: pytest.FixtureRequest) -> Rig:
    client, server, line = FRAMINGS[request.param]()
    return Rig(client, server, line=line)


def test_a_conversation_and_another_one(rig: Rig) -> None:
    link = rig.client.link
    for _ in range(2):
        assert not link.up
        assert rig.connect() == LinkUp(16, 1)
        assert link.up
        for size in (1, 4, 1000):
            apdu = bytes(size)
            assert rig.ask(APDU + apdu) == ApduReceived((APDU + apdu)[::-1], 1, 16)
        assert rig.disconnect() == LinkDown(Down.REQUESTED, "", 16)
        assert not link.up
    assert rig.violations == []


def test_the_server_is_told_who_asks(rig: Rig) -> None:
    rig.connect()
    rig.ask(APDU)
    assert rig.server.told(ApduReceived) == [ApduReceived(APDU, 16, 1)]


def test_what_the_caller_may_not_do(rig: Rig) -> None:
    link = rig.client.link
    with pytest.raises(LocalProtocolError):
        link.send(APDU, now=0.0)
    rig.connect()
    with pytest.raises(LocalProtocolError):
        link.connect(now=rig.now)
    rig.disconnect()
    with pytest.raises(LocalProtocolError):
        link.send(APDU, now=rig.now)
    link.disconnect(now=rig.now)
    assert link.next_event() is NEED_DATA
    assert link.data_to_send() is None


def test_a_line_that_is_lost_is_told_once(rig: Rig) -> None:
    rig.connect()
    link = rig.client.link
    link.send(APDU, now=rig.now)
    link.lost(now=rig.now)
    link.lost(now=rig.now)
    assert link.next_event() == LinkDown(Down.LOST, "", 16)
    assert link.next_event() is NEED_DATA
    assert link.data_to_send() is None, "there is no line to carry it"
    assert link.next_deadline() is None


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(sorted(FRAMINGS)), st.lists(st.binary(min_size=1, max_size=600), max_size=4))
def test_any_apdus(name: str, apdus: list[bytes]) -> None:
    client, server, line = FRAMINGS[name]()
    rig = Rig(client, server, line=line, answer=lambda apdu: b"\xc4" + apdu)
    rig.connect()
    for apdu in apdus:
        assert rig.ask(b"\xc0" + apdu) == ApduReceived(b"\xc4\xc0" + apdu, 1, 16)


@pytest.mark.parametrize(
    ("line", "text", "octet_s"),
    [
        (SetLine(300, 7, Parity.EVEN), "300 Bd 7E1", 10 / 300),
        (SetLine(9600), "9600 Bd 8N1", 10 / 9600),
        (SetLine(2400, 8, Parity.ODD), "2400 Bd 8O1", 11 / 2400),
    ],
)
def test_lines(line: SetLine, text: str, octet_s: float) -> None:
    assert str(line) == text
    assert line.airtime_s(3) == pytest.approx(3 * octet_s)


# --- the wrapper ----------------------------------------------------------------------------------

GOOD = wrapper.encode(1, 16, APDU)


def up(*, datagrams: bool = False) -> WrapperClient:
    link = WrapperClient(16, datagrams=datagrams)
    link.connect(now=0.0)
    assert link.next_event() == LinkUp(16, 1)
    return link


def events(link: WrapperClient | WrapperServer) -> list[object]:
    return list(iter(link.next_event, NEED_DATA))


def test_one_bad_header_ends_a_stream_and_what_came_before_it_counts() -> None:
    link = up()
    link.receive_data(GOOD + b"\x7e\xa0\x07\x03\x21\x93\x0f\x01\x7e", now=0.0)
    received, down = events(link)
    assert received == ApduReceived(APDU, 1, 16)
    assert isinstance(down, LinkDown) and down.reason is Down.BROKEN
    assert down.detail == "at octet 12: version 32416, not 1"
    link.receive_data(GOOD, now=0.0)
    assert events(link) == []
    with pytest.raises(LocalProtocolError, match="broken"):
        link.connect(now=0.0)


def test_a_bad_datagram_ends_itself() -> None:
    link = up(datagrams=True)
    for datagram in (b"\x00\x02" + GOOD[2:], GOOD[:-1], GOOD):
        link.receive_data(datagram, now=0.0)
    version, cut, received = events(link)
    assert isinstance(version, LinkViolation) and "version 2" in version.cause
    assert isinstance(cut, LinkViolation) and cut.octets == GOOD[:-1] and cut.offset == len(GOOD)
    assert received == ApduReceived(APDU, 1, 16)


def test_what_is_for_others_is_told_and_not_delivered() -> None:
    link = up()
    link.receive_data(wrapper.encode(1, 17, APDU) + wrapper.encode(2, 16, APDU) + GOOD, now=0.0)
    one, two, received = events(link)
    assert isinstance(one, LinkViolation) and one.cause == "from 1 to 17: not for this link"
    assert isinstance(two, LinkViolation)
    assert received == ApduReceived(APDU, 1, 16)


def test_a_wrapper_server_breaks_too() -> None:
    server = WrapperServer(length_max=100)
    server.receive_data(wrapper.encode(16, 1, bytes(101)), now=0.0)
    (down,) = events(server)
    assert isinstance(down, LinkDown) and down.reason is Down.BROKEN
    assert "101 octets announced, 100 allowed" in down.detail


@given(st.lists(st.binary(max_size=60), max_size=10), st.booleans())
def test_random_octets_raise_nothing(pieces: list[bytes], datagrams: bool) -> None:
    for link in (up(datagrams=datagrams), WrapperServer(datagrams=datagrams, length_max=100)):
        for piece in pieces:
            link.receive_data(piece, now=0.0)
            for event in events(link):
                assert isinstance(event, LinkDown | LinkViolation | ApduReceived)
