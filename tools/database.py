"""Reading a head-end's database from a command, also while the head-end runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from headend.store.store import Reader
from tools.terminal import failed

Database = Annotated[str, typer.Option(help="Database URL, or a file's path.")]


@contextmanager
def reading(database: str) -> Iterator[Reader]:
    """A reader on an existing database; ends the command where there is none."""
    url = database if "://" in database else f"sqlite:///{database}"
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file():
        failed(
            f"no database at {url.removeprefix('sqlite:///')}",
            "Name the head-end's own: --database FILE (ami serve prints it when it starts).",
        )
    reader = Reader(url)
    try:
        yield reader
    finally:
        reader.close()
