"""What the audit log says: one place for the words of its lines."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from headend.domain.account import Permission
from headend.domain.audit import AuditLine, Outcome, Severity

TEXT_MAX = 500  # characters of one field: what a stranger sends must not fill the log
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

# Uses of these are told to the CERT as well.
TOLD = frozenset(
    {
        Permission.KEY_CHANGE,
        Permission.KEY_EXPORT,
        Permission.ORDER_APPROVE,
        Permission.SYSTEM_OPERATE,
    }
)


def clean(text: str) -> str:
    """A stranger's text, fit for a line: no control characters, no end of line, not too long."""
    cut = text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "…"
    return _UNPRINTABLE.sub("�", cut)


def allowed(
    at: datetime, actor: str, permission: Permission, subject: str, *, source: str, detail: str = ""
) -> AuditLine:
    """Somebody may do something dangerous, and is about to."""
    security = permission in TOLD
    severity = Severity.NOTICE if security else Severity.INFORMATIONAL
    return AuditLine(
        at, actor, permission, clean(subject), Outcome.ALLOWED, clean(detail), clean(source),
        severity, security,
    )  # fmt: skip


def done(
    at: datetime, actor: str, permission: Permission, subject: str, detail: str, *, source: str
) -> AuditLine:
    """What was allowed is done, and stands with what it did in one transaction."""
    security = permission in TOLD
    severity = Severity.NOTICE if security else Severity.INFORMATIONAL
    return AuditLine(
        at, actor, permission, clean(subject), Outcome.DONE, clean(detail), clean(source),
        severity, security,
    )  # fmt: skip


def acted(
    at: datetime,
    actor: str,
    permission: Permission,
    subject: str,
    detail: str,
    outcome: Outcome,
    *,
    source: str,
) -> AuditLine:
    """What became of a command that acts, once it is over."""
    line = done(at, actor, permission, subject, detail, source=source)
    return replace(line, outcome=outcome)


def refused(
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    why: str,
    *,
    source: str,
    severity: Severity = Severity.WARNING,
) -> AuditLine:
    """Somebody was not let do something."""
    return AuditLine(
        at, clean(actor), action, clean(subject), Outcome.REFUSED, clean(why), clean(source),
        severity, security=True,
    )  # fmt: skip


def changed(
    at: datetime, actor: str, action: str, subject: str, detail: str, *, source: str
) -> AuditLine:
    """Somebody made or changed an account or a token."""
    return AuditLine(
        at, actor, action, clean(subject), Outcome.DONE, clean(detail), clean(source),
        Severity.NOTICE, security=True,
    )  # fmt: skip


def seen(
    at: datetime,
    action: str,
    subject: str,
    detail: str,
    *,
    source: str = "",
    severity: Severity = Severity.WARNING,
) -> AuditLine:
    """Something was observed: a tag that does not verify, a certificate that was refused."""
    return AuditLine(
        at, "", action, clean(subject), Outcome.SEEN, clean(detail), clean(source), severity,
        security=True,
    )  # fmt: skip


def logged_out(at: datetime, actor: str, *, source: str) -> AuditLine:
    """Somebody has left the pages."""
    return AuditLine(
        at, actor, "logout", f"account {actor}", Outcome.DONE, "", clean(source)
    )  # fmt: skip


def logged_in(at: datetime, actor: str, *, source: str, how: str = "") -> AuditLine:
    """Somebody has shown the right password, or has come in another way."""
    return AuditLine(
        at, actor, "login", f"account {actor}", Outcome.DONE, how, clean(source)
    )  # fmt: skip
