"""Each decoder against octets that Hypothesis makes, and against what was really said, changed.

`make prove` goes further with a coverage-guided fuzzer: tests/prove/test_fuzz.py.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.corpus import seeds
from tests.fuzz.targets import TARGETS


@st.composite
def changed(draw, target):
    """A real message with a few octets changed, cut out or put in."""
    octets = bytearray(draw(st.sampled_from(seeds(target))))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(octets)))
        octets[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(octets)


@pytest.mark.parametrize("target", TARGETS)
def test_whatever_comes(target):
    @given(st.binary(max_size=300) | changed(target))
    def comes(octets):
        TARGETS[target](octets)

    comes()


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_really_said(target):
    for octets in seeds(target):
        TARGETS[target](octets)
