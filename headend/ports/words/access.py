"""Accounts, tokens and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from headend.domain.account import Account, Session, Token
from headend.domain.audit import AuditEntry, AuditHead, AuditLine


class AccessWords(Protocol):
    """Accounts, tokens and the audit log."""

    def add_account(self, account: Account) -> None:
        """Raises AlreadyStored for a name that is taken."""
        ...

    def account(self, name: str) -> Account | None: ...
    def accounts(self) -> list[Account]:
        """By name."""
        ...

    def account_of(self, issuer: str, subject: str) -> Account | None:
        """That of a person at an identity provider."""
        ...

    def save_account(self, account: Account) -> None: ...
    def add_token(self, token: Token) -> None:
        """Raises AlreadyStored for an id that is taken."""
        ...

    def token(self, id: str) -> Token | None: ...
    def tokens(self, account: str | None = None) -> list[Token]:
        """The latest first; of one account, or of all."""
        ...

    def save_token(self, token: Token) -> None:
        """Write when it was used last, and when it was revoked; the rest does not change."""
        ...

    def add_web_session(self, session: Session) -> None: ...
    def web_session(self, digest: str) -> Session | None: ...
    def save_web_session(self, session: Session) -> None:
        """Write when it asked last; the rest does not change."""
        ...

    def end_web_session(self, digest: str) -> bool:
        """Whether there was one."""
        ...

    def end_web_sessions_of(self, account: str) -> None: ...
    def end_web_sessions_before(self, *, seen: datetime, made: datetime) -> None:
        """Those that have not asked since, or were opened before."""
        ...

    def commands_ask(self) -> bool:
        """Whether commands on this database ask for an account."""
        ...

    def set_commands_ask(self, ask: bool, at: datetime, by: str) -> None: ...
    def add_audit(self, line: AuditLine) -> AuditEntry:
        """Chain a line to the log, in its place behind the last."""
        ...

    def audit_head(self) -> AuditHead: ...
    def audit_told(self) -> int:
        """The number up to which security lines have left for the CERT."""
        ...

    def set_audit_told(self, number: int) -> None: ...
    def security_lines(self, after: int, limit: int) -> list[AuditEntry]:
        """Security lines behind a number, the first one first."""
        ...
