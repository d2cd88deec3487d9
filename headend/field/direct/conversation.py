"""A conversation with one meter: open, perform procedures, release.

    conversation = Conversation(line, model, access, role="reader", clock=clock, chance=chance)
    async with conversation:
        opened = await conversation.open()                # Opened or Failure
        result = await conversation.perform(procedure)    # what it returns, or Failure

What may happen in the field comes back as a `Failure`.  Leaving the context releases the meter and
closes the line, also when the task is cancelled.

An invocation counter that nobody remembers is read first, by the public client; one that the meter
rejects is compared with the meter's own, and only where that proves that ours was behind there is
a second try: a login with a wrong key is never repeated, because meters lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar, cast

from headend.domain.failure import Failure
from headend.domain.reason import ReasonCode
from headend.field.direct import failing
from headend.field.direct.access import Access
from headend.field.direct.connection import Connection
from headend.field.direct.dialogue import Notification, Progress
from headend.field.direct.line import Line
from headend.field.direct.links import engine_for
from headend.field.direct.trace import Trace
from headend.models import Association, Framing, Model
from headend.models.schema import PUBLIC
from headend.ports import Chance, Clock, CountersContended
from protocols.concentrator.messages import Status
from protocols.dlms.events import ClientEngine
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.association import ListedObject
from protocols.dlms.procedures import (
    Answer,
    NotSent,
    Outcome,
    Pause,
    Request,
    Unanswered,
    exception_outcome,
)
from protocols.dlms.script import Begun, CounterSource, Objects, Script, begin, carry_out
from protocols.dlms.services import (
    AttributeDescriptor,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    GetResult,
    Negotiated,
)
from protocols.link import Identified

T = TypeVar("T")

PROBING_TIMEOUT_S = 8.0
"""How long an answer is waited for while other framings are left to try."""

CLOSE_TIMEOUT_S = 15.0

_ELSEWHERE = frozenset(
    {ReasonCode.NO_ANSWER_UNKNOWN, ReasonCode.METER_NOT_UNDERSTOOD, ReasonCode.LINE_LOST}
)
"""Failures after which another framing may get further."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The association stands."""

    role: str
    framing: Framing
    negotiated: Negotiated
    meter_title: bytes
    identified: Identified | None = None  # mode E only
    resynchronised: bool = False  # our counter was behind the meter's


class Conversation:
    """See the module.  `role` names an association of the model, the reader's where left out.

    One task uses a conversation, once.
    """

    def __init__(
        self,
        line: Line,
        model: Model,
        access: Access,
        *,
        clock: Clock,
        chance: Chance,
        role: str | None = None,
        framing: Framing | None = None,
        trace: Trace | None = None,
        dry_run: bool = False,
        notified: Callable[[Notification], None] | None = None,
        probing_timeout_s: float = PROBING_TIMEOUT_S,
    ) -> None:
        self.trace = trace or Trace(clock)
        self._line = line
        self._model = model
        self._access = access
        self._chance = chance
        self._role = role or model.reads_as
        self._association = model.association[self._role]
        self._framing = framing
        self._probing_timeout_s = probing_timeout_s
        self._there: Objects | None = None if model.quirks.missing_in_lists else set()
        self._connection = Connection(
            line, model, access, self.trace, dry_run=dry_run, notified=notified
        )

    async def __aenter__(self) -> Conversation:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.release()

    # --- opening ---------------------------------------------------------------------------------

    async def open(self) -> Opened | Failure:
        """Open the association of our role, by the first framing that the meter understands."""
        if (missing := self._missing(self._association)) is not None:
            return missing
        if self._association.ciphers:
            connection = self._connection
            try:
                connection.next_own, connection.peer_lowest = await self._access.counters.load()
                if self._access.peers is not None:
                    connection.peers.update(self._access.peers.heard_of())
            except CountersContended as error:
                return failing.of_contended(error)
        framings = self._framings()
        tried: list[str] = []
        failure: Failure | None = None
        for framing in framings:
            last = framing is framings[-1]
            found = await self._open_in(framing, probing=not last)
            if isinstance(found, Opened):
                return found
            tried.append(f"{framing}: {found.why}")
            failure = failure or found
            await self._connection.hang_up()
            if found.reason not in _ELSEWHERE:
                return found
            if not last:
                await self._connection.close()
        assert failure is not None
        if len(tried) == 1:
            return failure
        return Failure(failure.reason, "; ".join(tried), failure.next_step)

    def _framings(self) -> Sequence[Framing]:
        if self._framing is not None:
            return (self._framing,)
        match self._line.kind:
            case "serial":
                return self._model.framings.serial
            case "udp":
                return self._model.framings.udp
            case "gateway":
                return (Framing.WRAPPER,)
            case _:
                return self._model.framings.tcp

    def _missing(self, association: Association) -> Failure | None:
        shared = self._access.credentials
        if association.takes_password and shared.password is None:
            what = "a password"
        elif association.ciphers and shared.keys is None:
            what = "keys"
        elif association.signs and shared.pairs is None:
            what = "a key pair"
        else:
            return None
        why = f"client {association.client} needs {what}"
        return Failure(ReasonCode.KEY_NOT_KNOWN, why, f"enter {what}, or use the public client")

    async def _open_in(self, framing: Framing, *, probing: bool) -> Opened | Failure:
        """Try one framing."""
        try:
            script = self._beginning(self._association, probing)
            begun = await self._connection.drive(script, framing, self._association)
        except ValueError as error:
            next_step = "correct the meter's model, its addresses or its keys"
            return Failure(ReasonCode.LINE_UNAVAILABLE, str(error), next_step)
        except Unanswered as error:
            return failing.of_association(error, self._connection.lost)
        if isinstance(begun, Outcome):
            return failing.of_outcome(begun)
        dialogue = self._connection.dialogue
        assert dialogue is not None
        dialogue.confidential, dialogue.wire.secret = False, False
        self._connection.associated = begun.associated
        return Opened(
            self._role,
            framing,
            begun.associated.negotiated,
            begun.associated.peer_system_title,
            dialogue.wire.identified,
            begun.resynchronised,
        )

    def _beginning(self, association: Association, probing: bool) -> Script[Begun | Outcome]:
        known = self._connection.next_own
        if not association.ciphers:
            return begin(self._engine(association, 1, probing), client=association.client)
        source = None
        if not association.counter:
            known = known or 1
        else:
            public = self._model.association[PUBLIC]
            engine = self._engine(public, 1, probing)
            source = CounterSource(engine, LogicalName(association.counter), public.client)
        ask = self._model.quirks.counter_first and source is not None
        return begin(
            lambda first: self._engine(association, max(first, known or 0), probing),
            client=association.client,
            counter=source,
            known=None if ask else known,
        )

    def _engine(self, association: Association, counter: int, probing: bool) -> ClientEngine:
        timeout_s = self._model.response_timeout_s
        return engine_for(
            self._model,
            association,
            self._access,
            self._chance,
            counter=counter,
            peer_lowest=self._connection.peer_lowest if association.ciphers else 0,
            peers=dict(self._connection.peers) if association.ciphers else {},
            response_timeout_s=min(timeout_s, self._probing_timeout_s) if probing else timeout_s,
        )

    # --- performing ------------------------------------------------------------------------------

    async def perform(
        self,
        procedure: Generator[Request | Pause, Any, T],
        *,
        may_act: Callable[[], bool | Status] = lambda: True,
        progress: Callable[[Progress], None] | None = None,
        confidential: bool = False,
    ) -> T | Failure:
        """Run a procedure in the open association; what it returns.

        `may_act` has the last word immediately before something that can act is sent.  What is
        `confidential` stands in the trace as it travelled, never deciphered.  Raises `Withheld` at
        the end of a dry run.
        """
        connection = self._connection
        dialogue, associated = connection.dialogue, connection.associated
        if dialogue is None or associated is None:
            return Failure(ReasonCode.LINE_LOST, "no association is open", "open it first")
        dialogue.progress = progress
        dialogue.acted = False
        dialogue.confidential = confidential
        try:
            script = carry_out(procedure, associated, _insisting(may_act), self._there)
            found = await connection.drive(script)
            return cast("T", found)  # what `carry_out` says for itself is raised here
        except _NotNow as refused:
            return failing.of_outcome(Outcome(refused.status, detail="nothing was sent"))
        except Unanswered as error:
            return failing.of_unanswered(error, connection.lost, acted=dialogue.acted)
        finally:
            dialogue.progress = None
            dialogue.confidential = False

    async def find(
        self,
        procedure: Generator[Request | Pause, Any, T | Outcome],
        *,
        progress: Callable[[Progress], None] | None = None,
    ) -> T | Failure:
        """Run a procedure that looks for something; what it found, or why it did not."""
        found = await self.perform(procedure, progress=progress)
        return failing.of_outcome(found) if isinstance(found, Outcome) else found

    async def read(
        self,
        *attributes: AttributeDescriptor,
        progress: Callable[[Progress], None] | None = None,
    ) -> tuple[GetResult, ...] | Failure:
        """Read attributes; for each its value, or why the meter gives none."""

        def asking() -> Generator[Request, Answer, tuple[GetResult, ...] | Failure]:
            answer = yield GetRequest(attributes)
            if isinstance(answer, NotSent):
                return failing.of_not_sent(answer)
            if isinstance(answer, ExceptionResponse):
                return failing.of_outcome(exception_outcome("get", answer))
            assert isinstance(answer, GetResponse)
            return answer.results

        return await self.perform(asking(), progress=progress)

    def met(self, objects: Iterable[ListedObject]) -> None:
        """These the meter has, as it says itself: lists may name them."""
        if self._there is not None:
            self._there.update((each.class_id, each.instance) for each in objects)

    # --- ending ----------------------------------------------------------------------------------

    async def release(self) -> None:
        """Release the meter and close the line.  Doing it again does nothing."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._connection.hang_up()
        except TimeoutError:
            pass
        finally:
            self._access.counters.release()
            await self._connection.close()


class _NotNow(Exception):
    """The last word before something that can act was no."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


def _insisting(may_act: Callable[[], bool | Status]) -> Callable[[], bool | Status]:
    """Leaves the procedure where it may not act, so that nobody takes that for its result."""

    def act_now() -> bool | Status:
        if (verdict := may_act()) is not True:
            raise _NotNow(verdict or Status.STALE)
        return True

    return act_now
