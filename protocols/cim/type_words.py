"""What control and event codes mean, in English and Spanish, and our meters' events.

The codes and their English are those of `control_types`; the meters' own codes are those of IDIS
package 2, clause 5.4 (`protocols.dlms.objects.event_codes`).  A code without a row is told by its
parts, so that nothing is shown as unknown that can be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from protocols.cim.control_types import (
    ACTIONS,
    CONTROL_TYPES,
    DEVICES,
    DOMAINS,
    EVENT_TYPES,
    SUBDOMAINS,
    canonical,
)

Language = Literal["en", "es"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """A code's meaning.  `meter_events` are the codes in a meter's log that it stands for; none
    where it is the head-end's own finding."""

    english: str
    spanish: str
    meter_events: tuple[int, ...] = ()


_CONTROLS_ES: Final = {
    "3.31.0.5": "habilitar la reconexión manual",
    "3.31.0.6": "habilitar el corte manual",
    "3.31.0.18": "reconectar",
    "3.31.0.23": "cortar",
    "3.31.139.13": "cambiar el límite de potencia",
    "3.31.139.26": "activar el límite de potencia",
    "3.31.139.22": "quitar el límite de potencia",
    "3.31.138.26": "activar el límite de emergencia",
    "3.31.138.22": "quitar el límite de emergencia",
    "3.8.0.214": "puesta a cero de la demanda máxima",
    "3.15.0.23": "apagar la carga controlada",
    "3.15.0.18": "encender la carga controlada",
    "3.15.0.13": "cambiar la carga controlada",
}
_EVENTS_ES: Final[dict[str, tuple[str, tuple[int, ...]]]] = {
    # code: its Spanish, and the meters' own codes
    "3.31.0.42": ("reconectado", (63,)),
    "3.31.0.44": ("listo para reconexión manual", (59,)),
    "3.31.0.67": ("reconexión fallida", ()),
    "3.31.0.68": ("cortado", (62,)),
    "3.31.0.84": ("corte fallido", ()),
    "3.31.139.24": ("límite de potencia cambiado", (67,)),
    "3.31.139.85": ("cambio del límite de potencia fallido", ()),
    "3.8.0.214": (_CONTROLS_ES["3.8.0.214"], ()),
    "3.8.0.85": ("puesta a cero de la demanda máxima fallida", ()),
    "3.15.0.42": ("carga controlada encendida", ()),
    "3.15.0.67": ("encendido de la carga controlada fallido", ()),
    "3.15.0.68": ("carga controlada apagada", ()),
    "3.15.0.84": ("apagado de la carga controlada fallido", ()),
    "0.15.261.24": ("umbral de carga cambiado", ()),
    "0.15.261.139": ("umbral de carga superado", (65,)),
    "0.15.261.216": ("carga de nuevo bajo el umbral", (66,)),
    "3.26.131.223": ("hueco de tensión en la fase A", (76,)),
    "3.26.131.248": ("sobretensión en la fase A", (79,)),
    "3.12.29.212": ("cubierta abierta", (44,)),
    "3.36.114.24": ("reloj cambiado", (5,)),
    "3.2.22.150": ("batería baja", (8,)),
    "3.26.0.47": ("corte de alimentación", (1,)),
    "3.26.0.216": ("vuelta de alimentación", (2,)),
}
CONTROLS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {code: Meaning(row.name, _CONTROLS_ES[code]) for code, row in CONTROL_TYPES.items()}
)
EVENTS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {code: Meaning(english, *_EVENTS_ES[code]) for code, english in EVENT_TYPES.items()}
)

_SPANISH: Final = {
    "electric meter": "medidor", "collector": "concentrador",
    "com device": "equipo de comunicación",
    "communication": "comunicación", "battery": "batería", "demand": "demanda",
    "security": "seguridad", "load control": "control de carga", "load profile": "perfil de carga",
    "modem": "módem", "metrology": "metrología", "network": "red", "power": "alimentación",
    "rcd switch": "interruptor", "clock": "reloj",
    "emergency supply capacity limit": "límite de emergencia",
    "supply capacity limit": "límite de potencia",
    "arm for closure": "habilitar reconexión", "arm for open": "habilitar corte",
    "change": "cambiar", "connect": "reconectar", "disable": "desactivar",
    "disconnect": "cortar", "changed": "cambiado", "enable": "activar",
    "connected": "reconectado", "processed": "procesado", "succeeded": "logrado",
    "expired": "vencido", "disconnected": "cortado", "error": "error",
    "disconnect failed": "corte fallido", "failed": "fallido", "exceeded": "superado",
    "reset": "puesta a cero", "restored": "restablecido", "firmware": "firmware",
}  # fmt: skip
_BY_NUMBER: Final = tuple(
    {number: word for word, number in table.items() if number}
    for table in (DEVICES, DOMAINS, SUBDOMAINS, ACTIONS)
)


def meaning(code: str, language: Language = "en") -> str:
    """A control's or event's code in words; by its parts where it has no row.

    Raises `ValueError` for what is no code of four numbers.
    """
    known = canonical(code)
    if known is None:
        raise ValueError(f"not a control or event type: {code[:40]!r}")
    row = CONTROLS.get(known) or EVENTS.get(known)
    if row is not None:
        return row.spanish if language == "es" else row.english
    said = []
    for table, number in zip(_BY_NUMBER, map(int, known.split(".")), strict=True):
        word = table.get(number, str(number) if number else "")
        said.append(_SPANISH.get(word, word) if language == "es" else word)
    return ", ".join(filter(None, said)) or known


def of_meter_event(code: int) -> str | None:
    """The event type that a code of a meter's log is told as; None where there is none for it."""
    return _OF_METER.get(code)


_OF_METER: Final = {number: code for code, row in EVENTS.items() for number in row.meter_events}
