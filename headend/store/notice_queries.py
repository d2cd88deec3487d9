"""Questions about notices, for commands, REST and metrics."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from headend.domain.notice import Notice, NoticeState
from headend.store.notices import NOTICE

_n = NOTICE.table.c


def notices(
    connection: Connection,
    state: NoticeState | None = None,
    *,
    before: int | None = None,
    limit: int = 50,
) -> list[Notice]:
    """The latest first; `before` continues behind the last line of the page before."""
    statement = NOTICE.select().order_by(_n.line.desc()).limit(limit)
    if state is not None:
        statement = statement.where(_n.state == state)
    if before is not None:
        statement = statement.where(_n.line < before)
    return [NOTICE.read(row) for row in connection.execute(statement)]


def counted(connection: Connection) -> dict[tuple[str, NoticeState], int]:
    """How many, by channel and state."""
    statement = select(_n.channel, _n.state, func.count()).group_by(_n.channel, _n.state)
    return {(channel, state): count for channel, state, count in connection.execute(statement)}
