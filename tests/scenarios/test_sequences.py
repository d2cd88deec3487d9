"""Drawings say what a run's journals say, and the page's are those of its stories."""

from __future__ import annotations

from typing import get_args
from xml.etree import ElementTree

import pytest

from protocols.concentrator.messages import Downward, Upward
from scenarios.sequence.messages import SILENT
from scenarios.sequence.steps import Who
from scenarios.sequence.words import PARTICIPANTS, WORDS
from tools.sequence_pages import PAGE, TITLES, diagrams, drawn, image_of

OCTETS_MAX = 60_000


def test_every_message_has_a_word_in_both_languages() -> None:
    drawn_ones = [each for each in (*get_args(Downward), *get_args(Upward)) if each not in SILENT]
    missing = {str(each.__struct_config__.tag) for each in drawn_ones} - set(WORDS)
    assert not missing
    assert all(len(set(words)) == 2 or words[0] in ("", "DLMS") for words in WORDS.values())
    assert set(PARTICIPANTS) == set(Who)


@pytest.mark.parametrize("story", TITLES)
def test_the_page_shows_what_its_story_does(story: str) -> None:
    """Made anew by `python -m tools.sequence_pages`, where what happens has changed for good."""
    pytest.importorskip("gurux_dlms", reason="engines take turns, and frames differ with them")
    image, mermaid = drawn(story)
    assert image.encode() == image_of(story).read_bytes()
    assert diagrams(PAGE.read_text("utf-8"))[story] == mermaid
    assert len(image.encode()) < OCTETS_MAX
    ElementTree.fromstring(image)
