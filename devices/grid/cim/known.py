"""Which classes of CIM100 change a power flow here, and which need not be looked at.

Everything else in a file is named in a note: it is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from devices.grid.cim.rdf import Model

MODELLED = frozenset(
    "ACLineSegment ACLineSegmentPhase PerLengthPhaseImpedance PerLengthSequenceImpedance"
    " PhaseImpedanceData EnergySource EnergyConsumer EnergyConsumerPhase LoadResponseCharacteristic"
    " LinearShuntCompensator LinearShuntCompensatorPhase PowerTransformer PowerTransformerEnd"
    " TransformerTank TransformerTankEnd TransformerTankInfo TransformerEndInfo ShortCircuitTest"
    " NoLoadTest TransformerMeshImpedance TransformerCoreAdmittance RatioTapChanger"
    " TapChangerControl LoadBreakSwitch Breaker Fuse Recloser Sectionaliser Disconnector Switch"
    " Jumper Cut SwitchPhase PowerElectronicsConnection PowerElectronicsConnectionPhase"
    " SynchronousMachine AsynchronousMachine Terminal ConnectivityNode BaseVoltage".split()
)

HARMLESS = frozenset(
    "Location PositionPoint CoordinateSystem Analog Discrete Accumulator AnalogValue DiscreteValue"
    " TopologicalNode TopologicalIsland OperationalLimitSet OperationalLimitType CurrentLimit"
    " VoltageLimit ApparentPowerLimit ActivePowerLimit Substation VoltageLevel Bay Feeder Line"
    " GeographicalRegion SubGeographicalRegion Region SwitchArea SecondaryArea FeederArea"
    " DistributionArea FullModel BatteryUnit PhotovoltaicUnit PowerElectronicsWindUnit House"
    " GeneratingUnit ThermalGeneratingUnit HydroGeneratingUnit WindGeneratingUnit Name NameType"
    " NameTypeAuthority Asset BusbarSection Junction UsagePoint PowerTransformerInfo"
    " TapChangerInfo".split()
)
"""Places, measurements, limits, names, what groups others, and what stands behind an inverter or a
machine whose power is told at its connection."""


def left_out(model: Model) -> Iterator[str]:
    """A note for each class of objects that is not understood."""
    for kind in sorted(model.by_kind):
        things = model.by_kind[kind]
        if not things or kind in MODELLED or kind in HARMLESS:
            continue
        first = things[0]
        joined = any(model.pointing("Terminal.ConductingEquipment", each) for each in things)
        what = "equipment with terminals, " if joined else ""
        more = f" and {len(things) - 1} more" if len(things) > 1 else ""
        yield f"{what}not understood and left out: {first}{more}"
