"""A circuit breaker a concentrator: after some failures in a row it is left alone for a while.

Without it every order of a dead concentrator would spend its tries within minutes.  One order makes
the trial after a rest; the others wait for how it ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from headend.config import OrderPolicy
from headend.domain.evidence import Evidence


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    rest_s: float = 0.0
    open_until: datetime | None = None
    trial: bool = False
    evidence: tuple[Evidence, ...] = ()


@dataclass(slots=True)
class Breaker:
    """The circuits of all concentrators."""

    policy: OrderPolicy
    _circuits: dict[str, _Circuit] = field(default_factory=dict)

    def blocked_until(self, concentrator: str, now: datetime) -> datetime | None:
        """When to come back, or None to go ahead (which, after a rest, begins the trial)."""
        circuit = self._circuits.get(concentrator)
        if circuit is None or circuit.open_until is None:
            return None
        if now < circuit.open_until:
            return circuit.open_until
        # Others come back after another rest: a trial may end without a word of how it went.
        circuit.open_until = now + timedelta(seconds=circuit.rest_s)
        circuit.trial = True
        return None

    def evidence(self, concentrator: str) -> tuple[Evidence, ...]:
        """What the last failure rests on: the reason for orders that wait because of it."""
        circuit = self._circuits.get(concentrator)
        return () if circuit is None else circuit.evidence

    def succeeded(self, concentrator: str) -> None:
        """Any word from the concentrator closes its circuit."""
        self._circuits.pop(concentrator, None)

    def failed(self, concentrator: str, now: datetime, evidence: tuple[Evidence, ...] = ()) -> None:
        """A try found the concentrator unreachable."""
        circuit = self._circuits.setdefault(
            concentrator, _Circuit(rest_s=self.policy.breaker_rest_s)
        )
        circuit.failures += 1
        circuit.evidence = evidence
        if circuit.failures < self.policy.breaker_failures:
            return
        if circuit.trial:
            circuit.rest_s = min(2 * circuit.rest_s, self.policy.backoff_max_s)
        circuit.trial = False
        circuit.open_until = now + timedelta(seconds=circuit.rest_s)
