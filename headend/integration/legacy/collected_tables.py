"""The tables of what meters told: `lecturas`, `curva_carga`, `eventos`, `alarmas`.

Their rows are corrected and never deleted: `version` counts what a row has said, and `vigente` is
false once nothing stands there any more.  `entrega` tells how far the filling has come.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from headend.integration.legacy.tables import metadata
from headend.store.columns import UtcDateTime


def _kept() -> list[Column[Any]]:
    """What every row tells of itself."""
    return [
        Column("vigente", Boolean, nullable=False),
        Column("version", Integer, nullable=False),
        Column("actualizada_en", UtcDateTime, nullable=False),
    ]


OWN = ("vigente", "version", "actualizada_en")
"""Columns that do not come from the head-end."""

lecturas = Table(
    "lecturas",
    metadata,
    Column("lectura_id", String, primary_key=True),
    Column("clase", String, nullable=False),
    Column("medidor", String, nullable=False),
    Column("registro", String, nullable=False),
    Column("atributo", Integer, nullable=False),
    Column("nombre", String),
    Column("fecha_hora", UtcDateTime, nullable=False),
    Column("recibida_en", UtcDateTime, nullable=False),
    Column("valor", Text),
    Column("unidad", String),
    Column("error", String),
    Column("calidad", String),
    Column("origen", String, nullable=False),
    *_kept(),
    Index("lecturas_por_medidor", "medidor", "registro", "fecha_hora"),
    Index("lecturas_por_actualizacion", "actualizada_en"),
)

curva_carga = Table(
    "curva_carga",
    metadata,
    Column("medidor", String, primary_key=True),
    Column("perfil", String, primary_key=True),
    Column("fin_intervalo", UtcDateTime, primary_key=True),
    Column("canal", String, primary_key=True),
    Column("atributo", Integer, primary_key=True, autoincrement=False),
    Column("indice", Integer, primary_key=True, autoincrement=False),
    Column("valor_crudo", Text),
    Column("valor_validado", Text),
    Column("unidad", String),
    Column("validacion", String, nullable=False),
    Column("hallazgos", String),
    Column("metodo", String),
    Column("calidad", String),
    Column("recibida_en", UtcDateTime),
    *_kept(),
    Index("curva_carga_por_actualizacion", "actualizada_en"),
)

eventos = Table(
    "eventos",
    metadata,
    Column("numero_evento", BigInteger, primary_key=True, autoincrement=False),
    Column("dispositivo", String, nullable=False),
    Column("evento", String, nullable=False),
    Column("descripcion", String, nullable=False),
    Column("severidad", String, nullable=False),
    Column("fecha_hora", UtcDateTime, nullable=False),
    Column("recibido_en", UtcDateTime, nullable=False),
    Column("fuentes", String, nullable=False),
    Column("codigo", Integer),
    Column("lugar", String),
    Column("incidente", BigInteger),
    *_kept(),
    Index("eventos_por_dispositivo", "dispositivo", "fecha_hora"),
    Index("eventos_por_fecha", "fecha_hora"),
    Index("eventos_por_actualizacion", "actualizada_en"),
)

alarmas = Table(
    "alarmas",
    metadata,
    Column("clase", String, primary_key=True),
    Column("numero", BigInteger, primary_key=True, autoincrement=False),
    Column("tipo", String, nullable=False),
    Column("severidad", String, nullable=False),
    Column("dispositivo", String),
    Column("lugar", String),
    Column("inicio", UtcDateTime, nullable=False),
    Column("fin", UtcDateTime),
    Column("medidores", Integer),
    Column("sin_reponer", Integer),
    Column("incidente", BigInteger),
    Column("reconocida_en", UtcDateTime),
    Column("reconocida_por", String),
    Column("nota", Text),
    *_kept(),
    Index("alarmas_por_inicio", "inicio"),
    Index("alarmas_por_actualizacion", "actualizada_en"),
)

entrega = Table(
    "entrega",
    metadata,
    Column("nombre", String, primary_key=True),
    Column("iniciada_en", UtcDateTime, nullable=False),
    Column("ultima_en", UtcDateTime, nullable=False),
    Column("cambios", BigInteger, nullable=False),
)
