"""What client and server connections share: state, protection, events, deadlines.

A connection is one association (IEC 62056-5-3), without I/O and without a clock.  It takes in whole
APDUs and gives out whole APDUs; the wrapper or HDLC is around it.  Use `ClientConnection` or
`ServerConnection`.

Block transfer, the HLS exchange and the answers to violations are the connection's own business:
after each `receive_data` or `handle_deadline`, transmit what `data_to_send` gives until it gives
None, and read events until NEED_DATA.

LocalProtocolError is raised for what the caller may not do; what the peer may not do is told by a
`ProtocolViolation` event.  The one exception is an invocation counter that is used up: then nothing
can be answered any more, and `receive_data` raises LocalProtocolError.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

import msgspec

from protocols.dlms.apdu import Apdu, decode, encode
from protocols.dlms.ciphered import DEDICATED_TAGS, Ciphered, GeneralCiphered
from protocols.dlms.codes import ApplicationContext, Conformance
from protocols.dlms.establishment import Establishment
from protocols.dlms.events import (
    NEED_DATA,
    Event,
    Exchanged,
    NeedData,
    Refused,
    TimedOut,
    Violation,
)
from protocols.dlms.general import GeneralCiphering, GeneralSigning, KeyKind
from protocols.dlms.general_block import Exchange, GeneralBlock, Unconfirmed, data_size
from protocols.dlms.hls import Authenticator
from protocols.dlms.security import Protection
from protocols.dlms.services import (
    AccessRequest,
    ActionRequest,
    AttributeDescriptor,
    GetRequest,
    Negotiated,
    Request,
    SetRequest,
)
from protocols.dlms.settings import ClientSettings, ServerSettings
from protocols.dlms.state import SPOKEN_BY, TRANSITIONS, Role, State, Step
from protocols.errors import LocalProtocolError, ProtocolError

_SERVICE: dict[type[Request], int] = {
    GetRequest: int(Conformance.GET),
    SetRequest: int(Conformance.SET),
    ActionRequest: int(Conformance.ACTION),
    AccessRequest: int(Conformance.ACCESS),
}
_MULTIPLE = int(Conformance.MULTIPLE_REFERENCES)
_SELECTIVE = int(Conformance.SELECTIVE_ACCESS)
GET_IN_BLOCKS = int(Conformance.GET | Conformance.BLOCK_TRANSFER_WITH_GET)
SET_IN_BLOCKS = int(Conformance.SET | Conformance.BLOCK_TRANSFER_WITH_SET)
ACTION_IN_BLOCKS = int(Conformance.ACTION | Conformance.BLOCK_TRANSFER_WITH_ACTION)
GENERAL_BLOCKS = int(Conformance.GENERAL_BLOCK_TRANSFER)
_Settings = TypeVar("_Settings", ClientSettings, ServerSettings)


class Protected(msgspec.Struct, frozen=True):
    """How an APDU is protected: bits of `Security`, which key, which kind of ciphering.

    `kind` is general-ciphering's; `signed` puts general-signing around all.
    """

    security: int = 0
    dedicated: bool = False
    general: bool = False
    kind: KeyKind | None = None
    signed: bool = False


PLAIN = Protected()
NO_LIMIT = 0xFFFF - 20 - 8 - 8
"""What every framing carries, whatever the peer can receive: an IPv4 datagram's most octets less
the headers of IPv4, UDP and the wrapper."""

# Tuples: a union of types would be made anew for each message.
_CIPHERED = (Ciphered, GeneralCiphered)
_ESTABLISHED = (GeneralCiphering, GeneralSigning)
_TRANSACTION_SIZE = 8
_ACSE = frozenset(b"\x60\x61\x62\x63")
_UNPROTECTED_SERVICES = _ACSE | frozenset(b"\xd8\xe0")  # exceptions, and
# blocks, whose content is judged once it is whole


def _counted(size: int) -> int:
    """Octets by which content of this size makes an APDU longer, its length included."""
    return size + (0 if size < 0x80 else 1 if size < 0x100 else 2)


def required_conformance(request: Request) -> int:
    """The bits of Conformance that both sides must have agreed on for this request."""
    needed = _SERVICE[type(request)]
    attributes: Sequence[AttributeDescriptor | None] = ()
    if isinstance(request, ActionRequest):
        count = len(request.methods)
    elif isinstance(request, AccessRequest):
        count = 1  # its parts are no list of references
        attributes = [getattr(item, "attribute", None) for item in request.items]
    else:
        attributes, count = request.attributes, len(request.attributes)
    if count > 1:
        needed |= _MULTIPLE
    for attribute in attributes:
        if attribute is not None and attribute.selection is not None:
            return needed | _SELECTIVE
    return needed


class Connection:
    """The part of both roles."""

    ROLE: ClassVar[Role]

    def __init__(
        self,
        settings: ClientSettings | ServerSettings,
        *,
        trace: Callable[[Exchanged], None] | None = None,
    ) -> None:
        self.trace = trace
        self._state = State.IDLE
        self._events: deque[Event] = deque()
        self._outbox: deque[bytes] = deque()
        self._deadline: float | None = None
        self._negotiated: Negotiated | None = None
        self._agreed_bits = 0  # its conformance, as a plain integer
        self._peer_pdu_size = NO_LIMIT  # octets of an APDU, ciphering included
        self._context = ApplicationContext.LOGICAL_NAME
        self._required = 0  # protection bits, of what the peer sends in this association
        self._outward = PLAIN  # how what we send is protected
        self._protection = Protection(
            settings.keys,
            system_title=settings.system_title,
            peer_system_title=settings.peer_system_title or b"",
            invocation_counter=settings.invocation_counter,
            peer_invocation_counter=settings.peer_invocation_counter,
            counter_end=settings.invocation_counter_end,
            suite=settings.suite,
        )
        self._block_window = settings.block_window
        self._transfer_size_max = settings.transfer_size_max
        self._exchange: Exchange | None = None  # what is in general blocks, while it lasts
        self._unconfirmed: Unconfirmed | None = None  # a push in general blocks
        self._carrier: bytes | None = None  # the block that completed what is opened now
        self._said_in_blocks = b""  # what leaves in general blocks, for the record
        self._signed = settings.signed
        self._establishment = Establishment(
            self._protection,
            settings.keys,
            settings.pairs,
            settings.suite,
            settings.secrets,
            settings.header_authenticated,
        )
        self._authenticator = Authenticator(
            settings.authentication,
            self._protection,
            settings.password,
            settings.pairs,
            settings.suite,
        )

    # --- for the caller --------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self._state

    @property
    def negotiated(self) -> Negotiated | None:
        """What the open association agreed on."""
        return self._negotiated

    @property
    def invocation_counter(self) -> int:
        """The next of ours; persist it before what was sent leaves."""
        return self._protection.invocation_counter

    @property
    def peer_invocation_counter(self) -> int:
        """The lowest that will be accepted from the peer."""
        return self._protection.peer_invocation_counter

    @property
    def peer_system_title(self) -> bytes:
        """Whose counter that is; empty while nobody knows it."""
        return self._protection.peer_system_title

    @property
    def invocation_counters_left(self) -> int:
        """How many of ours are reserved and not used yet."""
        return self._protection.counter_end - self._protection.invocation_counter

    def extend_counters(self, end: int) -> None:
        """More of ours have been reserved: up to `end` - 1."""
        self._protection.counter_end = max(self._protection.counter_end, end)

    def receive_data(self, data: bytes, *, now: float) -> None:
        """Take in one whole APDU."""
        try:
            received, protected = self._open(bytes(data))
            self._take(received, protected, len(data), now)
        except Refused as refused:
            self._refuse(refused, data)
        except LocalProtocolError:
            raise
        except ProtocolError as error:
            self._refuse(Refused(Violation.MALFORMED, error.cause, error.offset), data)

    def data_to_send(self) -> bytes | None:
        """The next APDU that the connection itself has to transmit, or None."""
        return self._outbox.popleft() if self._outbox else None

    def next_event(self) -> Event | NeedData:
        """The oldest event not yet told."""
        return self._events.popleft() if self._events else NEED_DATA

    def next_deadline(self) -> float | None:
        """When `handle_deadline` wants to be called, on the clock of `now`."""
        return self._deadline

    def handle_deadline(self, *, now: float) -> None:
        """Tell TimedOut if the deadline has passed."""
        if self._deadline is None or now < self._deadline:
            return
        if self._say_again(now):
            return
        self._deadline = None
        self._events.append(TimedOut(self._state))
        self._give_up()

    def disconnect(self) -> None:
        """The transport is lost: the association ends without a word."""
        self._deadline = None
        self._outbox.clear()
        self._walk(Step.DISCONNECTED)

    # --- for the roles ---------------------------------------------------------------------------

    def _take(self, apdu: Apdu, protected: Protected, size: int, now: float) -> None:
        raise NotImplementedError

    def _refuse(self, refused: Refused, data: bytes) -> None:
        raise NotImplementedError

    def _give_up(self) -> None:
        raise NotImplementedError

    def _say_again(self, now: float) -> bool:
        """Whether blocks are sent once more in place of giving up."""
        return False

    def _allow(self, step: Step) -> State:
        """Where a step of our own leads.  Raises LocalProtocolError where the table has none."""
        following = TRANSITIONS.get((self._state, step))
        if following is None:
            raise LocalProtocolError(f"{step.value} is not allowed: {self._state.value}")
        return following

    def _walk(self, step: Step) -> None:
        """Take a step of our own."""
        self._state = self._allow(step)

    def _expect(self, step: Step) -> State:
        """Where the peer's step would lead.  Raises Refused where the table has none."""
        following = TRANSITIONS.get((self._state, step))
        if following is None or SPOKEN_BY[step] is self.ROLE:
            raise Refused(Violation.UNEXPECTED, f"{step.value} while {self._state.value}")
        return following

    def _decode(self, octets: bytes) -> Apdu:
        """An APDU of the peer's; a client is more forgiving."""
        return decode(octets)

    def _open(self, data: bytes) -> tuple[Apdu, Protected]:
        """The plain APDU, and how it was protected; less than is required is refused."""
        received = self._decode(data)
        if not isinstance(received, _CIPHERED):
            if isinstance(received, _ESTABLISHED):
                return self._open_established(received, data)
            service = data[0]
            if not isinstance(received, GeneralBlock):
                self._record(False, data, None if service in _ACSE else data)
            if self._required and service not in _UNPROTECTED_SERVICES:
                raise Refused(Violation.NOT_PROTECTED, f"plain service {service:02X}")
            return received, PLAIN
        if self._state is State.IDLE and self.ROLE is Role.SERVER:
            raise Refused(Violation.UNEXPECTED, "ciphered, outside an association")
        if self._signed:
            raise Refused(Violation.NOT_PROTECTED, "not signed")
        plain = self._protection.open(received, required=self._required)
        if self.trace is not None:
            self._record(False, data, plain)
        apdu = self._decode(plain)
        security = received.security_control & 0x30
        general = isinstance(received, GeneralCiphered)
        return apdu, Protected(security, received.tag in DEDICATED_TAGS, general)

    def _open_established(
        self, received: GeneralCiphering | GeneralSigning, data: bytes
    ) -> tuple[Apdu, Protected]:
        """What came with a key or a signature of its own."""
        establishment, client = self._establishment, self.ROLE is Role.CLIENT
        if self._state is State.IDLE and not client:
            raise Refused(Violation.UNEXPECTED, "ciphered or signed, outside an association")
        transaction, inner, signed = received.header.transaction_id, received, False
        if client and transaction not in (b"", establishment.transaction):
            raise Refused(Violation.WRONG_INVOKE_ID, "another transaction than the request's")
        opened: Apdu = inner
        if isinstance(received, GeneralSigning):
            opened, signed = decode(establishment.check(received)), True
        if self._signed and not signed:
            raise Refused(Violation.NOT_PROTECTED, "not signed")
        general, dedicated, kind, security = False, False, None, 0
        if isinstance(opened, GeneralCiphering):
            security = opened.security_control & 0x30
            plain, kind = establishment.open(opened, required=self._required)
        elif isinstance(opened, _CIPHERED):
            security, general = opened.security_control & 0x30, isinstance(opened, GeneralCiphered)
            dedicated = opened.tag in DEDICATED_TAGS
            plain = self._protection.open(opened, required=self._required)
        elif self._required:
            raise Refused(Violation.NOT_PROTECTED, "signed alone")
        else:
            plain = encode(opened)
        if not client:
            establishment.transaction = transaction
        self._record(False, data, plain)
        return self._decode(plain), Protected(security, dedicated, general, kind, signed)

    def _seal_established(self, plain: bytes, how: Protected) -> bytes:
        """The same on the way out: what a client asks gets a number that answers repeat."""
        establishment = self._establishment
        if self.ROLE is Role.CLIENT:
            number = self._protection.invocation_counter
            establishment.transaction = number.to_bytes(_TRANSACTION_SIZE, "big")
        wire = plain
        if how.kind is not None:
            wire = establishment.seal(plain, how.security, how.kind)
        elif how.security:
            wire = self._protection.seal(
                plain, how.security, dedicated=how.dedicated, general=how.general
            )
        return establishment.sign(wire) if how.signed else wire

    def _open_nested(self, information: bytes, required: int) -> tuple[Apdu, int]:
        """The initiate APDU in the user information of ACSE, and how it was protected.

        A plain one is for the caller to judge: a refusal may come so.
        """
        apdu = decode(information)
        if not isinstance(apdu, Ciphered):
            return apdu, 0
        plain = self._protection.open(apdu, required=required)
        return decode(plain), apdu.security_control & 0x30

    def _pack(self, apdu: Apdu, protected: Protected | None = None) -> bytes:
        """The octets to transmit, protected as the association requires."""
        return self._protect(encode(apdu), protected)

    def _protect(self, plain: bytes, protected: Protected | None = None) -> bytes:
        how = self._outward if protected is None else protected
        wire = plain
        if how.kind is not None or how.signed:
            wire = self._seal_established(plain, how)
        elif how.security:
            wire = self._protection.seal(
                plain, how.security, dedicated=how.dedicated, general=how.general
            )
        if self.trace is not None:
            self._record(True, wire, None if plain[0] in _ACSE else plain)
        return wire

    def _record(self, sent: bool, wire: bytes, plain: bytes | None) -> None:
        if self.trace is not None:
            self.trace(Exchanged(sent, wire if self._carrier is None else self._carrier, plain))

    # --- general block transfer ------------------------------------------------------------------

    def _say_in_blocks(self, apdu: Apdu) -> bytes:
        """Protect an APDU and cut it: the first block; what else may leave is in the outbox."""
        trace, self.trace = self.trace, None  # the blocks are recorded, not what they carry
        try:
            wire = self._pack(apdu)
        finally:
            self.trace = trace
        if self._exchange is None:
            self._exchange = self._new_exchange()
        blocks = self._exchange.send(wire, data_size(self._peer_pdu_size))
        self._said_in_blocks = b"" if trace is None else encode(apdu)
        first, *others = map(self._write_block, blocks)
        self._outbox.extend(others)
        return first

    def _new_exchange(self) -> Exchange:
        client = self.ROLE is Role.CLIENT
        return Exchange(client, self._block_window, self._transfer_size_max)

    def _write_block(self, block: GeneralBlock) -> bytes:
        wire = block.encode()
        whole = block.last_block and block.data
        self._record(True, wire, self._said_in_blocks if whole else wire)
        return wire

    def _take_general(self, block: GeneralBlock, expected: bool, now: float) -> None:
        """Take a block, and what it completes.  `expected`: the peer may begin to send some."""
        exchange, client = self._exchange, self.ROLE is Role.CLIENT
        # Pushes: outside an association nothing is acknowledged, whatever window they say.
        pushed = block.window == 0 and not (exchange is not None and exchange.without_window)
        pushed = pushed or client and self._negotiated is None
        if not self._agreed(GENERAL_BLOCKS) and not (client and pushed):
            raise Refused(Violation.NOT_NEGOTIATED, "general block transfer")
        if pushed:
            self._unconfirmed = self._unconfirmed or Unconfirmed(self._transfer_size_max)
            whole = self._unconfirmed.take(block)
            answers: list[GeneralBlock] = []
        else:
            if exchange is None or not client and exchange.replaced_by(block):
                if not expected:
                    raise Refused(Violation.UNEXPECTED, f"a block while {self._state.value}")
                exchange = self._exchange = self._new_exchange()
            try:
                answers, whole = exchange.take(block)
            except Refused:
                self._exchange = None
                raise
        if whole is None:
            wire = block.encode()
            self._record(False, wire, wire)
        self._outbox.extend(map(self._write_block, answers))
        if whole is not None:
            self._take_joined(whole, block, now)

    def _take_joined(self, whole: bytes, last: GeneralBlock, now: float) -> None:
        self._carrier = last.encode()
        try:
            received, protected = self._open(whole)
        finally:
            self._carrier = None
        if isinstance(received, GeneralBlock):
            raise Refused(Violation.MALFORMED, "blocks within blocks")
        self._take(received, protected, 0, now)

    def _sealed_size(self, size: int, *, general: bool = False) -> int:
        how = self._outward
        if how.kind is None:
            general = general or how.general
            size = self._protection.sealed_size(size, how.security, general=general)
        else:
            size = self._establishment.sealed_size(size, how.security, how.kind)
        return self._establishment.signed_size(size) if how.signed else size

    def _fits(self, size: int, *, general: bool = False) -> bool:
        """Whether the peer can receive an APDU of `size` plain octets.

        `general`: only general ciphering knows this service.
        """
        return self._sealed_size(size, general=general) <= self._peer_pdu_size

    def _room(self, head: Apdu) -> int:
        """Octets of a value that a block can carry, when `head` is its APDU without any; none or
        less where even that is too long.

        The lengths of the block, of the ciphered and of the signed APDU grow with the content, by
        up to two octets each.
        """
        empty, limit = len(encode(head)), self._peer_pdu_size
        room = limit - self._sealed_size(empty)
        while room > 0 and self._sealed_size(empty + _counted(room)) > limit:
            room -= 1
        return room

    def _agreed(self, needed: int) -> bool:
        return self._negotiated is not None and not needed & ~self._agreed_bits

    def _agree(self, negotiated: Negotiated | None) -> None:
        self._negotiated = negotiated
        self._agreed_bits, size = 0, 0
        if negotiated is not None:
            self._agreed_bits = int(negotiated.conformance)
            client = self.ROLE is Role.CLIENT
            size = negotiated.server_pdu_size if client else negotiated.client_pdu_size
        self._peer_pdu_size = min(size or NO_LIMIT, NO_LIMIT)
