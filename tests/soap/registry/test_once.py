"""Each message about the registry takes effect once; all or nothing of it is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headend.ports import StoreUnavailable
from headend.store.messages import MessageWords
from protocols.cim import codec, envelope, exchange, xml
from protocols.cim.codes import Result
from protocols.cim.envelope import Kind, Message, Payload
from protocols.cim.operations import Operation, OperationSet
from protocols.cim.replies import Stamp, soap_envelope
from tests import databases
from tests.soap.desk import AT
from tests.soap.registry.office import (
    Office,
    founded,
    linkage_config,
    meter_config,
    point_config,
    told,
)

OK = (Result.OK, ["0.0"])


def _message(verb: str, record: Any, message_id: str = "m") -> Message:
    stamp = Stamp(source="CIS", message_id=message_id, at=AT, correlation_id="c")
    return exchange.request(verb, type(record).__name__, stamp, record)


async def _octets(at: Office, message: Message) -> bytes:
    answer = await at.server.handle(xml.serialize(soap_envelope(envelope.write(message))))
    return xml.serialize(xml.parse(answer.body)[0][0])


async def test_the_same_message_again_gets_the_first_answer(at: Office) -> None:
    first = await _octets(at, _message("create", meter_config("1", lot_number="L1")))
    await at.post(_message("change", meter_config("1", lot_number="L2"), "m2"))
    assert await _octets(at, _message("create", meter_config("1", lot_number="L1"))) == first
    (shown,) = await at.all_of("MeterConfig")
    assert shown.meter[0].lot_number == "L2"  # type: ignore[attr-defined]
    other = await at.post(_message("create", meter_config("2")))
    assert told(other) == (Result.FAILED, ["2.15 MENSAJE_REPETIDO_CON_OTRO_CONTENIDO"])
    assert await at.meter("2") is None


@databases.on_one
async def test_what_is_refused_as_a_whole_may_come_again(at: Office) -> None:
    message = _message("create", linkage_config("1", "SP1"))
    assert told(await at.post(message))[0] is Result.FAILED
    await at.run(founded)
    await at.tell("create", meter_config("1"))
    await at.tell("create", point_config("SP1"))
    again = _message("create", linkage_config("1", "SP1"))
    assert told(await at.post(again)) == OK


async def test_an_effect_whose_message_is_not_kept_is_not_kept_either(
    at: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(words: object, message: object) -> None:
        raise StoreUnavailable("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(MessageWords, "add_inbound", fail)
        answer = await at.post(_message("create", meter_config("1")))
    assert told(answer) == (Result.FAILED, ["5.1 ALMACEN_NO_DISPONIBLE"])
    assert await at.meter("1") is None
    assert told(await at.post(_message("create", meter_config("1")))) == OK


HEADS = {
    "an empty payload": (_message("create", meter_config()), "1.7 CONTENIDO_FALTA"),
    "no payload": (replace(_message("create", meter_config("1")), payload=None),
                   "1.7 CONTENIDO_FALTA"),
    "another noun's content": (replace(_message("create", meter_config("1")), payload=Payload(
        content=(codec.element(point_config("SP1")),))), "2.5 CONTENIDO_DISTINTO"),
    "too many": (_message("create", meter_config(*map(str, range(1001)))),
                 "3.1 DEMASIADOS_OBJETOS"),
    "a long MessageID": (_message("create", meter_config("1"), "m" * 256),
                         "1.8 CAMPO_DEMASIADO_LARGO"),
}  # fmt: skip


@databases.on_one
@pytest.mark.parametrize(("message", "why"), HEADS.values(), ids=HEADS)
async def test_a_message_is_refused_as_a_whole(at: Office, message: Message, why: str) -> None:
    assert told(await at.post(message)) == (Result.FAILED, [why])
    assert await at.all_of("MeterConfig") == []


def _set(all_or_none: bool, *parts: tuple[str, Any]) -> Message:
    header = envelope.Header(verb="execute", noun="OperationSet", source="CIS", message_id="s")
    operations = OperationSet(
        all_or_none=all_or_none,
        operations=tuple(
            Operation(id=number, noun=type(record).__name__, verb=verb,
                      content=codec.element(record))
            for number, (verb, record) in enumerate(parts, 1)
        ),
    )  # fmt: skip
    return Message(kind=Kind.REQUEST, header=header, payload=Payload(operations=operations))


async def test_a_whole_supply_in_one_set_of_operations(at: Office) -> None:
    await at.run(founded)
    parts: list[tuple[str, Any]] = [
        ("create", point_config("SP1")),
        ("create", meter_config("1")),
        ("create", linkage_config("1", "SP1", concentrator="C1")),
    ]
    wrong = [*parts, ("create", linkage_config("9", "SP1"))]
    answer = await at.post(_set(True, *wrong))
    assert told(answer)[0] is Result.FAILED and "2.4 MEDIDOR_DESCONOCIDO" in told(answer)[1]
    assert await at.meter("1") is None
    assert told(await at.post(_set(True, *parts)))[0] is Result.OK
    (there,) = await at.run(lambda tx: tx.installations_at("SP1"))
    assert there.meter == "1"
