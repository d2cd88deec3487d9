"""A circuit written as an OpenDSS script, element by element, so that OpenDSS can solve what was
read from a file that it cannot read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from devices.grid.cim.network import Network
from devices.grid.circuit import GROUND, Circuit, Element, Leg, Regulator
from devices.grid.regulators import TapChanger


def script(network: Network) -> str:
    """Its text; the controls of taps move in it as they do here."""
    circuit = network.circuit
    lines = ["clear", f"set defaultbasefrequency={circuit.frequency}"]
    for name, element in circuit.elements.items():
        if name.startswith("source."):
            lines.append(_source(circuit, element))
        elif name.startswith("transformer."):
            lines.append(_transformer(circuit, element, network.changers[name]))
        elif name.startswith("capacitor."):
            lines += _capacitors(circuit, element)
        else:
            lines.append(_line(circuit, element))
    lines += [_load(circuit, leg, number) for number, leg in enumerate(circuit.legs)]
    lines += [_regulator(each) for each in network.regulators]
    bases = sorted({round(kv * math.sqrt(3), 6) for kv in circuit.base_kv.values()})
    told = " ".join(map(str, bases))
    return "\n".join([*lines, f"set voltagebases=[{told}]", "calcvoltagebases", "solve", ""])


def _at(circuit: Circuit, nodes: Sequence[int]) -> str:
    """A bus with its nodes."""
    keys = list(circuit.nodes)
    (bus,) = {keys[node][0] for node in nodes if node != GROUND}
    return ".".join([bus, *(str(keys[node][1] if node != GROUND else 0) for node in nodes)])


def _rows(matrix: np.ndarray) -> str:
    return "[" + "|".join(" ".join(repr(float(value)) for value in row) for row in matrix) + "]"


def _source(circuit: Circuit, element: Element) -> str:
    (source,) = circuit.sources
    assert source.element is element
    z = np.linalg.inv(element.y[:3, :3])
    z1, z0 = (complex(each) for each in (z[0, 0] - z[0, 1], z[0, 0] + 2 * z[0, 1]))
    kv = float(abs(source.emf[0])) * math.sqrt(3) / 1000
    angle = math.degrees(np.angle(source.emf[0]))
    return (
        f"new circuit.twin bus1={_at(circuit, element.terminals[0])} basekv={kv!r} pu=1"
        f" angle={angle!r} z1=[{z1.real!r} {z1.imag!r}] z0=[{z0.real!r} {z0.imag!r}]"
    )


def _line(circuit: Circuit, element: Element) -> str:
    count = len(element.terminals[0])
    z = np.linalg.inv(-element.y[:count, count:])
    shunt = element.y[:count, :count] + element.y[:count, count:]
    c = shunt.imag / (math.pi * circuit.frequency) * 1e9
    one, other = (_at(circuit, terminal) for terminal in element.terminals)
    return (
        f"new line.{element.name.replace('.', '_')} phases={count} bus1={one} bus2={other} length=1"
        f" rmatrix={_rows(z.real)} xmatrix={_rows(z.imag)} cmatrix={_rows(c)}"
    )


def _transformer(circuit: Circuit, element: Element, changer: TapChanger) -> str:
    data = changer.data
    count, wye = len(data.windings), data.phases in (2, 3)
    lead = "lead" if data.high_leads else "lag"
    told = [
        (
            f"new {element.name} phases={data.phases} windings={count}"
            f" %noloadloss={data.no_load_loss_pu * 100!r} %imag={data.magnetising_pu * 100!r}"
            f" ppm_antifloat={data.antifloat * 1e6!r} leadlag={lead}"
            f" xscarray=[{' '.join(repr(each * 100) for each in data.reactances_pu)}]"
        )
    ]
    for number, (winding, nodes) in enumerate(
        zip(data.windings, element.terminals, strict=True), 1
    ):
        used = nodes[: data.phases] if winding.delta and data.phases > 1 else nodes
        kv = winding.volts * (math.sqrt(3) if wye and not winding.delta else 1) / 1000
        told.append(
            f"~ wdg={number} bus={_at(circuit, used)} conn={'delta' if winding.delta else 'wye'}"
            f" kv={kv!r} kva={data.va / 1000!r} %r={winding.r_pu * 100!r} tap={winding.tap!r}"
            f" mintap={changer.tap_min[number - 1]!r} maxtap={changer.tap_max[number - 1]!r}"
            f" numtaps={changer.tap_steps[number - 1]}"
        )
    return "\n".join(told)


def _capacitors(circuit: Circuit, element: Element) -> Iterator[str]:
    (nodes,) = element.terminals
    name = element.name.partition(".")[2]
    for i, node in enumerate(nodes):
        for j in range(i, len(nodes)):
            ends, b = [node, GROUND], element.y[i].sum().imag
            if j > i:
                ends, b = [node, nodes[j]], -element.y[i, j].imag
            if abs(b) > 1e-15:
                one = _at(circuit, ends[:1])
                bus = one.partition(".")[0]
                other = f"{bus}.0" if ends[1] == GROUND else _at(circuit, ends[1:])
                kvar = float(b) * 1000  # at one kilovolt
                yield (
                    f"new capacitor.{name}_{i}{j} phases=1 bus1={one} bus2={other} kv=1"
                    f" kvar={kvar!r}"
                )


def _load(circuit: Circuit, leg: Leg, number: int) -> str:
    first = leg.ends if leg.ends[0] != GROUND else leg.ends[::-1]
    return (
        f"new load.l{number} phases=1 bus1={_at(circuit, first)} kv={leg.volts / 1000!r}"
        f" kw={leg.watts / 1000!r} kvar={leg.vars / 1000!r} model={leg.model}"
        f" vminpu={leg.low} vmaxpu={leg.high} vlowpu={leg.lowest}"
        f" cvrwatts={leg.exponents[0]} cvrvars={leg.exponents[1]}"
    )


def _regulator(each: Regulator) -> str:
    return (
        f"new {each.name} transformer={each.transformer.partition('.')[2]}"
        f" winding={each.winding + 1} vreg={each.v_reg!r} band={each.band!r}"
        f" ptratio={each.pt_ratio!r} ctprim={each.ct_primary!r} r={each.r!r} x={each.x!r}"
        f" delay={each.delay_s!r}"
    )
