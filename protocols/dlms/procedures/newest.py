"""The newest rows of a profile whose meter selects them by their places, or not at all."""

from __future__ import annotations

from collections.abc import Generator

from protocols.concentrator.messages import Status
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.objects.profile import PROFILE_CLASS, SortMethod
from protocols.dlms.procedures.profile import Captured, Entries, RawBuffer, read_buffer
from protocols.dlms.procedures.steps import (
    Answer,
    Ended,
    Outcome,
    Request,
    get_each,
    procedure,
    refusal_of,
)
from protocols.dlms.services import AttributeDescriptor

WHOLE_MAX = 10_000
"""Rows of a buffer that cannot be had in parts: some 400 kB, an hour of a slow line."""


@procedure
def read_newest(
    name: LogicalName,
    rows: int | None,
    *,
    by_entry: bool = True,
    known: Captured | None = None,
    as_octets: bool = False,
) -> Generator[Request, Answer, RawBuffer | Outcome]:
    """The last `rows` rows that were captured, or all of them.

    Not `by_entry`, or where a buffer is in no order of time, all that there are come, and of a
    meter that keeps more than `WHOLE_MAX` none.
    """
    sort, used = yield from get_each(
        *(AttributeDescriptor(PROFILE_CLASS, name, index) for index in (5, 7))
    )
    held = None if isinstance(used, DataAccessResult) else shape.integer(used, "entries_in_use")
    method = None if isinstance(sort, DataAccessResult) else shape.integer(sort, "sort_method")
    part: Entries | None = None
    if by_entry and rows is not None and held is not None and 0 < rows < held:
        if method == SortMethod.LIFO:
            part = Entries(1, rows)
        elif method in (None, SortMethod.FIFO):
            part = Entries(held - rows + 1)
    if part is None and held is not None and held > WHOLE_MAX:
        raise Ended(
            Outcome(
                Status.REFUSED,
                refusal=refusal_of("get", DataAccessResult.SCOPE_OF_ACCESS_VIOLATED),
                detail=f"{held} rows, and no way to have a part of them",
            )
        )
    return (yield from read_buffer(name, part, known=known, with_units=True, as_octets=as_octets))
