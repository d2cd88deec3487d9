"""What every decoder of the profile benchmark shares: its task, and the stopwatch.

Run by a decoder's own interpreter, so it stands on the standard library alone.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

Decode = Callable[[bytes, list[int]], tuple[list[list[float]], list[float]]]
"""Octets of the buffer and the scalers of its columns after the clock's, to the columns in
engineering units, and the times as POSIX seconds."""


def measure(decode: Decode, listed: Callable[[Any], list[float]] = list) -> None:
    """Decode as often as the command line says, and print the CPU time of each turn and sums.

    `listed` makes a list of a column where a decoder has something better; it is not timed.
    """
    task: dict[str, Any] = json.loads(sys.argv[1])
    octets, scalers = bytes.fromhex(task["octets"]), task["scalers"]
    spent = []
    for _ in range(task["turns"]):
        since = time.thread_time_ns()
        columns, times = decode(octets, scalers)
        spent.append(time.thread_time_ns() - since)
    sums = [round(sum(listed(column)), 3) for column in (*columns, times)]
    json.dump({"spent_ns": spent, "sums": sums, "rows": len(times)}, sys.stdout)
