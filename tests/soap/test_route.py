"""The door over HTTP: bounds, documents, certificates, and who may open it where."""

from __future__ import annotations

import asyncio
import ssl
from datetime import datetime
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import msgspec
import pytest
from lxml import etree
from structlog.testing import capture_logs

from headend.config import Soap, Tls
from headend.soap.door.admission import Admission
from headend.soap.door.documents import ENDPOINTS, document
from headend.soap.door.route import UnsafeBind, client_source, uvicorn_options
from protocols.cim import schema
from tests.certificates import END, PAST, Authority
from tests.cim import orders_as_xml as a
from tests.soap.desk import FixedClock, RememberingDesk, server_around
from tests.soap.door import BODY_MAX_BYTES, open_door

ORDERS = "/soap/EndDeviceControls"
XML = {"Content-Type": "text/xml; charset=utf-8"}


def client(**options: object) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(trust_env=False, timeout=20, **options)  # type: ignore[arg-type]


@pytest.mark.live
async def test_orders_travel_over_http() -> None:
    desk = RememberingDesk()
    async with open_door(server_around(desk)) as base, client() as http:
        for path in ENDPOINTS:
            answer = await http.post(base + path, content=a.soap(a.typed()), headers=XML)
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "text/xml; charset=utf-8"
            assert b">OK<" in answer.content
        assert len(desk.taken) == len(ENDPOINTS)
        assert "server" not in answer.headers


OVERSIZE = a.soap(a.typed()) + b" " * BODY_MAX_BYTES

REFUSED = {
    # name: (path, headers, body, status, key)
    "empty": (ORDERS, XML, b"", 400, b"XML_VACIO"),
    "oversize": (ORDERS, XML, OVERSIZE, 413, b"MENSAJE_DEMASIADO_GRANDE"),
    "JSON": (
        ORDERS, {"Content-Type": "application/json"}, b"{}", 415, b"TIPO_DE_CONTENIDO",
    ),
    "SOAP 1.2's type": (
        ORDERS, {"Content-Type": "application/soap+xml"}, a.soap(a.typed()), 415,
        b"TIPO_DE_CONTENIDO",
    ),
    "an attachment": (
        ORDERS, {"Content-Type": "multipart/related; boundary=x"}, b"--x--", 415,
        b"TIPO_DE_CONTENIDO",
    ),
    "compressed": (
        ORDERS, XML | {"Content-Encoding": "gzip"}, b"\x1f\x8b", 415, b"TIPO_DE_CONTENIDO",
    ),
    "another door": ("/soap/Coffee", XML, a.soap(a.typed()), 404, b"PUERTA_DESCONOCIDA"),
}  # fmt: skip


@pytest.mark.live
@pytest.mark.parametrize(
    ("path", "headers", "body", "status", "key"), REFUSED.values(), ids=REFUSED
)
async def test_refused_as_a_fault(
    path: str, headers: dict[str, str], body: bytes, status: int, key: bytes
) -> None:
    desk = RememberingDesk()
    async with open_door(server_around(desk)) as base, client() as http:
        answer = await http.post(base + path, content=body, headers=headers)
    assert (answer.status_code, desk.taken) == (status, [])
    assert b":Fault>" in answer.content and key in answer.content


@pytest.mark.live
async def test_a_body_that_grows_too_large_is_cut_off() -> None:
    """Without a Content-Length the size shows only while reading."""

    async def endless() -> object:
        for _ in range(40):
            yield b"<x>" * 500

    async with open_door(server_around(RememberingDesk())) as base, client() as http:
        answer = await http.post(base + ORDERS, content=endless(), headers=XML)
    assert answer.status_code == 413


@pytest.mark.live
async def test_a_client_that_hangs_up_leaves_nothing() -> None:
    desk = RememberingDesk()
    async with open_door(server_around(desk)) as base:
        port = int(base.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"POST {ORDERS} HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n"
            "Content-Length: 500\r\n\r\n<x>".encode()
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with client() as http:  # the door still stands
            answer = await http.post(base + ORDERS, content=a.soap(a.typed()), headers=XML)
    assert answer.status_code == 200
    assert len(desk.taken) == 1


@pytest.mark.live
async def test_documents_name_the_address_they_were_asked_at() -> None:
    async with open_door(server_around(RememberingDesk())) as base, client() as http:
        for path in ENDPOINTS:
            wsdl = await http.get(f"{base}{path}?wsdl")
            assert wsdl.status_code == 200
            assert f'location="{base}{path}"' in wsdl.text
            references = etree.fromstring(wsdl.content).xpath("//@schemaLocation")
            assert references
            for reference in references:
                found = await http.get(urljoin(f"{base}{path}", reference))
                assert found.status_code == 200
                etree.fromstring(found.content)
        for wrong in (ORDERS, "/soap/Coffee?wsdl", ORDERS + "?xsd=../envelope.py", ORDERS + "?xsd"):
            assert (await http.get(base + wrong)).status_code == 404


def test_no_header_gets_into_a_document() -> None:
    for host in ("", "evil.example/x", 'x"/><evil', "x y", "a:b:c", "http://x", "x" * 9 + "\r\n"):
        found = document(ORDERS, "wsdl", scheme="http", host=host)
        assert found is not None
        assert f'location="http://127.0.0.1{ORDERS}"'.encode() in found.body
    for host in ("hes.utility.example:8080", "[::1]:8080", "10.0.0.1"):
        found = document(ORDERS, "WSDL", scheme="https", host=host)
        assert found is not None
        assert f'location="https://{host}{ORDERS}"'.encode() in found.body


def test_every_schema_is_reachable_from_every_endpoint() -> None:
    for path in ENDPOINTS:
        for name in schema.XSDS:
            found = document(path, f"xsd={name}", scheme="http", host="x")
            assert found is not None
            assert b'schemaLocation="Message.xsd"' not in found.body


# --- who may listen where, and who calls ---------------------------------------------------


def test_no_option_opens_the_network_without_mutual_tls() -> None:
    with pytest.raises(UnsafeBind, match="mutual TLS"):
        uvicorn_options(Soap(host="0.0.0.0"))
    tls = Tls(certificate=Path("c"), key=Path("k"), client_authority=Path("a"))
    options = uvicorn_options(Soap(host="0.0.0.0", tls=tls))
    assert (options["ssl_ca_certs"], options["ssl_cert_reqs"]) == ("a", ssl.CERT_REQUIRED)


CERTIFICATES = {
    "plain": ({}, None),
    "no extension": ({"extensions": {}}, None),
    "no certificate": ({"extensions": {"tls": {"client_cert": None}}}, None),
    "nameless": (
        {"extensions": {"tls": {"client_cert": {"subject": ((("organizationName", "x"),),)}}}}, "",
    ),
    "empty": ({"extensions": {"tls": {"client_cert": {}}}}, ""),
    "named": (
        {"extensions": {"tls": {"client_cert": {"subject": (
            (("organizationName", "x"),), (("commonName", "COMERCIAL"),),
        )}}}}, "COMERCIAL",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("scope", "name"), CERTIFICATES.values(), ids=CERTIFICATES)
def test_the_callers_name(scope: dict[str, object], name: str | None) -> None:
    assert client_source(scope) == name


@pytest.mark.live
async def test_mutual_tls_binds_the_source(tmp_path: Path) -> None:
    authority = Authority.found(tmp_path / "ours")
    certificate, key = authority.issue("hes", "hes")
    tls = Tls(certificate=certificate, key=key, client_authority=authority.path)
    desk = RememberingDesk()
    message = a.soap(a.typed())
    picky = server_around(desk, Admission(clock=FixedClock(), sources=frozenset({"OTRO"})))
    async with open_door(picky, tls) as base:
        async with client(verify=authority.client_context("COMERCIAL", "c")) as http:
            answer = await http.post(base + ORDERS, content=message, headers=XML)
            assert b">7.5<" in answer.content and b"CERTIFICADO_NO_ADMITIDO" in answer.content
    async with open_door(server_around(desk), tls) as base:
        async with client(verify=authority.client_context("COMERCIAL", "c")) as http:
            answer = await http.post(base + ORDERS, content=message, headers=XML)
            assert b">OK<" in answer.content
        async with client(verify=authority.client_context("OTRO", "o")) as http:
            answer = await http.post(base + ORDERS, content=message, headers=XML)
            assert b">7.5<" in answer.content
        async with client(verify=authority.client_context(None, "n")) as http:
            answer = await http.post(base + ORDERS, content=message, headers=XML)
            assert b">7.4<" in answer.content
    assert [request.source for request, _ in desk.taken] == ["COMERCIAL"]


STRANGERS = {
    # name: (name, whose authority signed it, when it ends), the alert that it gets (RFC 8446, 6.2)
    "without a certificate": (None, "alert certificate required"),
    "of another authority": (("COMERCIAL", "theirs", END), "alert unknown ca"),
    "expired": (("COMERCIAL", "ours", PAST), "alert certificate expired"),
}


@pytest.mark.live
@pytest.mark.parametrize(("shown", "alert"), STRANGERS.values(), ids=STRANGERS)
async def test_a_stranger_does_not_enter_and_hears_why(
    tmp_path: Path, shown: tuple[str, str, datetime] | None, alert: str
) -> None:
    authority = Authority.found(tmp_path / "ours")
    stranger = Authority.found(tmp_path / "theirs", "another authority")
    context = ssl.create_default_context(cafile=authority.path)
    if shown is not None:
        name, whose, until = shown
        issuer = authority if whose == "ours" else stranger
        context.load_cert_chain(*issuer.issue(name, "c", until=until))
    desk = RememberingDesk()
    with capture_logs() as logged:
        async with open_door(server_around(desk), authority.tls("hes", "hes")) as base:
            with pytest.raises((httpx2.TransportError, ssl.SSLError), match=alert):
                async with client(verify=context) as http:
                    await http.post(base + ORDERS, content=a.soap(a.typed()), headers=XML)
    assert desk.taken == []
    assert [line["event"] for line in logged] == ["a client was refused by TLS"]


@pytest.mark.live
async def test_a_revoked_certificate_is_refused_and_others_are_not(tmp_path: Path) -> None:
    authority = Authority.found(tmp_path)
    stolen = authority.client_context("COMERCIAL", "stolen")
    list_ = authority.revoke(tmp_path / "stolen.pem")
    tls = msgspec.structs.replace(authority.tls("hes", "hes"), revoked=list_)
    desk = RememberingDesk()
    message = a.soap(a.typed())
    with capture_logs() as logged:
        async with open_door(server_around(desk), tls) as base:
            with pytest.raises(
                (httpx2.TransportError, ssl.SSLError), match="alert certificate revoked"
            ):
                async with client(verify=stolen) as http:
                    await http.post(base + ORDERS, content=message, headers=XML)
            async with client(verify=authority.client_context("COMERCIAL", "new")) as http:
                answer = await http.post(base + ORDERS, content=message, headers=XML)
                assert b">OK<" in answer.content
    assert len(desk.taken) == 1
    assert [line["event"] for line in logged] == ["a client was refused by TLS"]


@pytest.mark.live
async def test_nobody_enters_without_tls(tmp_path: Path) -> None:
    desk = RememberingDesk()
    tls = Authority.found(tmp_path).tls("hes", "hes")
    async with open_door(server_around(desk), tls) as base:
        plain = base.replace("https", "http")
        with pytest.raises(httpx2.TransportError):
            async with client() as http:
                await http.post(plain + ORDERS, content=a.soap(a.typed()), headers=XML)
    assert desk.taken == []
