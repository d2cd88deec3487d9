"""A piece of a low-voltage line: how long, of what, and who is supplied from its end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LineSection:
    """`upstream` is the section that feeds it, None where that is the transformer.  Ohms are of one
    conductor, at the temperature that the utility's records have."""

    code: str
    upstream: str | None
    length_m: float
    ohm_km: float
    neutral_ohm_km: float
    supplies: tuple[str, ...]  # service points, or meters, at its end
