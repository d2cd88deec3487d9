"""Sealing, keeping and escrow, by themselves."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from headend.backup import escrow
from headend.backup.escrow import BadEscrow
from headend.backup.keeping import kept
from headend.backup.sealing import PIECE, TAG_SIZE, BackupKey, NotOpened
from headend.chance import SeededChance
from tests import databases

pytestmark = databases.on_one
KEY = BackupKey(bytes(range(32)))
SALT = bytes(16)
SIZES = (0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 7)


def sealed(plain: bytes, step: int = 1 << 20) -> bytes:
    pieces = [plain[at : at + step] for at in range(0, len(plain), step)]
    return b"".join(KEY.seal(pieces, "name", SALT))


def opened(octets: bytes, name: str = "name", key: BackupKey = KEY) -> bytes:
    return b"".join(key.open(io.BytesIO(octets), name))


@pytest.mark.parametrize("size", SIZES)
def test_what_is_sealed_opens(size: int) -> None:
    plain = bytes(range(256)) * (size // 256 + 1)
    assert opened(sealed(plain[:size])) == plain[:size]
    assert sealed(plain[:size], 1000) == sealed(plain[:size])  # however it comes


@pytest.mark.parametrize("size", SIZES)
def test_no_piece_can_be_left_out_or_moved(size: int) -> None:
    octets = sealed(bytes(size))
    head, body = octets[:29], octets[29:]
    pieces = [body[at : at + PIECE + TAG_SIZE] for at in range(0, len(body), PIECE + TAG_SIZE)]
    changed = [head, head + body[:-1], octets + b"\0", octets[:5], b""]
    changed += [head + b"".join(pieces[:n] + pieces[n + 1 :]) for n in range(len(pieces))]
    if len(pieces) > 2:
        changed.append(head + b"".join([pieces[1], pieces[0], *pieces[2:]]))
    for wrong in changed:
        with pytest.raises(NotOpened):
            opened(wrong)
    with pytest.raises(NotOpened):
        opened(octets, "another name")
    with pytest.raises(NotOpened):
        opened(octets, key=BackupKey(bytes(32)))


def test_a_key_does_not_show() -> None:
    assert bytes(range(32)).hex() not in repr(KEY) and "0x" in repr(KEY)


@given(
    st.lists(st.integers(0, 400 * 24), max_size=60, unique=True),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_keeping(hours: list[int], daily: int, weekly: int) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    times = [start + timedelta(hours=hour) for hour in hours]
    stay = kept(times, daily=daily, weekly=weekly)
    assert stay <= set(times) and len(stay) <= daily + weekly
    if times:
        assert max(times) in stay
        days = {at.date() for at in times}
        assert {at.date() for at in stay} >= set(sorted(days)[-daily:])
    assert kept(stay, daily=daily, weekly=weekly) == stay  # doing it again removes no more


OFFICERS = {
    name: X25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    for number, name in enumerate(("ana", "berta", "carla", "dora"), start=1)
}
SECRET = bytes(range(64))


def shares(needed: int = 2, count: int = 3) -> list[escrow.Share]:
    public = {name: key.public_key() for name, key in list(OFFICERS.items())[:count]}
    return escrow.split(SECRET, public, needed, SeededChance(1))


@pytest.mark.parametrize(("needed", "count"), [(2, 2), (2, 3), (3, 3), (3, 4), (2, 4)])
def test_enough_officers_have_the_key_and_fewer_have_not(needed: int, count: int) -> None:
    made = [escrow.decode(escrow.encode(share)) for share in shares(needed, count)]
    for size in range(1, count + 1):
        for group in combinations(made, size):
            if size >= needed:
                assert escrow.joined(group, OFFICERS) == SECRET
            else:
                with pytest.raises(BadEscrow, match="officers are needed"):
                    escrow.joined(group, OFFICERS)


def test_pieces_short_of_one_are_chance() -> None:
    """What fewer officers hold is the same, whatever the key is: it cannot tell of it."""
    public = {name: key.public_key() for name, key in list(OFFICERS.items())[:3]}
    one, other = (escrow.split(key, public, 3, SeededChance(1)) for key in (SECRET, bytes(64)))
    opened = [[escrow._opened(s, OFFICERS[s.officer]) for s in made] for made in (one, other)]
    assert opened[0][:2] == opened[1][:2] and opened[0][2] != opened[1][2]


def test_a_share_opens_for_its_officer_alone() -> None:
    made = shares()
    wrong = {**OFFICERS, "ana": OFFICERS["dora"]}
    with pytest.raises(BadEscrow, match="ana"):
        escrow.joined(made[:2], wrong)
    assert all(SECRET[:16] not in escrow.encode(share) for share in made)
    with pytest.raises(BadEscrow, match="one escrow"):
        escrow.joined([made[0], escrow.split(
            SECRET, {n: k.public_key() for n, k in OFFICERS.items()}, 2, SeededChance(2))[1]],
            OFFICERS)  # fmt: skip


@pytest.mark.parametrize(("needed", "count"), [(1, 3), (4, 3), (0, 2), (2, 1)])
def test_no_escrow_of_one(needed: int, count: int) -> None:
    with pytest.raises(BadEscrow):
        shares(needed, count)


def test_cards_and_keys() -> None:
    key = OFFICERS["ana"]
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert escrow.officer_card(pem).public_bytes_raw() == key.public_key().public_bytes_raw()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"word"),
    )
    assert escrow.officer_key(private, b"word").private_bytes_raw() == key.private_bytes_raw()
    for wrong in (b"", b"other", None):
        with pytest.raises(BadEscrow):
            escrow.officer_key(private, wrong)
    with pytest.raises(BadEscrow):
        escrow.officer_card(b"none")
