"""`ami legacy`, beside a head-end that may run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headend.integration.legacy.roles import READERS, role_of, statements
from tests.legacy import commerce
from tests.legacy.commerce import DAY, Commerce, collect
from tools.cli import app


@pytest.fixture
def utility(tmp_path: Path) -> Iterator[Commerce]:
    made = Commerce(tmp_path)
    yield made
    made.close()


def said(*words: str, code: int = 0) -> Any:
    ran = CliRunner().invoke(app, ["legacy", *words, "--json"])
    assert ran.exit_code == code, (ran.stdout, ran.stderr)
    return json.loads(ran.stdout)


def test_status_and_again(utility: Commerce) -> None:
    both = ("--database", utility.head_end, "--legacy", utility.url)
    before = said("status", *both)
    assert (before["backlog"]["owing"], before["progress"]) == (False, None)
    utility.fill()
    utility.run(
        lambda tx: collect(tx, "M1", DAY, range(1, 5)),
        lambda tx: tx.add_readings([commerce.reading()]),
    )
    waiting = {"page": 1, "reading": 1, "event": 0, "incident": 0}
    assert said("status", *both)["backlog"] == {"owing": True, "waiting": waiting, "troubles": 0}
    utility.fill()
    done = said("status", *both)
    assert set(done["backlog"]["waiting"].values()) == {0}
    assert done["progress"]["changes"] == 4 + 2 + 1  # energy, voltage, a register
    assert said("again", "--database", utility.head_end) == {"things": 2}
    assert said("status", *both)["backlog"]["waiting"] == waiting
    utility.fill()
    assert said("status", *both)["progress"]["changes"] == 7, "nothing differed"


def test_roles_are_told_as_sql() -> None:
    told = said("roles", "--sql", "--party", "facturacion")["statements"]
    assert told == statements((READERS, role_of("facturacion")))
    ran = CliRunner().invoke(app, ["legacy", "roles", "--sql"])
    assert ran.stdout == "".join(f"{each};\n" for each in statements((READERS,)))
