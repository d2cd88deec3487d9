"""/notices: who was told of events and incidents, and what could not be told."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Security
from pydantic import BaseModel, Field

from headend.domain.account import Caller, Permission
from headend.domain.event import Severity, Subject
from headend.domain.notice import Notice, NoticeState, NoticeStep
from headend.rest.asking import HeadEnd, known
from headend.rest.paging import Cursor, Limit, Page, after_number, by_number, page
from headend.rest.problems import described
from headend.store import notice_queries as queries

router = APIRouter(prefix="/api/v1", tags=["events"])


class NoticeTold(BaseModel):
    """One message to one channel."""

    number: int
    id: str = Field(description="The same in each try; its receivers know it by this.")
    rule: str
    channel: str
    step: NoticeStep
    subject: Subject | None = Field(description="null of a test.")
    subject_number: int | None
    severity: Severity
    state: NoticeState
    made_at: datetime
    due_at: datetime | None = Field(description="The next try; null once nothing is left to do.")
    tries: int
    trouble: str = Field(description="Why the last try came to nothing, or why it was dropped.")
    settled_at: datetime | None

    @staticmethod
    def of(one: Notice) -> NoticeTold:
        return NoticeTold(
            number=one.line,
            id=one.id,
            rule=one.rule,
            channel=one.channel,
            step=one.step,
            subject=one.subject,
            subject_number=one.number,
            severity=one.severity,
            state=one.state,
            made_at=one.made_at,
            due_at=one.due_at,
            tries=one.tries,
            trouble=one.trouble,
            settled_at=one.settled_at,
        )


@router.get("/notices", responses=described(400, 401, 403, 429, 503))
async def list_notices(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.EVENT_READ])],
    state: Annotated[NoticeState | None, Query(description="Only these.")] = None,
    limit: Limit = 50,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Page[NoticeTold]:
    """Notices, the latest first."""
    before = after_number(cursor_)
    found = await parts.read(
        lambda connection: queries.notices(connection, state, before=before, limit=limit + 1)
    )
    return page(found, limit, NoticeTold.of, lambda last: by_number(last.number or 0))
