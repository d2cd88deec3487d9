"""Scripts and styles: ours, and Plotly out of its wheel.  Nothing comes from elsewhere.

An address carries the digest of what is behind it, so that browsers keep it for good.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

ROOT = "/static"
TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
FOR_GOOD = "public, max-age=31536000, immutable"
WORTH_PACKING = 1024  # octets

router = APIRouter(prefix=ROOT, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Served:
    """A file as it leaves."""

    kind: str
    octets: bytes
    packed: bytes | None
    digest: str


@cache
def _places() -> Mapping[str, Traversable]:
    ours = {each.name: each for each in resources.files("headend.web").joinpath("static").iterdir()}
    plotly = resources.files("plotly.package_data").joinpath("plotly.min.js")
    return {**ours, "plotly.min.js": plotly}


@cache
def served(name: str) -> Served:
    """Read and packed once.  Raises KeyError for a file that there is not."""
    octets = _places()[name].read_bytes()
    packed = gzip.compress(octets, 9, mtime=0) if len(octets) > WORTH_PACKING else None
    kind = TYPES[name.rpartition(".")[2]]
    return Served(kind, octets, packed, hashlib.sha256(octets).hexdigest()[:16])


@cache
def digest(name: str) -> str:
    """What tells this file's content from another's."""
    return hashlib.sha256(_places()[name].read_bytes()).hexdigest()[:16]


def address(name: str) -> str:
    """Where a page finds a file.  Raises KeyError for one that there is not."""
    return f"{ROOT}/{digest(name)}/{name}"


@router.get("/{known}/{name}")
async def file(request: Request, known: str, name: str) -> Response:
    if name not in _places() or known != digest(name):
        return Response(status_code=404)
    found = await run_in_threadpool(served, name)
    headers = {"Cache-Control": FOR_GOOD, "Vary": "Accept-Encoding"}
    body = found.octets
    if found.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = found.packed
    return Response(body, media_type=found.kind, headers=headers)
