"""X.509 certificates of the suites 1 and 2 (Green Book 9.2.6) and how class 64 tells of them.

A subject is named by its system title: sixteen hexadecimal digits as its common name.  A key either
signs or agrees, never both, which its certificate says as key usage; one that may do both is for
TLS.  Signatures are deterministic (RFC 6979), as everywhere here: the same request is the same
octets.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from protocols.dlms.objects.shape import Misshapen, integer, members, octets
from protocols.dlms.suite import curve_of
from protocols.dlms.values import Enum, OctetString, Structure, Value

_TITLE = re.compile(r"[0-9A-Fa-f]{16}")


class Entity(enum.IntEnum):
    """Whose certificate it is (Blue Book 4.4.7, certificate_entity)."""

    SERVER = 0
    CLIENT = 1
    AUTHORITY = 2
    OTHER = 3


class Usage(enum.IntEnum):
    """What its key does (certificate_type, and the parameter of generate_key_pair)."""

    SIGNATURE = 0
    AGREEMENT = 1
    TLS = 2
    OTHER = 3


class BadCertificate(ValueError):
    """No certificate that the suite allows; the text says why."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that was read."""

    x509: x509.Certificate
    key: EllipticCurvePublicKey
    usage: Usage
    authority: bool

    @property
    def octets(self) -> bytes:
        """DER."""
        return self.x509.public_bytes(Encoding.DER)

    @property
    def name(self) -> str:
        """The subject's common name."""
        return _common_name(self.x509.subject)

    @property
    def title(self) -> bytes | None:
        """The system title that names the subject, None where its name is none."""
        return bytes.fromhex(self.name) if _TITLE.fullmatch(self.name) else None

    @property
    def serial(self) -> bytes:
        """The serial number, shortest form."""
        number = self.x509.serial_number
        return number.to_bytes(number.bit_length() // 8 + 1, "big")

    @property
    def issuer(self) -> bytes:
        """The issuer's name, DER."""
        return self.x509.issuer.public_bytes()

    def issued_by(self, authority: Certificate) -> bool:
        """Whether this authority's key has signed it."""
        try:
            self.x509.verify_directly_issued_by(authority.x509)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
            return False
        return authority.authority

    def runs(self, now: datetime) -> bool:
        """Whether it is valid at a time."""
        return self.x509.not_valid_before_utc <= now <= self.x509.not_valid_after_utc

    def entity(self, server_title: bytes) -> Entity:
        """Whose it is, at the server of this title."""
        if self.authority:
            return Entity.AUTHORITY
        if self.title is None:
            return Entity.OTHER
        return Entity.SERVER if self.title == server_title else Entity.CLIENT


_NONE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    CryptographyDeprecationWarning,
)
"""What the library raises for octets that are no certificate, or none that it knows; of what it
will refuse one day it warns, which is an error where warnings are."""


def read_certificate(suite: int, der: bytes) -> Certificate:
    """A certificate of the suite's curve.  Raises BadCertificate."""
    try:
        found = x509.load_der_x509_certificate(der)
        key = found.public_key()
        extensions = found.extensions
        names = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        _ = found.issuer, found.not_valid_before_utc, found.not_valid_after_utc  # read when asked
    except _NONE as error:
        raise BadCertificate(f"no certificate: {error}") from error
    if found.version is not x509.Version.v3:
        raise BadCertificate("not of version 3")
    if found.serial_number <= 0:
        raise BadCertificate("its serial number is not positive")
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name != curve_of(suite).group.name:
        raise BadCertificate("its key is of another curve")
    if len(names) != 1:
        raise BadCertificate("its subject has no common name, or several")
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        raise BadCertificate("it does not say what its key is used for") from None
    try:
        authority = extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        authority = False
    if authority:
        if not usage.key_cert_sign:
            raise BadCertificate("an authority whose key signs no certificates")
        return Certificate(found, key, Usage.OTHER, True)
    match usage.digital_signature, usage.key_agreement:
        case True, False:
            return Certificate(found, key, Usage.SIGNATURE, False)
        case False, True:
            return Certificate(found, key, Usage.AGREEMENT, False)
        case True, True:
            return Certificate(found, key, Usage.TLS, False)
    raise BadCertificate("its key neither signs nor agrees")


def request(suite: int, key: EllipticCurvePrivateKey, title: bytes, usage: Usage) -> bytes:
    """A certificate signing request (PKCS#10, Green Book 9.2.6.6) for a key pair, DER."""
    made = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(named(title.hex().upper()))
        .add_extension(_key_usage(usage), critical=True)
        .sign(key, curve_of(suite).digest, ecdsa_deterministic=True)
    )
    return made.public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True)
class Authority:
    """Issues certificates."""

    suite: int
    name: str
    key: EllipticCurvePrivateKey

    def itself(self, serial: int, begin: datetime, end: datetime) -> Certificate:
        """Its own certificate, a trust anchor."""
        return self._issue(self.name, self.key.public_key(), None, serial, begin, end)

    def issue(
        self,
        title: bytes,
        key: EllipticCurvePublicKey,
        usage: Usage,
        serial: int,
        begin: datetime,
        end: datetime,
    ) -> Certificate:
        """The certificate of somebody with a system title."""
        return self._issue(title.hex().upper(), key, usage, serial, begin, end)

    def _issue(
        self,
        name: str,
        key: EllipticCurvePublicKey,
        usage: Usage | None,
        serial: int,
        begin: datetime,
        end: datetime,
    ) -> Certificate:
        ours = self.key.public_key()
        made = (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named(self.name))
            .public_key(key)
            .serial_number(serial)
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ours), False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
            .add_extension(_key_usage(usage), critical=True)
            .add_extension(x509.BasicConstraints(usage is None, None), critical=True)
            .sign(self.key, curve_of(self.suite).digest, ecdsa_deterministic=True)
        )
        return read_certificate(self.suite, made.public_bytes(Encoding.DER))


def named(name: str) -> x509.Name:
    """A name that is a common name and nothing else."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _common_name(name: x509.Name) -> str:
    (attribute,) = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(attribute.value)


def _key_usage(usage: Usage | None) -> x509.KeyUsage:
    """Of an authority where it is None."""
    return x509.KeyUsage(
        digital_signature=usage in (Usage.SIGNATURE, Usage.TLS),
        key_agreement=usage in (Usage.AGREEMENT, Usage.TLS),
        key_cert_sign=usage is None,
        crl_sign=usage is None,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        encipher_only=False,
        decipher_only=False,
    )


# --- as class 64 tells of them -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ByEntity:
    """The certificate of this entity, usage and system title."""

    entity: int
    usage: int
    title: bytes

    def means(self, certificate: Certificate, server_title: bytes) -> bool:
        """Whether it is this one; an authority has no system title, but a name."""
        if (certificate.entity(server_title), certificate.usage) != (self.entity, self.usage):
            return False
        return self.title in (certificate.title, certificate.name.encode()) or not self.title


@dataclass(frozen=True, slots=True)
class BySerial:
    """The certificate with this serial number of this issuer (its name, DER)."""

    serial: bytes
    issuer: bytes

    def means(self, certificate: Certificate, server_title: bytes) -> bool:
        """Whether it is this one.  The serial number may come as a DER INTEGER."""
        own = certificate.serial
        forms = (own, own.lstrip(b"\0"), bytes((2, len(own))) + own)
        return self.serial in forms and self.issuer == certificate.issuer


Identification = ByEntity | BySerial


def identification_data(which: Identification) -> Structure:
    """The parameter of export_certificate and remove_certificate."""
    match which:
        case ByEntity(entity, usage, title):
            inner = Structure((Enum(entity), Enum(usage), OctetString(title)))
            return Structure((Enum(0), inner))
        case BySerial(serial, issuer):
            return Structure((Enum(1), Structure((OctetString(serial), OctetString(issuer)))))


def read_identification(value: Value | None) -> Identification:
    """Which certificate is meant.  Raises Misshapen."""
    if value is None:
        raise Misshapen("a certificate's identification is missing")
    kind, options = members(value, "a certificate's identification", 2)[:2]
    match integer(kind, "its type"):
        case 0:
            entity, usage, title = members(options, "entity, type and title", 3)[:3]
            return ByEntity(
                integer(entity, "the entity"), integer(usage, "the type"), octets(title, "a title")
            )
        case 1:
            serial, issuer = members(options, "serial number and issuer", 2)[:2]
            return BySerial(octets(serial, "a serial number"), octets(issuer, "an issuer"))
        case other:
            raise Misshapen(f"a certificate is identified by 0 or 1, not {other}")


def certificate_info(certificate: Certificate, server_title: bytes) -> Structure:
    """An element of the attribute `certificates`."""
    try:
        found = certificate.x509.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        alternative = found.value.public_bytes()
    except x509.ExtensionNotFound:
        alternative = b""
    return Structure(
        (
            Enum(certificate.entity(server_title)),
            Enum(certificate.usage),
            OctetString(certificate.serial),
            OctetString(certificate.issuer),
            OctetString(certificate.x509.subject.public_bytes()),
            OctetString(alternative),
        )
    )
