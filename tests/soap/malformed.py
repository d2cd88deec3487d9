"""Malformed messages against a head-end's own SOAP server, over a database in a file.

    python -m tests.soap.malformed --count 10000 --seed 1

Of each message: an answer that can be read, and no mistake of ours; the database is afterwards as
it was, octet by octet, or holds the message, all its effect and this very answer.  Prints the
counts, and ends with 1 where anything of it does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from devices.clock import run_simulated
from headend.app.head_end import HeadEnd, build
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import Config
from headend.domain.meter import Concentrator, Meter
from headend.field.bus import Bus, BusClient
from headend.soap.door.server import SoapAnswer
from headend.soap.door.told import FAULT
from protocols.cim import namespaces as ns
from protocols.cim import xml
from tests.soap.mutations import malformed, meter

START = datetime(2026, 7, 6, 14, tzinfo=UTC)
SHARED = tuple(f"9000000{n}" for n in range(5))
ACCEPTED = ("OK", "PARTIAL")
WARM = 0.3
"""The part of all messages after which nothing more is to grow."""


class NobodyCalls:
    """No results are sent: nothing runs that would send them."""

    async def post(self, address: str, octets: bytes, operation: str) -> bytes:
        raise AssertionError("nothing is posted")


@dataclass(slots=True)
class Found:
    """What came of the messages."""

    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    accepted: int = 0
    changed: int = 0
    warm: dict[str, int] = field(default_factory=dict)
    end: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "messages": sum(self.answers.values()),
            "answers": dict(self.answers.most_common()),
            "accepted": self.accepted,
            "changed the database": self.changed,
            "after the first third": self.warm,
            "at the end": self.end,
            "grown": self.grown(),
            "wrong": self.wrong[:20],
        }

    def grown(self) -> list[str]:
        """What is more at the end than once all was warm, beyond what caches take."""
        spare = {"tasks": 0, "files": 2, "objects": self.warm["objects"] // 20, "memory_mb": 48}
        return [
            f"{name}: {self.warm[name]}, at the end {self.end[name]}"
            for name, more in spare.items()
            if self.end[name] > self.warm[name] + more
        ]


@dataclass(slots=True)
class Watched:
    """A head-end under test, and what its database was like after the last message."""

    head_end: HeadEnd
    changes: int = -1
    print: str = ""

    async def look(self) -> bool:
        """Whether the database is another than at the last look."""

        def work(connection: Connection) -> tuple[int, bytes | None]:
            driver: Any = connection.connection.driver_connection
            if driver.total_changes == self.changes:
                return self.changes, None
            return driver.total_changes, driver.serialize()

        self.changes, octets = await self.head_end.store.change(work)
        if octets is None:
            return False
        # In the header only the counters of changes (offsets 24 and 92) tell of a rollback.
        octets = octets[:24] + octets[28:92] + octets[100:]
        before, self.print = self.print, hashlib.sha256(octets).hexdigest()
        return before != self.print

    async def is_whole(self, answer: SoapAnswer) -> bool:
        """Whether what took effect is kept: the message with this very answer, and orders each with
        the first line of its journal."""
        assert answer.told is not None
        told = answer.told

        def work(connection: Connection) -> bool:
            orphans = connection.execute(
                text(
                    "SELECT count(*) FROM orders o WHERE NOT EXISTS"
                    ' (SELECT 1 FROM journal j WHERE j."order" = o.number)'
                    " OR NOT EXISTS (SELECT 1 FROM inbound_messages i"
                    " WHERE i.transaction_id = o.transaction_id)"
                )
            ).scalar_one()
            kept = connection.execute(
                text("SELECT answer FROM inbound_messages WHERE message_id IS :id"),
                {"id": told.message_id},
            ).scalars()
            body = xml.parse(answer.body)[0][0] if answer.body else None
            return orphans == 0 and any(_same(body, xml.parse(each)) for each in kept if each)

        return await self.head_end.store.change(work)


def _same(one: Any, other: Any) -> bool:
    """Whether what was told is what is kept; what was sent one way is told nothing."""
    path = f".//{{{ns.MESSAGE}}}MessageID"
    return one is None or bool(one.findtext(path) == other.findtext(path))


def _can_be_read(answer: SoapAnswer) -> bool:
    if answer.status == 202:
        return not answer.body
    known = answer.status in (200, 400, 413, 500)
    return known and xml.parse(answer.body).tag == f"{{{ns.SOAP_11}}}Envelope"


@contextmanager
def _watched(folder: Path, seed: int) -> Iterator[Watched]:
    config = Config(
        database=f"sqlite:///{folder / 'ami.db'}", legacy_database=f"sqlite:///{folder / 'l.db'}"
    )
    head_end = build(
        config,
        clock=LoopClock(START),
        chance=SeededChance(seed, "malformed"),
        broker=BusClient(Bus(), "head-end"),
        callback=NobodyCalls(),
        live=False,
    )
    yield Watched(head_end)


async def _all(folder: Path, seed: int, count: int, first: int) -> Found:
    found = Found()
    with _watched(folder, seed) as watched:
        server = watched.head_end.ordering.soap
        await watched.head_end.register(
            [Concentrator("C1")],
            [
                Meter(name, "C1", commissioned=True)
                for name in (*SHARED, *map(meter, range(first, first + count)))
            ],
        )
        await watched.look()
        for number in range(first, first + count):
            octets = malformed(seed, number)
            answer = await server.handle(octets, client_address="10.0.0.9")
            await _judge(found, watched, number, answer)
            if number - first == int(count * WARM):
                found.warm = _held()
        found.end = _held()
        await watched.head_end.close()
    return found


async def _judge(found: Found, watched: Watched, number: int, answer: SoapAnswer) -> None:
    told = answer.told
    assert told is not None
    if not _can_be_read(answer) or told.key == "ERROR_INTERNO":
        found.wrong.append(f"{number}: {answer.status} {told.result} {told.code} {told.key}")
    found.answers[" ".join(filter(None, (told.result, told.code, told.key)))] += 1
    changed = await watched.look()
    found.changed += changed
    found.accepted += told.result in ACCEPTED
    # Orders that are refused one by one are kept as such, with the answer FAILED that says so.
    if changed and (told.result == FAULT or not await watched.is_whole(answer)):
        found.wrong.append(f"{number}: {told.result} {told.key}, and an effect not kept whole")


def _held() -> dict[str, int]:
    """What must not grow: tasks, open files, Python's objects; and memory, in MB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return {
        "tasks": len(asyncio.all_tasks()),
        "files": len(os.listdir("/proc/self/fd")),
        "objects": len(gc.get_objects()),
        "memory_mb": pages * os.sysconf("SC_PAGE_SIZE") // (1024 * 1024),
    }


def run(seed: int, count: int, first: int = 0) -> Found:
    """Send so many, beginning with one's number."""
    with tempfile.TemporaryDirectory(prefix="ami-malformed-") as folder:
        return run_simulated(_all(Path(folder), seed, count, first), start=START)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    said = parser.parse_args()
    found = run(said.seed, said.count, said.first)
    print(json.dumps(found.as_dict(), indent=2, ensure_ascii=False))
    sys.exit(1 if found.wrong or found.grown() else 0)


if __name__ == "__main__":
    main()
