"""A database's schema told in words that can be compared, whatever made it."""

from __future__ import annotations

import re
from datetime import date, datetime

from sqlalchemy import Connection, MetaData, Table, insert

from tests.store.making import T0

_SQLITE = "SELECT type || ' ' || name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"

# Of everything in the schemas where unnamed tables are made: what a dump would say of it.
_HERE = "ANY (current_schemas(false)::regnamespace[])"
_POSTGRESQL = {
    "table": "SELECT c.oid::regclass, concat_ws(' ', relkind, pg_get_partkeydef(c.oid),"
    " pg_get_expr(relpartbound, c.oid))"
    f" FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace = {_HERE}",
    "columns": "SELECT c.oid::regclass, string_agg(concat_ws(' ', quote_ident(attname),"
    " format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'NOT NULL' END,"
    " pg_get_expr(adbin, adrelid)), ', ' ORDER BY attnum)"
    " FROM pg_class c JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped"
    " LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
    f" WHERE relkind IN ('r', 'p') AND relnamespace = {_HERE} GROUP BY c.oid",
    "index": "SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index"
    f" JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace = {_HERE}",
    "constraint": "SELECT concat_ws(' ', conrelid::regclass, conname), pg_get_constraintdef(oid)"
    f" FROM pg_constraint WHERE connamespace = {_HERE}",
    "trigger": "SELECT tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t"
    f" JOIN pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal AND relnamespace = {_HERE}",
    "function": "SELECT oid::regprocedure, pg_get_functiondef(oid) FROM pg_proc"
    f" WHERE pronamespace = {_HERE}",
    "sequence": "SELECT s.oid::regclass, concat_ws(' ', d.refobjid::regclass, d.refobjsubid)"
    " FROM pg_class s LEFT JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i')"
    " AND d.classid = 'pg_class'::regclass"
    f" WHERE s.relkind = 'S' AND s.relnamespace = {_HERE}",
    "path": "SELECT 'search', current_setting('search_path')",
    "kept": "SELECT 'settings', array_to_string(setconfig, ' ') FROM pg_db_role_setting"
    " JOIN pg_database ON setdatabase = oid WHERE datname = current_database()",
    "rights": "SELECT nspname, array_to_string(coalesce(nspacl, acldefault('n', nspowner)), ' ')"
    f" FROM pg_namespace WHERE oid = {_HERE} OR nspname !~ '^(pg_|information_schema)'",
    "of table": "SELECT oid::regclass,"
    " array_to_string(coalesce(relacl, acldefault('r', relowner)), ' ')"
    f" FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = {_HERE}",
}


def described(connection: Connection) -> dict[str, str]:
    """Each table with its columns, its partitions, indexes, constraints, triggers and so on, by a
    name of its own, as the database itself tells it."""
    if connection.dialect.name == "sqlite":
        told = connection.exec_driver_sql(_SQLITE).all()
        return {name: re.sub(r"\s+", " ", sql or "") for name, sql in told}
    return {
        f"{kind} {name}": str(definition)
        for kind, sql in _POSTGRESQL.items()
        for name, definition in connection.exec_driver_sql(sql).all()
    }


_COLUMNS = {
    "sqlite": "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c"
    " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'",
    "postgresql": "SELECT relname, attname FROM pg_class c JOIN pg_attribute ON attrelid = c.oid"
    " WHERE relkind IN ('r', 'p') AND NOT relispartition AND attnum > 0 AND NOT attisdropped"
    f" AND relnamespace = {_HERE}",
}


def columns_of(connection: Connection) -> dict[str, list[str]]:
    """The columns of each table; a partition is none, nor is Alembic's."""
    found: dict[str, list[str]] = {}
    for table, column in connection.exec_driver_sql(_COLUMNS[connection.dialect.name]).all():
        if table != "alembic_version":
            found.setdefault(table, []).append(column)
    return found


BLANKS = {
    int: 0, float: 0.0, str: "", bool: False, bytes: b"", date: T0.date(), datetime: T0,
}  # fmt: skip


def put(connection: Connection, table: str, *, whole: bool = False, **cells: object) -> None:
    """A row as an older program's table has it; what is not said and must not be missing is blank,
    and in a whole row what may be missing as well.  Blank rows refer to blank ones."""
    made = Table(table, MetaData(), autoload_with=connection, resolve_fks=False)
    blank = {
        column.name: BLANKS[column.type.python_type]
        for column in made.columns
        if whole or (not column.nullable and column.server_default is None)
    }
    connection.execute(insert(made).values({**blank, **cells}))
