"""What `ami field` needs of the machine: a folder that remembers its meters, and enough sockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from devices.gateway.field_memory import FieldMemory
from devices.gateway.meter_memory import Unusable
from devices.gateway.sockets import TooFewSockets
from tools.terminal import failed

ADVICE = "Name another --state, or start the field with the options that the folder was made with"


@contextmanager
def remembered(folder: Path | None) -> Iterator[FieldMemory | None]:
    """The folder's memory; nothing where there is none.

    Ends the command where it cannot be used, or can no longer be written.
    """
    if folder is None:
        yield None
        return
    try:
        with FieldMemory(folder) as memory:
            yield memory
    except Unusable as error:
        failed(f"--state {folder}: {error}", ADVICE)
    except OSError as error:
        if not _within(error, folder):
            raise
        failed(f"--state {folder}: {error.strerror}", "The field has stopped: it would forget")


def _within(error: OSError, folder: Path) -> bool:
    """Whether it is about the memory's files."""
    named = error.filename
    return isinstance(named, str | Path) and Path(named).is_relative_to(folder)


def too_few_sockets(error: TooFewSockets) -> NoReturn:
    """End the command."""
    failed(
        str(error), "Raise it, with ulimit -n or in the service's unit, or ask for fewer devices"
    )
