"""The provider's tokens, checked as RFC 8725 says: that which says who somebody is (OpenID Connect
Core 1.0, 3.1.3.7), and that which says they have left (Back-Channel Logout 1.0, 2.6)."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry, extract_compact

from headend.access.oidc.keys import SigningKey
from headend.access.oidc.refusing import NotLoggedIn, Why
from headend.config.oidc import Oidc

TOKEN_MAX = 64 * 1024  # characters
SUBJECT_MAX = 255  # Core, 2: "It MUST NOT exceed 255 ASCII characters in length"
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
LEFT_S = 300
Claims = Mapping[str, Any]
FindKey = Callable[[str | None, str], Awaitable[SigningKey]]


@dataclass(frozen=True, slots=True)
class Expected:
    """Of a token: the nonce of its attempt, when that began, and now, in seconds since 1970."""

    nonce: str
    began: float
    now: float


async def checked(text: str, config: Oidc, key_of: FindKey, expected: Expected) -> Claims:
    """The claims of an ID token that is for us, for this attempt, and signed by the provider's key.
    Raises `NotLoggedIn`."""
    claims = await _verified(text, config, key_of, ("jwt",))
    _check(claims, config, expected.now)
    if claims.get("azp", config.client_id) != config.client_id:
        raise _wrong(f"it was given to {claims['azp']!r}")
    if claims["iat"] < expected.began - config.skew_s:
        raise _wrong("it was made before this login began")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode("utf-8", "replace"), expected.nonce.encode()
    ):
        raise _wrong("its nonce is of another login")
    return claims


async def left(text: str, config: Oidc, key_of: FindKey, now: float) -> Claims:
    """The claims of a logout token, which names who has left by `sub`.  Raises `NotLoggedIn`."""
    claims = await _verified(text, config, key_of, ("jwt", "logout+jwt"))
    _check(claims, config, now)
    events = claims.get("events")
    if not isinstance(events, Mapping) or LOGOUT not in events:
        raise _wrong("it is of no logout")
    if "nonce" in claims:  # an ID token would have one (2.4)
        raise _wrong("it has a nonce")
    if claims["iat"] < now - LEFT_S:  # while its jti is remembered
        raise _wrong("it is too old")
    if not isinstance(claims.get("jti"), str):
        raise _wrong("its jti is missing")
    return claims


async def _verified(text: str, config: Oidc, key_of: FindKey, types: tuple[str, ...]) -> Claims:
    if len(text) > TOKEN_MAX:
        raise _wrong("it is too long")
    try:
        header = extract_compact(text.encode()).headers()
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise _wrong(f"it is no signed token: {error}") from error
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in config.algorithms:  # before any key is looked at (RFC 8725, 3.1)
        raise _wrong(f"it is signed by {algorithm!r}, which [oidc] algorithms does not name")
    if str(header.get("typ", "JWT")).lower().removeprefix("application/") not in types:
        raise _wrong(f"it is a {header['typ']!r}")  # one of another purpose (RFC 8725, 3.11)
    if kid is not None and not isinstance(kid, str):
        raise _wrong("its kid is no text")
    key = await key_of(kid, algorithm)
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    try:
        return jwt.decode(text, key, algorithms=[algorithm], registry=registry).claims
    except (JoseError, ValueError, TypeError) as error:
        raise _wrong(f"its signature: {error}") from error


def _check(claims: Claims, config: Oidc, now: float) -> None:
    """What holds of every token: whose it is, who it is for, when it counts, who it is of."""
    if claims.get("iss") != config.issuer:
        raise _wrong(f"it is of {claims.get('iss')!r}")
    audience = claims.get("aud")
    if audience not in (config.client_id, [config.client_id]):  # no other is trusted (3.1.3.7, 3)
        raise _wrong(f"it is for {audience!r}")
    ends, made = _moment(claims, "exp"), _moment(claims, "iat")
    skew = config.skew_s
    if now >= ends + skew:
        raise _wrong(f"it ended {now - ends:.0f} s ago")
    if made > now + skew:
        raise _wrong(f"it was made in {made - now:.0f} s: compare the clocks")
    if "nbf" in claims and now + skew < _moment(claims, "nbf"):
        raise _wrong("it does not count yet")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX:
        raise _wrong("it does not say who it is of")
    if not (subject.isascii() and subject.isprintable()):
        raise _wrong("it does not say who it is of")


def _moment(claims: Claims, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(f"its {name} is missing")
    return float(value)


def _wrong(why: str) -> NotLoggedIn:
    return NotLoggedIn(Why.TOKEN, f"the token: {why}")
