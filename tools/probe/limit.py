"""`ami probe limit`: the limit of the supply, read, written and removed, each proved by reading."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

import typer

from protocols.concentrator.messages import LimitRead
from protocols.dlms.procedures import Outcome, read_limit, remove_limit, set_limit
from protocols.dlms.quantity import ORDER_UNITS
from tools.probe.command import verb
from tools.probe.desk import Desk, Purpose
from tools.probe.report import Fact, Report
from tools.probe.talk import Stopped, failure_of
from tools.terminal import wrong_usage


@verb("limit")
async def limit(
    desk: Desk,
    to: Annotated[str, typer.Option("--set", help="Such as 3300W, 3.3kW, 16A.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take the limit away.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the bytes; write nothing.")
    ] = False,
) -> Report:
    """Read the limit; --set or --remove changes it, and reads it back.

    Example: [bold]ami probe limit --set 3.3kW[/]
    """
    if to and remove:
        wrong_usage("--set and --remove contradict each other")
    amount = _amount(to) if to else None
    desk.dry_run = dry_run
    async with desk.talk(Purpose.ACT if to or remove else Purpose.READ) as talk:
        if amount is not None:
            found = await talk.command(set_limit(*amount), limit=to)
        elif remove:
            found = await talk.command(remove_limit(), limit="removed")
        else:
            found = await talk.outcome(read_limit())
            if found.limit is None:
                raise Stopped(failure_of(found))
    return _report(desk, found)


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
