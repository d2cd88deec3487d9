"""What the screen says by itself, in English and Spanish.

Names of objects, events and reasons have their own tables (obis, event_codes, reason); this is the
rest: pages, keys, labels, and what to do where the meter stays away.
"""

from __future__ import annotations

from headend.app.probe import Failure, ReasonCode
from protocols.dlms.obis import Language

# code: (English, Spanish)
WORDS: dict[str, tuple[str, str]] = {
    # pages and keys
    "live": ("Live", "En vivo"),
    "profile": ("Profile", "Perfil"),
    "objects": ("Objects", "Objetos"),
    "events": ("Events", "Eventos"),
    "days": ("More days", "Más días"),
    "again": ("Read again", "Releer"),
    "pause": ("Pause", "Pausa"),
    "export": ("Export", "Exportar"),
    "contrast": ("Contrast", "Contraste"),
    "quit": ("Quit", "Salir"),
    # the head
    "connecting": ("connecting to {port} …", "conectando a {port} …"),
    "as": ("{framing} as {role}", "{framing} como {role}"),
    "apart": ("NOT CONNECTED", "SIN CONEXIÓN"),
    "last": ("values of {time:%H:%M:%S} UTC", "valores de {time:%H:%M:%S} UTC"),
    "paused": ("paused", "en pausa"),
    # the meter's state
    "supply-0": ("supply OFF", "suministro CORTADO"),
    "supply-1": ("supply on", "con suministro"),
    "supply-2": ("supply OFF, ready for a hand", "CORTADO, listo para reponer a mano"),
    "supply-odd": ("supply in state {state}", "suministro en estado {state}"),
    "stuck-on": ("supply still ON: relay?", "aún CON suministro: ¿relé?"),
    "stuck-off": ("no supply: relay?", "SIN suministro: ¿relé?"),
    "no-alarm": ("no alarms", "sin alarmas"),
    "alarm": ("ALARM {bits}: see Events", "ALARMA {bits}: vea Eventos"),
    "error": ("ERROR {bits}: see Events", "ERROR {bits}: vea Eventos"),
    "clock-right": ("clock right", "reloj en hora"),
    "clock-fast": ("clock {by} FAST", "reloj ADELANTADO {by}"),
    "clock-slow": ("clock {by} SLOW", "reloj ATRASADO {by}"),
    "clock-unknown": ("clock has no zone", "reloj sin zona"),
    "limit": ("limit {amount}", "límite {amount}"),
    "no-limit": ("no limit", "sin límite"),
    "emergency": ("EMERGENCY limit {amount}", "límite de EMERGENCIA {amount}"),
    "tariff": ("tariff {name}", "tarifa {name}"),
    # live values
    "import": ("import", "consumo"),
    "export-power": ("export", "inyección"),
    "inductive": ("inductive", "inductiva"),
    "frequency": ("frequency", "frecuencia"),
    "energy-import": ("energy import", "energía consumida"),
    "energy-export": ("energy export", "energía inyectada"),
    "assumed": ("angles of U assumed", "ángulos de U supuestos"),
    "waiting": ("waiting for the first values", "esperando los primeros valores"),
    "no-values": ("no values: see above", "sin valores: vea arriba"),
    "seconds-ago": ("{ago:.0f} s ago", "hace {ago:.0f} s"),
    "now": ("now", "ahora"),
    # long reads, the other pages
    "travelled": (
        "{what}: {apdus} blocks, {octets:,} octets",
        "{what}: {apdus} bloques, {octets:,} octetos",
    ),
    "reading": ("reading …", "leyendo …"),
    "count": ("{count} objects", "{count} objetos"),
    "enter": ("Enter reads an object", "Enter lee un objeto"),
    "no-class": ("unknown class", "clase desconocida"),
    "version": ("version", "versión"),
    "time": ("time", "hora"),
    "log": ("log", "registro"),
    "code": ("code", "código"),
    "event": ("event", "evento"),
    "more": ("more", "más"),
    "no-events": (
        "The meter's logs are empty: nothing has happened since they were cleared.",
        "Los registros del medidor están vacíos: nada ha ocurrido desde que se borraron.",
    ),
    # failures and files
    "retry": ("r: try again", "r: reintentar"),
    "nothing-yet": ("there is nothing on this page yet", "aún no hay nada en esta página"),
    "written": ("written to {path}", "escrito en {path}"),
    "write-to": (
        "Write this page to (.csv, .parquet, .json or .xml):",
        "Escribir esta página en (.csv, .parquet, .json o .xml):",
    ),
    "enter-writes": ("Enter writes, Escape does not.", "Enter escribe, Escape no."),
}

# What to do at the meter, where the failure itself speaks for the head-end, or in English alone.
_AT_THE_EYE = (
    "see that the probe sits straight on the meter's eye and that the meter has power; then: ami"
    " probe doctor, which finds speed and address"
)
_AT_THE_EYE_ES = (
    "vea que la sonda esté bien puesta en el ojo óptico y que el medidor tenga energía; luego:"
    " ami probe doctor, que busca velocidad y dirección"
)
_BY_NETWORK = (
    "see that the meter has power and that address and port are its own; then: ami probe doctor"
)
_BY_NETWORK_ES = (
    "vea que el medidor tenga energía y que la dirección y el puerto sean los suyos; luego:"
    " ami probe doctor"
)
_KEYS = "check key, password and client first: meters lock after a few wrong logins"
_KEYS_ES = "revise antes clave, contraseña y cliente: el medidor se bloquea tras pocos intentos"
_PLUG_ES = "conecte la sonda o el cable; vea que ningún otro programa use el puerto"
_BACK = "put the probe or the cable back"
_BACK_ES = "vuelva a poner la sonda o el cable"

NEXT: dict[ReasonCode, tuple[str, str]] = {
    ReasonCode.NO_ANSWER_UNKNOWN: (_AT_THE_EYE, _AT_THE_EYE_ES),
    ReasonCode.WRONG_KEY_OR_COUNTER: (_KEYS, _KEYS_ES),
    ReasonCode.LINE_UNAVAILABLE: ("", _PLUG_ES),
    ReasonCode.LINE_LOST: (_BACK, _BACK_ES),
}


def said(language: Language, code: str, **values: object) -> str:
    """A word or sentence of the screen."""
    return WORDS[code][language == "es"].format(**values)


def next_step(failure: Failure, language: Language, port: str) -> str:
    """What to do, at the meter; the failure's own advice where there is none better."""
    if failure.reason is ReasonCode.WRONG_KEY_OR_COUNTER and "--" in failure.next_step:
        return failure.next_step  # names the option that helps
    told = NEXT.get(failure.reason, ("", ""))
    if failure.reason is ReasonCode.NO_ANSWER_UNKNOWN and port.startswith(("tcp:", "udp:")):
        told = (_BY_NETWORK, _BY_NETWORK_ES)
    return told[language == "es"] or failure.next_step
