"""Templates, and what is the same on every page: menus, language, theme, headers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from starlette.responses import HTMLResponse

from headend.web import static

if TYPE_CHECKING:
    from headend.web.visit import Visit

# Plotly makes style elements that are empty, whose digest is this, and fills them by script; and it
# sets style attributes.  Neither can carry a word of a stranger's.
EMPTY = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src 'self'; style-src 'self' {EMPTY};"
        " style-src-attr 'unsafe-inline'; connect-src 'self'; img-src 'self' data: blob:;"
        " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


@cache
def environment() -> Environment:
    """Where templates are found, compiled once."""
    made = Environment(
        loader=PackageLoader("headend.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["static"] = static.address
    return made


def rendered(
    visit: Visit, template: str | Template, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page as it leaves."""
    words = visit.words
    text = (
        environment()
        .get_template(template)
        .render(
            visit=visit,
            t=words.text,
            of=words.of,
            when=words.when,
            day=words.day,
            number=words.number,
            amount=words.amount,
            share=words.share,
            **values,
        )
    )
    answer = HTMLResponse(text, status, headers=dict(HEADERS))
    if visit.is_new:
        visit.remember(answer, visit.web.visitor_cookie, visit.secret, age_s=None)
    return answer
