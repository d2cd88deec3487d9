"""Asking an adapter: a get and its further pages, each under an id of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace

from protocols.cim import envelope, get, schema, xml
from protocols.cim.envelope import Message
from protocols.cim.profile import payload, reading
from protocols.cim.profile.instance import Instance
from protocols.cim.profile.model import Profile
from protocols.cim.replies import Stamp

Post = Callable[[bytes], Awaitable[bytes]]
"""A message's octets out, its reply's back.  Raises `ConnectionError`."""


async def replies(
    question: Message, post: Post, stamp: Callable[[], Stamp]
) -> AsyncIterator[tuple[bytes, Message]]:
    """The replies, page by page, as they came and as they are read.  Raises `ConnectionError`, and
    `NotAMessage` and `RequestRefused` where a reply is none of ours."""
    asked: Message | None = question
    while asked is not None:
        octets = await post(written(asked))
        reply = read(octets)
        yield octets, reply
        asked = following(asked, reply, stamp)


def following(asked: Message, reply: Message, stamp: Callable[[], Stamp]) -> Message | None:
    """The same question for the page behind a reply; None at the last."""
    page = get.next_page(reply)
    if page is None:
        return None
    again, fresh = get.following(asked, page), stamp()
    assert again.header is not None
    header = replace(again.header, message_id=fresh.message_id, timestamp=fresh.at)
    return replace(again, header=header)


def written(message: Message) -> bytes:
    """A message's octets."""
    return xml.serialize(envelope.write(message))


def read(octets: bytes) -> Message:
    """A message in its octets, checked.  Raises `NotAMessage` and `RequestRefused`."""
    root = xml.parse(octets)
    schema.check(root)
    return envelope.read(root)


def instances_in(reply: Message) -> Iterator[Instance]:
    """The instances of a reply, of any profile.  Raises `NotAValue`."""
    for content in () if reply.payload is None else reply.payload.content:
        if (profile := profile_of(xml.namespace(content))) is not None:
            yield from payload.read(profile, content)


def profile_of(namespace: str) -> Profile | None:
    """The profile whose payloads are in a namespace."""
    known = (*map(reading.profile, reading.ADAPTERS), reading.utility())
    return next((each for each in known if each.namespace == namespace), None)
