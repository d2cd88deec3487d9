"""Wires the technician's side of jobs: packages in the kit, worked over a line, without a server.

kit = job_kit(folder, "a passphrase")
job = kit.open(Path("day.job").read_bytes())
visit = await job.work.visit(job.way("tcp://127.0.0.1:4059"))
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from headend.app.probe import BadAddress, line_to
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.domain.failure import Failure
from headend.domain.reason import ReasonCode
from headend.field.direct.access import Access, Credentials
from headend.field.direct.conversation import Conversation
from headend.field.direct.dialogue import Withheld
from headend.field.direct.line import Line
from headend.field.direct.trace import Layer
from headend.jobs.book import Book
from headend.jobs.errand import procedure_for
from headend.jobs.permission import NotAllowed, Permission
from headend.jobs.work import Step, Talk, Visit, Work
from headend.models import BadModel, Framing, Model, Shelf
from headend.models.schema import PUBLIC, Engine
from headend.ports import Chance, Clock
from headend.store.envelope import BadEnvelope
from headend.store.kit.folder import BadKit, default_folder
from headend.store.kit.jobs import JobFolder, JobShelf, LeasedFileCounters
from headend.store.kit.journal import Journal
from headend.store.kit.keyring import WrongPassphrase
from protocols.concentrator.messages import Apdu, ObjectWanted, Status
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import (
    Identity,
    Outcome,
    Procedure,
    identify,
    read_counter,
)
from protocols.dlms.procedures.reading import VALUE_AND_SCALE
from protocols.jobs import package as format_
from protocols.jobs.cards import DeviceKeys, HeadEndCard
from protocols.jobs.errors import JobRefused, Refused
from protocols.jobs.package import PackedMeter, PackedOrder
from protocols.jobs.result import digest
from protocols.jobs.sealing import unseal

__all__ = [
    "BadAddress",
    "BadEnvelope",
    "BadKit",
    "BadModel",
    "JobKit",
    "JobRefused",
    "JobShelf",
    "NotAllowed",
    "OpenJob",
    "Rehearsal",
    "Step",
    "Visit",
    "WrongPassphrase",
    "default_folder",
    "job_kit",
]

LineTo = Callable[[], Line]


@dataclass(slots=True)
class _Talk:
    """`headend.jobs.work.Talk` over a conversation."""

    conversation: Conversation
    engine: str
    counters: LeasedFileCounters
    _shown: int = 0

    async def open(self) -> Failure | None:
        opened = await self.conversation.open()
        return self._told(opened) if isinstance(opened, Failure) else None

    async def perform(
        self, procedure: Procedure, may_act: Callable[[], bool | Status]
    ) -> Outcome | Failure:
        said = await self.conversation.perform(procedure, may_act=may_act)
        return self._told(said) if isinstance(said, Failure) else said

    def _told(self, failure: Failure) -> Failure:
        """A lease that is used up looks to a conversation like another that has the key."""
        if not self.counters.used_up:
            return failure
        next_step = "hand the result in, and ask for a new package"
        return replace(failure, reason=ReasonCode.WRONG_KEY_OR_COUNTER, next_step=next_step)

    def apdus(self) -> tuple[Apdu, ...]:
        entries = self.conversation.trace.entries
        new, self._shown = entries[self._shown :], len(entries)
        return tuple(
            Apdu(entry.at, "down" if entry.direction == "down" else "up", entry.octets, entry.plain)
            for entry in new
            if entry.layer is Layer.APDU and not entry.secret
        )


@dataclass(frozen=True, slots=True)
class _Way:
    """`headend.jobs.work.Way` over one line."""

    line: LineTo
    framing: Framing | None
    shelf: Shelf
    keys: DeviceKeys
    folder: JobFolder
    clock: Clock
    chance: Chance
    dry_run: bool = False

    async def identity(self) -> Identity | Failure:
        """Ask as the public client, which no meter refuses."""
        async with self._conversation(self.shelf.get("generic"), PUBLIC, Access()) as talk:
            opened = await talk.open()
            return opened if isinstance(opened, Failure) else await talk.find(identify())

    @asynccontextmanager
    async def talk(self, meter: PackedMeter) -> AsyncIterator[Talk]:
        model, counters = self.shelf.get(meter.model), self.folder.counters(meter)
        access = Access(self.keys.system_title, Credentials(keys=meter.keys.keys), counters)
        engine = "own" if model.engine is Engine.OURS else model.engine.value
        try:
            talk = self._conversation(model, meter.role, access, dry_run=self.dry_run)
            async with talk as conversation:
                yield _Talk(conversation, engine, counters)
        finally:
            counters.release()

    async def meter_counter(self, meter: PackedMeter) -> int | None:
        model = self.shelf.get(meter.model)
        name = model.association[meter.role].counter
        if not name:
            return None
        async with self._conversation(model, PUBLIC, Access()) as talk:
            if isinstance(await talk.open(), Failure):
                return None
            found = await talk.find(read_counter(LogicalName(name)))
        return found if isinstance(found, int) else None

    def objects(self, meter: PackedMeter) -> tuple[ObjectWanted, ...]:
        found = self.shelf.get(meter.model).objects.values()
        return tuple(
            ObjectWanted(each.class_id, each.name, each.attribute)
            for each in found
            if each.class_id in VALUE_AND_SCALE
        )

    def _conversation(
        self, model: Model, role: str, access: Access, *, dry_run: bool = False
    ) -> Conversation:
        return Conversation(
            self.line(),
            model,
            access,
            clock=self.clock,
            chance=self.chance,
            role=role,
            framing=self.framing,
            dry_run=dry_run,
        )


@dataclass(frozen=True, slots=True)
class RehearsedStep:
    """What one order would send: the first message that can act, as APDU and as frames."""

    order: PackedOrder
    said: str
    withheld: tuple[tuple[Layer, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a visit would do at one meter."""

    meter: PackedMeter
    steps: tuple[RehearsedStep, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class OpenJob:
    """One package, open in memory; on disk its keys stay sealed."""

    kit: JobKit
    folder: JobFolder
    work: Work

    def way(
        self, where: str | LineTo, *, framing: Framing | None = None, dry_run: bool = False
    ) -> _Way:
        """A line to the meter that is connected now.  Raises `BadAddress`.

        The journal gets a line each time: a clock that is set back later shows there.
        """
        line = where if callable(where) else partial(line_to, where)
        kit = self.kit
        kit.journal.write("visit", job=self.work.package.job, line=line().name)
        return _Way(line, framing, kit.shelf, kit.keys, self.folder, kit.clock, kit.chance, dry_run)

    async def visit(
        self,
        where: str | LineTo,
        *,
        framing: Framing | None = None,
        name: str | None = None,
        read: bool = True,
    ) -> Visit:
        """See `Work.visit`; one at a time on this device.  Raises `BadAddress`, `BadKit`."""
        way = self.way(where, framing=framing)
        with self.folder.held():
            self.work.book.reread()
            return await self.work.visit(way, name=name, read=read)

    async def rehearse(
        self, where: str | LineTo, *, framing: Framing | None = None, name: str | None = None
    ) -> Rehearsal:
        """A visit at which nothing that can act is sent, and nothing is written into the book.

        Raises `BadAddress`, `BadKit`, NotAllowed.
        """
        way = self.way(where, framing=framing, dry_run=True)
        with self.folder.held():
            self.work.book.reread()
            self.work.permission.check()
            meter = await self.work.recognised(way, name)
            async with way.talk(meter) as talk:
                assert isinstance(talk, _Talk)
                failure = await talk.open()
                if failure is not None:
                    return Rehearsal(meter, failure=failure)
                steps = [await self._rehearsed(each, talk) for each in self.work.pending(meter)]
        return Rehearsal(meter, tuple(steps))

    async def _rehearsed(self, order: PackedOrder, talk: _Talk) -> RehearsedStep:
        refused = self.work.permission.refusal(order)
        if refused is not None:
            return RehearsedStep(order, refused)
        seen = len(talk.conversation.trace.entries)
        try:
            found = await talk.perform(procedure_for(order), lambda: True)
        except Withheld:
            entries = talk.conversation.trace.entries[seen:]
            kept = tuple((e.layer, e.octets) for e in entries if e.direction == "withheld")
            return RehearsedStep(order, "would send", kept)
        said = str(found) if isinstance(found, Failure) else str(found.status)
        return RehearsedStep(order, f"sends nothing that acts: {said}")

    def close(self) -> bytes:
        """End the job; its result, to be handed in.  Raises `BadKit`."""
        with self.folder.held():
            self.work.book.reread()
            self.work.close()
        self.kit.journal.write("job closed", job=self.work.package.job)
        return self.folder.lines()


@dataclass(frozen=True, slots=True)
class JobKit:
    """The jobs of one device, its keys open."""

    store: JobShelf
    keys: DeviceKeys
    shelf: Shelf
    clock: Clock
    chance: Chance
    journal: Journal

    def believe(self, card: HeadEndCard) -> None:
        """Open packages of this head-end."""
        self.store.believe(card)
        self.journal.write("head-end believed", fingerprint=card.fingerprint)

    def open(self, file: bytes, *, passphrase: str | None = None) -> OpenJob:
        """Take a package over and begin it.  Raises JobRefused, NotAllowed, `BadKit`."""
        job = self._unsealed(file, passphrase)
        self.store.learn_revoked(job.work.package.revoked)
        job.work.permission.check()
        folder = self.store.take(job.work.package.job, file)
        with folder.held():
            job.work.book.reread()
            job.work.book.open()
        self.journal.write("job opened", job=job.work.package.job)
        return job

    def job(self, id_: str, *, passphrase: str | None = None) -> OpenJob:
        """A job that was opened before.  Raises JobRefused, `BadKit`."""
        return self._unsealed(self.store.job(id_).package(), passphrase)

    def _unsealed(self, file: bytes, passphrase: str | None) -> OpenJob:
        head_end = self.store.head_end()
        if head_end is None:
            text = "this device believes no head-end yet"
            raise JobRefused(Refused.STRANGER, f"{text}. Try: ami probe job enrol --head-end CARD")
        content = unseal(file, self.keys, head_end, passphrase=passphrase)
        package = format_.decode(content)
        folder = self.store.job(package.job)
        card = self.keys.card
        book = Book(package.job, digest(file), card, self.keys.signer, folder, self.clock)
        latest = max((line.at for line in self.journal), default=None)
        revoked = self.store.revoked() | frozenset(package.revoked)
        permission = Permission(package, book, self.clock, revoked, latest)
        return OpenJob(self, folder, Work(package, book, permission, folder.counters))


def job_kit(
    unlock: str | Path,
    folder: Path | None = None,
    *,
    models: Path | None = None,
    clock: Clock | None = None,
    chance: Chance | None = None,
) -> JobKit:
    """The jobs in a kit; the device's keys are made at their first use, and sealed by `unlock`, a
    passphrase or a key file's path.  Raises `WrongPassphrase`, `BadKit`, `BadEnvelope`."""
    folder = folder or default_folder()
    clock, chance = clock or WallClock(), chance or SystemChance()
    store = JobShelf(folder)
    keys = store.device(unlock, chance)
    return JobKit(store, keys, Shelf(models), clock, chance, Journal(folder, clock))
