"""A third party's client at our server, in every kind of security that both know.

The rows are mechanisms, suites and kinds of protection; pydlms-client runs as a process of its own.
"""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from protocols import wrapper
from protocols.dlms.codes import AuthenticationMechanism, Conformance
from protocols.dlms.server import ServerConnection
from protocols.dlms.settings import CONFORMANCE
from protocols.dlms.suite import SecuritySuite
from protocols.dlms.values import DoubleLongUnsigned
from tests.dlms.pair import CLIENT_TITLE, ENERGY, SERVER_TITLE, Objects, said, told
from tests.dlms_engines.test_peer import peer  # noqa: F401
from tests.dlms_security.parties import keys, server

PROGRAM = Path(__file__).with_name("pydlms_secured.py")
STEP_TIMEOUT_S = 30.0  # ends a step that hangs; none comes near it
M = AuthenticationMechanism
HLS = [M.HIGH_MD5, M.HIGH_SHA1, M.HIGH_GMAC, M.HIGH_SHA256, M.HIGH_ECDSA]
ONE_PASS, STATIC = ["agreed", 1], ["agreed", 2]
pytestmark = pytest.mark.xdist_group("peer")

Case = dict[str, Any]


def cases() -> dict[str, Case]:
    found: dict[str, Case] = {}

    def add(name: str, suite: int, **changes: Any) -> None:
        found[f"suite {suite}, {name}"] = {
            "suite": suite, "mechanism": int(M.HIGH_GMAC), "protection": "glo", "kind": None,
            "dedicated": False, "aad": "with-header", **changes,
        }  # fmt: skip

    for suite, mechanism in product((0, 1, 2), HLS):
        if suite or mechanism is not M.HIGH_ECDSA:
            add(mechanism.name, suite, mechanism=int(mechanism))
    for suite in (0, 1, 2):
        add("dedicated key", suite, dedicated=True)
        add("general-glo", suite, protection="general-glo")
        kinds: list[Any] = [["none", 1], ["identified", 1], ["wrapped", 1]]
        for kind in kinds + ([ONE_PASS, STATIC] if suite else []):
            for aad in ("sc-ak", "with-header"):
                name = f"general-ciphering, {kind[0]} {kind[1]}, {aad}"
                add(name, suite, protection="general-ciphering", kind=kind, aad=aad)
        if suite:
            add("signed", suite, protection="glo+signing", mechanism=int(M.HIGH_ECDSA))
            add("both", suite, protection="general-ciphering+signing", kind=ONE_PASS)
    return found


CASES = cases()


class Meter(threading.Thread):
    """Serves one connection after another, each with the security that the test has set."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.door = socket.create_server(("127.0.0.1", 0))
        self.case: Case = {}
        self.connection: ServerConnection | None = None

    @property
    def port(self) -> int:
        port: int = self.door.getsockname()[1]
        return port

    def run(self) -> None:
        while True:
            try:
                line, _ = self.door.accept()
            except OSError:
                return  # closed by the test
            with line:
                self.serve(line)

    def serve(self, line: socket.socket) -> None:
        case, objects, decoder = self.case, Objects(), wrapper.Decoder()
        objects.attributes = {ENERGY: DoubleLongUnsigned(1517)}
        settings = server(
            SecuritySuite(case["suite"]),
            M(case["mechanism"]),
            signed="signing" in case["protection"],
            header_authenticated=case["aad"] == "with-header",
            conformance=CONFORMANCE | Conformance.GENERAL_PROTECTION,
        )
        connection = self.connection = ServerConnection(settings)
        while octets := line.recv(65536):
            for frame in decoder.feed(octets):
                connection.receive_data(frame.apdu, now=0.0)
                answers = list(said(connection))
                for event in told(connection):
                    answer = objects.answer(event)
                    if answer is not None:
                        answers.append(connection.send(answer, now=0.0))
                for apdu in answers:
                    line.sendall(wrapper.encode(frame.destination, frame.source, apdu))


@pytest.fixture(scope="module")
def both(peer):  # noqa: F811
    """The peer's process, and the meter that it talks to."""
    meter = Meter()
    meter.start()
    program = subprocess.Popen(
        [str(peer / "python"), str(PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with meter.door, program:
        yield program, meter
        program.stdin.close()
        program.wait(STEP_TIMEOUT_S)


def scalars(suite: int) -> dict[str, str]:
    """The peer wants numbers where we have keys."""
    from tests.dlms_security.parties import private

    if not suite:
        return {}
    names = ("client signs", "client agrees", "server signs", "server agrees")
    numbers = {name: private(suite, name).private_numbers().private_value for name in names}
    return {name.replace(" ", "_"): f"{number:x}" for name, number in numbers.items()}


def ask(both: Any, case: Case, **changes: str) -> dict[str, Any]:
    program, meter = both
    meter.case, shared = case, keys(case["suite"])
    octets = {
        "encryption": shared.encryption.hex(),
        "authentication": shared.authentication.hex(),
        "master": (shared.master or b"").hex(),
        "client_title": CLIENT_TITLE.hex(),
        "server_title": SERVER_TITLE.hex(),
        "secret": b"a secret of both".hex(),
        **changes,
    }
    asked = {
        **case, "octets": octets, "scalars": scalars(case["suite"]), "port": meter.port,
        "counter": 100,
    }  # fmt: skip
    program.stdin.write(json.dumps(asked) + "\n")
    program.stdin.flush()
    answer: dict[str, Any] = json.loads(program.stdout.readline())
    return answer


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_peer_reads_our_server(both, case: Case) -> None:
    assert ask(both, case) == {"value": 1517}


@pytest.mark.parametrize("name", ["suite 0, HIGH_SHA256", "suite 2, HIGH_MD5"])
def test_the_peer_with_a_wrong_secret_reads_nothing(both, name: str) -> None:
    assert "error" in ask(both, CASES[name], secret=b"another secret".hex())


@pytest.mark.parametrize("name", ["suite 1, HIGH_GMAC", "suite 2, HIGH_ECDSA"])
def test_the_peer_with_a_wrong_key_reads_nothing(both, name: str) -> None:
    wrong = bytes(len(keys(CASES[name]["suite"]).encryption)).hex()
    assert "error" in ask(both, CASES[name], encryption=wrong)
