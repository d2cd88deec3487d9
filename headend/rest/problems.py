"""What went wrong, as problem details (RFC 9457): a code for programs, what happened, why, and what
to do next.  No answer ever shows a stack or a statement of the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from headend import trouble
from headend.ports import StoreUnavailable

MEDIA_TYPE: Final = "application/problem+json"
_log = structlog.get_logger("rest")


class WrongPart(BaseModel):
    """One thing that is wrong with a question."""

    where: str = Field(description="Its place, as body.amount or query.limit.")
    why: str


class ProblemTold(BaseModel):
    """A problem as it is told: RFC 9457's members, and three of ours."""

    type: str = Field(description="urn:ami:problem: and the code.")
    title: str = Field(description="What happened.")
    status: int
    detail: str = Field(description="Why.")
    code: str = Field(description="For programs; never changes.")
    next_step: str = Field(description="What to do now.")
    wrong: list[WrongPart] = Field(default=[], description="What is wrong with the question.")


@dataclass
class Problem(Exception):
    """Raised by a route, told to who asked."""

    status: int
    code: str
    title: str
    detail: str
    next_step: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    wrong: list[WrongPart] = field(default_factory=list)

    def answer(self) -> JSONResponse:
        told = ProblemTold(
            type=f"urn:ami:problem:{self.code}",
            title=self.title,
            status=self.status,
            detail=self.detail,
            code=self.code,
            next_step=self.next_step,
            wrong=self.wrong,
        )
        return JSONResponse(
            told.model_dump(), self.status, headers=dict(self.headers), media_type=MEDIA_TYPE
        )


def not_found(what: str, next_step: str) -> Problem:
    """There is no such thing."""
    return Problem(404, "not-found", "There is no such thing.", f"no {what} is known", next_step)


def wrong_question(where: str, why: str) -> Problem:
    """One value of a question cannot be used."""
    return Problem(
        400,
        "wrong-question",
        "The question cannot be understood.",
        f"{where}: {why}",
        "Correct it; /api/v1/openapi.json describes what is taken.",
        wrong=[WrongPart(where=where, why=why)],
    )


def tell_problems(app: FastAPI) -> None:
    """Answer whatever is raised in `app` as a problem."""

    async def known(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return error.answer()

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return _invalid(error).answer()

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return _of_http(request, error).answer()

    async def away(request: Request, error: Exception) -> JSONResponse:
        _log.error("the database is away", path=request.url.path, why=str(error))
        return Problem(
            503,
            "database-away",
            "Nothing was done.",
            "the database cannot be reached",
            "Ask again with the same Idempotency-Key.",
            {"Retry-After": "5"},
        ).answer()

    async def broke(request: Request, error: Exception) -> JSONResponse:
        trouble.note([], _log, "a question broke", error, path=request.url.path)
        return Problem(
            500,
            "broke",
            "It broke by a mistake of ours.",
            "the log has the details; what was asked for may have been done",
            "Ask again with the same Idempotency-Key, and report it.",
        ).answer()

    app.add_exception_handler(Problem, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(StoreUnavailable, away)
    app.add_exception_handler(Exception, broke)


def _invalid(error: RequestValidationError) -> Problem:
    wrong = [
        WrongPart(where=".".join(map(str, each["loc"])), why=str(each["msg"]))
        for each in error.errors()[:20]
    ]
    return Problem(
        400,
        "wrong-question",
        "The question cannot be understood.",
        "; ".join(f"{each.where}: {each.why}" for each in wrong),
        "Correct it; /api/v1/openapi.json describes what is taken.",
        wrong=wrong,
    )


_NEXT: dict[int, tuple[str, str]] = {
    404: ("no-such-route", "GET /api/v1/openapi.json lists what there is."),
    405: ("wrong-method", "The Allow header names the methods that this route takes."),
}


def _of_http(request: Request, error: HTTPException) -> Problem:
    code, advice = _NEXT.get(error.status_code, ("refused", "Correct the question."))
    title = HTTPStatus(error.status_code).phrase
    detail = f"{request.method} {request.url.path[:200]}"
    return Problem(error.status_code, code, title, detail, advice, dict(error.headers or {}))


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These problems, for OpenAPI."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {
                MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemTold"}},
            },
        }
        for status in statuses
    }
