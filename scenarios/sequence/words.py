"""What steps are called, in English and Spanish; names of routes, services and values stay."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import datetime, tzinfo
from operator import itemgetter

from scenarios.sequence.steps import Step, Who


class Language(enum.StrEnum):
    """In which a diagram is labelled."""

    EN = "en"
    ES = "es"


PARTICIPANTS: dict[Who, tuple[str, str]] = {
    Who.OPERATOR: ("Operator", "Operador"),
    Who.MDM: ("MDM (external system)", "MDM (sistema externo)"),
    Who.HEAD_END: ("AMI System (HES)", "Sistema AMI (HES)"),
    Who.CONCENTRATOR: ("Concentrator", "Concentrador"),
    Who.METER: ("Meter", "Medidor"),
}

WORDS: dict[str, tuple[str, str]] = {
    "": ("", ""),
    "execute": ("execute", "ejecutar"),
    "withdraw": ("withdraw", "retirar"),
    "result": ("result", "resultado"),
    "read-fault-log": ("read fault log", "leer registro de fallas"),
    "fault-log": ("fault log", "registro de fallas"),
    "set-tasks": ("task table", "tabla de tareas"),
    "upload": ("upload", "carga de datos"),
    "read-state": ("ask how it fares", "consultar estado"),
    "state": ("state and topology", "estado y topología"),
    "shift-clock": ("shift clock", "desplazar reloj"),
    "offer-firmware": ("offer firmware", "ofrecer firmware"),
    "want-firmware": ("want piece of firmware", "pedir parte de firmware"),
    "firmware-piece": ("piece of firmware", "parte de firmware"),
    "firmware-told": ("firmware stands at", "estado del firmware"),
    "admit-meter": ("admit meter", "admitir medidor"),
    "refuse-meter": ("refuse meter", "rechazar medidor"),
    "discovered": ("meter discovered", "medidor descubierto"),
    "discover": ("look for meters", "buscar medidores"),
    "discovery-ended": ("looked for meters", "búsqueda terminada"),
    "restart": ("restart", "reiniciar"),
    "restarted": ("restarted", "reiniciado"),
    "open-tunnel": ("open tunnel", "abrir túnel"),
    "tunnel-opened": ("tunnel opened", "túnel abierto"),
    "tunnel-frame": ("tunnel frame", "trama por túnel"),
    "tunnel-answer": ("tunnel answer", "respuesta por túnel"),
    "close-tunnel": ("close tunnel", "cerrar túnel"),
    "tunnel-closed": ("tunnel closed", "túnel cerrado"),
    "online": ("on line", "en línea"),
    "offline": ("off line", "fuera de línea"),
    "link-changed": ("link changed", "cambio de enlace"),
    "meter-pushed": ("meter's push, forwarded", "aviso del medidor, reenviado"),
    "session": ("DLMS", "DLMS"),
    "no-answer": ("DLMS, no answer", "DLMS, sin respuesta"),
    "push": ("push", "aviso espontáneo"),
    "push-lost": ("push is lost", "aviso perdido"),
    "fault": ("begins:", "comienza:"),
    "fault-over": ("ends:", "termina:"),
    "order-done": ("done: order", "ejecutada: orden"),
    "order-failed": ("failed: order", "fallida: orden"),
    "order-rejected": ("rejected: order", "rechazada: orden"),
    "order-expired": ("expired: order", "vencida: orden"),
    "order-cancelled": ("cancelled: order", "anulada: orden"),
}
FAULTS: dict[str, tuple[str, str]] = {
    "Loss": ("packet loss", "pérdida de paquetes"),
    "PhaseLost": ("phase loss", "pérdida de fase"),
    "MeterClockWrong": ("meter's clock is wrong", "reloj del medidor desajustado"),
    "ClockWrong": ("clock is wrong", "reloj desajustado"),
}
"""By the world's name; one that is not here keeps it."""
AGAIN = ("sent again", "reenviado")
FRAMES = ("frames", "tramas")
LOST = ("lost", "perdidas")
SESSIONS = ("sessions", "sesiones")
METERS = ("meters", "medidores")
LATER = ("later", "después")

NAMED_MAX = 2
"""More devices than that are told as a number."""


def said(step: Step, language: Language) -> str:
    """A step's label."""
    pick = _picker(language)
    word, _, again = step.word.partition(" ")
    parts = [pick(WORDS.get(word, (word, word)))] if word else []
    if step.both or step.word == "no-answer":
        asked = ", ".join(f"{name} ×{count}" if count > 1 else name for name, count in step.asked)
        parts[0] += f": {asked}" if asked and not step.broken else ""
        if step.frames:
            lost = f", {step.lost} {pick(LOST)}" if step.lost else ""
            parts.append(f"· {step.frames} {pick(FRAMES)}{lost}")
    if step.detail:
        fault = FAULTS.get(step.detail) if word.startswith("fault") else None
        parts.append(pick(fault) if fault else step.detail)
    if again:
        parts.append(f"({pick(AGAIN)})")
    if step.count > 1:
        parts.append(f"· {step.count} {pick(SESSIONS)}" if step.both else f"×{step.count}")
    if devices := _devices(step, pick(METERS)):
        parts.append(devices)
    return " ".join(parts)


def _devices(step: Step, meters: str) -> str:
    """Of which meter a step is, where its label does not say so yet."""
    names = step.device.split()
    if len(names) > NAMED_MAX:
        return f"[{len(names)} {meters}]"
    missing = [name for name in names if name not in step.detail]
    return f"[{', '.join(missing)}]" if missing and step.word else ""


def participant(who: Who, language: Language) -> str:
    return _picker(language)(PARTICIPANTS[who])


def later(gap_us: int, language: Language) -> str:
    """How much later what follows was: "1 h 20 min later"."""
    minutes = gap_us // 60_000_000
    hours, rest = divmod(minutes, 60)
    told = " ".join(t for t in (f"{hours} h" if hours else "", f"{rest} min" if rest else "") if t)
    return f"{told} {_picker(language)(LATER)}"


def clock(at_us: int, zone: tzinfo) -> str:
    """The time of day in the utility's zone."""
    return datetime.fromtimestamp(at_us // 1_000_000, zone).strftime("%H:%M:%S")


def _picker(language: Language) -> Callable[[tuple[str, str]], str]:
    return itemgetter(0 if language is Language.EN else 1)
