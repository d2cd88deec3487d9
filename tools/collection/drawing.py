"""Completeness drawn with characters."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

BARS_MAX = 60


def bars(shares: Sequence[tuple[str, float | None]], what: str = "here") -> Text:
    """One bar a name, of the least complete where they are many; `what` is a share of 100 %."""
    import plotext  # 0.2 s of start-up

    seen = [(share, name) for name, share in shares if share is not None]
    worst = sorted(sorted(seen)[:BARS_MAX], key=lambda each: each[1], reverse=True)
    _begin(4 + 2 * len(worst))
    plotext.bar(
        [name for _, name in worst],
        [100 * share for share, _ in worst],
        orientation="horizontal",
    )
    plotext.xlim(0, 100)
    plotext.xlabel(f"% {what}")
    return _drawn()


def rising(points: Sequence[tuple[float, int]], expected: int) -> Text:
    """How much was here, in hours from the day's begin on."""
    import plotext

    _begin(20)
    if points:
        hours, counts = zip(*points, strict=True)
        plotext.plot(hours, [100 * count / expected for count in counts], marker="braille")
    plotext.ylim(0, 100)
    plotext.xlabel("hours from the day's begin")
    plotext.ylabel("% here")
    return _drawn()


def _begin(lines: int) -> None:
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.limit_size(False, False)
    plotext.plot_size(76, lines)


def _drawn() -> Text:
    import plotext

    drawn: Text = Text.from_ansi(plotext.build())
    return drawn
