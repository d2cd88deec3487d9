"""An adapter at its SOAP door, and behind its queue with router and SOAP proxy, in one process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from headend.clock import LoopClock
from headend.field.bus import Bus
from headend.integration.bus.soap_in import SoapToBus
from headend.integration.cim.adapter import Adapter
from headend.integration.cim.door import AdapterDoor
from headend.integration.cim.layer import DataLayer
from headend.integration.cim.limits import LIMITS, Limits
from headend.soap.door.raw_soap import body_of
from headend.soap.door.server import SoapAnswer
from protocols.cim import xml
from protocols.cim.bus import letter as letters
from protocols.cim.profile.model import Profile
from protocols.cim.soap_octets import unwrap, wrap
from tests.cim_bus.utility import simulated
from tests.conftest import SIMULATED_START
from tests.soap.desk import CountingChance

Way = Callable[[bytes], Awaitable[bytes]]
"""A message out, its reply back."""


@dataclass(frozen=True)
class Ways:
    """To one adapter: by SOAP, straight to its queue, by the router, and by SOAP at both ends."""

    soap: Way
    queue: Way
    router: Way
    proxy: Way

    def all(self) -> dict[str, Way]:
        return {"soap": self.soap, "queue": self.queue, "router": self.router, "proxy": self.proxy}


def adapter(profile: Profile, layer: DataLayer, limits: Limits = LIMITS) -> Adapter:
    return Adapter(
        profile.name, profile, layer, LoopClock(SIMULATED_START), CountingChance(), limits
    )


def inside(answer: SoapAnswer) -> bytes:
    """The message in a SOAP answer that is no fault."""
    assert answer.status == 200, answer.body
    return unwrap(answer.body, body_of(xml.parse(answer.body)))


def rules_for(profile: Profile) -> str:
    """Everything of a profile goes to its adapter; TABLERO may ask."""
    return "".join(
        (
            f'[[route]]\nverb = "get"\ndestination = "{profile.name}"\n',
            '[[permit]]\nsource = "TABLERO"\n',
            '[[speaker]]\nname = "PUERTA"\nspeaks_for = ["TABLERO"]\n',
        )
    )


@asynccontextmanager
async def ways_to(
    folder: Path, profile: Profile, layer: DataLayer, limits: Limits = LIMITS
) -> AsyncIterator[Ways]:
    """The four ways, each to an adapter over the same layer."""
    direct = AdapterDoor(adapter(profile, layer, limits))
    async with simulated(folder, Bus(), rules=rules_for(profile)) as made:
        await made.router()
        await made.system(profile.name, adapter(profile, layer, limits))
        asking = await made.asking("TABLERO")
        proxy = SoapToBus(await made.asking("PUERTA"), LoopClock(SIMULATED_START), CountingChance())

        def on_bus(*, directly: bool) -> Way:
            async def ask(octets: bytes) -> bytes:
                letter = letters.read(octets)
                key = f"{directly}/{letter.message_id}"
                named = profile.name if directly else None
                told = await asking.ask(
                    key, letter, timeout_s=20, destination=named, directly=directly
                )
                return told.octets

            return ask

        async def by_soap(octets: bytes) -> bytes:
            return inside(await direct.handle(wrap(octets)))

        async def by_proxy(octets: bytes) -> bytes:
            return inside(await proxy.handle(wrap(octets)))

        yield Ways(by_soap, on_bus(directly=True), on_bus(directly=False), by_proxy)
