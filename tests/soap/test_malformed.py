"""Malformed messages neither break the head-end's SOAP server nor leave half an effect behind."""

from __future__ import annotations

import pytest

from tests.databases import sqlite_only
from tests.soap import malformed
from tests.soap.mutations import malformed as message

SAMPLE = 250
MANY = 10_000

pytestmark = sqlite_only("octets of the database are compared")


def test_the_same_seed_gives_the_same_messages() -> None:
    assert [message(1, n) for n in (7, 3)] == [message(1, n) for n in (7, 3)]
    assert message(1, 3) != message(2, 3)


def test_a_sample() -> None:
    """Of those that the whole has, from a place of its own."""
    found = malformed.run(1, SAMPLE, first=MANY)
    assert found.wrong == []
    assert sum(found.answers.values()) == SAMPLE and found.accepted and found.changed
    assert found.end["tasks"] <= found.warm["tasks"] + 1


@pytest.mark.prove
def test_ten_thousand() -> None:
    found = malformed.run(1, MANY)
    assert found.wrong == []
    assert found.grown() == []
    assert sum(found.answers.values()) == MANY and found.accepted and found.changed
