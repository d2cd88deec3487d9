"""`ports.KeyCounters` over the store: invocation counters, leased in blocks."""

from __future__ import annotations

from headend.ports import CountersContended
from headend.store.keys import KeyWords, Place
from headend.store.store import SqlStore
from headend.store.transaction import in_words
from protocols.dlms.keys import COUNTER_MAX

BLOCK = 256  # counters reserved at once; an errand uses some tens, a long profile some hundreds


class StoredCounters:
    """Those of one key, for one conversation."""

    def __init__(self, store: SqlStore, place: Place) -> None:
        self._store = store
        self._place = place
        self._end: int | None = None  # of our block

    async def load(self) -> tuple[int | None, int]:
        """See `ports.KeyCounters`."""

        def work(words: KeyWords) -> tuple[int | None, int, int | None]:
            following, lowest = words.counters(self._place)
            return following, lowest, words.lease_counters(self._place, BLOCK)

        following, lowest, self._end = await in_words(self._store, work)
        if following is not None and self._end is None:
            return COUNTER_MAX + 1, lowest  # used up: nothing can be said under this key any more
        return following, lowest

    async def reserve(self, end: int) -> None:
        """See `ports.KeyCounters`."""
        seen = self._end
        if seen is not None and end <= seen:
            return

        def work(words: KeyWords) -> bool:
            if seen is None:
                return words.start_counter(self._place, end)
            return words.extend_counters(self._place, seen, end)

        if not await in_words(self._store, work):
            raise CountersContended("another conversation uses this key")
        self._end = end

    async def settle(self, next_own: int, peer_lowest: int) -> None:
        """See `ports.KeyCounters`."""
        seen = self._end

        def work(words: KeyWords) -> bool:
            words.raise_peer_counter(self._place, peer_lowest)
            return seen is not None and words.extend_counters(self._place, seen, next_own)

        if await in_words(self._store, work):
            self._end = next_own  # and from here a conversation that begins anew goes on

    def release(self) -> None:
        """Others have blocks of their own; nothing waits for ours."""
