"""The meter's end: identify, change speed, be an HDLC server, and come back after it.

It is at its sign-on (300 Bd 7E1) until a client chooses HDLC, and again when the last HDLC link is
down, or when none comes up in time.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from protocols.errors import LocalProtocolError
from protocols.hdlc.server import HdlcServer
from protocols.hdlc.settings import HdlcSettings
from protocols.link import LinkDown, LinkEvent, Parity, SetLine
from protocols.mode_e.messages import (
    BAUD_OF_CODE,
    acknowledgement,
    find_acknowledgement,
    find_request,
    identification,
    same_address,
    without_parity,
)
from protocols.mode_e.readout import NAK
from protocols.mode_e.script import LineScript
from protocols.mode_e.settings import REACTION_MAX_S, REACTION_MIN_S, SIGN_ON_LINE
from protocols.sans_io import NEED_DATA, NeedData

_HEARD_OCTETS = 128


@dataclass(frozen=True, slots=True)
class SignOn:
    """How a meter presents itself; times in seconds."""

    manufacturer: str = "AMI"
    baud_code: str = "5"
    text: str = "METER"
    device_address: str = ""
    mode_e: bool = True
    """Whether the identification has the mark of mode E; some meters leave it out."""
    confirms: bool = True
    """Whether the change of speed is confirmed at the new speed, as the standard asks."""
    reaction_s: float = REACTION_MIN_S
    choice_timeout_s: float = REACTION_MAX_S + 1.0
    """How long the client may take to choose, the acknowledgement's own time included."""
    first_frame_timeout_s: float = 20.0
    """How long the meter waits in HDLC for a link."""

    def __post_init__(self) -> None:
        self.identification()
        if self.baud_code not in BAUD_OF_CODE:
            raise ValueError(f"speed {self.baud_code!r}: one of {', '.join(BAUD_OF_CODE)}")

    def identification(self) -> bytes:
        """Its octets."""
        return identification(self.manufacturer, self.baud_code, self.text, mode_e=self.mode_e)


CHOICE_OCTETS = 6  # ACK V Z Y CR LF
READOUT_KEPT_S = REACTION_MAX_S + 0.5
"""How long after a readout the client may ask for it again."""


class _Phase(enum.Enum):
    SIGN_ON = "at the sign-on"
    IDENTIFIED = "waiting for the client's choice"
    HDLC = "in HDLC"
    READOUT = "reading itself out"


class ModeEServer:
    """All links of one meter on one line; see `protocols.link`."""

    def __init__(
        self,
        sign_on: SignOn | None = None,
        logical_devices: tuple[int, ...] = (1,),
        *,
        physical: int | None = None,
        settings: HdlcSettings | None = None,
        readout: Callable[[], bytes] | None = None,
    ) -> None:
        """`readout` makes the data message of a meter that reads itself out when asked to."""
        self._readout = readout
        self._read_out = b""
        self._readout_line = SIGN_ON_LINE
        self._sign_on = sign_on or SignOn()
        self._logical_devices = logical_devices
        self._physical = physical
        self._settings = settings or HdlcSettings()
        self._script = LineScript()
        self._script.add(SIGN_ON_LINE, float("-inf"))
        self._events: deque[LinkEvent] = deque()
        self._phase = _Phase.SIGN_ON
        self._heard = b""
        self._deadline: float | None = None
        self._hdlc: HdlcServer | None = None
        self._line = SIGN_ON_LINE
        self._now = 0.0

    @property
    def line(self) -> SetLine:
        """How the meter's end of the line is set."""
        return self._line

    def send(
        self, apdu: bytes, *, client: int, server: int, now: float, unconfirmed: bool = False
    ) -> None:
        """Transmit an APDU of this logical device to this client."""
        if self._hdlc is None:
            raise LocalProtocolError(f"send is not allowed: the meter is {self._phase.value}")
        self._hdlc.send(apdu, client=client, server=server, now=now, unconfirmed=unconfirmed)

    def receive_data(self, octets: bytes, *, now: float) -> None:
        """Take in octets in any pieces."""
        self._advance(now)
        if self._hdlc is not None:
            self._hdlc.receive_data(octets, now=now)
            return
        self._heard = (self._heard + without_parity(octets))[-_HEARD_OCTETS:]
        asked = find_request(self._heard)
        if asked is not None:
            self._heard = b""
            if same_address(asked, self._sign_on.device_address):
                self._identify(now)
        elif self._phase is _Phase.IDENTIFIED:
            self._listen_for_choice(now)
        elif self._phase is _Phase.READOUT and NAK in octets:
            self._heard = b""
            self._say_readout(now)

    def data_to_send(self) -> bytes | None:
        """The next octets to transmit, or None."""
        if self._script:
            return self._script.octets()
        return self._hdlc.data_to_send() if self._hdlc is not None else None

    def next_event(self) -> LinkEvent | NeedData:
        """The oldest event not yet told."""
        if self._events:
            return self._events.popleft()
        if (setting := self._script.setting()) is not None:
            self._line = setting
            return setting
        if self._hdlc is None:
            return NEED_DATA
        event = self._hdlc.next_event()
        if isinstance(event, LinkDown) and not self._hdlc.connected:
            self._return(self._now)
        return event

    def next_deadline(self) -> float | None:
        """When `handle_deadline` wants to be called."""
        waited = [self._deadline, self._script.next_deadline()]
        waited.append(self._hdlc.next_deadline() if self._hdlc else None)
        return min((due for due in waited if due is not None), default=None)

    def handle_deadline(self, *, now: float) -> None:
        """Hand out what waited; go back to the sign-on."""
        self._advance(now)
        if self._hdlc is not None:
            self._hdlc.handle_deadline(now=now)
        if self._deadline is None or now < self._deadline:
            return
        self._deadline = None
        if self._hdlc is None or not self._hdlc.connected:
            self._return(now)

    def lost(self, *, now: float) -> None:
        """The line is gone."""
        self._advance(now)
        self._script.clear()
        if self._hdlc is not None:
            self._hdlc.lost(now=now)
            self._keep_events(self._hdlc)
        self._return(now)

    # --- the sign-on -----------------------------------------------------------------------------

    def _advance(self, now: float) -> None:
        self._now = max(self._now, now)
        self._script.advance(now)

    def _identify(self, now: float) -> None:
        if self._phase is _Phase.IDENTIFIED:
            self._script.clear()  # asked again before it has answered: one answer
        octets = self._sign_on.identification()
        at = now + self._sign_on.reaction_s
        self._script.add(octets, at)
        self._phase = _Phase.IDENTIFIED
        self._deadline = at + SIGN_ON_LINE.airtime_s(len(octets)) + self._sign_on.choice_timeout_s

    def _listen_for_choice(self, now: float) -> None:
        chosen = find_acknowledgement(self._heard)
        if chosen is None:
            return
        self._heard = b""
        fits = chosen.baud_code in ("0", self._sign_on.baud_code)
        if chosen.readout and self._readout is not None and fits:
            self._phase, self._read_out = _Phase.READOUT, self._readout()
            self._readout_line = replace(SIGN_ON_LINE, baud=BAUD_OF_CODE[chosen.baud_code])
            self._script.add(self._readout_line, now)
            self._say_readout(now)
            return
        if not chosen.binary or chosen.baud_code not in ("0", self._sign_on.baud_code):
            self._return(now)
            return
        self._phase = _Phase.HDLC
        binary = SetLine(BAUD_OF_CODE[chosen.baud_code])
        ready = now
        if self._sign_on.confirms:
            confirming = replace(binary, data_bits=7, parity=Parity.EVEN)
            confirmation = acknowledgement(chosen.baud_code)
            self._script.add(confirming, now)
            self._script.add(confirmation, now + self._sign_on.reaction_s)
            ready = now + self._sign_on.reaction_s + confirming.airtime_s(len(confirmation))
        self._script.add(binary, ready)
        self._hdlc = HdlcServer(
            self._logical_devices,
            physical=self._physical,
            settings=replace(self._settings, line=binary),
        )
        self._deadline = ready + self._sign_on.first_frame_timeout_s

    def _say_readout(self, now: float) -> None:
        """The data message, and a while in which it may be asked for again.

        Later by the time that a choice travels at 300 Bd: on a pty it takes none, and the client
        changes its speed when it would have arrived.  That is still within the standard's 1.5 s.
        """
        begin = now + self._sign_on.reaction_s + SIGN_ON_LINE.airtime_s(CHOICE_OCTETS)
        self._script.add(self._read_out, begin)
        airtime_s = self._readout_line.airtime_s(len(self._read_out))
        self._deadline = begin + airtime_s + READOUT_KEPT_S

    def _return(self, now: float) -> None:
        """Back to the sign-on, when the answer to DISC has left."""
        self._script.clear()
        if self._hdlc is not None:
            self._keep_events(self._hdlc)
            while (octets := self._hdlc.data_to_send()) is not None:
                self._script.add(octets, now)
        if self._line != SIGN_ON_LINE:
            self._script.add(SIGN_ON_LINE, now)
        self._hdlc = None
        self._phase = _Phase.SIGN_ON
        self._deadline = None
        self._heard = b""

    def _keep_events(self, hdlc: HdlcServer) -> None:
        """What HDLC has not told yet."""
        while (event := hdlc.next_event()) is not NEED_DATA:
            self._events.append(event)
