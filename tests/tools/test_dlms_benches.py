"""The DLMS benchmarks run, and all who are compared agree; how fast they are decides no test."""

from __future__ import annotations

import importlib
import json

import pytest
from typer.testing import CliRunner

from tools.bench import app

pytestmark = pytest.mark.xdist_group("peer")  # one installs the peers, once

SMALL = {
    "dlms-session": ("--sessions", "5", "--rounds", "2", "--json"),
    "profile-decode": ("--turns", "20", "--rounds", "1", "--json"),
}


@pytest.mark.parametrize("name", SMALL)
def test_all_who_are_compared_agree(name, monkeypatch, request):
    # Peers' environments are made once and kept with pytest's cache.
    monkeypatch.setenv("XDG_CACHE_HOME", str(request.config.cache.mkdir("peers")))
    done = CliRunner().invoke(app, [name, *SMALL[name]])
    assert done.exit_code == 0, done.output
    run = json.loads(done.stdout)
    medians = run.get("client_cpu_ms") or run["cpu_ms"]
    assert run["bench"] == name and medians["ours"] > 0
    ours_alone = [peer for peer, ms in medians.items() if ms is None and "gurux" in peer]
    assert ours_alone == []  # gurux-dlms needs nothing installed


def test_a_busy_machine_moves_no_ratio():
    """Turns in which everything took thrice as long count like the others."""
    module = importlib.import_module("tools.bench.dlms_session")
    ours, stock = module.OURS.name, module.STOCK.name
    busy = [1.0, 3.0, 3.0, 1.0, 1.0]
    turns = {rival.name: [] for rival in module.PEERS}  # could not run
    turns |= {ours: [0.2 * each for each in busy], stock: [4.0 * each for each in busy]}
    run = module.Comparison(20, turns, {})
    assert run.fastest_peer == stock
    assert run.ratio(stock) == pytest.approx(20.0)
    assert run.spread(stock) == pytest.approx([20.0, 20.0])
    told = run.as_dict()
    assert (told["sessions"], told["turns"]) == (100, 5)
    turns[stock][0] = 5.0  # one turn alone
    assert run.ratio(stock) == pytest.approx(20.0)
    assert run.ratio(module.PEERS[0].name) is None
