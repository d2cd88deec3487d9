"""/orders: list, show, send, repeat, cancel."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field

from headend.domain.account import Caller, Permission
from headend.domain.order import LIMITS, LOADS, JournalLine, Kind, Order, State
from headend.domain.reason import REASONS, ReasonCode
from headend.orders import cutting, repeat
from headend.orders.accept import Submission, Wish
from headend.orders.repeat import NotRepeated, repeated
from headend.orders.rules import GIVING_BACK
from headend.rest.asking import HeadEnd, demand, known, source_of
from headend.rest.deciding import decide
from headend.rest.paging import Cursor, Limit, Page, after_number, by_number, page
from headend.rest.placing import Asked
from headend.rest.problems import Problem, described, not_found, wrong_question
from headend.rest.values import DeviceName, Instant
from headend.store import queries

NUMBER_MAX = 10**12

router = APIRouter(prefix="/api/v1/orders", tags=["orders"])

Number = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="The order's number.")]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,100}$",
        description="Yours, a new one for each order: the same question under it is done once.",
    ),
]


class OrderTold(BaseModel):
    """An order as it stands."""

    number: int
    meter: str
    kind: Kind
    state: State
    final: bool
    amount: str | None = Field(description="Of a limit, in `unit`; decimal text.")
    unit: str | None
    source: str = Field(description="Who ordered it.")
    transaction: str
    correlation: str | None
    concentrator: str | None
    reason: ReasonCode | None = Field(description="Why it ended as it did.")
    reason_text: str | None
    value_read: str | None = Field(description="What the meter showed afterwards.")
    tries: int
    accepted_at: datetime
    held_at: datetime | None = Field(description="Since when a second person must approve it.")
    approved_by: str | None = Field(description="That second person.")
    deadline: datetime
    until: datetime | None = Field(description="When what is bound in time ends.")
    ended_at: datetime | None

    @staticmethod
    def of(order: Order) -> OrderTold:
        return OrderTold(
            number=order.number,
            meter=order.meter,
            kind=order.kind,
            state=order.state,
            final=order.final,
            amount=None if order.amount is None else str(order.amount),
            unit=order.unit,
            source=order.source,
            transaction=order.transaction_id,
            correlation=order.correlation_id,
            concentrator=order.concentrator,
            reason=order.reason,
            reason_text=None if order.reason is None else REASONS[order.reason].text,
            value_read=None if order.value_read is None else str(order.value_read),
            tries=order.tries,
            accepted_at=order.accepted_at,
            held_at=order.held_at if order.held else None,
            approved_by=order.approved_by,
            deadline=order.deadline,
            until=order.until,
            ended_at=order.ended_at,
        )


class LineTold(BaseModel):
    """A line of an order's journal."""

    at: datetime
    state: State
    cause: str
    attempt: int | None

    @staticmethod
    def of(line: JournalLine) -> LineTold:
        return LineTold(at=line.at, state=line.state, cause=line.cause, attempt=line.attempt)


class OrderStory(BaseModel):
    """An order, and how it came to stand so."""

    order: OrderTold
    journal: list[LineTold]


class OrderWanted(BaseModel):
    """An order to send."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    meter: DeviceName
    kind: Literal[
        "set-limit", "remove-limit", "connect", "arm", "disconnect",
        "load-off", "load-on", "reset-demand",
    ]  # fmt: skip
    amount: Annotated[Decimal, Field(gt=0, lt=10**9, max_digits=15)] | None = Field(
        None, description="Of set-limit, and only of it."
    )
    unit: Literal["W", "kW", "VA", "kVA", "A"] = "W"
    start: Instant | None = Field(None, description="Not before; now where left out.")
    until: Instant | None = Field(
        None, description="When a limit, or a load's switching, ends by itself."
    )
    deadline: Instant | None = Field(None, description="Nothing is sent after it.")
    any_day: bool = Field(False, description="The permission for days that are no working days.")
    correlation: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,100}$")] | None = None
    until_pressed: bool = Field(
        False, description="Of connect and arm: done once a hand at the meter has been there."
    )


@router.get("", responses=described(400, 401, 403, 429, 503))
async def list_orders(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.ORDER_READ])],
    state: Annotated[list[State], Query(description="Only in one of these states.")] = [],  # noqa: B006
    kind: Annotated[list[Kind], Query(description="Only of these kinds.")] = [],  # noqa: B006
    reason: Annotated[list[ReasonCode], Query(description="Only ended so.")] = [],  # noqa: B006
    meter: Annotated[DeviceName | None, Query()] = None,
    concentrator: Annotated[DeviceName | None, Query()] = None,
    source: Annotated[DeviceName | None, Query(description="Who ordered.")] = None,
    since: Annotated[Instant | None, Query(description="Accepted then or later.")] = None,
    until: Annotated[Instant | None, Query(description="Accepted before.")] = None,
    held: Annotated[bool | None, Query(description="Those that wait for a second person.")] = None,
    limit: Limit = 50,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Page[OrderTold]:
    """The latest orders first."""
    which = queries.OrderFilter(
        states=state, kinds=kind, reasons=reason, meter=meter, concentrator=concentrator,
        source=source, since=since, until=until, held=held,
    )  # fmt: skip
    before = after_number(cursor_)
    found = await parts.read(
        lambda connection: queries.orders(connection, which, before=before, limit=limit + 1)
    )
    return page(found, limit, OrderTold.of, lambda last: by_number(last.number))


@router.get("/{number}", responses=described(400, 401, 403, 404, 429, 503))
async def show_order(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.ORDER_READ])],
    number: Number,
) -> OrderStory:
    """An order with its journal."""

    def story(connection: queries.Connection) -> OrderStory | None:
        order = queries.order(connection, number)
        if order is None:
            return None
        lines = queries.journal(connection, number)
        return OrderStory(order=OrderTold.of(order), journal=[LineTold.of(each) for each in lines])

    told = await parts.read(story)
    if told is None:
        raise _no_order(number)
    return told


@router.post(
    "",
    status_code=201,
    response_model=OrderTold,
    responses=described(400, 401, 403, 413, 422, 429, 503),
)
async def send_order(
    request: Request,
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.ORDER_SEND])],
    wanted: OrderWanted,
    key: Key,
) -> Response:
    """Send an order.  A disconnection, or a limit that is as good as one, takes the
    permission `order.cut` besides.

    The answer tells the order as it was taken in, `rejected` where it cannot be carried out; how it
    ends is told by `GET /api/v1/orders/{number}`.
    """
    kind = Kind(wanted.kind)
    _check(wanted, kind, parts.clock.now())
    if cutting.cuts(kind, wanted.amount, wanted.unit, parts.placing.acceptance.policy):
        subject = f"meter {wanted.meter}"
        await demand(parts, request, caller, Permission.ORDER_CUT, subject)
    wish = Wish(
        wanted.meter, kind, wanted.amount, None if wanted.amount is None else wanted.unit,
        wanted.start, wanted.until, until_pressed=wanted.until_pressed,
    )  # fmt: skip
    submission = Submission(
        caller.account, (wish,), key, wanted.correlation, deadline=wanted.deadline,
        any_day=wanted.any_day,
    )  # fmt: skip
    asked = Asked(caller, source_of(request), key, wanted.model_dump_json().encode())
    return created(await parts.placing.order(asked, submission, told))


@router.post(
    "/{number}/repeat",
    status_code=201,
    response_model=OrderTold,
    responses=described(400, 401, 403, 404, 409, 422, 429, 503),
)
async def repeat_order(
    request: Request,
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.ORDER_SEND])],
    number: Number,
    key: Key,
) -> Response:
    """Order once more what failed, ran out, was refused or cancelled: the same content, in the
    caller's name, correlated with `order/NUMBER`.  It takes the permission of its kind besides."""
    order = await parts.read(lambda connection: queries.order(connection, number))
    if order is None:
        raise _no_order(number)
    needed = cutting.permission(
        order.kind, order.amount, order.unit, parts.placing.acceptance.policy
    )
    if needed is not Permission.ORDER_SEND:
        await demand(parts, request, caller, needed, f"order {number} once more")
    try:
        repeat.check(order, parts.clock.now())
    except NotRepeated as error:
        raise Problem(
            409, error.code, "It is not ordered once more.", str(error), error.next_step
        ) from error
    asked = Asked(caller, source_of(request), key, f"repeat order {number}".encode())
    return created(await parts.placing.order(asked, repeated(order, caller.account, key), told))


@router.post("/{number}/cancel", responses=described(400, 401, 403, 404, 409, 429, 503))
async def cancel_order(
    request: Request,
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.ORDER_CANCEL])],
    number: Number,
) -> OrderTold:
    """Cancel an order that waits, whoever sent it."""
    asked = Asked(caller, source_of(request), "", b"")
    return OrderTold.of(await parts.placing.cancel(asked, number))


@router.post("/{number}/approve", responses=described(400, 401, 403, 404, 409, 429, 503))
async def approve_order(
    request: Request,
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.ORDER_APPROVE])],
    number: Number,
) -> OrderTold:
    """Let a disconnection through that is held, as the second person."""
    return OrderTold.of(await decide(parts, caller, source_of(request), number, let=True))


@router.post("/{number}/refuse", responses=described(400, 401, 403, 404, 409, 429, 503))
async def refuse_order(
    request: Request,
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.ORDER_APPROVE])],
    number: Number,
) -> OrderTold:
    """End a disconnection that is held."""
    return OrderTold.of(await decide(parts, caller, source_of(request), number, let=False))


def _no_order(number: int) -> Problem:
    return not_found(f"order {number}", "GET /api/v1/orders lists those that there are.")


def told(order: Order) -> bytes:
    """An order as an answer's octets, which are kept with it."""
    return OrderTold.of(order).model_dump_json().encode()


def created(octets: bytes) -> Response:
    """The answer for an order that was taken in."""
    number = OrderTold.model_validate_json(octets).number
    headers = {"Location": f"/api/v1/orders/{number}"}
    return Response(octets, 201, headers, "application/json")


def _check(wanted: OrderWanted, kind: Kind, now: datetime) -> None:
    """What no schema says.  Raises `Problem`."""
    if kind is Kind.SET_LIMIT and wanted.amount is None:
        raise wrong_question("body.amount", "set-limit needs the limit")
    if kind is not Kind.SET_LIMIT and wanted.amount is not None:
        raise wrong_question("body.amount", f"{kind} takes no limit")
    if wanted.until is not None and kind not in LIMITS | LOADS:
        raise wrong_question("body.until", "only a limit, or a load's switching, has an end")
    if wanted.until_pressed and kind not in GIVING_BACK:
        raise wrong_question("body.until_pressed", "only what gives a supply back waits for a hand")
    for name, end in (("until", wanted.until), ("deadline", wanted.deadline)):
        if end is not None and end <= max(now, wanted.start or now):
            raise wrong_question(f"body.{name}", "it is past, or before the start")
