"""Coming in, going out, and choosing another password."""

from __future__ import annotations

import math

from fastapi import APIRouter, Response

from headend.access.desk import AccessRefused
from headend.access.guard import Refused
from headend.web.pages import oidc
from headend.web.render import rendered
from headend.web.visit import Anyone, Known, Visit, local

router = APIRouter()


@router.get("/login")
async def form(visit: Anyone) -> Response:
    if visit.account is not None:
        return visit.to("/")
    return await _form(visit)


@router.post("/login")
async def login(visit: Anyone) -> Response:
    """A session for a name and its password.  An old session of this browser ends with it."""
    name = visit.field("name")
    password = visit.form.get("password", [""])[0]
    found = await visit.parts.guard.login(
        name, password, source=visit.source, only=visit.web.by_password
    )
    if isinstance(found, Refused):
        return await _form(visit, found)
    return await _in(visit, found.account, local(visit.field("next", "/")))


@router.post("/logout")
async def logout(visit: Known) -> Response:
    elsewhere = await oidc.way_out(visit)
    await visit.web.sessions.close(visit.secret, visit.by)
    answer = visit.to("/login") if elsewhere is None else oidc.onward(visit, elsewhere)
    answer.delete_cookie(visit.web.session_cookie, path="/", secure=visit.web.secure)
    oidc.forget(visit, answer)
    return answer


@router.get("/password")
async def password_form(visit: Known) -> Response:
    return rendered(visit, "password.html", refused=None)


@router.post("/password")
async def change_password(visit: Known) -> Response:
    """Another password, by who knows the one before; all other sessions of the account end."""
    name = visit.caller.account
    old = visit.form.get("old", [""])[0]
    new = visit.form.get("new", [""])[0]
    if new != visit.form.get("again", [""])[0]:
        return rendered(visit, "password.html", 400, refused="password.differ")
    found = await visit.parts.guard.login(name, old, source=visit.source)
    if isinstance(found, Refused):
        return rendered(visit, "password.html", 403, refused="password.wrong")
    if new == old:
        return rendered(visit, "password.html", 400, refused="password.same")
    try:
        await visit.web.accounts.set_password(name, new, visit.by)
    except AccessRefused:
        return rendered(visit, "password.html", 400, refused="password.weak")
    return await _in(visit, name, "/", "password.done.changed")


async def _in(visit: Visit, account: str, path: str, done: str | None = None) -> Response:
    """Go on with a new session: one that somebody put into the browser before is of no use."""
    text = await visit.web.sessions.open(account, source=visit.source)
    answer = visit.to(path, done)
    visit.remember(answer, visit.web.session_cookie, text, age_s=None)
    answer.delete_cookie(visit.web.visitor_cookie, path="/", secure=visit.web.secure)
    oidc.forget(visit, answer)
    return answer


async def _form(visit: Visit, refused: Refused | None = None) -> Response:
    wait = None if refused is None or refused.wait_s is None else math.ceil(refused.wait_s / 60)
    status = 200 if refused is None else 401 if wait is None else 429
    going = local(visit.field("next") or visit.request.query_params.get("next", "/"))
    provider = visit.web.provider
    there = None if provider is None else await provider.provider.look()
    return rendered(
        visit, "login.html", status, refused=refused, wait_min=wait, next=going,
        name=visit.field("name"), there=there, why_not=oidc.why_not(visit),
        title="" if provider is None else provider.config.title,
        passwords="everybody" if provider is None else provider.config.passwords,
    )  # fmt: skip
