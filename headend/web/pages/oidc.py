"""To the utility's identity provider, and back from it.

The provider is another site, so what comes back brings no cookie that is `Strict`: the attempt has
one of its own, and whoever has arrived is sent on by a page of ours, not by a redirect, which would
still count as the other site's.  For the same reason the way there begins with a page: a form of
ours leads nowhere else (`form-action 'self'`), and neither does what it is answered with.
"""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import JSONResponse

from headend.access.oidc.attempt import LASTS_S
from headend.access.oidc.login import Arrival, Departure, ProviderLogin
from headend.access.oidc.refusing import NoLogin, Why
from headend.rest.asking import source_of
from headend.rest.problems import Problem
from headend.web.render import rendered
from headend.web.visit import FIELDS_MAX, LOGIN, Anyone, Visit, WebParts, local, web_of

START: Final = "/login/oidc"
BACK: Final = "/login/oidc/callback"
GONE: Final = "/login/oidc/logout"
LOGOUT: Final = "/logout"
HINT_MAX: Final = 3500
"""Octets of a cookie that all browsers keep, with room for its name (RFC 6265, 6.1)."""
ANSWER_MAX: Final = 4096

router = APIRouter()


@router.post(START)
async def leave(visit: Anyone) -> Response:
    """Send the browser to the provider."""
    going = local(visit.field("next", "/"))
    found = await _login(visit).begin(going, callback=_ours(visit, BACK), source=visit.source)
    if isinstance(found, NoLogin):
        return visit.to(_refused(found.code, going))
    answer = onward(visit, found.url)
    _keep(visit, answer, found)
    return answer


@router.get(BACK)
async def come_back(visit: Anyone, request: Request) -> Response:
    """A session for whom the provider has said who they are."""
    cookie = request.cookies.get(visit.web.attempt_cookie, "")
    told = {k: v[:ANSWER_MAX] for k, v in request.query_params.items()}
    found = await _login(visit).finish(
        cookie, told, callback=_ours(visit, BACK), source=visit.source
    )
    visit.is_new = False  # its cookie is only not sent here
    if isinstance(found, NoLogin):
        answer = onward(visit, _refused(found.code, "/"))
    else:
        text = await visit.web.sessions.open(found.account.name, source=visit.source)
        answer = onward(visit, local(found.going))
        visit.remember(answer, visit.web.session_cookie, text, age_s=None)
        answer.delete_cookie(visit.web.visitor_cookie, path="/", secure=visit.web.secure)
        _hint(visit, answer, found)
    answer.delete_cookie(visit.web.attempt_cookie, path="/", secure=visit.web.secure)
    return answer


@router.post(GONE)
async def gone(request: Request, web: Annotated[WebParts, Depends(web_of)]) -> Response:
    """The provider itself tells that somebody has left; its token is the proof, as no browser of
    ours is there."""
    if web.provider is None:
        return Response(status_code=404)
    body = (await request.body()).decode("utf-8", "replace")
    try:
        told = parse_qs(body, max_num_fields=FIELDS_MAX).get("logout_token", [""])[0]
    except ValueError:
        told = ""
    refused = await web.provider.gone(told, source=source_of(request))
    headers = {"Cache-Control": "no-store"}
    if refused is None:
        return Response(status_code=200, headers=headers)
    # 2.8: a request that is wrong is answered by 400; whatever we are not able to is by another.
    status = {Why.TOO_MANY: 429, Why.AWAY: 503, Why.WRONG: 503}.get(refused.code, 400)
    error = {"error": "invalid_request", "error_description": refused.code}
    return JSONResponse(error, status, headers)


def onward(visit: Visit, to: str) -> Response:
    """A page that leads on by itself, and has a link for whom it does not."""
    answer = rendered(visit, "onward.html", to=to, place=urlsplit(to).hostname)
    answer.headers["Referrer-Policy"] = "no-referrer"  # this page's address may hold a code
    return answer


async def way_out(visit: Visit) -> str | None:
    """Where who came by the provider leaves it as well; None for anybody else."""
    hint = visit.request.cookies.get(visit.web.hint_cookie)
    if visit.web.provider is None or hint is None:
        return None
    return await visit.web.provider.way_out(
        "" if hint == "-" else hint, _ours(visit, LOGIN)
    )  # fmt: skip


def forget(visit: Visit, answer: Response) -> None:
    """The session that there was, or comes, is not the provider's."""
    answer.delete_cookie(visit.web.hint_cookie, path=LOGOUT, secure=visit.web.secure)


def why_not(visit: Visit) -> Why | None:
    """What a login by the provider has ended with, as the page of the login is told."""
    return visit.among("refused", Why)


def _login(visit: Visit) -> ProviderLogin:
    if visit.web.provider is None:
        raise Problem(
            404, "no-such-page", "There is no such page.", "[oidc] is not configured", "Go to /"
        )
    return visit.web.provider


def _ours(visit: Visit, path: str) -> str:
    """A page of ours as the provider names it; not as the browser names it, beyond loopback."""
    config = visit.web.rest.config.oidc
    assert config is not None
    public = config.public_url or str(visit.request.base_url)
    return public.rstrip("/") + path


def _refused(code: Why, going: str) -> str:
    after = "" if going == "/" else f"&next={quote(going)}"
    return f"{LOGIN}?refused={code}{after}"


def _keep(visit: Visit, answer: Response, departure: Departure) -> None:
    answer.set_cookie(
        visit.web.attempt_cookie, departure.cookie, max_age=LASTS_S, path="/", httponly=True,
        samesite="lax", secure=visit.web.secure,
    )  # fmt: skip


def _hint(visit: Visit, answer: Response, arrival: Arrival) -> None:
    """Remember how this session began, and what the provider wants to see at its end."""
    hint = arrival.id_token if len(arrival.id_token) <= HINT_MAX else "-"
    answer.set_cookie(
        visit.web.hint_cookie, hint, path=LOGOUT, httponly=True, samesite="strict",
        secure=visit.web.secure,
    )  # fmt: skip
