"""Counters jump and are never lowered; the journal of keys gives back what a backup lacks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headend.domain.keys import KeyState
from headend.domain.restoration import COUNTERS_PER_S, Raised, margin
from headend.ports import StoreUnavailable
from headend.store.envelope import Envelope
from headend.store.key_journal import FILE, KeyJournal, replay
from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction, in_words
from headend.store.vault import KeyVault
from protocols.dlms.keys import COUNTER_MAX, Keys
from tests import databases
from tests.backup.making import ENVELOPE, NOON, Hands

FIRST, SECOND, THIRD = (
    Keys(bytes([n]) * 16, bytes([n, 0]) * 8, None, b"a key of masters") for n in (1, 2, 3)
)
BY = 1000

JUMPS = {
    # the next counter in the backup: what it is afterwards, and how it stands
    "some": (7, 1007, Raised.WAITING),
    "nobody knows": (None, 1000, Raised.WAITING),
    "the last that fits": (COUNTER_MAX - BY, COUNTER_MAX, Raised.WAITING),
    "none is left": (COUNTER_MAX - BY + 1, COUNTER_MAX + 1, Raised.USED_UP),
    "none was left": (COUNTER_MAX + 1, COUNTER_MAX + 1, Raised.USED_UP),
}


@pytest.mark.parametrize(("before", "after", "standing"), JUMPS.values(), ids=JUMPS)
async def test_counters_jump(before: int | None, after: int, standing: Raised) -> None:
    store = SqlStore(databases.memory(), live=False)
    await KeyVault(store, Envelope([ENVELOPE])).install("M1", 1, FIRST, next_counter=before)
    assert await in_words(store, lambda words: words.jump_counters(BY)) == 1
    (key,) = await store.run(lambda tx: tx.restored_keys())
    assert (key.before, key.least, key.standing) == (before, after, standing)
    assert (await in_words(store, lambda words: words.counters(("M1", 1, 1))))[0] == after
    if standing is Raised.USED_UP:
        assert await in_words(store, lambda words: words.lease_counters(("M1", 1, 1), 1)) is None
    await store.close()


@databases.on_one
@given(st.integers(0, 400 * 86_400))
def test_the_margin_grows_with_the_age(age_s: int) -> None:
    age = timedelta(seconds=age_s)
    assert margin(age, COUNTERS_PER_S) == age_s * COUNTERS_PER_S
    assert margin(age + timedelta(seconds=1), COUNTERS_PER_S) > margin(age, COUNTERS_PER_S)


async def vault_of(folder: Path, journal: bool = True) -> tuple[SqlStore, KeyVault]:
    store = SqlStore(databases.memory(), live=False)
    written = KeyJournal(folder, Hands()) if journal else None
    return store, KeyVault(store, Envelope([ENVELOPE]), written)


async def renewed(vault: KeyVault) -> None:
    await vault.remember("M1", 1, SECOND)
    await vault.promote("M1", 1)


async def under_way(vault: KeyVault) -> None:
    await vault.remember("M1", 1, SECOND)


async def refused(vault: KeyVault) -> None:
    await vault.remember("M1", 1, SECOND)
    await vault.forget("M1", 1)


async def twice(vault: KeyVault) -> None:
    await renewed(vault)
    await vault.remember("M1", 1, THIRD)
    await vault.promote("M1", 1)


async def another(vault: KeyVault) -> None:
    await vault.install("M1", 1, THIRD)
    await vault.install("M2", 1, SECOND)
    await vault.install_password("M1", 2, b"12345678")
    await vault.install_password("M1", 2, b"87654321")


DAYS = {each.__name__: each for each in (renewed, under_way, refused, twice, another)}


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS)
async def test_a_day_of_keys_comes_back(tmp_path: Path, day: Callable[[KeyVault], object]) -> None:
    lives, vaults = [], []
    for journal in (True, False):  # the life that is lost, and the backup from before that day
        store, vault = await vault_of(tmp_path, journal)
        lives.append(store)
        vaults.append(vault)
        await vault.install("M1", 1, FIRST, next_counter=5)
    await day(vaults[0])  # type: ignore[misc]

    def work(words: SqlTransaction) -> int:
        return replay(tmp_path / FILE, words, words, NOON - timedelta(hours=1))

    assert await in_words(lives[1], work) > 0
    await in_words(lives[1], work)  # doing it again changes nothing
    rows = [await in_words(store, lambda words: words.all_key_rows()) for store in lives]
    assert rows[0] == rows[1]
    for meter in ("M1", "M2"):
        assert await vaults[0].keys(meter, 1) == await vaults[1].keys(meter, 1)
        assert await vaults[0].password(meter, 2) == await vaults[1].password(meter, 2)
    states = [row.state for row in rows[0] if row.meter == "M1"]
    assert states.count(KeyState.CURRENT) == 1
    octets = (tmp_path / FILE).read_bytes()
    for keys in (FIRST, SECOND, THIRD):
        assert keys.encryption not in octets and keys.encryption.hex().encode() not in octets
    for store in lives:
        await store.close()


@databases.on_one
async def test_a_line_that_a_crash_has_cut_is_passed_over(tmp_path: Path) -> None:
    store, vault = await vault_of(tmp_path)
    await vault.install("M1", 1, FIRST)
    path = tmp_path / FILE
    whole = path.read_bytes()
    for number, cut in enumerate((1, 5, len(whole) // 2, len(whole) - 2), start=100):
        path.write_bytes(whole[:cut])
        await vault.install(f"N{cut}", 1, Keys(bytes([number]) * 16, bytes(16), None, None))
        other = SqlStore(databases.memory(), live=False)
        await in_words(other, lambda words: replay(path, words, words, NOON - timedelta(hours=1)))
        found = [row.meter for row in await in_words(other, lambda words: words.all_key_rows())]
        assert found == [f"N{cut}"]
        await other.close()
    await store.close()


@databases.on_one
async def test_no_key_changes_while_it_cannot_be_written_down(tmp_path: Path) -> None:
    store, vault = await vault_of(tmp_path / "away")
    with pytest.raises(StoreUnavailable, match="no key is changed"):
        await vault.install("M1", 1, FIRST)
    assert await vault.keys("M1", 1) is None
    await store.close()


@databases.on_one
async def test_lines_from_before_the_backup_are_its_own(tmp_path: Path) -> None:
    store, vault = await vault_of(tmp_path)
    await vault.install("M1", 1, FIRST)
    other = SqlStore(databases.memory(), live=False)
    later = NOON + timedelta(seconds=1)
    assert await in_words(other, lambda w: replay(tmp_path / FILE, w, w, later)) == 0
    for each in (store, other):
        await each.close()
