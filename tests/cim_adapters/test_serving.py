"""Adapters served: the same octets by SOAP and through the bus, both styles, faults as at the order
desk's door."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headend.app.cim_adapters import serving_adapters
from headend.config import BadConfig
from headend.config.adapters import read as read_adapters
from headend.config.sources import SqlSource
from headend.integration.cim.ami import AmiLayer
from headend.integration.cim.door import AdapterDoor, described
from headend.integration.cim.layer import DataLayer
from headend.integration.cim.limits import Limits
from headend.integration.cim.mapping import ADAPTERS as DATABASES
from headend.soap.door.documents import document
from headend.soap.door.raw_soap import body_of
from headend.soap.door.route import UnsafeBind
from headend.store.store import SqlStore
from protocols.cim import envelope, get, schema, xml
from protocols.cim.bus import rules
from protocols.cim.codes import Result
from protocols.cim.envelope import Message
from protocols.cim.profile import messages, payload, reading, xsd
from protocols.cim.profile.instance import Instance
from protocols.cim.profile.lexical import Value
from protocols.cim.profile.model import CimClass, Enumeration, Primitive, Profile
from protocols.cim.replies import Stamp
from protocols.cim.soap_octets import wrap
from tests.cim import orders_as_xml as a
from tests.cim_adapters.doors import adapter, inside, ways_to
from tests.cim_adapters.naive import Naive
from tests.cim_adapters.utilities import layer
from tests.opcua.readings import enter

AT = datetime(2026, 7, 6, tzinfo=UTC)
SPAN = {"start": AT - timedelta(days=1), "end": AT + timedelta(days=1)}
STAMP = Stamp(source="TABLERO", message_id="m-1", at=AT)
PAYLOAD = re.compile(rb"<Payload>.*</Payload>", re.DOTALL)

VALUES: dict[Primitive, Value] = {
    Primitive.STRING: "Peñasco & <Azul>",
    Primitive.INTEGER: -7,
    Primitive.FLOAT: 0.1,
    Primitive.BOOLEAN: False,
    Primitive.DATE_TIME: AT,
}


def sample(profile: Profile) -> Naive:
    """Two instances of each class, whose references lead to each other."""
    return Naive(
        profile,
        (
            _instance(profile, cls, number)
            for cls in profile.classes
            if not cls.abstract
            for number in (1, 2)
        ),
    )


def _instance(profile: Profile, cls: CimClass, number: int) -> Instance:
    values: dict[str, Value] = {
        name: it.type.literals[0] if isinstance(it.type, Enumeration) else VALUES[it.type]
        for name, it in profile.attributes(cls).items()
    }
    if "mRID" in values:
        values["mRID"] = f"K{number}"
    return Instance(cls, values, dict.fromkeys(profile.references(cls), f"K{number}"))


def questions(profile: Profile) -> Iterator[Message]:
    """All instances of a class, some by an attribute, and an association, wherever there is one."""
    for cls in profile.classes:
        yield get.all_instances(cls.name, STAMP)
        for name, attribute in itertools.islice(profile.attributes(cls).items(), 1):
            if attribute.type is Primitive.STRING:
                yield get.filtered(cls.name, {name: "K1"}, STAMP)
        for association in profile.associations(cls).values():
            span = SPAN if association.history else {}
            yield get.associated(cls.name, association.name, ["K1"], STAMP, **span)  # type: ignore[arg-type]


def octets(message: Message, number: int = 1) -> bytes:
    """A message as it is sent, under an id of its own."""
    assert message.header is not None
    header = replace(message.header, message_id=f"m-{number}")
    return xml.serialize(envelope.write(replace(message, header=header)))


def read(reply: bytes) -> Message:
    """A reply that its schema accepts."""
    root = xml.parse(reply)
    schema.check(root)
    return envelope.read(root)


@asynccontextmanager
async def source_of(name: str, kind: str, folder: Path) -> AsyncIterator[DataLayer]:
    """A list, its database where it has one, or a head-end that has read its meters."""
    if kind == "list":
        yield sample(reading.profile(name))
    elif kind == "sql":
        yield layer(name, folder)
    else:
        store = SqlStore(f"sqlite:///{folder}/ami.db", live=False)
        await store.run(enter)

        async def read(query: Any) -> Any:
            return store.read(query)

        yield AmiLayer(read, "HES")
        await store.close()


SOURCES = [
    *((name, "list") for name in reading.ADAPTERS),
    *((name, "sql") for name in DATABASES),
    ("ami", "head-end"),
]


@pytest.mark.parametrize(("name", "source"), SOURCES)
async def test_every_way_gives_the_same_payload(tmp_path: Path, name: str, source: str) -> None:
    """Direct interaction and the integration layer of figure 5: byte for byte, in both styles."""
    profile, given = reading.profile(name), 0
    async with (
        source_of(name, source, tmp_path) as found,
        ways_to(tmp_path, profile, found) as ways,
    ):
        for number, question in enumerate(questions(profile)):
            for typed in (None, messages.query(profile)):
                asked = octets(replace(question, typed=typed), number * 2 + bool(typed))
                replies = {way: await ask(asked) for way, ask in ways.all().items()}
                payloads = {way: PAYLOAD.findall(reply) for way, reply in replies.items()}
                assert len({tuple(found) for found in payloads.values()}) == 1, payloads
                for reply in map(read, replies.values()):
                    assert reply.typed == typed and reply.header and reply.reply
                    assert reply.header.correlation_id == f"m-{number * 2 + bool(typed)}"
                given += len(payloads["soap"])
    assert given


async def test_pages_are_followed_on_every_way(tmp_path: Path) -> None:
    profile = reading.profile("siad")
    source, limits = layer("siad", tmp_path), Limits(page=3)
    seen: dict[str, list[Instance]] = {}
    async with ways_to(tmp_path, profile, source, limits) as ways:
        for number, (way, ask) in enumerate(ways.all().items()):
            question: Message | None = get.all_instances("Substation", STAMP)
            found = seen.setdefault(way, [])
            for page in itertools.count():
                if question is None:
                    break
                reply = read(await ask(octets(question, 100 * number + page)))
                assert reply.payload is not None
                found += payload.read(profile, reply.payload.content[0])
                further = get.next_page(reply)
                question = None if further is None else get.following(question, further)
            assert page > 1
    assert len({str(found) for found in seen.values()}) == 1
    assert len(seen["soap"]) > 3


REFUSED = {
    # name: the message, what the reply says
    "an unknown class": (get.all_instances("Coffee", STAMP), "2.5 CLASE_DESCONOCIDA"),
    "an unknown attribute": (
        get.filtered("Substation", {"size": "3"}, STAMP), "1.8 ATRIBUTO_DESCONOCIDO",
    ),
    "an unknown key": (
        get.associated("Substation", "Feeders", ["K9"], STAMP), "2.15 CLAVE_DESCONOCIDA",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("question", "said"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("typed", [None, "GetSIAD"])
async def test_a_refusal_is_a_reply_in_the_questions_style(
    question: Message, said: str, typed: str | None
) -> None:
    siad = reading.profile("siad")
    door = AdapterDoor(adapter(siad, sample(siad)))
    reply = read(inside(await door.handle(wrap(octets(replace(question, typed=typed))))))
    assert reply.reply is not None
    (error,) = reply.reply.errors
    assert (reply.reply.result, f"{error.code} {error.key}") == (Result.FAILED, said)
    assert reply.typed == typed


TYPED = f'<GetSIAD xmlns="{messages.namespace(reading.profile("siad"))}"/>'.encode()

FAULTS = {
    # name: the body, HTTP status, code and key, the fault's detail
    "nothing": (b"", 400, "1.8", "FaultMessage"),
    "no XML": (b"hello", 500, "1.8", "FaultMessage"),
    "no SOAP": (octets(get.all_instances("Substation", STAMP)), 500, "1.8", "FaultMessage"),
    "no message": (wrap(b"<coffee/>"), 500, "1.8", "FaultMessage"),
    "no header": (wrap(TYPED), 500, "1.5", "FaultMessage"),
    "an order": (wrap(a.typed()), 500, "2.9", "EndDeviceControlsFaultMessage"),
    "another adapter's question": (
        wrap(octets(replace(get.all_instances("Substation", STAMP), typed="GetVIP"))),
        500, "2.9", "VIPFaultMessage",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "status", "code", "detail"), FAULTS.values(), ids=FAULTS)
async def test_what_is_no_question_is_a_fault(
    body: bytes, status: int, code: str, detail: str
) -> None:
    siad = reading.profile("siad")
    answer = await AdapterDoor(adapter(siad, sample(siad))).handle(body)
    assert answer.status == status
    (told,) = body_of(xml.parse(answer.body)).iterfind("detail/*")
    assert xml.local(told) == detail
    fault = envelope.read(told)
    assert fault.reply is not None and fault.reply.errors[0].code == code


async def test_a_question_by_a_message_of_the_wrong_shape_is_refused_with_its_place() -> None:
    siad = reading.profile("siad")
    wrong = octets(get.filtered("Substation", {"a": "b"}, STAMP)).replace(b"name>", b"nome>")
    reply = read(inside(await AdapterDoor(adapter(siad, sample(siad))).handle(wrap(wrong))))
    assert reply.reply is not None
    assert [(it.code, it.key, it.xpath) for it in reply.reply.errors] == [
        ("1.8", "ESQUEMA", "nome")
    ]


PERMITS = '[[permit]]\nsource = "TABLERO"\nnouns = ["Substation"]\n'
CALLERS = {
    # name: the certificate's name, the class, the error
    "no TLS": (None, "CFE_Zone", ""),
    "its own name": ("TABLERO", "Substation", ""),
    "a class that is not permitted": ("TABLERO", "CFE_Zone", "7.5 SIN_PERMISO"),
    "another's name": ("COMERCIAL", "Substation", "7.5 ORIGEN_NO_AUTORIZADO"),
    "no name": ("", "Substation", "7.4 CERTIFICADO_SIN_NOMBRE"),
}


@pytest.mark.parametrize(("caller", "noun", "said"), CALLERS.values(), ids=CALLERS)
async def test_who_may_ask(caller: str | None, noun: str, said: str) -> None:
    siad = reading.profile("siad")
    door = AdapterDoor(adapter(siad, sample(siad)), rules.read(PERMITS))
    body = wrap(octets(get.all_instances(noun, STAMP)))
    reply = read(inside(await door.handle(body, client_source=caller)))
    assert reply.reply is not None
    found = [f"{it.code} {it.key}" for it in reply.reply.errors if it.code != "0.0"]
    assert found == ([said] if said else [])


@pytest.mark.parametrize("name", reading.ADAPTERS)
def test_what_a_door_describes(name: str) -> None:
    """The WSDL with the address that it was asked at, and every schema that it leads to."""
    profile = reading.profile(name)
    offered = described(f"{profile.name}-2", profile)
    place = f"/soap/cim/{profile.name}-2"
    found = document(place, "wsdl", scheme="https", host="cim.example:8443", of=offered)
    assert found is not None
    assert f'location="https://cim.example:8443{place}"'.encode() in found.body
    wanted, had = {*re.findall(rb'schemaLocation="([^"]+)"', found.body)}, set[bytes]()
    while further := wanted - had:
        for each in further:
            at, _, file = each.decode().partition("?xsd=")
            assert at == f"{profile.name}-2"
            text = document(place, f"xsd={file}", scheme="https", host="x", of=offered)
            assert text is not None, file
            wanted |= {*re.findall(rb'schemaLocation="([^"]+)"', text.body)}
            had.add(each)
    assert len(had) == 3
    assert document(place, "xsd=MeterConfig.xsd", scheme="https", host="x", of=offered) is None
    assert schema.xsd("Message.xsd") and xsd.file_name(profile)


ADAPTER = '[[adapter]]\nprofile = "siad"\nsource = { kind = "sql", database = "siad.db" }\n'
DOOR = "[door]\nport = 0\n"
SQL = '{ kind = "sql", database = "siad.db" }'
OPC_UA = '{ kind = "opc-ua", url = "opc.tcp://127.0.0.1:1/scada" }'
SCADA = f'[[adapter]]\nprofile = "scada"\nsource = {OPC_UA}\n'

BAD = {
    # name: the file, what is said
    "no adapter": (DOOR, "adapter"),
    "nobody could ask": (ADAPTER, "nobody could ask"),
    "an unknown profile": (DOOR + ADAPTER.replace('siad"\n', 'siap"\n'), "profile"),
    "an unknown kind of source": (DOOR + ADAPTER.replace("sql", "csv"), "kind|csv"),
    "a source without a database": (DOOR + ADAPTER.replace("database", "file"), "file|database"),
    "a system that is no database": (DOOR + ADAPTER.replace('"siad"', '"scada"'), "no mapping"),
    "a server without a mapping": (DOOR + ADAPTER.replace(SQL, OPC_UA), "no mapping"),
    "meters of no head-end": (
        DOOR + ADAPTER.replace(SQL, '{ kind = "head-end", database = "ami.db" }'),
        "no mapping",
    ),
    "no address of a server": (DOOR + SCADA.replace("opc.tcp", "http"), "url"),
    "a user without a password": (
        DOOR + SCADA.replace('scada" }', 'scada", user = "x" }'),
        "go together",
    ),
    "a name twice": (DOOR + ADAPTER * 2, "a name of its own"),
    "a name that is none": (DOOR + ADAPTER + 'name = "a/b"\n', "name"),
    "a route": (DOOR + ADAPTER + '[[route]]\ndestination = "SIAD"\n', "route"),
    "an unknown key": (DOOR + "nome = 1\n" + ADAPTER, "nome"),
    "no TOML": ("[[adapter]", "adapters.toml"),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_settings_that_cannot_be_read(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "adapters.toml"
    path.write_text(text)
    with pytest.raises(BadConfig, match=said):
        read_adapters(path)


def test_a_database_lies_beside_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "adapters.toml"
    url = ADAPTER.replace("siad.db", "postgresql://x/y").replace(
        'profile = "siad"', 'profile = "vip"'
    )
    path.write_text(DOOR + ADAPTER + url)
    settings = read_adapters(path)
    assert [it.source.database for it in settings.adapter if isinstance(it.source, SqlSource)] == [
        str(tmp_path / "siad.db"), "postgresql://x/y",
    ]  # fmt: skip
    assert [it.called for it in settings.adapter] == ["SIAD", "VIP"]


UNSAFE = {
    "a door open to the network": ('[door]\nhost = "0.0.0.0"\n', UnsafeBind, "mutual TLS"),
    "a broker elsewhere": ('[broker]\nhost = "10.0.0.1"\n', BadConfig, "needs .broker.tls"),
}


@pytest.mark.parametrize(("text", "error", "said"), UNSAFE.values(), ids=UNSAFE)
async def test_settings_that_are_not_served(
    tmp_path: Path, text: str, error: type[Exception], said: str
) -> None:
    path = tmp_path / "adapters.toml"
    path.write_text(text + ADAPTER)
    with pytest.raises(error, match=said):
        async with serving_adapters(read_adapters(path)):
            pass


async def test_one_slow_answer_does_not_hold_up_another(tmp_path: Path) -> None:
    """Questions are answered side by side, at the door and behind the queue."""
    siad, hold = reading.profile("siad"), asyncio.Event()

    class Held(Naive):
        async def page(self, selection, after, limit):  # type: ignore[no-untyped-def]
            if selection.target.name == "Substation":
                await hold.wait()
            return await super().page(selection, after, limit)

    source = Held(siad, sample(siad)._all)
    async with ways_to(tmp_path, siad, source) as ways:
        for number, ask in enumerate((ways.soap, ways.queue)):
            hold.clear()
            slow = octets(get.all_instances("Substation", STAMP), 10 + number)
            waiting = asyncio.create_task(ask(slow))  # type: ignore[arg-type]
            read(await ask(octets(get.all_instances("CFE_Zone", STAMP), 20 + number)))
            assert not waiting.done()
            hold.set()
            read(await waiting)
