"""A Mosquitto of the head-end's own: a child process.

It serves where no broker is configured.  With an `Admission` it asks everybody for a certificate,
and may listen to the network; without one it asks nobody's name, and listens on loopback only.

It dies with the head-end (PR_SET_PDEATHSIG, by util-linux's setpriv), and is started again on the
same port when it dies alone.  It saves its queues once a second: killed, it forgets at most what
came in the last one, and nothing that matters relies on it (see `broker`).
"""

from __future__ import annotations

import asyncio
import getpass
import os
import shutil
import socket
from collections import deque
from pathlib import Path

import structlog

from headend.field.admission import Admission

log = structlog.get_logger(__name__)

HOST = "127.0.0.1"
START_TIMEOUT_S = 10.0  # 15-30 ms are usual
STOP_TIMEOUT_S = 5.0
RESTART_PAUSE_S = 0.1
PORT_TRIES = 5  # another process may take a free port before Mosquitto does
PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")  # where PATH often does not look

CONFIGURATION = """\
listener {port} {host}
{admission}user {user}
persistence true
persistence_location {directory}/
autosave_interval 1
set_tcp_nodelay true
max_inflight_messages 200
max_queued_messages 100000
log_dest stderr
log_type error
log_type warning
log_type information
connection_messages false
"""
ANYBODY = "allow_anonymous true\n"


class MosquittoFailed(RuntimeError):
    """Mosquitto is missing or did not start; the text carries its last words."""


def find() -> Path | None:
    """Mosquitto's program on this machine, or None."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *PLACES])
    found = shutil.which("mosquitto", path=path)
    return Path(found) if found else None


class Mosquitto:
    """The child.  `directory` holds its configuration and its queues; `port` None takes a free one
    at `start` and keeps it.  Beyond loopback it listens only with an `admission`."""

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        host: str = HOST,
        admission: Admission | None = None,
    ) -> None:
        self._directory = directory
        self._wanted = port
        self._host = host
        self._admission = admission
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._words: deque[str] = deque(maxlen=20)
        self.port = port or 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Return when it listens.  Raises `MosquittoFailed`."""
        program = find()
        if program is None:
            raise MosquittoFailed("mosquitto is not on this machine (apt-get install mosquitto)")
        self._directory.mkdir(parents=True, exist_ok=True)
        for remaining in reversed(range(1 if self._wanted else PORT_TRIES)):
            self.port = self._wanted or _free_port(self._host)
            try:
                await self._launch(program)
                break
            except MosquittoFailed:
                if not remaining:
                    raise
        self._watch = asyncio.create_task(self._keep_alive(program), name="mosquitto")

    async def stop(self) -> None:
        """End it; it saves its queues."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        if self._process is not None:
            await _end(self._process)
            self._process = None

    async def _launch(self, program: Path) -> None:
        configuration = self._directory / "mosquitto.conf"
        configuration.write_text(
            CONFIGURATION.format(
                port=self.port,
                host=self._host,
                admission=self._door(),
                user=getpass.getuser(),  # as root it would change to its own user
                directory=self._directory.resolve(),
            )
        )
        command = [str(program), "-c", str(configuration)]
        if setpriv := shutil.which("setpriv"):
            command = [setpriv, "--pdeathsig", "KILL", *command]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the head-end, which then ends its broker itself
        )
        self._process = process
        self._words.clear()
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not (line := await self._read(process)).endswith(" running"):
                    if not line:
                        raise MosquittoFailed(f"mosquitto did not start: {self._last_words()}")
        except (TimeoutError, MosquittoFailed, asyncio.CancelledError) as error:
            await _end(process)
            self._process = None
            if isinstance(error, TimeoutError):
                raise MosquittoFailed(f"mosquitto is silent: {self._last_words()}") from error
            raise

    def _door(self) -> str:
        """Who may come in."""
        if self._admission is None:
            return ANYBODY
        permissions = self._directory / "permissions.acl"
        permissions.write_text(self._admission.permissions())
        return self._admission.listener(permissions)

    async def _keep_alive(self, program: Path) -> None:
        while True:
            process = self._process
            assert process is not None
            while await self._read(process):
                pass
            code = await process.wait()
            log.error("mosquitto died", code=code, words=self._last_words())
            while True:
                await asyncio.sleep(RESTART_PAUSE_S)
                try:
                    await self._launch(program)
                    break
                except MosquittoFailed as error:
                    log.error("mosquitto does not start again", error=str(error))

    async def _read(self, process: asyncio.subprocess.Process) -> str:
        """The next line it says, without its time stamp; empty at its end."""
        assert process.stderr is not None
        while raw := await process.stderr.readline():
            line = raw.decode(errors="replace").strip().partition(": ")[2]
            if line:
                if line not in self._words:  # it says every half hour that it saves
                    self._words.append(line)
                log.debug("mosquitto", says=line)
                return line
        return ""

    def _last_words(self) -> str:
        return " / ".join(self._words) or "it said nothing"


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
