"""How a client proves itself, by the words that people have for it.

The mechanisms are numbered by the Green Book (9.2.2.2.2.2): 0 to 7, of which 3 to 7 are high level
security (HLS).  2 leaves the proof to the manufacturer and is nobody's here.
"""

from __future__ import annotations

import enum
import re

import typer


class Auth(enum.StrEnum):
    """How a client proves itself, by short names."""

    NONE = "none"
    LOW = "low"
    GMAC = "gmac"
    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    ECDSA = "ecdsa"


_ALSO = {
    Auth.NONE: ("lowest", "public", "no", "0"),
    Auth.LOW: ("lls", "password", "1"),
    Auth.MD5: ("3",),
    Auth.SHA1: ("4",),
    Auth.GMAC: ("", "5"),  # "" is what is left of "high" and "hls"
    Auth.SHA256: ("sha2", "6"),
    Auth.ECDSA: ("7",),
}
_AUTHS = {word: auth for auth in Auth for word in (auth.value, *_ALSO[auth])}
METAVAR = "|".join(Auth)
ALIASES = "also lls, high or hls (gmac), hls3 to hls7, hls-gmac and the like"


def auth_of(text: str | Auth) -> Auth:
    """What a word means: `hls-gmac`, `HighGMac` and `hls5` are one.  Raises typer.BadParameter."""
    word = re.sub(r"[^a-z0-9]", "", text.lower())
    try:
        return _AUTHS[re.sub("^(highest|high|hls)", "", word) if word else "?"]
    except KeyError:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(Auth)}; {ALIASES}") from None
