"""What a doctor can find, in English and Spanish: what it means, and what to try next.

A finding is a code with the values that its sentences need; the sentences stand here alone.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from protocols.dlms.obis import Language


class Level(enum.StrEnum):
    """How bad it is."""

    GOOD = "good"
    NOTE = "note"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found."""

    level: Level
    code: str
    values: dict[str, object] = field(default_factory=dict)

    def told(self, language: Language) -> tuple[str, str]:
        """What was found, and what to do; the latter is empty where nothing is to be done."""
        texts = TEXTS[self.code][language == "es"]
        return texts[0].format(**self.values), texts[1].format(**self.values)


def good(code: str, **values: object) -> Finding:
    return Finding(Level.GOOD, code, values)


def note(code: str, **values: object) -> Finding:
    return Finding(Level.NOTE, code, values)


def warn(code: str, **values: object) -> Finding:
    return Finding(Level.WARN, code, values)


def bad(code: str, **values: object) -> Finding:
    return Finding(Level.BAD, code, values)


_Pair = tuple[tuple[str, str], tuple[str, str]]

# code: ((English, what to try), (Spanish, what to try))
TEXTS: dict[str, _Pair] = {
    # the line
    "line-open": (
        ("{port} can be opened", ""),
        ("{port} se puede abrir", ""),
    ),
    "line-unavailable": (
        ("{why}", "{next}"),
        ("{why}", "{next}"),
    ),
    "line-lost": (
        ("the line broke: {why}", "check plug, cable and battery of the probe, then repeat"),
        ("la línea se cortó: {why}", "revise conector, cable y batería de la sonda; repita"),
    ),
    "echo": (
        ("the probe gives back what is sent (echo); that is filtered out", ""),
        ("la sonda devuelve lo que se envía (eco); se filtra", ""),
    ),
    "no-echo": (
        ("the probe gives no echo", ""),
        ("la sonda no devuelve eco", ""),
    ),
    "echo-only": (
        (
            "only our own octets come back: the probe works, the meter is silent",
            "put the head onto the meter's optical port, its cable downwards; wake the display",
        ),
        (
            "solo vuelven nuestros octetos: la sonda funciona, el medidor calla",
            "apoye el cabezal en el puerto óptico, con el cable hacia abajo; despierte la pantalla",
        ),
    ),
    "noise": (
        (
            "octets come that make no sense ({octets}): another speed or parity, or stray light",
            "shade the optical head from the sun; name the speed: serial://{device}?baud=4800",
        ),
        (
            "llegan octetos sin sentido ({octets}): otra velocidad o paridad, o luz ajena",
            "proteja el cabezal del sol; indique la velocidad: serial://{device}?baud=4800",
        ),
    ),
    "parity": (
        (
            "at 300 Bd it answers a sign-on with parity {parity}, and is not understood with 7E1",
            (
                "even or none: another adapter or driver may do; odd: the meter is no mode E meter;"
                " mixed: shade the head, try another cable"
            ),
        ),
        (
            "a 300 Bd responde con paridad {parity} y no se le entiende con 7E1",
            (
                "even o none: pruebe otro adaptador; odd: no es un medidor de modo E;"
                " mixed: proteja el cabezal de la luz, pruebe otro cable"
            ),
        ),
    ),
    "silence": (
        (
            "not one octet came back",
            (
                "check that the head sits on the right meter, and that the probe has power"
                " (serial://{device}?rts=off helps some)"
            ),
        ),
        (
            "no volvió ni un octeto",
            (
                "revise que el cabezal esté en el medidor correcto y la alimentación de la sonda"
                " (a algunas les ayuda serial://{device}?rts=off)"
            ),
        ),
    ),
    "silence-tcp": (
        (
            "the connection stands, but nothing answers in it",
            "check port, framing (--framing) and, behind a router, which serial port it leads to",
        ),
        (
            "la conexión existe, pero nadie responde en ella",
            "revise el puerto, la trama (--framing) y a qué puerto serie lleva el router",
        ),
    ),
    # the framing
    "mode-e": (
        ("mode E: {manufacturer} {identification}, {baud} Bd", ""),
        ("modo E: {manufacturer} {identification}, {baud} Bd", ""),
    ),
    "mode-e-unmarked": (
        ("its identification does not offer mode E (no \\2), but it speaks HDLC all the same", ""),
        ("su identificación no ofrece el modo E (sin \\2), pero igual habla HDLC", ""),
    ),
    "no-mode-e": (
        ("no sign-on of mode E", ""),
        ("no hay inicio de sesión de modo E", ""),
    ),
    "no-dlms": (
        (
            "the meter answers, and offers no DLMS on this port: {why}",
            "look for another port of the meter; this one reads out in clear text only",
        ),
        (
            "el medidor responde y no ofrece DLMS en este puerto: {why}",
            "busque otro puerto del medidor; este solo entrega texto en claro",
        ),
    ),
    "framing": (
        ("it speaks {framing}{speed}", ""),
        ("habla {framing}{speed}", ""),
    ),
    "speed-differs": (
        (
            "it hears {baud} Bd, not the speed that was asked for",
            "use --port serial://{device}?baud={baud} --framing hdlc",
        ),
        (
            "escucha a {baud} Bd, no a la velocidad indicada",
            "use --port serial://{device}?baud={baud} --framing hdlc",
        ),
    ),
    "address-found": (
        (
            "it answers to the physical address {physical} ({size} octets)",
            "use --physical {physical}, and write it into the meter's model",
        ),
        (
            "responde en la dirección física {physical} ({size} octetos)",
            "use --physical {physical} y anótela en el modelo del medidor",
        ),
    ),
    "address-none": (
        (
            "no answer at {count} HDLC addresses that meters commonly have",
            "read the address off the meter's display or label, then use --physical",
        ),
        (
            "sin respuesta en {count} direcciones HDLC habituales",
            "lea la dirección en la pantalla o etiqueta y use --physical",
        ),
    ),
    # who is let in
    "public": (
        ("the public client (16) is let in", ""),
        ("el cliente público (16) puede entrar", ""),
    ),
    "public-refused": (
        (
            "something answers, but the public client is not let in: {why}",
            "that is how some meters are set up; give credentials, doctor then logs in with them",
        ),
        (
            "algo responde, pero el cliente público no puede entrar: {why}",
            "algunos medidores están así; indique credenciales y doctor entrará con ellas",
        ),
    ),
    "meter": (
        ("meter {number}, {kind}, firmware {firmware}", ""),
        ("medidor {number}, {kind}, firmware {firmware}", ""),
    ),
    "clients": (
        ("associations that it lists: {clients}", ""),
        ("asociaciones que enumera: {clients}", ""),
    ),
    "clients-linked": (
        ("client addresses that get a link: {clients}", ""),
        ("direcciones de cliente con enlace: {clients}", ""),
    ),
    "no-credentials": (
        (
            "no login was tried: no password or key is known",
            "set AMI_PROBE_PASSWORD, or AMI_PROBE_KEY and AMI_PROBE_AUTH_KEY",
        ),
        (
            "no se intentó entrar: no se conoce contraseña ni clave",
            "defina AMI_PROBE_PASSWORD, o AMI_PROBE_KEY y AMI_PROBE_AUTH_KEY",
        ),
    ),
    "login": (
        ("{role} (client {client}) is let in by {mechanism}", ""),
        ("{role} (cliente {client}) entra con {mechanism}", ""),
    ),
    "login-wrong": (
        (
            "{role} (client {client}) is refused: {why}",
            "check meter number and key; do not try others, meters lock after a few wrong logins",
        ),
        (
            "{role} (cliente {client}) es rechazado: {why}",
            "revise número de medidor y clave; no pruebe otras, el medidor se bloquea",
        ),
    ),
    "login-mechanism": (
        (
            "{role} (client {client}) is refused: {why}",
            "the meter wants another proof than {mechanism}: try --auth low, gmac or sha256",
        ),
        (
            "{role} (cliente {client}) es rechazado: {why}",
            "el medidor pide otra prueba que {mechanism}: pruebe --auth low, gmac o sha256",
        ),
    ),
    "login-failed": (
        ("{role} (client {client}) could not log in: {why}", "{next}"),
        ("{role} (cliente {client}) no pudo entrar: {why}", "{next}"),
    ),
    # counters
    "counter-new": (
        ("its invocation counter is {meters}; this probe has not used the key before", ""),
        ("su contador de invocación es {meters}; esta sonda no había usado la clave", ""),
    ),
    "counter-good": (
        ("invocation counter: {meters} at the meter, {ours} here", ""),
        ("contador de invocación: {meters} en el medidor, {ours} aquí", ""),
    ),
    "counter-behind": (
        (
            "the meter's invocation counter ({meters}) is ahead of this probe's ({ours})",
            "another client uses the same key: give each its own. This probe catches up by itself",
        ),
        (
            "el contador del medidor ({meters}) va delante del de esta sonda ({ours})",
            "otro cliente usa la misma clave: dé a cada uno la suya. La sonda se pone al día sola",
        ),
    ),
    "counter-used-up": (
        (
            "{percent} % of the invocation counters under this key are used",
            "change the meter's keys before they are used up",
        ),
        (
            "se ha usado el {percent} % de los contadores de esta clave",
            "cambie las claves del medidor antes de que se agoten",
        ),
    ),
    # the meter itself
    "clock-good": (
        ("its clock is right to {drift} s", ""),
        ("su reloj difiere {drift} s", ""),
    ),
    "clock-drift": (
        ("its clock is {drift} s ahead of this machine", "ami probe clock --sync"),
        ("su reloj va {drift} s por delante de este equipo", "ami probe clock --sync"),
    ),
    "clock-zone": (
        (
            "its clock does not say its zone: it shows {time}",
            "compare by eye; set it by: ami probe clock --set now",
        ),
        (
            "su reloj no dice su zona: muestra {time}",
            "compare a ojo; ajústelo con: ami probe clock --set now",
        ),
    ),
    "clock-status": (
        ("its clock says of itself: {status}", "set it by: ami probe clock --set now"),
        ("su reloj dice de sí mismo: {status}", "ajústelo con: ami probe clock --set now"),
    ),
    "profile-good": (
        ("load profile: {rows} rows in {days} days, none missing", ""),
        ("perfil de carga: {rows} filas en {days} días, no falta ninguna", ""),
    ),
    "profile-gaps": (
        (
            "load profile: {missing} of {wanted} rows are missing, first after {after}",
            "look for power failures: ami probe events; and for clock changes in the same time",
        ),
        (
            "perfil de carga: faltan {missing} de {wanted} filas, la primera tras {after}",
            "busque cortes: ami probe events; y cambios de reloj en ese tiempo",
        ),
    ),
    "profile-flags": (
        ("load profile: {flagged} rows are flagged: {flags}", "ami probe profile --last {days}d"),
        ("perfil de carga: {flagged} filas con marca: {flags}", "ami probe profile --last {days}d"),
    ),
    "profile-none": (
        (
            "no load profile could be read: {why}",
            "the login may lack the right; or name the profile: ami probe objects",
        ),
        (
            "no se pudo leer el perfil de carga: {why}",
            "quizá falta el derecho; o indique el perfil: ami probe objects",
        ),
    ),
    "registers": (
        ("{name} is 0x{value:X}", "look at the event logs: ami probe events"),
        ("{name} es 0x{value:X}", "vea los registros de eventos: ami probe events"),
    ),
    "logins": (
        ("{count} of at most {most} logins with credentials were used", ""),
        ("se usaron {count} de un máximo de {most} entradas con credenciales", ""),
    ),
}
