"""`ami meter install`, `link`, `block`, `remove`, `exchange` and so on: steps of a meter's life."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from headend.app.access import by_command
from headend.app.registering import (
    By,
    Ended,
    Exchanged,
    NotTaken,
    RegistryDesk,
    exchange,
    install,
    known,
    link,
    move,
    registry_desk,
    remove,
)
from headend.config import BadConfig
from headend.domain.life_cycle import Step, stage_of, told
from headend.domain.meter import Meter
from headend.domain.place import RegisterRead
from headend.ports import StoreUnavailable, Transaction
from tools.database.opening import ADVICE, configured
from tools.moments import past
from tools.options import ConfigFile, Json, OtherDatabase
from tools.terminal import failed, out, print_json, wrong_usage

T = TypeVar("T")

Name = Annotated[str, typer.Argument(help="The meter's number.")]
Why = Annotated[str, typer.Option(help="The reason, for the history.")]
At = Annotated[
    str | None, typer.Option(help="When it was done: 2026-11-23T18:00Z.", show_default="now")
]
LastRead = Annotated[
    str | None,
    typer.Option(
        help="What its register showed: 12345.6kWh.", show_default="the newest that was read"
    ),
]
BelowReadings = Annotated[
    bool,
    typer.Option(
        "--below-readings",
        help="--last-read is right, though more was read before; the history says so.",
    ),
]
FirstRead = Annotated[str | None, typer.Option(help="What its register showed: 0kWh.")]


def life_verbs(app: typer.Typer) -> None:
    """The verbs of `ami meter` that take a step."""
    for name, verb in (
        ("install", install_meter),
        ("link", link_meter),
        ("unlink", unlink),
        ("serve", serve),
        ("block", block),
        ("unblock", unblock),
        ("remove", remove_meter),
        ("restock", restock),
        ("exchange", exchange_meters),
    ):
        app.command(name)(verb)


@dataclass(frozen=True, slots=True)
class _Command:
    """What all of these commands are told."""

    config: Path | None
    database: str | None
    why: str = ""
    at: str | None = None

    def run(self, work: Callable[[RegistryDesk, By, Transaction], T]) -> T:
        """Take steps in one transaction; ends the command where they are not taken."""

        async def at_desk() -> T:
            async with registry_desk(configured(self.config, self.database)) as desk:
                by = By(by_command().actor, past("--at", self.at, desk.now), self.why)
                done = await desk.do(lambda tx: work(desk, by, tx))
                if isinstance(done, Ended | Exchanged):
                    desk.settling.announce(done.orders)
                return done

        try:
            return asyncio.run(at_desk())
        except BadConfig as error:
            wrong_usage(str(error))
        except NotTaken as error:
            code = error.code
            say = wrong_usage if code.startswith("no-such-") else failed
            say(str(error), error.next_step, code=code)
        except StoreUnavailable as error:
            wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")
        raise AssertionError("both end the command")


def _moved(command: _Command, name: str, step: Step) -> Meter:
    return command.run(lambda desk, by, tx: move(tx, known(tx, name), step, by))


def install_meter(
    number: Name,
    service_point: Annotated[str, typer.Argument(help="The service point's code.")],
    first_read: FirstRead = None,
    why: Why = "",
    at: At = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Hang a meter up at a service point; or write down where one hangs already.

    Example: [bold]ami meter install 4711 SP-00017 --at 2026-11-23T18:00Z[/]
    """
    first = _register("--first-read", first_read)
    _tell(
        _Command(config, database, why, at).run(
            lambda desk, by, tx: install(tx, number, service_point, by, _read(first, by.at))
        ),
        json,
    )


def link_meter(
    number: Name,
    concentrator: Annotated[str, typer.Argument(help="The concentrator's name.")],
    gateway: Annotated[
        bool, typer.Option("--gateway", help="The head-end speaks through it, end to end.")
    ] = False,
    why: Why = "",
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Tell behind which concentrator a meter is; discovery does the same by itself.

    Example: [bold]ami meter link 4711 C-007[/]
    """
    _tell(
        _Command(config, database, why).run(
            lambda desk, by, tx: link(tx, number, concentrator, by, gateway=gateway)
        ),
        json,
    )


def unlink(
    number: Name,
    why: Why,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Tell that a meter is behind no concentrator any more; it takes no orders until it is linked.

    Example: [bold]ami meter unlink 4711 --why "moved to another transformer"[/]
    """
    _tell(_moved(_Command(config, database, why), number, Step.UNLINK), json)


def serve(
    number: Name,
    why: Why = "",
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Take a meter that is commissioned and linked into service.

    Example: [bold]ami meter serve 4711[/]
    """
    _tell(_moved(_Command(config, database, why), number, Step.SERVE), json)


def block(
    number: Name,
    why: Why,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Let a meter take no orders, wherever it stands; unblocked, it stands there again.

    Example: [bold]ami meter block 4711 --why "tampering is looked into"[/]
    """
    _tell(_moved(_Command(config, database, why), number, Step.BLOCK), json)


def unblock(
    number: Name,
    why: Why,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Let a blocked meter take orders again.

    Example: [bold]ami meter unblock 4711 --why "nothing was found"[/]
    """
    _tell(_moved(_Command(config, database, why), number, Step.UNBLOCK), json)


def restock(
    number: Name,
    why: Why,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Return a removed meter to stock.  Its keys are retired: bring them again by a shipment.

    Example: [bold]ami meter restock 4711 --why repaired[/]
    """
    _tell(_moved(_Command(config, database, why), number, Step.RESTOCK), json)


def remove_meter(
    number: Name,
    why: Why,
    last_read: LastRead = None,
    below_readings: BelowReadings = False,
    at: At = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Take a meter down: its link goes, its keys are retired, its open orders end.

    Example: [bold]ami meter remove 4711 --why "contract ended" --last-read 12345.6kWh[/]
    """
    last = _register("--last-read", last_read)
    done = _Command(config, database, why, at).run(
        lambda desk, by, tx: remove(
            tx,
            number,
            by,
            desk.settling,
            now=desk.now,
            last_read=_read(last, by.at),
            below_readings=below_readings,
        )
    )
    _tell(done.meter, json, ended=[order.number for order in done.orders])


def exchange_meters(
    old: Annotated[str, typer.Argument(help="The meter that hangs there.")],
    new: Annotated[str, typer.Argument(help="The one in its place, from stock.")],
    last_read: LastRead = None,
    first_read: FirstRead = None,
    below_readings: BelowReadings = False,
    why: Why = "",
    at: At = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """Put one meter in the place of another.  The history of both stays, under the service point.

    The old one's open orders end, with the reason meter-removed; its keys are retired.

    Example: [bold]ami meter exchange 4711 4712 --at 2026-11-23T18:00Z --last-read 12345.6kWh[/]
    """
    last = _register("--last-read", last_read)
    first = _register("--first-read", first_read)
    done = _Command(config, database, why, at).run(
        lambda desk, by, tx: exchange(
            tx,
            old,
            new,
            by,
            desk.settling,
            now=desk.now,
            last_read=_read(last, by.at),
            below_readings=below_readings,
            first_read=_read(first, by.at),
        )
    )
    ended = [order.number for order in done.orders]
    if json:
        print_json(
            {
                "old": _row(done.old),
                "new": _row(done.new),
                "service_point": done.hung.service_point,
                "last_read": done.left.last_read,
                "first_read": done.hung.first_read,
                "orders_ended": ended,
            }
        )
        return
    _tell(done.old, json, ended=ended)
    _tell(done.new, json)
    out.print(f"at {done.hung.service_point} since {done.hung.since:%Y-%m-%d %H:%M}Z", markup=False)


_UNITS = ("kWh", "Wh")


def _read(showed_wh: Decimal | None, at: datetime) -> RegisterRead | None:
    return None if showed_wh is None else RegisterRead(showed_wh, "Wh", at, "technician")


def _register(option: str, text: str | None) -> Decimal | None:
    """12345.6kWh, as a technician reads it off a display, in Wh."""
    if text is None:
        return None
    unit = next((unit for unit in _UNITS if text.strip().endswith(unit)), None)
    try:
        value = Decimal((text.strip().removesuffix(unit or "")).strip())
        if unit is None or not value.is_finite() or value < 0:
            raise InvalidOperation
    except InvalidOperation:
        wrong_usage(f"{option} takes what the display shows, like 12345.6kWh, not {text!r}")
    scale = 1000 if unit == "kWh" else 1
    return (value * scale).normalize() + 0


def _row(meter: Meter) -> dict[str, object]:
    return {
        "meter": meter.name,
        "stage": stage_of(meter),
        "commissioned": meter.commissioned,
        "blocked": meter.blocked,
        "reached_by": meter.lane,
    }


def _tell(meter: Meter, json: bool, *, ended: list[int] | None = None) -> None:
    if json:
        print_json(_row(meter) | ({} if ended is None else {"orders_ended": ended}))
        return
    lane = f", reached by {meter.lane}" if meter.lane is not None else ""
    out.print(f"meter {meter.name}: {told(stage_of(meter))}{lane}", markup=False)
    if ended:
        out.print(f"  orders ended: {', '.join(map(str, ended))}", markup=False)
