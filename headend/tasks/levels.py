"""Feeders' nominal voltages, as SIAD has them of their substations."""

from __future__ import annotations

from headend.ports.words.feeders import FeederWords


def nominal_volts(tx: FeederWords) -> dict[str, float]:
    """Volts between phases, by SIMOCE's key, of the feeders that are mapped."""
    kilovolts = {
        each.key: float(each.attributes["nominalVoltage"])
        for each in tx.instances("SIAD", "Substation")
        if "nominalVoltage" in each.attributes
    }
    substation = {
        each.key: each.references.get("NormalEnergizingSubstation", "")
        for each in tx.instances("SIAD", "CFE_Circuit")
    }
    return {
        each.simoce: kilovolts[substation[each.siad]] * 1000  # SIAD tells kV
        for each in tx.feeder_mappings()
        if each.siad is not None
        and each.simoce is not None
        and substation.get(each.siad) in kilovolts
    }
