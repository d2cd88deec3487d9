"""The server of a test process that is killed ends with it, and leaves no folder."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests import databases

pytestmark = databases.postgresql_only

PROGRAM = (
    "from tests import databases; print(databases.cluster().url('postgres'), flush=True); input()"
)
GONE_WITHIN_S = 60.0  # it takes some hundredths; this ends a test that would hang


def test_a_killed_process_leaves_no_server_behind() -> None:
    user = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": ".", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    assert user.stdout is not None
    url = user.stdout.readline().strip().replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    folder = Path(row[0]).parent
    user.kill()
    user.communicate()
    until = time.monotonic() + GONE_WITHIN_S
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert not folder.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
