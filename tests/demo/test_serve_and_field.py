"""`ami serve` and `ami field` as two processes over one broker."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.demo.commands import PATIENCE_S, ami, command, running

FIELD = "a-limit-is-set-and-read-back"


@pytest.mark.requires("mosquitto")
def test_an_order_ends_done(tmp_path: Path) -> None:
    database = str(tmp_path / "ami.db")
    with running(
        tmp_path, "serve", "--port=0", f"--database={database}", f"--registry={FIELD}"
    ) as serve:
        head_end = serve.first_word()
        with running(tmp_path, "field", FIELD, f"--mqtt={head_end['mqtt']}") as field:
            assert field.first_word() == {
                "mqtt": head_end["mqtt"],
                "seed": 1,
                "concentrators": ["C-001"],
                "meters": 60,
                "first_meter": "90000001",
                "last_meter": "90000060",
            }
            sent = ami(
                "order",
                "send",
                "--meter=90000001",
                "--limit=3300W",
                "--any-day",
                "--deadline=30m",
                "--until=2h",
                "--wait",
                f"--url={head_end['soap']}",
            )
            assert sent.stdout.startswith("OK 0.0"), sent.stderr
            shown = ami("order", "show", "1", "--json", f"--database={database}")
            order = json.loads(shown.stdout)
            assert (order["state"], order["value_read"]) == ("done", "3300 W")
            # Counted from when it was typed, a moment before it was accepted.
            deadline, until = (
                datetime.fromisoformat(order[each]) - datetime.fromisoformat(order["accepted_at"])
                for each in ("deadline", "until")
            )
            assert until - deadline == timedelta(minutes=90)
            assert timedelta(minutes=29) < deadline <= timedelta(minutes=30)
            # The one that ends the limit waits for that.
            ending = json.loads(
                ami("order", "show", "2", "--json", f"--database={database}").stdout
            )
            assert (ending["kind"], ending["state"]) == ("remove-limit", "queued")
            assert field.terminate() == 0
        assert serve.terminate() == 0


@pytest.mark.requires("mosquitto")
def test_ctrl_c_ends_it_in_order(tmp_path: Path) -> None:
    """A terminal sends it to the whole group of processes; the broker is not in that group."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words, environment = command(
        "serve", "--port=0", f"--broker-port={port}", f"--database={tmp_path / 'a.db'}"
    )
    with subprocess.Popen(
        words,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as serve:
        try:
            assert serve.stdout is not None and serve.stderr is not None
            assert json.loads(serve.stdout.readline())["mqtt"] == f"127.0.0.1:{port}"
            os.killpg(serve.pid, signal.SIGINT)
            assert serve.wait(PATIENCE_S) == 0
            assert serve.stderr.read() == "stopping\n"
        finally:
            serve.kill()


def test_without_mosquitto_serve_says_so_and_takes_orders(tmp_path: Path) -> None:
    with running(
        tmp_path,
        "serve",
        "--port=0",
        f"--database={tmp_path / 'ami.db'}",
        f"--registry={FIELD}",
        mosquitto=False,
    ) as serve:
        told = serve.first_word()
        assert told["mqtt"] is None
        assert "Mosquitto is not on this machine" in serve.said()
        sent = ami(
            "order",
            "send",
            "--meter=90000001",
            "--limit=3300W",
            "--any-day",
            f"--url={told['soap']}",
        )
        assert sent.stdout.startswith("OK 0.3"), sent.stderr
        assert serve.terminate() == 0
