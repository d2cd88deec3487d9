"""What can be set of the QA console, beside the rest of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from headend.config.values import Count, Seconds


class Qa(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Scenarios of the simulated field, played from the pages in processes beside the head-end.

    Without this table there is no console: a head-end of real meters has its processors for them.
    A `folder` is one head-end's; it keeps the newest runs, whose databases make the most of them.
    """

    folder: Path = Path("qa-runs")
    at_once: Annotated[int, msgspec.Meta(ge=1, le=32)] = 1  # runs; the others wait
    waiting_max: Count = 20
    keep: Count = 50
    seeds_max: Count = 500  # of a sweep
    ends_after_s: Seconds = 3600.0  # whatever takes longer is ended
