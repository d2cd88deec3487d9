"""What the head-end stores, in the words of the legacy database's tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

from headend.domain.event import Acknowledgement, Event, Incident, IncidentKind, Severity, Source
from headend.domain.event_table import of_name
from headend.domain.interval import Cell, IntervalDay, Row, RowQuality
from headend.domain.reading import Reading
from headend.domain.validation import Check, Method, ValidatedDay
from protocols.concentrator.collecting import ColumnTold, Layout
from protocols.dlms.objects.units import UNITS

Values = dict[str, Any]


class Layouts(Protocol):
    """What rows' cells are."""

    def of(self, number: int) -> Layout: ...
    def column(self, profile: str, channel: str) -> ColumnTold:
        """How a channel counts of which a day has nothing but estimates."""
        ...


SEVERIDAD = {
    Severity.INFO: "INFORMATIVA",
    Severity.WARNING: "ADVERTENCIA",
    Severity.MAJOR: "GRAVE",
    Severity.CRITICAL: "CRITICA",
}
ALARMS = Severity.MAJOR.and_above
"""An event is an alarm from here on; an incident is one always."""
FUENTE = {Source.LOG: "REGISTRO", Source.PUSH: "ENVIO", Source.STATUS_WORD: "PALABRA_DE_ESTADO"}
INCIDENTE = {IncidentKind.OUTAGE: "CORTE", IncidentKind.PHASE_LOSS: "PERDIDA_DE_FASE"}
HALLAZGO = {
    Check.SPIKE: "PICO",
    Check.NEGATIVE: "NEGATIVO",
    Check.CLOCK: "RELOJ",
    Check.DUPLICATE: "DUPLICADO",
    Check.REGISTER: "REGISTRO",
}
METODO = {Method.LINEAR: "LINEAL", Method.LIKE_DAY: "DIA_SIMILAR"}
CALIDAD = {
    RowQuality.LATE: "TARDIA",
    RowQuality.CHANGED: "CAMBIADA",
    RowQuality.CLOCK_DOUBTFUL: "RELOJ_DUDOSO",
    RowQuality.OFF_PERIOD: "FUERA_DE_PERIODO",
    RowQuality.AHEAD: "ADELANTADA",
    RowQuality.PLACED: "UBICADA",
}
STANDINGS = UNCHECKED, CHECKED, SUSPECT, ESTIMATED = (
    "SIN_VALIDAR",
    "VALIDADO",
    "SOSPECHOSO",
    "ESTIMADO",
)
REGISTER, BILLING = "REGISTRO", "FACTURACION"

_CLOCK_CLASS = 8


def is_billing(profile: str) -> bool:
    """Whether a profile holds the data of billing periods: group C is 98 (Blue Book, 6.2)."""
    return profile.split(".")[2:3] == ["98"]


def lectura(line: int, reading: Reading) -> Values:
    """A register that was read apart, or came unasked."""
    return {
        "lectura_id": str(line),
        "clase": REGISTER,
        "medidor": reading.meter,
        "registro": reading.name,
        "atributo": reading.attribute,
        "nombre": reading.word or None,
        "fecha_hora": reading.at,
        "recibida_en": reading.received_at,
        "valor": reading.value,
        "unidad": reading.unit,
        "error": reading.error,
        "calidad": ",".join(reading.quality) or None,
        "origen": reading.source,
    }


def billing(page: IntervalDay, layouts: Layouts) -> Iterator[Values]:
    """The registers of the billing periods that ended in a day."""
    for row, column, cell in _standing(page, layouts):
        place = (page.meter, page.profile, row.at, column.name, column.attribute, column.index)
        yield {
            "lectura_id": "/".join(map(str, place)),
            "clase": BILLING,
            "medidor": page.meter,
            "registro": column.name,
            "atributo": column.attribute,
            "nombre": None,
            "fecha_hora": _time(row.at),
            "recibida_en": _time(row.came),
            "valor": _text(cell, column),
            "unidad": _unit(column),
            "error": None,
            "calidad": _quality(row),
            "origen": page.profile,
        }


def curve(page: IntervalDay, looked: ValidatedDay | None, layouts: Layouts) -> Iterator[Values]:
    """Each channel of each interval of a day: what came, what stands, or an estimate."""
    failed: dict[tuple[int, str], set[str]] = defaultdict(set)
    for finding in looked.findings if looked is not None else ():
        failed[finding.at, finding.channel].add(HALLAZGO[finding.check])
    here: set[tuple[int, str]] = set()
    scales: dict[str, ColumnTold] = {}
    for row, column, cell in _standing(page, layouts):
        number = isinstance(cell, int | float) and column.attribute == 2 and not column.index
        if number:
            here.add((row.at, column.name))
            scales[column.name] = column
        # A row that came after the look has not been looked at.
        seen = number and looked is not None and row.came <= looked.raw_at.timestamp()
        found = failed[row.at, column.name] | failed[row.at, ""] if seen else set()
        text = _text(cell, column)
        yield {
            **_place(page.meter, page.profile, row.at, column),
            "valor_crudo": text,
            "valor_validado": text if seen else None,
            "unidad": _unit(column),
            "validacion": (SUSPECT if found else CHECKED) if seen else UNCHECKED,
            "hallazgos": ",".join(sorted(found)) or None,
            "metodo": None,
            "calidad": _quality(row),
            "recibida_en": _time(row.came),
        }
    for made in looked.estimates if looked is not None else ():
        if (made.at, made.channel) in here:
            continue  # it came since
        column = scales.get(made.channel) or layouts.column(page.profile, made.channel)
        yield {
            **_place(page.meter, page.profile, made.at, column),
            "valor_crudo": None,
            "valor_validado": _text(made.value, column),
            "unidad": _unit(column),
            "validacion": ESTIMATED,
            "hallazgos": None,
            "metodo": METODO[made.method],
            "calidad": None,
            "recibida_en": None,
        }


def evento(event: Event) -> Values:
    """What a device noticed."""
    return {
        "numero_evento": event.number,
        "dispositivo": event.device,
        "evento": event.name,
        "descripcion": of_name(event.name).text("es"),
        "severidad": SEVERIDAD[event.severity],
        "fecha_hora": event.at,
        "recibido_en": event.received_at,
        "fuentes": ",".join(FUENTE[each] for each in event.sources),
        "codigo": event.code,
        "lugar": event.place,
        "incidente": event.incident,
    }


def alarm_of_event(event: Event, seen: Acknowledgement | None) -> Values | None:
    """An event as an alarm; None where it is none."""
    if event.severity not in ALARMS:
        return None
    return {
        "clase": "EVENTO",
        "numero": event.number,
        "tipo": event.name,
        "severidad": SEVERIDAD[event.severity],
        "dispositivo": event.device,
        "lugar": event.place,
        "inicio": event.at,
        "fin": None,
        "medidores": None,
        "sin_reponer": None,
        "incidente": event.incident,
        **_seen(seen),
    }


def alarm_of_incident(incident: Incident, seen: Acknowledgement | None) -> Values:
    """An incident as an alarm."""
    return {
        "clase": "INCIDENTE",
        "numero": incident.number,
        "tipo": INCIDENTE[incident.kind],
        "severidad": SEVERIDAD[Severity.CRITICAL],
        "dispositivo": None,
        "lugar": incident.place,
        "inicio": incident.began_at,
        "fin": incident.ended_at,
        "medidores": incident.members,
        "sin_reponer": incident.without,
        "incidente": incident.merged_into,
        **_seen(seen),
    }


def _seen(seen: Acknowledgement | None) -> Values:
    return {
        "reconocida_en": None if seen is None else seen.at,
        "reconocida_por": None if seen is None else seen.who,
        "nota": None if seen is None else seen.note or None,
    }


def _standing(page: IntervalDay, layouts: Layouts) -> Iterator[tuple[Row, ColumnTold, Cell]]:
    """The values that stand: the first that came for an interval, of what has a value."""
    taken: set[tuple[int, str, int, int]] = set()
    for row in page.rows:
        if row.quality & RowQuality.CHANGED:
            continue
        for column, cell in zip(layouts.of(row.layout).columns, row.cells, strict=True):
            key = row.at, column.name, column.attribute, column.index
            if column.class_id == _CLOCK_CLASS or cell is None or key in taken:
                continue
            taken.add(key)
            yield row, column, cell


def _place(meter: str, profile: str, at: int, column: ColumnTold) -> Values:
    return {
        "medidor": meter,
        "perfil": profile,
        "fin_intervalo": _time(at),
        "canal": column.name,
        "atributo": column.attribute,
        "indice": column.index,
    }


def _text(cell: Cell, column: ColumnTold) -> str:
    """Decimal text in the unit, with the digits that the meter counts; other text as it is, octets
    in hexadecimal digits."""
    if isinstance(cell, bytes):
        return cell.hex()
    if isinstance(cell, str):
        return cell
    return format(Decimal(str(cell)).scaleb(column.scaler or 0), "f")


def _unit(column: ColumnTold) -> str | None:
    unit = None if column.unit is None else UNITS.get(column.unit)
    return None if unit is None else unit.symbol


def _quality(row: Row) -> str | None:
    return ",".join(word for flag, word in CALIDAD.items() if row.quality & flag) or None


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
