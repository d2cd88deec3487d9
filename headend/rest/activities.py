"""/concentrators/{name}/activities: ask a concentrator of itself, and see what came of it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field

from headend.access.desk import By
from headend.domain.account import Caller, Permission
from headend.domain.activity import Activity, ActivityKind, ActivityState, Told
from headend.domain.reason import REASONS, ReasonCode
from headend.orders.inbox import Conflict, Received, Repeated, Taken
from headend.ports import Transaction
from headend.registry.activity_asking import (
    BACK_MAX_S,
    BACK_S,
    DEADLINE_MAX_S,
    DEADLINE_MIN_S,
    DEADLINE_S,
    METERS_MAX,
    AskWanted,
    NotAsked,
    ask,
)
from headend.rest.asking import HeadEnd, known, source_of
from headend.rest.orders import NUMBER_MAX, Key
from headend.rest.paging import Cursor, Limit, Page, after_number, by_number, page
from headend.rest.problems import Problem, described, not_found
from headend.rest.values import DeviceName
from headend.store import activity_queries as queries
from headend.store.queries import Connection

router = APIRouter(prefix="/api/v1/concentrators", tags=["concentrators"])

Name = Annotated[DeviceName, Path(description="The concentrator's id.")]
Number = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="The activity's number.")]
Reader = Annotated[Caller, Security(known, scopes=[Permission.REGISTRY_READ])]
Asker = Annotated[Caller, Security(known, scopes=[Permission.CONCENTRATOR_ASK])]
Word = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,64}$")]


class ActivityWanted(BaseModel):
    """What to ask of a concentrator."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ActivityKind
    deadline_s: float = Field(
        DEADLINE_S, ge=DEADLINE_MIN_S, le=DEADLINE_MAX_S,
        description="One that is away is asked when it comes back within this time.",
    )  # fmt: skip
    meters: list[DeviceName] = Field(
        [], max_length=METERS_MAX, description="Of a task; none named: all behind it."
    )
    objects: list[Word] = Field(
        [], max_length=64, description="Of a task: words of the meters' model, or logical names."
    )
    back_s: int = Field(
        BACK_S, ge=1, le=BACK_MAX_S, description="Of a task: how far back a profile's rows reach."
    )


class ActivityTold(BaseModel):
    """What was asked of a concentrator, and what came of it."""

    number: int
    concentrator: str
    kind: ActivityKind
    state: ActivityState
    scheduled: bool
    asked_by: str
    asked_at: datetime
    deadline: datetime
    sent_at: datetime | None
    tries: int
    ended_at: datetime | None
    reason: ReasonCode | None = Field(description="Why it has failed or expired.")
    reason_text: str | None
    told: Told | None = Field(description="What it told; of a task, how far it has come.")

    @staticmethod
    def of(activity: Activity) -> ActivityTold:
        reason = activity.reason
        return ActivityTold(
            number=activity.number,
            concentrator=activity.concentrator,
            kind=activity.kind,
            state=activity.state,
            scheduled=activity.scheduled,
            asked_by=activity.asked_by,
            asked_at=activity.asked_at,
            deadline=activity.deadline,
            sent_at=activity.sent_at,
            tries=activity.tries,
            ended_at=activity.ended_at,
            reason=reason,
            reason_text=None if reason is None else REASONS[reason].text,
            told=activity.told,
        )


@router.post(
    "/{name}/activities",
    status_code=201,
    response_model=ActivityTold,
    responses=described(400, 401, 403, 404, 413, 422, 429, 503),
)
async def ask_concentrator(
    request: Request, parts: HeadEnd, caller: Asker, name: Name, wanted: ActivityWanted, key: Key
) -> Response:
    """Ask a concentrator: the answer comes later, and stands in the activity."""
    octets = name.encode() + b" activity " + wanted.model_dump_json().encode()
    digest = hashlib.sha256(octets).hexdigest()
    by, now, placing = By(caller.account, source_of(request)), parts.clock.now(), parts.placing
    meant = AskWanted(
        name, wanted.kind, wanted.deadline_s, tuple(wanted.meters), tuple(wanted.objects),
        wanted.back_s,
    )  # fmt: skip

    def effect(tx: Transaction, transaction_id: str) -> tuple[int, bytes]:
        activity = ask(tx, meant, by, now, placing.reads)
        return activity.number, ActivityTold.of(activity).model_dump_json().encode()

    try:
        taken = await placing.inbox.take(Received(caller.account, key, digest, octets), effect)
    except NotAsked as error:
        status = 404 if error.code == "no-such-concentrator" else 400
        title = "There is no such thing." if status == 404 else "It is not asked."
        advice = "GET /api/v1/concentrators lists those that there are."
        raise Problem(status, error.code, title, str(error), advice) from error
    match taken:
        case Taken() | Repeated():
            number = ActivityTold.model_validate_json(taken.answer).number
            headers = {"Location": f"/api/v1/concentrators/{name}/activities/{number}"}
            return Response(taken.answer, 201, headers, "application/json")
        case Conflict():
            raise Problem(
                422, "key-reused", "It is not asked.",
                "another question came with this Idempotency-Key before",
                "Make a new key for each activity.",
            )  # fmt: skip


@router.get("/{name}/activities", responses=described(400, 401, 403, 429, 503))
async def list_activities(
    parts: HeadEnd,
    caller: Reader,
    name: Name,
    state: Annotated[list[ActivityState], Query(description="Only in one of these.")] = [],  # noqa: B006
    limit: Limit = 50,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Page[ActivityTold]:
    """What was asked of it, by schedule and on demand, the latest first."""
    before = after_number(cursor_)

    def found(connection: Connection) -> list[Activity]:
        return queries.activities(connection, name, states=state, before=before, limit=limit + 1)

    return page(
        await parts.read(found), limit, ActivityTold.of, lambda last: by_number(last.number)
    )


@router.get("/{name}/activities/{number}", responses=described(400, 401, 403, 404, 429, 503))
async def show_activity(parts: HeadEnd, caller: Reader, name: Name, number: Number) -> ActivityTold:
    """One of them, as it stands."""
    found = await parts.read(lambda connection: queries.activity(connection, number))
    if found is None or found.concentrator != name:
        advice = f"GET /api/v1/concentrators/{name}/activities lists those that there are."
        raise not_found(f"activity {number} of concentrator {name}", advice)
    return ActivityTold.of(found)
