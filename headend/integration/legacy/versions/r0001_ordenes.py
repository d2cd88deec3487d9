"""Orders and their results."""

import sqlalchemy as sa

from headend.store.migrations.steps import TIME, Step, Steps, index, table

revision = "0001"
down_revision = None


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "ordenes",
            sa.Column("numero_orden", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("transaccion", sa.String, nullable=False),
            sa.Column("correlacion", sa.String),
            sa.Column("origen", sa.String, nullable=False),
            sa.Column("mensaje_solicitud", sa.String),
            sa.Column("medidor", sa.String, nullable=False),
            sa.Column("tipo_orden", sa.String, nullable=False),
            sa.Column("monto_solicitado", sa.String),
            sa.Column("unidad_solicitada", sa.String),
            sa.Column("estado", sa.String, nullable=False),
            sa.Column("resultado", sa.String, nullable=False),
            sa.Column("actualizada_en", TIME, nullable=False),
        ),
        index("ordenes_por_medidor", "ordenes", "medidor numero_orden"),
        index("ordenes_por_transaccion", "ordenes", "transaccion"),
        table(
            "resultados",
            sa.Column("mensaje_id", sa.String, primary_key=True),
            sa.Column(
                "numero_orden", sa.BigInteger, sa.ForeignKey("ordenes.numero_orden"), nullable=False
            ),
            sa.Column("clase", sa.String, nullable=False),
            sa.Column("fecha_hora", TIME, nullable=False),
            sa.Column("estado", sa.String, nullable=False),
            sa.Column("resultado", sa.String, nullable=False),
            sa.Column("codigo_motivo", sa.String),
            sa.Column("codigo_cim", sa.String, nullable=False),
            sa.Column("texto", sa.Text, nullable=False),
            sa.Column("enviar_cuadrilla", sa.Boolean, nullable=False),
            sa.Column("valor_leido", sa.String),
            sa.Column("valor_activo", sa.String),
            sa.Column("unidad_leida", sa.String),
            sa.Column("suministro", sa.String),
            sa.Column("estado_control", sa.Integer),
            sa.Column("evidencia", sa.Text),
            sa.Column("nota", sa.Text),
        ),
        index("resultados_por_orden", "resultados", "numero_orden fecha_hora"),
        index("resultados_por_fecha", "resultados", "fecha_hora"),
    )


upgrade, downgrade = steps.take, steps.take_back
