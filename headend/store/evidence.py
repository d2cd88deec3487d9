"""The words for what concentrators told of their own faults."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.evidence import Evidence
from headend.store.prepared import Prepared
from headend.store.rows import EVIDENCE
from headend.store.words import Words

_columns = EVIDENCE.table.c


def _add(dialect: Any) -> Prepared:
    """Insert a statement, unless it is there: a concentrator repeats its log until it is heard."""
    statement = dialect.insert(EVIDENCE.table).on_conflict_do_nothing()
    return Prepared(statement, ("concentrator", *EVIDENCE.names))


_ADD = {dialect.dialect.name: _add(dialect) for dialect in (sqlite, postgresql)}
_ABOUT = Prepared(
    EVIDENCE.select()
    .where(_columns.concentrator == bindparam("of_concentrator"), _columns.at >= bindparam("since"))
    .order_by(_columns.at, _columns.line)
)


class EvidenceWords(Words):
    """Statements by the concentrator they are about."""

    def add_evidence(self, concentrator: str, evidence: Iterable[Evidence]) -> None:
        statement = _ADD[self._connection.dialect.name]
        rows = [{**EVIDENCE.values(item), "concentrator": concentrator} for item in evidence]
        self._change_many(statement, rows)

    def evidence_about(self, concentrator: str, since: datetime) -> list[Evidence]:
        return self._all(EVIDENCE, _ABOUT, {"of_concentrator": concentrator, "since": since})
