"""The words for what the legacy integration database is owed.

It is written down where things are stored, in the same transaction, so that no way of storing one
can forget it; what was owed already gets a new line.  At a transaction's end, in one order: two
transactions that owe the same things wait for each other, and never in a circle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

from sqlalchemy import (
    Integer,
    String,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.event import Acknowledgement, Event, Incident, Subject
from headend.domain.interval import IntervalDay
from headend.domain.owed import Owed, OwedKind
from headend.domain.reading import Reading
from headend.domain.validation import ValidatedDay
from headend.store.change_schema import OWING
from headend.store.collected import DAY, CollectedWords
from headend.store.columns import utc_text
from headend.store.events import EVENT, INCIDENT, EventWords
from headend.store.owed_schema import owed as table
from headend.store.prepared import Prepared
from headend.store.readings import READING, ReadingWords
from headend.store.rows import Form
from headend.store.validated import VALIDATED, ValidatedWords

OWED = Form(Owed, table)
AT_ONCE = 500  # lines that one statement names
Key = tuple[OwedKind, str, str, str]

_o = table.c
_KEY = ("kind", "device", "profile", "moment")


def _owing(dialect: object) -> Prepared:
    statement = dialect.insert(table)  # type: ignore[attr-defined]
    new = statement.excluded.line  # of a sequence
    if dialect is sqlite:
        new = select(func.max(_o.line) + 1).scalar_subquery()
    again = statement.on_conflict_do_update(
        index_elements=list(_KEY), set_={"line": new, "trouble": None}
    )
    return Prepared(again, _KEY)


_OWE = {d.dialect.name: _owing(d) for d in (sqlite, postgresql)}
_DUE = Prepared(
    OWED.select()
    .where(_o.trouble.is_(None))
    .order_by(_o.line)
    .limit(bindparam("most", type_=Integer))
)
_TROUBLE = Prepared(
    update(table).where(_o.line == bindparam("of_line")).values(trouble=bindparam("to_trouble"))
)


class OwedWords(ReadingWords, CollectedWords, ValidatedWords, EventWords):
    """Whatever is stored is owed, where `owing` is set."""

    owing: bool = False
    owed_something: bool = False
    _owed: set[Key] | None = None

    def put_interval_day(self, page: IntervalDay) -> None:
        super().put_interval_day(page)
        self._owe(_page(page.meter, page.profile, page.day))

    def put_validated_day(self, day: ValidatedDay) -> None:
        super().put_validated_day(day)
        self._owe(_page(day.meter, day.profile, day.day))

    def add_readings(self, readings: Iterable[Reading]) -> None:
        kept = list(readings)
        super().add_readings(kept)
        for each in kept:
            self._owe((OwedKind.READING, each.meter, each.name, utc_text(each.at)))

    def add_event(self, event: Event) -> int:
        number = super().add_event(event)
        self._owe(_numbered(OwedKind.EVENT, number))
        return number

    def save_event(self, event: Event) -> None:
        super().save_event(event)
        self._owe(_numbered(OwedKind.EVENT, event.number))

    def drop_event(self, number: int) -> None:
        super().drop_event(number)
        self._owe(_numbered(OwedKind.EVENT, number))

    def add_incident(self, incident: Incident) -> int:
        number = super().add_incident(incident)
        self._owe(_numbered(OwedKind.INCIDENT, number))
        return number

    def save_incident(self, incident: Incident) -> None:
        super().save_incident(incident)
        self._owe(_numbered(OwedKind.INCIDENT, incident.number))

    def acknowledge(self, acknowledgement: Acknowledgement) -> bool:
        event = acknowledgement.subject is Subject.EVENT
        kind = OwedKind.EVENT if event else OwedKind.INCIDENT
        self._owe(_numbered(kind, acknowledgement.number))
        return super().acknowledge(acknowledgement)

    def _owe(self, key: Key) -> None:
        if self.owing:
            self._owed = self._owed or set()
            self._owed.add(key)

    def flush_owed(self) -> None:
        """Write down what was gathered; at the transaction's end."""
        if self._owed:
            rows = [dict(zip(_KEY, key, strict=True)) for key in sorted(self._owed)]
            self._change_many(_OWE[self._connection.dialect.name], rows)
            self._owed, self.owed_something = None, True

    def due_owed(self, limit: int) -> list[Owed]:
        """What changed longest ago comes first."""
        return self._all(OWED, _DUE, {"most": limit})

    def settle_owed(self, lines: Collection[int]) -> int:
        """These states have been delivered; how many things had not changed since."""
        count, every = 0, sorted(lines)
        for start in range(0, len(every), AT_ONCE):
            some = _o.line.in_(every[start : start + AT_ONCE])
            # What a transaction that is under way changes anew stays owed, and nobody waits for it.
            free = select(_o.line).where(some).with_for_update(skip_locked=True)
            count += self._connection.execute(delete(table).where(_o.line.in_(free))).rowcount
        return count

    def note_owed_trouble(self, line: int, what: str) -> None:
        """It cannot be delivered as it is; it is tried again when it changes, or by request."""
        self._change(_TROUBLE, {"of_line": line, "to_trouble": what})

    def owe_everything(self) -> int:
        """Let everything that is stored be delivered, as to a database that is new."""
        self._connection.execute(delete(table))
        moment = READING.table.c.at  # as `utc_text` writes it
        if self._shared:
            utc = func.timezone("UTC", moment)
            moment = func.to_char(utc, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')  # type: ignore[assignment]
        r, none = READING.table.c, literal("", String)
        days = [
            select(literal("page", String), t.c.meter, t.c.profile, cast(t.c.day, String))
            for t in (DAY.table, VALIDATED.table)
        ]
        numbers = [
            select(literal(kind.value, String), none, none, cast(t.c.number, String))
            for kind, t in ((OwedKind.EVENT, EVENT.table), (OwedKind.INCIDENT, INCIDENT.table))
        ]
        readings = select(literal("reading", String), r.meter, r.name, cast(moment, String))
        for query in (days[0].union(days[1]), readings.distinct(), *numbers):
            self._connection.execute(insert(table).from_select(list(_KEY), query))
        self.set_change_mark(OWING, 1)
        every: int = self._connection.execute(select(func.count()).select_from(table)).scalar_one()
        return every

    def owe_nothing(self) -> None:
        """Nobody is told any more."""
        self._connection.execute(delete(table))
        self.set_change_mark(OWING, 0)


def _page(meter: str, profile: str, day: date) -> Key:
    return OwedKind.PAGE, meter, profile, day.isoformat()


def _numbered(kind: OwedKind, number: int) -> Key:
    return kind, "", "", str(number)
