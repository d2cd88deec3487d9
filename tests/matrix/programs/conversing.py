"""What every client of the matrix shares: tasks come as JSON lines, results go as JSON lines.

Run by a client's own interpreter, so it stands on the standard library alone.  A task names a
meter, a way in, and services to use; a session is an object with a method for each.  A service that
fails may leave its library in any state, so the rest is done in another session: one fault shows in
one cell.  Values are told as integers, truth values, lists, and octets in hex.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

OPEN, CLOSE = "associate", "release"
HANGS_S = 30  # ends a library that waits, or loops, for ever; none that works comes near it


def converse(opened: Callable[[dict[str, Any]], Any]) -> None:
    """Work through the tasks of stdin.  `opened` makes a session with its association open."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    for line in sys.stdin:
        task = json.loads(line)
        print(json.dumps(_done(opened, task)), file=answers, flush=True)


def _done(opened: Callable[[dict[str, Any]], Any], task: dict[str, Any]) -> dict[str, Any]:
    results: dict[str, Any] = {}
    session = None
    for service, asked in task["services"].items():
        if session is None:
            try:
                with _limited():
                    session = opened(task)
            except Exception as error:  # told to the test, which judges it
                results.setdefault(OPEN, _failed(error))
                return results | {service: _failed(error) for service in _left(task, results)}
            results.setdefault(OPEN, {"value": True})
        if service == OPEN:
            continue
        try:
            with _limited():
                results[service] = {"value": plain(getattr(session, service)(**asked))}
            if service == CLOSE:
                break
        except Exception as error:
            results[service] = _failed(error)
            _dropped(session)
            session = None
    if session is not None:
        _dropped(session)
    return results


@contextmanager
def _limited() -> Iterator[None]:
    def give_up(*_: object) -> None:
        raise RuntimeError(f"hangs: given up after {HANGS_S} s")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(HANGS_S)
    try:
        yield
    finally:
        signal.alarm(0)


def _left(task: dict[str, Any], results: dict[str, Any]) -> list[str]:
    return [service for service in task["services"] if service not in results]


def _failed(error: Exception) -> dict[str, str]:
    return {"error": f"{type(error).__name__}: {error}"}


def _dropped(session: Any) -> None:
    """Close the line without a word; the meter is rid of the association with it."""
    try:
        session.drop()
    except Exception as error:
        print(f"while hanging up: {error!r}", file=sys.stderr)


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if value is None or isinstance(value, bool | str):
        return value
    return int(value)  # of any enumeration and integer type


def refused(code: int) -> str:
    """One refusal in a list."""
    return f"refused {int(code)}"
