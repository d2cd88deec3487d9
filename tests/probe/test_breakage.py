"""What goes wrong on a line: what the technician is told, and what is kept."""

from __future__ import annotations

import os
import pty as ptys
import signal
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devices.gateway.lines import Framing
from devices.gateway.outflow import Pace
from tests.probe.bench import Bench, Probe, acting, bench, between, pty, tcp, values

ROOT = Path(__file__).parents[2]


def test_unplugged_in_the_middle_keeps_what_came(probe: Probe, meter: Bench) -> None:
    with between(meter.port, cut_after=12_000) as port:
        told = probe.json("profile", "--last", "30d", "--port", port, "--framing", "wrapper",
                          env=meter.password(), code=1)  # fmt: skip
    assert not told["done"] and len(told["rows"]) >= 96 and len(told["rows"]) % 96 in (0, 1, 95)
    notes = " ".join(told["notes"])
    assert told["rows"][-1]["time"][:10] in notes and "--from" in notes
    assert probe.journal()[-1]["facts"]["result"] == "broken off"


@pytest.mark.parametrize("octets", [1, 40, 300])
def test_unplugged_before_anything_came(octets: int, probe: Probe, meter: Bench) -> None:
    with between(meter.port, cut_after=octets) as port:
        told = probe.json("read", "--port", port, "--framing", "wrapper", env=meter.password(),
                          code=1)  # fmt: skip
    assert told["reason"] == "line-lost" and told["next_step"]


def test_noise_on_a_line_of_frames_is_got_over(probe: Probe) -> None:
    with bench(tcp(Framing.HDLC)) as shown, between(shown.port, noise=b"\x00\xffxyz~") as port:
        told = probe.json("read", "1.7.0", "--port", port, "--framing", "hdlc",
                          env=shown.password())  # fmt: skip
    assert list(values(told).values()) == [2000]


def test_a_wrong_speed_gets_no_answer(probe: Probe, tmp_path: Path) -> None:
    with bench(pty(tmp_path / "probe", Framing.HDLC, baud=2400)) as shown:
        told = probe.json("identify", "--port", f"serial://{shown.port}?baud=9600",
                          "--framing", "hdlc", "--timeout", "1s", code=1)  # fmt: skip
        assert told["reason"] == "no-answer-cause-unknown" and "framing" in told["next_step"]
        right = probe.json("identify", "--port", f"serial://{shown.port}?baud=2400",
                           "--framing", "hdlc")  # fmt: skip
    assert right["meter"] == shown.number


def test_another_framing_than_the_meters(probe: Probe, meter: Bench) -> None:
    told = probe.json("identify", "--port", meter.port, "--framing", "hdlc", "--timeout", "1s",
                      code=1)  # fmt: skip
    assert told["reason"] in ("no-answer-cause-unknown", "line-lost", "meter-not-understood")
    assert told["next_step"]


@contextmanager
def a_deaf_port(answer: bytes | None = b"") -> Iterator[str]:
    """A serial port behind which nobody speaks DLMS; None gives back what it hears."""
    near, far = ptys.openpty()
    tty.setraw(far)  # a terminal would echo by itself
    stop = threading.Event()

    def babble() -> None:
        while not stop.is_set():
            try:
                octets = os.read(near, 1)
                os.write(near, octets if answer is None else answer)
            except OSError:
                return

    thread = threading.Thread(target=babble, daemon=True)
    thread.start()
    try:
        yield os.ttyname(far)
    finally:
        stop.set()
        os.write(far, b"x")
        thread.join(10)
        os.close(far)
        os.close(near)


@pytest.mark.parametrize("answer", [b"", b"\xff\x00"], ids=["silence", "noise"])
def test_nobody_behind_the_probe(answer: bytes, probe: Probe) -> None:
    with a_deaf_port(answer) as port:
        told = probe.json("identify", "--port", port, "--framing", "hdlc", "--timeout", "0.3s",
                          code=1)  # fmt: skip
    assert told["reason"] in ("no-answer-cause-unknown", "meter-not-understood")
    assert "check that the line leads to this meter" in told["next_step"] or told["next_step"]


def test_two_probes_at_one_port(probe: Probe, tmp_path: Path) -> None:
    import serial

    with bench(pty(tmp_path / "probe")) as shown, serial.Serial(shown.port, exclusive=True):
        told = probe.json("identify", "--port", shown.port, code=1)
    assert "another program uses it" in told["why"] and "close the other" in told["next_step"]


@pytest.mark.requires("socat")
def test_two_ends_of_a_cable(probe: Probe, tmp_path: Path) -> None:
    """The meter at one tty, the probe at the other, and neither knows what lies between."""
    ends = [tmp_path / "meters-end", tmp_path / "probes-end"]
    cable = ["socat", *(f"pty,raw,echo=0,link={end}" for end in ends)]
    with subprocess.Popen(cable) as process:
        try:
            while not all(end.exists() for end in ends):
                assert process.poll() is None
                time.sleep(0.02)
            with bench(pty(ends[0])) as shown:
                told = probe.json("read", "1.7.0", "--port", ends[1], env=shown.password())
        finally:
            process.terminate()
    assert list(values(told).values()) == [2000]


def test_a_line_that_takes_its_time(probe: Probe, tmp_path: Path) -> None:
    """Octets at the pace of 9600 Bd, and half a second's rest before each answer."""
    slow = Pace(airtime=True, pause_s=0.5)
    with bench(pty(tmp_path / "probe", echo=True, pace=slow)) as shown:
        told = probe.json("identify", "--port", shown.port)
    assert told["meter"] == shown.number


def test_ctrl_c_at_the_question_leaves_the_meter_released(probe: Probe, meter: Bench) -> None:
    environment = {
        **os.environ,
        **meter.secrets(),
        "PYTHONPATH": str(ROOT),
        "AMI_PROBE_HOME": str(probe.home),
    }
    call = "from tools.cli import main; main()"
    command = [sys.executable, "-c", call, "probe", "disconnect", "--port", meter.port]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stderr is not None
        heard = ""
        while "Go on?" not in heard:
            letter = process.stderr.read(1)
            assert letter, heard
            heard += letter
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert meter.meter.output_on and not acting(probe.journal())
