"""`ami` as another process, the way a person or a script runs it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE_S = 100.0  # ends a test that hangs; no test is meant to come near it
AMI = "from tools.cli import main; main()"
# A machine without Mosquitto: on no search path, and in none of the places looked into besides.
NO_MOSQUITTO = "import headend.field.mosquitto as m; m.PLACES = (); "


def command(*arguments: str, mosquitto: bool = True) -> tuple[list[str], dict[str, str]]:
    """The process and its surroundings."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}
    if not mosquitto:
        environment["PATH"] = os.devnull
    return [sys.executable, "-c", AMI if mosquitto else NO_MOSQUITTO + AMI, *arguments], environment


def ami(*arguments: str, mosquitto: bool = True) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    words, environment = command(*arguments, mosquitto=mosquitto)
    return subprocess.run(
        words, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


class Running:
    """A command that stays up."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self._log = log
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def first_word(self, within_s: float = PATIENCE_S) -> dict[str, Any]:
        """The JSON line that it prints when it is ready."""
        line = self._lines.get(timeout=within_s)
        assert line, f"it ended with {self.process.wait(PATIENCE_S)}: {self._log.read_text()}"
        told: dict[str, Any] = json.loads(line)
        return told

    def wait_for_line(self, words: str) -> None:
        """Return when it prints a line with these words."""
        while words not in (line := self._lines.get(timeout=PATIENCE_S)):
            assert line, f"it ended with {self.process.wait(PATIENCE_S)}: {self._log.read_text()}"

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(timeout=PATIENCE_S)

    def said(self) -> str:
        """What it wrote on stderr so far."""
        return self._log.read_text()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")


@contextmanager
def running(directory: Path, *arguments: str, mosquitto: bool = True) -> Iterator[Running]:
    """A command that stays up until the context ends, or longer than the test lets it."""
    words, environment = command(*arguments, mosquitto=mosquitto)
    log = directory / f"{arguments[0]}.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    with process:
        try:
            yield Running(process, log)
        finally:
            if process.poll() is None:
                process.kill()


def outcomes(orders: Sequence[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(order["outcome"], order["reason"]) for order in orders]
