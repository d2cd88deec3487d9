"""Accepted orders per second, next to a bare Spyne service that stores nothing, in one run.

Ours: the SOAP door as it serves, on uvicorn, with schema check, idempotency and the order desk over
SQLite with synchronous=FULL; an order counts when its acknowledgement has arrived, and the store is
asked afterwards whether it holds them all.  Bare: stock Spyne on the same uvicorn and route, XML in
and a constant acknowledgement out, without schema, desk or store.  No order is carried out in
either.

Door: ours with a desk that stores nothing, to tell what of the difference is the store's.

Each server has a process of its own, and so has the client, which keeps `connections` open with
one message under way on each, each for a meter of its own.  Rounds alternate between the servers,
so that a machine that slows down slows all.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, Request, Response
from lxml import etree

from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import OrderPolicy, Soap
from headend.domain.calendar import WorkingDays
from headend.domain.meter import Concentrator, Meter
from headend.orders.accept import Acceptance
from headend.orders.inbox import Inbox
from headend.orders.settle import Settling
from headend.orders.withdraw import Withdrawal
from headend.ports import Transaction
from headend.soap.orders import OrderDesk
from headend.soap.route import soap_router, uvicorn_options
from headend.soap.server import Desk, SoapServer
from headend.soap.shim import AnyXml, Application, MethodContext, ServerBase, Service, Soap11, rpc
from headend.store.store import SqlStore
from protocols.cim import end_device_controls, envelope, replies, xml
from protocols.cim import namespaces as ns
from protocols.cim.control_request import OPTION_NON_WORKING_DAY, PERMITTED, ControlRequest
from protocols.cim.end_device_controls import Attribute, EndDevice, EndDeviceControl
from protocols.cim.envelope import Header, Kind, Message, Payload, Property

PATH: Final = "/soap/EndDeviceControls"
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
            _serving(_serve_bare) as bare,
        ):
            for port in (ours, door, bare):
                _load(port, 0, WARM_UP, connections)
            accepted, open_door, plain = [], [], []
            for turn in range(rounds):
                first = WARM_UP + turn * messages
                accepted.append(_load(ours, first, messages, connections))
                open_door.append(_load(door, first, messages, connections))
                plain.append(_load(bare, first, messages, connections))
        stored = asyncio.run(_count(str(database)))
    return Comparison(
        accepted_per_s=_median(accepted, lambda r: r.per_s),
        bare_per_s=_median(plain, lambda r: r.per_s),
        ratio=statistics.median(
            ours.per_s / bare.per_s for ours, bare in zip(accepted, plain, strict=True)
        ),
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
        await _serve(pipe, _behind_the_door(_our_desk(store)))
        await store.close()

    asyncio.run(serve())


def _serve_door(pipe: Connection) -> None:
    asyncio.run(_serve(pipe, _behind_the_door(_ForgetfulDesk())))


def _serve_bare(pipe: Connection) -> None:
    app = FastAPI(openapi_url=None)
    _add_bare_route(app)
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


def _behind_the_door(desk: Desk) -> FastAPI:
    app = FastAPI(openapi_url=None)
    server = SoapServer(desk, WallClock(), SystemChance())
    app.include_router(soap_router(server, body_max_bytes=Soap().body_max_bytes))
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

    async def submit(self, request: ControlRequest, digest: str, octets: bytes) -> bytes:
        return _acknowledgement()


async def _count(database: str) -> int:
    store = SqlStore(f"sqlite:///{database}", live=True)
    try:
        return await store.run(lambda tx: sum(tx.count_states().values()))
    finally:
        await store.close()


class _BareHost(ServerBase):
    """Spyne's own cycle and nothing else."""

    transport = "http://schemas.xmlsoap.org/soap/http"

    def call(self, body: bytes) -> bytes:
        first = MethodContext(self, MethodContext.SERVER)
        first.in_string = [body]
        ctx = self.generate_contexts(first)[0]
        self.get_in_object(ctx)
        self.get_out_object(ctx)
        self.get_out_string(ctx)
        return b"".join(ctx.out_string)


def _acknowledgement() -> bytes:
    stamp = replies.Stamp(source="HES", message_id="m", at=WallClock().now(), correlation_id="c")
    message = replies.acknowledgement(ns.CONTROLS, stamp, "t", typed=True)
    return xml.serialize(envelope.write(message))


def _add_bare_route(app: FastAPI) -> None:
    constant = _acknowledgement()

    def accept(ctx: Any, body: Any) -> Any:
        return etree.fromstring(constant)

    accept.__name__ = f"Create{ns.CONTROLS}"
    operation = rpc(AnyXml, _returns=AnyXml, _body_style="bare")(accept)
    service = type("Bare", (Service,), {accept.__name__: operation})
    host = _BareHost(
        Application(
            [service], tns=ns.typed(ns.CONTROLS), in_protocol=Soap11(), out_protocol=Soap11()
        )
    )

    @app.post(PATH)
    async def post(request: Request) -> Response:
        return Response(host.call(await request.body()), media_type="text/xml")


# --- the client -----------------------------------------------------------------------------------


def _load(port: int, first: int, messages: int, connections: int) -> Round:
    """Send `messages` orders, numbered from `first`, and wait for every acknowledgement."""
    requests = [_request(port, first + number) for number in range(messages)]
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


def _request(port: int, number: int) -> bytes:
    body = _order().replace(_MESSAGE_ID.encode(), f"{_MESSAGE_ID[:-12]}{number:012d}".encode())
    body = body.replace(_meter(0).encode(), _meter(number).encode())
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: text/xml\r\n"
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
