"""Client and server back to back: whatever the line does, each APDU arrives once, or the link is
down and says so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError
from protocols.hdlc.address import CALLING_PHYSICAL_SHORT, ServerAddress
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.decoder import FrameDecoder
from protocols.hdlc.frame import (
    Frame,
    Kind,
    encode,
    information_control,
    ready_control,
    unnumbered_control,
)
from protocols.hdlc.parameters import Parameters, encode_parameters
from protocols.hdlc.server import CONNECTIONS_MAX, HdlcServer
from protocols.hdlc.settings import HdlcSettings
from protocols.link import ApduReceived, Down, LinkDown, LinkUp, LinkViolation, SetLine
from protocols.sans_io import NEED_DATA
from tests.links.rig import Noise, Rig

SHORT = bytes(range(100))
LONG = bytes(range(256)) * 8

SIZES = {
    # name: (client, server)
    "defaults": (HdlcSettings(), HdlcSettings()),
    "smallest": (HdlcSettings(info_transmit=1), HdlcSettings(info_receive=1)),
    "largest": (
        HdlcSettings(2030, 2030, 7, 7),
        HdlcSettings(2030, 2030, 7, 7),
    ),
    "window of 7": (HdlcSettings(128, 128, 7, 7), HdlcSettings(128, 128, 7, 7)),
    "window of 3 one way": (HdlcSettings(64, 64, 3, 1), HdlcSettings(64, 64, 1, 3)),
    "server smaller": (HdlcSettings(1024, 1024, 7, 7), HdlcSettings(50, 60, 2, 1)),
    "client smaller": (HdlcSettings(50, 60, 2, 1), HdlcSettings(1024, 1024, 7, 7)),
    "sizes of two octets": (HdlcSettings(256, 300, 1, 1), HdlcSettings(300, 256, 1, 1)),
}

ADDRESSES = {
    "one octet, same as the client's": (1, ServerAddress(1)),
    "one octet": (16, ServerAddress(1)),
    "two octets": (1, ServerAddress(1, 17)),
    "four octets": (1, ServerAddress(1, 17, 4)),
    "four octets, large": (0x7F, ServerAddress(0x1234, 0x3FF0)),
}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("piece", [0, 1, 7])
def test_long_and_short_both_ways(sizes, piece) -> None:
    ours, theirs = sizes
    rig = Rig(HdlcClient(16, settings=ours), HdlcServer(settings=theirs), piece=piece)
    assert rig.connect() == LinkUp(16, 1)
    for apdu in (SHORT, LONG, b"\xc0", SHORT):
        assert rig.ask(apdu) == ApduReceived(apdu[::-1], 1, 16)
    assert rig.disconnect() == LinkDown(Down.REQUESTED, "", 16)
    assert rig.server.told(LinkDown) == [LinkDown(Down.PEER, "", 16)]
    assert rig.violations == []
    assert rig.now == 0.0, "a perfect line makes nobody wait"


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_both_agree_and_nobody_sends_more(sizes) -> None:
    ours, theirs = sizes
    rig = Rig(HdlcClient(16, settings=ours), HdlcServer(settings=theirs))
    rig.connect()
    agreed = rig.client.link.negotiated
    assert agreed.info_transmit == min(ours.info_transmit, theirs.info_receive)
    assert agreed.info_receive == min(ours.info_receive, theirs.info_transmit)
    assert agreed.window_transmit == min(ours.window_transmit, theirs.window_receive)
    assert agreed.window_receive == min(ours.window_receive, theirs.window_transmit)
    start = len(rig.frames)
    rig.ask(LONG)
    longest = {"down": 0, "up": 0}
    for _, way, octets in rig.frames[start:]:
        longest[way] = max(longest[way], len(octets) - 11)  # a frame's octets around information
    assert longest["down"] == min(agreed.info_transmit, len(LONG) + 3)
    assert longest["up"] == min(agreed.info_receive, len(LONG) + 3)


@pytest.mark.parametrize(("client", "server"), ADDRESSES.values(), ids=ADDRESSES)
@pytest.mark.parametrize("echo", [False, True])
def test_each_form_of_address(client: int, server: ServerAddress, echo: bool) -> None:
    link = HdlcClient(client, server)
    rig = Rig(link, HdlcServer((server.logical,), physical=server.physical), echo=echo)
    assert rig.connect() == LinkUp(client, server.logical)
    for apdu in (SHORT, LONG):
        assert rig.ask(apdu) == ApduReceived(apdu[::-1], server.logical, client)
    assert rig.disconnect() == LinkDown(Down.REQUESTED, "", client)
    assert link.echoes == (sum(way == "down" for _, way, _ in rig.frames) if echo else 0)
    assert rig.violations == []


def test_an_echo_that_is_cut_costs_no_answer() -> None:
    client = HdlcClient(16, ServerAddress(1, 17))
    rig = Rig(client, HdlcServer(physical=17))
    rig.connect()
    client.send(SHORT, now=0.0)
    own = client.data_to_send()
    assert own is not None
    server = rig.server.link
    server.receive_data(own, now=0.0)
    assert isinstance(server.next_event(), LinkUp | ApduReceived)
    server.send(SHORT, client=16, server=1, now=0.0)
    answer = server.data_to_send()
    assert answer is not None
    client.receive_data(own[:60] + answer, now=0.0)  # its length says 60 octets more
    client.receive_data(b"\x7e" * 60, now=0.1)
    events = []
    while (event := client.next_event()) is not NEED_DATA:
        events.append(event)
    assert ApduReceived(SHORT, 1, 16) in events
    assert any(isinstance(event, LinkViolation) for event in events)


NOISE = {
    "a little of all": Noise(0.0005, 0.0005, 0.0005),
    "lost": Noise(lost=0.003),
    "changed": Noise(changed=0.003),
    "doubled": Noise(doubled=0.003),
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
@pytest.mark.parametrize("sizes", ["defaults", "window of 7", "window of 3 one way"])
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost_doubled_or_changed_by_noise(noise: Noise, sizes: str, seed: int) -> None:
    chance = Noise(noise.lost, noise.changed, noise.doubled, seed)
    ours, theirs = SIZES[sizes]
    patient = replace(ours, retries=20)  # every third frame is hit
    rig = Rig(HdlcClient(16, settings=patient), HdlcServer(settings=theirs), noise=chance)
    assert rig.connect() == LinkUp(16, 1)
    for number in range(20):
        apdu = bytes((number,)) * 300 + SHORT
        assert rig.ask(apdu) == ApduReceived(apdu[::-1], 1, 16)
    received = [event.apdu for event in rig.server.told(ApduReceived)]
    assert received == [bytes((number,)) * 300 + SHORT for number in range(20)]
    assert rig.violations, "noise that nobody noticed is no noise"


# Of frames that lose or double an octet one in 65,536 passes its FCS: so the draws are fixed.
@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    st.floats(0, 0.02), st.floats(0, 0.02), st.floats(0, 0.02), st.integers(0, 9999), st.booleans()
)
def test_any_noise_ends_in_the_right_answer_or_in_a_link_that_is_down(
    lost: float, changed: float, doubled: float, seed: int, echo: bool
) -> None:
    sizes = HdlcSettings(128, 128, 3, 3)
    noise = Noise(lost, changed, doubled, seed)
    rig = Rig(HdlcClient(16, settings=sizes), HdlcServer(settings=sizes), noise=noise, echo=echo)
    if not isinstance(rig.connect(), LinkUp):
        return
    for number in range(5):
        apdu = bytes((number,)) * 200
        ended = rig.ask(apdu)
        if isinstance(ended, LinkDown):
            assert ended.reason in (Down.NO_ANSWER, Down.PEER, Down.REJECTED)
            return
        assert ended == ApduReceived(apdu[::-1], 1, 16)


def test_a_slow_line_takes_its_time_and_repeats_nothing() -> None:
    line = SetLine(300)
    sizes = HdlcSettings(response_timeout_s=1.0, line=line)
    rig = Rig(
        HdlcClient(16, settings=sizes), HdlcServer(settings=HdlcSettings(line=line)),
        piece=1, line=line,
    )  # fmt: skip
    assert rig.connect() == LinkUp(16, 1)
    assert rig.ask(LONG) == ApduReceived(LONG[::-1], 1, 16)
    assert rig.violations == []
    frames = 2 * (2 * len(LONG) // 128 + 3)
    assert len(rig.frames) <= frames
    octets = sum(len(octets) for _, _, octets in rig.frames)
    assert rig.now == pytest.approx(line.airtime_s(octets), rel=0.01)


def test_a_meter_may_pause_4_s_between_its_frames() -> None:
    sizes = HdlcSettings(128, 128, 7, 7)
    client, server = HdlcClient(16, settings=sizes), HdlcServer(settings=sizes)
    client.connect(now=0.0)
    _hand_over(client, server, 0.0)
    assert client.next_event() == LinkUp(16, 1)
    client.send(SHORT, now=0.0)
    _hand_over(client, server, 0.0, answer=LONG)
    now = 0.0
    while (frame := server.data_to_send()) is not None:
        now += 4.0
        for due in range(int(now - 4.0), int(now)):
            client.handle_deadline(now=float(due))
        assert client.data_to_send() is None, "a question into a pause"
        client.receive_data(frame, now=now)
    assert now == 7 * 4.0


def _hand_over(client, server, now: float, answer: bytes = b"") -> None:
    """What the client says to the server, and what comes of it."""
    while (octets := client.data_to_send()) is not None:
        server.receive_data(octets, now=now)
    while (event := server.next_event()) is not NEED_DATA:
        if isinstance(event, ApduReceived):
            server.send(answer, client=event.source, server=event.destination, now=now)
    if not answer:
        while (octets := server.data_to_send()) is not None:
            client.receive_data(octets, now=now)


# --- nobody answers, or not as expected -----------------------------------------------------------


class Wall:
    """A line with nothing at its end, or with something that says always the same."""

    def __init__(self, *says: bytes) -> None:
        self._says = list(says)
        self._out: list[bytes] = []

    def receive_data(self, octets: bytes, *, now: float) -> None:
        if self._says:
            self._out.append(self._says.pop(0) if len(self._says) > 1 else self._says[0])

    def data_to_send(self) -> bytes | None:
        return self._out.pop(0) if self._out else None

    def next_event(self):
        return NEED_DATA

    def next_deadline(self) -> None:
        return None


def says(kind: Kind, information: bytes = b"") -> bytes:
    return encode(Frame(b"\x21", b"\x03", unnumbered_control(kind), information))


READY = encode(Frame(b"\x21", b"\x03", ready_control(0)))

WALLS = {
    # name: (what the far end says to each frame in turn, how connecting ends)
    "silence": ((), Down.NO_ANSWER),
    "disconnected mode": ((says(Kind.DM),), Down.REFUSED),
    "frame reject": ((says(Kind.FRMR, b"\x93\x00\x01"),), Down.REJECTED),
    "noise": ((b"\x00\xff\x7e\xa0",), Down.NO_ANSWER),
    "receive ready": ((READY,), Down.NO_ANSWER),
}


@pytest.mark.parametrize(("far", "reason"), WALLS.values(), ids=WALLS)
def test_connecting_ends(far: tuple[bytes, ...], reason: Down) -> None:
    rig = Rig(HdlcClient(16), Wall(*far))
    ended = rig.connect()
    assert isinstance(ended, LinkDown)
    assert ended.reason is reason
    asked = [octets for _, way, octets in rig.frames if way == "down"]
    assert len(asked) == (4 if reason is Down.NO_ANSWER else 1)
    assert rig.now == (20.0 if reason is Down.NO_ANSWER else 0.0)


def test_a_meter_that_rejects_negotiation_is_asked_without() -> None:
    rig = Rig(
        HdlcClient(16, settings=HdlcSettings(1024, 1024)),
        Wall(says(Kind.FRMR, b"\x93\x00\x02"), says(Kind.UA)),
    )
    assert rig.connect() == LinkUp(16, 1)
    assert [len(octets) for _, way, octets in rig.frames if way == "down"] == [34, 9]
    assert rig.client.link.negotiated.info_transmit == 128


UP_THEN = {
    "silence": ((says(Kind.UA), b""), Down.NO_ANSWER, "asked 4 times"),
    "disconnected mode": ((says(Kind.UA), says(Kind.DM)), Down.PEER, "disconnected mode"),
    "frame reject": (
        (says(Kind.UA), says(Kind.FRMR, b"\x10\x00\x04")),
        Down.REJECTED,
        "I 0 expecting 0 P/F rejected: too much information",
    ),
    "busy for ever": (
        (says(Kind.UA), encode(Frame(b"\x21", b"\x03", 0x15))),
        Down.NO_ANSWER,
        "it says that it is busy",
    ),
    "ready, but never takes it": ((says(Kind.UA), READY), Down.NO_ANSWER, "repetitions"),
}


@pytest.mark.parametrize(("far", "reason", "detail"), UP_THEN.values(), ids=UP_THEN)
def test_a_link_that_is_up_ends(far: tuple[bytes, ...], reason: Down, detail: str) -> None:
    rig = Rig(HdlcClient(16), Wall(*far))
    assert rig.connect() == LinkUp(16, 1)
    ended = rig.ask(SHORT)
    assert isinstance(ended, LinkDown)
    assert ended.reason is reason
    assert detail in ended.detail
    with pytest.raises(LocalProtocolError, match="the link is down"):
        rig.client.link.send(SHORT, now=rig.now)


def test_a_meter_that_takes_its_time_is_asked_again_and_not_for_ever() -> None:
    rig = Rig(HdlcClient(16), HdlcServer(), answer=lambda apdu: None)
    rig.connect()
    assert rig.ask(SHORT, limit_s=50.0) is None
    asked = len(rig.frames)
    assert asked > 100, "RR and RR"
    rig.server.link.send(LONG, client=16, server=1, now=rig.now)
    rig.wait(1.0)
    assert rig.client.told(ApduReceived) == [ApduReceived(LONG, 1, 16)]
    assert rig.ask(SHORT, limit_s=500.0) is None
    rested = len(rig.frames)
    rig.wait(30.0)
    assert len(rig.frames) == rested, "after 60 s it is left alone"
    assert rig.client.link.up


@pytest.mark.parametrize("window", [1, 3, 7])
@pytest.mark.parametrize("count", [2, 9])
def test_a_meter_that_says_more_than_it_was_asked_for_is_given_the_turn(
    window: int, count: int
) -> None:
    """As general blocks in a window do: one request, several APDUs."""
    sizes = HdlcSettings(window_transmit=window, window_receive=window)
    rig = Rig(HdlcClient(16, settings=sizes), HdlcServer(settings=sizes), answer=lambda apdu: None)
    rig.connect()
    said = [bytes((n,)) * 200 for n in range(count)]
    rig.client.link.send(b"blocks, please", now=rig.now)
    rig.wait(0.01)
    for apdu in said:
        rig.server.link.send(apdu, client=16, server=1, now=rig.now)
    begun = rig.now
    while len(rig.client.told(ApduReceived)) < count:
        rig.client.link.expect(now=rig.now)
        rig.wait(0.01)
    assert [each.apdu for each in rig.client.told(ApduReceived)] == said
    assert rig.now - begun < 2 + 0.1 * count, "asked at once while they come"
    assert rig.violations == []


def test_nothing_is_asked_for_on_a_link_that_is_down() -> None:
    link = HdlcClient(16)
    link.expect(now=0.0)
    assert link.data_to_send() is None


def test_disconnecting_from_silence_ends() -> None:
    rig = Rig(HdlcClient(16), Wall(says(Kind.UA), b""))
    rig.connect()
    assert rig.disconnect() == LinkDown(Down.REQUESTED, "without an answer", 16)
    assert rig.now == 10.0, "asked twice"


def numbered(control: int, information: bytes = b"", *, segmented: bool = False) -> bytes:
    """A frame of the server."""
    return encode(Frame(b"\x21", b"\x03", control, information, segmented))


def test_a_busy_meter_is_asked_until_it_is_ready() -> None:
    busy, ready = numbered(0x15), numbered(0x31)  # RNR expecting 0, RR expecting 1
    answer = numbered(information_control(0, 1, poll=True), b"\xe6\xe7\x00\xc4")
    rig = Rig(HdlcClient(16), Wall(says(Kind.UA), busy, busy, ready, answer))
    rig.connect()
    assert rig.ask(b"\xc0") == ApduReceived(b"\xc4", 1, 16)
    asked = [_frame(octets) for _, way, octets in rig.frames if way == "down"][1:]
    assert [frame.kind for frame in asked] == [Kind.I, Kind.RR, Kind.RR, Kind.RR]
    assert rig.now == pytest.approx(3 * 0.3)


def test_a_busy_meter_that_refused_the_frame_gets_it_again() -> None:
    busy, ready = numbered(0x15), numbered(0x11)  # RNR and RR, both expecting 0
    answer = numbered(information_control(0, 1, poll=True), b"\xe6\xe7\x00\xc4")
    rig = Rig(HdlcClient(16), Wall(says(Kind.UA), busy, ready, answer))
    rig.connect()
    assert rig.ask(b"\xc0") == ApduReceived(b"\xc4", 1, 16)
    asked = [_frame(octets) for _, way, octets in rig.frames if way == "down"][1:]
    assert [(frame.kind, frame.ns) for frame in asked if frame.kind is Kind.I] == [(Kind.I, 0)] * 2


def test_a_frame_missing_from_a_window_is_asked_for() -> None:
    sizes = HdlcSettings(128, 128, 3, 3)
    contents = (b"\xe6\xe7\x00\x00", b"\x01", b"\x02")
    zero, one, two = (
        numbered(information_control(n, 1, poll=n == 2), content, segmented=n < 2)
        for n, content in enumerate(contents)
    )
    agreed = encode(Frame(b"\x21", b"\x03", 0x73, encode_parameters(Parameters(128, 128, 3, 3))))
    far = Wall(agreed, zero + two, one + two)
    rig = Rig(HdlcClient(16, settings=sizes), far)
    rig.connect()
    assert rig.ask(b"\xc0") == ApduReceived(b"\x00\x01\x02", 1, 16)
    last = _frame([octets for _, way, octets in rig.frames if way == "down"][-1])
    assert (last.kind, last.nr) == (Kind.RR, 1)
    assert rig.now == 0.0, "at once, without a timeout"


def test_a_bare_snrm_is_answered_with_all_parameters() -> None:
    """As real meters do; there are clients that take no UA without an information field."""
    server = HdlcServer()
    server.receive_data(encode(Frame(b"\x03", b"\x21", 0x93)), now=0.0)
    said = server.data_to_send()
    assert said is not None
    assert _frame(said).information.hex() == "818012050180060180070400000001080400000001"
    server.receive_data(encode(Frame(b"\x03", b"\x21", 0x53)), now=0.0)
    said = server.data_to_send()
    assert said is not None
    assert _frame(said).information == b"", "to DISC there is nothing to agree on"


def test_what_connecting_cost_counts_no_more_when_the_link_is_up() -> None:
    far = Wall(
        b"",
        b"",
        b"",
        says(Kind.UA),
        b"",
        b"",
        b"",
        numbered(0x31),
        numbered(0x30, b"\xe6\xe7\x00\xc4"),
    )
    rig = Rig(HdlcClient(16), far)
    assert rig.connect() == LinkUp(16, 1)
    assert rig.ask(b"\xc0") == ApduReceived(b"\xc4", 1, 16)


def test_an_answer_that_was_lost_is_asked_for_and_not_the_question_repeated() -> None:
    lost = Noise()
    rig = Rig(HdlcClient(16), HdlcServer(), noise=lost, delay_s=0.1)
    rig.connect()
    rig.client.link.send(SHORT, now=rig.now)
    rig.wait(0.05)
    lost.lost = 1.0  # the question has left; the answer will not arrive
    rig.wait(1.0)
    lost.lost = 0.0
    rig.wait(10.0)
    assert rig.client.told(ApduReceived) == [ApduReceived(SHORT[::-1], 1, 16)]
    kinds = [_frame(octets).kind for _, way, octets in rig.frames if way == "down"]
    assert kinds == [Kind.SNRM, Kind.I, Kind.RR]


def _frame(octets: bytes) -> Frame:
    (frame,) = FrameDecoder().feed(octets)
    assert isinstance(frame, Frame)
    return frame


def test_the_line_is_lost() -> None:
    rig = Rig(HdlcClient(16), HdlcServer())
    rig.connect()
    for end in (rig.client, rig.server):
        end.link.lost(now=1.0)
        assert end.link.next_event() == LinkDown(Down.LOST, "", 16)
        assert end.link.next_deadline() is None


def test_connect_twice_is_the_callers_mistake() -> None:
    client = HdlcClient(16)
    client.connect(now=0.0)
    with pytest.raises(LocalProtocolError, match="connecting"):
        client.connect(now=0.0)
    with pytest.raises(LocalProtocolError, match="connecting"):
        client.send(SHORT, now=0.0)


# --- the server -----------------------------------------------------------------------------------


def exchanged(server: HdlcServer, frame: Frame, now: float = 0.0) -> list[Frame]:
    """What the server answers."""
    server.receive_data(encode(frame), now=now)
    while server.next_event() is not NEED_DATA:
        pass
    decoder, out = FrameDecoder(), []
    while (octets := server.data_to_send()) is not None:
        out += decoder.feed(octets)
    return out


def command(kind: Kind, destination: bytes = b"\x03", source: bytes = b"\x21") -> Frame:
    return Frame(destination, source, unnumbered_control(kind))


UNCONNECTED = {
    # name: (command, the kinds of answers)
    "connect": (command(Kind.SNRM), [Kind.UA]),
    "disconnect": (command(Kind.DISC), [Kind.DM]),
    "ready": (Frame(b"\x03", b"\x21", ready_control(0)), [Kind.DM]),
    "information": (Frame(b"\x03", b"\x21", 0x10, b"\xe6\xe6\x00\xc0"), [Kind.DM]),
    "without the turn": (Frame(b"\x03", b"\x21", 0x00, b"\xe6\xe6\x00\xc0"), []),
    "another logical device": (command(Kind.SNRM, b"\x05"), []),
    "another physical device": (command(Kind.SNRM, bytes.fromhex("0225")), []),
    "this physical device": (command(Kind.SNRM, bytes.fromhex("0223")), [Kind.UA]),
    "this one, in four octets": (command(Kind.SNRM, bytes.fromhex("00020023")), [Kind.UA]),
    "whoever hears": (command(Kind.SNRM, bytes.fromhex("02FD")), [Kind.UA]),
    "all stations": (command(Kind.SNRM, b"\xff"), []),
    "no client's address": (command(Kind.SNRM, source=bytes.fromhex("0221")), []),
}


@pytest.mark.parametrize(("asked", "kinds"), UNCONNECTED.values(), ids=UNCONNECTED)
def test_a_server_without_a_link(asked: Frame, kinds: list[Kind]) -> None:
    answers = exchanged(HdlcServer(physical=17), asked)
    assert [answer.kind for answer in answers] == kinds
    for answer in answers:
        assert (answer.source, answer.destination) == (asked.destination, asked.source)
        assert answer.poll


REJECTED = {
    # name: (frame, the bit that says why)
    "an unknown control field": (Frame(b"\x03", b"\x21", 0xFF), 0x01),
    "a response": (command(Kind.UA), 0x01),
    "information where none is allowed": (Frame(b"\x03", b"\x21", ready_control(0), b"!"), 0x03),
    "too much information": (Frame(b"\x03", b"\x21", 0x10, bytes(132)), 0x04),
    "what was never sent": (Frame(b"\x03", b"\x21", ready_control(5)), 0x08),
}


@pytest.mark.parametrize(("frame", "bit"), REJECTED.values(), ids=REJECTED)
def test_a_server_rejects_until_it_is_connected_anew(frame: Frame, bit: int) -> None:
    server = HdlcServer()
    exchanged(server, command(Kind.SNRM))
    for asked in (frame, Frame(b"\x03", b"\x21", ready_control(0))):
        (answer,) = exchanged(server, asked)
        assert answer.kind is Kind.FRMR
        assert answer.information == bytes((frame.control, 0, bit))
    (answer,) = exchanged(server, command(Kind.SNRM))
    assert answer.kind is Kind.UA
    (answer,) = exchanged(server, Frame(b"\x03", b"\x21", ready_control(0)))
    assert answer.kind is Kind.RR


def test_a_server_takes_so_many_clients_and_no_more() -> None:
    server = HdlcServer()
    for client in range(1, CONNECTIONS_MAX + 1):
        (answer,) = exchanged(server, command(Kind.SNRM, source=bytes((client << 1 | 1,))))
        assert answer.kind is Kind.UA
    (answer,) = exchanged(server, command(Kind.SNRM, source=b"\x7f"))
    assert answer.kind is Kind.DM
    exchanged(server, command(Kind.DISC, source=b"\x03"))
    (answer,) = exchanged(server, command(Kind.SNRM, source=b"\x7f"))
    assert answer.kind is Kind.UA


def test_a_repeated_snrm_is_no_news_but_a_later_one_is() -> None:
    rig = Rig(HdlcClient(16), HdlcServer())
    rig.connect()
    again = encode(command(Kind.SNRM))
    rig.server.link.receive_data(again, now=0.0)
    rig.wait(1.0)
    assert rig.server.told(LinkUp) == [LinkUp(16, 1)]
    rig.ask(SHORT)
    rig.server.link.receive_data(again, now=2.0)
    rig.wait(1.0)
    assert rig.server.told(LinkUp) == [LinkUp(16, 1)] * 2
    assert rig.server.told(LinkDown) == [LinkDown(Down.PEER, "connected anew", 16)]


def test_a_silent_client_is_forgotten() -> None:
    server = HdlcServer(settings=HdlcSettings(inactivity_timeout_s=120.0))
    rig = Rig(HdlcClient(16), server)
    rig.connect()
    rig.wait(100.0)
    rig.ask(SHORT)
    rig.wait(119.0)
    assert server.connected
    rig.wait(2.0)
    assert not server.connected
    assert rig.server.told(LinkDown) == [LinkDown(Down.INACTIVE, "", 16)]
    assert rig.ask(SHORT) == LinkDown(Down.PEER, "disconnected mode", 16)


def test_two_clients_on_one_line() -> None:
    server = HdlcServer()
    rigs = [Rig(HdlcClient(client), server) for client in (16, 1)]
    for rig in rigs:
        rig.connect()
    for _ in range(3):
        for rig, client in zip(rigs, (16, 1), strict=True):
            assert rig.ask(LONG) == ApduReceived(LONG[::-1], 1, client)


@pytest.mark.parametrize("size", [1, 127, 128, 2000])
def test_a_push_needs_no_link(size: int) -> None:
    server, client = HdlcServer(physical=17), HdlcClient(16, ServerAddress(1, 17))
    rig = Rig(client, server)
    apdu = b"\x0f" + bytes(size)
    server.send(apdu, client=103, server=1, now=0.0, unconfirmed=True)
    rig.wait(1.0)
    assert rig.client.told(ApduReceived) == [ApduReceived(apdu, 1, 103, unconfirmed=True)]


def test_called_by_an_address_for_all_it_answers_by_its_own() -> None:
    link = HdlcClient(16, ServerAddress(1, CALLING_PHYSICAL_SHORT))
    rig = Rig(link, Wall(encode(Frame(b"\x21", b"\x02\x23", unnumbered_control(Kind.UA)))))
    assert rig.connect() == LinkUp(16, 1)
    assert link.server == ServerAddress(1, 17)
