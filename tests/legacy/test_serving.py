"""A head-end fills the legacy database by itself where its configuration says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from headend.app.serving import serving
from headend.config import Config, LegacyPolicy, Soap
from headend.store.store import Reader
from tests import databases
from tests.legacy import commerce

pytestmark = [pytest.mark.live, pytest.mark.requires("mosquitto")]


def config(folder: Path, *, measurements: bool) -> Config:
    return Config(
        database=databases.at(folder / "ami.db"),
        legacy_database=databases.at(folder / "legacy.db"),
        soap=Soap(port=0),
        legacy=LegacyPolicy(measurements=measurements),
    )


def readings(connection: Connection) -> int:
    found: int = connection.execute(text("SELECT count(*) FROM lecturas")).scalar_one()
    return found


def owing(settings: Config) -> bool:
    """Whether another process that opens the database now would owe what it stores."""
    reader = Reader(settings.database)
    mark: int = reader.read(
        lambda connection: connection.execute(
            text("SELECT position FROM change_marks WHERE name = 'owing'")
        ).scalar_one()
    )
    reader.close()
    return bool(mark)


async def filled(settings: Config, rows: int) -> None:
    reader = Reader(settings.legacy_database)
    while reader.read(readings) < rows:
        await asyncio.sleep(0.05)
    assert reader.read(readings) == rows
    reader.close()


async def test_on_off_and_on_again(tmp_path: Path) -> None:
    on, off = (config(tmp_path, measurements=each) for each in (True, False))
    async with asyncio.timeout(300):
        async with serving(on) as running:
            await running.head_end.store.run(lambda tx: tx.add_readings([commerce.reading()]))
            await filled(on, 1)
        async with serving(off) as running:
            store = running.head_end.store
            await store.run(lambda tx: tx.add_readings([commerce.reading(source="order 2")]))
            while owing(off):
                await asyncio.sleep(0.05)
        async with serving(on) as running:
            await filled(on, 2)
            assert running.head_end.errors == ()
