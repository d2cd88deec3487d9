"""The words of reports that no definition has, in Spanish and English."""

from __future__ import annotations

_WORDS: dict[str, tuple[str, str]] = {
    "summary": ("Resumen", "Summary"),
    "figure": ("Indicador", "Figure"),
    "value": ("Valor", "Value"),
    "goal": ("Meta", "Goal"),
    "reached": ("Cumple", "Reached"),
    "yes": ("sí", "yes"),
    "no": ("no", "no"),
    "period": ("Período", "Period"),
    "party": ("Para", "For"),
    "data": ("Datos", "Data"),
    "times": ("Horas de", "Times of"),
    "nothing": ("Nada que informar en este período.", "Nothing to report in this period."),
    "page": ("Página", "Page"),
    "goal_least": ("meta", "goal"),
}

# Words of the head-end's that stand in cells.
_TOLD: dict[str, tuple[str, str]] = {
    "outage": ("corte", "outage"),
    "phase-loss": ("pérdida de fase", "loss of a phase"),
    "connect": ("conexión", "connection"),
    "disconnect": ("desconexión", "disconnection"),
    "arm": ("armado", "arming"),
    "load-off": ("apagado de carga", "load switched off"),
    "load-on": ("encendido de carga", "load switched on"),
    "reset-demand": ("cierre de período de facturación", "end of a billing period"),
    "set-limit": ("límite de potencia", "power limit"),
    "remove-limit": ("fin de límite", "end of a limit"),
    "read": ("lectura", "reading"),
    "change-keys": ("cambio de claves", "change of keys"),
    "failed": ("fallida", "failed"),
    "expired": ("vencida", "expired"),
    "rejected": ("rechazada", "rejected"),
    "in-stock": ("en bodega", "in stock"),
    "installed": ("instalado", "installed"),
    "commissioned": ("comisionado", "commissioned"),
    "linked": ("vinculado", "linked"),
    "in-service": ("en servicio", "in service"),
    "blocked": ("bloqueado", "blocked"),
    "removed": ("retirado", "removed"),
    "concentrator": ("concentrador", "concentrator"),
    "gateway": ("concentrador transparente", "gateway"),
    "direct": ("directa", "direct"),
    "none": ("ninguna", "none"),
}


def words(language: str) -> dict[str, str]:
    """By what they are for."""
    place = 0 if language == "es" else 1
    return {name: both[place] for name, both in _WORDS.items()}


def told_word(word: str, language: str) -> str:
    """A word of the head-end's; one that has none stands as it is."""
    both = _TOLD.get(word)
    return word if both is None else both[0 if language == "es" else 1]
