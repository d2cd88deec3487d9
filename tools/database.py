"""A head-end's database for a command, also while the head-end runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from headend import config as configuration
from headend.config import Config
from headend.ports import StoreUnavailable
from headend.store.store import Reader
from tools.terminal import wrong_usage

ADVICE = "Name the head-end's own: --database FILE (ami serve prints it when it starts)."


def configured(config: Path | None, database: str | None) -> Config:
    """A head-end's configuration, with another database where one is named.

    Ends the command where there is none.  Raises BadConfig.
    """
    settings = configuration.read(config) if config is not None else Config()
    if database is not None:
        url = configuration.database_url(database)
        settings = msgspec.structs.replace(settings, database=url)
    path = settings.database.removeprefix("sqlite:///")
    if path != settings.database and not Path(path).is_file():
        wrong_usage(f"no database at {path}", ADVICE, code="no-database")
    return settings


@contextmanager
def reading(database: str) -> Iterator[Reader]:
    """A reader on a head-end's database; ends the command where there is none."""
    url = configuration.database_url(database)
    path = url.removeprefix("sqlite:///")
    if path != url and not Path(path).is_file():
        wrong_usage(f"no database at {path}", ADVICE, code="no-database")
    try:
        reader = Reader(url)
        try:
            yield reader
        finally:
            reader.close()
    except StoreUnavailable as error:
        if "no such column" in str(error):
            wrong_usage(
                f"{database} is of another version of the head-end: {error}",
                "Start ami serve with it once, which brings it up to date.",
                code="no-database",
            )
        wrong_usage(f"{database} is no head-end's database: {error}", ADVICE, code="no-database")
