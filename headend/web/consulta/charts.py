"""Charts of the analyst's pages, each with the table that says the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from headend.analysis.bands import Colour
from headend.analysis.judged import Judged
from headend.analysis.quantity import PHASES, QUANTITIES, UNITS, Quantity
from headend.domain.feeder import FeederHour
from headend.web.chart import Chart
from headend.web.consulta.standing import Mode, Shown, Standing, unit
from headend.web.wording import Words

COLOUR_OF: Final = {Shown.MONTH: 0, Shown.HOURS_48: 1, Shown.NOW: 2}
"""Places in the palette: blue, orange, green, as in the paper."""
PATTERN_OF: Final = {Shown.MONTH: "", Shown.HOURS_48: "/", Shown.NOW: "x"}
"""Bars differ by hatching, too, for who does not see colours."""
HATCHED: Final = {"fillmode": "overlay", "solidity": 0.15, "fgcolor": "#fff"}
DIGITS: Final = 2


def unbalance_charts(
    words: Words, found: Sequence[Standing], shown: Sequence[Shown], mode: Mode
) -> list[Chart]:
    """One chart a quantity: each feeder with a bar for each stamp of time."""
    return [_unbalance(words, found, shown, mode, quantity) for quantity in QUANTITIES]


def _unbalance(
    words: Words,
    found: Sequence[Standing],
    shown: Sequence[Shown],
    mode: Mode,
    quantity: Quantity,
) -> Chart:
    names = [each.circuit.name for each in found]
    sign = unit(quantity, mode)
    titles = [words.of("consulta.shown", each) for each in shown]
    traces = [
        {
            "type": "bar",
            "name": title,
            "x": names,
            "y": [each.value(stamp, quantity, mode) for each in found],
            "ami": COLOUR_OF[stamp],
            "marker": {"pattern": {**HATCHED, "shape": PATTERN_OF[stamp]}},
            "hovertemplate": f"%{{x}}<br>%{{y:.2f}} {sign}<extra>{title}</extra>",
        }
        for stamp, title in zip(shown, titles, strict=True)
    ]  # fmt: skip
    rows = [
        [
            each.circuit.name,
            *(
                words.number(each.value(stamp, quantity, mode), DIGITS)
                + _colour(words, each, stamp, quantity)
                for stamp in shown
            ),
        ]
        for each in found
    ]
    worst = max(
        (
            (value, each.circuit.name)
            for each in found
            if (value := each.value(shown[0], quantity, mode)) is not None
        ),
        default=None,
    )
    about = (
        words.text("consulta.chart_nothing")
        if worst is None
        else words.text(
            "consulta.chart_worst", feeder=worst[1], value=words.number(worst[0], DIGITS),
            unit=sign, window=titles[0],
        )
    )  # fmt: skip
    return Chart(
        f"unbalance-{quantity}",
        f"{words.of('consulta.quantity', quantity)} ({sign})",
        about,
        traces,
        [words.text("consulta.circuit"), *(f"{title} ({sign})" for title in titles)],
        rows,
        {
            "barmode": "group",
            "bargap": 0.25,
            "showlegend": True,
            "yaxis": {"title": {"text": sign}, "rangemode": "tozero"},
            "xaxis": {"type": "category", "tickangle": -40 if len(found) > 3 else 0},
        },
        320,
    )


def _colour(words: Words, each: Standing, stamp: Shown, quantity: Quantity) -> str:
    judged = each.windows.get(stamp)
    return "" if judged is None else f" · {words.of('consulta.colour', judged[quantity].colour)}"


Profile = Mapping[Quantity, Sequence[Sequence[float | None]]]
"""Of each quantity and phase, the hours of a day."""


def profile_charts(
    words: Words, labels: Sequence[str], days: tuple[str, str], profiles: tuple[Profile, Profile]
) -> list[Chart]:
    """One chart a quantity: phases of the earlier day dashed, of the later solid, and below them
    what the later day has more."""
    return [_profile(words, labels, days, profiles, quantity) for quantity in QUANTITIES]


def _profile(
    words: Words,
    labels: Sequence[str],
    days: tuple[str, str],
    profiles: tuple[Profile, Profile],
    quantity: Quantity,
) -> Chart:
    earlier, later = (each[quantity] for each in profiles)
    more = [differences(*pair) for pair in zip(earlier, later, strict=True)]
    sign = UNITS[quantity]
    traces: list[dict[str, Any]] = []
    for number, phase in enumerate(PHASES):
        for day, values, dash in ((days[0], earlier, "dash"), (days[1], later, "solid")):
            traces.append(
                {
                    "type": "scatter", "mode": "lines", "name": f"{phase} · {day}", "ami": number,
                    "x": labels, "y": values[number], "line": {"dash": dash, "width": 2},
                    "hovertemplate": f"%{{x}}<br>%{{y:.2f}} {sign}<extra>{phase} · {day}</extra>",
                }
            )  # fmt: skip
    for number, phase in enumerate(PHASES):
        name = f"Δ {phase}"
        traces.append(
            {
                "type": "bar", "name": name, "ami": number, "x": labels, "y": more[number],
                "yaxis": "y2", "showlegend": False,
                "hovertemplate": f"%{{x}}<br>%{{y:+.2f}} {sign}<extra>{name}</extra>",
            }
        )  # fmt: skip
    columns = [words.text("consulta.hour")]
    columns += [f"{phase} {day}" for phase in PHASES for day in days]
    columns += [f"Δ {phase}" for phase in PHASES]
    rows = []
    for place, label in enumerate(labels):
        cells = [each[number][place] for number in range(3) for each in (earlier, later)]
        cells += [each[place] for each in more]
        rows.append([label, *(words.number(cell, DIGITS) for cell in cells)])
    return Chart(
        f"profile-{quantity}",
        f"{words.of('consulta.quantity', quantity)} ({sign})",
        words.text("consulta.profile_about", earlier=days[0], later=days[1]),
        traces,
        columns,
        rows,
        {
            "yaxis": {"domain": [0.34, 1], "title": {"text": sign}},
            "yaxis2": {"domain": [0, 0.24], "title": {"text": "Δ"}},
            "xaxis": {"anchor": "y2", "type": "category", "nticks": 12},
            "barmode": "group",
        },
        420,
    )


def differences(
    earlier: Sequence[float | None], later: Sequence[float | None]
) -> list[float | None]:
    """What the later has more, where both are known."""
    return [None if a is None or b is None else b - a for a, b in zip(earlier, later, strict=True)]


def trend_chart(
    words: Words, days: Sequence[tuple[date, Mapping[Quantity, Mapping[Colour, int]]]]
) -> Chart:
    """How many feeders were red on each of the last days, with a gap where none could be judged;
    the table has yellow ones, too."""
    labels = [words.short_day(day) for day, _ in days]
    marks = ("circle", "square", "diamond", "triangle-up")
    names = [words.of("consulta.quantity", each) for each in QUANTITIES]
    traces = [
        {
            "type": "scatter", "mode": "lines+markers", "name": name, "ami": (5, 1, 3, 0)[number],
            "marker": {"symbol": marks[number], "size": 8}, "x": labels,
            "y": [_red(found[quantity]) for _, found in days],
        }
        for number, (quantity, name) in enumerate(zip(QUANTITIES, names, strict=True))
    ]  # fmt: skip
    red, yellow = (words.of("consulta.colour", each) for each in (Colour.RED, Colour.YELLOW))
    most = max((found[each][Colour.RED] for _, found in days for each in QUANTITIES), default=0)
    rows = [
        [
            words.day(day),
            *(
                "–"
                if _red(found[each]) is None
                else f"{found[each][Colour.RED]} {red}, {found[each][Colour.YELLOW]} {yellow}"
                for each in QUANTITIES
            ),
        ]
        for day, found in days
    ]
    return Chart(
        "trend",
        words.text("dashboard.trend"),
        words.text("dashboard.trend_about"),
        traces,
        [words.text("dashboard.day"), *names],
        rows,
        {
            "yaxis": {
                "rangemode": "tozero", "title": {"text": words.text("dashboard.feeders")},
                "dtick": max(1, -(-most // 5)),
            },
            "xaxis": {"type": "category", "nticks": 8},
        },
        300,
    )  # fmt: skip


def _red(found: Mapping[Colour, int]) -> int | None:
    """How many are red; None where nothing is known of any."""
    judged = sum(count for colour, count in found.items() if colour is not Colour.UNKNOWN)
    return found[Colour.RED] if judged else None


_CHANNELS: Final = dict(zip(QUANTITIES, "ipqv", strict=True))


def phases_chart(words: Words, hours: Sequence[FeederHour], quantity: Quantity) -> Chart:
    """A quantity's three phases, hour by hour."""
    sign, letter = UNITS[quantity], _CHANNELS[quantity]
    at = [datetime.fromtimestamp(each.begin, words.zone) for each in hours]
    values = [[each.mean(f"{letter}_{phase.lower()}") for each in hours] for phase in PHASES]
    traces = [
        {
            "type": "scatter", "mode": "lines", "name": phase, "ami": number,
            "x": [f"{each:%Y-%m-%d %H:%M}" for each in at], "y": values[number],
            "line": {"width": 2, "dash": ("solid", "dash", "dot")[number]},
            "hovertemplate": f"%{{x}}<br>%{{y:.2f}} {sign}<extra>{phase}</extra>",
        }
        for number, phase in enumerate(PHASES)
    ]  # fmt: skip
    rows = [
        [words.when(moment), *(words.number(each[place], DIGITS) for each in values)]
        for place, moment in enumerate(at)
    ]
    title = f"{words.of('consulta.quantity', quantity)} ({sign})"
    return Chart(
        "phases", title, words.text("feeder.phases_about"), traces,
        [words.text("consulta.hour"), *PHASES], rows, {"yaxis": {"title": {"text": sign}}}, 340,
    )  # fmt: skip


def hours_chart(
    words: Words, hours: Sequence[tuple[int, float | None]], quantity: Quantity
) -> Chart:
    """The unbalance of each hour by itself, at when it begins in POSIX seconds."""
    at = [datetime.fromtimestamp(begin, words.zone) for begin, _ in hours]
    percents = [percent for _, percent in hours]
    name = words.text("feeder.unbalance")
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "lines", "name": f"{name} (%)", "ami": 5,
            "x": [f"{each:%Y-%m-%d %H:%M}" for each in at], "y": percents,
            "line": {"width": 2}, "hovertemplate": "%{x}<br>%{y:.2f} %<extra></extra>",
        }
    ]  # fmt: skip
    rows = [
        [words.when(moment), words.number(percent, DIGITS)]
        for moment, percent in zip(at, percents, strict=True)
    ]
    return Chart(
        "hours",
        words.text("feeder.hours", quantity=words.of("consulta.quantity", quantity)),
        words.text("feeder.hours_about"),
        traces,
        [words.text("consulta.hour"), f"{name} (%)"],
        rows,
        {"yaxis": {"rangemode": "tozero", "title": {"text": "%"}}},
        300,
    )


def days_chart(words: Words, days: Sequence[tuple[date, Judged]], quantity: Quantity) -> Chart:
    """The unbalance of each day's averages, and how much of the day came."""
    labels = [words.short_day(day) for day, _ in days]
    percents = [judged[quantity].percent for _, judged in days]
    shares = [
        None if (share := judged[quantity].coverage) is None else 100 * share for _, judged in days
    ]
    names = words.text("feeder.unbalance"), words.text("consulta.coverage")
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "lines+markers", "name": f"{names[0]} (%)", "ami": 5,
            "x": labels, "y": percents,
        },
        {
            "type": "bar", "name": f"{names[1]} (%)", "ami": 0, "x": labels, "y": shares,
            "yaxis": "y2",
        },
    ]  # fmt: skip
    rows = [
        [
            words.day(day),
            words.number(judged[quantity].percent, DIGITS),
            words.of("consulta.colour", judged[quantity].colour),
            words.share(judged[quantity].coverage, 0),
        ]
        for day, judged in days
    ]
    return Chart(
        "days",
        words.text("feeder.days", quantity=words.of("consulta.quantity", quantity)),
        words.text("feeder.days_about"),
        traces,
        [words.text("dashboard.day"), f"{names[0]} (%)", words.text("feeder.judged"), names[1]],
        rows,
        {
            "yaxis": {"domain": [0.38, 1], "rangemode": "tozero", "title": {"text": "%"}},
            "yaxis2": {"domain": [0, 0.24], "range": [0, 100], "title": {"text": "%"}},
            "xaxis": {"anchor": "y2", "type": "category", "nticks": 10},
        },
        340,
    )
