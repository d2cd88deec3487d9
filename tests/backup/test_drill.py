"""A day-old backup, put back: no counter twice, no order twice, no key lost, no order left."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headend.app.head_end import HeadEnd
from headend.app.restoring import NotYet, resume, standstill
from headend.domain.order import Kind, State
from headend.domain.restoration import Raised, Standing
from headend.store.snapshot import NotEmpty
from tests.backup.drill import DAY, NAMES, Drill, drill
from tests.dlms_security.watching import Watch, watch


async def test_the_drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seals = watch(monkeypatch)  # fails at the first nonce that comes twice
    it = await drill(tmp_path)
    async with it.life() as first:
        number = await it.send(first, "M1", Kind.SET_LIMIT, "m1", 3000)
        assert number == 1
        await it.done(first, 1)
        it.away = {"M5", "M6"}
        done_later = await it.send(first, "M5", Kind.SET_LIMIT, "m2", 2500)
        never_done = await it.send(first, "M6", Kind.SET_LIMIT, "m3", 2600)
        assert (done_later, never_done) == (2, 3)
        await asyncio.sleep(60)
        name = it.backup()
        # A day goes on that the backup knows nothing of.
        it.away = {"M6"}
        await it.done(first, 2)
        lost = [
            await it.send(first, "M1", Kind.SET_LIMIT, "m4", 4000),
            await it.send(first, "M2", Kind.DISCONNECT, "m5"),
        ]
        assert lost == [4, 5]
        await it.done(first, 4, 5)
        rekeyed = await it.send(first, "M3", Kind.CHANGE_KEYS, "own")
        assert rekeyed == 6
        await it.done(first, 6)
        for _ in range(5):
            await _read(it, first, "M4")
        assert await it.agreed(first, "M3")
    await asyncio.sleep(DAY.total_seconds())
    it.away = set()
    it.lose_everything()
    before = _conversations(it)

    restored = it.restore(name)
    assert restored.keys == len(NAMES) and restored.restoration.keys_found
    with pytest.raises(NotEmpty):
        it.restore(name)
    async with it.life() as second:
        # Nothing is sent but what asks for counters, whatever is in the queue.
        again = await it.send(second, "M1", Kind.SET_LIMIT, "m4", 4000)  # sent once more
        new = await it.send(second, "M4", Kind.SET_LIMIT, "m6", 1800)
        assert await it.send(second, "M1", Kind.SET_LIMIT, "m1", 3000) is None  # is known
        assert again is not None and new is not None
        assert min(again, new) > restored.restoration.order_after >= 6
        with pytest.raises(NotYet, match="may act until"):
            await _resume(it)
        await asyncio.sleep(400)
        stand = await standstill(it.config, live=False)
        assert stand is not None and stand.restoration.standing is Standing.RESTORED
        assert stand.count()[Raised.RAISED] == len(NAMES), stand.keys
        asked = {name: count - before[name] for name, count in _conversations(it).items()}
        assert asked == dict.fromkeys(NAMES, 1)
        for number in (2, 3, again, new):
            assert not (await it.order(second, number)).final
        resumed = await _resume(it)
        assert resumed.orders.looked_for == 4
        await it.done(second, 2, 3, again, new)
        # What had been done is seen, and what had not is done, once.
        assert [len(await it.commands(second, n)) for n in (2, 3, again, new)] == [0, 1, 0, 1]
        assert await it.agreed(second, "M3")  # the key was changed after the backup
        await _read(it, second, "M3")
        for name in NAMES:
            assert name in it.lines
        states = await second.store.run(lambda tx: tx.count_states())
        assert set(states) == {State.DONE}
        with pytest.raises(NotYet, match="sends already"):
            await _resume(it)
    _report(seals, restored.keys)


async def test_without_the_journal_a_new_key_is_told_of(tmp_path: Path) -> None:
    it = await drill(tmp_path, key_journal=False)
    name = it.backup()
    async with it.life() as first:
        number = await it.send(first, "M3", Kind.CHANGE_KEYS, "own")
        assert number is not None
        await it.done(first, number)
    it.lose_everything()
    it.away = {"M2"}
    it.restore(name)
    async with it.life():
        await asyncio.sleep(400)
        stand = await standstill(it.config, live=False)
        assert stand is not None
        found = {key.meter: key.standing for key in stand.keys}
        assert found == {
            **dict.fromkeys(NAMES, Raised.RAISED),
            "M2": Raised.ASSUMED,
            "M3": Raised.WRONG_KEY,
        }
        it.away = set()  # who could not be asked is asked again
        await asyncio.sleep(400)
        stand = await standstill(it.config, live=False)
        assert stand is not None and stand.count()[Raised.ASSUMED] == 0


async def test_meters_that_were_not_asked_hold_it_up(tmp_path: Path) -> None:
    it = await drill(tmp_path)
    name = it.backup()
    it.lose_everything()
    it.restore(name)
    await asyncio.sleep(400)  # nobody serves
    with pytest.raises(NotYet, match="6 meters have not been asked"):
        await _resume(it)
    resumed = await resume(it.config, clock=it.clock, who="os:ana", unasked=True, live=False)
    assert resumed.restoration.standing is Standing.RESUMED
    async with it.life() as second:
        number = await it.send(second, "M1", Kind.SET_LIMIT, "m9", 3000)
        assert number is not None
        await it.done(second, number)


async def _resume(it: Drill) -> object:
    return await resume(it.config, clock=it.clock, who="os:ana", live=False)


def _conversations(it: Drill) -> dict[str, int]:
    return {name: it.lines.get(name, 0) for name in NAMES}


async def _read(it: Drill, head_end: HeadEnd, name: str) -> None:
    order = await head_end.ordering.reads.place(name, ["active-energy-import"], source="test")
    await it.done(head_end, order.number)


def _report(seals: Watch, keys: int) -> None:
    ours = sum(count for title, count in seals.by.items() if not title.startswith(b"SIM"))
    print(f"{keys} keys restored; {ours} seals of ours, {len(seals.used)} in all, none twice")
