"""What can be set of the analysis of phases, beside the rest of the configuration."""

from __future__ import annotations

from typing import Annotated

import msgspec

Percent = Annotated[float, msgspec.Meta(ge=0, le=1000)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Up to `green_to` percent unbalance is green, up to `yellow_to` yellow, above it red.

    With a mean amount at or below `floor`, in A, kW, kvar or V, the percentage is not defined.
    """

    green_to: Percent
    yellow_to: Percent
    floor: Annotated[float, msgspec.Meta(ge=0)] = 0.0

    def __post_init__(self) -> None:
        if self.yellow_to < self.green_to:
            raise ValueError(f"yellow_to {self.yellow_to} is below green_to {self.green_to}")


class Bands(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The bands of each quantity.  The defaults are ours: the customer's paper gives none."""

    current: Band = Band(green_to=5, yellow_to=10, floor=0.5)
    active_power: Band = Band(green_to=5, yellow_to=10, floor=0.1)
    reactive_power: Band = Band(green_to=5, yellow_to=10, floor=0.1)
    voltage: Band = Band(green_to=1, yellow_to=2, floor=10)


class VoltageLevel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Other bands from a nominal voltage on, volts between phases."""

    from_v: Annotated[float, msgspec.Meta(gt=0)]
    bands: Bands


class AnalysisPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How unbalance is judged.

    An hour counts with `minimum_coverage` of its values in each phase, and a window's figure is
    judged with as much of its hours.
    """

    minimum_coverage: Share = 0.8
    power_factor: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.96
    bands: Bands = Bands()
    levels: tuple[VoltageLevel, ...] = ()

    def bands_at(self, nominal_v: float | None) -> Bands:
        """Those of the highest level that this nominal voltage reaches; None: no level's."""
        found, reached = self.bands, 0.0
        for level in self.levels:
            if nominal_v is not None and reached < level.from_v <= nominal_v:
                found, reached = level.bands, level.from_v
        return found
