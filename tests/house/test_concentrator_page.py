"""The page for concentrator vendors says what the structs say."""

from __future__ import annotations

import re
import typing

from protocols.concentrator import messages, topics
from tools.concentrator.page import EXAMPLES, PAGE, written

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_is_up_to_date() -> None:
    assert written(TEXT) == TEXT, "run: python -m tools.concentrator.page"


def test_every_message_has_an_example() -> None:
    known = {*typing.get_args(messages.Downward), *typing.get_args(messages.Upward)}
    assert {type(example) for example in EXAMPLES} == known
    assert len(EXAMPLES) == len(known)


def test_what_stands_on_the_page_can_be_read() -> None:
    found = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    read = []
    for example in found:
        try:
            read.append(messages.decode_downward(example.encode()))
        except messages.UnknownMessage:
            read.append(messages.decode_upward(example.encode()))
    # Downward and upward receipts look alike but for the time, which both carry here.
    assert [messages.encode(message) for message in read] == [
        messages.encode(example) for example in EXAMPLES
    ]


def test_the_topics_on_the_page_are_the_topics() -> None:
    for topic in (topics.down("C"), topics.up("C"), topics.status("C")):
        assert f"`{topic.replace('/C/', '/<id>/')}`" in TEXT


def test_every_status_and_every_rule_s_status_exists() -> None:
    table = TEXT.partition("## The life of a command")[2].partition("## Store-and")[0]
    named = set(re.findall(r"`([a-z][a-z-]+)`", table))
    statuses = {status.value for status in messages.Status}
    tags = {type(example).__struct_config__.tag for example in EXAMPLES}
    actions = {action.value for action in messages.Action}
    fields = {"order", "attempt", "acted", "at", "id"}
    known = statuses | tags | actions | fields
    assert named <= known, named - known
