"""A table in a file that a command takes: all of it, or each flaw with its line and what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Never, TypeVar

from headend.app.registering import BadFile, Flaw
from tools.terminal import complain, wrong_usage

FLAWS_SHOWN = 20
T = TypeVar("T")


def table_of(
    file: Path,
    read: Callable[[BinaryIO], T],
    flaws: Callable[[T], Sequence[Flaw]],
    *,
    wrong: str,
) -> T:
    """What a reader makes of it.  Ends the command where there are flaws; `wrong` says what comes
    of that."""
    try:
        with file.open("rb") as opened:
            found = read(opened)
    except OSError as error:
        wrong_usage(f"{file}: {error.strerror}", code="no-file")
    except BadFile as error:
        _refuse(file, [error.flaw], wrong)
    if told := flaws(found):
        _refuse(file, told, wrong)
    return found


def _refuse(file: Path, flaws: Sequence[Flaw], wrong: str) -> Never:
    complain_each([to_do(file, flaw) for flaw in flaws])
    wrong_usage(f"{len(flaws)} lines are wrong; {wrong}", code="bad-file")


def to_do(file: Path, flaw: Flaw) -> str:
    return f"{file}, {flaw}. To do: {flaw.next_step}"


def complain_each(texts: Sequence[str]) -> None:
    """The first of them, and how many more there are."""
    for text in texts[:FLAWS_SHOWN]:
        complain(text)
    if len(texts) > FLAWS_SHOWN:
        complain(f"and {len(texts) - FLAWS_SHOWN} more")
