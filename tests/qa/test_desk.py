"""The QA console's desk over a program that stands in for the command line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from headend.clock import WallClock
from headend.config import BadConfig, parse
from headend.config.qa import Qa
from headend.qa import tape
from headend.qa.desk import QaDesk, QaRefused
from headend.qa.program import Program, surroundings
from headend.qa.run import Kind, Run, State, Wish

pytestmark = pytest.mark.live

STAND_IN = Program((sys.executable, str(Path(__file__).parent / "program.py")))
WITHIN_S = 60.0


@contextlib.asynccontextmanager
async def opened(folder: Path, **settings: object) -> AsyncIterator[QaDesk]:
    config = msgspec.convert({"folder": folder, **settings}, Qa)
    desk = QaDesk(config, WallClock(), STAND_IN)
    desk.open()
    try:
        yield desk
    finally:
        await desk.close()


def wish(name: str) -> Wish:
    return Wish(kind=Kind.RUN, scenario=name, seed=7)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():
            await asyncio.sleep(0.02)


async def ended(desk: QaDesk, run: Run) -> Run:
    def over() -> bool:
        found = desk.shelf.get(run.number)
        return found is not None and found.state.ended

    await until(over)
    found = desk.shelf.get(run.number)
    assert found is not None
    return found


def alive(pid: int) -> bool:
    """Whether a process goes on; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_run_ends_as_its_process_does(tmp_path: Path) -> None:
    async with opened(tmp_path / "runs", at_once=2) as desk:
        wishes = {"right": State.PASSED, "wrong": State.FAILED, "broken": State.BROKEN,
                  "absent": State.BROKEN}  # fmt: skip
        asked = {name: await desk.ask(wish(name), "eva") for name in wishes}
        found = {name: await ended(desk, run) for name, run in asked.items()}
        assert {name: run.state for name, run in found.items()} == wishes
        assert found["broken"].code == 3 and found["broken"].words == ("half of it is over",)
        assert found["right"].by == "eva" and (found["right"].took_s or -1) >= 0
        assert found["right"].wish.again == "ami sim run right --seed 7"
        # All of it is in the folder, for the head-end that comes next.
        again = QaDesk(desk.config, WallClock(), STAND_IN)
        again.open()
        assert again.shelf.all() == desk.shelf.all()
        replay = Wish(kind=Kind.REPLAY, scenario="right", of=found["right"].number)
        assert (await ended(desk, await desk.ask(replay, "eva"))).state is State.PASSED


async def test_so_many_at_once_and_so_many_that_wait(tmp_path: Path) -> None:
    async with opened(tmp_path, waiting_max=1) as desk:
        first = await desk.ask(wish("slow"), "eva")
        await until(lambda: desk.progress(first.number) is not None)
        second = await desk.ask(wish("right"), "eva")
        assert desk.ahead(second) == 1
        with pytest.raises(QaRefused, match="wait"):
            await desk.ask(wish("right"), "eva")
        assert not await desk.drop(first.number)
        child = int((desk.shelf.folder_of(first.number) / "child").read_text())
        assert alive(child)
        assert await desk.cancel(first.number)
        assert desk.shelf.get(first.number).state is State.CANCELLED  # type: ignore[union-attr]
        await until(lambda: not alive(child))  # what it had started is gone with it
        assert (await ended(desk, second)).state is State.PASSED
        assert not await desk.cancel(second.number)
        assert await desk.drop(second.number) and desk.shelf.get(second.number) is None


async def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    async with opened(tmp_path, ends_after_s=0.5) as desk:
        run = await ended(desk, await desk.ask(wish("slow"), "eva"))
        assert run.state is State.BROKEN and "ends_after_s" in run.words[0]


async def test_nothing_outlives_the_head_end(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        run = await desk.ask(wish("slow"), "eva")
        child = desk.shelf.folder_of(run.number) / "child"
        await until(lambda: child.is_file() and child.read_text() != "")
        waiting = await desk.ask(wish("right"), "eva")
    await until(lambda: not alive(int(child.read_text())))
    for each in (run, waiting):
        assert desk.shelf.get(each.number).state is State.CUT_OFF  # type: ignore[union-attr]
    # One that had no time to say so is found to be cut off.
    desk.shelf.save(msgspec.structs.replace(run, state=State.RUNNING))
    async with opened(tmp_path) as again:
        assert {each.state for each in again.shelf.all()} == {State.CUT_OFF}


async def test_the_folder_keeps_the_newest(tmp_path: Path) -> None:
    (tmp_path / "000002").mkdir()
    (tmp_path / "000002" / "run.json").write_text("nothing of the kind")
    async with opened(tmp_path, keep=2) as desk:
        for _ in range(4):
            await ended(desk, await desk.ask(wish("broken"), "eva"))
        assert [run.number for run in desk.shelf.all()] == [5, 4]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["000002", "000004", "000005"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Wish(kind=Kind.RUN, scenario="../../etc/passwd"), "no-such-story"),
        (Wish(kind=Kind.RUN, scenario="--help"), "no-such-story"),
        (Wish(kind=Kind.RUN, scenario="right", seed=2**31), "no-seed"),
        (Wish(kind=Kind.SWEEP, scenario="right", seeds="9-1"), "no-seeds"),
        (Wish(kind=Kind.SWEEP, scenario="right", seeds="1-501"), "no-seeds"),
        (Wish(kind=Kind.SWEEP, scenario="right", seeds="1-2 --junit x"), "no-seeds"),
        (Wish(kind=Kind.REPLAY, scenario="right", of=9), "nothing-recorded"),
    ],
)
async def test_what_the_command_would_not_take_is_refused(
    tmp_path: Path, asked: Wish, code: str
) -> None:
    async with opened(tmp_path) as desk:
        with pytest.raises(QaRefused) as refused:
            await desk.ask(asked, "eva")
        assert refused.value.code == code and desk.shelf.all() == []


def test_no_secret_of_the_head_end_reaches_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMI_ENVELOPE_KEY", "0" * 64)
    monkeypatch.setenv("AMI_TOKEN", "secret")
    assert not [name for name in surroundings() if name.startswith("AMI_")]
    assert surroundings()["PATH"] == os.environ["PATH"]


def test_there_is_no_console_unless_it_is_configured() -> None:
    assert parse("").qa is None
    found = parse('[qa]\nfolder = "runs"\nat_once = 2', Path("/etc/ami")).qa
    assert found == Qa(folder=Path("/etc/ami/runs"), at_once=2)
    with pytest.raises(BadConfig, match=r"qa\.at_once"):
        parse("[qa]\nat_once = 0")


def test_faults_stand_beside_what_they_were_there_for() -> None:
    found = tape.read(
        line.encode()
        for line in (
            '{"at":0,"kind":"fault","fault":"Outage","target":"9"}',
            '{"at":1000000,"kind":"fault","fault":"ModemFails","target":"C-001"}',
            '{"at":2000000,"kind":"link","meter":"9","turn":"lost","via":[]}',
            '{"at":5000000,"kind":"fault-over","fault":"ModemFails","target":"C-001"}',
            '{"at":6000000,"kind":"fault","fault":"Noise","target":"C-001"}',
            '{"at":9000000,"kind":"journal","order":1,"on":4000000,"state":"received","cause":"a"}',
            '{"at":9000000,"kind":"journal","order":1,"on":5500000,"state":"failed","cause":"b"}',
        )
    )
    assert [(fault.kind, fault.until is None) for fault in found.faults] == [
        ("ModemFails", False), ("Noise", True),
    ]  # fmt: skip
    assert found.outages == 1
    (course,) = found.courses
    assert [fault.kind for fault in course.faults] == ["ModemFails"]
    assert (course.last.state, course.took_s) == ("failed", 1.5)
