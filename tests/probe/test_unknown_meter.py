"""A meter that nobody here wrote: a third party's simulator, as a process of its own."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dlms_engines.test_peer import peer  # noqa: F401  a fixture
from tests.probe.bench import LOCAL, Probe

pytestmark = pytest.mark.xdist_group("peer")
STARTED_WITHIN_S = 30.0


@pytest.fixture(params=["wrapper", "hdlc"])
def stranger(peer: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:  # noqa: F811
    """Its port and framing."""
    with socket.create_server((LOCAL, 0)) as free:
        port = free.getsockname()[1]
    command = [str(peer / "pydlms"), "simulate", "--port", str(port), "--client", "16:0",
               "--client", "17:1:SECRET"]  # fmt: skip
    if request.param == "hdlc":
        command.append("--hdlc")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            yield f"tcp://{LOCAL}:{port}", request.param
        finally:
            process.terminate()
            process.wait(STARTED_WITHIN_S)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTED_WITHIN_S
    while True:
        assert process.poll() is None, "the simulator ended"
        try:
            socket.create_connection((LOCAL, port), 1).close()
            return
        except OSError:
            assert time.monotonic() < until, "the simulator does not listen"
            time.sleep(0.05)


def test_a_strangers_meter_is_read_by_its_own_object_list(
    probe: Probe, stranger: tuple[str, str]
) -> None:
    port, framing = stranger
    way = ("--port", port, "--framing", framing)
    told = probe.json("identify", *way)
    assert told["client"] == 16 and told["framing"] == framing
    objects = probe.json("objects", *way)["objects"]
    listed = {row["obis"] for row in objects}
    assert len(listed) > 3
    read = probe.json("read", *way)
    rows = read["readings"]
    assert rows and {row["obis"] for row in rows} <= listed
    assert any(row["unit"] for row in rows), "registers with their units"
    told = probe.json("doctor", *way, code=1)  # its clock stands years back
    found = {row["code"] for row in told["findings"]}
    assert {"framing", "public", "meter", "clock-drift"} <= found


def test_its_password(probe: Probe, stranger: tuple[str, str]) -> None:
    port, framing = stranger
    way = ("--port", port, "--framing", framing, "--client", "17", "--auth", "low")
    right = probe.json("read", *way, "--role", "reader", env={"AMI_PROBE_PASSWORD": "SECRET"})
    assert right["readings"]
    wrong = probe.json("read", *way, "--role", "reader", env={"AMI_PROBE_PASSWORD": "secret"},
                       code=1)  # fmt: skip
    assert wrong["reason"] in ("wrong-key-or-counter", "refused-association")
