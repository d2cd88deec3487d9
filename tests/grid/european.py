"""The European low-voltage feeder from tables: as an OpenDSS script, and for power-grid-model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

HEAD = "b1"  # the transformer's low-voltage bus


def script(tables: dict[str, Any], times: float = 1.0) -> str:
    """As OpenDSS reads it; loads as the table has them, times a factor."""
    source, trafo = tables["ext_grid"][0], tables["trafo"][0]
    lines = [
        "clear",
        "set defaultbasefrequency=50",
        f"new circuit.europe basekv=11 pu={source['vm_pu']} mvasc3=3000 mvasc1=2500 bus1=b0",
    ]
    r = trafo["vkr_percent"]
    x = math.sqrt(trafo["vk_percent"] ** 2 - r**2)
    kva = trafo["sn_mva"] * 1000
    lines.append(
        f"new transformer.t buses=[b0 b1] conns=[delta wye] kvs=[11 {trafo['vn_lv_kv']}]"
        f" kvas=[{kva} {kva}] %loadloss={r} xhl={x}"
    )
    for number, line in tables["line"].items():
        lines.append(
            f"new line.l{number} bus1=b{line['from_bus']} bus2=b{line['to_bus']}"
            f" length={line['length_km']} units=km r1={line['r_ohm_per_km']}"
            f" x1={line['x_ohm_per_km']} r0={line['r0_ohm_per_km']} x0={line['x0_ohm_per_km']}"
            " c1=0 c0=0"
        )
    for bus, phase, power in loads(tables):
        lines.append(
            f"new load.d{bus}_{phase} bus1=b{bus}.{phase + 1} phases=1 kv=0.23"
            f" kw={power.real * times / 1000!r} kvar={power.imag * times / 1000!r}"
            " vminpu=0.5 vmaxpu=1.5"
        )
    return "\n".join([*lines, "set voltagebases=[11 0.416]", "calcvoltagebases", "solve", ""])


def loads(tables: dict[str, Any]) -> list[tuple[int, int, complex]]:
    """Bus, phase from 0, volt-amperes."""
    found = []
    for load in tables["asymmetric_load"].values():
        for phase, letter in enumerate("abc"):
            power = 1e6 * complex(load[f"p_{letter}_mw"], load[f"q_{letter}_mvar"])
            if power:
                found.append((load["bus"], phase, power))
    return found


def by_power_grid_model(tables: dict[str, Any], sk_va: float, times: float) -> dict[Any, complex]:
    """Voltages in volts by bus and phase, with a source at the low-voltage bus."""
    from power_grid_model import (
        CalculationMethod,
        ComponentType,
        DatasetType,
        LoadGenType,
        PowerGridModel,
        initialize_array,
    )

    def array(kind: Any, count: int) -> Any:
        return initialize_array(DatasetType.input, kind, count)

    volts = tables["trafo"][0]["vn_lv_kv"] * 1000
    buses = [bus for bus in tables["bus"] if bus != 0]
    node = array(ComponentType.node, len(buses))
    node["id"], node["u_rated"] = buses, volts
    line = array(ComponentType.line, len(tables["line"]))
    rows = tables["line"].values()
    line["id"] = [10_000 + at for at in range(len(tables["line"]))]
    line["from_node"] = [each["from_bus"] for each in rows]
    line["to_node"] = [each["to_bus"] for each in rows]
    line["from_status"] = line["to_status"] = 1
    for name, key in (("r1", "r"), ("x1", "x"), ("r0", "r0"), ("x0", "x0")):
        line[name] = [each[f"{key}_ohm_per_km"] * each["length_km"] for each in rows]
    line["c1"] = line["tan1"] = line["c0"] = line["tan0"] = 0
    line["i_n"] = 1_000
    drawn = loads(tables)
    load = array(ComponentType.asym_load, len(drawn))
    load["id"] = [20_000 + at for at in range(len(drawn))]
    load["node"] = [bus for bus, _, _ in drawn]
    load["status"], load["type"] = 1, LoadGenType.const_power
    load["p_specified"] = load["q_specified"] = 0
    for at, (_, phase, power) in enumerate(drawn):
        load["p_specified"][at, phase] = power.real * times
        load["q_specified"][at, phase] = power.imag * times
    source = array(ComponentType.source, 1)
    source["id"], source["node"], source["status"], source["u_ref"] = 30_000, 1, 1, 1.05
    source["sk"], source["rx_ratio"], source["z01_ratio"] = sk_va, 0.25, 1.0
    model = PowerGridModel(
        {
            ComponentType.node: node,
            ComponentType.line: line,
            ComponentType.asym_load: load,
            ComponentType.source: source,
        }
    )
    result = model.calculate_power_flow(
        symmetric=False,
        error_tolerance=1e-12,
        calculation_method=CalculationMethod.iterative_current,
    )[ComponentType.node]
    phasors = result["u"] * np.exp(1j * result["u_angle"])
    return {
        (int(bus), phase): complex(phasors[at, phase])
        for at, bus in enumerate(result["id"])
        for phase in range(3)
    }


def at_the_low_side(tables: dict[str, Any], sk_va: float, times: float) -> str:
    """As `script`, with a source of this short-circuit power in place of the transformer."""
    volts = tables["trafo"][0]["vn_lv_kv"] * 1000
    z = volts**2 / sk_va
    x = z / math.sqrt(1 + 0.25**2)
    lines = script(tables, times).splitlines()
    kept = [line for line in lines if not line.startswith(("new transformer", "new circuit"))]
    circuit = (
        f"new circuit.europe basekv={volts / 1000} pu=1.05 bus1=b1 z1=[{0.25 * x!r} {x!r}]"
        f" z0=[{0.25 * x!r} {x!r}]"
    )
    return "\n".join([*kept[:2], circuit, *kept[2:], ""])
