"""What each command does to a head-end, and what it takes to be let: one table says it for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from headend import config as configuration
from headend.config import BadConfig, OrderPolicy
from headend.domain.account import Permission
from headend.domain.order import Kind
from headend.orders import cutting

SUBJECTS_MAX = 8  # names in one line of the log
P = Permission


@dataclass(frozen=True, slots=True)
class Act:
    """What a command does to a head-end.

    `named` is the argument that tells of what; `logged`: it writes its own line into the audit log,
    in the transaction that does the work; `when`: an option without which it only looks, by the
    permission `looks`; `database`: the argument that names the database, where it is another one;
    `unless`: an option with which it is none of a head-end; `overrules`: one with which it does
    what it refuses else, and which the log tells.
    """

    permission: Permission | Callable[[Mapping[str, Any]], Permission]
    noun: str
    named: str = ""
    logged: bool = False
    when: str = ""
    looks: Permission | None = None
    database: str = "database"
    unless: str = ""
    overrules: str = ""

    def asks(self, given: Mapping[str, Any]) -> Permission:
        """The permission that it takes, as it was called."""
        return self.permission if isinstance(self.permission, P) else self.permission(given)

    def subject(self, given: Mapping[str, Any]) -> str:
        """Of what the audit log says it."""
        value = given.get(self.named) if self.named else None
        if value is None or value == ():
            return self.noun
        some = [str(each) for each in value] if isinstance(value, (list, tuple)) else [str(value)]
        more = f", and {len(some) - SUBJECTS_MAX} more" if len(some) > SUBJECTS_MAX else ""
        return f"{self.noun} {', '.join(some[:SUBJECTS_MAX])}{more}"


def _by_kind(given: Mapping[str, Any]) -> Permission:
    """Of a campaign: what one of its orders takes, as the head-end's settings weigh its limit."""
    from tools.order.command import amount_of  # a command itself, which this table is about

    limit, file = given.get("limit"), given.get("config")
    amount, unit = amount_of(limit) if limit else (None, None)
    try:
        policy = configuration.read(Path(file)).orders if file else OrderPolicy()
    except BadConfig:  # whoever looks for the database tells it
        policy = OrderPolicy()
    watts = None if amount is None else Decimal(amount)
    return cutting.permission(Kind(given["kind"]), watts, unit, policy)


def _meter(named: str = "number", overrules: str = "") -> Act:
    return Act(P.REGISTRY_WRITE, "meter", named, overrules=overrules)


def _account(noun: str, named: str) -> Act:
    return Act(P.ACCOUNT_WRITE, noun, named, logged=True)


def _campaign(permission: Permission = P.ORDER_SEND) -> Act:
    return Act(permission, "campaign", "number", logged=True)


ACTS: dict[str, Act] = {
    "order approve": Act(P.ORDER_APPROVE, "orders", "numbers", logged=True),
    "order refuse": Act(P.ORDER_APPROVE, "orders", "numbers", logged=True),
    "order read": Act(P.READING_DEMAND, "meter", "meter"),
    "campaign start": Act(_by_kind, "campaign", logged=True),
    "campaign pause": _campaign(),
    "campaign resume": _campaign(),
    "campaign retry": _campaign(),
    "campaign cancel": _campaign(P.ORDER_CANCEL),
    "campaign approve": _campaign(P.ORDER_APPROVE),
    "campaign refuse": _campaign(P.ORDER_APPROVE),
    "job enrol": Act(P.KEY_EXPORT, "technician's device", "name"),
    "job keys": Act(P.KEY_CHANGE, "keys of job clients", "file"),
    "job export": Act(P.KEY_EXPORT, "jobs", logged=True),
    "job revoke": Act(P.KEY_EXPORT, "job", "job"),
    "job import": Act(P.KEY_EXPORT, "job's result", "result"),
    "concentrator ask": Act(P.CONCENTRATOR_ASK, "concentrator", "name", logged=True),
    "concentrator add": Act(P.REGISTRY_WRITE, "concentrator", "name"),
    "concentrator update": Act(P.FIRMWARE_INSTALL, "concentrator", "name", logged=True),
    "meter add": Act(P.REGISTRY_WRITE, "meter", "number", logged=True),
    "meter install": _meter(),
    "meter link": _meter(),
    "meter unlink": _meter(),
    "meter serve": _meter(),
    "meter block": _meter(),
    "meter unblock": _meter(),
    "meter remove": _meter(overrules="below_readings"),
    "meter restock": _meter(),
    "meter exchange": _meter("old", "below_readings"),
    "meter commission": _meter("numbers"),
    "meter rekey": Act(P.KEY_CHANGE, "meter", "meters", logged=True),
    "meter clock": Act(P.METER_ADJUST, "meter", "meter", logged=True),
    "meter tariff": Act(P.METER_ADJUST, "meter", "meter", logged=True),
    "place import": Act(P.REGISTRY_WRITE, "places", "file"),
    "place hang": Act(P.REGISTRY_WRITE, "installations", "file"),
    "shipment import": Act(P.REGISTRY_WRITE, "shipment", "file"),
    "collection validate": Act(P.READING_CORRECT, "values"),
    "collection backfill": Act(
        P.READING_DEMAND, "what is missing", when="ask", looks=P.READING_READ
    ),
    **{
        f"task {verb}": Act(P.TASK_WRITE, "task", "name", logged=True)
        for verb in ("new", "edit", "delete", "on", "off", "pause", "resume", "run")
    },
    "feeder map": Act(P.TASK_WRITE, "feeder", "siad", logged=True),
    "feeder unmap": Act(P.TASK_WRITE, "feeder", "siad", logged=True),
    "event ack": Act(P.EVENT_ACKNOWLEDGE, "event", "number", logged=True),
    "incident ack": Act(P.EVENT_ACKNOWLEDGE, "incident", "number", logged=True),
    "notify retry": Act(P.EVENT_ACKNOWLEDGE, "notice", "number"),
    "notify test": Act(P.EVENT_ACKNOWLEDGE, "channel", "channel"),
    "firmware add": Act(P.FIRMWARE_INSTALL, "image", "file", logged=True),
    "firmware install": Act(P.FIRMWARE_INSTALL, "image", "image", logged=True),
    "access commands": _account("commands", "what"),
    "account add": _account("account", "name"),
    "account role": _account("account", "name"),
    "account disable": _account("account", "name"),
    "account enable": _account("account", "name"),
    "account unlock": _account("account", "name"),
    "account unlink": _account("account", "name"),
    "account password": _account("account", "name"),
    "token create": _account("token for", "account"),
    "token revoke": _account("token", "id"),
    "backup create": Act(P.SYSTEM_OPERATE, "backup"),
    "backup resume": Act(P.SYSTEM_OPERATE, "sending", logged=True),
    "database retain": Act(P.SYSTEM_OPERATE, "retention"),
    "legacy again": Act(P.SYSTEM_OPERATE, "legacy database"),
    "backup restore": Act(P.SYSTEM_OPERATE, "the database", logged=True),
    "database copy": Act(
        P.SYSTEM_OPERATE, "database", "target", database="source", unless="legacy"
    ),
    # The tables of the audit log may be of another revision afterwards.
    "database upgrade": Act(P.SYSTEM_OPERATE, "database", "to", logged=True, unless="legacy"),
    "database downgrade": Act(P.SYSTEM_OPERATE, "database", "to", logged=True, unless="legacy"),
    "fleet provision": Act(P.REGISTRY_WRITE, "a fleet's registry"),
    "warehouse load": Act(P.SYSTEM_OPERATE, "data store"),
    "warehouse sweep": Act(P.SYSTEM_OPERATE, "data store"),
    "warehouse dump": Act(P.SYSTEM_OPERATE, "dump for", "party"),
    "report make": Act(P.REPORT_READ, "report", "report"),
}  # fmt: skip
"""What changes a head-end's database, or has a head-end do something."""

_SEEN: dict[Permission, tuple[str, ...]] = {
    P.ORDER_READ: (
        "order list", "order show", "campaign list", "campaign show", "campaign watch",
        "explain concentrator", "explain meter", "explain order", "why",
    ),
    P.REGISTRY_READ: (
        "concentrator list", "concentrator activities", "meter list", "meter show", "place list",
        "place show", "shipment list", "shipment show", "firmware list", "firmware show",
    ),
    P.REGISTRY_WRITE: ("shipment preview",),
    P.READING_READ: (
        "collection findings", "collection schedules", "collection status", "collection gaps",
        "collection curve", "collection rollup", "collection phases", "feeder list",
        "feeder unbalance",
    ),
    P.EVENT_READ: (
        "event list", "event show", "incident list", "incident show", "notify list", "notify dead",
    ),
    P.TASK_READ: ("task list", "task show", "task history", "task log"),
    P.ACCOUNT_READ: ("access show", "account list", "token list"),
    P.AUDIT_READ: ("audit show", "audit verify"),
    P.KEY_EXPORT: ("job devices", "job list", "job show"),
    P.REPORT_READ: (
        "report list", "report show", "warehouse status", "warehouse verify", "warehouse quality",
        "sla report",
    ),
    P.SYSTEM_OPERATE: ("backup status", "backup verify", "backup list", "legacy status"),
}  # fmt: skip
LOOKS = {path: permission for permission, paths in _SEEN.items() for path in paths}
"""What changes nothing, and what one may see for it."""

ELSEWHERE = {
    "serve": "the head-end itself",
    "order send": "a message to the SOAP door, which asks for a certificate",
    "order cancel": "a message to the SOAP door, which asks for a certificate",
    "backup escrow make": "officers' shares of a key, no database",
    "backup escrow open": "officers' shares of a key, no database",
    "database version": "tells a number",
    "task kinds": "tells which plug-ins are installed",
    "legacy roles": "says what to ask a database administrator for",
    "notify schema": "says what a message looks like",
    "sla check": "a file of goals", "tariff check": "a file with a calendar",
    "demo": "simulated", "field": "simulated", "sim": "simulated",
    "fleet sample": "simulated", "fleet collect": "simulated", "fleet month": "simulated",
    "channel": "simulated", "grid": "simulated", "meter listen": "simulated",
    "bus": "a process and a folder of its own, no database",
    "cim": "messages and adapters of other systems, no head-end's database",
    "bench": "measures", "dlms": "decodes", "capture": "decodes",
    "probe": "a laptop at a meter, with the technician's own kit",
    "meter record": "a laptop at a meter, with the technician's own kit",
}  # fmt: skip
"""What is not a head-end's work, and why it asks no head-end's accounts; a noun, or one verb."""
