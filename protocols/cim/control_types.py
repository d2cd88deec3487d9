"""Type codes of end device controls and events, as data: device.domain.subdomain.action.

Four numbers of IEC 61968-9's enumerations, e.g. 3.31.0.23: electric meter, RCD switch, not
applicable, disconnect.  3.31.139.13 (change supply capacity limit) is composed from the
enumerations: our power-limit order.  Vendors differ, mostly in the sub-domain: their spellings are
rows of a table that a utility may extend, never code.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final


class ControlKind(enum.StrEnum):
    """What a control asks of a meter, as far as orders exist for it."""

    SET_LIMIT = "set-limit"
    REMOVE_LIMIT = "remove-limit"
    CONNECT = "connect"
    ARM = "arm"
    DISCONNECT = "disconnect"
    RESET_DEMAND = "reset-demand"
    LOAD_OFF = "load-off"
    LOAD_ON = "load-on"


BOUNDED: Final = frozenset(
    {
        ControlKind.SET_LIMIT,
        ControlKind.REMOVE_LIMIT,
        ControlKind.LOAD_OFF,
        ControlKind.LOAD_ON,
    }
)
"""What may be bound in time: the head-end ends it by itself."""


@dataclass(frozen=True, slots=True)
class ControlType:
    """One row: a code, what it means, and the order it becomes.

    None: known, but no order, for the reason that `why` tells in Spanish behind its key; or it is
    PanDemandResponse that says which (`load`)."""

    code: str
    name: str
    kind: ControlKind | None = None
    emergency: bool = False
    load: bool = False
    why: str = ""


# Class 70 has the states disconnected, connected and ready for reconnection (Blue Book 4.5.8), and
# no control mode leads to one that only waits for a hand to open: a manual disconnection is
# permitted by modes 1, 2 and 5 at any time, without being armed.
_NO_STATE_TO_OPEN: Final = (
    "ARMADO_DE_APERTURA_IMPOSIBLE: el control de desconexión (clase 70) no tiene un estado listo"
    " para abrir; ordene el corte (3.31.0.23)"
)


CONTROL_TYPES: Final[Mapping[str, ControlType]] = MappingProxyType(
    {
        row.code: row
        for row in (
            ControlType("3.31.0.5", "arm for closure", ControlKind.ARM),
            ControlType("3.31.0.6", "arm for open", why=_NO_STATE_TO_OPEN),
            ControlType("3.31.0.18", "connect", ControlKind.CONNECT),
            ControlType("3.31.0.23", "disconnect", ControlKind.DISCONNECT),
            ControlType("3.31.139.13", "change supply capacity limit", ControlKind.SET_LIMIT),
            ControlType("3.31.139.26", "enable supply capacity limit", ControlKind.SET_LIMIT),
            ControlType("3.31.139.22", "disable supply capacity limit", ControlKind.REMOVE_LIMIT),
            ControlType("3.31.138.26", "enable emergency limit", ControlKind.SET_LIMIT, True),
            ControlType("3.31.138.22", "disable emergency limit", ControlKind.REMOVE_LIMIT, True),
            ControlType("3.8.0.214", "demand reset", ControlKind.RESET_DEMAND),
            # Composed: load control with connect and disconnect; change for PanDemandResponse.
            ControlType("3.15.0.23", "disconnect controlled load", ControlKind.LOAD_OFF, load=True),
            ControlType("3.15.0.18", "connect controlled load", ControlKind.LOAD_ON, load=True),
            ControlType("3.15.0.13", "change controlled load", load=True),
        )
    }
)

# The code with which we write a control of each kind.
CODE_OF: Final[Mapping[ControlKind, str]] = MappingProxyType(
    {
        ControlKind.SET_LIMIT: "3.31.139.13",
        ControlKind.REMOVE_LIMIT: "3.31.139.22",
        ControlKind.CONNECT: "3.31.0.18",
        ControlKind.ARM: "3.31.0.5",
        ControlKind.DISCONNECT: "3.31.0.23",
        ControlKind.RESET_DEMAND: "3.8.0.214",
        ControlKind.LOAD_OFF: "3.15.0.23",
        ControlKind.LOAD_ON: "3.15.0.18",
    }
)

# Other spellings of the same control: device type "not applicable" (0) is common where the device
# is named anyway.  A utility's own vendors are added by configuration (see `Vocabulary`).
CONTROL_ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {f"0.{code.partition('.')[2]}": code for code in CONTROL_TYPES}
)

EVENT_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "3.31.0.42": "connected",
        "3.31.0.44": "armed for closure",  # composed: RCD switch, processed
        "3.31.0.67": "connect failed",
        "3.31.0.68": "disconnected",
        "3.31.0.84": "disconnect failed",
        "3.31.139.24": "supply capacity limit changed",
        "3.31.139.85": "supply capacity limit change failed",
        "3.8.0.214": "demand reset",
        "3.8.0.85": "demand reset failed",  # composed: demand, failed
        "3.15.0.42": "controlled load connected",  # composed, as those below
        "3.15.0.67": "controlled load connect failed",
        "3.15.0.68": "controlled load disconnected",
        "3.15.0.84": "controlled load disconnect failed",
        "0.15.261.24": "load threshold changed",
        "0.15.261.139": "load threshold exceeded",
        "0.15.261.216": "load below threshold again",
        "3.26.131.223": "phase A voltage sag",
        "3.26.131.248": "phase A voltage swell",
        "3.12.29.212": "cover removed",
        "3.36.114.24": "clock changed",
        "3.2.22.150": "battery low",
        "3.26.0.47": "power down",
        "3.26.0.216": "power up",
    }
)


@dataclass(frozen=True, slots=True)
class Ending:
    """The event types of a control that succeeded, and of one that failed."""

    succeeded: str
    failed: str


ARMED: Final = "3.31.0.44"
"""Of a supply that a hand at the meter may bring back now: not connected, and not failed."""

EVENT_OF: Final[Mapping[ControlKind, Ending]] = MappingProxyType(
    {
        ControlKind.SET_LIMIT: Ending("3.31.139.24", "3.31.139.85"),
        ControlKind.REMOVE_LIMIT: Ending("3.31.139.24", "3.31.139.85"),
        ControlKind.CONNECT: Ending("3.31.0.42", "3.31.0.67"),
        ControlKind.ARM: Ending("3.31.0.42", "3.31.0.67"),
        ControlKind.DISCONNECT: Ending("3.31.0.68", "3.31.0.84"),
        ControlKind.RESET_DEMAND: Ending("3.8.0.214", "3.8.0.85"),
        ControlKind.LOAD_OFF: Ending("3.15.0.68", "3.15.0.84"),
        ControlKind.LOAD_ON: Ending("3.15.0.42", "3.15.0.67"),
    }
)

# The parts' names, for clients that send them in words.  Compared without case and punctuation.
DEVICES: Final = {"na": 0, "electric meter": 3, "collector": 10, "com device": 26}
DOMAINS: Final = {
    "na": 0, "communication": 1, "battery": 2, "demand": 8, "firmware": 11, "security": 12,
    "load control": 15, "load profile": 16, "modem": 19, "metrology": 21, "network": 23,
    "power": 26, "rcd switch": 31, "clock": 36,
}  # fmt: skip
SUBDOMAINS: Final = {"na": 0, "emergency supply capacity limit": 138, "supply capacity limit": 139}
ACTIONS: Final = {
    "arm for closure": 5, "arm for open": 6, "change": 13, "connect": 18, "disable": 22,
    "disconnect": 23, "changed": 24, "enable": 26, "connected": 42, "processed": 44,
    "succeeded": 58, "expired": 64, "disconnected": 68, "error": 79, "disconnect failed": 84,
    "failed": 85, "exceeded": 139, "reset": 214, "restored": 216,
}  # fmt: skip

_CODE: Final = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})\.(\d{1,4})", re.ASCII)


def canonical(text: str) -> str | None:
    """A code as others write it, in our spelling: " 03.31.0.23" is "3.31.0.23".  None if none."""
    match = _CODE.fullmatch(text.strip())
    return ".".join(str(int(part)) for part in match.groups()) if match else None


def from_parts(
    device: str | None, domain: str | None, subdomain: str | None, action: str | None
) -> str | None:
    """A code from its parts, each a number or a word of the enumerations.

    A missing sub-domain counts as "not applicable", a missing device as an electric meter, because
    the controls are addressed to meters.  None when domain or action is missing or unknown.
    """
    numbers = (
        _part(device, DEVICES, missing=3),
        _part(domain, DOMAINS),
        _part(subdomain, SUBDOMAINS, missing=0),
        _part(action, ACTIONS),
    )
    return None if None in numbers else ".".join(map(str, numbers))


def _part(text: str | None, table: Mapping[str, int], missing: int | None = None) -> int | None:
    if not text:
        return missing
    if text.isascii() and text.isdecimal() and len(text) <= 4:
        return int(text)
    squeezed = _squeeze(text)
    return next((number for name, number in table.items() if _squeeze(name) == squeezed), None)


def _squeeze(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The control types with a utility's own aliases added to ours."""

    aliases: Mapping[str, str] = field(default_factory=dict)

    def control(self, text: str) -> ControlType | None:
        """The control that a code or alias names; None when it is unknown."""
        text = text.strip()
        code = canonical(text) or text
        code = self.aliases.get(code) or CONTROL_ALIASES.get(code) or code
        return CONTROL_TYPES.get(code)


STANDARD: Final = Vocabulary()
