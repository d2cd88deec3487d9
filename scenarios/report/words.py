"""The report's words, in English and Spanish."""

from __future__ import annotations

import enum


class Language(enum.StrEnum):
    """A language of the page."""

    EN = "en"
    ES = "es"


_WORDS: dict[str, tuple[str, str]] = {
    "seed": ("seed", "semilla"),
    "passed": ("As expected", "Como se esperaba"),
    "failed": ("Not as expected", "No como se esperaba"),
    "orders": ("Orders", "Órdenes"),
    "done": ("done", "cumplidas"),
    "open": ("still open", "abiertas"),
    "simulated": ("of the field, played in", "de campo, en"),
    "again": ("Repeat this run", "Repetir esta corrida"),
    "expected": ("Expected of this story", "Lo que se espera de esta historia"),
    "always": ("True in every story", "Lo que vale en toda historia"),
    "wanted": ("wanted", "esperado"),
    "found": ("found", "hallado"),
    "timeline": ("What happened when", "Qué pasó y cuándo"),
    "timeline-about": (
        "Orders from their acceptance to their end, and above them what was broken.",
        "Órdenes desde que se aceptan hasta que terminan y, arriba, lo que falló.",
    ),
    "latency": ("How long orders took", "Cuánto tardaron las órdenes"),
    "latency-about": (
        "From the acceptance to the one final outcome.",
        "Desde la aceptación hasta el único resultado final.",
    ),
    "completeness": ("Profiles received", "Perfiles recibidos"),
    "completeness-about": (
        "Intervals stored, of those that had ended by then.",
        "Intervalos guardados, de los que ya habían terminado.",
    ),
    "map": ("The links", "Los enlaces"),
    "map-about": (
        "Meters around their concentrator, in metres of cable; the direction means nothing.",
        "Medidores alrededor de su concentrador, en metros de cable; la dirección es arbitraria.",
    ),
    "curves": ("What if", "Qué pasaría si"),
    "curves-about": (
        "The middle of the seeds, and from the 5th to the 95th percentile of them.",
        "La mediana de las semillas, y del percentil 5 al 95.",
    ),
    "share-orders": ("orders done", "órdenes cumplidas"),
    "share-profiles": ("intervals received", "intervalos recibidos"),
    "variant": ("with", "con"),
    "reached": ("seeds that reach the goal", "semillas que alcanzan la meta"),
    "table": ("The numbers", "Los números"),
    "number": ("order", "orden"),
    "meter": ("meter", "medidor"),
    "kind": ("kind", "tipo"),
    "outcome": ("outcome", "resultado"),
    "attempts": ("attempts", "intentos"),
    "target": ("device", "equipo"),
    "begun": ("begun", "inicio"),
    "over": ("over", "fin"),
    "time": ("time", "hora"),
    "due": ("due", "esperados"),
    "stored": ("stored", "guardados"),
    "share": ("share", "proporción"),
    "distance": ("distance m", "distancia m"),
    "via": ("via", "por"),
    "frames": ("frames", "tramas"),
    "delivered": ("delivered", "entregadas"),
    "not-registered": ("not registered", "no registrado"),
    "count": ("orders", "órdenes"),
    "seconds": ("seconds", "segundos"),
    "other": ("Español", "English"),
    "metres": ("metres", "metros"),
    "no-frames": ("nothing was sent to it", "no se le envió nada"),
    "of-frames": ("of its frames delivered", "de sus tramas entregadas"),
}


def words(language: Language) -> dict[str, str]:
    """Every word of the page in this language."""
    at = [*Language].index(language)
    return {key: pair[at] for key, pair in _WORDS.items()}
