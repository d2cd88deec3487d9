"""A whole `ami serve` under mutual TLS, with real sockets, brokers, clients and certificates."""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path

import pytest
from requests import RequestException

from headend.app.sessions import Address
from headend.store.queries import OrderFilter, orders
from headend.store.store import Reader
from protocols.cim.codes import Result
from protocols.cim.envelope import Message
from scenarios.live import NoConnection, live_field
from scenarios.stand_ins.commercial import CommercialSystem
from scenarios.stand_ins.integration_platform import NAME as PLATFORM
from scenarios.stories import find
from tests.certificates import END, PAST, Authority
from tests.demo.commands import ami, running
from tests.demo.tls_site import (
    COMMERCIAL,
    CONCENTRATOR,
    FIELD,
    METER,
    ReplyDoor,
    field_folder,
    platform,
    send_order,
    tls_section,
    utility_broker,
)
from tests.field.live_broker import SOON_S

pytestmark = pytest.mark.requires("mosquitto")

UUID = "7c0e6f3e-2f0a-4c36-9d2f-0d7a6c0e5b{:02d}"


async def reply_at(commercial: CommercialSystem) -> Message:
    """The final reply, once it is there with the event behind it."""
    async with asyncio.timeout(SOON_S):
        while not commercial.replies or not commercial.events:
            await asyncio.sleep(0.02)
    (reply,) = commercial.replies.values()
    return reply


def orders_in(database: Path) -> list[tuple[str, str, str | None]]:
    """Each order stored: source, state, value read."""
    reader = Reader(f"sqlite:///{database}")
    try:
        found = reader.read(lambda connection: orders(connection, OrderFilter(), limit=100))
    finally:
        reader.close()
    return [(o.source, o.state, o.value_read and str(o.value_read)) for o in found]


@pytest.mark.live
async def test_an_order_through_a_utility_s_broker(tmp_path: Path) -> None:
    """The commercial side and the field have an authority each; replies come both ways."""
    office = Authority.found(tmp_path / "office", "office authority")
    plant = Authority.found(tmp_path / "plant", "plant authority")
    config, database = tmp_path / "ami.toml", tmp_path / "ami.db"
    door = ReplyDoor(office.server_context("crm.utility.example", "crm"))
    with utility_broker(tmp_path, plant) as port:
        async with door, platform(plant, f"127.0.0.1:{port}") as queue:
            config.write_text(
                f'[delivery]\nreply_addresses = ["{door.address}"]\n'
                f'[soap]\nport = 0\nsources = ["{COMMERCIAL}"]\n{tls_section("soap", office)}'
                f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n{tls_section("mqtt", plant)}'
            )
            serve_ = ("serve", f"--config={config}", f"--database={database}")
            field_ = ("field", FIELD, f"--mqtt=127.0.0.1:{port}")
            with (
                running(tmp_path, *serve_, f"--registry={FIELD}") as serve,
                running(tmp_path, *field_, f"--mqtt-tls={field_folder(plant)}") as field,
            ):
                told = await asyncio.to_thread(serve.first_word)
                assert told["soap"].startswith("https://127.0.0.1:")
                await asyncio.to_thread(field.first_word)
                answer = await asyncio.to_thread(
                    send_order,
                    told["soap"],
                    office.path,
                    office.issue(COMMERCIAL, "commercial"),
                    message_id=UUID.format(1),
                    reply_address=door.address,
                )
                assert (answer.Reply.Result, answer.Reply.Error[0].code) == ("OK", "0.3")
                for commercial in (queue.commercial, door.commercial):
                    reply = await reply_at(commercial)
                    assert reply.reply is not None and reply.reply.result is Result.OK
                    assert reply.header is not None
                    assert reply.header.correlation_id == f"correlation of {UUID.format(1)}"
                assert door.callers == {"hes.utility.example"}
                assert await asyncio.to_thread(field.terminate) == 0
                assert await asyncio.to_thread(serve.terminate) == 0
                assert serve.said() == field.said() == "stopping\n"
    assert orders_in(database) == [(COMMERCIAL, "done", "3300 W")]


@pytest.mark.live
async def test_an_order_through_the_own_broker(tmp_path: Path) -> None:
    """One authority signs all of them; each certificate has its own rights at the broker."""
    authority = Authority.found(tmp_path / "authority")
    config, database = tmp_path / "ami.toml", tmp_path / "ami.db"
    config.write_text(
        f'[soap]\nport = 0\nsources = ["{COMMERCIAL}"]\n{tls_section("soap", authority)}'
        f'[mqtt]\nqueue_readers = ["{PLATFORM}"]\n{tls_section("mqtt", authority)}'
    )
    serve_ = ("serve", f"--config={config}", f"--database={database}", f"--registry={FIELD}")
    with running(tmp_path, *serve_) as serve:
        told = await asyncio.to_thread(serve.first_word)
        field_ = ("field", FIELD, f"--mqtt={told['mqtt']}")
        with running(tmp_path, *field_, f"--mqtt-tls={field_folder(authority)}") as field:
            async with platform(authority, told["mqtt"]) as queue:
                await asyncio.to_thread(field.first_word)
                answer = await asyncio.to_thread(
                    send_order,
                    told["soap"],
                    authority.path,
                    authority.issue(COMMERCIAL, "commercial"),
                    message_id=UUID.format(2),
                )
                assert answer.Reply.Result == "OK"
                reply = await reply_at(queue.commercial)
                assert reply.reply is not None and reply.reply.result is Result.OK
                assert await asyncio.to_thread(serve.terminate) == 0
    assert orders_in(database) == [(COMMERCIAL, "done", "3300 W")]


def test_whoever_is_not_to_order_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    ours = Authority.found(tmp_path / "ours")
    theirs = Authority.found(tmp_path / "theirs", "another authority")
    config, database = tmp_path / "ami.toml", tmp_path / "ami.db"
    config.write_text(f"[soap]\nport = 0\n{tls_section('soap', ours)}")
    refused_by_tls = {
        "certificate required": None,
        "unknown ca": theirs.issue(COMMERCIAL, "c"),
        "certificate expired": ours.issue(COMMERCIAL, "expired", until=PAST),
    }
    serve_ = ("serve", f"--config={config}", f"--database={database}", f"--registry={FIELD}")
    with running(tmp_path, *serve_, mosquitto=False) as serve:
        url = serve.first_word()["soap"]
        for alert, shown in refused_by_tls.items():
            with pytest.raises(RequestException, match=f"alert {alert}"):
                send_order(url, ours.path, shown, message_id=UUID.format(3))
        answer = send_order(url, ours.path, ours.issue("OTRO", "o"), message_id=UUID.format(3))
        assert (answer.Reply.Result, answer.Reply.Error[0].code) == ("FAILED", "7.5")
        assert "ORIGEN_NO_AUTORIZADO" in answer.Reply.Error[0].details
        answer = send_order(url, ours.path, ours.issue(None, "n"), message_id=UUID.format(3))
        assert (answer.Reply.Result, answer.Reply.Error[0].code) == ("FAILED", "7.4")
        assert serve.terminate() == 0
        told = serve.said()
        assert told.count("a client was refused by TLS") == len(refused_by_tls)
        assert "Traceback" not in told
        assert orders_in(database) == []
    with running(tmp_path, *serve_, mosquitto=False) as serve:  # the same id is still free
        url, shown = serve.first_word()["soap"], ours.issue(COMMERCIAL, "commercial")
        answer = send_order(url, ours.path, shown, message_id=UUID.format(3))
        assert answer.Reply.Result == "OK"
        ours.issue("AMI-CLI", "AMI-CLI")
        send = ("order", "send", f"--meter={METER}", "--limit=3400W", "--any-day", f"--url={url}")
        assert ami(*send, f"--tls={ours.folder}").stdout.startswith("OK 0.3")
        bare = ami(*send)
        assert bare.returncode == 1 and "certificate" in bare.stderr and "--tls" in bare.stderr
    assert {source for source, _, _ in orders_in(database)} == {COMMERCIAL, "AMI-CLI"}


REFUSED_DEVICES = {
    # name: (who signed the device's certificate, whom it trusts, what it says of its uplink)
    "broker of another authority": ("theirs", "theirs", "CERTIFICATE_VERIFY_FAILED"),
    "certificate of another authority": ("theirs", "ours", "ALERT_UNKNOWN_CA"),
    "expired": ("ours", "ours", "ALERT_CERTIFICATE_EXPIRED"),
    "no TLS": (None, None, "hung up|reset by peer"),
}


@pytest.mark.live
@pytest.mark.parametrize(
    ("signed", "trusted", "why"), REFUSED_DEVICES.values(), ids=REFUSED_DEVICES
)
async def test_a_device_that_the_broker_refuses_is_named_with_the_reason(
    tmp_path: Path, signed: str | None, trusted: str | None, why: str
) -> None:
    authorities = {
        "ours": Authority.found(tmp_path / "ours"),
        "theirs": Authority.found(tmp_path / "theirs", "another authority"),
    }

    def credentials(name: str) -> ssl.SSLContext:
        assert signed is not None and trusted is not None
        context = ssl.create_default_context(cafile=authorities[trusted].path)
        until = PAST if signed == trusted == "ours" else END
        context.load_cert_chain(*authorities[signed].issue(name, name, until=until))
        return context

    with utility_broker(tmp_path, authorities["ours"]) as port:
        async with live_field(
            find(FIELD)[1],
            Address("127.0.0.1", port),
            credentials=None if signed is None else credentials,
        ) as field:
            async with asyncio.timeout(SOON_S):
                told = ""
                while "(" not in told:  # it tries again and again, and the first reason stands
                    with pytest.raises(NoConnection) as refusal:
                        await field.connected(0.05)
                    told = str(refusal.value)
    assert re.fullmatch(rf"no session with the broker: {CONCENTRATOR} \(.*({why}).*\)", told)


def test_serve_says_that_its_broker_refuses_it(tmp_path: Path) -> None:
    ours = Authority.found(tmp_path / "ours")
    theirs = Authority.found(tmp_path / "theirs", "another authority")
    config, database = tmp_path / "ami.toml", tmp_path / "ami.db"
    text = tls_section("mqtt", theirs)
    theirs.path.write_bytes(ours.path.read_bytes())  # we trust the broker, and it not us
    config.write_text(f"[soap]\nport = 0\n{text}")
    with utility_broker(tmp_path, ours) as port:
        broker = f"127.0.0.1:{port}"
        ran = ami("serve", f"--config={config}", f"--mqtt={broker}", f"--database={database}")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert f"ami: no broker at {broker}: " in ran.stderr and "[mqtt.tls]" in ran.stderr
    assert "it may not accept our certificate" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("section", ["soap", "mqtt"])
def test_files_that_cannot_serve(tmp_path: Path, section: str) -> None:
    """Exit code 2, one sentence and what to do; no stack, and no database begun."""
    authority = Authority.found(tmp_path / "authority")
    config, database = tmp_path / "ami.toml", tmp_path / "ami.db"
    config.write_text(tls_section(section, authority))
    authority.path.write_text("no authority at all")
    ran = ami("serve", f"--config={config}", "--port=0", f"--database={database}")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        f"ami: {section}.tls: authority {authority.path} holds no certificate in PEM."
        " It begins with BEGIN CERTIFICATE.\n"
    )
    assert not database.exists()
