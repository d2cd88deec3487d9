"""The example messages are what they say: valid in the strict profile, and those in docs."""

from __future__ import annotations

import pytest

from protocols.cim import envelope, examples, nouns, schema, xml
from protocols.cim.envelope import Kind
from protocols.cim.example import Example
from protocols.cim.example_records import AT
from protocols.cim.profile import reading
from protocols.cim.profile.model import Profile
from tests.house.source import ROOT
from tools.cim.rules import findings

FOLDER = ROOT / "docs" / "examples" / "cim"
EVERY = examples.every()


def profile_of(example: Example) -> Profile | None:
    """The adapter's that an example is of."""
    folder = example.name.partition("/")[0]
    known = {f"adapter-{each.name}": each for each in map(reading.profile, reading.ADAPTERS)}
    return known.get(folder)


def test_every_example_is_valid() -> None:
    """By the schemas, without extensions, and by the rules of its reader."""
    wrong = {
        each.name: found
        for each in EVERY
        if (
            found := findings(xml.parse(each.octets), now=AT, profile=profile_of(each), strict=True)
        )
    }
    assert wrong == {}


def test_the_files_in_docs_are_these() -> None:
    """`ami cim examples --to docs/examples/cim` writes them anew."""
    there = {
        str(path.relative_to(FOLDER).with_suffix("")): path.read_bytes()
        for path in FOLDER.rglob("*.xml")
    }
    assert there == {each.name: each.octets for each in EVERY}


def test_each_noun_has_each_pattern() -> None:
    names = {each.name for each in EVERY}
    assert len(names) == len(EVERY)
    for noun in nouns.NOUNS.values():
        replies = ("ok", "acknowledged", "partial", "failed")
        patterns = [*noun.requests, *(f"reply-{it}" for it in replies)]
        patterns += ["fault", "event-typed", "event-generic"]
        patterns += [f"{noun.requests[0]}-async", f"{noun.requests[0]}-one-way"]
        if noun.gets:
            patterns += ["get-typed", "get-generic", "get-typed-answer", "get-generic-answer"]
        assert [it for it in patterns if f"{noun.name}/{it}" not in names] == []


@pytest.mark.parametrize("each", EVERY, ids=lambda it: it.name)
def test_its_name_says_what_it_is(each: Example) -> None:
    folder, _, pattern = each.name.partition("/")
    message = envelope.read(xml.parse(each.octets))
    if pattern == "fault":
        assert message.kind is Kind.FAULT
        return
    assert message.header is not None
    if folder in nouns.NOUNS:
        assert message.header.noun == folder
    if pattern.startswith(("reply", "get-typed-page")) or pattern.endswith("answer"):
        assert (message.kind, message.header.verb) == (Kind.RESPONSE, "reply")
    elif pattern.startswith("event"):
        assert message.kind is Kind.EVENT
    else:
        assert message.kind is Kind.REQUEST
        assert (message.header.async_reply is True) == pattern.endswith("-async")
    assert (message.header.message_id or "").count("-") == 4
    schema.check(xml.parse(each.octets))


def test_answers_refer_to_their_questions() -> None:
    header = {each.name: envelope.glimpse(xml.parse(each.octets)) for each in EVERY}
    for noun in nouns.NOUNS.values():
        asked = header[f"{noun.name}/{noun.requests[0]}"]
        assert header[f"{noun.name}/reply-ok"].correlation_id == asked.correlation_id
    ids = [it.message_id for name, it in header.items() if not name.endswith("/fault")]
    typed = [name for name in header if name.endswith("-typed") and "adapter" in name]
    assert len(ids) - len(set(ids)) == len(typed) + len(nouns.NOUNS), "the same, in two styles"
