"""What happens to customers shows at the transformer; what a grid cannot carry is told, not raised.

The head meter is read through the head-end, twice within one quarter hour: nothing else changes
between the two reads, as loads are of quarter hours.
"""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from devices.grid.errors import NotConverged
from scenarios.engine import run
from scenarios.no_solution import NoSolution
from scenarios.schema import parse
from scenarios.shrink import shrink
from scenarios.sweep import run_seed
from tools.cli import app

HEAD = "80000001"
POWER, L1, L2, L3 = "1.0.1.7.0.255", "1.0.21.7.0.255", "1.0.41.7.0.255", "1.0.61.7.0.255"
STORY = f"""
about = "One customer with a load of its own on a street."
start = 2026-07-06T19:00:00
duration = "14m"

[field]
meters = 12
outages = "none"

[[meter]]
name = "90000001"
load_w = 6000

[[read]]
at = "1m"
meter = "{HEAD}"
objects = ["{POWER}", "{L1}", "{L2}", "{L3}"]

[[read]]
at = "11m"
meter = "{HEAD}"
objects = ["{POWER}", "{L1}", "{L2}", "{L3}"]

[expect]
done = 2
"""
LIMITER = '[[order]]\nat = "3m"\nmeter = "90000001"\nkind = "set-limit"\namount = "3300"\n'
BREAKER = '[[order]]\nat = "3m"\nmeter = "90000001"\nkind = "disconnect"\n'


@pytest.mark.parametrize(
    ("deed", "less_w"),
    # A customer's watts, and what they lost on their way: some percent of them.
    [("", (0, 0)), (LIMITER, (6_000, 6_600)), (BREAKER, (6_000, 6_600))],
    ids=["nothing", "limiter", "breaker"],
)
def test_the_head_meter_shows_who_is_off(deed: str, less_w: tuple[int, int]) -> None:
    """Nothing in the story asks for it but the order itself; one phase falls, and no other does."""
    story = run(parse(STORY + deed))
    assert {str(record.order.state) for record in story.records} == {"done"}
    before, after = (
        [int(each.value or "") for each in record.order.readings]
        for record in story.records
        if record.order.meter == HEAD
    )
    fallen = [was - now for was, now in zip(before, after, strict=True)]
    least, most = less_w
    assert least <= fallen[0] <= most
    place = story.world.spec.transformers[0].meters[0].place
    own = 1 + "ABC".index(place.phase.value)
    assert least <= fallen[own] <= most
    # The others' watts are constant power; what they lose in cable and transformer hardly changes.
    assert all(abs(fallen[phase]) < 100 for phase in {1, 2, 3} - {own})


OVERLOADED = STORY.replace("6000", "900000")
COMPARED = """
about = "Nobody looks at the grid before the end."
start = 2026-07-06T19:00:00
duration = "1m"
[field]
meters = 12
spacing_m = 1000
[[meter]]
name = "90000001"
load_w = 900000
[expect]
energy_closes = 0.001
"""
TOLD = re.compile(
    "the grid of T-001 cannot carry what its customers draw: no power flow for a day's loads,"
    r" worst at \d\d:[0134][05] UTC at meter 90000001 on phase 1"
)


def ami(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture(params=[OVERLOADED, COMPARED], ids=["in the story", "at its end"])
def overloaded(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / "overloaded.toml"
    file.write_text(request.param)
    return file


def test_what_a_grid_cannot_carry_is_explained(overloaded: Path) -> None:
    ran = ami("sim", "run", str(overloaded), "--json")
    assert ran.exit_code == 2
    error = json.loads(ran.stdout)["error"]
    assert error["code"] == "no-solution"
    assert TOLD.search(error["text"]) and "[field] grid = false" in error["next_step"]
    assert "Traceback" not in ran.stdout + ran.stderr
    assert TOLD.search(" ".join(ran.stderr.split()))


def test_a_sweep_says_so_of_each_seed(overloaded: Path) -> None:
    (line,) = (run_seed(overloaded, 3).error or "").splitlines()
    assert TOLD.match(line) and "[field] grid = false" in line


def test_what_breaks_off_so_is_not_shrunk() -> None:
    with pytest.raises(NoSolution):
        shrink(OVERLOADED, seed=1)


def test_without_a_grid_it_is_played() -> None:
    text = OVERLOADED.replace("[field]", "[field]\ngrid = false").replace(HEAD, "90000002")
    assert all(record.order.state == "done" for record in run(parse(text)).records)


def test_the_error_is_made_again_of_what_it_holds() -> None:
    """As SimPy does in an error that a process raised, and as processes do that tell each other."""
    error = NotConverged("90000003.1", 60, 1.25, 3, "T-001")
    for same in (pickle.loads(pickle.dumps(error)), type(error)(*error.args)):
        assert str(same) == str(error) and same.node == "90000003.1"
        assert str(same).startswith("T-001: no solution at step 3: after 60 iterations")
