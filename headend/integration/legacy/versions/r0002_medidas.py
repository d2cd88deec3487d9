"""What meters told, in a schema of their own with a role that only reads it."""

import sqlalchemy as sa
from alembic import op

from headend.integration.legacy.roles import READERS, SCHEMA_NAME, may_make_roles, statements
from headend.store.migrations.steps import TIME, Step, Steps, index, table

revision = "0002"
down_revision = "0001"


def _own_schema() -> None:
    """Whoever names no schema finds the tables there, on every later connection as on this one."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA_NAME}")
    for name in _BEFORE:
        op.execute(f"ALTER TABLE {name} SET SCHEMA {SCHEMA_NAME}")
    op.execute(f"ALTER {_whose()} SET search_path = {SCHEMA_NAME}, public")
    op.execute(f"SET search_path = {SCHEMA_NAME}, public")


def _back_to_public() -> None:
    """What else somebody has put into the schema stops it: the schema is theirs as well."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for name in _BEFORE:
        op.execute(f"ALTER TABLE {name} SET SCHEMA public")
    op.execute(f"DROP SCHEMA {SCHEMA_NAME}")
    op.execute(f"ALTER {_whose()} RESET search_path")
    op.execute('SET search_path = "$user", public')


_BEFORE = ("resultados", "ordenes", "alembic_version")


def _whose() -> str:
    """Whose sessions look there: everybody's, or where the database is another's, our own."""
    connection = op.get_bind()
    quoted = connection.dialect.identifier_preparer.quote
    database = quoted(connection.exec_driver_sql("SELECT current_database()").scalar_one())
    owner = (
        "SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()"
    )
    whose = f"DATABASE {database}"
    return (
        whose
        if connection.exec_driver_sql(owner).scalar_one()
        else (f"ROLE CURRENT_USER IN {whose}")
    )


def _let_read() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql" and may_make_roles(connection):
        for statement in statements((READERS,)):
            connection.exec_driver_sql(statement)


def _let_nobody_read() -> None:
    """The role itself is the server's: other databases may have it too."""
    connection = op.get_bind()
    known = f"SELECT 1 FROM pg_roles WHERE rolname = '{READERS}'"
    if connection.dialect.name == "postgresql" and connection.exec_driver_sql(known).scalar():
        op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA {SCHEMA_NAME} FROM {READERS}")


@Steps
def steps() -> tuple[Step, ...]:
    return (
        Step(_own_schema, _back_to_public),
        table(
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
        ),
        index("lecturas_por_medidor", "lecturas", "medidor registro fecha_hora"),
        index("lecturas_por_actualizacion", "lecturas", "actualizada_en"),
        table(
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
        ),
        index("curva_carga_por_actualizacion", "curva_carga", "actualizada_en"),
        table(
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
        ),
        index("eventos_por_dispositivo", "eventos", "dispositivo fecha_hora"),
        index("eventos_por_fecha", "eventos", "fecha_hora"),
        index("eventos_por_actualizacion", "eventos", "actualizada_en"),
        table(
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
        ),
        index("alarmas_por_inicio", "alarmas", "inicio"),
        index("alarmas_por_actualizacion", "alarmas", "actualizada_en"),
        table(
            "entrega",
            sa.Column("nombre", sa.String, primary_key=True),
            sa.Column("iniciada_en", TIME, nullable=False),
            sa.Column("ultima_en", TIME, nullable=False),
            sa.Column("cambios", sa.BigInteger, nullable=False),
        ),
        Step(_let_read, _let_nobody_read),
    )


upgrade, downgrade = steps.take, steps.take_back
