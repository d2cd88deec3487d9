"""The two lines above every page: which meter this is, and how it stands.

Each line holds what fits; the first parts are the ones that matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import Static

from tools.probe.screen.state import Part

NAME = "ami probe"


class Head(Static):
    """The meter's number and what was agreed on the left, the time of the values on the right."""

    _parts: Sequence[str] = ()
    _right = ""

    def tell(self, parts: Sequence[str] | None = None, right: str | None = None) -> None:
        """Put one side, or both, in place of what stood there."""
        self._parts = self._parts if parts is None else [part for part in parts if part]
        self._right = self._right if right is None else right
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def draw(self) -> None:
        """As much as there is room."""
        width, left = max(self.app.size.width - 2, 20), NAME
        for part in self._parts:
            if len(left) + len(part) + 2 < width - len(self._right):
                left += f"  {part}"
        self.update(Text(left + self._right.rjust(width - len(left)), style="bold"))


class StateLine(Static):
    """Supply, alarms, clock, limit, tariff; what is wrong is reversed and bold, colour or not."""

    _parts: Sequence[Part] = ()

    def tell(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def draw(self) -> None:
        """As much as there is room."""
        width, line = max(self.app.size.width - 2, 20), Text()
        for part in self._parts:
            between = " │ " if line else ""
            text = f" {part.text} " if part.wrong else part.text
            if len(line) + len(between) + len(text) <= width:
                line.append(between, "dim").append(text, "bold reverse" if part.wrong else "")
        self.update(line)
