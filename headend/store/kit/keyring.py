"""Keys and passwords of meters on a laptop, sealed under a passphrase or a key file.

A passphrase becomes the sealing key by scrypt (RFC 7914); a key file holds the sealing key itself,
as the head-end's envelope does.  What a record belongs to is authenticated with it, so records
cannot change places.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from headend.ports import Chance, KeysUnreadable
from headend.store import key_pairs
from headend.store.envelope import KEY_SIZE, Envelope
from headend.store.kit.folder import BadKit, prepare, read, write
from protocols.dlms.keys import KeyPairs, Keys

SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 15, 8, 1  # 32 MB and a tenth of a second, for one person
SALT_SIZE = 16
_CHECK = b"ami keyring"
_BELONGS_TO_ALL = ("keyring", "check", "")


class WrongPassphrase(RuntimeError):
    """The keyring does not open with it."""


@dataclass(frozen=True, slots=True)
class Secret:
    """What one client and one meter share."""

    password: bytes | None = field(default=None, repr=False)
    keys: Keys | None = field(default=None, repr=False)
    meter_title: bytes | None = None
    pairs: KeyPairs | None = field(default=None, repr=False)  # suites 1 and 2: those that sign


class _Record(msgspec.Struct, array_like=True, frozen=True):
    """What is sealed."""

    password: bytes | None
    encryption: bytes | None
    authentication: bytes | None
    broadcast: bytes | None
    master: bytes | None
    meter_title: bytes | None
    signing: bytes | None = None  # PKCS#8, DER
    meter_signing: bytes | None = None  # SubjectPublicKeyInfo, DER


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """The keyring's file."""

    check: bytes
    salt: bytes | None = None  # with a passphrase
    sealed: dict[str, dict[int, bytes]] = {}  # by meter and client
    v: int = 1


class Keyring:
    """The keyring of one kit, open."""

    def __init__(self, path: Path, envelope: Envelope, file: _File) -> None:
        self._path = path
        self._envelope = envelope
        self._file = file

    @staticmethod
    def is_there(folder: Path) -> bool:
        """Whether the kit has a keyring."""
        return (folder / "keyring.json").exists()

    @classmethod
    def open(cls, folder: Path, unlock: str | Path, chance: Chance) -> Keyring:
        """Open the keyring with a passphrase, or a key file's path; a new one where there is none.

        Raises `WrongPassphrase`, `BadKit`, and `BadEnvelope` for a key file that is none.
        """
        path = prepare(folder) / "keyring.json"
        octets = read(path)
        file = None if octets is None else _decoded(path, octets)
        by_file = isinstance(unlock, Path)
        if file is not None and by_file is not (file.salt is None):
            wanted = "a key file" if file.salt is None else "a passphrase"
            raise WrongPassphrase(f"{path} opens with {wanted}")
        salt = None
        if not by_file:
            salt = chance.octets("salt", SALT_SIZE) if file is None else file.salt
        envelope = envelope_of(unlock, salt)
        if file is None:
            file = _File(envelope.seal(_CHECK, _BELONGS_TO_ALL), salt)
            write(path, msgspec.json.encode(file))
        try:
            envelope.open(envelope.name, file.check, _BELONGS_TO_ALL)
        except KeysUnreadable as error:
            what = "key file" if by_file else "passphrase"
            raise WrongPassphrase(f"{path} does not open with this {what}") from error
        return cls(path, envelope, file)

    def meters(self) -> list[str]:
        """Those that something is known of."""
        return sorted(self._file.sealed)

    def clients(self, meter: str) -> list[int]:
        """The client addresses that something is known for."""
        return sorted(self._file.sealed.get(meter, {}))

    def get(self, meter: str, client: int) -> Secret | None:
        """What this client and this meter share.  Raises `BadKit` for a damaged record."""
        sealed = self._file.sealed.get(meter, {}).get(client)
        if sealed is None:
            return None
        try:
            plain = self._envelope.open(self._envelope.name, sealed, _belongs(meter, client))
        except KeysUnreadable as error:
            raise BadKit(f"{self._path}: meter {meter}, client {client}: {error}") from error
        record = msgspec.msgpack.decode(plain, type=_Record)
        keys = None
        if record.encryption is not None and record.authentication is not None:
            keys = Keys(record.encryption, record.authentication, record.broadcast, record.master)
        return Secret(record.password, keys, record.meter_title, _pairs_of(record))

    def put(self, meter: str, client: int, secret: Secret) -> None:
        """Keep it; what was known before is replaced."""
        keys, password, title = secret.keys, secret.password, secret.meter_title
        record = _Record(password, None, None, None, None, title, *_halves(secret.pairs))
        if keys is not None:
            record = msgspec.structs.replace(
                record,
                encryption=keys.encryption,
                authentication=keys.authentication,
                broadcast=keys.broadcast,
                master=keys.master,
            )
        sealed = self._envelope.seal(msgspec.msgpack.encode(record), _belongs(meter, client))
        self._file.sealed.setdefault(meter, {})[client] = sealed
        self._save()

    def forget(self, meter: str) -> None:
        """Nothing is known of the meter any more."""
        if self._file.sealed.pop(meter, None) is not None:
            self._save()

    def _save(self) -> None:
        write(self._path, msgspec.json.encode(self._file))


def _decoded(path: Path, octets: bytes) -> _File:
    try:
        return msgspec.json.decode(octets, type=_File)
    except msgspec.DecodeError as error:
        raise BadKit(f"{path}: {error}. Try: put a copy of it back") from error


def envelope_of(unlock: str | Path, salt: bytes | None) -> Envelope:
    """What a passphrase with its salt, or a key file, seals.  Raises `BadEnvelope`."""
    if isinstance(unlock, Path):
        return Envelope.from_file(unlock)
    assert salt is not None
    scrypt = Scrypt(salt=salt, length=KEY_SIZE, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P)
    return Envelope([scrypt.derive(unlock.encode())])


def _halves(pairs: KeyPairs | None) -> tuple[bytes | None, bytes | None]:
    return (None, None) if pairs is None else key_pairs.halves(pairs)


def _pairs_of(record: _Record) -> KeyPairs | None:
    if record.signing is None and record.meter_signing is None:
        return None
    return key_pairs.joined(record.signing, record.meter_signing)


def _belongs(meter: str, client: int) -> tuple[str, str, str]:
    return "keyring", meter, str(client)
