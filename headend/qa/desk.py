"""Takes what is asked of the QA console: a bounded number of processes at once, the others wait."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import structlog

from headend import trouble
from headend.config.qa import Qa
from headend.ports import Clock
from headend.qa.program import Program
from headend.qa.run import DATABASE, RESULT, Kind, Outline, Progress, Run, State, Wish
from headend.qa.shelf import Shelf

SEEDS = re.compile(r"(\d{1,9})-(\d{1,9})")
SETTING = re.compile(r"[a-z][a-z0-9_.]{0,40}=[\w.:-]{1,40}")
SEED_MAX = 2**31 - 1
LOOK_S = 120.0  # until a question that somebody waits for is given up
_log = structlog.get_logger("qa")


class QaRefused(Exception):
    """What was asked cannot be done; `code` names why, for the texts of the pages."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(slots=True)
class QaDesk:
    """The console of one head-end.  `open` it before, and `close` it when the head-end ends."""

    config: Qa
    clock: Clock
    program: Program = field(default_factory=Program)
    shelf: Shelf = field(init=False)
    _progress: dict[int, Progress] = field(default_factory=dict)
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _ending: dict[int, State] = field(default_factory=dict)
    _library: dict[str, Outline] = field(default_factory=dict)
    _room: asyncio.Semaphore = field(init=False)
    _looking: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.config.folder.absolute(), self.config.keep)
        self._room = asyncio.Semaphore(self.config.at_once)
        self._looking = asyncio.Semaphore(1)

    def open(self) -> None:
        """Raises OSError for a folder that cannot be used."""
        self.shelf.open(self.clock.now())

    async def close(self) -> None:
        """End all that is under way."""
        for number in self._tasks:
            self._ending.setdefault(number, State.CUT_OFF)
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- what there is ---

    async def library(self) -> dict[str, Outline]:
        """The stories that come with the system, by name.  Raises `QaRefused`."""
        if not self._library:
            told = await self.looked("sim", "list", "--json")
            found = msgspec.json.decode(told, type=list[Outline])
            self._library = {story.name: story for story in found}
        return self._library

    def progress(self, number: int) -> Progress | None:
        """How far a run is that is under way."""
        return self._progress.get(number)

    def ahead(self, run: Run) -> int:
        """How many have their turn before one that waits."""
        return sum(not each.state.ended and each.number < run.number for each in self.shelf.all())

    # --- what is asked ---

    async def ask(self, wish: Wish, by: str) -> Run:
        """Have something played.  Raises `QaRefused`, OSError."""
        if len(self._tasks) >= self.config.at_once + self.config.waiting_max:
            raise QaRefused("too-many-waiting", f"{len(self._tasks)} are under way or wait")
        await self._check(wish)
        run = self.shelf.add(wish, by, self.clock.now())
        task = asyncio.create_task(self._carry_out(run), name=f"qa-{run.number}")
        self._tasks[run.number] = task
        task.add_done_callback(lambda done: self._forget(run.number))
        return run

    async def cancel(self, number: int) -> bool:
        """End one that waits or is played; whether it was."""
        task = self._tasks.get(number)
        if task is None:
            return False
        self._ending.setdefault(number, State.CANCELLED)
        task.cancel()
        await asyncio.wait({task})
        return True

    async def drop(self, number: int) -> bool:
        """Forget one that has ended, with all that it left; whether it had."""
        if number in self._tasks:
            return False
        await asyncio.to_thread(self.shelf.drop, number)
        return True

    async def looked(self, *arguments: str, fine: Sequence[int] = (0,)) -> bytes:
        """What the command line answers to a short question, one at a time.  Raises `QaRefused`
        where it ends with an exit code that is not `fine`."""
        async with self._looking:
            with TemporaryDirectory(prefix="ami-qa-") as directory:
                result = Path(directory) / RESULT
                try:
                    async with asyncio.timeout(LOOK_S):
                        code, words = await self.program.called(arguments, Path(directory), result)
                except (OSError, TimeoutError) as error:
                    raise QaRefused("not-answered", str(error) or "it took too long") from error
                if code not in fine:
                    raise QaRefused("not-answered", " ".join(words)[-500:] or f"exit code {code}")
                return result.read_bytes()

    async def _check(self, wish: Wish) -> None:
        """Raises `QaRefused` for what the command line would not take."""
        if wish.kind is Kind.REPLAY:
            of = None if wish.of is None else self.shelf.get(wish.of)
            if of is None or not (self.shelf.folder_of(of.number) / DATABASE).is_file():
                raise QaRefused("nothing-recorded", f"run {wish.of} has left no database")
            wrong = [each for each in wish.settings if SETTING.fullmatch(each) is None]
            if wrong:
                raise QaRefused("no-setting", f"{wrong[0]!r} is not like retries=2")
            return
        if wish.scenario not in await self.library():
            raise QaRefused("no-such-story", f"the library has no {wish.scenario!r}")
        if wish.seed is not None and not 0 <= wish.seed <= SEED_MAX:
            raise QaRefused("no-seed", f"{wish.seed} is not from 0 to {SEED_MAX}")
        if wish.kind is Kind.SWEEP:
            match = SEEDS.fullmatch(wish.seeds or "")
            count = 0 if match is None else int(match[2]) - int(match[1]) + 1
            if not 1 <= count <= self.config.seeds_max:
                most = self.config.seeds_max
                raise QaRefused("no-seeds", f"{wish.seeds!r} is not from 1 to {most} seeds")

    # --- how it goes ---

    async def _carry_out(self, run: Run) -> None:
        code: int | None = None
        words: tuple[str, ...] = ()
        state = State.BROKEN
        try:
            async with self._room, asyncio.timeout(self.config.ends_after_s):
                run = self._saved(run, state=State.RUNNING, began_at=self.clock.now())
                code, words = await self._played(run)
                state = {0: State.PASSED, 1: State.FAILED}.get(code, State.BROKEN)
                if state is State.FAILED and not self._has_result(run):
                    state = State.BROKEN
        except TimeoutError:
            words = (f"ended after {self.config.ends_after_s:g} s: [qa] ends_after_s",)
        except asyncio.CancelledError:
            state = self._ending.get(run.number, State.CUT_OFF)
        except OSError as error:
            words = (str(error),)
        except Exception as error:
            trouble.note([], _log, "a run of the QA console broke", error, run=run.number)
            words = (f"{type(error).__name__}: {error}",)
        self._saved(run, state=state, ended_at=self.clock.now(), code=code, words=words)

    async def _played(self, run: Run) -> tuple[int, tuple[str, ...]]:
        folder = self.shelf.folder_of(run.number)
        of = run.wish.of
        other = "" if of is None else str(self.shelf.folder_of(of))

        def heard(progress: Progress) -> None:
            self._progress[run.number] = progress

        return await self.program.called(run.wish.arguments(other), folder, folder / RESULT, heard)

    def _has_result(self, run: Run) -> bool:
        """Whether it said what came of it: an error object is none."""
        try:
            told = msgspec.json.decode((self.shelf.folder_of(run.number) / RESULT).read_bytes())
        except (OSError, msgspec.DecodeError):
            return False
        return isinstance(told, dict) and "error" not in told

    def _saved(self, run: Run, **changes: object) -> Run:
        run = msgspec.structs.replace(run, **changes)
        self.shelf.save(run)
        return run

    def _forget(self, number: int) -> None:
        run = self.shelf.get(number)
        if run is not None and not run.state.ended:  # it was ended before it began
            state = self._ending.get(number, State.CUT_OFF)
            self._saved(run, state=state, ended_at=self.clock.now())
        for each in (self._tasks, self._progress, self._ending):
            each.pop(number, None)
