"""Everything that may go wrong in the field, as values: what, where, and from when until when.

A fault is applied and lifted at its times by `run`; between them it is state of the thing that is
broken.  Two faults of a kind may overlap on one target: it is whole again when both are over.  A
dead thing is silent; it resets nothing and says no farewell.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

import simpy

from devices.channel.link import Link, NoiseBurst, PacketLoss
from devices.channel.radio import Jamming, RadioLink
from devices.hold_up import without_supply
from devices.meter.faults import FAULTS as METER_FAULTS
from devices.meter.limiter import EmergencyProfile as LimiterProfile
from devices.modem import ModemFault as ModemState
from devices.modem_failures import FAILURES
from devices.router import Router
from devices.span import Span
from devices.world import LINE_CUT, World
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.procedures import LIMITER


class Fault(Protocol):
    """A fault: `apply` at its start, `lift` at its end."""

    @property
    def target(self) -> str: ...

    @property
    def span(self) -> Span: ...

    def apply(self, world: World) -> None: ...

    def lift(self, world: World) -> None: ...


@dataclass(frozen=True, slots=True)
class _Fault:
    """`target` is the name of a meter or a concentrator, as the kind has it."""

    target: str
    span: Span

    def apply(self, world: World) -> None:
        """Begin."""

    def lift(self, world: World) -> None:
        """End.  Faults that carry their own span have nothing to do here."""


# --- meters ---------------------------------------------------------------------------------------

MeterFlag = Literal[
    "silent", "relay_stuck", "load_relay_stuck", "wrong_keys", "counter_rolled_back"
]  # fmt: skip


class _MeterFlagged(_Fault):
    """Sets a truth value of `devices.meter.faults.Faults`."""

    __slots__ = ()
    flag: ClassVar[MeterFlag]

    def apply(self, world: World) -> None:
        world.hold(self.flag, self.target)
        self._set(world)

    def lift(self, world: World) -> None:
        world.release(self.flag, self.target)
        self._set(world)

    def _set(self, world: World) -> None:
        setattr(world.meter(self.target).faults, self.flag, world.held(self.flag, self.target))
        world.touched(self.target)


class LineCut(_Fault):
    """The meter's own line to the head-end carries nothing."""

    def apply(self, world: World) -> None:
        world.hold(LINE_CUT, self.target)

    def lift(self, world: World) -> None:
        world.release(LINE_CUT, self.target)


class SilentMeter(_MeterFlagged):
    """The meter answers nothing; its module on the power line does."""

    __slots__ = ()
    flag = "silent"


class StuckRelay(_MeterFlagged):
    """The relay does not move."""

    __slots__ = ()
    flag = "relay_stuck"


class StuckLoadRelay(_MeterFlagged):
    """The load relay does not move."""

    __slots__ = ()
    flag = "load_relay_stuck"


class WrongKey(_MeterFlagged):
    """The meter has other keys than everybody thinks.  Associations that are open stay open."""

    __slots__ = ()
    flag = "wrong_keys"


class RolledBackCounter(_MeterFlagged):
    """The meter counts its messages from the start again in each association."""

    __slots__ = ()
    flag = "counter_rolled_back"


@dataclass(frozen=True, slots=True)
class Dirty(_Fault):
    """The meter has one of the faults of `devices.meter.faults.FAULTS`, by its name."""

    name: str = "release-refused"

    def __post_init__(self) -> None:
        if self.name not in METER_FAULTS or METER_FAULTS[self.name].where == "line":
            raise ValueError(f"no such fault of a meter: {self.name!r}")

    def apply(self, world: World) -> None:
        world.hold(self.name, self.target)
        self._set(world)

    def lift(self, world: World) -> None:
        world.release(self.name, self.target)
        self._set(world)

    def _set(self, world: World) -> None:
        on = world.held(self.name, self.target)
        world.meter(self.target).set_fault(self.name, on, now=world.env.now)
        world.touched(self.target)


@dataclass(frozen=True, slots=True)
class MeterPowerCut(_Fault):
    """The meter has no power, and its modules last for their hold-up time alone, in which they send
    its last gasp; all go on when it returns."""

    def apply(self, world: World) -> None:
        world.hold("meter power", self.target)
        world.meter(self.target).power_off(now=world.env.now)
        for link in world.links_of(self.target):
            if (off := without_supply(link, self.span, world.env.now)) is not None:
                link.module_off.append(off)
        world.links_touched(self.target)
        world.touched(self.target)

    def lift(self, world: World) -> None:
        world.release("meter power", self.target)
        if not world.held("meter power", self.target):
            world.meter(self.target).power_on(now=world.env.now)
            world.touched(self.target)
        world.links_touched(self.target)


@dataclass(frozen=True, slots=True)
class RefusesLimit(_Fault):
    """The meter answers a SET of threshold_normal with an error."""

    result: DataAccessResult = DataAccessResult.READ_WRITE_DENIED

    def apply(self, world: World) -> None:
        world.meter(self.target).faults.refused_sets[(LIMITER, 4)] = self.result

    def lift(self, world: World) -> None:
        world.meter(self.target).faults.refused_sets.pop((LIMITER, 4), None)


@dataclass(frozen=True, slots=True)
class IgnoresLimit(_Fault):
    """The meter answers a SET of threshold_normal with success and keeps the old value."""

    def apply(self, world: World) -> None:
        world.meter(self.target).faults.ignored_sets.add((LIMITER, 4))

    def lift(self, world: World) -> None:
        world.meter(self.target).faults.ignored_sets.discard((LIMITER, 4))


@dataclass(frozen=True, slots=True)
class EmergencyActive(_Fault):
    """An emergency profile rules in place of the normal threshold."""

    threshold_w: int = 1_000

    GROUP: ClassVar[int] = 1

    def apply(self, world: World) -> None:
        limiter = world.meter(self.target).limiter
        now = world.env.now
        limiter.threshold_emergency = self.threshold_w
        limiter.groups = (self.GROUP,)
        end = now + 10 * 365 * 86400 if self.span.end is None else self.span.end
        limiter.profile = LimiterProfile(self.GROUP, now, round(end - now))
        world.touched(self.target)

    def lift(self, world: World) -> None:
        world.meter(self.target).limiter.profile = LimiterProfile()
        world.touched(self.target)


@dataclass(frozen=True, slots=True)
class AbsentFromTable(_Fault):
    """The meter's concentrator does not know it."""

    def apply(self, world: World) -> None:
        world.hold("absent", self.target)
        world.concentrator_of(self.target).table.pop(self.target, None)

    def lift(self, world: World) -> None:
        world.release("absent", self.target)
        if not world.held("absent", self.target):
            world.concentrator_of(self.target).table[self.target] = world.entry(self.target)


# --- links ----------------------------------------------------------------------------------------


Bearer = Literal["plc", "rf"]


@dataclass(frozen=True, slots=True)
class _LinkFault(_Fault):
    """`target` is a meter, or a concentrator for all of its meters; `bearer` the power line or the
    radio alone, None for whatever modules there are."""

    bearer: Bearer | None = field(default=None, kw_only=True)

    def lift(self, world: World) -> None:
        world.links_touched(self.target)


@dataclass(frozen=True, slots=True)
class ModuleOff(_LinkFault):
    """The meter's modules are without power, or broken: they lose their place in the network, and
    what they repeated for others has to find another way."""

    def apply(self, world: World) -> None:
        for link in world.links_of(self.target, self.bearer):
            link.module_off.append(self.span)
        world.links_touched(self.target)


@dataclass(frozen=True, slots=True)
class Loss(_LinkFault):
    """Frames get lost, on one meter's links or on all of a concentrator's; what is as short as a
    beacon or a keep-alive is spared, so that nobody loses a registration by it."""

    share: float = 0.5

    def apply(self, world: World) -> None:
        for link in world.links_of(self.target, self.bearer):
            link.packet_losses.append(PacketLoss.of_share(self.span, self.share))


@dataclass(frozen=True, slots=True)
class Noise(_LinkFault):
    """The signal-to-noise ratio on the power line changes, for one meter or a whole transformer."""

    snr_change_cdb: int = -1_500

    def apply(self, world: World) -> None:
        for link in world.links_of(self.target, "plc"):
            assert isinstance(link, Link)
            link.noise_bursts.append(NoiseBurst(self.span, self.snr_change_cdb))
        world.links_touched(self.target)


@dataclass(frozen=True, slots=True)
class Jammed(_LinkFault):
    """Somebody transmits on the radio channel, so strong at a meter or at all of a concentrator's;
    a meter that has no radio module is not hit."""

    power_cdbm: int = -7_000

    def apply(self, world: World) -> None:
        for link in world.links_of(self.target, "rf"):
            assert isinstance(link, RadioLink)
            link.jammings.append(Jamming(self.span, self.power_cdbm))
        world.links_touched(self.target)


# --- concentrators --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ModemFails(_Fault):
    """The modem fails at one step, with that step's code: modem, SIM, APN or network."""

    failure: str = "modem dead"  # a key of `modem_failures.FAILURES`

    def __post_init__(self) -> None:
        if self.failure not in FAILURES:
            raise ValueError(f"no such failure: {self.failure!r}; known: {', '.join(FAILURES)}")

    def apply(self, world: World) -> None:
        world.modem(self.target).add_fault(ModemState(self.failure, self.span))
        world.modem_touched(self.target)


@dataclass(frozen=True, slots=True)
class NetworkSilent(_Fault):
    """The network carries nothing, while the modem believes to be on line."""

    def apply(self, world: World) -> None:
        world.hold("silence", self.target)
        world.concentrators[self.target].online.silence(True)

    def lift(self, world: World) -> None:
        world.release("silence", self.target)
        world.concentrators[self.target].online.silence(world.held("silence", self.target))


@dataclass(frozen=True, slots=True)
class PowerCut(_Fault):
    """Concentrator and modem are without power, and boot when it returns; the network behind them
    has to be found anew."""

    def apply(self, world: World) -> None:
        world.hold("power", self.target)
        world.concentrators[self.target].power_off()
        world.networks_lost(self.target)
        modem = world.modem(self.target)
        if not isinstance(modem, Router):  # which has a supply of its own
            modem.add_fault(ModemState("power lost", self.span))
            world.modem_touched(self.target)

    def lift(self, world: World) -> None:
        world.release("power", self.target)
        if not world.held("power", self.target):
            world.concentrators[self.target].power_on("power returned")


@dataclass(frozen=True, slots=True)
class Reboot(_Fault):
    """The concentrator starts anew at the span's start; its modem stays on line.  The span's end,
    where it has one, is when it works again."""

    def apply(self, world: World) -> None:
        if world.held("power", self.target):
            return  # it boots when the power returns
        boot_s = None if self.span.end is None else self.span.end - world.env.now
        world.concentrators[self.target].reboot("watchdog", boot_s=boot_s)


@dataclass(frozen=True, slots=True)
class Busy(_Fault):
    """The concentrator takes no more work."""

    def apply(self, world: World) -> None:
        world.hold("busy", self.target)
        world.concentrators[self.target].busy = True

    def lift(self, world: World) -> None:
        world.release("busy", self.target)
        world.concentrators[self.target].busy = world.held("busy", self.target)


@dataclass(frozen=True, slots=True)
class ClockWrong(_Fault):
    """The concentrator's clock jumps by `step_s` and drifts; it is set right at the end."""

    step_s: int = 0
    drift_ppm: int = 0

    def apply(self, world: World) -> None:
        clock = world.concentrators[self.target].clock
        clock.step(self.step_s)
        clock.drift(self.drift_ppm, world.env.now)

    def lift(self, world: World) -> None:
        clock = world.concentrators[self.target].clock
        clock.drift(0, world.env.now)
        clock.set_right(world.env.now)


# --- running them ---------------------------------------------------------------------------------


def run(world: World, faults: Iterable[Fault]) -> None:
    """Have faults begin and end at their times.  One that began before now begins now."""
    for fault in faults:
        world.env.process(course(world, fault))


def course(world: World, fault: Fault) -> Generator[simpy.Event, Any, None]:
    """A fault's begin and end, as a process of the world."""
    start, end = fault.span.start, fault.span.end
    if start is not None and start > world.env.now:
        yield world.env.timeout(start - world.env.now)
    kind = type(fault).__name__
    fault.apply(world)
    world.log("fault", fault=kind, target=fault.target)
    if end is None:
        return
    yield world.env.timeout(max(0.0, end - world.env.now))
    fault.lift(world)
    world.log("fault-over", fault=kind, target=fault.target)
