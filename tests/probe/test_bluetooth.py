"""A Bluetooth probe: a serial port that takes no speed and no parity, or only pretends to."""

from __future__ import annotations

import errno
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from serial import serialposix

from devices.gateway.lines import Framing
from tests.probe.bench import Probe, bench, pty, values

Set = Callable[[int, int, list[Any]], None]
SPEEDS = slice(4, 6)


def ignores(real: Set) -> Set:
    """Takes everything, and leaves speed, size and parity as they were."""

    def tcsetattr(descriptor: int, when: int, wanted: list[Any]) -> None:
        now = termios.tcgetattr(descriptor)
        size = termios.CSIZE | termios.PARENB | termios.PARODD
        kept = [*wanted[:2], wanted[2] & ~size | now[2] & size, wanted[3], *now[SPEEDS], wanted[6]]
        real(descriptor, when, kept)

    return tcsetattr


def refuses(real: Set) -> Set:
    """Refuses what would change the speed."""

    def tcsetattr(descriptor: int, when: int, wanted: list[Any]) -> None:
        if wanted[SPEEDS] != termios.tcgetattr(descriptor)[SPEEDS]:
            raise termios.error(errno.EINVAL, "Invalid argument")
        real(descriptor, when, wanted)

    return tcsetattr


@pytest.mark.parametrize("driver", [ignores, refuses])
@pytest.mark.parametrize("framing", [Framing.HDLC, Framing.MODE_E])
def test_a_port_without_a_speed_of_its_own(
    driver: Callable[[Set], Set],
    framing: Framing,
    probe: Probe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = tmp_path / "rfcomm0"
    with bench(pty(port, framing)) as meter:
        monkeypatch.setattr(serialposix.termios, "tcsetattr", driver(termios.tcsetattr))
        told = probe.json(
            "read", "1.7.0", "--framing", framing.value, "--port", port, env=meter.password()
        )
        assert list(values(told).values()) == [2000]


def test_what_is_no_matter_of_speed_is_still_told(
    probe: Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise termios.error(errno.EIO, "Input/output error")

    with bench(pty(tmp_path / "p")) as meter:
        monkeypatch.setattr(serialposix.termios, "tcsetattr", broken)
        told = probe.json("identify", "--port", meter.port, code=1)
        assert told["reason"] == "line-unavailable"
