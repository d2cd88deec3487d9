"""Who may do what: accounts, their roles, the permissions of a role, and tokens.

A permission is a word, `order.send`; a role is a set of them, an account has one role or several,
and a token carries a part of what its account may.  Duties are kept apart by the roles: who looks
after accounts cuts no supply, and who audits changes nothing (NIST RBAC, INCITS 359; IEC 62351-8).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime


class Permission(enum.StrEnum):
    """What one may do.  docs/security.md has the table of roles."""

    ORDER_READ = "order.read"
    ORDER_SEND = "order.send"
    ORDER_CUT = "order.cut"
    ORDER_CANCEL = "order.cancel"
    ORDER_APPROVE = "order.approve"
    READING_READ = "reading.read"
    READING_DEMAND = "reading.demand"
    METER_ADJUST = "meter.adjust"
    READING_CORRECT = "reading.correct"
    REGISTRY_READ = "registry.read"
    REGISTRY_WRITE = "registry.write"
    CUSTOMER_READ = "customer.read"
    CONCENTRATOR_ASK = "concentrator.ask"
    EVENT_READ = "event.read"
    EVENT_ACKNOWLEDGE = "event.acknowledge"
    COLLECTION_WRITE = "collection.write"
    TASK_READ = "task.read"
    TASK_WRITE = "task.write"
    FIRMWARE_INSTALL = "firmware.install"
    KEY_CHANGE = "key.change"
    KEY_EXPORT = "key.export"
    REPORT_READ = "report.read"
    PARTY_READ = "party.read"
    ACCOUNT_READ = "account.read"
    ACCOUNT_WRITE = "account.write"
    AUDIT_READ = "audit.read"
    METRICS_READ = "metrics.read"
    STREAM_READ = "stream.read"
    SCENARIO_PLAY = "scenario.play"
    SYSTEM_OPERATE = "system.operate"


P = Permission

MEANING: dict[Permission, str] = {
    P.ORDER_READ: "see orders, their journal and their outcome",
    P.ORDER_SEND: "order limits, connections, loads and ends of billing periods",
    P.ORDER_CUT: "order a disconnection, which cuts somebody's supply",
    P.ORDER_CANCEL: "cancel orders that wait",
    P.ORDER_APPROVE: "approve, as the second person, what another has ordered",
    P.READING_READ: "see readings, profiles and their completeness",
    P.READING_DEMAND: "have a meter read now",
    P.METER_ADJUST: "set meters' clocks and bring them tariff calendars",
    P.READING_CORRECT: "validate and estimate values; raw ones stay",
    P.REGISTRY_READ: "see meters and concentrators",
    P.REGISTRY_WRITE: "register, commission, link and remove them",
    P.CUSTOMER_READ: "see customers' names, e-mail addresses and telephones",
    P.CONCENTRATOR_ASK: "ask concentrators of themselves, and have them read once",
    P.EVENT_READ: "see events and alarms",
    P.EVENT_ACKNOWLEDGE: "acknowledge alarms",
    P.COLLECTION_WRITE: "change what is collected, and when",
    P.TASK_READ: "see scheduled tasks, their runs and their logs",
    P.TASK_WRITE: "make, change and run scheduled tasks, and map feeders by hand",
    P.FIRMWARE_INSTALL: "install firmware on devices",
    P.KEY_CHANGE: "change the keys of meters",
    P.KEY_EXPORT: "hand keys out, sealed for a technician's device",
    P.REPORT_READ: "see reports and the data store",
    P.PARTY_READ: "see the part of them that is a party's own",
    P.ACCOUNT_READ: "see accounts and tokens",
    P.ACCOUNT_WRITE: "make and change accounts and tokens",
    P.AUDIT_READ: "see and verify the audit log",
    P.METRICS_READ: "scrape the metrics",
    P.STREAM_READ: "listen to changes as they come; each kind needs its own besides",
    P.SCENARIO_PLAY: "play scenarios of the simulated field on the QA console",
    P.SYSTEM_OPERATE: "back up and restore",
}

DANGEROUS: frozenset[Permission] = frozenset(
    {
        P.ORDER_SEND,
        P.ORDER_CUT,
        P.ORDER_CANCEL,
        P.ORDER_APPROVE,
        P.METER_ADJUST,
        P.READING_CORRECT,
        P.REGISTRY_WRITE,
        P.CONCENTRATOR_ASK,
        P.COLLECTION_WRITE,
        P.TASK_WRITE,
        P.FIRMWARE_INSTALL,
        P.KEY_CHANGE,
        P.KEY_EXPORT,
        P.ACCOUNT_WRITE,
        P.SYSTEM_OPERATE,
    }
)
"""Each use of these stands in the audit log, as each refusal of any does."""


class Role(enum.StrEnum):
    """Who somebody is at the utility."""

    TECHNICIAN = "technician"
    OPERATOR = "operator"
    ANALYST = "analyst"
    QA = "qa"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    PARTY = "party"


_SEES = frozenset({P.REGISTRY_READ, P.READING_READ, P.EVENT_READ, P.STREAM_READ})

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.TECHNICIAN: _SEES | {P.ORDER_READ, P.READING_DEMAND},
    Role.OPERATOR: _SEES
    | {
        P.ORDER_READ,
        P.ORDER_SEND,
        P.ORDER_CUT,
        P.ORDER_CANCEL,
        P.ORDER_APPROVE,
        P.READING_DEMAND,
        P.METER_ADJUST,
        P.REGISTRY_WRITE,
        P.CUSTOMER_READ,
        P.CONCENTRATOR_ASK,
        P.EVENT_ACKNOWLEDGE,
        P.COLLECTION_WRITE,
        P.TASK_READ,
        P.TASK_WRITE,
        P.FIRMWARE_INSTALL,
        P.KEY_EXPORT,
        P.REPORT_READ,
        P.METRICS_READ,
    },
    Role.ANALYST: _SEES
    | {P.READING_CORRECT, P.REPORT_READ, P.CUSTOMER_READ, P.TASK_READ, P.TASK_WRITE},
    Role.QA: _SEES | {P.ORDER_READ, P.REPORT_READ, P.METRICS_READ, P.TASK_READ, P.SCENARIO_PLAY},
    Role.AUDITOR: frozenset(
        {
            P.AUDIT_READ,
            P.ACCOUNT_READ,
            P.ORDER_READ,
            P.REGISTRY_READ,
            P.EVENT_READ,
            P.REPORT_READ,
            P.TASK_READ,
        }
    ),
    Role.ADMINISTRATOR: frozenset(
        {
            P.ACCOUNT_READ,
            P.ACCOUNT_WRITE,
            P.AUDIT_READ,
            P.REGISTRY_READ,
            P.KEY_CHANGE,
            P.METRICS_READ,
            P.TASK_READ,
            P.SYSTEM_OPERATE,
        }
    ),
    Role.PARTY: frozenset({P.PARTY_READ}),  # outside the utility: what its scope holds, no more
}


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """All that these roles may together."""
    return frozenset().union(*(PERMISSIONS[role] for role in roles))


NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
"""What an account may be called: in capitals or with spaces it would be two for one eye."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody, or another system, that uses the head-end.

    `password` is its hash (None: tokens alone, or the identity provider); `failures` counts wrong
    ones since the last right one; until `locked_until` not even the right one is looked at.  A
    password that is `one_time` serves to choose another one.  One that is disabled stays, as the
    audit log names it.  `issuer` and `subject` name the person at an identity provider whose
    account it is, which their name there does not: names are given to others in time.
    """

    name: str
    roles: tuple[Role, ...]
    made_at: datetime
    made_by: str
    password: str | None = field(default=None, repr=False)
    failures: int = 0
    locked_until: datetime | None = None
    disabled_at: datetime | None = None
    one_time: bool = False
    issuer: str | None = None
    subject: str | None = None

    @property
    def permissions(self) -> frozenset[Permission]:
        """What it may: nothing where it is disabled."""
        return frozenset() if self.disabled_at is not None else permissions_of(self.roles)


@dataclass(frozen=True, slots=True)
class Token:
    """What a program shows in place of a password.

    Its secret is shown once, when it is made; `digest` is SHA-256 of it in hexadecimal digits.
    `scopes` are permissions; it carries those of them that its account has when it is used.
    `place` is the code of the place whose meters it is for; None: of all.
    """

    id: str
    account: str
    about: str  # what it is for, in its maker's words
    digest: str = field(repr=False)
    scopes: tuple[Permission, ...]
    made_at: datetime
    made_by: str
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has logged in at the pages.  `digest` is SHA-256, in hexadecimal digits, of what
    the browser keeps; `source` is where the login came from."""

    digest: str = field(repr=False)
    account: str
    made_at: datetime
    seen_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, once that is proven.  `token` is the id of the one that was shown, `place` the code
    of the place whose meters it is for; None: of all."""

    account: str
    permissions: frozenset[Permission]
    token: str | None = None
    place: str | None = None

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions


def second_person(asked: str, approves: Caller) -> bool:
    """Whether this caller may approve what the account `asked` has asked for: never one's own, nor
    what the machine's user of the same name has asked for by a command (`os:NAME`)."""
    same = asked.removeprefix("os:").casefold() == approves.account
    return not same and approves.may(Permission.ORDER_APPROVE)
