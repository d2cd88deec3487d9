"""What the head-end has been told about a failure, and what may be concluded from it.

A reason is concluded only from evidence that arrived here, and the reply lists that evidence.  Take
a piece away and the reason weakens, down to "cause unknown".
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from headend.domain.reason import ReasonCode


class Source(enum.StrEnum):
    """Who said it."""

    LAST_WILL = "last-will"  # the broker, when a concentrator's session broke
    LINK_REPORT = "link-report"  # the concentrator's link layer, about one meter
    CARRIER_PORTAL = "carrier-portal"  # the mobile operator, about one SIM
    FAULT_LOG = "fault-log"  # the concentrator's or modem's own log, read after recovery
    CONCENTRATOR = "concentrator"  # its answer to a command
    METER = "meter"  # its DLMS answer
    TECHNICIAN = "technician"  # the signed result of a job
    LINE = "line"  # our own line to a meter that is reached without a concentrator


@dataclass(frozen=True, slots=True)
class Evidence:
    """One statement.  `suggests` is the reason it supports, where it supports one by itself."""

    source: Source
    at: datetime
    text: str
    suggests: ReasonCode | None = None


# The strongest first: a log written by the part that failed knows more than the carrier, who sees a
# SIM from outside; the broker only knows that a connection is gone.
_STRENGTH = (Source.FAULT_LOG, Source.CARRIER_PORTAL, Source.LAST_WILL)


def why_concentrator_is_unreachable(evidence: Iterable[Evidence]) -> ReasonCode:
    """The reason for a silent concentrator, as far as the evidence carries."""
    statements = list(evidence)
    for source in _STRENGTH:
        for statement in reversed(statements):
            if statement.source is source and statement.suggests is not None:
                return statement.suggests
    return ReasonCode.CONCENTRATOR_UNREACHABLE_UNKNOWN


def why_meter_is_silent(evidence: Iterable[Evidence]) -> ReasonCode:
    """The reason for a meter's silence, behind a concentrator that answers or on our own line."""
    for statement in evidence:
        if statement.source in (Source.LINK_REPORT, Source.LINE) and statement.suggests is not None:
            return statement.suggests
    return ReasonCode.NO_ANSWER_UNKNOWN


def folded(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Statements that only repeat one another as one, at its first time, with a count."""
    runs: dict[tuple[Source, str, ReasonCode | None], list[Evidence]] = {}
    for item in evidence:
        runs.setdefault((item.source, item.text, item.suggests), []).append(item)
    return [
        first if not again else replace(first, text=f"{first.text} ({len(again) + 1} times)")
        for first, *again in runs.values()
    ]
