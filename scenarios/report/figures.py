"""The plots of a report and the table behind each, as data: a figure can be tested like a value.

Colours are those of Okabe and Ito, which people tell apart who see colours differently; a shape or
a word says the same again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import plotly.graph_objects as go

from scenarios.report.values import FaultBar, Module, OrderBar, Share

DONE, FAILED, OPEN, FAULT, LINE = "#009E73", "#D55E00", "#E69F00", "#CC79A7", "#0072B2"
FAULTS_SHOWN = 60
"""A storm over a city has thousands; the table behind the plot has them all."""
TIMELINE_PX_MAX = 2400
BINS = 40
FEW = 8  # orders that an axis counts one by one

Words = dict[str, str]


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure with the numbers that it shows."""

    key: str  # of its heading
    figure: go.Figure
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def timeline(
    orders: Sequence[OrderBar], faults: Sequence[FaultBar], end: float, zone: ZoneInfo, w: Words
) -> Plot:
    """Orders and faults as bars over time."""
    moment = _moments(zone)
    figure = go.Figure()
    usual = [fault for fault in faults if fault.usual]
    if usual:
        _marked_together(figure, w["usual"].format(len(usual)), usual, end, moment)
    for fault in [fault for fault in faults if not fault.usual][:FAULTS_SHOWN]:
        label = f"{fault.target} {fault.kind}"
        _bar(figure, label, fault.start, fault.end or end, FAULT, fault.kind, moment)
    for order in orders:
        colour = {"done": DONE, "open": OPEN}.get(order.outcome, FAILED)
        label = f"{w['number']} {order.number}"
        about = f"{order.kind} {order.meter}: {order.outcome}"
        _bar(figure, label, order.accepted, order.ended or end, colour, about, moment)
    lines = len({trace.y[0] for trace in figure.data})
    figure.update_layout(height=min(TIMELINE_PX_MAX, 140 + 22 * lines), showlegend=False)
    figure.update_yaxes(autorange="reversed", type="category")
    if 22 * lines <= TIMELINE_PX_MAX:
        figure.update_yaxes(dtick=1)  # each line has its name
    rows = [
        (
            str(o.number),
            o.meter,
            o.kind,
            moment(o.accepted),
            "" if o.ended is None else moment(o.ended),
            o.outcome,
            str(o.attempts),
        )
        for o in orders
    ]
    rows += [
        ("", f.target, f.kind, moment(f.start), "" if f.end is None else moment(f.end), "", "")
        for f in faults
    ]
    columns = ("number", "target", "kind", "begun", "over", "outcome", "attempts")
    return Plot("timeline", figure, tuple(w[each] for each in columns), tuple(rows))


def latency(orders: Sequence[OrderBar], w: Words) -> Plot:
    """How long orders took, by how they ended."""
    took: dict[str, list[float]] = {}
    for order in orders:
        if order.took_s is not None:
            took.setdefault(order.outcome, []).append(order.took_s)
    figure = go.Figure()
    longest = max((max(seconds) for seconds in took.values()), default=0.0)
    size = _round_up(longest / BINS)
    patterns = ("", "/", "x", "-", ".", "+")
    for number, (outcome, seconds) in enumerate(sorted(took.items())):
        colour = DONE if outcome == "done" else FAILED
        shape = patterns[0 if outcome == "done" else 1 + number % 5]
        figure.add_histogram(
            x=seconds,
            name=outcome,
            xbins={"start": 0, "end": size * (BINS + 1), "size": size},
            autobinx=False,
            marker={"color": colour, "pattern": {"shape": shape}},
        )
    above = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    figure.update_layout(barmode="stack", height=340, showlegend=True, legend=above)
    # The whole span from zero: one order alone is a bar among forty, wherever it lies.
    figure.update_xaxes(title=w["seconds"], range=[0, size * (BINS + 1)])
    figure.update_yaxes(title=w["count"], rangemode="tozero")
    if sum(len(seconds) for seconds in took.values()) <= FEW:
        figure.update_yaxes(dtick=1)
    rows = tuple(
        (outcome, str(len(seconds)), *(f"{_quantile(seconds, q):.1f}" for q in (0.5, 0.95, 1.0)))
        for outcome, seconds in sorted(took.items())
    )
    columns = (w["outcome"], w["count"], "p50 s", "p95 s", "max s")
    return Plot("latency", figure, columns, rows)


def completeness(shares: Sequence[Share], zone: ZoneInfo, w: Words) -> Plot:
    """Intervals stored, as a share of those due."""
    moment = _moments(zone)
    figure = go.Figure()
    figure.add_scatter(
        x=[moment(each.at) for each in shares],
        y=[each.stored / each.due for each in shares],
        mode="lines",
        line={"color": LINE, "shape": "hv", "width": 2.5},
        name=w["share"],
    )
    figure.update_layout(height=340, showlegend=False)
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", title=w["share"])
    rows = tuple(
        (moment(each.at), str(each.due), str(each.stored), f"{each.stored / each.due:.1%}")
        for each in shares
    )
    columns = tuple(w[each] for each in ("time", "due", "stored", "share"))
    return Plot("completeness", figure, columns, rows)


def link_map(modules: Sequence[Module], concentrator: str, w: Words) -> Plot:
    """One concentrator's meters, with their routes and how their frames fared."""
    at = {module.meter: (module.x_m, module.y_m) for module in modules}
    figure = go.Figure()
    for module in modules:
        if module.registered:
            hops = [(0.0, 0.0), *(at[each] for each in module.route if each in at)]
            xs, ys = zip(*hops[-1:], at[module.meter], strict=True)
            line = {"color": "#8886", "width": 1}
            figure.add_scatter(x=xs, y=ys, mode="lines", line=line, hoverinfo="skip")
    scale = {"title": {"text": w["delivered"]}, "tickformat": ".0%"}
    fared = {"colorscale": "Cividis", "cmin": 0, "cmax": 1, "colorbar": scale}
    used = [module for module in modules if module.registered and module.share is not None]
    idle = [module for module in modules if module.registered and module.share is None]
    lost = [module for module in modules if not module.registered]
    _markers(figure, used, w, color=[module.share for module in used], **fared)
    _markers(figure, idle, w, symbol="circle-open", color="#888")
    _markers(figure, lost, w, symbol="x", color=FAILED)
    figure.add_scatter(
        x=[0.0],
        y=[0.0],
        mode="markers+text",
        marker={"size": 17, "symbol": "square", "color": LINE},
        text=[concentrator],
        textposition="top center",
        hoverinfo="text",
    )
    figure.update_layout(height=520, showlegend=False)
    figure.update_xaxes(title=w["metres"], zeroline=False)
    figure.update_yaxes(scaleanchor="x", zeroline=False)
    rows = tuple(
        (
            module.meter,
            f"{(module.x_m**2 + module.y_m**2) ** 0.5:.0f}",
            " ".join(module.route) if module.registered else w["not-registered"],
            str(module.frames),
            "" if module.share is None else f"{module.share:.1%}",
        )
        for module in modules
    )
    columns = tuple(w[each] for each in ("meter", "distance", "via", "frames", "delivered"))
    return Plot("map", figure, columns, rows)


def _markers(figure: go.Figure, modules: Sequence[Module], w: Words, **marker: Any) -> None:
    figure.add_scatter(
        x=[module.x_m for module in modules],
        y=[module.y_m for module in modules],
        mode="markers",
        marker={"size": 11, **marker},
        text=[f"{module.meter}: {_fared(module, w)}" for module in modules],
        hoverinfo="text",
    )


def _fared(module: Module, w: Words) -> str:
    if not module.registered:
        return w["not-registered"]
    return w["no-frames"] if module.share is None else f"{module.share:.1%} {w['of-frames']}"


def _bar(
    figure: go.Figure,
    line: str,
    start: float,
    end: float,
    colour: str,
    about: str,
    moment: Callable[[float], str],
) -> None:
    figure.add_scatter(
        x=[moment(start), moment(end)],
        y=[line, line],
        mode="lines+markers",
        line={"color": colour, "width": 9},
        marker={"size": 9, "symbol": ["line-ns-open", "diamond"], "color": colour},
        hovertemplate=f"{about}<br>%{{x}}<extra></extra>",
    )


def _marked_together(
    figure: go.Figure,
    line: str,
    faults: Sequence[FaultBar],
    end: float,
    moment: Callable[[float], str],
) -> None:
    """Many faults on one line, each with its device when pointed at."""
    x: list[str | None] = []
    told: list[str] = []
    for fault in faults:
        x += [moment(fault.start), moment(fault.end or end), None]
        told += [fault.target] * 3
    figure.add_scatter(
        x=x,
        y=[line] * len(x),
        text=told,
        mode="lines",
        line={"color": FAULT, "width": 7},
        opacity=0.6,
        hovertemplate="%{text}<br>%{x}<extra></extra>",
    )


def _round_up(size: float) -> float:
    """The next of 1, 2 and 5 times a power of ten; 0.1 at least."""
    power = 0.1
    while True:
        for times in (1, 2, 5):
            if size <= times * power:
                return times * power
        power *= 10


def _moments(zone: ZoneInfo) -> Callable[[float], str]:
    return lambda at: datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M:%S")


def _quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)]
