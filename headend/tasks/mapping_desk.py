"""Where feeders are mapped by hand; each act stands in the audit log with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from headend.access import lines
from headend.access.desk import By
from headend.domain.account import Permission
from headend.domain.feeder import BY_HAND, FeederMapping
from headend.ports import Clock, Store, Transaction
from headend.tasks.desk import TaskRefused

_SEE = "See which there are: ami feeder list"


@dataclass(frozen=True, slots=True)
class MappingDesk:
    """Every act returns once it is safe on disk.  All raise `TaskRefused`."""

    store: Store
    clock: Clock

    async def map(self, siad: str, simoce: str, by: By) -> FeederMapping:
        """This circuit of SIAD's is that feeder of SIMOCE's, whatever rules say; until somebody
        says otherwise.  Refused where that feeder is another circuit's."""

        def changed(known: list[FeederMapping]) -> list[FeederMapping]:
            ours, theirs = _of_siad(known, siad), _of_simoce(known, simoce)
            if theirs.siad not in (None, siad):
                raise TaskRefused(
                    "feeder-taken", f"{simoce} is mapped to {theirs.siad} already",
                    f"Take that back first: ami feeder unmap {theirs.siad}",
                )  # fmt: skip
            pair = replace(ours, simoce=simoce, simoce_name=theirs.simoce_name, how=BY_HAND)
            left = [it for it in known if it not in (ours, theirs)]
            if ours.simoce not in (None, simoce):
                left.append(_alone(ours))
            return [pair, *left]

        return await self._change(siad, by, changed, f"mapped to {simoce}")

    async def unmap(self, siad: str, by: By) -> FeederMapping:
        """That feeder is not it.  Where a person had said so, the task looks for another; where the
        repository or a rule had, it would find the same: it leaves the circuit to people."""

        def changed(known: list[FeederMapping]) -> list[FeederMapping]:
            ours = _of_siad(known, siad)
            if ours.simoce is None:
                raise TaskRefused("not-mapped", f"{siad} is mapped to nothing", _SEE)
            left = [it for it in known if it != ours]
            how = None if ours.how == BY_HAND else BY_HAND
            return [replace(ours, simoce=None, simoce_name="", how=how), _alone(ours), *left]

        return await self._change(siad, by, changed, "unmapped")

    async def _change(
        self,
        siad: str,
        by: By,
        changed: Callable[[list[FeederMapping]], list[FeederMapping]],
        what: str,
    ) -> FeederMapping:
        """`changed` gives all of them, the circuit's first."""
        now = self.clock.now()

        def work(tx: Transaction) -> FeederMapping:
            first, *rest = changed(tx.feeder_mappings())
            fresh = replace(first, at=now, who=by.actor)
            tx.keep_feeder_mappings([fresh, *rest])
            tx.add_audit(
                lines.done(
                    now, by.actor, Permission.TASK_WRITE, f"feeder {siad}", what, source=by.source
                )
            )
            return fresh

        return await self.store.run(work)


def _of_siad(known: list[FeederMapping], key: str) -> FeederMapping:
    for each in known:
        if each.siad == key:
            return each
    raise TaskRefused("no-such-feeder", f"SIAD has no circuit {lines.clean(key)}", _SEE)


def _of_simoce(known: list[FeederMapping], key: str) -> FeederMapping:
    for each in known:
        if each.simoce == key:
            return each
    raise TaskRefused("no-such-feeder", f"SIMOCE has no feeder {lines.clean(key)}", _SEE)


def _alone(pair: FeederMapping) -> FeederMapping:
    """SIMOCE's half, by itself."""
    return replace(pair, siad=None, siad_name="", how=None)
