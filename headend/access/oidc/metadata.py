"""What a provider tells of itself (OpenID Connect Discovery 1.0, 3; RFC 8414; RFC 9207)."""

from __future__ import annotations

import msgspec

from headend.access.oidc.refusing import NotLoggedIn, Why
from headend.config.oidc import safe

PLACE = "/.well-known/openid-configuration"
_NEVER = frozenset(" \"'<>\\")


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The part of it that a login needs; what else it tells is left aside."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


def place(issuer: str) -> str:
    """Where it tells (Discovery, 4.1)."""
    return issuer.removesuffix("/") + PLACE


def read(body: bytes, issuer: str) -> Metadata:
    """Raises `NotLoggedIn` for what is of another issuer, or leads where others could read."""
    try:
        told = msgspec.json.decode(body, type=Metadata)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotLoggedIn(Why.WRONG, f"its description cannot be read: {error}") from error
    if told.issuer != issuer:  # Discovery, 4.3: the same to the last character
        raise NotLoggedIn(Why.WRONG, f"it calls itself {told.issuer!r}, not {issuer!r}")
    ways = [told.authorization_endpoint, told.token_endpoint, told.jwks_uri]
    ways += [each for each in (told.userinfo_endpoint, told.end_session_endpoint) if each]
    for way in ways:
        as_safe = way.startswith("https:") or issuer.startswith("http:")
        if not (safe(way) and as_safe and way.isprintable()) or _NEVER & set(way):
            raise NotLoggedIn(Why.WRONG, f"it names {way!r}, where others could read along")
    return told
