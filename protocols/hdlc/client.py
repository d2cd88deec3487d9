"""The client's end of an HDLC link: the primary station, which gives and takes the turn.

The client sends a window of frames and gives the turn with the last (P); the server answers with a
window and gives it back (F).  Without an answer the client first asks where the server stands (RR),
which brings back what was lost on either way, and every second time repeats its own frames, for
servers that know no such question.
"""

from __future__ import annotations

import enum

from protocols.errors import LocalProtocolError
from protocols.hdlc.address import CALLING_PHYSICAL_SHORT, ServerAddress, encode_client
from protocols.hdlc.echo import EchoFilter
from protocols.hdlc.frame import (
    Frame,
    Kind,
    information_control,
    ready_control,
    unnumbered_control,
)
from protocols.hdlc.line import FrameLine, server_address
from protocols.hdlc.numbering import Numbering, OutOfSequence
from protocols.hdlc.parameters import DEFAULTS, Parameters, decode_parameters, encode_parameters
from protocols.hdlc.reject import describe_reject
from protocols.hdlc.segments import LLC_COMMAND
from protocols.hdlc.settings import HdlcSettings
from protocols.link import Down, LinkDown, LinkEvent, LinkUp
from protocols.sans_io import NeedData

_DISC_RETRIES = 1  # a peer that is gone is not worth more
_FRAME_OVERHEAD = 20  # octets around information: flags, format, addresses, control, checksums


class _State(enum.Enum):
    DOWN = "down"
    CONNECTING = "connecting"
    UP = "up"
    DISCONNECTING = "disconnecting"


class HdlcClient:
    """A link between one client and one server; see `protocols.link`."""

    def __init__(
        self,
        client: int,
        server: ServerAddress | None = None,
        settings: HdlcSettings | None = None,
    ) -> None:
        self._client = client
        self._server = server or ServerAddress()
        self._settings = settings or HdlcSettings()
        self._own = encode_client(client)
        self._peer = self._server.encode()
        self._line = FrameLine(self._settings)
        self._state = _State.DOWN
        self._parameters = DEFAULTS
        self._offer = Parameters.of(self._settings)
        self._numbering = Numbering(LLC_COMMAND, size=0, window=1)
        self._answer_due: float | None = None  # when the link stops asking for an answer
        self._response_due: float | None = None
        self._response_due_at_most = 0.0
        self._poll_due: float | None = None
        self._our_turn = True
        self._tries = 0  # of getting any response
        self._repeats = 0  # of frames that responses do not acknowledge
        self._frames_in_turn = 0
        self._gap = False  # a frame came out of sequence in this turn
        self._echo = EchoFilter()

    # --- for the caller --------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        """Whether APDUs can be sent."""
        return self._state is _State.UP

    @property
    def partly_here(self) -> int:
        """Octets of the segments of an APDU whose last one is still to come."""
        return self._numbering.partly_here

    @property
    def negotiated(self) -> Parameters:
        """Sizes and windows that the link uses."""
        return self._parameters

    @property
    def server(self) -> ServerAddress:
        """The server that is called, or, where it was called by an address for all, its own."""
        return self._server

    @property
    def echoes(self) -> int:
        """Own frames that came back from the line."""
        return self._echo.echoes

    def connect(self, *, now: float) -> None:
        """Send SNRM."""
        if self._state is not _State.DOWN:
            raise LocalProtocolError(f"connect is not allowed: the link is {self._state.value}")
        self._state = _State.CONNECTING
        self._offer = Parameters.of(self._settings)
        self._tries = 0
        self._command(Kind.SNRM, now)

    def send(self, apdu: bytes, *, now: float) -> None:
        """Transmit an APDU, in as many segments as it takes."""
        if self._state is not _State.UP:
            raise LocalProtocolError(f"send is not allowed: the link is {self._state.value}")
        self._numbering.queue(apdu)
        self._answer_due = now + self._settings.answer_timeout_s
        if self._our_turn:
            self._transmit(now)

    def expect(self, *, now: float) -> None:
        """Give the turn until another APDU has come, at once and then in intervals."""
        if self._state is not _State.UP or self._answer_due is not None:
            return  # it is asked for already
        self._answer_due = now + self._settings.answer_timeout_s
        if self._our_turn:
            self._ask(now)

    def disconnect(self, *, now: float) -> None:
        """Send DISC."""
        if self._state in (_State.DOWN, _State.DISCONNECTING):
            return
        self._state = _State.DISCONNECTING
        self._line.outbox.clear()
        self._tries = 0
        self._poll_due = None
        self._command(Kind.DISC, now)

    def receive_data(self, octets: bytes, *, now: float) -> None:
        """Take in octets in any pieces."""
        for frame in self._line.receive(octets, now):
            self._take(frame, now)
        if self._response_due is not None and self._line.arriving:
            # The answer is on its way: wait for its end, though not for ever.
            arriving = now + self._settings.inter_octet_timeout_s
            self._response_due = max(self._response_due, min(arriving, self._response_due_at_most))

    def data_to_send(self) -> bytes | None:
        """The next frame to transmit, or None."""
        return self._line.outbox.popleft() if self._line.outbox else None

    def next_event(self) -> LinkEvent | NeedData:
        """The oldest event not yet told."""
        return self._line.next_event()

    def next_deadline(self) -> float | None:
        """When `handle_deadline` wants to be called."""
        waited = (self._line.pause_due, self._response_due, self._poll_due)
        return min((due for due in waited if due is not None), default=None)

    def handle_deadline(self, *, now: float) -> None:
        """Repeat, ask again, or give up."""
        for frame in self._line.pause(now):
            self._take(frame, now)
        if self._poll_due is not None and now >= self._poll_due:
            self._poll_due = None
            self._ask(now)
        elif self._response_due is not None and now >= self._response_due:
            self._response_due = None
            self._no_response(now)

    def lost(self, *, now: float) -> None:
        """The line is gone."""
        self._line.outbox.clear()
        self._down(Down.LOST)

    # --- what comes ------------------------------------------------------------------------------

    def _take(self, frame: Frame, now: float) -> None:
        if self._echo.is_echo(frame, self._own, self._peer):
            return
        source, destination = server_address(frame.source), server_address(frame.destination)
        if source is None or destination is None:
            ends = f"from {frame.source.hex()} to {frame.destination.hex()}"
            self._line.violate(f"{frame} {ends}: no addresses")
        elif frame.kind is Kind.UI or (frame.kind is Kind.I and self._state is _State.DOWN):
            # Kaifa's MA304 pushes in I frames, without a link and to client 0; Landis+Gyr's E450
            # to a client address of two octets.
            self._line.take_unconfirmed(frame, source.logical, destination.logical)
        elif frame.destination != self._own or not self._is_server(source):
            ends = f"from {frame.source.hex()} to {frame.destination.hex()}"
            self._line.violate(f"{frame} {ends}: not for this link")
        elif self._state is _State.CONNECTING:
            self._take_while_connecting(frame, source, now)
        elif self._state is _State.UP:
            self._take_while_up(frame, now)
        elif self._state is _State.DISCONNECTING and frame.kind in (Kind.UA, Kind.DM):
            self._down(Down.REQUESTED)
        else:
            self._line.violate(f"{frame} while {self._state.value}")

    def _is_server(self, source: ServerAddress) -> bool:
        """Some servers answer with a shorter address than they were called by."""
        called = self._server
        if source == called or called.broadcast or called.physical == CALLING_PHYSICAL_SHORT:
            return True
        one_has_none = source.physical is None or called.physical is None
        return source.logical == called.logical and (
            one_has_none or source.physical == called.physical
        )

    def _take_while_connecting(self, frame: Frame, source: ServerAddress, now: float) -> None:
        if frame.kind is Kind.UA:
            self._connected(frame, source)
        elif frame.kind is Kind.DM:
            self._down(Down.REFUSED, "disconnected mode")
        elif frame.kind is Kind.FRMR and self._offer != DEFAULTS:
            self._line.violate(describe_reject(frame.information), frame.information)
            self._offer = DEFAULTS  # a meter that knows no negotiation
            self._command(Kind.SNRM, now)
        elif frame.kind is Kind.FRMR:
            self._down(Down.REJECTED, describe_reject(frame.information))
        else:
            self._line.violate(f"{frame} while connecting")

    def _connected(self, frame: Frame, source: ServerAddress) -> None:
        if self._server.broadcast or self._server.physical == CALLING_PHYSICAL_SHORT:
            self._server, self._peer = source, source.encode()
        self._parameters = self._offer.limited_by(decode_parameters(frame.information))
        self._numbering = Numbering(
            LLC_COMMAND,
            size=self._parameters.info_transmit,
            window=self._parameters.window_transmit,
        )
        self._state = _State.UP
        self._tries = self._repeats = 0
        self._rest()
        self._line.events.append(LinkUp(self._client, self._server.logical))

    def _take_while_up(self, frame: Frame, now: float) -> None:
        match frame.kind:
            case Kind.I | Kind.RR | Kind.RNR:
                self._take_numbered(frame, now)
            case Kind.DM:
                self._down(Down.PEER, "disconnected mode")
            case Kind.FRMR:
                self._down(Down.REJECTED, describe_reject(frame.information))
            case _:
                self._line.violate(f"{frame} while up")

    def _take_numbered(self, frame: Frame, now: float) -> None:
        outstanding = self._numbering.outstanding
        if not self._numbering.acknowledge(frame.nr):
            self._line.violate(f"{frame}: that was never sent")
            return
        self._tries = 0
        if outstanding and not self._numbering.outstanding:
            self._repeats = 0
        if frame.kind is Kind.I:
            self._take_information(frame, now)
        if frame.poll or self._frames_in_turn >= self._parameters.window_receive:
            self._turn_is_ours(now, busy=frame.kind is Kind.RNR)
        elif not self._our_turn:
            self._expect_response(now)

    def _take_information(self, frame: Frame, now: float) -> None:
        self._frames_in_turn += 1
        try:
            whole = self._numbering.take(frame)
        except OutOfSequence as error:
            # Ahead of what is expected, within the window: one was lost.  Otherwise a repetition.
            ahead = (frame.ns - self._numbering.expected) % 8
            self._gap = self._gap or ahead < self._parameters.window_receive
            self._line.violate(f"{frame}: {error}")
            return
        self._repeats = 0
        if self._answer_due is not None:
            self._answer_due = now + self._settings.answer_timeout_s
        if whole is not None:
            self._answer_due = None
            self._line.deliver(whole, self._server.logical, self._client)

    # --- whose turn it is ------------------------------------------------------------------------

    def _turn_is_ours(self, now: float, *, busy: bool) -> None:
        gap, informed = self._gap, self._frames_in_turn > 0
        self._rest()
        if self._numbering.outstanding and not busy:
            self._numbering.repeat()
            self._repeats += 1
        if gap:
            self._repeats += 1
        if self._repeats > self._settings.retries:
            self._down(Down.NO_ANSWER, f"{self._repeats} repetitions did not get through")
        elif busy and self._answer_due is not None and now >= self._answer_due:
            self._down(Down.NO_ANSWER, "it says that it is busy, and goes on saying so")
        elif busy:
            self._poll_due = now + self._settings.poll_interval_s
        elif self._numbering.to_send:
            self._transmit(now)
        elif gap or self._numbering.receiving:
            self._ask(now)
        elif informed and self._answer_due is not None and now < self._answer_due:
            self._ask(now)
        elif self._answer_due is not None and now < self._answer_due:
            self._poll_due = now + self._settings.poll_interval_s

    def _rest(self) -> None:
        """Nothing is waited for: the turn is ours."""
        self._our_turn = True
        self._response_due = self._poll_due = None
        self._frames_in_turn = 0
        self._gap = False

    def _transmit(self, now: float) -> None:
        """Send what waits, as far as the window allows, and give the turn."""
        self._poll_due = None
        left = now
        for number, (information, segmented), last in self._numbering.turn():
            control = information_control(number, self._numbering.expected, poll=last)
            frame = Frame(self._peer, self._own, control, information, segmented)
            left = self._transmit_frame(frame, now)
        self._expect_response(left)

    def _ask(self, now: float) -> None:
        """RR: tell what was received, and give the turn."""
        control = ready_control(self._numbering.expected)
        self._expect_response(self._transmit_frame(Frame(self._peer, self._own, control), now))

    def _command(self, kind: Kind, now: float) -> None:
        """SNRM or DISC."""
        # Nothing where all is at its default, as the oldest meters expect.
        says = kind is Kind.SNRM and self._offer != DEFAULTS
        offer = encode_parameters(self._offer) if says else b""
        frame = Frame(self._peer, self._own, unnumbered_control(kind), offer)
        self._expect_response(self._transmit_frame(frame, now))

    def _transmit_frame(self, frame: Frame, now: float) -> float:
        self._echo.sent(frame)
        return self._line.transmit(frame, now)

    def _expect_response(self, left: float) -> None:
        """A response is due; what was sent has left at `left`."""
        self._our_turn = False
        size = self._parameters.info_receive + _FRAME_OVERHEAD
        self._response_due = left + self._settings.response_timeout_s + self._line.airtime_s(size)
        self._response_due_at_most = 2 * self._response_due - left

    def _no_response(self, now: float) -> None:
        self._tries += 1
        gave_up = self._tries > self._settings.retries
        if self._state is _State.DISCONNECTING:
            if gave_up or self._tries > _DISC_RETRIES:
                self._down(Down.REQUESTED, "without an answer")
            else:
                self._command(Kind.DISC, now)
        elif gave_up:
            doing = "connecting" if self._state is _State.CONNECTING else "up"
            self._down(Down.NO_ANSWER, f"asked {self._tries} times while {doing}")
        elif self._state is _State.CONNECTING:
            self._command(Kind.SNRM, now)
        elif self._tries % 2 == 0 and self._numbering.outstanding:
            self._numbering.repeat()
            self._transmit(now)
        else:
            self._ask(now)
        # A gap or a count of frames belongs to the turn that is over.
        self._frames_in_turn, self._gap = 0, False

    def _down(self, reason: Down, detail: str = "") -> None:
        if self._state is _State.DOWN:
            return
        self._state = _State.DOWN
        self._answer_due = None
        self._rest()
        self._line.events.append(LinkDown(reason, detail, self._client))
