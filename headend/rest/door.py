"""The REST application, and uvicorn's options for its door.

It is a door of its own: the SOAP door under TLS asks everybody for a certificate, this one for a
token.  Without TLS it opens on loopback only.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headend.config import Rest
from headend.rest import (
    activities,
    adjusting,
    campaigns,
    collection,
    commissioning,
    events,
    feeders,
    firmware,
    incidents,
    meters,
    notices,
    orders,
    readings,
    registry,
    registry_files,
    reports,
    reports_asked,
    schedules,
    service_levels,
    shipments,
    standing,
    stream,
    tasks,
    why,
)
from headend.rest.asking import Parts
from headend.rest.bounds import Bounded
from headend.rest.problems import ProblemTold, tell_problems
from headend.soap.door.route import UnsafeBind, is_loopback

OPENAPI = "/api/v1/openapi.json"
STREAM = "/api/v1/stream"
ENDLESS = "/live"
"""How the pages' streams end, which with REST's take as long as somebody listens: nobody measures
them."""
ROUTES = (
    orders, campaigns, meters, commissioning, activities, adjusting, registry, registry_files,
    shipments, firmware, readings, collection, schedules, events, incidents, notices, stream,
    reports, reports_asked, service_levels, tasks, feeders, why, standing,
)  # fmt: skip
BY_COMMAND = {
    "/api/v1/shipments": "Take it in by command, which has no bound: ami shipment import FILE",
    "/api/v1/shipments/preview": "Look at it by command: ami shipment preview FILE",
    "/api/v1/places/import": "Enter it by command, which has no bound: ami place import FILE",
    "/api/v1/installations": "Enter it by command, which has no bound: ami place hang FILE",
    "/api/v1/firmware": "Put it on the shelf by command: ami firmware add FILE",
    "/firmware": "Put it on the shelf by command: ami firmware add FILE",
}
"""What to do with files that are too large for this door."""
ABOUT = (
    "Orders, meters and readings of an AMI head-end. Each route names the scope that its token"
    " needs. Errors are problem details (RFC 9457) with a code, and say what to do next."
)


def check_bind(rest: Rest) -> None:
    """Refuse to listen beyond loopback without TLS.  Raises `UnsafeBind`."""
    if rest.port is not None and rest.tls is None and not is_loopback(rest.host):
        raise UnsafeBind(
            f"REST on {rest.host!r} needs TLS, or tokens could be read on their way: set"
            " certificate and key under [rest.tls], or listen on 127.0.0.1"
        )


def application(parts: Parts, *, version: str = "1") -> FastAPI:
    """The REST door's routes, without their bounds."""
    app = FastAPI(
        title="ami-headend",
        version=version,
        description=ABOUT,
        openapi_url=OPENAPI,
        docs_url=None,  # their pages fetch scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.parts = parts
    tell_problems(app)
    for module in ROUTES:
        app.include_router(module.router)
    _describe_problems(app)
    return app


def bounded(app: ASGIApp, parts: Parts) -> ASGIApp:
    """The application as a server hosts it: bounded and measured."""
    return _measured(Bounded(app, parts.config.rest.body_max_bytes, BY_COMMAND), parts)


def uvicorn_options(rest: Rest) -> dict[str, Any]:
    """Arguments of `uvicorn.Config` for this door.  Raises `UnsafeBind`."""
    check_bind(rest)
    options: dict[str, Any] = {
        "timeout_graceful_shutdown": 5,
        "server_header": False,
        "proxy_headers": False,  # an address that a stranger names would be believed
        "ws": "none",
        "lifespan": "off",
    }
    if rest.tls is not None:
        options |= {
            "ssl_certfile": str(rest.tls.certificate),
            "ssl_keyfile": str(rest.tls.key),
        }
    return options


def _describe_problems(app: FastAPI) -> None:
    """Every problem has one schema; FastAPI's own of a wrong question never goes out."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            schemas = schema["components"]["schemas"]
            told = ProblemTold.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= told.pop("$defs", {})
            schemas["ProblemTold"] = told
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for path in schema["paths"].values():
                for operation in path.values():
                    answer = operation["responses"].get("422", {})
                    if "application/json" in answer.get("content", {}):
                        del operation["responses"]["422"]
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _measured(app: ASGIApp, parts: Parts) -> ASGIApp:
    """Observe how long each question takes, under its route's pattern."""

    async def measured(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began = asyncio.get_running_loop().time()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            took = asyncio.get_running_loop().time() - began
            known = scope["method"] in ("GET", "POST")
            method = scope["method"] if known else "other"
            if route != STREAM and not route.endswith(ENDLESS):
                parts.metrics.answered(method, route, status, took)

    return measured
