"""What chance adds to a plot: orders, faults, crashes and outages at times of the seed's choosing.

A file's own orders and faults are the same under every seed; these are not.  The seed and the file
decide them, so that `ami sim run FILE --seed N` plays the same day again.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import msgspec

from devices.chance import stream
from scenarios.field import field_of
from scenarios.schema import FaultSpec, HeadEndEvent, OrderSpec, Scatter, Scenario, seconds

AT_METERS = (
    "meter-silent",
    "meter-refuses",
    "meter-ignores",
    "meter-emergency",
    "meter-wrong-key",
    "meter-stuck-relay",
    "meter-unreachable",
)
AT_CONCENTRATORS = (
    "packet-loss",
    "packet-loss",
    "modem",
    "sim",
    "apn",
    "network",
    "silence",
    "power-cut",
    "reboot",
    "reboot",
    "busy",
    "clock",
    "clock",
)
SHORTEST_S = 20  # of a fault, a head-end's absence or an outage
LONGEST_ABSENCE_S = 120
LONGEST_OUTAGE_S = 600
STEP_MAX_S = 3600  # of a concentrator's clock, either way


def scattered(scenario: Scenario, seed: int) -> Scenario:
    """The scenario with what this seed adds to it."""
    scatter = scenario.scatter
    if scatter is None:
        return scenario
    spec = field_of(scenario)
    names = [meter.name for each in spec.transformers for meter in each.meters]
    # Meters of every concentrator, taken in turn.
    by_turns = sorted(names, key=lambda name: (int(name) * 7919) % 10007)
    meters = by_turns[: scatter.meters]
    concentrators = [each.concentrator for each in spec.transformers]
    rng = stream(seed, "scatter")
    return msgspec.structs.replace(
        scenario,
        order=(*scenario.order, *_orders(scatter, rng, meters)),
        fault=(*scenario.fault, *_faults(scatter, rng, meters, concentrators)),
        event=(*scenario.event, *_events(scatter, rng)),
    )


def _orders(scatter: Scatter, rng: Random, meters: list[str]) -> Iterator[OrderSpec]:
    for number in range(1, scatter.messages + 1):
        at_s = _time(scatter, rng)
        kind = rng.choice(("set-limit", "set-limit", "remove-limit", "connect", "disconnect"))
        limit = kind == "set-limit"
        repeated = rng.random() < 0.2
        watts = rng.randrange(500, 10_001, 100)
        in_kilowatts = rng.random() < 0.3
        order = OrderSpec(
            at=_text(at_s),
            kind=kind,  # type: ignore[arg-type]
            meters=tuple(rng.sample(meters, rng.choice((1, 1, 2, 3)))),
            amount=None if not limit else f"{watts / 1000:.1f}" if in_kilowatts else str(watts),
            unit="kW" if in_kilowatts else "W",
            carrier=rng.choice(("attribute", "option", "meter-config")) if limit else "attribute",
            style=rng.choice(("typed", "generic")),
            message_id=f"scattered-{number}",
            deadline=_text(rng.randint(120, 1800)) if not repeated and rng.random() < 0.3 else None,
            until=_text(at_s + rng.randint(300, 1800)) if limit and rng.random() < 0.2 else None,
            cancel_at=_text(at_s + rng.randint(1, 300)) if rng.random() < 0.1 else None,
            soap_reply=rng.random() < 0.3,
        )
        if order.until is not None:  # only a control has an interval
            order = msgspec.structs.replace(order, carrier="attribute")
        yield order
        if repeated:  # though it was answered; a deadline would be another one, and a conflict
            yield msgspec.structs.replace(
                order, at=_text(at_s + rng.randint(0, 600)), cancel_at=None
            )


def _faults(
    scatter: Scatter, rng: Random, meters: list[str], concentrators: list[str]
) -> Iterator[FaultSpec]:
    longest_s = round(seconds(scatter.fault_longest))
    for _ in range(scatter.faults):
        at_meter = rng.random() < 0.4
        kind = rng.choice(AT_METERS if at_meter else AT_CONCENTRATORS)
        at_s = _time(scatter, rng)
        lasts_s = rng.randint(SHORTEST_S, max(SHORTEST_S, longest_s))
        yield FaultSpec(
            kind=kind,  # type: ignore[arg-type]
            target=rng.choice(meters if at_meter else concentrators),
            at=_text(at_s),
            until=None if kind == "reboot" else _text(at_s + lasts_s),
            share=rng.randint(20, 90) / 100 if kind == "packet-loss" else None,
            step_s=rng.choice((-1, 1)) * rng.randint(1, STEP_MAX_S) if kind == "clock" else 0,
        )


def _events(scatter: Scatter, rng: Random) -> Iterator[HeadEndEvent]:
    """Crashes and outages, each over before the next of its kind begins."""
    at_s = 0.0
    for planned_s in sorted(_time(scatter, rng) for _ in range(scatter.crashes)):
        at_s = max(planned_s, at_s)
        absent_s = rng.randint(1, LONGEST_ABSENCE_S)
        yield HeadEndEvent(at=_text(at_s), do="crash-head-end", down=_text(absent_s))
        at_s += absent_s + 1
    at_s = 0.0
    for planned_s in sorted(_time(scatter, rng) for _ in range(scatter.outages)):
        at_s = max(planned_s, at_s)
        yield HeadEndEvent(at=_text(at_s), do="commercial-down")
        at_s += rng.randint(SHORTEST_S, LONGEST_OUTAGE_S)
        yield HeadEndEvent(at=_text(at_s), do="commercial-up")
        at_s += 1


def _time(scatter: Scatter, rng: Random) -> float:
    """A time in the span, to the millisecond: things that cross each other do so by little."""
    begin, end = (round(seconds(text) * 1000) for text in (scatter.begin, scatter.end))
    return rng.randint(begin, end) / 1000


def _text(total_s: float) -> str:
    return f"{total_s:.3f}s"
