"""Whole stories: no nonce is used twice by anybody, and no key shows in anything that is left.

Both engines take turns in these stories, concentrators reboot, the head-end dies and comes back,
frames are lost and sent again.
"""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headend.domain.keys import KeyState
from headend.ports import Generation, MeterKeys
from headend.store.envelope import Envelope
from headend.store.keys import KeyRow
from headend.store.sealing import Record
from protocols.dlms.client import ClientConnection
from protocols.dlms.establishment import Establishment
from protocols.dlms.hls import Authenticator
from protocols.dlms.key_change import Remember
from protocols.dlms.keys import KeyPairs, Keys
from protocols.dlms.server import ServerConnection
from scenarios import stories
from scenarios.engine import run
from scenarios.story import Story
from tests.dlms_security.parties import client, private, server
from tests.dlms_security.watching import Watch, watch
from tools.cli import app

STORIES = {
    "the-concentrator-reboots-mid-order": (1, 2),
    "the-head-end-restarts-mid-order": (1,),
    "retries-overcome-heavy-packet-loss": (1, 2),
    "a-bad-day": (3,),
    "meter-firmware-reaches-a-street-through-noise": (5,),  # a reboot amid broadcasts
}
PLAYS = [(name, seed) for name, seeds in STORIES.items() for seed in seeds]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return watch(monkeypatch)


@pytest.mark.parametrize(("name", "seed"), PLAYS)
def test_no_nonce_twice(name: str, seed: int, watched: Watch) -> None:
    story = run(stories.find(name)[1], seed=seed)
    assert story.errors == ()
    assert watched.used, "nothing was ciphered at all"
    kinds = {title[:3] for title in watched.by}
    assert kinds == {b"SIM", b"TST"}  # meters, and their clients
    # Nobody shares a key with a sender of another title but the one at the other end.
    partners: dict[bytes, set[bytes]] = {}
    for key, title, _ in watched.used:
        partners.setdefault(key, set()).add(title)
    assert all(len(titles) <= 2 for titles in partners.values())


def left_behind(story: Story, directory: Path) -> dict[str, bytes]:
    """Everything that a run leaves: databases, log, explanations, and the records in memory."""
    left = {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    left["log"] = "\n".join(map(str, story.world.log.lines)).encode()
    left["records"] = repr(story.records).encode()
    (database,) = [path for path in directory.glob("*.db") if "legacy" not in path.name]
    for record in story.records:
        for options in ((), ("--json",), ("--frames",)):
            command = ["explain", "order", str(record.order.number), *options]
            told = CliRunner().invoke(app, [*command, "--database", f"sqlite:///{database}"])
            assert told.exit_code == 0, told.output
            left[" ".join(command)] = told.output.encode()
    return left


@pytest.mark.parametrize("name", ["the-concentrator-reboots-mid-order"])
def test_no_key_shows(
    name: str,
    watched: Watch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    story = run(stories.find(name)[1], seed=1, keep=tmp_path)
    left = left_behind(story, tmp_path)
    printed = capfd.readouterr()
    left["stdout"], left["stderr"] = printed.out.encode(), printed.err.encode()
    left["logging"] = caplog.text.encode()
    assert len(watched.keys) >= 4 and len(left) > 6
    meter = story.records[0].order.meter.encode()
    assert any(meter in octets for octets in left.values())  # what is there would be found
    for where, octets in left.items():
        lower = octets.lower()
        for key in watched.keys:
            forms = (key, key.hex().encode(), key.hex(" ").encode(), repr(key)[2:-1].encode())
            assert not any(form in octets or form in lower for form in forms), where


SECRET = b"SIXTEEN.SECRETS."


def test_no_repr_shows_a_key() -> None:
    keys = Keys(SECRET, SECRET, SECRET, SECRET)
    settings = client(keys=keys, password=SECRET, challenge=SECRET, dedicated_key=SECRET)
    ours = ClientConnection(settings)
    pairs = KeyPairs(signing=private(1, SECRET.decode()), agreement=private(1, SECRET.decode()))
    shown = repr(
        (
            keys,
            pairs,
            settings,
            server(keys=keys, password=SECRET),
            ours,
            ServerConnection(server(keys=keys)),
            Establishment(ours._protection, keys, pairs, 1),
            Authenticator(settings.authentication, ours._protection, SECRET, pairs),
            Remember(keys),
            MeterKeys(Generation("m", 1, 1, keys)),
            KeyRow("m", 1, 1, KeyState.CURRENT, 1, "e", "f", SECRET),
            Record(SECRET, SECRET, SECRET, SECRET),
            Envelope([SECRET * 4]),
        )
    )
    assert "SIXTEEN" not in shown and SECRET.hex() not in shown
