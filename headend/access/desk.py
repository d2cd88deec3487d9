"""Where accounts and tokens are made and changed; each change stands in the audit log with it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from headend.access import lines, tokens
from headend.access.passwords import PASSWORD_MAX, Passwords
from headend.config import AccessPolicy
from headend.domain.account import NAME, Account, Permission, Role, Token
from headend.domain.audit import AuditLine
from headend.ports import AlreadyStored, Chance, Clock, Store, Transaction


class AccessRefused(ValueError):
    """It cannot be done so: a code for programs, a sentence, and what to do next."""

    def __init__(self, code: str, text: str, next_step: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.next_step = next_step


@dataclass(frozen=True, slots=True)
class By:
    """Who makes a change, and where from."""

    actor: str
    source: str


@dataclass(frozen=True, slots=True)
class AccountDesk:
    """Every change returns once it is safe on disk.  All raise `AccessRefused`."""

    store: Store
    clock: Clock
    chance: Chance
    passwords: Passwords
    policy: AccessPolicy

    async def add(
        self,
        name: str,
        roles: Collection[Role],
        by: By,
        *,
        password: str | None = None,
        one_time: bool = False,
    ) -> Account:
        """A new account; without a password it has tokens alone.  `one_time`: its password is to
        be changed at the first login."""
        if NAME.fullmatch(name) is None:
            raise AccessRefused(
                "bad-name", f"{name!r} is no name of an account",
                "Take small letters, digits and . _ @ -, at most 64.",
            )  # fmt: skip
        kept = None if password is None else await self._hashed(name, password)
        now = self.clock.now()
        account = Account(name, _in_order(roles), now, by.actor, kept, one_time=one_time)

        def work(tx: Transaction) -> None:
            tx.add_account(account)
            told = f"roles: {_listed(account.roles)}"
            tx.add_audit(self._line(now, by, "account.add", name, told))

        try:
            await self.store.run(work)
        except AlreadyStored as error:
            raise AccessRefused(
                "name-taken", f"there is an account {name} already", "Look: ami account list"
            ) from error
        return account

    async def set_roles(self, name: str, roles: Collection[Role], by: By) -> Account:
        """Give an account these roles in place of those that it has."""
        wanted = _in_order(roles)
        return await self._change(
            name,
            by,
            "account.role",
            lambda old, now: replace(old, roles=wanted),
            lambda old: f"roles: {_listed(old.roles)} before, now {_listed(wanted)}",
        )

    async def disable(self, name: str, by: By) -> Account:
        """It can do nothing any more, by password or token."""
        return await self._change(
            name,
            by,
            "account.disable",
            lambda old, now: replace(old, disabled_at=old.disabled_at or now),
            ends_sessions=True,
        )

    async def enable(self, name: str, by: By) -> Account:
        """It can do again what its roles may, with the tokens that have not ended."""
        return await self._change(
            name, by, "account.enable", lambda old, now: replace(old, disabled_at=None)
        )

    async def unlock(self, name: str, by: By) -> Account:
        """Wrong passwords are forgotten."""
        return await self._change(
            name,
            by,
            "account.unlock",
            lambda old, now: replace(old, failures=0, locked_until=None),
        )

    async def unlink(self, name: str, by: By) -> Account:
        """It is nobody's at the identity provider any more, until whoever bears its name there logs
        in: a person has left, or the provider is another.  Its sessions end."""
        return await self._change(
            name,
            by,
            "account.identity",
            lambda old, now: replace(old, issuer=None, subject=None),
            lambda old: f"was {old.subject} of {old.issuer}" if old.issuer else "was nobody's",
            ends_sessions=True,
        )

    async def set_password(
        self, name: str, password: str, by: By, *, one_time: bool = False
    ) -> Account:
        """Another password in place of the one it has, or its first.  Its sessions end."""
        kept = await self._hashed(name, password)
        return await self._change(
            name,
            by,
            "account.password",
            lambda old, now: replace(
                old, password=kept, failures=0, locked_until=None, one_time=one_time
            ),
            ends_sessions=True,
        )

    async def commands_ask(self) -> bool:
        """Whether commands on this database ask for an account."""
        return await self.store.run(lambda tx: tx.commands_ask())

    async def let_commands_ask(self, ask: bool, by: By) -> None:
        """Have commands on this database ask for an account, whatever configuration they name, or
        leave that to the configuration."""
        now = self.clock.now()

        def work(tx: Transaction) -> None:
            if tx.commands_ask() is ask:
                return
            tx.set_commands_ask(ask, now, by.actor)
            told = "commands ask for an account" if ask else "commands ask as configured"
            tx.add_audit(
                lines.changed(now, by.actor, "access.commands", "commands", told, source=by.source)
            )

        await self.store.run(work)

    # --- tokens ---

    async def create_token(
        self,
        account: str,
        by: By,
        *,
        scopes: Collection[Permission],
        about: str = "",
        expires_at: datetime | None = None,
        place: str | None = None,
    ) -> tuple[Token, str]:
        """A token and its text, which is nowhere kept.  Scopes are a part of what its account may;
        none named: all of it.  `place`: "zone:NORTE", whose meters alone it is for."""
        now = self.clock.now()
        ends = expires_at or now + timedelta(days=self.policy.token_days)
        if not now < ends <= now + timedelta(days=self.policy.token_days_max):
            raise AccessRefused(
                "bad-expiry",
                f"a token ends within {self.policy.token_days_max} days, and not before now",
                "Name an earlier end, or a longer [access] token_days_max.",
            )
        id, text = tokens.made(self.chance)

        def work(tx: Transaction) -> Token:
            known = _known(tx, account)
            missing = frozenset(scopes) - known.permissions
            if missing:
                raise AccessRefused(
                    "scope-too-wide",
                    f"{account} itself may not: {_listed(sorted(missing))}",
                    f"Its roles are {_listed(known.roles)}: ami account role",
                )
            given = tuple(sorted(frozenset(scopes) or known.permissions))
            code = None if place is None else _code(tx, place)
            token = Token(
                id,
                account,
                lines.clean(about),
                tokens.digest(text),
                given,
                now,
                by.actor,
                ends,
                place=code,
            )
            tx.add_token(token)
            told = f"for {account} until {ends:%Y-%m-%d}: {_listed(given)}"
            tx.add_audit(
                lines.changed(now, by.actor, "token.create", f"token {id}", told, source=by.source)
            )
            return token

        return await self.store.run(work), text

    async def revoke_token(self, id: str, by: By) -> Token:
        """It is of no use from now on."""
        now = self.clock.now()

        def work(tx: Transaction) -> Token:
            token = tx.token(id)
            if token is None:
                raise AccessRefused("no-such-token", f"no token {id}", "Look: ami token list")
            if token.revoked_at is not None:
                return token
            revoked = replace(token, revoked_at=now)
            tx.save_token(revoked)
            told = f"of {token.account}"
            tx.add_audit(
                lines.changed(now, by.actor, "token.revoke", f"token {id}", told, source=by.source)
            )
            return revoked

        return await self.store.run(work)

    # --- inside ---

    async def _change(
        self,
        name: str,
        by: By,
        action: str,
        change: Callable[[Account, datetime], Account],
        told: Callable[[Account], str] = lambda old: "",
        *,
        ends_sessions: bool = False,
    ) -> Account:
        now = self.clock.now()

        def work(tx: Transaction) -> Account:
            old = _known(tx, name)
            fresh = change(old, now)
            tx.save_account(fresh)
            if ends_sessions:
                tx.end_web_sessions_of(name)
            tx.add_audit(self._line(now, by, action, name, told(old)))
            return fresh

        return await self.store.run(work)

    def _line(self, now: datetime, by: By, action: str, name: str, told: str) -> AuditLine:
        return lines.changed(now, by.actor, action, f"account {name}", told, source=by.source)

    async def _hashed(self, name: str, password: str) -> str:
        text = unicodedata.normalize("NFC", password)
        least = self.policy.password_min
        if not least <= len(text) <= PASSWORD_MAX:
            raise AccessRefused(
                "weak-password",
                f"a password has {least} to {PASSWORD_MAX} characters, not {len(text)}",
                "Take a few words, or let a password keeper make one.",
            )
        if name in text.lower() or len(set(text)) < 5:
            raise AccessRefused(
                "weak-password", "it is too easily guessed: the account's name, or few characters",
                "Take a few words, or let a password keeper make one.",
            )  # fmt: skip
        return await self.passwords.hashed(text)


def _known(tx: Transaction, name: str) -> Account:
    account = tx.account(name)
    if account is None:
        raise AccessRefused("no-such-account", f"no account {name}", "Look: ami account list")
    return account


def _code(tx: Transaction, named: str) -> str:
    """The code of a place that is named with its kind, so that a slip gives no token for another.
    Raises `AccessRefused`."""
    kind, _, code = named.partition(":")
    place = tx.place(code)
    if place is None or place.kind != kind:
        raise AccessRefused(
            "no-such-place", f"no place is called {lines.clean(named)}", "Look: ami place list"
        )
    return place.code


def _in_order(roles: Collection[Role]) -> tuple[Role, ...]:
    if not roles:
        raise AccessRefused("no-role", "an account has at least one role", f"{_listed(Role)}")
    return tuple(role for role in Role if role in roles)


def _listed(words: Collection[str] | type[Role]) -> str:
    return ", ".join(words) or "none"
