"""What a visitor likes: language, light or dark.  Kept in cookies for a year."""

from __future__ import annotations

from fastapi import APIRouter, Response

from headend.web.visit import THEMES, YEAR_S, Anyone, language_of, local

router = APIRouter()


@router.post("/preference")
async def prefer(visit: Anyone) -> Response:
    answer = visit.to(local(visit.field("next", "/")))
    if (language := language_of(visit.field("language"))) is not None:
        visit.remember(answer, "ami_language", language, age_s=YEAR_S)
    if (theme := visit.field("theme")) in THEMES:
        visit.remember(answer, "ami_theme", theme, age_s=YEAR_S)
    return answer
