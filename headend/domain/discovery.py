"""A meter that a concentrator found on its line, and what was decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found behind a module.  `meter` is its name in the registry, where it is admitted;
    otherwise `why` tells what stands against it."""

    concentrator: str
    module: str
    at: datetime  # when the head-end heard
    identity: str
    title: str
    conforms: bool
    findings: tuple[str, ...]
    admitted: bool
    meter: str | None = None
    why: str = ""
