"""A key given to several officers, so that some of them together have it and fewer have nothing.

For each group of as many officers as are needed the key is split into random pieces that give it
back only all together (each but the last is chance, the last the key xor the others); each officer
of the group gets one of them.  That is replicated secret sharing (Ito, Saito, Nishizeki 1987): with
a piece missing, the others tell nothing at all, whatever somebody can compute.  Each officer's
pieces are sealed to that officer's public key (X25519, HKDF-SHA256, ChaCha20-Poly1305), so that the
shares may travel and lie anywhere but in the backup itself.

Officers make their keys by themselves:

    openssl genpkey -algorithm X25519 -aes256 -out ana.key
    openssl pkey -in ana.key -pubout -out ana.pem
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import combinations

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from headend.ports import Chance

FORMAT = "ami-escrow-1"
OFFICERS_MAX = 9  # 126 groups of five at most
_RAW = serialization.Encoding.Raw, serialization.PublicFormat.Raw


class BadEscrow(ValueError):
    """It cannot be made, or opened, in this way; the text says why and shows no key."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One officer's file.  Nothing in it is secret but `sealed`, which only the officer opens."""

    format: str = FORMAT
    of: str  # tells escrows apart
    officer: str
    officers: tuple[str, ...]
    needed: int
    check: str  # of the key, so that who opens it knows that it is the right one
    ephemeral: bytes
    sealed: bytes


class _Pieces(msgspec.Struct, frozen=True):
    """By group (the names of its officers) this officer's piece of the key."""

    by_group: dict[str, bytes]

    def __repr__(self) -> str:
        return "_Pieces()"


def split(
    secret: bytes, officers: Mapping[str, X25519PublicKey], needed: int, chance: Chance
) -> list[Share]:
    """A share for each officer; any `needed` of them give the secret back.  Raises BadEscrow."""
    names = sorted(officers)
    if not 2 <= needed <= len(names) <= OFFICERS_MAX:
        raise BadEscrow(f"two officers at least, of as many or more, {OFFICERS_MAX} at most")
    held: dict[str, dict[str, bytes]] = {name: {} for name in names}
    for group in combinations(names, needed):
        pieces = [chance.octets("escrow", len(secret)) for _ in group[1:]]
        last = secret
        for piece in pieces:
            last = _xor(last, piece)
        for name, piece in zip(group, [*pieces, last], strict=True):
            held[name][_label(group)] = piece
    id_, check = chance.octets("escrow id", 8).hex(), _check(secret)
    made = []
    for name in names:
        ephemeral = X25519PrivateKey.from_private_bytes(chance.octets("escrow seal", 32))
        public = ephemeral.public_key().public_bytes(*_RAW)
        cipher = _cipher(ephemeral.exchange(officers[name]), public, id_, name)
        sealed = cipher.encrypt(bytes(12), msgspec.msgpack.encode(_Pieces(held[name])), None)
        made.append(
            Share(
                of=id_, officer=name, officers=tuple(names), needed=needed, check=check,
                ephemeral=public, sealed=sealed,
            )
        )  # fmt: skip
    return made


def joined(shares: Sequence[Share], keys: Mapping[str, X25519PrivateKey]) -> bytes:
    """The secret, of shares whose officers' keys are at hand.  Raises BadEscrow."""
    if len({share.of for share in shares}) != 1:
        raise BadEscrow("shares of one escrow are wanted")
    opened = {share.officer: _opened(share, keys[share.officer]) for share in shares}
    first = shares[0]
    if len(opened) < first.needed:
        raise BadEscrow(f"{first.needed} officers are needed, {len(opened)} are here")
    group = sorted(opened)[: first.needed]
    secret = b""
    for name in group:
        piece = opened[name].by_group[_label(group)]
        secret = _xor(secret, piece) if secret else piece
    if _check(secret) != first.check:
        raise BadEscrow("the shares give another key than was split")
    return secret


def encode(share: Share) -> bytes:
    return msgspec.json.format(msgspec.json.encode(share), indent=2) + b"\n"


def decode(octets: bytes) -> Share:
    """Raises BadEscrow."""
    try:
        share = msgspec.json.decode(octets, type=Share)
    except msgspec.MsgspecError:
        raise BadEscrow("it is no share of an escrow") from None
    if share.format != FORMAT:
        raise BadEscrow(f"{share.format} is of another program")
    return share


def officer_card(octets: bytes) -> X25519PublicKey:
    """An officer's public key, PEM.  Raises BadEscrow."""
    try:
        key = serialization.load_pem_public_key(octets)
    except ValueError:
        raise BadEscrow("a public key in PEM is wanted (openssl pkey -pubout)") from None
    if not isinstance(key, X25519PublicKey):
        raise BadEscrow("a key of X25519 is wanted")
    return key


def officer_key(octets: bytes, passphrase: bytes | None) -> X25519PrivateKey:
    """An officer's private key, PEM.  Raises BadEscrow."""
    try:
        key = serialization.load_pem_private_key(octets, passphrase)
    except (ValueError, TypeError):
        raise BadEscrow("it is no private key in PEM, or the pass phrase is another") from None
    if not isinstance(key, X25519PrivateKey):
        raise BadEscrow("a key of X25519 is wanted")
    return key


def _opened(share: Share, key: X25519PrivateKey) -> _Pieces:
    shared = key.exchange(X25519PublicKey.from_public_bytes(share.ephemeral))
    cipher = _cipher(shared, share.ephemeral, share.of, share.officer)
    try:
        plain = cipher.decrypt(bytes(12), share.sealed, None)
    except InvalidTag:
        raise BadEscrow(f"the share of {share.officer} is not opened by this key") from None
    return msgspec.msgpack.decode(plain, type=_Pieces)


def _cipher(shared: bytes, ephemeral: bytes, of: str, officer: str) -> ChaCha20Poly1305:
    """A key that serves once, as the ephemeral one does; so the nonce may be nought."""
    info = f"{FORMAT} {of} {officer}".encode()
    return ChaCha20Poly1305(HKDF(hashes.SHA256(), 32, ephemeral, info).derive(shared))


def _check(secret: bytes) -> str:
    return hashlib.sha256(b"ami escrow" + secret).hexdigest()[:16]


def _label(group: Sequence[str]) -> str:
    return "\n".join(group)


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
