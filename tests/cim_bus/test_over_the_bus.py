"""The bus on a broker in the process, under the simulated clock: octets, faults, broken lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from fastapi import FastAPI

from headend.clock import LoopClock
from headend.field.bus import Bus
from headend.integration.bus.answering import Answering
from headend.integration.bus.asking import Asking
from headend.integration.bus.routing import Routing
from headend.integration.bus.soap_in import SoapToBus
from headend.integration.bus.soap_out import BusToSoap
from headend.integration.bus.traces import TracesInFolder, TracesInMemory, told
from headend.soap.door.raw_soap import SoapFault, body_of, write_fault
from headend.soap.door.route import soap_router
from headend.soap.door.server import SoapAnswer, SoapServer
from headend.soap.outbound.callback import CallbackFailed
from protocols.cim import envelope, xml
from protocols.cim.bus import letter as letters
from protocols.cim.bus.effects import Act, Hop, Why
from protocols.cim.bus.letter import Letter
from protocols.cim.envelope import Kind
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.soap_octets import unwrap, wrap
from scenarios.stand_ins import asgi
from tests.cim import orders_as_xml as a
from tests.cim_bus.letters import AT, EchoingAdapter, codes, get, keys, reply
from tests.cim_bus.utility import Utility, simulated
from tests.conftest import SIMULATED_START
from tests.soap.desk import CountingChance, RememberingDesk, server_around

XML = {"content-type": "text/xml"}


@asynccontextmanager
async def utility(tmp_path: Path, **how: object) -> AsyncIterator[Utility]:
    async with simulated(tmp_path, Bus(), **how) as made:  # type: ignore[arg-type]
        yield made


async def ask(asking: Asking, octets: bytes, timeout_s: float = 30.0, **how: object) -> bytes:
    letter = letters.read(octets)
    key = f"{letter.source}/{letter.message_id}"
    answer = await asking.ask(key, letter, timeout_s=timeout_s, **how)  # type: ignore[arg-type]
    return answer.octets


def door(asking: Asking, **how: object) -> SoapToBus:
    return SoapToBus(asking, LoopClock(SIMULATED_START), CountingChance(), **how)  # type: ignore[arg-type]


def inside(answer: SoapAnswer) -> bytes:
    assert answer.status == 200
    return unwrap(answer.body, body_of(xml.parse(answer.body)))


class InProcess:
    """A SOAP-only system's address that is a server in this process."""

    def __init__(self, server: SoapServer, away: int = 0) -> None:
        self.server = server
        self.away = away
        self.posted: list[tuple[str, bytes, str]] = []

    async def post(self, address: str, octets: bytes, operation: str) -> bytes:
        self.posted.append((address, octets, operation))
        if self.away:
            self.away -= 1
            raise CallbackFailed("ConnectionRefusedError")
        return (await self.server.handle(octets)).body


# --- the same octets, whichever way ---------------------------------------------------------


async def test_an_adapter_is_asked_and_answers_the_same_octets_directly_and_through_the_bus(
    tmp_path: Path,
) -> None:
    """The paper's figure 5: direct interaction on queues, through the bus, and from a web service's
    client through it."""
    asked = get()
    direct = reply(letters.read(asked))  # what the adapter gives to whoever calls it
    for way in ("directly", "by the router", "named to the router", "by SOAP"):
        adapter = EchoingAdapter()
        async with utility(tmp_path) as made:
            await made.router()
            await made.system("SIAD", adapter)
            if way == "by SOAP":
                answer = inside(await door(await made.asking("PUERTA")).handle(wrap(asked)))
            else:
                named = None if way == "by the router" else "SIAD"
                answer = await ask(
                    await made.asking("TABLERO"),
                    asked,
                    destination=named,
                    directly=way == "directly",
                )
        assert adapter.asked == [asked], way
        assert answer == direct, way


@pytest.mark.parametrize("style", [a.typed, a.generic], ids=["typed", "generic"])
async def test_the_head_end_s_own_door_is_asked_and_answers_the_same_octets_behind_the_bus(
    tmp_path: Path, style: object
) -> None:
    message = b"<?xml version='1.0' encoding='UTF-8'?>\n" + style()  # type: ignore[operator]
    desk = RememberingDesk()
    direct = inside(await server_around(desk).handle(wrap(message)))
    behind = RememberingDesk()
    system = InProcess(server_around(behind))
    async with utility(tmp_path) as made:
        await made.router()
        await made.system("AMI", BusToSoap(system, "http://ami"))
        answer = await ask(await made.asking("COMERCIAL"), message)
        by_soap = inside(await door(await made.asking("PUERTA")).handle(wrap(message)))
    assert answer == by_soap == direct
    assert behind.octets == desk.octets == [wrap(message)]  # the order was taken once
    assert system.posted == [("http://ami", wrap(message), letters.read(message).name)]


async def test_a_soap_client_asks_by_http_and_hears_by_http(tmp_path: Path) -> None:
    """The route that serves the order desk serves the proxy."""
    adapter = EchoingAdapter()
    async with utility(tmp_path) as made:
        await made.router()
        await made.system("SIAD", adapter)
        app = FastAPI(openapi_url=None)
        proxy = door(await made.asking("PUERTA"))
        app.include_router(soap_router(proxy, body_max_bytes=20_000))
        answer = await asgi.ask(app, "POST", "/soap/generic", a.soap(get()[39:]), XML)
        assert answer.status == 200
        assert codes(inside(SoapAnswer(200, {}, answer.body))) == ("0.0",)
        refused = await asgi.ask(app, "POST", "/soap/generic", b"x" * 20_001, XML)
        assert refused.status == 413
    assert len(adapter.asked) == 1


# --- replies and faults ---------------------------------------------------------------------


async def test_a_soap_client_hears_the_code_when_nobody_answers(tmp_path: Path) -> None:
    async with utility(tmp_path) as made:
        await made.router()
        proxy = door(await made.asking("PUERTA"), timeout_s=60.0)
        begun = asyncio.get_running_loop().time()
        answer = inside(await proxy.handle(wrap(get())))
        assert (codes(answer), keys(answer)) == (("4.1",), ("TIEMPO_AGOTADO",))
        assert asyncio.get_running_loop().time() - begun == pytest.approx(20, abs=0.1)
        (dead,) = made.dead()
        assert (dead.why, dead.message_id, dead.packet.payload) == (Why.TIMED_OUT, "m-1", get())


async def test_a_soap_client_hears_the_code_when_there_is_no_router(tmp_path: Path) -> None:
    async with utility(tmp_path) as made:
        proxy = door(await made.asking("PUERTA"), timeout_s=10.0)
        assert codes(inside(await proxy.handle(wrap(get())))) == ("4.1",)


async def test_a_client_that_repeats_itself_meanwhile_gets_the_same_answer(
    tmp_path: Path,
) -> None:
    adapter = EchoingAdapter()

    async def slow(asked: Letter, requester: str) -> bytes:
        await asyncio.sleep(8)
        return await adapter(asked, requester)

    async with utility(tmp_path) as made:
        await made.router()
        await made.system("SIAD", slow)
        proxy = door(await made.asking("PUERTA"))
        other = get(option="Line")
        first, again, conflict = await asyncio.gather(
            *(proxy.handle(wrap(octets)) for octets in (get(), get(), other))
        )
        assert inside(first) == inside(again)
        assert keys(inside(conflict)) == ("MENSAJE_REPETIDO_CON_OTRO_CONTENIDO",)
        assert inside(await proxy.handle(wrap(get()))) == inside(first)
    assert len(adapter.asked) == 1


async def test_a_door_has_room_for_so_many(tmp_path: Path) -> None:
    async with utility(tmp_path) as made:
        await made.router()
        await made.system("SIAD", EchoingAdapter())
        proxy = door(await made.asking("PUERTA"), open_max=1)
        asked = (proxy.handle(wrap(get(message_id=f"m-{number}"))) for number in range(2))
        first, second = await asyncio.gather(*asked)
        assert (codes(inside(first)), codes(inside(second))) == (("0.0",), ("3.2",))
        assert codes(inside(await proxy.handle(wrap(get(message_id="m-1"))))) == ("0.0",)


async def test_clients_without_message_ids_are_told_apart(tmp_path: Path) -> None:
    adapter = EchoingAdapter()
    async with utility(tmp_path) as made:
        await made.router()
        await made.system("SIAD", adapter)
        proxy = door(await made.asking("PUERTA"))
        message = get(message_id=None)
        first, second = await asyncio.gather(*(proxy.handle(wrap(message)) for _ in range(2)))
        assert inside(first) != inside(second)
    assert adapter.asked == [message, message]


UNREADABLE = {
    # name: (POST's body, status, faultcode, key)
    "empty": (b" ", 400, "Client", "XML_VACIO"),
    "too large": (b"x" * 20_001, 413, "Client", "MENSAJE_DEMASIADO_GRANDE"),
    "no XML": (b"hello", 500, "Client", "XML_MAL_FORMADO"),
    "no envelope": (a.typed(), 500, "Client", "SOBRE_FALTA"),
    "no message": (a.soap(b"<a/>"), 500, "Client", "MENSAJE_DESCONOCIDO"),
    "a reply": (wrap(reply(letters.read(get()))), 500, "Client", "OPERACION_NO_OFRECIDA"),
}


@pytest.mark.parametrize("case", UNREADABLE.values(), ids=UNREADABLE)
async def test_what_is_no_question_never_reaches_the_bus(
    tmp_path: Path, case: tuple[bytes, int, str, str]
) -> None:
    body, status, side, key = case
    async with utility(tmp_path) as made:
        proxy = door(await made.asking("PUERTA"), bounds=xml.Bounds(octets_max=20_000))
        answer = await proxy.handle(body)
        assert made.traces.of("m-1") == ()
    assert answer.status == status
    assert f"soap:{side}<".encode() in answer.body and key.encode() in answer.body


CERTIFICATES = {
    # name: (Header/Source, certificate's name), key of the refusal
    "its own": (("TABLERO", "TABLERO"), None),
    "no TLS": (("TABLERO", None), None),
    "another's": (("COMERCIAL", "TABLERO"), "ORIGEN_NO_AUTORIZADO"),
    "nameless": (("TABLERO", ""), "CERTIFICADO_SIN_NOMBRE"),
    "source left out": ((None, "TABLERO"), "CAMPO_FALTA"),
    "one the proxy may not speak for": (("AMI", "AMI"), "ORIGEN_NO_AUTORIZADO"),
}


@pytest.mark.parametrize(("who", "key"), CERTIFICATES.values(), ids=CERTIFICATES)
async def test_the_certificate_binds_the_source(
    tmp_path: Path, who: tuple[str | None, str | None], key: str | None
) -> None:
    adapter = EchoingAdapter()
    async with utility(tmp_path) as made:
        await made.router()
        await made.system("SIAD", adapter)
        proxy = door(await made.asking("PUERTA"))
        answer = inside(await proxy.handle(wrap(get(source=who[0])), client_source=who[1]))
    if key is None:
        assert codes(answer) == ("0.0",)
    else:
        assert keys(answer) == (key,) and adapter.asked == []


async def test_a_fault_message_becomes_a_soap_fault(tmp_path: Path) -> None:
    async def faulty(asked: Letter, requester: str) -> bytes:
        return letters.fault(ReplyError("5.1", "SATURADO: vuelva más tarde"))

    async with utility(tmp_path) as made:
        await made.router()
        await made.system("SIAD", faulty)
        answer = await door(await made.asking("PUERTA")).handle(wrap(get()))
    assert answer.status == 500
    assert b"soap:Server<" in answer.body and "SATURADO: vuelva más tarde".encode() in answer.body
    detail = body_of(xml.parse(answer.body)).find("detail")
    assert detail is not None and envelope.identify(detail[0]) == (Kind.FAULT, None)


def fault(error: ReplyError) -> bytes:
    return xml.serialize(write_fault(SoapFault("Client", error)))


PLAIN_FAULT = (
    f'<s:Envelope xmlns:s="{a.SOAP}"><s:Body><s:Fault><faultcode>s:Server</faultcode>'
    f"<faultstring>ORA-00600</faultstring></s:Fault></s:Body></s:Envelope>"
).encode()
SYSTEMS = {
    # name: what a SOAP-only system answers, code and key that a bus's requester hears
    "a fault with our detail": (fault(ReplyError("2.9", "VERBO: no")), ("2.9", "VERBO")),
    "a fault without": (PLAIN_FAULT, ("5.3", "FALLA_SOAP")),
    "no XML": (b"<html>", ("5.3", "RESPUESTA_ILEGIBLE")),
    "no envelope": (get(), ("5.3", "RESPUESTA_ILEGIBLE")),
    "a question": (wrap(get()), ("5.3", "RESPUESTA_ILEGIBLE")),
    "nothing": (None, ("5.3", "SISTEMA_SIN_RESPUESTA")),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "told_"), SYSTEMS.values(), ids=SYSTEMS)
async def test_what_a_soap_only_system_answers_becomes_one_reply(
    tmp_path: Path, answer: bytes | None, told_: tuple[str, str]
) -> None:
    class Fixed:
        async def post(self, address: str, octets: bytes, operation: str) -> bytes:
            if answer is None:
                raise CallbackFailed("HTTP 502")
            return answer

    async with utility(tmp_path) as made:
        await made.router()
        await made.system("SIAD", BusToSoap(Fixed(), "http://siad"))
        octets = await ask(await made.asking("TABLERO"), get())
    assert (codes(octets), keys(octets)) == ((told_[0],), (told_[1],))


@pytest.mark.parametrize(("idempotent", "posts"), [(False, 1), (True, 3)])
async def test_only_to_who_knows_a_message_again_it_is_posted_again(
    tmp_path: Path, idempotent: bool, posts: int
) -> None:
    system = InProcess(server_around(RememberingDesk()), away=2)
    async with utility(tmp_path) as made:
        await made.router()
        await made.system("AMI", BusToSoap(system, "http://ami", idempotent=idempotent))
        answer = await ask(await made.asking("COMERCIAL"), a.generic())
    assert len(system.posted) == posts
    assert codes(answer) == (("0.3",) if idempotent else ("5.3",))


BROKEN = {
    "refused": (RequestRefused(ReplyError("5.7", "SIN_DATOS: nada")), "SIN_DATOS"),
    "a mistake": (ZeroDivisionError("secret"), "ERROR_INTERNO"),
}


@pytest.mark.parametrize(("error", "key"), BROKEN.values(), ids=BROKEN)
async def test_a_system_that_breaks_is_a_reply_without_its_secrets(
    tmp_path: Path, error: Exception, key: str
) -> None:
    async def breaks(asked: Letter, requester: str) -> bytes:
        raise error

    async with utility(tmp_path) as made:
        await made.router()
        siad = await made.system("SIAD", breaks)
        answer = await ask(await made.asking("TABLERO"), get())
        assert keys(answer) == (key,) and b"secret" not in answer
        assert siad.errors == ([] if key == "SIN_DATOS" else [error])


# --- events and what follows ----------------------------------------------------------------


async def test_an_outcome_follows_its_acknowledgement(tmp_path: Path) -> None:
    following: list[tuple[str, bytes]] = []
    outcome = asyncio.Event()

    async def acknowledges(asked: Letter, requester: str) -> bytes:
        return reply(asked, 1, code="0.3")

    async with utility(tmp_path) as made:
        await made.router()
        siad = await made.system("SIAD", acknowledges)
        tablero = await made.asking("TABLERO")

        def follows(key: str, letter: Letter) -> None:
            following.append((key, letter.octets))
            outcome.set()

        tablero._following = follows
        assert codes(await ask(tablero, get())) == ("0.3",)
        last = reply(letters.read(get()), 2)
        siad.follow("TABLERO/m-1", last)
        await outcome.wait()
    assert following == [("TABLERO/m-1", last)]


# --- traces and dead letters ----------------------------------------------------------------


async def test_a_trace_follows_a_message_over_every_node(tmp_path: Path) -> None:
    async with utility(tmp_path, delay_s=0.5) as made:
        await made.router()
        await made.system("SIAD", EchoingAdapter())
        answer = await ask(await made.asking("TABLERO"), get())
        hops = made.traces.of("m-1")
    assert [(hop.node, hop.act) for hop in hops] == [
        ("TABLERO", Act.ASKED),
        ("ROUTER", Act.RECEIVED),
        ("ROUTER", Act.FORWARDED),
        ("SIAD", Act.RECEIVED),
        ("SIAD", Act.PERFORMED),
        ("SIAD", Act.REPLIED),
        ("ROUTER", Act.REPLIED),
        ("TABLERO", Act.RECEIVED),
    ]
    asked_, told_ = letters.octets_print(get()), letters.octets_print(answer)
    assert [hop.print for hop in hops] == [asked_] * 5 + [told_] * 3
    assert [hop.at for hop in hops] == sorted(hop.at for hop in hops)
    assert hops[0].at < hops[1].at < hops[3].at
    assert told(hops[2]).split("  ")[1:4] == ["ROUTER", "forwarded", "TABLERO -> SIAD"]


def test_traces_are_bounded() -> None:
    traces = TracesInMemory(messages_max=2, hops_max=3)
    for number in range(4):
        for size in range(5):
            traces.add(Hop(
                at=AT, node="n", act=Act.RECEIVED, about=f"m-{number}", message_id=None,
                came_from="a", goes_to="b", print="", octets=size,
            ))  # fmt: skip
    kept = {number: [hop.octets for hop in traces.of(f"m-{number}")] for number in range(4)}
    assert kept == {0: [], 1: [], 2: [2, 3, 4], 3: [2, 3, 4]}


def hop(number: int, about: str = "m-1") -> Hop:
    return Hop(
        at=AT, node="ROUTER", act=Act.FORWARDED, about=about, message_id=None, came_from="a",
        goes_to="ñ", print="0" * 64, octets=number, why='m-2 "quoted"',
    )  # fmt: skip


def test_traces_in_a_folder_are_read_by_another_process(tmp_path: Path) -> None:
    traces = TracesInFolder(tmp_path / "traces")
    hops = [hop(number, f"m-{number % 2 + 1}") for number in range(6)]
    for each in hops:
        traces.add(each)
    with (tmp_path / "traces" / "hops.jsonl").open("ab") as file:
        file.write(b'{"about":"m-1"')  # being written just now
    other = TracesInFolder(tmp_path / "traces")
    assert other.of("m-1") == tuple(hops[0::2]) and other.of("m-2") == tuple(hops[1::2])
    assert other.of("m-") == other.of("nothing") == ()
    for each in hops[:3]:  # the first of them ends the line that nobody finished
        traces.add(each)
    assert other.of("m-1") == (*hops[0::2], hops[2])


def test_traces_in_a_folder_are_bounded(tmp_path: Path) -> None:
    traces = TracesInFolder(tmp_path, octets_max=4000)
    for number in range(100):
        traces.add(hop(number))
    kept = [each.octets for each in traces.of("m-1")]
    assert kept == list(range(100 - len(kept), 100)) and 5 <= len(kept) <= 20
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 4000 + 400


def test_a_disk_that_takes_no_trace_does_not_stop_the_bus(tmp_path: Path) -> None:
    (tmp_path / "traces").write_text("a file where the folder should be")
    TracesInFolder(tmp_path / "traces").add(hop(1))


async def test_a_dead_request_is_looked_at_and_sent_again(tmp_path: Path) -> None:
    adapter = EchoingAdapter()
    async with utility(tmp_path) as made:
        routing = await made.router()
        tablero = await made.asking("TABLERO")
        assert codes(await ask(tablero, get())) == ("4.1",)
        await made.system("SIAD", adapter)  # it is back, and its queue kept nothing that expired
        assert adapter.asked == []
        (name,) = made.letters.names()
        assert routing.send_again(name).message_id == "m-1"
        while not adapter.asked:
            await asyncio.sleep(0.1)
        assert adapter.asked == [get()] and name not in made.letters.names()


# --- lines that break -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
async def test_one_answer_to_each_question_whatever_breaks(tmp_path: Path, seed: int) -> None:
    """Slow lines, a broker that goes down and at times forgets, a router and adapters that are
    killed and start again empty."""
    luck = Random(f"{seed}/trouble")
    bus = Bus()
    adapter = EchoingAdapter()
    async with simulated(tmp_path, bus, seed=seed, delay_s=1.0) as made:

        async def trouble() -> None:
            while True:
                await asyncio.sleep(luck.uniform(5, 15))
                match luck.choice(("broker", "forgetful broker", "router", "SIAD")):
                    case "router":
                        await running["router"].stop()
                        running["router"] = await made.router()
                    case "SIAD":
                        await running["SIAD"].stop()
                        running["SIAD"] = await made.system("SIAD", adapter)
                    case which:
                        bus.stop(forgets=which.startswith("forgetful"))
                        await asyncio.sleep(luck.uniform(1, 4))
                        bus.start()

        async def question(number: int) -> tuple[str, ...]:
            await asyncio.sleep(luck.uniform(0, 60))
            octets = get(message_id=f"m-{number}", option=f"o-{number}")
            answer = await ask(tablero, octets, timeout_s=45.0)
            if codes(answer) == ("0.0",):
                assert letters.read(octets).print.encode() in answer
            return codes(answer)

        running: dict[str, Routing | Answering] = {
            "router": await made.router(),
            "SIAD": await made.system("SIAD", adapter),
        }
        tablero = await made.asking("TABLERO", send_again_s=4.0)
        asked = [asyncio.create_task(question(number)) for number in range(30)]
        breaking = asyncio.create_task(trouble())
        heard = await asyncio.gather(*asked)
        breaking.cancel()
        assert set(heard) <= {("0.0",), ("4.1",)}
        assert heard.count(("0.0",)) >= 10
        assert tablero._machine.open_count == 0
