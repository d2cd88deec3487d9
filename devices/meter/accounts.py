"""What a meter remembers of its clients: invocation counters, and which associations are open."""

from __future__ import annotations

from typing import Protocol

import msgspec

from devices.meter.clients import Client
from devices.meter.parts import Assembly

PAST_LAST = 1 << 32
"""Behind the last invocation counter that four octets can write."""


class Open(Protocol):
    """An association that can be ended from outside."""

    @property
    def client(self) -> Client: ...

    def end(self) -> None: ...


class Counts(msgspec.Struct, frozen=True):
    """How far a meter has counted: what is below was used, and never is again."""

    associations: int = 0
    counters: dict[int, tuple[int, int]] = {}
    """By client: the next counter of ours, and the lowest we accept."""

    def ahead(self, by: int) -> Counts:
        """So much further on."""
        ahead = {
            sap: (min(own + by, PAST_LAST), min(peer + by, PAST_LAST))
            for sap, (own, peer) in self.counters.items()
        }
        return Counts(self.associations + by, ahead)

    def within(self, reserved: Counts) -> bool:
        """Whether nothing is beyond what was reserved; a client that counts anew is."""
        if self.associations > reserved.associations or {*self.counters} != {*reserved.counters}:
            return False
        return all(
            own <= reserved.counters[sap][0] and peer <= reserved.counters[sap][1]
            for sap, (own, peer) in self.counters.items()
        )


class Accounts(Assembly):
    """The meter's memory of its clients, which outlives every association."""

    __slots__ = ("_associations", "_ciphered", "_counters", "_passwords")

    def __init__(self) -> None:
        super().__init__()
        self._counters: dict[int, tuple[int, int]] | None = None
        self._ciphered: dict[int, Open] | None = None
        self._associations = 0
        self._passwords: dict[int, bytes] | None = None

    def changed_password(self, client_sap: int) -> bytes | None:
        """The password that was written for this client, or None while it is as delivered."""
        return None if self._passwords is None else self._passwords.get(client_sap)

    def set_password(self, client_sap: int, password: bytes) -> None:
        """From its next association on this client proves itself by another password."""
        if self._passwords is None:
            self._passwords = {}
        self._passwords[client_sap] = password

    def counters(self, client_sap: int) -> tuple[int, int]:
        """For this client's keys: the next counter of ours, and the lowest we accept."""
        return (self._counters or {}).get(client_sap, (1, 0))

    def note_counters(self, client_sap: int, *, own: int, peer: int) -> None:
        """Remember how far the counters of this client's keys have been used."""
        if self._counters is None:
            self._counters = {}
        known_own, known_peer = self.counters(client_sap)
        self._counters[client_sap] = (max(own, known_own), max(peer, known_peer))

    def count_anew(self, client_sap: int) -> None:
        """This client's encryption key is a new one, under which no counter was used."""
        if self._counters is not None:
            self._counters.pop(client_sap, None)

    def counter_received(self, client_sap: int) -> int:
        """The highest counter received from this client, as the objects 0.0.43.1.x.255 show it."""
        return max(self.counters(client_sap)[1] - 1, 0)

    def supersede(self, association: Open) -> None:
        """This association is the one of its client now; an older one ends without a word."""
        if self._ciphered is None:
            self._ciphered = {}
        older = self._ciphered.get(association.client.sap)
        if older is not None:
            older.end()
        self._ciphered[association.client.sap] = association

    def forget(self, association: Open) -> None:
        """This association has ended."""
        if self._ciphered and self._ciphered.get(association.client.sap) is association:
            del self._ciphered[association.client.sap]

    def count_association(self) -> int:
        """The number of this association, so that no challenge comes twice."""
        self._associations += 1
        return self._associations

    @property
    def counts(self) -> Counts:
        """How far this meter has counted."""
        return Counts(self._associations, dict(self._counters or {}))

    def resume(self, counts: Counts) -> None:
        """Go on counting where a meter of the same keys was."""
        self._associations = counts.associations
        self._counters = dict(counts.counters) or None
