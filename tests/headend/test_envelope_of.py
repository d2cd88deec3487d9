"""Which envelope key a head-end takes, and how it says that it has none it can use."""

from __future__ import annotations

from pathlib import Path

import pytest

from headend.app.key_storage import envelope_of
from headend.config import BadConfig, Config, KeyStorage, parse
from headend.store.envelope import Envelope

KEY, OTHER = bytes(range(64)), bytes(64)


def test_the_file_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "envelope"
    place.write_text(KEY.hex())
    monkeypatch.setenv("AMI_ENVELOPE_KEY", OTHER.hex())
    named = envelope_of(Config(keys=KeyStorage(envelope_file=place)))
    assert named is not None and named.name == Envelope([KEY]).name
    without = envelope_of(Config())
    assert without is not None and without.name == Envelope([OTHER]).name


def test_without_either_no_keys_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMI_ENVELOPE_KEY", raising=False)
    assert envelope_of(Config()) is None


def test_a_key_that_cannot_be_used_is_a_bad_configuration(tmp_path: Path) -> None:
    place = tmp_path / "envelope"
    place.write_text("ab" * 63)
    config = parse(f'[keys]\nenvelope_file = "{place}"\n')
    with pytest.raises(BadConfig, match="an envelope key has 64 octets") as bad:
        envelope_of(config)
    assert "abab" not in str(bad.value)
