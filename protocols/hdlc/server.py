"""The server's end of HDLC links: the secondary station of one line, for any number of clients.

It speaks only when it has been given the turn (P), and answers by the address that it was called
by.  What it cannot answer at once it answers with RR, and the client asks again: so after an APDU
was told, `send` comes before the next `data_to_send`, or the answer waits for the client's next
question.

Frames to other physical devices, to logical devices that are not here, and to all stations get no
answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocols.errors import LocalProtocolError
from protocols.hdlc.address import CALLING_PHYSICAL_SHORT, ServerAddress, encode_client
from protocols.hdlc.frame import (
    Frame,
    Kind,
    information_control,
    ready_control,
    unnumbered_control,
)
from protocols.hdlc.line import FrameLine, server_address
from protocols.hdlc.numbering import Numbering, OutOfSequence
from protocols.hdlc.parameters import Parameters, decode_parameters, encode_parameters
from protocols.hdlc.reject import encode_reject
from protocols.hdlc.segments import LLC_RESPONSE, segments
from protocols.hdlc.settings import HdlcSettings
from protocols.link import ApduReceived, Down, LinkDown, LinkEvent, LinkUp
from protocols.sans_io import NeedData

CONNECTIONS_MAX = 8
"""Clients connected at once; one more is answered DM, as by meters with little memory."""

_SIZE_SLACK = 3
"""Octets of information above the agreed size that are taken: clients forget the LLC header."""


@dataclass(slots=True)
class _Connection:
    """The link of one client to one logical device."""

    client: int
    logical: int
    own: bytes  # our address as the client wrote it
    parameters: Parameters
    numbering: Numbering
    turn: bool = False  # the client gave it to us, and we have not answered
    fresh: bool = True  # nothing but SNRM has come
    rejecting: bytes = b""  # FRMR's information, until SNRM or DISC comes
    inactive_at: float | None = None


class HdlcServer:
    """All links of one physical device on one line; see `protocols.link`."""

    def __init__(
        self,
        logical_devices: tuple[int, ...] = (1,),
        *,
        physical: int | None = None,
        settings: HdlcSettings | None = None,
    ) -> None:
        """`physical` None: whatever lower address is called, as on a line with one meter."""
        self._logical_devices = logical_devices
        self._physical = physical
        self._settings = settings or HdlcSettings()
        self._line = FrameLine(self._settings)
        self._connections: dict[tuple[int, int], _Connection] = {}
        self._now = 0.0

    # --- for the caller --------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether any client is."""
        return bool(self._connections)

    def send(
        self, apdu: bytes, *, client: int, server: int, now: float, unconfirmed: bool = False
    ) -> None:
        """Transmit an APDU of this logical device to this client."""
        self._now = now
        if unconfirmed:
            self._push(apdu, client, server, now)
            return
        connection = self._connections.get((client, server))
        if connection is None:
            raise LocalProtocolError(f"send is not allowed: client {client} is not connected")
        connection.numbering.queue(apdu)

    def receive_data(self, octets: bytes, *, now: float) -> None:
        """Take in octets in any pieces."""
        self._now = now
        for frame in self._line.receive(octets, now):
            self._take(frame, now)

    def data_to_send(self) -> bytes | None:
        """The next frame to transmit, or None."""
        if not self._line.outbox:
            self._answer_turns()
        return self._line.outbox.popleft() if self._line.outbox else None

    def next_event(self) -> LinkEvent | NeedData:
        """The oldest event not yet told."""
        return self._line.next_event()

    def next_deadline(self) -> float | None:
        """When `handle_deadline` wants to be called."""
        waited = [c.inactive_at for c in self._connections.values()] + [self._line.pause_due]
        return min((due for due in waited if due is not None), default=None)

    def handle_deadline(self, *, now: float) -> None:
        """Drop what broke off, and clients that say nothing any more."""
        self._now = now
        for frame in self._line.pause(now):
            self._take(frame, now)
        for connection in list(self._connections.values()):
            if connection.inactive_at is not None and now >= connection.inactive_at:
                self._end(connection, Down.INACTIVE)

    def lost(self, *, now: float) -> None:
        """The line is gone."""
        self._line.outbox.clear()
        for connection in list(self._connections.values()):
            self._end(connection, Down.LOST)

    # --- what comes ------------------------------------------------------------------------------

    def _take(self, frame: Frame, now: float) -> None:
        called = server_address(frame.destination)
        if called is None or len(frame.source) != 1 or not self._is_here(called):
            self._line.violate(f"{frame} to {frame.destination.hex()}: not for this device")
            return
        client = frame.source[0] >> 1
        if frame.kind is Kind.UI:
            self._line.take_unconfirmed(frame, client, called.logical)
            return
        connection = self._connections.get((client, called.logical))
        if connection is not None and frame.destination != connection.own:
            connection.own = frame.destination  # the same client, by another form of the address
        if frame.kind is Kind.SNRM:
            self._take_snrm(frame, client, called, connection, now)
        elif connection is None:
            if frame.poll:
                self._respond(Kind.DM, frame.destination, client)
        elif frame.kind is Kind.DISC:
            self._respond(Kind.UA, frame.destination, client)
            self._end(connection, Down.PEER)
        else:
            self._take_connected(frame, connection, now)

    def _is_here(self, called: ServerAddress) -> bool:
        if called.logical not in self._logical_devices:
            return False
        anybody = (None, self._physical, CALLING_PHYSICAL_SHORT)
        return self._physical is None or called.physical in anybody

    def _take_snrm(
        self,
        frame: Frame,
        client: int,
        called: ServerAddress,
        old: _Connection | None,
        now: float,
    ) -> None:
        if old is None and len(self._connections) >= CONNECTIONS_MAX:
            self._respond(Kind.DM, frame.destination, client)
            return
        ours = Parameters.of(self._settings)
        agreed = ours.limited_by(decode_parameters(frame.information))
        numbering = Numbering(
            LLC_RESPONSE, size=agreed.info_transmit, window=agreed.window_transmit
        )
        connection = _Connection(client, called.logical, frame.destination, agreed, numbering)
        repeated = old is not None and old.fresh
        if old is not None and not repeated:
            self._end(old, Down.PEER, "connected anew")
        self._connections[client, called.logical] = connection
        self._touch(connection, now)
        # Also to a bare SNRM, as meters do: some clients take no UA without an information field.
        self._respond(Kind.UA, frame.destination, client, encode_parameters(agreed))
        if not repeated:  # otherwise our UA was lost, and nothing has changed
            self._line.events.append(LinkUp(client, called.logical))

    def _take_connected(self, frame: Frame, connection: _Connection, now: float) -> None:
        self._touch(connection, now)
        connection.fresh = False
        connection.turn = connection.turn or frame.poll
        if connection.rejecting:
            return  # until SNRM or DISC all that it is told is FRMR
        if frame.kind not in (Kind.I, Kind.RR, Kind.RNR):
            self._reject(frame, connection, "w")
        elif frame.information and frame.kind is not Kind.I:
            self._reject(frame, connection, "wx")  # x does not stand alone
        elif len(frame.information) > connection.parameters.info_receive + _SIZE_SLACK:
            self._reject(frame, connection, "y")
        elif not connection.numbering.acknowledge(frame.nr):
            self._reject(frame, connection, "z")
        else:
            if frame.kind is Kind.I:
                self._take_information(frame, connection)
            if frame.poll:
                connection.numbering.repeat()

    def _take_information(self, frame: Frame, connection: _Connection) -> None:
        try:
            whole = connection.numbering.take(frame)
        except OutOfSequence as error:
            self._line.violate(f"{frame}: {error}")
            return
        if whole is not None:
            self._line.deliver(whole, connection.client, connection.logical)

    def _reject(self, frame: Frame, connection: _Connection, reason: str) -> None:
        self._line.violate(f"{frame}: rejected ({reason})", frame.information[:64])
        numbering = connection.numbering
        connection.rejecting = encode_reject(
            frame.control, reason, expected=numbering.expected, next_number=numbering.next
        )

    def _touch(self, connection: _Connection, now: float) -> None:
        timeout = self._settings.inactivity_timeout_s
        connection.inactive_at = now + timeout if timeout else None

    def _end(self, connection: _Connection, reason: Down, detail: str = "") -> None:
        self._connections.pop((connection.client, connection.logical), None)
        self._line.events.append(LinkDown(reason, detail, connection.client))

    # --- what goes -------------------------------------------------------------------------------

    def _respond(self, kind: Kind, own: bytes, client: int, information: bytes = b"") -> None:
        control = unnumbered_control(kind)
        frame = Frame(encode_client(client), own, control, information)
        self._line.transmit(frame, self._now)

    def _answer_turns(self) -> None:
        """Use the turns that were given, except where the caller has not heard the APDU yet."""
        untold = {
            (event.source, event.destination)
            for event in self._line.events
            if isinstance(event, ApduReceived)
        }
        for connection in self._connections.values():
            if connection.turn and (connection.client, connection.logical) not in untold:
                connection.turn = False
                self._use_turn(connection)

    def _use_turn(self, connection: _Connection) -> None:
        if connection.rejecting:
            self._respond(Kind.FRMR, connection.own, connection.client, connection.rejecting)
            return
        client = encode_client(connection.client)
        numbering = connection.numbering
        sent = False
        for number, (information, segmented), last in numbering.turn():
            control = information_control(number, numbering.expected, poll=last)
            frame = Frame(client, connection.own, control, information, segmented)
            self._line.transmit(frame, self._now)
            sent = True
        if not sent:
            control = ready_control(numbering.expected)
            self._line.transmit(Frame(client, connection.own, control), self._now)

    def _push(self, apdu: bytes, client: int, server: int, now: float) -> None:
        """UI frames, which nobody acknowledges."""
        own = ServerAddress(server, self._physical).encode()
        control = unnumbered_control(Kind.UI, poll=False)
        for information, segmented in segments(LLC_RESPONSE, apdu, self._settings.info_transmit):
            frame = Frame(encode_client(client), own, control, information, segmented)
            self._line.transmit(frame, now)
