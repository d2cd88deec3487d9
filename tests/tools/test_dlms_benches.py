"""The DLMS benchmarks run, and all who are compared agree; how fast they are decides no test."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from tools.bench import app

pytestmark = pytest.mark.xdist_group("peer")  # one installs the peers, once

SMALL = {
    "dlms-session": ("--sessions", "20", "--rounds", "1", "--json"),
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
