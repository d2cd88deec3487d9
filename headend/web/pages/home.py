"""Where a visitor begins: what there is for them."""

from __future__ import annotations

from fastapi import APIRouter, Response

from headend.web.render import rendered
from headend.web.visit import Known

router = APIRouter()


@router.get("/")
async def home(visit: Known) -> Response:
    return rendered(visit, "home.html")
