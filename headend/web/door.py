"""The application of the pages, and which questions are theirs at the door that they share with
REST."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from headend import trouble
from headend.ports import StoreUnavailable
from headend.rest.problems import Problem
from headend.rest.standing import OPEN
from headend.web import live, pages, static
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.visit import Elsewhere, WebParts, visit_of

OF_REST = (*OPEN, "/metrics", "/api")
_log = structlog.get_logger("web")


def application(web: WebParts) -> FastAPI:
    """The pages' routes."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    shown = [page for page in _pages() if page.menu is not Menu.QA or web.qa is not None]
    app.state.web = replace(web, pages=shown)
    app.include_router(static.router)
    app.include_router(live.router)
    for module in pages.MODULES:
        app.include_router(module.router, include_in_schema=False)
    _tell_what_went_wrong(app)
    return app


def beside(rest: ASGIApp, web: ASGIApp) -> ASGIApp:
    """One door for both: what is not REST's is the pages'."""

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        to_rest = any(path == each or path.startswith(f"{each}/") for each in OF_REST)
        await (rest if to_rest else web)(scope, receive, send)

    return door


def _pages() -> Sequence[Page]:
    return tuple(page for module in pages.MODULES for page in getattr(module, "PAGES", ()))


def _tell_what_went_wrong(app: FastAPI) -> None:
    async def elsewhere(request: Request, error: Exception) -> Response:
        assert isinstance(error, Elsewhere)
        return RedirectResponse(error.path, 303)

    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return await _told(request, error)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        why = "; ".join(
            f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in error.errors()[:5]
        )
        return await _told(request, Problem(400, "wrong-question", "", why))

    async def unfit(request: Request, error: Exception) -> Response:
        """What a form's browser would not have let through."""
        assert isinstance(error, ValidationError)
        why = "; ".join(str(each["msg"]) for each in error.errors()[:5])
        return await _told(request, Problem(400, "wrong-question", "", why))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = "no-such-page" if error.status_code == 404 else "refused"
        why = f"{request.method} {request.url.path[:200]}"
        return await _told(request, Problem(error.status_code, code, "", why))

    async def away(request: Request, error: Exception) -> Response:
        _log.error("the database is away", path=request.url.path, why=str(error))
        text = "La base de datos no responde. / The database does not answer."
        return PlainTextResponse(text, 503, headers={"Retry-After": "5"})

    async def broke(request: Request, error: Exception) -> Response:
        trouble.note([], _log, "a page broke", error, path=request.url.path)
        text = "Error nuestro; está en el registro. / A mistake of ours; the log has it."
        return PlainTextResponse(text, HTTPStatus.INTERNAL_SERVER_ERROR)

    app.add_exception_handler(Elsewhere, elsewhere)
    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(ValidationError, unfit)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(StoreUnavailable, away)
    app.add_exception_handler(Exception, broke)


async def _told(request: Request, problem: Problem) -> Response:
    """A problem as a page, in the visitor's words where the catalogue has them."""
    visit = await visit_of(request, request.app.state.web)
    answer = rendered(visit, "problem.html", problem.status, problem=problem)
    for name, value in problem.headers.items():
        if name.lower() != "www-authenticate":
            answer.headers[name] = value
    return answer
