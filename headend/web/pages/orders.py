"""Orders: what was ordered, how it goes, and sending another one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response, Security
from pydantic import ValidationError

from headend.domain.account import Permission
from headend.domain.order import Kind, State
from headend.orders import cutting, repeat
from headend.orders.repeat import NotRepeated
from headend.rest import orders as rest
from headend.rest.problems import Problem
from headend.store import queries
from headend.store.queries import OrderFilter
from headend.web import standing, wrong_form
from headend.web.journal import told
from headend.web.live import followed
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.visit import Numbered, Visit, visiting

PAGES = (Page("orders", "/orders", Menu.OPERATION, Permission.ORDER_READ),)
SENT = (
    Kind.SET_LIMIT, Kind.REMOVE_LIMIT, Kind.CONNECT, Kind.DISCONNECT, Kind.ARM, Kind.LOAD_OFF,
    Kind.LOAD_ON, Kind.RESET_DEMAND,
)  # fmt: skip
"""Kinds that the form sends."""
UNITS = ("W", "kW", "VA", "kVA", "A")
LATER_MAX = 10
"""Orders that repeat one, of which its page tells."""
P = Permission

router = APIRouter()


@router.get("/orders")
async def orders(visit: Annotated[Visit, Security(visiting, scopes=[P.ORDER_READ])]) -> Response:
    state, kind = visit.among("state", State), visit.among("kind", Kind)
    held = True if visit.asked("held") else None
    found = await rest.list_orders(
        visit.parts, visit.caller, state=[] if state is None else [state],
        kind=[] if kind is None else [kind], reason=[], meter=visit.asked("meter"),
        concentrator=visit.asked("concentrator"), source=visit.asked("source"), since=None,
        until=None, held=held, limit=50, cursor_=visit.asked("cursor"),
    )  # fmt: skip
    counts, waiting = await visit.parts.read(
        lambda connection: (queries.count_states(connection), queries.count_held(connection))
    )
    return rendered(
        visit, "orders.html", found=found, next=visit.onward(found.next), standing=standing,
        states=list(State), kinds=list(Kind), state=state, kind=kind, held=held, counts=counts,
        waiting=waiting,
    )  # fmt: skip


@router.get("/orders/new")
async def new_order(
    visit: Annotated[Visit, Security(visiting, scopes=[P.ORDER_SEND])],
) -> Response:
    given = {name: visit.asked(name) or "" for name in ("meter", "kind", "amount", "unit")}
    return _form(visit, given)


@router.post("/orders/new")
async def check_order(
    visit: Annotated[Visit, Security(visiting, scopes=[P.ORDER_SEND])],
) -> Response:
    """What is about to be sent, once more; nothing is done yet."""
    given = _given(visit)
    if (wrong := _wrong(visit, given)) is not None:
        return _form(visit, given, wrong)
    meter = await visit.parts.read(lambda connection: queries.meter(connection, given["meter"]))
    if meter is None:
        return _form(visit, given, visit.words.text("orders.no_meter", meter=given["meter"]))
    return rendered(visit, "order_check.html", given=given, meter=meter)


@router.post("/orders")
async def send_order(
    visit: Annotated[Visit, Security(visiting, scopes=[P.ORDER_SEND])],
) -> Response:
    given = _given(visit)
    if (wrong := _wrong(visit, given)) is not None:
        return _form(visit, given, wrong)
    try:
        answer = await rest.send_order(
            visit.request, visit.parts, visit.caller, _wanted(given), given["key"]
        )
    except Problem as problem:
        if problem.status == 403:
            raise
        return _form(visit, given, f"{problem.detail} ({problem.code})")
    number = answer.headers["Location"].rpartition("/")[2]
    return visit.to(f"/orders/{number}", "orders.done.sent")


@router.get("/orders/{number}")
async def order(
    visit: Annotated[Visit, Security(visiting, scopes=[P.ORDER_READ])], number: Numbered
) -> Response:
    story = await rest.show_order(visit.parts, visit.caller, number)
    again = OrderFilter(meter=story.order.meter, correlation_id=repeat.reference(number))
    attempts, owed, later = await visit.parts.read(
        lambda connection: (
            queries.attempts(connection, number), queries.outgoing_of(connection, number),
            queries.orders(connection, again, limit=LATER_MAX),
        )
    )  # fmt: skip
    return rendered(
        visit, "order.html", order=story.order, journal=story.journal, attempts=attempts,
        owed=owed, standing=standing, repeats=repeat.repeats(story.order.correlation),
        later=[each.number for each in later], told=told,
        reason=standing.reason(story.order.reason, visit.words.language),
    )  # fmt: skip


@router.get("/orders/{number}/repeat")
async def look_again(
    visit: Annotated[Visit, Security(visiting, scopes=[P.ORDER_SEND])], number: Numbered
) -> Response:
    """What is about to be ordered once more; nothing is done yet."""
    return await _again(visit, number)


@router.post("/orders/{number}/repeat")
async def repeat_order(
    visit: Annotated[Visit, Security(visiting, scopes=[P.ORDER_SEND])], number: Numbered
) -> Response:
    try:
        if not visit.field("why"):
            raise ValueError("why: ?")
        answer = await rest.repeat_order(
            visit.request, visit.parts, visit.caller, number, visit.key
        )
    except (Problem, ValueError) as error:
        return await _again(visit, number, error)
    fresh = answer.headers["Location"].rpartition("/")[2]
    return visit.to(f"/orders/{fresh}", "orders.done.sent")


async def _again(visit: Visit, number: int, wrong: Exception | None = None) -> Response:
    """Raises `Problem`."""
    said = None if wrong is None else wrong_form.told(wrong)
    order = await visit.parts.read(lambda connection: queries.order(connection, number))
    if order is None:
        raise Problem(404, "not-found", "There is no such thing.", f"order {number}")
    name, policy = order.meter, visit.parts.placing.acceptance.policy
    try:
        repeat.check(order, visit.parts.clock.now())
    except NotRepeated as error:
        said = error.code, str(error)
    meter = await visit.parts.read(lambda connection: queries.meter(connection, name))
    return rendered(
        visit, "order_repeat.html", 200 if said is None else 400, order=order, meter=meter,
        wrong=said, why=visit.field("why"), key=visit.web.sessions.secret(),
        cuts=cutting.cuts(order.kind, order.amount, order.unit, policy),
        may_change=order.kind in SENT,
        reason=standing.reason(order.reason, visit.words.language),
    )  # fmt: skip


@router.get("/orders/{number}/live")
async def follow_order(
    visit: Annotated[Visit, Security(visiting, scopes=[P.ORDER_READ])], number: Numbered
) -> Response:
    """Says `changed` with each line of the order's journal."""

    async def lines() -> object:
        return await visit.parts.read(lambda connection: len(queries.journal(connection, number)))

    return followed(visit, lines)


@router.post("/orders/{number}/cancel")
async def cancel_order(
    visit: Annotated[Visit, Security(visiting, scopes=[P.ORDER_CANCEL])], number: Numbered
) -> Response:
    await rest.cancel_order(visit.request, visit.parts, visit.caller, number)
    return visit.to(f"/orders/{number}", "orders.done.cancelled")


@router.post("/orders/{number}/approve")
async def approve_order(
    visit: Annotated[Visit, Security(visiting, scopes=[P.ORDER_APPROVE])], number: Numbered
) -> Response:
    await rest.approve_order(visit.request, visit.parts, visit.caller, number)
    return visit.to(f"/orders/{number}", "orders.done.approved")


@router.post("/orders/{number}/refuse")
async def refuse_order(
    visit: Annotated[Visit, Security(visiting, scopes=[P.ORDER_APPROVE])], number: Numbered
) -> Response:
    await rest.refuse_order(visit.request, visit.parts, visit.caller, number)
    return visit.to(f"/orders/{number}", "orders.done.refused")


def _given(visit: Visit) -> dict[str, str]:
    names = ("meter", "kind", "amount", "unit", "any_day", "why", "key")
    return {name: visit.field(name) for name in names}


def _wanted(given: dict[str, str]) -> rest.OrderWanted:
    """Raises ValidationError."""
    wanted: dict[str, Any] = {"meter": given["meter"], "kind": given["kind"]}
    if given["kind"] == Kind.SET_LIMIT:
        wanted |= {"amount": given["amount"].replace(",", "."), "unit": given["unit"] or "W"}
    return rest.OrderWanted(**wanted, any_day=bool(given["any_day"]))


def _wrong(visit: Visit, given: dict[str, str]) -> str | None:
    """What the form's browser would not have let through."""
    try:
        wanted = _wanted(given)
    except ValidationError as error:
        return "; ".join(
            visit.words.text(key)
            if visit.words.known(key := f"orders.wrong.{each['loc'][0]}")
            else f"{each['loc'][0]}: {each['msg']}"
            for each in error.errors()[:3]
        )
    if wanted.kind == "set-limit" and wanted.amount is None:
        return visit.words.text("orders.wrong.amount")
    return None if given["why"] else visit.words.text("orders.wrong.why")


def _form(visit: Visit, given: dict[str, str], wrong: str | None = None) -> Response:
    given = {"any_day": "", "why": "", **given}
    given["key"] = given.get("key") or visit.web.sessions.secret()
    return rendered(
        visit, "order_new.html", 200 if wrong is None else 400, given=given, wrong=wrong,
        kinds=SENT, units=UNITS,
    )  # fmt: skip
