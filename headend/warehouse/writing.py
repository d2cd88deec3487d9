"""One day of a table as files: a Parquet file for each zone, named after its content.

The same rows give the same octets and so the same name: to load a day again that did not change
writes nothing, and a file once written never changes.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from headend.warehouse.manifest import Part
from headend.warehouse.place import Place
from headend.warehouse.tables import NOWHERE, Table

GROUP_ROWS = 128 * 1024  # of a row group: what a reader takes at once, some MB


class Misfit(ValueError):
    """Values that a column's type cannot hold."""


@dataclass(slots=True)
class Sheet:
    """The rows of one table and day while they are gathered."""

    table: Table
    day: date
    rows: int = 0
    _content: dict[str | None, list[pa.Table]] = field(default_factory=lambda: defaultdict(list))

    def add(self, where: str | None, columns: Mapping[str, list[Any]]) -> None:
        """Rows, column by column.  Raises `Misfit` for values that are not of the columns' types,
        and takes none of them."""
        try:
            content = pa.Table.from_pydict(columns, schema=self.table.schema)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise Misfit(str(error)) from error
        if content.num_rows:
            self.rows += content.num_rows
            self._content[where].append(content)

    def write(self, place: Place, known: Mapping[str, Part]) -> list[Part]:
        """Write what is not there yet; `known` are files that are, by path."""
        parts = []
        for where in sorted(self._content, key=lambda each: each or ""):
            content = pa.concat_tables(self._content[where]).combine_chunks()
            octets = as_parquet(content)
            digest = hashlib.sha256(octets).hexdigest()
            path = path_of(self.table, self.day, where, digest)
            part = Part(
                self.table.name, self.day, where, path, digest, len(octets), content.num_rows
            )
            if path not in known:
                place.write(path, octets)
            parts.append(part)
        return parts


def path_of(table: Table, day: date, where: str | None, digest: str) -> str:
    """tables/readings/day=2026-07-06/zone=Z1/<the beginning of its digest>.parquet"""
    name = "zone" if table.by_zone else "source"
    value = NOWHERE if where is None else quote(where, safe="")
    return f"tables/{table.name}/day={day.isoformat()}/{name}={value}/{digest[:16]}.parquet"


def as_parquet(content: pa.Table) -> bytes:
    """The same rows give the same octets, by one version of the library."""
    sink = pa.BufferOutputStream()
    pq.write_table(content, sink, compression="zstd", row_group_size=GROUP_ROWS)
    octets: bytes = sink.getvalue().to_pybytes()
    return octets
