"""Accepted orders per second, next to a bare Spyne service that stores nothing, in one run.

Ours: the SOAP door as it serves, on uvicorn, with schema check, idempotency and the order desk over
SQLite with synchronous=FULL; an order counts when its acknowledgement has arrived, and the store is
asked afterwards whether it holds them all.  Bare: stock Spyne on the same uvicorn and route, XML in
and a constant acknowledgement out, without schema, desk or store.  No order is carried out in
either.

Insert: what somebody would write who only wants to keep orders: the same route, lxml without
schema, one INSERT and COMMIT into SQLite with synchronous=FULL, a constant acknowledgement.

Door: ours with a desk that stores nothing, to tell what of the difference is the store's.

Each server has a process of its own (the bare ones share one, and take turns), and so has the
client, which keeps `connections` open with one message under way on each, each for a meter of its
own.  Rounds alternate between the servers,
so that a machine that slows down slows all.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI

from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import OrderPolicy, Soap
from headend.domain.calendar import WorkingDays
from headend.domain.message_log import DoorMessage
from headend.domain.meter import Concentrator, Meter
from headend.orders.accept import Acceptance
from headend.orders.inbox import Inbox
from headend.orders.settle import Settling
from headend.orders.withdraw import Withdrawal
from headend.ports import Transaction
from headend.soap.desks import Call, Desk
from headend.soap.door.admission import OUR_NAME
from headend.soap.door.message_log import MessageLog, Note, nobody
from headend.soap.door.route import soap_router, uvicorn_options
from headend.soap.door.server import SoapServer
from headend.soap.orders.desk import OrderDesk
from headend.store.store import SqlStore
from protocols.cim import control_request, end_device_controls, envelope, replies, xml
from protocols.cim import namespaces as ns
from protocols.cim.control_request import OPTION_NON_WORKING_DAY, PERMITTED
from protocols.cim.end_device_controls import Attribute, EndDevice, EndDeviceControl
from protocols.cim.envelope import Header, Kind, Message, Payload, Property
from tools.bench.soap_peers import (
    INSERT_PATH,
    PATH,
    acknowledgement,
    add_bare_route,
    add_insert_route,
)

STARTED_WITHIN_S: Final = 30.0
WARM_UP: Final = 100  # messages before the clock runs: imports, schema, first commit
_MESSAGE_ID: Final = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Round:
    """One server under load: acknowledgements per second, and how long each took (ms)."""

    per_s: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Medians over the rounds.  `stored` of `acknowledged` orders were found in the store."""

    accepted_per_s: float
    bare_per_s: float
    ratio: float
    insert_per_s: float
    ratio_to_insert: float
    door_per_s: float
    accepted_p50_ms: float
    accepted_p99_ms: float
    bare_p50_ms: float
    bare_p99_ms: float
    acknowledged: int
    stored: int

    def as_dict(self) -> dict[str, float | int]:
        """For `--json`."""
        return asdict(self)


def compare(*, messages: int = 2000, connections: int = 32, rounds: int = 3) -> Comparison:
    """Run both, `rounds` times in turn, with `messages` each."""
    with tempfile.TemporaryDirectory(prefix="ami-bench-") as folder:
        database = Path(folder) / "orders.db"
        total = WARM_UP + rounds * messages
        with (
            _serving(_serve_ours, str(database), total) as ours,
            _serving(_serve_door) as door,
            _serving(_serve_bare, str(Path(folder) / "inserted.db")) as bare,
        ):
            for port, path in ((ours, PATH), (door, PATH), (bare, PATH), (bare, INSERT_PATH)):
                _load(port, 0, WARM_UP, connections, path)
            accepted, open_door, plain, inserted = [], [], [], []
            for turn in range(rounds):
                first = WARM_UP + turn * messages
                accepted.append(_load(ours, first, messages, connections))
                open_door.append(_load(door, first, messages, connections))
                plain.append(_load(bare, first, messages, connections))
                inserted.append(_load(bare, first, messages, connections, INSERT_PATH))
        stored = asyncio.run(_count(str(database)))
    return Comparison(
        accepted_per_s=_median(accepted, lambda r: r.per_s),
        bare_per_s=_median(plain, lambda r: r.per_s),
        ratio=_ratio(accepted, plain),
        insert_per_s=_median(inserted, lambda r: r.per_s),
        ratio_to_insert=_ratio(accepted, inserted),
        door_per_s=_median(open_door, lambda r: r.per_s),
        accepted_p50_ms=_median(accepted, lambda r: r.p50_ms),
        accepted_p99_ms=_median(accepted, lambda r: r.p99_ms),
        bare_p50_ms=_median(plain, lambda r: r.p50_ms),
        bare_p99_ms=_median(plain, lambda r: r.p99_ms),
        acknowledged=total,
        stored=stored,
    )


def _median(rounds: list[Round], value: Callable[[Round], float]) -> float:
    return round(statistics.median(map(value, rounds)), 2)


def _ratio(ours: list[Round], theirs: list[Round]) -> float:
    pairs = zip(ours, theirs, strict=True)
    return round(statistics.median(one.per_s / other.per_s for one, other in pairs), 3)


# --- servers, each in its own process -------------------------------------------------------------


@contextmanager
def _serving(serve: Callable[..., None], *arguments: str | int) -> Iterator[int]:
    """A server process; yields its port, and ends it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(STARTED_WITHIN_S):
            raise TimeoutError("the server did not start")
        yield int(ours.recv())
        ours.send("stop")
        process.join(STARTED_WITHIN_S)
    finally:
        process.kill()
        process.join()


def _serve_ours(pipe: Connection, database: str, meters: int) -> None:
    async def serve() -> None:
        store = SqlStore(f"sqlite:///{database}", live=True)
        await store.run(lambda tx: _register(tx, meters))

        async def keep(lines: Sequence[DoorMessage]) -> None:
            await store.run(lambda tx: tx.add_door_messages(lines))

        log = MessageLog(OUR_NAME, WallClock(), keep, lambda line: None)
        writing = asyncio.create_task(log.run())
        await _serve(pipe, _behind_the_door(_our_desk(store), log))
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await log.write()
        await store.close()

    asyncio.run(serve())


def _serve_door(pipe: Connection) -> None:
    asyncio.run(_serve(pipe, _behind_the_door(_ForgetfulDesk())))


def _serve_bare(pipe: Connection, database: str) -> None:
    app = FastAPI(openapi_url=None)
    add_bare_route(app)
    add_insert_route(app, database)
    asyncio.run(_serve(pipe, app))


async def _serve(pipe: Connection, app: FastAPI) -> None:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, **uvicorn_options(Soap(port=0))))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        pipe.send(listening.getsockname()[1])
        await asyncio.to_thread(pipe.recv)
        server.should_exit = True
        await serving


def _behind_the_door(desk: Desk, note: Note = nobody) -> FastAPI:
    app = FastAPI(openapi_url=None)
    server = SoapServer(desk, WallClock(), SystemChance())
    app.include_router(soap_router(server, body_max_bytes=Soap().body_max_bytes, note=note))
    return app


def _register(tx: Transaction, meters: int) -> None:
    tx.put_concentrators([Concentrator("C1")])
    tx.put_meters(Meter(_meter(number), "C1", commissioned=True) for number in range(meters))


def _meter(number: int) -> str:
    return f"{90_000_000 + number}"


def _our_desk(store: SqlStore) -> OrderDesk:
    clock, chance = WallClock(), SystemChance()
    policy = OrderPolicy(waiting_max=10_000_000)
    settling = Settling(chance, policy, lambda: None)
    inbox = Inbox(store, clock, chance)
    acceptance = Acceptance(policy, WorkingDays(UTC, ()), settling, lambda names: None)
    withdrawal = Withdrawal(settling)
    return OrderDesk(inbox, acceptance, withdrawal, settling, store, clock, chance, policy)


class _ForgetfulDesk:
    """Acknowledges what it does not keep."""

    async def answer(self, call: Call) -> bytes:
        control_request.read(call.message, now=WallClock().now())
        return acknowledgement()


async def _count(database: str) -> int:
    store = SqlStore(f"sqlite:///{database}", live=True)
    try:
        return await store.run(lambda tx: sum(tx.count_states().values()))
    finally:
        await store.close()


# --- the client -----------------------------------------------------------------------------------


def _load(port: int, first: int, messages: int, connections: int, path: str = PATH) -> Round:
    """Send `messages` orders, numbered from `first`, and wait for every acknowledgement."""
    requests = [_request(port, path, first + number) for number in range(messages)]
    return asyncio.run(_drive(port, requests, connections))


async def _drive(port: int, requests: list[bytes], connections: int) -> Round:
    waiting = iter(requests)
    times: list[float] = []

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            sent = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            answer = await reader.readexactly(length)
            times.append(time.perf_counter() - sent)
            if not head.startswith(b"HTTP/1.1 200") or b">OK<" not in answer:
                raise RuntimeError(f"not acknowledged: {answer[:500]!r}")
        writer.close()
        await writer.wait_closed()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(one_connection())
    took = time.perf_counter() - began
    percentiles = statistics.quantiles(times, n=100)
    return Round(len(requests) / took, percentiles[49] * 1000, percentiles[98] * 1000)


def _request(port: int, path: str, number: int) -> bytes:
    body = _order().replace(_MESSAGE_ID.encode(), f"{_MESSAGE_ID[:-12]}{number:012d}".encode())
    body = body.replace(_meter(0).encode(), _meter(number).encode())
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: text/xml\r\n"
        f'SOAPAction: ""\r\nContent-Length: {len(body)}\r\n\r\n'
    )
    return head.encode() + body


def _order() -> bytes:
    """A power-limit order as a commercial system sends it."""
    control = EndDeviceControl(
        type="3.31.139.13",
        attributes=(Attribute("powerLimit", "1500"), Attribute("powerLimit.unit", "W")),
        devices=(EndDevice(names=(_meter(0),)),),
    )
    message = Message(
        kind=Kind.REQUEST,
        typed=ns.CONTROLS,
        header=Header(
            verb="create",
            noun=ns.CONTROLS,
            source="COMERCIAL",
            async_reply=True,
            message_id=_MESSAGE_ID,
            correlation_id=_MESSAGE_ID,
        ),
        request=envelope.Request(  # the benchmark may run on a Sunday
            options=(Property(OPTION_NON_WORKING_DAY, PERMITTED),)
        ),
        payload=Payload(content=(end_device_controls.write([control]),)),
    )
    return xml.serialize(replies.soap_envelope(envelope.write(message)))
