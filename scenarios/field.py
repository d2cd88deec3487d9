"""From a scenario's file to the field's values: devices, faults, and what the registry holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib.util import find_spec
from zoneinfo import ZoneInfo

from devices import faults, meter_faults, router_faults
from devices.channel.place import Phase, along_streets
from devices.concentrator.device import Settings
from devices.concentrator.errand import Patience
from devices.concentrator.table import OWN, EnginePolicy, alternating, only
from devices.faults import Fault
from devices.field_spec import FieldSpec, MeterSpec, TransformerSpec
from devices.grid.phase_records import recorded_phases
from devices.meter.foreign import MAKER
from devices.span import Span
from headend.domain.meter import GATEWAY, Concentrator, Meter, RecordedPhase
from protocols.dlms.codes import DataAccessResult
from protocols.plc.noise import NOISES
from scenarios import schema
from scenarios.fault_spec import where
from scenarios.schema import BadScenario, Scenario, seconds

DISCOVER_EVERY_S = 300.0
SIMULATED = "sim-3p"  # of headend/models: what it says of pushes is true of one phase, too
CONTRACTED_W = Decimal(10_000)

# Which way to fail a code means (channel.md, WAN state machine); the first of each is the default.
_MODEM: dict[int | None, str] = {None: "modem dead"}
_SIM = {None: "sim barred", 103: "sim barred", 10: "sim missing", 11: "sim pin", 13: "sim broken"}
_APN = {None: "apn unknown", 27: "apn unknown", 29: "apn authentication", 33: "apn not subscribed"}
_NETWORK = {None: "no network", 30: "no network", 31: "session timeout", 32: "network not allowed"}


@dataclass(frozen=True, slots=True)
class Registry:
    """What the head-end is told of the field before the story begins."""

    concentrators: tuple[Concentrator, ...]
    meters: tuple[Meter, ...]


def field_of(scenario: Scenario) -> FieldSpec:
    """The field.  Raises `BadScenario` for a meter that is not in it."""
    special = {meter.name: meter for meter in scenario.meter}
    spread = scenario.field.transformers()
    known = {meter.name for each in spread for meter in each.modules}
    expect = scenario.expect
    for name in (*special, *schema.meters_of(expect)):
        if name not in known:
            customers = [meter.name for each in spread for meter in each.meters]
            raise BadScenario(f"meter {name}: the field has {customers[0]} to {customers[-1]}")
    for head in (each.head for each in spread if each.head is not None):
        if head.name in special and special[head.name].load_w is not None:
            raise BadScenario(f"meter {head.name} measures a transformer: it has no load_w")
    return FieldSpec(
        transformers=tuple(_transformer(each, scenario.field, special) for each in spread),
        zone=ZoneInfo(scenario.timezone),
        engines=_engines(scenario),
        settings=_settings(scenario),
        noise=NOISES[scenario.field.noise],
        grid=scenario.field.grid,
    )


def registry_of(scenario: Scenario, seed: int | None = None) -> Registry:
    """What the head-end knows of it.  The `seed`, the scenario's own if none is given, says which
    records name a wrong phase."""
    seed = scenario.seed if seed is None else seed
    special = {meter.name: meter for meter in scenario.meter}
    spread = scenario.field.transformers()
    phases = _phases(scenario.field, seed)
    return Registry(
        tuple(Concentrator(each.concentrator, sim_of(each.concentrator)) for each in spread),
        tuple(
            replace(
                _by_mode(
                    scenario,
                    _registered(meter.name, each.concentrator, special.get(meter.name)),
                ),
                recorded_phase=phases.get(meter.name),
            )
            for each in spread
            for meter in each.modules
            if meter.name not in special or special[meter.name].registered
        ),
    )


def collected_meters(scenario: Scenario) -> list[str]:
    """Those whose profiles come in by collection: by a concentrator, or read by the head-end."""
    return [
        meter.name
        for meter in registry_of(scenario).meters
        if meter.concentrator or (scenario.task and meter.lane)
    ]


def _phases(field: schema.FieldSpec, seed: int) -> dict[str, RecordedPhase]:
    """By the utility's records; it has none where meters hang on no grid."""
    if not field.grid:
        return {}
    true = [
        (meter.name, meter.place.phase)
        for each in field.transformers()
        for meter in _transformer(each, field, {}).modules
    ]
    recorded = recorded_phases(seed, true, field.wrong_phase_share)
    return {name: phase.value for name, phase in recorded.items()}


def sim_of(concentrator: str) -> str:
    """The SIM in a simulated concentrator's modem; 730 is Chile (ITU E.212), the rest invented."""
    return f"73099{int(concentrator.rpartition('-')[2]):010d}"


def faults_of(scenario: Scenario, start: float | None = None) -> list[Fault]:
    """The faults, at the world's times; `start` (POSIX seconds) where it begins at another time
    than its own; of a scenario that is `aimed`.  Raises `BadScenario`."""
    start = scenario.start_utc.timestamp() if start is None else start
    return [_fault(spec, start) for spec in scenario.fault if where(spec.kind) != "surroundings"]


def alternating_meters(scenario: Scenario) -> list[str]:
    """The meters that come and go as meters usually do.

    Unless the file says so, those that the story names stay: it says what happens to them.
    """
    if scenario.field.outages == "none":
        return []
    spread = scenario.field.transformers()
    names = [meter.name for each in spread for meter in each.meters]
    if scenario.field.outages == "usual":
        return names
    told = {name for order in scenario.order for name in order.names()}
    told |= {meter.name for meter in scenario.meter} | {read.meter for read in scenario.read}
    told |= {fault.target for fault in scenario.fault}
    expect = scenario.expect
    told |= {*schema.meters_of(expect)}
    return [name for name in names if name not in told]


def _transformer(
    each: TransformerSpec, field: schema.FieldSpec, special: dict[str, schema.MeterSpec]
) -> TransformerSpec:
    placed = [
        replace(meter, place=along_streets(index, spacing_m=field.spacing_m))
        for index, meter in enumerate(each.meters)
    ]
    if field.grid:
        placed = [_connected(meter, index) for index, meter in enumerate(placed)]
    return replace(
        each,
        meters=tuple(_meter(meter, special.get(meter.name)) for meter in placed),
        head=None if each.head is None else _meter(each.head, special.get(each.head.name)),
        access=field.access,
        radio=None if field.radio == "none" else field.radio,
        router=field.router == "external",
    )


THREE_PHASE_EVERY = 10
"""Of a transformer's customers on a grid, one in so many has three phases (assumption)."""


def _connected(meter: MeterSpec, index: int) -> MeterSpec:
    if index % THREE_PHASE_EVERY == THREE_PHASE_EVERY - 1:
        return replace(meter, place=replace(meter.place, phase=Phase.ALL))
    return replace(meter, phases=1)


def _meter(meter: MeterSpec, special: schema.MeterSpec | None) -> MeterSpec:
    if special is None:
        return meter
    if special.load_w is not None:
        meter = replace(meter, load_w=(special.load_w, 0, 0))
    if special.control_mode is not None:
        meter = replace(meter, control_mode=special.control_mode)
    if special.distance_m is not None:
        meter = replace(meter, place=replace(meter.place, distance_m=round(special.distance_m)))
    if special.branch is not None:
        meter = replace(meter, place=replace(meter.place, branch=special.branch))
    if special.foreign:
        meter = replace(meter, foreign=True)
    if special.model is not None:
        meter = replace(meter, model=special.model)
    return replace(meter, in_table=special.in_table and not special.direct)


def _by_mode(scenario: Scenario, meter: Meter) -> Meter:
    """In gateway mode the head-end itself speaks with the meters behind concentrators."""
    carries = scenario.field.mode == "gateway" or meter.concentrator in scenario.field.gateways
    if not carries or meter.address is not None:
        return meter
    return replace(meter, address=GATEWAY, model=SIMULATED)


def _registered(name: str, concentrator: str, special: schema.MeterSpec | None) -> Meter:
    if special is None:
        return Meter(
            name, concentrator, commissioned=True, contracted_w=CONTRACTED_W, model=SIMULATED
        )
    return Meter(
        name,
        concentrator if special.linked and not special.direct else None,
        commissioned=special.commissioned,
        blocked=special.blocked,
        contracted_w=Decimal(special.contracted_w),
        model="generic" if special.foreign and not special.direct else SIMULATED,
        identity=f"{MAKER}{int(name):010d}" if special.foreign else f"SIM{int(name):010d}",
        address=f"tcp://{_address(name)}" if special.direct else None,
    )


def _address(meter: str) -> str:
    """Where a router of a meter would be: addresses kept for private networks (RFC 1918)."""
    return f"10.{int(meter) >> 16 & 0xFF}.{int(meter) >> 8 & 0xFF}.{int(meter) & 0xFF}"


def _engines(scenario: Scenario) -> EnginePolicy:
    if scenario.field.engines == "alternate":
        # gurux-dlms is an extra; without it our own engine speaks for every concentrator.
        return alternating(scenario.seed) if find_spec("gurux_dlms") else only(OWN)
    return only(scenario.field.engines)


def _settings(scenario: Scenario) -> Settings:
    octets = scenario.field.memory_octets
    settings = Settings() if octets is None else Settings(memory_octets=octets)
    if scenario.field.patience is not None:
        once = Patience(seconds(scenario.field.patience), sessions_max=1)
        settings = replace(settings, patience=once)
    if scenario.field.discovery:
        settings = replace(settings, discover_every_s=DISCOVER_EVERY_S)
    return settings


def _fault(spec: schema.FaultSpec, start: float) -> Fault:
    end = None if spec.until is None else start + seconds(spec.until)
    span = Span(start + seconds(spec.at), end)
    make = _FAULTS[spec.kind]
    try:
        return make(spec, span)
    except (KeyError, ValueError) as error:
        raise BadScenario(
            f"fault {spec.kind} at {spec.target}: {spec.code} is no code of it"
        ) from error


def _modem_fails(table: dict[int | None, str]) -> Callable[[schema.FaultSpec, Span], Fault]:
    return lambda spec, span: faults.ModemFails(spec.target, span, table[spec.code])


_FAULTS: dict[str, Callable[[schema.FaultSpec, Span], Fault]] = {
    "meter-silent": lambda spec, span: faults.SilentMeter(spec.target, span),
    "meter-refuses": lambda spec, span: faults.RefusesLimit(
        spec.target,
        span,
        DataAccessResult.READ_WRITE_DENIED if spec.code is None else DataAccessResult(spec.code),
    ),
    "meter-ignores": lambda spec, span: faults.IgnoresLimit(spec.target, span),
    "meter-emergency": lambda spec, span: faults.EmergencyActive(spec.target, span),
    "meter-wrong-key": lambda spec, span: faults.WrongKey(spec.target, span),
    "meter-counter": lambda spec, span: faults.RolledBackCounter(spec.target, span),
    "meter-clock": lambda spec, span: meter_faults.MeterClockWrong(
        spec.target, span, spec.step_s, spec.drift_ppm
    ),
    "meter-phase-loss": lambda spec, span: meter_faults.PhaseLost(
        spec.target, span, spec.phase or 1
    ),
    "meter-stuck-relay": lambda spec, span: faults.StuckRelay(spec.target, span),
    "meter-stuck-load-relay": lambda spec, span: faults.StuckLoadRelay(spec.target, span),
    "meter-unreachable": lambda spec, span: faults.ModuleOff(spec.target, span, bearer=spec.link),
    "meter-dirty": lambda spec, span: faults.Dirty(spec.target, span, spec.dirt or ""),
    "meter-power-cut": lambda spec, span: faults.MeterPowerCut(spec.target, span),
    "packet-loss": lambda spec, span: faults.Loss(
        spec.target, span, 0.5 if spec.share is None else spec.share, bearer=spec.link
    ),
    "noise": lambda spec, span: faults.Noise(
        spec.target, span, round(100 * (spec.snr_change_db or 0.0))
    ),
    "modem": _modem_fails(_MODEM),
    "sim": _modem_fails(_SIM),
    "apn": _modem_fails(_APN),
    "network": _modem_fails(_NETWORK),
    "silence": lambda spec, span: faults.NetworkSilent(spec.target, span),
    "power-cut": lambda spec, span: faults.PowerCut(spec.target, span),
    "reboot": lambda spec, span: faults.Reboot(spec.target, span),
    "busy": lambda spec, span: faults.Busy(spec.target, span),
    "jamming": lambda spec, span: faults.Jammed(
        spec.target, span, round(100 * (spec.power_dbm or 0.0))
    ),
    "cell-outage": lambda spec, span: faults.ModemFails(spec.target, span, "no network"),
    "router-power-cut": lambda spec, span: router_faults.RouterPowerCut(spec.target, span),
    "router-port-cut": lambda spec, span: router_faults.RouterPortCut(spec.target, span),
    "router-modem": _modem_fails(_MODEM),
    "router-sim": _modem_fails(_SIM),
    "line-cut": lambda spec, span: faults.LineCut(spec.target, span),
    "clock": lambda spec, span: faults.ClockWrong(spec.target, span, spec.step_s, spec.drift_ppm),
}
