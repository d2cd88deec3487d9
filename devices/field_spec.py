"""What a simulated field consists of, as plain values.  `devices.world` builds it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from devices.channel.place import Phase, Place, along_streets
from devices.concentrator.device import Settings
from devices.concentrator.table import EnginePolicy, alternating
from devices.meter.models import STANDARD as STANDARD_MODEL
from devices.meter.models import names as models
from devices.modem import Pace
from devices.wan import Technology
from protocols.plc.noise import MAINS, Noise

FIRST_METER = 90_000_001
FIRST_HEAD_METER = 80_000_001
"""The head meter of T-001; that of T-007 is number 80000007."""

HEAD_MODEL = "transformer-head"
ZONE = ZoneInfo("America/Santiago")


@dataclass(frozen=True, slots=True)
class MeterSpec:
    """One meter.  Its name is its number: up to ten digits, the first of them no zero."""

    name: str
    place: Place
    load_w: tuple[int, int, int] | None = None  # per phase, for ever; None: a household's day
    control_mode: int = 4  # class 70, attribute 4
    model: str = STANDARD_MODEL  # of devices/meter/models
    foreign: bool = False  # another maker's, of `devices.meter.foreign`
    in_table: bool = True  # its concentrator knows it
    phases: int = 3  # of its installation and of the meter; one is that of its place

    def __post_init__(self) -> None:
        if not re.fullmatch("[1-9][0-9]{0,9}", self.name):
            raise ValueError(f"a meter's name has one to ten digits, not {self.name!r}")
        if self.model != STANDARD_MODEL and self.model not in models():
            known = ", ".join(models())
            raise ValueError(f"no meter model {self.model!r}; there are: {known}")


@dataclass(frozen=True, slots=True)
class TransformerSpec:
    """A transformer, the meters behind it, and the concentrator in its cabinet."""

    name: str
    concentrator: str
    meters: tuple[MeterSpec, ...]
    wan: Technology = Technology.LTE
    access: str = "prime"  # of `devices.network.tree.ACCESSES`
    router: bool = False  # its modem is an external router's
    radio: str | None = None  # of `protocols.rf.physical.MODES`; None: no radio modules
    head: MeterSpec | None = None  # what the transformer gives, measured in its cabinet

    @property
    def modules(self) -> tuple[MeterSpec, ...]:
        """Every meter behind the concentrator: the customers' and the head meter."""
        return self.meters if self.head is None else (*self.meters, self.head)


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """The whole field.

    Raises ValueError where two things have one name, and for a head meter without a grid, which
    would have nothing to measure.
    """

    transformers: tuple[TransformerSpec, ...]
    zone: ZoneInfo = ZONE  # for what people do at which hour
    settings: Settings = Settings()  # of every concentrator
    modem_pace: Pace = Pace()  # of every concentrator's modem
    engines: EnginePolicy = field(default_factory=alternating)
    noise: Noise = MAINS  # on every power line; `CLEAN`: white, and no appliances either
    grid: bool = False  # loads and voltages come from a power flow

    def __post_init__(self) -> None:
        meters = [meter.name for each in self.transformers for meter in each.modules]
        concentrators = [each.concentrator for each in self.transformers]
        for names in (meters, concentrators, [each.name for each in self.transformers]):
            if len(set(names)) != len(names):
                raise ValueError("two devices have one name")
        if not self.grid and any(each.head for each in self.transformers):
            raise ValueError("a head meter needs a grid")


def one_transformer(
    meters: int = 60, *, number: int = 1, first_meter: int = FIRST_METER
) -> TransformerSpec:
    """A transformer with so many meters along its streets, named from `first_meter` on."""
    return TransformerSpec(
        name=f"T-{number:03d}",
        concentrator=f"C-{number:03d}",
        meters=tuple(
            MeterSpec(str(first_meter + index), along_streets(index)) for index in range(meters)
        ),
    )


def head_meter(number: int) -> MeterSpec:
    """The head meter of transformer `number`, from 1, at the concentrator's side on all phases."""
    return MeterSpec(str(FIRST_HEAD_METER + number - 1), Place(0, 0, Phase.ALL), model=HEAD_MODEL)


def transformers(
    meters: int = 60, concentrators: int = 1, *, heads: bool = False
) -> tuple[TransformerSpec, ...]:
    """So many meters, spread evenly over the transformers of so many concentrators; each with a
    head meter besides, or without one."""
    shares = [
        meters * (number + 1) // concentrators - meters * number // concentrators
        for number in range(concentrators)
    ]
    spread = (
        one_transformer(share, number=number, first_meter=FIRST_METER + sum(shares[: number - 1]))
        for number, share in enumerate(shares, 1)
    )
    if not heads:
        return tuple(spread)
    return tuple(replace(each, head=head_meter(number)) for number, each in enumerate(spread, 1))


STANDARD = FieldSpec(transformers())
"""One transformer, 60 meters from "90000001" on, one concentrator "C-001"."""
