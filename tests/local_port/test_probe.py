"""A technician's probe at the concentrator itself, over TCP: the same commands as at a meter."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from devices.concentrator.local_lists import EVENT_NUMBERS
from tests.local_port.street import NAME, Street
from tests.probe.bench import Probe, values

HOUR_S = 3600.0
CLOSE_S = 60.0  # of a clock that is an hour off, read while the machine is busy


def test_who_it_is_needs_no_key(probe: Probe, at_home: Street) -> None:
    told = probe.json("identify", *at_home.way)
    assert told["serial_number"] == NAME and told["logical_device_name"] == f"SIM{NAME}"
    assert told["meter_type"] == "concentrator" and told["manufacturer"] == "SIM"
    assert told["firmware"] == at_home.at(lambda device, _: device.firmware)
    assert told["client"] == 16 and told["mechanism"] == "none"
    assert told["time"] is None  # which is not for everybody


def test_the_clock_that_is_read_is_its_own(probe: Probe, at_home: Street) -> None:
    at_home.at(lambda device, _: device.clock.step(HOUR_S))
    told = probe.json("clock", *at_home.way, env=at_home.keys)
    assert abs(told["drift_s"] - HOUR_S) < CLOSE_S


def test_setting_the_clock_needs_the_key_and_is_written_down(probe: Probe, at_home: Street) -> None:
    at_home.at(lambda device, _: device.clock.step(HOUR_S))
    refused = probe("clock", "--sync", *at_home.way, env=at_home.wrong_keys)
    assert refused.exit_code == 1
    assert at_home.at(lambda device, now: device.clock.error_s(now)) == pytest.approx(HOUR_S)
    done = probe.json("clock", "--sync", *at_home.way, env=at_home.keys)
    assert done["how"] == "setting" and abs(done["drift_after_s"]) < CLOSE_S
    assert abs(at_home.at(lambda device, now: device.clock.error_s(now))) < CLOSE_S
    *_, line = at_home.at(lambda device, _: list(device.flash.events))
    assert line.code == "clock-shifted" and "client 1 at the local port" in line.text


def test_the_events_that_are_read_are_those_of_its_log(probe: Probe, at_home: Street) -> None:
    at_home.at(lambda device, _: device.shift_clock(-5.0, "somebody"))
    at_home.at(lambda device, _: device.reboot("a person pulled the plug", boot_s=0.0))
    at_home.at(lambda device, _: None)  # the world goes on, and it has booted
    log = at_home.at(lambda device, _: list(device.flash.events))
    assert [line.code for line in log] == ["clock-shifted", "restarted"]
    told = probe.json("events", "event-log", *at_home.way, env=at_home.keys)
    assert [(row["code"], row["more"].partition(": ")[2]) for row in told["events"]] == [
        (EVENT_NUMBERS[line.code], line.text) for line in log
    ]
    assert [datetime.fromisoformat(row["time"]).timestamp() for row in told["events"]] == [
        pytest.approx(line.at.timestamp(), abs=0.011) for line in log
    ]
    faults = probe.json("events", "fault-log", *at_home.way, env=at_home.keys)
    assert any("a person pulled the plug" in row["more"] for row in faults["events"])


def test_a_wrong_key_opens_nothing(probe: Probe, at_home: Street) -> None:
    told = probe.json("clock", *at_home.way, env=at_home.wrong_keys, code=1)
    assert told["reason"] == "wrong-key-or-counter"


def test_everybody_sees_identification_only(probe: Probe, at_home: Street) -> None:
    public = probe.json("objects", "--role", "public", *at_home.way)
    assert {row["obis"] for row in public["objects"]} == {
        "0.0.42.0.0.255",
        "0.0.96.1.0.255",
        "0.0.96.1.1.255",
        "0.0.0.2.0.255",
        "0.0.41.0.0.255",
        "0.0.40.0.0.255",
        "0.0.43.1.0.255",
    }
    managed = probe.json("objects", *at_home.way, env=at_home.keys)
    hidden = {"0.0.1.0.0.255", "0.0.99.98.0.255", "0.0.99.98.5.255", "0.0.99.128.0.255"}
    assert hidden < {row["obis"] for row in managed["objects"]}
    for name in ("clock/2", "event-log/2", "meters/2"):
        denied = probe("read", name, "--role", "public", *at_home.way)
        assert denied.exit_code == 1 and "denied" in denied.output


def test_the_table_is_that_of_its_meters(probe: Probe, at_home: Street) -> None:
    told = probe.json("read", "meters/2", "meters/7", *at_home.way, env=at_home.keys)
    names = at_home.at(lambda device, _: list(device.table))
    assert {"90000001", "90000002", "90000003"} <= set(names)
    assert all(name in str(told) for name in names)


def test_the_other_verbs(probe: Probe, at_home: Street, tmp_path: Path) -> None:
    read = probe.json("read", "serial-number", "firmware", *at_home.way, env=at_home.keys)
    assert values(read)["0.0.96.1.0.255"] == NAME
    doctor = probe("doctor", *at_home.way, env=at_home.keys)
    assert NAME in doctor.output
    assert doctor.exit_code == 0 and "profile" not in doctor.output  # a concentrator has none
    file = tmp_path / "concentrator.toml"
    exported = probe("config", "export", file, *at_home.way, env=at_home.keys)
    assert exported.exit_code == 0 and file.exists()
