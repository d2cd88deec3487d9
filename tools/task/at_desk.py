"""Work at a desk of the Associations Manager, from a command."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeVar

from headend.app.tasks import By, TaskRefused, by_command
from headend.config import BadConfig, Config
from headend.ports import StoreUnavailable
from tools.database.opening import ADVICE, configured
from tools.terminal import wrong_usage

Desk = TypeVar("Desk")
T = TypeVar("T")


def at_desk(
    opened: Callable[[Config], AbstractAsyncContextManager[Desk]],
    config: Path | None,
    database: str | None,
    work: Callable[[Desk, By], Awaitable[T]],
) -> T:
    """What comes of the work.  Ends the command where that cannot be."""

    async def done() -> T:
        async with opened(settings) as desk:
            return await work(desk, by_command())

    try:
        settings = configured(config, database)
        return asyncio.run(done())
    except BadConfig as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")
    except TaskRefused as error:
        wrong_usage(str(error), error.next_step, code=error.code)
