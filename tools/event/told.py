"""Events and incidents as commands show them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from headend.app.access import by_command
from headend.app.events import NoSuchSubject, acknowledged
from headend.config import BadConfig
from headend.domain.event import Acknowledgement, Subject
from headend.domain.event_table import of_name
from headend.ports import StoreUnavailable
from headend.store.event_queries import EventKept, IncidentKept
from tools.database.opening import ADVICE, configured
from tools.terminal import clock_text, out, print_json, wrong_usage

STYLES = {"info": "dim", "warning": "yellow", "major": "red", "critical": "bold red"}


def event_row(kept: EventKept) -> dict[str, Any]:
    """An event for machines."""
    event, kind = kept.event, of_name(kept.event.name)
    return {
        "number": event.number,
        "device": event.device,
        "name": event.name,
        "text": kind.text(),
        "texto": kind.text("es"),
        "code": event.code,
        "cim": kind.cim,
        "severity": event.severity,
        "at": event.at,
        "received_at": event.received_at,
        "sources": event.sources,
        "place": event.place,
        "incident": event.incident,
        "acknowledged": _row(kept.acknowledged),
    }


def incident_row(kept: IncidentKept) -> dict[str, Any]:
    """An incident for machines."""
    one = kept.incident
    return {
        "number": one.number,
        "kind": one.kind,
        "place": one.place,
        "began_at": one.began_at,
        "ended_at": one.ended_at,
        "members": one.members,
        "without": one.without,
        "merged_into": one.merged_into,
        "updated_at": one.updated_at,
        "acknowledged": _row(kept.acknowledged),
    }


def _row(one: Acknowledgement | None) -> dict[str, Any] | None:
    return None if one is None else {"at": one.at, "who": one.who, "note": one.note}


def seen_text(one: Acknowledgement | None) -> str:
    """Who has seen it, in a cell."""
    return "" if one is None else f"{one.who} {clock_text(one.at)}"


def acknowledge(
    subject: Subject, number: int, note: str, config: Path | None, database: str | None, json: bool
) -> None:
    """`ami event ack` and `ami incident ack`."""
    try:
        settings = configured(config, database)
        who = by_command().actor
        one = asyncio.run(acknowledged(settings, subject, number, who=who, note=note))
    except BadConfig as error:
        wrong_usage(str(error))
    except NoSuchSubject as error:
        wrong_usage(
            str(error), f"See which there are: ami {subject} list", code=f"no-such-{subject}"
        )
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")
    if json:
        print_json({"number": number, "acknowledged": _row(one)})
        return
    told = f"{subject} {number} acknowledged by {one.who} at {clock_text(one.at)}"
    out.print(f"{told}: {one.note}" if one.note else told, markup=False)
