"""What the Unified Repository holds: which names of the systems mean the same element.

Feeders that are new are not in it yet: to find them, and to map them, is a task's work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scenarios.utility.model import Utility
from scenarios.utility.naming import (
    System,
    feeder_key,
    feeder_label,
    head_meter_key,
    substation_key,
)
from scenarios.utility.sheets import Sheet, sheet

ABOUT = {
    System.SIAD: "Sistema de administración de la distribución",
    System.SIMOCE: "Monitoreo de estado estable y calidad de la energía",
    System.SCADA: "Control supervisorio del centro de control",
    System.VIP: "Clientes importantes",
    System.AMI: "Medición avanzada",
}
CLASSES = {
    System.SIAD: ("Substation", "CFE_Circuit"),
    System.SIMOCE: ("Substation", "Feeder", "Meter"),
    System.SCADA: ("Substation", "Feeder", "Meter"),
    System.VIP: ("CFE_Circuit",),
    System.AMI: ("Meter",),
}
"""The classes that a system has names for."""


@dataclass(frozen=True, slots=True)
class Element:
    """A thing with its key in each system: system, class there, key."""

    key: str
    cls: str
    label: str
    names: tuple[tuple[System, str, str], ...]


def elements(utility: Utility) -> Iterator[Element]:
    """All that is mapped."""
    for substation in utility.substations:
        yield Element(
            f"E-S{substation.number:03d}",
            "Substation",
            substation.name,
            tuple(
                (system, "Substation", substation_key(system, substation))
                for system in (System.SIAD, System.SIMOCE, System.SCADA)
            ),
        )
    for feeder in utility.feeders:
        if feeder.new:
            continue
        yield Element(
            f"E-F{feeder.number:03d}",
            "Feeder",
            feeder_label(feeder),
            tuple(
                (system, cls, feeder_key(system, feeder))
                for system, cls in (
                    (System.SIAD, "CFE_Circuit"),
                    (System.SIMOCE, "Feeder"),
                    (System.SCADA, "Feeder"),
                    (System.VIP, "CFE_Circuit"),
                )
            ),
        )
        yield Element(
            f"E-M{feeder.number:03d}",
            "Meter",
            f"Medidor de {feeder_label(feeder)}",
            tuple(
                (system, "Meter", head_meter_key(system, feeder))
                for system in (System.SIMOCE, System.SCADA, System.AMI)
            ),
        )


def sheets(utility: Utility) -> tuple[Sheet, ...]:
    """Its tables."""
    known = [*elements(utility)]
    return (
        sheet("sistemas", "sistema descripcion", ((it.value, ABOUT[it]) for it in System)),
        sheet(
            "clases",
            "clase_sistema clase_cim sistema",
            (
                (f"{system}.{cls}", cls, system.value)
                for system, classes in CLASSES.items()
                for cls in classes
            ),
        ),
        sheet(
            "elementos",
            "id_elemento nombre clase_cim",
            ((it.key, it.label, it.cls) for it in known),
        ),
        sheet(
            "nombres",
            "id_nombre nombre etiqueta sistema clase_cim clase_sistema id_elemento",
            (
                (
                    f"{system}:{cls}:{key}",
                    key,
                    it.label,
                    system.value,
                    cls,
                    f"{system}.{cls}",
                    it.key,
                )
                for it in known
                for system, cls, key in it.names
            ),
        ),
    )
