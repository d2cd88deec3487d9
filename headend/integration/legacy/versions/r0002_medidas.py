"""What meters told, in a schema of their own with a role that only reads it."""

import sqlalchemy as sa
from alembic import op

from headend.integration.legacy.roles import READERS, SCHEMA_NAME, may_make_roles, statements

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        _own_schema(connection)
    op.create_table(
        "lecturas",
        sa.Column("lectura_id", sa.String, primary_key=True),
        sa.Column("clase", sa.String, nullable=False),
        sa.Column("medidor", sa.String, nullable=False),
        sa.Column("registro", sa.String, nullable=False),
        sa.Column("atributo", sa.Integer, nullable=False),
        sa.Column("nombre", sa.String),
        sa.Column("fecha_hora", TIME, nullable=False),
        sa.Column("recibida_en", TIME, nullable=False),
        sa.Column("valor", sa.Text),
        sa.Column("unidad", sa.String),
        sa.Column("error", sa.String),
        sa.Column("calidad", sa.String),
        sa.Column("origen", sa.String, nullable=False),
        sa.Column("vigente", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("actualizada_en", TIME, nullable=False),
    )
    op.create_index("lecturas_por_medidor", "lecturas", ["medidor", "registro", "fecha_hora"])
    op.create_index("lecturas_por_actualizacion", "lecturas", ["actualizada_en"])
    op.create_table(
        "curva_carga",
        sa.Column("medidor", sa.String, primary_key=True),
        sa.Column("perfil", sa.String, primary_key=True),
        sa.Column("fin_intervalo", TIME, primary_key=True),
        sa.Column("canal", sa.String, primary_key=True),
        sa.Column("atributo", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("indice", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("valor_crudo", sa.Text),
        sa.Column("valor_validado", sa.Text),
        sa.Column("unidad", sa.String),
        sa.Column("validacion", sa.String, nullable=False),
        sa.Column("hallazgos", sa.String),
        sa.Column("metodo", sa.String),
        sa.Column("calidad", sa.String),
        sa.Column("recibida_en", TIME),
        sa.Column("vigente", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("actualizada_en", TIME, nullable=False),
    )
    op.create_index("curva_carga_por_actualizacion", "curva_carga", ["actualizada_en"])
    op.create_table(
        "eventos",
        sa.Column("numero_evento", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("dispositivo", sa.String, nullable=False),
        sa.Column("evento", sa.String, nullable=False),
        sa.Column("descripcion", sa.String, nullable=False),
        sa.Column("severidad", sa.String, nullable=False),
        sa.Column("fecha_hora", TIME, nullable=False),
        sa.Column("recibido_en", TIME, nullable=False),
        sa.Column("fuentes", sa.String, nullable=False),
        sa.Column("codigo", sa.Integer),
        sa.Column("lugar", sa.String),
        sa.Column("incidente", sa.BigInteger),
        sa.Column("vigente", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("actualizada_en", TIME, nullable=False),
    )
    op.create_index("eventos_por_dispositivo", "eventos", ["dispositivo", "fecha_hora"])
    op.create_index("eventos_por_fecha", "eventos", ["fecha_hora"])
    op.create_index("eventos_por_actualizacion", "eventos", ["actualizada_en"])
    op.create_table(
        "alarmas",
        sa.Column("clase", sa.String, primary_key=True),
        sa.Column("numero", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("tipo", sa.String, nullable=False),
        sa.Column("severidad", sa.String, nullable=False),
        sa.Column("dispositivo", sa.String),
        sa.Column("lugar", sa.String),
        sa.Column("inicio", TIME, nullable=False),
        sa.Column("fin", TIME),
        sa.Column("medidores", sa.Integer),
        sa.Column("sin_reponer", sa.Integer),
        sa.Column("incidente", sa.BigInteger),
        sa.Column("reconocida_en", TIME),
        sa.Column("reconocida_por", sa.String),
        sa.Column("nota", sa.Text),
        sa.Column("vigente", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("actualizada_en", TIME, nullable=False),
    )
    op.create_index("alarmas_por_inicio", "alarmas", ["inicio"])
    op.create_index("alarmas_por_actualizacion", "alarmas", ["actualizada_en"])
    op.create_table(
        "entrega",
        sa.Column("nombre", sa.String, primary_key=True),
        sa.Column("iniciada_en", TIME, nullable=False),
        sa.Column("ultima_en", TIME, nullable=False),
        sa.Column("cambios", sa.BigInteger, nullable=False),
    )
    if connection.dialect.name == "postgresql" and may_make_roles(connection):
        for statement in statements((READERS,)):
            connection.exec_driver_sql(statement)


def _own_schema(connection: sa.Connection) -> None:
    """Whoever names no schema finds the tables there, on every later connection as on this one."""
    op.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA_NAME}")
    for name in ("resultados", "ordenes", "alembic_version"):
        op.execute(f"ALTER TABLE {name} SET SCHEMA {SCHEMA_NAME}")
    quoted = connection.dialect.identifier_preparer.quote
    database = quoted(connection.exec_driver_sql("SELECT current_database()").scalar_one())
    owner = (
        "SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()"
    )
    whose = f"DATABASE {database}"
    if not connection.exec_driver_sql(owner).scalar_one():  # then for ourselves alone
        whose = f"ROLE CURRENT_USER IN {whose}"
    op.execute(f"ALTER {whose} SET search_path = {SCHEMA_NAME}, public")
    op.execute(f"SET search_path = {SCHEMA_NAME}, public")


def downgrade() -> None:
    for name in ("lecturas", "curva_carga", "eventos", "alarmas", "entrega"):
        op.drop_table(name)
