"""Who looks after an event or an incident: the same word and the same answer for both."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from headend.domain.account import Caller
from headend.domain.event import Acknowledgement, Subject
from headend.events.acknowledge import NOTE_MAX, NoSuchSubject, acknowledge
from headend.rest.asking import Parts, source_of
from headend.rest.problems import Problem, not_found
from headend.rest.values import Instant

Number = Annotated[int, Path(ge=1, le=2**53, description="Its number.")]
Since = Annotated[Instant | None, Query(description="Not older than this, by the devices' time.")]
Seen = Annotated[
    bool | None, Query(description="Only those that somebody has acknowledged, or not.")
]


class AcknowledgementTold(BaseModel):
    """Who has seen it first."""

    at: datetime
    who: str
    note: str

    @staticmethod
    def of(one: Acknowledgement | None) -> AcknowledgementTold | None:
        return None if one is None else AcknowledgementTold(at=one.at, who=one.who, note=one.note)


class Note(BaseModel):
    """What to write beside an acknowledgement."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    note: Annotated[str, Field(max_length=NOTE_MAX)] = ""


async def looked_after(
    request: Request, parts: Parts, caller: Caller, subject: Subject, number: int, wanted: Note
) -> None:
    """Keep that the caller has seen it.  Raises `Problem` for what there is not."""
    now, who, source = parts.clock.now(), caller.account, source_of(request)
    try:
        await parts.placing.store.run(
            lambda tx: acknowledge(
                tx, subject, number, at=now, who=who, note=wanted.note, source=source
            )
        )
    except NoSuchSubject as error:
        raise none_such(subject, number) from error


def none_such(subject: Subject, number: int) -> Problem:
    """Nothing has this number."""
    return not_found(f"{subject} {number}", f"GET /api/v1/{subject}s lists those that there are.")
