"""Who may use the head-end: accounts, their roles, their tokens."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response, Security

from headend.access.desk import AccessRefused
from headend.access.first import one_time_password
from headend.domain.account import Permission, Role
from headend.store import access_queries as queries
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.visit import Named, Visit, visiting

PAGES = (Page("accounts", "/accounts", Menu.ADMINISTRATION, Permission.ACCOUNT_READ),)
P = Permission
Reader = Annotated[Visit, Security(visiting, scopes=[P.ACCOUNT_READ])]
Writer = Annotated[Visit, Security(visiting, scopes=[P.ACCOUNT_WRITE])]

router = APIRouter()


@router.get("/accounts")
async def accounts(visit: Reader) -> Response:
    return await _shown(visit)


@router.post("/accounts")
async def add(visit: Writer) -> Response:
    """A new account with a one-time password, which is shown now and never again, or without one
    for who comes by the identity provider."""
    name = visit.field("name")
    elsewhere = visit.web.provider is not None and bool(visit.field("elsewhere"))
    password = None if elsewhere else one_time_password(visit.web.accounts)
    try:
        await visit.web.accounts.add(
            name, _roles(visit), visit.by, password=password, one_time=password is not None
        )
    except AccessRefused as error:
        return await _shown(visit, refused=error.code)
    if password is None:
        return visit.to("/accounts", "accounts.done.added")
    return await _shown(visit, told=(name, password))


@router.post("/accounts/{name}/roles")
async def set_roles(visit: Writer, name: Named) -> Response:
    try:
        await visit.web.accounts.set_roles(name, _roles(visit), visit.by)
    except AccessRefused as error:
        return await _shown(visit, refused=error.code)
    return visit.to("/accounts", "accounts.done.roles")


@router.post("/accounts/{name}/password")
async def reset_password(visit: Writer, name: Named) -> Response:
    """A one-time password in place of one that was forgotten; its sessions end."""
    password = one_time_password(visit.web.accounts)
    try:
        await visit.web.accounts.set_password(name, password, visit.by, one_time=True)
    except AccessRefused as error:
        return await _shown(visit, refused=error.code)
    return await _shown(visit, told=(name, password))


@router.post("/accounts/{name}/{step}")
async def change(visit: Writer, name: Named, step: Named) -> Response:
    desk = visit.web.accounts
    steps = {
        "disable": desk.disable, "enable": desk.enable, "unlock": desk.unlock,
        "unlink": desk.unlink,
    }  # fmt: skip
    if step not in steps or (step == "disable" and name == visit.caller.account):
        return await _shown(visit, refused="not-yourself")
    try:
        await steps[step](name, visit.by)
    except AccessRefused as error:
        return await _shown(visit, refused=error.code)
    return visit.to("/accounts", f"accounts.done.{step}")


@router.post("/tokens")
async def create_token(visit: Writer) -> Response:
    """A token, whose text is shown now and never again."""
    scopes = [each for each in visit.form.get("scope", []) if each in set(Permission)]
    try:
        token, text = await visit.web.accounts.create_token(
            visit.field("account"), visit.by, scopes=[Permission(each) for each in scopes],
            about=visit.field("about"),
        )  # fmt: skip
    except AccessRefused as error:
        return await _shown(visit, refused=error.code)
    return await _shown(visit, told=(f"token {token.id}", text))


@router.post("/tokens/{id}/revoke")
async def revoke_token(visit: Writer, id: Named) -> Response:
    try:
        await visit.web.accounts.revoke_token(id, visit.by)
    except AccessRefused as error:
        return await _shown(visit, refused=error.code)
    return visit.to("/accounts", "accounts.done.revoked")


def _roles(visit: Visit) -> list[Role]:
    return [Role(each) for each in visit.form.get("role", []) if each in set(Role)]


async def _shown(
    visit: Visit, *, refused: str | None = None, told: tuple[str, str] | None = None
) -> Response:
    known, tokens = await visit.parts.read(
        lambda connection: (queries.accounts(connection), queries.tokens(connection))
    )
    now = visit.parts.clock.now()
    return rendered(
        visit, "accounts.html", 200 if refused is None else 400, accounts=known, tokens=tokens,
        roles=list(Role), permissions=list(Permission), refused=refused, told=told, now=now,
    )  # fmt: skip
