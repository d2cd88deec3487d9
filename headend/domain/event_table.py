"""What each event is: its word, how bad it is, how CIM calls it, and what it makes of incidents.

Codes are those of IDIS package 2, clause 5.4; their texts in English and Spanish stand in
`protocols.dlms.objects.event_codes`.  CIM types are EndDeviceEventTypes of IEC 61968-9, annex E
(deviceType.domain.subDomain.eventOrAction), where they are known for sure.
"""

from __future__ import annotations

from dataclasses import dataclass

from headend.domain.event import IncidentKind, Severity
from protocols.dlms.obis import Language
from protocols.dlms.objects.event_codes import event_words


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind of event.  `code` is None of an alarm that stands for several codes."""

    name: str
    severity: Severity
    code: int | None = None
    cim: str = ""
    english: str = ""
    spanish: str = ""

    def text(self, language: Language = "en") -> str:
        """What it means, for people."""
        own = self.spanish if language == "es" else self.english
        words = "" if self.code is None else event_words(self.code, language)
        return own or words or self.name


@dataclass(frozen=True, slots=True)
class Part:
    """What an event is to incidents: a loss of something, or its restoration."""

    kind: IncidentKind
    what: str  # "supply", or the phase
    loss: bool


_I, _W, _M, _C = Severity

_CODES: dict[int, tuple[Severity, str]] = {
    1: (_C, "3.26.0.47"),
    2: (_I, "3.26.0.216"),
    3: (_I, ""),
    4: (_I, ""),
    5: (_I, "3.36.114.24"),
    6: (_W, ""),
    7: (_W, ""),
    8: (_W, "3.2.22.150"),
    9: (_I, ""),
    10: (_I, ""),
    11: (_I, ""),
    12: (_M, ""),
    13: (_M, ""),
    14: (_M, ""),
    15: (_M, ""),
    16: (_M, ""),
    17: (_I, ""),
    18: (_I, ""),
    19: (_I, ""),
    20: (_W, ""),
    21: (_I, ""),
    40: (_M, ""),
    41: (_I, ""),
    42: (_M, ""),
    43: (_I, ""),
    44: (_M, "3.12.29.212"),
    45: (_I, ""),
    46: (_M, ""),
    47: (_W, ""),
    48: (_I, ""),
    49: (_M, ""),
    50: (_M, ""),
    51: (_M, ""),
    52: (_W, ""),
    59: (_I, ""),
    60: (_I, ""),
    61: (_I, ""),
    62: (_I, "3.31.0.68"),
    63: (_I, "3.31.0.42"),
    64: (_W, ""),
    65: (_W, "0.15.261.139"),
    66: (_I, "0.15.261.216"),
    67: (_I, "3.31.139.24"),
    68: (_M, ""),
    69: (_I, ""),
    76: (_W, "3.26.131.223"),
    77: (_W, ""),
    78: (_W, ""),
    79: (_W, "3.26.131.248"),
    80: (_W, ""),
    81: (_W, ""),
    82: (_C, ""),
    83: (_C, ""),
    84: (_C, ""),
    85: (_I, ""),
    86: (_I, ""),
    87: (_I, ""),
    88: (_M, ""),
    89: (_C, ""),
    90: (_W, ""),
    91: (_W, ""),
    92: (_W, ""),
    93: (_W, ""),
    94: (_W, ""),
    140: (_W, ""),
    141: (_W, ""),
    142: (_M, ""),
    143: (_I, ""),
    144: (_W, ""),
    145: (_W, ""),
    146: (_I, ""),
    147: (_I, ""),
    148: (_W, ""),
    149: (_I, ""),
    150: (_I, ""),
    156: (_W, ""),
    158: (_I, ""),
    231: (_I, ""),
    232: (_I, ""),
    233: (_W, ""),
    254: (_W, ""),
    255: (_W, ""),
}


def _word(code: int) -> str:
    """The English text as a word: "clock adjusted, new time" is clock-adjusted-new-time."""
    text = event_words(code).lower().replace(",", "").replace(":", "")
    return text.replace(" ", "-")


EVENTS: dict[int, EventType] = {
    code: EventType(_word(code), severity, code, cim) for code, (severity, cim) in _CODES.items()
}
_ALARMS = (EventType("fraud-attempt", _M, english="attempt at fraud", spanish="intento de fraude"),)
BY_NAME: dict[str, EventType] = {each.name: each for each in (*EVENTS.values(), *_ALARMS)}

PHASES = ("l1", "l2", "l3")
PARTS: dict[str, Part] = {
    "power-down": Part(IncidentKind.OUTAGE, "supply", loss=True),
    "power-up": Part(IncidentKind.OUTAGE, "supply", loss=False),
}
for _phase in PHASES:
    PARTS[f"voltage-missing-{_phase}"] = Part(IncidentKind.PHASE_LOSS, _phase, loss=True)
    PARTS[f"voltage-normal-{_phase}"] = Part(IncidentKind.PHASE_LOSS, _phase, loss=False)


def of_code(code: int) -> EventType:
    """The event of a log's code; one that is not in the table is a warning with its number."""
    known = EVENTS.get(code)
    return known or EventType(f"code-{code}", Severity.WARNING, code)


def of_name(name: str) -> EventType:
    """The event of a word, also of one that no table has."""
    if name.startswith("code-") and name[5:].isdecimal():
        return of_code(int(name[5:]))
    return BY_NAME.get(name) or EventType(name, Severity.WARNING)
