"""Certificate authorities of one test each: they live in its folder and are gone with it.

Every certificate says on its face that its key is a test's.
"""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from headend.config import Tls

TEST_KEY = "test key, never to be trusted"
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=365 * 50)
PAST = BEGIN + timedelta(days=365)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder of its own."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def found(cls, folder: Path, name: str = "test authority") -> Authority:
        folder.mkdir(exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(_subject(name), key, _subject(name), key, END, authority=True)
        (folder / "authority.pem").write_bytes(_pem(certificate))
        return cls(folder, key, certificate)

    @property
    def path(self) -> Path:
        return self.folder / "authority.pem"

    def issue(
        self, name: str | None, file: str, *, until: datetime = END, key: Key | None = None
    ) -> tuple[Path, Path]:
        """A certificate with that common name (none: an organization only), and its key."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(
            _subject(name), key, self.certificate.subject, self.key, until, authority=False
        )
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

    def revoke(self, *certificates: Path, until: datetime = END) -> Path:
        """A list of these certificates, which the authority takes back."""
        made = x509.CertificateRevocationListBuilder(
            issuer_name=self.certificate.subject, last_update=BEGIN, next_update=until
        )
        for path in certificates:
            serial = x509.load_pem_x509_certificate(path.read_bytes()).serial_number
            entry = x509.RevokedCertificateBuilder(serial, BEGIN).build()
            made = made.add_revoked_certificate(entry)
        found = made.sign(self.key, hashes.SHA256())
        path = self.folder / "revoked.pem"
        path.write_bytes(found.public_bytes(serialization.Encoding.PEM))
        return path

    def tls(
        self, name: str | None, file: str, *, until: datetime = END, key: Key | None = None
    ) -> Tls:
        """What the holder of such a certificate configures."""
        paths = self.issue(name, file, until=until, key=key)
        return Tls(certificate=paths[0], key=paths[1], client_authority=self.path)

    def client_context(
        self, name: str | None, file: str, *, until: datetime = END
    ) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.path)
        context.load_cert_chain(*self.issue(name, file, until=until))
        return context

    def server_context(self, name: str, file: str) -> ssl.SSLContext:
        """Of a server that asks its clients for our certificates."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.path)
        context.load_cert_chain(*self.issue(name, file))
        context.verify_mode = ssl.CERT_REQUIRED
        return context


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _subject(name: str | None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, TEST_KEY)]
    if name is not None:
        parts.append(x509.NameAttribute(NameOID.COMMON_NAME, name))
    return x509.Name(parts)


def _certificate(
    subject: x509.Name,
    key: Key,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    until: datetime,
    *,
    authority: bool,
) -> x509.Certificate:
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "encipher_only", "decipher_only"), False
    )  # fmt: skip
    identifier = x509.SubjectKeyIdentifier.from_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGIN)
        .not_valid_after(until)
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
