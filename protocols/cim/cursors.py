"""Where a page of an answer ended, as the ID by which the next one is asked for.

It holds a mark of the question that it belongs to, and where to go on: nobody has to remember it,
and what comes or goes meanwhile moves nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence


def written(mark: str, after: Sequence[str]) -> str:
    """A cursor behind a position."""
    said = json.dumps([mark, *after], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(said.encode("utf-8", "surrogatepass")).decode("ascii")


def position(text: str, mark: str) -> tuple[str, ...]:
    """The position of a cursor.  Raises `ValueError` for what is none of this question."""
    try:
        said = json.loads(base64.b64decode(text, altchars=b"-_", validate=True))
        json.dumps(said, ensure_ascii=False).encode()  # half a character is no text of a key
    except (ValueError, RecursionError) as error:  # binascii's and json's are ValueErrors
        raise ValueError("no cursor") from error
    if (
        not isinstance(said, list)
        or len(said) < 2
        or not all(isinstance(it, str) and "\0" not in it for it in said)
        or said[0] != mark
    ):
        raise ValueError("a cursor of another question")
    return tuple(said[1:])
