"""A head-end deletes by itself, day after day, and what is left of it can be restored."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from headend.app.backups import Place, copied_of, create, unpacked
from headend.app.head_end import build
from headend.app.sessions import Bus, BusClient
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import BackupPolicy
from headend.store import snapshot
from headend.store.access_queries import audit
from headend.store.retention_queries import kept
from headend.store.store import SCHEMA, SqlStore
from tests import databases
from tests.backup.drill import NobodyCalls
from tests.store.outliving import CUT, CUT_AT, NOW, config, keys, put


def uploads(store: SqlStore) -> set[str]:
    return {each[1] for each in store.read(lambda connection: keys(connection, "uploads"))}


async def test_a_head_end_deletes_each_morning_and_a_backup_of_what_is_left_comes_back(
    tmp_path: Path,
) -> None:
    url = databases.at(tmp_path / "ami.db")
    settings = msgspec.structs.replace(
        config(backup=BackupPolicy(place=tmp_path / "backups")),
        database=url,
        legacy_database=f"sqlite:///{tmp_path / 'legacy.db'}",
    )
    clock, chance = LoopClock(NOW - timedelta(hours=1)), SeededChance(1, "retention")
    store = SqlStore(url, live=False)

    def came(connection: Connection, numbers: range) -> None:
        for number in numbers:
            at = CUT_AT - timedelta(hours=36) + timedelta(days=number)
            put(connection, "uploads", concentrator="C", id=f"u{number}", received_at=at)

    await store.change(lambda connection: came(connection, range(5)))
    bus = Bus()
    client = BusClient(bus, "head-end")
    head_end = build(
        settings, clock=clock, chance=chance, broker=client, callback=NobodyCalls(), store=store,
        live=False,
    )  # fmt: skip
    await head_end.listen()
    await client.connect()
    work = asyncio.create_task(head_end.run())
    await asyncio.sleep(600)
    assert uploads(store) == {"u2", "u3", "u4"}, "once when it begins"
    await store.change(lambda connection: came(connection, range(-1, 0)))
    await asyncio.sleep(3_600 - 660)  # at nine, twelve by UTC, it looks again
    assert uploads(store) == {"u-1", "u2", "u3", "u4"}
    await asyncio.sleep(120)
    assert uploads(store) == {"u2", "u3", "u4"}
    assert head_end.errors == ()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    told = store.read(kept)["uploads"]
    assert (told.kept_since, told.gone) == (CUT, 3)
    lines = [each for each in store.read(audit) if each.subject == "retention"]
    assert [each.detail for each in lines] == [
        f"deleted 1 of uploads before {CUT}",
        f"deleted 2 of uploads before {CUT}",
    ]
    await head_end.close()
    (tmp_path / "backups").mkdir()
    made = create(settings, clock=clock, chance=chance).manifest
    anew = databases.at(tmp_path / "anew.db")
    with unpacked(Place(tmp_path / "backups"), made, made.databases[0], None) as folder:
        snapshot.restore(copied_of(made.databases[0]), folder, anew, SCHEMA)
    again = SqlStore(anew, live=False)
    assert uploads(again) == {"u2", "u3", "u4"}
    assert again.read(kept) == {"uploads": told}
    await again.close()
