"""Logging in with the utility's identity provider, which is another's program in its own process.

It stands at `localhost` and the pages at 127.0.0.1: another site, whose pages bring no cookie of
ours that is `Strict`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.async_api import Route, expect

from headend.config import Config
from headend.config.oidc import Oidc
from headend.config.secret import Secret
from headend.domain.account import Role
from headend.web.render import HEADERS
from tests.access.making import BY, RIGHT
from tests.web.browser import browsing, looked_at
from tests.web.ground import Ground, opened

PEOPLE = (
    {"sub": "00u1", "preferred_username": "ana", "groups": ["ami-operators"]},
    {"sub": "00u2", "preferred_username": "eva", "groups": ["visitors"]},
)
STARTED_S = 60.0
SOON: dict[str, Any] = {"timeout": 30_000}


@contextlib.asynccontextmanager
async def provider(port: int = 0) -> AsyncIterator[str]:
    """oidc-provider-mock, as its command starts it; where it is."""
    claims = [word for each in PEOPLE for word in ("--user-claims", json.dumps(each))]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", *claims,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    errors = process.stderr
    said = ""
    try:
        async with asyncio.timeout(STARTED_S):
            while (at := re.search(r"http://127\.0\.0\.1:(\d+)", said)) is None:
                line = (await errors.readline()).decode()
                assert line, said
                said += line
        reading = asyncio.create_task(errors.read())  # so that it never waits for us
        yield f"http://localhost:{at[1]}"
    finally:
        process.kill()
        await process.wait()
    await reading


def ground(issuer: str, folder: Path, **settings: Any) -> Ground:
    kept = folder / "oidc.secret"
    kept.write_text("a secret of theirs and ours\n")
    oidc = Oidc(
        issuer=issuer, client_id="ami-headend", client_secret=Secret(file=kept),
        title="Empresa Eléctrica", roles={"ami-operators": (Role.OPERATOR,)}, accounts="made",
        **settings,
    )  # fmt: skip
    return Ground(config=Config(oidc=oidc), wall=True)


async def no_styles(route: Route) -> None:
    """The provider's page wants them from the net."""
    await route.fulfill(body="", content_type="text/css")


@pytest.mark.requires("chromium")
async def test_a_login_with_the_utilitys_provider_and_the_way_out_of_both(tmp_path: Path) -> None:
    async with (
        provider() as issuer,
        opened(ground(issuer, tmp_path)) as at,
        browsing(at, nobody=True) as it,
    ):
        it.also = (issuer, "https://")
        await it.context.route(re.compile("^https:"), no_styles)
        page = it.page
        await looked_at(it, "/login", es="Entrar", en="Log in", shot="login-provider")
        await it.prefer("es", "light")
        await it.go("/alarms")
        await page.get_by_role("button", name="Entrar con Empresa Eléctrica").click()
        await expect(page.locator("h1")).to_have_text("Authorize Client", **SOON)
        assert page.url.startswith(f"{issuer}/oauth2/authorize?") and "S256" in page.url
        await page.get_by_role("button", name="00u1").click()
        await expect(page.locator("h1")).to_have_text("Alarmas", **SOON)
        await it.drawn()
        kept = {each["name"]: each for each in await it.context.cookies(at.url)}
        assert kept["ami_session"]["sameSite"] == "Strict" and "ami_attempt" not in kept
        await page.locator("details.who summary").click()
        await expect(page.locator("details.who")).to_contain_text("ana")
        assert await page.get_by_role("link", name="contraseña").count() == 0
        await page.get_by_role("button", name="Salir").click()
        await expect(page.locator("h1")).to_have_text("End Session", **SOON)
        assert "id_token_hint=" in page.url and "client_id=ami-headend" in page.url
        await page.get_by_role("button", name="End session").click()
        await expect(page.locator("h1")).to_have_text("Entrar", **SOON)
        await page.get_by_role("button", name="Entrar con Empresa Eléctrica").click()
        await page.get_by_role("button", name="00u2").first.click()
        await expect(page.get_by_role("alert")).to_contain_text("Ninguno de sus grupos", **SOON)
        assert at.story() == [
            "account.add done admin", "account.add done oidc", "login done ana", "logout done ana",
            "login refused ",
        ]  # fmt: skip
        assert {each.source for each in at.audit()[1:]} == {"127.0.0.1"}


async def test_pages_open_while_the_provider_is_away_and_it_serves_once_it_is_there(
    tmp_path: Path,
) -> None:
    async with provider() as issuer:
        pass
    port = int(issuer.rpartition(":")[2])
    async with (
        opened(ground(issuer, tmp_path, passwords="administrators", timeout_s=5.0)) as at,
        httpx2.AsyncClient(base_url=at.url, trust_env=False, timeout=30) as http,
    ):
        await at.desk.add("root", [Role.ADMINISTRATOR], BY, password=RIGHT)
        await at.desk.add("ida", [Role.QA], BY, password=RIGHT)
        page = await http.get("/login", headers={"Accept-Language": "en"})
        assert page.status_code == 200 and "does not answer just now" in page.text
        gone = await posted(http, page, "/login/oidc", next="/alarms")
        assert gone.headers["location"] == "/login?refused=provider-away&next=/alarms"
        told = await http.get(gone.headers["location"], headers={"Accept-Language": "en"})
        assert "did not answer" in told.text and "<code>provider-away</code>" in told.text
        assert 'value="/alarms"' in told.text
        refused = await posted(http, page, "/login", name="ida", password=RIGHT)
        assert refused.status_code == 401 and "no entra con contraseña" in refused.text
        glass = await posted(http, page, "/login", name="root", password=RIGHT)  # and it breaks
        assert glass.status_code == 303 and "ami_session" in glass.headers["set-cookie"]
        async with provider(port):
            http.cookies.clear()
            page = await http.get("/login")
            sent = await posted(http, page, "/login/oidc")
            assert sent.status_code == 200 and sent.headers["referrer-policy"] == "no-referrer"
            assert f'content="0; url={issuer}/oauth2/authorize?' in sent.text
            # Nothing is let through but what was: the page leads on, no form of ours does.
            policy = sent.headers["content-security-policy"]
            assert policy == HEADERS["Content-Security-Policy"] and "form-action 'self'" in policy
            cookie = sent.headers["set-cookie"].lower()
            assert "httponly" in cookie and "samesite=lax" in cookie and "max-age=600" in cookie


async def test_the_callback_takes_nothing_from_who_has_not_begun(tmp_path: Path) -> None:
    async with (
        opened(ground("http://127.0.0.1:9", tmp_path)) as at,
        httpx2.AsyncClient(base_url=at.url, trust_env=False) as http,
    ):
        answer = await http.get("/login/oidc/callback?code=x&state=y")
        assert "/login?refused=login-not-ours" in answer.text
        assert "ami_session" not in answer.headers.get("set-cookie", "")
        assert (await http.get("/login?refused=<script>")).text.count("alert") == 0
        no_proof = await http.post("/login/oidc", data={"next": "/"})
        assert no_proof.status_code == 403
        assert at.story()[1:] == ["login refused "]


async def test_without_a_provider_there_is_no_such_way() -> None:
    async with opened() as at, httpx2.AsyncClient(base_url=at.url, trust_env=False) as http:
        assert (await http.get("/login/oidc/callback?code=x&state=y")).status_code == 404
        assert "/login/oidc" not in (await http.get("/login")).text


async def test_an_account_for_who_comes_by_the_provider_is_made_and_unlinked(
    tmp_path: Path,
) -> None:
    async with (
        opened(ground("http://127.0.0.1:9", tmp_path)) as at,
        httpx2.AsyncClient(base_url=at.url, trust_env=False) as http,
    ):
        http.cookies.set("ami_session", await at.someone(Role.ADMINISTRATOR))
        page = await http.get("/accounts")
        made = await posted(
            http, page, "/accounts", name="eva", role="qa", elsewhere="yes"
        )  # fmt: skip
        assert made.headers["location"] == "/accounts?done=accounts.done.added"
        account = await at.store.run(lambda tx: tx.account("eva"))
        assert account is not None and account.password is None and not account.one_time
        done = await posted(http, page, "/accounts/eva/unlink")
        assert done.headers["location"] == "/accounts?done=accounts.done.unlink"
        assert at.story()[-1] == "account.identity done administrator"


async def posted(
    http: httpx2.AsyncClient, page: httpx2.Response, path: str, **fields: str
) -> httpx2.Response:
    found = re.search(r'name="proof" value="(\w+)"', page.text)
    assert found is not None
    return await http.post(path, data={"proof": found[1], **fields})


async def test_the_provider_tells_who_has_left_without_a_browser(tmp_path: Path) -> None:
    async with (
        opened(ground("http://127.0.0.1:9", tmp_path)) as at,
        httpx2.AsyncClient(base_url=at.url, trust_env=False) as http,
    ):
        refused = await http.post("/login/oidc/logout", data={"logout_token": "x.y.z"})
        assert refused.status_code == 400 and refused.json()["error"] == "invalid_request"
        assert refused.headers["cache-control"] == "no-store"
