"""Who is let in, and whose forms are taken: asked without a browser."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi.routing import APIRoute

from headend.access.sessions import TEXT, proof
from headend.config.web import Web
from headend.domain.account import Permission, Role
from headend.rest.asking import Parts
from headend.web.door import application
from headend.web.visit import WebParts, local
from tests.access.making import BY, RIGHT, WRONG
from tests.rest.test_permissions import every
from tests.web.ground import Ground, opened

OPEN = {
    "/login", "/login/oidc", "/login/oidc/callback", "/login/oidc/logout", "/preference",
    "/static/{known}/{name}",
}  # fmt: skip
"""What anybody may ask for."""
KNOWN = {"/", "/logout", "/password", "/board/live"}
"""What takes a session, and no permission."""


def client(ground: Ground) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=ground.url, trust_env=False)


async def posted(
    http: httpx2.AsyncClient, path: str, secret: str | None, fields: dict[str, Any], **headers: str
) -> httpx2.Response:
    if secret is not None:
        fields = {**fields, "proof": proof(secret)}
    return await http.post(path, data=fields, headers=headers)


async def test_every_route_names_its_permission_or_is_known_to_need_none() -> None:
    async with opened() as ground:
        web = WebParts(ground.parts, ground.desk, ground.sessions, secure=False)
        app = application(web)
        for route in every(app.routes):
            if not isinstance(route, APIRoute) or route.path in OPEN | KNOWN:
                continue
            scopes = [scope for each in _dependants(route.dependant) for scope in each]
            assert len(set(scopes)) == 1, f"{route.methods} {route.path}"
            assert Permission(scopes[0])
        for page in app.state.web.pages:
            assert page.path in {getattr(route, "path", "") for route in every(app.routes)}


def _dependants(dependant: Any) -> list[list[str]]:
    found = []
    for each in dependant.dependencies:
        scopes = list(
            getattr(each, "own_oauth_scopes", None) or getattr(each, "security_scopes", None) or []
        )
        found += [scopes, *_dependants(each)]
    return found


async def test_a_form_without_its_proof_does_nothing() -> None:
    async with opened() as ground, client(ground) as http:
        await ground.account("ana")
        login = {"name": "ana", "password": RIGHT}
        assert (await posted(http, "/login", None, login)).status_code == 403  # no cookie at all
        await http.get("/login")
        (secret,) = [value for name, value in http.cookies.items() if name == "ami_visitor"]
        assert TEXT.fullmatch(secret)
        other = "A" * 43
        for refused in (
            await posted(http, "/login", None, login),
            await posted(http, "/login", other, login),
            await posted(http, "/login", secret, login, **{"Sec-Fetch-Site": "cross-site"}),
            await http.post("/login", json={**login, "proof": proof(secret)}),
        ):
            assert refused.status_code == 403 and "not-our-form" in refused.text
        let_in = await posted(http, "/login", secret, login)
        assert let_in.status_code == 303 and let_in.headers["location"] == "/"
        # The proof of a visitor is none of the session that follows.
        assert (await posted(http, "/logout", secret, {})).status_code == 403


async def test_a_session_ends_by_rest_by_age_and_with_its_account() -> None:
    async with opened(Ground(web=Web(idle_s=600, ends_after_s=3600))) as ground:
        clock = ground.clock
        text = await ground.someone(Role.QA)
        assert await ground.sessions.known(text) is not None
        later = Later(clock)
        object.__setattr__(ground.sessions, "clock", later)
        for later.more_s in (500.0, 1000.0, 1500.0, 2000.0, 2500.0, 3000.0, 3500.0):
            assert await ground.sessions.known(text) is not None  # asked now and then
        later.more_s = 3601.0
        assert await ground.sessions.known(text) is None  # too old
        later.more_s = 4000.0
        text = await ground.someone(Role.QA)
        later.more_s = 4500.0
        assert await ground.sessions.known(text, asks=False) is not None
        later.more_s = 4601.0
        assert await ground.sessions.known(text) is None  # only looked at: it rested
        first, second = await ground.someone(Role.QA), await ground.someone(Role.QA)
        await ground.desk.set_password("qa", WRONG, BY)
        assert await ground.sessions.known(first) is await ground.sessions.known(second) is None
        text = await ground.someone(Role.QA)
        await ground.desk.disable("qa", BY)
        assert await ground.sessions.known(text) is None
        assert await ground.sessions.known("nothing of the kind") is None


class Later:
    """A clock that is ahead of another."""

    def __init__(self, clock: Any) -> None:
        self.clock, self.more_s = clock, 0.0

    def now(self) -> Any:
        from datetime import timedelta

        return self.clock.now() + timedelta(seconds=self.more_s)


async def test_no_text_of_a_session_is_kept() -> None:
    async with opened() as ground:
        text = await ground.someone(Role.QA)
        kept = ground.store.read(
            lambda connection: connection.exec_driver_sql("SELECT * FROM web_sessions").fetchall()
        )
        assert len(kept) == 1 and text not in str(kept)


async def test_wrong_passwords_lock_the_account_and_the_place() -> None:
    async with opened() as ground, client(ground) as http:
        await ground.account("ana")
        await http.get("/login")
        secret = http.cookies["ami_visitor"]
        for _ in range(ground.policy.failures_max):
            wrong = await posted(http, "/login", secret, {"name": "ana", "password": WRONG})
            assert wrong.status_code == 401
        locked = await posted(http, "/login", secret, {"name": "ana", "password": RIGHT})
        assert locked.status_code == 429
        for _ in range(ground.policy.place_failures_max):
            shut = await posted(http, "/login", secret, {"name": "eva", "password": WRONG})
        assert shut.status_code == 429 and "ami_session" not in http.cookies


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/a\nb", "", "javascript:1"],
)
def test_a_login_leads_to_no_other_place(path: str) -> None:
    assert local(path) == "/"
    assert local("/orders?state=done") == "/orders?state=done"


def test_cookies_of_a_door_under_tls_leave_by_nothing_else() -> None:
    parts: Any = Parts
    secure = WebParts(parts, parts, parts, secure=True)
    assert secure.session_cookie.startswith("__Host-")
    assert secure.visitor_cookie.startswith("__Host-")
    assert secure.attempt_cookie.startswith("__Host-")
    assert secure.hint_cookie.startswith("__Secure-")  # it has a path of its own


STRANGE = (
    "/orders/99999999999999999999", "/orders/0", "/orders/x", "/meters/%00", "/meters/a%0Ab",
    "/orders?meter=%00&cursor=%40%40&state=nothing", "/orders?cursor=AAAA", "/meters?find=%00",
    "/alarms?incident=99999999999999999999", "/audit?cursor=99999999999999999999",
    "/reports/..%2F..%2Fsecret/file?name=report.pdf", "/reports/0123456789abcdef/file?name=../x",
    "/reports/0123456789abcdef/file", "/concentrators/%ff", "/collection?days=-1&cursor=x",
    "/levels?by=nothing", "/campaigns/1?state=x&cursor=%F0", "/live?kind=nothing",
    "/tasks/runs/99999999999999999999", "/tasks/runs/1?cursor=%40", "/tasks/named/%00",
    "/tasks/named/x?cursor=%40", "/tasks/new?kind=nothing", "/mappings?q=%00",
)  # fmt: skip


async def test_what_a_browser_would_not_ask_breaks_nothing() -> None:
    async with opened() as ground, client(ground) as http:
        text = await ground.someone()
        http.cookies.set("ami_session", text, domain="127.0.0.1")
        for path in STRANGE:
            answer = await http.get(path)
            assert answer.status_code in (200, 400, 404), (path, answer.status_code)
        for path, fields in (
            ("/meters/M001/read", {"object": "a\x00b", "key": "k-1"}),
            ("/meters/M001/read", {"object": "x" * 100, "key": "k-2"}),
            ("/concentrators/C-1/ask", {"kind": "nothing", "key": "k-3"}),
            ("/orders", {"meter": "M001", "kind": "read", "why": "x", "key": "k-4"}),
            ("/accounts/nobody/explode", {}),
            ("/reports", {"report": "..", "every": "year"}),
            ("/tasks/new", {"kind": "nothing"}),
            ("/tasks/new", {"kind": "UnbalanceHr", "name": "..", "every": "daily"}),
            ("/mappings", {"siad": "nothing", "simoce": "nothing"}),
            ("/mappings/unmap", {}),
        ):
            answer = await posted(http, path, text, fields)
            assert answer.status_code in (400, 404), (path, answer.status_code)
        assert all(line.outcome != "done" or line.actor == "admin" for line in ground.audit())
