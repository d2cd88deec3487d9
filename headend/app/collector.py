"""The garbage collector of a process that serves for long.

Its full look goes over all that there is: what was made at the start, some hundred thousand objects
that stay, would hold up an answer by a fifth of a second every few pages.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def start_settled() -> Iterator[None]:
    """What there is now is looked at no more, until the context ends."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
