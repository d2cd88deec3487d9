"""HDLC and mode E with a third party, a process of its own: its client at our meter on TCP and on
ptys, our client at its meter."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from protocols.dlms.client import ClientConnection
from protocols.dlms.events import NEED_DATA, Associated, Released
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import (
    AssociationRequest,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
    ReleaseRequest,
)
from protocols.dlms.settings import ClientSettings
from protocols.dlms.values import Array, DoubleLongUnsigned
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.settings import HdlcSettings
from protocols.link import ApduReceived, LinkDown, LinkUp, LinkViolation
from protocols.sans_io import NEED_DATA as NOTHING
from tests.dlms_engines.test_peer import LOCAL, ROOT, STEP_TIMEOUT_S, run

pytestmark = pytest.mark.xdist_group("peer")

POWER = ("--register", "--obis", "1.0.1.7.0.255")


@contextmanager
def listening(*options: str) -> Iterator[dict[str, Any]]:
    """`ami meter listen` as a process of its own; what it says of itself."""
    command = [sys.executable, "-m", "tools", "meter", "listen", "--seed", "7", "--load", "800W"]
    command += [*options, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.stdout.close()
            assert process.wait(STEP_TIMEOUT_S) == 0


def peer_reads(peer: Path, where: str, *options: object) -> list[dict[str, Any]]:
    shown = run(peer / "pydlms", "--json", "read", where, *options)
    assert shown.returncode == 0, shown.stderr
    rows: list[dict[str, Any]] = json.loads(shown.stdout)
    return rows


CALLS = {
    "one octet": (),
    "two octets": ("--physical", 17),
    "four octets": ("--physical", 17, "--address-size", 4),
    "a window of 7": ("--hdlc-window", 7),
}


def test_the_peer_reads_our_meter_by_hdlc_over_tcp(peer: Path) -> None:
    with listening("--tcp", f"{LOCAL}:0", "--framing", "hdlc", "--auth", "none") as meter:
        where = f"tcp+hdlc://{meter['host']}:{meter['port']}"
        for call, options in CALLS.items():
            (row,) = peer_reads(peer, where, "--client", 1, "--server", 1, *options, *POWER)
            assert (row["value"], row["unit"]) == (2400, "W"), call
        long = ("--class", 15, "--obis", "0.0.40.0.0.255", "--attr", 2)
        (row,) = peer_reads(peer, where, "--client", 1, "--server", 1, *long)
        assert len(row["value"]) >= 20


@pytest.mark.parametrize(
    "options", [(), ("--fault", "identification-plain")], ids=["by the book", "without the mark"]
)
def test_the_peer_signs_on_at_our_pty(peer: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    probe = tmp_path / "probe"
    with listening("--pty", str(probe), "--auth", "gmac", *options) as meter:
        keys = ("--key", meter["encryption_key"], "--auth-key", meter["authentication_key"])
        titles = ("--system-title", meter["client_system_title"])
        titles += ("--expect-server-title", meter["system_title"])
        (row,) = peer_reads(
            peer, f"optical://{probe}", "--client", 1, "--server", 1, "--auth", "gmac",
            *keys, *titles, "--discover-ic", *POWER,
        )  # fmt: skip
        assert (row["value"], row["unit"]) == (2400, "W")


def test_the_peer_reads_our_meter_by_hdlc_on_a_pty(peer: Path, tmp_path: Path) -> None:
    port = tmp_path / "serial"
    with listening("--pty", str(port), "--framing", "hdlc", "--auth", "none"):
        for _ in range(2):
            where = f"serial://{port}"
            (row,) = peer_reads(peer, where, "--client", 1, "--server", 1, *POWER)
            assert row["value"] == 2400


# --- the other way round --------------------------------------------------------------------------


@contextmanager
def peers_meter(peer: Path, window: int) -> Iterator[int]:
    """The port of the peer's simulator."""
    with socket.create_server((LOCAL, 0)) as probe:
        port = probe.getsockname()[1]
    command = [peer / "pydlms", "simulate", "--host", LOCAL, "--port", port, "--hdlc"]
    command += ["--hdlc-window", window, "--client", "16:0"]
    with subprocess.Popen(
        [str(part) for part in command], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            assert "listening" in process.stderr.readline()
            yield port
        finally:
            process.terminate()
            process.stderr.close()


class Talk:
    """A public client on one connection."""

    def __init__(self, link: HdlcClient, stream: socket.socket) -> None:
        self.link, self._stream = link, stream
        self._connection = ClientConnection(ClientSettings())
        self.violations: list[LinkViolation] = []

    def until(self, *kinds: type) -> Any:
        while True:
            while (octets := self.link.data_to_send()) is not None:
                self._stream.sendall(octets)
            while (event := self.link.next_event()) is not NOTHING:
                self.violations += [event] if isinstance(event, LinkViolation) else []
                if isinstance(event, kinds):
                    return event
            received = self._stream.recv(100)
            assert received, "the peer closed the connection"
            self.link.receive_data(received, now=0.0)

    def say(self, message: AssociationRequest | GetRequest | ReleaseRequest) -> Any:
        out: bytes | None = self._connection.send(message, now=0.0)
        while True:
            assert out is not None
            self.link.send(out, now=0.0)
            answer = self.until(ApduReceived, LinkDown)
            assert isinstance(answer, ApduReceived), answer
            self._connection.receive_data(answer.apdu, now=0.0)
            event = self._connection.next_event()
            if event is not NEED_DATA:
                return event
            out = self._connection.data_to_send()


@pytest.mark.parametrize("window", [1, 3])
def test_our_client_at_the_peers_meter(peer: Path, window: int) -> None:
    energy = AttributeDescriptor(3, LogicalName("1.0.1.8.0.255"), 2)
    objects = AttributeDescriptor(15, LogicalName("0.0.40.0.0.255"), 2)
    with peers_meter(peer, window) as port:
        for settings in (None, HdlcSettings(64, 64), HdlcSettings(2030, 2030, 7, 7)):
            with socket.create_connection((LOCAL, port), STEP_TIMEOUT_S) as stream:
                talk = Talk(HdlcClient(16, settings=settings), stream)
                talk.link.connect(now=0.0)
                assert talk.until(LinkUp, LinkDown) == LinkUp(16, 1)
                assert talk.link.negotiated.window_transmit <= window
                assert isinstance(talk.say(AssociationRequest()), Associated)
                assert talk.say(GetRequest.of(energy)) == GetResponse.of(
                    DoubleLongUnsigned(12345678)
                )
                listed = talk.say(GetRequest.of(objects))
                assert isinstance(listed.results[0], Array)
                assert isinstance(talk.say(ReleaseRequest()), Released)
                talk.link.disconnect(now=0.0)
                talk.until(LinkDown)
                assert talk.violations == []
