"""The REST door on a real socket, with and without TLS, as `ami serve` opens it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from headend.access.desk import AccountDesk
from headend.app.http import open_door
from headend.app.serving import DoorTaken, serving
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import Config, Rest, ServerTls, Soap, parse
from headend.domain.account import Permission, Role
from headend.domain.meter import Concentrator, Meter
from headend.rest.door import check_bind, uvicorn_options
from headend.soap.door.route import UnsafeBind
from tests import databases
from tests.access.making import BY
from tests.certificates import Authority
from tests.rest.house import Door


def server(certificate: Path, key: Path) -> ServerTls:
    return ServerTls(certificate=certificate, key=key)


def configured(folder: Path, rest: Rest) -> Config:
    return Config(
        database=databases.at(folder / "ami.db"),
        legacy_database=databases.at(folder / "legacy.db"),
        soap=Soap(port=0),
        rest=rest,
    )


@pytest.mark.live
async def test_a_morning_by_rest(tmp_path: Path) -> None:
    """Over TLS: a token is made beside the running head-end, an order sent, seen, and revoked."""
    authority = Authority.found(tmp_path / "office")
    tls = server(*authority.issue("hes", "hes"))
    config = configured(tmp_path, Rest(port=0, tls=tls))
    async with serving(config) as running:
        assert running.rest_url is not None and running.rest_url.startswith("https://127.0.0.1:")
        head_end = running.head_end
        await head_end.register([Concentrator("C1")], [Meter("M1", "C1", commissioned=True)])
        passwords = head_end.guard.passwords
        desk = AccountDesk(head_end.store, WallClock(), SystemChance(), passwords, config.access)
        await desk.add("crm", [Role.OPERATOR], BY)
        scopes = [Permission.ORDER_SEND, Permission.ORDER_READ, Permission.METRICS_READ]
        token, text = await desk.create_token("crm", BY, scopes=scopes)
        async with httpx2.AsyncClient(
            verify=ssl.create_default_context(cafile=authority.path), trust_env=False, timeout=20,
            headers={"Authorization": f"Bearer {text}", "Idempotency-Key": "k-1"},
        ) as http:  # fmt: skip
            base = running.rest_url
            wanted = {"meter": "M1", "kind": "set-limit", "amount": "1500", "any_day": True}
            sent = await http.post(f"{base}/orders", json=wanted)
            assert sent.status_code == 201, sent.text
            seen = await http.get(base.removesuffix("/api/v1") + sent.headers["location"])
            assert seen.json()["order"]["source"] == "crm"
            health = await http.get(base.removesuffix("/api/v1") + "/health")
            assert health.json() == {
                "healthy": True,
                    "parts": {"broker": True, "work": True, "name": True, "database": True},
            }  # fmt: skip
            metrics = await http.get(base.removesuffix("/api/v1") + "/metrics")
            assert "ami_orders_open" in metrics.text and "server" not in metrics.headers
            await desk.revoke_token(token.id, BY)
            assert (await http.get(f"{base}/orders")).json()["code"] == "token-revoked"
        assert head_end.errors == ()


@pytest.mark.live
async def test_no_answer_waits_for_its_own_end() -> None:
    """Head and body of an answer are two writes; with Nagle's algorithm the second would wait."""
    seen: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        connection = scope["extensions"]["connection"]
        seen.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await PlainTextResponse("yes")(scope, receive, send)

    class Telling(HttpToolsProtocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            inner, connection = self.app, transport.get_extra_info("socket")

            async def with_connection(scope: Any, receive: Any, send: Any) -> None:
                scope["extensions"] = {"connection": connection}
                await inner(scope, receive, send)

            self.app = with_connection

    async with AsyncExitStack() as stack:
        options = {**uvicorn_options(Rest(port=0)), "http": Telling}
        port = await open_door(app, options, "127.0.0.1", 0, stack)
        async with httpx2.AsyncClient(trust_env=False) as http:
            assert (await http.get(f"http://127.0.0.1:{port}/")).text == "yes"
    assert seen == [1]


@pytest.mark.live
async def test_a_door_that_is_taken(tmp_path: Path) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    other = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with other:
        port = other.sockets[0].getsockname()[1]
        with pytest.raises(DoorTaken, match=str(port)):
            async with serving(configured(tmp_path, Rest(port=port))):
                pass


HOSTS = ["0.0.0.0", "::", "10.20.0.5", "hes.utility.example"]


@pytest.mark.parametrize("host", HOSTS)
def test_no_token_goes_over_a_network_in_the_open(host: str) -> None:
    with pytest.raises(UnsafeBind, match=r"\[rest.tls\]"):
        uvicorn_options(Rest(host=host, port=8443))
    check_bind(Rest(host=host))  # nowhere
    files = server(Path("hes.pem"), Path("hes.key"))
    assert uvicorn_options(Rest(host=host, port=8443, tls=files))["ssl_certfile"] == "hes.pem"


async def test_a_token_of_today_is_of_no_use_tomorrow() -> None:
    door = await Door().open()
    soon = door.clock.now() + (datetime(2026, 7, 7, tzinfo=UTC) - door.clock.now())
    _, text = await door.desk.create_token("all", BY, scopes=(), expires_at=soon)
    assert (await door.ask("GET", "/api/v1/orders", token=text)).status_code == 200
    await asyncio.sleep((soon - door.clock.now()).total_seconds())
    told = await door.ask("GET", "/api/v1/orders", token=text)
    assert told.json()["code"] == "token-expired"


def test_settings_are_read() -> None:
    text = '[rest]\nhost = "0.0.0.0"\nport = 8444\n[rest.tls]\ncertificate = "a"\nkey = "b"\n'
    rest = parse(text).rest
    assert rest == Rest(host="0.0.0.0", port=8444, tls=server(Path("a"), Path("b")))
    assert msgspec.structs.asdict(Rest())["port"] is None
