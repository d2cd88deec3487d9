"""Firmware by order to a meter that the head-end reaches by itself."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from devices.meter.firmware import image
from devices.meter.image_transfer import Status
from headend.app.images import BadImage
from headend.domain.order import State
from headend.domain.reason import ReasonCode
from headend.ports import Transaction
from tests.conftest import SIMULATED_START
from tests.direct.bench import now
from tests.firmware.bench import BROKE, IMAGE, NAME, NEW, OLD, Bench, bench


async def test_an_image_is_brought_verified_started_and_its_version_read(tmp_path: Path) -> None:
    it = await bench(tmp_path)
    order = await it.carried_out((await it.ordered()).number)
    assert (order.state, order.reason, order.tries) == (State.DONE, None, 1)
    assert it.running == NEW and it.blocks == 16
    told = await it.with_store(lambda store: store.run(lambda tx: tx.meter_firmware(NAME)))
    assert told is not None and (told.version, told.image) == (NEW, order.image)


async def test_the_other_engine_brings_it_as_well(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    text = 'extends = "sim-3p"\nabout = "spoken with by the other engine"\nengine = "gurux"\n'
    (tmp_path / "models" / "gurux-3p.toml").write_text(text)
    it = await bench(tmp_path, model="gurux-3p")
    direct = msgspec.structs.replace(it.config.direct, models=tmp_path / "models")
    it.config = msgspec.structs.replace(it.config, direct=direct)
    async with it.desk() as desk:
        label = await desk.add(IMAGE, model="gurux-3p", version=NEW)
        number = (await desk.place(NAME, label.image, source="test")).number
    it.trouble = _once(it, 16, "line")
    order = await it.carried_out(number)
    assert (order.state, it.running) == (State.DONE, NEW)
    told = await it.with_store(lambda store: store.run(lambda tx: tx.attempts(number)))
    assert {attempt.engine for attempt in told} == {"gurux"}


async def test_it_is_started_at_its_time_and_not_before(tmp_path: Path) -> None:
    it = await bench(tmp_path)
    at = SIMULATED_START + timedelta(hours=3)
    order = await it.carried_out((await it.ordered(at=at)).number)
    assert order.state is State.DONE and it.running == NEW
    assert it.device.existing is not None
    update = await it.with_store(
        lambda store: store.run(lambda tx: tx.meter_update(NAME, order.image or ""))
    )
    assert update is not None and update.activated_at is not None
    assert at <= update.activated_at < at + timedelta(minutes=5)


@pytest.mark.parametrize("kind", ["line", "power"])
@pytest.mark.parametrize(
    "number",
    [
        pytest.param(each, marks=() if each in (2, 9, 21, 27) else pytest.mark.prove)
        for each in range(1, 45)
    ],
)
async def test_whatever_message_is_lost_or_cuts_the_power_the_image_arrives(
    tmp_path: Path, number: int, kind: str
) -> None:
    """One message breaks the line, or takes the meter's power for a minute: the order ends well,
    and no more blocks leave a second time than messages were lost."""
    it = await bench(tmp_path)
    it.trouble = _once(it, number, kind)
    order = await it.carried_out((await it.ordered()).number)
    assert (order.state, it.running) == (State.DONE, NEW), order.reason
    assert it.blocks <= 16 + 1


def _once(it: Bench, at: int, kind: str) -> Callable[[int], None]:
    def trouble(number: int) -> None:
        if number != at:
            return
        if kind == "power":
            loop = asyncio.get_running_loop()
            it.device.power_off(now=now())
            loop.call_later(60, lambda: it.device.power_on(now=now()))
        raise BROKE

    return trouble


@pytest.mark.parametrize("seed", range(3))
async def test_a_line_that_breaks_all_the_time_never_makes_progress_a_failure(
    tmp_path: Path, seed: int
) -> None:
    """Every dozenth message or so is lost with its line: more breaks than an order has tries."""
    it = await bench(tmp_path)
    rng, lost = random.Random(seed), [0]

    def trouble(number: int) -> None:
        if number > 12 and rng.random() < 0.08:
            lost[0] += 1
            raise BROKE

    it.trouble = trouble
    order = await it.carried_out((await it.ordered()).number)
    assert it.blocks <= 16 + lost[0]
    assert (order.state is State.DONE) == (it.running == NEW)
    assert order.state is State.DONE or order.reason is not None


async def test_a_head_end_that_starts_again_goes_on_where_the_meter_is(tmp_path: Path) -> None:
    """Its process ends in the middle of the blocks, as a kill does: nothing is written after it."""
    it = await bench(tmp_path)
    order = await it.ordered()
    deaths = 0
    for point in (8, 14, 15, 16, 17):
        died = asyncio.Event()
        it.messages = 0
        it.trouble = lambda number, point=point, died=died: died.set() if number == point else None
        async with it.head_end() as desk:
            working = asyncio.ensure_future(desk.carry_out(order.number))
            waiting = asyncio.ensure_future(died.wait())
            await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
            deaths += died.is_set()
            working.cancel(), waiting.cancel()
            await asyncio.gather(working, waiting, return_exceptions=True)
        it.trouble = lambda number: None
    ended = await it.carried_out(order.number)
    assert (ended.state, it.running) == (State.DONE, NEW)
    assert deaths >= 3
    assert it.blocks <= 16 + deaths, "one block at most was under way at each end"


@pytest.mark.parametrize(
    "octets, reason",
    {
        "damaged at the maker": (bytes(4096), ReasonCode.IMAGE_REJECTED),
        "for other hardware": (image("OTHER", NEW), ReasonCode.IMAGE_REJECTED),
        "of another version": (image("SIM-3P", "ami-sim-9"), ReasonCode.FIRMWARE_UNCHANGED),
    }.values(),
)
async def test_a_bad_image_ends_with_its_reason(
    tmp_path: Path, octets: bytes, reason: ReasonCode
) -> None:
    it = await bench(tmp_path)
    order = await it.carried_out((await it.ordered(octets)).number)
    assert (order.state, order.reason) == (State.FAILED, reason)
    assert it.running != NEW and it.device.powered
    if reason is ReasonCode.IMAGE_REJECTED:
        assert it.running == OLD, "what was not verified is not started"
        again = await it.carried_out((await it.ordered()).number)
        assert (again.state, it.running) == (State.DONE, NEW), "a good one may come after it"


async def test_blocks_of_two_images_are_found_out_and_the_right_one_is_sent_anew(
    tmp_path: Path,
) -> None:
    """Another client initiates its own image while ours is under way."""
    it = await bench(tmp_path)

    def trouble(number: int) -> None:
        if it.blocks == 9 and number < 1000:
            it.messages = 1000
            other = image("SIM-3P", "ami-sim-7")
            it.transfer.initiate(b"other", len(other))
            for block in range(10):
                it.transfer.take(block, other[block * 256 : block * 256 + 256])
            raise BROKE

    it.trouble = trouble
    order = await it.carried_out((await it.ordered()).number)
    assert (order.state, it.running) == (State.DONE, NEW)
    assert it.blocks <= 2 * 16 + 1


async def test_what_the_meter_would_activate_must_be_what_was_sent(tmp_path: Path) -> None:
    it = await bench(tmp_path)
    async with it.desk() as desk:
        label = await desk.add(IMAGE, model="sim-3p", version=NEW, signature=b"of another maker")
        number = (await desk.place(NAME, label.image, source="test")).number
    order = await it.carried_out(number)
    assert (order.state, order.reason) == (State.FAILED, ReasonCode.IMAGE_FOREIGN)
    assert it.running == OLD and it.transfer.status is Status.VERIFICATION_SUCCESSFUL


async def test_the_maker_s_proof_lets_it_be_activated(tmp_path: Path) -> None:
    it = await bench(tmp_path)
    async with it.desk() as desk:
        label = await desk.add(IMAGE, model="sim-3p", version=NEW, signature=IMAGE[-64:])
        number = (await desk.place(NAME, label.image, source="test")).number
    assert (await it.carried_out(number)).state is State.DONE


async def test_octets_that_changed_on_the_shelf_are_not_sent(tmp_path: Path) -> None:
    it = await bench(tmp_path)
    order = await it.ordered()

    def spoil(tx: Transaction) -> None:
        known = tx.image(order.image or "")
        assert known is not None
        tx.put_image(replace(known, octets=known.octets[:-1] + b"\0"))

    await it.with_store(lambda store: store.run(spoil))
    ended = await it.carried_out(order.number)
    assert (ended.state, ended.reason) == (State.FAILED, ReasonCode.IMAGE_DAMAGED)
    assert it.blocks == 0


@pytest.mark.parametrize(
    "registered, reason",
    [
        ({"model": "sim-1p"}, ReasonCode.IMAGE_OF_OTHER_MODEL),
        ({"commissioned": False}, ReasonCode.NOT_COMMISSIONED),
        ({"blocked": True}, ReasonCode.METER_BLOCKED),
    ],
)
async def test_a_meter_that_is_not_to_have_it(
    tmp_path: Path, registered: dict[str, object], reason: ReasonCode
) -> None:
    it = await bench(tmp_path, **registered)
    order = await it.ordered()
    assert (order.state, order.reason) == (State.REJECTED, reason)
    assert it.lines == []


async def test_an_image_that_nobody_put_on_the_shelf(tmp_path: Path) -> None:
    it = await bench(tmp_path)
    async with it.desk() as desk:
        order = await desk.place(NAME, "00" * 32, source="test")
    assert (order.state, order.reason) == (State.REJECTED, ReasonCode.IMAGE_UNKNOWN)


@pytest.mark.parametrize(
    "octets, words, told",
    [
        (b"", {"model": "sim-3p", "version": "2"}, "1 to"),
        (b"x", {"model": "no-such", "version": "2"}, "there is no meter model"),
        (b"x", {"model": "sim-3p", "version": "2\n"}, "printable"),
        (b"x", {"model": "sim-3p", "version": "2", "identifier": "x" * 65}, "identifier"),
    ],
)
async def test_what_the_shelf_does_not_take(
    tmp_path: Path, octets: bytes, words: dict[str, str], told: str
) -> None:
    it = await bench(tmp_path)
    async with it.desk() as desk:
        with pytest.raises(BadImage, match=told):
            await desk.add(octets, **words)  # type: ignore[arg-type]
        assert await desk.labels() == []


async def test_the_same_image_is_stored_once_and_ordered_once(tmp_path: Path) -> None:
    it = await bench(tmp_path)
    first, second = await it.ordered(), await it.ordered()
    assert first.number == second.number
    async with it.desk() as desk:
        (label,) = await desk.labels()
        assert (label.octets, label.size) == (b"", len(IMAGE))
        with pytest.raises(BadImage, match="on the shelf"):
            await desk.add(IMAGE, model="sim-1p", version=NEW)
