"""The words for conversations with many meters at once: keys with their counters, leased and given
back by the ordinary words, in one transaction for all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from headend.domain.keys import KeyState
from headend.store.keys import KeyWords


class LeasedKeys(NamedTuple):
    """The keys that a client has with a meter, sealed, and the counters that it may use.

    A plain tuple: leases go to other processes by the hundred thousand.
    """

    meter: str
    client: int
    generation: int
    counted_by: int  # the generation whose counters these are
    envelope: str  # name of the envelope key
    sealed: bytes
    own: int  # the next of ours
    end: int  # the first that is not ours
    peer: int  # the lowest that is accepted from the meter


class LeaseWords(KeyWords):
    """Keys leased and counters given back."""

    def lease_keys(self, meters: Sequence[str], client: int, count: int) -> list[LeasedKeys]:
        """Of each meter.  Raises LookupError where there are no keys, or no counter to begin with.

        A key change that is under way is another matter: the current keys are given.
        """
        leases = []
        for meter in meters:
            current = [row for row in self.key_rows(meter, client) if row.state is KeyState.CURRENT]
            if not current:
                raise LookupError(f"meter {meter} has no keys for client {client}")
            (row,) = current
            place = (meter, client, row.counted_by)
            own, peer = self.counters(place)
            end = self.lease_counters(place, count)
            if own is None or end is None:
                raise LookupError(f"meter {meter}: no invocation counter to begin with")
            leases.append(
                LeasedKeys(
                    meter,
                    client,
                    row.generation,
                    row.counted_by,
                    row.envelope,
                    row.sealed,
                    own,
                    end,
                    peer,
                )
            )
        return leases

    def settle_leases(self, used: Iterable[LeasedKeys]) -> None:
        """Give back what was not used, and remember what the meters used."""
        for lease in used:
            place = (lease.meter, lease.client, lease.counted_by)
            self.extend_counters(place, lease.end, lease.own)
            self.raise_peer_counter(place, lease.peer)
