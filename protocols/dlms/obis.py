"""What a logical name means, in English and Spanish, for people who read a meter's object list.

A name has six value groups (IEC 62056-6-1, Blue Book 7): A medium, B channel, C quantity, D how it
was processed, E tariff or further division, F billing period.  Names that whole tables of the
standard fix (clock, associations, logs) are looked up; electricity names are put together from
their groups; what neither knows is said by its medium and numbers, never guessed.
"""

from __future__ import annotations

from typing import Literal

from protocols.dlms.logical_name import LogicalName

Language = Literal["en", "es"]
_Text = tuple[str, str]  # English, Spanish

MEDIA: dict[int, _Text] = {
    0: ("abstract", "abstracto"),
    1: ("electricity", "electricidad"),
    4: ("heat cost allocator", "repartidor de costes de calefacción"),
    5: ("cooling", "refrigeración"),
    6: ("heating", "calefacción"),
    7: ("gas", "gas"),
    8: ("cold water", "agua fría"),
    9: ("hot water", "agua caliente"),
    15: ("other media", "otros medios"),
}

# Names fixed by the standard: (C, D, E) of A = 0; None stands for any number, which is then shown.
_ABSTRACT: dict[tuple[int, int | None, int | None], _Text] = {
    (1, 0, None): ("clock", "reloj"),
    (0, 2, 0): ("active firmware identifier", "identificador del firmware activo"),
    (0, 2, 8): ("active firmware signature", "firma del firmware activo"),
    (2, 0, 0): ("modem configuration", "configuración del módem"),
    (2, 1, 0): ("auto connect", "conexión automática"),
    (2, 2, 0): ("auto answer", "respuesta automática"),
    (10, 0, 0): ("global meter reset script table", "guiones de puesta a cero"),
    (10, 0, 1): ("MDI reset script table", "guiones de cierre de facturación"),
    (10, 0, 100): ("tariffication script table", "guiones de tarifa"),
    (10, 0, 106): ("disconnect script table", "guiones de corte y reconexión"),
    (10, 0, 107): ("image activation script table", "guiones de activación de imagen"),
    (10, 0, 108): ("push script table", "guiones de envío espontáneo"),
    (10, 0, None): ("script table", "tabla de guiones"),
    (11, 0, None): ("special days table", "tabla de días especiales"),
    (12, 0, None): ("schedule", "programa horario"),
    (13, 0, None): ("activity calendar", "calendario de tarifas"),
    (14, 0, None): ("register activation", "activación de registros"),
    (15, 0, 0): ("end of billing schedule", "programa de cierre de facturación"),
    (15, 0, 1): ("disconnect control schedule", "programa de corte"),
    (15, 0, 2): ("image activation schedule", "programa de activación de imagen"),
    (15, 0, 4): ("push schedule", "programa de envío espontáneo"),
    (15, 0, None): ("single action schedule", "programa de acción única"),
    (16, 0, None): ("register monitor", "monitor de registro"),
    (17, 0, None): ("limiter", "limitador"),
    (20, 0, None): ("IEC optical port setup", "puerto óptico"),
    (22, 0, 0): ("HDLC setup", "configuración HDLC"),
    (24, None, None): ("M-Bus setup", "configuración M-Bus"),
    (25, 0, None): ("TCP-UDP setup", "configuración TCP-UDP"),
    (25, 1, None): ("IPv4 setup", "configuración IPv4"),
    (25, 4, None): ("GPRS modem setup", "configuración del módem GPRS"),
    (25, 6, None): ("GSM diagnostic", "diagnóstico GSM"),
    (25, 7, None): ("IPv6 setup", "configuración IPv6"),
    (25, 9, None): ("push setup", "configuración de envío espontáneo"),
    (40, 0, 0): ("current association", "asociación actual"),
    (40, 0, None): ("association", "asociación"),
    (41, 0, 0): ("SAP assignment", "asignación de SAP"),
    (42, 0, 0): ("logical device name", "nombre del dispositivo lógico"),
    (43, 0, None): ("security setup", "configuración de seguridad"),
    (43, 1, None): ("invocation counter", "contador de invocaciones"),
    (44, 0, None): ("image transfer", "transferencia de imagen"),
    (65, None, None): ("utility table", "tabla de la compañía"),
    (94, None, None): ("country-specific object", "objeto específico de un país"),
    (96, 1, 0): ("serial number", "número de serie"),
    (96, 1, None): ("device identifier", "identificador del equipo"),
    (96, 2, 0): ("number of configuration changes", "número de cambios de configuración"),
    (96, 2, 1): ("last configuration change", "último cambio de configuración"),
    (96, 3, 0): ("I/O control signals", "señales de entrada y salida"),
    (96, 3, 10): ("disconnect control", "control de corte"),
    (96, 4, None): ("internal control signals", "señales internas de control"),
    (96, 5, None): ("internal operating status", "estado interno"),
    (96, 6, 0): ("battery use time", "tiempo de uso de la batería"),
    (96, 6, 6): ("remaining battery life", "vida restante de la batería"),
    (96, 7, 0): ("power failures, all phases", "cortes de todas las fases"),
    (96, 7, 1): ("power failures, L1", "cortes de L1"),
    (96, 7, 2): ("power failures, L2", "cortes de L2"),
    (96, 7, 3): ("power failures, L3", "cortes de L3"),
    (96, 7, 5): ("long power failures, all phases", "cortes largos de todas las fases"),
    (96, 7, 9): ("long power failures, any phase", "cortes largos de alguna fase"),
    (96, 7, 15): ("duration of power failure, all phases", "duración del corte, todas las fases"),
    (96, 7, 19): ("duration of power failure, any phase", "duración del corte, alguna fase"),
    (96, 7, 20): ("threshold for long power failures", "umbral de los cortes largos"),
    (96, 7, 21): ("power failures, any phase", "cortes de alguna fase"),
    (96, 7, None): ("power failure register", "registro de cortes"),
    (96, 8, 0): ("operating time", "tiempo de funcionamiento"),
    (96, 10, None): ("status register", "registro de estado"),
    (96, 11, None): ("event code", "código de evento"),
    (96, 12, 4): ("field strength", "intensidad de señal"),
    (96, 13, None): ("consumer message", "mensaje al consumidor"),
    (96, 14, None): ("currently active tariff", "tarifa activa"),
    (96, 15, None): ("event counter", "contador de eventos"),
    (96, 20, None): ("tamper counter", "contador de manipulaciones"),
    (97, 97, None): ("error register", "registro de errores"),
    **{
        (97, 98, first + number): (
            f"{english} {number}" if number else english,
            f"{spanish} {number}" if number else spanish,
        )
        for first, english, spanish in (
            (10, "alarm filter", "filtro de alarmas"),
            (20, "alarm descriptor", "descriptor de alarmas"),
        )
        for number in range(10)
    },
    (97, 98, None): ("alarm register", "registro de alarmas"),
    (98, 1, None): ("billing period values", "valores de periodo de facturación"),
    (98, 2, None): ("billing values", "valores de facturación"),
    (99, 98, 0): ("standard event log", "registro de eventos estándar"),
    (99, 98, 1): ("fraud detection log", "registro de fraude"),
    (99, 98, 2): ("disconnect control log", "registro de corte"),
    (99, 98, 3): ("M-Bus event log", "registro de eventos M-Bus"),
    (99, 98, 4): ("power quality log", "registro de calidad"),
    (99, 98, 5): ("communication log", "registro de comunicación"),
    (99, 98, None): ("event log", "registro de eventos"),
    (99, None, None): ("profile", "perfil"),
}
# The same for A = 1: names that are not a measured quantity.
_ELECTRICITY: dict[tuple[int, int | None, int | None], _Text] = {
    (0, 0, None): ("electricity identifier", "identificador de electricidad"),
    (0, 1, 0): ("billing period counter", "contador de periodos de facturación"),
    (0, 1, 2): ("time of the billing period", "fecha de cierre de facturación"),
    (0, 2, 0): ("firmware version", "versión de firmware"),
    (0, 2, 8): ("firmware signature", "firma del firmware"),
    (0, 3, None): ("pulse constant", "constante de impulsos"),
    (0, 4, 2): ("current transformer ratio", "relación de transformación de corriente"),
    (0, 4, 3): ("voltage transformer ratio", "relación de transformación de tensión"),
    (0, 6, 0): ("nominal voltage", "tensión nominal"),
    (0, 6, 1): ("nominal current", "corriente nominal"),
    (0, 6, 3): ("maximum current", "corriente máxima"),
    (0, 8, 0): ("demand period 1", "periodo de integración 1"),
    (0, 8, 4): ("load profile period 1", "periodo del perfil de carga 1"),
    (0, 8, 5): ("load profile period 2", "periodo del perfil de carga 2"),
    (0, 9, 1): ("local time", "hora local"),
    (0, 9, 2): ("local date", "fecha local"),
    (0, 9, 9): ("clock synchronisation window", "ventana de sincronización del reloj"),
    (0, 9, 11): ("clock time shift limit", "límite de ajuste del reloj"),
    (98, 1, None): ("billing period values", "valores de periodo de facturación"),
    (98, 2, None): ("billing values", "valores de facturación"),
    (99, 1, None): ("load profile", "perfil de carga"),
    (99, 2, None): ("load profile, daily", "perfil de carga diario"),
    (99, 97, None): ("power failure log", "registro de cortes"),
    (99, 98, None): ("event log", "registro de eventos"),
}

# C of A = 1: quantities of all phases; 20, 40 and 60 more are those of L1, L2 and L3.
_QUANTITIES: dict[int, _Text] = {
    1: ("active +", "activa +"),
    2: ("active -", "activa -"),
    3: ("reactive +", "reactiva +"),
    4: ("reactive -", "reactiva -"),
    5: ("reactive Q1", "reactiva Q1"),
    6: ("reactive Q2", "reactiva Q2"),
    7: ("reactive Q3", "reactiva Q3"),
    8: ("reactive Q4", "reactiva Q4"),
    9: ("apparent +", "aparente +"),
    10: ("apparent -", "aparente -"),
    11: ("current", "corriente"),
    12: ("voltage", "tensión"),
    13: ("power factor", "factor de potencia"),
    14: ("frequency", "frecuencia"),
    15: ("active absolute", "activa absoluta"),
    16: ("active net", "activa neta"),
}
_FURTHER: dict[int, _Text] = {
    81: ("angle", "ángulo"),
    82: ("unitless quantity", "magnitud sin unidad"),
    88: ("ampere-squared hours", "amperios cuadrados hora"),
    89: ("volt-squared hours", "voltios cuadrados hora"),
    90: ("current, sum of all phases", "corriente, suma de fases"),
    91: ("current, neutral", "corriente, neutro"),
    92: ("voltage, neutral", "tensión, neutro"),
}
_POWERS = frozenset((*range(1, 11), 15, 16))
_PHASES = {0: "", 20: " L1", 40: " L2", 60: " L3"}

# D of A = 1: what was done with the quantity.  Integrals of powers are energies.
_PROCESSING: dict[int, _Text] = {
    0: ("billing average", "promedio de facturación"),
    1: ("cumulative minimum", "mínimo acumulado"),
    2: ("cumulative maximum", "máximo acumulado"),
    3: ("minimum", "mínimo"),
    4: ("current average", "promedio actual"),
    5: ("last average", "último promedio"),
    6: ("maximum", "máximo"),
    7: ("instantaneous", "valor instantáneo"),
    8: ("total", "total"),
    9: ("since billing", "desde la facturación"),
    10: ("over limit", "sobre el límite"),
    11: ("cumulative minimum 2", "mínimo acumulado 2"),
    12: ("cumulative maximum 2", "máximo acumulado 2"),
    13: ("minimum 2", "mínimo 2"),
    14: ("current average 2", "promedio actual 2"),
    15: ("last average 2", "último promedio 2"),
    16: ("maximum 2", "máximo 2"),
    21: ("cumulative minimum 3", "mínimo acumulado 3"),
    22: ("cumulative maximum 3", "máximo acumulado 3"),
    23: ("minimum 3", "mínimo 3"),
    24: ("current average 3", "promedio actual 3"),
    25: ("last average 3", "último promedio 3"),
    26: ("maximum 3", "máximo 3"),
    27: ("current average 5", "promedio actual 5"),
    28: ("current average 6", "promedio actual 6"),
    29: ("load profile interval", "intervalo del perfil de carga"),
    31: ("threshold, under limit", "umbral, bajo límite"),
    35: ("threshold, over limit", "umbral, sobre límite"),
    39: ("threshold, missing", "umbral, ausencia"),
}
_INTEGRALS = frozenset((8, 9, 10, 29, 30))
_ANGLES = ("U(L1)", "U(L2)", "U(L3)", None, "I(L1)", "I(L2)", "I(L3)", "I(N)")
NOT_USED = 255


def describe(name: LogicalName | str, language: Language = "en") -> str:
    """What the name means: `active + energy, total, tariff 1` for 1.0.1.8.1.255."""
    a, b, c, d, e, f = LogicalName(name)
    spanish = language == "es"
    parts: list[str]
    if a == 1 and (parts := _electricity(c, d, e, spanish)):
        pass
    elif a in (0, 1) and (found := _fixed(_ABSTRACT if a == 0 else _ELECTRICITY, c, d, e)):
        text, free = found
        parts = [text[spanish] + "".join(f" {number}" for number in free)]
    else:
        unknown = ("unknown medium", "medio desconocido")
        parts = [MEDIA.get(a, unknown)[spanish], f"C={c} D={d} E={e}"]
        if any(128 <= group <= 254 for group in (b, c, d, e)):
            parts.append(("manufacturer-specific", "específico del fabricante")[spanish])
    if b:
        parts.append(f"{('channel', 'canal')[spanish]} {b}")
    if f != NOT_USED:
        parts.append(_period(f, spanish))
    return ", ".join(parts)


def _fixed(
    table: dict[tuple[int, int | None, int | None], _Text], c: int, d: int, e: int
) -> tuple[_Text, tuple[int, ...]] | None:
    """The most exact line for these groups, and the numbers that it leaves open."""
    for key, free in (((c, d, e), ()), ((c, d, None), (e,)), ((c, None, None), (d, e))):
        text = table.get(key)
        if text is not None:
            return text, tuple(number for number in free if number or len(free) == 2)
    return None


def _electricity(c: int, d: int, e: int, spanish: bool) -> list[str]:
    """A measured quantity, or nothing where the groups say none that is known here."""
    processing = _PROCESSING.get(d)
    if processing is None:
        return []
    phase = c // 20 * 20 if c < 80 else 0
    quantity = _FURTHER.get(c) or (_QUANTITIES.get(c - phase) if c < 80 else None)
    if quantity is None or phase not in _PHASES:
        return []
    if c == 81:
        return _angle(d, e, spanish)
    is_power = c < 80 and c - phase in _POWERS
    kind = ""
    if is_power:
        kind = (("energy", "energía") if d in _INTEGRALS else ("power", "potencia"))[spanish]
    text = f"{kind} {quantity[spanish]}" if spanish else f"{quantity[spanish]} {kind}"
    parts = [text.strip() + _PHASES[phase], processing[spanish]]
    if e and d != 7:
        parts.append(f"{('tariff', 'tarifa')[spanish]} {e}")
    elif e and d == 7:
        parts.append(f"{('harmonic', 'armónico')[spanish]} {e}")
    return parts


def _angle(d: int, e: int, spanish: bool) -> list[str]:
    """Angles say in E which two are compared: the tens digit from, the ones digit to."""
    to, of = divmod(e, 10)
    names = [_ANGLES[part] if part < len(_ANGLES) else None for part in (of, to)]
    if d != 7 or None in names:
        return []
    joined = f"{names[0]} - {names[1]}"
    return [f"{('phase angle', 'ángulo de fase')[spanish]} {joined}"]


def _period(f: int, spanish: bool) -> str:
    if f <= 99:
        return f"{('billing period', 'periodo de facturación')[spanish]} {f}"
    if 101 <= f <= 125:
        back = ("billing period back", "periodo de facturación anterior")[spanish]
        return f"{back} {f - 100}"
    return f"F={f}"
