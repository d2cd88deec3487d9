"""The QA console's runs: how far one is, what came of it and why, two of them side by side."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from fastapi import APIRouter, Response
from starlette.responses import FileResponse

from headend.domain.reason import REASONS, ReasonCode
from headend.qa import tape
from headend.qa.desk import QaRefused
from headend.qa.results import Parting, Played, Replayed, Swept, plain
from headend.qa.run import DATABASE, LOG, REPORT, RESULT, STORY, Kind, Run, State, Wish
from headend.rest.problems import Problem
from headend.web.chart import Chart
from headend.web.live import followed
from headend.web.pages.qa import SIGNS, Engineer, asked, desk_of, note, refusal, run_of
from headend.web.render import HEADERS, rendered
from headend.web.visit import Visit
from headend.web.wording import Language

RESULTS: dict[Kind, type[Any]] = {Kind.RUN: Played, Kind.SWEEP: Swept, Kind.REPLAY: Replayed}
LEFT = {
    "report": (REPORT, "text/html; charset=utf-8"),
    "log": (LOG, "application/x-ndjson"),
    "story": (STORY, "application/toml"),
    "result": (RESULT, "application/json"),
}
# A report brings its scripts with it.  In a sandbox it has no origin: no cookie, no form of ours.
SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline';"
    " style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
router = APIRouter()


@router.get("/qa/runs")
async def runs(visit: Engineer) -> Response:
    desk = desk_of(visit)
    found = desk.shelf.all()
    logged = [run for run in found if (desk.shelf.folder_of(run.number) / LOG).is_file()]
    return rendered(visit, "qa_runs.html", runs=found, logged=logged, signs=SIGNS, kept=desk.config)


@router.get("/qa/live")
async def live(visit: Engineer, run: int | None = None) -> Response:
    """A word with each change of one run, or of any."""
    desk = desk_of(visit)

    async def look() -> object:
        chosen = [desk.shelf.get(run)] if run is not None else desk.shelf.all()
        return [(each.number, each.state, desk.progress(each.number)) for each in chosen if each]

    return followed(visit, look)


@router.get("/qa/runs/{number}")
async def one(visit: Engineer, number: int) -> Response:
    desk, run = desk_of(visit), run_of(visit, number)
    folder = desk.shelf.folder_of(number)
    told, course = await visit.parts.outside(lambda: _results(run, folder))
    return rendered(
        visit, "qa_run.html", run=run, sign=SIGNS[run.state], progress=desk.progress(number),
        ahead=desk.ahead(run), told=told, tape=course, chart=_chart(visit, run, told),
        ended_as=lambda code: ended_as(visit, code),
        left=[name for name, (file, _) in LEFT.items() if (folder / file).is_file()],
        recorded=(folder / DATABASE).is_file() and run.state.ended,
    )  # fmt: skip


@router.get("/qa/runs/{number}/orders/{order}")
async def why(visit: Engineer, number: int, order: int) -> Response:
    """All that the run's head-end knew of an order, as `ami explain` tells it."""
    desk, run = desk_of(visit), run_of(visit, number)
    database = desk.shelf.folder_of(number) / DATABASE
    if not run.state.ended or not database.is_file():
        raise refusal(QaRefused("nothing-recorded", f"run {number} has left no database"))
    try:
        text = await desk.looked("explain", "order", str(order), "--database", str(database))
    except QaRefused as error:
        raise refusal(error) from error
    return rendered(visit, "qa_why.html", run=run, order=order, text=text.decode("utf-8"))


@router.get("/qa/runs/{number}/left/{name}")
async def left(visit: Engineer, number: int, name: str) -> Response:
    """A file that a run has left."""
    desk, run = desk_of(visit), run_of(visit, number)
    file, kind = LEFT.get(name, ("", ""))
    path = desk.shelf.folder_of(run.number) / file
    if not file or not path.is_file():
        raise Problem(404, "not-found", "There is no such file.", f"run {number}, {name[:50]}")
    headers = {**HEADERS, "Content-Security-Policy": SANDBOX}
    if name != "report":
        named = f"{run.wish.kind}-{number}{path.suffix}"
        return FileResponse(path, headers=headers, media_type=kind, filename=named)
    return FileResponse(path, headers=headers, media_type=kind)


@router.get("/qa/diff")
async def diff(visit: Engineer, left: int, right: int) -> Response:
    """Where two runs part."""
    desk = desk_of(visit)
    both = [run_of(visit, number) for number in (left, right)]
    logs = [desk.shelf.folder_of(run.number) / LOG for run in both]
    for run, log in zip(both, logs, strict=True):
        if not run.state.ended or not log.is_file():
            raise refusal(QaRefused("nothing-recorded", f"run {run.number} has left no log"))
    try:
        told = await desk.looked("sim", "diff", *map(str, logs), "--json", fine=(0, 1))
        parting = msgspec.json.decode(told, type=Parting, strict=False)
    except (QaRefused, msgspec.ValidationError) as error:
        raise refusal(QaRefused("not-answered", str(error))) from error
    sides = (("same", parting.before), ("left", parting.left), ("right", parting.right))
    lines = [(side, _line(each)) for side, found in sides for each in found]
    return rendered(visit, "qa_diff.html", left=both[0], right=both[1], it=parting, parts_of=lines)


@router.post("/qa/runs/{number}/cancel")
async def cancel(visit: Engineer, number: int) -> Response:
    desk, run = desk_of(visit), run_of(visit, number)
    if not await desk.cancel(run.number):
        raise Problem(409, "too-late", "It has ended already.", f"run {number}")
    await note(visit, f"run {number}", "cancelled")
    return visit.to(f"/qa/runs/{number}", "qa_runs.done.cancelled")


@router.post("/qa/runs/{number}/drop")
async def drop(visit: Engineer, number: int) -> Response:
    desk, run = desk_of(visit), run_of(visit, number)
    if not await desk.drop(run.number):
        raise Problem(409, "qa-under-way", "It is under way.", f"run {number}")
    await note(visit, f"run {number}", "deleted, with what it had left")
    return visit.to("/qa/runs", "qa_runs.done.dropped")


@router.post("/qa/runs/{number}/replay")
async def replay(visit: Engineer, number: int) -> Response:
    run = run_of(visit, number)
    settings = tuple(visit.field("settings").split())
    wish = Wish(kind=Kind.REPLAY, scenario=run.wish.scenario, of=number, settings=settings)
    return await asked(visit, wish)


def _results(run: Run, folder: Path) -> tuple[Any, tape.Tape | None]:
    """What a run that has ended answered, and what its log tells; None for what it did not leave,
    or not whole."""
    if run.state not in (State.PASSED, State.FAILED):
        return None, None
    told, course = None, None
    try:
        raw = (folder / RESULT).read_bytes()
        told = msgspec.json.decode(raw, type=RESULTS[run.wish.kind], strict=False)
        if (folder / LOG).is_file():
            with (folder / LOG).open("rb") as file:
                course = tape.read(file)
    except (OSError, msgspec.DecodeError):
        return told, course
    return told, course


def _chart(visit: Visit, run: Run, told: Any) -> Chart | None:
    """How orders ended, over all seeds of a sweep."""
    if not isinstance(told, Swept) or not told.outcomes:
        return None
    words = visit.words
    outcomes = [ended_as(visit, outcome) for outcome in told.outcomes]
    counts = list(told.outcomes.values())
    return Chart(
        "outcomes",
        words.text("qa_runs.outcomes"),
        words.text("qa_runs.outcomes_about", orders=told.orders, runs=told.runs),
        [{"type": "bar", "orientation": "h", "x": counts[::-1], "y": outcomes[::-1], "ami": 0}],
        [words.text("qa_runs.ended_as"), words.text("qa_runs.orders")],
        [[name, words.number(count)] for name, count in zip(outcomes, counts, strict=True)],
        height=120 + 36 * len(counts),
    )


def ended_as(visit: Visit, outcome: str) -> str:
    """How an order ended, in words: done, open, or the sentence of its reason."""
    words = visit.words
    if words.known(f"qa_runs.outcome.{outcome}"):
        return words.text(f"qa_runs.outcome.{outcome}")
    if outcome not in tuple(ReasonCode):
        return outcome
    reason = REASONS[ReasonCode(outcome)]
    return reason.spanish if words.language is Language.ES else reason.text


def _line(line: dict[str, Any]) -> dict[str, Any]:
    """A line of a log as it is shown."""
    rest = [f"{key} {plain(v)}" for key, v in line.items() if key not in ("at", "kind")]
    at = datetime.fromtimestamp(line["at"] / 1e6, UTC)
    return {"at": at, "kind": line["kind"], "says": ", ".join(rest)}
