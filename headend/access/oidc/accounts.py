"""The account of a person at the provider, found, linked or made, with the roles of the day."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from headend.access import lines
from headend.access.oidc.person import Person
from headend.access.oidc.refusing import NotLoggedIn, Why
from headend.config.oidc import Oidc
from headend.domain.account import Account, Role
from headend.ports import Transaction

ACTOR = "oidc"
"""Who makes and changes accounts by what the provider says, in the audit log."""


def recognised(
    tx: Transaction, person: Person, config: Oidc, now: datetime, *, source: str
) -> Account:
    """Their account, with the lines of the audit log that say what changed and that they are in.
    Raises `NotLoggedIn`, and nothing has changed then."""
    roles = person.roles(config.roles)
    account = tx.account_of(person.issuer, person.subject)
    changes: list[tuple[str, str]] = []
    is_new = False
    if account is None:
        account = tx.account(person.name)
        is_new = account is None
        if account is None:
            account = _made(person, roles, config, now)
            changes.append(("account.add", f"roles: {', '.join(roles)}"))
        else:
            own = account.password is not None or bool(tx.tokens(account.name))
            account = _linked(account, person, adopts=config.adopts or not own)
            changes.append(("account.identity", f"is {person.subject} of {person.issuer}"))
    if account.disabled_at is not None:
        raise NotLoggedIn(Why.DISABLED, "it is disabled", account.name)
    if config.roles and not roles:
        raise NotLoggedIn(Why.NO_ROLE, _groups(person), account.name)
    if account.one_time:  # nobody has used it, and it would still open the account
        changes.append(("account.password", "its one-time password is gone"))
        account = replace(account, password=None, one_time=False)
    if config.roles and roles != account.roles:
        told = f"roles: {', '.join(account.roles)} before, now {', '.join(roles)}"
        changes.append(("account.role", told))
        account = replace(account, roles=roles)
    if is_new:
        tx.add_account(account)
    elif changes:
        tx.save_account(account)
    for action, told in changes:
        subject = f"account {account.name}"
        tx.add_audit(lines.changed(now, ACTOR, action, subject, told, source=source))
    tx.add_audit(lines.logged_in(now, account.name, source=source, how="by OpenID Connect"))
    return account


def left_by(tx: Transaction, issuer: str, subject: str, now: datetime, *, source: str) -> None:
    """End the sessions of the account whose person has left, if there is one."""
    account = tx.account_of(issuer, subject)
    if account is None:
        return
    tx.end_web_sessions_of(account.name)
    told = "its sessions end, as the provider says"
    named = f"account {account.name}"
    tx.add_audit(lines.changed(now, ACTOR, "account.logout", named, told, source=source))


def _made(person: Person, roles: tuple[Role, ...], config: Oidc, now: datetime) -> Account:
    if config.accounts == "existing":
        raise NotLoggedIn(Why.NO_ACCOUNT, f"there is no account {person.name}")
    if not roles:
        raise NotLoggedIn(Why.NO_ROLE, _groups(person))
    return Account(
        person.name, roles, now, ACTOR, issuer=person.issuer, subject=person.subject
    )  # fmt: skip


def _linked(account: Account, person: Person, *, adopts: bool) -> Account:
    """The account that bears the person's name is theirs from now on, unless it is another's: a
    person's by their password, or a program's by its tokens."""
    if account.issuer is not None:
        raise NotLoggedIn(Why.OTHER, f"it is {account.subject} of {account.issuer}", account.name)
    if not adopts:
        raise NotLoggedIn(Why.LOCAL, "it has a password or tokens of its own", account.name)
    return replace(account, issuer=person.issuer, subject=person.subject)


def _groups(person: Person) -> str:
    some = ", ".join(sorted(person.groups)[:20]) or "none"
    return f"no group of {person.name} has a role: {some}"
