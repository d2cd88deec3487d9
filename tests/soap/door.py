"""The SOAP door on a real loopback socket, for clients that want one."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fastapi import FastAPI

from headend.config import Soap, Tls
from headend.soap.route import soap_router, uvicorn_options
from headend.soap.server import SoapServer

BODY_MAX_BYTES = 20_000


@contextlib.asynccontextmanager
async def open_door(server: SoapServer, tls: Tls | None = None) -> AsyncIterator[str]:
    """Serve on a free port; yields the base address."""
    app = FastAPI(openapi_url=None)
    app.include_router(soap_router(server, body_max_bytes=BODY_MAX_BYTES))
    options = uvicorn_options(Soap(port=0, tls=tls))
    door = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", **options))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        serving = asyncio.create_task(door.serve(sockets=[listening]))
        try:
            while not door.started:
                await asyncio.sleep(0)
            yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        finally:
            door.should_exit = True
            await serving


@dataclass(frozen=True)
class Authority:
    """A certificate authority for one test, in a folder of its own."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def found(cls, folder: Path, name: str = "test authority") -> Authority:
        folder.mkdir(exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(name, key, name, key, authority=True)
        (folder / "authority.pem").write_bytes(_pem(certificate))
        return cls(folder, key, certificate)

    @property
    def path(self) -> Path:
        return self.folder / "authority.pem"

    def issue(self, name: str | None, file: str) -> tuple[Path, Path]:
        """A certificate with that common name (none: an organization only), and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self.certificate.subject.rfc4514_string().removeprefix("CN=")
        certificate = _certificate(name, key, issuer, self.key)
        paths = self.folder / f"{file}.pem", self.folder / f"{file}.key"
        paths[0].write_bytes(_pem(certificate))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return paths

    def client_context(self, name: str | None, file: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.path)
        context.load_cert_chain(*self.issue(name, file))
        return context


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _certificate(
    name: str | None,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    authority: bool = False,
) -> x509.Certificate:
    oid, text = (NameOID.COMMON_NAME, name) if name else (NameOID.ORGANIZATION_NAME, "nameless")
    start = datetime(2020, 1, 1, tzinfo=UTC)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "encipher_only", "decipher_only"), False
    )  # fmt: skip
    identifier = x509.SubjectKeyIdentifier.from_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(oid, text)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=365 * 50))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=authority, crl_sign=authority, **usage
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(issuer_key, hashes.SHA256())
    )
