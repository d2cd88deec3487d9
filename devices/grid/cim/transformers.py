"""Transformers of a CIM model: by their ends, or by tanks of single phases; tap changers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from devices.grid.cim.rdf import Model, Thing
from devices.grid.circuit import Regulator
from devices.grid.primitives import TransformerData, Winding
from devices.grid.regulators import TapChanger

NODES = {"A": 1, "B": 2, "C": 3, "N": 0, "s1": 1, "s2": 2}
"""Node numbers of phases; the neutral is ground (CIMHub leaves it out of lines as well)."""

STEPS = 32


@dataclass(frozen=True, slots=True)
class Built:
    """A transformer or a tank: its values, and bus terminal and nodes of each winding."""

    name: str
    changer: TapChanger
    ends: tuple[Thing, ...]
    nodes: tuple[tuple[int, ...], ...]


def of_power_transformer(model: Model, each: Thing, ends: list[Thing]) -> Built:
    """Of three phases, by its ends.  Raises BadNetwork."""
    ends = sorted(ends, key=lambda end: end.number("TransformerEnd.endNumber"))
    va = ends[0].number("PowerTransformerEnd.ratedS")
    windings: list[Winding] = []
    nodes: list[tuple[int, ...]] = []
    for end in ends:
        volts = end.number("PowerTransformerEnd.ratedU")
        delta = end.code("PowerTransformerEnd.connectionKind").startswith("D")
        grounded = end.flag("TransformerEnd.grounded", True)
        r_pu = end.number("PowerTransformerEnd.r", 0.0) * va / volts**2
        coil = volts if delta else volts / math.sqrt(3)
        windings.append(Winding(delta, coil, r_pu, _tap(model, end)))
        nodes.append((1, 2, 3, 0 if grounded or delta else 4))
    clock = ends[1].number("PowerTransformerEnd.phaseAngleClock", 0.0)
    data = TransformerData(
        3,
        tuple(windings),
        va,
        _mesh(model, each, ends, va),
        *_core(model, ends, va),
        high_leads=clock == 11,
    )
    return _built(model, f"transformer.{each.name}".lower(), data, ends, nodes)


def _mesh(model: Model, each: Thing, ends: list[Thing], va: float) -> tuple[float, ...]:
    found = {}
    for end in ends:
        for mesh in model.pointing("TransformerMeshImpedance.FromTransformerEnd", end):
            other = model.followed(mesh, "TransformerMeshImpedance.ToTransformerEnd")
            pair = tuple(sorted((ends.index(end), ends.index(other))))
            base = end.number("PowerTransformerEnd.ratedU") ** 2 / va
            found[pair] = mesh.number("TransformerMeshImpedance.x") / base
    return _of_pairs(each, found, len(ends))


def _of_pairs(each: Thing, found: dict[tuple[int, ...], float], count: int) -> tuple[float, ...]:
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
    if any(not found.get(pair) for pair in pairs):
        raise each.wrong(" has not a reactance between each two of its windings")
    return tuple(found[pair] for pair in pairs)


def _core(model: Model, ends: list[Thing], va: float) -> tuple[float, float]:
    """No-load losses and magnetising current per unit."""
    for end in ends:
        core = model.follow(end, "TransformerEnd.CoreAdmittance")
        if core is not None:
            times = end.number("PowerTransformerEnd.ratedU") ** 2 / va
            g = core.number("TransformerCoreAdmittance.g", 0.0)
            b = core.number("TransformerCoreAdmittance.b", 0.0)
            return g * times, abs(b) * times
    return 0.0, 0.0


def of_tank(model: Model, tank: Thing) -> Built:
    """One tank, by the tests of its type.  Raises BadNetwork."""
    ends = sorted(
        model.pointing("TransformerTankEnd.TransformerTank", tank),
        key=lambda end: end.number("TransformerEnd.endNumber"),
    )
    info = model.followed(tank, "TransformerTank.TransformerTankInfo")
    infos = sorted(
        model.pointing("TransformerEndInfo.TransformerTankInfo", info),
        key=lambda each: each.number("TransformerEndInfo.endNumber"),
    )
    if len(ends) != len(infos) or len(ends) < 2:
        raise tank.wrong(f" has {len(ends)} ends and its type {len(infos)}")
    va = infos[0].number("TransformerEndInfo.ratedS")
    phases = max(1, sum(letter in "ABC" for letter in _phases(ends[0])))
    delta_kind = [each.code("TransformerEndInfo.connectionKind") == "D" for each in infos]
    if phases == 2 and len(_numbers(ends[0])) == 2:
        phases = 1  # one coil between two phases
    windings, nodes = [], []
    for end, each, is_delta in zip(ends, infos, delta_kind, strict=True):
        volts = each.number("TransformerEndInfo.ratedU")
        coil = volts if is_delta or phases == 1 else volts / math.sqrt(3)
        r_pu = each.number("TransformerEndInfo.r", 0.0) * va / volts**2
        windings.append(Winding(is_delta and phases > 1, coil, r_pu, _tap(model, end)))
        nodes.append(_conductors(end, phases))
    data = TransformerData(
        phases, tuple(windings), va, _tested(model, tank, infos, va), *_no_load(model, infos, va)
    )
    return _built(model, f"transformer.{tank.name}".lower(), data, ends, nodes)


def _phases(end: Thing) -> str:
    return end.code("TransformerTankEnd.orderedPhases")


def _numbers(end: Thing) -> list[int]:
    """Node numbers in their order: "s1N" is 1, 0."""
    text, found = _phases(end), []
    while text:
        for name in ("s1", "s2", "A", "B", "C", "N"):
            if text.startswith(name):
                found.append(NODES[name])
                text = text[len(name) :]
                break
        else:
            raise end.wrong(f": its phases {_phases(end)!r} are not understood")
    return found


def _conductors(end: Thing, phases: int) -> tuple[int, ...]:
    numbers = _numbers(end)
    return tuple([*numbers, *[0] * (phases + 1)][: phases + 1])


def _tested(model: Model, tank: Thing, infos: list[Thing], va: float) -> tuple[float, ...]:
    found = {}
    for at, info in enumerate(infos):
        base = info.number("TransformerEndInfo.ratedU") ** 2 / va
        for test in model.pointing("ShortCircuitTest.EnergisedEnd", info):
            other = model.followed(test, "ShortCircuitTest.GroundedEnds")
            to = infos.index(other)
            r = sum(
                each.number("TransformerEndInfo.r", 0.0)
                * va
                / each.number("TransformerEndInfo.ratedU") ** 2
                for each in (info, other)
            )
            z = test.number("ShortCircuitTest.leakageImpedance") / base
            found[tuple(sorted((at, to)))] = math.sqrt(max(z**2 - r**2, 0.0))
    return _of_pairs(tank, found, len(infos))


def _no_load(model: Model, infos: list[Thing], va: float) -> tuple[float, float]:
    for info in infos:
        for test in model.pointing("NoLoadTest.EnergisedEnd", info):
            loss = test.number("NoLoadTest.loss", 0.0) * 1000 / va
            current = test.number("NoLoadTest.excitingCurrent", 0.0) / 100
            return loss, math.sqrt(max(current**2 - loss**2, 0.0))
    return 0.0, 0.0


def _changer_of(model: Model, end: Thing) -> Thing | None:
    found = model.pointing("RatioTapChanger.TransformerEnd", end)
    return found[0] if found else None


def _step(changer: Thing) -> float:
    return changer.number("RatioTapChanger.stepVoltageIncrement") / 100


def _tap(model: Model, end: Thing) -> float:
    changer = _changer_of(model, end)
    if changer is None:
        return 1.0
    neutral = changer.number("TapChanger.neutralStep", 0.0)
    return 1 + (changer.number("TapChanger.step", neutral) - neutral) * _step(changer)


def _built(
    model: Model, name: str, data: TransformerData, ends: list[Thing], nodes: list[tuple[int, ...]]
) -> Built:
    low: list[float] = []
    high: list[float] = []
    steps: list[int] = []
    for end in ends:
        changer = _changer_of(model, end)
        if changer is None:
            low, high, steps = [*low, 0.9], [*high, 1.1], [*steps, STEPS]
            continue
        neutral, step = changer.number("TapChanger.neutralStep", 0.0), _step(changer)
        first, last = (changer.number(f"TapChanger.{side}Step") for side in ("low", "high"))
        low.append(1 + (first - neutral) * step)
        high.append(1 + (last - neutral) * step)
        steps.append(max(1, round(last - first)))
    taps = [winding.tap for winding in data.windings]
    rated = [winding.volts for winding in data.windings]
    return Built(name, TapChanger(data, taps, low, high, steps, rated), tuple(ends), tuple(nodes))


def regulators_of(model: Model, built: Built) -> list[Regulator]:
    """The controls of its tap changers.  Raises BadNetwork."""
    found = []
    for winding, end in enumerate(built.ends):
        changer = _changer_of(model, end)
        control = model.follow(changer, "TapChanger.TapChangerControl") if changer else None
        if changer is None or control is None:
            continue
        if not control.flag("RegulatingControl.enabled", True):
            continue
        if not changer.flag("TapChanger.controlEnabled", True):
            continue
        compensated = control.flag("TapChangerControl.lineDropCompensation", False)
        found.append(
            Regulator(
                f"regcontrol.{changer.name}".lower(),
                built.name,
                winding,
                winding,
                control.number("RegulatingControl.targetValue"),
                control.number("RegulatingControl.targetDeadband", 3.0),
                changer.number("TapChanger.ptRatio", 60.0),
                changer.number("TapChanger.ctRating", 300.0),
                control.number("TapChangerControl.lineDropR", 0.0) if compensated else 0.0,
                control.number("TapChangerControl.lineDropX", 0.0) if compensated else 0.0,
                changer.number("TapChanger.initialDelay", 15.0),
            )
        )
    return found
