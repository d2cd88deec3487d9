"""Commands that act: what each takes to be let, and the audit log's line on it.

One table says it for all of them.  `bound` puts the question before a command and the line behind
it, so that no command has to think of either.  Each command stands in one of three tables.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from headend import config as configuration
from headend.access.ordering import permission_for
from headend.app.access import By, Refused, acting_as, let, note
from headend.config import BadConfig, Config
from headend.domain.account import Permission
from headend.domain.audit import Outcome
from headend.domain.order import Kind
from headend.ports import StoreUnavailable
from tools.database import ADVICE
from tools.terminal import wrong_usage

TOKEN = "AMI_TOKEN"
CONFIG = "AMI_CONFIG"
TOKEN_FILE = "token_file"
SUBJECTS_MAX = 8  # names in one line of the log
P = Permission


@dataclass(frozen=True, slots=True)
class Act:
    """What a command does to a head-end.

    `named` is the argument that tells of what; `logged`: it writes its own line into the audit log,
    in the transaction that does the work; `when`: an option without which it only looks.
    """

    permission: Permission | Callable[[Mapping[str, Any]], Permission]
    noun: str
    named: str = ""
    logged: bool = False
    when: str = ""

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
    """Of a campaign: what one of its orders takes."""
    return permission_for(Kind(given["kind"]))


def _meter(named: str = "number") -> Act:
    return Act(P.REGISTRY_WRITE, "meter", named)


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
    "meter remove": _meter(),
    "meter restock": _meter(),
    "meter exchange": _meter("old"),
    "meter commission": _meter("numbers"),
    "meter rekey": Act(P.KEY_CHANGE, "meter", "meters", logged=True),
    "meter clock": Act(P.METER_ADJUST, "meter", "meter", logged=True),
    "meter tariff": Act(P.METER_ADJUST, "meter", "meter", logged=True),
    "place import": Act(P.REGISTRY_WRITE, "places", "file"),
    "place hang": Act(P.REGISTRY_WRITE, "installations", "file"),
    "shipment import": Act(P.REGISTRY_WRITE, "shipment", "file"),
    "collection validate": Act(P.READING_CORRECT, "values"),
    "collection backfill": Act(P.READING_DEMAND, "what is missing", when="ask"),
    "event ack": Act(P.EVENT_ACKNOWLEDGE, "event", "number", logged=True),
    "incident ack": Act(P.EVENT_ACKNOWLEDGE, "incident", "number", logged=True),
    "notify retry": Act(P.EVENT_ACKNOWLEDGE, "notice", "number"),
    "notify test": Act(P.EVENT_ACKNOWLEDGE, "channel", "channel"),
    "firmware add": Act(P.FIRMWARE_INSTALL, "image", "file", logged=True),
    "firmware install": Act(P.FIRMWARE_INSTALL, "image", "image", logged=True),
    "account add": _account("account", "name"),
    "account role": _account("account", "name"),
    "account disable": _account("account", "name"),
    "account enable": _account("account", "name"),
    "account unlock": _account("account", "name"),
    "account password": _account("account", "name"),
    "token create": _account("token for", "account"),
    "token revoke": _account("token", "id"),
    "backup create": Act(P.SYSTEM_OPERATE, "backup"),
    "backup resume": Act(P.SYSTEM_OPERATE, "sending", logged=True),
    "legacy again": Act(P.SYSTEM_OPERATE, "legacy database"),
    "warehouse load": Act(P.SYSTEM_OPERATE, "data store"),
}  # fmt: skip
"""What changes a head-end's database, or has a head-end do something."""

LOOKS = frozenset(
    {
        "order list", "order show", "campaign list", "campaign show", "campaign watch",
        "job devices", "job list", "job show", "explain concentrator", "explain meter",
        "explain order", "concentrator list", "concentrator activities", "meter list",
        "meter show", "place list",
        "place show", "shipment preview", "shipment list", "shipment show",
        "collection findings", "collection schedules", "collection status", "collection gaps",
        "collection curve", "collection rollup",
        "event list", "event show", "incident list", "incident show",
        "notify list", "notify dead", "notify schema", "firmware list", "firmware show",
        "account list", "token list", "audit show", "audit verify", "backup status",
        "backup verify", "backup list", "warehouse status", "warehouse verify",
        "warehouse quality", "report list", "report show", "tariff check",
        "sla report", "sla check", "legacy status", "legacy roles", "why",
    }
)  # fmt: skip
"""What changes nothing."""

ELSEWHERE = {
    "serve": "the head-end itself",
    "order send": "a message to the SOAP door, which asks for a certificate",
    "order cancel": "a message to the SOAP door, which asks for a certificate",
    "database copy": "from one database into another on which nobody works",
    "backup restore": "the accounts are in the backup, and its line is written into what came back",
    "backup escrow make": "officers' shares of a key, no database",
    "backup escrow open": "officers' shares of a key, no database",
    "warehouse sweep": "the data store's files, no head-end's database",
    "warehouse dump": "the data store's files, no head-end's database",
    "report make": "the data store's files, no head-end's database",
    "demo": "simulated", "field": "simulated", "sim": "simulated", "fleet": "simulated",
    "channel": "simulated", "grid": "simulated", "meter listen": "simulated",
    "bench": "measures", "dlms": "decodes", "capture": "decodes",
    "probe": "a laptop at a meter, with the technician's own kit",
    "meter record": "a laptop at a meter, with the technician's own kit",
}  # fmt: skip
"""What is not a head-end's work, and why it asks no head-end's accounts; a noun, or one verb."""


def placed(path: str) -> bool:
    """Whether a command stands in one of the tables, by itself or with its noun."""
    return path in ACTS or path in LOOKS or path in ELSEWHERE or path.partition(" ")[0] in ELSEWHERE


def bound(path: str, command: Any) -> None:
    """Put a command under its row, and each below it under its own."""
    if (verbs := getattr(command, "commands", None)) is not None:
        for name, each in verbs.items():
            bound(f"{path} {name}", each)
        return
    act = ACTS.get(path)
    if act is None:
        return
    command.params.append(_TOKEN_OPTION)
    command.callback = _acting(path, act, command.callback)


def _token_option() -> Any:
    """The option as typer makes it, by a command that has no other."""

    def asks(
        token_file: Annotated[
            str | None,
            typer.Option(
                metavar="FILE",
                help=f"What holds your token, where accounts are asked for; else {TOKEN}.",
            ),
        ] = None,
    ) -> None:
        raise NotImplementedError  # only its option is of use

    verbs = typer.Typer(add_completion=False)
    verbs.command()(asks)
    (option,) = typer.main.get_command(verbs).params
    return option


_TOKEN_OPTION = _token_option()


def _acting(path: str, act: Act, work: Callable[..., Any]) -> Callable[..., Any]:
    """The command, let first and written down afterwards."""

    @wraps(work)
    def acted(**words: Any) -> Any:
        token_file = words.pop(TOKEN_FILE)
        # Who names an account by --as proves it there, by its password.
        if (act.when and not words.get(act.when)) or words.get("as_"):
            return work(**words)
        settings = _settings(words)
        permission, subject = act.asks(words), act.subject(words)
        token = _token(token_file)
        if not _is_there(settings):  # which the command says best itself
            if token is not None or settings.access.commands != "open":
                wrong_usage(f"no head-end's database: {settings.database}", ADVICE)
            return work(**words)
        by = _let(settings, token, permission, subject)
        ended = 3  # what stands for a mistake of the program itself
        try:
            with acting_as(by):
                result = work(**words)
            ended = 0
            return result
        except typer.Exit as exit_:
            ended = exit_.exit_code
            raise
        finally:
            if not act.logged:
                _note(settings, by, permission, subject, path, ended)

    return acted


def _settings(words: Mapping[str, Any]) -> Config:
    """The head-end's that is meant.  Ends the command where it cannot be understood."""
    named, database = words.get("config") or os.environ.get(CONFIG), words.get("database")
    try:
        settings = configuration.read(Path(named)) if named is not None else Config()
        if database is None:
            return settings
        url = configuration.database_url(database)
    except BadConfig as error:
        wrong_usage(str(error))
    return msgspec.structs.replace(settings, database=url)


def _is_there(settings: Config) -> bool:
    """False where a file of SQLite's is missing: opening it would make it."""
    path = settings.database.removeprefix("sqlite:///")
    return path == settings.database or Path(path).is_file()


def _token(file: str | None) -> str | None:
    """The text of the token that was shown; None where none was."""
    if file is None:
        return os.environ.get(TOKEN) or None
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        wrong_usage(f"no token in {file}: {error}", "One line holds it: ami token create > FILE")


def _let(settings: Config, token: str | None, permission: Permission, subject: str) -> By:
    try:
        found = asyncio.run(let(settings, token, permission, subject))
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", ADVICE, code="no-database")
    if isinstance(found, Refused):
        wrong_usage(found.why, found.next_step, code=found.code)
    return found


def _note(
    settings: Config, by: By, permission: Permission, subject: str, path: str, ended: int
) -> None:
    outcome, told = Outcome.DONE, f"ami {path}"
    if ended:
        outcome, told = Outcome.FAILED, f"ami {path}: exit code {ended}"
    try:
        asyncio.run(note(settings, by, permission, subject, told, outcome))
    except StoreUnavailable as error:
        if ended:
            return  # as the command has said itself
        wrong_usage(f"not written into the audit log: {error}", ADVICE, code="no-database")
