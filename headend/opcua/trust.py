"""Which clients' certificates are believed: those that were named, and those that a named authority
has signed, as long as they last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from headend.ports import Clock


@dataclass(frozen=True, slots=True)
class Trusted:
    """`named` are certificates of clients or of authorities."""

    named: tuple[x509.Certificate, ...]
    clock: Clock

    @classmethod
    def read(cls, octets: bytes, clock: Clock) -> Trusted:
        """From PEM.  Raises ValueError where there is no certificate."""
        return cls(tuple(x509.load_pem_x509_certificates(octets)), clock)

    def __call__(self, shown: bytes) -> bool:
        """Whether a certificate (DER, its chain behind it or not) may connect."""
        try:
            certificate = x509.load_der_x509_certificate(_first(shown))
        except ValueError:
            return False
        if not self._lasts(certificate):
            return False
        return certificate in self.named or any(
            self._lasts(authority) and _signed(certificate, authority)
            for authority in _authorities(self.named)
        )

    def _lasts(self, certificate: x509.Certificate) -> bool:
        now = self.clock.now()
        return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _authorities(named: Iterable[x509.Certificate]) -> Iterable[x509.Certificate]:
    for each in named:
        try:
            constraints = each.extensions.get_extension_for_class(x509.BasicConstraints)
        except x509.ExtensionNotFound:
            continue
        if constraints.value.ca:
            yield each


def _signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _first(octets: bytes) -> bytes:
    """The first certificate of a chain (OPC 10000-6, 6.2.6: DER, one behind the other)."""
    if len(octets) > 4 and octets[:2] == b"\x30\x82":
        return octets[: 4 + int.from_bytes(octets[2:4], "big")]
    return octets
