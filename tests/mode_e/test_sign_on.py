"""Sign-ons over lines that have a speed: each octet takes its time, and is garbage to whoever
listens at another speed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError
from protocols.hdlc.address import ServerAddress
from protocols.hdlc.server import HdlcServer
from protocols.hdlc.settings import HdlcSettings
from protocols.link import (
    ApduReceived,
    Down,
    Identified,
    LinkDown,
    LinkEvent,
    LinkUp,
    LinkViolation,
    Parity,
    SetLine,
)
from protocols.mode_e.client import ModeEClient
from protocols.mode_e.server import ModeEServer, SignOn
from protocols.mode_e.settings import SIGN_ON_LINE, ModeESettings
from protocols.sans_io import NEED_DATA
from tests.links.rig import Noise, Rig

APDU = bytes(range(200))
NINE_SIX = SetLine(9600)
CONFIRMING = SetLine(9600, 7, Parity.EVEN)


def pair(sign_on: SignOn | None = None, mode_e: ModeESettings | None = None, **line) -> Rig:
    return Rig(ModeEClient(16, settings=mode_e), ModeEServer(sign_on), line=SIGN_ON_LINE, **line)


METERS = {
    # name: how the meter presents itself
    "by the book": SignOn(),
    "without the mark": SignOn(mode_e=False),
    "without confirmation": SignOn(confirms=False),
    "slow to react": SignOn(reaction_s=1.5),
    "fast to react": SignOn(manufacturer="AMi", reaction_s=0.02),
    "fast, without confirmation": SignOn(manufacturer="AMi", reaction_s=0.02, confirms=False),
    "300 Bd": SignOn(baud_code="0"),
    "19200 Bd": SignOn(baud_code="6"),
    "with an address": SignOn(device_address="0012345"),
}


@pytest.mark.parametrize("sign_on", METERS.values(), ids=METERS)
@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("piece", [0, 1])
def test_each_meter_in_the_end_speaks_hdlc(sign_on: SignOn, echo: bool, piece: int) -> None:
    rig = pair(sign_on, echo=echo, piece=piece)
    assert rig.connect() == LinkUp(16, 1)
    (identified,) = rig.client.told(Identified)
    assert identified.mode_e is sign_on.mode_e
    assert rig.ask(APDU) == ApduReceived(APDU[::-1], 1, 16)
    assert rig.client.line == rig.server.line == SetLine(identified.baud)
    assert rig.client.link.echoing is echo
    assert rig.disconnect() == LinkDown(Down.REQUESTED, "", 16)
    rig.wait(1.0)
    assert rig.server.line == SIGN_ON_LINE
    # And again, from the beginning.
    assert rig.connect() == LinkUp(16, 1)
    assert rig.ask(APDU) == ApduReceived(APDU[::-1], 1, 16)


def test_by_the_book_the_times_are_the_standard_s() -> None:
    rig = pair()
    rig.connect()
    said = [(round(at, 2), way, octets) for at, way, octets in rig.frames]
    request, identification, choice, confirmation, snrm, _ = said
    assert (request[:2], request[2]) == ((0.0, "down"), b"/?!\r\n")
    left = 5 * 10 / 300
    assert identification[0] == pytest.approx(left + 0.2, abs=0.01)
    heard = identification[0] + len(identification[2]) * 10 / 300
    assert choice[2] == b"\x06252\r\n"
    assert 0.19 <= choice[0] - heard <= 1.5
    chosen = choice[0] + 6 * 10 / 300
    assert rig.client.settings[1] == (pytest.approx(chosen + 0.05, abs=0.01), NINE_SIX)
    assert confirmation[2] == choice[2]
    assert 0.19 <= confirmation[0] - chosen <= 1.5
    assert [line for _, line in rig.server.settings] == [SIGN_ON_LINE, CONFIRMING, NINE_SIX]
    confirmed = confirmation[0] + 6 * 10 / 9600
    assert 0.19 <= snrm[0] - confirmed <= 1.5
    assert rig.violations == []


def test_a_probe_that_is_slower_than_the_meter_stays_at_300() -> None:
    rig = pair(SignOn(baud_code="6"), ModeESettings(baud_max=9600))
    assert rig.connect() == LinkUp(16, 1)
    assert rig.client.line == SetLine(300)


@pytest.mark.parametrize(("asked", "heard"), [("12345", True), ("0012345", True), ("54321", False)])
def test_a_meter_that_is_called_by_its_address(asked: str, heard: bool) -> None:
    rig = pair(SignOn(device_address="12345"), ModeESettings(device_address=asked, fallback=None))
    ended = rig.connect()
    if heard:
        assert ended == LinkUp(16, 1)
    else:
        assert ended == LinkDown(Down.NO_ANSWER, "the meter does not identify itself", 16)
        assert [octets for _, way, octets in rig.frames] == [b"/?54321!\r\n"] * 3


def test_a_meter_that_speaks_hdlc_at_once() -> None:
    rig = Rig(ModeEClient(16), HdlcServer(), line=SIGN_ON_LINE)
    rig.server.line = NINE_SIX
    assert rig.connect() == LinkUp(16, 1)
    assert rig.ask(APDU) == ApduReceived(APDU[::-1], 1, 16)
    assert rig.client.told(Identified) == []
    assert 3 * 2.5 < rig.now < 10.0


def test_a_session_that_broke_off_is_found_in_hdlc() -> None:
    server = ModeEServer()
    first = Rig(ModeEClient(16), server, line=SIGN_ON_LINE)
    assert first.connect() == LinkUp(16, 1)
    second = Rig(ModeEClient(16), server, line=SIGN_ON_LINE)  # the first one's laptop is gone
    second.now, second.server.line = first.now, NINE_SIX
    assert second.connect() == LinkUp(16, 1)
    assert second.ask(APDU) == ApduReceived(APDU[::-1], 1, 16)


def test_nobody_there() -> None:
    rig = pair(SignOn(device_address="1"), ModeESettings(device_address="2"))
    ended = rig.connect()
    assert isinstance(ended, LinkDown)
    assert ended.reason is Down.NO_ANSWER
    assert "neither identifies itself nor speaks HDLC at 9600 Bd 8N1" in ended.detail


class Scripted:
    """A meter of an older kind: says its lines, each behind a pause, to what it is asked."""

    def __init__(self, *says: bytes) -> None:
        self._says = list(says)
        self._out: list[tuple[float, bytes]] = []
        self._now = 0.0

    def receive_data(self, octets: bytes, *, now: float) -> None:
        self._now = now
        if self._says and octets.endswith(b"\n"):
            self._out.append((now + 0.25, self._says.pop(0)))

    def data_to_send(self) -> bytes | None:
        due = self._out and self._out[0][0] <= self._now
        return self._out.pop(0)[1] if due else None

    def next_event(self):
        return NEED_DATA

    def next_deadline(self) -> float | None:
        return self._out[0][0] if self._out and self._out[0][0] > self._now else None

    def handle_deadline(self, *, now: float) -> None:
        self._now = now


READOUT = b"\x02F.F(00000000)\r\n1.8.0(000123.4*kWh)\r\n!\r\n\x03\x11"

OLDER = {
    # name: (what it says, how connecting ends, what is said of it)
    "mode A": ((b"/ABB METER\r\n" + READOUT,), Down.NO_DLMS, "/ABB METER, which is mode A"),
    "mode B": ((b"/ABBEMETER\r\n", READOUT), Down.NO_DLMS, "/ABBEMETER, which is mode B"),
    "mode C": ((b"/ABB0METER\r\n", READOUT), Down.NO_DLMS, "reads its registers out in clear"),
    "mode C, and silent": (
        (b"/ABB0METER\r\n",),
        Down.NO_ANSWER,
        "/ABB0METER, without the mark of mode E, and",
    ),
    "mode E, and silent": (
        (b"/ABB0\\2METER\r\n",),
        Down.NO_ANSWER,
        "/ABB0\\2METER, and then spoke no HDLC",
    ),
}


@pytest.mark.parametrize(("says", "reason", "detail"), OLDER.values(), ids=OLDER)
def test_a_meter_that_speaks_no_hdlc_is_told_for_what_it_is(
    says: tuple[bytes, ...], reason: Down, detail: str
) -> None:
    rig = Rig(ModeEClient(16), Scripted(*says), line=SetLine(300))
    ended = rig.connect()
    assert isinstance(ended, LinkDown)
    assert ended.reason is (
        Down.NO_ANSWER
        if "silent" in detail or "spoke" in detail or "mark" in detail
        else Down.NO_DLMS
    )
    assert detail in ended.detail
    assert len(rig.client.told(Identified)) == 1
    with pytest.raises(LocalProtocolError):
        rig.client.link.send(APDU, now=rig.now)


def test_a_lost_request_is_repeated() -> None:
    rig = pair(noise=Noise(lost=1.0))
    rig.client.link.connect(now=0.0)
    rig.wait(1.0)
    rig.noise = None
    rig.wait(9.0)
    assert rig.client.told(LinkUp) == [LinkUp(16, 1)]
    assert [octets for _, way, octets in rig.frames][:2] == [b"/?!\r\n"] * 2


def test_a_meter_left_alone_returns_to_its_sign_on() -> None:
    rig = pair(SignOn(first_frame_timeout_s=20.0))
    rig.client.link.connect(now=0.0)
    rig.wait(1.55)
    assert rig.server.line == NINE_SIX
    rig.client.link.lost(now=rig.now)
    rig.wait(25.0)
    assert rig.server.line == SIGN_ON_LINE


def test_a_client_that_falls_silent_is_forgotten() -> None:
    server = ModeEServer(settings=HdlcSettings(inactivity_timeout_s=30.0))
    rig = Rig(ModeEClient(16), server, line=SIGN_ON_LINE)
    rig.connect()
    rig.wait(25.0)
    assert rig.ask(APDU) == ApduReceived(APDU[::-1], 1, 16)
    assert rig.server.line == NINE_SIX
    rig.wait(31.0)
    assert rig.server.told(LinkDown) == [LinkDown(Down.INACTIVE, "", 16)]
    assert rig.server.line == SIGN_ON_LINE


@pytest.mark.parametrize("after_s", [0.0, 0.3, 1.5, 5.0])
def test_the_line_is_lost_or_the_caller_stops(after_s: float) -> None:
    for stop, reason in (("lost", Down.LOST), ("disconnect", Down.REQUESTED)):
        rig = pair()
        rig.client.link.connect(now=0.0)
        rig.wait(after_s)
        getattr(rig.client.link, stop)(now=rig.now)
        rig.wait(1.0)
        assert [down.reason for down in rig.client.told(LinkDown)] == [reason]


def test_what_the_caller_may_not_do() -> None:
    link = ModeEClient(16)
    with pytest.raises(LocalProtocolError, match="down"):
        link.send(APDU, now=0.0)
    link.connect(now=0.0)
    with pytest.raises(LocalProtocolError, match="asking who is there"):
        link.connect(now=0.0)
    with pytest.raises(LocalProtocolError, match="sign-on"):
        ModeEServer().send(APDU, client=16, server=1, now=0.0)
    with pytest.raises(ValueError):
        ModeEClient(16, settings=ModeESettings(device_address="#"))
    with pytest.raises(ValueError):
        SignOn(baud_code="7")


def test_nothing_is_handed_out_before_the_line_is_set() -> None:
    link = ModeEClient(16)
    link.connect(now=0.0)
    assert link.data_to_send() is None
    assert link.next_event() == SIGN_ON_LINE
    assert link.data_to_send() == b"/?!\r\n"
    assert link.data_to_send() is None


def test_the_server_is_addressed_as_asked() -> None:
    address = ServerAddress(1, 17)
    rig = Rig(ModeEClient(1, address), ModeEServer(physical=17), line=SIGN_ON_LINE)
    assert rig.connect() == LinkUp(1, 1)
    assert rig.ask(APDU) == ApduReceived(APDU[::-1], 1, 1)


# Of frames that lose or double an octet one in 65,536 passes its FCS: so the draws are fixed.
@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    st.floats(0, 0.05), st.floats(0, 0.05), st.floats(0, 0.05), st.integers(0, 999), st.booleans()
)
def test_any_noise_ends_in_a_link_or_in_a_word_about_it(
    lost: float, changed: float, doubled: float, seed: int, echo: bool
) -> None:
    rig = pair(noise=Noise(lost, changed, doubled, seed), echo=echo)
    ended = rig.connect(limit_s=120.0)
    assert isinstance(ended, LinkUp | LinkDown)
    if isinstance(ended, LinkUp):
        answer = rig.ask(APDU)
        assert isinstance(answer, ApduReceived | LinkDown)
        assert isinstance(answer, LinkDown) or answer.apdu == APDU[::-1]


@given(st.lists(st.binary(max_size=100), max_size=30))
def test_random_octets_raise_nothing(pieces: list[bytes]) -> None:
    client, server = ModeEClient(16), ModeEServer()
    client.connect(now=0.0)
    for number, piece in enumerate(pieces):
        for end in (client, server):
            end.receive_data(piece, now=number * 0.5)
            end.handle_deadline(now=number * 0.5 + 0.3)
            while (event := end.next_event()) is not NEED_DATA:
                known = (LinkViolation, ApduReceived, LinkUp, LinkDown, SetLine, Identified)
                assert isinstance(event, known), LinkEvent
            while end.data_to_send() is not None:
                pass
