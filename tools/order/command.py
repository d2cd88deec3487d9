"""`ami order`: look at orders, send one, cancel one."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from headend import certificates
from headend.clock import WallClock
from headend.config import BadConfig
from headend.domain.order import Order, State
from headend.domain.reading import Reading
from headend.domain.reason import REASONS, ReasonCode
from headend.soap.outbound import posting
from headend.soap.outbound.posting import is_address
from headend.store.damaged_queries import DamagedOrder, order, orders
from headend.store.queries import OrderFilter, journal
from headend.store.queries import order as order_of
from protocols.cim.control_types import BOUNDED, ControlKind
from protocols.cim.errors import NotAMessage, RequestRefused
from scenarios.stand_ins.commercial import Answered, CommercialSystem, Wanted
from tools.database.opening import database_of, reading
from tools.moments import moment
from tools.options import ConfigFile, Json, OtherDatabase
from tools.order.deciding import approve, refuse
from tools.terminal import clock_text, complain, failed, out, print_json, styled, wrong_usage
from tools.terminal import show as show_

NUMBER_MAX = 10**12

app = typer.Typer(help="Orders: list, show, send, cancel, approve, refuse.", no_args_is_help=True)
app.command()(approve)
app.command()(refuse)

Url = Annotated[str, typer.Option(help="The head-end's SOAP address.")]
Tls = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Show a certificate: authority.pem, AMI-CLI.pem and AMI-CLI.key of this folder.",
    ),
]
URL = "http://127.0.0.1:8080/soap"
NAME = "AMI-CLI"


@app.command("list")
def list_(
    config: ConfigFile = None,
    database: OtherDatabase = None,
    state: Annotated[State | None, typer.Option(help="Only orders in this state.")] = None,
    meter: Annotated[str | None, typer.Option(help="Only orders for this meter.")] = None,
    held: Annotated[
        bool, typer.Option("--held", help="Only those that wait for a second person.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many at most.")] = 50,
    json: Json = False,
) -> None:
    """The latest orders, newest first.

    Example: [bold]ami order list --state failed --limit 20[/]
    """
    which = OrderFilter(states=(state,) if state else (), meter=meter, held=held or None)
    with reading(database, config) as reader:
        found = reader.read(lambda connection: orders(connection, which, limit=limit))
    damaged = [item for item in found if isinstance(item, DamagedOrder)]
    if json:
        print_json([_row(item) for item in found])
        return
    table = Table("order", "accepted (UTC)", "meter", "what", "state", "reason", box=None)
    for item in found:
        if isinstance(item, DamagedOrder):
            table.add_row(str(item.number), "", item.meter, "", item.state, "damaged")
            continue
        table.add_row(
            str(item.number),
            clock_text(item.accepted_at),
            item.meter,
            _wish(item),
            styled(item.state),
            item.reason or "",
        )
    show_(table)
    for item in damaged:
        complain(f"order {item.number} is damaged: {item.why}")


@app.command()
def show(
    number: Annotated[int, typer.Argument(min=1, max=NUMBER_MAX, help="The order's number.")],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    json: Json = False,
) -> None:
    """One order and its journal.  `ami explain order` tells more.

    Example: [bold]ami order show 88[/]
    """
    with reading(database, config) as reader:
        found = reader.read(lambda connection: order(connection, number))
        if found is None:
            wrong_usage(
                f"no order {number}", "See the numbers with: ami order list", code="no-such-order"
            )
        if isinstance(found, DamagedOrder):
            failed(f"order {number} is damaged: {found.why}", f"Look at row {number} of orders")
        lines = reader.read(lambda connection: journal(connection, number))
    if json:
        told = [{"at": line.at, "state": line.state, "cause": line.cause} for line in lines]
        print_json({**_row(found), "journal": told})
        return
    out.print(f"order {found.number}: {_wish(found)} at meter {found.meter}: {styled(found.state)}")
    for line in lines:
        out.print(f"  {clock_text(line.at)}  {line.state:<11} {line.cause}", markup=False)


@app.command()
def send(
    meter: Annotated[str, typer.Option(help="The meter's number.")],
    limit: Annotated[str | None, typer.Option(help="New limit, e.g. 3300W or 3.3kW.")] = None,
    kind: Annotated[
        ControlKind, typer.Option(help="What to do, where it is no limit.")
    ] = ControlKind.SET_LIMIT,
    any_day: Annotated[bool, typer.Option(help="Allow a day that is no working day.")] = False,
    deadline: Annotated[
        str | None,
        typer.Option(help="Give up then: after 30m, or at 2026-11-23T18:00Z."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            help="End of a limit, which puts the earlier one back, or of a load's switching:"
            " after 2h, or a date."
        ),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the outcome, up to 30 s.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before supply is cut or a period ended.")
    ] = False,
    url: Url = URL,
    tls: Tls = None,
    json: Json = False,
) -> None:
    """Send an order by SOAP, as the commercial system would.

    Example: [bold]ami order send --meter 90000001 --limit 3300W --until 2h --wait[/]

    Example: [bold]ami order send --meter 90000001 --kind load-off --until 2h[/]
    """
    amount, unit = amount_of(limit) if limit else (None, "W")
    if (amount is not None) != (kind is ControlKind.SET_LIMIT):
        wrong_usage("a limit goes with --kind set-limit, and only with it")
    if until is not None and kind not in BOUNDED:
        known = ", ".join(sorted(BOUNDED))
        wrong_usage(f"--until is the end of a limit or a load's switching: it goes with {known}")
    now = datetime.now(UTC)
    give_up_at = moment("--deadline", deadline, now) if deadline is not None else None
    ends_at = moment("--until", until, now) if until is not None else None
    if kind is ControlKind.DISCONNECT and not yes:
        typer.confirm(f"Cut the supply at meter {meter}?", abort=True, err=True)
    if kind is ControlKind.RESET_DEMAND and not yes:
        question = f"End the billing period of meter {meter}?  Nothing undoes it."
        typer.confirm(question, abort=True, err=True)
    wanted = Wanted(
        kind=kind,
        meters=(meter,),
        amount=amount,
        unit=unit,
        message_id=str(uuid.uuid4()),
        correlation_id=str(uuid.uuid4()),
        any_day=any_day,
        deadline=give_up_at,
        until=ends_at,
        wait=wait,
    )
    answered = _asked(url, tls, lambda commercial: commercial.send(wanted))
    _tell(answered, json, correlation_id=wanted.correlation_id)


@app.command()
def read(
    meter: Annotated[str, typer.Option(help="The meter's number.")],
    objects: Annotated[
        list[str], typer.Argument(help="Words of the meter's model, or logical names.")
    ],
    config: ConfigFile = None,
    database: OtherDatabase = None,
    models: Annotated[
        Path | None, typer.Option(help="A folder of meter models of your own.")
    ] = None,
    wait: Annotated[int, typer.Option(min=0, help="Wait so many seconds for the values.")] = 60,
    json: Json = False,
) -> None:
    """Read a meter, by an order that the running head-end carries out.

    Example: [bold]ami order read --meter 90000001 active-energy-import voltage-l1[/]
    """
    # Imported here: the other commands need not wait for the whole head-end.
    from headend.app.entering import BadRead, place_read

    url = database_of(config, database)
    with reading(database, config) as reader:  # it has to be there, and a head-end's
        try:
            placed = asyncio.run(place_read(url, meter, objects, NAME, models=models))
        except BadRead as error:
            wrong_usage(str(error))
        found = placed
        for _ in range(wait * 4):
            if found.final:
                break
            time.sleep(0.25)
            found = reader.read(lambda connection: order_of(connection, placed.number)) or placed
    if json:
        print_json({**_row(found), "readings": [_value(each) for each in found.readings]})
    else:
        out.print(f"order {found.number}: {styled(found.state)}")
        for each in found.readings:
            text = each.error or f"{each.value} {each.unit or ''}".rstrip()
            out.print(f"  {each.word or each.name:<24} {text}", markup=False)
    if found.final and found.state is not State.DONE:
        reason = "" if found.reason is None else REASONS[found.reason].text
        end = wrong_usage if found.reason is ReasonCode.UNKNOWN_METER else failed
        end(f"order {found.number} {found.state}: {reason}", f"ami explain order {found.number}")
    if not found.final:
        failed(
            f"order {found.number} is {found.state}",
            f"Is a head-end running?  Look again with: ami order show {found.number}",
        )


def _value(each: Reading) -> dict[str, object]:
    return {
        "object": each.word or each.name,
        "name": each.name,
        "attribute": each.attribute,
        "value": each.value,
        "unit": each.unit,
        "error": each.error,
        "raw": each.raw.hex(),
        "quality": list(each.quality),
    }


@app.command()
def cancel(
    correlation: Annotated[str, typer.Option(help="The CorrelationID the order was sent with.")],
    url: Url = URL,
    tls: Tls = None,
    json: Json = False,
) -> None:
    """Cancel waiting orders of an earlier message.

    Example: [bold]ami order cancel --correlation 0b7c…[/]
    """
    message_id = str(uuid.uuid4())
    answered = _asked(
        url, tls, lambda each: each.cancel(correlation_id=correlation, message_id=message_id)
    )
    _tell(answered, json, correlation_id=correlation)


def _asked(
    url: str, tls: Path | None, ask: Callable[[CommercialSystem], Awaitable[Answered]]
) -> Answered:
    """The head-end's answer; ends the command where there is none."""
    if not is_address(url):
        wrong_usage(f"--url takes an address like {URL}, not {url!r}")

    post = http_post(url, _context(tls))

    async def exchange() -> Answered:
        commercial = CommercialSystem(NAME, post, lambda: datetime.now(UTC))
        return await ask(commercial)

    try:
        return asyncio.run(exchange())
    except ConnectionError as error:
        failed(
            str(error),
            "Start one with: ami serve --port 8080, or name its address: --url URL."
            "  One at https asks for a certificate: --tls FOLDER",
        )
    except (NotAMessage, RequestRefused):
        failed(f"what answers at {url} is no head-end", "Name its address: --url URL")


def _context(folder: Path | None) -> ssl.SSLContext | None:
    """Our side of mutual TLS, with the certificate in this folder."""
    if folder is None:
        return None
    files = certificates.in_folder(folder, NAME)
    try:
        certificates.check(files, "--tls", WallClock().now())
    except BadConfig as error:
        wrong_usage(str(error))
    return certificates.to_servers(files)


def http_post(url: str, tls: ssl.SSLContext | None = None):  # type: ignore[no-untyped-def]
    """A way to the SOAP door over HTTP, for `CommercialSystem`."""

    async def post(body: bytes) -> bytes:
        return await asyncio.to_thread(posting.post, f"{url}/{_endpoint(body)}", body, tls)

    return post


def _endpoint(body: bytes) -> str:
    if b"RequestMessage" in body:
        return "generic"
    return "MeterConfig" if b"MeterConfigMessage" in body else "EndDeviceControls"


def amount_of(text: str) -> tuple[str, Literal["W", "kW", "VA", "kVA", "A"]]:
    """An amount and its unit.  Ends the command where a text has none."""
    for unit in ("kVA", "kW", "VA", "W", "A"):
        amount = text.removesuffix(unit).strip()
        if amount != text and re.fullmatch(r"[0-9]+(\.[0-9]+)?", amount):
            return amount, unit
    wrong_usage(f"--limit takes an amount with its unit, like 3300W or 3.3kW, not {text!r}")


def _tell(answered: Answered, json: bool, *, correlation_id: str) -> None:
    errors = []
    if answered.message is not None and answered.message.reply is not None:
        errors = [
            {"code": item.code, "details": item.details} for item in answered.message.reply.errors
        ]
    if json:
        print_json(
            {
                "answer": answered.text,
                "transaction": answered.transaction_id,
                "correlation": correlation_id,
                "errors": errors,
            }
        )
    else:
        out.print(f"{answered.text}  transaction {answered.transaction_id}", markup=False)
        for item in errors:
            if item["details"]:
                out.print(f"  {item['code']}  {item['details']}", markup=False)
    if not answered.taken:
        raise typer.Exit(1)


def _wish(item: Order) -> str:
    return f"{item.kind} {item.amount} {item.unit}" if item.amount is not None else str(item.kind)


def _row(item: Order | DamagedOrder) -> dict[str, object]:
    if isinstance(item, DamagedOrder):
        told: dict[str, object] = {"order": item.number, "meter": item.meter, "state": item.state}
        return {**told, "damaged": item.why}
    return {
        "order": item.number,
        "transaction": item.transaction_id,
        "correlation": item.correlation_id,
        "source": item.source,
        "meter": item.meter,
        "kind": item.kind,
        "amount": None if item.amount is None else str(item.amount),
        "unit": item.unit,
        "state": item.state,
        "reason": item.reason,
        "value_read": None if item.value_read is None else str(item.value_read),
        "tries": item.tries,
        "held_at": item.held_at if item.held else None,
        "approved_by": item.approved_by,
        "accepted_at": item.accepted_at,
        "deadline": item.deadline,
        "until": item.until,
        "ended_at": item.ended_at,
    }
