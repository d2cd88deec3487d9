"""Asks a person before something acts, without letting the talk with the meter stand still."""

from __future__ import annotations

import asyncio
import os
import sys

from headend.app.probe import Failure, ReasonCode
from tools.probe.desk import Desk
from tools.probe.talk import Stopped
from tools.terminal import err

YES, NO = ("y", "yes", "s", "sí", "si"), ("n", "no", "")


async def confirmed(desk: Desk, question: str, *, yes: bool) -> None:
    """Return where the answer is yes; raises `Stopped` where it is anything else.

    In a dry run nobody is asked.
    """
    if yes or desk.dry_run:
        return
    while True:
        err.print(f"{question} [y/N]: ", end="", markup=False, soft_wrap=True)
        line = await _line()
        answer = line.strip().lower()
        if answer in YES:
            return
        if answer in NO:
            break
        err.print("y or n?")
    why = "the answer was no; nothing that acts was sent"
    raise Stopped(Failure(ReasonCode.CANCELLED, why, "answer y, or --yes in scripts"))


async def _line() -> str:
    """A line of stdin, empty at its end.

    The loop watches a terminal or pipe, so that the line's deadlines are met meanwhile and Ctrl-C
    ends the wait.  (A thread that reads would hold stdin, and abort the program when it ends.)
    What the loop cannot watch, such as a file, answers at once.
    """
    loop = asyncio.get_running_loop()
    came = bytearray()
    done: asyncio.Future[None] = loop.create_future()

    def readable() -> None:
        octets = os.read(number, 4096)
        came.extend(octets)
        if (not octets or b"\n" in octets) and not done.done():
            done.set_result(None)

    try:
        number = sys.stdin.fileno()
        loop.add_reader(number, readable)
    except (OSError, ValueError, NotImplementedError):
        return sys.stdin.readline()
    try:
        await done
    finally:
        loop.remove_reader(number)
    return came.partition(b"\n")[0].decode(errors="replace")
