"""Firmware, push, configuration, event logs; the meter's own state is the witness."""

from __future__ import annotations

import json
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from devices.meter import image_transfer
from devices.meter.firmware import image, inspect
from devices.meter.image_transfer import BLOCK_SIZE, ImageTransfer, Status
from protocols.dlms import axdr
from protocols.dlms.values import DoubleLongUnsigned
from tests.probe.bench import Bench, Probe, acting
from tools.probe.configuration import BadFile, read_file

NEW = "ami-sim-2"


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    path = tmp_path / "fw.bin"
    path.write_bytes(image("SIM-3P", NEW))
    return path


# Firmware.


def test_firmware_is_brought_verified_and_started(
    probe: Probe, meter: Bench, firmware: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("VERIFY_S", "ACTIVATE_S", "RESTART_S"):
        monkeypatch.setattr(image_transfer, name, 0.5)
    at, env = ("--port", meter.port), meter.secrets()
    told = probe.json("firmware", "status", *at, env=env)
    assert told["status"] == "not-initiated"
    told = probe.json("firmware", "transfer", firmware, "--wait", "1s", *at, env=env)
    assert told["status"] == "verification-successful"
    assert told["blocks"] == told["blocks_sent"] == 16
    assert told["images"] == [{"identifier": "fw", "size": 4096}]
    sent = acting(probe.journal())
    assert len(sent) <= 4, "a line for each method, not for each block"
    again = probe.json("firmware", "transfer", firmware, "--resume", *at, env=env)
    assert again["blocks_sent"] == 0, "nothing was missing"
    no = probe("firmware", "activate", *at, env=env, says="n\n")
    assert no.exit_code == 1 and "start fw?" in no.stderr
    told = probe.json("firmware", "activate", "--yes", "--wait", "1s", *at, env=env)
    assert told["status"] in ("activation-initiated", "activation-successful")
    assert sum("method 4" in text for text in acting(probe.journal())) == 1


def test_an_image_for_other_hardware_is_refused(probe: Probe, meter: Bench, tmp_path: Path) -> None:
    path = tmp_path / "other.bin"
    path.write_bytes(image("OTHER", NEW))
    told = probe.json("firmware", "transfer", path, "--wait", "1s", "--port", meter.port,
                      env=meter.secrets(), code=1)  # fmt: skip
    assert not told["done"] and told["next_step"]


@pytest.mark.parametrize(
    "words",
    [("transfer", "FILE"), ("verify",)],
    ids=lambda words: words[0],
)
def test_a_dry_run_of_firmware(
    words: tuple[str, ...], probe: Probe, meter: Bench, firmware: Path
) -> None:
    given = [str(firmware) if word == "FILE" else word for word in words]
    told = probe.json("firmware", *given, "--dry-run", "--port", meter.port, env=meter.secrets())
    assert told["dry_run"] and "image transfer" in told["request"]
    status = probe.json("firmware", "status", "--port", meter.port, env=meter.secrets())
    assert status["status"] == "not-initiated" and not acting(probe.journal())


# Activation, by what image_transfer_status says before it: the methods sent (3 verifies, 4 starts),
# how it ends, and what is said.  The image is put into the meter's flash as a transfer leaves it.

GOOD, OTHER = image("SIM-3P", NEW), image("OTHER", NEW)
ACTIVATIONS: dict[str, tuple[Status, bytes, tuple[str, ...], list[int], int, str]] = {
    "no image": (Status.NOT_INITIATED, b"", ("--yes",), [], 1, "holds no image"),
    "no image, and all the same": (
        Status.NOT_INITIATED, b"", ("--yes", "--unverified"), [], 1, "firmware transfer FILE",
    ),
    "verified": (Status.VERIFICATION_SUCCESSFUL, GOOD, ("--yes",), [4], 0, "activation-"),
    "verified, dry": (Status.VERIFICATION_SUCCESSFUL, GOOD, ("--dry-run",), [], 0, "method 4"),
    "not yet verified": (Status.INITIATED, GOOD, ("--yes",), [3, 4], 0, "activation-"),
    "not yet verified, dry": (Status.INITIATED, GOOD, ("--dry-run",), [], 0, "method 3"),
    "for another meter": (
        Status.INITIATED, OTHER, ("--yes",), [3], 1, "is 4, verification-failed",
    ),
    "failed before": (
        Status.VERIFICATION_FAILED, OTHER, ("--yes",), [3], 1, "is 4, verification-failed",
    ),
    "failed, and all the same": (
        Status.VERIFICATION_FAILED, OTHER, ("--yes", "--unverified"), [3, 4], 1,
        "method 4 of the image transfer",
    ),
    "started before": (Status.ACTIVATION_SUCCESSFUL, b"", ("--yes",), [], 0, "started before"),
}  # fmt: skip


def holding(meter: Bench, status: Status, content: bytes) -> None:
    """The meter with this image in its flash."""
    transfer = meter.meter.part(ImageTransfer)
    if content:
        transfer.initiate(b"fw", len(content))
        for number in range(transfer.blocks):
            part = content[number * BLOCK_SIZE : (number + 1) * BLOCK_SIZE]
            transfer.take(number, part)
        if status is Status.VERIFICATION_SUCCESSFUL:
            transfer.verified = inspect(content)
    transfer.status = status


@pytest.mark.parametrize("case", ACTIVATIONS)
def test_nothing_is_started_that_the_meter_did_not_verify(
    case: str, probe: Probe, meter: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("VERIFY_S", "ACTIVATE_S", "RESTART_S"):
        monkeypatch.setattr(image_transfer, name, 0.1)
    status, content, words, methods, code, said = ACTIVATIONS[case]
    holding(meter, status, content)
    told = probe.json("firmware", "activate", "--wait", "0.2s", *words, "--port", meter.port,
                      env=meter.secrets(), code=code)  # fmt: skip
    assert said in json.dumps(told)
    sent = acting(probe.journal())
    assert [int(text.split(" method ")[1][0]) for text in sent] == methods
    assert told["done"] is (code == 0) and (code == 0 or told["next_step"])


def test_a_person_is_told_that_it_was_not_verified_before_being_asked(
    probe: Probe, meter: Bench
) -> None:
    holding(meter, Status.VERIFICATION_FAILED, OTHER)
    words = ("firmware", "activate", "--unverified", "--wait", "1s", "--port", meter.port)
    no = probe(*words, env=meter.secrets(), says="n\n")
    warned, asked = no.stderr.index("NOT VERIFIED"), no.stderr.index("which it did NOT verify?")
    assert no.exit_code == 1 and warned < asked
    assert "verification-failed" in no.stderr
    assert not any("method 4" in text for text in acting(probe.journal()))


# Push.


def test_a_push_setup_is_shown_set_and_asked_to_push(probe: Probe, meter: Bench) -> None:
    at, env = ("--port", meter.port), meter.secrets()
    before = probe.json("push", "show", *at, env=env)["setups"]
    assert len(before) == 3
    dry = probe.json("push", "set", "--to", "tcp://192.0.2.1", "--dry-run", *at, env=env)
    assert "attribute 3" in dry["request"]
    assert probe.json("push", "show", *at, env=env)["setups"] == before
    nowhere = probe.json("push", "now", *at, env=env, code=1)
    assert "no destination" in nowhere["why"] and not acting(probe.journal())
    told = probe.json("push", "set", "--to", "udp://192.0.2.1:4059", *at, env=env)
    assert told["setups"][0]["destination"] == "UDP 192.0.2.1:4059"
    after = probe.json("push", "show", *at, env=env)["setups"]
    assert [row["destination"] for row in after][1:] == [row["destination"] for row in before][1:]
    told = probe.json("push", "now", *at, env=env)
    assert "UDP 192.0.2.1:4059" in told["notes"][0]


@pytest.mark.parametrize("to, why", [("/dev/ttyUSB0", "not to a port"), ("x", "names no line")])
def test_a_destination_that_is_none(to: str, why: str, probe: Probe, meter: Bench) -> None:
    result = probe("push", "set", "--to", to, "--port", meter.port, env=meter.secrets())
    assert result.exit_code == 2 and why in result.stderr


# Configuration.


def changed(path: Path, watts: int) -> None:
    """The limit in the file, as somebody edits it."""
    octets = axdr.encode(DoubleLongUnsigned(watts)).hex().upper()
    if path.suffix == ".json":
        told = json.loads(path.read_text())
        for each in told["setting"]:
            if (each["class"], each["attribute"]) == (71, 4):
                each["octets"] = octets
        path.write_text(json.dumps(told))
        return
    parts = path.read_text().split("[[setting]]")
    for at, part in enumerate(parts):
        if "class = 71\n" in part and "attribute = 4\n" in part:
            lines = [x for x in part.splitlines() if not x.startswith("octets")]
            parts[at] = "\n".join([*lines, f'octets = "{octets}"', "", ""])
    path.write_text("[[setting]]".join(parts))


@pytest.mark.parametrize("ending", ["toml", "json"])
def test_a_configuration_goes_round(
    ending: str, probe: Probe, meter: Bench, tmp_path: Path
) -> None:
    at, env, path = ("--port", meter.port), meter.secrets(), tmp_path / f"meter.{ending}"
    told = probe.json("config", "export", path, *at, env=env)
    assert str(path) in told["notes"][0]
    same = probe.json("config", "apply", path, "--yes", *at, env=env)
    assert same["notes"] == ["the meter has all of it already"]
    changed(path, 4400)
    dry = probe.json("config", "apply", path, "--dry-run", *at, env=env)
    assert "attribute 4 := 4400" in dry["request"]
    no = probe("config", "apply", path, *at, env=env, says="n\n")
    assert no.exit_code == 1 and "+ 4400" in no.stderr and "- 4294967295" in no.stderr
    assert meter.meter.limiter.threshold_normal == 0xFFFFFFFF
    told = probe.json("config", "apply", path, "--yes", *at, env=env)
    assert [row["result"] for row in told["changes"]] == ["written and read back"]
    assert meter.meter.limiter.threshold_normal == 4400


def test_what_is_exported_is_what_this_client_may_set(
    probe: Probe, meter: Bench, tmp_path: Path
) -> None:
    path = tmp_path / "meter.toml"
    probe.json("config", "export", path, "--port", meter.port, env=meter.secrets())
    told: dict[str, Any] = tomllib.loads(path.read_text())
    places = {(each["class"], each["object"], each["attribute"]) for each in told["setting"]}
    assert (71, "0.0.17.0.0.255", 4) in places and (40, "0.0.25.9.0.255", 3) in places
    assert (8, "0.0.1.0.0.255", 2) not in places, "the time is no configuration"


BAD = {
    "": "holds no settings",
    "setting = 5": "holds no settings",
    "[[setting]]\nclass = 71\nobject = '0.0.17.0.0.255'\nattribute = 4": "has no 'octets'",
    "[[setting]]\nclass=71\nobject='x'\nattribute=4\noctets=''": "setting 1: not a logical name",
    "[[setting]]\nclass=1\nobject='0.0.1.0.0.255'\nattribute=4\noctets='zz'": "non-hexadecimal",
    "[[setting]]\nclass=1\nobject='0.0.1.0.0.255'\nattribute=4\noctets='06'": "setting 1: ",
    "{": "Invalid",
}


@pytest.mark.parametrize("text", BAD)
def test_a_file_that_is_no_configuration(text: str, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(BadFile) as told:
        read_file(path)
    assert BAD[text] in str(told.value) and str(path) in str(told.value)


# Events.


def test_events_of_every_log_with_their_codes_in_words(probe: Probe, meter: Bench) -> None:
    at, env = ("--port", meter.port), meter.secrets()
    for verb in ("disconnect", "reconnect"):
        probe.json(verb, "--yes", *at, env=env)
    told = probe.json("events", *at, env=env)
    found = [(row["code"], row["event"]) for row in told["events"]]
    assert [(62, "disconnected remotely"), (63, "connected remotely")] == [
        each for each in found if each[0] in (62, 63)
    ]
    times = [datetime.fromisoformat(row["time"]) for row in told["events"]]
    assert times == sorted(times)
    one = probe.json("events", "0.0.99.98.2", "--last", "1h", "--lang", "es", *at, env=env)
    assert [row["event"] for row in one["events"]][-2:] == ["corte remoto", "reconexión remota"]
    none = probe("events", "0.0.99.98.77", *at, env=env)
    assert none.exit_code == 2 and "lists no object" in none.stderr
