"""Topic filters (MQTT 3.1.1, 4.7): the standard's own examples, and the wrong side of them."""

from __future__ import annotations

import pytest

from headend.field.broker import matches

CASES = {
    # name: (filter, topic, whether it matches)
    "the same": ("a/b", "a/b", True),
    "another": ("a/b", "a/c", False),
    "longer": ("a/b", "a/b/c", False),
    "shorter": ("a/b/c", "a/b", False),
    "case counts": ("a/B", "a/b", False),
    "one level": ("ami/v1/concentrators/+/up", "ami/v1/concentrators/C1/up", True),
    "one level is not two": ("ami/+/up", "ami/a/b/up", False),
    "one level, empty": ("a/+", "a/", True),
    "one level is not none": ("a/+", "a", False),
    "only one level": ("+", "a", True),
    "leading slash is a level": ("+", "/a", False),
    "leading slash, two levels": ("+/+", "/a", True),
    "all below": ("a/#", "a/b/c", True),
    "all below, with the parent": ("a/#", "a", True),
    "all below, a sibling": ("a/#", "ab", False),
    "everything": ("#", "a/b", True),
    "not the broker's own": ("#", "$SYS/uptime", False),
    "not the broker's own, one level": ("+/uptime", "$SYS/uptime", False),
    "the broker's own, asked for": ("$SYS/#", "$SYS/uptime", True),
}


@pytest.mark.parametrize("topic_filter, topic, expected", CASES.values(), ids=CASES)
def test_matches(topic_filter: str, topic: str, expected: bool) -> None:
    assert matches(topic_filter, topic) is expected
