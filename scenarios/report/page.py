"""The report as one HTML file: it works without a network, from a disk or an archive of CI runs.

Both languages are on the page, and a link changes between them; light and dark follow the reader's
system.  Each plot has its numbers in a table behind it, for whoever does not see it or wants to
copy them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
import plotly.offline

from scenarios.report import figures, values
from scenarios.report.words import Language, finding_named, words
from scenarios.story import Story
from scenarios.summary import Summary, plain

MAPS_MAX = 4
"""A city has a hundred concentrators; the first few show what a map looks like, and the log of the
world has them all."""


def page(story: Story, summary: Summary, *, language: Language = Language.EN) -> str:
    """The whole page, beginning in this language."""
    return render(
        "page.html.j2",
        {each: [shown(plot, each) for plot in _plots(story, words(each))] for each in Language},
        language,
        name=summary.scenario,
        about=story.scenario.about,
        summary=summary,
        plain=plain,
        named=finding_named,
    )


def render(
    template: str,
    plots: Mapping[Language, Sequence[Mapping[str, Any]]],
    first: Language,
    **values: Any,
) -> str:
    """A template's page with these plots, as `shown` makes them, in each language."""
    versions = [
        {
            "language": each,
            "other": Language.ES if each is Language.EN else Language.EN,
            "w": words(each),
            "plots": plots[each],
        }
        for each in Language
    ]
    library = plotly.offline.get_plotlyjs()
    return (
        _templates()
        .get_template(template)
        .render(first=first, versions=versions, library=library, **values)
    )


def _plots(story: Story, w: figures.Words) -> Iterator[figures.Plot]:
    zone = ZoneInfo(story.scenario.timezone)
    orders = values.orders_of(story)
    end = story.scenario.start_utc.timestamp() + story.simulated_s
    if shares := values.completeness_of(story):
        yield figures.completeness(shares, zone, w)
    faults = values.faults_of(story)
    if orders or faults:
        yield figures.timeline(orders, faults, end, zone, w)
    if orders:
        yield figures.latency(orders, w)
    modules = values.modules_of(story)
    for concentrator in list(story.world.concentrators)[:MAPS_MAX]:
        own = [module for module in modules if module.concentrator == concentrator]
        if own:
            yield figures.link_map(own, concentrator, w)


def shown(plot: figures.Plot, language: Language) -> dict[str, Any]:
    """A plot as the templates take it, with its figure as JSON in the page's style."""
    figure = plot.figure
    figure.update_layout(
        template="plotly_white",
        margin={"l": 10, "r": 10, "t": 34, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        modebar={"bgcolor": "rgba(0,0,0,0)"},
        font={"family": "system-ui, sans-serif", "color": "#888"},
        separators=",." if language is Language.ES else ".,",
    )
    figure.update_xaxes(automargin=True, gridcolor="#8883")
    figure.update_yaxes(automargin=True, gridcolor="#8883")
    # A script ends at "</", whatever stands around it (HTML, 13.2.5.4).
    drawn = json.dumps(figure.to_plotly_json(), default=_as_list).replace("</", "<\\/")
    return {"key": plot.key, "drawn": drawn, "columns": plot.columns, "rows": plot.rows}


def _as_list(value: Any) -> Any:
    return value.tolist()


def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("scenarios", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
