"""The tables `ordenes` and `resultados`, and what a result message says in their words."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from headend.store.columns import UtcDateTime
from protocols.commercial.messages import EvidenceGiven, ResultMessage, ValueGiven

metadata = MetaData()

ordenes = Table(
    "ordenes",
    metadata,
    Column("numero_orden", BigInteger, primary_key=True, autoincrement=False),
    Column("transaccion", String, nullable=False),
    Column("correlacion", String),
    Column("origen", String, nullable=False),
    Column("mensaje_solicitud", String),
    Column("medidor", String, nullable=False),
    Column("tipo_orden", String, nullable=False),
    Column("monto_solicitado", String),
    Column("unidad_solicitada", String),
    Column("estado", String, nullable=False),
    Column("resultado", String, nullable=False),
    Column("actualizada_en", UtcDateTime, nullable=False),
    Index("ordenes_por_medidor", "medidor", "numero_orden"),
    Index("ordenes_por_transaccion", "transaccion"),
)

resultados = Table(
    "resultados",
    metadata,
    Column("mensaje_id", String, primary_key=True),
    Column("numero_orden", BigInteger, ForeignKey("ordenes.numero_orden"), nullable=False),
    Column("clase", String, nullable=False),
    Column("fecha_hora", UtcDateTime, nullable=False),
    Column("estado", String, nullable=False),
    Column("resultado", String, nullable=False),
    Column("codigo_motivo", String),
    Column("codigo_cim", String, nullable=False),
    Column("texto", Text, nullable=False),
    Column("enviar_cuadrilla", Boolean, nullable=False),
    Column("valor_leido", String),
    Column("valor_activo", String),
    Column("unidad_leida", String),
    Column("suministro", String),
    Column("estado_control", Integer),
    Column("evidencia", Text),
    Column("nota", Text),
    Index("resultados_por_orden", "numero_orden", "fecha_hora"),
    Index("resultados_por_fecha", "fecha_hora"),
)

TIPO = {
    # Order.kind: tipo_orden
    "set-limit": "LIMITACION",
    "remove-limit": "FIN_LIMITACION",
    "connect": "REPOSICION",
    "arm": "ARMADO",
    "disconnect": "CORTE",
    "load-off": "APAGADO_CARGA",
    "load-on": "ENCENDIDO_CARGA",
    "reset-demand": "CIERRE_PERIODO",
}
ESTADO = {
    # final Order.state: estado
    "done": "EJECUTADA",
    "failed": "FALLIDA",
    "rejected": "RECHAZADA",
    "expired": "VENCIDA",
    "cancelled": "CANCELADA",
}
CLASE = {"reply": "RESPUESTA", "event": "EVENTO"}
NO_ERROR = "0.0"  # Reply.Error code of success, IEC 61968-9 Annex B


def orden(message: ResultMessage) -> dict[str, Any]:
    """The order's row after this message."""
    return {
        "numero_orden": message.order,
        "transaccion": message.transaction_id,
        "correlacion": message.correlation_id,
        "origen": message.source,
        "mensaje_solicitud": message.request_message_id,
        "medidor": message.meter,
        "tipo_orden": TIPO[message.action],
        "monto_solicitado": message.amount,
        "unidad_solicitada": message.unit,
        "estado": ESTADO[message.state],
        "resultado": _resultado(message),
        "actualizada_en": message.at,
    }


def resultado(message: ResultMessage) -> dict[str, Any]:
    """The message's own row."""
    reason, value = message.reason, message.value or ValueGiven()
    return {
        "mensaje_id": message.message_id,
        "numero_orden": message.order,
        "clase": CLASE[message.kind],
        "fecha_hora": message.at,
        "estado": ESTADO[message.state],
        "resultado": _resultado(message),
        "codigo_motivo": reason and reason.code,
        "codigo_cim": reason.cim if reason else NO_ERROR,
        "texto": reason.details if reason else "ORDEN_EJECUTADA: la orden fue ejecutada.",
        "enviar_cuadrilla": bool(reason and reason.crew),
        "valor_leido": value.limit,
        "valor_activo": value.limit_active,
        "unidad_leida": value.unit,
        "suministro": {None: None, True: "CONECTADO", False: "DESCONECTADO"}[value.supply_on],
        "estado_control": value.control_state,
        "evidencia": "\n".join(map(_line, message.evidence)) or None,
        "nota": message.note,
    }


def _resultado(message: ResultMessage) -> str:
    return "OK" if message.ok else "KO"


def _line(evidence: EvidenceGiven) -> str:
    time = evidence.at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return f"{time} {evidence.source}: {evidence.text}"
