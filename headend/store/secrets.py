"""What a client and a meter share beside keys, sealed: one record of a kind for each client.

Of a kind are the passwords of low level security, and the key pairs of the suites 1 and 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Table, bindparam, delete, insert

from headend.store import schema
from headend.store.prepared import Prepared
from headend.store.rows import Form
from headend.store.words import Words


@dataclass(frozen=True, slots=True)
class SecretRow:
    """What a client shows to a meter, signs with, or believes it by."""

    meter: str
    client: int
    envelope: str  # name of the envelope key
    sealed: bytes = field(repr=False)


class SecretKind:
    """A kind of secret, in a table of its own; `name` is sealed in with each."""

    def __init__(self, name: str, table: Table) -> None:
        self.name = name
        self.form = Form(SecretRow, table)
        one = (table.c.meter == bindparam("of_meter"), table.c.client == bindparam("of_client"))
        self.find = Prepared(self.form.select().where(*one))
        self.find_all = Prepared(self.form.select().order_by(table.c.meter, table.c.client))
        self.add = Prepared(insert(table), self.form.names)
        self.drop = Prepared(delete(table).where(*one))


PASSWORDS = SecretKind("password", schema.meter_passwords)
KEY_PAIRS = SecretKind("key pairs", schema.meter_key_pairs)
KINDS = (PASSWORDS, KEY_PAIRS)


class SecretWords(Words):
    """Records of secrets."""

    def secret_row(self, kind: SecretKind, meter: str, client: int) -> SecretRow | None:
        return self._one(kind.form, kind.find, {"of_meter": meter, "of_client": client})

    def all_secret_rows(self, kind: SecretKind) -> list[SecretRow]:
        """Those of every meter."""
        return self._all(kind.form, kind.find_all)

    def put_secret(self, kind: SecretKind, row: SecretRow) -> None:
        """Keep it in place of the one before, which is gone for good."""
        self._change(kind.drop, {"of_meter": row.meter, "of_client": row.client})
        self._change(kind.add, kind.form.values(row))
