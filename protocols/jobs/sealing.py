"""A package as its file: signed by the head-end, sealed for one device, perhaps under a passphrase.

    octets  what
         8  "AMI-JOB" and the version of this layout, 1
         1  flags: bit 0, a passphrase is needed
         8  the head-end that signs:  SHA-256 of its Ed25519 key, the first eight octets
         8  the device that may open: SHA-256 of its X25519 key, the first eight octets
        16  salt of the passphrase; zeros without
         4  n, big-endian
         n  sealed content
        64  Ed25519 signature of all that stands before

Sealing is HPKE in mode base (RFC 9180) with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM;
the `info` is the header, the first 45 octets, so that no header fits another content.  With a
passphrase the content is enciphered before by AES-256-GCM under scrypt of it (RFC 7914): that key
is as new as the salt, so that its nonce of zeros serves once.  The file is signed last: whoever
has not our key cannot even make a device try to open something.

HPKE's ephemeral key comes from the cryptographic library, whatever the caller's chance: a package
is never part of a simulated log.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from protocols.jobs.cards import (
    ID_SIZE,
    SIGNATURE_SIZE,
    DeviceCard,
    DeviceKeys,
    HeadEndCard,
    Signer,
    key_id,
    verified,
)
from protocols.jobs.errors import JobRefused, Refused

LAYOUT = 1
MAGIC = b"AMI-JOB"
SALT_SIZE = 16
HEADER_SIZE = len(MAGIC) + 1 + 1 + 2 * ID_SIZE + SALT_SIZE + 4
PACKAGE_MAX = 16 << 20  # a day's work is some kilobytes; more is nobody's package
SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 15, 8, 1  # 32 MB and a tenth of a second, for one person
_WITH_PASSPHRASE = 1
_NONCE = bytes(12)
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself before anything is opened."""

    octets: bytes
    with_passphrase: bool
    head_end: bytes
    device: bytes
    salt: bytes


def seal(
    content: bytes,
    device: DeviceCard,
    signer: Signer,
    *,
    passphrase: str | None = None,
    salt: bytes = bytes(SALT_SIZE),
) -> bytes:
    """The file of a package; with a passphrase, `salt` has 16 octets that were never used."""
    if passphrase is not None:
        content = _under(passphrase, salt).encrypt(_NONCE, content, None)
    sealed_size = KEM.X25519.enc_length() + len(content) + 16
    header = b"".join(
        (
            MAGIC,
            bytes([LAYOUT, _WITH_PASSPHRASE if passphrase is not None else 0]),
            key_id(signer.public),
            key_id(device.sealing),
            salt if passphrase is not None else bytes(SALT_SIZE),
            sealed_size.to_bytes(4, "big"),
        )
    )
    public = X25519PublicKey.from_public_bytes(device.sealing)
    sealed = _SUITE.encrypt(content, public, header)
    assert len(sealed) == sealed_size
    return header + sealed + signer.sign(header + sealed)


def header_of(file: bytes) -> Header:
    """What a file says of itself; nothing of it is proven.  Raises JobRefused."""
    if len(file) < HEADER_SIZE + SIGNATURE_SIZE or not file.startswith(MAGIC):
        raise JobRefused(Refused.NO_FILE_OF_OURS, "this is no job package")
    layout, flags = file[len(MAGIC)], file[len(MAGIC) + 1]
    if layout != LAYOUT:
        text = f"a package of layout {layout}; this program knows {LAYOUT}"
        raise JobRefused(Refused.VERSION, f"{text}. Try: a program of the same version")
    header = file[:HEADER_SIZE]
    at = len(MAGIC) + 2
    head_end, device = header[at : at + ID_SIZE], header[at + ID_SIZE : at + 2 * ID_SIZE]
    salt = header[at + 2 * ID_SIZE : at + 2 * ID_SIZE + SALT_SIZE]
    return Header(header, bool(flags & _WITH_PASSPHRASE), head_end, device, salt)


def unseal(
    file: bytes, device: DeviceKeys, head_end: HeadEndCard, *, passphrase: str | None = None
) -> bytes:
    """The content of a package, once everything about it is proven.  Raises JobRefused."""
    header = header_of(file)
    if header.head_end != key_id(head_end.signing):
        text = "the package is signed by a head-end that this device does not know"
        raise JobRefused(Refused.STRANGER, f"{text}. Try: ami probe job enrol --head-end CARD")
    if not verified(head_end.signing, file[-SIGNATURE_SIZE:], file[:-SIGNATURE_SIZE]):
        text = "the package was changed after it was signed, or is not whole"
        raise JobRefused(Refused.TAMPERED, f"{text}. Try: fetch it again")
    if header.device != key_id(device.card.sealing):
        text = "the package is for another device"
        raise JobRefused(Refused.OTHER_DEVICE, f"{text}. Try: ask for one for this device")
    sealed = file[HEADER_SIZE:-SIGNATURE_SIZE]
    if len(sealed) != int.from_bytes(header.octets[-4:], "big"):
        raise JobRefused(Refused.TAMPERED, "the package is longer or shorter than it says")
    try:
        content = _SUITE.decrypt(sealed, device.opener, header.octets)
    except (InvalidTag, ValueError) as error:
        raise JobRefused(Refused.TAMPERED, "the package does not open") from error
    if not header.with_passphrase:
        return content
    if passphrase is None:
        raise JobRefused(Refused.PASSPHRASE, "the package wants its passphrase. Try: --passphrase")
    try:
        return _under(passphrase, header.salt).decrypt(_NONCE, content, None)
    except InvalidTag as error:
        raise JobRefused(Refused.PASSPHRASE, "this is not the package's passphrase") from error


def _under(passphrase: str, salt: bytes) -> AESGCM:
    scrypt = Scrypt(salt=salt, length=32, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P)
    return AESGCM(scrypt.derive(passphrase.encode()))
