"""A key change that is cut anywhere, on either side, loses neither the old nor the new keys.

The head-end's vault and driver on one side, a simulated meter on the other, our own wrapper between
them.  A cut is a message lost on its way, a head-end that dies, a meter that restarts, or a write
that never came to the disk.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.meter.clients import STANDARD_CLIENTS
from devices.meter.device import Meter
from devices.meter.history import Deed
from devices.meter.identity import MANAGEMENT_CLIENT, Identity
from devices.meter.keyring import keys_of
from devices.meter.load import ConstantLoad
from devices.meter.meter_type import MeterType
from headend.ports import Generation
from headend.registry.key_change import change, fresh_keys
from headend.store.envelope import Envelope
from headend.store.store import SqlStore
from headend.store.stored_counters import BLOCK
from headend.store.vault import KeyVault
from protocols.concentrator.messages import Status
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import AuthenticationMechanism, Security
from protocols.dlms.events import ClientEngine
from protocols.dlms.keys import Keys
from protocols.dlms.procedures import Outcome, Procedure
from protocols.dlms.security import Protection
from protocols.dlms.session import Session
from protocols.dlms.settings import ClientSettings
from tests import databases

T = TypeVar("T")
TITLE = b"HES\x00\x00\x00\x00\x01"
MANAGEMENT = next(client for client in STANDARD_CLIENTS if client.sap == MANAGEMENT_CLIENT)


class Cut(enum.Enum):
    """What is cut at a given step."""

    DOWN = "the message to the meter is lost"
    UP = "the meter's answer is lost"
    DEATH_BEFORE = "the head-end dies before it sends"
    DEATH_AFTER = "the head-end dies after it sent"
    RESTART_BEFORE = "the meter restarts before the message"
    RESTART_AFTER = "the meter restarts after its answer"
    NOT_WRITTEN = "the head-end dies before what it remembers is on disk"
    WRITTEN = "the head-end dies as soon as it is"


class Died(Exception):
    """The head-end's process is gone, and everything it had not written."""


class DyingVault(KeyVault):
    """A vault whose process may die around each write."""

    def __init__(self, store: SqlStore, bench: Bench) -> None:
        super().__init__(store, Envelope([bytes(64)]))
        self._bench = bench

    async def remember(self, meter: str, client: int, keys: Keys) -> None:
        await self._bench.write(lambda: KeyVault.remember(self, meter, client, keys))

    async def promote(self, meter: str, client: int) -> None:
        await self._bench.write(lambda: KeyVault.promote(self, meter, client))

    async def forget(self, meter: str, client: int) -> None:
        await self._bench.write(lambda: KeyVault.forget(self, meter, client))


class Bench:
    """One meter, one head-end, and what is cut between them: step number -> cut."""

    def __init__(self, cuts: dict[int, Cut] | None = None, version: int = 0) -> None:
        meter_type = MeterType(security_setup_version=version)
        USED.clear()
        self.meter = Meter(Identity(7, 4), ConstantLoad.of(800, 300, 450), meter_type)
        self.store = databases.store()
        self.cuts = cuts or {}
        self.steps = 0
        self.drawn = 0
        self.now = 1000.0
        delivered = keys_of(self.meter, MANAGEMENT)
        asyncio.run(self.vault().install(self.number, 1, delivered, next_counter=1))

    @property
    def number(self) -> str:
        return self.meter.identity.number

    def vault(self) -> KeyVault:
        return DyingVault(self.store, self)

    def step(self, *here: Cut) -> Cut | None:
        """What is cut at this step, of what can be cut here."""
        self.steps += 1
        cut = self.cuts.get(self.steps)
        return cut if cut in here else None

    async def write(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        cut = self.step(Cut.NOT_WRITTEN, Cut.WRITTEN)
        if cut is Cut.NOT_WRITTEN:
            raise Died
        await work()
        if cut is Cut.WRITTEN:
            raise Died

    def secrets(self, count: int) -> bytes:
        self.drawn += 1
        return (b"new key %04d ...................." % self.drawn)[:count]

    # --- the line --------------------------------------------------------------------------------

    def exchange(self, octets: bytes) -> bytes | None:
        """What comes back for what was sent; None where something was lost."""
        cut = self.step(*Cut)
        if cut is Cut.DEATH_BEFORE:
            raise Died
        if cut is Cut.RESTART_BEFORE:
            self.meter.restart()
        if cut is Cut.DOWN:
            return None
        answers = b"".join(self.meter.receive(octets, now=self.now))
        if cut is Cut.DEATH_AFTER:
            raise Died
        if cut is Cut.RESTART_AFTER:
            self.meter.restart()
        return None if cut is Cut.UP else answers

    async def converse(self, generation: Generation, procedure: Procedure) -> Outcome:
        counters = KeyVault.counters(self.vault(), generation)
        known, lowest = await counters.load()
        assert known is not None

        def make(counter: int) -> ClientEngine:
            at_once(counters.reserve(counter + BLOCK))
            return ClientConnection(
                ClientSettings(
                    authentication=AuthenticationMechanism.HIGH_GMAC,
                    keys=generation.keys,
                    system_title=TITLE,
                    security=Security.AUTHENTICATED_ENCRYPTED,
                    invocation_counter=counter,
                    invocation_counter_end=counter + BLOCK,
                    peer_invocation_counter=lowest,
                    challenge=b"CtoS%012d" % counter,
                    response_timeout_s=5.0,
                )
            )

        session = Session(make, procedure, client=1, known=known)
        out: bytes | None = session.start(self.now)
        while not session.done:
            self.now += 1.0
            back = self.exchange(out) if out else None
            if back:
                out = session.receive(back, self.now)
            else:
                due = session.next_deadline()
                assert due is not None
                self.now = max(self.now, due)
                out = session.handle_deadline(self.now)
        engine = session.engine
        assert engine is not None
        await counters.settle(engine.invocation_counter, engine.peer_invocation_counter)
        return session.result

    # --- the change ------------------------------------------------------------------------------

    def change(self, wanted: Callable[[Keys], Keys] | None = None) -> Outcome | None:
        """None where the head-end died."""

        async def run() -> Outcome:
            make = wanted or (lambda current: fresh_keys(current, self.secrets))
            return await change(self.vault(), self.number, 1, make, self.converse)

        try:
            return asyncio.run(run())
        except Died:
            return None

    def known(self) -> tuple[Keys, Keys | None]:
        found = asyncio.run(self.vault().keys(self.number, 1))
        assert found is not None
        return found.current.keys, None if found.pending is None else found.pending.keys

    def at_the_meter(self) -> Keys:
        return keys_of(self.meter, MANAGEMENT)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of what never waits: this store writes in the caller's thread."""
    try:
        work.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("it waits")


USED: set[tuple[bytes, bytes, int]] = set()
"""Every key, title and counter that either side of the last bench sealed with."""


@pytest.fixture(autouse=True)
def no_nonce_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    take = Protection.take_counter

    def counted(self: Protection) -> int:
        counter = take(self)
        keys = self._keys
        assert keys is not None
        triple = (keys.encryption, self.system_title, counter)
        assert triple not in USED, "a nonce is used twice"
        USED.add(triple)
        return counter

    monkeypatch.setattr(Protection, "take_counter", counted)


@pytest.mark.parametrize("version", [0, 1])
def test_without_a_cut(version: int) -> None:
    bench = Bench(version=version)
    old = bench.at_the_meter()
    outcome = bench.change()
    assert outcome is not None and (outcome.status, outcome.acted) == (Status.DONE, True)
    assert bench.known() == (bench.at_the_meter(), None)
    assert bench.at_the_meter() != old and USED
    (deed,) = [each for each in bench.meter.history if each.deed is Deed.PARAMETER_WRITTEN]
    assert "global_unicast_encryption" in deed.detail
    assert not any(key.hex() in deed.detail for key in (old.encryption, old.authentication))


def settle(bench: Bench, left: int = 6) -> None:
    """Take the change up again until it is through."""
    for _ in range(left):
        current, pending = bench.known()
        assert bench.at_the_meter() in (current, pending), "nobody knows the meter's keys"
        outcome = bench.change()
        if outcome is not None and outcome.status is Status.DONE:
            break
    assert bench.known() == (bench.at_the_meter(), None)


STEPS = Bench()
STEPS.change()
WAYS = [(number, cut) for number in range(1, STEPS.steps + 1) for cut in Cut]


@pytest.mark.parametrize(("number", "cut"), WAYS, ids=lambda value: getattr(value, "name", value))
def test_cut_at_each_step(number: int, cut: Cut) -> None:
    bench = Bench({number: cut})
    old = bench.at_the_meter()
    bench.change()
    settle(bench)
    assert bench.at_the_meter() != old


@given(st.dictionaries(st.integers(1, 60), st.sampled_from(Cut), min_size=2, max_size=8))
def test_cut_again_and_again(cuts: dict[int, Cut]) -> None:
    bench = Bench(cuts)
    bench.change()
    settle(bench, left=20)


def test_one_change_after_another() -> None:
    bench = Bench()
    seen = [bench.at_the_meter()]
    for _ in range(3):
        outcome = bench.change()
        assert outcome is not None and outcome.status is Status.DONE
        assert bench.at_the_meter() not in seen
        seen.append(bench.at_the_meter())


def test_the_authentication_key_alone() -> None:
    """The encryption key stays, so counters go on at both ends."""
    bench = Bench()
    old = bench.at_the_meter()
    bench.change(lambda now: Keys(now.encryption, b"A" * 16, now.broadcast, now.master))
    assert bench.known() == (bench.at_the_meter(), None)
    assert bench.at_the_meter().encryption == old.encryption
    assert bench.meter.counters(1)[1] >= 10


def test_the_broadcast_key_is_believed_by_the_meters_word() -> None:
    bench = Bench()
    outcome = bench.change(
        lambda now: Keys(now.encryption, now.authentication, b"B" * 16, now.master)
    )
    assert outcome is not None and outcome.status is Status.DONE
    assert bench.at_the_meter().broadcast == b"B" * 16
    assert bench.known() == (bench.at_the_meter(), None)


def test_nothing_to_change_says_nothing() -> None:
    bench = Bench()
    outcome = bench.change(lambda now: now)
    assert outcome is not None and outcome.status is Status.DONE
    assert bench.steps == 0


def test_an_encryption_key_does_not_return() -> None:
    """The meter counts anew under a new key: under an old one its nonces would repeat."""
    bench = Bench()
    first = bench.at_the_meter()
    bench.change()
    second = bench.at_the_meter()
    outcome = bench.change(lambda now: first)
    assert outcome is not None and outcome.status is Status.REFUSED
    assert bench.at_the_meter() == second
    assert bench.known() == (second, None)


def test_the_wrong_master_key_changes_nothing() -> None:
    bench = Bench()
    old = bench.at_the_meter()
    known = Keys(old.encryption, old.authentication, None, b"X" * 16)
    asyncio.run(bench.vault().install(bench.number, 1, known, next_counter=50))
    outcome = bench.change()
    assert outcome is not None and outcome.status is Status.REFUSED
    assert bench.at_the_meter() == old
    assert bench.known() == (known, None)


def test_a_meter_with_keys_that_nobody_knows() -> None:
    bench = Bench()
    bench.meter.faults.wrong_keys = True
    outcome = bench.change()
    assert outcome is not None and (outcome.status, outcome.acted) == (Status.KEY_REJECTED, False)
    bench.meter.faults.wrong_keys = False
    settle(bench)


def test_without_a_master_key_nothing_is_tried() -> None:
    bench = Bench()
    old = bench.at_the_meter()
    bare = Keys(old.encryption, old.authentication)
    asyncio.run(bench.vault().install(bench.number, 1, bare, next_counter=50))
    outcome = bench.change()
    assert outcome is not None and outcome.status is Status.UNREPRESENTABLE
    assert bench.steps == 0
