"""An identity provider in memory, which makes tokens as wrong as a test wants them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey

from headend.access.oidc.login import Arrival, Departure, ProviderLogin
from headend.access.oidc.provider import Answered, Provider, Unanswered
from headend.access.oidc.refusing import NoLogin
from headend.access.sessions import Sessions
from headend.config.oidc import Oidc
from headend.config.web import Web
from headend.domain.account import Role
from tests.access.making import HERE, House

ISSUER = "https://id.utility.example/realms/utility"
CLIENT, SECRET = "ami-headend", "a client's secret: 100 %"
BACK = "https://hes.utility.example:8444/login/oidc/callback"
ROLES = {"ami-operators": (Role.OPERATOR,), "ami-admins": (Role.ADMINISTRATOR, Role.AUDITOR)}
CONFIG = Oidc(issuer=ISSUER, client_id=CLIENT, roles=ROLES, accounts="made")
Claims = dict[str, Any]


def key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


@dataclass
class Issuer:
    """Answers as a provider does.  `claims` are of whoever logs in; `wrong` spoils a token's
    claims, `signed` makes it another way altogether."""

    house: House
    claims: Claims = field(
        default_factory=lambda: {"preferred_username": "ana", "groups": ["ami-operators"]}
    )
    subject: str = "00u1"
    keys: list[ECKey] = field(default_factory=lambda: [key("one")])
    told: Claims = field(default_factory=dict)
    more: Claims | None = None
    wrong: Callable[[Claims], Any] = lambda claims: None
    signed: Callable[[Claims], str] | None = None
    away: bool = False
    asked: list[str] = field(default_factory=list)
    _codes: dict[str, Mapping[str, str]] = field(default_factory=dict)

    # --- what a browser does there ---

    def visited(self, url: str) -> dict[str, str]:
        """Somebody logs in: the answer that their browser brings back."""
        parts = urlsplit(url)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{ISSUER}/authorize"
        question = dict(parse_qsl(parts.query))
        assert question["response_type"] == "code" and question["redirect_uri"] == BACK
        assert question["code_challenge_method"] == "S256"
        assert question["scope"].split() == ["openid", "profile"]
        code = f"code-{len(self._codes)}"
        self._codes[code] = question
        return {"code": code, "state": question["state"], "iss": ISSUER}

    # --- what the head-end asks ---

    async def get(self, url: str, headers: Mapping[str, str]) -> Answered:
        await asyncio.sleep(0.01)  # simulated, as any answer takes a while
        path = self._path(url)
        if path == "/.well-known/openid-configuration":
            return _json(self._described() | self.told)
        if path == "/keys":
            return _json({"keys": [each.as_dict(private=False) for each in self.keys]})
        assert path == "/userinfo" and headers["Authorization"] == "Bearer access"
        return _json({"sub": self.subject} | (self.more or {}))

    async def post(
        self, url: str, fields: Mapping[str, str], headers: Mapping[str, str]
    ) -> Answered:
        assert self._path(url) == "/token"
        shown = base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode()
        assert tuple(map(unquote_plus, shown.split(":"))) == (CLIENT, SECRET)
        question = self._codes.pop(fields["code"], None)
        if question is None or not _verifies(fields["code_verifier"], question):
            return Answered(400, b'{"error": "invalid_grant"}')
        assert fields["redirect_uri"] == question["redirect_uri"]
        tokens = {"access_token": "access", "token_type": "Bearer"}
        return _json(tokens | {"id_token": self.token(question["nonce"])})

    def token(self, nonce: str) -> str:
        now = int(self.house.clock.now().timestamp())
        claims: Claims = {
            "iss": ISSUER, "sub": self.subject, "aud": CLIENT, "iat": now, "exp": now + 300,
            "nonce": nonce,
        } | self.claims  # fmt: skip
        self.wrong(claims)
        return signed(claims, self.keys[0]) if self.signed is None else self.signed(claims)

    def _described(self) -> Claims:
        names = {
            "authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys",
            "end_session_endpoint": "end",
        }  # fmt: skip
        if self.more is not None:
            names["userinfo_endpoint"] = "userinfo"
        return {"issuer": ISSUER} | {name: f"{ISSUER}/{path}" for name, path in names.items()}

    def _path(self, url: str) -> str:
        path = url.removeprefix(ISSUER)
        self.asked.append(path)
        if self.away:
            raise Unanswered("nobody is there")
        return path


def signed(claims: Claims, by: ECKey, **header: Any) -> str:
    return jwt.encode({"alg": "ES256", "kid": by.kid} | header, claims, by)


def login(house: House, issuer: Issuer, config: Oidc = CONFIG, **changed: Any) -> ProviderLogin:
    """Logins by this provider, with settings of a test's own."""
    config = msgspec.structs.replace(config, **changed)
    sessions = Sessions(house.store, house.clock, house.desk.chance, Web())
    provider = Provider(config, issuer, house.clock)
    return ProviderLogin(config, provider, house.guard, sessions, house.store, house.clock, SECRET)


async def begun(at: ProviderLogin, going: str = "/orders") -> Departure:
    found = await at.begin(going, callback=BACK, source=HERE)
    assert isinstance(found, Departure), found
    return found


async def ended(
    at: ProviderLogin, cookie: str, answer: Mapping[str, str], source: str = HERE
) -> Arrival | NoLogin:
    return await at.finish(cookie, answer, callback=BACK, source=source)


async def logged_in(at: ProviderLogin, issuer: Issuer) -> Arrival | NoLogin:
    """The whole way, there and back."""
    departure = await begun(at)
    return await ended(at, departure.cookie, issuer.visited(departure.url))


def _verifies(verifier: str, question: Mapping[str, str]) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") == question["code_challenge"]


def _json(value: Claims) -> Answered:
    return Answered(200, json.dumps(value).encode())
