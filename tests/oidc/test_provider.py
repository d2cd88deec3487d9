"""What a provider tells of itself and its keys: remembered, renewed, done without for a while."""

from __future__ import annotations

import asyncio
import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from headend.access.oidc.login import Arrival
from headend.access.oidc.provider import Unanswered
from headend.access.oidc.refusing import NoLogin, Why
from headend.config import BadConfig, parse
from headend.domain.account import Role
from headend.integration.oidc_http import BODY_MAX, HttpAsking
from tests.access.making import HERE, House
from tests.house.source import ROOT
from tests.oidc.issuer import BACK, ISSUER, Issuer, key, logged_in, login, signed

SEEN = ["/.well-known/openid-configuration", "/keys"]


async def test_what_it_tells_is_asked_for_once_an_hour_and_new_keys_when_they_come() -> None:
    house = House()
    issuer = Issuer(house)
    at = login(house, issuer)
    for _ in range(2):
        assert isinstance(await logged_in(at, issuer), Arrival)
    assert [each for each in issuer.asked if each != "/token"] == SEEN
    issuer.keys.insert(0, key("two"))  # it signs by another from now on
    await asyncio.sleep(61)  # simulated
    assert isinstance(await logged_in(at, issuer), Arrival)
    assert issuer.asked.count("/keys") == 2
    made_up = key("made-up")
    issuer.signed = lambda claims: signed(claims, made_up)
    for _ in range(5):
        found = await logged_in(at, issuer)
        assert isinstance(found, NoLogin) and "key is unknown" in found.detail
    assert issuer.asked.count("/keys") == 2  # who makes keys up has nobody asked
    issuer.signed, issuer.keys = None, issuer.keys[:1]
    await asyncio.sleep(3600)
    assert isinstance(await logged_in(at, issuer), Arrival)
    assert issuer.asked.count(SEEN[0]) == 2 and issuer.asked.count("/keys") == 3


async def test_a_token_without_a_key_id_needs_the_only_key() -> None:
    house = House()
    issuer = Issuer(house)
    at = login(house, issuer)
    one = issuer.keys[0]
    nameless = key("one")
    assert await at.provider.key(None, "ES256")
    issuer.keys = [one, nameless]
    await asyncio.sleep(3601)
    for kid in (None, "one"):
        with pytest.raises(Exception, match="unknown"):
            await at.provider.key(kid, "ES256")


async def test_one_who_is_away_is_told_so_and_looked_for_again() -> None:
    house = House()
    issuer = Issuer(house, away=True)
    at = login(house, issuer)
    assert not await at.provider.look() and not await at.provider.look()
    assert len(issuer.asked) == 1  # a rest between two looks
    gone = await at.begin("/", callback=BACK, source=HERE)
    assert isinstance(gone, NoLogin) and gone.code is Why.AWAY and house.audit() == []
    asked = len(issuer.asked)
    many = await asyncio.gather(*(at.begin("/", callback=BACK, source=HERE) for _ in range(5)))
    assert len(issuer.asked) == asked + 1  # who waited meanwhile does not wait once more
    assert {each.code for each in many if isinstance(each, NoLogin)} == {Why.AWAY}
    issuer.away = False
    await asyncio.sleep(16)
    assert await at.provider.look() and isinstance(await logged_in(at, issuer), Arrival)
    issuer.away = True
    await asyncio.sleep(3601)
    assert not await at.provider.look()
    assert await at.way_out("", "https://x/login") is None
    departure = await at.begin("/", callback=BACK, source=HERE)  # what it told before counts on
    assert not isinstance(departure, NoLogin)
    issuer.told = {"issuer": "https://id.other.example"}
    issuer.away = False
    await asyncio.sleep(16)
    wrong = await at.begin("/", callback=BACK, source=HERE)
    assert isinstance(wrong, NoLogin) and wrong.code is Why.WRONG
    await at.provider.close()


@pytest.mark.parametrize(
    "told",
    [
        {"issuer": f"{ISSUER}/"},
        {"token_endpoint": "http://id.utility.example/token"},
        {"jwks_uri": "http://127.0.0.1/keys"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"end_session_endpoint": 'https://id.utility.example/"><x'},
        {"jwks_uri": None},
    ],
)
async def test_one_that_leads_elsewhere_is_not_followed(told: dict[str, Any]) -> None:
    house = House()
    found = await login(house, Issuer(house, told=told)).begin("/", callback=BACK, source=HERE)
    assert isinstance(found, NoLogin) and found.code is Why.WRONG


async def test_the_way_out_names_the_session_and_comes_back() -> None:
    house = House()
    issuer = Issuer(house)
    way = await login(house, issuer).way_out("the.token", "https://hes.utility.example:8444/login")
    assert way == (
        f"{ISSUER}/end?client_id=ami-headend&post_logout_redirect_uri="
        "https%3A%2F%2Fhes.utility.example%3A8444%2Flogin&id_token_hint=the.token"
    )


class Odd(http.server.BaseHTTPRequestHandler):
    """Answers that nobody should wait for, follow or keep."""

    def do_GET(self) -> None:
        if self.path == "/silent":
            self.server.let_go.wait(30)  # type: ignore[attr-defined]
            return
        moved = self.path == "/moved"
        self.send_response(302 if moved else 200)
        if moved:
            self.send_header("Location", "/long")
        self.end_headers()
        if not moved:
            try:
                self.wfile.write(b" " * (BODY_MAX + 100_000))
            except OSError:
                pass  # who asked has hung up

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def odd() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd) as server:
        server.let_go = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.let_go.set()  # type: ignore[attr-defined]
            server.shutdown()
            thread.join()


@pytest.mark.live
async def test_questions_are_bounded_and_go_where_they_were_sent() -> None:
    with odd() as url:
        patient = HttpAsking(30.0)
        assert (await patient.get(f"{url}/moved", {})).status == 302
        with pytest.raises(Unanswered, match="too long"):
            await patient.get(f"{url}/long", {})
        with pytest.raises(Unanswered):
            await HttpAsking(0.2).get(f"{url}/silent", {})
    with pytest.raises(Unanswered):
        await patient.post(f"{url}/", {"a": "b"}, {})
    with pytest.raises(OSError):
        HttpAsking(1.0, authority=Path("nowhere.pem"))


GOOD = '[oidc]\nissuer = "https://id.utility.example"\nclient_id = "ami"\n'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (GOOD.replace("https", "http"), "https"),
        (GOOD.replace("https", "ftp"), "https"),
        (GOOD.replace("example", "example?x=1"), "no URL"),
        (GOOD.replace("https://id.utility.example", "https://["), "issuer|IPv6"),
        (GOOD + 'accounts = "made"\n', "roles"),
        (GOOD + 'passwords = "nobody"\n[oidc.roles]\nx = ["operator"]\n', "administrator"),
        (GOOD + 'public_url = "https://x/pages"\n', "path"),
        (GOOD + 'algorithms = ["HS256"]\n', "HS256"),
        (GOOD + 'algorithms = ["none"]\n', "none"),
        (GOOD + '[oidc.roles]\nx = ["king"]\n', "king"),
        (GOOD + '[rest.tls]\ncertificate = "a"\nkey = "b"\n', "public_url"),
    ],
)
def test_settings_that_would_let_somebody_in_by_mistake(text: str, why: str) -> None:
    with pytest.raises(BadConfig, match=why):
        parse(text)


def test_settings_that_are_taken() -> None:
    page = (ROOT / "docs" / "web.md").read_text(encoding="utf-8")
    (told,) = [
        each for each in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "[oidc]" in each
    ]
    shown = parse(told).oidc
    assert shown is not None and shown.roles["ami-admins"] == (Role.ADMINISTRATOR,)
    for code in Why:
        assert f"`{code}`" in page
    config = parse(GOOD.replace("https://id.utility.example", "http://localhost:8080/realm")).oidc
    assert config is not None and config.passwords == "everybody" and not config.adopts
    assert parse("").oidc is None
