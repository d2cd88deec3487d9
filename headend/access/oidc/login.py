"""The way to the identity provider and back: authorization code flow with PKCE.

Answers of the provider come through the browser, so that anybody may make one up: it counts in the
browser that began the login, once, and what it brings is a code that is of use with our verifier
alone (OpenID Connect Core 1.0, 3.1; RFC 9700; RFC 9207).
"""

from __future__ import annotations

import base64
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

import msgspec
import structlog

from headend.access.guard import Guard
from headend.access.oidc import person as person_
from headend.access.oidc.accounts import left_by, recognised
from headend.access.oidc.attempt import GOING_MAX, LASTS_S, Attempt, challenge, taken_up
from headend.access.oidc.id_token import Claims, Expected, checked, left
from headend.access.oidc.metadata import Metadata
from headend.access.oidc.person import Person
from headend.access.oidc.provider import Answered, Provider, Unanswered
from headend.access.oidc.refusing import OURS, NoLogin, NotLoggedIn, Why
from headend.access.sessions import Sessions
from headend.config.oidc import Oidc
from headend.domain.account import Account
from headend.ports import AlreadyStored, Clock, Store

SPENT_MAX = 10_000
_log = structlog.get_logger("oidc")


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str = ""


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and the cookie that it keeps meanwhile."""

    url: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """Whose login it was, the page that was wanted, and what a logout at the provider shows."""

    account: Account
    going: str
    id_token: str = field(repr=False)


@dataclass(slots=True)
class ProviderLogin:
    """Logins by one provider.  `secret` is the client's, None where it has none."""

    config: Oidc
    provider: Provider
    guard: Guard
    sessions: Sessions
    store: Store
    clock: Clock
    secret: str | None = field(default=None, repr=False)
    _spent: OrderedDict[str, float] = field(default_factory=OrderedDict)

    async def begin(self, going: str, *, callback: str, source: str) -> Departure | NoLogin:
        """Send somebody there, who is to come back to `callback`."""
        if self.guard.keeps_out(source) is not None:
            return NoLogin(Why.TOO_MANY, "too many wrong tries came from there")
        try:
            told = await self.provider.metadata()
        except NotLoggedIn as error:
            return NoLogin(error.code, error.detail)
        attempt = Attempt(
            self.sessions.secret(), int(self.clock.now().timestamp()),
            going if len(going) <= GOING_MAX else "/",
        )  # fmt: skip
        asked = {
            "response_type": "code",
            "client_id": self.config.client_id,
            "redirect_uri": callback,
            "scope": " ".join(dict.fromkeys(("openid", *self.config.scopes))),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge(attempt.verifier),
            "code_challenge_method": "S256",
        }
        return Departure(_with(told.authorization_endpoint, asked), attempt.cookie)

    async def finish(
        self, cookie: str, answer: Mapping[str, str], *, callback: str, source: str
    ) -> Arrival | NoLogin:
        """Who it is that comes back with this answer.  What comes of it stands in the audit log."""
        if self.guard.keeps_out(source) is not None:
            return NoLogin(Why.TOO_MANY, "too many wrong tries came from there")
        try:
            return await self._arrived(cookie, answer, callback, source)
        except NotLoggedIn as error:
            if error.code in OURS:
                _log.warning("a login by OpenID Connect", code=error.code, why=error.detail)
            else:
                why = f"{error.code}: {error.detail}"
                await self.guard.refuse_login(error.account, why, source=source)
            return NoLogin(error.code, error.detail)

    async def way_out(self, id_token: str, back: str) -> str | None:
        """Where to leave the provider as well (OpenID Connect RP-Initiated Logout 1.0); None where
        it has no such place, or is away."""
        if not await self.provider.look():
            return None
        told = await self.provider.metadata()
        if told.end_session_endpoint is None:
            return None
        asked = {"client_id": self.config.client_id, "post_logout_redirect_uri": back}
        if id_token:
            asked["id_token_hint"] = id_token
        return _with(told.end_session_endpoint, asked)

    async def gone(self, text: str, *, source: str) -> NoLogin | None:
        """The provider tells by a logout token that somebody has left: their sessions end (OpenID
        Connect Back-Channel Logout 1.0).  None where that is done; what is refused is written down
        as a login is."""
        if self.guard.keeps_out(source) is not None:
            return NoLogin(Why.TOO_MANY, "too many wrong tries came from there")
        now = self.clock.now()
        try:
            claims = await left(text, self.config, self.provider.key, now.timestamp())
            self._spend(f"jti {claims['jti']}", now.timestamp())
        except NotLoggedIn as error:
            if error.code not in OURS:
                why = f"{error.code}: {error.detail}"
                await self.guard.refuse_login("", why, source=source)
            return NoLogin(error.code, error.detail)
        await self.store.run(
            lambda tx: left_by(tx, self.config.issuer, claims["sub"], now, source=source)
        )
        return None

    # --- inside ---

    async def _arrived(
        self, cookie: str, answer: Mapping[str, str], callback: str, source: str
    ) -> Arrival:
        attempt = self._attempt(cookie, answer.get("state", ""))
        told = await self.provider.metadata()
        issuer = answer.get("iss")
        if issuer is None and told.authorization_response_iss_parameter_supported:
            raise NotLoggedIn(Why.NOT_OURS, "the answer does not say whose it is (RFC 9207)")
        if issuer not in (None, told.issuer):
            raise NotLoggedIn(Why.NOT_OURS, f"the answer is of {issuer!r} (RFC 9207)")
        if "error" in answer:
            about = f"{answer['error']} {answer.get('error_description', '')}".strip()
            raise NotLoggedIn(Why.REFUSED, about)
        tokens = await self._redeemed(told, answer.get("code", ""), attempt, callback)
        expected = Expected(attempt.nonce, attempt.began, self.clock.now().timestamp())
        claims = await checked(tokens.id_token, self.config, self.provider.key, expected)
        if person_.lacking(claims, self.config) and told.userinfo_endpoint is not None:
            claims = {**await self._more(told.userinfo_endpoint, tokens, claims), **claims}
        account = await self._recognised(person_.described(claims, self.config), source)
        return Arrival(account, attempt.going, tokens.id_token)

    def _attempt(self, cookie: str, state: str) -> Attempt:
        """The attempt that an answer belongs to, which is over with it."""
        now = self.clock.now().timestamp()
        attempt = taken_up(cookie)
        if attempt is None:
            raise NotLoggedIn(Why.NOT_OURS, "this browser has not begun a login")
        if not hmac.compare_digest(attempt.state.encode(), state.encode("utf-8", "replace")):
            raise NotLoggedIn(Why.NOT_OURS, "its state is of another login")
        if attempt.over(now):
            raise NotLoggedIn(Why.NOT_OURS, "it began too long ago")
        self._spend(state, now)
        return attempt

    def _spend(self, once: str, now: float) -> None:
        """What counts once is remembered as long as it could count."""
        while self._spent and next(iter(self._spent.values())) < now - LASTS_S:
            self._spent.popitem(last=False)
        if once in self._spent:
            raise NotLoggedIn(Why.NOT_OURS, "it was used before")
        self._spent[once] = now
        if len(self._spent) > SPENT_MAX:
            self._spent.popitem(last=False)

    async def _redeemed(
        self, told: Metadata, code: str, attempt: Attempt, callback: str
    ) -> _Tokens:
        """What the provider gives for a code (Core, 3.1.3)."""
        if not code:
            raise NotLoggedIn(Why.NOT_OURS, "the answer brings no code")
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback,
            "code_verifier": attempt.verifier,
        }
        headers = {"Accept": "application/json"}
        ways = told.token_endpoint_auth_methods_supported
        if self.secret is None:
            fields["client_id"] = self.config.client_id
        elif "client_secret_basic" in ways or "client_secret_post" not in ways:
            shown = f"{quote_plus(self.config.client_id)}:{quote_plus(self.secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(shown.encode()).decode()}"
        else:
            fields |= {"client_id": self.config.client_id, "client_secret": self.secret}
        answered = await self._answer(
            self.provider.asking.post(told.token_endpoint, fields, headers)
        )
        if answered.status != 200:
            said = _error(answered.body)
            # A code that is none is somebody's try; who we are is our configuration.
            code_ = Why.REFUSED if said == "invalid_grant" else Why.WRONG
            raise NotLoggedIn(code_, f"it gives no token: {answered.status} {said}")
        try:
            return msgspec.json.decode(answered.body, type=_Tokens)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotLoggedIn(Why.WRONG, f"its tokens cannot be read: {error}") from error

    async def _more(self, place: str, tokens: _Tokens, claims: Claims) -> dict[str, Any]:
        """What else the provider tells of them (Core, 5.3)."""
        headers = {"Accept": "application/json", "Authorization": f"Bearer {tokens.access_token}"}
        answered = await self._answer(self.provider.asking.get(place, headers))
        if answered.status != 200:
            raise NotLoggedIn(Why.WRONG, f"{place} answers {answered.status}")
        try:
            told = msgspec.json.decode(answered.body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotLoggedIn(Why.WRONG, f"{place} cannot be read: {error}") from error
        if told.get("sub") != claims["sub"]:  # Core, 5.3.2: else it may be of somebody else
            raise NotLoggedIn(Why.TOKEN, f"{place} tells of somebody else")
        return told

    async def _answer(self, asked: Any) -> Answered:
        try:
            answered: Answered = await asked
            return answered
        except Unanswered as error:
            raise NotLoggedIn(Why.AWAY, str(error)) from error

    async def _recognised(self, person: Person, source: str) -> Account:
        now = self.clock.now()
        for _ in range(2):
            try:
                return await self.store.run(
                    lambda tx: recognised(tx, person, self.config, now, source=source)
                )
            except AlreadyStored:  # made by another worker just now
                continue
        raise NotLoggedIn(Why.OTHER, f"there is an account {person.name} already", person.name)


def _with(url: str, asked: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}"


def _error(body: bytes) -> str:
    """The word of an error (RFC 6749, 5.2), as far as it is one."""
    try:
        told = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return str(told.get("error", ""))[:100]
