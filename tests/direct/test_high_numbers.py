"""Frame ids above 2^31: counters of four octets count unsigned, across the place where a signed
reader sees them turn negative (facts of service levels, dirty meter data)."""

from __future__ import annotations

import pytest

from devices.meter.identity import MANAGEMENT_CLIENT
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.field.direct.access import MemoryCounters
from headend.field.direct.conversation import Conversation, Opened
from headend.store.envelope import Envelope
from headend.store.vault import KeyVault
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import AttributeDescriptor
from protocols.dlms.values import DoubleLongUnsigned
from tests import databases
from tests.conftest import SIMULATED_START
from tests.direct.bench import MeterLine, access, meter, model

SIGNED_MAX = 0x7FFF_FFFF
POWER = AttributeDescriptor(3, LogicalName("1.0.1.7.0.255"), 2)


@pytest.mark.parametrize("below", [0, 1, 2, 5])
async def test_a_conversation_goes_on_across_it(below: int) -> None:
    """Both sides' counters pass 2^31 within one conversation."""
    device = meter()
    last = SIGNED_MAX - below
    device.note_counters(MANAGEMENT_CLIENT, own=last, peer=last)
    counters = MemoryCounters(last + 1, last - 1)
    talk = Conversation(
        MeterLine(device),
        model(),
        access(device, "management", counters),
        clock=LoopClock(SIMULATED_START),
        chance=SeededChance(1, "high"),
        role="management",
    )
    async with talk:
        opened = await talk.open()
        assert isinstance(opened, Opened), opened
        for _ in range(4):
            assert await talk.read(POWER) == (DoubleLongUnsigned(2000),)
    assert counters.next_own is not None and counters.next_own > SIGNED_MAX + 1
    assert min(device.counters(MANAGEMENT_CLIENT)) > SIGNED_MAX


async def test_they_are_kept_so() -> None:
    """By the store, which the next start of the head-end goes on from."""
    vault = KeyVault(databases.store(), Envelope([bytes(64)]))
    device = meter()
    keys = device.identity.keys(MANAGEMENT_CLIENT)
    await vault.install("4711", MANAGEMENT_CLIENT, keys, next_counter=SIGNED_MAX + 1)
    known = await vault.keys("4711", MANAGEMENT_CLIENT)
    assert known is not None
    counting = vault.counters(known.current)
    await counting.load()
    await counting.reserve(SIGNED_MAX + 300)
    await counting.settle(SIGNED_MAX + 10, SIGNED_MAX + 20)
    assert await vault.counters(known.current).load() == (SIGNED_MAX + 10, SIGNED_MAX + 20)
