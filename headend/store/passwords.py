"""Passwords of meters for low level security, sealed: one for each client of a meter."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import bindparam, delete, insert

from headend.store import schema
from headend.store.prepared import Prepared
from headend.store.rows import Form
from headend.store.words import Words


@dataclass(frozen=True, slots=True)
class PasswordRow:
    """The password that a client shows to a meter."""

    meter: str
    client: int
    envelope: str  # name of the envelope key
    sealed: bytes = field(repr=False)


PASSWORD = Form(PasswordRow, schema.meter_passwords)
_c = schema.meter_passwords.c
_ONE = (_c.meter == bindparam("of_meter"), _c.client == bindparam("of_client"))
_PASSWORD = Prepared(PASSWORD.select().where(*_ONE))
_ALL = Prepared(PASSWORD.select().order_by(_c.meter, _c.client))
_ADD = Prepared(insert(schema.meter_passwords), PASSWORD.names)
_DROP = Prepared(delete(schema.meter_passwords).where(*_ONE))


class PasswordWords(Words):
    """Password records."""

    def password_row(self, meter: str, client: int) -> PasswordRow | None:
        return self._one(PASSWORD, _PASSWORD, {"of_meter": meter, "of_client": client})

    def all_password_rows(self) -> list[PasswordRow]:
        """Those of every meter."""
        return self._all(PASSWORD, _ALL)

    def put_password(self, row: PasswordRow) -> None:
        """Keep it in place of the one before, which is gone for good."""
        self._change(_DROP, {"of_meter": row.meter, "of_client": row.client})
        self._change(_ADD, PASSWORD.values(row))
