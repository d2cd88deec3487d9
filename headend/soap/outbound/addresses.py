"""Where results may be sent: only to addresses that the utility has listed.

A ReplyAddress comes from outside; posting to whatever it names would let a client use the head-end
to reach into the utility's network (server-side request forgery).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

# Of `[::1].evil.example` urlsplit says that the host is ::1; who connects may say otherwise.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?", re.ASCII)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ReplyAddresses:
    """The allow-list: URL prefixes such as `https://crm.utility.example/ami/`.

    Scheme, host and port must be equal; the path must be the listed one or lie below it.
    """

    allowed: tuple[str, ...] = ()

    def permits(self, address: str) -> bool:
        """Whether results may be posted to this address."""
        wanted = _split(address)
        return wanted is not None and any(
            listed is not None and _below(wanted, listed) for listed in map(_split, self.allowed)
        )


def _split(address: str) -> SplitResult | None:
    if not address.isascii() or any(mark <= " " or mark == "\\" for mark in address):
        return None
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    plain = (
        parts.scheme in _PORTS
        and parts.hostname
        and _HOST.fullmatch(parts.netloc)
        and "#" not in address
        and ".." not in parts.path
        and "%" not in parts.path
    )
    return parts if plain else None


def _below(wanted: SplitResult, listed: SplitResult) -> bool:
    if (wanted.scheme, wanted.hostname, _port(wanted)) != (
        listed.scheme,
        listed.hostname,
        _port(listed),
    ):
        return False
    path, root = wanted.path or "/", listed.path or "/"
    return path == root or path.startswith(root if root.endswith("/") else root + "/")


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]
