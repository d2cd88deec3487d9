"""Each method's score: what it says, next to what is so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from headend.analysis import loading, losses, meter_sums, phase_identification, registers, rephasing
from headend.analysis.quantity import Real
from headend.analysis.unbalance import max_deviation
from scenarios.hidden_truth.street import HOURS_A_SLOT, Heard, Truth, heard, lines_of, truth_of

THIEF_KWH_A_DAY: Final = 4.0
"""Who steals draws at least so much: of less, no balance would tell."""

STOLEN: Final = 0.5
MOVES_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class PhaseScore:
    """Of the customers: whose phase was told right, by the voltages and by the records before."""

    customers: int
    right: int
    decided: int
    decided_right: int
    records_right: int
    right_without_head: int  # the transformer's voltages taken from meters by their records


@dataclass(frozen=True, slots=True)
class MoveScore:
    """A plan: what was promised, and what came of it in the grid."""

    moves: int
    percent_promised: float
    percent_true: float
    mean_of_hours_promised: float
    mean_of_hours_true: float
    losses_change_promised: float  # percent of what was lost before
    losses_change_true: float


@dataclass(frozen=True, slots=True)
class LoadingScore:
    """A transformer from its meters alone, next to what it carried, hour by hour."""

    coverage: float
    mean_error_percent: float  # of the rating
    peak_percent: float
    peak_true_percent: float
    neutral_mean_a: float
    neutral_true_mean_a: float
    neutral_error_a: float


@dataclass(frozen=True, slots=True)
class LossScore:
    """An energy balance, kWh; `unexplained` without a theft, `found` with one of `stolen_kwh`."""

    delivered_kwh: float
    technical_kwh: float
    technical_true_kwh: float
    unexplained_kwh: float
    stolen_kwh: float
    found_kwh: float


@dataclass(frozen=True, slots=True)
class Scores:
    seed: int
    days: int
    lost: float
    phases: PhaseScore
    moves: tuple[MoveScore, ...]
    loading: LoadingScore
    losses: LossScore

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def all_of(seed: int, *, days: int = 14, lost: float = 0.2, noise: float = 0.001) -> Scores:
    """All scores of one street, with so much of what its meters say lost."""
    truth = truth_of(seed, days=days)
    told = heard(truth, lost=lost, noise=noise)
    return Scores(
        seed,
        days,
        told.lost,
        score_phases(truth, told),
        tuple(score_moves(truth, told)),
        score_loading(truth, told),
        score_losses(truth, lost=lost, noise=noise),
    )


def score_phases(truth: Truth, told: Heard) -> PhaseScore:
    """Phase identification, by the transformer's meter and without it."""
    found = phase_identification.identify(told.volts, told.head_volts)
    alone = phase_identification.identify(
        told.volts, phase_identification.reference(told.volts, told.recorded)
    )
    right = found.phase == truth.phase
    return PhaseScore(
        customers=len(right),
        right=int(right.sum()),
        decided=int(found.decided().sum()),
        decided_right=int((right & found.decided()).sum()),
        records_right=int((told.recorded == truth.phase).sum()),
        right_without_head=int((alone.phase == truth.phase).sum()),
    )


def score_moves(truth: Truth, told: Heard) -> Sequence[MoveScore]:
    """Rephasing: plans from what was heard, carried out in the grid.  Who is moved was told apart
    with confidence."""
    phase = _phases(told)
    decided = phase_identification.identify(told.volts, told.head_volts).decided()
    kw, kvar = _powers(told)
    hour_of_day = np.arange(len(kw)) // 4 % 24
    typical = rephasing.typical_hours(kw, hour_of_day)
    head = registers.whole(registers.energies(told.head_kwh).values) / HOURS_A_SLOT
    carried = rephasing.phase_loads(typical, phase, np.zeros((24, 3)))
    plans = rephasing.advise(
        typical,
        phase,
        fixed_kw=rephasing.typical_hours(head, hour_of_day) - carried,
        movable=decided,
        moves_max=MOVES_MAX,
        lines=lines_of(truth.street),
        amperes=losses.drawn_currents(kw, kvar, told.volts, phase),
    )
    before, found = plans[0].losses_kw or 0.0, []
    for plan in plans:
        after = truth.on(rephasing.moved(truth.phase, plan.moves)) if plan.moves else truth
        hours = rephasing.typical_hours(after.head_kw, hour_of_day)
        found.append(
            MoveScore(
                moves=len(plan.moves),
                percent_promised=plan.percent,
                percent_true=float(max_deviation(after.head_kw.mean(axis=0)).percent),
                mean_of_hours_promised=plan.mean_of_hours,
                mean_of_hours_true=float(max_deviation(hours).percent.mean()),
                losses_change_promised=100 * ((plan.losses_kw or 0.0) / before - 1),
                losses_change_true=100 * float(after.losses_kw.sum() / truth.losses_kw.sum() - 1),
            )
        )
    return found


def score_loading(truth: Truth, told: Heard) -> LoadingScore:
    """Transformer loading from customers' meters on the phases that were told."""
    phase = _phases(told)
    rows, rows_q = _measured(told.kwh), _measured(told.kvarh)
    kw, kvar = _powers(told)
    coverage = float(np.isfinite(rows + rows_q).mean())
    volts = meter_sums.phase_voltages(told.volts, phase)
    currents = losses.connection_currents(kw, kvar, told.volts, phase)
    lost = losses.line_losses_kw(currents, phase, lines_of(truth.street))
    sums = meter_sums.phase_sums(kw, phase).values
    share = sums / sums.sum(axis=1, keepdims=True)
    kva = truth.street.transformer.kva
    said = loading.loading(
        _hourly(sums + share * lost[:, None]),
        _hourly(meter_sums.phase_sums(kvar, phase).values),
        _hourly(volts),
        kva,
    )
    true = loading.loading(
        _hourly(truth.head_kw), _hourly(truth.head_kvar), _hourly(truth.head_volts), kva
    )
    return LoadingScore(
        coverage=coverage,
        mean_error_percent=float(np.nanmean(np.abs(said.percent - true.percent))),
        peak_percent=said.peak_percent(),
        peak_true_percent=true.peak_percent(),
        neutral_mean_a=float(np.nanmean(said.neutral_a)),
        neutral_true_mean_a=float(true.neutral_a.mean()),
        neutral_error_a=float(np.nanmean(np.abs(said.neutral_a - true.neutral_a))),
    )


def score_losses(truth: Truth, *, lost: float, noise: float) -> LossScore:
    """The energy balance of an honest street, and of the same one with a thief."""
    honest = _balance(truth, heard(truth, lost=lost, noise=noise))
    daily = truth.watts.sum(axis=0) * HOURS_A_SLOT / 1000 / (len(truth.watts) / 96)
    thief = int(np.argmax(daily >= THIEF_KWH_A_DAY))
    robbed = _balance(truth, heard(truth, lost=lost, noise=noise, stolen={thief: STOLEN}))
    return LossScore(
        delivered_kwh=honest.delivered_kwh,
        technical_kwh=honest.technical_kwh,
        technical_true_kwh=float(truth.losses_kw.sum() * HOURS_A_SLOT),
        unexplained_kwh=honest.rest_kwh,
        stolen_kwh=float(STOLEN * truth.watts[:, thief].sum() * HOURS_A_SLOT / 1000),
        found_kwh=robbed.rest_kwh,
    )


def _balance(truth: Truth, told: Heard) -> losses.Balance:
    phase = _phases(told)
    kw, kvar = _powers(told)
    currents = losses.connection_currents(kw, kvar, told.volts, phase)
    technical = losses.line_losses_kw(currents, phase, lines_of(truth.street))
    return losses.balance(
        registers.energies(told.head_kwh).values.sum(axis=1),
        registers.energies(told.kwh).values,
        technical * HOURS_A_SLOT,
    )


def _phases(told: Heard) -> npt.NDArray[np.int64]:
    """The likeliest; the recorded one of a meter that was hardly heard."""
    found = phase_identification.identify(told.volts, told.head_volts).phase
    return np.where(found == phase_identification.UNDECIDED, told.recorded, found)


def _powers(told: Heard) -> tuple[Real, Real]:
    """kW and kvar of customers, quarter hour by quarter hour, gaps spread."""
    kw, kvar = (
        registers.whole(registers.energies(each).values) / HOURS_A_SLOT
        for each in (told.kwh, told.kvarh)
    )
    return kw, kvar


def _measured(register: Real) -> Real:
    found = registers.energies(register)
    return np.where(found.measured, found.values / HOURS_A_SLOT, np.nan)


def _hourly(values: Real) -> Real:
    quarters = values.reshape(-1, 4, values.shape[-1])
    there = ~np.isnan(quarters)
    count = there.sum(axis=1)
    total = np.where(there, quarters, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
