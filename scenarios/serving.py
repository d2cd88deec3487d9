"""The head-end of a run: started on what its databases hold, ended as a power cut would end it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from devices.chance import stream
from devices.modem import CarrierView
from devices.wan import Technology, one_way_ms
from devices.world import World
from headend.app.head_end import HeadEnd, build
from headend.app.sessions import BusClient
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import Config, KeyStorage, Rest
from headend.domain.meter import Meter
from headend.ports import CarrierPortal as Portal
from protocols.capture.recorder import Recorder
from scenarios import key_changes
from scenarios.direct_lines import SimulatedDialling
from scenarios.field import registry_of, sim_of
from scenarios.lan import Lan
from scenarios.schema import Scenario
from scenarios.stand_ins.carrier_portal import CarrierPortal
from scenarios.surroundings import LAN_DELAY_S, Surroundings, TroubledStore

REPLY_ADDRESS = "http://commercial.test/replies"
REST_PORT = 8443  # nobody listens there; that there is a door makes the head-end tell of changes
AWAY_S = 5.0  # between looks of whoever waits for a head-end that is down


@dataclass(slots=True)
class Serving:
    """See the module.  `errors` is what went wrong inside it, in any of its lives."""

    scenario: Scenario
    seed: int
    directory: Path
    clock: LoopClock
    world: World
    lan: Lan
    around: Surroundings
    recorder: Recorder | None = None
    head_end: HeadEnd | None = None
    work: asyncio.Task[None] | None = None
    starts: int = 0
    errors: list[BaseException] = field(default_factory=list)
    _client: BusClient | None = None

    async def there(self) -> HeadEnd:
        """The head-end; who asks while it is down waits for it to come back."""
        while self.head_end is None:
            await asyncio.sleep(AWAY_S)
        return self.head_end

    async def start(self) -> HeadEnd:
        """Start it on what its databases hold."""
        self.starts += 1
        scenario = self.scenario
        delivery = scenario.delivery()
        config = Config(
            database=f"sqlite:///{self.directory / 'ami.db'}",
            legacy_database=f"sqlite:///{self.directory / 'legacy.db'}",
            orders=scenario.order_policy(),
            field=scenario.field_policy(),
            delivery=msgspec.structs.replace(delivery, reply_addresses=(REPLY_ADDRESS,)),
            keys=KeyStorage(envelope_file=self._envelope()),
            direct=scenario.direct_policy(),
            collection=scenario.collection_policy(),
            clock=scenario.clock_policy(),
            concentrator=scenario.concentrator_policy(),
            rest=Rest(port=REST_PORT if scenario.mdm else None),
        )
        client = self.lan.member("head-end")
        self.head_end = build(
            config,
            clock=self.clock,
            chance=SeededChance(self.seed, "head-end", self.starts),
            broker=client,
            callback=self.around,
            store=TroubledStore(config.database, self.around),
            portal=self._portal(),
            dialling=SimulatedDialling(self.world, self._wan, self.recorder),
            live=False,
        )
        await self._install_keys(self.head_end)
        await self.head_end.listen()
        await client.connect()
        self._client = client
        self.work = asyncio.ensure_future(self.head_end.run())
        return self.head_end

    def _envelope(self) -> Path:
        """What the head-end seals keys by; of a seed, as everything here."""
        path = self.directory / "envelope"
        if not path.exists():
            path.write_text(SeededChance(self.seed, "envelope").octets("key", 64).hex())
        return path

    async def _install_keys(self, head_end: HeadEnd) -> None:
        """The keys of the meters that the head-end speaks with by itself, and of those whose keys
        it changes through their concentrators."""
        assert head_end.ground.vault is not None
        changing = self._changing()
        for meter in registry_of(self.scenario).meters:
            if meter.address is not None or meter.name in changing:
                device, vault = self.world.meter(meter.name), head_end.ground.vault
                await key_changes.install(vault, device, meter, self.seed)

    async def keys(self) -> dict[str, str]:
        """How those whose keys were to change stand with the head-end."""
        assert self.head_end is not None and self.head_end.ground.vault is not None
        vault, found = self.head_end.ground.vault, {}
        for name, meter in sorted(self._changing().items()):
            device, client = self.world.meter(name), key_changes.client_of(meter)
            found[name] = await key_changes.standing(vault, device, name, client)
        return found

    def _changing(self) -> dict[str, Meter]:
        """Meters whose keys are to change in the story, as the registry has them."""
        named = {spec.meter for spec in self.scenario.rekey}
        changing = [spec for spec in self.scenario.campaign if spec.kind == "change-keys"]
        named |= {meter for spec in changing for meter in spec.meters}
        behind = {spec.concentrator for spec in changing if not spec.meters} - {None}
        return {
            meter.name: meter
            for meter in registry_of(self.scenario).meters
            if meter.name in named or meter.concentrator in behind
        }

    def _wan(self, meter: str) -> Callable[[int], float]:
        rng = stream(self.seed, "wan", meter)
        return lambda octets: one_way_ms(Technology.LTE, rng) / 1000

    async def crash(self) -> None:
        """End it as a power cut would: what is not committed is gone, nobody says farewell."""
        if self.head_end is None or self._client is None or self.work is None:
            return
        self.work.cancel()
        self._client.drop()
        await asyncio.gather(self.work, return_exceptions=True)
        self.errors += self.head_end.errors
        await self.head_end.close()
        self.head_end = None

    async def post(self, body: bytes) -> bytes:
        """The way from the commercial system through the integration platform to the SOAP door."""
        await asyncio.sleep(LAN_DELAY_S)
        if self.head_end is None or self.work is None:
            raise ConnectionRefusedError("the head-end is down")
        answering = asyncio.ensure_future(self.head_end.ordering.soap.handle(body))
        await asyncio.wait({answering, self.work}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():  # it died first; whether it has stored the message, nobody knows
            answering.cancel()
            raise ConnectionResetError("the head-end went down before it answered")
        starts = self.starts
        await asyncio.sleep(LAN_DELAY_S)
        if self.head_end is None or self.starts != starts:
            raise ConnectionResetError("the head-end went down as it answered")
        return (await answering).body

    def _portal(self) -> Portal | None:
        if not self.scenario.evidence.carrier_portal:
            return None

        def view(name: str) -> Callable[[], CarrierView]:
            modem = self.world.concentrators[name].modem
            return lambda: self.world.enter(lambda: modem.seen_by_carrier(self.world.env.now))

        views = {sim_of(name): view(name) for name in self.world.concentrators}
        return CarrierPortal(views, self.clock.now)
