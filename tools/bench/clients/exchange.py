"""What every client of the session benchmark shares: its task, the meter, and the stopwatch.

Run by a client's own interpreter, so it stands on the standard library alone.  The meter is at the
other end of stdin and stdout; the stopwatch counts this process's CPU time and stands still while
the meter answers, so what it shows is the client's own work.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

_LENGTH = struct.Struct(">I")
END = 0xFFFFFFFF
"""In place of a length: no APDU follows but the result, as JSON."""


class Stopwatch:
    """CPU time of this thread, in nanoseconds, between `start` and `stop`."""

    def __init__(self) -> None:
        self._counted = self._since = 0

    def start(self) -> None:
        self._counted, self._since = 0, time.thread_time_ns()

    def pause(self) -> None:
        self._counted += time.thread_time_ns() - self._since

    def resume(self) -> None:
        self._since = time.thread_time_ns()

    def stop(self) -> int:
        self.pause()
        return self._counted


WATCH = Stopwatch()


def _read(count: int) -> bytes:
    octets = b""
    while len(octets) < count:
        more = os.read(0, count - len(octets))
        if not more:
            raise SystemExit("the meter is gone")
        octets += more
    return octets


def ask(apdu: bytes) -> bytes:
    """The meter's answer to one APDU."""
    WATCH.pause()
    os.write(1, _LENGTH.pack(len(apdu)) + bytes(apdu))
    answer = _read(_LENGTH.unpack(_read(_LENGTH.size))[0])
    WATCH.resume()
    return answer


def measure(session: Callable[[dict[str, Any], int], list[Any]]) -> None:
    """Do the task of the command line: that many sessions, each with its invocation counter.

    `session(task, counter)` gives what it read: three registers as integers, the clock as hex.
    """
    task: dict[str, Any] = json.loads(sys.argv[1])
    for name in ("encryption_key", "authentication_key", "system_title", "meter_title"):
        task[name] = bytes.fromhex(task[name])
    counter = task["invocation_counter"]
    spent, read = [], []
    for _ in range(task["sessions"]):
        WATCH.start()
        read = session(task, counter)
        spent.append(WATCH.stop())
        counter += task["counters_each"]
    result = json.dumps({"spent_ns": spent, "read": read}).encode()
    os.write(1, _LENGTH.pack(END) + _LENGTH.pack(len(result)) + result)
