"""Certificates, keys and authorities that a configuration names as files.

They are looked at before any door is opened: what cannot work is told here, with its file and what
to do, rather than by a peer that hangs up.  Nothing here logs a key.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from headend.config import BadConfig, ServerTls, Tls

_END = "-----END CERTIFICATE-----\n"


def check(tls: Tls, section: str, now: datetime) -> None:
    """Pass when these files can serve at this time.

    Raises `BadConfig` that names the section, the file, what is wrong with it, and what to do.
    """
    check_own(tls, section, now)
    if tls.revoked is not None:
        _check_revoked(tls.revoked, tls.client_authority, f"{section}: revoked", now)
    for authority in dict.fromkeys((tls.client_authority, tls.authority_of_servers)):
        trusted = _certificates(authority, f"{section}: authority")
        _check_time(trusted, authority, f"{section}: authority", now)
        try:  # OpenSSL has rules of its own, such as a least length of keys
            _context(authority, tls)
        except OSError as error:
            why = f"is refused by OpenSSL, with {authority}: {error}"
            _refuse(f"{section}: certificate", tls.certificate, why, "Have another one issued.")


def check_own(tls: Tls | ServerTls, section: str, now: datetime) -> None:
    """Pass when our certificate can serve at this time, and the key is its.  Raises `BadConfig`."""
    own = _certificates(tls.certificate, f"{section}: certificate")
    _check_time(own[:1], tls.certificate, f"{section}: certificate", now)
    _check_key(tls, own[0], section)


def in_folder(folder: Path, name: str) -> Tls:
    """How commands take them: `authority.pem`, and NAME`.pem` and NAME`.key` beside it."""
    return Tls(
        certificate=folder / f"{name}.pem",
        key=folder / f"{name}.key",
        client_authority=folder / "authority.pem",
    )


def user_name(tls: Tls, section: str) -> str:
    """Our certificate's common name: by it a broker of our own knows us.

    Raises `BadConfig` where it has none that a list of permissions can hold.
    """
    what = f"{section}: certificate"
    names = _certificates(tls.certificate, what)[0].subject.get_attributes_for_oid(
        NameOID.COMMON_NAME
    )
    name = str(names[0].value) if names else ""
    if not name or not name.isprintable() or name != name.strip():
        why = "has no common name, by which an own Mosquitto would know the head-end"
        _refuse(what, tls.certificate, why, "Have one issued that has.")
    return name


def without_revoked(context: ssl.SSLContext, revoked: Path | None) -> ssl.SSLContext:
    """A server's context that refuses clients of a revocation list, where there is one."""
    if revoked is not None:
        context.load_verify_locations(cafile=revoked)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def to_servers(tls: Tls) -> ssl.SSLContext:
    """For connections to others: we show our certificate, and ask for one of their authority that
    carries the name or address we called."""
    return _context(tls.authority_of_servers, tls)


def to_ourselves(tls: Tls) -> ssl.SSLContext:
    """For connections to a server of our own, which shows the same certificate as we do.

    Nothing but that very certificate is believed, so the names in it do not matter: they are those
    of this machine in the network, and we call it by a loopback address.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a trust anchor that is no authority
    leaf, end, _ = tls.certificate.read_text(encoding="ascii").partition(_END)
    context.load_verify_locations(cadata=leaf + end)
    context.load_cert_chain(tls.certificate, tls.key, password=_no_pass_phrase)
    return context


def _context(authority: Path, tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority)
    context.load_cert_chain(tls.certificate, tls.key, password=_no_pass_phrase)
    return context


def _certificates(path: Path, what: str) -> list[x509.Certificate]:
    octets = _read(path, what)
    try:
        return x509.load_pem_x509_certificates(octets)
    except ValueError:
        _refuse(what, path, "holds no certificate in PEM", "It begins with BEGIN CERTIFICATE.")


def _check_revoked(path: Path, authority: Path, what: str, now: datetime) -> None:
    """Refuse a list that OpenSSL would refuse every client for."""
    octets = _read(path, what)
    try:
        found = x509.load_pem_x509_crl(octets)
    except ValueError:
        _refuse(what, path, "holds no revocation list in PEM", "It begins with BEGIN X509 CRL.")
    issuers = [each.subject for each in _certificates(authority, what)]
    if found.issuer not in issuers:
        _refuse(what, path, f"is not of {authority}", "Name the list of client_authority.")
    if found.next_update_utc is not None and found.next_update_utc < now:
        why = f"ended at {found.next_update_utc:%Y-%m-%d}: everybody would be refused"
        _refuse(what, path, why, "Fetch the present one.")


def _check_time(
    certificates: Sequence[x509.Certificate], path: Path, what: str, now: datetime
) -> None:
    """Refuse when none of them is valid now."""
    if any(each.not_valid_before_utc <= now <= each.not_valid_after_utc for each in certificates):
        return
    first = certificates[0]
    span = f"{first.not_valid_before_utc:%Y-%m-%d} to {first.not_valid_after_utc:%Y-%m-%d}"
    _refuse(
        what,
        path,
        f"is valid from {span}, and it is {now:%Y-%m-%d}",
        "Renew it, or set this machine's clock.",
    )


def _check_key(tls: Tls | ServerTls, certificate: x509.Certificate, section: str) -> None:
    what = f"{section}: key"
    octets = _read(tls.key, what)
    try:
        key = load_pem_private_key(octets, password=None)
    except TypeError:
        advice = (
            "The head-end starts alone: take the pass phrase off, and guard the file by rights."
        )
        _refuse(what, tls.key, "is locked by a pass phrase", advice)
    except (ValueError, UnsupportedAlgorithm):
        _refuse(what, tls.key, "holds no private key in PEM", "It begins with BEGIN PRIVATE KEY.")
    if key.public_key() != certificate.public_key():
        _refuse(
            what,
            tls.key,
            f"is not the key of {tls.certificate}",
            "Name the key that the certificate was asked for with.",
        )


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        advice = "Correct the path, or let the head-end's user read the file."
        _refuse(what, path, f"cannot be read: {error.strerror}", advice)


def _no_pass_phrase() -> NoReturn:
    """OpenSSL would ask the terminal for one, and wait."""
    raise ssl.SSLError("the key is locked by a pass phrase")


def _refuse(what: str, path: Path, why: str, advice: str) -> NoReturn:
    raise BadConfig(f"{what} {path} {why}. {advice}".rstrip()) from None
