"""Asks a person before something acts, without letting the talk with the meter stand still."""

from __future__ import annotations

import asyncio
import threading

import typer

from headend.probe_app import Failure, ReasonCode
from tools.probe.desk import Desk
from tools.probe.talk import Stopped


async def confirmed(desk: Desk, question: str, *, yes: bool) -> None:
    """Return where the answer is yes; raises `Stopped` where it is anything else.

    In a dry run nobody is asked.  The question waits in a thread of its own, so that the line's
    deadlines are met meanwhile and Ctrl-C ends the wait.
    """
    if yes or desk.dry_run:
        return
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bool] = loop.create_future()

    def tell(said: bool) -> None:
        if not answer.done():
            answer.set_result(said)

    def ask() -> None:
        try:
            said = typer.confirm(question, default=False, err=True)
        except (typer.Abort, OSError, ValueError):  # nobody there to answer
            said = False
        try:
            loop.call_soon_threadsafe(tell, said)
        except RuntimeError:
            pass  # the command has ended meanwhile

    threading.Thread(target=ask, name="asks", daemon=True).start()
    if not await answer:
        why = "the answer was no; nothing that acts was sent"
        raise Stopped(Failure(ReasonCode.CANCELLED, why, "answer y, or --yes in scripts"))
