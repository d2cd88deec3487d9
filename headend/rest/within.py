"""Tokens for one place: their questions see the meters that hang there now, and no others.

What a route has to do with places stands here.  One that is not named does not take such a token
at all, so that a new route shows nothing by being forgotten.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fastapi import Request

from headend.domain.account import Caller
from headend.domain.change import Change
from headend.rest.problems import Problem, not_found
from headend.store import change_queries, event_queries
from headend.store.change_queries import above, places_of

V1 = "/api/v1"
LISTED = frozenset({f"{V1}/meters", f"{V1}/events", f"{V1}/incidents", f"{V1}/stream"})
"""Routes that restrict what they tell to the caller's place by themselves."""
OF_METER = f"{V1}/meters/{{name}}"
NOT_LIMITED = frozenset({f"{OF_METER}/steps"})
"""Of a meter, and not for such a token: a step may take the meter to another place."""
OF_EVENT = f"{V1}/events/{{number}}"
OF_INCIDENT = f"{V1}/incidents/{{number}}"


async def check(request: Request, read: Any, caller: Caller) -> None:
    """Go on where a question is of the caller's place.  Raises `Problem`."""
    code = caller.place
    if code is None:
        return
    path = getattr(request.scope.get("route"), "path", "")
    if path in LISTED:
        return
    if _below(path, OF_METER) and path not in NOT_LIMITED:
        name = request.path_params["name"]
        if not await read(lambda connection: meter_within(connection, name, code)):
            raise not_found(f"meter {name}", "GET /api/v1/meters lists those that there are.")
        return
    for of, within, what in (
        (OF_EVENT, event_within, "event"),
        (OF_INCIDENT, incident_within, "incident"),
    ):
        if _below(path, of):
            number = _number(request.path_params["number"])
            if not await read(
                lambda connection, within=within, number=number: within(connection, number, code)
            ):
                raise not_found(
                    f"{what} {number}", f"GET /api/v1/{what}s lists those that there are."
                )
            return
    raise Problem(
        403, "limited-to-a-place", "That is not permitted.",
        "this token is for one place, and the route is for all",
        "Ask an administrator for a token without --place.",
    )  # fmt: skip


def meter_within(connection: Any, name: str, code: str) -> bool:
    """Whether a meter hangs in a place."""
    return code in places_of(connection, [name])[name]


def event_within(connection: Any, number: int, code: str) -> bool:
    """Whether an event is of a meter that hangs there."""
    kept = event_queries.event(connection, number)
    return kept is not None and meter_within(connection, kept.event.device, code)


def incident_within(connection: Any, number: int, code: str) -> bool:
    """Whether one of an incident's meters hangs there."""
    devices = change_queries.devices_of_incident(connection, number)
    return any(code in places for places in places_of(connection, devices).values())


def restricted(connection: Any, changes: Collection[Change], code: str) -> list[Change]:
    """Of some changes those, and that part of them, that are of meters which hang there."""
    names = {change.device for change in changes if change.device is not None}
    names |= {each.meter for change in changes for each in change.arrived}
    places = places_of(connection, names)
    found: list[Change] = []
    for change in changes:
        if change.arrived:
            arrived = tuple(each for each in change.arrived if code in places[each.meter])
            if arrived:
                found.append(_with(change, arrived))
        elif change.device is not None:
            if code in places[change.device]:
                found.append(change)
        elif change.place is not None and _incident_in(connection, change, code):
            found.append(change)
    return found


def _incident_in(connection: Any, change: Change, code: str) -> bool:
    assert change.place is not None
    kind, _, place = change.place.partition(" ")
    if kind == "transformer" and code in above(connection, place):
        return True
    return change.number is not None and incident_within(connection, change.number, code)


def _with(change: Change, arrived: tuple[Any, ...]) -> Change:
    return Change(
        change.kind, change.what, change.at, change.number, change.device, change.place, arrived,
        change.position,
    )  # fmt: skip


def _below(path: str, of: str) -> bool:
    return path == of or path.startswith(of + "/")


def _number(text: str) -> int:
    """The route itself has looked at it, or will."""
    return int(text) if text.isdecimal() and len(text) < 17 else 0
