"""`ami field --concentrator-port`: where it listens, and what it says when it cannot."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.demo.commands import running
from tests.local_port.street import NAME
from tests.probe.bench import Probe
from tools.cli import app

LOCAL = "127.0.0.1"
STORY = "a-limit-is-set-and-read-back"
CLOSE_S = 60.0  # of two clocks that are one, read while the machine is busy


@pytest.mark.requires("mosquitto")
def test_a_probe_reaches_a_concentrator_that_has_its_head_end_too(
    probe: Probe, tmp_path: Path
) -> None:
    database = f"--database={tmp_path / 'ami.db'}"
    with running(tmp_path, "serve", "--port=0", database, f"--registry={STORY}") as serve:
        broker = f"--mqtt={serve.first_word()['mqtt']}"
        with running(tmp_path, "field", STORY, broker, f"--concentrator-port={NAME}=0") as field:
            (told,) = field.first_word()["concentrator_ports"]
            assert told["concentrator"] == NAME and told["test_keys"]
            way = ("--port", f"tcp://{told['host']}:{told['port']}", "--model", told["model"])
            keys = {
                "AMI_PROBE_KEY": told["encryption_key"],
                "AMI_PROBE_AUTH_KEY": told["authentication_key"],
            }
            assert probe.json("identify", *way)["serial_number"] == NAME
            assert abs(probe.json("clock", *way, env=keys)["drift_s"]) < CLOSE_S
            assert field.terminate() == 0
        assert serve.terminate() == 0


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logging stays as it is in this process."""
    monkeypatch.setattr("tools.field.command.log_to_stderr", lambda **_: None)


@pytest.mark.usefixtures("quiet")
def test_a_concentrator_that_there_is_not() -> None:
    ran = CliRunner().invoke(app, ["field", STORY, "--concentrator-port=C-009=0"])
    assert ran.exit_code == 2 and "C-009" in ran.output


@pytest.mark.usefixtures("quiet")
def test_a_port_that_is_taken() -> None:
    with socket.create_server((LOCAL, 0)) as taken:
        port = taken.getsockname()[1]
        ran = CliRunner().invoke(app, ["field", STORY, f"--concentrator-port={NAME}={port}"])
    assert ran.exit_code == 1 and "cannot listen" in ran.output


@pytest.mark.usefixtures("quiet")
def test_ports_of_concentrators_are_not_for_meters_alone() -> None:
    ran = CliRunner().invoke(app, ["field", "--tcp=20000", "--concentrator-port=0"])
    assert ran.exit_code == 2 and "--tcp" in ran.output
