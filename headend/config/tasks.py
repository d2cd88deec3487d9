"""What can be set of scheduled tasks and of the systems that they ask, beside the rest of the
configuration."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated

import msgspec

from headend.config.values import Count, Seconds

Address = Annotated[
    str, msgspec.Meta(pattern=r"^(https?://[^\s/?#]+/\S*|mqtts?://[^\s/?#]+(/[A-Za-z0-9]+)?)\Z")
]
"""A SOAP door, http://HOST:PORT/soap/cim/SIAD, or a queue on the bus, mqtt://HOST:PORT/SIAD."""

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class TaskPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How scheduled tasks are run."""

    enabled: bool = True  # whether this head-end runs any
    look_s: Seconds = 5.0  # how soon what another process asked for is noticed
    lease_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)] = 60.0
    """A worker that is gone gives up its runs after so long; it says three times as often that it
    is there."""
    at_once: Count = 2  # runs of different tasks under way in one process
    tries_max: Count = 12  # of a run whose failure may pass, counting runners that were gone
    retry_s: Seconds = 600.0  # between them
    run_max_s: Seconds = 6 * 3600.0  # a run that takes longer has failed
    catch_up_max: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 40  # missed turns that are made up


class Associations(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The utility's other systems as the unbalance system's tasks and pages ask them: the address
    of each adapter.  Without one for `siad` and `simoce` the four standard tasks are not made.

    With `tls`, a folder with authority.pem, SOURCE.pem and SOURCE.key, a certificate is shown to
    doors by https and to brokers by mqtts.
    """

    siad: Address | None = None
    simoce: Address | None = None
    scada: Address | None = None
    vip: Address | None = None
    repository: Address | None = None
    source: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,64}\Z")] = "TABLERO"
    tls: Path | None = None
    timeout_s: Seconds = 60.0  # for one page of an answer
    customers_at: time = time(0, 0)  # SIADCustomersInfo, daily
    mapping_at: time = time(1, 0)  # SIADSimoceMapping
    hours_at: time = time(5, 40)  # UnbalanceHr
    rollups_at: time = time(6, 10)  # InfoGenerationHr

    def address(self, system: str) -> str | None:
        """Where a system's adapter is: "SIAD"."""
        found: str | None = getattr(self, system.lower(), None)
        return found
