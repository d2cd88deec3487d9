"""A chart: a figure for Plotly, and the table that says the same in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Chart:
    """Shown by the macro `chart` of `parts.html`.

    `traces` and `layout` are Plotly's, as plain values; colours, fonts and grid are the page's own
    and follow its theme, so that a trace names at most a place in the palette: `"ami": 0`.
    `columns` are the heads of the table, and `rows` its cells as they are read.  `about` says in a
    sentence what is to be seen, for who does not see it.
    """

    name: str
    title: str
    about: str
    traces: Sequence[Mapping[str, Any]]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    layout: Mapping[str, Any] = field(default_factory=dict)
    height: int = 320

    @property
    def figure(self) -> str:
        """As JSON for a data block of a page: no `<` can end it."""
        told = json.dumps(
            {"data": list(self.traces), "layout": dict(self.layout)},
            ensure_ascii=False,
            separators=(",", ":"),
            allow_nan=False,
        )
        return told.replace("<", "\\u003c").replace("\u2028", "\\u2028")
