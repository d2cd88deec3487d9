"""How a server's answers leave: whole, in the blocks of their service, or in general blocks.

Source: Green Book 9.3.6 to 9.3.8 and 9.4.6 (service-specific and general block transfer), 9.3.10
(notifications).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from protocols.dlms.access import INVOKE_ID
from protocols.dlms.apdu import Apdu, encode
from protocols.dlms.codes import Conformance, ServiceError, StateError
from protocols.dlms.connection import GENERAL_BLOCKS, NO_LIMIT, PLAIN, Protected
from protocols.dlms.events import Exchanged
from protocols.dlms.forms import Pending, answer, without_returned
from protocols.dlms.general_block import data_size
from protocols.dlms.general_block import unconfirmed as unconfirmed_blocks
from protocols.dlms.notification import DataNotification, EventNotification
from protocols.dlms.server_association import ServerAssociation
from protocols.dlms.services import (
    AccessResponse,
    ActionResponse,
    ExceptionResponse,
    GetResponse,
    Negotiated,
    Response,
    SetResponse,
)
from protocols.dlms.set import DataBlock
from protocols.dlms.settings import ServerSettings
from protocols.dlms.state import State, Step
from protocols.dlms.transfer import Incoming, Outgoing
from protocols.errors import LocalProtocolError

_MOST_BLOCKS = 0xFFF0  # of those that can be numbered some are for acknowledgements
_PUSHES_MAX = 16
_EMPTY = DataBlock(False, 0, b"")
_TOO_LONG = ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.PDU_TOO_LONG)


class ServerAnswers(ServerAssociation):
    """Answers to the requests of an open association, and what it says unasked."""

    def __init__(
        self, settings: ServerSettings, *, trace: Callable[[Exchanged], None] | None = None
    ) -> None:
        super().__init__(settings, trace=trace)
        self._pending: Pending | None = None
        self._incoming = Incoming(0)
        self._outgoing = Outgoing(b"")
        self._peer_limit = NO_LIMIT  # octets that the client receives; `_peer_pdu_size`: of a block
        self._pushed: tuple[int, ...] = ()  # those that wait to be confirmed, the latest
        self._carrying: Callable[[DataBlock], Apdu] | None = None  # block of an answer -> APDU

    def send(
        self, response: Response | EventNotification | DataNotification, *, now: float
    ) -> bytes | None:
        """The APDU that answers the request told last, or a notification.

        None where the request was unconfirmed: it was carried out, and nothing leaves.

        An answer longer than the client's PDU size leaves in blocks; where those were not agreed
        on, the answer is an exception response PDU_TOO_LONG.  Raises LocalProtocolError when no
        request waits for this response, and for a notification that is too long for the client or
        was not agreed on.  What leaves in several general blocks goes on in `data_to_send`.
        """
        if isinstance(response, EventNotification | DataNotification):
            return self._notify(response)
        wire = self._respond(response)
        self._touch(now)
        return wire

    def _agree(self, negotiated: Negotiated | None) -> None:
        super()._agree(negotiated)
        self._peer_limit = self._peer_pdu_size
        if self._peer_limit == NO_LIMIT:
            # Clients are in use that name no limit and have room for what the server can receive.
            self._peer_pdu_size = min(NO_LIMIT, self._settings.unlimited_size)

    def _end(self, step: Step) -> None:
        super()._end(step)
        self._pending = self._carrying = None

    def _reply(self, apdu: Apdu) -> None:
        """Say what the connection answers by itself, if the client can receive it."""
        if self._fits(len(encode(apdu))):
            self._outbox.append(self._pack(apdu))
        else:
            self._outbox.append(self._pack(_TOO_LONG, PLAIN))

    def _respond(self, response: Response) -> bytes | None:
        pending = self._pending
        if pending is None:
            raise LocalProtocolError(f"{type(response).__name__} while {self._state.value}")
        if isinstance(response, ExceptionResponse):
            self._walk(Step.EXCEPTION)
            return None if pending.unconfirmed else self._pack(response, PLAIN)
        step = _DONE[type(response)]
        following = self._allow(step)
        if len(response.results) != pending.count:
            raise LocalProtocolError(f"{len(response.results)} results for {pending.count}")
        if pending.unconfirmed:
            self._state = following
            return None
        apdu, raw, carrying, needed = answer(pending, response)
        # What came in blocks is answered in blocks, Green Book 9.4.6.13.
        if self._exchange is None and self._fits(len(encode(apdu))):
            self._state = following
            return self._pack(apdu)
        # A request that did not is answered in the blocks of its own service where they are known
        # too: clients are in use that propose general blocks and then understand none.
        known = carrying is not None and self._agreed(needed) and self._room(carrying(_EMPTY)) > 0
        size = self._sealed_size(len(encode(apdu)))
        if self._exchange is None and not known and size <= self._peer_limit:
            self._state = following
            return self._pack(apdu)
        in_blocks = self._agreed(GENERAL_BLOCKS) and self._fits_blocks(apdu)
        if in_blocks and (self._exchange is not None or not known):
            self._state = following
            return self._say_in_blocks(apdu)
        if not known:
            bare = without_returned(pending, response)
            if bare is not None and self._fits(len(encode(bare))):
                self._state = following  # it is done, which must be told
                return self._pack(bare)
            self._walk(Step.EXCEPTION)
            return self._pack(_TOO_LONG, PLAIN)
        self._outgoing, self._carrying = Outgoing(raw), carrying
        return self._next_block()

    def _fits_blocks(self, apdu: Apdu) -> bool:
        """Whether general blocks can be counted to its end."""
        size = data_size(self._peer_pdu_size)
        return (
            size > 0 and self._sealed_size(len(encode(apdu)), general=True) <= size * _MOST_BLOCKS
        )

    def _next_block(self) -> bytes:
        """The next part of a long answer, and the step that it is."""
        carrying = self._carrying
        assert carrying is not None
        block = self._outgoing.next(self._room(carrying(_EMPTY)))
        if self._state is State.GETTING:
            self._walk(Step.GET_DONE if block.last_block else Step.GET_BLOCK)
        else:
            self._walk(Step.ACTION_DONE if block.last_block else Step.ACTION_RETURN)
        return self._pack(carrying(block))

    def _notify(self, notification: EventNotification | DataNotification) -> bytes:
        """Outside an association a push is protected as the settings ask, by general ciphering."""
        how = self._outward
        if self._negotiated is not None and not self._agreed(_NOTIFIED_BY[type(notification)]):
            raise LocalProtocolError(f"{type(notification).__name__} was not agreed on")
        if self._state is State.IDLE and self._settings.security:
            how = Protected(int(self._settings.security), general=True)
        if isinstance(notification, DataNotification) and notification.confirmed:
            invoke = notification.long_invoke_id_and_priority & INVOKE_ID
            self._pushed = (*self._pushed, invoke)[-_PUSHES_MAX:]
        wire = self._pack(notification, how)
        if len(wire) <= self._peer_limit:
            return wire
        if not self._agreed(GENERAL_BLOCKS):
            raise LocalProtocolError(f"longer than the client's {self._peer_limit} octets")
        blocks = unconfirmed_blocks(wire, data_size(self._peer_limit))
        first, *others = [block.encode() for block in blocks]
        self._outbox.extend(others)
        return first


_NOTIFIED_BY: dict[type[Any], int] = {
    EventNotification: int(Conformance.EVENT_NOTIFICATION),
    DataNotification: int(Conformance.DATA_NOTIFICATION),
}
_DONE: dict[type[Any], Step] = {
    GetResponse: Step.GET_DONE,
    SetResponse: Step.SET_DONE,
    ActionResponse: Step.ACTION_DONE,
    AccessResponse: Step.ACCESS_DONE,
}
