"""Syslog messages: the RFC's own examples, and ours read back by its grammar."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.syslog import (
    BOM,
    OCTETS_MAX,
    BadSyslog,
    SyslogMessage,
    encode,
    framed,
    parse,
    unframed,
)

HEAD = b"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 "
APPLICATION = b'[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"]'
DO_NUTS = (
    b"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - "
    b"%% It's time to make the do-nuts."
)

# RFC 5424, 6.5, examples 1 to 4.
EXAMPLES = {
    "no structured data": (
        b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - "
        + BOM + b"'su root' failed for lonvick on /dev/pts/8",
        SyslogMessage(
            4, 2, datetime(2003, 10, 11, 22, 14, 15, 3000, UTC), "mymachine.example.com", "su",
            "-", "ID47", {}, "'su root' failed for lonvick on /dev/pts/8",
        ),
    ),
    "microseconds, an offset, no BOM": (
        DO_NUTS,
        SyslogMessage(
            20, 5, datetime(2003, 8, 24, 12, 14, 15, 3, UTC), "192.0.2.1", "myproc", "8710", "-",
            {}, "%% It's time to make the do-nuts.",
        ),
    ),
    "structured data": (
        b"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 "
        b'[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"] '
        + BOM + b"An application event log entry...",
        SyslogMessage(
            20, 5, datetime(2003, 10, 11, 22, 14, 15, 3000, UTC), "mymachine.example.com",
            "evntslog", "-", "ID47",
            {"exampleSDID@32473": {"iut": "3", "eventSource": "Application", "eventID": "1011"}},
            "An application event log entry...",
        ),
    ),
    "structured data alone": (
        HEAD + APPLICATION + b'[examplePriority@32473 class="high"]',
        SyslogMessage(
            20, 5, datetime(2003, 10, 11, 22, 14, 15, 3000, UTC), "mymachine.example.com",
            "evntslog", "-", "ID47",
            {
                "exampleSDID@32473": {"iut": "3", "eventSource": "Application", "eventID": "1011"},
                "examplePriority@32473": {"class": "high"},
            },
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("wire", "message"), EXAMPLES.values(), ids=EXAMPLES)
def test_the_standards_examples(wire: bytes, message: SyslogMessage) -> None:
    assert parse(wire) == message
    assert parse(encode(message)) == message


BAD = {
    # RFC 5424, 6.5: "An Example of an Invalid Timestamp" is of nine fraction digits; 6.3.5 the rest
    "nine fraction digits": b"<34>1 2003-08-24T05:14:15.000000003-07:00 h a - - - x",
    "no such day": b"<34>1 2003-02-30T05:14:15Z h a - - - x",
    "no such priority": b"<192>1 - h a - - - x",
    "a leading zero": b"<034>1 - h a - - - x",
    "another version": b"<34>2 - h a - - - x",
    "RFC 3164": b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
    "a space before the element": b'<34>1 - h a - - [ a="b"] x',
    "an unescaped bracket": b'<34>1 - h a - - [a b="]"] x',
    "an element twice": b'<34>1 - h a - - [a b="1"][a b="2"] x',
    "a name of 33": b"<34>1 - h a - - [" + b"a" * 33 + b'] x',
    "no UTF-8": b"<34>1 - h a - - - \xff",
    "nothing": b"",
    "no space before the text": b'<34>1 - h a - - [a]x',
}  # fmt: skip


@pytest.mark.parametrize("wire", BAD.values(), ids=BAD)
def test_what_the_standard_does_not_allow(wire: bytes) -> None:
    with pytest.raises(BadSyslog):
        parse(wire)


ASCII = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=32)
NAMES = st.text(st.sampled_from("abcXYZ019@._-"), min_size=1, max_size=32)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
MESSAGES = st.builds(
    SyslogMessage,
    facility=st.integers(0, 23),
    severity=st.integers(0, 7),
    at=st.datetimes(
        min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)
    ),
    host=ASCII,
    app=ASCII,
    process=ASCII,
    id=ASCII,
    elements=st.dictionaries(NAMES, st.dictionaries(NAMES, TEXTS, max_size=3), max_size=2),
    text=TEXTS.filter(lambda text: not text.startswith("\ufeff")),
)


@settings(max_examples=60)
@given(st.lists(MESSAGES, max_size=4))
def test_whatever_is_told_is_read_back(messages: list[SyslogMessage]) -> None:
    stream = b"".join(framed(encode(each)) for each in messages)
    assert [parse(each) for each in unframed(stream)] == messages


@settings(max_examples=60)
@given(st.text(max_size=40), st.text(max_size=40), st.text())
def test_any_text_makes_a_message(host: str, value: str, text: str) -> None:
    message = SyslogMessage(10, 4, None, host, "a", "p", host, {"x@1": {"v": value}}, text)
    told = parse(encode(message))
    assert len(told.host) <= 40 and told.severity == 4


def test_a_long_text_is_cut_between_two_characters() -> None:
    message = SyslogMessage(10, 4, None, "h", "a", "p", "i", {}, "ñ" * 2000)
    wire = encode(message)
    assert OCTETS_MAX - 2 <= len(wire) <= OCTETS_MAX
    assert set(parse(wire).text) == {"ñ"}


STREAMS = {"no length": b"<34>1 - h a - - -", "short": b"99 <34>1", "zero": b"0 ", "a word": b"x y"}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_a_stream_that_is_not_counted(stream: bytes) -> None:
    with pytest.raises(BadSyslog):
        unframed(stream)
