"""A shipment's file on its way to the database: read, examined, its keys opened and sealed again.

Nothing here touches the database.  The work may be spread over processes: `spread` is a `map` that
carries out its function elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol

from headend.app.key_storage import envelope_of
from headend.config import BadConfig, Config
from headend.models import Shelf
from headend.registry.sheets import BadFile, Flaw, Row
from headend.registry.shipment.delivered import Delivered, Examiner
from headend.registry.shipment.files import read
from headend.registry.shipment.transport import TransportKey
from headend.store.envelope import Envelope
from headend.store.sealing import Sealed, seal
from headend.store.secrets import PASSWORDS
from headend.store.shipment import FIRST_GENERATION
from headend.store.spool import Packed, Spool, packed_fields

ROWS_AT_ONCE = 1_000  # to one process
FLAWS_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines, for whoever examines and seals them."""

    config: Config
    transport: TransportKey | None
    rows: list[Row]


class Spread(Protocol):
    """A `map` that keeps the order of what it is given."""

    def __call__(
        self, work: Callable[[Part], list[Packed | Flaw]], parts: Iterable[Part], /
    ) -> Iterator[list[Packed | Flaw]]: ...


@dataclass(slots=True)
class Delivery:
    """A file that was read: its meters wait in the spool, sorted; `flaws` are of its lines, the
    first ones, and `refused` are all lines, each once, that have any.  Meters of these may be in
    the spool, and are not to be weighed.
    """

    file: str
    digest: str
    spool: Spool
    flaws: list[Flaw] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)

    @property
    def empty(self) -> bool:
        """Whether it is well formed, and brings nothing."""
        return not self.spool.meters and not self.refused

    def batches(self, size: int) -> Iterator[list[Packed]]:
        """The meters with whose lines nothing is wrong, by name."""
        for batch in self.spool.batches(size):
            yield [each for each in batch if each.line not in self.refused]

    def note(self, flaw: Flaw) -> None:
        """One more flaw."""
        self.refused.add(flaw.thing)
        if len(self.flaws) < FLAWS_KEPT:
            self.flaws.append(flaw)


@contextmanager
def read_in(
    path: Path,
    config: Config,
    transport: TransportKey | None,
    *,
    spread: Spread = map,
    progress: Callable[[int], None] = lambda octets: None,
) -> Iterator[Delivery]:
    """Read a file; `progress` hears how many octets more are read.

    Raises OSError; `BadConfig` where the file has keys and nothing seals them.
    """
    with (
        path.open("rb") as file,
        read_open(file, path.name, config, transport, spread=spread, progress=progress) as delivery,
    ):
        yield delivery


@contextmanager
def read_open(
    file: BufferedReader | BytesIO,
    name: str,
    config: Config,
    transport: TransportKey | None,
    *,
    spread: Spread = map,
    progress: Callable[[int], None] = lambda octets: None,
) -> Iterator[Delivery]:
    """Likewise one that is open already."""
    spool = Spool()
    try:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        delivery = Delivery(name, digest, spool)
        parts = _parts(file, config, transport, delivery, progress)
        for packed in spread(_packed, parts):
            spool.add(each for each in packed if isinstance(each, Packed))
            for flaw in packed:
                if isinstance(flaw, Flaw):
                    delivery.note(flaw)
        spool.close_file()
        _look_for_pairs(delivery)
        yield delivery
    finally:
        spool.close()


def _parts(
    file: BinaryIO,
    config: Config,
    transport: TransportKey | None,
    delivery: Delivery,
    progress: Callable[[int], None],
) -> Iterator[Part]:
    """Lines, so many at once.  A file that cannot be read on ends here, with its flaw."""
    rows: list[Row] = []
    before = 0
    try:
        for found in read(file):
            if isinstance(found, Flaw):
                delivery.note(found)
                continue
            rows.append(found)
            if len(rows) == ROWS_AT_ONCE:
                yield Part(config, transport, rows)
                rows = []
                progress(file.tell() - before)
                before = file.tell()
    except BadFile as error:
        delivery.note(error.flaw)
    yield Part(config, transport, rows)


def _look_for_pairs(delivery: Delivery) -> None:
    for name, first, line in delivery.spool.repeated():
        why = f"{name} stands in line {first} as well"
        delivery.note(Flaw(line, "meter", why, "leave one out"))
    for line, name, other in delivery.spool.sharing():
        whose = "two of its clients" if name == other else f"meter {other}"
        why = f"meter {name} and {whose} have the same encryption key"
        next_step = "ask the manufacturer for a key of its own"
        delivery.note(Flaw(line, "key", why, next_step))


# --- in whatever process --------------------------------------------------------------------------


@cache
def sealing_envelope(config: Config) -> Envelope | None:
    """Each process opens it once.  Raises `BadConfig`."""
    return envelope_of(config)


@cache
def _models(directory: Path | None) -> frozenset[str]:
    return frozenset(Shelf(directory).names())


def _packed(part: Part) -> list[Packed | Flaw]:
    """Lines examined, and their secrets sealed."""
    examiner = Examiner(part.transport, _models(part.config.direct.models))
    found: list[Packed | Flaw] = []
    for row in part.rows:
        examined = examiner.examined(row)
        if isinstance(examined, Delivered):
            found.append(_sealed(examined, part.config))
        else:
            found += examined
    return found


def _sealed(delivered: Delivered, config: Config) -> Packed:
    name: str = delivered.fields["name"]
    keys: dict[int, Sealed] = {}
    passwords: dict[int, bytes] = {}
    if delivered.keys or delivered.passwords:
        envelope = _sealing(config)
        for client, key in delivered.keys.items():
            keys[client] = seal(envelope, key, name, client, FIRST_GENERATION)
        for client, password in delivered.passwords.items():
            passwords[client] = envelope.seal(password, (PASSWORDS.name, name, str(client)))
    return Packed(delivered.line, name, packed_fields(delivered.fields), keys, passwords)


def _sealing(config: Config) -> Envelope:
    envelope = sealing_envelope(config)
    if envelope is None:
        raise BadConfig("keys: no envelope key to seal them by; set keys.envelope_file")
    return envelope
