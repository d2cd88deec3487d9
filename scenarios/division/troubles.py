"""What is wrong in the division's field while somebody looks at it, and since when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from devices.faults import Fault, MeterPowerCut, ModemFails, ModuleOff, SilentMeter
from devices.span import Span
from scenarios.utility.model import Utility

HOUR_S = 3600
SILENT_FOR_S = 30 * HOUR_S  # the concentrator whose modem is dead
UNREACHABLE_FOR_S = 6 * 24 * HOUR_S
OUTAGE_AFTER_S, OUTAGE_S = 45.0, 1200.0
"""A street's fuses blow so soon after the field has come up, and are replaced so much later."""


@dataclass(frozen=True, slots=True)
class Troubles:
    """Whom something is wrong with, by the names that field and registry know."""

    silent: str  # a concentrator
    dark: tuple[str, ...]  # the meters of a street that loses its supply
    unreachable: tuple[str, ...]  # meters whose modules are off
    mute: tuple[str, ...]  # meters that do not answer any more

    def faults(self, now: float) -> Iterator[Fault]:
        """In the live field, from a moment of the world's on."""
        always = Span(now)
        yield ModemFails(self.silent, always, "modem dead")
        begin = now + OUTAGE_AFTER_S
        for meter in self.dark:
            yield MeterPowerCut(meter, Span(begin, begin + OUTAGE_S))
        for meter in self.unreachable:
            yield ModuleOff(meter, always)
        for meter in self.mute:
            yield SilentMeter(meter, always)

    def last_row(self, concentrator: str, meter: str, now: int) -> int:
        """When the newest row ended that came of a meter, POSIX seconds, as things stand."""
        if concentrator == self.silent:
            return now - SILENT_FOR_S
        if meter in (*self.unreachable, *self.mute):
            return now - UNREACHABLE_FOR_S
        return now


def troubles_of(utility: Utility) -> Troubles:
    """Those of a division: the same for the same division."""
    concentrators = [each.concentrator for each in utility.transformers]
    without = concentrators[len(concentrators) // 2]
    dark = [str(each.index) for each in utility.meters if each.transformer.concentrator == without]
    others = [
        str(each.index)
        for each in utility.meters
        if each.transformer.concentrator not in (without, concentrators[-1])
    ]
    tenth = max(1, len(others) // 10)
    picked = others[tenth // 2 :: tenth]
    return Troubles(concentrators[-1], tuple(dark), tuple(picked[1:4]), tuple(picked[4:5]))
