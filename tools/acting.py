"""Commands and accounts: who is let, and the audit log's line on what was done.

The tables of `acts` say it for all of them.  `bound` puts the question before a command and the
line behind it, so that no command has to think of either.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import msgspec
import typer

from headend import config as configuration
from headend.app.access import By, Refused, acting_as, let, note
from headend.config import BadConfig, Config, without_password
from headend.domain.account import Permission
from headend.domain.audit import Outcome
from headend.ports import StoreUnavailable
from tools.acts import ACTS, ELSEWHERE, LOOKS, Act
from tools.database.opening import ADVICE
from tools.options import TOKEN, TokenFile, token_shown
from tools.terminal import wrong_usage

__all__ = ["ACTS", "CONFIG", "ELSEWHERE", "LOOKS", "TOKEN", "TOKEN_FILE", "bound", "placed"]

CONFIG = "AMI_CONFIG"
TOKEN_FILE = "token_file"


def placed(path: str) -> bool:
    """Whether a command stands in one of the tables, by itself or with its noun."""
    return path in ACTS or path in LOOKS or path in ELSEWHERE or path.partition(" ")[0] in ELSEWHERE


def bound(path: str, command: Any) -> None:
    """Put a command under its row, and each below it under its own."""
    if (verbs := getattr(command, "commands", None)) is not None:
        for name, each in verbs.items():
            bound(f"{path} {name}", each)
        return
    if any(each.name == TOKEN_FILE for each in command.params):
        return  # it asks by itself
    if (act := ACTS.get(path)) is not None:
        command.params.append(_TOKEN_OPTION)
        command.callback = _acting(path, act, command.callback)
    elif (seen := LOOKS.get(path)) is not None:
        command.params.append(_TOKEN_OPTION)
        command.callback = _looking(path, seen, command.callback)


def _token_option() -> Any:
    """The option as typer makes it, by a command that has no other."""

    def asks(token_file: TokenFile = None) -> None:
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
        if words.get("as_") or (act.unless and words.get(act.unless)):
            return work(**words)
        if act.when and not words.get(act.when):
            if act.looks is not None:
                _allowed(words, token_file, act.looks, path, looks=True)
            return work(**words)
        permission, subject = act.asks(words), act.subject(words)
        found = _allowed(words, token_file, permission, subject, database=act.database)
        if found is None:
            return work(**words)
        settings, by = found
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
                overruled = act.overrules if words.get(act.overrules) else ""
                option = f" --{overruled.replace('_', '-')}" if overruled else ""
                _note(settings, by, permission, subject, path + option, ended)

    return acted


def _looking(path: str, permission: Permission, work: Callable[..., Any]) -> Callable[..., Any]:
    """The command, let first; who looked stands in the log only where it was refused."""

    @wraps(work)
    def looked(**words: Any) -> Any:
        token_file = words.pop(TOKEN_FILE)
        found = _allowed(words, token_file, permission, path, looks=True)
        if found is None:
            return work(**words)
        with acting_as(found[1]):
            return work(**words)

    return looked


def _allowed(
    words: Mapping[str, Any],
    token_file: str | None,
    permission: Permission,
    subject: str,
    *,
    database: str = "database",
    looks: bool = False,
) -> tuple[Config, By] | None:
    """Whose head-end it is, and who is let; None where it has no database, which the command says
    best itself.  Ends the command where somebody is not."""
    settings, token = _settings(words, database), token_shown(token_file)
    if not _is_there(settings):
        if (token is not None and not looks) or settings.access.commands != "open":
            wrong_usage(f"no head-end's database: {settings.database}", ADVICE, code="no-database")
        return None
    try:
        found = asyncio.run(let(settings, token, permission, subject, looks=looks))
    except StoreUnavailable as error:
        named = words.get(database) or without_password(settings.database)
        wrong_usage(f"{named} is no head-end's database: {error}", ADVICE, code="no-database")
    if isinstance(found, Refused):
        wrong_usage(found.why, found.next_step, code=found.code)
    return settings, found


def _settings(words: Mapping[str, Any], named_by: str) -> Config:
    """The head-end's that is meant.  Ends the command where it cannot be understood."""
    named, database = words.get("config") or os.environ.get(CONFIG), words.get(named_by)
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
