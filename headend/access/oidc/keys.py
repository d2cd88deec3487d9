"""The keys that a provider signs by (RFC 7517), and which of them a token asks for."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

from headend.access.oidc.refusing import NotLoggedIn, Why

SigningKey = RSAKey | ECKey
KEYS_MAX = 100
_KINDS: dict[str, type[SigningKey]] = {"RS": RSAKey, "PS": RSAKey, "ES": ECKey}


class _Told(msgspec.Struct, frozen=True):
    keys: list[dict[str, object]]


def read(body: bytes) -> tuple[SigningKey, ...]:
    """Those that serve to check a signature; what is of another kind or use is left aside, as RFC
    7517, 5, says.  Raises `NotLoggedIn`."""
    try:
        told = msgspec.json.decode(body, type=_Told)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotLoggedIn(Why.WRONG, f"its keys cannot be read: {error}") from error
    found = []
    for each in told.keys[:KEYS_MAX]:
        if each.get("kty") not in ("RSA", "EC") or each.get("use", "sig") != "sig":
            continue
        try:
            key = JWKRegistry.import_key(dict(each))  # type: ignore[arg-type]
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, RSAKey | ECKey):
            found.append(key)
    return tuple(found)


def choose(keys: Sequence[SigningKey], kid: str | None, algorithm: str) -> SigningKey | None:
    """The key that a token names; without a name the only one that fits (Core, 10.1)."""
    kind = _KINDS[algorithm[:2]]
    fit = [
        key
        for key in keys
        if isinstance(key, kind)
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    ]
    return fit[0] if len(fit) == 1 else None
