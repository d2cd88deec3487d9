"""The words for accounts, tokens and the audit log."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, inspect, or_, select, update

from headend.domain.account import Account, Session, Token
from headend.domain.audit import AuditEntry, AuditHead, AuditLine, chained
from headend.store import access_schema as tables
from headend.store.prepared import Prepared
from headend.store.rows import Form
from headend.store.words import Words

ACCOUNT = Form(Account, tables.accounts)
TOKEN = Form(Token, tables.access_tokens)
SESSION = Form(Session, tables.web_sessions)
AUDIT = Form(AuditEntry, tables.audit)

_accounts, _tokens, _audit = ACCOUNT.table.c, TOKEN.table.c, AUDIT.table.c
_marks = tables.audit_marks.c
_of_mark = _marks.name == bindparam("of_mark")

_ADD_ACCOUNT = Prepared(insert(ACCOUNT.table), ACCOUNT.names)
_ACCOUNT = Prepared(ACCOUNT.select().where(_accounts.name == bindparam("of_name")))
_ACCOUNTS = Prepared(ACCOUNT.select().order_by(_accounts.name))
_STANDING = (
    "roles", "password", "failures", "locked_until", "disabled_at", "one_time", "issuer", "subject",
)  # fmt: skip
_ACCOUNT_OF = Prepared(
    ACCOUNT.select().where(
        _accounts.issuer == bindparam("of_issuer"), _accounts.subject == bindparam("of_subject")
    )
)
_SAVE_ACCOUNT = Prepared(
    update(ACCOUNT.table).where(_accounts.name == bindparam("of_name")), _STANDING
)

_ADD_TOKEN = Prepared(insert(TOKEN.table), TOKEN.names)
_TOKEN = Prepared(TOKEN.select().where(_tokens.id == bindparam("of_id")))
_LATEST = (_tokens.made_at.desc(), _tokens.id)
_TOKENS = Prepared(TOKEN.select().order_by(*_LATEST))
_TOKENS_OF = Prepared(
    TOKEN.select().where(_tokens.account == bindparam("of_account")).order_by(*_LATEST)
)
_SAVE_TOKEN = Prepared(
    update(TOKEN.table).where(_tokens.id == bindparam("of_id")), ("used_at", "revoked_at")
)

_sessions = SESSION.table.c
_ADD_SESSION = Prepared(insert(SESSION.table), SESSION.names)
_SESSION = Prepared(SESSION.select().where(_sessions.digest == bindparam("of_digest")))
_SAVE_SESSION = Prepared(
    update(SESSION.table).where(_sessions.digest == bindparam("of_digest")), ("seen_at",)
)
_END_SESSION = Prepared(delete(SESSION.table).where(_sessions.digest == bindparam("of_digest")))
_END_SESSIONS_OF = Prepared(
    delete(SESSION.table).where(_sessions.account == bindparam("of_account"))
)
_END_SESSIONS = Prepared(
    delete(SESSION.table).where(
        or_(
            _sessions.seen_at < bindparam("seen_before"),
            _sessions.made_at < bindparam("made_before"),
        )
    )
)

# The head's row is taken first: whoever else wants to add waits here, so that no number is given
# twice and none is left out.
_NEXT = Prepared(
    update(tables.audit_marks)
    .where(_of_mark)
    .values(number=_marks.number + 1)
    .returning(_marks.number, _marks.digest)
)
_SET_HEAD = Prepared(update(tables.audit_marks).where(_of_mark), ("digest",))
_MARK = Prepared(select(_marks.number, _marks.digest).where(_of_mark))
_SET_TOLD = Prepared(update(tables.audit_marks).where(_of_mark), ("number",))
_ADD_AUDIT = Prepared(insert(AUDIT.table), AUDIT.names)
_SECURITY = Prepared(
    AUDIT.select()
    .where(_audit.security, _audit.number > bindparam("after"))
    .order_by(_audit.number)
    .limit(bindparam("most"))
)


COMMANDS = "commands"


def commands_ask(connection: Connection) -> bool:
    """Whether commands on this database ask for an account; a database of before there was this
    table, or of another program, does not."""
    table = tables.access_settings
    if not inspect(connection).has_table(table.name):
        return False
    query = select(table.c.value).where(table.c.name == COMMANDS)
    return connection.execute(query).scalar() == "account"


class AccessWords(Words):
    """Accounts by name, tokens by id, audit lines by number."""

    def add_account(self, account: Account) -> None:
        self._change(_ADD_ACCOUNT, ACCOUNT.values(account))

    def account(self, name: str) -> Account | None:
        return self._one(ACCOUNT, _ACCOUNT, {"of_name": name})

    def accounts(self) -> list[Account]:
        return self._all(ACCOUNT, _ACCOUNTS)

    def account_of(self, issuer: str, subject: str) -> Account | None:
        return self._one(ACCOUNT, _ACCOUNT_OF, {"of_issuer": issuer, "of_subject": subject})

    def save_account(self, account: Account) -> None:
        values = ACCOUNT.values(account)
        self._change(
            _SAVE_ACCOUNT, {"of_name": account.name, **{name: values[name] for name in _STANDING}}
        )

    def add_token(self, token: Token) -> None:
        self._change(_ADD_TOKEN, TOKEN.values(token))

    def token(self, id: str) -> Token | None:
        return self._one(TOKEN, _TOKEN, {"of_id": id})

    def tokens(self, account: str | None = None) -> list[Token]:
        if account is None:
            return self._all(TOKEN, _TOKENS)
        return self._all(TOKEN, _TOKENS_OF, {"of_account": account})

    def save_token(self, token: Token) -> None:
        standing = {"used_at": token.used_at, "revoked_at": token.revoked_at}
        self._change(_SAVE_TOKEN, {"of_id": token.id, **standing})

    def add_web_session(self, session: Session) -> None:
        self._change(_ADD_SESSION, SESSION.values(session))

    def web_session(self, digest: str) -> Session | None:
        return self._one(SESSION, _SESSION, {"of_digest": digest})

    def save_web_session(self, session: Session) -> None:
        self._change(_SAVE_SESSION, {"of_digest": session.digest, "seen_at": session.seen_at})

    def end_web_session(self, digest: str) -> bool:
        return self._change(_END_SESSION, {"of_digest": digest}) > 0

    def end_web_sessions_of(self, account: str) -> None:
        self._change(_END_SESSIONS_OF, {"of_account": account})

    def end_web_sessions_before(self, *, seen: datetime, made: datetime) -> None:
        self._change(_END_SESSIONS, {"seen_before": seen, "made_before": made})

    def commands_ask(self) -> bool:
        return commands_ask(self.connection)

    def set_commands_ask(self, ask: bool, at: datetime, by: str) -> None:
        table = tables.access_settings
        values = {"name": COMMANDS, "value": "account" if ask else "open"}
        self.connection.execute(delete(table).where(table.c.name == COMMANDS))
        self.connection.execute(insert(table).values(**values, set_at=at, set_by=by))

    def add_audit(self, line: AuditLine) -> AuditEntry:
        number, before = self._rows(_NEXT, {"of_mark": tables.HEAD})[0]
        entry = chained(line, AuditHead(number - 1, before))
        self._change(_ADD_AUDIT, AUDIT.values(entry))
        self._change(_SET_HEAD, {"of_mark": tables.HEAD, "digest": entry.digest})
        return entry

    def audit_head(self) -> AuditHead:
        return AuditHead(*self._rows(_MARK, {"of_mark": tables.HEAD})[0])

    def audit_told(self) -> int:
        number: int = self._rows(_MARK, {"of_mark": tables.TOLD})[0][0]
        return number

    def set_audit_told(self, number: int) -> None:
        self._change(_SET_TOLD, {"of_mark": tables.TOLD, "number": number})

    def security_lines(self, after: int, limit: int) -> list[AuditEntry]:
        return self._all(AUDIT, _SECURITY, {"after": after, "most": limit})
