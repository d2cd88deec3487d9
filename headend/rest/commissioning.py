"""/meters/{name}/commissioning: a meter is asked itself before it may take orders.

It is read by an order, by the way that orders will take, and commissioned in the transaction that
ends this read, if all checks hold; who asks looks again here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field

from headend.collection.asking import BadRead
from headend.domain.account import Caller, Permission
from headend.domain.commissioning import Check, Verdict
from headend.domain.life_cycle import stage_of
from headend.domain.meter import Stage
from headend.domain.order import Kind, Order, State
from headend.domain.reason import REASONS
from headend.orders.accept import Accepted, Overloaded, Submission, Wish
from headend.orders.rules import COMMISSIONING
from headend.ports import Transaction
from headend.registry.asked_by_order import WORDS
from headend.registry.commissioning_asked import asked_as, check
from headend.registry.lives import NotTaken
from headend.registry.lives import known as known_meter
from headend.rest.asking import HeadEnd, known
from headend.rest.meters import MeterName, no_meter
from headend.rest.once import Asking, once
from headend.rest.orders import Key
from headend.rest.problems import Problem, described, not_found
from headend.store import queries, registry_queries

router = APIRouter(prefix="/api/v1/meters", tags=["registry"])

WRITE = Permission.REGISTRY_WRITE
Reader = Annotated[Caller, Security(known, scopes=[Permission.REGISTRY_READ])]
Writer = Annotated[Caller, Security(known, scopes=[WRITE])]
DEADLINE_S = 600.0
"""For a read by way of a concentrator, behind others."""


class CommissioningWanted(BaseModel):
    """How a meter is to be commissioned."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    why: Annotated[str, Field(max_length=500)] = ""
    deadline_s: float = Field(
        DEADLINE_S, ge=10, le=86_400, description="What has not come within it has failed."
    )


class CheckTold(BaseModel):
    """One check; what to do where it failed stands in `why`."""

    what: str
    verdict: Verdict
    expected: str | None
    found: str | None
    why: str
    at: datetime
    who: str

    @staticmethod
    def of(made: Check) -> CheckTold:
        return CheckTold(**{name: getattr(made, name) for name in CheckTold.model_fields})


class CommissioningTold(BaseModel):
    """A commissioning as it stands."""

    meter: str
    stage: Stage
    order: int = Field(description="The read; GET /api/v1/orders/{number} tells how it fares.")
    state: State = Field(description="The read's.")
    held: bool | None = Field(description="Whether all checks held; null while it is read.")
    checks: list[CheckTold]


@router.post(
    "/{name}/commissioning",
    status_code=202,
    response_model=CommissioningTold,
    responses=described(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def commission_meter(
    request: Request,
    parts: HeadEnd,
    caller: Writer,
    name: MeterName,
    wanted: CommissioningWanted,
    key: Key,
) -> Response:
    """Have a meter read, compared with its record, and commissioned if all holds."""
    now, reads = parts.clock.now(), parts.placing.reads
    transaction_id = reads.chance.uuid()
    accepted: list[Accepted] = []

    def work(tx: Transaction) -> bytes:
        meter = known_meter(tx, name)
        check(meter)
        wish = Wish(name, Kind.READ, objects=reads.wanted(meter, WORDS))
        submission = Submission(
            COMMISSIONING, (wish,), correlation_id=asked_as(caller.account, wanted.why),
            noun="MeterReadings", deadline=now + timedelta(seconds=wanted.deadline_s),
        )  # fmt: skip
        accepted.append(parts.placing.acceptance.accept(tx, submission, transaction_id, at=now))
        order = accepted[0].orders[0]
        if order.reason is not None:
            raise NotTaken(
                f"meter {name} is not read: {REASONS[order.reason].text}",
                f"GET /api/v1/meters/{name}/why tells why.", "not-read",
            )  # fmt: skip
        return _told(stage_of(meter), order, []).model_dump_json().encode()

    octets = name.encode() + b" commissioning " + wanted.model_dump_json().encode()
    asking = Asking(caller, WRITE, key, octets, f"meter {name}", f"commission: {wanted.why}")
    try:
        answer = await once(request, parts, asking, work)
    except Overloaded as error:
        raise Problem(
            503, "overloaded", "The meter is not read.", "too many orders wait",
            "Ask again in a minute, with the same Idempotency-Key.", {"Retry-After": "60"},
        ) from error  # fmt: skip
    except BadRead as error:
        advice = "Enter a model that has these words: docs/direct-meters.md"
        raise Problem(409, "bad-model", "The meter is not read.", str(error), advice) from error
    for each in accepted:
        parts.placing.acceptance.announce(each)
    headers = {"Location": f"/api/v1/meters/{name}/commissioning"}
    return Response(answer, 202, headers, "application/json")


@router.get("/{name}/commissioning", responses=described(400, 401, 403, 404, 429, 503))
async def show_commissioning(parts: HeadEnd, caller: Reader, name: MeterName) -> CommissioningTold:
    """The last commissioning by a read, its checks and what came of it."""
    which = queries.OrderFilter(meter=name, source=COMMISSIONING)
    found = await parts.read(lambda connection: registry_queries.meter_file(connection, name))
    if found is None:
        raise no_meter(name)
    orders = await parts.read(lambda connection: queries.orders(connection, which, limit=1))
    if not orders:
        raise not_found(f"commissioning of meter {name}", "Ask for one by POST.")
    (order,) = orders
    return _told(
        found.stage, order, [each for each in found.checks if each.at >= order.accepted_at]
    )


def _told(stage: Stage, order: Order, checks: list[Check]) -> CommissioningTold:
    held = None
    if checks:
        held = not any(each.verdict is Verdict.FAILED for each in checks)
    return CommissioningTold(
        meter=order.meter, stage=stage, order=order.number, state=order.state, held=held,
        checks=[CheckTold.of(each) for each in checks],
    )  # fmt: skip
