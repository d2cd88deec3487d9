"""A third party's DLMS, as a separate process: its client at our meter, our engines at its meter.

pydlms-client is GPL-3.0-only and lives in an environment of its own; nothing here imports it.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from protocols.concentrator.messages import Status
from protocols.dlms.codes import ActionResult, AuthenticationMechanism, Security
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import Outcome, read_limit, read_supply
from protocols.dlms.script import CounterSource
from protocols.dlms.security import Keys
from protocols.dlms.services import (
    ActionRequest,
    AttributeDescriptor,
    GetRequest,
    MethodDescriptor,
)
from protocols.dlms.session import Session
from protocols.dlms.settings import ClientSettings
from protocols.dlms.values import Boolean, DoubleLongUnsigned, Enum, Integer, Structure
from tests.dlms_engines.field import ENGINES
from tools.bench.rivals import PYDLMS, interpreter

ROOT = Path(__file__).parents[2]
LOCAL = "127.0.0.1"
STEP_TIMEOUT_S = 30.0  # ends a step that hangs; none comes near it
WRITTEN_W = 3300

pytestmark = pytest.mark.xdist_group("peer")


@pytest.fixture(scope="session")
def peer():
    """Where the peer's programs are."""
    python = interpreter(PYDLMS)
    if python is None:
        pytest.skip(f"{PYDLMS} cannot be installed")
    return python.parent


@pytest.fixture
def meter():
    """`ami meter listen` as a process of its own; what it says of itself."""
    command = [sys.executable, "-m", "tools", "meter", "listen", "--tcp", f"{LOCAL}:0"]
    command += ["--auth", "gmac", "--seed", "7", "--load", "800W", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.stdout.close()
            assert process.wait(STEP_TIMEOUT_S) == 0


def run(*command):
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=STEP_TIMEOUT_S,
        cwd=ROOT,
        check=False,
    )


def peer_reads(peer, meter, *asked, **changes):
    """The peer's command line, over GMAC, with the counter read by its own public client."""
    known = meter | changes
    return run(
        peer / "pydlms",
        "--json",
        "read",
        f"tcp://{known['host']}:{known['port']}",
        *("--client", known["client"], "--server", known["server"], "--auth", "gmac"),
        *("--key", known["encryption_key"], "--auth-key", known["authentication_key"]),
        *("--system-title", known["client_system_title"]),
        *("--expect-server-title", known["system_title"], "--discover-ic"),
        *("--require-verified-release",),
        *asked,
    )


def over_tcp(session, port):
    """A session over a real socket."""
    with socket.create_connection((LOCAL, port), STEP_TIMEOUT_S) as stream:
        octets = session.start(0.0)
        while not session.done:
            if octets:
                stream.sendall(octets)
            received = stream.recv(4096)
            assert received, "the peer closed the connection"
            octets = session.receive(received, 0.0)
    return session.result


def secured(keys, title, counter, **more):
    return ClientSettings(
        authentication=AuthenticationMechanism.HIGH_GMAC,
        keys=keys,
        system_title=title,
        security=Security.AUTHENTICATED_ENCRYPTED,
        invocation_counter=counter,
        challenge=b"CtoS %010d" % counter,
        **more,
    )


def ours(engine, meter, procedure):
    """One of our engines at the same listening meter."""
    keys = Keys(bytes.fromhex(meter["encryption_key"]), bytes.fromhex(meter["authentication_key"]))
    title = bytes.fromhex(meter["client_system_title"])
    make = ENGINES[engine]
    session = Session(
        lambda counter: make(secured(keys, title, counter)),
        procedure,
        client=meter["client"],
        counter=CounterSource(make(ClientSettings()), LogicalName(meter["invocation_counter"])),
    )
    return over_tcp(session, meter["port"])


def test_the_peer_reads_our_meter(peer, meter):
    shown = peer_reads(peer, meter, "--obis", "0.0.17.0.0.255", "--class", "71", "--attr", "4")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)[0]["value"] == 2**32 - 1
    shown = peer_reads(peer, meter, "--register", "--obis", "1.0.1.7.0.255")
    assert shown.returncode == 0, shown.stderr
    (row,) = json.loads(shown.stdout)
    assert (row["value"], row["unit"]) == (2400, "W")


def test_the_peer_with_a_wrong_key_reads_nothing(peer, meter):
    wrong = "00" * 16
    shown = peer_reads(peer, meter, "--register", "--obis", "1.0.1.7.0.255", encryption_key=wrong)
    assert shown.returncode != 0
    assert "2400" not in shown.stdout


def test_the_peer_writes_and_both_engines_see_it(peer, meter):
    shown = run(
        peer / "python",
        ROOT / "tests/dlms_engines/pydlms_writes.py",
        json.dumps(meter | {"write": WRITTEN_W}),
    )
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout) == {
        "limit_before": 2**32 - 1,
        "limit_after": [WRITTEN_W, WRITTEN_W],
        "wrong_type": "SET 71/0.0.17.0.0.255/4 failed: TYPE_UNMATCHED",
        "supply": [[True, 1, 4], [False, 0, 4], [True, 1, 4]],
        "list": [WRITTEN_W, WRITTEN_W, 60],
        "objects": json.loads(shown.stdout)["objects"],
    }
    assert json.loads(shown.stdout)["objects"] >= 20, "a long attribute, read in blocks"
    for engine in ENGINES:
        limit = ours(engine, meter, read_limit())
        assert (limit.status, limit.limit.threshold_normal) == (Status.DONE, str(WRITTEN_W))
        supply = ours(engine, meter, read_supply())
        assert (supply.status, supply.supply.output_on) == (Status.DONE, True)


# --- the other way round: our engines at the meter of the peer ------------------------------------

ENERGY = LogicalName("1.0.1.8.0.255")
CONTROL = LogicalName("0.0.96.3.10.255")
PEER_KEYS = Keys(bytes(range(16)), bytes(range(0xD0, 0xE0)))


@pytest.fixture
def peers_meter(peer):
    """The port of the peer's simulator."""
    with socket.create_server((LOCAL, 0)) as probe:
        port = probe.getsockname()[1]
    command = [peer / "pydlms", "simulate", "--host", LOCAL, "--port", port]
    command += ["--client", "16:0", "--client", "1:5"]
    command += ["--key", PEER_KEYS.encryption.hex(), "--auth-key", PEER_KEYS.authentication.hex()]
    with subprocess.Popen(
        [str(part) for part in command], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert "listening" in process.stderr.readline()
            yield port
        finally:
            process.terminate()
            process.stderr.close()


def look_and_disconnect(found):
    """What the peer's meter has: a register, and a disconnect control without a mode."""
    answer = yield GetRequest.of(
        AttributeDescriptor(3, ENERGY, 2),
        AttributeDescriptor(3, ENERGY, 3),
        AttributeDescriptor(70, CONTROL, 2),
        AttributeDescriptor(70, CONTROL, 4),
    )
    found.extend(answer.results)
    answer = yield ActionRequest.of(MethodDescriptor(70, CONTROL, 1), Integer(0))
    found.append(answer.results[0].result)
    answer = yield GetRequest.of(AttributeDescriptor(70, CONTROL, 2))
    found.extend(answer.results)
    return Outcome(Status.DONE)


@pytest.mark.parametrize("engine", ENGINES)
def test_our_engines_at_the_peers_meter(peers_meter, engine):
    found = []
    client = ENGINES[engine](secured(PEER_KEYS, b"AMI00001", 1))
    session = Session(client, look_and_disconnect(found), client=1)
    assert over_tcp(session, peers_meter).status is Status.DONE
    energy, scale, on, mode, switched, off = found
    assert energy == DoubleLongUnsigned(12345678)
    assert scale == Structure((Integer(0), Enum(30)))
    assert (on, switched, off) == (Boolean(True), ActionResult.SUCCESS, Boolean(False))
    assert int(mode) == 11, "object-unavailable: one refusal in a list leaves the others"
