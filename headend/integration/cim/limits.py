"""How much one request may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """A page of a thousand instances takes some 0.5 MB; a month of ten-minute values of one
    quantity is 4,464."""

    page: int = 1000  # instances of one answer
    options: int = 50  # of one request, and so ids of one association request
    value: int = 1024  # characters of a value or key: no name or address comes near it
    window: timedelta = timedelta(days=31)
    source_s: float = 30.0  # for the system behind the adapter to give one page


LIMITS = Limits()
