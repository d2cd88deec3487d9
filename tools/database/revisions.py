"""`ami database version|upgrade|downgrade`: which revision a database stands at, and the way there.

Every head-end brings its database up by itself; back it goes only when somebody says so, for an
older program, and only with a word about what that loses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from headend import config as configuration
from headend.app.revisions import Loss, NoRevision, Served, WouldLose, back, on, stand
from headend.config import BadConfig, Config
from headend.ports import StoreUnavailable
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import failed, out, print_json, wrong_usage

T = TypeVar("T")

Legacy = Annotated[
    bool, typer.Option("--legacy", help="The legacy integration database, not the head-end's.")
]
ADVICE = "Name one: --database FILE (ami serve prints it when it starts)."


def version(
    config: ConfigFile = None,
    database: OtherDatabase = None,
    legacy: Legacy = False,
    json: Json = False,
) -> None:
    """Which revision a database stands at, and which are known here.

    Example: [bold]ami database version --database ami.db[/]
    """
    url = _url(config, database, legacy)
    at = _done(lambda: stand(url, legacy=legacy))
    if json:
        print_json({"revision": at.revision, "newest": at.known[-1], "known": at.known})
        return
    later = "" if at.revision in at.known else ", which is of another program"
    out.print(f"at {at.revision}{later}; newest here {at.known[-1]}, oldest {at.known[0]}")


def upgrade(
    to: Annotated[str | None, typer.Option("--to", help="A revision [the newest].")] = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    legacy: Legacy = False,
    json: Json = False,
) -> None:
    """Bring a database up, as every head-end does with its own when it starts.

    Example: [bold]ami database upgrade --database ami.db[/]
    """
    url = _url(config, database, legacy)
    before = _done(lambda: stand(url, legacy=legacy))
    wanted = to or before.known[-1]
    _done(lambda: on(url, wanted, legacy=legacy))
    _tell(before.revision, wanted, [], json)


def downgrade(
    to: Annotated[str, typer.Option("--to", help="The revision that an older program knows.")],
    discard: Annotated[
        bool, typer.Option("--discard", help="Let go what the older tables have no place for.")
    ] = False,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    legacy: Legacy = False,
    json: Json = False,
) -> None:
    """Take a database back, for an older program; the next start of this one brings it up again.

    No head-end may work on it.  What would be lost is told first, table by table, and nothing is
    touched without --discard.

    Example: [bold]ami database downgrade --to 0027 --database ami.db[/]
    """
    url = _url(config, database, legacy)
    before = _done(lambda: stand(url, legacy=legacy))
    try:
        lost = _done(lambda: back(url, to, legacy=legacy, discard=discard))
    except WouldLose as refused:
        if json:
            print_json(_told(before.revision, before.revision, refused.losses))
        failed(
            f"not taken back to {to}; it would lose {refused}",
            "Make a backup (ami backup create), then say --discard.",
            code="would-lose",
        )
    _tell(before.revision, to, lost, json)


def _url(config: Path | None, database: str | None, legacy: bool) -> str:
    try:
        settings = configuration.read(config) if config is not None else Config()
    except BadConfig as error:
        wrong_usage(str(error))
    url = settings.legacy_database if legacy else settings.database
    if database is not None:
        url = configuration.database_url(database)
    path = url.removeprefix("sqlite:///")
    if path != url and not Path(path).is_file():
        wrong_usage(f"no database at {path}", ADVICE, code="no-database")
    return url


def _done(work: Callable[[], T]) -> T:
    """The work's result; what speaks against it ends the command."""
    try:
        return work()
    except (NoRevision, Served) as error:
        wrong_usage(f"{error}", "See: ami database version", code="not-revised")
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")


def _tell(before: str | None, after: str, lost: list[Loss], json: bool) -> None:
    if json:
        print_json(_told(before, after, lost))
        return
    out.print(f"at {after}, before at {before}")
    for loss in lost:
        out.print(f"discarded {loss}")


def _told(before: str | None, after: str | None, lost: list[Loss]) -> dict[str, object]:
    return {"before": before, "revision": after, "lost": [asdict(loss) for loss in lost]}
