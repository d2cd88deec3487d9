"""General block transfer and ACCESS between us and another implementation, in both roles.

pydlms-client, as a separate process (see test_peer): its client at our meter, our client at its
meter, which loses blocks on purpose.
"""

from __future__ import annotations

import json
import socket
import subprocess

import pytest

from protocols import wrapper
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import AuthenticationMechanism, Conformance, DataAccessResult, Security
from protocols.dlms.events import NEED_DATA, Associated, Released
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.security import Keys
from protocols.dlms.services import (
    AccessGet,
    AccessRequest,
    AccessSet,
    AssociationRequest,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
    ReleaseRequest,
    SetRequest,
    SetResponse,
)
from protocols.dlms.settings import CONFORMANCE, ClientSettings
from protocols.dlms.values import Array, DoubleLongUnsigned
from tests.dlms_engines.test_peer import LOCAL, ROOT, STEP_TIMEOUT_S, meter, peer, run

__all__ = ["meter", "peer"]  # fixtures

pytestmark = pytest.mark.xdist_group("peer")

NAMES = "get,set,action,selective_access,multiple_references,general_block_transfer,access"
GENERAL = Conformance.GENERAL_BLOCK_TRANSFER | Conformance.ACCESS
KEYS = Keys(bytes(range(16)), bytes(range(0xD0, 0xE0)))
LONG = AttributeDescriptor(1, LogicalName("0.0.96.1.99.255"), 2)
VALUE = Array(map(DoubleLongUnsigned, range(200)))
NEW = Array(map(DoubleLongUnsigned, range(1000, 1200)))
QUIET_S = 0.3  # after which what was lost is taken for lost; only lost blocks wait so long


@pytest.mark.parametrize("window", [1, 5])
def test_the_peer_reads_our_object_list_in_blocks(peer, meter, tmp_path, window):
    record = tmp_path / "record"
    shown = run(
        peer / "pydlms",
        *("--json", "--record", record, "list"),
        *("--client", meter["client"], "--server", meter["server"], "--auth", "gmac"),
        *("--key", meter["encryption_key"], "--auth-key", meter["authentication_key"]),
        *("--system-title", meter["client_system_title"], "--discover-ic"),
        *("--max-pdu", 200, "--gbt-window", window, "--conformance", NAMES),
        f"tcp://{meter['host']}:{meter['port']}",
    )
    assert shown.returncode == 0, shown.stderr
    assert len(json.loads(shown.stdout)) > 20
    lines = record.read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("RX e0") for line in lines) > 10


class Peer:
    """The peer's meter as a process, and our client over a socket to it."""

    def __init__(self, peer, *, ciphered, window, other=1, lost_up=(), lost_down=()):
        asked = {
            "ciphered": ciphered,
            "encryption_key": KEYS.encryption.hex(),
            "authentication_key": KEYS.authentication.hex(),
            "pdu_size": 150,
            "conformance": int(CONFORMANCE | GENERAL),
            "window": other,
            "lost_up": list(lost_up),
            "lost_down": list(lost_down),
        }
        self.process = subprocess.Popen(
            [peer / "python", ROOT / "tests/dlms_engines/pydlms_blocks.py", json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        port = json.loads(self.process.stdout.readline())["port"]
        self.stream = socket.create_connection((LOCAL, port), STEP_TIMEOUT_S)
        more = {}
        if ciphered:
            more = {
                "authentication": AuthenticationMechanism.HIGH_GMAC,
                "keys": KEYS,
                "system_title": b"AMI00001",
                "security": Security.AUTHENTICATED_ENCRYPTED,
                "challenge": b"CtoS challenge 1",
            }
        self.client = ClientConnection(
            ClientSettings(
                conformance=CONFORMANCE | GENERAL,
                max_pdu_size=150,
                block_window=window,
                block_retries=10,
                **more,
            )
        )
        self.decoder = wrapper.Decoder()
        self.now = 0.0

    def __enter__(self):
        assert isinstance(self.ask(AssociationRequest()), Associated)
        return self

    def __exit__(self, *args):
        self.stream.close()
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(STEP_TIMEOUT_S) == 0

    def ask(self, message):
        """The event that answers; where nothing comes, time passes for the client alone."""
        self._say(self.client.send(message, now=self.now))
        while (event := self.client.next_event()) is NEED_DATA:
            while (apdu := self.client.data_to_send()) is not None:
                self._say(apdu)
            self.stream.settimeout(QUIET_S)
            try:
                octets = self.stream.recv(4096)
            except TimeoutError:
                self.now = self.client.next_deadline()
                self.client.handle_deadline(now=self.now)
                continue
            assert octets, "the peer closed the connection"
            for frame in self.decoder.feed(octets):
                self.client.receive_data(frame.apdu, now=self.now)
        return event

    def _say(self, apdu):
        self.stream.sendall(wrapper.encode(1, 1, apdu))


LOSSES = {
    "none": ((), ()),
    "two of theirs": ((3, 4), ()),
    "the end of a window of theirs": ((5,), ()),
    "one of ours": ((), (3,)),
    "of both": ((2, 6), (2, 5)),
}


@pytest.mark.parametrize("lost_up, lost_down", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("ciphered", [False, True], ids=["plain", "ciphered"])
def test_our_client_at_the_peers_meter(peer, ciphered, lost_up, lost_down):
    options = {"ciphered": ciphered, "window": 4, "other": 3}
    with Peer(peer, lost_up=lost_up, lost_down=lost_down, **options) as asked:
        assert asked.ask(GetRequest.of(LONG)) == GetResponse.of(VALUE)
        assert asked.ask(SetRequest.of(LONG, NEW)) == SetResponse.of(DataAccessResult.SUCCESS)
        assert asked.ask(GetRequest.of(LONG)) == GetResponse.of(NEW)
        assert isinstance(asked.ask(ReleaseRequest()), Released)


@pytest.mark.parametrize("ciphered", [False, True], ids=["plain", "ciphered"])
def test_our_access_at_the_peers_meter(peer, ciphered):
    energy = AttributeDescriptor(3, LogicalName("1.0.1.8.0.255"), 2)
    with Peer(peer, ciphered=ciphered, window=4) as asked:
        short = asked.ask(AccessRequest((AccessGet(energy),), self_descriptive=True))
        assert short.results[0].data == DoubleLongUnsigned(12345678)
        assert short.asked is None, "the peer repeats nothing"
        long = asked.ask(AccessRequest.of(AccessSet(LONG, NEW), AccessGet(LONG)))
        assert [int(result.code) for result in long.results] == [0, 0]
        assert long.results[1].data == NEW
