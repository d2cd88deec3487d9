"""The technician's kit: nothing is lost, nothing is used twice, and nobody else can read it."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headend.chance import SeededChance
from headend.ports import CountersContended
from headend.store.envelope import BadEnvelope
from headend.store.kit import folder as folder_
from headend.store.kit import keyring as keyring_
from headend.store.kit.counters import FileCounters
from headend.store.kit.folder import BadKit, default_folder
from headend.store.kit.identity import system_title
from headend.store.kit.journal import Journal
from headend.store.kit.keyring import Keyring, Secret, WrongPassphrase
from protocols.dlms.keys import Keys
from tests.house.source import ROOT

KEYS = Keys(bytes(range(16)), bytes(range(16, 32)))
SECRET = Secret(b"hunter2", KEYS, b"SIM\0\0\0\0\4")
CHANCE = SeededChance(1)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring_, "SCRYPT_N", 1 << 4)


# Where.


def test_the_kit_lies_where_the_platform_has_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "ami" / "probe"


def test_nobody_else_may_look_into_it(tmp_path: Path) -> None:
    kit = tmp_path / "a" / "kit"
    Keyring.open(kit, "secret", CHANCE).put("4711", 1, SECRET)
    system_title(kit, CHANCE)
    Journal(kit, Clock()).write("read")
    for path in (kit, *kit.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_kit_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadKit, match="Try: another folder"):
        Keyring.open(tmp_path / "file" / "kit", "x", CHANCE)


# Who.


def test_a_system_title_is_made_once_and_kept(tmp_path: Path) -> None:
    first = system_title(tmp_path, CHANCE)
    assert first == system_title(tmp_path, CHANCE) and len(first) == 8 and first[:3] == b"AMI"
    assert first != system_title(tmp_path / "other", CHANCE)


@pytest.mark.parametrize("text", ["", "no digits", "41", "41" * 9])
def test_a_spoilt_title_is_not_replaced(text: str, tmp_path: Path) -> None:
    (tmp_path / "system-title").write_text(text)
    with pytest.raises(BadKit, match="put a copy back"):
        system_title(tmp_path, CHANCE)


# The keyring.


@pytest.mark.parametrize("by", ["passphrase", "key file"])
def test_what_is_put_in_comes_out_after_opening_again(by: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("ab" * 64)
    unlock: str | Path = "correct horse" if by == "passphrase" else file
    kit = tmp_path / "kit"
    ring = Keyring.open(kit, unlock, CHANCE)
    ring.put("4711", 1, SECRET)
    ring.put("4711", 2, Secret(password=b"only"))
    ring.put("4712", 1, Secret(keys=Keys(bytes(32), bytes(32), bytes(32), bytes(32))))
    again = Keyring.open(kit, unlock, CHANCE)
    assert (again.meters(), again.clients("4711")) == (["4711", "4712"], [1, 2])
    assert again.get("4711", 1) == SECRET
    assert again.get("4711", 2) == Secret(password=b"only")
    assert again.get("4712", 1) == Secret(keys=Keys(*(bytes(32),) * 4))
    assert again.get("4713", 1) is None and again.get("4711", 3) is None
    again.forget("4711")
    assert Keyring.open(kit, unlock, CHANCE).meters() == ["4712"]


def test_no_key_and_no_password_lies_open(tmp_path: Path) -> None:
    Keyring.open(tmp_path, "correct horse", CHANCE).put("4711", 1, SECRET)
    octets = (tmp_path / "keyring.json").read_bytes()
    for secret in (b"hunter2", KEYS.encryption, KEYS.encryption.hex().encode(), b"correct"):
        assert secret not in octets
    assert "hunter2" not in repr(SECRET) and KEYS.encryption.hex() not in repr(SECRET)


def test_what_opens_it_and_what_does_not(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("ab" * 64)
    other = tmp_path / "other"
    other.write_text("cd" * 64)
    Keyring.open(tmp_path / "by-word", "right", CHANCE)
    Keyring.open(tmp_path / "by-file", file, CHANCE)
    with pytest.raises(WrongPassphrase, match="does not open with this passphrase"):
        Keyring.open(tmp_path / "by-word", "wrong", CHANCE)
    with pytest.raises(WrongPassphrase, match="opens with a passphrase"):
        Keyring.open(tmp_path / "by-word", file, CHANCE)
    with pytest.raises(WrongPassphrase, match="does not open with this key file"):
        Keyring.open(tmp_path / "by-file", other, CHANCE)
    with pytest.raises(WrongPassphrase, match="opens with a key file"):
        Keyring.open(tmp_path / "by-file", "right", CHANCE)
    with pytest.raises(BadEnvelope):
        Keyring.open(tmp_path / "new", tmp_path / "nowhere", CHANCE)


def test_records_cannot_change_places(tmp_path: Path) -> None:
    ring = Keyring.open(tmp_path, "x", CHANCE)
    ring.put("4711", 1, SECRET)
    ring._file.sealed["4712"] = {1: ring._file.sealed["4711"][1]}
    with pytest.raises(BadKit, match="meter 4712, client 1"):
        ring.get("4712", 1)


@pytest.mark.parametrize("text", ["", "{", '{"check": 3}', '{"check": "", "keys": {}}'])
def test_a_spoilt_keyring_is_told_and_left(text: str, tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    path.write_text(text)
    with pytest.raises(BadKit, match="keyring.json"):
        Keyring.open(tmp_path, "x", CHANCE)
    assert path.read_text() == text


# Counters.


async def test_counters_are_unknown_then_reserved_then_settled(tmp_path: Path) -> None:
    counters = FileCounters(tmp_path, "47/11", 1)
    assert await counters.load() == (None, 0)
    await counters.reserve(300)
    crashed = FileCounters(tmp_path, "47/11", 1)
    counters.release()
    assert await crashed.load() == (300, 0), "the rest of the block is lost, none is used twice"
    await crashed.settle(310, 77)
    later = FileCounters(tmp_path, "47/11", 1)
    assert await later.load() == (310, 77)
    later.release()
    later.raise_to(5000)
    later.raise_to(10)
    again = FileCounters(tmp_path, "47/11", 1)
    assert await again.load() == (5000, 77)
    again.release()
    other = FileCounters(tmp_path, "47/11", 2)
    assert await other.load() == (None, 0)
    other.release()


async def test_two_conversations_do_not_use_one_key_at_once(tmp_path: Path) -> None:
    first, second = FileCounters(tmp_path, "4711", 1), FileCounters(tmp_path, "4711", 1)
    await first.load()
    with pytest.raises(CountersContended, match="wait until it is done"):
        await second.load()
    await first.settle(20, 0)
    assert await second.load() == (20, 0)
    second.release()


async def test_spoilt_counters_are_told(tmp_path: Path) -> None:
    counters = FileCounters(tmp_path, "4711", 1)
    await counters.reserve(3)
    (tmp_path / "counters" / "4711-1.json").write_text("{")
    with pytest.raises(BadKit, match="the meter is asked for the counter then"):
        await counters.load()
    counters.release()


KILLED = """
import asyncio, os, sys
from pathlib import Path
from headend.store.kit.counters import FileCounters
async def main():
    counters = FileCounters(Path(sys.argv[1]), "4711", 1)
    first, _ = await counters.load()
    first = first or 1
    for counter in range(first, first + 50):
        await counters.reserve(counter + 1)
        print(counter, flush=True)
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""


def test_a_kill_repeats_no_counter(tmp_path: Path) -> None:
    used: list[int] = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == -9, done.stderr
        used += map(int, done.stdout.split())
    assert len(used) == 150 == len(set(used))


def test_a_full_disk_is_told_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counters = FileCounters(tmp_path, "4711", 1)
    asyncio.run(counters.reserve(7))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder_.os, "fsync", full)
    with pytest.raises(BadKit, match=r"No space left on device\. Try: free some space"):
        asyncio.run(counters.reserve(9))
    monkeypatch.undo()
    again = FileCounters(tmp_path, "4711", 1)
    assert asyncio.run(again.load()) == (7, 0)
    again.release()


# The journal.


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 7, 6, 12, tzinfo=UTC)


def test_every_action_is_a_line_of_json(tmp_path: Path) -> None:
    journal = Journal(tmp_path, Clock())
    assert list(journal) == []
    first = journal.write("identify", "4711", port="/dev/ttyUSB0", ok=True)
    second = journal.write("read", values=[1, "x"])
    assert list(Journal(tmp_path, Clock())) == [first, second]
    assert (first.meter, first.facts["ok"], first.at) == ("4711", True, Clock().now())


def test_a_line_that_a_crash_cut_spoils_no_other(tmp_path: Path) -> None:
    journal = Journal(tmp_path, Clock())
    first = journal.write("one")
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'{"at":"2026-07-06T12:0')
    second = journal.write("two")
    assert list(journal) == [first, second]
