"""Following what is announced on every page."""

from __future__ import annotations

from fastapi import APIRouter, Response

from headend.web.live import followed
from headend.web.visit import Known

router = APIRouter()


@router.get("/board/live")
async def follow(visit: Known) -> Response:
    """Says `changed` with each step of what is announced."""

    async def look() -> object:
        return visit.web.board.said

    return followed(visit, look)
