"""What a simulated meter costs in memory, by the benchmark's own command."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from devices.meter.models import names
from tools.bench import app


@pytest.mark.parametrize("name", names())
def test_every_model_stays_within_the_aims(name: str):
    few = ("--meters", "400", "--conversations", "20", "--model", name)
    done = CliRunner().invoke(app, ["meter-memory", *few, "--json"])
    assert done.exit_code == 0, done.output
    run = json.loads(done.stdout)
    assert run["bench"] == "meter-memory" and run["model"] == name
    assert 100 < run["untouched_bytes"] < run["untouched_aim_bytes"]
    assert run["untouched_bytes"] < run["open_association_bytes"]
    assert run["open_association_bytes"] < run["open_association_aim_bytes"]


def test_an_unknown_model_is_refused_with_the_known_ones():
    done = CliRunner().invoke(app, ["meter-memory", "--model", "toaster"])
    assert done.exit_code == 2
    assert "industrial" in done.output
