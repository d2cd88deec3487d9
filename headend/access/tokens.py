"""Tokens: opaque secrets for programs, shown once and kept as SHA-256.

`ami_ID_SECRET`: the id is no secret and names the token in lists and in the audit log; the secret
is 256 bits of chance, which nobody guesses, so a fast digest is enough for it.  The beginning is
there for tools that look for secrets where they do not belong.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from headend.domain.account import Token
from headend.ports import Chance

ID_OCTETS = 5
SECRET_OCTETS = 32
TOKEN = re.compile(r"ami_([a-z2-7]{8})_([A-Za-z0-9_-]{43})")


def made(chance: Chance) -> tuple[str, str]:
    """A new token's id and its whole text."""
    id = base64.b32encode(chance.octets("token id", ID_OCTETS)).decode().lower()
    secret = base64.urlsafe_b64encode(chance.octets("token", SECRET_OCTETS)).decode().rstrip("=")
    return id, f"ami_{id}_{secret}"


def id_of(text: str) -> str | None:
    """The id in a token's text; None where it is no token."""
    found = TOKEN.fullmatch(text)
    return None if found is None else found[1]


def digest(text: str) -> str:
    """What is kept of it."""
    return hashlib.sha256(text.encode()).hexdigest()


def matches(text: str, token: Token) -> bool:
    """Whether it is this token's text, told in the same time whatever differs."""
    return hmac.compare_digest(digest(text), token.digest)
