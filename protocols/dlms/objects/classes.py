"""Names of interface classes, in English and Spanish (Blue Book 4.3 to 4.12).

Only the classes that meters of electricity have in practice; what is missing is told by its number.
"""

from __future__ import annotations

from protocols.dlms.obis import Language

_NAMES: dict[int, tuple[str, str]] = {
    1: ("Data", "Dato"),
    3: ("Register", "Registro"),
    4: ("Extended register", "Registro extendido"),
    5: ("Demand register", "Registro de demanda"),
    6: ("Register activation", "Activación de registros"),
    7: ("Profile generic", "Perfil genérico"),
    8: ("Clock", "Reloj"),
    9: ("Script table", "Tabla de guiones"),
    10: ("Schedule", "Programa horario"),
    11: ("Special days table", "Tabla de días especiales"),
    12: ("Association SN", "Asociación SN"),
    15: ("Association LN", "Asociación LN"),
    17: ("SAP assignment", "Asignación de SAP"),
    18: ("Image transfer", "Transferencia de imagen"),
    19: ("IEC local port setup", "Puerto local IEC"),
    20: ("Activity calendar", "Calendario de actividades"),
    21: ("Register monitor", "Monitor de registro"),
    22: ("Single action schedule", "Programa de acción única"),
    23: ("IEC HDLC setup", "Configuración HDLC"),
    24: ("IEC twisted pair setup", "Configuración de par trenzado"),
    25: ("M-Bus slave port setup", "Puerto esclavo M-Bus"),
    26: ("Utility tables", "Tablas de la compañía"),
    27: ("Modem configuration", "Configuración del módem"),
    28: ("Auto answer", "Respuesta automática"),
    29: ("Auto connect", "Conexión automática"),
    30: ("Data protection", "Protección de datos"),
    40: ("Push setup", "Configuración de envío espontáneo"),
    41: ("TCP-UDP setup", "Configuración TCP-UDP"),
    42: ("IPv4 setup", "Configuración IPv4"),
    43: ("MAC address setup", "Dirección MAC"),
    44: ("PPP setup", "Configuración PPP"),
    45: ("GPRS modem setup", "Configuración del módem GPRS"),
    46: ("SMTP setup", "Configuración SMTP"),
    47: ("GSM diagnostic", "Diagnóstico GSM"),
    48: ("IPv6 setup", "Configuración IPv6"),
    61: ("Register table", "Tabla de registros"),
    62: ("Compact data", "Datos compactos"),
    63: ("Status mapping", "Mapa de estados"),
    64: ("Security setup", "Configuración de seguridad"),
    65: ("Parameter monitor", "Monitor de parámetros"),
    67: ("Sensor manager", "Gestor de sensores"),
    68: ("Arbitrator", "Árbitro"),
    70: ("Disconnect control", "Control de corte"),
    71: ("Limiter", "Limitador"),
    72: ("M-Bus client", "Cliente M-Bus"),
    111: ("Account", "Cuenta"),
    112: ("Credit", "Crédito"),
    113: ("Charge", "Cargo"),
    115: ("Token gateway", "Pasarela de fichas"),
    122: ("Function control", "Control de funciones"),
    124: ("Communication port protection", "Protección del puerto"),
}


def class_name(class_id: int, language: Language = "en") -> str | None:
    """The class's name, or None where it is not in the table."""
    names = _NAMES.get(class_id)
    return None if names is None else names[language == "es"]
