"""A client that signs on and lets the meter read itself out, in modes A, B, C and E.

    link = ReadoutClient()
    link.connect(now=now)           # SetLine, ..., Identified, SetLine, ..., LinkDown
    link.readout                    # what came, or None

A meter of mode C or E is asked for it by ACK 0 Z 0 (IEC 62056-21, 6.3.12); one of mode B changes
its speed by itself, one of mode A stays.  A message whose check character does not fit is asked for
again by NAK.  No link comes up, so it ends with LinkDown(REQUESTED) where all went well.
"""

from __future__ import annotations

from protocols.errors import ProtocolError
from protocols.link import Down, Identified, LinkViolation, SetLine
from protocols.mode_e import readout
from protocols.mode_e.client import ModeEClient
from protocols.mode_e.messages import BAUD_OF_CODE, readout_choice
from protocols.mode_e.settings import REACTION_MAX_S, SIGN_ON_LINE, ModeESettings

BAUD_OF_MODE_B = {"A": 600, "B": 1200, "C": 2400, "D": 4800, "E": 9600, "F": 19200}
REPETITIONS_MAX = 2
CLIENT = 0  # nobody's address: no HDLC follows


class ReadoutClient(ModeEClient):
    """See the module."""

    def __init__(self, settings: ModeESettings | None = None) -> None:
        super().__init__(CLIENT, settings=settings)
        self.readout: readout.Readout | None = None
        self._repetitions = 0

    def _heard_octets(self) -> int:
        return readout.READOUT_MAX

    def _identified(self, found: Identified, now: float) -> None:
        self.identified = found
        self._events.append(found)
        self.readout, self._repetitions, self._heard = None, 0, b""
        if found.baud_code in BAUD_OF_CODE:
            code = found.baud_code if found.baud <= self._settings.baud_max else "0"
            self._choose(readout_choice(code), BAUD_OF_CODE[code], found, now)
            return
        baud = BAUD_OF_MODE_B.get(found.baud_code, SIGN_ON_LINE.baud)
        self._line = SetLine(baud, SIGN_ON_LINE.data_bits, SIGN_ON_LINE.parity)
        self._switched(now)

    def _switched(self, now: float) -> None:
        """The line is set for the data, which are on their way."""
        line = SetLine(self._line.baud, SIGN_ON_LINE.data_bits, SIGN_ON_LINE.parity)
        self._line = line
        self._heard = b""
        self._script.add(line, now)
        self._await_data(now)

    def _await_data(self, now: float) -> None:
        self._confirming()
        self._deadline = now + self._settings.identification_timeout_s

    def _listen_for_confirmation(self, now: float) -> None:
        """The data come: wait for their end, though not for ever."""
        self._deadline = now + REACTION_MAX_S
        try:
            self.readout = readout.find(self._heard)
        except ProtocolError as error:
            self._repeat(error, now)
            return
        if self.readout is not None:
            self._down(Down.REQUESTED)
        elif len(self._heard) >= readout.READOUT_MAX:
            self._down(Down.BROKEN, f"more than {readout.READOUT_MAX} octets of data")

    def _repeat(self, error: ProtocolError, now: float) -> None:
        self._events.append(LinkViolation(str(error), self._heard[:64]))
        self._heard = b""
        self._repetitions += 1
        if self._repetitions > REPETITIONS_MAX:
            self._down(Down.BROKEN, f"its data came damaged {self._repetitions} times")
            return
        self._script.add(bytes((readout.NAK,)), now + self._reaction(self._named()))
        self._await_data(now)

    def _named(self) -> Identified:
        assert self.identified is not None
        return self.identified

    def _enter_hdlc(self, line: SetLine, now: float) -> None:
        """The data ended, or never began: some meters of mode A send neither STX nor check."""
        try:
            self.readout = readout.find_unchecked(self._heard)
        except ProtocolError as error:
            self._events.append(LinkViolation(str(error), self._heard[:64]))
        if self.readout is not None:
            self._down(Down.REQUESTED)
        elif self.identified is None:
            self._down(Down.NO_ANSWER, "the meter does not identify itself")
        else:
            self._down(Down.NO_ANSWER, "the meter identified itself, and then read nothing out")
