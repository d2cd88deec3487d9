"""How a meter's billing stands before its period is ended.

A reset that is carried out twice ends two periods, and nothing undoes it.  So the meter's count of
periods is read and kept before the first command; each command carries it and acts only on a meter
that still shows it, and a look compares with it (`protocols.concentrator.demand`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from headend.domain.evidence import why_concentrator_is_unreachable, why_meter_is_silent
from headend.domain.order import Order
from headend.orders.asking import own_of
from headend.orders.conclusion import Conclusions, told_of, unmoved
from headend.orders.effect import EffectSearch
from headend.orders.judge import Done, EffectUnknown, NotDone, Verdict, judge_command
from headend.ports import Report, Transaction

READS = "reads how the meter's billing stands, before its period is ended"


@dataclass(frozen=True, slots=True)
class BillingMark:
    """Reads and keeps it."""

    effect: EffectSearch

    @property
    def conclusions(self) -> Conclusions:
        return self.effect.conclusions

    async def set(self, order: Order) -> Order | None:
        """The waiting order with its mark; None where the meter did not tell, and the order has
        been written back, or where somebody has moved it meanwhile."""
        looked, report = await self.effect.read(order, READS)
        if report is None:
            return None
        verdict = await self._judged(looked, report)
        if isinstance(verdict, Done):
            return await self._keep(looked, verdict)
        tried = replace(looked, tries=looked.tries + 1)
        await self.conclusions.conclude(tried, verdict, told_of(report))
        return None

    async def _judged(self, order: Order, report: Report) -> Verdict:
        if report.result is not None:
            if not report.direct:
                self.effect.asking.feed_breaker(order, report, ())
            verdict = judge_command(report.result, own_of(report))
            if not isinstance(verdict, EffectUnknown):
                return verdict
            reason = why_meter_is_silent(verdict.evidence)  # nothing that acts was sent
            return NotDone(reason, retry=True, evidence=verdict.evidence)
        evidence = await self.effect.asking.why_unreachable(order)
        self.effect.asking.feed_breaker(order, report, evidence)
        return NotDone(why_concentrator_is_unreachable(evidence), retry=True, evidence=evidence)

    async def _keep(self, looked: Order, verdict: Done) -> Order | None:
        now = self.effect.clock.now()

        def work(tx: Transaction) -> Order | None:
            if (current := unmoved(tx, looked)) is None:
                return None
            marked = replace(current, attempts=looked.attempts, value_read=verdict.value)
            cause = f"before the reset: {verdict.value}"
            tx.save_order(marked, at=now, cause=cause, attempt=marked.attempts)
            return marked

        return await self.effect.store.run(work)
