"""The keys that `ami serve --registry` enters: what the story's meters behind a gateway have."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from headend.config import Config, KeyStorage
from protocols.dlms.keys import Keys
from scenarios.own_keys import enter_keys, own_keys
from scenarios.schema import Scenario, parse
from tools import serve

STORY = """
about = "A meter of another maker among those behind a gateway."
start = 2026-07-06T10:00:00
duration = "1h"
seed = 5
[field]
meters = 3
mode = "gateway"
[[meter]]
name = "90000002"
foreign = true
[expect]
"""


@dataclass
class Safe:
    """A vault that anybody may look into."""

    held: dict[tuple[str, int], Keys] = field(default_factory=dict)

    async def keys(self, meter: str, client: int) -> Keys | None:
        return self.held.get((meter, client))

    async def install(self, meter: str, client: int, keys: Keys) -> None:
        self.held[meter, client] = keys


@pytest.fixture
def story() -> Scenario:
    return parse(STORY)


def test_they_are_those_of_the_storys_field(story: Scenario) -> None:
    found = dict(own_keys(story, story.seed))
    assert {"90000001", "90000002", "90000003"} <= found.keys()
    assert len({keys.encryption for keys in found.values()}) == len(found)
    assert found != dict(own_keys(story, 6))


def test_behind_concentrators_that_speak_themselves_there_are_none() -> None:
    assert not list(own_keys(parse(STORY.replace('"gateway"', '"store-and-forward"')), 5))


async def test_a_key_that_was_changed_meanwhile_stays(story: Scenario) -> None:
    safe: Any = Safe()
    await enter_keys(safe, story, story.seed)
    assert safe.held[("90000001", 1)] == dict(own_keys(story, story.seed))["90000001"]
    newer = Keys(encryption=b"n" * 16, authentication=b"a" * 16)
    safe.held["90000001", 1] = newer
    await enter_keys(safe, story, story.seed)
    assert safe.held["90000001", 1] == newer


def test_they_are_sealed_though_nothing_is_configured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AMI_ENVELOPE_KEY", raising=False)
    file = tmp_path / "story.toml"
    file.write_text(STORY)
    config = Config(database=f"sqlite:///{tmp_path / 'ami.db'}")
    sealed = serve._with_envelope(config, str(file)).keys.envelope_file
    assert sealed is not None and sealed.stat().st_mode & 0o777 == 0o600
    own = Config(keys=KeyStorage(envelope_file=tmp_path / "mine"))
    assert serve._with_envelope(own, str(file)) is own
    file.write_text(STORY.replace('"gateway"', '"store-and-forward"'))
    assert serve._with_envelope(config, str(file)) is config
