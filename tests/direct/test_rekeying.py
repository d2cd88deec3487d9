"""New keys by order: cut at each message, taken up again, and what is read meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from devices.meter.clients import STANDARD_CLIENTS
from devices.meter.device import Meter as Device
from devices.meter.identity import MANAGEMENT_CLIENT, READER_CLIENT
from devices.meter.keyring import keys_of
from headend.app.rekeying import KeyDesk, NeedsHeadEnd, Occupied, is_served, rekeying
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import Config, KeyStorage, OrderPolicy
from headend.domain.meter import DIALS_IN, Concentrator, Meter
from headend.domain.order import Kind, Order, State
from headend.domain.reading import WantedObject
from headend.domain.reason import ReasonCode
from headend.field.direct.line import Line, LineLost, LineUnavailable
from headend.models import Shelf
from headend.ports import Command, MeterKeys, Transaction
from headend.store.envelope import Envelope
from headend.store.occupancy import occupied
from headend.store.store import SqlStore
from headend.store.vault import KeyVault
from protocols.concentrator.messages import (
    Action,
    Execute,
    KeysWanted,
    Result,
    Status,
    decode_upward,
)
from protocols.dlms.codes import ApduTag
from protocols.dlms.keys import Keys
from tests import databases
from tests.conftest import SIMULATED_START
from tests.direct.bench import MeterLine, meter

NAME, LANE = "4711", "direct/10.1.2.0/24"
CLIENT = next(each for each in STANDARD_CLIENTS if each.sap == MANAGEMENT_CLIENT)
ENVELOPE = bytes(range(64))
BROKE = LineLost("it broke", "pulled out", "try again")
MESSAGES = 10  # from the meter in a change: three for the counter, four to transfer, three to prove


@dataclass(slots=True)
class Bench:
    """A meter in memory, a database with it, and whoever changes its keys."""

    folder: Path
    device: Device
    config: Config
    cut: Callable[[], None] = lambda: None  # called before the n-th message
    messages: int = 0
    cut_at: int = 0
    desks: int = 0
    reachable: bool = True
    lines: list[MeterLine] = field(default_factory=list)

    async def line_to(self, known: Meter) -> Line:
        if not self.reachable:
            raise LineUnavailable("no route", "the cable is out", "plug it in")
        self.lines.append(MeterLine(self.device, spoil=self._counted))
        return self.lines[-1]

    def _counted(self, octets: bytes) -> bytes:
        self.messages += 1
        if self.messages == self.cut_at:
            self.cut()
        return octets

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[KeyDesk]:
        self.desks += 1
        async with rekeying(
            self.config,
            served=False,
            dialling=self,
            clock=LoopClock(SIMULATED_START),
            chance=SeededChance(1, "desk", self.desks),
            live=False,
        ) as desk:
            yield desk

    async def rekey(self) -> Order:
        async with self.desk() as desk:
            order = await desk.place(NAME, source="test")
            return await desk.carry_out(order.number)

    async def with_vault(self, work: Callable[[SqlStore, KeyVault], object]) -> object:
        store = SqlStore(self.config.database, live=False)
        try:
            return await work(store, KeyVault(store, Envelope([ENVELOPE])))  # type: ignore[misc]
        finally:
            await store.close()

    async def known(self) -> MeterKeys:
        found = await self.with_vault(lambda _, vault: vault.keys(NAME, MANAGEMENT_CLIENT))
        assert isinstance(found, MeterKeys)
        return found

    async def agreed(self) -> bool:
        """Whether both sides have the same keys, and no change is under way."""
        known = await self.known()
        return known.pending is None and known.current.keys == keys_of(self.device, CLIENT)


async def bench(tmp_path: Path, keys: Keys | None = None, **registered: object) -> Bench:
    envelope = tmp_path / "envelope.key"
    envelope.write_text(ENVELOPE.hex())
    config = Config(
        database=databases.at(tmp_path / "ami.db"), keys=KeyStorage(envelope_file=envelope)
    )
    it = Bench(tmp_path, meter(), config)
    entry = {"model": "sim-3p", "address": "tcp://10.1.2.3", "commissioned": True, **registered}

    async def enter(store: SqlStore, vault: KeyVault) -> None:
        def work(tx: Transaction) -> None:
            tx.put_concentrators([Concentrator("C1")])
            tx.put_meters([Meter(NAME, **entry)])  # type: ignore[arg-type]

        await store.run(work)
        await vault.install(NAME, MANAGEMENT_CLIENT, keys or keys_of(it.device, CLIENT))

    await it.with_vault(enter)
    return it


async def test_new_keys_and_new_ones_again(tmp_path: Path) -> None:
    it = await bench(tmp_path)
    seen = [keys_of(it.device, CLIENT)]
    for _ in range(2):
        order = await it.rekey()
        assert (order.state, order.reason, order.tries) == (State.DONE, None, 1)
        assert it.messages <= MESSAGES
        it.messages = 0
        assert await it.agreed()
        seen.append(keys_of(it.device, CLIENT))
    assert len({keys.encryption for keys in seen}) == 3
    assert len({keys.master for keys in seen}) == 1


async def test_no_message_of_it_is_kept_deciphered_nor_any_key(tmp_path: Path) -> None:
    it = await bench(tmp_path)
    old = keys_of(it.device, CLIENT)
    order = await it.rekey()
    new = keys_of(it.device, CLIENT)
    async with it.desk() as desk:
        (attempt,) = await desk.store.run(lambda tx: tx.attempts(order.number))
    assert attempt.exchanges is not None
    told = decode_upward(attempt.exchanges)
    assert isinstance(told, Result)
    assert any(apdu.plain is None for apdu in told.apdus)
    assert not any(apdu.plain and apdu.plain[0] == ApduTag.ACTION_REQUEST for apdu in told.apdus)
    left = b"".join(path.read_bytes() for path in tmp_path.glob("ami.db*"))
    for key in (old.encryption, old.authentication, new.encryption, new.authentication, old.master):
        assert key is not None and key not in left and key not in attempt.exchanges
        assert key.hex().encode() not in left.lower()


@pytest.mark.parametrize("cut_at", range(1, MESSAGES + 1))
async def test_the_line_breaks_at_each_message(cut_at: int, tmp_path: Path) -> None:
    it = await bench(tmp_path)
    old, it.cut_at, it.cut = keys_of(it.device, CLIENT), cut_at, _break
    order = await it.rekey()
    assert order.state is State.DONE, order
    assert it.messages >= cut_at
    assert await it.agreed() and keys_of(it.device, CLIENT) != old


@pytest.mark.parametrize("cut_at", range(1, MESSAGES + 1))
async def test_the_command_dies_at_each_message_and_another_takes_it_up(
    cut_at: int, tmp_path: Path
) -> None:
    it = await bench(tmp_path)
    old, it.cut_at = keys_of(it.device, CLIENT), cut_at
    dying = asyncio.ensure_future(it.rekey())
    it.cut = lambda: asyncio.get_running_loop().call_soon(dying.cancel) and None  # type: ignore
    await asyncio.gather(dying, return_exceptions=True)
    if dying.cancelled():
        async with it.desk() as desk:
            placed = await desk.place(NAME, source="test")
            assert placed.number == 1, "the same order goes on"
            assert (await desk.carry_out(placed.number)).state is State.DONE
    assert await it.agreed() and keys_of(it.device, CLIENT) != old


@pytest.mark.parametrize("cut_at", range(1, MESSAGES + 1))
async def test_reading_between_a_cut_and_the_next_change(cut_at: int, tmp_path: Path) -> None:
    """Nobody takes the change up; whoever reads finds out which keys the meter has."""
    it = await bench(tmp_path)
    it.cut_at = cut_at
    dying = asyncio.ensure_future(it.rekey())
    it.cut = lambda: asyncio.get_running_loop().call_soon(dying.cancel) and None  # type: ignore
    await asyncio.gather(dying, return_exceptions=True)
    async with it.desk() as desk:
        assert desk.stepping is not None
        read = Command(
            order=99,
            attempt=1,
            concentrator=LANE,
            meter=NAME,
            action=Action.READ,
            not_after=desk.clock.now() + timedelta(minutes=5),
            objects=(WantedObject(3, "1.0.1.8.0.255", 2),),
        )
        report = await desk.stepping.field.perform(read)
        assert report.result is not None and report.result.status is Status.DONE
    assert await it.agreed()


def _break() -> None:
    raise BROKE


async def test_the_one_who_reads_with_a_password_is_not_asked_for_keys(tmp_path: Path) -> None:
    it = await bench(tmp_path)
    password = it.device.identity.password(READER_CLIENT)
    await it.with_vault(lambda _, vault: vault.install_password(NAME, READER_CLIENT, password))
    assert (await it.rekey()).state is State.DONE
    assert await it.agreed()


# --- what is refused ------------------------------------------------------------------------------

NO_MASTER = Keys(bytes(16), bytes(16))
STRANGERS = Keys(bytes(range(16)), bytes(range(16)), master=bytes(16))

REFUSED: dict[str, tuple[Keys | None, dict[str, object], State, ReasonCode]] = {
    "not commissioned": (
        None,
        {"commissioned": False},
        State.REJECTED,
        ReasonCode.NOT_COMMISSIONED,
    ),
    "no master key": (NO_MASTER, {}, State.FAILED, ReasonCode.KEY_NOT_KNOWN),
    "keys of another meter": (STRANGERS, {}, State.FAILED, ReasonCode.WRONG_KEY_OR_COUNTER),
}


@pytest.mark.parametrize(("keys", "entry", "state", "reason"), REFUSED.values(), ids=REFUSED)
async def test_refused(
    keys: Keys | None, entry: dict[str, object], state: State, reason: ReasonCode, tmp_path: Path
) -> None:
    it = await bench(tmp_path, keys, **entry)
    before = keys_of(it.device, CLIENT)
    order = await it.rekey()
    assert (order.state, order.reason) == (state, reason)
    assert keys_of(it.device, CLIENT) == before


async def test_a_meter_that_calls_needs_a_head_end(tmp_path: Path) -> None:
    it = await bench(tmp_path, address=DIALS_IN)
    with pytest.raises(NeedsHeadEnd):
        await it.rekey()


async def test_a_meter_out_of_reach_ends_at_the_last_try(tmp_path: Path) -> None:
    it = await bench(tmp_path)
    it.config = msgspec.structs.replace(it.config, orders=OrderPolicy(tries_max=3))

    it.reachable = False
    order = await it.rekey()
    assert (order.state, order.reason) == (State.FAILED, ReasonCode.LINE_UNAVAILABLE)
    assert order.tries == 3
    known = await it.known()
    assert known.current.keys == keys_of(it.device, CLIENT), "the meter was never asked"


async def test_one_command_at_a_time_and_whether_a_head_end_runs(tmp_path: Path) -> None:
    it = await bench(tmp_path)
    assert not is_served(it.config)
    with occupied(it.config.database, it.config.worker):
        assert is_served(it.config)
    async with it.desk():
        with pytest.raises(Occupied):
            async with it.desk():
                raise AssertionError


async def test_what_a_concentrator_carries_needs_a_head_end_that_runs(tmp_path: Path) -> None:
    it = await bench(tmp_path, address=None, concentrator="C1")
    async with it.desk() as desk:
        with pytest.raises(NeedsHeadEnd, match="behind concentrator C1"):
            await desk.place(NAME, source="test")


def test_keys_are_no_other_command_s() -> None:
    keys = KeysWanted(1, "0.0.43.0.5.255", (), b"")
    with pytest.raises(ValueError, match="belong to change-keys alone"):
        Execute(
            id="1", order="1", attempt=1, meter="m", action=Action.READ_LIMIT,
            not_after=SIMULATED_START, keys=keys,
        )  # fmt: skip


def test_a_model_of_ours_names_the_security_setup() -> None:
    shelf = Shelf()
    for name in ("generic", "sim-1p", "sim-3p"):
        model = shelf.get(name)
        assert model.association[model.acts_as].counter, name
    assert msgspec.json.encode(Kind.CHANGE_KEYS) == b'"change-keys"'
