"""The folder of runs: one folder each, named by its number, with what was asked in `run.json`."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from headend.qa.run import Run, State, Wish

ASKED = "run.json"
_log = structlog.get_logger("qa")


@dataclass(slots=True)
class Shelf:
    """Holds what is known of all runs in memory; each change is in the folder at once."""

    folder: Path
    keep: int
    _runs: dict[int, Run] = field(default_factory=dict)

    def open(self, now: datetime) -> None:
        """Find what is there.  What was under way when the head-end ended is cut off.  Raises
        OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.glob(f"*/{ASKED}"):
            try:
                run = msgspec.json.decode(path.read_bytes(), type=Run)
            except (OSError, msgspec.DecodeError) as error:
                _log.warning("a run cannot be read and is passed over", run=path, why=str(error))
                continue
            self._runs[run.number] = run
            if not run.state.ended:
                self.save(msgspec.structs.replace(run, state=State.CUT_OFF, ended_at=now))

    def all(self) -> list[Run]:
        """The newest first."""
        return [self._runs[number] for number in sorted(self._runs, reverse=True)]

    def get(self, number: int) -> Run | None:
        return self._runs.get(number)

    def add(self, wish: Wish, by: str, now: datetime) -> Run:
        """A new run with a folder of its own; the oldest that have ended make room.  Raises
        OSError."""
        ended = [run.number for run in reversed(self.all()) if run.state.ended]
        for number in ended[: max(0, len(self._runs) + 1 - self.keep)]:
            self.drop(number)
        number = max(self._runs, default=0) + 1
        while True:
            try:
                self.folder_of(number).mkdir()
                break
            except FileExistsError:  # one that could not be read
                number += 1
        run = Run(number=number, wish=wish, by=by, asked_at=now)
        self.save(run)
        return run

    def drop(self, number: int) -> None:
        """Forget a run, and all that it left."""
        self._runs.pop(number, None)
        shutil.rmtree(self.folder_of(number), ignore_errors=True)

    def save(self, run: Run) -> None:
        """Raises OSError."""
        self._runs[run.number] = run
        path = self.folder_of(run.number) / ASKED
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode(run)))
        fresh.replace(path)

    def folder_of(self, number: int) -> Path:
        return self.folder / f"{number:06}"
