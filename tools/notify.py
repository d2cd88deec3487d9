"""`ami notify`: whom the head-end told of events and incidents, and what could not be told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from headend.app.notices import NoSuchNotice, retried, tried
from headend.config import BadConfig, Config
from headend.domain.notice import Notice, NoticeState
from headend.notify import message
from headend.ports import StoreUnavailable
from headend.store import notice_queries as queries
from tools.database.opening import ADVICE, configured, reading
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import clock_text, out, print_json, show, wrong_usage

app = typer.Typer(
    name="notify",
    help="Notices: who was told of events and incidents.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.command("list")
def list_(
    state: Annotated[NoticeState | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Notices, the latest first.

    Example: [bold]ami notify list --state waiting[/]
    """
    _list(config, database, state, limit, json)


@app.command("dead")
def dead(
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Notices that could not be delivered, the latest first.

    Example: [bold]ami notify dead[/]
    """
    _list(config, database, NoticeState.DEAD, limit, json)


@app.command("retry")
def retry(
    number: Annotated[int | None, typer.Argument(min=1, help="Its number.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are dead.")] = False,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Send dead letters once more, under the same id.

    Example: [bold]ami notify retry 7[/]
    """
    if (number is None) != every:
        wrong_usage("name one notice, or --all", "See which there are: ami notify dead")
    settings = _settings(config, database)
    try:
        found = asyncio.run(retried(settings, number))
    except NoSuchNotice as error:
        wrong_usage(str(error), "See which there are: ami notify dead", code="no-such-notice")
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")
    if json:
        print_json([notice_row(each) for each in found])
        return
    out.print(f"{len(found)} of them will be sent once more")


@app.command("test")
def test(
    channel: Annotated[str, typer.Argument(help="A channel of the configuration.")],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    wait: Annotated[float, typer.Option(min=1, max=600, help="Seconds, for the head-end.")] = 30.0,
    json: Json = False,
) -> None:
    """Have the running head-end send a test notice, and tell what became of it.

    Example: [bold]ami notify test guard --config ami.toml[/]
    """
    settings = _settings(config, database)
    names = [each.name for each in settings.channel]
    if channel not in names:
        wrong_usage(
            f"the configuration has no channel {channel}",
            f"It has: {', '.join(names) or 'none'}. A channel stands under [[channel]].",
            code="no-such-channel",
        )
    try:
        notice = asyncio.run(tried(settings, channel, wait_s=wait))
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")
    if json:
        print_json(notice_row(notice))
    elif notice.state is NoticeState.SENT:
        out.print(f"{channel}: sent")
    elif notice.trouble:
        out.print(f"{channel}: {notice.state}: {notice.trouble}", markup=False)
    else:
        out.print(f"{channel}: nobody took it; does ami serve run on this database?")
    if notice.state is not NoticeState.SENT:
        raise typer.Exit(1)


@app.command("schema")
def schema() -> None:
    """The JSON schema of notices on MQTT and by webhook.

    Example: [bold]ami notify schema > notice.schema.json[/]
    """
    print_json(message.schema())


def notice_row(one: Notice) -> dict[str, Any]:
    """A notice for machines."""
    return {
        "number": one.line,
        "id": one.id,
        "rule": one.rule,
        "channel": one.channel,
        "step": one.step,
        "subject": one.subject,
        "subject_number": one.number,
        "severity": one.severity,
        "state": one.state,
        "made_at": one.made_at,
        "due_at": one.due_at,
        "tries": one.tries,
        "trouble": one.trouble,
        "settled_at": one.settled_at,
    }


def _list(
    config: Path | None, database: str | None, state: NoticeState | None, limit: int, json: bool
) -> None:
    with reading(database, config) as reader:
        found = reader.read(lambda connection: queries.notices(connection, state, limit=limit))
    if json:
        print_json([notice_row(each) for each in found])
        return
    table = Table(
        "notice", "made (UTC)", "rule", "channel", "of", "step", "severity", "state", "tries",
        "why", box=None,
    )  # fmt: skip
    for each in found:
        table.add_row(
            str(each.line),
            clock_text(each.made_at),
            each.rule,
            each.channel,
            "" if each.subject is None else f"{each.subject} {each.number}",
            each.step,
            each.severity,
            each.state,
            str(each.tries),
            each.trouble,
        )
    show(table)


def _settings(config: Path | None, database: str | None) -> Config:
    try:
        return configured(config, database)
    except BadConfig as error:
        wrong_usage(str(error))
