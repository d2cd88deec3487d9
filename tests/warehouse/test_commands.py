"""`ami warehouse`, as people run it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from headend.clock import WallClock
from tests import databases
from tests.warehouse.utility import FIRST, Utility
from tools.cli import app

pytestmark = databases.on_one


@pytest.fixture
def ami(utility: Utility) -> Any:
    """Runs a command on the utility's database and place."""

    def run(verb: str, *arguments: str) -> Result:
        named = ["--place", str(utility.folder)]
        if verb == "load":
            named += ["--database", utility.url]
        return CliRunner().invoke(app, ["warehouse", verb, *arguments, *named])

    return run


def told(ran: Result, exit_code: int = 0) -> Any:
    assert ran.exit_code == exit_code, (ran.output, ran.stderr)
    return json.loads(ran.stdout)


def test_load_status_verify_and_quality(ami: Any, utility: Utility, tmp_path: Path) -> None:
    loaded = told(ami("load", "--json"))
    assert loaded["refused"] == 0 and loaded["reconciled"] and loaded["written"] > 0
    assert told(ami("load", "--json"))["written"] == 0
    tables = {each["table"]: each for each in told(ami("status", "--json"))["tables"]}
    assert tables["orders"]["rows"] == 5 and tables["readings"]["files"] == 4
    assert told(ami("verify", "--json"))["wrong"] == []
    page = tmp_path / "q.html"
    found = told(ami("quality", FIRST.isoformat(), "--html", str(page), "--json"))
    assert found["findings"] == {"spike": 1} and found["values"] == {"linear": 1, "measured": 216}
    here = {each["zone"]: (each["due"], each["received"]) for each in found["completeness"]}
    assert here == {"Z1": (192, 144), "Z 2": (96, 96), None: (96, 0)}
    assert "Every row of the source is accounted for" in page.read_text(encoding="utf-8")
    kept = utility.place.read(f"quality/{FIRST}.json")
    assert kept is not None and json.loads(kept)["findings"] == {"spike": 1}
    assert told(ami("sweep", "--json")) == {"gone": 0}


def test_people_are_told_in_words(ami: Any) -> None:
    for verb in ("load", "status", "verify", "quality", "sweep"):
        ran = ami(verb, *([FIRST.isoformat()] if verb == "quality" else []))
        assert ran.exit_code == 0 and ran.stdout.strip()


def test_a_file_that_is_gone_ends_badly(ami: Any, utility: Utility) -> None:
    ami("load")
    Path(utility.place.path(utility.manifest.parts[0].path)).unlink()
    (wrong,) = told(ami("verify", "--json"), 1)["wrong"]
    assert wrong.endswith("is missing")


def test_a_day_that_is_named_is_loaded_again(ami: Any) -> None:
    ami("load")
    tomorrow: date = WallClock().now().date() + timedelta(days=1)
    again = told(ami("load", "--since", tomorrow.isoformat(), "--json"))
    assert {each["table"] for each in again["loads"]} <= {
        "meters", "completeness", "events", "incidents", "sessions",
    }  # fmt: skip
