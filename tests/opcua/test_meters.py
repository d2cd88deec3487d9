"""The head-end's own OPC UA server, asked by a client over a socket: its meters, what they measure,
who may read them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.uacrypto import CertProperties
from cryptography.hazmat.primitives.asymmetric import rsa

from headend.access.desk import AccountDesk
from headend.access.guard import Guard
from headend.access.passwords import Passwords
from headend.app.opcua import served
from headend.chance import SeededChance
from headend.config import AccessPolicy, Config
from headend.config.opcua import OpcUa, OpcUaSecurity
from headend.domain.account import Role
from headend.opcua.meters import URI
from headend.opcua.server import OpcUaServer
from headend.ports import Transaction
from headend.store.store import SqlStore
from tests import databases
from tests.access.making import BY, CHEAP, RIGHT, WRONG
from tests.certificates import Authority
from tests.opcua.hosting import Host, SetClock, host
from tests.opcua.readings import (
    BARE,
    FIRST,
    METERS,
    NOON,
    QUARTER,
    ROWS,
    enter,
    register,
    values,
)

pytestmark = pytest.mark.live

APPLICATION = "urn:test:client"


@dataclass(slots=True)
class Door:
    """A server over a store, and the store."""

    host: Host
    server: OpcUaServer
    store: SqlStore


@asynccontextmanager
async def opened(folder: Path, opcua: OpcUa) -> AsyncIterator[tuple[OpcUaServer, SqlStore]]:
    """A server over a new store, listening; with an account that may read, and one that may not."""
    clock = SetClock(NOON)
    store = SqlStore(databases.at(folder / "ami.db"), live=True)
    await store.run(enter)
    chance = SeededChance(7, "opcua")
    passwords = Passwords(chance, CHEAP, live=True)
    desk = AccountDesk(store, clock, chance, passwords, AccessPolicy())
    await desk.add("reader", (Role.ANALYST,), BY, password=RIGHT)
    await desk.add("auditor", (Role.AUDITOR,), BY, password=RIGHT)
    guard = Guard(store, clock, passwords, AccessPolicy())
    server = served(Config(opcua=opcua), store, guard, clock)
    await server.start()
    try:
        yield server, store
    finally:
        await server.stop()
        await store.close()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Without certificates, on loopback, for everybody; it gives little at a time."""
    opcua = OpcUa(port=0, anonymous=True, samples=50, monitored=6)
    with host() as running, running.hold(opened(tmp_path_factory.mktemp("m"), opcua)) as found:
        yield Door(running, *found)


@asynccontextmanager
async def connected(door: Door) -> AsyncIterator[tuple[Client, int]]:
    async with Client(door.server.url) as client:
        yield client, await client.get_namespace_index(URI)


async def test_meters_by_name_and_by_place(door: Door) -> None:
    async with connected(door) as (client, index):
        folder = await client.nodes.objects.get_child(f"{index}:Meters")
        names = [(await each.read_browse_name()).Name for each in await folder.get_children()]
        assert names == [*METERS]
        way = "Places D1 F-VEN-4010 T-0001".split()
        transformer = await client.nodes.objects.get_child([f"{index}:{each}" for each in way])
        points = await transformer.get_children()
        titles = [(await each.read_display_name()).Text for each in points]
        assert titles == [f"door of {each}" for each in METERS]
        (meter,) = await points[1].get_children()
        by_name = await folder.get_child(f"{index}:{METERS[1]}")
        by_path = await points[1].get_child(f"{index}:{METERS[1]}")
        assert meter == by_name == by_path
        assert await points[0].get_children_descriptions() != []
        parent = await meter.get_parent()
        assert parent == folder
        kind = client.get_node(await meter.read_type_definition())
        assert (await kind.read_browse_name()).Name == "MeterType"


async def test_what_a_meter_measures(door: Door) -> None:
    """Values with their times and units; a bare meter has none, and nothing can be written."""
    async with connected(door) as (client, index):
        meter = client.get_node(f"ns={index};s=meter/{METERS[1]}")
        variables = {
            (await each.read_browse_name()).Name: each for each in await meter.get_children()
        }
        assert sorted(variables) == [
            "Concentrator", "CurrentA", "EnergyImport", "Model", "PowerFactor", "SerialNumber",
            "VoltageA",
        ]  # fmt: skip
        texts = [await variables[each].read_value() for each in ("Concentrator", "SerialNumber")]
        assert texts == ["C-001", METERS[1]]
        volts = await variables["VoltageA"].read_data_value()
        assert volts.Value.Value == values(2, ROWS - 1)["VoltageA"]
        assert volts.SourceTimestamp.replace(tzinfo=NOON.tzinfo) == NOON
        units = await variables["VoltageA"].get_child("0:EngineeringUnits")
        assert (await units.read_value()).DisplayName.Text == "V"
        nothing = await variables["CurrentA"].read_data_value(raise_on_bad_status=False)
        assert nothing.StatusCode.is_bad() and nothing.Value.Value is None
        bare = client.get_node(f"ns={index};s=meter/{BARE}")
        names = [(await each.read_browse_name()).Name for each in await bare.get_children()]
        assert names == ["Concentrator", "Model", "SerialNumber"]
        with pytest.raises(ua.uaerrors.BadUserAccessDenied):
            await variables["VoltageA"].write_value(1.0)


UNKNOWN = (
    "meter/nobody", f"meter/{BARE}/VoltageA", f"meter/{METERS[0]}/VoltageB", "place/nowhere",
    "Meters/x", "x", "meter/", f"meter/{METERS[0]}/VoltageA?EnumStrings", "?EngineeringUnits",
)  # fmt: skip


async def test_nodes_that_there_are_not(door: Door) -> None:
    async with connected(door) as (client, index):
        for id in UNKNOWN:
            node = client.get_node(ua.NodeId(id, index))
            value = await node.read_data_value(raise_on_bad_status=False)
            assert value.StatusCode.value == ua.StatusCodes.BadNodeIdUnknown, id
        with pytest.raises(ua.uaerrors.BadNoMatch):
            await client.nodes.objects.get_child([f"{index}:Meters", f"{index}:nobody"])


async def test_history_in_parts(door: Door) -> None:
    """The rows of the load profile, forward and back, 50 in an answer, as many as wanted."""
    async with connected(door) as (client, index):
        node = client.get_node(f"ns={index};s=meter/{METERS[0]}/VoltageA")
        expected = [values(1, place)["VoltageA"] for place in range(ROWS)]
        found = await node.read_raw_history(FIRST, NOON + QUARTER)
        assert [each.Value.Value for each in found] == expected
        assert [each.StatusCode.is_good() for each in found].count(False) == 2
        back = await node.read_raw_history(NOON, FIRST - QUARTER)
        assert [each.Value.Value for each in back] == expected[::-1]
        some = await _followed(client, node.nodeid, FIRST + 3 * QUARTER, 60)
        assert [each.Value.Value for each in some] == expected[3:63]
        last = await node.read_raw_history(None, NOON, numvalues=2)
        assert [each.Value.Value for each in last] == expected[:-3:-1]


async def _followed(
    client: Client, id: ua.NodeId, start: datetime, count: int
) -> list[ua.DataValue]:
    """So many values from a time on, in as many answers as it takes."""
    details = ua.ReadRawModifiedDetails(
        IsReadModified=False,
        StartTime=start,
        EndTime=ua.get_win_epoch(),
        NumValuesPerNode=count,
        ReturnBounds=False,
    )
    found: list[ua.DataValue] = []
    point: bytes | None = None
    while True:
        (result,) = await client.uaclient.history_read(_asked(id, details, point))
        found += result.HistoryData.DataValues
        point = result.ContinuationPoint
        if not point:
            return found


def _asked(id: ua.NodeId, details: Any, point: bytes | None = None) -> ua.HistoryReadParameters:
    return ua.HistoryReadParameters(
        HistoryReadDetails=details,
        ReleaseContinuationPoints=False,
        NodesToRead=[ua.HistoryReadValueId(NodeId=id, ContinuationPoint=point)],
    )


async def test_questions_about_history_that_have_no_answer(door: Door) -> None:
    raw = ua.ReadRawModifiedDetails(
        IsReadModified=False, StartTime=FIRST, EndTime=NOON, NumValuesPerNode=0, ReturnBounds=False
    )
    never = ua.get_win_epoch()
    untold = ua.ReadRawModifiedDetails(
        IsReadModified=False, StartTime=never, EndTime=NOON, NumValuesPerNode=0, ReturnBounds=False
    )
    modified = ua.ReadRawModifiedDetails(
        IsReadModified=True, StartTime=FIRST, EndTime=NOON, NumValuesPerNode=0, ReturnBounds=False
    )
    volts, text = f"meter/{METERS[0]}/VoltageA", f"meter/{METERS[0]}/Model"
    codes = ua.StatusCodes
    table = (
        (volts, untold, None, codes.BadHistoryOperationInvalid),
        (volts, modified, None, codes.BadHistoryOperationUnsupported),
        (volts, ua.ReadAtTimeDetails(), None, codes.BadHistoryOperationUnsupported),
        (volts, ua.ReadEventDetails(), None, codes.BadHistoryOperationUnsupported),
        (volts, raw, b"no point of ours", codes.BadContinuationPointInvalid),
        (text, raw, None, codes.BadHistoryOperationUnsupported),
        (f"meter/{METERS[0]}", raw, None, codes.BadHistoryOperationUnsupported),
        ("meter/nobody/VoltageA", raw, None, codes.BadNodeIdUnknown),
        (f"meter/{METERS[0]}/Frequency", raw, None, codes.GoodNoData),
    )
    async with connected(door) as (client, index):
        for id, details, point, code in table:
            params = _asked(ua.NodeId(id, index), details, point)
            (result,) = await client.uaclient.history_read(params)
            assert result.StatusCode.value == code, id
        nodes = [ua.HistoryReadValueId(NodeId=ua.NodeId(volts, index))] * 101
        params = ua.HistoryReadParameters(
            HistoryReadDetails=raw, ReleaseContinuationPoints=False, NodesToRead=nodes
        )
        with pytest.raises(ua.uaerrors.BadTooManyOperations):
            await client.uaclient.history_read(params)


class Heard:
    """What a subscription tells."""

    def __init__(self) -> None:
        self.values: asyncio.Queue[Any] = asyncio.Queue()

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        self.values.put_nowait(value)


async def test_a_subscription_hears_of_a_new_reading(door: Door) -> None:
    async with connected(door) as (client, index):
        heard = Heard()
        subscription = await client.create_subscription(20, heard)
        node = client.get_node(f"ns={index};s=meter/{METERS[1]}/EnergyImport")
        await subscription.subscribe_data_change(node)
        async with asyncio.timeout(30):
            assert await heard.values.get() == values(2, ROWS - 1)["EnergyImport"]

        def work(tx: Transaction) -> None:
            at = NOON + timedelta(minutes=1)
            tx.add_readings([register(METERS[1], "1.0.1.8.0.255", "99.5", "kWh", at)])

        door.host.do(door.store.run(work))
        assert door.host.do(door.server.poke()) == 1
        assert door.host.do(door.server.poke()) == 0
        async with asyncio.timeout(30):
            assert await heard.values.get() == 99_500.0
        # Six variables may be monitored; when the subscription ends they are forgotten.
        others = [
            client.get_node(f"ns={index};s=meter/{meter}/{word}")
            for meter in METERS[:2]
            for word in ("VoltageA", "PowerFactor", "EnergyImport")
        ]
        await subscription.subscribe_data_change(others[:5])
        extra = client.get_node(f"ns={index};s=meter/{METERS[0]}/Frequency")
        with pytest.raises(ua.uaerrors.BadTooManyMonitoredItems):
            await subscription.subscribe_data_change(extra)
        await subscription.delete()
        # One who comes before that is noticed finds the variable as if nobody had been there.
        again = await client.create_subscription(20, heard)
        await again.subscribe_data_change(node)
        async with asyncio.timeout(30):
            while await heard.values.get() != 99_500.0:
                pass
        await again.delete()
        door.host.do(door.server.poke())
        assert door.server.served.monitored == {}


# --- who may ---


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.found(tmp_path_factory.mktemp("authority"))


def _issued(authority: Authority, name: str) -> tuple[Path, Path]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return authority.issue(name, name, key=key)


@pytest.fixture(scope="module")
def secured(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    certificate, key = _issued(authority, "server")
    security = OpcUaSecurity(certificate=certificate, key=key, trusted=authority.path)
    opcua = OpcUa(port=0, security=security)
    with host() as running, running.hold(opened(tmp_path_factory.mktemp("s"), opcua)) as found:
        yield Door(running, *found)


async def _asks(
    door: Door, authority: Authority | None, user: str | None, password: str = RIGHT
) -> str:
    """The first meter's voltage over a new connection."""
    client = Client(door.server.url)
    client.application_uri = APPLICATION
    if authority is not None:
        certificate, key = _issued(authority, "client")
        await client.set_security(
            SecurityPolicyBasic256Sha256,
            CertProperties(certificate.read_bytes(), "PEM"),
            CertProperties(key.read_bytes(), "PEM"),
        )
    if user is not None:
        client.set_user(user)
        client.set_password(password)
    async with client:
        index = await client.get_namespace_index(URI)
        node = client.get_node(f"ns={index};s=meter/{METERS[0]}/VoltageA")
        return str(await node.read_value())


async def test_who_may_read(secured: Door, authority: Authority, tmp_path: Path) -> None:
    """An account that may read, over a channel with a certificate that is trusted; nobody else."""
    right = str(values(1, ROWS - 1)["VoltageA"])
    assert await _asks(secured, authority, "reader") == right
    stranger = Authority.found(tmp_path / "stranger")
    refused = (
        (authority, "reader", WRONG),
        (authority, "nobody", RIGHT),
        (authority, "auditor", RIGHT),
        (authority, None, RIGHT),
        (stranger, "reader", RIGHT),
        (None, "reader", RIGHT),
        (None, None, RIGHT),
    )
    for whose, user, password in refused:
        with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
            await _asks(secured, whose, user, password)
    assert await _asks(secured, authority, "reader") == right


async def test_what_is_offered_can_be_asked_without_security(secured: Door) -> None:
    """Where a server is, what it takes, and nothing else."""
    client = Client(secured.server.url)
    (endpoint,) = await client.connect_and_get_server_endpoints()
    assert endpoint.SecurityPolicyUri.endswith("#Basic256Sha256")
    assert endpoint.SecurityMode == ua.MessageSecurityMode.SignAndEncrypt
    assert [it.TokenType for it in endpoint.UserIdentityTokens] == [ua.UserTokenType.UserName]
    await client.connect_socket()
    await client.send_hello()
    await client.open_secure_channel()
    with pytest.raises(ua.UaError):
        await client.create_session()
    await client.disconnect_sessionless()


async def test_a_message_that_is_too_large(door: Door) -> None:
    """Its sender is told and hung up on; others go on."""
    async with connected(door) as (client, index):
        text = "x" * 5_000_000
        with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
            await client.get_node(ua.NodeId(text, index)).read_value()
    async with connected(door) as (client, index):
        node = client.get_node(f"ns={index};s=meter/{METERS[0]}/SerialNumber")
        assert await node.read_value() == METERS[0]
