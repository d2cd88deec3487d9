"""The guard: proves who asks, tells whether they may, and writes down what the log must hold.

Every answer that is no leave is a `Refused`: a code, what happened, and what to do next.  Whoever
holds a token or a password that is wrong learns nothing of what would have been right.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from headend.access import lines, tokens
from headend.access.knocks import Knocks
from headend.access.passwords import Passwords
from headend.config import AccessPolicy
from headend.domain.account import DANGEROUS, NAME, Account, Caller, Permission, Role, Token
from headend.domain.audit import AuditLine, Severity
from headend.ports import Clock, Store, Transaction

USED_EVERY = timedelta(minutes=1)  # how exactly a token's last use is known


class Refusal(enum.StrEnum):
    """Why somebody was not let in, or not let do something."""

    NOT_PROVEN = "not-proven"
    EXPIRED = "token-expired"
    REVOKED = "token-revoked"
    DISABLED = "account-disabled"
    LOCKED = "account-locked"
    TOO_MANY = "too-many-tries"
    NOT_PERMITTED = "not-permitted"
    PASSWORDS_OFF = "passwords-off"


@dataclass(frozen=True, slots=True)
class Refused:
    """No, why not, and what to do next.  `wait_s`: until it is worth another try."""

    code: Refusal
    why: str
    next_step: str
    wait_s: float | None = None


_UNKNOWN = Refused(
    Refusal.NOT_PROVEN,
    "nobody is known by this",
    "Ask an administrator for a token: ami token create",
)
_PASSWORDS_OFF = Refused(
    Refusal.PASSWORDS_OFF,
    "this account does not log in by a password here",
    "Log in by the utility's identity provider; [oidc] passwords says who need not.",
)
_WRONG = Refused(
    Refusal.NOT_PROVEN,
    "the account or the password is wrong",
    "Try again, or ask an administrator: ami account password",
)


@dataclass(slots=True)
class Guard:
    """At every door of the head-end but those of machines with certificates.

    `told` is called when a security line was written: somebody may be waiting to pass it on.
    """

    store: Store
    clock: Clock
    passwords: Passwords
    policy: AccessPolicy
    told: Callable[[], None] = lambda: None
    _knocks: Knocks = field(init=False)

    def __post_init__(self) -> None:
        window = timedelta(seconds=self.policy.place_window_s)
        self._knocks = Knocks(self.policy.place_failures_max, window)

    # --- who is it? ---

    async def show(self, text: str, *, source: str) -> Caller | Refused:
        """Who a token speaks for.  `source` is where it came from."""
        now = self.clock.now()
        id = tokens.id_of(text)
        found, actor = await self.store.run(lambda tx: shown(tx, text, now))
        if isinstance(found, Caller):
            return found
        # The right token is let in even where others at its address try wrong ones, as behind a
        # proxy: nobody guesses 256 bits.  What a shut place tries is not written down any more.
        if (shut := self._shut(source, now)) is not None:
            return shut
        subject = "a token" if id is None else f"token {id}"
        await self._wrong(now, actor, "token", subject, found.code, source)
        return found

    async def login(
        self, name: str, password: str, *, source: str, only: Collection[Role] | None = None
    ) -> Caller | Refused:
        """Who a name and a password belong to.  An account is locked after a few wrong ones.

        `only`: others than those with one of these roles are to come another way."""
        now = self.clock.now()
        if (shut := self._shut(source, now)) is not None:
            return shut
        account = None
        if NAME.fullmatch(name) is not None:
            account = await self.store.run(lambda tx: tx.account(name))
        if account is None:  # what was typed for a name may be a password, and is not written down
            name = ""
        if account is not None and account.locked_until is not None and now < account.locked_until:
            await self._wrong(now, name, "login", f"account {name}", "it is locked", source)
            left = (account.locked_until - now).total_seconds()
            return Refused(
                Refusal.LOCKED,
                "the account is locked after wrong passwords",
                "Wait, or ask an administrator: ami account unlock",
                left,
            )
        right = await self.passwords.opens(password, None if account is None else account.password)
        if not right or account is None:
            await self._failed(now, name, source)
            return _WRONG
        if account.disabled_at is not None:
            await self._wrong(now, name, "login", f"account {name}", "it is disabled", source)
            return _WRONG
        if only is not None and not frozenset(only) & frozenset(account.roles):
            why = "by a password, which is not its way in"
            await self._wrong(now, name, "login", f"account {name}", why, source)
            return _PASSWORDS_OFF
        fresh = account.password
        if fresh is not None and self.passwords.outdated(fresh):
            fresh = await self.passwords.hashed(password)

        def work(tx: Transaction) -> None:
            known = tx.account(name)
            if known is not None and known.password == account.password:
                tx.save_account(replace(known, failures=0, locked_until=None, password=fresh))
            tx.add_audit(lines.logged_in(now, name, source=source))

        await self.store.run(work)
        return Caller(account.name, account.permissions)

    # --- may they? ---

    async def refuses(
        self, caller: Caller, permission: Permission, subject: str, *, source: str, detail: str = ""
    ) -> Refused | None:
        """None where they may; what is dangerous, and each refusal, is written down first."""
        now = self.clock.now()
        if caller.may(permission):
            if permission in DANGEROUS:
                await self.note(
                    lines.allowed(
                        now, caller.account, permission, subject, source=source, detail=detail
                    )
                )
            return None
        why = f"{caller.account} may not: {permission} is missing"
        await self.note(lines.refused(now, caller.account, permission, subject, why, source=source))
        held = "this token's scopes" if caller.token else "this account's roles"
        return Refused(
            Refusal.NOT_PERMITTED,
            f"{permission} is not among {held}",
            "Ask an administrator for it: ami account role, ami token create",
        )

    async def note(self, line: AuditLine) -> None:
        """Add a line to the audit log."""
        await self.store.run(lambda tx: tx.add_audit(line))
        if line.security:
            self.told()

    # --- wrong tries ---

    def keeps_out(self, source: str) -> Refused | None:
        """Why nobody is let in from there just now; None where they may try."""
        return self._shut(source, self.clock.now())

    async def refuse_login(self, name: str, why: str, *, source: str) -> None:
        """Write down a login that another way has come to nothing by, and count it against its
        place.  `name`: the account that it would have been, "" where none is known."""
        subject = f"account {name}" if name else "nobody who is known"
        await self._wrong(self.clock.now(), name, "login", subject, why, source)

    def _shut(self, source: str, now: datetime) -> Refused | None:
        left = self._knocks.shut(source, now)
        if left is None:
            return None
        return Refused(
            Refusal.TOO_MANY, "too many wrong tries came from there", "Wait, then try again.", left
        )

    async def _wrong(
        self, now: datetime, actor: str, action: str, subject: str, why: str, source: str
    ) -> None:
        """Write a wrong try down, and count it against the place that it came from."""
        shut = self._knocks.wrong(source, now)
        await self.note(lines.refused(now, actor, action, subject, why, source=source))
        if shut:
            why = f"{self.policy.place_failures_max} wrong tries"
            line = lines.refused(
                now, "", "lock-out", "a place", why, source=source, severity=Severity.ERROR
            )
            await self.note(line)

    async def _failed(self, now: datetime, name: str, source: str) -> None:
        """Count a wrong password against its account as well."""
        most, rest = self.policy.failures_max, timedelta(seconds=self.policy.lock_s)

        def work(tx: Transaction) -> Account | None:
            known = tx.account(name) if name else None
            if known is None:
                return None
            failures = known.failures + 1
            locked = now + rest if failures >= most else None
            # A lock that ended counts anew, so that one more wrong password does not lock at once.
            counted = replace(known, failures=0 if locked else failures, locked_until=locked)
            tx.save_account(counted)
            return counted

        counted = await self.store.run(work)
        subject = f"account {name}" if name else "an account that there is not"
        await self._wrong(now, name, "login", subject, "wrong password", source)
        if counted is not None and counted.locked_until is not None:
            why = f"{most} wrong passwords in a row"
            line = lines.refused(
                now, name, "lock-out", f"account {name}", why, source=source,
                severity=Severity.ERROR,
            )  # fmt: skip
            await self.note(line)


def shown(tx: Transaction, text: str, now: datetime) -> tuple[Caller | Refused, str]:
    """Who a token speaks for, or why for nobody; and the account that the log names."""
    id = tokens.id_of(text)
    token = None if id is None else tx.token(id)
    if token is None or not tokens.matches(text, token):
        return _UNKNOWN, ""
    account = tx.account(token.account)
    refused = _stands(token, account, now)
    if refused is not None:
        return refused, token.account
    assert account is not None
    if token.used_at is None or now - token.used_at >= USED_EVERY:
        tx.save_token(replace(token, used_at=now))
    scopes = account.permissions & frozenset(token.scopes)
    return Caller(account.name, scopes, token.id, token.place), account.name


def _stands(token: Token, account: Account | None, now: datetime) -> Refused | None:
    """Why a token that is the right one does not serve; None where it does."""
    if token.revoked_at is not None:
        return Refused(Refusal.REVOKED, "the token was revoked", "Ask for another one.")
    if now >= token.expires_at:
        return Refused(
            Refusal.EXPIRED, f"the token ended at {token.expires_at:%Y-%m-%d %H:%MZ}",
            "Ask for another one: ami token create",
        )  # fmt: skip
    if account is None or account.disabled_at is not None:
        return Refused(Refusal.DISABLED, "its account is disabled", "Ask an administrator.")
    return None
