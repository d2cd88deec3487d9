"""What is wrong with a message's content although its schema accepts it, as its reader says."""

from __future__ import annotations

from datetime import datetime

from headend.integration.cim.limits import LIMITS
from headend.integration.cim.question import question
from protocols.cim import (
    control_request,
    exchange,
    linkage,
    meter_readings,
    nouns,
    questions,
    schema,
    validation,
)
from protocols.cim.envelope import Kind, Message
from protocols.cim.errors import NotAMessage, ReplyError, RequestRefused
from protocols.cim.profile import reading
from protocols.cim.profile.model import Profile
from protocols.cim.records.master_linkage_config_auto import MasterDataLinkageConfig
from protocols.cim.records.meter_readings_auto import MeterReadings
from protocols.cim.validation import Finding
from protocols.cim.xml import Element


def findings(
    element: Element, *, now: datetime, profile: Profile | None = None, strict: bool = False
) -> list[Finding]:
    """All that is wrong: by the schemas, and where these accept it by the rules of its reader.

    `profile` is of the adapter that a generic `get` is for; with `strict`, extensions are errors.
    """
    found = validation.findings(element)
    if found or schema.judge_of(element) is not None:
        return found
    try:
        if strict:
            schema.check_strict(element)
        _read(exchange.receive(element).message, now, profile)
    except NotAMessage as error:
        return [validation.at_root(error.error, element)]
    except RequestRefused as error:
        return validation.placed(error.errors, element)
    except ValueError as error:
        return [validation.at_root(ReplyError("1.8", str(error)), element)]
    return []


def adapter_of(message: Message, profile: Profile | None) -> Profile | None:
    """The profile that a question is of: its own noun says which, or who validates it."""
    name = nouns.ADAPTER_QUERIES.get(message.typed or "")
    known = {each.name: each for each in map(reading.profile, reading.ADAPTERS)}
    return known.get(name) if name is not None else profile


def _read(message: Message, now: datetime, profile: Profile | None) -> None:
    """Raises `RequestRefused`, and `ValueError` for values that are none."""
    header = message.header
    noun = "" if header is None else nouns.subject(header.noun)
    adapter = adapter_of(message, profile)
    if message.kind is Kind.REQUEST and adapter is not None:
        question(adapter, message, LIMITS)
    elif message.kind is Kind.REQUEST and header is not None and header.verb == "get":
        if noun in nouns.NOUNS:
            questions.read(message)
    elif message.kind is Kind.REQUEST and noun == nouns.CONTROLS:
        control_request.read(message, now=now)
    elif noun in nouns.NOUNS and message.payload is not None and message.payload.content:
        for record in exchange.content(message):
            if isinstance(record, MeterReadings):
                meter_readings.read(record)
            elif isinstance(record, MasterDataLinkageConfig):
                linkage.read(record)
