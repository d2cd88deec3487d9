"""One DLMS session, ours and the peers': HLS 5 association, three registers, the clock, release.

Every client is a process of its own, because a peer's licence or its needs may not fit ours; all
of them talk with the same simulated meter, which is here.  Sessions after a client's first get the
meter's answers from memory (tools/bench/clients/exchange.py), so only the client's own CPU time
counts; all must have read the same.

Clients take turns of some twenty sessions, never two at a time, and each turn begins with another
client.  A client's time is its quickest session of the turn, and it is compared with ours of the
same turn: what slows the whole machine slows both.  The median session of a turn would not do: on a
machine with more to do than processors the longer session is interrupted more often, and the same
code came out at 5.3 times in place of 3.9.
"""

from __future__ import annotations

import json
import statistics
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
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
    """CPU milliseconds of a client's quickest session in each turn; none where it could not run.

    `travelled` are a session's APDUs and their octets, both directions: sessions of the same work
    differ in little.
    """

    sessions: int
    turns_ms: dict[str, list[float]]
    travelled: dict[str, tuple[int, int]]

    @property
    def median_ms(self) -> dict[str, float | None]:
        """Of all turns, by client."""
        return {name: statistics.median(ms) if ms else None for name, ms in self.turns_ms.items()}

    @property
    def fastest_peer(self) -> str | None:
        """The fastest of the others that ran."""
        ratios = {peer.name: self.ratio(peer.name) for peer in PEERS}
        return min((n for n, times in ratios.items() if times), key=lambda n: ratios[n] or 0.0,
                   default=None)  # fmt: skip

    def _quartiles(self, peer: str | None) -> list[float] | None:
        """Of how many times as long as ours that peer took, turn by turn."""
        theirs = self.turns_ms.get(peer or "")
        if not theirs:
            return None
        ratios = [a / b for a, b in zip(theirs, self.turns_ms[OURS.name], strict=True)]
        if len(ratios) == 1:
            return ratios * 3
        return statistics.quantiles(ratios, n=4, method="inclusive")

    def ratio(self, peer: str | None) -> float | None:
        """How many times as long as ours that peer takes: the median of the turns."""
        quartiles = self._quartiles(peer)
        return quartiles[1] if quartiles else None

    def spread(self, peer: str | None) -> list[float] | None:
        """Half of the turns had a ratio between these."""
        quartiles = self._quartiles(peer)
        return [quartiles[0], quartiles[2]] if quartiles else None

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "bench": "dlms-session",
            "sessions": self.sessions * len(self.turns_ms[OURS.name]),
            "turns": len(self.turns_ms[OURS.name]),
            "client_cpu_ms": self.median_ms,
            "apdus_and_octets": self.travelled,
            "fastest_peer": self.fastest_peer,
            "ratio_to_fastest_peer": self.ratio(self.fastest_peer),
            "ratio_to_fastest_peer_quartiles": self.spread(self.fastest_peer),
            "aim_to_fastest_peer": 3.0,
            "ratio_to_stock_gurux": self.ratio(STOCK.name),
            "ratio_to_stock_gurux_quartiles": self.spread(STOCK.name),
            "aim_to_stock_gurux": 20.0,
        }


def compare(*, sessions: int, rounds: int) -> Comparison:
    """Give every client `rounds` turns.  Raises RuntimeError when one reads other values."""
    turns_ms: dict[str, list[float]] = {rival.name: [] for rival in (OURS, *PEERS)}
    with ExitStack() as stack:
        clients = [each for rival in (OURS, *PEERS) if (each := _begun(stack, rival)) is not None]
        for turn in range(rounds + 1):
            first = turn % len(clients)
            for client in (*clients[first:], *clients[:first]):
                spent_ms = client.turn(sessions)
                if client.read != clients[0].read:
                    raise RuntimeError(
                        f"{client.name} read {client.read}, {OURS.name} {clients[0].read}"
                    )
                if turn:  # the first warms up
                    turns_ms[client.name].append(min(spent_ms))
        return Comparison(sessions, turns_ms, {each.name: each.travelled for each in clients})


class _Client:
    """A client's process: once it was introduced to a meter, it waits for its turns."""

    def __init__(self, name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None
        self.name = name
        self.read: Any = None  # in its latest session
        self.travelled = 0, 0
        self._stdin, self._stdout = process.stdin, process.stdout

    def introduce(self, meter: Meter) -> None:
        """Answer what it asks in its first session."""
        apdus, octets = 0, 0
        while (length := self._number()) != _END:
            asked = wrapper.encode(MANAGEMENT_CLIENT, SERVER_SAP, self._exactly(length))
            (answer,) = meter.receive(asked, now=NOW)
            apdu = answer[wrapper.HEADER_SIZE :]
            self._stdin.write(_LENGTH.pack(len(apdu)) + apdu)
            apdus, octets = apdus + 2, octets + length + len(apdu)
        self.travelled = apdus, octets
        self.read = self._told()["read"]

    def turn(self, sessions: int) -> list[float]:
        """CPU milliseconds of each of so many sessions."""
        self._stdin.write(_LENGTH.pack(sessions))
        if self._number() != _END:
            raise RuntimeError(f"{self.name} asks for what it has not asked before")
        result = self._told()
        self.read = result["read"]
        return [ns / 1e6 for ns in result["spent_ns"]]

    def _told(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self._exactly(self._number()))
        return result

    def _number(self) -> int:
        number: int = _LENGTH.unpack(self._exactly(_LENGTH.size))[0]
        return number

    def _exactly(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            more = self._stdout.read(count - len(octets))
            if not more:
                raise RuntimeError(f"{self.name} ended before its task")
            octets += more
        return octets


def _begun(stack: ExitStack, rival: Rival) -> _Client | None:
    """The client, introduced to a meter of its own; None where it cannot be installed."""
    meter, task = _meter_and_task()
    command = rival.command(json.dumps(task))
    if command is None:
        return None
    client = _Client(rival.name, stack.enter_context(_process(rival, command)))
    client.introduce(meter)
    return client


def _meter_and_task() -> tuple[Meter, dict[str, Any]]:
    clients = on_the_bench(AuthenticationMechanism.HIGH_GMAC)
    identity = Identity(seed=7, index=4)
    meter = Meter(identity, ConstantLoad.of(800, 300, 450), MeterType(phases=3, clients=clients))
    keys = identity.keys(MANAGEMENT_CLIENT)
    return meter, {
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
            assert process.stdin is not None and process.stdout is not None
            with suppress(BrokenPipeError):  # it has ended already, and says below why
                process.stdin.write(_LENGTH.pack(0))
            process.stdin.close()
            process.stdout.close()
            if process.wait(30.0):
                said.seek(0)
                last = (said.read().decode(errors="replace").strip().splitlines() or ["?"])[-1]
                raise RuntimeError(f"{rival.name} ended with exit {process.returncode}: {last}")
