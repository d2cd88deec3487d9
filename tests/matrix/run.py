"""Runs the matrix: every client at every server by every way in, and what came of each service."""

from __future__ import annotations

import json
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count, product
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from protocols.dlms.date_time import DateTime
from tests.matrix.asked import ASSOCIATE, PDU_SIZE, RELEASE, SERVICES
from tests.matrix.servers import (
    AUTHS,
    PROGRAMS,
    ROOT,
    SERVERS,
    Server,
    Way,
    our_meters,
    pydlms_meters,
)
from tools.bench.rivals import COSEM, PYDLMS, interpreter

WORKS = ""
CLOCK_PLAY_S = 2.0  # a clock tells whole seconds or hundredths, and may be rounded either way


@dataclass(frozen=True, slots=True)
class Client:
    """One row: a program, the package whose interpreter runs it (None: our own), its arguments."""

    name: str
    program: str
    package: str | None = None
    arguments: tuple[str, ...] = ()


OURS = Client("ours", "ours.py", None, ("ours",))
GURUX = Client("ours, gurux-dlms engine", "ours.py", None, ("gurux",))
PYDLMS_CLIENT = Client("pydlms-client 0.1.0", "pydlms_client.py", PYDLMS)
COSEM_CLIENT = Client("dlms-cosem 21.3.2", "cosem_client.py", COSEM)
CLIENTS = (OURS, GURUX, PYDLMS_CLIENT, COSEM_CLIENT)


class Cell(NamedTuple):
    """One meeting: who asked whom, by which way in, for what."""

    client: Client
    server: Server
    auth: str
    service: str


Results = dict[Cell, str]
"""WORKS, or how it failed."""


class PeerMissing(Exception):
    """A peer cannot be installed here."""


def run(folder: Path) -> Results:
    """The whole matrix; `folder` takes the ptys.  Raises `PeerMissing`.

    The clients work at the same time, but never two at one meter: they write and disconnect, and
    share its keys.
    """
    meetings = list(product(SERVERS, AUTHS))
    theirs = [meeting for meeting in meetings if meeting[0].product == "pydlms"]
    with ExitStack() as stack:
        programs = {client: stack.enter_context(_program(client)) for client in CLIENTS}
        ours = stack.enter_context(our_meters(folder))
        wanted = [(server.framing, auth) for server, auth in theirs] * len(CLIENTS)
        fresh = iter(stack.enter_context(pydlms_meters(_python(PYDLMS_CLIENT), wanted)))
        busy: defaultdict[str, Lock] = defaultdict(Lock)
        rows = []
        for place, client in enumerate(CLIENTS):
            ways = {m: ours[m[0].framing, m[1]] for m in meetings if m not in theirs}
            ways |= {meeting: next(fresh) for meeting in theirs}
            first = place * len(meetings) // len(CLIENTS)  # so that they meet as late as can be
            order = meetings[first:] + meetings[:first]
            rows.append(Row(client, programs[client], [(m, ways[m]) for m in order], busy))
        with ThreadPoolExecutor(len(rows)) as pool:
            found: Results = {}
            for results in pool.map(Row.run, rows):
                found |= results
    return {cell: found[cell] for cell in cells()}


def cells() -> Iterator[Cell]:
    """Every cell there is, in the order of the page."""
    return (Cell(*each) for each in product(CLIENTS, SERVERS, AUTHS, SERVICES))


@dataclass(slots=True)
class Row:
    """One client's sessions."""

    client: Client
    program: subprocess.Popen[str]
    sessions: list[tuple[tuple[Server, str], Way]]
    busy: defaultdict[str, Lock]  # by meter

    def run(self) -> Results:
        results: Results = {}
        for (server, auth), way in self.sessions:
            with self.busy[way["meter"]]:
                found = self._session(server, way)
            results |= {Cell(self.client, server, auth, name): how for name, how in found.items()}
        return results

    def _session(self, server: Server, way: Way) -> dict[str, str]:
        assert self.program.stdin is not None and self.program.stdout is not None
        questions, before = server.questions, time.time()
        with _ASKING:
            services = questions.asked(before, next(_NUMBERS))
            truths = [questions.truth(services, before)]
        task = way | {"services": services, "pdu_size": PDU_SIZE}
        self.program.stdin.write(json.dumps(task) + "\n")
        self.program.stdin.flush()
        told = json.loads(self.program.stdout.readline())
        after = time.time()
        with _ASKING:
            truths.append(questions.truth(services, after))
        return {name: judged(name, told[name], truths, (before, after)) for name in SERVICES}


_ASKING = Lock()
_NUMBERS = count()


def judged(
    service: str, told: dict[str, Any], truths: list[dict[str, Any]], span: tuple[float, float]
) -> str:
    """WORKS, or how a service failed; what is true may have changed while it was asked."""
    if "error" in told:
        return str(told["error"])
    value = told["value"]
    if service in (ASSOCIATE, RELEASE):
        return WORKS if value is True else "no answer that releases"
    if any(value == truth[service] for truth in truths):
        return WORKS
    if service == "clock" and _shows_time_between(value, *span):
        return WORKS
    return f"read {_short(value)}, where {_short(truths[-1][service])} is true"


def _shows_time_between(value: object, first: float, last: float) -> bool:
    if not isinstance(value, str) or len(value) != 24:
        return False
    shown = DateTime.from_octets(bytes.fromhex(value)).to_datetime().timestamp()
    return first - CLOCK_PLAY_S <= shown <= last + CLOCK_PLAY_S


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) < 200 else f"{text[:200]}…"


def _python(client: Client) -> Path:
    python = interpreter(client.package)
    if python is None:
        raise PeerMissing(f"{client.package} cannot be installed")
    return python


@contextmanager
def _program(client: Client) -> Iterator[subprocess.Popen[str]]:
    command = [str(_python(client)), str(PROGRAMS / client.program), *client.arguments]
    environment = {"PYTHONPATH": str(ROOT)} if client.package is None else {}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what libraries log; how a service failed comes as its result
        text=True,
        cwd=ROOT,
        env=environment,
    ) as program:
        try:
            yield program
        finally:
            assert program.stdin is not None
            program.stdin.close()
