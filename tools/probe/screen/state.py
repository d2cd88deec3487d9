"""How the meter stands: supply, alarms, clock, limit, tariff.  The line below the meter's name.

What a meter does not have, or refuses to this client, is left out; none of it ends the talk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from protocols.concentrator.messages import LimitRead, SupplyRead
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.obis import Language
from protocols.dlms.procedures import DISCONNECT_CONTROL, LIMITER, read_limit, read_supply
from protocols.dlms.procedures.supply import CONNECTED, DISCONNECTED, READY_FOR_RECONNECTION
from protocols.dlms.services import AttributeDescriptor, GetResult
from tools.probe.clock import GOOD_S, read_drift
from tools.probe.screen.words import said
from tools.probe.supply import STATES
from tools.probe.talk import Stopped, Talk
from tools.probe.values import shown_number, text_of

DATA = 1
ERRORS = LogicalName("0.0.97.97.0.255")  # Blue Book 7.4.1
ALARMS = (LogicalName("0.0.97.98.0.255"), LogicalName("0.0.97.98.1.255"))
TARIFF = LogicalName("0.0.96.14.0.255")
FEW = 3  # bits that are named
WATCHED = (ERRORS, *ALARMS, TARIFF)


@dataclass(frozen=True, slots=True)
class State:
    """One look; None for what the meter does not tell."""

    drift_s: float | None = None
    clock_told: bool = False
    supply: SupplyRead | None = None
    limit: LimitRead | None = None
    errors: int | None = None
    alarms: tuple[int, ...] = ()
    """The alarm registers that it has, each with its bits."""
    tariff: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the line; what is wrong is written so that it shows without colour too."""

    text: str
    wrong: bool = False


async def read_state(talk: Talk) -> State:
    """Raises `Stopped` where the line ends, and never for what is refused."""
    try:
        there = {each.instance for each in await talk.objects()}
    except Stopped as stopped:
        _pass_on(stopped)
        there = {*WATCHED, DISCONNECT_CONTROL, LIMITER}
    supply, limit, drift_s, clock_told = None, None, None, False
    try:
        _, drift_s = await read_drift(talk)
        clock_told = True
    except Stopped as stopped:
        _pass_on(stopped)
    if DISCONNECT_CONTROL in there:
        supply = (await talk.outcome(read_supply())).supply
    if LIMITER in there:
        limit = (await talk.outcome(read_limit())).limit
    names = [name for name in WATCHED if name in there]
    told: dict[LogicalName, GetResult] = {}
    if names:
        results = await talk.get(*(AttributeDescriptor(DATA, name, 2) for name in names))
        told = dict(zip(names, results, strict=True))
    bits = [number for name in ALARMS if (number := _number(told.get(name))) is not None]
    tariff = told.get(TARIFF)
    return State(
        drift_s,
        clock_told,
        supply,
        limit,
        _number(told.get(ERRORS)),
        tuple(bits),
        None if tariff is None or isinstance(tariff, DataAccessResult) else text_of(tariff),
    )


def parts(state: State, language: Language) -> Iterator[Part]:
    """What is told of it, the most pressing first."""
    if state.supply is not None:
        yield _supply(state.supply, language)
    if state.errors:
        yield Part(said(language, "error", bits=_few(_bits(state.errors))), wrong=True)
    raised = [
        f"{number}.{bit}"
        for number, register in enumerate(state.alarms, start=1)
        for bit in _bits(register)
    ]
    if raised:
        yield Part(said(language, "alarm", bits=_few(raised)), wrong=True)
    elif state.alarms and not state.errors:
        yield Part(said(language, "no-alarm"))
    if state.clock_told:
        yield _clock(state.drift_s, language)
    if state.limit is not None:
        yield _limit(state.limit, language)
    if state.tariff:
        yield Part(said(language, "tariff", name=state.tariff))


def _bits(register: int) -> list[str]:
    """The numbers of the bits that are set, from 0 on; what they mean is the maker's."""
    return [str(bit) for bit in range(register.bit_length()) if register >> bit & 1]


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:FEW]) + (", …" if len(names) > FEW else "")


def _supply(supply: SupplyRead, language: Language) -> Part:
    """The relay where it contradicts the meter's own control state, or else that state."""
    if supply.control_state in (DISCONNECTED, READY_FOR_RECONNECTION) and supply.output_on:
        return Part(said(language, "stuck-on"), wrong=True)
    if supply.control_state == CONNECTED and not supply.output_on:
        return Part(said(language, "stuck-off"), wrong=True)
    if supply.control_state not in STATES:
        return Part(said(language, "supply-odd", state=supply.control_state), wrong=True)
    word = f"supply-{supply.control_state}"
    return Part(said(language, word), wrong=supply.control_state != CONNECTED)


def _clock(drift_s: float | None, language: Language) -> Part:
    if drift_s is None:
        return Part(said(language, "clock-unknown"), wrong=True)
    if abs(drift_s) <= GOOD_S:
        return Part(said(language, "clock-right"))
    word = "clock-fast" if drift_s > 0 else "clock-slow"
    return Part(said(language, word, by=span(abs(drift_s))), wrong=True)


def span(seconds: float) -> str:
    """A time in the two units that say most: 45 s, 12 min 5 s, 3 h 20 min, 5 d 2 h."""
    whole = round(seconds)
    for size, name, less, under in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"),
                                    (60, "min", 1, "s")):  # fmt: skip
        if whole >= size:
            rest = whole % size // less
            return f"{whole // size} {name} {rest} {under}" if rest else f"{whole // size} {name}"
    return f"{whole} s"


def _limit(limit: LimitRead, language: Language) -> Part:
    active = limit.threshold_active if limit.emergency_active else limit.threshold_normal
    amount = f"{shown_number(Decimal(active))} {limit.unit}"
    if limit.emergency_active:
        return Part(said(language, "emergency", amount=amount), wrong=True)
    return Part(said(language, "no-limit" if limit.unlimited else "limit", amount=amount))


def _number(result: object) -> int | None:
    if isinstance(result, DataAccessResult) or not isinstance(result, int):
        return None
    return int(result)


def _pass_on(stopped: Stopped) -> None:
    """A refusal is no end; everything else is."""
    if not str(stopped.failure.reason).startswith("refused"):
        raise stopped
