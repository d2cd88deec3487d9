"""A page at a SOAP door to try it: forms made of example messages, and the answers in words.

It is served by the door itself and sends to that door alone, as any client would: whoever reaches
the page could send by other means, and is asked for the same proof.  Nothing on it leads elsewhere,
and the policy that it comes with lets nothing else in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

import msgspec
from fastapi import APIRouter, Response

from headend.soap.door.documents import ORDER_DESK, Described
from protocols.cim import codes, envelope, type_words, xml
from protocols.cim.envelope import Kind
from protocols.cim.error_words import SPANISH
from protocols.cim.example import Example
from protocols.cim.reading_type_table import QUANTITIES
from protocols.cim.reading_types import describe

TYPES: Final = {"css": "text/css", "js": "text/javascript", "html": "text/html"}
# Chromium paints its own complaint about broken XML with style attributes, in the parsed document.
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self';"
        " style-src-attr 'unsafe-inline'; connect-src 'self'; img-src data:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

Words = tuple[str, str, str]
"""A code, and what it means in English and in Spanish."""


@dataclass(frozen=True, slots=True)
class Sendable:
    """A message to begin with.  `endpoint` is where its WSDL is, below the door's root."""

    noun: str
    pattern: str
    endpoint: str
    xml: str


def trying_router(
    examples: Callable[[], Iterable[Example]], described: Described = ORDER_DESK
) -> APIRouter:
    """The page `try` at a door and what it is made of.  To be joined before the door's own routes,
    which take any name."""
    router = APIRouter(prefix=f"{described.root}/try", include_in_schema=False)

    @cache
    def shown() -> bytes:
        found = [asdict(each) for each in sendable(examples(), described)]
        return msgspec.json.encode({"messages": found, "codes": code_words()})

    @router.get("")
    async def page() -> Response:
        return _file("try.html")

    @router.get("/messages.json")
    async def messages() -> Response:
        return Response(shown(), media_type="application/json", headers=HEADERS)

    @router.get("/{name}")
    async def part(name: str) -> Response:
        return _file(name) if name in _files() else Response(status_code=404)

    return router


def sendable(examples: Iterable[Example], described: Described) -> list[Sendable]:
    """Those that ask for something, in their order."""
    found = []
    for each in examples:
        message = envelope.read(xml.parse(each.octets))
        if message.kind is not Kind.REQUEST:
            continue
        noun, _, pattern = each.name.partition("/")
        endpoint = f"/{message.typed or 'generic'}"
        if described.root + endpoint not in described.wsdls:
            endpoint = ""  # the door has one WSDL for all
        found.append(Sendable(noun, pattern, endpoint, each.octets.decode("utf-8")))
    return found


@cache
def code_words() -> Mapping[str, list[Words]]:
    """What codes mean, by what they are of."""
    return {
        "control": [(code, it.english, it.spanish) for code, it in type_words.CONTROLS.items()],
        "event": [(code, it.english, it.spanish) for code, it in type_words.EVENTS.items()],
        "reading": [
            (code, describe(it.reading_type, "en"), describe(it.reading_type, "es"))
            for code, it in QUANTITIES.items()
        ],
        "error": [(code, english, SPANISH[code]) for code, english in codes.REASONS.items()],
    }


@cache
def _files() -> frozenset[str]:
    return frozenset(each.name for each in _folder().iterdir())


def _folder() -> Traversable:
    return resources.files("headend.soap.door").joinpath("try_page")


def _file(name: str) -> Response:
    body = _folder().joinpath(name).read_bytes()
    return Response(body, media_type=TYPES[name.rpartition(".")[2]], headers=HEADERS)
