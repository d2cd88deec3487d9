"""`ami probe disconnect` and `reconnect`: they ask first, and read back what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from rich.text import Text

from protocols.concentrator.messages import SupplyRead
from protocols.dlms.procedures import (
    Outcome,
    Procedure,
    connect,
    disconnect,
    read_registers,
    read_supply,
)
from protocols.dlms.procedures.supply import CONNECTED, DISCONNECTED, READY_FOR_RECONNECTION
from tools.probe import shown
from tools.probe.asking import confirmed
from tools.probe.command import verb
from tools.probe.desk import Desk, Purpose
from tools.probe.report import Fact, Report
from tools.probe.talk import Stopped, Talk, failure_of
from tools.terminal import err

STATES = {
    DISCONNECTED: "disconnected",
    CONNECTED: "connected",
    READY_FOR_RECONNECTION: "ready: a hand at the meter connects",
}
MODES = {
    0: "always connected",
    1: "off by hand or remotely, on remotely to ready",
    2: "off by hand or remotely, on remotely",
    3: "off remotely, on remotely to ready",
    4: "off remotely, on remotely",
    5: "off by hand, remotely and locally, on remotely to ready; locally",
    6: "off remotely and locally, on remotely to ready; locally",
}
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask, for scripts.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the bytes; switch nothing.")]


@verb("disconnect")
async def disconnected(desk: Desk, yes: Yes = False, dry_run: DryRun = False) -> Report:
    """Cut the supply.  Asks first, and shows which meter it is and what it carries.

    Example: [bold]ami probe disconnect --dry-run[/]
    """
    what = "cut the supply: whoever lives behind this meter loses power"
    return await _switch(desk, disconnect, what, yes=yes, dry_run=dry_run)


@verb("reconnect")
async def reconnected(desk: Desk, yes: Yes = False, dry_run: DryRun = False) -> Report:
    """Give the supply back, or make it ready for a hand at the meter.  Asks first.

    Example: [bold]ami probe reconnect --port /dev/ttyUSB0[/]
    """
    what = "give the supply back: make sure that nobody works behind this meter"
    return await _switch(desk, connect, what, yes=yes, dry_run=dry_run)


async def _switch(
    desk: Desk, switch: Callable[[], Procedure], what: str, *, yes: bool, dry_run: bool
) -> Report:
    desk.dry_run = dry_run
    async with desk.talk(Purpose.ACT) as talk:
        before = await _supply(talk)
        load = await load_now(talk)
        if not desk.quiet:
            for fact in (Fact("meter", "meter", desk.meter), *_facts(before), *load):
                line = f"{fact.label:16} {shown.cell_text(fact.value)} {fact.unit}"
                err.print(Text(line.rstrip()), soft_wrap=True)
            err.print(Text(f"This will {what}.", style="bold yellow"), soft_wrap=True)
        await confirmed(desk, "Go on?", yes=yes)
        found = await talk.command(switch(), state_before=STATES.get(before.control_state))
    after = found.supply
    assert after is not None
    note = "read back from the meter" if found.acted else "it was so already; nothing was sent"
    state = STATES.get(after.control_state, str(after.control_state))
    return desk.report("", facts=(*_facts(after), *load), notes=(note,), journal={"state": state})


async def _supply(talk: Talk) -> SupplyRead:
    found: Outcome = await talk.outcome(read_supply())
    if found.supply is None:
        raise Stopped(failure_of(found))
    return found.supply


async def load_now(talk: Talk) -> tuple[Fact, ...]:
    """What runs through the meter just now, where its model says how to ask."""
    power = talk.model.objects.get("active-power")
    if power is None:
        return ()
    (register,) = await talk.do(read_registers([(power.class_id, power.logical_name)]))
    if (quantity := register.quantity) is None:
        return ()
    return (Fact("load", "load before", quantity.number, quantity.unit),)


def _facts(supply: SupplyRead) -> tuple[Fact, ...]:
    state = STATES.get(supply.control_state, str(supply.control_state))
    mode = MODES.get(supply.control_mode, str(supply.control_mode))
    return (
        Fact("output_on", "supply is on", supply.output_on),
        Fact("control_state", "state", state),
        Fact("control_mode", "mode", f"{supply.control_mode}: {mode}"),
    )
