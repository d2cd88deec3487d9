"""What a head-end's database tells, played again: the same ends; with another policy, others."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from headend.config import Config, OrderPolicy
from headend.domain.evidence import Evidence, Source
from headend.domain.meter import Concentrator, Meter
from headend.domain.order import SCHEDULED, Attempt, Kind, Order, State
from headend.domain.reading import WantedObject
from headend.domain.reason import ReasonCode
from headend.domain.upkeep import SessionChange
from headend.store.restart_queries import Restart
from headend.store.store import Reader
from protocols.concentrator.messages import Action, Frame, LinkReport, Result, Status
from scenarios import stories
from scenarios.engine import run
from scenarios.field import registry_of
from scenarios.inferred import faults
from scenarios.recast import cast
from scenarios.recorded import Recorded, Tried, recorded
from scenarios.replay import replay
from scenarios.replayable import NothingToReplay, replayable
from scenarios.schema import Scenario, parse
from scenarios.whatif import variants
from tests.demo.commands import ami

START = datetime(2026, 7, 6, 14, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The database that a story of the library leaves."""

    @cache
    def of(name: str) -> Path:
        directory = tmp_path_factory.mktemp("kept")
        run(stories.find(name)[1], keep=directory)
        return directory / "ami.db"

    return of


def read(database: Path) -> Recorded:
    reader = Reader(f"sqlite:///{database}")
    try:
        return reader.read(recorded)
    finally:
        reader.close()


@pytest.mark.parametrize(
    ("story", "inferred"),
    [
        ("the-meter-refuses-the-new-limit", {"meter-refuses"}),
        ("the-concentrators-modem-fails", {"modem"}),
        ("the-router-has-no-power-and-the-concentrator-works-on", {"silence"}),
        ("the-meter-is-silent", {"meter-silent"}),
        ("the-concentrator-does-not-know-the-meter", set()),
        ("an-order-is-cancelled-while-it-waits", {"silence"}),
        ("the-head-end-restarts-mid-order", {"crash-head-end"}),
    ],
)
def test_ends_as_it_did(kept: Callable[[str], Path], story: str, inferred: set[str]) -> None:
    what = replayable(read(kept(story)))
    assert {fault.kind for fault in what.faults} == inferred
    found = replay(what)
    assert found.compared and found.agreeing == len(found.compared), found.sentence
    assert all(each.changed is None for each in found.compared)
    assert parse(what.text) == parse(what.text.partition("\n\n")[2])


def test_fewer_tries_do_not_overcome_the_loss(kept: Callable[[str], Path]) -> None:
    """Half of all frames are lost; who tries once loses orders that five tries bring through."""
    database = kept("retries-overcome-heavy-packet-loss")
    before = hashlib.sha256(database.read_bytes()).hexdigest()
    what = replayable(read(database))
    shares = [fault.share for fault in what.faults if fault.kind == "packet-loss"]
    assert len(shares) == 5 and all(share and 0.3 < share < 0.7 for share in shares)
    (one,) = variants([("retries", [1])])
    found = replay(what, one)
    again, changed = (found.done(lambda c: c.again), found.done(lambda c: c.changed))
    assert changed < again
    assert all(each.changed and each.changed.attempts <= 1 for each in found.compared)
    assert "head_end.orders.tries_max = 1" in found.sentence
    assert hashlib.sha256(database.read_bytes()).hexdigest() == before


def test_the_number_of_tries_shows_in_who_gave_up(kept: Callable[[str], Path]) -> None:
    """The story allows three tries; five outlast the silence."""
    what = replayable(read(kept("the-meter-is-silent")))
    assert what.values["head_end"]["orders"]["tries_max"] == 3
    found = replay(what, variants([("retries", [9]), ("deadline_s", [43200])])[0])
    assert all(c.changed and c.changed.attempts >= c.happened.attempts for c in found.compared)


def test_the_policy_shows_in_orders_or_is_given(kept: Callable[[str], Path]) -> None:
    story = kept("the-meter-refuses-the-new-limit")
    assert "head_end" not in replayable(read(story)).values
    policy = OrderPolicy(backoff_first_s=7, lane_width=2)
    told = replayable(read(story), config=Config(orders=policy)).values["head_end"]
    assert told == {"orders": {"backoff_first_s": 7.0, "lane_width": 2}}


# --- databases of other fields --------------------------------------------------------------------


def order(number: int, meter: str, **changes: object) -> Order:
    since = at(60 * number)
    told: dict[str, object] = {
        "number": number,
        "transaction_id": f"t-{number}",
        "source": "COMERCIAL",
        "meter": meter,
        "kind": Kind.CONNECT,
        "accepted_at": since,
        "ready_at": since,
        "not_before": since,
        "deadline": since + timedelta(seconds=900),
        "state": State.DONE,
        "ended_at": since + timedelta(seconds=3),
    }
    return Order(**{**told, **changes})  # type: ignore[arg-type]


def told_of(*orders: Order, **more: object) -> Recorded:
    links = {"M-1": "north", "M-2": "north", "M-3": "south"}
    values: dict[str, object] = {
        "concentrators": (Concentrator("north"), Concentrator("south")),
        "meters": tuple(
            Meter(name, link, commissioned=True, contracted_w=Decimal(10_000))
            for name, link in links.items()
        ),
        "orders": orders,
        "tries": {each.number: () for each in orders},
        "sessions": {"north": (), "south": ()},
        "logs": {},
    }
    return Recorded(**{**values, **more})  # type: ignore[arg-type]


def test_devices_of_other_names_are_cast() -> None:
    what = told_of(order(1, "M-3"), order(2, "M-9"))
    places = cast(what)
    assert places.concentrators == {"north": "C-001", "south": "C-002"}
    assert places.meters == {"M-1": "90000001", "M-2": "90000002", "M-3": "90000003"}
    assert places.empty == ("90000004",)
    made = replayable(what)
    scenario: Scenario = parse(made.text)
    assert [each.names() for each in scenario.order] == [("90000003",), ("M-9",)]
    assert scenario.order_policy().deadline_s == 900
    assert "M-3" not in made.text and "north" not in made.text
    found = replay(made)
    assert [(c.meter, c.again and c.again.outcome) for c in found.compared] == [
        ("M-3", "done"),
        ("M-9", "unknown-meter"),
    ]


def simulated(count: int, *heads: str) -> tuple[Meter, ...]:
    names = [*heads, *(str(90_000_001 + place) for place in range(count))]
    return tuple(
        Meter(name, "C-001", commissioned=True, contracted_w=Decimal(10_000)) for name in names
    )


@pytest.mark.parametrize(
    ("meters", "grid", "total", "own"),
    [
        (simulated(12, "80000001"), True, 12, True),
        (simulated(12), False, 12, True),
        # Of a transformer that the field would not have: a number like any other.
        (simulated(12, "80000002"), False, 13, False),
        (simulated(0, "80000001"), False, 1, False),
    ],
)
def test_a_field_on_a_grid_keeps_its_names_and_places(
    meters: tuple[Meter, ...], grid: bool, total: int, own: bool
) -> None:
    """A head meter is no customer: with a place of theirs, all would stand one place further on,
    and hear and be heard as their neighbours."""
    what = told_of(
        order(1, meters[-1].name, concentrator="C-001"),
        concentrators=(Concentrator("C-001"),),
        meters=meters,
        sessions={"C-001": ()},
    )
    places = cast(what)
    assert (places.own_names, places.total, places.grid) == (own, total, grid)
    scenario = parse(replayable(what).text)
    assert (scenario.field.grid, scenario.field.meters) == (grid, total)
    if own:
        assert {each.name for each in registry_of(scenario).meters} == set(places.meters)


def test_lines_of_a_log_tell_of_one_absence_only() -> None:
    """A second one soon after the first: its fault does not begin with the first one's lines."""
    line = Evidence(Source.FAULT_LOG, at(40), "sim: 103 illegal MS", ReasonCode.SIM_FAULT)
    moments = ((0, True), (45, False), (50, True), (55, False))
    what = told_of(
        order(1, "M-1"),
        sessions={"north": tuple(SessionChange("north", at(s), on, 1) for s, on in moments)},
        logs={"north": (line,)},
    )
    sim, silence = faults(what)
    assert (sim.kind, sim.at, sim.until) == ("sim", at(39), at(45))
    assert (silence.kind, silence.at, silence.until) == ("silence", at(50), None)


def test_an_absence_is_told_once_and_by_who_knows() -> None:
    """The log knows more than the carrier, the carrier more than the broker: which notices after
    a minute, as the log's first line shows."""
    line = "modem: the modem does not answer AT commands"
    log = Evidence(Source.FAULT_LOG, at(40), line, ReasonCode.MODEM_FAULT)
    barred = Evidence(Source.CARRIER_PORTAL, at(700), "barred", ReasonCode.SIM_FAULT)
    north = [(0, True), (100, False), (110, False), (200, True)]
    south = [(0, True), (650, False), (750, True), (900, False)]

    def changes(name: str, moments: list[tuple[int, bool]]) -> tuple[SessionChange, ...]:
        return tuple(SessionChange(name, at(when), online, 1) for when, online in moments)

    what = told_of(
        order(1, "M-3", concentrator="south", evidence=(barred,)),
        sessions={"north": changes("north", north), "south": changes("south", south)},
        logs={"north": (log,)},
    )
    spans = [
        (f.kind, f.target, (f.at - START).total_seconds(), f.until and (f.until - START).seconds)
        for f in faults(what)
    ]
    assert spans == [
        ("modem", "north", 39.0, 120),
        ("sim", "south", 590.0, 725),
        ("silence", "south", 840.0, None),
    ]


def test_a_live_run_shows_its_patience_its_rests_and_its_broker() -> None:
    """A concentrator that gives up after 2.5 s, a head-end that tries again after 0.7 s, and a
    broker that heard the connection break, 2 s after the SIM was barred."""
    began = at(60)
    silent = Result(
        id="r-1",
        at=began + timedelta(seconds=2.5),
        order="1",
        attempt=1,
        meter="M-1",
        action=Action.CONNECT,
        status=Status.NO_ANSWER,
        acted=False,
        link=LinkReport("M-1", began, True, frames_sent=2, link_acks=2),
        frames=(Frame(began, "down", "plc", 20, "delivered", 11.0),),
    )
    ended = silent.at + timedelta(seconds=0.2)
    tries = tuple(
        Tried(
            Attempt(1, number, began + timedelta(seconds=3.4 * (number - 1)), ended_at=ended),
            silent,
        )
        for number in (1, 2)
    )
    line = Evidence(Source.FAULT_LOG, at(63), "sim: 103 illegal MS (103)", ReasonCode.SIM_FAULT)
    what = told_of(
        order(1, "M-1", concentrator="north", attempts=2, tries=2),
        tries={1: tries},
        sessions={
            "north": (
                SessionChange("north", at(0), True, 1),
                SessionChange("north", at(65), False, 1),
            ),
            "south": (),
        },
        logs={"north": (line,)},
    )
    made = replayable(what)
    assert made.values["field"]["patience"] == "2.5s"
    assert made.values["field"]["noticed_after"] == "2s"
    # The shortest policy that may draw a rest of 0.7 s: nothing comes later than it came.
    assert made.values["head_end"]["orders"]["backoff_first_s"] == 0.467
    (sim,) = [each for each in made.faults if each.kind == "sim"]
    assert sim.at == ended  # it was heard of until then


def test_an_absence_does_not_begin_before_the_last_sign_of_life() -> None:
    """The broker heard the connection break at once, and no log tells of it."""
    result = Result(
        id="r-1",
        at=at(98),
        order="1",
        attempt=1,
        meter="M-1",
        action=Action.CONNECT,
        status=Status.DONE,
        acted=True,
    )
    tried = Tried(Attempt(1, 1, at(95), ended_at=at(98)), result)
    changes = ((90, True), (100, False), (130, True))
    what = told_of(
        order(1, "M-1", concentrator="north", attempts=1),
        tries={1: (tried,)},
        sessions={"north": tuple(SessionChange("north", at(s), on, 1) for s, on in changes)},
    )
    (silence,) = faults(what)
    assert (silence.kind, silence.at, silence.until) == ("silence", at(98), at(129))
    assert replayable(what).values["field"]["noticed_after"] == "2s"


def test_starts_of_the_head_end() -> None:
    """The journals tell of one, from its last word on; of others the broker alone, which speaks of
    several concentrators at once."""
    starts = {"north": (0, 201, 209, 900), "south": (0, 202, 901)}
    made = replayable(
        told_of(
            order(1, "M-1"),
            sessions={
                name: tuple(SessionChange(name, at(s), True, 1) for s in times)
                for name, times in starts.items()
            },
            restarts=(Restart(at(200), (1,), at(90)),),
        )
    )
    (crash,) = [fault for fault in made.faults if fault.kind == "crash-head-end"]
    assert (crash.at, crash.until) == (at(91), at(200))
    assert made.values["event"] == [{"at": "1m31s", "do": "crash-head-end", "down": "1m49s"}]
    assert [re.findall(r"at .* (\S+) UTC", note) for note in made.notes if "start of" in note] == [
        ["14:03:29"],
        ["14:15:00"],
    ]


def test_scheduled_reads_are_played_too() -> None:
    """After what somebody waits for, and until their period ends; a word that no simulated meter
    knows is read by its logical name, where that is a register."""
    energy = WantedObject(3, "1.0.1.8.0.255", 2, "their-word-for-energy")
    profile = WantedObject(7, "1.0.99.1.0.255", 2, "their-profile")
    reads = [
        order(n, "M-1", kind=Kind.READ, priority=SCHEDULED, objects=(each,), correlation_id=f"{n}")
        for n, each in ((1, energy), (2, profile))
    ]
    made = replayable(told_of(*reads))
    assert made.values["read"] == [
        {
            "at": "1m",
            "meter": "90000001",
            "objects": ["1.0.1.8.0.255"],
            "scheduled": True,
            "deadline": "15m",
        }
    ]
    assert any("left out: 1 reads of objects that no word" in note for note in made.notes)
    found = replay(made)
    assert [(c.number, c.again and c.again.outcome) for c in found.compared] == [(1, "done")]


@pytest.mark.prove
@pytest.mark.live
def test_the_database_of_a_live_demo_is_played_again(tmp_path: Path) -> None:
    """Real sockets, a real broker, the machine's clock; then the same orders on the simulated one,
    and with another policy."""
    kept = tmp_path / "kept"
    assert ami("demo", "--keep", str(kept)).returncode == 0
    report = tmp_path / "replay.html"
    ran = ami(
        "sim", "replay", str(kept / "ami.db"), "--set", "retries=1", "--json",
        "--report", str(report),
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert (told["agreeing"], len(told["orders"])) == (4, 4), told["sentence"]
    assert all(each["changed"]["attempts"] <= 1 for each in told["orders"])
    assert report.read_text("utf-8").startswith("<!doctype html>")


def test_without_orders_there_is_nothing_to_replay() -> None:
    with pytest.raises(NothingToReplay):
        replayable(told_of())
