"""What event codes mean, in English and Spanish: IDIS package 2, clause 5.4.

Many European companion specifications share these codes, and none has to: a manufacturer's own log
may count otherwise.  So a code is always shown beside its words, and one that is not in the table
has no words here.  Those that raise alarms were
compared with a meter's manual; those of the disconnector (59 to 69), of voltages (76 to 81) and of
modems with the tables of head-ends that read IDIS meters (tests/dlms/test_public_tables.py).
"""

from __future__ import annotations

from protocols.dlms.logical_name import LogicalName
from protocols.dlms.obis import Language

_WORDS: dict[int, tuple[str, str]] = {
    1: ("power down", "corte de alimentación"),
    2: ("power up", "vuelta de alimentación"),
    3: ("daylight saving changed", "cambio de horario de verano"),
    4: ("clock adjusted, old time", "reloj ajustado, hora anterior"),
    5: ("clock adjusted, new time", "reloj ajustado, hora nueva"),
    6: ("clock invalid", "reloj no válido"),
    7: ("replace battery", "cambiar la batería"),
    8: ("battery voltage low", "batería baja"),
    9: ("tariff calendar activated", "calendario de tarifas activado"),
    10: ("error register cleared", "registro de errores borrado"),
    11: ("alarm register cleared", "registro de alarmas borrado"),
    12: ("program memory error", "error de memoria de programa"),
    13: ("RAM error", "error de RAM"),
    14: ("non-volatile memory error", "error de memoria no volátil"),
    15: ("watchdog error", "error de vigilancia"),
    16: ("measurement system error", "error del sistema de medida"),
    17: ("firmware ready for activation", "firmware listo para activar"),
    18: ("firmware activated", "firmware activado"),
    19: ("passive tariff calendar programmed", "calendario pasivo programado"),
    20: ("external alert detected", "alerta externa"),
    21: ("end of non-periodical billing", "cierre no periódico de facturación"),
    40: ("terminal cover removed", "tapa de bornes abierta"),
    41: ("terminal cover closed", "tapa de bornes cerrada"),
    42: ("strong magnetic field", "campo magnético fuerte"),
    43: ("no strong magnetic field any more", "fin del campo magnético fuerte"),
    44: ("meter cover removed", "cubierta del medidor abierta"),
    45: ("meter cover closed", "cubierta del medidor cerrada"),
    46: ("wrong password or key several times", "contraseña o clave errónea varias veces"),
    47: ("parameters changed", "parámetros cambiados"),
    48: ("keys changed", "claves cambiadas"),
    49: ("message could not be deciphered", "mensaje no descifrable"),
    50: ("replay refused", "repetición rechazada"),
    51: ("firmware verification failed", "verificación de firmware fallida"),
    52: ("unexpected consumption", "consumo inesperado"),
    59: ("ready for reconnection by hand", "listo para reconexión manual"),
    60: ("disconnected by hand", "corte manual"),
    61: ("connected by hand", "reconexión manual"),
    62: ("disconnected remotely", "corte remoto"),
    63: ("connected remotely", "reconexión remota"),
    64: ("disconnected locally", "corte local"),
    65: ("limit exceeded", "límite superado"),
    66: ("limit kept again", "límite respetado de nuevo"),
    67: ("limit changed", "límite cambiado"),
    68: ("disconnector failed", "fallo del interruptor"),
    69: ("connected locally", "reconexión local"),
    76: ("undervoltage L1", "subtensión L1"),
    77: ("undervoltage L2", "subtensión L2"),
    78: ("undervoltage L3", "subtensión L3"),
    79: ("overvoltage L1", "sobretensión L1"),
    80: ("overvoltage L2", "sobretensión L2"),
    81: ("overvoltage L3", "sobretensión L3"),
    82: ("voltage missing L1", "falta tensión L1"),
    83: ("voltage missing L2", "falta tensión L2"),
    84: ("voltage missing L3", "falta tensión L3"),
    85: ("voltage normal L1", "tensión normal L1"),
    86: ("voltage normal L2", "tensión normal L2"),
    87: ("voltage normal L3", "tensión normal L3"),
    88: ("phase sequence reversed", "secuencia de fases invertida"),
    89: ("neutral missing", "falta el neutro"),
    90: ("phases asymmetric", "asimetría de fases"),
    91: ("current in reverse", "corriente inversa"),
    92: ("voltage quality poor L1", "mala calidad de tensión L1"),
    93: ("voltage quality poor L2", "mala calidad de tensión L2"),
    94: ("voltage quality poor L3", "mala calidad de tensión L3"),
    140: ("no connection in time", "sin conexión a tiempo"),
    141: ("modem initialization failed", "fallo al iniciar el módem"),
    142: ("SIM card failed", "fallo de la SIM"),
    143: ("SIM card in order", "SIM en orden"),
    144: ("GSM registration failed", "fallo de registro GSM"),
    145: ("GPRS registration failed", "fallo de registro GPRS"),
    146: ("PDP context established", "contexto PDP establecido"),
    147: ("PDP context ended", "contexto PDP terminado"),
    148: ("PDP context failed", "fallo del contexto PDP"),
    149: ("modem restarted by software", "módem reiniciado por software"),
    150: ("modem restarted by hardware", "módem reiniciado por hardware"),
    156: ("signal weak", "señal débil"),
    158: ("local communication attempt", "intento de comunicación local"),
    # Of no standard: what our simulated meters write, so the words say whose they are.
    231: ("simulated meter: association timed out", "medidor simulado: asociación caducada"),
    232: ("simulated meter: push sent", "medidor simulado: envío hecho"),
    233: ("simulated meter: push given up", "medidor simulado: envío abandonado"),
    254: ("load profile cleared", "perfil de carga borrado"),
    255: ("event log cleared", "registro de eventos borrado"),
}


def event_words(code: int, language: Language = "en") -> str:
    """What the code means, or nothing where the table does not have it."""
    words = _WORDS.get(code)
    return "" if words is None else words[language == "es"]


def is_event_code(name: LogicalName) -> bool:
    """Whether an object of this name holds an event's code: 0.x.96.11.e.255."""
    return name[0] == 0 and (name[2], name[3]) == (96, 11)


def is_event_log(name: LogicalName) -> bool:
    """Whether a profile of this name is an event log: x.x.99.98.e, or 1.x.99.97 of power failures
    (Blue Book 7.4.5 and 7.5.5)."""
    return name[2] == 99 and name[3] in (97, 98)
