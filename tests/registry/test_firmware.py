"""Firmware that a command enters reaches its concentrator, and how it fares is kept."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.domain.firmware import FirmwareUpdate
from headend.domain.meter import Concentrator
from headend.registry.firmware import LOOK_S, FirmwareDesk
from headend.store.store import SqlStore
from protocols.concentrator.firmware import FirmwarePiece, Progress
from protocols.concentrator.messages import Downward, FirmwareTold, OfferFirmware, WantFirmware
from tests import databases
from tests.conftest import SIMULATED_START
from tools.cli import app

OCTETS = bytes(range(256)) * 200
UPDATE = FirmwareUpdate(
    "C-1", "ab" * 32, "1.1.0", SIMULATED_START + timedelta(hours=1), SIMULATED_START, OCTETS
)


class Way:
    def __init__(self) -> None:
        self.told: list[Downward] = []
        self.failures = 1

    async def deliver(self, concentrator: str, message: Downward) -> bool:
        self.failures -= 1
        if self.failures >= 0:
            return False
        return await self.tell(concentrator, message)

    async def tell(self, concentrator: str, message: Downward) -> bool:
        self.told.append(message)
        return True


def want(offset: int, octets: int = 1000, image: str = UPDATE.image) -> WantFirmware:
    return WantFirmware(id="w", at=SIMULATED_START, image=image, offset=offset, octets=octets)


def told(progress: Progress, why: str = "") -> FirmwareTold:
    return FirmwareTold(
        id="t", at=SIMULATED_START, image=UPDATE.image, version="1.1.0", progress=progress, why=why
    )


async def test_it_is_offered_until_it_is_stored_handed_out_and_followed() -> None:
    store, way = SqlStore(databases.memory(), live=False), Way()
    desk = FirmwareDesk(store, LoopClock(SIMULATED_START), SeededChance(1), way)
    await store.run(lambda tx: tx.put_update(UPDATE))
    work = asyncio.create_task(desk.run())
    await asyncio.sleep(5 * LOOK_S)
    (offer,) = way.told
    assert isinstance(offer, OfferFirmware)
    assert (offer.image, offer.octets, offer.version) == (UPDATE.image, len(OCTETS), "1.1.0")

    way.told.clear()
    for word in (want(0), want(50_000, 1 << 30), want(-5), want(0, image="cd" * 32)):
        assert not await desk.wanted("C-1", word)
    assert not await desk.wanted("C-2", want(0))  # another's image
    pieces = [each.octets for each in way.told if isinstance(each, FirmwarePiece)]
    assert pieces == [OCTETS[:1000], OCTETS[50_000:], b""]

    for progress in (Progress.VERIFIED, Progress.ROLLED_BACK, Progress.ACTIVE):
        assert await desk.told("C-1", told(progress, "it did not start"))
    kept = await store.run(lambda tx: tx.firmware_update("C-1", UPDATE.image))
    assert kept is not None
    assert (kept.progress, kept.why) == ("rolled-back", "it did not start")  # an end is an end
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert desk.errors == []
    await store.close()


def command(database: Path, *arguments: str) -> int:
    asked = ["concentrator", "update", *arguments, "--database", str(database)]
    return CliRunner().invoke(app, asked).exit_code


async def _registered(database: Path) -> None:
    store = SqlStore(f"sqlite:///{database}", live=False)
    await store.run(lambda tx: tx.put_concentrators([Concentrator("C-1")]))
    await store.close()


def test_the_command(tmp_path: Path) -> None:
    database, image = tmp_path / "ami.db", tmp_path / "fw.bin"
    image.write_bytes(OCTETS)
    fine = ("C-1", "--image", str(image), "--version", "1.1.0")
    assert command(database, *fine) == 2  # no database, and none is made
    assert not database.exists()
    asyncio.run(_registered(database))
    assert command(database, *fine, "--at", "2026-07-07T03:00:00-04:00") == 0
    assert command(database, "C-9", *fine[1:]) == 2


@pytest.mark.parametrize(
    "arguments",
    [("--at", "tomorrow"), ("--at", "2026-07-07T03:00:00"), ("--image", "/nowhere/fw.bin")],
    ids=["no time", "no zone", "no file"],
)
def test_wrong_usage(tmp_path: Path, arguments: tuple[str, str]) -> None:
    database, image = tmp_path / "ami.db", tmp_path / "fw.bin"
    asyncio.run(_registered(database))
    image.write_bytes(OCTETS)
    fine = ("C-1", "--image", str(image), "--version", "1.1.0")
    assert command(database, *fine, *arguments) == 2
