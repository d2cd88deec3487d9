"""SOAP over HTTP: a FastAPI route, and uvicorn with the client's certificate in the scope.

The body is read on the loop within a size and a time; the certificate's common name becomes the
caller's name.  Without mutual TLS the door opens on loopback only.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from headend.certificates import without_revoked
from headend.config import Soap, Tls
from headend.soap.door.documents import ORDER_DESK, Described, document
from headend.soap.door.handshake import outspoken
from headend.soap.door.message_log import Note, Posted, nobody
from headend.soap.door.raw_soap import SoapFault
from headend.soap.door.server import SoapAnswer, fault_answer
from protocols.cim.errors import ReplyError

BODY_TIMEOUT_S: Final = 30.0  # a body of 8 MB takes 13 s at 5 Mbit/s
_XML_TYPES: Final = frozenset({"", "text/xml", "application/xml"})


class Counter(Protocol):
    """Who answers behind the door: our own orders' server, or the bus's proxy."""

    async def handle(
        self,
        body: bytes,
        *,
        soap_action: str = "",
        client_source: str | None = None,
        client_address: str = "",
    ) -> SoapAnswer: ...


class UnsafeBind(ValueError):
    """The door would be open to the network without mutual TLS."""


def check_bind(host: str, tls: Tls | None) -> None:
    """Refuse to listen beyond loopback without mutual TLS.  Raises `UnsafeBind`."""
    if tls is None and not is_loopback(host):
        raise UnsafeBind(
            f"SOAP on {host!r} needs mutual TLS: set certificate, key and client_authority under"
            " [soap.tls], or listen on 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Whether a host to listen on is this machine alone.  Other names than localhost are not
    resolved: what they mean may change after we asked."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class ClientCertificateProtocol(HttpToolsProtocol):
    """Puts the client's verified certificate into the ASGI scope, which uvicorn leaves out.

    `scope["extensions"]["tls"]["client_cert"]` is what `ssl.SSLSocket.getpeercert` returns, or
    None on a plain connection.
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        connection = transport.get_extra_info("ssl_object")
        certificate = connection.getpeercert() if connection is not None else None
        inner = self.app

        async def with_certificate(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})["tls"] = {"client_cert": certificate}
            await inner(scope, receive, send)

        self.app = with_certificate


def uvicorn_options(
    soap: Soap, refused: Callable[[str], None] = lambda why: None
) -> dict[str, Any]:
    """Arguments of `uvicorn.Config` for this door; `refused` hears why TLS refused a client.
    Raises `UnsafeBind`."""
    check_bind(soap.host, soap.tls)
    options: dict[str, Any] = {
        "host": soap.host,
        "port": soap.port,
        "http": ClientCertificateProtocol,
        "timeout_graceful_shutdown": 5,
        "server_header": False,
        "ws": "none",
    }
    if soap.tls is not None:
        revoked = soap.tls.revoked
        options |= {
            "ssl_certfile": str(soap.tls.certificate),
            "ssl_keyfile": str(soap.tls.key),
            "ssl_ca_certs": str(soap.tls.client_authority),
            "ssl_cert_reqs": ssl.CERT_REQUIRED,
            "ssl_context_factory": lambda _, default: without_revoked(
                outspoken(default(), refused), revoked
            ),
        }
    return options


def client_source(scope: Mapping[str, Any]) -> str | None:
    """The common name of the client's certificate, "" where it has none; None without TLS."""
    certificate = scope.get("extensions", {}).get("tls", {}).get("client_cert")
    if certificate is None:
        return None
    for part in certificate.get("subject", ()):
        for name, value in part:
            if name == "commonName":
                return str(value)
    return ""


def soap_router(
    server: Counter,
    *,
    body_max_bytes: int,
    described: Described = ORDER_DESK,
    note: Note = nobody,
) -> APIRouter:
    """The routes of a SOAP door: POST a message, GET `?wsdl` and `?xsd=FILE`.

    `note` is told of each message and its answer, before the answer leaves.
    """
    router = APIRouter(prefix=described.root)

    @router.post("", include_in_schema=False)
    @router.post("/{endpoint}", include_in_schema=False)
    async def post(request: Request) -> Response:
        began = asyncio.get_running_loop().time()
        body, answer = await _handle(request)
        posted = Posted(
            took_s=asyncio.get_running_loop().time() - began,
            address="" if request.client is None else request.client.host,
            certificate=client_source(request.scope),
            body=body,
        )
        note(posted, answer)
        return _response(answer)

    async def _handle(request: Request) -> tuple[bytes | None, SoapAnswer]:
        """The body, where it was read to its end, and the answer."""
        if request.url.path not in described.wsdls:
            offered = ", ".join(described.wsdls)
            return None, _refused(404, f"PUERTA_DESCONOCIDA: se ofrecen {offered}")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        coding = request.headers.get("content-encoding", "identity").strip().lower()
        if kind not in _XML_TYPES or coding != "identity":
            return None, _refused(
                415, "TIPO_DE_CONTENIDO_NO_ADMITIDO: se espera text/xml sin comprimir"
            )
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await _read(request, body_max_bytes)
        except TimeoutError:
            return None, _refused(408, "TIEMPO_AGOTADO: el mensaje no llegó completo", code="4.1")
        except ClientDisconnect:
            return None, _refused(400, "CONEXION_CERRADA: el mensaje no llegó completo")
        if body is None:
            return None, _refused(
                413, f"MENSAJE_DEMASIADO_GRANDE: se admiten {body_max_bytes} octetos", code="3.1"
            )
        return body, await server.handle(
            body,
            soap_action=request.headers.get("soapaction", ""),
            client_source=client_source(request.scope),
            client_address="" if request.client is None else request.client.host,
        )

    @router.get("", include_in_schema=False)
    @router.get("/{endpoint}", include_in_schema=False)
    async def get(request: Request) -> Response:
        found = document(
            request.url.path,
            request.url.query,
            scheme=request.url.scheme,
            host=request.headers.get("host", ""),
            of=described,
        )
        if found is None:
            return Response(status_code=404, content="?wsdl or ?xsd=FILE", media_type="text/plain")
        return Response(found.body, headers={"Content-Type": found.content_type})

    return router


async def _read(request: Request, octets_max: int) -> bytes | None:
    """The body, or None as soon as it is too large."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > octets_max:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > octets_max:
            return None
    return bytes(body)


def _refused(status: int, details: str, code: str = "1.8") -> SoapAnswer:
    return fault_answer(status, SoapFault("Client", ReplyError(code, details)))


def _response(answer: SoapAnswer) -> Response:
    return Response(answer.body, answer.status, headers=dict(answer.headers))
