"""The page's table of failures and lessons: what it names is there, and every story is in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scenarios import stories

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Which story shows what")[2].partition("\n## ")[0]
ROWS = [line.split("|")[1:-1] for line in SECTION.splitlines() if line.startswith("| ")]
NAMED = {name for row in ROWS for name in re.findall(r"`([a-z0-9_/.-]+)`", row[1])}


def test_every_row_of_a_failure_or_lesson_names_what_shows_it() -> None:
    assert len(ROWS) > 40 and {len(row) for row in ROWS} == {3}
    measured = ("story or test", "shown by", "what always holds", "reads of", "orders of")
    for row in ROWS:
        assert "`" in row[1] or any(word in row[1] for word in measured), row


@pytest.mark.parametrize("name", sorted(NAMED))
def test_what_is_named_is_there(name: str) -> None:
    assert name in stories.names() or (ROOT / name).exists()


def test_every_story_is_told_of() -> None:
    assert set(stories.names()) - NAMED == set()
