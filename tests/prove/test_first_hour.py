"""The README's first hours, literally: real processes, a real Mosquitto, real sockets."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headend.domain.meter import Stage
from headend.domain.order import State
from headend.store import queries
from headend.store.store import Reader
from tests.prove.first_hour import COMMANDS, REST, ROOT, first_hour

PATIENCE_S = 3600.0
ENERGY, VOLTAGE = "1.0.1.8.0.255", "1.0.32.7.0.255"


@pytest.mark.live
@pytest.mark.prove
@pytest.mark.requires("mosquitto")
@pytest.mark.parametrize("meters", [4, 100])
@pytest.mark.parametrize(
    ("heading", "limited"),
    [(COMMANDS, {"90000001", "90000002"}), (REST, {"90000001"})],
    ids=["by commands", "by REST"],
)
def test_it_ends_with_every_meter_commissioned_and_read(
    heading: str, limited: set[str], meters: int, tmp_path: Path
) -> None:
    said = _carried_out(first_hour(meters, heading), tmp_path)
    reader = Reader(f"sqlite:///{tmp_path / 'desk' / 'ami.db'}")
    try:
        known = reader.read(lambda connection: list(queries.meters(connection, limit=1000)))
        orders = reader.read(lambda connection: queries.orders(connection, limit=1000))
        values = reader.read(
            lambda connection: connection.exec_driver_sql(
                "SELECT DISTINCT meter, name FROM readings WHERE value IS NOT NULL"
            ).all()
        )
    finally:
        reader.close()
    names = {str(90000000 + number) for number in range(1, meters + 1)}
    assert {meter.name for meter in known if meter.stage is Stage.LINKED} == names, said
    assert {(meter, name) for meter in names for name in (ENERGY, VOLTAGE)} <= {
        (row[0], row[1]) for row in values
    }
    limits = {order.meter for order in orders if order.kind == "set-limit"}
    assert limits == limited
    # A read that was asked for by REST may be under way still when the block ends.
    assert {order.state for order in orders if order.kind == "set-limit"} <= {State.DONE}, said


def _carried_out(block: str, folder: Path) -> str:
    """Run it as a person would who stops at the first mistake; what it wrote."""
    programs = folder / "bin"
    programs.mkdir()
    ami = programs / "ami"
    ami.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "from tools.cli import main; main()" "$@"\n'
    )
    ami.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    log = folder / "said"
    with log.open("w") as opened:
        shell = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=folder,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
            stdout=opened,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = shell.wait(PATIENCE_S)
        finally:
            with contextlib.suppress(ProcessLookupError):  # all of it is gone by itself
                os.killpg(shell.pid, signal.SIGTERM)
    said = log.read_text()
    assert code == 0, said[-4000:]
    return said
