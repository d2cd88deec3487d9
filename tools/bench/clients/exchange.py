"""What every client of the session benchmark shares: its task, the meter, and the stopwatch.

Run by a client's own interpreter, so it stands on the standard library alone.  The first session is
with the meter, at the other end of stdin and stdout; its answers are kept.  The random numbers of
this process are not random, so each session after it says the very same octets and gets the same
answers, from memory: what the stopwatch shows is the client's own work and nothing else.  Then the
comparison says when the client has its turn, and for how many sessions.  Import this module before
the client's own.
"""

from __future__ import annotations

import json
import os
import random
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

_LENGTH = struct.Struct(">I")
END = 0xFFFFFFFF
"""In place of a length: no APDU follows but what was read, as JSON."""


_ANSWERS: dict[bytes, bytes] = {}


def _not_random(count: int) -> bytes:
    """In place of os.urandom: a challenge that is the same in each session."""
    return (b"not random at all" * (count // 16 + 1))[:count]


os.urandom = random._urandom = _not_random  # type: ignore[attr-defined]


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
    answer = _ANSWERS.get(bytes(apdu))
    if answer is None:
        os.write(1, _LENGTH.pack(len(apdu)) + bytes(apdu))
        answer = _ANSWERS[bytes(apdu)] = _read(_LENGTH.unpack(_read(_LENGTH.size))[0])
    return answer


def measure(session: Callable[[dict[str, Any], int], list[Any]]) -> None:
    """Do the task of the command line, and as many sessions with one invocation counter as asked.

    `session(task, counter)` gives what it read: three registers as integers, the clock as hex.
    """
    task: dict[str, Any] = json.loads(sys.argv[1])
    for name in ("encryption_key", "authentication_key", "system_title", "meter_title"):
        task[name] = bytes.fromhex(task[name])
    counter = task["invocation_counter"]
    random.seed(counter)
    _tell({"read": session(task, counter)})
    asked = len(_ANSWERS)
    while sessions := _LENGTH.unpack(_read(_LENGTH.size))[0]:
        spent = []
        for _ in range(sessions):
            random.seed(counter)
            since = time.thread_time_ns()
            read = session(task, counter)
            spent.append(time.thread_time_ns() - since)
        assert len(_ANSWERS) == asked, "the sessions differ"
        _tell({"read": read, "spent_ns": spent})


def _tell(result: dict[str, Any]) -> None:
    octets = json.dumps(result).encode()
    os.write(1, _LENGTH.pack(END) + _LENGTH.pack(len(octets)) + octets)
