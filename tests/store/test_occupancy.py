"""Two processes never work on one database under one name; a dead one leaves no lock behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headend.store.occupancy import Occupied, occupied
from tests import databases

HOLD = """
import sys, time
from headend.store.occupancy import occupied
with occupied(sys.argv[1], "worker-1"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_name_one_process(tmp_path: Path) -> None:
    url = databases.at(tmp_path / "ami.db")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Occupied, match="worker-1"), occupied(url, "worker-1"):
            pass
        with occupied(url, "worker-2"):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait(30)
    with occupied(url, "worker-1"):
        pass


def test_a_database_in_memory_is_nobody_elses() -> None:
    with occupied("sqlite://", "worker-1"), occupied("sqlite://", "worker-1"):
        pass
