"""What a simulated field consists of, as plain values.  `devices.world` builds it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from devices.channel.place import Place, along_streets
from devices.concentrator.device import Settings
from devices.concentrator.table import EnginePolicy, alternating
from devices.meter.models import STANDARD as STANDARD_MODEL
from devices.meter.models import names as models
from devices.modem import Pace
from devices.wan import Technology
from protocols.plc.noise import MAINS, Noise

FIRST_METER = 90_000_001
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


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """The whole field.  Raises ValueError where two things have one name."""

    transformers: tuple[TransformerSpec, ...]
    zone: ZoneInfo = ZONE  # for what people do at which hour
    settings: Settings = Settings()  # of every concentrator
    modem_pace: Pace = Pace()  # of every concentrator's modem
    engines: EnginePolicy = field(default_factory=alternating)
    noise: Noise = MAINS  # on every power line; `CLEAN`: white, and no appliances either
    grid: bool = False  # loads and voltages come from a power flow

    def __post_init__(self) -> None:
        meters = [meter.name for each in self.transformers for meter in each.meters]
        concentrators = [each.concentrator for each in self.transformers]
        for names in (meters, concentrators, [each.name for each in self.transformers]):
            if len(set(names)) != len(names):
                raise ValueError("two devices have one name")


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


def transformers(meters: int = 60, concentrators: int = 1) -> tuple[TransformerSpec, ...]:
    """So many meters, spread evenly over the transformers of so many concentrators."""
    shares = [
        meters * (number + 1) // concentrators - meters * number // concentrators
        for number in range(concentrators)
    ]
    return tuple(
        one_transformer(share, number=number, first_meter=FIRST_METER + sum(shares[: number - 1]))
        for number, share in enumerate(shares, 1)
    )


STANDARD = FieldSpec(transformers())
"""One transformer, 60 meters from "90000001" on, one concentrator "C-001"."""
