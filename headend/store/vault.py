"""`ports.Vault`: keys and passwords of meters in the store, sealed by the envelope's key.

They are opened only here, for the one who asks; the store's words and its files see sealed octets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headend.domain.keys import KeyState
from headend.ports import (
    Chance,
    Generation,
    KeyShared,
    MeterKeys,
)
from headend.store import key_pairs
from headend.store.envelope import Envelope
from headend.store.jobs import JobWords
from headend.store.key_journal import KeyJournal
from headend.store.keys import KeyRow, KeyWords
from headend.store.sealing import seal, unseal
from headend.store.secrets import (
    KEY_PAIRS,
    KINDS,
    PASSWORDS,
    SecretKind,
    SecretRow,
    SecretWords,
)
from headend.store.store import SqlStore
from headend.store.stored_counters import StoredCounters
from headend.store.transaction import SqlTransaction, in_words
from protocols.dlms.keys import KeyPairs, Keys

_SIGNING = ("job packages", "signing", "")
_SEED_SIZE = 32


class KeyVault:
    """See the module."""

    def __init__(
        self, store: SqlStore, envelope: Envelope, journal: KeyJournal | None = None
    ) -> None:
        """With a `journal` no key changes before that is written down there as well."""
        self._store = store
        self._envelope = envelope
        self._journal = journal

    async def keys(self, meter: str, client: int) -> MeterKeys | None:
        """See `ports.Vault`.  Raises KeysUnreadable."""
        return self._opened(
            await in_words(self._store, lambda words: words.key_rows(meter, client))
        )

    async def install(
        self, meter: str, client: int, keys: Keys, *, next_counter: int | None = None
    ) -> None:
        """See `ports.Vault`."""

        await in_words(
            self._store, lambda words: self.install_in(words, meter, client, keys, next_counter)
        )

    def install_in(
        self, words: KeyWords, meter: str, client: int, keys: Keys, next_counter: int | None
    ) -> None:
        """`install`, within a transaction of the caller's."""
        rows = words.key_rows(meter, client)
        current = [row for row in rows if row.state is KeyState.CURRENT]
        if any(self._open(row) == keys for row in current):
            return
        for row in current:
            self._move(words, row, KeyState.RETIRED)
        self._add(words, rows, (meter, client), KeyState.CURRENT, keys, next_counter)

    async def remember(self, meter: str, client: int, keys: Keys) -> None:
        """See `ports.Vault`."""

        def work(words: KeyWords) -> None:
            rows = words.key_rows(meter, client)
            states = [row.state for row in rows]
            if KeyState.CURRENT not in states or KeyState.PENDING in states:
                raise ValueError("keys that are known, and no change under way")
            self._add(words, rows, (meter, client), KeyState.PENDING, keys, 1)

        await in_words(self._store, work)

    async def promote(self, meter: str, client: int) -> None:
        """See `ports.Vault`."""

        def work(words: KeyWords) -> None:
            rows = {row.state: row for row in words.key_rows(meter, client)}
            if KeyState.PENDING in rows:
                self._move(words, rows[KeyState.CURRENT], KeyState.RETIRED)
                self._move(words, rows[KeyState.PENDING], KeyState.CURRENT)

        await in_words(self._store, work)

    async def forget(self, meter: str, client: int) -> None:
        """See `ports.Vault`."""

        def work(words: KeyWords) -> None:
            for row in words.key_rows(meter, client):
                if row.state is KeyState.PENDING:
                    self._move(words, row, KeyState.RETIRED)

        await in_words(self._store, work)

    def counters(self, generation: Generation) -> StoredCounters:
        """See `ports.Vault`."""
        place = (generation.meter, generation.client, generation.counted_by)
        return StoredCounters(self._store, place)

    async def password(self, meter: str, client: int) -> bytes | None:
        """See `ports.Vault`.  Raises KeysUnreadable."""
        return await self._secret(PASSWORDS, meter, client)

    async def install_password(self, meter: str, client: int, password: bytes) -> None:
        """See `ports.Vault`."""
        await self._keep(PASSWORDS, meter, client, password)

    async def key_pairs(self, meter: str, client: int) -> KeyPairs | None:
        """See `ports.Vault`.  Raises KeysUnreadable."""
        plain = await self._secret(KEY_PAIRS, meter, client)
        return None if plain is None else key_pairs.read(plain)

    async def install_key_pairs(self, meter: str, client: int, pairs: KeyPairs) -> None:
        """See `ports.Vault`."""
        await self._keep(KEY_PAIRS, meter, client, key_pairs.written(pairs))

    async def reseal(self) -> int:
        """Bring every record under the newest envelope key; how many were under another."""

        def work(words: SqlTransaction) -> int:
            older = [row for row in words.all_key_rows() if row.envelope != self._envelope.name]
            for row in older:
                words.reseal_keys(row, self._sealed(row, self._open(row)))
            others = sum(self._reseal_secrets(words, kind) for kind in KINDS)
            return len(older) + others + self._reseal_signing(words)

        return await in_words(self._store, work)

    async def signing_seed(self, chance: Chance) -> bytes:
        """The 32 octets that sign job packages; made at their first use, and kept."""

        def work(words: SqlTransaction) -> bytes:
            kept = words.signing_seed()
            if kept is not None:
                return self._envelope.open(*kept, _SIGNING)
            seed = chance.octets("job signing key", _SEED_SIZE)
            words.put_signing_seed(self._envelope.name, self._envelope.seal(seed, _SIGNING))
            return seed

        return await in_words(self._store, work)

    def _reseal_secrets(self, words: SecretWords, kind: SecretKind) -> int:
        older = [row for row in words.all_secret_rows(kind) if row.envelope != self._envelope.name]
        for row in older:
            words.put_secret(
                kind, self._hidden(kind, row.meter, row.client, self._shown(kind, row))
            )
        return len(older)

    def _reseal_signing(self, words: JobWords) -> int:
        kept = words.signing_seed()
        if kept is None or kept[0] == self._envelope.name:
            return 0
        seed = self._envelope.open(*kept, _SIGNING)
        words.reseal_signing_seed(self._envelope.name, self._envelope.seal(seed, _SIGNING))
        return 1

    # --- rows ------------------------------------------------------------------------------------

    async def _secret(self, kind: SecretKind, meter: str, client: int) -> bytes | None:
        row = await in_words(self._store, lambda words: words.secret_row(kind, meter, client))
        return None if row is None else self._shown(kind, row)

    async def _keep(self, kind: SecretKind, meter: str, client: int, plain: bytes) -> None:
        row = self._hidden(kind, meter, client, plain)

        def work(words: SecretWords) -> None:
            if self._journal is not None:
                self._journal.secret(kind.name, row)
            words.put_secret(kind, row)

        await in_words(self._store, work)

    def _shown(self, kind: SecretKind, row: SecretRow) -> bytes:
        place = (kind.name, row.meter, str(row.client))
        return self._envelope.open(row.envelope, row.sealed, place)

    def _hidden(self, kind: SecretKind, meter: str, client: int, plain: bytes) -> SecretRow:
        sealed = self._envelope.seal(plain, (kind.name, meter, str(client)))
        return SecretRow(meter, client, self._envelope.name, sealed)

    def _add(
        self,
        words: KeyWords,
        rows: Sequence[KeyRow],
        of: tuple[str, int],
        state: KeyState,
        keys: Keys,
        next_counter: int | None,
    ) -> None:
        """Keep one more generation.  Under an encryption key that was there before, counters go on
        from where they were; whatever else would use a nonce twice."""
        generation = max((row.generation for row in rows), default=0) + 1
        blank = KeyRow(*of, generation, state, generation, "", "", b"", next_counter)
        row = self._sealed(blank, keys)
        if words.key_is_shared(row):
            raise KeyShared(f"meter {of[0]}, client {of[1]}: this encryption key is used elsewhere")
        for known in rows:
            if self._open(known).encryption == keys.encryption:
                row = replace(row, counted_by=known.counted_by)
                if next_counter is not None:
                    words.raise_counter((*of, known.counted_by), next_counter)
                break
        if self._journal is not None:
            self._journal.added(row)
        words.add_keys(row)

    def _move(self, words: KeyWords, row: KeyRow, state: KeyState) -> None:
        if self._journal is not None:
            self._journal.moved(row, state)
        words.set_key_state(row, state)

    def _sealed(self, row: KeyRow, keys: Keys) -> KeyRow:
        fingerprint, octets = seal(self._envelope, keys, row.meter, row.client, row.generation)
        return replace(row, envelope=self._envelope.name, fingerprint=fingerprint, sealed=octets)

    def _open(self, row: KeyRow) -> Keys:
        return unseal(
            self._envelope, row.envelope, row.sealed, row.meter, row.client, row.generation
        )

    def _opened(self, rows: Sequence[KeyRow]) -> MeterKeys | None:
        found = {
            row.state: Generation(row.meter, row.client, row.counted_by, self._open(row))
            for row in rows
            if row.state is not KeyState.RETIRED
        }
        if KeyState.CURRENT not in found:
            return None
        return MeterKeys(found[KeyState.CURRENT], found.get(KeyState.PENDING))
