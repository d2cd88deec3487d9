"""The client's end: sign on, change speed, and go on as HDLC.

    link = ModeEClient(client=1)
    link.connect(now=now)           # SetLine, ..., Identified, SetLine, ..., LinkUp

What the meter says of itself is told (`Identified`) before anything else is tried.  Tolerated, all
seen in the field: an identification without the mark of mode E, a meter that does not confirm the
change of speed or confirms at the old one, a line that echoes, and a meter that says nothing here
but speaks HDLC at once (`fallback`), be it that it always does or that a session broke off.

After `disconnect` the meter is back at its sign-on; `connect` begins there.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import replace

from protocols.errors import LocalProtocolError
from protocols.hdlc.address import ServerAddress
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.settings import HdlcSettings
from protocols.link import Down, Identified, LinkDown, LinkEvent, LinkUp, LinkViolation, SetLine
from protocols.mode_e.messages import (
    BAUD_OF_CODE,
    acknowledgement,
    find_acknowledgement,
    find_identification,
    is_readout,
    request,
    without_parity,
)
from protocols.mode_e.script import LineScript
from protocols.mode_e.settings import (
    FAST_REACTION_MIN_S,
    REACTION_MAX_S,
    REACTION_MIN_S,
    SIGN_ON_LINE,
    ModeESettings,
)
from protocols.sans_io import NEED_DATA, NeedData

_HEARD_OCTETS = 256
"""Kept of what the meter says; the longest message of a sign-on has a quarter."""

_STAY = "0"  # Z of 300 Bd


class _Phase(enum.Enum):
    DOWN = "down"
    REQUESTING = "asking who is there"
    SWITCHING = "choosing HDLC"
    CONFIRMING = "waiting for the meter's confirmation"
    HDLC = "in HDLC"


class ModeEClient:
    """A link between one client and one server, by a sign-on; see `protocols.link`."""

    def __init__(
        self,
        client: int,
        server: ServerAddress | None = None,
        hdlc: HdlcSettings | None = None,
        settings: ModeESettings | None = None,
    ) -> None:
        self._client = client
        self._server = server or ServerAddress()
        self._hdlc_settings = hdlc or HdlcSettings()
        self._settings = settings or ModeESettings()
        self._request = request(self._settings.device_address)
        self._script = LineScript()
        self._events: deque[LinkEvent] = deque()
        self._phase = _Phase.DOWN
        self._heard = b""
        self._deadline: float | None = None
        self._deadline_at_most = 0.0
        self._tries = 0
        self._line = SIGN_ON_LINE
        self._echoing = False
        self._reads_out = False
        self._now = 0.0
        self._rested_at = 0.0
        self._hdlc: HdlcClient | None = None
        self.identified: Identified | None = None
        """What the meter said of itself at the last sign-on."""

    # --- for the caller --------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        """Whether APDUs can be sent."""
        return self._hdlc is not None and self._hdlc.up

    @property
    def hdlc(self) -> HdlcClient | None:
        """The HDLC link that the sign-on led to."""
        return self._hdlc

    @property
    def echoing(self) -> bool:
        """Whether own octets came back."""
        return self._echoing or (self._hdlc is not None and self._hdlc.echoes > 0)

    def connect(self, *, now: float) -> None:
        """Ask who is there."""
        if self._phase is not _Phase.DOWN:
            raise LocalProtocolError(f"connect is not allowed: the link is {self._phase.value}")
        self._hdlc = None
        self.identified = None
        self._tries = 0
        self._line = SIGN_ON_LINE
        self._script.clear()
        self._script.advance(now)
        self._script.add(SIGN_ON_LINE, now)
        self._ask_who_is_there(max(now, self._rested_at))

    def send(self, apdu: bytes, *, now: float) -> None:
        """Transmit an APDU."""
        if self._hdlc is None:
            raise LocalProtocolError(f"send is not allowed: the link is {self._phase.value}")
        self._hdlc.send(apdu, now=now)

    @property
    def partly_here(self) -> int:
        """Octets of an APDU whose last segment is still to come."""
        return 0 if self._hdlc is None else self._hdlc.partly_here

    def expect(self, *, now: float) -> None:
        """Ask for what is still due."""
        if self._hdlc is not None:
            self._hdlc.expect(now=now)

    def disconnect(self, *, now: float) -> None:
        """Send DISC; before HDLC, stop."""
        if self._phase is _Phase.HDLC and self._hdlc is not None:
            self._hdlc.disconnect(now=now)
        elif self._phase is not _Phase.DOWN:
            self._down(Down.REQUESTED)

    def receive_data(self, octets: bytes, *, now: float) -> None:
        """Take in octets in any pieces."""
        self._now = now
        self._script.advance(now)
        if self._phase is _Phase.HDLC and self._hdlc is not None:
            self._hdlc.receive_data(octets, now=now)
            self._hear(octets)
            self._watch_for_readout()
        elif self._phase is not _Phase.DOWN:
            self._hear(octets)
            self._listen(now)

    def data_to_send(self) -> bytes | None:
        """The next octets to transmit, or None."""
        if self._script:
            return self._script.octets()
        return self._hdlc.data_to_send() if self._hdlc else None

    def next_event(self) -> LinkEvent | NeedData:
        """The oldest event not yet told."""
        if self._events:
            return self._events.popleft()
        if (setting := self._script.setting()) is not None:
            return setting
        event = self._hdlc.next_event() if self._hdlc else NEED_DATA
        if isinstance(event, LinkUp):
            self._heard = b""
        if isinstance(event, LinkDown) and self._phase is _Phase.HDLC:
            self._phase = _Phase.DOWN
            self._rested_at = self._now + self._settings.rest_s
            return replace(event, detail=self._with_history(event))
        return event

    def next_deadline(self) -> float | None:
        """When `handle_deadline` wants to be called."""
        waited = [self._deadline, self._script.next_deadline()]
        waited.append(self._hdlc.next_deadline() if self._hdlc else None)
        return min((due for due in waited if due is not None), default=None)

    def handle_deadline(self, *, now: float) -> None:
        """Hand out what waited, repeat, go on without a confirmation, or give up."""
        self._now = now
        self._script.advance(now)
        if self._hdlc is not None:
            self._hdlc.handle_deadline(now=now)
        if self._deadline is None or now < self._deadline:
            return
        self._deadline = None
        if self._phase is _Phase.REQUESTING:
            self._nobody(now)
        elif self._phase is _Phase.SWITCHING:
            self._switched(now)
        elif self._phase is _Phase.CONFIRMING:
            self._enter_hdlc(self._line, now)

    def lost(self, *, now: float) -> None:
        """The line is gone."""
        self._script.clear()
        if self._phase is _Phase.HDLC and self._hdlc is not None:
            self._hdlc.lost(now=now)
        else:
            self._down(Down.LOST)

    # --- the sign-on -----------------------------------------------------------------------------

    def _ask_who_is_there(self, at: float) -> None:
        self._phase = _Phase.REQUESTING
        self._heard, self._reads_out = b"", False
        self._script.add(self._request, at)
        left = at + SIGN_ON_LINE.airtime_s(len(self._request))
        self._deadline = left + self._settings.identification_timeout_s
        longest = SIGN_ON_LINE.airtime_s(_HEARD_OCTETS)
        self._deadline_at_most = self._deadline + longest

    def _heard_octets(self) -> int:
        """How much is kept of what the meter says."""
        return _HEARD_OCTETS

    def _hear(self, octets: bytes) -> None:
        heard = self._heard + without_parity(octets)
        self._reads_out = self._reads_out or is_readout(heard)  # it may be longer than what is kept
        self._heard = heard[-self._heard_octets() :]

    def _confirming(self) -> None:
        self._phase = _Phase.CONFIRMING

    def _listen(self, now: float) -> None:
        if self._phase is _Phase.REQUESTING:
            self._listen_for_identification(now)
        elif self._phase is _Phase.CONFIRMING:
            self._listen_for_confirmation(now)

    def _listen_for_identification(self, now: float) -> None:
        self._echoing = self._echoing or self._request in self._heard
        found = find_identification(self._heard)
        if found is not None:
            self._identified(found, now)
        elif self._deadline is not None:
            # Its message is on its way: wait for its end, though not for ever.
            due = min(now + REACTION_MAX_S, self._deadline_at_most)
            self._deadline = max(self._deadline, due)

    def _identified(self, found: Identified, now: float) -> None:
        self.identified = found
        self._events.append(found)
        self._heard = b""
        if found.baud_code not in BAUD_OF_CODE:
            mode = "B" if "A" <= found.baud_code <= "I" else "A"
            self._down(Down.NO_DLMS, f"it identified as {_shown(found)}, which is mode {mode}")
            return
        code = found.baud_code if found.baud <= self._settings.baud_max else _STAY
        self._choose(acknowledgement(code), BAUD_OF_CODE[code], found, now)

    def _reaction(self, found: Identified) -> float:
        """How long to keep silent before this meter listens."""
        fast = found.manufacturer[2].islower()
        return (FAST_REACTION_MIN_S if fast else REACTION_MIN_S) + self._settings.margin_s

    def _choose(self, chosen: bytes, baud: int, found: Identified, now: float) -> None:
        """Acknowledge; what follows is at this speed."""
        self._line = SetLine(baud)
        reaction = self._reaction(found)
        self._script.add(chosen, now + reaction)
        left = now + reaction + SIGN_ON_LINE.airtime_s(len(chosen))
        self._phase = _Phase.SWITCHING
        self._deadline = left + self._settings.switch_after_s

    def _switched(self, now: float) -> None:
        """What came until now was an echo, or a confirmation at the old speed."""
        echoes = 1 if self._echoing else 0
        confirmed = self._heard.count(acknowledgement(self._code)) > echoes
        self._heard = b""
        self._script.add(self._line, now)
        self._confirming()
        wait = REACTION_MIN_S if confirmed else self._settings.confirmation_timeout_s
        self._deadline = now + wait

    @property
    def _code(self) -> str:
        """Z as it was chosen."""
        return next(code for code, baud in BAUD_OF_CODE.items() if baud == self._line.baud)

    def _listen_for_confirmation(self, now: float) -> None:
        if find_acknowledgement(self._heard) is not None:
            # With parity, which is why it was taken off; now the meter changes to none.
            self._heard = b""
            self._deadline = now + REACTION_MIN_S
        self._watch_for_readout()

    def _nobody(self, now: float) -> None:
        self._tries += 1
        if self._tries <= self._settings.retries:
            self._ask_who_is_there(now)
            return
        if self._heard:
            self._events.append(LinkViolation("no identification", self._heard[:64]))
        fallback = self._settings.fallback
        if fallback is None:
            self._down(Down.NO_ANSWER, "the meter does not identify itself")
        else:
            self._script.add(fallback, now)
            self._enter_hdlc(fallback, now)

    # --- HDLC ------------------------------------------------------------------------------------

    def _enter_hdlc(self, line: SetLine, now: float) -> None:
        self._line = line
        self._phase = _Phase.HDLC
        self._heard = b""
        settings = replace(self._hdlc_settings, line=line)
        self._hdlc = HdlcClient(self._client, self._server, settings)
        self._hdlc.connect(now=now)

    def _watch_for_readout(self) -> None:
        """A meter that was asked for HDLC and knows none reads itself out."""
        if not self.up and self._phase is not _Phase.DOWN and self._reads_out:
            self._down(Down.NO_DLMS, "it reads its registers out in clear text, which is mode C")

    def _with_history(self, event: LinkDown) -> str:
        """What the sign-on had brought, for a link that never came up."""
        if event.reason is not Down.NO_ANSWER or "connecting" not in event.detail:
            return event.detail
        if self.identified is None:
            return f"the meter neither identifies itself nor speaks HDLC at {self._line}"
        mark = "" if self.identified.mode_e else ", without the mark of mode E"
        return f"it identified as {_shown(self.identified)}{mark}, and then spoke no HDLC"

    def _down(self, reason: Down, detail: str = "") -> None:
        if self._phase is _Phase.DOWN:
            return
        self._phase = _Phase.DOWN
        self._deadline = None
        self._hdlc = None
        self._script.clear()
        self._events.append(LinkDown(reason, detail, self._client))


def _shown(identified: Identified) -> str:
    return identified.raw.rstrip().decode("ascii")
