"""What a row of a profile is worth: the status that European meters put beside its values.

AMR profile status, IDIS package 2, 5.3.1; the object is 0.x.96.10.e.255 (Blue Book 7.4.1).
"""

from __future__ import annotations

import enum

from protocols.dlms.logical_name import LogicalName


class RowStatus(enum.IntFlag):
    """The bits that are assigned; the others are kept as numbers."""

    OK = 0
    CRITICAL_ERROR = 0x01
    CLOCK_INVALID = 0x02
    DATA_NOT_VALID = 0x04
    DAYLIGHT_SAVING = 0x08
    CLOCK_ADJUSTED = 0x20
    POWER_DOWN = 0x80


_SPANISH = {
    RowStatus.CRITICAL_ERROR: "error crítico",
    RowStatus.CLOCK_INVALID: "reloj no válido",
    RowStatus.DATA_NOT_VALID: "dato no válido",
    RowStatus.DAYLIGHT_SAVING: "horario de verano",
    RowStatus.CLOCK_ADJUSTED: "reloj ajustado",
    RowStatus.POWER_DOWN: "sin tensión",
}


def is_status(name: LogicalName) -> bool:
    """Whether an object of class 1 with this name holds such a status."""
    return name[0] in (0, 1) and (name[2], name[3]) == (96, 10)


def status_text(number: int, language: str = "en") -> str:
    """The bits in words, empty where none is set; what is not assigned by its number."""
    words = []
    for each in RowStatus:
        if each and number & each:
            english = (each.name or "").lower().replace("_", " ")
            words.append(_SPANISH[each] if language == "es" else english)
            number &= ~each
    if number:
        words.append(f"0x{number:02X}")
    return ", ".join(words)
