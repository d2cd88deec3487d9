"""The properties of OpenDSS's classes in their order, by which values without a name are taken and
abbreviations are understood; from the program's own lists (OpenDSS 9)."""

from __future__ import annotations

from devices.grid.errors import BadNetwork

_DELIVERY = "normamps emergamps faultrate pctperm repair"
_ELEMENT = "basefreq enabled like"
_CABLE = (
    "epsr inslayer diains diacable rdc rac runits gmrac gmrunits radius radunits normamps emergamps"
    " diam seasons ratings capradius like"
)
_INVERTER = (
    "kvdc kp pitol safevoltage safemode dynamiceq dynout controlmode amplimit amplimitgain spectrum"
    f" {_ELEMENT}"
)
_XFMR = "thermal n m flrise hsrise %loadloss %noloadloss normhkva emerghkva"

PROPERTIES: dict[str, tuple[str, ...]] = {
    kind: tuple(names.split())
    for kind, names in {
        "vsource": "bus1 basekv pu angle frequency phases mvasc3 mvasc1 x1r1 x0r0 isc3 isc1 r1 x1"
        " r0 x0 scantype sequence bus2 z1 z0 z2 puz1 puz0 puz2 basemva yearly daily duty model"
        f" puzideal spectrum {_ELEMENT}",
        "line": "bus1 bus2 linecode length phases r1 x1 r0 x0 c1 c0 rmatrix xmatrix cmatrix switch"
        " rg xg rho geometry units spacing wires earthmodel cncables tscables b1 b0 seasons ratings"
        f" linetype {_DELIVERY} {_ELEMENT}",
        "linecode": "nphases r1 x1 r0 x0 c1 c0 units rmatrix xmatrix cmatrix basefreq normamps"
        " emergamps faultrate pctperm repair kron rg xg rho neutral b1 b0 seasons ratings linetype"
        " like",
        "linegeometry": "nconds nphases cond wire x h units normamps emergamps reduce spacing wires"
        " cncable tscable cncables tscables seasons ratings linetype like",
        "wiredata": "rdc rac runits gmrac gmrunits radius radunits normamps emergamps diam seasons"
        " ratings capradius like",
        "transformer": "phases windings wdg bus conn kv kva tap %r rneut xneut buses conns kvs kvas"
        f" taps xhl xht xlt xscarray {_XFMR} sub maxtap mintap numtaps subname %imag ppm_antifloat"
        " %rs bank xfmrcode xrconst x12 x13 x23 leadlag wdgcurrents core rdcohms seasons ratings"
        f" {_DELIVERY} {_ELEMENT}",
        "xfmrcode": "phases windings wdg conn kv kva tap %r rneut xneut conns kvs kvas taps xhl xht"
        f" xlt xscarray {_XFMR} maxtap mintap numtaps %imag ppm_antifloat %rs x12 x13 x23 rdcohms"
        " seasons ratings like",
        "regcontrol": "transformer winding vreg band ptratio ctprim r x bus delay reversible"
        " revvreg revband revr revx tapdelay debugtrace maxtapchange inversetime tapwinding vlimit"
        " ptphase revthreshold revdelay revneutral eventlog remoteptratio tapnum reset ldc_z rev_z"
        f" cogen {_ELEMENT}",
        "load": "phases bus1 kv kw pf model yearly daily duty growth conn kvar rneut xneut status"
        " class vminpu vmaxpu vminnorm vminemerg xfkva allocationfactor kva %mean %stddev cvrwatts"
        " cvrvars kwh kwhdays cfactor cvrcurve numcust zipv %seriesrl relweight vlowpu puxharm"
        f" xrharm spectrum {_ELEMENT}",
        "generator": "phases bus1 kv kw pf kvar model vminpu vmaxpu yearly daily duty dispmode"
        " dispvalue conn status class vpu maxkvar minkvar pvfactor forceon kva mva xd xdp xdpp h d"
        " usermodel userdata shaftmodel shaftdata dutystart debugtrace balanced xrdp usefuel"
        f" fuelkwh %fuel %reserve refuel dynamiceq dynout spectrum {_ELEMENT}",
        "capacitor": "bus1 bus2 phases kvar kv conn cmatrix cuf r xl harm numsteps states"
        f" {_DELIVERY} {_ELEMENT}",
        "reactor": "bus1 bus2 phases kvar kv conn rmatrix xmatrix parallel r x rp z1 z2 z0 z rcurve"
        f" lcurve lmh {_DELIVERY} {_ELEMENT}",
        "cndata": f"k diastrand gmrstrand rstrand {_CABLE}",
        "tsdata": f"diashield tapelayer tapelap {_CABLE}",
        "linespacing": "nconds nphases x h units like",
        "fault": f"bus1 bus2 phases r %stddev gmatrix ontime temporary minamps {_DELIVERY}"
        f" {_ELEMENT}",
        "pvsystem": "phases bus1 kv irradiance pmpp %pmpp temperature pf conn kvar kva %cutin"
        " %cutout effcurve p-tcurve %r %x model vminpu vmaxpu balanced limitcurrent yearly daily"
        " duty tyearly tdaily tduty class usermodel userdata debugtrace varfollowinverter dutystart"
        f" wattpriority pfpriority %pminnovars %pminkvarmax kvarmax kvarmaxabs {_INVERTER}",
        "storage": "phases bus1 kv conn kw kvar pf kva %cutin %cutout effcurve varfollowinverter"
        " kvarmax kvarmaxabs wattpriority pfpriority %pminnovars %pminkvarmax kwrated %kwrated"
        " kwhrated kwhstored %stored %reserve state %discharge %charge %effcharge %effdischarge"
        " %idlingkw %idlingkvar %r %x model vminpu vmaxpu balanced limitcurrent yearly daily duty"
        " dispmode dischargetrigger chargetrigger timechargetrig class dynadll dynadata usermodel"
        f" userdata debugtrace {_INVERTER}",
        "capcontrol": "element terminal capacitor type ptratio ctratio onsetting offsetting delay"
        " voltoverride vmax vmin delayoff deadtime ctphase ptphase vbus eventlog usermodel userdata"
        f" pctminkvar reset controlsignal {_ELEMENT}",
        "xycurve": "npts points yarray xarray csvfile sngfile dblfile x y xshift yshift xscale"
        " yscale like",
        "loadshape": "npts interval mult hour mean stddev csvfile sngfile dblfile action qmult"
        " useactual pmax qmax sinterval minterval pbase qbase pmult pqcsvfile memorymapping"
        " interpolation like",
    }.items()
}

HARMLESS = frozenset(
    "energymeter monitor sensor tcc_curve spectrum growthshape priceshape tshape relay"
    " recloser fuse swtcontrol dynamicexp".split()
)
"""Classes that change nothing in a power flow as it is first solved: noted."""

CONTROLS = frozenset("invcontrol storagecontroller expcontrol gendispatcher upfccontrol".split())
"""Controls that are not modelled: what they control stays as it is written; noted."""

NOT_MODELLED = frozenset(
    "autotrans isource vccs upfc indmach012 gicline gictransformer gicsource vsconverter".split()
)
"""Classes without which a result would be wrong: an error."""


def property_of(kind: str, text: str) -> str:
    """A property by its name or the beginning of it.  Raises BadNetwork."""
    names, wanted = PROPERTIES[kind], text.lower()
    if wanted in names:
        return wanted
    for name in names:
        if name.startswith(wanted):
            return name
    raise BadNetwork(f"a {kind} has no property {text!r}")


def class_of(text: str) -> str:
    """A class by its name.  Raises BadNetwork for what is no class of OpenDSS, or not modelled."""
    kind = text.lower()
    if kind in PROPERTIES or kind in HARMLESS or kind in CONTROLS:
        return kind
    if kind in NOT_MODELLED:
        raise BadNetwork(f"elements of class {text} are not modelled here")
    raise BadNetwork(f"{text!r} is no class of elements")
