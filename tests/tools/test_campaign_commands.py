"""`ami campaign` and `ami order approve`, as people run them beside a head-end that is down."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from headend.access.desk import AccountDesk, By
from headend.access.passwords import Passwords
from headend.chance import SeededChance
from headend.clock import WallClock
from headend.config import Config
from headend.domain.account import Role
from headend.domain.meter import Concentrator, Meter
from headend.domain.place import Installation, Place, PlaceKind
from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction, in_words
from tests import databases
from tests.conftest import SIMULATED_START
from tests.store.making import STORY, order
from tools.campaign.desk import PASSWORD
from tools.cli import app

WORD = "correct horse battery"


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three meters at transformer T-17, two operators, and two orders of which one is held."""
    url = databases.at(tmp_path / "ami.db")
    store = SqlStore(url, live=False)

    def work(tx: SqlTransaction) -> None:
        tx.put_concentrators([Concentrator("C1")])
        tx.put_places([Place("T-17", PlaceKind.TRANSFORMER)])
        for number in range(3):
            tx.put_meters([Meter(f"M{number}", "C1", commissioned=True)])
            tx.put_places([Place(f"S{number}", PlaceKind.SERVICE_POINT, "T-17")])
            tx.add_installation(Installation(f"M{number}", f"S{number}", SIMULATED_START))
        tx.add_order(order(1, source="ana", held_at=SIMULATED_START), STORY)
        tx.add_order(order(2, source="ana"), STORY)

    async def fill() -> None:
        await in_words(store, work)
        chance = SeededChance(1, "accounts")
        desk = AccountDesk(store, WallClock(), chance, Passwords(chance), Config().access)
        for name in ("ana", "eva"):
            await desk.add(name, [Role.OPERATOR], By("root", "test"), password=WORD)
        await store.close()

    asyncio.run(fill())
    monkeypatch.setenv(PASSWORD, WORD)
    return ["--database", url]


def ami(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def answer(*arguments: str, code: int = 0) -> Any:
    ran = ami(*arguments, "--json")
    assert ran.exit_code == code, (ran.output, ran.stderr)
    return json.loads(ran.stdout)


def test_an_emergency_for_a_transformer_is_one_command(where: list[str]) -> None:
    made = answer(
        "campaign", "start", "--emergency", "--kind", "set-limit", "--limit", "2 kW",
        "--place", "transformer:T-17", "--until", "2h", *where,
    )  # fmt: skip
    assert (made["campaign"], made["size"], made["emergency"]) == (1, 3, True)
    assert made["asked_by"].startswith("os:")
    shown = answer("campaign", "show", "1", "--meters", *where)
    assert shown["total"]["waiting"] == 3
    assert [each["meter"] for each in shown["meters"]] == ["M0", "M1", "M2"]
    page = ami("campaign", "show", "1", "--meters", *where).stdout
    assert "EMERGENCY, set-limit for 3 meters (place T-17): running" in page
    (listed,) = answer("campaign", "list", "--state", "running", *where)
    assert listed == made
    assert "place T-17" in ami("campaign", "list", *where).stdout


def test_a_campaign_is_steered_from_a_file(where: list[str], tmp_path: Path) -> None:
    (tmp_path / "meters.txt").write_text("M2\n\n M0\n")
    answer(
        "campaign", "start", "--kind", "remove-limit", "--file", str(tmp_path / "meters.txt"),
        "--wave", "1", "--as", "ana", *where,
    )  # fmt: skip
    paused = answer("campaign", "pause", "1", "--why", "lunch", "--as", "eva", *where)
    assert (paused["state"], paused["why"], paused["asked_by"]) == ("paused", "lunch", "ana")
    watched = answer("campaign", "watch", "1", *where, code=1)
    assert [line["who"] for line in watched["story"]] == ["ana", "eva"]
    assert answer("campaign", "resume", "1", *where)["state"] == "running"
    failed = answer("campaign", "retry", "1", *where, code=2)
    assert failed["error"]["code"] == "nothing-failed"
    assert answer("campaign", "cancel", "1", *where)["state"] == "cancelled"


def test_disconnections_take_two_accounts(where: list[str]) -> None:
    start = ["campaign", "start", "--kind", "disconnect", "--meter", "M0", "--yes", *where]
    assert answer(*start, code=2)["error"]["code"] == "no-account"
    answer(*start, "--as", "ana")
    own = answer("campaign", "approve", "1", "--as", "ana", *where, code=1)
    assert own["error"]["code"] == "not-second-person"
    assert answer("campaign", "approve", "1", "--as", "eva", *where)["approved_by"] == "eva"
    again = answer("campaign", "refuse", "1", "--as", "eva", *where)
    assert (again["state"], again["why"]) == ("cancelled", "refused by eva")


def test_held_orders_are_decided_on(where: list[str]) -> None:
    (held,) = answer("order", "list", "--held", *where)
    assert held["order"] == 1
    own = answer("order", "approve", "1", "--as", "ana", *where, code=1)
    assert own["error"]["code"] == "not-second-person"
    both = answer("order", "approve", "1", "2", "--as", "eva", *where)
    assert both == {"approved": [1], "not_held": [2]}
    none = answer("order", "refuse", "--transaction", "t1", "--as", "eva", *where, code=1)
    assert none == {"refused": [], "not_held": []}


def test_a_wrong_password_opens_nothing(where: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, "wrong")
    told = answer("order", "approve", "1", "--as", "eva", *where, code=1)
    assert told["error"]["code"] == "not-proven"
