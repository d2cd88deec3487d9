"""What each system calls the same thing.

Every system was made by somebody else: one writes letters and bay, another spells the substation
out, a third puts the bay first.  Most names follow their system's rule; those of feeders that were
renamed do not, because some systems kept the name of before.  No rule leads from one system's names
to another's for all feeders: that takes the Unified Repository.
"""

from __future__ import annotations

import enum
import unicodedata

from scenarios.utility.model import Feeder, Substation, Transformer, Zone


class System(enum.StrEnum):
    """The utility's systems, as the Unified Repository spells them."""

    SIAD = "SIAD"
    SIMOCE = "SIMOCE"
    SCADA = "SCADA"
    VIP = "VIP"
    AMI = "AMI"


def zone_key(zone: Zone) -> str:
    """SIAD's key of a zone; the head-end's registry takes it over."""
    return f"Z{zone.number:02d}"


def substation_key(system: System, substation: Substation) -> str:
    """The key of a substation in a system that has substations."""
    match system:
        case System.SIAD:
            return substation.letters
        case System.SIMOCE:
            return f"S.E. {plain(substation.name).upper()}"
        case System.SCADA:
            return f"SE_{plain(substation.letters)}"
        case System.AMI:
            return f"S-{plain(substation.letters)}"
        case System.VIP:
            raise LookupError("the database of VIP customers has no substations")


def feeder_key(system: System, feeder: Feeder) -> str:
    """The key of a feeder in a system."""
    substation, bay = feeder.substation, feeder.bay
    letters = plain(substation.letters)
    match system:
        case System.SIAD:
            return f"{substation.letters}-{bay}"
        case System.SIMOCE if feeder.renamed:
            # Named after its number on the drawing before the bays were painted anew.
            return f"CTO_{feeder.number:02d}_{plain(substation.name).upper().replace(' ', '_')}"
        case System.SIMOCE:
            return f"CTO_{bay}_{plain(substation.name).upper().replace(' ', '_')}"
        case System.SCADA:
            return f"{letters}{bay // 10:04d}" if feeder.renamed else f"{letters}{bay}"
        case System.VIP:
            return f"{bay} {substation.name}" if feeder.renamed else f"{bay}-{letters.lower()}"
        case System.AMI:
            return f"F-{letters}-{bay}"


def feeder_label(feeder: Feeder) -> str:
    """What people say."""
    return f"{feeder.substation.name} {feeder.bay}"


def head_meter_key(system: System, feeder: Feeder) -> str:
    """The key of the meter at a feeder's head, in a system that has it."""
    match system:
        case System.SIMOCE:
            return f"MED {feeder_key(System.SIMOCE, feeder)}"
        case System.SCADA:
            return f"{feeder_key(System.SCADA, feeder)}_MED"
        case System.AMI:
            return str(feeder.head_meter)
        case System.SIAD | System.VIP:
            raise LookupError(f"{system} has no meters")


def transformer_key(transformer: Transformer) -> str:
    """The head-end's code of a transformer."""
    return f"T-{transformer.number:04d}"


def plain(text: str) -> str:
    """Without accents: older systems had no room for them."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(it for it in apart if not unicodedata.combining(it))
