"""Keys at rest and their counters: sealed, never shared, never counted twice, over restarts."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.meter.identity import Identity
from headend.domain.keys import KeyState
from headend.ports import CountersContended, KeyShared, KeysUnreadable
from headend.store.envelope import BadEnvelope, Envelope
from headend.store.store import SqlStore
from headend.store.stored_counters import BLOCK
from headend.store.vault import KeyVault
from protocols.dlms.keys import COUNTER_MAX, Keys
from protocols.dlms.suite import CURVES, SecuritySuite
from tests import databases

ENVELOPE_KEY, NEWER = bytes(range(64)), bytes(range(64, 128))
METER, CLIENT = "SIM0000000001", 1


def keys(name: str, authentication: str = "") -> Keys:
    pair = [f"{each:<16}"[:16].encode() for each in (f"E{name}", f"A{authentication or name}")]
    return Keys(pair[0], pair[1], master=f"M{METER[-4:]:<15}".encode())


OPENED: list[SqlStore] = []


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    while OPENED:
        asyncio.run(OPENED.pop().close())


def vault(url: str | None = None, *envelope: bytes) -> KeyVault:
    store = SqlStore(url or databases.memory(), live=False)
    OPENED.append(store)
    return KeyVault(store, Envelope(envelope or (ENVELOPE_KEY,)))


async def installed(next_counter: int | None = 1) -> KeyVault:
    ours = vault()
    await ours.install(METER, CLIENT, keys("one"), next_counter=next_counter)
    return ours


async def test_what_is_kept_comes_back_and_an_unknown_meter_has_none() -> None:
    ours = await installed()
    known = await ours.keys(METER, CLIENT)
    assert known is not None and known.pending is None
    assert known.current.keys == keys("one")
    assert await ours.keys(METER, 2) is None and await ours.keys("another", CLIENT) is None


@databases.sqlite_only("the file is looked into")
async def test_nothing_readable_lies_in_the_file(tmp_path: Path) -> None:
    url = databases.at(tmp_path / "x.db")
    ours = vault(url)
    await ours.install(METER, CLIENT, keys("one"), next_counter=1)
    await ours.remember(METER, CLIENT, keys("two"))
    await ours._store.close()
    octets = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert METER.encode() in octets
    for secret in (keys("one"), keys("two")):
        for key in (secret.encryption, secret.authentication, secret.master):
            assert key is not None and key not in octets and key.hex().encode() not in octets
    again = await vault(url).keys(METER, CLIENT)
    assert again is not None and again.pending is not None
    assert again.pending.keys == keys("two")


async def test_a_change_is_remembered_promoted_or_forgotten() -> None:
    ours = await installed()
    await ours.remember(METER, CLIENT, keys("two"))
    with pytest.raises(ValueError, match="no change under way"):
        await ours.remember(METER, CLIENT, keys("three"))
    await ours.promote(METER, CLIENT)
    await ours.promote(METER, CLIENT)  # once more, after a crash: nothing is pending any more
    known = await ours.keys(METER, CLIENT)
    assert known is not None and (known.current.keys, known.pending) == (keys("two"), None)
    await ours.remember(METER, CLIENT, keys("three"))
    await ours.forget(METER, CLIENT)
    await ours.forget(METER, CLIENT)
    known = await ours.keys(METER, CLIENT)
    assert known is not None and (known.current.keys, known.pending) == (keys("two"), None)


async def test_no_two_share_an_encryption_key() -> None:
    ours = await installed()
    for meter, client in (("another", CLIENT), (METER, 2)):
        with pytest.raises(KeyShared, match="used elsewhere") as shared:
            await ours.install(meter, client, keys("one"))
        assert keys("one").encryption.decode().strip() not in str(shared.value)
    await ours.install("another", CLIENT, keys("two"))
    with pytest.raises(KeyShared):
        await ours.remember("another", CLIENT, keys("one", "other"))


# --- the envelope --------------------------------------------------------------------------------


async def test_another_envelope_key_opens_nothing(tmp_path: Path) -> None:
    url = databases.at(tmp_path / "x.db")
    await vault(url).install(METER, CLIENT, keys("one"))
    with pytest.raises(KeysUnreadable, match="not at hand"):
        await vault(url, NEWER).keys(METER, CLIENT)


async def test_the_envelope_key_is_changed_in_use(tmp_path: Path) -> None:
    url = databases.at(tmp_path / "x.db")
    await vault(url).install(METER, CLIENT, keys("one"))
    both = vault(url, NEWER, ENVELOPE_KEY)
    assert (await both.keys(METER, CLIENT)) is not None
    assert [await both.reseal(), await both.reseal()] == [1, 0]
    only = vault(url, NEWER)
    known = await only.keys(METER, CLIENT)
    assert known is not None and known.current.keys == keys("one")
    with pytest.raises(KeyShared):
        await only.install("another", CLIENT, keys("one"))


@databases.sqlite_only("the file is looked into")
async def test_a_password_lies_sealed_and_moves_to_the_next_envelope_key(tmp_path: Path) -> None:
    url = databases.at(tmp_path / "x.db")
    ours = vault(url)
    for password in (b"before", b"LLS-PASSWORD"):
        await ours.install_password(METER, 2, password)
    await ours._store.close()
    octets = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert METER.encode() in octets and b"LLS-PASSWORD" not in octets
    both = vault(url, NEWER, ENVELOPE_KEY)
    assert [await both.password(METER, client) for client in (1, 2)] == [None, b"LLS-PASSWORD"]
    assert [await both.reseal(), await both.reseal()] == [1, 0]
    assert await vault(url, NEWER).password(METER, 2) == b"LLS-PASSWORD"
    with pytest.raises(KeysUnreadable):
        await vault(url).password(METER, 2)


async def test_a_record_that_changes_places_does_not_open() -> None:
    ours = await installed()
    await ours.install("another", CLIENT, keys("two"))

    def swap(words) -> None:
        (own,), (other,) = words.key_rows(METER, CLIENT), words.key_rows("another", CLIENT)
        words.reseal_keys(own, other)

    await ours._store.run(swap)
    with pytest.raises(KeysUnreadable, match="belongs elsewhere"):
        await ours.keys(METER, CLIENT)


BAD = {
    "short": "00" * 63,
    "no digits": "zz" * 64,
    "odd": "0" * 127,
    "empty": "",
    "one of two": "00" * 64 + "\n" + "11",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_is_no_envelope_key(text: str, tmp_path: Path) -> None:
    place = tmp_path / "envelope"
    place.write_text(text)
    with pytest.raises(BadEnvelope) as bad:
        Envelope.from_file(place)
    assert str(place) in str(bad.value)
    assert not text or text.split()[0] not in str(bad.value)


def test_where_the_envelope_key_comes_from(tmp_path: Path) -> None:
    place = tmp_path / "envelope"
    place.write_text(f"{NEWER.hex()}\n{ENVELOPE_KEY.hex()}\n")
    listed = f"{NEWER.hex()},{ENVELOPE_KEY.hex()}"
    named = Envelope.from_environment({"AMI_ENVELOPE_KEY": listed})
    assert named is not None and Envelope.from_file(place).name == named.name
    assert Envelope.from_environment({}) is None
    with pytest.raises(BadEnvelope):
        Envelope.from_file(tmp_path / "absent")
    assert NEWER.hex()[:8] not in repr(named)


# --- counters ------------------------------------------------------------------------------------


async def test_a_block_is_reserved_before_its_first_counter_is_told() -> None:
    ours = await installed(next_counter=40)
    known = await ours.keys(METER, CLIENT)
    assert known is not None
    first, second = ours.counters(known.current), ours.counters(known.current)
    assert await first.load() == (40, 0)
    assert await second.load() == (40 + BLOCK, 0)  # at the same time: a block of its own
    with pytest.raises(CountersContended):
        await first.reserve(40 + BLOCK + 1)
    await second.reserve(40 + 3 * BLOCK)
    await first.settle(45, 7)  # cannot give back what the other has built upon
    await second.settle(300, 5)
    third = ours.counters(known.current)
    assert await third.load() == (300, 7)


async def test_the_meter_names_the_first() -> None:
    ours = await installed(next_counter=None)
    known = await ours.keys(METER, CLIENT)
    assert known is not None
    counters, other = ours.counters(known.current), ours.counters(known.current)
    assert await counters.load() == await other.load() == (None, 0)
    await counters.reserve(5000 + BLOCK)
    with pytest.raises(CountersContended):
        await other.reserve(5000 + BLOCK)
    await counters.settle(5010, 77)
    assert await ours.counters(known.current).load() == (5010, 77)


async def test_a_conversation_that_begins_anew_goes_on() -> None:
    """As when the second framing is the one that the meter speaks, or our counter was behind."""
    ours = await installed()
    known = await ours.keys(METER, CLIENT)
    assert known is not None
    counters, other = ours.counters(known.current), ours.counters(known.current)
    assert await counters.load() == (1, 0)
    await counters.settle(5, 0)
    await counters.reserve(5 + BLOCK)
    await counters.settle(9, 0)
    await counters.reserve(5000)  # the meter had come further
    await counters.settle(4990, 3)
    assert await other.load() == (4990, 3)
    with pytest.raises(CountersContended):
        await counters.reserve(4990 + BLOCK)
    await other.settle(4991, 3)
    assert await counters.load() == (4991, 3)


async def test_a_counter_that_is_used_up() -> None:
    ours = await installed(next_counter=COUNTER_MAX - 3)
    known = await ours.keys(METER, CLIENT)
    assert known is not None
    assert await ours.counters(known.current).load() == (COUNTER_MAX + 1, 0)


async def test_under_the_same_encryption_key_counters_go_on() -> None:
    """A new authentication key alone does not make nonces new, and neither does an old key back."""
    ours = await installed()
    known = await ours.keys(METER, CLIENT)
    assert known is not None
    counters = ours.counters(known.current)
    await counters.load()
    await counters.settle(50, 9)
    await ours.remember(METER, CLIENT, keys("one", "other"))
    known = await ours.keys(METER, CLIENT)
    assert known is not None and known.pending is not None
    assert known.pending.counted_by == known.current.counted_by
    await ours.promote(METER, CLIENT)
    await ours.remember(METER, CLIENT, keys("two"))
    known = await ours.keys(METER, CLIENT)
    assert known is not None and known.pending is not None
    assert await ours.counters(known.pending).load() == (1, 0)  # a new key counts anew
    await ours.promote(METER, CLIENT)
    await ours.install(METER, CLIENT, keys("one"), next_counter=1)
    known = await ours.keys(METER, CLIENT)
    assert known is not None
    assert await ours.counters(known.current).load() == (50, 9)


METERS = itertools.count(2)  # a meter for each example, in one store


@pytest.fixture
def one_vault() -> KeyVault:
    return vault()


STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2 * BLOCK), st.booleans()), min_size=1, max_size=15
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_no_counter_twice_whatever_is_interrupted(
    one_vault: KeyVault, steps: list[tuple[int, int, bool]]
) -> None:
    """Up to three conversations under one key; each uses some counters and ends, or is cut."""
    meter = f"SIM{next(METERS):010}"

    async def run() -> None:
        ours = one_vault
        await ours.install(meter, CLIENT, keys(meter[-10:]), next_counter=1)
        known = await ours.keys(meter, CLIENT)
        assert known is not None
        held: dict[int, list] = {}
        used: set[int] = set()
        for who, count, ends in steps:
            if who not in held:
                counters = ours.counters(known.current)
                first, _ = await counters.load()
                held[who] = [counters, first, first + BLOCK]
            counters, following, end = held[who]
            for _ in range(count):
                if following == end:
                    try:
                        await counters.reserve(end + BLOCK)
                    except CountersContended:
                        break
                    end += BLOCK
                assert following not in used
                used.add(following)
                following += 1
            held[who] = [counters, following, end]
            if ends:
                await counters.settle(following, 0)
                del held[who]
            elif count % 3 == 0:
                del held[who]  # its process died

    asyncio.run(run())


def test_states_are_words() -> None:
    assert {*KeyState} == {"current", "pending", "retired"}


async def test_a_crash_loses_counters_and_repeats_none(tmp_path: Path) -> None:
    """Three processes over one file, none of which came to write down how far it was."""
    url = databases.at(tmp_path / "x.db")
    await vault(url).install(METER, CLIENT, keys("one"), next_counter=1)
    firsts = []
    for _ in range(3):
        ours = vault(url)
        known = await ours.keys(METER, CLIENT)
        assert known is not None
        first, _ = await ours.counters(known.current).load()
        firsts.append(first)
        await ours._store.close()
    assert firsts == [1, 1 + BLOCK, 1 + 2 * BLOCK]


@pytest.mark.parametrize("suite", CURVES)
async def test_key_pairs_lie_sealed_and_move_to_the_next_envelope_key(
    suite: SecuritySuite, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    pairs = Identity(11, 4).client_key_pairs(1, suite)
    ours = vault(url)
    await ours.install_key_pairs(METER, 1, pairs)
    await ours._store.close()
    octets = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert pairs.signing is not None and pairs.peer_signing is not None
    secret = pairs.signing.private_numbers().private_value
    assert secret.to_bytes(CURVES[suite].size, "big") not in octets
    both = vault(url, NEWER, ENVELOPE_KEY)
    assert await both.key_pairs(METER, 2) is None
    assert [await both.reseal(), await both.reseal()] == [1, 0]
    found = await vault(url, NEWER).key_pairs(METER, 1)
    assert found is not None and found.signing is not None and found.peer_signing is not None
    assert found.signing.private_numbers() == pairs.signing.private_numbers()
    assert found.peer_signing.public_numbers() == pairs.peer_signing.public_numbers()
    with pytest.raises(KeysUnreadable):
        await vault(url).key_pairs(METER, 1)
