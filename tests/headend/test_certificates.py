"""Files that cannot serve are told before any door is opened: which, why, and what to do."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from headend.certificates import check, to_ourselves, to_servers, user_name
from headend.config import BadConfig, Tls
from tests.certificates import PAST, Authority

NOW = datetime(2026, 7, 6, 14, tzinfo=UTC)
EARLIER = datetime(2019, 7, 6, tzinfo=UTC)

Spoil = Callable[[Tls], object]


def _key_of_another(tls: Tls) -> None:
    Authority.found(tls.key.parent / "other").issue("x", "x")
    tls.key.write_bytes((tls.key.parent / "other" / "x.key").read_bytes())


def _lock(tls: Tls) -> None:
    key = serialization.load_pem_private_key(tls.key.read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    tls.key.write_bytes(locked)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


SPOILT: dict[str, tuple[Spoil, str, str]] = {
    # name: (what happened to the files, which file is named, why)
    "no certificate": (lambda t: t.certificate.unlink(), "certificate", "No such file"),
    "no key": (lambda t: t.key.unlink(), "key", "No such file"),
    "no authority": (lambda t: t.client_authority.unlink(), "authority", "No such file"),
    "a directory": (lambda t: _directory(t.key), "key", "Is a directory"),
    "empty": (lambda t: t.client_authority.write_bytes(b""), "authority", "no certificate in PEM"),
    "another file": (lambda t: t.certificate.write_text("x"), "certificate", "no certificate in"),
    "cut short": (
        lambda t: t.certificate.write_bytes(t.certificate.read_bytes()[:300]),
        "certificate", "no certificate in PEM",
    ),
    "key and certificate exchanged": (
        lambda t: t.client_authority.write_bytes(t.key.read_bytes()), "authority", "no certificate",
    ),
    "no key in it": (
        lambda t: t.key.write_bytes(t.certificate.read_bytes()), "key", "no private key in PEM",
    ),
    "another's key": (_key_of_another, "key", "is not the key of"),
    "a locked key": (_lock, "key", "locked by a pass phrase"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "file", "why"), SPOILT.values(), ids=SPOILT)
def test_spoilt_files(tmp_path: Path, spoil: Spoil, file: str, why: str) -> None:
    tls = Authority.found(tmp_path).tls("hes", "hes")
    check(tls, "soap.tls", NOW)
    spoil(tls)
    paths = {"certificate": tls.certificate, "key": tls.key, "authority": tls.client_authority}
    with pytest.raises(BadConfig) as refusal:
        check(tls, "soap.tls", NOW)
    told = str(refusal.value)
    assert told.startswith(f"soap.tls: {file} {paths[file]} ") and why in told
    assert told.endswith(".") and told.count(". ") == 1  # what to do comes behind


def test_times(tmp_path: Path) -> None:
    authority = Authority.found(tmp_path)
    expired = authority.tls("hes", "hes", until=PAST)
    with pytest.raises(BadConfig, match=r"hes\.pem is valid from 2020-01-01 to 2020-12-31, and it"):
        check(expired, "mqtt.tls", NOW)
    with pytest.raises(BadConfig, match="and it is 2019-07-06. Renew it, or set this machine's"):
        check(authority.tls("hes", "hes"), "mqtt.tls", EARLIER)


def test_the_other_authority_is_looked_at_as_well(tmp_path: Path) -> None:
    ours = Authority.found(tmp_path).tls("hes", "hes")
    tls = Tls(
        certificate=ours.certificate,
        key=ours.key,
        client_authority=ours.client_authority,
        server_authority=tmp_path / "nowhere.pem",
    )
    with pytest.raises(BadConfig, match=r"authority .*nowhere\.pem cannot be read"):
        check(tls, "soap.tls", NOW)


def test_a_key_too_short_for_openssl(tmp_path: Path) -> None:
    tls = Authority.found(tmp_path).tls("hes", "hes", key=rsa.generate_private_key(65537, 1024))
    with pytest.raises(BadConfig, match=r"hes\.pem is refused by OpenSSL"):
        check(tls, "soap.tls", NOW)


def test_the_name(tmp_path: Path) -> None:
    authority = Authority.found(tmp_path)
    assert user_name(authority.tls("hes.example", "a"), "mqtt.tls") == "hes.example"
    for name in (None, " ", "two\nlines", " before"):
        with pytest.raises(BadConfig, match=r"b\.pem has no common name"):
            user_name(authority.tls(name, "b"), "mqtt.tls")


@pytest.mark.live
async def test_only_our_own_certificate_is_ourselves(tmp_path: Path) -> None:
    """Another one of the same authority, even under the same name, is not."""
    authority = Authority.found(tmp_path)
    tls = authority.tls("hes", "hes")

    async def reached(server: ssl.SSLContext, client: ssl.SSLContext) -> bool:
        async def farewell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        listening = await asyncio.start_server(farewell, "127.0.0.1", 0, ssl=server)
        port = listening.sockets[0].getsockname()[1]
        async with listening:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
            except ssl.SSLCertVerificationError:
                return False
            assert await reader.read() == b""
            writer.close()
            return True

    ours = authority.server_context("unused", "unused")
    ours.load_cert_chain(tls.certificate, tls.key)
    twin = authority.server_context("hes", "twin")
    assert await reached(ours, to_ourselves(tls))
    assert not await reached(twin, to_ourselves(tls))
    assert await reached(twin, to_servers(tls))
    stranger = Authority.found(tmp_path / "theirs").server_context("hes", "hes")
    assert not await reached(stranger, to_servers(tls))


def test_a_revocation_list_that_would_refuse_everybody(tmp_path: Path) -> None:
    authority = Authority.found(tmp_path / "ours")
    other = Authority.found(tmp_path / "theirs", "another authority")
    tls = authority.tls("hes", "hes")

    def with_list(path: Path) -> Tls:
        return msgspec.structs.replace(tls, revoked=path)

    check(with_list(authority.revoke(tls.certificate)), "soap.tls", NOW)
    for path, text in (
        (authority.revoke(until=PAST), "everybody would be refused"),
        (other.revoke(), "is not of"),
        (tls.key, "holds no revocation list"),
        (tmp_path / "none.pem", "cannot be read"),
    ):
        with pytest.raises(BadConfig, match=text):
            check(with_list(path), "soap.tls", NOW)
