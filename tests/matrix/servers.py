"""The servers of the matrix, each a process of its own.

Our meters come by `ami meter listen`, one for each way in and each side of the framings; those of
pydlms-client by its simulator, one for each session.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cryptography.hazmat.primitives.asymmetric import ec

from tests.matrix import asked
from tests.matrix.asked import LOAD, SEED, Questions

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).with_name("programs")
LOCAL = "127.0.0.1"
END_TIMEOUT_S = 30.0  # ends one that hangs; none comes near it


@dataclass(frozen=True, slots=True, eq=False)
class Server:
    """Whose meter, and by what framing."""

    name: str
    product: str
    framing: str
    questions: Questions


OURS_WRAPPER = Server("ours, wrapper", "ours", "wrapper", asked.OURS)
OURS_HDLC = Server("ours, HDLC", "ours", "hdlc", asked.OURS)
OURS_MODE_E = Server("ours, mode E", "ours", "mode-e", asked.OURS)
PYDLMS_WRAPPER = Server("pydlms-client's, wrapper", "pydlms", "wrapper", asked.PYDLMS)
PYDLMS_HDLC = Server("pydlms-client's, HDLC", "pydlms", "hdlc", asked.PYDLMS)
SERVERS = (OURS_WRAPPER, OURS_HDLC, OURS_MODE_E, PYDLMS_WRAPPER, PYDLMS_HDLC)

AUTHS = {
    "none": "none",
    "low": "LLS",
    "gmac": "HLS GMAC, suite 0",
    "ecdsa": "HLS ECDSA, suite 1",
}

Way = dict[str, Any]
"""Where a server is and how to get in, as a task has it."""


@contextmanager
def our_meters(folder: Path) -> Iterator[dict[tuple[str, str], Way]]:
    """By framing and authentication."""
    with ExitStack() as stack:
        started = []
        for auth in AUTHS:
            pty = folder / f"probe-{auth}"
            for more in (["--pty", str(pty)], ["--framing", "hdlc"]):
                command = [sys.executable, "-m", "tools", "meter", "listen", "--tcp", f"{LOCAL}:0"]
                command += ["--seed", str(SEED), "--load", LOAD, "--auth", auth, "--json", *more]
                started.append((auth, stack.enter_context(_running(command))))
        ways = {}
        for number, (auth, process) in enumerate(started):
            meter = json.loads(_read_from(process).readline())
            for line in meter["lines"]:
                way = meter | {"auth": auth, "meter": f"ours {number}"} | line
                ways[line["framing"], auth] = way
        yield ways


@contextmanager
def pydlms_meters(python: Path, wanted: list[tuple[str, str]]) -> Iterator[list[Way]]:
    """One for each framing and authentication that is wanted."""
    ways: list[Way] = [_pydlms_way(framing, auth) for framing, auth in wanted]
    command = [str(python), str(PROGRAMS / "pydlms_meters.py")]
    with _running(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(ways) + "\n")
        process.stdin.flush()
        ports = json.loads(_read_from(process).readline())
        yield [
            way | {"port": port, "meter": f"pydlms {port}"}
            for way, port in zip(ways, ports, strict=True)
        ]


# TEST KEYS: they protect nothing.
CLIENT_SCALAR, METER_SCALAR = 0x1234567, 0x89ABCDE
TITLES = {"client_system_title": b"AMI00001".hex(), "system_title": b"PYD\0\0\0\0\1".hex()}


def _pydlms_way(framing: str, auth: str) -> Way:
    way: Way = {"host": LOCAL, "framing": framing, "auth": auth, "server": 1}
    if auth == "none":
        return way | {"client": 16} | TITLES
    if auth == "low":
        return way | {"client": 17, "password": "12345678"} | TITLES
    meter = ec.derive_private_key(METER_SCALAR, ec.SECP256R1()).public_key().public_numbers()
    signing = {
        "client_signing_key": f"{CLIENT_SCALAR:064X}",
        "meter_signing_key": f"{METER_SCALAR:064X}",
        "meter_signing_public_key": f"{meter.x:064X}{meter.y:064X}",
    }
    return {
        **way,
        **TITLES,
        "client": 1,
        "encryption_key": bytes(range(16)).hex(),
        "authentication_key": bytes(range(0xD0, 0xE0)).hex(),
        "invocation_counter": "0.0.43.1.0.255",
        **(signing if auth == "ecdsa" else {}),
    }


@contextmanager
def _running(command: list[str], stdin: int | None = None) -> Iterator[subprocess.Popen[str]]:
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(
        command, stdin=stdin, stdout=pipe, stderr=nowhere, text=True, cwd=ROOT
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            if process.stdin is not None:
                process.stdin.close()
            process.wait(END_TIMEOUT_S)


def _read_from(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout
