"""A head-end that is up has the standard tasks, and runs what it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from headend.app.serving import serving
from headend.config import Config, Soap
from headend.config.tasks import Associations
from headend.store import task_queries as queries
from headend.tasks.ours import OURS
from tests import databases
from tests.tasks.tasking import BY

NOBODY = "http://127.0.0.1:9/soap/cim/SIAD"  # the discard port: nobody answers


async def until(there: Callable[[], bool]) -> None:
    """Wait for it; a minute is far more than it takes."""
    async with asyncio.timeout(60):
        while not there():
            await asyncio.sleep(0.05)


@pytest.mark.live
@databases.on_one
async def test_a_head_end_with_associations_runs_tasks(tmp_path: Path) -> None:
    config = Config(
        database=databases.at(tmp_path / "ami.db"),
        legacy_database=databases.at(tmp_path / "legacy.db"),
        soap=Soap(port=0),
        associations=Associations(siad=NOBODY, simoce=NOBODY),
    )
    async with serving(config) as running:
        read, desk = running.head_end.store.read, running.head_end.associating.desk
        await until(lambda: len(read(queries.tasks)) == len(OURS))
        run = await desk.run_now("SIADCustomersInfo", BY)
        await until(lambda: read(lambda c: queries.runs(c))[0].code is not None)
        (found,) = read(lambda c: queries.runs(c, "SIADCustomersInfo"))
        assert (found.number, found.code, found.open) == (run.number, "adapter-away", True)
        assert "nobody answers at" in (found.trouble or "")
        assert list(running.head_end.errors) == []
