"""The adapters of the utility's other systems, as `[associations]` names them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from headend import certificates
from headend.app.cim_reaching import Way, reaching
from headend.config import BadConfig, Tls
from headend.config.tasks import Associations
from headend.integration.cim.asking import following, instances_in, read, written
from headend.ports import Chance, Clock
from headend.ports.adapters import AdapterFailed, Asked, Heard
from protocols.cim import get
from protocols.cim.codes import Result
from protocols.cim.envelope import Message
from protocols.cim.errors import NotAMessage, RequestRefused
from protocols.cim.profile.instance import Instance
from protocols.cim.profile.lexical import NotAValue
from protocols.cim.replies import Stamp

T = TypeVar("T")

PASSES = ("3.", "4.", "5.")
"""Codes of what may pass: too much just now, too late, the system behind is away."""


@dataclass(slots=True)
class ConfiguredAdapters:
    """See `ports.adapters.Adapters`.  Messages are written and read outside the loop's thread where
    it is `live`, as a page takes half a second of it otherwise."""

    settings: Associations
    clock: Clock
    chance: Chance
    live: bool = True
    _bus: asyncio.Lock = field(default_factory=asyncio.Lock)  # a broker knows us by one name

    async def get(
        self, system: str, asked: Asked, heard: Heard | None = None
    ) -> AsyncIterator[Instance]:
        """The instances, page after page.  Raises `AdapterFailed`."""
        way = self._way(system)
        question: Message | None = question_of(asked, self._stamp())
        async with AsyncExitStack() as stack:
            if way.on_bus is not None:
                await stack.enter_async_context(self._bus)
            try:
                ask = await stack.enter_async_context(reaching(way))
                while question is not None:
                    sent = await self._outside(_writing(question))
                    octets = (await ask(sent)).octets
                    if heard is not None:
                        heard(sent, octets)
                    reply, found = await self._outside(_reading(octets))
                    _refuse_failed(reply, system)
                    for each in found:
                        yield each
                    question = following(question, reply, self._stamp)
            except BadConfig as error:
                raise AdapterFailed("bad-associations", str(error), retry=False) from error
            except ConnectionError as error:
                raise AdapterFailed("adapter-away", f"{system}: {error}") from error
            except TimeoutError as error:
                raise AdapterFailed("adapter-away", f"{system} does not answer in time") from error
            except (NotAMessage, RequestRefused, NotAValue) as error:
                text = f"what answers at {way.at} is no adapter: {error}"
                raise AdapterFailed("no-adapter", text, retry=False) from error

    def _way(self, system: str) -> Way:
        at = self.settings.address(system)
        if at is None:
            text = f"nobody says where {system} is: [associations] {system.lower()}"
            raise AdapterFailed("no-adapter-configured", text, retry=False)
        tls: Tls | None = None
        if self.settings.tls is not None and at.startswith(("https:", "mqtts:")):
            tls = certificates.in_folder(self.settings.tls, self.settings.source)
            try:
                certificates.check(tls, "associations.tls", self.clock.now())
            except BadConfig as error:
                raise AdapterFailed("bad-associations", str(error), retry=False) from error
        timeout_s = self.settings.timeout_s
        return Way(at=at, source=self.settings.source, tls=tls, timeout_s=timeout_s)

    def _stamp(self) -> Stamp:
        return Stamp(
            source=self.settings.source, message_id=self.chance.uuid(), at=self.clock.now()
        )

    async def _outside(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work) if self.live else work()


def question_of(asked: Asked, stamp: Stamp) -> Message:
    """The message that asks."""
    if asked.association is not None:
        return get.associated(
            asked.cls, asked.association, asked.of, stamp, special=asked.special,
            start=asked.begin, end=asked.end,
        )  # fmt: skip
    if asked.where:
        return get.filtered(asked.cls, asked.where, stamp)
    return get.all_instances(asked.cls, stamp)


def _writing(question: Message) -> Callable[[], bytes]:
    return lambda: written(question)


def _reading(octets: bytes) -> Callable[[], tuple[Message, list[Instance]]]:
    def work() -> tuple[Message, list[Instance]]:
        reply = read(octets)
        return reply, [*instances_in(reply)]

    return work


def _refuse_failed(reply: Message, system: str) -> None:
    """Raises `AdapterFailed` for a reply that says so."""
    if reply.reply is not None and reply.reply.result is not Result.FAILED:
        return
    errors = () if reply.reply is None else reply.reply.errors
    told = "; ".join(f"{each.code} {each.details or each.reason_text}" for each in errors)
    code = errors[0].code if errors else ""
    raise AdapterFailed(
        f"cim-{code or 'no-reply'}", f"{system} refuses: {told or 'without a word'}",
        retry=code.startswith(PASSES),
    )  # fmt: skip
