"""A login that is under way at the provider, known by a cookie of the browser that it began in.

State, nonce and the verifier of PKCE are derived from the cookie's secret, so that nothing of an
attempt is kept here: an answer fits in the browser that asked and in no other, on any worker, after
a restart as well (RFC 9700, 2.1; RFC 7636; OpenID Connect Core 1.0, 15.5.2).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

LASTS_S = 600
GOING_MAX = 500  # characters of a path to go on to
_COOKIE = re.compile(r"([A-Za-z0-9_-]{43})\.(\d{1,12})\.([A-Za-z0-9_-]{0,2000})")


@dataclass(frozen=True, slots=True)
class Attempt:
    """`began` in seconds since 1970, `going` the page that is wanted afterwards."""

    secret: str
    began: int
    going: str

    @property
    def cookie(self) -> str:
        return f"{self.secret}.{self.began}.{_text(self.going.encode())}"

    @property
    def state(self) -> str:
        return self._derived("state")

    @property
    def nonce(self) -> str:
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """43 characters, the least that RFC 7636, 4.1, takes: 256 bits."""
        return self._derived("verifier")

    def over(self, now: float) -> bool:
        return not self.began - 1 <= now < self.began + LASTS_S

    def _derived(self, what: str) -> str:
        told = f"{what} {self.began} {self.going}".encode()
        return _text(hmac.new(self.secret.encode(), told, hashlib.sha256).digest())


def taken_up(cookie: str) -> Attempt | None:
    """The attempt of a cookie; None where it is none of ours."""
    found = _COOKIE.fullmatch(cookie)
    if found is None:
        return None
    padded = found[3] + "=" * (-len(found[3]) % 4)
    try:
        going = base64.urlsafe_b64decode(padded).decode()
    except ValueError:
        return None
    return Attempt(found[1], int(found[2]), going)


def challenge(verifier: str) -> str:
    """What the provider is shown of a verifier (RFC 7636, 4.2, S256)."""
    return _text(hashlib.sha256(verifier.encode("ascii")).digest())


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")
