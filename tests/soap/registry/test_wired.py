"""A whole head-end takes and tells its registry at its SOAP door, and sends its replies."""

from __future__ import annotations

import asyncio
from pathlib import Path

from headend.app.head_end import build
from headend.app.sessions import Bus, BusClient
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import Config
from headend.domain.meter import Stage
from headend.store import queries
from protocols.cim import envelope, exchange, xml
from protocols.cim.codes import Result
from protocols.cim.envelope import Message
from protocols.cim.exchange import Style
from protocols.cim.records.get_meter_config_auto import GetMeterConfig
from protocols.cim.replies import Stamp, soap_envelope
from protocols.commercial import messages as commercial
from tests import databases
from tests.backup.drill import NobodyCalls
from tests.soap.desk import AT
from tests.soap.registry.office import TYPED, meter_config, point_config, told


def _stamp(message_id: str) -> Stamp:
    return Stamp(source="CIS", message_id=message_id, at=AT, correlation_id=f"c-{message_id}")


@databases.on_one
async def test_a_head_end_takes_tells_and_replies(tmp_path: Path) -> None:
    config = Config(
        database=databases.at(tmp_path / "ami.db"),
        legacy_database=f"sqlite:///{tmp_path / 'legacy.db'}",
    )
    bus = Bus()
    client, consumer = BusClient(bus, "head-end"), BusClient(bus, "consumer")
    head_end = build(
        config, clock=LoopClock(AT), chance=SeededChance(1, "soap"), broker=client,
        callback=NobodyCalls(), live=False,
    )  # fmt: skip
    heard: list[bytes] = []

    async def hear(topic: str, octets: bytes) -> None:
        heard.append(octets)

    await consumer.connect()
    await consumer.subscribe(commercial.cim(config.delivery.topic_root), hear)
    await head_end.listen()
    await client.connect()
    work = asyncio.create_task(head_end.run())

    async def post(message: Message) -> Message:
        octets = xml.serialize(soap_envelope(envelope.write(message)))
        answer = await head_end.ordering.soap.handle(octets)
        return envelope.read(xml.parse(answer.body)[0][0])

    later = Style(typed=True, async_reply=True)
    points = point_config("SP1", feeder=None)
    answer = await post(exchange.request("create", "UsagePointConfig", _stamp("1"), points, later))
    assert told(answer) == (Result.OK, ["0.3"])
    meters = exchange.request("create", "MeterConfig", _stamp("2"), meter_config("9"), TYPED)
    assert told(await post(meters)) == (Result.OK, ["0.0"])
    assert told(await post(exchange.question(GetMeterConfig(), _stamp("3"), TYPED)))[0] is Result.OK
    assert told(await post(exchange.question(GetMeterConfig(), _stamp("4"), later)))[1] == ["0.3"]
    await asyncio.sleep(60)
    replies = [envelope.read(xml.parse(each)) for each in heard]
    said = {each.header.correlation_id: told(each) for each in replies if each.header is not None}
    assert said == {"c-1": (Result.OK, ["0.0"]), "c-4": (Result.OK, ["0.0"])}
    meter = head_end.store.read(lambda connection: queries.meter(connection, "9"))
    assert meter is not None and meter.stage is Stage.IN_STOCK
    assert head_end.errors == ()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await head_end.close()
