"""The QA console's library: the stories that come with the system, and what is asked of one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response, Security

from headend.access import lines
from headend.domain.account import Permission
from headend.qa.desk import QaDesk, QaRefused
from headend.qa.run import Kind, Outline, Run, State, Wish
from headend.rest.problems import Problem
from headend.web.page import Menu, Page
from headend.web.render import rendered
from headend.web.visit import Visit, visiting

PAGES = (
    Page("qa", "/qa/scenarios", Menu.QA, Permission.SCENARIO_PLAY),
    Page("qa_runs", "/qa/runs", Menu.QA, Permission.SCENARIO_PLAY),
)
Engineer = Annotated[Visit, Security(visiting, scopes=[Permission.SCENARIO_PLAY])]
SIGNS = {
    State.WAITING: "idle", State.RUNNING: "busy", State.PASSED: "good", State.FAILED: "bad",
    State.BROKEN: "bad", State.CANCELLED: "idle", State.CUT_OFF: "some",
}  # fmt: skip
"""How a state is shown."""
SWEPT = 20  # seeds that a form proposes
router = APIRouter()


@router.get("/qa/scenarios")
async def scenarios(visit: Engineer) -> Response:
    desk = desk_of(visit)
    sought = visit.request.query_params.get("q", "").strip()[:100]
    library = await answered(desk)
    found = [story for story in library.values() if _is_about(story, sought)]
    return rendered(visit, "qa.html", stories=found, sought=sought, all=len(library))


@router.get("/qa/scenarios/{name}")
async def scenario(visit: Engineer, name: str) -> Response:
    desk = desk_of(visit)
    story = (await answered(desk)).get(name)
    if story is None:
        raise refusal(QaRefused("no-such-story", name[:200]))
    runs = [run for run in desk.shelf.all() if run.wish.scenario == name][:5]
    return rendered(visit, "qa_scenario.html", story=story, runs=runs, signs=SIGNS,
                    swept=SWEPT)  # fmt: skip


@router.post("/qa/scenarios/{name}/run")
async def run(visit: Engineer, name: str) -> Response:
    seed = _number(visit.field("seed"), "no-seed")
    return await asked(visit, Wish(kind=Kind.RUN, scenario=name, seed=seed))


@router.post("/qa/scenarios/{name}/sweep")
async def sweep(visit: Engineer, name: str) -> Response:
    seeds = f"{visit.field('first')}-{visit.field('last')}"
    return await asked(visit, Wish(kind=Kind.SWEEP, scenario=name, seeds=seeds))


async def asked(visit: Visit, wish: Wish) -> Response:
    """Have it done, write down who asked, and go to its page.  Raises `Problem`."""
    try:
        taken = await desk_of(visit).ask(wish, visit.caller.account)
    except QaRefused as error:
        raise refusal(error) from error
    what = wish.again or f"ami sim replay, of run {wish.of}"
    await note(visit, f"run {taken.number}", what)
    return visit.to(f"/qa/runs/{taken.number}")


async def note(visit: Visit, subject: str, what: str) -> None:
    """A line in the audit log: nothing of the installation was touched, but its processors."""
    guard, actor = visit.parts.guard, visit.caller.account
    at = visit.parts.clock.now()
    line = lines.done(at, actor, Permission.SCENARIO_PLAY, subject, what, source=visit.source)
    await guard.note(line)


def desk_of(visit: Visit) -> QaDesk:
    """Raises `Problem` where this head-end has no console."""
    if visit.web.qa is None:
        raise Problem(404, "qa-off", "There is no QA console.", "[qa] is not configured")
    return visit.web.qa


async def answered(desk: QaDesk) -> dict[str, Outline]:
    """The library.  Raises `Problem`."""
    try:
        return await desk.library()
    except QaRefused as error:
        raise refusal(error) from error


def run_of(visit: Visit, number: int) -> Run:
    """Raises `Problem` for a run that there is not."""
    found = desk_of(visit).shelf.get(number)
    if found is None:
        raise refusal(QaRefused("no-such-run", f"run {number}"))
    return found


def refusal(error: QaRefused) -> Problem:
    """A refusal of the desk as it is told."""
    gone = error.code in ("no-such-story", "no-such-run")
    status = 404 if gone else 503 if error.code == "not-answered" else 400
    return Problem(status, error.code, "It was not taken.", str(error))


def _number(text: str, code: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        raise refusal(QaRefused(code, f"{text[:50]!r} is no whole number"))
    return int(text)


def _is_about(story: Outline, sought: str) -> bool:
    told = " ".join([story.name, story.about, *(fault.kind for fault in story.faults)]).lower()
    return all(word in told for word in sought.lower().split())
