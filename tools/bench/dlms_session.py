"""One DLMS session, ours and the peers': HLS 5 association, three registers, the clock, release.

Every client is a process of its own, because a peer's licence or its needs may not fit ours; all
of them talk with the same simulated meter, which is here.  Sessions after a client's first get the
meter's answers from memory (tools/bench/clients/exchange.py), so only the client's own CPU time
counts; all must have read the same.
"""

from __future__ import annotations

import json
import statistics
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from devices.meter.clients import on_the_bench
from devices.meter.device import Meter
from devices.meter.identity import MANAGEMENT_CLIENT, SERVER_SAP, Identity, client_system_title
from devices.meter.load import ConstantLoad
from devices.meter.meter_type import MeterType
from protocols import wrapper
from protocols.dlms.codes import AuthenticationMechanism
from tools.bench.rivals import COSEM, PYDLMS, Rival

ATTRIBUTES = (
    (3, "1.0.1.8.0.255"),
    (3, "1.0.2.8.0.255"),
    (3, "1.0.1.7.0.255"),
    (8, "0.0.1.0.0.255"),
)
"""Class and logical name; attribute 2 of each is read."""

NOW = 1_790_000_000.0
"""POSIX seconds; the meter's time stands still, so that every session reads the same."""

_LENGTH = struct.Struct(">I")
_END = 0xFFFFFFFF


OURS = Rival("ours", "ours.py")
STOCK = Rival("gurux-dlms 1.0.203, stock", "gurux_client.py")
PEERS = (
    Rival("pydlms-client 0.1.0", "pydlms_client.py", PYDLMS),
    Rival("dlms-cosem 21.3.2", "cosem_client.py", COSEM),
    Rival("gurux-dlms 1.0.203, OpenSSL", "gurux_client.py", None, ("openssl",)),
    STOCK,
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Median client CPU milliseconds of a session, by client; None where it could not run."""

    sessions: int
    median_ms: dict[str, float | None]

    @property
    def fastest_peer(self) -> str | None:
        """The fastest of the others that ran."""
        ran = {peer.name: self.median_ms[peer.name] for peer in PEERS}
        return min((n for n, ms in ran.items() if ms is not None), key=lambda n: ran[n] or 0.0,
                   default=None)  # fmt: skip

    def ratio(self, peer: str | None) -> float | None:
        """How many times as long as ours that peer takes."""
        ours, theirs = self.median_ms[OURS.name], self.median_ms.get(peer or "")
        return theirs / ours if ours and theirs else None

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "bench": "dlms-session",
            "sessions": self.sessions,
            "client_cpu_ms": self.median_ms,
            "fastest_peer": self.fastest_peer,
            "ratio_to_fastest_peer": self.ratio(self.fastest_peer),
            "aim_to_fastest_peer": 3.0,
            "ratio_to_stock_gurux": self.ratio(STOCK.name),
            "aim_to_stock_gurux": 20.0,
        }


def compare(*, sessions: int, rounds: int) -> Comparison:
    """Run every client `rounds` times in turn.  Raises RuntimeError when one reads other values."""
    spent: dict[str, list[float]] = {rival.name: [] for rival in (OURS, *PEERS)}
    read: list[Any] = []
    for _ in range(rounds):
        for rival in (OURS, *PEERS):
            result = _run(rival, sessions)
            if result is None:
                continue
            read = read or result["read"]
            if result["read"] != read:
                raise RuntimeError(f"{rival.name} read {result['read']}, {OURS.name} {read}")
            # The first tenth warms up.
            spent[rival.name] += [ns / 1e6 for ns in result["spent_ns"][sessions // 10 :]]
    medians = {n: statistics.median(ms) if ms else None for n, ms in spent.items()}
    return Comparison(sessions * rounds, medians)


def _run(rival: Rival, sessions: int) -> dict[str, Any] | None:
    """What the client tells: nanoseconds of CPU for each session, and what it read in the last."""
    meter, task = _meter_and_task(sessions)
    command = rival.command(json.dumps(task))
    if command is None:
        return None
    with _process(rival, command) as client:
        return _serve(meter, client)


def _meter_and_task(sessions: int) -> tuple[Meter, dict[str, Any]]:
    clients = on_the_bench(AuthenticationMechanism.HIGH_GMAC)
    identity = Identity(seed=7, index=4)
    meter = Meter(identity, ConstantLoad.of(800, 300, 450), MeterType(phases=3, clients=clients))
    keys = identity.keys(MANAGEMENT_CLIENT)
    return meter, {
        "sessions": sessions,
        "attributes": ATTRIBUTES,
        "encryption_key": keys.encryption.hex(),
        "authentication_key": keys.authentication.hex(),
        "system_title": client_system_title(identity.seed, MANAGEMENT_CLIENT).hex(),
        "meter_title": identity.system_title.hex(),
        "invocation_counter": 1,
    }


@contextmanager
def _process(rival: Rival, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with tempfile.TemporaryFile() as said:  # some peers write a line for each message
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env=rival.environment,
            bufsize=0,
        )
        try:
            yield process
        finally:
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()
            if process.wait(30.0):
                said.seek(0)
                last = (said.read().decode(errors="replace").strip().splitlines() or ["?"])[-1]
                raise RuntimeError(f"{rival.name} ended with exit {process.returncode}: {last}")


def _serve(meter: Meter, client: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Answer what the client asks until it tells its result."""
    assert client.stdin is not None and client.stdout is not None
    while True:
        length = _LENGTH.unpack(_exactly(client, _LENGTH.size))[0]
        if length == _END:
            size = _LENGTH.unpack(_exactly(client, _LENGTH.size))[0]
            result: dict[str, Any] = json.loads(_exactly(client, size))
            return result
        asked = wrapper.encode(MANAGEMENT_CLIENT, SERVER_SAP, _exactly(client, length))
        (answer,) = meter.receive(asked, now=NOW)
        apdu = answer[wrapper.HEADER_SIZE :]
        client.stdin.write(_LENGTH.pack(len(apdu)) + apdu)


def _exactly(client: subprocess.Popen[bytes], count: int) -> bytes:
    assert client.stdout is not None
    octets = b""
    while len(octets) < count:
        more = client.stdout.read(count - len(octets))
        if not more:
            raise RuntimeError("the client ended before its task")
        octets += more
    return octets
