"""Targets: what comes by MQTT, SOAP and files from other systems; see `targets`."""

from __future__ import annotations

import contextlib
import zlib
from datetime import UTC, datetime

from protocols.cim import codec, control_request, envelope, exchange, questions, schema, xml
from protocols.cim.errors import NotAMessage, RequestRefused
from protocols.commercial import messages as commercial
from protocols.concentrator import collecting, messages
from protocols.concentrator.layouts import captured_of, layout_of
from protocols.jobs import cards, package, result, sealing
from protocols.jobs.errors import JobRefused
from tests.jobs.parties import CARD, DEVICE

NOW = datetime(2026, 7, 6, 8, tzinfo=UTC)
_DOMAIN = result._DOMAIN


def a_concentrator_message(octets: bytes) -> None:
    for decode in (messages.decode_downward, messages.decode_upward):
        try:
            message = decode(octets)
        except messages.UnknownMessage:
            continue
        assert decode(messages.encode(message)) == message


def an_upload(octets: bytes) -> None:
    """As it came, and deflated first, so that what is inside is reached at once."""
    for packed in (octets, zlib.compress(octets, 1)):
        try:
            batch = collecting.unpacked(packed)
        except collecting.BadBatch:
            continue
        assert collecting.unpacked(collecting.packed(batch)) == batch
        for layout in batch.layouts:
            with contextlib.suppress(ValueError):
                assert captured_of(layout_of(layout.profile, captured_of(layout)))


def a_commercial_message(octets: bytes) -> None:
    for decode in (commercial.decode_result, commercial.decode_receipt):
        try:
            message = decode(octets)
        except commercial.UnknownMessage:
            continue
        assert decode(commercial.encode(message)) == message


def an_order_in_xml(octets: bytes) -> None:
    """The way of a SOAP body to a request, without the transport."""
    try:
        root = xml.parse(octets)
        envelope.read(root)
        schema.check(root)
        control_request.read(envelope.read(root), now=NOW)
    except (NotAMessage, RequestRefused):
        return


def a_noun_in_xml(octets: bytes) -> None:
    """Any noun's message or question to its records, and what can be written again comes back."""
    try:
        received = exchange.receive(xml.parse(octets))
        header = received.message.header
        if header is not None and header.verb == "get":
            questions.read(received.message)
        records = exchange.content(received.message)
    except (NotAMessage, RequestRefused):
        return
    for record in records:
        try:
            written = codec.encode(record, extensions=True)
        except ValueError:  # a time without zone
            continue
        assert codec.encode(codec.decode(xml.parse(written)), extensions=True) == written


def a_card(octets: bytes) -> None:
    try:
        card = cards.decode_card(octets)
    except JobRefused:
        return
    assert cards.decode_card(cards.encode_card(card)) == card


def a_job_package(octets: bytes) -> None:
    """Its outside, and what would be inside once everything is proven."""
    with contextlib.suppress(JobRefused):
        sealing.unseal(octets, DEVICE, CARD)
    try:
        found = package.decode(octets)
    except JobRefused:
        return
    assert package.decode(package.encode(found)) == found


def a_job_result(octets: bytes) -> None:
    """As it came, and each line signed by the device, so that records are reached at once."""
    with contextlib.suppress(JobRefused):
        result.first_record(octets)
    signed = b"".join(_signed(line) for line in octets.split(b"\n")[:8])
    for lines in (octets, signed):
        try:
            chain = result.read_chain(lines, DEVICE.card, "")
        except JobRefused:
            continue
        assert len(chain.records) == len(chain.digests)


def _signed(text: bytes) -> bytes:
    return text + b" " + DEVICE.signer.sign(_DOMAIN + text).hex().encode() + b"\n"
