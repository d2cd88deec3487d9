"""The bus on a real Mosquitto, with real SOAP over HTTP at both ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from headend.clock import WallClock
from headend.field.mosquitto import Mosquitto
from headend.field.mqtt import Address, MqttBroker
from headend.integration.bus.soap_in import SoapToBus
from headend.integration.bus.soap_out import BusToSoap
from headend.soap.door.raw_soap import body_of
from headend.soap.outbound.zeep_callback import ZeepCallback
from protocols.cim import xml
from protocols.cim.bus import letter as letters
from protocols.cim.bus.topics import Topics
from protocols.cim.soap_octets import unwrap, wrap
from protocols.mqtt import Packet
from tests.cim import orders_as_xml as a
from tests.cim_bus.letters import RULES, EchoingAdapter, codes, get
from tests.cim_bus.utility import Utility
from tests.field.live_broker import SOON_S, kill, mosquitto
from tests.soap.desk import CountingChance, RememberingDesk, server_around
from tests.soap.door import open_door
from tests.soap.test_route import ORDERS, XML, client

PATIENT = RULES.replace("timeout_s = 20", "timeout_s = 80")  # a busy machine decides nothing
TIMEOUT_S = 90.0

pytestmark = [pytest.mark.live, pytest.mark.requires("mosquitto")]


@asynccontextmanager
async def utility(
    folder: Path, port: int, *, version_5: bool = True, named: bool = False
) -> AsyncIterator[Utility]:
    """Nodes on a broker; `named` gives each its own user name there."""
    async with AsyncExitStack() as sessions:

        async def session_of(name: str) -> MqttBroker:
            address = Address("127.0.0.1", port, username=name if named else None)
            session = MqttBroker(address, client_id=name, version_5=version_5)
            await session.start()
            sessions.push_async_callback(session.stop)
            await session.until_connected(SOON_S)
            return session

        made = Utility(folder / "dead", session_of, WallClock(), PATIENT)
        try:
            yield made
        finally:
            await made.stop()


@pytest.mark.parametrize("version_5", [True, False], ids=["MQTT 5", "MQTT 3.1.1"])
async def test_soap_in_bus_soap_out(tmp_path: Path, version_5: bool) -> None:
    """A SOAP client, the bus, and the head-end's own door behind it: the octets of a direct
    order and its acknowledgement, and of those through the bus, are the same."""
    message = b"<?xml version='1.0' encoding='UTF-8'?>\n" + a.typed()
    said = {}
    desks = {"direct": RememberingDesk(), "through the bus": RememberingDesk()}
    callback = ZeepCallback(SOON_S)
    try:
        async with mosquitto(tmp_path) as broker, client() as http:
            for way, desk in desks.items():
                async with AsyncExitStack() as stack:
                    base = await stack.enter_async_context(open_door(server_around(desk)))
                    if way != "direct":
                        made = await stack.enter_async_context(
                            utility(tmp_path, broker.port, version_5=version_5)
                        )
                        await made.router()
                        await made.system("AMI", BusToSoap(callback, base + ORDERS))
                        asking = await made.asking("PUERTA")
                        proxy = SoapToBus(
                            asking, WallClock(), CountingChance(), timeout_s=TIMEOUT_S
                        )
                        base = await stack.enter_async_context(open_door(proxy))  # type: ignore[arg-type]
                    answer = await http.post(base + ORDERS, content=wrap(message), headers=XML)
                    assert answer.status_code == 200
                    said[way] = unwrap(answer.content, body_of(xml.parse(answer.content)))
    finally:
        callback.close()
    assert said["through the bus"] == said["direct"]
    assert codes(said["direct"]) == ("0.3",)
    assert desks["through the bus"].octets == desks["direct"].octets == [wrap(message)]


async def test_each_question_is_answered_though_the_broker_is_killed(tmp_path: Path) -> None:
    adapter = EchoingAdapter()
    async with mosquitto(tmp_path) as broker, utility(tmp_path, broker.port) as made:
        await made.router()
        await made.system("SIAD", adapter)
        tablero = await made.asking("TABLERO", send_again_s=0.5)

        async def question(number: int) -> tuple[str, ...]:
            octets = get(message_id=f"m-{number}", option=f"o-{number}")
            letter = letters.read(octets)
            answer = await tablero.ask(f"TABLERO/m-{number}", letter, timeout_s=TIMEOUT_S)
            assert letter.print.encode() in answer.octets
            return answer.codes

        before = await asyncio.gather(*(question(number) for number in range(20)))
        under_way = [asyncio.create_task(question(number)) for number in range(20, 60)]
        await asyncio.sleep(0)
        await kill(broker)
        heard = before + await asyncio.gather(*under_way)
    assert heard == [("0.0",)] * 60
    assert sorted(adapter.asked) == sorted(  # each was done once, though some were sent again
        get(message_id=f"m-{number}", option=f"o-{number}") for number in range(60)
    )


class ByName:
    """Lets everybody in under the name they give, with the bus's permissions."""

    def listener(self, permissions: Path) -> str:
        return f"allow_anonymous true\nacl_file {permissions.resolve()}\n"

    def permissions(self) -> str:
        return Topics().acl()


async def test_nobody_asks_or_hears_under_another_s_name(tmp_path: Path) -> None:
    adapter, overheard = EchoingAdapter(), []
    broker = Mosquitto(tmp_path, admission=ByName())  # type: ignore[arg-type]
    await broker.start()

    async def overhear(packet: Packet) -> None:
        overheard.append(packet)

    try:
        async with utility(tmp_path, broker.port, named=True) as made:
            await made.router()
            await made.system("SIAD", adapter)
            tablero = await made.asking("TABLERO")
            intruder = await made.queues_for("INTRUSO")
            await intruder.listen("cim/v1/#", overhear)
            await intruder.listen("cim/v1/replies/TABLERO/#", overhear)
            forged = get(message_id="forged")
            for topic in (
                "cim/v1/route/TABLERO",
                "cim/v1/requests/SIAD/TABLERO",
                "cim/v1/requests/SIAD/ROUTER",
                "cim/v1/replies/ROUTER/SIAD",
            ):
                await intruder.publish(topic, forged)
            # What the intruder's packets would have done is done before this is.
            letter = letters.read(get())
            answer = await tablero.ask("TABLERO/m-1", letter, timeout_s=TIMEOUT_S)
            assert answer.codes == ("0.0",)
            assert made.dead() == []
    finally:
        await broker.stop()
    assert adapter.asked == [get()] and overheard == []
