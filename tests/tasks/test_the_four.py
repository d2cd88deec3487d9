"""The four tasks of the paper, against the adapters of an invented utility, over their real ways:
SOAP, SQL and OPC UA, in one process.  What is kept is what the utility's parts say themselves."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import fmean

import pytest

from headend.analysis.figures import figures
from headend.analysis.rollup import Rollup
from headend.app.associations import ConfiguredAdapters
from headend.app.cim_adapters import serving_adapters
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config.adapters import read as read_adapters
from headend.config.analysis import AnalysisPolicy, Band, Bands
from headend.config.tasks import Associations, TaskPolicy
from headend.domain.feeder import CHANNELS, FeederHour, FeederRoll, Span
from headend.domain.task import RunState
from headend.domain.utility_day import span_of
from headend.opcua.space import Quality
from headend.store.store import SqlStore
from headend.tasks.customers import ORGANISATION, REQUESTS
from headend.tasks.desk import TaskDesk, TaskWish, make_standard, standard_tasks
from headend.tasks.kinds import kinds
from headend.tasks.ours import OURS
from headend.tasks.running import TaskRunner
from headend.web.consulta import exploring
from headend.web.consulta.asking import Conversation
from scenarios.utility import databases as utility_databases
from scenarios.utility.making import make
from scenarios.utility.measuring import QUANTITIES, FeederHeads, Quantity
from scenarios.utility.model import Feeder, Plan, Utility
from scenarios.utility.naming import System, feeder_key
from scenarios.utility.opcua import systems
from scenarios.utility.simoce import PERIOD_S, Simoce
from tests import databases
from tests.cim_bus.test_live_bus import utility
from tests.field.live_broker import mosquitto
from tests.tasks.tasking import BY, ZONE

PLAN = Plan(
    zones=1, areas=1, substations=2, feeders=2, transformers=1, meters=3, vip=1, requests=12
)
ANY = Band(green_to=5, yellow_to=10)  # no floor: few customers draw less than an ampere at 23 kV
POLICY = AnalysisPolicy(bands=Bands(current=ANY, active_power=ANY, reactive_power=ANY, voltage=ANY))
ASKED = {
    "SIAD": (*ORGANISATION, *REQUESTS),
    "SIMOCE": ("Feeder", "Analog"),
    "Repository": ("CFE_MappedName",),
}
BUS = "mqtt://127.0.0.1"
PHASED = {"LineCurrent": "i", "ActivePower": "p", "ReactivePower": "q", "PhaseVoltage": "v"}


@dataclass(frozen=True)
class Up:
    """The utility, up, and a head-end's tasks beside it."""

    utility: Utility
    heads: FeederHeads
    store: SqlStore
    runner: TaskRunner
    desk: TaskDesk

    async def ran(self, task: str, due_at: datetime) -> dict[str, int | float | str]:
        """What comes of a run as of a time."""
        run = await self.desk.run_now(task, BY, due_at)
        await self.runner.look()
        await self.runner.idle()
        ended = await self.store.run(lambda tx: tx.task_run(run.number))
        assert ended is not None and ended.state is RunState.DONE, ended
        assert ended.told is not None
        return ended.told


@asynccontextmanager
async def up(folder: Path, broker: int | None = None) -> AsyncIterator[Up]:
    """Adapters at a SOAP door; with the port of a `broker` on the bus, and asked there alone."""
    clock = WallClock()
    utility = make(11, clock.now(), PLAN)
    files = utility_databases.write(utility, folder)
    async with systems(utility, clock, scan=None) as opc:
        ways = ["[door]", "port = 0"]
        if broker is not None:
            ways = ["[broker]", f"port = {broker}"]
        lines = [*ways, '[[permit]]\nsource = "TABLERO"', 'verbs = ["get"]']
        for name in ("siad", "repository"):
            source = f'{{ kind = "sql", database = "{files[name].name}" }}'
            lines.append(f'[[adapter]]\nprofile = "{name}"\nsource = {source}')
        source = f'{{ kind = "opc-ua", url = "{opc.simoce.url}" }}'
        lines.append(f'[[adapter]]\nprofile = "simoce"\nsource = {source}')
        (folder / "adapters.toml").write_text("\n".join(lines), encoding="utf-8")
        async with serving_adapters(read_adapters(folder / "adapters.toml")) as adapters:
            names = ("SIAD", "SIMOCE", "Repository")
            at = {
                name.lower(): adapters.doors.get(name, f"{BUS}:{broker}/{name}") for name in names
            }
            settings = Associations(**at)
            store = databases.store()
            known = kinds(OURS, ())
            asked = ConfiguredAdapters(settings, clock, SystemChance())
            runner = TaskRunner(store, clock, ZONE, TaskPolicy(), known, asked, "w-1", POLICY)
            desk = TaskDesk(store, clock, ZONE, known)
            standard = standard_tasks(known, settings, ZONE, clock.now())
            await store.run(lambda tx: make_standard(tx, standard))
            yield Up(utility, opc.heads, store, runner, desk)


@pytest.mark.live
@databases.on_one
async def test_from_the_utilitys_systems_to_figures(tmp_path: Path) -> None:
    async with up(tmp_path) as site:
        now = WallClock().now()
        assert await site.ran("SIADCustomersInfo", now) == {
            "circuits": 4, "zones": 1, "requests": 12, "customers": 12,
        }  # fmt: skip
        told = await site.ran("SIADSimoceMapping", now)
        new = [each for each in site.utility.feeders if each.new]
        lost = [each for each in new if each.renamed]
        assert told["mapped"] == 4 - len(lost) and told["unmatched_siad"] == len(lost)
        day = now.astimezone(ZONE).date() - timedelta(days=2)
        for back in (1, 0):
            told = await site.ran("UnbalanceHr", now - timedelta(days=back))
            assert (told["day"], told["without"]) == (f"{day - timedelta(days=back)}", 0)
        feeder = site.utility.feeders[0]
        await _as_measured(site, feeder, day)
        told = await site.ran("InfoGenerationHr", now)
        assert (told["feeders"], told["days"]) == (4, 8)
        await _as_worked_by_hand(site, feeder, day)
        again = await site.ran("InfoGenerationHr", now)
        assert (again["days"], again["windows"]) == (0, 0), "nothing is new"


def _quality(site: Up, feeder: Feeder, quantity: Quantity, second: int) -> Quality:
    space = Simoce(site.utility, site.heads, WallClock())
    return space._told(feeder, quantity, second)


async def _as_measured(site: Up, feeder: Feeder, day: date) -> None:
    """Each hour's average is that of the six values that the heads give, in our units."""
    key = feeder_key(System.SIMOCE, feeder)
    hours = await site.store.run(lambda tx: tx.feeder_hours(key, day, day))
    span = span_of(day, ZONE)
    assert [each.begin for each in hours] == [*range(span.begin, span.end, 3600)]
    for hour in (hours[0], hours[13], hours[-1]):
        ends = [hour.begin + PERIOD_S * n for n in range(1, 7)]
        for quantity in QUANTITIES:
            letter = {"ThreePhaseActivePower": "p", "ThreePhaseReactivePower": "q"}.get(
                quantity.measurement
            ) or f"{PHASED[quantity.measurement]}_{quantity.phases.lower()}"
            good = [end for end in ends if _quality(site, feeder, quantity, end) != Quality.BAD]
            values = [site.heads.average(feeder, quantity, end - PERIOD_S, end) for end in good]
            factor = 1000 if quantity.unit == "kV" else 1  # our voltages are in V
            assert hour.mean(letter) == pytest.approx(factor * fmean(values), rel=1e-9)
        assert hour.expected == 6


async def _as_worked_by_hand(site: Up, feeder: Feeder, day: date) -> None:
    """Unbalance, power factor and capacitors of the two days, from the kept hours, by the formulas
    written out."""
    key = feeder_key(System.SIMOCE, feeder)
    hours = await site.store.run(lambda tx: tx.feeder_hours(key, day - timedelta(days=1), day))
    (roll,) = await site.store.run(lambda tx: tx.feeder_rolls(key, Span.HOURS_48, day, day))
    told = figures(Rollup.of_flat(roll.rollup), POLICY)
    for place, letter in enumerate(("i", "p", "q", "v")):
        phases = [f"{letter}_{phase}" for phase in "abc"]
        whole = [h for h in hours if all(_count(h, each) >= 0.8 * 6 for each in phases)]
        means = [fmean(h.mean(each) or 0.0 for h in whole) for each in phases]
        mean, amount = fmean(means), fmean(map(abs, means))
        worst = max(abs(each - mean) for each in means)
        assert told.percent[place] == pytest.approx(100 * worst / amount, rel=1e-3)
        assert told.magnitude[place] == pytest.approx(worst, rel=1e-3, abs=1e-5)
    both = [h for h in hours if all(_count(h, f"{c}_{p}") >= 4.8 for c in "pq" for p in "abc")]
    kw, kvar = (fmean(sum(h.mean(f"{c}_{p}") or 0.0 for p in "abc") for h in both) for c in "pq")
    factor = kw / math.hypot(kw, kvar)
    assert float(told.power_factor) == pytest.approx(factor, rel=1e-4)
    wanted = max(0.0, kw * (math.tan(math.acos(factor)) - math.tan(math.acos(0.96))))
    assert float(told.capacitors_kvar) == pytest.approx(wanted, rel=1e-3, abs=1e-4)
    month: list[FeederRoll] = await site.store.run(
        lambda tx: tx.feeder_rolls(key, Span.MONTH, day, day)
    )
    assert not figures(Rollup.of_flat(month[0].rollup)).enough.any(), "26 days are missing"


def _count(hour: FeederHour, channel: str) -> int:
    return hour.counts[CHANNELS.index(channel)]


@pytest.mark.live
@pytest.mark.requires("mosquitto")
@databases.on_one
async def test_the_same_through_the_bus(tmp_path: Path) -> None:
    """Requests by the router's queue on a real broker, while pages ask as well."""
    routes = [
        f'[[route]]\nnoun = "{cls}"\ndestination = "{name}"\n'
        for name, asked in ASKED.items()
        for cls in asked
    ]
    permit = '[[permit]]\nsource = "TABLERO"\nverbs = ["get"]\n'
    async with mosquitto(tmp_path / "broker") as broker, utility(tmp_path, broker.port) as bus:
        bus.rules = "\n".join([*routes, permit])
        await bus.router()
        async with up(tmp_path, broker.port) as site:
            now = WallClock().now()
            assert (await site.ran("SIADCustomersInfo", now))["circuits"] == 4
            assert (await site.ran("SIADSimoceMapping", now))["mapped"] >= 3
            feeder = site.utility.feeders[0]
            wish = TaskWish(parameters={"feeders": [feeder_key(System.SIMOCE, feeder)]})
            await site.desk.edit("UnbalanceHr", wish, BY)
            told, tree = await asyncio.gather(
                site.ran("UnbalanceHr", now), exploring.tree(Conversation(site.runner.adapters))
            )
            assert (told["feeders"], told["without"]) == (1, 0)
            assert len(tree.circuits()) == 4
            await _as_measured(site, feeder, now.astimezone(ZONE).date() - timedelta(days=2))
        assert bus.dead() == []
