"""A meter of another's making, in a process of its own, read by conversations over TCP."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headend.chance import SystemChance
from headend.clock import WallClock
from headend.domain.failure import Failure
from headend.domain.reason import ReasonCode
from headend.field.direct.access import Access, Credentials
from headend.field.direct.address import TcpAddress
from headend.field.direct.conversation import Conversation, Opened
from headend.field.direct.tcp_line import TcpLine
from headend.models import Framing, Shelf
from protocols.concentrator.messages import ObjectWanted, Status
from protocols.dlms.keys import Keys
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import Outcome
from protocols.dlms.procedures.wanted import read_objects
from protocols.dlms.services import AttributeDescriptor
from protocols.dlms.values import DoubleLongUnsigned
from tests.dlms_engines.test_peer import peer  # noqa: F401  (a fixture)

LOCAL = "127.0.0.1"
KEYS = Keys(bytes(range(16)), bytes(range(0xD0, 0xE0)))
ENERGY = AttributeDescriptor(3, LogicalName("1.0.1.8.0.255"), 2)
SECRET = b"SECRET1!"

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("peer")]


@contextmanager
def simulator(programs: Path, framing: Framing, *, ciphers: bool) -> Iterator[int]:
    """The port of the peer's simulator, which ciphers for all of its clients or for none."""
    with socket.create_server((LOCAL, 0)) as probe:
        port = int(probe.getsockname()[1])
    command = [str(programs / "pydlms"), "simulate", "--host", LOCAL, "--port", str(port)]
    if ciphers:
        command += ["--client", "1:5", "--key", KEYS.encryption.hex()]
        command += ["--auth-key", KEYS.authentication.hex()]
    else:
        command += ["--client", "16:0", "--client", f"2:1:{SECRET.decode()}"]
    command += ["--hdlc"] if framing is Framing.HDLC else []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            assert "listening" in process.stderr.readline()
            yield port
        finally:
            process.terminate()
            process.stderr.close()


def shelf(tmp_path: Path, engine: str = "ours") -> Shelf:
    """A model of this meter, as a utility writes it: no counter to be read, so it begins at 1."""
    (tmp_path / "foreign.toml").write_text(
        f'extends = "generic"\nabout = "another\'s simulator"\nengine = "{engine}"\n'
        '[association.management]\ncounter = ""\n'
    )
    return Shelf(tmp_path)


ROLES = {
    "public": Credentials(),
    "reader": Credentials(password=SECRET),
    "management": Credentials(keys=KEYS),
}


def conversation(port: int, framing: Framing, role: str, models: Shelf, **more: object):  # type: ignore[no-untyped-def]
    credentials = more.get("credentials", ROLES[role])
    assert isinstance(credentials, Credentials)
    return Conversation(
        TcpLine(TcpAddress(LOCAL, port)),
        models.get("foreign"),
        Access(b"AMI00001" if role == "management" else b"", credentials),
        clock=WallClock(),
        chance=SystemChance(),
        role=role,
        framing=framing,
    )


@pytest.mark.parametrize("framing", [Framing.WRAPPER, Framing.HDLC])
@pytest.mark.parametrize("role", ROLES)
async def test_each_role_reads_a_foreign_meter(
    role: str,
    framing: Framing,
    peer: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    with simulator(peer, framing, ciphers=role == "management") as port:
        async with conversation(port, framing, role, shelf(tmp_path)) as talk:
            opened = await talk.open()
            assert isinstance(opened, Opened), opened
            assert await talk.read(ENERGY) == (DoubleLongUnsigned(12345678),)
            wanted = [ObjectWanted(3, "1.0.1.8.0.255"), ObjectWanted(3, "1.0.99.99.0.255")]
            found = await talk.perform(read_objects(wanted))
            assert isinstance(found, Outcome) and found.status is Status.DONE
            energy, absent = found.readings
            assert (energy.value, energy.unit) == ("12345678", "Wh")
            assert absent.error in {"object-undefined", "read-write-denied"}


async def test_a_wrong_password_is_told_by_a_foreign_meter(
    peer: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    guess = Credentials(password=b"guess")
    with simulator(peer, Framing.WRAPPER, ciphers=False) as port:
        async with conversation(
            port, Framing.WRAPPER, "reader", shelf(tmp_path), credentials=guess
        ) as talk:
            failed = await talk.open()
    assert isinstance(failed, Failure)
    assert failed.reason in {ReasonCode.WRONG_KEY_OR_COUNTER, ReasonCode.REFUSED_ASSOCIATION}
