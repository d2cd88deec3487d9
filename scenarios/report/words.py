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
    "usual": ("{} usual outages", "{} cortes habituales"),
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


_ALWAYS_ES = {
    "no error inside the head-end": "ningún error dentro del sistema",
    "every acknowledged message has its orders": "cada mensaje acusado tiene sus órdenes",
    "every order ended": "toda orden terminó",
    "every order has one final state": "cada orden tiene un solo estado final",
    "one reply an order": "una respuesta por orden",
    "every result reached the commercial side": "cada resultado llegó al sistema comercial",
    "replies say what was recorded": "las respuestas dicen lo registrado",
    "no reason was given that was not so": "no se dio ningún motivo que no fuera cierto",
    "what was recorded as done was done": "lo registrado como hecho se hizo",
    "nothing was done that was not ordered": "no se hizo nada que no se ordenara",
    "nothing was done twice": "nada se hizo dos veces",
    "nothing acted out of its time": "nada actuó fuera de su tiempo",
    "stored intervals are the meters' own": "los intervalos guardados son los de los medidores",
    "each interval is stored once": "cada intervalo se guardó una sola vez",
    "energy closes on every transformer": "la energía cuadra en cada transformador",
    "no change of keys loses a meter": "ningún cambio de claves pierde un medidor",
}


def finding_named(name: str, language: str) -> str:
    """What a finding is called in this language; a file's own key stays as the file has it."""
    return _ALWAYS_ES.get(name, name) if language == Language.ES else name


def words(language: Language) -> dict[str, str]:
    """Every word of the page in this language."""
    at = [*Language].index(language)
    return {key: pair[at] for key, pair in _WORDS.items()}
