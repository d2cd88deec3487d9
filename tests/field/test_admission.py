"""The head-end's own Mosquitto under mutual TLS: who gets in, and what each may write and read."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devices.gateway.mqtt import Address as DeviceAddress
from devices.gateway.mqtt import MqttUplink
from devices.gateway.uplink import Will as DeviceWill
from headend.certificates import to_ourselves, to_servers
from headend.field.admission import Admission
from headend.field.broker import BrokerUnavailable
from headend.field.mosquitto import Mosquitto
from headend.field.mqtt import Address, MqttBroker
from protocols.commercial import messages as commercial
from protocols.concentrator import topics
from tests.certificates import PAST, Authority
from tests.field.live_broker import SOON_S, kill

pytestmark = [pytest.mark.live, pytest.mark.requires("mosquitto")]

HES = "hes.utility.example"
PLATFORM = "INTEGRACION"
ONE, TWO = "C-001", "C-002"
VISITOR = "VISITA"  # has a certificate, and nothing else
LOCAL = "127.0.0.1"


@dataclass(slots=True)
class Site:
    """A broker of our own, and the authority that it trusts."""

    authority: Authority
    admission: Admission
    broker: Mosquitto

    @asynccontextmanager
    async def session(self, name: str, **options: object) -> AsyncIterator[MqttBroker]:
        """One whose certificate is of our authority; the head-end with its own."""
        async with self.session_with(self.context(name), **options) as client:
            yield client

    @asynccontextmanager
    async def session_with(
        self, tls: ssl.SSLContext | None, client_id: str = "any", **options: object
    ) -> AsyncIterator[MqttBroker]:
        address = Address(LOCAL, self.broker.port, tls=tls)
        client = MqttBroker(address, client_id=client_id, **options)  # type: ignore[arg-type]
        await client.start()
        try:
            await client.until_connected(SOON_S)
            yield client
        finally:
            await client.stop()

    def context(self, name: str) -> ssl.SSLContext:
        tls = self.authority.tls(name, name)
        return to_servers(tls)


@asynccontextmanager
async def site(directory: Path) -> AsyncIterator[Site]:
    authority = Authority.found(directory / "ours")
    tls = authority.tls(HES, "hes")
    admission = Admission(
        certificate=tls.certificate,
        key=tls.key,
        client_authority=tls.client_authority,
        head_end=HES,
        queue_readers=(PLATFORM,),
        revoked=authority.revoke(authority.issue(ONE, "stolen")[0]),
    )
    broker = Mosquitto(directory / "broker", admission=admission)
    await broker.start()
    try:
        yield Site(authority, admission, broker)
    finally:
        await broker.stop()


@dataclass(slots=True)
class Heard:
    """What reached a client: topic, and who wrote it."""

    news: list[tuple[str, str]] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, topic: str, payload: bytes) -> None:
        self.news.append((topic, payload.decode()))
        self._more.set()

    async def until(self, last: tuple[str, str]) -> list[tuple[str, str]]:
        """Everything up to this one."""
        async with asyncio.timeout(SOON_S):
            while last not in self.news:
                self._more.clear()
                await self._more.wait()
        return self.news[: self.news.index(last)]


# topic: (who may write it, who may read it).  The page for vendors promises a concentrator three of
# them; seed 004, table 2, has the result queue between head-end and integration platform.
PERMITTED = {
    topics.up(ONE): (ONE, HES),
    topics.status(ONE): (ONE, HES),
    topics.down(ONE): (HES, ONE),
    topics.up(TWO): (TWO, HES),
    topics.status(TWO): (TWO, HES),
    topics.down(TWO): (HES, TWO),
    commercial.results(): (HES, PLATFORM),
    commercial.receipts(): (PLATFORM, HES),
    topics.up(PLATFORM): (None, HES),
    topics.status(PLATFORM): (None, HES),
    topics.down(PLATFORM): (HES, None),
    f"{topics.ROOT}/{ONE}/else": (None, None),
    "else": (None, None),
}
END = "no more"


async def test_each_name_has_its_own_topics_and_no_others(tmp_path: Path) -> None:
    """Everybody asks for everything and writes everywhere."""
    names = (HES, ONE, TWO, PLATFORM, VISITOR)
    async with site(tmp_path) as here, AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(here.session(name)) for name in names}
        heard = {name: Heard() for name in names}
        for name, client in clients.items():
            await client.subscribe("#", heard[name])
        for topic in PERMITTED:
            for name, client in clients.items():
                await client.publish(topic, name.encode())
        # Behind everything else, something that each may read.
        ends = {
            HES: (ONE, topics.up(ONE)),
            ONE: (HES, topics.down(ONE)),
            TWO: (HES, topics.down(TWO)),
            PLATFORM: (HES, commercial.results()),
            VISITOR: (HES, topics.down(VISITOR)),
        }
        for writer, topic in ends.values():
            await clients[writer].publish(topic, END.encode())
        for name in names:
            told = await heard[name].until((ends[name][1], END))
            assert told == [
                (topic, writer)
                for topic, (writer, reader) in PERMITTED.items()
                if reader == name and writer is not None
            ], name


async def test_what_is_retained_or_left_as_a_will_has_the_same_bounds(tmp_path: Path) -> None:
    async with site(tmp_path) as here, here.session(HES) as hes:
        watching, curious = Heard(), Heard()
        await hes.subscribe(topics.ALL_STATUS, watching)
        async with here.session(ONE) as one:
            await one.publish(topics.status(ONE), b"here", retain=True)
        for concentrator in (TWO, ONE):
            will = DeviceWill(topics.status(ONE), f"will of {concentrator}".encode())
            await dies(here, concentrator, will)
        await watching.until((topics.status(ONE), f"will of {ONE}"))
        async with here.session(TWO) as two:
            await two.publish(topics.status(ONE), b"slander", retain=True)
            await two.subscribe(topics.ALL_STATUS, curious)
            await two.subscribe(topics.down(TWO), curious)
            await hes.publish(topics.down(TWO), END.encode())
            assert await curious.until((topics.down(TWO), END)) == []
            await two.publish(topics.status(TWO), END.encode())
        told = await watching.until((topics.status(TWO), END))
        assert told == [(topics.status(ONE), "here"), (topics.status(ONE), f"will of {ONE}")]


async def dies(here: Site, concentrator: str, will: DeviceWill) -> None:
    """A device comes up with this will, and falls off the network."""
    up = asyncio.Event()

    class Ears:
        def up(self) -> None:
            up.set()

        def down(self, why: str) -> None:
            raise AssertionError(why)

        def message(self, topic: str, payload: bytes) -> None: ...

    address = DeviceAddress(LOCAL, here.broker.port, tls=here.context(concentrator))
    link = MqttUplink(address, concentrator, lambda action: action())
    await link.start()
    link.restore()
    link.connect(will, Ears())
    await asyncio.wait_for(up.wait(), SOON_S)
    link.drop()
    await link.stop()


async def test_nobody_takes_another_s_session(tmp_path: Path) -> None:
    """The client id is the certificate's name, whatever the client says that it is."""
    async with site(tmp_path) as here, here.session(HES) as hes, here.session(ONE) as one:
        ours, theirs = Heard(), Heard()
        await one.subscribe(topics.down(ONE), ours)
        async with here.session_with(here.context(TWO), client_id=ONE) as two:
            await two.subscribe(topics.down(TWO), theirs)
            await hes.publish(topics.down(ONE), b"yours")
            await hes.publish(topics.down(TWO), b"mine")
            await ours.until((topics.down(ONE), "yours"))
            await theirs.until((topics.down(TWO), "mine"))
            assert one.connected


async def test_a_command_that_waits_outlives_a_kill(tmp_path: Path) -> None:
    """The broker knows after it whose session it is, and what that one may read."""
    async with site(tmp_path) as here, here.session(HES) as hes:
        async with here.session(ONE) as one:
            await one.subscribe(topics.down(ONE), Heard())
        saved = tmp_path / "broker" / "mosquitto.db"
        await hes.publish(topics.down(ONE), b"waits")
        before = saved.stat().st_mtime_ns if saved.exists() else 0
        async with asyncio.timeout(SOON_S):
            while not saved.exists() or saved.stat().st_mtime_ns == before:
                await asyncio.sleep(0.05)
        await kill(here.broker)
        later = Heard()
        successor = MqttBroker(
            Address(LOCAL, here.broker.port, tls=here.context(ONE)), client_id="any"
        )
        await successor.subscribe(topics.down(ONE), later)
        await successor.start()
        await later.until((topics.down(ONE), "waits"))
        await successor.stop()


async def test_a_burst_is_read_to_its_end(tmp_path: Path) -> None:
    """What TLS has deciphered no longer shows on the socket; nothing may stay behind there."""
    async with site(tmp_path) as here, here.session(ONE) as one:
        async with here.session(HES) as hes:
            await hes.subscribe(topics.ALL_UP, Heard())
        for number in range(500):  # they wait in the session
            await one.publish(topics.up(ONE), b"%d" % number)
        heard = Heard()
        address = Address(LOCAL, here.broker.port, tls=here.context(HES))
        successor = MqttBroker(address, client_id="any")
        await successor.subscribe(topics.ALL_UP, heard)
        await successor.start()
        assert len(await heard.until((topics.up(ONE), "499"))) == 499
        await successor.stop()


async def test_the_head_end_knows_its_broker_by_its_own_certificate(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        tls = here.authority.tls(HES, "another of the same name")
        address = Address(LOCAL, here.broker.port, tls=to_ourselves(tls))
        assert "certificate verify failed" in await refused(MqttBroker(address, client_id=HES))


async def refused(client: MqttBroker) -> str:
    """Why it gets no session, as soon as it knows."""
    await client.start()
    told = ""
    async with asyncio.timeout(SOON_S):
        while ": " not in told:
            with pytest.raises(BrokerUnavailable) as refusal:
                await client.until_connected(0.05)
            assert not refusal.value.sent
            told = str(refusal.value)
    await client.stop()
    return told


REFUSED = (
    "without a certificate",
    "of another authority",
    "expired",
    "revoked",
    "without a name",
    "plain",
)


@pytest.mark.parametrize("who", REFUSED)
async def test_nobody_else_gets_in(tmp_path: Path, who: str) -> None:
    stranger = Authority.found(tmp_path / "theirs", "another authority")
    async with site(tmp_path) as here:
        tls: ssl.SSLContext | None = ssl.create_default_context(cafile=here.authority.path)
        assert tls is not None
        match who:
            case "of another authority":
                tls.load_cert_chain(*stranger.issue(ONE, "c"))
            case "expired":
                tls.load_cert_chain(*here.authority.issue(ONE, "c", until=PAST))
            case "revoked":
                folder = here.authority.folder
                tls.load_cert_chain(folder / "stolen.pem", folder / "stolen.key")
            case "without a name":
                tls.load_cert_chain(*here.authority.issue(None, "c"))
            case "plain":
                tls = None
        told = await refused(MqttBroker(Address(LOCAL, here.broker.port, tls=tls), client_id=ONE))
        assert "hung up" in told or "Bad user name" in told
        async with here.session(ONE):  # those that may enter still do
            pass
