"""A meter's keys changed over a line, by conversations of our own, on the simulated clock."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devices.meter.clients import STANDARD_CLIENTS
from devices.meter.identity import MANAGEMENT_CLIENT
from devices.meter.keyring import keys_of
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.field.direct.key_sessions import KeySessions
from headend.field.direct.line import LineLost
from headend.registry.key_change import change, fresh_keys
from headend.store.envelope import Envelope
from headend.store.vault import KeyVault
from protocols.concentrator.messages import Status
from protocols.dlms.procedures import Outcome
from protocols.hdlc.server import HdlcServer
from protocols.link import ServerLink
from protocols.mode_e.server import ModeEServer
from protocols.wrapper.link import WrapperServer
from tests import databases
from tests.conftest import SIMULATED_START
from tests.direct.bench import OUR_TITLE, MeterLine, meter, model

CLIENT = next(each for each in STANDARD_CLIENTS if each.sap == MANAGEMENT_CLIENT)
LOST = LineLost("it broke", "pulled out", "try again")


class Bench:
    """One meter, and a head-end that remembers what it has written."""

    def __init__(self, far: Callable[[], ServerLink] = WrapperServer) -> None:
        self.device, self.far = meter(), far
        self.vault = KeyVault(databases.store(), Envelope([bytes(64)]))
        self.messages, self.cut_at, self.drawn = 0, 0, 0

    async def install(self) -> None:
        number = self.device.identity.number
        await self.vault.install(number, MANAGEMENT_CLIENT, keys_of(self.device, CLIENT))

    def spoil(self, octets: bytes) -> bytes:
        self.messages += 1
        if self.messages == self.cut_at:
            raise LOST
        return octets

    def secrets(self, count: int) -> bytes:
        self.drawn += 1
        return (b"%04d a fresh key of thirty-two octets" % self.drawn)[:count]

    async def change(self) -> Outcome:
        converse = KeySessions(
            lambda: MeterLine(self.device, far=self.far, spoil=self.spoil),
            model(),
            self.vault,
            clock=LoopClock(SIMULATED_START),
            chance=SeededChance(1),
            system_title=OUR_TITLE,
            meter_title=self.device.identity.system_title,
        )
        number = self.device.identity.number
        return await change(
            self.vault,
            number,
            MANAGEMENT_CLIENT,
            lambda current: fresh_keys(current, self.secrets),
            converse,
        )

    async def agreed(self) -> bool:
        """Whether the meter has the keys that the vault has, and no change is under way."""
        known = await self.vault.keys(self.device.identity.number, MANAGEMENT_CLIENT)
        assert known is not None
        return known.pending is None and known.current.keys == keys_of(self.device, CLIENT)


@pytest.mark.parametrize("far", [WrapperServer, HdlcServer, ModeEServer])
async def test_over_each_framing(far: Callable[[], ServerLink]) -> None:
    bench = Bench(far)
    await bench.install()
    old = keys_of(bench.device, CLIENT)
    for _ in range(2):
        outcome = await bench.change()
        assert (outcome.status, outcome.acted) == (Status.DONE, True), outcome
        assert await bench.agreed()
    assert keys_of(bench.device, CLIENT).encryption not in (old.encryption, b"")


@pytest.mark.parametrize("cut_at", range(1, 24))
async def test_the_line_breaks_at_each_message(cut_at: int) -> None:
    bench = Bench()
    await bench.install()
    old = keys_of(bench.device, CLIENT)
    bench.cut_at = cut_at
    for _ in range(4):
        outcome = await bench.change()
        if outcome.status is Status.DONE:
            break
    assert await bench.agreed()
    assert keys_of(bench.device, CLIENT) != old
