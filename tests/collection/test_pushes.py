"""Pushes: by TCP, UDP and over a kept line; ciphered, doubled, late, forged, and of strangers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from sqlalchemy import select

from devices.meter.device import Meter as Device
from devices.meter.identity import PUSH_CLIENT
from headend.clock import LoopClock
from headend.collection.pushes import PushIntake
from headend.domain.meter import Meter
from headend.models import Shelf
from headend.store import schema
from headend.store.access_queries import audit
from headend.store.envelope import Envelope
from headend.store.store import SqlStore
from headend.store.vault import KeyVault
from protocols import wrapper
from protocols.dlms.apdu import decode
from protocols.dlms.date_time import DateTime
from protocols.dlms.keys import CounterLease
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.notification import DataNotification
from protocols.dlms.push import PushSealer
from protocols.dlms.values import DoubleLongUnsigned, OctetString, Structure, Value
from tests import databases
from tests.collection.dial_in import LOCAL, calling, connected, head_end, policy, register
from tests.conftest import SIMULATED_START
from tests.direct.bench import meter

SETUP = LogicalName("0.0.25.9.0.255")
CHILE, INDIA = ZoneInfo("America/Santiago"), ZoneInfo("Asia/Kolkata")


def moment(seconds_ago: float = 0.0) -> bytes:
    at = SIMULATED_START - timedelta(seconds=seconds_ago)
    return DateTime.from_datetime(at).octets


def push(
    device: Device,
    *,
    number: int = 1,
    ago_s: float = 0.0,
    energy: int = 42,
    date: bytes | None = None,
) -> bytes:
    name = OctetString(device.identity.logical_device_name)
    body: list[Value] = [OctetString(SETUP), name, OctetString(date or moment(ago_s))]
    body += [DoubleLongUnsigned(energy), DoubleLongUnsigned(2000)]
    return DataNotification(number, b"", Structure(body)).encode()


def sealed(device: Device, octets: bytes, *, counter: int = 1, wrong: bool = False) -> bytes:
    """Ciphered as a meter does, under the key of its pushes."""
    notification = decode(octets)
    assert isinstance(notification, DataNotification)
    sealer = PushSealer(
        device.identity.keys(PUSH_CLIENT, wrong=wrong),
        device.identity.system_title,
        CounterLease(counter, counter + 10),
    )
    return sealer.seal(notification)


class Intake:
    def __init__(self, store: SqlStore, intake: PushIntake) -> None:
        self.store, self.intake = store, intake

    async def take(self, octets: bytes, caller: str | None = None) -> str | None:
        meter = await self.intake.take(octets, "tcp://10.1.2.3:4059", caller)
        return None if meter is None else meter.name

    def pushes(self) -> list[tuple[str, ...]]:
        """The quality of each kept push."""
        query = select(schema.pushes.c.quality).order_by(schema.pushes.c.line)
        return [row[0] for row in self.store.read(lambda c: c.execute(query).all())]

    def sent(self) -> list[datetime | None]:
        query = select(schema.pushes.c.sent_at).order_by(schema.pushes.c.line)
        return [row[0] for row in self.store.read(lambda c: c.execute(query).all())]

    def readings(self) -> list[tuple[str, str | None, tuple[str, ...]]]:
        table = schema.readings.c
        query = select(table.word, table.value, table.quality).order_by(table.line)
        return [tuple(row) for row in self.store.read(lambda c: c.execute(query).all())]


@asynccontextmanager
async def intake(
    device: Device, *, security: str = "none", zone: ZoneInfo = CHILE
) -> AsyncIterator[Intake]:
    store = SqlStore(databases.memory(), live=False)
    vault = KeyVault(store, Envelope([bytes(64)]))
    shelf = Shelf()
    shelf._read["sim-3p"] = msgspec.structs.replace(shelf.get("sim-3p"), push_security=security)
    registered = Meter(
        "4711",
        model="sim-3p",
        identity=device.identity.number,
        title=device.identity.system_title.hex().upper(),
    )
    await store.run(lambda tx: tx.put_meters([registered]))
    await vault.install("4711", PUSH_CLIENT, device.identity.keys(PUSH_CLIENT))
    clock = LoopClock(SIMULATED_START)
    yield Intake(store, PushIntake(store, clock, shelf, vault, 900.0, zone))
    await store.close()


PLAIN_READINGS = [
    ("logical-device-name", "SIM0000000004", ("plain",)),
    ("clock", SIMULATED_START.isoformat(), ("plain",)),
    ("active-energy-import", "42", ("plain", "unscaled")),
    ("active-power", "2000", ("plain", "unscaled")),
]


async def test_a_plain_push_is_known_by_a_name_among_its_values() -> None:
    device = meter()
    async with intake(device) as it:
        assert await it.take(push(device)) == "4711"
        assert it.pushes() == [("plain",)]
        assert it.readings() == PLAIN_READINGS


async def test_a_ciphered_push_is_known_by_its_title_and_proved_by_its_tag() -> None:
    device = meter()
    async with intake(device, security="authenticated-encrypted") as it:
        assert await it.take(sealed(device, push(device))) == "4711"
        assert it.pushes() == [()]
        assert [value for _, value, _ in it.readings()][2:] == ["42", "2000"]


ODD: dict[str, tuple[Callable[[Device], list[bytes]], list[tuple[str, ...]], int]] = {
    # name: (pushes, the quality of each that is kept, readings)
    "twice": (lambda d: [push(d), push(d)], [("plain",), ("plain", "duplicate")], 4),
    "late": (lambda d: [push(d, ago_s=1800)], [("plain", "late")], 4),
    "ciphered twice": (
        lambda d: [sealed(d, push(d)), sealed(d, push(d))],
        [(), ("replayed", "duplicate")],
        4,
    ),
    "an old counter": (
        lambda d: [sealed(d, push(d), counter=5), sealed(d, push(d, number=2), counter=4)],
        [(), ("replayed",)],
        4,
    ),
    "another key": (lambda d: [sealed(d, push(d), wrong=True)], [("not authentic",)], 0),
    "a bit flipped": (
        lambda d: [bytes((*(s := sealed(d, push(d)))[:-1], s[-1] ^ 1))],
        [("not authentic",)],
        0,
    ),
    "of nobody": (lambda d: [push(meter(index=77))], [], 0),
    "of nobody, ciphered": (lambda d: [sealed(m := meter(index=77), push(m))], [], 0),
    "no push": (lambda d: [bytes.fromhex("C0014100080000010000FF0200")], [], 0),
    "no APDU": (lambda d: [b"\x0f\x00"], [], 0),
}


@pytest.mark.parametrize("name", ODD)
async def test_what_is_odd_is_kept_and_flagged(name: str) -> None:
    device = meter()
    make, qualities, readings = ODD[name]
    async with intake(device) as it:
        for octets in make(device):
            await it.take(octets)
        assert (it.pushes(), len(it.readings())) == (qualities, readings)
        refused = [each for each in qualities if each in (("replayed",), ("not authentic",))]
        told = it.store.read(audit)
        assert [(line.action, line.detail) for line in reversed(told)] == [
            ("push.refused", reason) for (reason,) in refused
        ]


def written(zone: ZoneInfo, ago_s: float = 0.0, **changes: object) -> bytes:
    """A date as a meter of that zone writes it, with its mistakes."""
    there = (SIMULATED_START - timedelta(seconds=ago_s)).astimezone(zone)
    return replace(DateTime.from_datetime(there), **changes).octets  # type: ignore[arg-type]


def february(zone: ZoneInfo) -> bytes:
    octets = bytearray(written(zone))
    octets[2:4] = 2, 30
    return bytes(octets)


def hundredths(zone: ZoneInfo, count: int) -> bytes:
    octets = bytearray(written(zone))
    octets[8] = count
    return bytes(octets)


LATE_S = 1800.0
DATES: dict[str, tuple[ZoneInfo, bytes, float | None, tuple[str, ...]]] = {
    # name: (where, the date's octets, how long ago it was sent, what is wrong); from the facts of
    # service levels on dirty data: clock deviation ignored or with the wrong sign (-330 min),
    # hundredths read as milliseconds, invalid dates, late pushes
    "as it should be": (CHILE, written(CHILE), 0, ()),
    "in UTC, and said so": (CHILE, moment(), 0, ()),
    "wrong sign, four hours west": (
        CHILE, written(CHILE, deviation_min=-240), 0, ("deviation-sign",),
    ),
    "wrong sign, five and a half hours east": (
        INDIA, written(INDIA, deviation_min=330), 0, ("deviation-sign",),
    ),
    "the right sign there": (INDIA, written(INDIA, deviation_min=-330), 0, ()),
    "local time under none": (CHILE, written(CHILE, deviation_min=0), 0, ("deviation-ignored",)),
    "no deviation at all": (CHILE, written(CHILE, deviation_min=None), 0, ()),
    "milliseconds for hundredths": (CHILE, hundredths(CHILE, 250), 0, ("hundredths-too-many",)),
    "the 30th of February": (CHILE, february(CHILE), None, ("no-such-date",)),
    "late": (CHILE, written(CHILE, LATE_S), LATE_S, ("late",)),
    "late, in UTC": (CHILE, moment(LATE_S), LATE_S, ("late",)),
    "so late that it may be local time": (
        CHILE, moment(5 * 3600), 5 * 3600, ("deviation-doubtful", "late"),
    ),
    "late, with the wrong sign": (
        CHILE, written(CHILE, LATE_S, deviation_min=-240), LATE_S + 8 * 3600,
        ("deviation-doubtful", "late"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("zone, date, ago_s, wrong", DATES.values(), ids=DATES)
async def test_a_date_that_is_spoilt(
    zone: ZoneInfo, date: bytes, ago_s: float | None, wrong: tuple[str, ...]
) -> None:
    device = meter()
    async with intake(device, zone=zone) as it:
        assert await it.take(push(device, date=date)) == "4711"
        assert it.pushes() == [("plain", *wrong)]
        sent = None if ago_s is None else SIMULATED_START - timedelta(seconds=ago_s)
        assert it.sent() == [sent]
        words = {word: value for word, value, _ in it.readings()}
        assert words["active-energy-import"] == "42", "what it says is taken all the same"
        if sent is not None:
            shown = datetime.fromisoformat(words["clock"] or "")
            assert shown.tzinfo is None or shown == sent


async def test_a_plain_push_of_a_meter_that_must_cipher_brings_no_reading() -> None:
    device = meter()
    async with intake(device, security="authenticated") as it:
        assert await it.take(push(device)) == "4711"
        assert it.pushes() == [("not protected",)] and it.readings() == []


async def test_octets_of_a_known_caller_are_kept_whatever_they_are() -> None:
    device = meter()
    async with intake(device) as it:
        await it.take(b"\x0f\x00", "4711")
        ((quality,),) = it.pushes()
        assert quality.startswith("malformed: at octet")


# Over real sockets.


async def kept(store: SqlStore, count: int) -> list[str]:
    """Whose pushes are kept, once there are so many."""
    query = select(schema.pushes.c.meter).order_by(schema.pushes.c.line)
    while True:
        found = [row[0] for row in store.read(lambda c: c.execute(query).all())]
        if len(found) >= count:
            return found
        await asyncio.sleep(0.01)


@pytest.mark.live
async def test_pushes_come_by_tcp_and_udp_and_over_a_kept_line(tmp_path: Path) -> None:
    device = meter()
    async with head_end(tmp_path, policy()) as bench:
        name = await register(bench, device)
        store = bench.head_end.store

        _, writer = await asyncio.open_connection(LOCAL, bench.port)
        writer.write(wrapper.encode(1, PUSH_CLIENT, push(device, number=1)))
        writer.close()  # as most meters do
        await kept(store, 1)

        loop = asyncio.get_running_loop()
        datagrams, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(LOCAL, bench.port)
        )
        datagrams.sendto(b"noise")
        datagrams.sendto(wrapper.encode(1, PUSH_CLIENT, sealed(device, push(device, number=2))))
        await kept(store, 2)
        datagrams.close()

        hello = wrapper.encode(1, PUSH_CLIENT, push(device, number=3))
        async with calling(device, bench.port, hello=hello):
            await connected(bench, name)
            await kept(store, 3)
            placed = await bench.head_end.ordering.reads.place(
                name, ["active-power"], source="test"
            )
            await bench.head_end.ordering.settling.wait_for_end([placed.number], 60)
        assert await kept(store, 3) == [name] * 3


@pytest.mark.live
async def test_one_push_by_another_connection_does_not_displace_a_kept_line(
    tmp_path: Path,
) -> None:
    device = meter()
    async with head_end(tmp_path, policy()) as bench:
        name = await register(bench, device)
        async with calling(device, bench.port) as hung_up:
            await connected(bench, name)
            _, writer = await asyncio.open_connection(LOCAL, bench.port)
            writer.write(wrapper.encode(1, PUSH_CLIENT, push(device)))
            writer.close()
            await kept(bench.head_end.store, 1)
            assert not hung_up.is_set()
            await connected(bench, name)
