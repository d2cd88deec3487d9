"""What `ami bench soap-accept` compares with: bare Spyne, and a route that inserts a row."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from lxml import etree

from headend.clock import WallClock
from headend.soap.door.shim import (
    AnyXml,
    Application,
    MethodContext,
    ServerBase,
    Service,
    Soap11,
    rpc,
)
from protocols.cim import envelope, replies, xml
from protocols.cim import namespaces as ns

PATH: Final = "/soap/EndDeviceControls"
INSERT_PATH: Final = "/insert"


class BareHost(ServerBase):
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


def acknowledgement() -> bytes:
    """The same for every order."""
    stamp = replies.Stamp(source="HES", message_id="m", at=WallClock().now(), correlation_id="c")
    message = replies.acknowledgement(ns.CONTROLS, stamp, "t", typed=True)
    return xml.serialize(envelope.write(message))


def add_bare_route(app: FastAPI) -> None:
    """Stock Spyne: XML in, a constant acknowledgement out."""
    constant = acknowledgement()

    def accept(ctx: Any, body: Any) -> Any:
        return etree.fromstring(constant)

    accept.__name__ = f"Create{ns.CONTROLS}"
    operation = rpc(AnyXml, _returns=AnyXml, _body_style="bare")(accept)
    service = type("Bare", (Service,), {accept.__name__: operation})
    host = BareHost(
        Application(
            [service], tns=ns.typed(ns.CONTROLS), in_protocol=Soap11(), out_protocol=Soap11()
        )
    )

    @app.post(PATH)
    async def post(request: Request) -> Response:
        return Response(host.call(await request.body()), media_type="text/xml")


def add_insert_route(app: FastAPI, database: str) -> None:
    """lxml without schema, one INSERT and COMMIT, a constant acknowledgement."""
    constant = acknowledgement()
    kept = sqlite3.connect(database, isolation_level=None)
    kept.execute("PRAGMA journal_mode = WAL")
    kept.execute("PRAGMA synchronous = FULL")
    kept.execute("CREATE TABLE orders (message TEXT PRIMARY KEY, meter TEXT, body BLOB)")

    @app.post(INSERT_PATH)
    async def post(request: Request) -> Response:
        body = await request.body()
        root = etree.fromstring(body)
        message_id = root.findtext(f".//{{{ns.MESSAGE}}}MessageID")
        meter = root.findtext(f".//{{{ns.profile(ns.CONTROLS)}}}name")
        kept.execute("INSERT OR IGNORE INTO orders VALUES (?, ?, ?)", (message_id, meter, body))
        return Response(constant, media_type="text/xml")
