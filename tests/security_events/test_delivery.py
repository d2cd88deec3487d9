"""Security lines reach the CERT: in their order, each at least once, however it fares."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from headend.access import lines
from headend.access.watch import Watch
from headend.app.security import security_events
from headend.config import BadConfig, Config, Syslog, SyslogTls
from headend.domain.account import Caller, Permission, Role
from headend.domain.audit import Severity
from headend.integration.outbox import NotDelivered
from headend.integration.security_events import BATCH, SecurityEvents
from headend.integration.syslog import to_server
from headend.store import access_queries as queries
from protocols.syslog import SyslogMessage, parse
from tests.access.making import HERE, WRONG, House
from tests.certificates import Authority
from tests.conftest import SYSTEM_PATH
from tests.security_events.receiver import receiving

LOCAL = Syslog(host="127.0.0.1", transport="tcp")


@dataclass
class Moody:
    """A server that is away as often as it is told."""

    away: int = 0
    taken: list[SyslogMessage] = field(default_factory=list)
    met: int = 0

    async def deliver(self, messages: Sequence[bytes]) -> None:
        self.met += 1
        if self.away:
            self.away -= 1
            raise NotDelivered("away")
        self.taken += map(parse, messages)

    @property
    def numbers(self) -> list[int]:
        return [int(each.elements["ami@32473"]["number"]) for each in self.taken]


def telling(house: House, server: object) -> SecurityEvents:
    return SecurityEvents(
        house.store, house.clock, house.desk.chance, Syslog(), "worker-1",
        server,  # type: ignore[arg-type]
        "hes.utility.example",
    )  # fmt: skip


async def filled(count: int = 3) -> House:
    """A house of whose lines every second is the CERT's."""
    house = House()
    for number in range(count):
        await house.guard.note(lines.logged_in(house.clock.now(), "ana", source=HERE))
        line = lines.seen(house.clock.now(), "push.refused", f"meter {number}", "wrong tag")
        await house.guard.note(line)
    return house


async def test_a_line_as_the_cert_sees_it() -> None:
    house, server = House(), Moody()
    await house.account("ana", Role.QA)
    await telling(house, server).tell()
    caller = Caller("ana", frozenset())
    await house.guard.refuses(caller, Permission.ORDER_CUT, 'meter "7"]', source=HERE)
    assert await telling(house, server).tell() == 1
    told = server.taken[-1]
    entry = house.audit()[-1]
    assert told == SyslogMessage(
        10, Severity.WARNING, entry.at, "hes.utility.example", "ami-headend", "worker-1",
        "order.cut",
        {
            "meta": {"sequenceId": "2"},
            "ami@32473": {
                "number": "2", "outcome": "refused", "actor": "ana", "subject": 'meter "7"]',
                "source": HERE, "digest": entry.digest,
            },
        },
        'order.cut refused: ana, meter "7"]; ana may not: order.cut is missing',
    )  # fmt: skip
    assert await telling(house, server).tell() == 0


async def test_many_lines_go_in_batches_and_only_the_certs() -> None:
    house, server = await filled(BATCH + 5), Moody()
    events = telling(house, server)
    assert [await events.tell() for _ in range(3)] == [BATCH, 5, 0]
    assert server.numbers == [2 * number for number in range(1, BATCH + 6)]


async def test_nothing_is_lost_while_the_cert_is_away() -> None:
    house, server = await filled(), Moody(away=7)
    events = telling(house, server)
    task = asyncio.create_task(events.run())
    await asyncio.sleep(3600)
    line = lines.seen(house.clock.now(), "push.refused", "meter 9", "wrong tag")
    await house.guard.note(line)
    events.wake()
    await asyncio.sleep(1)
    task.cancel()
    assert server.numbers == [2, 4, 6, 7]
    assert events.errors == []


async def test_a_line_of_another_process_is_found_before_long() -> None:
    house, server = await filled(1), Moody()
    task = asyncio.create_task(telling(house, server).run())
    await asyncio.sleep(1)
    await house.account("eva", Role.QA)  # as by a command: nobody rings
    await asyncio.sleep(30)
    task.cancel()
    assert [each.id for each in server.taken] == ["push.refused", "account.add"]


# --- what is told ---------------------------------------------------------------------------------


async def test_each_kind_of_security_event_is_told() -> None:
    house, server = House(), Moody()
    await house.account("ana", Role.QA)
    text = await house.token("ana")
    for _ in range(house.policy.failures_max):
        await house.guard.login("ana", WRONG, source=HERE)
    await house.guard.show(text[:-4] + "AAAA", source=HERE)
    await house.guard.refuses(Caller("ana", frozenset()), Permission.KEY_CHANGE, "", source=HERE)
    await telling(house, server).tell()
    told = {(each.id, each.severity) for each in server.taken}
    assert told == {
        ("account.add", Severity.NOTICE),
        ("token.create", Severity.NOTICE),
        ("login", Severity.WARNING),
        ("lock-out", Severity.ERROR),
        ("token", Severity.WARNING),
        ("key.change", Severity.WARNING),
    }
    assert text not in str(server.taken) and WRONG not in str(server.taken)


async def test_what_anybody_can_cause_is_counted_and_does_not_fill_the_log() -> None:
    house = House()
    watch = Watch(house.guard.note, house.clock)
    task = asyncio.create_task(watch.run())
    for _ in range(1000):
        for door in ("the SOAP door", "another"):
            watch.saw(lines.seen(house.clock.now(), "tls.refused", door, "no certificate"))
        await asyncio.sleep(0.01)
    await asyncio.sleep(120)
    task.cancel()
    assert [(each.subject, each.detail) for each in house.audit()] == [
        ("the SOAP door", "no certificate"),
        ("another", "no certificate"),
        ("the SOAP door", "999 more within a minute; no certificate"),
        ("another", "999 more within a minute; no certificate"),
    ]
    assert watch.errors == []


async def test_observations_of_ever_other_kinds_become_one() -> None:
    house = House()
    watch = Watch(house.guard.note, house.clock)
    for number in range(1500):
        watch.saw(lines.seen(house.clock.now(), "push.refused", f"meter {number}", "wrong tag"))
    await watch.write()
    await asyncio.sleep(timedelta(seconds=61).total_seconds())
    await watch.write()
    assert house.store.read(queries.verified).number == 1002  # type: ignore[union-attr]
    last, counted = house.audit()[-2:]
    assert last.subject == counted.subject == "many others"
    assert counted.detail == "499 more within a minute; wrong tag"


# --- over the wire --------------------------------------------------------------------------------


async def delivered(house: House, policy: Syslog) -> None:
    server = to_server(policy)
    assert server is not None
    await telling(house, server).tell()


@pytest.mark.live
async def test_over_tcp() -> None:
    house = await filled()
    async with receiving() as receiver:
        await delivered(house, msgspec.structs.replace(LOCAL, port=receiver.port))
    assert receiver.numbers == [2, 4, 6]


@pytest.mark.live
async def test_over_tls_to_whom_we_believe(tmp_path: Path) -> None:
    house, ours = await filled(), Authority.found(tmp_path / "ours")
    other = Authority.found(tmp_path / "other", "another authority")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ours.path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(*ours.issue("cert", "cert"))
    certificate, key = ours.issue("hes", "hes")
    async with receiving(context) as receiver:
        policy = Syslog(host="127.0.0.1", port=receiver.port)
        believed = SyslogTls(authority=ours.path, certificate=certificate, key=key)
        refused = {
            "another server": SyslogTls(authority=other.path, certificate=certificate, key=key),
            "no certificate of ours": SyslogTls(authority=ours.path),
        }
        for files in refused.values():
            with pytest.raises(NotDelivered):
                await delivered(house, msgspec.structs.replace(policy, tls=files))
        assert receiver.messages == []
        await delivered(house, msgspec.structs.replace(policy, tls=believed))
    assert receiver.numbers == [2, 4, 6]


ENDS = {
    # How a server ends its side under TLS without a close_notify: whether it has taken what we sent
    "having read all": (b"", True),
    "in the midst of it": (b"meter 2", False),
    "having read nothing": (None, False),
}


@pytest.mark.live
@pytest.mark.parametrize(("until", "taken"), ENDS.values(), ids=ENDS)
async def test_a_tls_server_that_just_ends(
    tmp_path: Path, until: bytes | None, *, taken: bool
) -> None:
    """RFC 5425, 4.4, has it answer our close_notify; many do not."""
    house, authority = await filled(), Authority.found(tmp_path / "ours")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("cert", "cert"))
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def end() -> bytes:
            plain, _ = listening.accept()
            with context.wrap_socket(plain, server_side=True) as connection:
                read = b""
                while until is not None and (some := connection.recv(16)):
                    read += some
                    if until and until in read:
                        break
                return read

        ending = asyncio.create_task(asyncio.to_thread(end))
        policy = Syslog(
            host="127.0.0.1",
            port=listening.getsockname()[1],
            tls=SyslogTls(authority=authority.path),
        )
        with nullcontext() if taken else pytest.raises(NotDelivered):
            await delivered(house, policy)
        assert (b"meter 0" in await ending) is (until is not None)
    assert await house.store.run(lambda tx: tx.audit_told()) == (6 if taken else 0)


@pytest.mark.live
async def test_a_server_that_turns_us_away_has_taken_nothing() -> None:
    """It ends its side before it has read anything; for its system that is no error."""
    house = await filled()

    async def turn_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(turn_away, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NotDelivered):
            await delivered(house, msgspec.structs.replace(LOCAL, port=port))
    assert await house.store.run(lambda tx: tx.audit_told()) == 0


@pytest.mark.live
async def test_over_udp() -> None:
    house = await filled()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(20)
        port = receiver.getsockname()[1]
        await delivered(house, Syslog(host="127.0.0.1", port=port, transport="udp"))
        messages = [parse(receiver.recv(4096)) for _ in range(3)]
    assert [each.elements["ami@32473"]["number"] for each in messages] == ["2", "4", "6"]


@pytest.mark.live
@pytest.mark.parametrize("mood", ["breaks off", "hangs"])
async def test_what_may_not_have_come_is_sent_again(mood: str) -> None:
    house = await filled()
    async with receiving() as receiver:
        receiver.mood = mood
        policy = msgspec.structs.replace(LOCAL, port=receiver.port, timeout_s=0.2)
        with pytest.raises(NotDelivered):
            await delivered(house, policy)
        receiver.mood = "takes"
        await delivered(house, msgspec.structs.replace(policy, timeout_s=30.0))
    assert receiver.numbers == [2, 4, 6]


@pytest.mark.live
async def test_nobody_is_there() -> None:
    house = await filled()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        taken.close()
        with pytest.raises(NotDelivered, match=str(port)):
            await delivered(house, msgspec.structs.replace(LOCAL, port=port, timeout_s=20.0))


RSYSLOG = """
global(workDirectory="{folder}" defaultNetstreamDriverCAFile="{ca}"
       defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}")
module(load="imtcp" StreamDriver.Name="{driver}" StreamDriver.Mode="{mode}"
       StreamDriver.AuthMode="anon")
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="{folder}/port")
template(name="whole" type="list") {{
    property(name="pri") constant(value="|") property(name="timereported" dateFormat="rfc3339")
    constant(value="|") property(name="hostname") constant(value="|") property(name="app-name")
    constant(value="|") property(name="procid") constant(value="|") property(name="msgid")
    constant(value="|") property(name="structured-data") constant(value="|") property(name="msg")
    constant(value="\\n")
}}
action(type="omfile" file="{folder}/taken" template="whole" asyncWriting="off" flushOnTXEnd="on")
"""


@pytest.mark.live
@pytest.mark.requires("rsyslogd")
@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_rsyslog_takes_and_understands_it(transport: str, tmp_path: Path) -> None:
    """The server of others, as a CERT runs it: every message is there once, with every part."""
    house = await filled(BATCH + 1)
    authority = Authority.found(tmp_path / "cert")
    certificate, key = authority.issue("cert", "cert")
    drivers = {"tcp": ("ptcp", 0), "tls": ("ossl", 1)}
    driver, mode = drivers[transport]
    (tmp_path / "conf").write_text(
        RSYSLOG.format(
            folder=tmp_path,
            ca=authority.path,
            certificate=certificate,
            key=key,
            driver=driver,
            mode=mode,
        )  # fmt: skip
    )
    child = subprocess.Popen(
        ["rsyslogd", "-n", "-f", str(tmp_path / "conf"), "-i", str(tmp_path / "pid")],
        env={"PATH": SYSTEM_PATH}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not (text := _text(tmp_path / "port")):
            assert child.poll() is None, "rsyslogd ended"
            await asyncio.sleep(0.01)
        policy = Syslog(
            host="127.0.0.1", port=int(text), transport=transport,  # type: ignore[arg-type]
            tls=SyslogTls(authority=authority.path),
        )  # fmt: skip
        server = to_server(policy)
        assert server is not None
        events = telling(house, server)
        while await events.tell():
            pass
        while len(_text(tmp_path / "taken").splitlines()) < BATCH + 1:
            await asyncio.sleep(0.01)
    finally:
        child.terminate()
        child.wait(30)
    taken = [line.split("|") for line in _text(tmp_path / "taken").splitlines()]
    sent = [each for each in house.audit() if each.security]
    assert [(each[0], each[5], each[7]) for each in taken] == [
        ("84", "push.refused", f"\ufeffpush.refused seen: nobody known, {e.subject}; wrong tag")
        for e in sent
    ]
    assert {tuple(each[2:5]) for each in taken} == {
        ("hes.utility.example", "ami-headend", "worker-1")
    }
    assert [f'number="{e.number}"' in each[6] and e.digest in each[6] for e, each in zip(
        sent, taken, strict=True
    )] == [True] * (BATCH + 1)  # fmt: skip


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


# --- configuration --------------------------------------------------------------------------------


async def test_settings() -> None:
    house = House()
    assert security_events(Config(), house.store, house.clock, house.desk.chance) is None
    lost = Config(syslog=Syslog(host="x", tls=SyslogTls(authority=Path("no.pem"))))
    with pytest.raises(BadConfig, match="syslog.tls"):
        security_events(lost, house.store, house.clock, house.desk.chance)
    ports = {"tls": 6514, "tcp": 601, "udp": 514}
    for transport, port in ports.items():
        server = to_server(Syslog(host="x", transport=transport))  # type: ignore[arg-type]
        assert server is not None and server.port == port
