"""Readouts in clear text: octets by hand from IEC 62056-21 (6.3.3, 6.3.12), and whole sign-ons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import ProtocolError
from protocols.link import Down, Identified, LinkDown, LinkEvent, LinkViolation, Parity, SetLine
from protocols.mode_e.messages import find_acknowledgement, readout_choice
from protocols.mode_e.readout import DataSet, Readout, find, find_unchecked, message
from protocols.mode_e.readout_client import ReadoutClient
from protocols.mode_e.server import ModeEServer, SignOn
from protocols.mode_e.settings import SIGN_ON_LINE
from protocols.sans_io import NEED_DATA
from tests.links.rig import Rig

ENERGY = DataSet("1.8.0", "000123.456", "kWh")
NUMBER = DataSet("0.0.0", "12345678")
MESSAGES = {
    # name: (octets, data sets); check characters worked out by hand: exclusive or, bit by bit
    "nothing": (b"\x02!\r\n\x03%", ()),  # 21 xor 0D xor 0A xor 03
    "a number": (b"\x020.0.0(12345678)\r\n!\r\n\x03\x1b", (NUMBER,)),
    "two on a line": (b"\x021.8.0(1*kWh)2.8.0(2*kWh)\r\n!\r\n\x03\x22", (
        DataSet("1.8.0", "1", "kWh"), DataSet("2.8.0", "2", "kWh"),
    )),
    "an address left out": (b"\x021.6.0(1*kW)(2)\r\n!\r\n\x03\x00", (
        DataSet("1.6.0", "1", "kW"), DataSet("1.6.0", "2"),
    )),
}  # fmt: skip


@pytest.mark.parametrize("octets, data", MESSAGES.values(), ids=MESSAGES)
def test_octets(octets: bytes, data: tuple[DataSet, ...]) -> None:
    found = find(b"\xff/ noise" + octets + b"behind")
    assert found == Readout(data, octets)
    assert all(find(octets[:end]) is None for end in range(len(octets)))


def test_a_message_is_written_as_it_is_read() -> None:
    octets = message((NUMBER, ENERGY))
    assert octets.startswith(b"\x020.0.0(12345678)\r\n1.8.0(000123.456*kWh)\r\n!\r\n\x03")
    found = find(octets)
    assert found is not None and found.data == (NUMBER, ENERGY) and found.checked


@given(st.binary(max_size=60), st.integers(0, 59), st.integers(1, 127))
def test_one_changed_octet_is_noticed(rest: bytes, place: int, change: int) -> None:
    octets = bytearray(message((NUMBER, ENERGY)))
    at = 1 + place % (len(octets) - 2)
    octets[at] ^= change
    try:
        assert find(bytes(octets)) is None
    except ProtocolError as error:
        assert 0 <= error.offset <= len(octets)
    for unlikely in (rest, b"\x02" + rest, rest + b"!\r\n"):
        for read in (find, find_unchecked):
            try:
                read(unlikely)
            except ProtocolError as error:
                assert 0 <= error.offset <= len(unlikely)


@pytest.mark.parametrize(
    "bad", [DataSet("1.8.0", "1)"), DataSet("1/8", "1"), DataSet("a" * 17, "")]
)
def test_what_no_message_carries(bad: DataSet) -> None:
    with pytest.raises(ValueError, match="no data set"):
        message((bad,))


def test_the_choice_of_a_readout() -> None:
    assert readout_choice("5") == b"\x06050\r\n"
    chosen = find_acknowledgement(b"\x06050\r\n")
    assert chosen is not None and chosen.readout and not chosen.binary


DATA = message((NUMBER, ENERGY))
METERS = {
    "by the book": SignOn(),
    "without the mark of mode E": SignOn(mode_e=False),
    "300 Bd": SignOn(baud_code="0"),
    "fast to react": SignOn(manufacturer="AMi", reaction_s=0.02),
}


@pytest.mark.parametrize("sign_on", METERS.values(), ids=METERS)
@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("piece", [0, 1])
def test_a_meter_reads_itself_out_and_is_back_at_its_sign_on(
    sign_on: SignOn, echo: bool, piece: int
) -> None:
    client = ReadoutClient()
    server = ModeEServer(sign_on, readout=lambda: DATA)
    rig = Rig(client, server, echo=echo, piece=piece, line=SIGN_ON_LINE)
    for _ in range(2):
        assert rig.connect() == LinkDown(Down.REQUESTED, "", 0)
        assert client.readout == Readout((NUMBER, ENERGY), DATA)
        assert not client.up
        rig.wait(3.0)
        assert rig.server.line == SIGN_ON_LINE
    speeds = {line.baud for _, line in rig.client.settings}
    assert speeds == ({300} if sign_on.baud_code == "0" else {300, 9600})
    assert all(line.parity is Parity.EVEN for _, line in rig.client.settings)


def test_one_that_is_not_asked_for_it_goes_on_as_before() -> None:
    server = ModeEServer(SignOn())
    rig = Rig(ReadoutClient(), server, line=SIGN_ON_LINE)
    ended = rig.connect(limit_s=60)
    assert isinstance(ended, LinkDown) and ended.reason is Down.NO_ANSWER
    assert "read nothing out" in ended.detail
    rig.wait(1.0)
    assert rig.server.line == SIGN_ON_LINE


class Scripted:
    """A client driven by hand: what it says, and what it is told."""

    def __init__(self) -> None:
        self.link = ReadoutClient()
        self.link.connect(now=0.0)
        self.now, self.said, self.events = 0.0, b"", list[LinkEvent]()
        self.settle()

    def settle(self) -> None:
        while True:
            while (octets := self.link.data_to_send()) is not None:
                self.said += octets
            event = self.link.next_event()
            if event is NEED_DATA:
                return
            self.events.append(event)

    def hear(self, octets: bytes, after_s: float = 0.5) -> None:
        self.wait(after_s)
        self.link.receive_data(octets, now=self.now)
        self.settle()

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while (due := self.link.next_deadline()) is not None and due <= until:
            self.now = due
            self.link.handle_deadline(now=due)
            self.settle()
        self.now = until


OTHER_MODES = {
    # mode: (identification, the line on which its data come, octets)
    "B": (b"/ABCE12345\r\n", SetLine(9600, 7, Parity.EVEN), DATA),
    "A": (b"/ABC 12345\r\n", SIGN_ON_LINE, DATA),
    "A, without STX and check": (b"/ABC 12345\r\n", SIGN_ON_LINE, DATA[1:-2]),
}


@pytest.mark.parametrize("said, line, data", OTHER_MODES.values(), ids=OTHER_MODES)
def test_meters_that_read_themselves_out_unasked(said: bytes, line: SetLine, data: bytes) -> None:
    it = Scripted()
    it.hear(said)
    assert it.said == b"/?!\r\n", "nothing is acknowledged"
    assert [each for each in it.events if isinstance(each, SetLine)][-1] == line
    it.hear(data)
    it.wait(5.0)
    assert it.link.readout is not None and it.link.readout.data == (NUMBER, ENERGY)
    assert it.link.readout.checked is (data is DATA)
    assert it.events[-1] == LinkDown(Down.REQUESTED, "", 0)


@pytest.mark.parametrize("damaged", [1, 2, 3])
def test_damaged_data_are_asked_for_again_and_not_for_ever(damaged: int) -> None:
    it = Scripted()
    it.hear(b"/ABC5\\212345\r\n")
    it.wait(1.0)
    assert it.said == b"/?!\r\n\x06050\r\n"
    spoilt = DATA[:5] + b"9" + DATA[6:]
    for _ in range(damaged):
        it.hear(spoilt)
        it.wait(0.5)
    it.hear(DATA)
    assert it.said.count(b"\x15") == min(damaged, 2)
    assert sum(isinstance(each, LinkViolation) for each in it.events) == damaged
    ended = it.events[-1]
    assert isinstance(ended, LinkDown)
    assert ended.reason is (Down.REQUESTED if damaged < 3 else Down.BROKEN)


def test_nobody_there() -> None:
    it = Scripted()
    it.wait(30.0)
    assert it.events[-1] == LinkDown(Down.NO_ANSWER, "the meter does not identify itself", 0)
    assert not any(isinstance(each, Identified) for each in it.events)
