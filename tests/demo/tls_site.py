"""An installation under mutual TLS, of real parts: certificates, a utility's broker, the
integration platform on the queue, and the commercial system's own door for replies."""

from __future__ import annotations

import asyncio
import getpass
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import zeep
from lxml import etree
from requests import Session
from zeep.transports import Transport

from headend.certificates import to_servers
from headend.field.mosquitto import find
from headend.field.mqtt import Address, MqttBroker
from headend.soap.door.raw_soap import body_of
from protocols.cim import xml
from protocols.cim.replies import soap_envelope
from scenarios.stand_ins.commercial import CommercialSystem
from scenarios.stand_ins.integration_platform import NAME as PLATFORM
from scenarios.stand_ins.integration_platform import IntegrationPlatform
from tests.certificates import Authority
from tests.field.live_broker import SOON_S

LOCAL = "127.0.0.1"
HES = "hes.utility.example"
COMMERCIAL = "COMERCIAL"
FIELD = "a-limit-is-set-and-read-back"
CONCENTRATOR, METER = "C-001", "90000001"

# As docs/security.md gives it to a utility with a broker of its own.
BROKER = """\
listener {port} 127.0.0.1
allow_anonymous false
cafile {authority}
certfile {certificate}
keyfile {key}
require_certificate true
use_identity_as_username true
user {user}
log_dest stderr
"""

SECTION = """\
[{section}.tls]
certificate = "{certificate}"
key = "{key}"
client_authority = "{authority}"
"""


def tls_section(section: str, authority: Authority, name: str = HES) -> str:
    """A section of the configuration, with a certificate of this name."""
    tls = authority.tls(name, f"{section}-{name}")
    return SECTION.format(
        section=section,
        certificate=tls.certificate,
        key=tls.key,
        authority=tls.client_authority,
    )


def field_folder(authority: Authority) -> Path:
    """What `ami field --mqtt-tls` wants."""
    authority.issue(CONCENTRATOR, CONCENTRATOR)
    return authority.folder


@contextmanager
def utility_broker(directory: Path, authority: Authority) -> Iterator[int]:
    """A Mosquitto that is not the head-end's, which asks for certificates; its port."""
    with socket.create_server((LOCAL, 0)) as probe:
        port = probe.getsockname()[1]
    certificate, key = authority.issue("broker.utility.example", "broker")
    configuration = directory / "broker.conf"
    configuration.write_text(
        BROKER.format(
            port=port,
            authority=authority.path,
            certificate=certificate,
            key=key,
            user=getpass.getuser(),
        )
    )
    program = find()
    assert program is not None
    log = directory / "broker.log"
    with log.open("wb") as stderr:
        broker = subprocess.Popen([program, "-c", configuration], stderr=stderr)
    with broker:
        try:
            while b" running" not in log.read_bytes():
                assert broker.poll() is None, log.read_text()
            yield port
        finally:
            broker.terminate()


@dataclass(slots=True)
class Queue:
    """The integration platform, and what came out of the queue for the commercial system."""

    commercial: CommercialSystem
    session: MqttBroker


@asynccontextmanager
async def platform(authority: Authority, mqtt: str) -> AsyncIterator[Queue]:
    """The integration platform at a broker's HOST:PORT, with a certificate of its own."""
    port = int(mqtt.rpartition(":")[2])
    context = to_servers(authority.tls(PLATFORM, "platform"))
    session = MqttBroker(Address(LOCAL, port, tls=context), client_id=PLATFORM)
    commercial = CommercialSystem(COMMERCIAL, _asks_nothing, lambda: datetime.now(UTC))
    here = IntegrationPlatform(commercial, session.publish)
    await session.subscribe(here.topic, here.hear)
    await session.start()
    try:
        await session.until_connected(SOON_S)
        yield Queue(commercial, session)
    finally:
        await session.stop()


async def _asks_nothing(_: bytes) -> NoReturn:
    raise AssertionError("orders go by zeep here")


class ReplyDoor:
    """The commercial system's own HTTPS door: takes replies, from whoever shows a certificate."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self.commercial = CommercialSystem(COMMERCIAL, _asks_nothing, lambda: datetime.now(UTC))
        self.callers: set[str] = set()

    async def __aenter__(self) -> ReplyDoor:
        self._server = await asyncio.start_server(self._serve, LOCAL, 0, ssl=self._tls)
        self.address = f"https://{LOCAL}:{self._server.sockets[0].getsockname()[1]}/replies"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        message = body_of(xml.parse(await reader.readexactly(length)))
        subject = dict(part[0] for part in writer.get_extra_info("peercert")["subject"])
        self.callers.add(subject["commonName"])
        receipt = etree.fromstring(self.commercial.receive(etree.tostring(message)))
        answer = xml.serialize(soap_envelope(receipt))
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(answer), answer)
        )
        await writer.drain()
        writer.close()


def send_order(
    url: str,
    authority: Path,
    shown: tuple[Path, Path] | None,
    *,
    message_id: str,
    reply_address: str | None = None,
) -> Any:
    """A limit of 3300 W by zeep, from our WSDL as the door serves it, with this certificate."""
    with Session() as session:
        session.trust_env = False
        session.verify = str(authority)
        if shown is not None:
            session.cert = (str(shown[0]), str(shown[1]))
        wsdl = f"{url}/EndDeviceControls?wsdl"
        client = zeep.Client(wsdl, transport=Transport(session=session, timeout=30))
        header = {
            "Verb": "create",
            "Noun": "EndDeviceControls",
            "Source": COMMERCIAL,
            "AsyncReplyFlag": True,
            "ReplyAddress": reply_address,
            "MessageID": message_id,
            "CorrelationID": f"correlation of {message_id}",
        }
        control = {
            "EndDeviceControlType": {"ref": "3.31.139.13"},
            "EndDeviceControlAttribute": [
                {"name": "powerLimit", "value": "3300"},
                {"name": "powerLimit.unit", "value": "W"},
            ],
            "EndDevices": [{"Names": [{"name": METER}]}],
        }
        return client.service.CreateEndDeviceControls(
            Header={key: value for key, value in header.items() if value is not None},
            Request={"Option": [{"name": "diaNoLaborable", "value": "permitido"}]},
            Payload={"EndDeviceControls": [{"EndDeviceControl": [control]}]},
        )
