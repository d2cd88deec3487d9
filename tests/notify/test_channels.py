"""Each channel against a real server: a mail server with STARTTLS and TLS, HTTPS, Mosquitto."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from headend.clock import WallClock
from headend.config.notify import MqttChannel, SmtpChannel, WebhookChannel
from headend.config.secret import Secret
from headend.domain.event import Event, Incident, IncidentKind, Severity, Source, Subject
from headend.domain.notice import Notice, NoticeStep
from headend.integration.notices.by_mqtt import ByMqtt
from headend.integration.notices.by_smtp import BySmtp
from headend.integration.notices.by_webhook import ByWebhook, judge, key_of, signature
from headend.integration.notices.guarded import permitted
from headend.notify.message import Said, said, schema, topic_of
from headend.notify.sending import NeverSent, NotSent
from headend.notify.wording import text_of
from tests.field import live_broker
from tests.notify.servers import (
    PASSWORD,
    USER,
    Hook,
    Mailbox,
    authority_in,
    context_of,
    https_server,
    mail_server,
)

T0 = datetime(2026, 7, 6, 12, tzinfo=UTC)
ZONE = ZoneInfo("America/Santiago")
KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
INCIDENT = Incident(
    IncidentKind.OUTAGE, "transformer T-7", T0, T0, members=80, without=80, number=3
)
NOTICE = Notice(
    "0b9d6f5c-8e0a-4a57-9d8e-3f9c2f6f2a11", "outages", "c", NoticeStep.NEW, Subject.INCIDENT, 3,
    Severity.CRITICAL, T0, T0,
)  # fmt: skip
WHAT = said(NOTICE, INCIDENT)
EVIL = Event(
    "M1\r\nBcc: everybody@example.org\r\n\r\n<b>", "cover-opened\nX-Evil: 1", Severity.MAJOR,
    T0, T0, (Source.PUSH,), number=9,
)  # fmt: skip


@pytest.fixture
def password(tmp_path: Path) -> Secret:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    return Secret(file=path)


def smtp(port: int, authority: Path | None, secret: Secret | None, **other: Any) -> BySmtp:
    return BySmtp(
        SmtpChannel(
            name="c", host="127.0.0.1", port=port, sender="ami@utility.example",
            to=("guard@utility.example", "boss@utility.example"), authority=authority,
            user=None if secret is None else USER, password=secret, **other,
        ),
        ZONE,
    )  # fmt: skip


# --- e-mail --------------------------------------------------------------------------------------


@pytest.mark.live
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_an_e_mail_in_two_languages(security: str, tmp_path: Path, password: Secret) -> None:
    authority, box = authority_in(tmp_path), Mailbox()
    implicit = security == "tls"
    async with mail_server(box, context_of(authority), implicit=implicit) as port:
        secret = None if implicit else password
        await smtp(port, authority.path, secret, security=security).send(NOTICE, WHAT)
    (message,) = box.messages
    assert message["Subject"] == (
        "[AMI crítica] corte de suministro, transformador T-7, 80 medidores"
        " / [AMI critical] outage, transformer T-7, 80 meters"
    )
    assert message["Message-ID"] == f"<{NOTICE.id}@utility.example>"
    assert message["To"] == "guard@utility.example, boss@utility.example"
    parts = [(part["Content-Language"], part.get_content()) for part in message.iter_parts()]
    assert [language for language, _ in parts] == ["es", "en"]
    assert "inicio: 2026-07-06 08:00:00" in parts[0][1] and "ami incident ack 3" in parts[1][1]


@pytest.mark.live
async def test_a_server_of_another_authority_gets_neither_password_nor_notice(
    tmp_path: Path, password: Secret
) -> None:
    mine, box = authority_in(tmp_path), Mailbox()
    (tmp_path / "other").mkdir()
    other = authority_in(tmp_path / "other")
    async with mail_server(box, context_of(other)) as port:
        with pytest.raises(NotSent) as told:
            await smtp(port, mine.path, password).send(NOTICE, WHAT)
    assert not isinstance(told.value, NeverSent) and box.messages == []


MAIL_TROUBLES: dict[str, tuple[list[str], frozenset[str], type[NotSent]]] = {
    "greylisted": (["451 try again later"], frozenset(), NotSent),
    "refused for good": (["554 we do not want it"], frozenset(), NeverSent),
    "one mailbox is not there": ([], frozenset({"boss@utility.example"}), NeverSent),
    "none is there": (
        [], frozenset({"boss@utility.example", "guard@utility.example"}), NeverSent,
    ),
}  # fmt: skip


@pytest.mark.live
@pytest.mark.parametrize("name", MAIL_TROUBLES)
async def test_what_a_mail_server_may_answer(name: str, tmp_path: Path, password: Secret) -> None:
    answers, refused, kind = MAIL_TROUBLES[name]
    authority, box = authority_in(tmp_path), Mailbox(answers=list(answers), refused=refused)
    async with mail_server(box, context_of(authority)) as port:
        with pytest.raises(NotSent) as told:
            await smtp(port, authority.path, password).send(NOTICE, WHAT)
    assert type(told.value) is kind


@pytest.mark.live
async def test_a_wrong_password_and_a_server_that_is_away(tmp_path: Path) -> None:
    authority, box = authority_in(tmp_path), Mailbox()
    (tmp_path / "wrong").write_text("not it")
    wrong = Secret(file=tmp_path / "wrong")
    async with mail_server(box, context_of(authority)) as port:
        with pytest.raises(NeverSent, match="535"):
            await smtp(port, authority.path, wrong).send(NOTICE, WHAT)
    with pytest.raises(NotSent):  # nobody listens there any more
        await smtp(port, authority.path, wrong).send(NOTICE, WHAT)


@pytest.mark.live
async def test_names_that_a_meter_gave_make_no_headers(tmp_path: Path, password: Secret) -> None:
    authority, box = authority_in(tmp_path), Mailbox()
    notice = replace(NOTICE, subject=Subject.EVENT, number=9)
    async with mail_server(box, context_of(authority)) as port:
        await smtp(port, authority.path, password).send(notice, said(notice, EVIL))
    (message,) = box.messages
    assert message["Bcc"] is None and message["X-Evil"] is None
    assert set(message.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-AMI-Severity",
        "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert "\n" not in message["Subject"]


@pytest.mark.parametrize("text", ["a\r\nBcc: x", "a\x00b", "a\u2028b", "a\u202eb", "a" * 5000])
@pytest.mark.parametrize("language", ["es", "en"])
def test_a_subject_is_one_line(text: str, language: Any) -> None:
    event = replace(EVIL, device=text, name=text)
    notice = replace(NOTICE, subject=Subject.EVENT)
    subject = text_of(said(notice, event), language, ZONE).subject
    assert len(subject) <= 150
    assert not any(mark < " " or mark in "\u2028\u202e" for mark in subject)


# --- webhook -------------------------------------------------------------------------------------


def hook_at(port: int, authority: Path, secret: Secret, **other: Any) -> ByWebhook:
    resolve = other.pop("resolve", None)
    channel = WebhookChannel(
        name="c", url=f"https://127.0.0.1:{port}/hooks/ami?x=1", secret=secret,
        authority=authority, **other,
    )  # fmt: skip
    way = ByWebhook(channel, WallClock())
    return way if resolve is None else replace(way, resolve=resolve)


LOOPBACK = {"networks": ("127.0.0.0/8",)}


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> Secret:
    monkeypatch.setenv("AMI_TEST_HOOK", SECRET)
    return Secret(variable="AMI_TEST_HOOK")


@pytest.mark.live
async def test_a_webhook_is_signed_as_its_receiver_checks(tmp_path: Path, secret: Secret) -> None:
    authority, hook = authority_in(tmp_path), Hook()
    async with https_server(hook, context_of(authority)) as port:
        await hook_at(port, authority.path, secret, **LOOPBACK).send(NOTICE, WHAT)
    ((first, headers, body),) = hook.posts
    assert first == "POST /hooks/ami?x=1 HTTP/1.1"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{mac}"
    assert headers["webhook-id"] == NOTICE.id and headers["content-type"] == "application/json"
    told = json.loads(body)
    assert told["type"] == "incident.new" and told["incident"]["members"] == 80


def test_the_signature_is_that_of_the_specification() -> None:
    """Standard Webhooks, spec/standard-webhooks.md: the libraries' common vector."""
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    found = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


STATUSES = [
    (200, None), (202, None), (204, None),
    (301, NeverSent), (302, NeverSent), (307, NeverSent), (308, NeverSent),
    (400, NeverSent), (401, NeverSent), (404, NeverSent), (410, NeverSent), (413, NeverSent),
    (408, NotSent), (425, NotSent), (429, NotSent),
    (500, NotSent), (502, NotSent), (503, NotSent), (504, NotSent), (199, NotSent),
]  # fmt: skip


@pytest.mark.parametrize(("status", "kind"), STATUSES)
def test_what_a_status_means(status: int, kind: type[NotSent] | None) -> None:
    if kind is None:
        judge(status)
        return
    with pytest.raises(NotSent) as told:
        judge(status)
    assert type(told.value) is kind


@pytest.mark.live
async def test_a_redirect_to_the_inside_is_not_followed(tmp_path: Path, secret: Secret) -> None:
    authority, hook, inner = authority_in(tmp_path), Hook(), Hook()
    context = context_of(authority)
    async with https_server(inner, context) as inside, https_server(hook, context) as port:
        to = f"https://127.0.0.1:{inside}/admin"
        hook.answers = [f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\n\r\n"]
        with pytest.raises(NeverSent, match="redirects are not followed"):
            await hook_at(port, authority.path, secret, **LOOPBACK).send(NOTICE, WHAT)
    assert len(hook.posts) == 1 and inner.posts == []


@pytest.mark.live
async def test_what_is_no_answer_is_tried_again(tmp_path: Path, secret: Secret) -> None:
    authority, hook = authority_in(tmp_path), Hook()
    async with https_server(hook, context_of(authority)) as port:
        way = hook_at(port, authority.path, secret, **LOOPBACK)
        for answer in ("", "HTTP/1.1 2", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "x" * 100_000):
            hook.answers = [answer]
            with pytest.raises(NotSent) as told:
                await way.send(NOTICE, WHAT)
            assert type(told.value) is NotSent
    with pytest.raises(NotSent):
        await way.send(NOTICE, WHAT)


@pytest.mark.live
async def test_a_name_that_turns_to_the_inside_is_refused_before_a_connection(
    tmp_path: Path, secret: Secret
) -> None:
    authority, hook = authority_in(tmp_path), Hook()
    answers = [["192.0.2.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"]]
    async with https_server(hook, context_of(authority)) as port:
        for addresses in answers:

            async def resolve(
                host: str, port: int, found: Sequence[str] = tuple(addresses)
            ) -> Sequence[str]:
                return found

            with pytest.raises(NeverSent, match="not public and not listed"):
                await hook_at(port, authority.path, secret, resolve=resolve).send(NOTICE, WHAT)
    assert hook.posts == []


ADDRESSES = {
    "8.8.8.8": True, "2606:4700::1111": True,
    "127.0.0.1": False, "0.0.0.0": False, "10.1.2.3": False, "172.16.0.1": False,
    "192.168.1.1": False, "169.254.169.254": False, "100.64.0.1": False, "224.0.0.1": False,
    "255.255.255.255": False, "192.0.2.1": False, "240.0.0.1": False,
    "::1": False, "::": False, "fe80::1": False, "fe80::1%eth0": False, "fc00::1": False,
    "::ffff:10.0.0.1": False, "2002:7f00:1::": False, "ff02::1": False, "64:ff9b:1::1": False,
    "fec0::1": False, "192.88.99.1": False, "3fff::1": False,
    "no address": False,
}  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_which_addresses_are_public(address: str) -> None:
    assert permitted(address, ()) is ADDRESSES[address]


def test_a_listed_network_is_permitted_and_no_other() -> None:
    assert permitted("10.20.3.4", ("10.20.0.0/16",))
    assert not permitted("10.21.3.4", ("10.20.0.0/16",))
    assert permitted("::ffff:10.20.3.4", ("10.20.0.0/16",))


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_!!", "whsec_" + "A" * 8])
def test_a_secret_that_is_none_is_told(text: str) -> None:
    with pytest.raises(NotSent):
        key_of(text)


# --- MQTT ----------------------------------------------------------------------------------------


@pytest.mark.live
@pytest.mark.requires("mosquitto")
async def test_a_notice_on_mqtt(tmp_path: Path) -> None:
    came: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def heard(topic: str, payload: bytes) -> None:
        came.put_nowait((topic, payload))

    async with (
        live_broker.mosquitto(tmp_path) as broker,
        live_broker.session(broker.port, "reader") as reader,
        live_broker.session(broker.port, "head-end") as head_end,
    ):
        await reader.subscribe("ami/v1/notices/critical/#", heard)
        await ByMqtt(MqttChannel(name="c"), head_end.publish).send(NOTICE, WHAT)
        async with asyncio.timeout(live_broker.SOON_S):
            topic, payload = await came.get()
    assert topic == "ami/v1/notices/critical/incident"
    assert json.loads(payload)["id"] == NOTICE.id


async def test_a_broker_that_is_away_is_a_passing_trouble() -> None:
    async def publish(topic: str, payload: bytes) -> None:
        raise ConnectionError("away")

    with pytest.raises(NotSent, match="away"):
        await ByMqtt(MqttChannel(name="c"), publish).send(NOTICE, WHAT)


def test_topics_and_the_schema_name_what_there_is() -> None:
    assert topic_of("x", replace(NOTICE, subject=None, step=NoticeStep.TEST)) == "x/critical/test"
    told = schema()["$defs"]
    assert set(told["Said"]["properties"]) == set(Said.__struct_fields__)
