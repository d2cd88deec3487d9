"""One state of the data store as tables of DuckDB: what reports, checks and commands ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from headend.warehouse.manifest import Manifest, Part
from headend.warehouse.place import Place
from headend.warehouse.scope import Scope
from headend.warehouse.tables import TABLES, Table


@contextmanager
def tables(
    place: Place,
    manifest: Manifest,
    first: date | None = None,
    last: date | None = None,
    *,
    only: frozenset[str] = frozenset(TABLES),
    scope: Scope | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Each of these tables under its name, of all days or of some, as a party sees it where there
    is a `scope`; nothing outside of them can be reached."""
    connection = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
    try:
        for table in TABLES.values():
            if table.name not in only:
                continue
            parts = manifest.of(table.name, first, last)
            if scope is None:
                connection.register(table.name, dataset(place, table, parts))
                continue
            seen = dataset(place, table, [part for part in parts if scope.sees(part)])
            content = seen if isinstance(seen, pa.Table) else seen.to_table()
            connection.register(table.name, scope.shown(table, content))
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_external_access = false")
        yield connection
    finally:
        connection.close()


def dataset(place: Place, table: Table, parts: list[Part]) -> ds.Dataset | pa.Table:
    """These files of a table as one, with the day and zone of their paths."""
    schema = pa.schema([*table.schema, *table.partitions])
    if not parts:
        return schema.empty_table()
    return ds.dataset(
        [place.path(part.path) for part in parts],
        filesystem=place.filesystem,
        format="parquet",
        schema=schema,
        partitioning=ds.partitioning(table.partitions, flavor="hive"),
        partition_base_dir=place.path(f"tables/{table.name}"),
    )
