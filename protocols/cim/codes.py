"""Reply.Error codes of IEC 61968-9, Annex B, as data.

Only 0.0, 0.1 and 2.4 are corroborated by several public sources; the rest rests on one.  Numbers
that are missing here are unknown to us, not invalid: reading a code never fails on its value.
"""

from __future__ import annotations

import enum
import re
from typing import Final


class Level(enum.StrEnum):
    """Severity of an error (Error/level)."""

    INFORM = "INFORM"
    WARNING = "WARNING"
    FATAL = "FATAL"
    CATASTROPHIC = "CATASTROPHIC"


class Result(enum.StrEnum):
    """Reply/Result."""

    OK = "OK"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"


REASONS: Final[dict[str, str]] = {
    "0.0": "No errors",
    "0.1": "Partial result (additional results conveyed in separate messages)",
    "0.2": "Partial result (no further results to follow)",
    "0.3": "Simple acknowledgment",
    "1.5": "Mandatory Header elements missing",
    "1.6": "Mandatory Request elements missing",
    "1.7": "Mandatory Payload elements missing",
    "1.8": "Format of request does not validate against schema",
    "1.9": "Unsupported message revision in Header",
    "2.4": "Invalid Meter(s)",
    "2.5": "Invalid Noun",
    "2.6": "Invalid ReadingType(s)",
    "2.9": "Invalid Verb",
    "2.10": "Unsupported ReadingType(s)",
    "2.12": "Invalid UsagePoint(s)",
    "2.13": "UsagePoint and Meter mismatch",
    "2.14": "Invalid Source",
    "2.15": "Invalid Request ID(s)",
    "2.29": "Object relationship mismatch",
    "3.1": "Too many items in request",
    "3.2": "Too many pending requests",
    "4.1": "Request timed out",
    "5.1": "Unable to process the request: high system activity level",
    "5.2": "Unable to process the request: transaction not attempted",
    "5.3": "Unable to process the request: transaction attempted and failed",
    "5.4": "Unable to process the request: multiple error types encountered",
    "5.5": "Some or all of the requested ReadingTypes are unavailable in MDMS",
    "5.6": "Some or all of the requested ReadingTypes are unavailable in AMI",
    "5.7": "Some or all of the requested data is unavailable",
    "5.8": "Unable to process the request: mandatory field(s) missing",
    "5.9": "Transaction aborted to maintain transactional integrity",
    "6.1": "Request cancelled per business rule",
    "6.2": "Request placed on hold per business rule",
    "6.3": "Request released from business rule hold",
    "6.4": "Request rescheduled per business rule",
    "6.5": "Request cancelled by user",
    "7.1": "Temporary authentication failure",
    "7.2": "Authentication required",
    "7.3": "Authentication mechanism insufficient",
    "7.4": "Authentication failure",
    "7.5": "Action not authorized for user",
    "7.6": "Authentication mechanism requires encryption",
    "7.7": "Policy violation",
}

# 2.16 to 2.28 name ServiceLocation, ComModule, CustomerAccount, ServiceSupplier, Customer and
# CustomerAgreement, invalid or mismatched with each other; which is which is not public.
_FAMILIES: Final[dict[str, str]] = {
    "0": "No errors",
    "1": "Request syntax error",
    "2": "Referential error",
    "3": "Request too large",
    "4": "Request timed out",
    "5": "Unable to process the request",
    "6": "Business rule",
    "7": "Security",
}

_CODE: Final = re.compile(r"0*(\d{1,4})\s*\.\s*0*(\d{1,4})")


def canonical(text: str) -> str | None:
    """A code as others write it, in our spelling: " 02.4 " is "2.4".  None if it is no code."""
    match = _CODE.fullmatch(text.strip())
    return f"{match[1]}.{match[2]}" if match else None


def reason_of(code: str) -> str:
    """The standard English text of a code; its family's text when the number is unknown to us."""
    return REASONS.get(code) or _FAMILIES.get(code.partition(".")[0], "Unknown error")
