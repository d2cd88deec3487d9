"""One story under many seeds, in several processes.

What must always hold is held against every seed.  The file's own expectations are as well, but for
those it lists under `[sweep] own_seed_only`: a lossy link may keep one meter in a hundred seeds out
of reach, and an order to it then fails with the right reason.
"""

from __future__ import annotations

import multiprocessing
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from scenarios.aim import aimed
from scenarios.field import faults_of, field_of
from scenarios.no_solution import NoSolution
from scenarios.schema import Scenario, read
from scenarios.summary import Finding, played


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one seed.  `error` is what ended the run itself, where something did."""

    seed: int
    outcomes: dict[str, int]  # orders: "done", "open", or the reason
    failures: tuple[Finding, ...] = ()
    error: str | None = None
    wall_s: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.failures and self.error is None


@dataclass(frozen=True, slots=True)
class Swept:
    """What came of all seeds, in their order."""

    runs: tuple[Run, ...]

    @property
    def failures(self) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if not run.ok)

    @property
    def outcomes(self) -> dict[str, int]:
        """Orders by how they ended, the most frequent first."""
        total: Counter[str] = Counter()
        for run in self.runs:
            total.update(run.outcomes)
        return dict(total.most_common())

    @property
    def orders(self) -> int:
        return sum(self.outcomes.values())


def sweep(
    file: Path,
    seeds: Sequence[int],
    *,
    jobs: int,
    invariants_only: bool = False,
    prepare: Callable[[], None] | None = None,
    ended: Callable[[Run], None] = lambda run: None,
) -> Swept:
    """Run a file under each seed.  `prepare` runs first in each process; `ended` hears of each run
    as it ends.  Raises `BadScenario` for the file before anything runs."""
    scenario = read(file)
    field_of(scenario), faults_of(aimed(scenario, scenario.seed))
    runs = []
    for run in _runs(file, seeds, jobs, invariants_only, prepare):
        ended(run)
        runs.append(run)
    return Swept(tuple(sorted(runs, key=lambda run: run.seed)))


def _runs(
    file: Path,
    seeds: Sequence[int],
    jobs: int,
    invariants_only: bool,
    prepare: Callable[[], None] | None,
) -> Iterator[Run]:
    # A forked child would inherit threads and database handles of whoever sweeps.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(seeds)), mp_context=context, initializer=prepare)
    with pool:
        try:
            waiting: list[Future[Run]] = [
                pool.submit(run_seed, file, seed, invariants_only) for seed in seeds
            ]
            for future in as_completed(waiting):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def run_seed(file: Path, seed: int, invariants_only: bool = False) -> Run:
    """One seed of a sweep.  A run that breaks off is a failure like any other."""
    scenario = read(file)
    try:
        summary = played(file.stem, scenario, seed=seed)
    except NoSolution as error:
        return Run(seed, {}, error=f"{error}; {error.advice}")
    except Exception:
        return Run(seed, {}, error=traceback.format_exc())
    orders = summary.orders
    outcomes = {"done": orders.done, "open": orders.open, **orders.failed}
    return Run(
        seed,
        {outcome: count for outcome, count in outcomes.items() if count},
        tuple(f for f in summary.failures if _counts(f, scenario, seed, invariants_only)),
        wall_s=summary.wall_s,
    )


def _counts(finding: Finding, scenario: Scenario, seed: int, invariants_only: bool) -> bool:
    if finding.always:
        return True
    own = seed == scenario.seed or finding.name not in scenario.sweep.own_seed_only
    return own and not invariants_only
