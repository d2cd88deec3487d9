"""`--capture FILE`: what travels in a run goes to a pcapng file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from protocols.capture.recorder import Recorder
from tools.terminal import wrong_usage

CaptureFile = Annotated[
    Path | None,
    typer.Option(
        "--capture",
        metavar="FILE",
        help="Write what travels to this file as pcapng, for Wireshark and ami capture decode.",
    ),
]


@contextmanager
def recording(path: Path | None, *, about: str) -> Iterator[Recorder | None]:
    """A recorder into this file, or None where there is none.

    Ends the command where the file cannot be made.
    """
    if path is None:
        yield None
        return
    try:
        file = path.open("wb")
    except OSError as error:
        wrong_usage(f"--capture {path}: {error.strerror}")
    with file:
        recorder = Recorder(file.write, about=about)
        try:
            yield recorder
        finally:
            recorder.close()
