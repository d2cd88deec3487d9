"""A conversation with the utility's other systems, and the messages that were said in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from headend.domain.feeder import KeptInstance
from headend.ports.adapters import AdapterFailed, Adapters, Asked, Heard
from protocols.cim import xml
from protocols.cim.profile import lexical, reading
from protocols.cim.profile.instance import Instance

AT_ONCE: Final = 4
"""Questions to one system at a time: a page is one visitor of several."""
IDS_MAX: Final = 40
"""Instances named in one question; an adapter takes up to 50."""
REPOSITORY: Final = "Repository"
SHOWN_MAX: Final = 20_000
"""Characters of a message that are shown; a page of a thousand instances has half a million."""


class Unconfigured:
    """Nobody says where any system is."""

    def get(self, system: str, asked: Asked, heard: Heard | None = None) -> AsyncIterator[Instance]:
        """Raises `AdapterFailed`."""
        text = f"nobody says where {system} is: [associations] {system.lower()}"
        raise AdapterFailed("no-adapter-configured", text, retry=False)


@dataclass(frozen=True, slots=True)
class Said:
    """A question to a system and its answer, as they went over the wire; of what is kept in the
    database there is no question, and the answer is its payload."""

    system: str
    question: bytes | None
    answer: bytes

    @property
    def texts(self) -> tuple[str, str]:
        """Both, with a line for each element."""
        return "" if self.question is None else shown(self.question), shown(self.answer)


@dataclass(slots=True)
class Conversation:
    """With all systems, for one page."""

    adapters: Adapters
    said: list[Said] = field(default_factory=list)
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def answering(self, before: int = 0) -> list[Said]:
        """All that was said, what answers the view first: it is asked last; then what systems call
        things, and last the messages of the tree, so many `before` the others."""
        newest = self.said[before:][::-1]
        names = [each for each in newest if each.system == REPOSITORY]
        values = [each for each in newest if each.system != REPOSITORY]
        return [*values, *names, *self.said[:before]]

    async def get(self, system: str, asked: Asked) -> list[KeptInstance]:
        """What a get answers.  Raises `AdapterFailed`."""

        def heard(question: bytes, answer: bytes) -> None:
            self.said.append(Said(system, question, answer))

        async with self._turn:
            found = self.adapters.get(system, asked, heard)
            return [taken(system, each) async for each in found]

    async def along(
        self,
        system: str,
        cls: str,
        association: str,
        keys: Sequence[str],
        *,
        special: str | None = None,
        begin: datetime | None = None,
        end: datetime | None = None,
    ) -> list[KeptInstance]:
        """What an association leads to from any number of instances.  Raises `AdapterFailed`."""
        parts = [tuple(keys[place : place + IDS_MAX]) for place in range(0, len(keys), IDS_MAX)]
        answers = await asyncio.gather(
            *(
                self.get(
                    system,
                    Asked(
                        cls, association=association, of=part, special=special, begin=begin,
                        end=end,
                    ),
                )
                for part in parts
            )
        )  # fmt: skip
        return [each for answer in answers for each in answer]


def taken(system: str, instance: Instance) -> KeptInstance:
    """An instance with its values as text."""
    key = reading.profile(system.lower()).key(instance.cls)
    said = {name: lexical.write(value) for name, value in instance.attributes.items()}
    named = "/".join(said.get(name, instance.references.get(name, "")) for name in key)
    at = datetime.fromtimestamp(0, UTC)  # what was asked just now is not kept
    return KeptInstance(system, instance.cls.name, named, said, dict(instance.references), at)


def shown(octets: bytes) -> str:
    """A message for people: indented, and cut where it is long."""
    root = xml.parse(octets)
    etree.indent(root)
    text = str(etree.tostring(root, encoding="unicode"))
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "\n…"
