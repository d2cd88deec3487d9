"""`ports.Field` for meters that are reached without a concentrator: here we are the DLMS client.

A meter keeps no order and no deadline for us.  So `not_after` is looked at once more immediately
before something that acts leaves; what was sent and not answered is unknown, and found out by
reading the meter; and what an earlier life of this process may have sent is never sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

from msgspec.structs import replace as replace_of

from headend.config import DirectPolicy
from headend.domain.failure import Failure
from headend.domain.meter import Meter
from headend.domain.reading import WantedObject
from headend.domain.reason import ReasonCode
from headend.field.direct import failing
from headend.field.direct.conversation import Conversation, Opened
from headend.field.direct.line import Line, LineError
from headend.field.direct.own_access import OwnAccess
from headend.field.direct.profiles import ProfileReading, is_buffer, joined
from headend.field.direct.rekeying import Rekeying
from headend.field.direct.reporting import acted_in, report
from headend.field.direct.trace import Trace
from headend.field.direct.tunnel_line import Tunnels
from headend.field.direct.updating import Updating
from headend.models import BadModel, Model, Shelf
from headend.models.schema import Engine
from headend.ports import (
    Chance,
    Clock,
    Command,
    Connectivity,
    FieldListener,
    KeysUnreadable,
    ProfileRows,
    Report,
    Store,
    Vault,
)
from protocols.concentrator.messages import (
    ACTING,
    Action,
    ObjectRead,
    ObjectWanted,
    Status,
)
from protocols.dlms.procedures import Outcome
from protocols.dlms.procedures.command import procedure_of


class Dialling(Protocol):
    """Finds the line to a meter, by calling it or by waiting until it has called."""

    async def line_to(self, meter: Meter) -> Line:
        """Raises `LineError`."""
        ...


@dataclass(slots=True)
class DirectField:
    """See the module.  `vault` is None where no keys are kept: then only public clients speak."""

    store: Store
    clock: Clock
    chance: Chance
    shelf: Shelf
    vault: Vault | None
    dialling: Dialling
    policy: DirectPolicy
    tunnels: Tunnels | None = None  # None: no meter is behind a gateway
    rows: ProfileRows | None = None  # None: a profile is read like any object, and nobody keeps it
    zone: ZoneInfo = ZoneInfo("UTC")  # where the meters hang
    back: dict[str, timedelta] = field(default_factory=dict)
    """By profile how far back its first reading reaches, where collection has a task for it."""
    _segments: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    _meters: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    # --- ports.Field -----------------------------------------------------------------------------

    async def perform(
        self,
        command: Command,
        *,
        on_accepted: Callable[[], Awaitable[None]] | None = None,
        again: bool = False,
    ) -> Report:
        if again and command.action in ACTING:
            return self._unknown(command, "an earlier life of the head-end may have sent it")
        left_s = (command.not_after - self.clock.now()).total_seconds() + self.policy.grace_s
        trace = Trace(self.clock)
        try:
            async with asyncio.timeout(max(left_s, self.policy.grace_s)):
                async with self._place(command.concentrator), self._meter(command.meter):
                    found, engine = await self._session(command, trace)
        except TimeoutError:
            found, engine = Failure(ReasonCode.NO_ANSWER_UNKNOWN, "its time ran out"), None
            if acted_in(trace):
                found = Failure(found.reason, found.why, acted=True)
        return report(command, found, trace, engine, self.clock.now())

    async def withdraw(self, command: Command) -> Report:
        """Nobody but this process carries a command out, and a step that does is under its lease:
        whoever asks finds none under way, and must look at the meter."""
        return self._unknown(command, "nobody has a record of it but the meter")

    async def stored(self, command: Command) -> None:
        """Our own result needs no receipt."""

    def open(self, concentrator: str) -> bool:
        return True

    def connectivity(self, concentrator: str) -> Connectivity:
        return Connectivity(None)

    def listen(self, listener: FieldListener) -> None:
        """Nothing comes unasked this way; pushes have a receiver of their own."""

    async def associate(self, meter: Meter, role: str, until: datetime) -> Opened | Failure:
        """Open an association and release it, and ask for nothing in it: afterwards our counters
        are not behind the meter's, no older one of the meter's is believed, and the keys are proven
        on both sides.  The counter is read first, so that nothing is sent under one that was used.

        Raises KeysUnreadable, BadModel.
        """
        model, trace = self.shelf.get(meter.model), Trace(self.clock)
        asking = replace_of(model, quirks=replace_of(model.quirks, counter_first=True))
        try:
            async with asyncio.timeout(max((until - self.clock.now()).total_seconds(), 0)):
                async with self._place(meter.lane or ""), self._meter(meter.name):
                    line = await self._line(meter, until)
                    if self.vault is not None:
                        await self._rekeying(self.vault).settle(meter, asking, role, line, trace)
                    own = OwnAccess(self.vault, self.policy.title)
                    access = await own.to(meter, model.association[role])
                    talk = Conversation(
                        line, asking, access, clock=self.clock, chance=self.chance, role=role
                    )
                    async with talk:
                        return await talk.open()
        except TimeoutError:
            return Failure(ReasonCode.NO_ANSWER_UNKNOWN, "its time ran out")
        except LineError as error:
            return failing.of_line(error)

    # --- one session -----------------------------------------------------------------------------

    def _place(self, segment: str) -> asyncio.Semaphore:
        """So many sessions at once in each network segment."""
        width = self.policy.sessions_per_segment
        return self._segments.setdefault(segment, asyncio.Semaphore(width))

    def _meter(self, name: str) -> asyncio.Lock:
        """One session with a meter at a time: few meters take two connections."""
        if (lock := self._meters.get(name)) is None:
            lock = self._meters[name] = asyncio.Lock()
        return lock

    async def _session(
        self, command: Command, trace: Trace
    ) -> tuple[Outcome | Failure, Engine | None]:
        meter = await self.store.run(lambda tx: tx.meter(command.meter))
        if meter is None:
            return Failure(ReasonCode.UNKNOWN_METER), None
        try:
            model = self.shelf.get(meter.model)
            line = await self._line(meter, command.not_after)
            if command.action is Action.CHANGE_KEYS:
                return await self._change_keys(command, meter, model, line, trace), model.engine
            return await self._converse(command, meter, model, line, trace), model.engine
        except LineError as error:
            return failing.of_line(error), None
        except (BadModel, KeysUnreadable) as error:
            return Failure(ReasonCode.LINE_UNAVAILABLE, str(error), "correct the registry"), None

    async def _converse(
        self, command: Command, meter: Meter, model: Model, line: Line, trace: Trace
    ) -> Outcome | Failure:
        own = OwnAccess(self.vault, self.policy.title)
        acting = command.action in ACTING or command.image is not None
        role = await own.role(meter, model, acting=acting)
        if self.vault is not None:
            await self._rekeying(self.vault).settle(meter, model, role, line, trace)
        conversation = Conversation(
            line,
            model,
            await own.to(meter, model.association[role]),
            clock=self.clock,
            chance=self.chance,
            role=role,
            trace=trace,
        )
        async with conversation:
            opened = await conversation.open()
            if isinstance(opened, Failure):
                return opened
            if command.image is not None:
                updating = Updating(self.store, self.clock, command, command.image)
                return await updating.go_on(conversation)
            if command.action is Action.READ and self.rows is not None:
                return await self._read(conversation, command, model, self.rows)
            return await self._carry_out(conversation, command, command.objects)

    async def _carry_out(
        self, conversation: Conversation, command: Command, objects: Sequence[WantedObject]
    ) -> Outcome | Failure:
        procedure = procedure_of(
            command.action,
            amount=command.amount,
            unit=command.unit,
            objects=[ObjectWanted(each.class_id, each.name, each.attribute) for each in objects],
            clock=command.clock,
            tariff=command.tariff,
            since=command.since,
            now=self.clock.now,
        )
        return await conversation.perform(procedure, may_act=self._in_time(command))

    async def _read(
        self, conversation: Conversation, command: Command, model: Model, rows: ProfileRows
    ) -> Outcome | Failure:
        """Values, and then the rows of profiles, which take longer."""
        values = [each for each in command.objects if not is_buffer(each)]
        others = Outcome(Status.DONE)
        if values:
            found = await self._carry_out(conversation, command, values)
            if isinstance(found, Failure) or len(found.readings) != len(values):
                return found
            others = found
        profiles = ProfileReading(rows, self.clock, self.zone, conversation, command, model)
        profiles.refusal = others.refusal
        told = []
        for wanted in filter(is_buffer, command.objects):
            read = await profiles.read(wanted, self.back.get(wanted.name))
            if not isinstance(read, ObjectRead):
                return read
            told.append(read)
        return joined(command.objects, told, others.readings, profiles.refusal)

    async def _line(self, meter: Meter, not_after: datetime) -> Line:
        """Raises `LineError`."""
        if self.tunnels is not None and meter.by_gateway and meter.concentrator is not None:
            return self.tunnels.line_to(meter.concentrator, meter.name, not_after)
        return await self.dialling.line_to(meter)

    async def _change_keys(
        self, command: Command, meter: Meter, model: Model, line: Line, trace: Trace
    ) -> Outcome | Failure:
        if self.vault is None:
            next_step = "set keys.envelope_file in the configuration"
            return Failure(ReasonCode.KEY_NOT_KNOWN, "no keys are kept here", next_step)
        rekeying = self._rekeying(self.vault)
        return await rekeying.change(meter, model, line, trace, self._in_time(command))

    def _rekeying(self, vault: Vault) -> Rekeying:
        return Rekeying(vault, self.clock, self.chance, self.policy.title)

    def _in_time(self, command: Command) -> Callable[[], bool]:
        """The last word before something that acts leaves."""
        return lambda: self.clock.now() < command.not_after

    # --- what came of it -------------------------------------------------------------------------

    def _unknown(self, command: Command, why: str) -> Report:
        failure = Failure(ReasonCode.NO_ANSWER_UNKNOWN, why, acted=command.action in ACTING)
        return report(command, failure, Trace(self.clock), None, self.clock.now())
