"""One concentrator with its meters: the field's own world, run until the days are collected.

Everything in it is what scenarios and `ami field` run: the concentrator with its task table,
memory, outbox and modem, the networks of both bearers, every frame on the line, every meter.
Low-voltage networks touch each other nowhere, so each concentrator is a world of its own, and what
happens in it depends on the seed and its name alone: not on which others there are, nor on who
works on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import simpy

from devices.chance import stream
from devices.clock import FieldDriver
from devices.concentrator.device import Settings
from devices.concentrator.flash import Counters, Progress
from devices.concentrator.table import OWN, only
from devices.concentrator.task_times import last_due
from devices.field_spec import FieldSpec, MeterSpec, TransformerSpec
from devices.gateway.uplink import Uplink
from devices.outages import USUAL
from devices.wan import Technology, one_way_ms
from devices.world import World
from protocols.dlms.keys import Keys
from scenarios.fleet.city import CLIENT
from scenarios.fleet.conditions import Conditions, let_happen
from scenarios.fleet.district import DAY_S, KIND, UTC_ZONE, District
from scenarios.fleet.receiving import DAILY, Receiving
from scenarios.fleet.wan_line import WanLine

LOOK_S = 900.0
"""So often it is seen whether everything has come."""

Tap = Callable[[str, float, bytes, bytes], None]
"""Hears what reached a meter and what the meter said: its number, when, request, answers."""


@dataclass(slots=True)
class Told:
    """What adds up."""

    exchanges: int = 0
    """Requests that reached meters."""
    by_radio: int = 0
    octets: int = 0
    """Of them and their answers, as the wrapper carries them."""
    uploads: int = 0
    upload_octets: int = 0
    blocks_dropped: int = 0
    ended_at: float = 0.0
    """When the last upload came in."""

    def __iadd__(self, other: Told) -> Told:
        """Another concentrator's besides."""
        self.exchanges += other.exchanges
        self.by_radio += other.by_radio
        self.octets += other.octets
        self.uploads += other.uploads
        self.upload_octets += other.upload_octets
        self.blocks_dropped += other.blocks_dropped
        self.ended_at = max(self.ended_at, other.ended_at)
        return self


@dataclass(frozen=True, slots=True)
class Delegated:
    """What a concentrator is given to speak with one meter: the head-end's keys, and counters."""

    meter: str
    keys: Keys
    own: int
    end: int
    peer: int


def spec_of(district: District, conditions: Conditions) -> FieldSpec:
    """The district as the field has it."""
    meters = tuple(
        MeterSpec(str(index), place, model=KIND.name)
        for index, place in zip(district.indices, district.places, strict=True)
    )
    transformer = TransformerSpec(
        f"T-{district.number + 1:03d}", district.concentrator, meters, radio=conditions.radio
    )
    return FieldSpec(
        (transformer,),
        zone=UTC_ZONE,
        settings=Settings(memory_octets=conditions.memory_octets),
        engines=only(OWN),
    )


def world_of(
    env: simpy.Environment,
    district: District,
    conditions: Conditions,
    delegated: tuple[Delegated, ...],
    *,
    uplink: Callable[[str], Uplink],
    driver: FieldDriver | None = None,
    write_log: bool = False,
) -> World:
    """The district's world with all that will happen in it, ready to start: here without its log,
    and the same under a head-end that is live, as scenarios and `ami field` run it."""
    loads = {str(at): load for at, load in zip(district.indices, district.loads, strict=True)}
    world = World(
        env,
        spec_of(district, conditions),
        district.city.seed,
        uplinks=uplink,
        driver=driver,
        write_log=write_log,
        loads=loads.__getitem__,
    )
    flash = world.concentrators[district.concentrator].flash
    for each in delegated:
        entry = world.entry(each.meter)
        entry.keys, entry.client = each.keys, CLIENT
        flash.counters[each.meter] = Counters(each.own, each.peer)
        # What is older than the first day was collected the day before.
        flash.collected.progress[DAILY.name, each.meter] = Progress(
            done_for=last_due(DAILY, district.first_midnight),
            next_from=district.first_day * DAY_S + 1.0,
        )
        if (each.own, each.peer) != (1, 0):  # it was spoken with before
            world.meter(each.meter).note_counters(CLIENT, own=max(1, each.peer), peer=each.own)
    let_happen(world, district.city, district.number, conditions, district.days)
    return world


class Island:
    """See the module."""

    def __init__(
        self,
        district: District,
        conditions: Conditions,
        delegated: tuple[Delegated, ...],
        tap: Tap | None = None,
    ) -> None:
        self.district = district
        self.told = Told()
        self.env = env = simpy.Environment(float(district.first_midnight))
        self.receiving = Receiving(lambda: env.now)
        name = district.concentrator
        delays = stream(district.city.seed, "wan", name)
        line = WanLine(
            env, name, lambda octets: one_way_ms(Technology.LTE, delays) / 1000, self.receiving
        )
        self.world = world_of(env, district, conditions, delegated, uplink=lambda name: line)
        self._flash = self.world.concentrators[name].flash
        for each in delegated:
            self._listen(each.meter, tap)
        self.world.start()

    def run(self) -> None:
        """Until nothing is missing but what the silent meters have, or the last day's 24 hours are
        over."""
        end = float(self.district.last_midnight + DAY_S)
        while self.env.now < end and self._wanting():
            self.env.run(min(end, self.env.now + LOOK_S))
        uploads = self.receiving.uploads
        self.told.uploads = len(uploads)
        self.told.upload_octets = sum(len(each.payload) for each in uploads)
        self.told.blocks_dropped = self.receiving.dropped
        self.told.ended_at = uploads[-1].at if uploads else self.env.now

    def counters(self, meter: str) -> Counters:
        """How far those with a meter came."""
        return self._flash.counters[meter]

    @cached_property
    def silent(self) -> list[bool]:
        """Of each meter, whether it is silent for months."""
        seed = self.district.city.seed
        return [USUAL.silent_for_months(seed, str(index)) for index in self.district.indices]

    # --- parts -----------------------------------------------------------------------------------

    def _listen(self, meter: str, tap: Tap | None) -> None:
        """Count what reaches a meter and what it says."""
        leg, told = self.world.entry(meter).leg, self.told
        far_end = leg.far_end

        def heard(octets: bytes, now: float) -> list[bytes]:
            answers = far_end(octets, now)
            told.exchanges += 1
            told.by_radio += leg.used is not None and leg.used[0].network.bearer == "rf"
            told.octets += len(octets) + sum(map(len, answers))
            if tap is not None:
                tap(meter, now, octets, b"".join(answers))
            return answers

        leg.far_end = heard

    def _wanting(self) -> bool:
        """Whether anything can still come of what is wanted."""
        collected = self._flash.collected
        if collected.kept or collected.upload:
            return True
        return any(
            not silent
            and (collected.progress[DAILY.name, str(index)].next_from or 0.0)
            <= self.district.last_midnight
            for index, silent in zip(self.district.indices, self.silent, strict=True)
        )
