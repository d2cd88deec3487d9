"""Meters that dial in: who they are, orders over their lines, and callers nobody wants."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headend.domain.order import Order, State
from headend.domain.reason import ReasonCode
from headend.store.collected_queries import blocks_of, interval_days
from headend.store.queries import order as order_of
from tests.collection.dial_in import (
    FRAMINGS,
    LOCAL,
    Bench,
    calling,
    connected,
    head_end,
    policy,
    register,
)
from tests.direct.bench import meter

pytestmark = pytest.mark.live


async def read(bench: Bench, name: str, *objects: str) -> Order:
    """A read order, once it has ended."""
    placed = await bench.head_end.ordering.reads.place(name, objects, source="test")
    await bench.head_end.ordering.settling.wait_for_end([placed.number], 60)
    found = bench.head_end.store.read(lambda connection: order_of(connection, placed.number))
    assert found is not None
    return found


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_a_caller_is_asked_for_its_name_and_gets_its_orders(
    framing: str, tmp_path: Path
) -> None:
    device = meter()
    # By HDLC nobody answers to the first framing, and that much time passes.
    patience = 0.2 if framing == "hdlc" else 20.0
    (tmp_path / "known.toml").write_text(
        f'extends = "sim-3p"\nabout = "as found"\n[framings]\ntcp = ["{framing}"]\n'
    )
    async with head_end(tmp_path, policy(framing_s=patience, models=tmp_path)) as bench:
        name = await register(bench, device, model="known")
        async with calling(device, bench.port, FRAMINGS[framing]):
            await connected(bench, name)
            for _ in range(2):  # the line is kept between them
                found = await read(bench, name, "serial-number", "active-power")
                assert (found.state, found.reason) == (State.DONE, None)
                number, power = found.readings
                assert number.value == device.identity.number
                assert (power.value, power.unit, power.word) == ("2000", "W", "active-power")
        await connected(bench)


@pytest.mark.parametrize("engine", ["ours", "gurux"])
async def test_a_caller_s_profile_is_kept_like_an_upload(engine: str, tmp_path: Path) -> None:
    device = meter()
    (tmp_path / "known.toml").write_text(
        f'extends = "sim-3p"\nabout = "as found"\nengine = "{engine}"\n'
    )
    async with head_end(tmp_path, policy(models=tmp_path)) as bench:
        name = await register(bench, device, model="known")
        async with calling(device, bench.port):
            await connected(bench, name)
            found = await read(bench, name, "1.0.99.1.0.255", "active-power")
            load, power = found.readings
            assert (found.state, power.value) == (State.DONE, "2000")
            pages = bench.head_end.store.read(interval_days)
            rows = sum(len(page.rows) for page in pages)
            assert rows in (95, 96, 97), "of a day, and a quarter may end meanwhile"
            assert load.value is not None and load.value.startswith(f"{rows} rows, ")
            assert load.raw == b"" and load.quality == ()
            (block,) = bench.head_end.store.read(lambda connection: blocks_of(connection, name))
            assert (block.rows, block.task) == (rows, f"order {found.number}")


async def test_a_meter_with_another_name_in_the_registry(tmp_path: Path) -> None:
    device = meter()
    async with head_end(tmp_path, policy()) as bench:
        await register(bench, device, name="4711", identity=device.identity.number)
        async with calling(device, bench.port):
            await connected(bench, "4711")
            assert (await read(bench, "4711", "clock")).state is State.DONE


async def test_a_meter_that_has_not_called(tmp_path: Path) -> None:
    device = meter()
    async with head_end(tmp_path, policy()) as bench:
        name = await register(bench, device)
        placed = await bench.head_end.ordering.reads.place(name, ["clock"], source="test")
        while True:
            found = bench.head_end.store.read(lambda c: order_of(c, placed.number))
            assert found is not None
            if found.reason is not None:
                break
            await asyncio.sleep(0.01)
        assert found.reason is ReasonCode.METER_NOT_CONNECTED
        assert "did not call" in found.evidence[0].text
        assert found.state is State.QUEUED, "it may call before the deadline"


async def test_strangers_are_hung_up_on_and_never_many(tmp_path: Path) -> None:
    device = meter()
    direct = policy(strangers_max=2, identify_s=0.3)
    async with head_end(tmp_path, direct) as bench:
        silent = [await asyncio.open_connection(LOCAL, bench.port) for _ in range(2)]
        await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection(LOCAL, bench.port)
        with pytest.raises((ConnectionError, AssertionError)):  # closed without a word
            assert await reader.read() != b""
        writer.close()
        for reader, writer in silent:  # asked for their name, and hung up on for want of an answer
            assert len(await reader.read()) > 0
            writer.close()
        name = await register(bench, device)
        async with calling(device, bench.port):
            await connected(bench, name)


async def test_a_meter_that_is_not_in_the_registry_is_a_stranger(tmp_path: Path) -> None:
    async with head_end(tmp_path, policy()) as bench:
        async with calling(meter(), bench.port) as hung_up:
            await hung_up.wait()
        await connected(bench)


async def test_who_only_claims_a_name_gets_no_order(tmp_path: Path) -> None:
    device, impostor = meter(), meter()
    impostor.faults.wrong_keys = True
    async with head_end(tmp_path, policy()) as bench:
        name = await register(bench, device)
        async with calling(impostor, bench.port):
            await connected(bench, name)
            found = await read(bench, name, "active-power")
        assert (found.state, found.reason) == (State.FAILED, ReasonCode.WRONG_KEY_OR_COUNTER)


async def test_a_second_call_takes_the_place_of_the_first(tmp_path: Path) -> None:
    device = meter()
    async with head_end(tmp_path, policy()) as bench:
        name = await register(bench, device)
        async with calling(device, bench.port) as first:
            await connected(bench, name)
            async with calling(device, bench.port):
                await first.wait()
                await connected(bench, name)
                assert (await read(bench, name, "active-power")).state is State.DONE
