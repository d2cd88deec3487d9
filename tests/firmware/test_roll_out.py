"""Firmware as a campaign over meters that the head-end reaches by itself."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from devices.meter.firmware import image
from devices.meter.identity import MANAGEMENT_CLIENT
from devices.meter.image_transfer import ImageTransfer
from devices.meter.keyring import keys_of
from headend.access.desk import By
from headend.campaigns.advancing import Advancing
from headend.campaigns.starting import NotStarted, Wanted, start
from headend.campaigns.steering import progress
from headend.campaigns.turning import Turning
from headend.chance import SeededChance
from headend.collection.asking import Reads
from headend.domain.campaign import CampaignState, Choice, Plan, Progress
from headend.domain.meter import Meter
from headend.domain.order import Kind
from headend.domain.reason import ReasonCode
from headend.models import Shelf
from headend.orders.accept import Wish
from headend.orders.breakage import Breakages
from headend.orders.lanes import Lanes
from headend.orders.settle import Settling
from headend.store.envelope import Envelope
from headend.store.store import SqlStore
from headend.store.vault import KeyVault
from tests.direct.bench import meter
from tests.firmware.bench import CLIENT, ENVELOPE, IMAGE, NEW, Bench, bench

NAMES = tuple(f"M{number}" for number in range(1, 6))
PLAN = Plan(waves=("1", "4"), stop_share=0.2)
SEEN_BY = By("ana", "10.0.0.1")


async def street(tmp_path: Path) -> Bench:
    """Five meters of one model."""
    it = await bench(tmp_path)
    it.others = {name: meter(index=10 + at) for at, name in enumerate(NAMES)}

    async def enter(store: SqlStore) -> None:
        meters = [
            Meter(name, model="sim-3p", address=f"tcp://10.1.2.{at + 10}", commissioned=True)
            for at, name in enumerate(NAMES)
        ]
        await store.run(lambda tx: tx.put_meters(meters))
        vault = KeyVault(store, Envelope([ENVELOPE]))
        for name, device in it.others.items():
            await vault.install(name, MANAGEMENT_CLIENT, keys_of(device, CLIENT))

    await it.with_store(enter)
    return it


async def rolled_out(it: Bench, octets: bytes) -> Progress:
    """A campaign that brings this image to all, as far as it goes by itself."""
    async with it.desk() as desk:
        label = await desk.add(octets, model="sim-3p", version=NEW)
    wish = Wish("", Kind.UPDATE_FIRMWARE, image=label.image)
    wanted = Wanted(wish, Choice(NAMES), PLAN)
    async with AsyncExitStack() as stack:
        end = await stack.enter_async_context(it.head_end())
        assert end.stepping is not None
        chance, policy = SeededChance(1, "roll-out"), it.config.orders
        settling = Settling(chance, policy, lambda: None)
        breakages = Breakages(end.store, end.clock, chance, policy, settling, "worker")
        lanes = Lanes(end.store, end.clock, end.stepping, policy, "worker", breakages)
        reads = Reads(end.store, end.clock, chance, Shelf(), end.acceptance)
        advancing = Advancing(end.store, end.clock, chance, Turning(end.acceptance, reads))
        now = end.clock.now()
        begun = await end.store.run(lambda tx: start(tx, wanted, SEEN_BY, now, reads))
        tasks = [asyncio.ensure_future(work()) for work in (lanes.run, advancing.run)]
        try:
            async with asyncio.timeout(6 * 3600):
                while True:
                    found = await end.store.run(lambda tx: progress(tx, begun.number))
                    assert found is not None
                    if found.campaign.state is not CampaignState.RUNNING:
                        return found
                    await asyncio.sleep(30)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert (lanes.errors, advancing.errors) == ([], [])


def running(it: Bench) -> list[str | None]:
    found = (each.part(ImageTransfer).running for each in it.others.values())
    return [None if each is None else each.version for each in found]


async def test_an_image_that_meters_refuse_stops_its_campaign_after_the_first_wave(
    tmp_path: Path,
) -> None:
    it = await street(tmp_path)
    found = await rolled_out(it, image("OTHER", NEW))
    assert found.campaign.state is CampaignState.STOPPED
    assert found.reasons == {ReasonCode.IMAGE_REJECTED: 1}
    assert (found.total.failed, found.total.waiting, found.total.under_way) == (1, 4, 0)
    assert running(it) == [None] * 5
    assert all(it.others[name].part(ImageTransfer).got is None for name in NAMES[1:])


async def test_a_good_image_reaches_every_wave(tmp_path: Path) -> None:
    it = await street(tmp_path)
    found = await rolled_out(it, IMAGE)
    assert found.campaign.state is CampaignState.DONE
    assert found.total.done == 5 and running(it) == [NEW] * 5


async def test_a_campaign_of_firmware_names_its_image(tmp_path: Path) -> None:
    it = await street(tmp_path)
    with pytest.raises(NotStarted, match="an image belongs to"):
        wanted = Wanted(Wish("", Kind.UPDATE_FIRMWARE), Choice(NAMES), PLAN)
        async with it.head_end() as end:
            reads = Reads(end.store, end.clock, end.chance, Shelf(), end.acceptance)
            now = end.clock.now()
            await end.store.run(lambda tx: start(tx, wanted, SEEN_BY, now, reads))
