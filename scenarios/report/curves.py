"""What a story would come to with something in it varied: a page with a curve for each value.

The band about each curve goes from the 5th to the 95th percentile of the seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import plotly.graph_objects as go

from scenarios.report.figures import Plot, Words
from scenarios.report.page import render, shown
from scenarios.report.words import Language, words
from scenarios.schema import Scenario
from scenarios.whatif import Curve, Measure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def page(
    name: str,
    scenario: Scenario,
    curves: Sequence[Curve],
    measure: Measure,
    *,
    language: Language = Language.EN,
) -> str:
    """The whole page, beginning in this language."""
    return render(
        "curves.html.j2",
        {each: [shown(plot(scenario, curves, measure, words(each)), each)] for each in Language},
        language,
        name=name,
        about=scenario.about,
    )


def plot(scenario: Scenario, curves: Sequence[Curve], measure: Measure, w: Words) -> Plot:
    """The curves over the story's local time."""

    def moment(at_s: float) -> str:
        return (scenario.start + timedelta(seconds=at_s)).strftime("%Y-%m-%d %H:%M:%S")

    figure = go.Figure()
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        times = [moment(point[0]) for point in curve.points]
        low, middle, high = ([point[1 + at] for point in curve.points] for at in range(3))
        figure.add_scatter(
            x=[*times, *reversed(times)],
            y=[*high, *reversed(low)],
            fill="toself",
            fillcolor=f"{colour}26",
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_scatter(
            x=times,
            y=middle,
            mode="lines",
            name=curve.variant.name,
            line={"color": colour, "width": 2.5, "dash": DASHES[number % len(DASHES)]},
        )
    if curves:
        figure.add_vline(x=moment(curves[0].by_s), line={"color": "#888", "dash": "dot"})
    figure.update_layout(height=460, showlegend=True)
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", title=w[f"share-{measure}"])
    rows = tuple(
        (curve.variant.name, *(f"{share:.1%}" for share in curve.by), f"{curve.reached:.0%}")
        for curve in curves
    )
    by = moment(curves[0].by_s) if curves else ""
    columns = (w["variant"], f"5 %, {by}", f"50 %, {by}", f"95 %, {by}", w["reached"])
    return Plot("curves", figure, columns, rows)
