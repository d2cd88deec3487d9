"""What can change something at a meter: shown before it is sent, and written down when it is.

The journal's line stands on disk before the first octet that can act leaves.  In a dry run nothing
of the kind leaves at all: what would have is shown, with its frames.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from headend.app.probe import Entry, Layer
from protocols.dlms.obis import describe
from protocols.dlms.procedures import ACTING_REQUESTS, Pause, Request
from protocols.dlms.services import ActionRequest, GetRequest, SetRequest
from tools.probe.report import Column, Fact, Report, Table
from tools.probe.values import text_of

T = TypeVar("T")

JOURNALLED_MAX = 300  # characters of a request in the journal


class Withheld(Exception):
    """A dry run came to what can act; `report` shows it."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.title)
        self.report = report


@dataclass(slots=True)
class Watch:
    """Sees which request a procedure came to."""

    last: Request | None = None
    target: str = ""  # of the last one that can act: object and attribute or method
    sent: list[str] = field(default_factory=list)  # those that can act, in words

    def over(self, procedure: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """The procedure, watched."""
        answer: Any = None
        thrown: Exception | None = None
        while True:
            try:
                said = procedure.send(answer) if thrown is None else procedure.throw(thrown)
            except StopIteration as stop:
                found: T = stop.value
                return found
            answer, thrown = None, None
            if not isinstance(said, Pause):
                self.last = said
                if isinstance(said, ACTING_REQUESTS):
                    self.target = target_of(said)
                    self.sent.append(_shortened(request_text(said)))
            try:
                answer = yield said
            except Exception as error:  # whatever the driver throws in is the procedure's affair
                thrown = error


def request_text(request: Request) -> str:
    """A request as a person checks it: service, object, attribute or method, value."""
    match request:
        case SetRequest():
            parts = [
                f"SET {_object(each)} attribute {each.attribute} := {text_of(value)}"
                for each, value in zip(request.attributes, request.values, strict=True)
            ]
        case ActionRequest():
            parts = [
                f"ACTION {_object(each)} method {each.method}"
                + ("" if value is None else f" ({text_of(value)})")
                for each, value in zip(request.methods, request.parameters, strict=True)
            ]
        case GetRequest():
            parts = [
                f"GET {_object(each)} attribute {each.attribute}" for each in request.attributes
            ]
    return "; ".join(parts)


def target_of(request: SetRequest | ActionRequest) -> str:
    """What a request is for, without what it brings."""
    if isinstance(request, SetRequest):
        return "; ".join(f"{each.instance} {each.attribute}" for each in request.attributes)
    return "; ".join(f"{each.instance} m{each.method}" for each in request.methods)


def _shortened(text: str) -> str:
    return text if len(text) <= JOURNALLED_MAX else text[: JOURNALLED_MAX - 1] + "…"


def _object(each: Any) -> str:
    return f"{describe(each.instance)} {each.instance} (class {each.class_id})"


def withheld_report(report: Report, request: Request | None, entries: list[Entry]) -> Report:
    """What would have been sent."""
    withheld = [entry for entry in entries if entry.direction == "withheld"]
    rows = tuple((str(entry.layer), entry.octets.hex().upper()) for entry in withheld)
    columns = (Column("layer", "layer"), Column("octets", "octets"))
    what = "" if request is None else request_text(request)
    apdus = sum(entry.layer is Layer.APDU for entry in withheld)
    return Report(
        report.action,
        "Dry run: nothing that can act was sent",
        report.meter,
        report.at,
        (Fact("dry_run", "dry run", True), Fact("request", "would send", what)),
        (Table("withheld", "Octets that were kept back", columns, rows),),
        ("The association was opened, and what had to be read was read.",) if apdus else (),
        result="dry run",
        journal={"would_send": what},
    )
