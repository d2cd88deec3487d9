"""Octets as people write them: `C4 01 C1`, `c4:01:c1`, `0xC4, 0x01`, `\\xC4\\x01`, with a comment.

Whoever pastes from a log, a manual or Wireshark should not have to clean it first.
"""

from __future__ import annotations

import re

from protocols.errors import ProtocolError

OCTETS_MAX = 1_000_000
"""Of one line: fifteen of the longest APDUs in one."""

_PREFIX = re.compile(r"(?i)(?:0x|\\x)(?=[0-9a-f])")
_BETWEEN = str.maketrans(
    "", "", " \t\r\n\f\v:,;-_.\"'[](){}<>\N{NO-BREAK SPACE}\N{ZERO WIDTH NO-BREAK SPACE}"
)
_DIGITS = re.compile(r"[0-9A-Fa-f]*")


def without_comment(line: str) -> str:
    """The line up to its `#`."""
    return line.partition("#")[0].strip()


def parse(text: str) -> bytes:
    """The octets.  Raises ProtocolError at the octet where the text is none."""
    digits = _PREFIX.sub("", text).translate(_BETWEEN)
    good = _DIGITS.match(digits)
    assert good is not None
    if good.end() != len(digits):
        wrong = digits[good.end()]
        raise ProtocolError(good.end() // 2, f"{wrong!r} is no hexadecimal digit")
    if len(digits) % 2:
        raise ProtocolError(len(digits) // 2, "half an octet: the number of digits is odd")
    if len(digits) > 2 * OCTETS_MAX:
        raise ProtocolError(OCTETS_MAX, f"more than {OCTETS_MAX} octets in one line")
    return bytes.fromhex(digits)


def spelled_like(octets: bytes, text: str) -> str:
    """Octets in the letters, small or capital, in which the text has its own."""
    upper = any(letter in "ABCDEF" for letter in text)
    return octets.hex().upper() if upper else octets.hex()
