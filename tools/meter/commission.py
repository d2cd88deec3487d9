"""`ami meter commission`: a meter is asked itself before it may take orders."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.table import Table

from headend.app.access import by_command
from headend.config import BadConfig, KeyStorage
from headend.domain.commissioning import Verdict
from headend.domain.life_cycle import stage_of, told
from tools.database.opening import ADVICE, configured
from tools.moments import duration
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import failed, out, print_json, show, wrong_usage

if TYPE_CHECKING:
    from headend.app.commissioning import Commissioned


def commission_verb(app: typer.Typer) -> None:
    """Make `ami meter commission` of it."""
    app.command("commission")(commission)


def commission(
    numbers: Annotated[
        list[str], typer.Argument(metavar="METER...", help="Meters' numbers, one after the other.")
    ],
    line: Annotated[
        str | None,
        typer.Option(help="Another line than its own: /dev/ttyUSB0, tcp://HOST:PORT."),
    ] = None,
    wait: Annotated[
        str, typer.Option(help="For a meter behind a concentrator: wait so long for its answer.")
    ] = "5m",
    why: Annotated[str, typer.Option(help="The reason, for the history.")] = "",
    envelope: Annotated[
        Path | None, typer.Option(help="File of the key that meters' keys are sealed by.")
    ] = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Speak with a meter by its keys, compare it with its record, set its clock, read a register.

    It is commissioned only if all holds; each check is kept either way: ami meter show.  Exit code
    1 where one does not hold.  With --json a line for each meter.

    Example: [bold]ami meter commission 4711 4712 --database ami.db[/]
    """
    # Imported here: the other commands need not wait for it.
    from headend.app.commissioning import (
        BadModel,
        BadRead,
        KeysUnreadable,
        NotTaken,
        Overloaded,
        StoreUnavailable,
    )
    from headend.app.commissioning import commission as commission_it

    try:
        settings = configured(config, database)
        if envelope is not None:
            storage = KeyStorage(envelope_file=envelope)
            settings = msgspec.structs.replace(settings, keys=storage)
        wait_s, who = duration("--wait", wait), by_command().actor
        held = True
        for number in numbers:
            work = commission_it(settings, number, who, why=why, line=line, wait_s=wait_s)
            done = asyncio.run(work)
            _tell(number, done, json)
            held = held and done.held
    except NotTaken as error:
        say = wrong_usage if error.code.startswith("no-such-") else failed
        say(str(error), error.next_step, code=error.code)
    except (BadConfig, BadModel, BadRead, KeysUnreadable) as error:
        wrong_usage(str(error))
    except Overloaded:
        failed("too many orders are waiting", "look at them: ami order list")
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")
    if not held:
        raise typer.Exit(1)


def _tell(number: str, done: Commissioned, json: bool) -> None:
    stage = stage_of(done.meter)
    if json:
        checks = [msgspec.to_builtins(check) for check in done.checks]
        print_json({"meter": number, "stage": stage, "held": done.held, "checks": checks})
    else:
        table = Table("check", "verdict", "expected", "found", "", box=None)
        for check in done.checks:
            colour = {Verdict.FAILED: "bold red", Verdict.CORRECTED: "yellow"}.get(check.verdict)
            cells = (check.what, check.verdict, check.expected or "", check.found or "", check.why)
            table.add_row(*cells, style=colour)
        show(table)
        out.print(f"meter {number}: {told(stage)}", markup=False)
