"""One association over one link: messages out, events in.

`Unanswered` means that no answer came to the last message.  A question that got none is asked once
more, under a new invoke id, so that a late answer cannot be taken for the new one's; what can act
leaves once.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

from headend.field.direct.access import PeerCounters
from headend.field.direct.line import LineError
from headend.field.direct.trace import Layer, Trace
from headend.field.direct.wire import Wire
from headend.ports import CountersContended, KeyCounters
from protocols.dlms.events import (
    ClientEngine,
    Event,
    Exchanged,
    ProtocolViolation,
    TimedOut,
    Violation,
)
from protocols.dlms.keys import COUNTER_MAX
from protocols.dlms.notification import DataNotification, EventNotification
from protocols.dlms.procedures import ACTING_REQUESTS, Unanswered
from protocols.dlms.script import Message
from protocols.dlms.security import CountersUsedUp
from protocols.dlms.services import AssociationRequest, GetRequest, ReleaseRequest
from protocols.errors import LocalProtocolError
from protocols.link import ApduReceived, LinkDown, LinkEvent, LinkViolation
from protocols.sans_io import NEED_DATA

Notification = DataNotification | EventNotification

RESERVED = 256  # counters promised at once; an errand uses some tens, a long profile some hundreds
COUNTERS_AT_ONCE = 2  # the most that one step of an engine uses
ASKED_AGAIN_MAX = 1
SEGMENT_TIMEOUT_S = 20.0
"""Of an answer that has begun to come, for its next segment: three repetitions, or long pauses."""
RELEASE_TIMEOUT_S = 5.0
"""A meter that does not take leave keeps nobody waiting."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of the answer to one request has come so far."""

    apdus: int  # blocks, where the answer comes in blocks
    octets: int


OF_KEYS = frozenset({Violation.NOT_AUTHENTIC, Violation.REPLAYED})
"""Of an answer that came and could not be verified."""


class NoAnswer(Unanswered):
    """Nothing came in time; `violations` are what came instead."""

    def __init__(self, why: str, violations: tuple[Violation, ...] = ()) -> None:
        super().__init__(why)
        self.violations = violations
        self.untrusted = not OF_KEYS.isdisjoint(violations)


class LinkGone(Unanswered):
    """The link, or the line below it, ended."""

    def __init__(self, down: LinkDown) -> None:
        super().__init__(f"{down.reason}: {down.detail}" if down.detail else str(down.reason))
        self.down = down


class NoLine(Unanswered):
    """The line could not be opened."""

    def __init__(self, error: LineError) -> None:
        super().__init__(str(error))
        self.error = error


class NotAgreed(Exception):
    """The request cannot be said in this association; nothing was sent."""


class UsedUp(Unanswered):
    """No invocation counter is left under this key."""


class Contended(Unanswered):
    """Another conversation uses the same key."""


class Withheld(Exception):
    """A dry run has come to what can act: it stands in the trace, and was not sent."""


class Dialogue:
    """See the module.  `counters` is None where nothing is ciphered."""

    def __init__(
        self,
        wire: Wire,
        engine: ClientEngine,
        trace: Trace,
        counters: KeyCounters | None,
        peers: PeerCounters | None = None,
        *,
        pause_s: float = 0.0,
        dry_run: bool = False,
        notified: Callable[[Notification], None] | None = None,
    ) -> None:
        self.wire = wire
        self.engine = engine
        self._trace = trace
        self._counters = counters
        self._peers = peers
        self._reserved = False
        self._pause_s = pause_s
        self._dry_run = dry_run
        self._notified = notified
        self._violations: list[Violation] = []
        self._refused: list[str] = []  # what they were
        self._waiting = False  # for an answer
        self._gone: LinkGone | None = None
        self._heard_at = -math.inf
        self.acted = False  # something that can act was handed to the link
        self.confidential = True  # before the association stands, secrets and proofs travel
        self.progress: Callable[[Progress], None] | None = None
        engine.trace = self._record

    @property
    def counts(self) -> bool:
        """Whether invocation counters are used."""
        return self._counters is not None

    async def release(self) -> None:
        """Close the association, whatever was under way in it."""
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT_S):
                if self._waiting:
                    await self._let_it_finish()
                await self.exchange(ReleaseRequest())
        except (TimeoutError, Unanswered, NotAgreed):
            pass

    async def settle(self) -> None:
        """Write down how far the counters have come."""
        if self._counters is not None and self._reserved:
            engine = self.engine
            lowest = engine.peer_invocation_counter
            if self._peers is not None:
                self._peers.heard(engine.peer_system_title, lowest)
                lowest = 0
            await self._counters.settle(engine.invocation_counter, lowest)

    async def exchange(self, message: Message) -> Event:
        """Say something; the event that answers it.

        Raises `Unanswered`, `NotAgreed`, or `Withheld`.
        """
        tries = 1 + (ASKED_AGAIN_MAX if isinstance(message, GetRequest) else 0)
        for left in reversed(range(tries)):
            try:
                return await self._ask(message)
            except NoAnswer:
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    async def _ask(self, message: Message) -> Event:
        if self._gone is not None:
            raise self._gone
        await self._rest()
        self._violations.clear()
        self._refused.clear()
        acts = isinstance(message, ACTING_REQUESTS)
        await self._reserve()
        try:
            apdu = self._say(message, withheld=acts and self._dry_run)
        except LocalProtocolError as error:
            if isinstance(message, AssociationRequest):
                raise UsedUp(error.cause) from error
            raise NotAgreed(error.cause) from error
        self._waiting = True
        if acts:
            self.acted = True
        await self.wire.send(apdu)
        return await self._answer()

    def _say(self, message: Message, *, withheld: bool) -> bytes:
        if not withheld:
            return self.engine.send(message, now=_now())
        self.engine.trace = None
        apdu = self.engine.send(message, now=_now())
        self.engine.trace = self._record
        self._trace.note(Layer.APDU, direction="withheld", octets=apdu)
        self.wire.show(apdu)
        self._give_up()
        raise Withheld("a dry run: nothing that can act is sent")

    async def _answer(self) -> Event:
        apdus = octets = 0
        while True:
            while (own := self.engine.data_to_send()) is not None:
                await self.wire.send(own)
            event = self.engine.next_event()
            if event is not NEED_DATA:
                if (answer := self._take(event)) is not None:
                    return answer
                continue
            if apdus:
                await self.wire.expect()  # what came was not all
            match await self._next():
                case None:
                    self.engine.handle_deadline(now=_now())
                case ApduReceived(apdu=apdu):
                    apdus, octets = apdus + 1, octets + len(apdu)
                    await self._reserve()  # the engine may answer by itself
                    self._receive(apdu)
                    if self.progress is not None:
                        self.progress(Progress(apdus, octets))
                case LinkViolation(cause, dropped):
                    self._trace.note(Layer.VIOLATION, cause, direction="up", octets=dropped)
                case LinkDown() as down:
                    self._gone = LinkGone(down)
                    self._give_up()
                    raise self._gone
                case _:
                    pass

    async def _next(self) -> LinkEvent | None:
        """The link's next event, or None where the answer is overdue and no more of it comes: one
        in many segments takes minutes where a meter pauses between them, or noise is on the line.
        """
        until, known = self.engine.next_deadline(), 0
        while (event := await self.wire.next(until)) is None:
            here = self.wire.partly_here
            if here in (0, known):
                return None
            known, until = here, _now() + SEGMENT_TIMEOUT_S
        return event

    def _take(self, event: Event) -> Event | None:
        """The event, where it answers what was asked."""
        match event:
            case ProtocolViolation(violation, error):
                # Late, doubled, replayed or forged: the right answer may still come in time.
                self._violations.append(violation)
                self._refused.append(f"{violation.value} ({error})")
                self._trace.note(Layer.VIOLATION, f"{violation.value}: {error}", direction="up")
                return None
            case DataNotification() | EventNotification():
                if self._notified is not None:
                    self._notified(event)
                return None
            case TimedOut():
                self._waiting = False
                why = "no answer in time"
                if self._violations:
                    why += f"; refused what came: {', '.join(self._refused)}"
                raise NoAnswer(why, tuple(self._violations))
        self._waiting = False
        return event

    def _receive(self, apdu: bytes) -> None:
        self._heard_at = _now()
        try:
            self.engine.receive_data(apdu, now=_now())
        except CountersUsedUp as error:
            raise UsedUp(error.cause) from error

    async def _reserve(self) -> None:
        """Nothing is made with a counter that a crash could let us use again."""
        engine = self.engine
        if self._counters is not None and engine.invocation_counters_left <= COUNTERS_AT_ONCE:
            end = min(engine.invocation_counter + RESERVED, COUNTER_MAX + 1)
            try:
                await self._counters.reserve(end)
            except CountersContended as error:
                raise Contended(str(error)) from error
            engine.extend_counters(end)
            self._reserved = True

    async def _rest(self) -> None:
        pause = self._heard_at + self._pause_s - _now()
        if pause > 0:
            await asyncio.sleep(pause)

    async def _let_it_finish(self) -> None:
        """Somebody stopped waiting: hear the present answer out, ask for no more of it."""
        due = self.engine.next_deadline()
        until = _now() + RELEASE_TIMEOUT_S / 2
        while self._waiting and due is not None:
            event = await self.wire.next(until)
            if event is None or isinstance(event, LinkDown):
                break
            if isinstance(event, ApduReceived):
                self._receive(event.apdu)
                self._waiting = False
        self._give_up()

    def _give_up(self) -> None:
        """Let the engine forget what it asked; the association stays open."""
        self.engine.handle_deadline(now=math.inf)
        while self.engine.data_to_send() is not None:
            pass  # such as the request for the next block
        while self.engine.next_event() is not NEED_DATA:
            pass
        self._waiting = False

    def _record(self, exchanged: Exchanged) -> None:
        self._trace.note(
            Layer.APDU,
            direction="down" if exchanged.sent else "up",
            octets=exchanged.wire,
            plain=None if self.confidential else exchanged.plain,
            secret=self.wire.secret,
        )


def _now() -> float:
    return asyncio.get_running_loop().time()
