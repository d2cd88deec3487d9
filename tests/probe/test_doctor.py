"""The doctor: what it finds, that each finding says what to do, and how seldom it logs in."""

from __future__ import annotations

import re
import string
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devices.gateway.lines import Framing
from protocols.dlms.codes import AuthenticationMechanism
from tests.probe.bench import (
    NOBODY,
    Bench,
    Probe,
    Watched,
    a_meter,
    bench,
    between,
    pty,
    tcp,
)
from tests.probe.test_breakage import a_deaf_port
from tools.probe.doctor import findings, parity, ways

WRONG = {"AMI_PROBE_KEY": "00" * 16, "AMI_PROBE_AUTH_KEY": "11" * 16, "AMI_PROBE_PASSWORD": "no"}
PUBLIC = 16


def examine(probe: Probe, port: str, *words: object, env: Any = None, code: int = 0) -> set[str]:
    told = probe.json("doctor", "--port", port, *words, env=env, code=code)
    return {row["code"] for row in told["findings"]}


@pytest.fixture
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speeds and addresses are tried with less patience."""
    monkeypatch.setattr(ways, "SCAN_TIMEOUT_S", 0.2)
    monkeypatch.setattr(ways, "PATIENCE_S", 1.0)
    monkeypatch.setattr(ways, "BAUD_RATES", (9600, 2400))


HEALTHY = {
    "line-open",
    "framing",
    "public",
    "meter",
    "clock-good",
    "login",
    "profile-good",
    "logins",
}


def test_a_healthy_meter(probe: Probe, meter: Bench) -> None:
    env = {**meter.secrets(), **meter.password()}
    assert examine(probe, meter.port, env=env) == HEALTHY | {"counter-new", "clients"}
    assert examine(probe, meter.port, env=env) == HEALTHY | {"counter-good", "clients"}


def test_an_optical_probe_that_echoes(probe: Probe, tmp_path: Path) -> None:
    with bench(pty(tmp_path / "probe", echo=True)) as shown:
        found = examine(probe, shown.port, env=shown.password())
    assert found >= HEALTHY | {"echo", "mode-e"}


# Logins.


class Locking(Watched):
    """Locks after three refused logins, as meters do, whoever asks."""

    wrong = 0

    def take(self, apdu: bytes, *rest: Any, **ends: Any) -> Any:
        if self.wrong >= 3 and apdu[:1] == b"\x60" and ends["client"] != PUBLIC:
            return []
        answers = super().take(apdu, *rest, **ends)
        # AARE with a result other than accepted; ciphered ones with a wrong key get no AARE at all.
        let_in = any(b"\xa2\x03\x02\x01\x00" in each for each in answers)
        if apdu[:1] == b"\x60" and not let_in:
            self.wrong += 1
        return answers


@pytest.mark.parametrize("times", [1, 2])
def test_wrong_credentials_cost_two_logins_at_most(times: int, probe: Probe) -> None:
    device = a_meter(kind=Locking)
    with bench(tcp(), meter=device) as shown:
        found = examine(probe, shown.port, env=WRONG, code=1)
        assert {"login-wrong", "logins"} <= found
        logins = Counter({c: n for c, n in shown.logins.items() if c != PUBLIC})
        assert logins == {1: 1, 2: 1}, "one for each client that there are credentials of"
        assert device.wrong <= 2, "one more is left to the technician"


@pytest.mark.parametrize("mechanism", list(AuthenticationMechanism)[:2])
@pytest.mark.parametrize("env", [{}, WRONG], ids=["nothing known", "wrong"])
def test_it_never_logs_in_more_often(
    env: dict[str, str], mechanism: AuthenticationMechanism, probe: Probe
) -> None:
    with bench(tcp(), meter=a_meter(mechanism)) as shown:
        probe("doctor", "--port", shown.port, "--timeout", "2s", env=env)
        assert sum(n for client, n in shown.logins.items() if client != PUBLIC) <= (2 if env else 0)


def test_one_role_is_one_login(probe: Probe, meter: Bench) -> None:
    env = {**meter.secrets(), **meter.password()}
    found = examine(probe, meter.port, "--role", "management", env=env)
    assert "login" in found and meter.logins[1] == 1 and meter.logins[2] == 0


def test_without_credentials_nobody_logs_in(probe: Probe, meter: Bench) -> None:
    assert "no-credentials" in examine(probe, meter.port)
    assert set(meter.logins) == {PUBLIC}


def test_another_client_under_our_key_is_noticed(
    probe: Probe, meter: Bench, tmp_path: Path
) -> None:
    env = meter.secrets()
    examine(probe, meter.port, env=env)
    other = Probe(tmp_path / "other")
    for _ in range(2):
        other.json("limit", "--role", "management", "--port", meter.port, env=env)
    assert "counter-behind" in examine(probe, meter.port, env=env)


# The line.


def test_another_speed_is_found(probe: Probe, tmp_path: Path, in_haste: None) -> None:
    with bench(pty(tmp_path / "probe", Framing.HDLC, baud=2400)) as shown:
        found = examine(probe, shown.port, "--framing", "hdlc", env=shown.password())
    assert {"speed-differs", "clients-linked", "login"} <= found


def test_an_address_is_found(probe: Probe, in_haste: None) -> None:
    """Only frames to physical device 17 in two octets reach the meter."""
    with bench(tcp(Framing.HDLC)) as shown:
        only = re.compile(rb"\x7e\xa0.\x02\x23", re.DOTALL)
        with between(
            shown.port, heard=lambda octets: octets if only.match(octets) else b""
        ) as port:
            told = probe.json("doctor", "--port", port, "--framing", "hdlc", env=shown.password())
    found = {row["code"]: row for row in told["findings"]}
    assert found["address-found"]["next"].startswith("use --physical 17")
    assert "login" in found and shown.logins[2] == 1


SILENT = {b"": "silence", b"\xff\x00": "noise"}


@pytest.mark.parametrize("answer", SILENT, ids=SILENT.values())
def test_nobody_there(answer: bytes, probe: Probe, in_haste: None) -> None:
    with a_deaf_port(answer) as port:
        found = examine(probe, port, "--framing", "hdlc", code=1)
    assert {SILENT[answer], "address-none"} <= found


def test_a_probe_that_hears_itself_alone(probe: Probe, in_haste: None) -> None:
    with a_deaf_port(None) as port:
        assert "echo-only" in examine(probe, port, "--framing", "hdlc", code=1)


JUDGED = {
    parity.with_even_parity(b"/SIM5 4711\r\n"): "even",
    bytes(octet ^ 0x80 for octet in parity.with_even_parity(b"/SIM5 4711\r\n")): "odd",
    b"/SIM5 4711\r\n": "none",
    b"\x81\x80\xff\x00\x12\x13": "mixed",
    b"/SI": "",
}


@pytest.mark.parametrize("octets", JUDGED, ids=JUDGED.values())
def test_parity_is_judged_by_the_octets(octets: bytes) -> None:
    assert parity.judged(octets) == JUDGED[octets]


def test_a_meter_that_answers_with_odd_parity(
    probe: Probe, in_haste: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parity, "LISTENED_S", 0.5)
    with a_deaf_port(b"\x83\x80") as port:  # noise to every framing, odd and odd again
        told = probe.json("doctor", "--port", port, "--framing", "mode-e", code=1)
    (row,) = (row for row in told["findings"] if row["code"] == "parity")
    assert "parity odd" in row["found"]


def test_nothing_to_open(probe: Probe) -> None:
    assert examine(probe, NOBODY, code=1) == {"line-unavailable"}


# The meter.


def test_a_clock_that_is_off(probe: Probe, meter: Bench) -> None:
    shown = probe.json("clock", "--port", meter.port, env=meter.secrets())["time"]
    wrong = datetime.fromisoformat(shown.replace(" +", "+")) + timedelta(minutes=8)
    probe.json("clock", "--set", wrong.isoformat(), "--port", meter.port, env=meter.secrets())
    told = probe.json("doctor", "--port", meter.port, code=1)
    (row,) = (row for row in told["findings"] if row["code"] == "clock-drift")
    assert row["next"] == "ami probe clock --sync" and row["level"] == "bad"


# The sentences.


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("code", findings.TEXTS)
def test_both_languages_say_the_same(code: str) -> None:
    english, spanish = findings.TEXTS[code]
    assert fields("".join(english)) == fields("".join(spanish))
    assert bool(english[1]) == bool(spanish[1])
    assert english[0] != spanish[0] or english[0].startswith("{")


def test_in_spanish(probe: Probe, meter: Bench) -> None:
    result = probe("doctor", "--lang", "es", "--port", meter.port)
    assert "el cliente público (16) puede entrar" in result.stdout
    assert "pruebe: defina AMI_PROBE_PASSWORD" in result.stdout
    by_locale = probe("doctor", "--port", meter.port, env={"LC_ALL": "es_CL.UTF-8"})
    assert by_locale.stdout == result.stdout
