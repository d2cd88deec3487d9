"""A thing that stands between the head-end and a meter's values, in English and in Spanish."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from headend.domain.order import State

REGISTRY = "the registry"
"""The evidence of what the registry says: it alone tells whose meter is whose."""

STATES_ES: dict[State, str] = {
    State.RECEIVED: "recibida",
    State.VALIDATED: "validada",
    State.REJECTED: "rechazada",
    State.QUEUED: "en cola",
    State.DISPATCHED: "despachada",
    State.EXECUTING: "en ejecución",
    State.UNKNOWN: "sin efecto conocido",
    State.DONE: "hecha",
    State.FAILED: "fallida",
    State.EXPIRED: "vencida",
    State.CANCELLED: "cancelada",
}


@dataclass(frozen=True, slots=True)
class InSpanish:
    """The same words for those who read Spanish; what a device said stays as it said it."""

    text: str
    evidence: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that stands between the head-end and the meter's values, and how that is known.

    `stops`: whether values do not come by it; one that does not makes them odd, or late elsewhere.
    """

    text: str
    evidence: str
    spanish: InSpanish
    at: datetime | None = None
    next_step: str = ""
    stops: bool = True
