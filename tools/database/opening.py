"""A head-end's database for any command that asks it, also while the head-end runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from headend import config as configuration
from headend.app.revisions import stand
from headend.config import BadConfig, Config
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


def database_of(config: Path | None, database: str | None) -> str:
    """The URL of the database that is named, or else configured.  Ends the command where the
    configuration cannot be used."""
    if database is not None:
        return configuration.database_url(database)
    try:
        return (Config() if config is None else configuration.read(config)).database
    except BadConfig as error:
        wrong_usage(str(error))


@contextmanager
def reading(database: str | None, config: Path | None = None) -> Iterator[Reader]:
    """A reader on the database that is named, or else configured; ends the command where there is
    none."""
    url = database_of(config, database)
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
        shown = configuration.without_password(url).removeprefix("sqlite:///")
        _refuse_another_revision(url, shown)
        wrong_usage(f"{shown} is no head-end's database: {error}", ADVICE, code="no-database")


def _refuse_another_revision(url: str, shown: str) -> None:
    """End the command where that is why the tables could not be read."""
    try:
        at = stand(url, legacy=False)
    except (StoreUnavailable, FileNotFoundError):
        return
    if at.revision in at.known[:-1]:
        wrong_usage(
            f"{shown} is at revision {at.revision}, this program's is {at.known[-1]}",
            "Bring it up: ami database upgrade, or start ami serve with it once.",
            code="no-database",
        )
    if at.revision not in (None, at.known[-1]):
        wrong_usage(
            f"{shown} is at revision {at.revision} of a later program",
            "Use that one, which can also take it back: ami database downgrade.",
            code="no-database",
        )
