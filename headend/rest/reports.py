"""/reports for the utility, /party for parties outside: each sees what its scope holds.

A party is known by the account of its token, which the configuration names; an account with the
role `party` that no [[warehouse.party]] names sees nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Response, Security
from pydantic import BaseModel, Field

from headend.config import BadConfig
from headend.domain.account import Caller, Permission
from headend.rest.asking import HeadEnd, Parts, known
from headend.rest.paging import Cursor, Limit, Page, part
from headend.rest.problems import Problem, described, not_found

T = TypeVar("T")

router = APIRouter(prefix="/api/v1", tags=["reports"])

ReportId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="Of a report.")]
FileName = Annotated[str, Query(pattern=r"^[a-z0-9-]{1,64}\.(csv|html|pdf|xlsx)$")]
TableName = Annotated[str, Path(pattern=r"^[a-z]{1,32}$")]
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the source file.")]
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_SAFE = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}


class ReportTold(BaseModel):
    """A report that was made.  `files` are names and SHA-256."""

    id: str
    report: str
    first_day: date
    last_day: date
    language: str
    party: str | None = Field(description="For whom alone; null for the utility's own.")
    made_at: datetime
    data: str = Field(description="SHA-256 of what it was made from.")
    files: dict[str, str]


class FileTold(BaseModel):
    """A Parquet file: rows of one table, day and zone."""

    table: str
    day: date
    zone: str | None
    rows: int
    source: str = Field(description="SHA-256 of the file in the data store; fetch it by this.")


@router.get("/reports", responses=described(400, 401, 403, 404, 429, 503))
async def reports(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.REPORT_READ])],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ReportTold]:
    """All reports that were made, the newest period first."""
    from headend.warehouse import kept

    return part(await work(parts, kept.every), cursor, limit, told_of, _by_period)


@router.get("/reports/{id}/file", responses=described(400, 401, 403, 404, 429, 503))
async def report_file(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.REPORT_READ])],
    id: ReportId,
    name: FileName = "report.pdf",
) -> Response:
    """One form of a report."""
    return await _file(parts, id, name, lambda made: True)


@router.get("/party/reports", responses=described(400, 401, 403, 404, 429, 503))
async def party_reports(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.PARTY_READ])],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ReportTold]:
    """The reports that were made for this party, and no others."""
    from headend.warehouse import kept

    party = scope_of(parts, caller).party
    found = await work(parts, lambda place: kept.made_for(place, party))
    return part(found, cursor, limit, told_of, _by_period)


@router.get("/party/reports/{id}/file", responses=described(400, 401, 403, 404, 429, 503))
async def party_report_file(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.PARTY_READ])],
    id: ReportId,
    name: FileName = "report.pdf",
) -> Response:
    """One form of a report that was made for this party."""
    party = scope_of(parts, caller).party
    return await _file(parts, id, name, lambda made: made.party == party)


@router.get("/party/files", responses=described(400, 401, 403, 404, 429, 503))
async def party_files(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.PARTY_READ])],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[FileTold]:
    """The data store's files of which this party may see the rows, by day and table."""
    from headend.warehouse import manifest as manifests

    scope = scope_of(parts, caller)

    def told(one: Any) -> FileTold:
        return FileTold(
            table=one.table, day=one.day, zone=one.where, rows=one.rows, source=one.sha256
        )

    found = await work(parts, lambda place: scope.of(manifests.read(place)))
    return part(
        found, cursor, limit, told, lambda one: (one.day.toordinal(), one.table, one.sha256)
    )


@router.get("/party/files/{table}/{source}", responses=described(400, 401, 403, 404, 429, 503))
async def party_file(
    parts: HeadEnd,
    caller: Annotated[Caller, Security(known, scopes=[Permission.PARTY_READ])],
    table: TableName,
    source: Digest,
) -> Response:
    """A file's rows as this party may see them, as Parquet."""
    from headend.warehouse import manifest as manifests
    from headend.warehouse.dump import shown_file

    scope = scope_of(parts, caller)

    def octets(place: Any) -> bytes | None:
        for one in scope.of(manifests.read(place)):
            if (one.table, one.sha256) == (table, source):
                return shown_file(place, scope, one.path, one.table)
        return None

    found = await work(parts, octets)
    if found is None:  # that it is somebody else's is not told
        raise not_found(f"no file {source} of {table} in this scope", "Look: GET /party/files")
    return Response(found, media_type="application/vnd.apache.parquet", headers=_SAFE)


async def _file(parts: Parts, id: str, name: str, may: Callable[[Any], bool]) -> Response:
    from headend.warehouse import kept

    def octets(place: Any) -> bytes | None:
        made = kept.made(place, id)
        if made is None or not may(made) or name not in made.files:
            return None
        found: bytes | None = place.read(kept.path_of(id, name))
        return found

    found = await work(parts, octets)
    if found is None:
        raise not_found(f"no report {id} with a file {name}", "Look: GET /reports, /party/reports")
    headers = _SAFE | {"Content-Disposition": f'attachment; filename="{id}-{name}"'}
    return Response(found, media_type=_TYPES[name.rpartition(".")[2]], headers=headers)


def scope_of(parts: Parts, caller: Caller) -> Any:
    """What the caller's party sees.  Raises `Problem` where it is no party's account."""
    installed()
    from headend.warehouse.scope import of_account

    try:
        found = of_account(parts.config.warehouse, caller.account)
    except BadConfig as error:
        raise _unavailable(str(error)) from error
    if found is None:
        raise Problem(
            403, "no-party", "That is not permitted.", f"{caller.account} is no party's account",
            "Ask the utility: [[warehouse.party]] names accounts.",
        )  # fmt: skip
    return found


async def work(parts: Parts, asked: Callable[[Any], T]) -> T:
    """Read the data store, outside of the loop's thread.  Raises `Problem`."""
    installed()
    from headend.warehouse.manifest import NoWarehouse
    from headend.warehouse.place import Place, PlaceUnavailable

    where = parts.config.warehouse.place
    if where is None:
        raise not_found("data store", "The utility names one: [warehouse] place")
    try:
        return await parts.outside(lambda: asked(Place(where)))
    except NoWarehouse as error:
        raise not_found("state of the data store", "It is filled by ami warehouse load") from error
    except PlaceUnavailable as error:
        raise _unavailable(str(error)) from error


def installed() -> None:
    """Raises `Problem` where what reads the data store is not."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise _unavailable("the extra `warehouse` is not installed") from error


def _unavailable(why: str) -> Problem:
    return Problem(
        503, "no-data-store", "The data store cannot be read now.", why,
        "Try again later, or ask the utility.",
    )  # fmt: skip


def _by_period(made: Any) -> tuple[int, str, str]:
    """The newest first."""
    return date.max.toordinal() - made.last.toordinal(), made.report, made.id


def told_of(made: Any) -> ReportTold:
    return ReportTold(
        id=made.id, report=made.report, first_day=made.first, last_day=made.last,
        language=made.language, party=made.party, made_at=made.made_at, data=made.data,
        files=made.files,
    )  # fmt: skip
