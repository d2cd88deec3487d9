"""Head-end and devices count under one key together, and no number is ever used twice."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headend.domain.job import Authorisation, Job, Lease
from headend.ports import CountersContended
from headend.store.envelope import Envelope
from headend.store.kit.counters import FileCounters
from headend.store.kit.jobs import LeasedFileCounters
from headend.store.store import SqlStore
from headend.store.vault import KeyVault
from protocols.dlms.keys import CounterLease, Keys
from tests import databases
from tests.jobs.parties import T0

METER, CLIENT = "M1", 4
BLOCK = 256  # what a conversation reserves at once
LEASE = 1024

HEAD_END, EXPORT, DEVICE, IMPORT = "head-end", "export", "device", "import"
steps = st.lists(
    st.tuples(
        st.sampled_from((HEAD_END, EXPORT, DEVICE, IMPORT)),
        st.integers(0, 600),  # how many counters are used
        st.booleans(),  # cut off before it settles
        st.integers(0, 3),  # which job
    ),
    max_size=25,
)


@dataclass
class World:
    """One key, the office's vault, and the devices' files."""

    folder: Path
    store: SqlStore
    vault: KeyVault
    used: list[int] = field(default_factory=list)
    leases: list[Lease] = field(default_factory=list)
    closed: set[int] = field(default_factory=set)

    def use(self, count: int) -> None:
        assert count not in self.used, f"counter {count} is used twice"
        self.used.append(count)

    async def converse(self, counters: Any, uses: int, cut: bool) -> None:
        """What a conversation does: reserve, use, settle; or die before it settles."""
        following, _ = await counters.load()
        assert following is not None
        end = following
        for _ in range(uses):
            if following >= end:
                try:
                    await counters.reserve(following + BLOCK)
                except CountersContended:
                    break
                end = following + BLOCK
            self.use(following)
            following += 1
        if not cut and end > 0:
            await counters.settle(following, 0)

    async def take(self, what: str, uses: int, cut: bool, which: int) -> None:
        match what:
            case "head-end":
                known = await self.vault.keys(METER, CLIENT)
                assert known is not None
                await self.converse(self.vault.counters(known.current), uses, cut)
            case "export":
                number = len(self.leases)
                block = await self.store.run(lambda tx: tx.lease_block(METER, CLIENT, 1, LEASE))
                assert block is not None
                lease = Lease(f"job-{number}", METER, CLIENT, 1, block[0], block[1])
                job = Job(lease.job, "d", T0, T0, T0, Authorisation.READ_ONLY, b"")
                await self.store.run(lambda tx: tx.add_job(job, [lease], []))
                self.leases.append(lease)
            case "device" if which < len(self.leases) and which not in self.closed:
                counters = self.leased(which)
                await self.converse(counters, uses, cut)
                counters.release()
            case "import" if which < len(self.leases):
                lease, at = self.leases[which], self.leased(which).standing()
                self.closed.add(which)
                await self.store.run(lambda tx: tx.settle_lease(lease, at[0], at[1], lease.end))
            case _:
                pass

    def leased(self, which: int) -> LeasedFileCounters:
        lease = self.leases[which]
        file = FileCounters(self.folder / lease.job, METER, CLIENT)
        return LeasedFileCounters(file, CounterLease(lease.first, lease.end), 0)


@given(steps)
@settings(max_examples=60)
def test_no_counter_is_used_twice(taken: list[tuple[str, int, bool, int]]) -> None:
    async def live() -> None:
        from headend.domain.job import Device

        with tempfile.TemporaryDirectory() as folder:
            store = SqlStore(databases.memory(), live=False)
            vault = KeyVault(store, Envelope([bytes(range(64))]))
            await vault.install(METER, CLIENT, Keys(b"E" * 16, b"A" * 16), next_counter=1)
            await store.run(lambda tx: tx.add_device(Device("d", "T", b"", T0)))
            world = World(Path(folder), store, vault)
            for step in taken:
                await world.take(*step)
            for lease in world.leases:
                others = [u for u in world.leases if u is not lease]
                assert all(u.end <= lease.first or lease.end <= u.first for u in others)
            await store.close()

    asyncio.run(live())
