"""Rows of the source as rows of the data store: one function a table.

Each takes what the source holds, undecoded, and returns the columns' values, or raises
`Untransformable`: the row is then kept among the errors, whole enough to be found again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from headend.domain.event import IncidentKind, Severity
from headend.domain.life_cycle import stage_of
from headend.domain.meter import Meter, Stage
from headend.domain.order import Kind, State
from headend.domain.reason import ReasonCode

Raw = Mapping[str, Any]
Values = tuple[Any, ...]


class Untransformable(ValueError):
    """A row that the data store's table cannot hold; the text says why."""


def registers(raw: Raw) -> Values:
    quality = _words(raw, "quality")
    return (
        raw["meter"], _at(raw, "at"), raw["name"], raw["attribute"], raw["word"],
        _number(raw["value"]), raw["value"], raw["unit"], raw["error"], _at(raw, "received_at"),
        raw["source"], quality,
    )  # fmt: skip


def events(raw: Raw) -> Values:
    return (
        raw["number"], raw["device"], raw["name"], _member(raw, "severity", Severity),
        _at(raw, "at"), _at(raw, "received_at"), _words(raw, "sources"), raw["code"], raw["place"],
        _member(raw, "kind", IncidentKind, none=True), raw["incident"],
    )  # fmt: skip


def incidents(raw: Raw) -> Values:
    began, ended = _at(raw, "began_at"), _at(raw, "ended_at", none=True)
    if began is not None and ended is not None and ended < began:
        raise Untransformable("it ended before it began")
    return (
        raw["number"], _member(raw, "kind", IncidentKind), raw["place"], began, ended,
        raw["members"], raw["without"], raw["merged_into"],
    )  # fmt: skip


def orders(raw: Raw) -> Values:
    accepted, ready = _at(raw, "accepted_at"), _at(raw, "ready_at")
    ended = _at(raw, "ended_at", none=True)
    assert accepted is not None and ready is not None
    took_s = None if ended is None else (ended - max(accepted, ready)).total_seconds()
    if took_s is not None and ended is not None and ended < accepted:
        raise Untransformable("it ended before it was accepted")
    amount = raw["amount"]
    if amount is not None and _number(amount) is None:
        raise Untransformable(f"its amount is no number: {amount}")
    return (
        raw["number"], raw["meter"], raw["concentrator"], _member(raw, "kind", Kind),
        raw["source"], accepted, ready, _at(raw, "deadline"), ended,
        _member(raw, "state", State), _member(raw, "reason", ReasonCode, none=True),
        raw["attempts"], raw["tries"], amount, raw["unit"],
        None if took_s is None else max(0.0, took_s),
    )  # fmt: skip


def meters(raw: Raw) -> Values:
    stage = _member(raw, "stage", Stage, none=True)
    known = Meter(
        raw["name"], raw["concentrator"], raw["commissioned"], raw["blocked"],
        address=raw["address"], stage=None if stage is None else Stage(stage),
    )  # fmt: skip
    way = None
    if known.by_gateway:
        way = "gateway"
    elif known.address is not None:
        way = "direct"
    elif known.concentrator is not None:
        way = "concentrator"
    return (
        raw["name"], raw["concentrator"], raw.get("service_point"), str(stage_of(known)),
        raw["commissioned"], raw["blocked"], raw["model"], raw["recorded_phase"],
        _number(raw["contracted_w"]), way,
    )  # fmt: skip


def sessions(raw: Raw) -> Values:
    return raw["concentrator"], _at(raw, "at"), raw["online"], raw["boot"], raw["firmware"]


ROWS: dict[str, Callable[[Raw], Values]] = {
    "registers": registers,
    "events": events,
    "incidents": incidents,
    "orders": orders,
    "meters": meters,
    "sessions": sessions,
}


def _at(raw: Raw, name: str, *, none: bool = False) -> datetime | None:
    found = raw[name]
    if isinstance(found, datetime) or (found is None and none):
        return found
    raise Untransformable(f"{name} is no time: {found!r}")


def _member(raw: Raw, name: str, of: type[Any], *, none: bool = False) -> str | None:
    found = raw[name]
    if found is None and none:
        return None
    try:
        return str(of(found).value)
    except ValueError:
        raise Untransformable(f"{name} is not known: {found!r}") from None


def _words(raw: Raw, name: str) -> str:
    try:
        return ",".join(msgspec.json.decode(raw[name], type=tuple[str, ...]))
    except (msgspec.MsgspecError, TypeError):
        raise Untransformable(f"{name} is no list of words: {raw[name]!r}") from None


def _number(text: str | None) -> float | None:
    """Decimal text as a number; None for other text, which stays beside it as it is."""
    if text is None:
        return None
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
