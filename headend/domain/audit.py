"""The audit log: lines that are only ever added, each chained to the one before by its digest.

A line that is changed, moved or taken out breaks the chain, and lines that are cut off at the end
do not reach the head that is kept beside them.  Whoever can write to the database could forge all
of it together: note the head elsewhere now and then (it leaves with each message to the CERT), and
`verify` compares.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

GENESIS = "0" * 64
"""What the first line is chained to."""


class Outcome(enum.StrEnum):
    """What came of it."""

    DONE = "done"
    ALLOWED = "allowed"  # what is dangerous; what came of it stands in its own journal
    REFUSED = "refused"
    FAILED = "failed"  # it was let, and did not come about, or not as it was asked for
    SEEN = "seen"  # observed, and nobody's asking: a tag that does not verify


class Severity(enum.IntEnum):
    """How bad a line is for whoever watches security: the severities of RFC 5424, 6.2.1."""

    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFORMATIONAL = 6


@dataclass(frozen=True, slots=True)
class AuditLine:
    """What happened, before it has its place in the log.

    `action` is a permission's word, or an event's: `login`, `lock-out`, `token.create`.  `actor` is
    the account's name, "" where nobody is known; `source` where it came from: an address,
    `command`.  `security` lines go to the utility's CERT.
    """

    at: datetime
    actor: str
    action: str
    subject: str
    outcome: Outcome
    detail: str = ""
    source: str = ""
    severity: Severity = Severity.INFORMATIONAL
    security: bool = False


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A line in its place: numbers begin at 1 and leave none out."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    outcome: Outcome
    detail: str
    source: str
    severity: Severity
    security: bool
    digest: str


@dataclass(frozen=True, slots=True)
class AuditHead:
    """How far the log has come: the last line's number and digest."""

    number: int
    digest: str

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"


START = AuditHead(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Broken:
    """Where the log is not what was written: the first line at which it shows, and how."""

    number: int
    why: str


def chained(line: AuditLine, head: AuditHead) -> AuditEntry:
    """The line in its place behind `head`."""
    number = head.number + 1
    return AuditEntry(
        number,
        line.at,
        line.actor,
        line.action,
        line.subject,
        line.outcome,
        line.detail,
        line.source,
        line.severity,
        line.security,
        _digest(number, line, head.digest),
    )


def verify(
    entries: Iterable[AuditEntry], *, after: AuditHead = START, head: AuditHead | None = None
) -> AuditHead | Broken:
    """Walk the log from behind `after`: its head, or where it is broken.

    `head` is what is kept of the last line; with it, a log that was cut off is found as well.
    """
    at = after
    for entry in entries:
        if entry.number != at.number + 1:
            return Broken(at.number + 1, f"is missing; line {entry.number} follows {at.number}")
        line = AuditLine(
            entry.at,
            entry.actor,
            entry.action,
            entry.subject,
            entry.outcome,
            entry.detail,
            entry.source,
            entry.severity,
            entry.security,
        )
        if _digest(entry.number, line, at.digest) != entry.digest:
            return Broken(entry.number, "was changed, or the one before it was")
        at = AuditHead(entry.number, entry.digest)
    if head is not None and at != head:
        if at.number < head.number:
            return Broken(at.number + 1, f"is missing, and all up to line {head.number}")
        return Broken(at.number, "is not the last that was written")
    return at


def _digest(number: int, line: AuditLine, before: str) -> str:
    """SHA-256 over the digest before and every field, as JSON with the fields in one order."""
    fields = [
        before,
        number,
        line.at.astimezone(UTC).isoformat(timespec="microseconds"),
        line.actor,
        line.action,
        line.subject,
        line.outcome,
        line.detail,
        line.source,
        int(line.severity),
        line.security,
    ]
    text = json.dumps(fields, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
