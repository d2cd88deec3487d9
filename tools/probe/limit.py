"""`ami probe limit`: the limit of the supply, read, written and removed, each proved by reading."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

import typer
from rich.text import Text

from protocols.concentrator.messages import LimitRead
from protocols.dlms.procedures import Outcome, read_limit, remove_limit, set_limit
from protocols.dlms.quantity import ORDER_UNITS
from tools.probe import shown
from tools.probe.asking import confirmed
from tools.probe.command import verb
from tools.probe.desk import Desk, Purpose
from tools.probe.report import Fact, Report
from tools.probe.supply import Yes, load_now
from tools.probe.talk import Stopped, Talk, failure_of
from tools.terminal import err, wrong_usage

WATTS = {"W": 1, "kW": 1000}
_UNKNOWN = Fact("load", "load before", None)


@verb("limit")
async def limit(
    desk: Desk,
    to: Annotated[str, typer.Option("--set", help="Such as 3300W, 3.3kW, 16A.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take the limit away.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the bytes; write nothing.")
    ] = False,
    yes: Yes = False,
) -> Report:
    """Read the limit; --set or --remove changes it, and reads it back.

    Asks first where the meter would cut the supply: where more runs through it than the new limit.

    Example: [bold]ami probe limit --set 3.3kW[/]
    """
    if to and remove:
        wrong_usage("--set and --remove contradict each other")
    amount = _amount(to) if to else None
    desk.dry_run = dry_run
    async with desk.talk(Purpose.ACT if to or remove else Purpose.READ) as talk:
        if amount is not None:
            await _confirmed(desk, talk, amount, to, yes=yes)
            found = await talk.command(set_limit(*amount), limit=to)
        elif remove:
            found = await talk.command(remove_limit(), limit="removed")
        else:
            found = await talk.outcome(read_limit())
            if found.limit is None:
                raise Stopped(failure_of(found))
    return _report(desk, found)


async def _confirmed(
    desk: Desk, talk: Talk, amount: tuple[Decimal, str], to: str, *, yes: bool
) -> None:
    """Asks, unless what runs through the meter is known to lie below the limit.

    A load in W says nothing certain about a limit in VA or A: that is asked about as well.
    """
    load = await load_now(talk)
    number, unit = amount
    if unit in WATTS and all(
        isinstance(each.value, Decimal | int)
        and each.unit in WATTS
        and each.value * WATTS[each.unit] < number * WATTS[unit]
        for each in load or (_UNKNOWN,)
    ):
        return
    if not desk.quiet:
        for fact in (Fact("meter", "meter", desk.meter), *(load or (_UNKNOWN,))):
            line = f"{fact.label:16} {shown.cell_text(fact.value)} {fact.unit}"
            err.print(Text(line.rstrip()), soft_wrap=True)
        warning = (
            f"A limit of {to} may cut the supply: whoever lives behind this meter loses power."
        )
        err.print(Text(warning, style="bold yellow"), soft_wrap=True)
    await confirmed(desk, "Go on?", yes=yes)


def _amount(text: str) -> tuple[Decimal, str]:
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([a-zA-Z]+)", text)
    if not found or found[2] not in ORDER_UNITS:
        units = ", ".join(ORDER_UNITS)
        wrong_usage(f"{text!r} is no limit. Try: 3300W or 3.3kW; units: {units}")
    return Decimal(found[1]), found[2]


def _report(desk: Desk, found: Outcome) -> Report:
    now = found.limit
    assert now is not None
    facts = [
        Fact("limit", "limit", _amount_of(now), _unit_of(now)),
        Fact("active", "in force", None if now.unlimited else now.threshold_active, now.unit),
        Fact("emergency", "emergency profile", now.emergency_active),
    ]
    changed = {}
    if (before := found.before) is not None:
        facts.insert(0, Fact("before", "before", _amount_of(before), _unit_of(before)))
        changed = {"before": _text(before)}
    note = ("read back from the meter",) if found.acted else ()
    return desk.report("", facts=tuple(facts), notes=note, journal=changed | {"limit": _text(now)})


def _amount_of(limit: LimitRead) -> Decimal | None:
    return None if limit.unlimited else Decimal(limit.threshold_normal)


def _unit_of(limit: LimitRead) -> str:
    return "(no limit)" if limit.unlimited else limit.unit


def _text(limit: LimitRead) -> str:
    return "none" if limit.unlimited else f"{limit.threshold_normal} {limit.unit}"
