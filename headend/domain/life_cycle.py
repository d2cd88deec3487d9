"""A meter's life: the stages it passes, the steps between them, and why a step is refused.

    in stock -> installed -> commissioned -> linked -> in service -> removed,

blocked and unblocked on the way.  The use case asks of an order that its meter is registered,
commissioned and linked (seed 004, Precondiciones); what orders look at are the flags of a `Meter`,
and every step here sets them to fit its stage, so that the two never tell different things.

A meter may be linked before it is commissioned, as one that a concentrator found on its line: it
stays installed until the checks against it have held, and is linked from then on.

A meter whose life nobody has kept (entered by `ami meter add`, or before there was a life cycle)
stands where its flags say.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime

from headend.domain.meter import DIALS_IN, GATEWAY, Meter, Stage

COMMISSIONED = frozenset({Stage.COMMISSIONED, Stage.LINKED, Stage.IN_SERVICE})
"""The stages in which a meter has proved what it is."""

_REACHED = frozenset({Stage.LINKED, Stage.IN_SERVICE})


class Step(enum.StrEnum):
    """What happens to a meter."""

    RECEIVE = "receive"  # a shipment brings it
    CORRECT = "correct"  # a later shipment corrects what it says of a meter in stock
    INSTALL = "install"
    COMMISSION = "commission"
    LINK = "link"
    UNLINK = "unlink"
    SERVE = "take-into-service"
    BLOCK = "block"
    UNBLOCK = "unblock"
    REMOVE = "remove"
    RESTOCK = "restock"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a step is not taken, and what to do instead."""

    meter: str
    step: Step
    stage: Stage
    why: str
    next_step: str

    def __str__(self) -> str:
        return f"meter {self.meter} is {told(self.stage)}: {self.why}"


@dataclass(frozen=True, slots=True)
class LifeLine:
    """A step that was taken.  `was` is None for a meter that nobody knew before."""

    meter: str
    at: datetime
    step: Step
    was: Stage | None
    stage: Stage
    who: str
    why: str


_S = Stage
_KEEP = {stage: stage for stage in (_S.INSTALLED, _S.LINKED, _S.IN_SERVICE)}

TRANSITIONS: dict[Step, dict[Stage, Stage]] = {
    Step.CORRECT: {_S.IN_STOCK: _S.IN_STOCK},
    Step.INSTALL: {_S.IN_STOCK: _S.INSTALLED},
    Step.COMMISSION: {_S.INSTALLED: _S.COMMISSIONED},
    Step.LINK: {**_KEEP, _S.COMMISSIONED: _S.LINKED},
    Step.UNLINK: {
        _S.INSTALLED: _S.INSTALLED,
        _S.LINKED: _S.COMMISSIONED,
        _S.IN_SERVICE: _S.COMMISSIONED,
    },
    Step.SERVE: {_S.LINKED: _S.IN_SERVICE},
    Step.BLOCK: dict.fromkeys(
        (_S.IN_STOCK, _S.INSTALLED, _S.COMMISSIONED, _S.LINKED, _S.IN_SERVICE), _S.BLOCKED
    ),
    Step.UNBLOCK: {_S.BLOCKED: _S.BLOCKED},  # to the stage beneath
    Step.REMOVE: dict.fromkeys(
        (_S.INSTALLED, _S.COMMISSIONED, _S.LINKED, _S.IN_SERVICE, _S.BLOCKED), _S.REMOVED
    ),
    Step.RESTOCK: {_S.REMOVED: _S.IN_STOCK},
}
"""By step: from which stages it is taken, and where it leads.  A meter that is commissioned while
it is linked, or linked while it is commissioned, is linked."""

_INSTALL = "install it: ami meter install METER SERVICE-POINT"
_COMMISSION = "commission it: ami meter commission METER"
_LINK = "link it: ami meter link METER CONCENTRATOR"
_UNBLOCK = "unblock it, if it may be used again: ami meter unblock METER --why …"
_RESTOCK = "return it to stock, if it is to be used again: ami meter restock METER --why …"
_REMOVE = "take it away from where it hangs first: ami meter remove METER --why …"
_NOTHING = "nothing is to be done"

REFUSALS: dict[Step, dict[Stage, tuple[str, str]]] = {
    Step.CORRECT: {
        **dict.fromkeys(
            (_S.INSTALLED, _S.COMMISSIONED, _S.LINKED, _S.IN_SERVICE),
            ("a shipment changes only meters in stock", "leave it out of the file"),
        ),
        _S.BLOCKED: ("a shipment changes only meters in stock", _UNBLOCK),
        _S.REMOVED: ("a shipment changes only meters in stock", _RESTOCK),
    },
    Step.INSTALL: {
        **dict.fromkeys(
            (_S.INSTALLED, _S.COMMISSIONED, _S.LINKED, _S.IN_SERVICE),
            ("it hangs somewhere already", _REMOVE),
        ),
        _S.BLOCKED: ("a blocked meter is not installed", _UNBLOCK),
        _S.REMOVED: ("a removed meter is not installed", _RESTOCK),
    },
    Step.COMMISSION: {
        _S.IN_STOCK: ("a meter is commissioned where it hangs", _INSTALL),
        **dict.fromkeys(COMMISSIONED, ("it is commissioned already", _NOTHING)),
        _S.BLOCKED: ("a blocked meter is not commissioned", _UNBLOCK),
        _S.REMOVED: ("a removed meter is not commissioned", _RESTOCK),
    },
    Step.LINK: {
        _S.IN_STOCK: ("by the records it hangs nowhere", _INSTALL),
        _S.BLOCKED: ("a blocked meter is not linked", _UNBLOCK),
        _S.REMOVED: ("a removed meter is not linked", _RESTOCK),
    },
    Step.UNLINK: {
        _S.IN_STOCK: ("it is linked to nothing", _NOTHING),
        _S.COMMISSIONED: ("it is linked to nothing", _NOTHING),
        _S.BLOCKED: ("its link stays while it is blocked", _UNBLOCK),
        _S.REMOVED: ("it is linked to nothing", _NOTHING),
    },
    Step.SERVE: {
        _S.IN_STOCK: ("it is not installed", _INSTALL),
        _S.INSTALLED: ("it is not commissioned", _COMMISSION),
        _S.COMMISSIONED: ("it is not linked", _LINK),
        _S.IN_SERVICE: ("it is in service already", _NOTHING),
        _S.BLOCKED: ("a blocked meter serves nobody", _UNBLOCK),
        _S.REMOVED: ("a removed meter serves nobody", _RESTOCK),
    },
    Step.BLOCK: {
        _S.BLOCKED: ("it is blocked already", _NOTHING),
        _S.REMOVED: ("a removed meter takes no orders", _NOTHING),
    },
    Step.UNBLOCK: {
        stage: ("it is not blocked", _NOTHING) for stage in Stage if stage is not _S.BLOCKED
    },
    Step.REMOVE: {
        _S.IN_STOCK: ("it hangs nowhere", _NOTHING),
        _S.REMOVED: ("it is removed already", _NOTHING),
    },
    Step.RESTOCK: {
        _S.IN_STOCK: ("it is in stock already", _NOTHING),
        **dict.fromkeys(
            (_S.INSTALLED, _S.COMMISSIONED, _S.LINKED, _S.IN_SERVICE, _S.BLOCKED),
            ("it hangs somewhere", _REMOVE),
        ),
    },
}
"""Why a step is refused in a stage, and what to do.  With `TRANSITIONS` it leaves no case out."""


def told(stage: Stage) -> str:
    """A stage as it stands in a sentence."""
    return stage.replace("-", " ")


def stage_of(meter: Meter) -> Stage:
    """Where a meter stands."""
    return Stage.BLOCKED if meter.blocked else beneath(meter)


def beneath(meter: Meter) -> Stage:
    """Where it stands, or would stand if it were not blocked.  Where what was written down does
    not fit the flags, which somebody has changed since, the flags tell."""
    kept = meter.stage
    if kept is not None and _fits(kept, meter):
        return kept
    if not meter.commissioned:
        return Stage.INSTALLED
    return Stage.COMMISSIONED if meter.lane is None else Stage.LINKED


def _fits(stage: Stage, meter: Meter) -> bool:
    if meter.commissioned is not (stage in COMMISSIONED):
        return False
    linked = meter.lane is not None
    return linked if stage in _REACHED else not (linked and stage is Stage.COMMISSIONED)


def taken(
    meter: Meter, step: Step, *, concentrator: str | None = None, address: str | None = None
) -> Meter | Refusal:
    """The meter after a step, its flags in accord with its stage; or why it is not taken.

    LINK takes the concentrator, or the address, by which the meter is reached from now on.
    """
    stage = stage_of(meter)
    following = TRANSITIONS[step].get(stage)
    if following is None:
        why, next_step = REFUSALS[step][stage]
        return Refusal(meter.name, step, stage, why, next_step.replace("METER", meter.name))
    under = beneath(meter)
    match step:
        case Step.BLOCK:
            return replace(meter, blocked=True, stage=under)
        case Step.UNBLOCK:
            return replace(meter, blocked=False, stage=under)
        case Step.LINK:
            linked = replace(
                meter, concentrator=concentrator or None, address=_way(meter, concentrator, address)
            )
            return _placed(linked, following)
        case Step.UNLINK | Step.REMOVE:
            loose = replace(meter, concentrator=None, address=None, segment=None, blocked=False)
            return _placed(loose, following)
        case Step.COMMISSION if meter.lane is not None:
            return _placed(meter, Stage.LINKED)
        case _:
            return _placed(meter, following)


def _way(meter: Meter, concentrator: str | None, address: str | None) -> str | None:
    """The address of a meter that is linked: behind a concentrator none, but the gateway's."""
    if concentrator is None:
        return address
    return GATEWAY if GATEWAY in (address, meter.address) else None


def _placed(meter: Meter, stage: Stage) -> Meter:
    return replace(meter, stage=stage, commissioned=stage in COMMISSIONED)


def reached_alone(meter: Meter) -> bool:
    """Whether the head-end opens the way to the meter by itself: no concentrator, and no call that
    the meter must make."""
    return meter.address is not None and meter.address not in (GATEWAY, DIALS_IN)
