"""What is odd about what a dirty meter said, beside what was understood.

The words are those of the head-end's readings ("trailing-octets", "not-text"); with them go the
octets as they came, because a guess is only worth what can be checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from protocols.concentrator.messages import ObjectWanted
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.procedures.wanted import as_read, placed
from protocols.dlms.services import AttributeDescriptor, GetResponse
from tools.probe.report import Column, Table

COLUMNS = (Column("quality", "dirty"), Column("octets", "octets as they came"))
OCTETS_MAX = 64
"""Of one value; what is longer is cut and says so."""
_DRIFTED = "deviation-doubtful"  # a clock that is merely wrong, which `ami probe clock` measures


@dataclass(frozen=True, slots=True)
class Oddity:
    """The words on one value, and the octets that it came in."""

    words: tuple[str, ...]
    octets: bytes

    @property
    def octets_text(self) -> str:
        """In hexadecimal digits."""
        cut = len(self.octets) > OCTETS_MAX
        return self.octets[:OCTETS_MAX].hex().upper() + ("…" if cut else "")


def of(at: AttributeDescriptor, answer: GetResponse, now: datetime) -> Oddity | None:
    """What is odd about one attribute's answer; None where nothing is, or nothing was given.

    `now` is when it was read; a clock's deviation is judged by it, where the zone of this computer
    makes sense of it.
    """
    if isinstance(answer.results[0], DataAccessResult):
        return None
    wanted = ObjectWanted(at.class_id, str(at.instance), at.attribute)
    zone = now.astimezone().tzinfo
    read = placed(as_read(wanted, answer), near=now, zone=zone)
    words = tuple(word for word in read.quality if word != _DRIFTED)
    return Oddity(words, read.raw) if words else None


def beside(table: Table, odd: Sequence[Oddity | None]) -> Table:
    """The table with the words in two columns more, where any row has some."""
    if not any(odd):
        return table
    rows = tuple(
        (*row, *((None, None) if each is None else (", ".join(each.words), each.octets_text)))
        for row, each in zip(table.rows, odd, strict=True)
    )
    return replace(table, columns=(*table.columns, *COLUMNS), rows=rows)
