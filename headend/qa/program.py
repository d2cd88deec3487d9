"""The command line as a process of the same interpreter: its result in a file, its progress as it
comes, and its end at the latest with ours."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from headend.qa.run import Progress

WORDS = 30  # lines that are kept of what a process says
WORD_MAX = 2000  # characters of one
READ_MAX = 1 << 20  # octets at a time
LOOKS_EVERY_S = 0.2
SAID = "said.txt"
ENDS_WITHIN_S = 5.0  # of being asked to
NICE = 10  # whatever the head-end does comes first
OUR_OWN = "AMI_"  # variables with keys and tokens of the head-end's, which no story needs


class _Told(msgspec.Struct):
    progress: Progress


def surroundings() -> dict[str, str]:
    """The environment of a process: ours, without secrets, and with the modules that we have."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OUR_OWN)}
    modules = os.pathsep.join(os.path.abspath(path) for path in sys.path)
    return {**kept, "PYTHONPATH": modules, "NO_COLOR": "1", "PYTHONUTF8": "1"}


@dataclass(frozen=True, slots=True)
class Program:
    """How the command line is called; `ami` is `python -m tools`."""

    command: Sequence[str] = (sys.executable, "-m", "tools")
    environment: Mapping[str, str] = field(default_factory=surroundings)

    async def called(
        self,
        arguments: Sequence[str],
        folder: Path,
        result: Path,
        heard: Callable[[Progress], None] = lambda progress: None,
    ) -> tuple[int, tuple[str, ...]]:
        """Its exit code, and its last words; what it says on stdout goes into `result`.

        Whoever gives up waiting ends it.  Raises OSError.
        """
        command = [*self.command, *arguments]
        if setpriv := shutil.which("setpriv"):  # even if we are killed
            command = [setpriv, "--pdeathsig", "KILL", *command]
        said = result.with_name(SAID)
        # Not by a pipe: asyncio waits for a pipe's end as well, which a child's child may hold.
        with result.open("wb") as told, said.open("wb") as errors:
            starting = asyncio.ensure_future(
                asyncio.create_subprocess_exec(
                    *command,
                    cwd=folder,
                    env=dict(self.environment),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=told,
                    stderr=errors,
                    start_new_session=True,
                )
            )
            try:
                process = await asyncio.shield(starting)
            except asyncio.CancelledError:
                await _end(await starting)
                raise
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpriority(os.PRIO_PGRP, process.pid, NICE)
        listening = _Listening(said, heard)
        waiting = asyncio.ensure_future(process.wait())
        try:
            while not waiting.done():
                await asyncio.wait({waiting}, timeout=LOOKS_EVERY_S)
                listening.look()
            listening.look()
            return waiting.result(), tuple(listening.words)
        finally:
            waiting.cancel()
            await _end(process)


@dataclass(slots=True)
class _Listening:
    """Reads on in what a process says, as it says it."""

    file: Path
    heard: Callable[[Progress], None]
    words: deque[str] = field(default_factory=lambda: deque(maxlen=WORDS))
    _read: int = 0
    _rest: bytes = b""

    def look(self) -> None:
        with self.file.open("rb") as file:
            file.seek(self._read)
            fresh = file.read(READ_MAX)
        self._read += len(fresh)
        *lines, self._rest = (self._rest[-READ_MAX:] + fresh).split(b"\n")
        for raw in lines:
            try:
                self.heard(msgspec.json.decode(raw, type=_Told).progress)
            except msgspec.DecodeError:
                if line := raw.decode("utf-8", "replace").rstrip():
                    self.words.append(line[:WORD_MAX])


async def _end(process: asyncio.subprocess.Process) -> None:
    """End it, with whatever it has started."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            await process.wait()
    except TimeoutError:
        _kill(process.pid)
        await process.wait()
    else:
        _kill(process.pid)  # of its group, whoever took no notice


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
