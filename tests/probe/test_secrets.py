"""Where keys come from, where they must never show, and counters that are used once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from devices.meter.identity import Identity
from headend.store.kit.counters import FileCounters
from protocols.dlms.keys import Keys
from tests.probe.bench import Bench, Probe, bench, tcp, values

WRONG = {"AMI_PROBE_KEY": "00" * 16, "AMI_PROBE_AUTH_KEY": "11" * 16}


def read(probe: Probe, meter: Bench, *words: object, env: dict[str, str] | None = None):  # type: ignore[no-untyped-def]
    return probe("read", "1.7.0", "--port", meter.port, *words, env=env)


def test_a_file_of_keys_for_every_client(probe: Probe, meter: Bench, tmp_path: Path) -> None:
    """As `ami meter listen --json` prints it."""
    keys, title = meter.meter.identity.keys(1), meter.meter.identity.system_title
    clients = [
        {"sap": 2, "password": meter.meter.identity.password(2).decode()},
        {"sap": 1, "encryption_key": keys.encryption.hex(),
         "authentication_key": keys.authentication.hex()},
    ]  # fmt: skip
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"clients": clients, "system_title": title.hex()}))
    path.chmod(0o600)
    told = probe.json("read", "1.7.0", "--port", meter.port, "--key-file", path)
    assert list(values(told).values()) == [2000] and meter.logins[2] == 1
    probe.json("limit", "--set", "5kW", "--port", meter.port, "--key-file", path)
    assert meter.logins[1] == 1
    path.write_text(json.dumps({"clients": clients, "system_title": "00" * 8}))
    other = probe("limit", "--remove", "--timeout", "1s", "--port", meter.port, "--key-file", path)
    assert other.exit_code == 1, "another meter than the keys are of"


def test_a_file_that_others_can_read_is_told(probe: Probe, meter: Bench, tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(f'password = "{meter.meter.identity.password(2).decode()}"\n')
    path.chmod(0o644)
    result = read(probe, meter, "--key-file", path)
    assert result.exit_code == 0 and "chmod 600" in result.stderr
    path.chmod(0o600)
    assert "chmod" not in read(probe, meter, "--key-file", path).stderr


def test_options_are_taken_and_warned_of(probe: Probe, meter: Bench) -> None:
    password = meter.meter.identity.password(2).decode()
    result = read(probe, meter, "--password", password)
    assert result.exit_code == 0 and "seen by others here" in result.stderr
    assert password not in result.output and password.encode() not in probe.everything()


def test_no_secret_shows_anywhere(probe: Probe, meter: Bench) -> None:
    env = {**meter.secrets(), **meter.password()}
    for words in (("limit", "--set", "4kW"), ("read", "1.7.0"), ("clock",)):
        result = probe(*words, "--trace", "--port", meter.port, env=env)
        assert result.exit_code == 0
        for secret in env.values():
            shown = (secret.lower(), " ".join(secret[i : i + 2] for i in range(0, 32, 2)).lower())
            assert not any(each in result.output.lower() for each in shown)
            assert secret.encode().hex(" ") not in result.output.lower(), "a password in a frame"
            assert secret.encode() not in probe.everything()
            assert bytes.fromhex(secret) not in probe.everything()


def test_a_wrong_key_is_tried_once_and_told(probe: Probe, meter: Bench) -> None:
    told = probe.json("limit", "--port", meter.port, "--role", "management", env=WRONG, code=1)
    assert told["reason"] == "wrong-key-or-counter" and "lock" in told["next_step"]
    assert meter.logins[1] == 1


def test_a_wrong_password(probe: Probe, meter: Bench) -> None:
    told = probe.json("read", "1.7.0", "--port", meter.port,
                      env={"AMI_PROBE_PASSWORD": "guess"}, code=1)  # fmt: skip
    assert told["reason"] == "wrong-key-or-counter" and meter.logins[2] == 1


BAD = {
    ("--key", "xyz"): "is not written in hexadecimal digits",
    ("--key", "00", "--auth-key", "00", "--role", "management"): "a key has 16 octets",
    ("--key-file", "/nowhere"): "cannot be read",
    ("--role", "king"): "is no role of generic. Known: firmware, management",
    ("--timeout", "soon"): "is no duration",
}


@pytest.mark.parametrize("words", BAD, ids=" ".join)
def test_what_is_no_secret(words: tuple[str, ...], probe: Probe, meter: Bench) -> None:
    result = read(probe, meter, *words)
    assert result.exit_code == 2 and BAD[words] in result.stderr, result.output
    assert not meter.logins


def test_what_is_missing_is_named(probe: Probe, meter: Bench) -> None:
    told = probe.json("limit", "--set", "1kW", "--port", meter.port, code=1)
    assert told["reason"] == "key-not-known" and "AMI_PROBE_KEY" in told["next_step"]
    assert not meter.logins


# Counters.


async def test_a_counter_is_used_once_whatever_the_meter_is_called(
    tmp_path: Path, probe: Probe
) -> None:
    keys = Keys(b"k" * 16, b"a" * 16)
    first = FileCounters.under(tmp_path, keys)
    await first.load()
    await first.reserve(300)
    first.release()
    again = FileCounters.under(tmp_path, Keys(b"k" * 16, b"b" * 16))
    assert await again.load() == (300, 0), "the nonce repeats under the encryption key"
    again.release()
    other = FileCounters.under(tmp_path, Keys(b"K" * 16, b"a" * 16))
    assert await other.load() == (None, 0)
    other.release()
    names = [path.name for path in (tmp_path / "counters").iterdir()]
    assert not any((b"k" * 16).hex() in name for name in names)


def test_counters_only_grow_from_one_command_to_the_next(probe: Probe, meter: Bench) -> None:
    seen = []
    for _ in range(3):
        probe.json("limit", "--port", meter.port, "--role", "management", env=meter.secrets())
        seen.append(meter.meter.counters(1)[1])
    assert seen == sorted(set(seen)) and seen[-1] < 100
    (path,) = (probe.home / "counters").glob("*.json")
    assert json.loads(path.read_text())["next"] > seen[-1] - 1
    assert meter.logins == {16: 1, 1: 3}, "the meter was asked for its counter once"


def test_a_meter_that_lost_its_memory_is_trusted_again_when_told_so(probe: Probe) -> None:
    words = ("limit", "--role", "management", "--timeout", "1s")
    with bench(tcp()) as shown:
        for _ in range(3):
            probe.json(*words, "--port", shown.port, env=shown.secrets())
    (path,) = (probe.home / "counters").glob("*.json")
    ours = json.loads(path.read_text())["next"]
    with bench(tcp()) as anew:  # the same meter, whose counters begin anew
        told = probe.json(*words, "--port", anew.port, env=anew.secrets(), code=1)
        assert "--meter-was-reset" in told["next_step"]
        assert told["why"].startswith("the meter's invocation counters went back")
        assert re.search(r"invocation counter \d+, not \d+ or more", told["why"]), told["why"]
        assert anew.logins == {1: 1}, "told within one login"
        probe.json(*words, "--meter-was-reset", "--port", anew.port, env=anew.secrets())
        assert anew.meter.counters(1)[1] >= ours, "our own went on: no nonce repeats"
        probe.json(*words, "--port", anew.port, env=anew.secrets())


class Default(Identity):
    """A meter that left the works with the keys of all of them."""

    def keys(self, client_sap: int, **more: Any) -> Keys:
        return Identity(self.seed, 0).keys(client_sap, **more)


def test_meters_under_one_key_count_by_themselves(probe: Probe) -> None:
    words = ("limit", "--role", "management", "--timeout", "1s")
    with bench(tcp()) as one, bench(tcp()) as other:
        one.meter.identity, other.meter.identity = Default(11, 4), Default(11, 5)
        assert one.secrets() == other.secrets()
        for _ in range(3):
            probe.json(*words, "--port", one.port, env=one.secrets())
        probe.json(*words, "--port", other.port, env=other.secrets())
        probe.json(*words, "--port", one.port, env=one.secrets())
        (path,) = (probe.home / "counters").glob("*.json")
        peers = json.loads(path.read_text())["peers"]
        titles = [each.meter.identity.system_title.hex() for each in (one, other)]
        assert sorted(peers) == sorted(titles) and peers[titles[0]] > peers[titles[1]] > 0
        ours = [each.meter.counters(1)[1] for each in (one, other)]
        assert ours[0] > ours[1], "ours are one sequence: the nonce is our title and a counter"


async def test_what_was_written_before_titles_were_goes_for_every_meter(tmp_path: Path) -> None:
    counters = FileCounters.under(tmp_path, Keys(b"k" * 16, b"a" * 16))
    await counters.settle(7, 0)
    (path,) = (tmp_path / "counters").glob("*.json")
    path.write_text('{"next": 40, "peer_lowest": 900}')
    assert await counters.load() == (40, 900) and counters.heard_of() == {}
    counters.heard(b"AMI00001", 950)
    counters.heard(b"AMI00001", 930)
    counters.release()
    assert counters.heard_of() == {b"AMI00001": 950}
    trusting = FileCounters.under(tmp_path, Keys(b"k" * 16, b"a" * 16), trusting=True)
    assert await trusting.load() == (40, 0) and trusting.heard_of() == {}
    trusting.heard(b"AMI00002", 12)
    await trusting.settle(60, 0)
    assert await counters.load() == (60, 900)
    assert counters.heard_of() == {b"AMI00001": 950, b"AMI00002": 12}
    counters.release()


def test_every_probe_has_a_title_of_its_own(tmp_path: Path, meter: Bench) -> None:
    titles = set()
    for name in ("one", "two"):
        probe = Probe(tmp_path / name)
        probe.json("limit", "--port", meter.port, "--role", "management", env=meter.secrets())
        titles.add((tmp_path / name / "system-title").read_text())
    assert len(titles) == 2
