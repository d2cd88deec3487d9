"""What PanDemandResponse asks of a load relay: off, on, and for how long.

A relay knows two states.  So of what the element can say these have a meaning here: dutyCycle 0
(never runs: off) and 100 (always: on), and cancelNow (the event is over: on); when it begins and
how long it lasts.  Everything else would be carried out otherwise than meant, and is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from protocols.cim import xml
from protocols.cim.control_types import ControlKind, ControlType
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.xml import Element

PAN: Final = "PanDemandResponse"
_FREE: Final = frozenset({"criticalityLevel", "priority"})
"""Says how much it matters, not what is done."""
_DUTY: Final = {Decimal(0): ControlKind.LOAD_OFF, Decimal(100): ControlKind.LOAD_ON}


@dataclass(frozen=True, slots=True)
class LoadAsked:
    """One PanDemandResponse, as text.  `others` are its elements that no relay can follow."""

    duty_cycle: str | None = None
    cancel_now: bool = False
    start: str | None = None
    duration_min: str | None = None
    indefinite: bool | None = None
    others: tuple[str, ...] = ()


def read(element: Element) -> LoadAsked:
    """What is there of an element that its schema accepts."""
    text = {xml.local(part): (part.text or "").strip() for part in element}
    known = {"dutyCycle", "cancelNow", "startDateTime", "duration", "durationIndefinite"}
    return LoadAsked(
        duty_cycle=text.get("dutyCycle"),
        cancel_now=bool(xml.boolean(text.get("cancelNow"))),
        start=text.get("startDateTime"),
        duration_min=text.get("duration"),
        indefinite=xml.boolean(text.get("durationIndefinite")),
        others=tuple(name for name in text if name not in known | _FREE),
    )


def switching(known: ControlType, asked: LoadAsked | None) -> ControlKind:
    """Which way a control switches: by its type, by its element, or by both alike.

    Raises `RequestRefused`.
    """
    if asked is None:
        if known.kind is None:
            raise _refused("5.8", f"CARGA_FALTA: {known.code} lleva {PAN}")
        return known.kind
    if asked.others:
        raise _refused("1.8", f"CARGA_NO_CONMUTABLE: un relé no sigue {', '.join(asked.others)}")
    kind = ControlKind.LOAD_ON if asked.cancel_now else None
    if asked.duty_cycle is not None:
        by_duty = _DUTY.get(_percent(asked.duty_cycle))
        if by_duty is None:
            raise _refused(
                "1.8", "CARGA_NO_CONMUTABLE: dutyCycle es 0 (apagar) o 100 (encender)", "dutyCycle"
            )
        if kind not in (None, by_duty):
            raise _refused("1.8", "CARGA_EN_CONFLICTO: cancelNow con dutyCycle 0", "cancelNow")
        kind = by_duty
    kind = kind or known.kind
    if kind is None:
        raise _refused("5.8", "CARGA_FALTA: falta dutyCycle o cancelNow", "dutyCycle")
    if known.kind not in (None, kind):
        raise _refused("1.8", f"CARGA_EN_CONFLICTO: {PAN} contradice {known.code}")
    return kind


def _percent(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an xs:float that is no number
        return Decimal(-1)


def _refused(code: str, details: str, xpath: str = PAN) -> RequestRefused:
    return RequestRefused(ReplyError(code, details, xpath=xpath))
