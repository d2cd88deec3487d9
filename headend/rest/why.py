"""/meters/{name}/why: the answer to why a meter is not reading, for programs and as a page."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Header, Query, Response, Security
from pydantic import BaseModel, Field

from headend.domain.account import Caller, Permission
from headend.domain.why import Verdict, Why
from headend.rest.asking import HeadEnd, known
from headend.rest.meters import CauseTold, MeterName, MeterTold, no_meter
from headend.rest.problems import described
from headend.store.why_queries import why as why_of
from headend.why.page import page
from headend.why.words import evidence_of, next_step_of, sentence, text_of

router = APIRouter(prefix="/api/v1", tags=["registry"])

HTML = "text/html; charset=utf-8"
Language = Literal["en", "es"]


class DayTold(BaseModel):
    """A day of the utility's calendar."""

    day: date
    due: int = Field(description="Intervals that have ended.")
    received: int


class WhyTold(BaseModel):
    """Why a meter is not reading, or that it is."""

    verdict: Verdict
    sentence: str = Field(description="The verdict for people.")
    last_at: datetime | None = Field(description="The end of the newest interval that is here.")
    ripe: int = Field(description="Intervals of these days that had 24 hours to come.")
    missing: int = Field(description="Of those, the ones that are not here.")
    causes: list[CauseTold] = Field(description="The likeliest first.")
    days: list[DayTold]
    meter: MeterTold

    @staticmethod
    def of(why: Why, language: Language, zone: ZoneInfo) -> WhyTold:
        return WhyTold(
            verdict=why.verdict,
            sentence=sentence(why, language, zone),
            last_at=why.last_at,
            ripe=why.ripe,
            missing=why.missing,
            causes=[
                CauseTold(
                    text=text_of(each, language, zone),
                    evidence=evidence_of(each, language, zone),
                    at=each.at,
                    next_step=next_step_of(each, language, zone),
                )
                for each in why.causes
            ],
            days=[DayTold(day=day.day, due=day.due, received=day.received) for day in why.days],
            meter=MeterTold.of(why.meter),
        )


@router.get(
    "/meters/{name}/why",
    response_model=WhyTold,
    responses={
        200: {"content": {"text/html": {}}, "description": "JSON, or a page where it is accepted."},
        **described(400, 401, 403, 404, 429, 503),
    },
)
async def why(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.ORDER_READ])],
    name: MeterName,
    days: Annotated[int, Query(ge=2, le=31, description="So many, up to today.")] = 7,
    lang: Annotated[Language | None, Query(description="Else Accept-Language tells.")] = None,
    accept: Annotated[str, Header()] = "",
    accept_language: Annotated[str, Header()] = "",
) -> Response:
    """Why a meter is not reading: JSON, or one page for people with `Accept: text/html`."""
    zone = ZoneInfo(parts.config.orders.zone)
    now = parts.clock.now()
    found = await parts.read(lambda connection: why_of(connection, name, zone, now, days=days))
    if found is None:
        raise no_meter(name)
    language = lang or preferred(accept_language)
    headers = {"Vary": "Accept, Accept-Language", "Content-Language": language}
    if wants_page(accept):
        # Nothing of it is fetched, and what a device said must never run.
        headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        return Response(page(found, language, zone), media_type=HTML, headers=headers)
    told = WhyTold.of(found, language, zone).model_dump_json()
    return Response(told, media_type="application/json", headers=headers)


def wants_page(accept: str) -> bool:
    """Whether a page is liked better than JSON (RFC 9110, 12.5.1); JSON for who does not say."""
    likes = _weights(accept)

    def liked(kind: str) -> float:
        return likes.get(kind, likes.get(f"{kind.partition('/')[0]}/*", likes.get("*/*", 0.0)))

    return "text/html" in likes and liked("text/html") > liked("application/json")


def preferred(accept_language: str) -> Language:
    """Spanish for who likes it better than English (RFC 9110, 12.5.4)."""
    likes = {"en": 0.0, "es": 0.0}
    for tag, weight in _weights(accept_language).items():
        tongue = tag.partition("-")[0]
        if tongue in likes:
            likes[tongue] = max(likes[tongue], weight)
    return "es" if likes["es"] > likes["en"] else "en"


def _weights(header: str) -> dict[str, float]:
    """Each of a list with its weight; what is no weight counts as none."""
    found = {}
    for part in header.split(","):
        value, *parameters = (each.strip().lower() for each in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = min(1.0, max(0.0, float(parameter[2:])))
                except ValueError:
                    weight = 0.0
        if value:
            found[value] = weight
    return found
