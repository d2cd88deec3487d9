"""What a head-end's database tells, played again: the same ends; with another policy, others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from headend.config import Config, OrderPolicy
from headend.domain.evidence import Evidence, Source
from headend.domain.meter import Concentrator, Meter
from headend.domain.order import Kind, Order, State
from headend.domain.reason import ReasonCode
from headend.domain.upkeep import SessionChange
from headend.store.store import Reader
from scenarios import stories
from scenarios.engine import run
from scenarios.inferred import faults
from scenarios.recast import cast
from scenarios.recorded import Recorded, recorded
from scenarios.replay import replay
from scenarios.replayable import NothingToReplay, replayable
from scenarios.schema import Scenario, parse
from scenarios.whatif import variants

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
        ("the-meter-is-silent", {"meter-silent"}),
        ("the-concentrator-does-not-know-the-meter", set()),
        ("an-order-is-cancelled-while-it-waits", {"silence"}),
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


def test_an_absence_is_told_once_and_by_who_knows() -> None:
    """The log knows more than the carrier, the carrier more than the broker."""
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
        ("sim", "south", 560.0, 725),
        ("silence", "south", 810.0, None),
    ]


def test_without_orders_there_is_nothing_to_replay() -> None:
    with pytest.raises(NothingToReplay):
        replayable(told_of())
