"""One errand to one meter: associate, run a procedure, release.

A `Session` joins what the modules beside it keep apart: an engine (association, ciphering, blocks),
a procedure (what is asked) and the wrapper (framing).  It does no I/O and reads no clock: octets
and times come in as arguments, octets go out as results.

    octets = session.start(now)
    while not session.done:
        ...                                   # transmit octets, if any; wait for octets or deadline
        octets = session.receive(received, now) | session.handle_deadline(now)
    session.result                            # procedures.Outcome

The caller who loses the link calls `lost(now)`.  The session knows whether anything that can act
left it, so it can tell "nothing happened" (NO_ANSWER) from "nobody knows" (UNKNOWN).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from protocols import wrapper
from protocols.concentrator.messages import Status
from protocols.dlms.events import (
    NEED_DATA,
    Associated,
    AssociationRefused,
    ClientEngine,
    Event,
    Exchanged,
    ProtocolViolation,
    Released,
    TimedOut,
    Violation,
)
from protocols.dlms.procedures import (
    ACTING_REQUESTS,
    NotSent,
    Outcome,
    Pause,
    Unanswered,
    Working,
)
from protocols.dlms.script import CounterSource, Heard, Script, Use, begin, carry_out
from protocols.dlms.security import CountersUsedUp
from protocols.dlms.services import (
    ActionResponse,
    ExceptionResponse,
    GetResponse,
    ReleaseRequest,
    SetResponse,
)
from protocols.errors import LocalProtocolError

LOGICAL_DEVICE = 1
COUNTERS_AT_ONCE = 2  # the most that one step of an engine uses


class Phase(enum.Enum):
    """How far the session has come."""

    NEW = "not started"
    COUNTER = "reading the invocation counter with the public client"
    ASSOCIATING = "associating"
    WORKING = "running the procedure"
    RELEASING = "releasing"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One APDU on its way.  Without the wrapper's header, which says nothing of its own."""

    at: float
    direction: Literal["down", "up"]
    wire: bytes  # as it travelled, ciphered where the association ciphers
    plain: bytes | None  # deciphered; None for the association's own messages


# Asked immediately before something that can act is sent.  True sends it.  False, STALE or
# CANCELLED ends the session there, with nothing sent; False says STALE.
MayAct = Callable[[float], bool | Status]
# Asked for more invocation counters, from this one on; gives the first that is not reserved.
Renew = Callable[[int], int]


def _always(now: float) -> bool:
    return True


class Session:
    """See the module.  One object is one errand.

    `engine`, `counter` and `known` are those of `script.begin`.
    """

    def __init__(
        self,
        engine: ClientEngine | Callable[[int], ClientEngine],
        procedure: Working[Outcome],
        *,
        client: int,
        server: int = LOGICAL_DEVICE,
        counter: CounterSource | None = None,
        known: int | None = None,
        renew: Renew | None = None,
        may_act: MayAct = _always,
    ) -> None:
        if callable(engine) is (counter is None and known is None):
            raise ValueError("an engine, or a function that makes it and a counter to make it with")
        self._make = engine
        self._procedure = procedure
        self._client = client
        self._server = server
        self._counter = counter
        self._known = known
        self._renew = renew
        self._may_act = may_act
        self._engine: ClientEngine | None = None
        self._source = client
        self._decoder = wrapper.Decoder()
        self._script = self._run()
        self._now = 0.0
        self._violations: list[ProtocolViolation] = []
        self._outcome: Outcome | None = None
        self._waits_until: float | None = None  # the procedure's own wait for the meter
        self._associated = False
        self._ended = False
        self.phase = Phase.NEW  # the last one reached, also after the end
        self.acted = False  # something that can act was handed out for transmission
        self.resynchronised = False  # the meter had come further than what was known
        self.exchanges: list[Exchange] = []

    # --- what the caller does ---------------------------------------------------------------------

    @property
    def done(self) -> bool:
        """Whether `result` is there and nothing is waited for any more."""
        return self._ended

    @property
    def result(self) -> Outcome:
        """How it ended.  Raises ValueError before."""
        if self._outcome is None:
            raise ValueError(f"the session is {self.phase.value}")
        return replace(self._outcome, acted=self.acted)

    @property
    def engine(self) -> ClientEngine | None:
        """The engine in use, for its invocation counters; None before the start."""
        return self._engine

    def start(self, now: float) -> bytes:
        """The first octets to transmit."""
        self._now = now
        return b"".join(self._proceed(None))

    def receive(self, octets: bytes, now: float) -> bytes | None:
        """Take in octets as they came; the octets to transmit next, if any."""
        self._now = now
        if self.done:
            return None
        try:
            frames = self._decoder.feed(octets)
        except wrapper.BrokenStream as error:
            self._end(self._unanswered(f"the stream is no wrapper: {error}"))
            return None
        out: list[bytes] = []
        for frame in frames:
            if (frame.source, frame.destination) != (self._server, self._source) or self.done:
                continue  # for another client on the same stream, or after the end
            assert self._engine is not None
            self._keep_counters(self._engine)
            try:
                self._engine.receive_data(frame.apdu, now=now)
            except CountersUsedUp as error:
                self._end(self._exhausted(error))
                break
            out += self._pump()
        return b"".join(out) or None

    def next_deadline(self) -> float | None:
        """When `handle_deadline` is due, or None."""
        if self.done or self._engine is None:
            return None
        return self._engine.next_deadline() if self._waits_until is None else self._waits_until

    def handle_deadline(self, now: float) -> bytes | None:
        """Time has passed; the octets to transmit next, if any."""
        self._now = now
        if self.done or self._engine is None:
            return None
        if self._waits_until is not None:
            if now < self._waits_until:
                return None
            self._waits_until = None
            return b"".join(self._proceed(None)) or None
        self._engine.handle_deadline(now=now)
        return b"".join(self._pump()) or None

    def lost(self, now: float, why: str = "the link is lost") -> None:
        """The link is gone: end with what is known."""
        self._now = now
        if not self.done:
            self._end(self._unanswered(why))

    # --- octets and events ------------------------------------------------------------------------

    def _pump(self) -> list[bytes]:
        """What the engine says by itself, and what its events lead to."""
        out: list[bytes] = []
        while not self.done and self._engine is not None:
            apdu = self._engine.data_to_send()
            if apdu is not None:
                out.append(wrapper.encode(self._source, self._server, apdu))
                continue
            event = self._engine.next_event()
            if event is NEED_DATA:
                break
            out += self._take(event)
        return out

    def _take(self, event: Event) -> list[bytes]:
        self._associated = self._associated or isinstance(event, Associated)
        match event:
            case ProtocolViolation():
                # Late, doubled, replayed or forged: the right answer may still come in time.
                self._violations.append(event)
                return []
            case TimedOut():
                self._end(self._unanswered("no answer in time"))
                return []
            case (
                Associated()
                | AssociationRefused()
                | Released()
                | GetResponse()
                | SetResponse()
                | ActionResponse()
                | ExceptionResponse()
            ):
                return self._proceed(event)
            case _:
                return []  # notifications that the meter pushes into the conversation

    def _proceed(self, event: Event | None) -> list[bytes]:
        """Hand an event to the script and transmit what it says next."""
        self._violations.clear()
        heard: Heard = event
        while True:
            try:
                said = self._script.send(heard)
            except StopIteration as stop:
                self._end(stop.value)
                return []
            heard = None
            if isinstance(said, Use):
                self._adopt(said)
                continue
            if isinstance(said, Pause):
                self._waits_until = self._now + said.seconds
                return []
            assert self._engine is not None
            self._keep_counters(self._engine)
            try:
                apdu = self._engine.send(said, now=self._now)
            except CountersUsedUp as error:
                self._end(self._exhausted(error))
                return []
            except LocalProtocolError as error:
                heard = NotSent(error.cause)
                continue
            self.acted = self.acted or isinstance(said, ACTING_REQUESTS)
            return [wrapper.encode(self._source, self._server, apdu)]

    def _keep_counters(self, engine: ClientEngine) -> None:
        """Have more counters reserved before the engine might need them."""
        if self._renew is not None and engine.invocation_counters_left <= COUNTERS_AT_ONCE:
            engine.extend_counters(self._renew(engine.invocation_counter))

    def _adopt(self, use: Use) -> None:
        use.engine.trace = self._record
        self._engine, self._source, self._associated = use.engine, use.client, False
        self.phase = Phase.COUNTER if use.for_counter else Phase.ASSOCIATING

    def _record(self, exchanged: Exchanged) -> None:
        # Before the association stands, what travels are secrets or proofs of them.
        plain = exchanged.plain if self._associated else None
        direction: Literal["down", "up"] = "down" if exchanged.sent else "up"
        self.exchanges.append(Exchange(self._now, direction, exchanged.wire, plain))

    def _end(self, outcome: Outcome) -> None:
        # What the procedure found stands, whatever becomes of the release after it.
        self._outcome = self._outcome or outcome
        self._ended = True
        self._script.close()

    def _unanswered(self, why: str) -> Outcome:
        """The outcome when no answer comes any more.  The procedure has the first word."""
        wrong = [violation.violation for violation in self._violations]
        if wrong:
            why += "; refused: " + ", ".join(violation.value for violation in wrong)
        # Another key, or a meter that has lost its counter and so repeats itself.
        of_keys = {Violation.NOT_AUTHENTIC, Violation.REPLAYED}
        if self.phase is Phase.ASSOCIATING and not of_keys.isdisjoint(wrong):
            return Outcome(Status.KEY_REJECTED, detail=why)
        try:
            self._procedure.throw(Unanswered(why))
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return outcome
        except Unanswered as error:
            status = Status.UNKNOWN if self.acted else Status.NO_ANSWER
            return Outcome(status, detail=str(error))
        raise RuntimeError("the procedure goes on without an answer")

    def _exhausted(self, error: CountersUsedUp) -> Outcome:
        """The outcome when there is no invocation counter left to go on with."""
        if self.phase is Phase.ASSOCIATING or not self.acted:
            return Outcome(Status.KEY_REJECTED, detail=error.cause)
        return self._unanswered(error.cause)

    # --- the script -------------------------------------------------------------------------------

    def _run(self) -> Script[Outcome]:
        """Yields what to say, is sent what was answered."""
        begun = yield from begin(
            self._make, client=self._client, counter=self._counter, known=self._known
        )
        if isinstance(begun, Outcome):
            return begun
        self.resynchronised, self.phase = begun.resynchronised, Phase.WORKING
        outcome = yield from self._perform(begun.associated)
        if outcome.status in (Status.STALE, Status.CANCELLED):
            return outcome  # not even a release: the order is not ours any more
        self._outcome, self.phase = outcome, Phase.RELEASING
        yield ReleaseRequest()
        return outcome

    def _perform(self, associated: Associated) -> Script[Outcome]:
        try:
            return (yield from carry_out(self._procedure, associated, self._act_now))
        except Unanswered as error:
            return Outcome(Status.UNKNOWN if self.acted else Status.NO_ANSWER, detail=str(error))

    def _act_now(self) -> bool | Status:
        return self._may_act(self._now)
