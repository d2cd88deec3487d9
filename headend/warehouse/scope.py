"""How much of the data store a party sees: tables, zones, and columns without what is personal.

All that leaves goes through here: files by REST, dumps, reports for a party.  What is not named is
not seen, and a scope that cannot be kept (pseudonyms without a key) refuses everything.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

import pyarrow as pa
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from headend.config import BadConfig
from headend.config.warehouse import Party, WarehousePolicy
from headend.warehouse.manifest import Manifest, Part
from headend.warehouse.tables import ERRORS, TABLES, Table

DIGITS = 20  # of a pseudonym: 80 bits, so that no two of a million meters meet


@dataclass(frozen=True, slots=True)
class Scope:
    """What one party sees."""

    party: str
    tables: frozenset[str]
    zones: frozenset[str]  # empty: all
    hidden: frozenset[str]
    pseudonyms: frozenset[str]
    secret: bytes = b""

    def sees(self, part: Part) -> bool:
        """Whether a file's rows are among them."""
        return part.table in self.tables and (not self.zones or part.where in self.zones)

    def of(self, manifest: Manifest) -> list[Part]:
        return [part for part in manifest.parts if self.sees(part)]

    def shown(self, table: Table, content: pa.Table) -> pa.Table:
        """Rows as this party sees them.  Columns stay, so that questions still fit."""
        for name in table.schema.names:
            if name not in content.column_names:
                continue
            place = content.column_names.index(name)
            if name in self.hidden:
                values = pa.nulls(content.num_rows, content.schema.field(name).type)
            elif name in self.pseudonyms:
                values = self._renamed(content.column(name))
            else:
                continue
            content = content.set_column(place, content.schema.field(name), values)
        return content

    def _renamed(self, names: pa.ChunkedArray) -> pa.Array:
        told = names.combine_chunks().dictionary_encode()
        if isinstance(told, pa.ChunkedArray):
            told = pa.concat_arrays(told.chunks)
        others = [None if name is None else self.pseudonym(name)
                  for name in told.dictionary.to_pylist()]  # fmt: skip
        found: pa.Array = pa.array(others, pa.string()).take(told.indices)
        return found

    def pseudonym(self, name: str) -> str:
        """The same for the same name and party; without the key nobody tells which."""
        return hmac.new(self.secret, name.encode(), hashlib.sha256).hexdigest()[:DIGITS]

    @property
    def digest(self) -> str:
        """Of what it shows, the secret among it."""
        told = [sorted(each) for each in (self.tables, self.zones, self.hidden, self.pseudonyms)]
        secret = hashlib.sha256(self.secret).hexdigest()
        return hashlib.sha256(f"{self.party} {told} {secret}".encode()).hexdigest()


def scope_of(policy: WarehousePolicy, party: Party) -> Scope:
    """A party's.  Raises `BadConfig` for tables or columns that there are not."""
    where = f"warehouse.party {party.name}"
    if unknown := set(party.tables) - (set(TABLES) - {ERRORS.name}):
        raise BadConfig(f"{where}: there is no table {', '.join(sorted(unknown))} to be seen")
    columns = {column.name: column for table in TABLES.values() for column in table.columns}
    if unknown := {*party.hidden, *party.pseudonyms} - set(columns):
        raise BadConfig(f"{where}: there is no column {', '.join(sorted(unknown))}")
    if unknown := {name for name in party.pseudonyms if columns[name].type != pa.string()}:
        raise BadConfig(f"{where}: no pseudonyms are for {', '.join(sorted(unknown))}")
    secret = b""
    if party.pseudonyms:
        octets = signing_key(policy).private_bytes_raw()
        about = b"ami warehouse pseudonyms of " + party.name.encode()
        secret = HKDF(hashes.SHA256(), 32, None, about).derive(octets)
    return Scope(
        party.name,
        frozenset(party.tables),
        frozenset(party.zones),
        frozenset(party.hidden),
        frozenset(party.pseudonyms),
        secret,
    )


def named(policy: WarehousePolicy, name: str) -> Scope:
    """The scope of a party by its name.  Raises `BadConfig` where there is none."""
    for party in policy.party:
        if party.name == name:
            return scope_of(policy, party)
    raise BadConfig(f"there is no [[warehouse.party]] {name}")


def of_account(policy: WarehousePolicy, account: str) -> Scope | None:
    """The scope of whose account it is; None where it is no party's."""
    for party in policy.party:
        if party.account == account:
            return scope_of(policy, party)
    return None


def signing_key(policy: WarehousePolicy) -> Ed25519PrivateKey:
    """Raises `BadConfig` where there is none."""
    if policy.key is None:
        raise BadConfig("warehouse.key is not set: openssl genpkey -algorithm ed25519 -out FILE")
    try:
        found = load_pem_private_key(policy.key.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise BadConfig(f"warehouse.key: {policy.key} cannot be read: {error}") from error
    if not isinstance(found, Ed25519PrivateKey):
        raise BadConfig(f"warehouse.key: {policy.key} is no Ed25519 key")
    return found
