"""A canvas of dots: each character cell holds two by four of them (Unicode braille patterns).

A terminal's cells are about twice as high as wide, so the dots are square and circles stay round.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.style import Style
from rich.text import Text

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column of a cell
EMPTY = 0x2800


class Canvas:
    """Dots from (0, 0), top left.  A cell has the colour of what was drawn there last."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.width, self.height = 2 * columns, 4 * rows
        self._dots = [[0] * columns for _ in range(rows)]
        self._styles = [[""] * columns for _ in range(rows)]
        self._letters: dict[tuple[int, int], tuple[str, str]] = {}

    def dot(self, x: float, y: float, style: str = "") -> None:
        """One dot; outside of the canvas nothing happens."""
        column, row = round(x), round(y)
        if 0 <= column < self.width and 0 <= row < self.height:
            at_row, at_column = row // 4, column // 2
            self._dots[at_row][at_column] |= DOTS[row % 4][column % 2]
            self._styles[at_row][at_column] = style

    def line(
        self, x0: float, y0: float, x1: float, y1: float, style: str = "", *, every: int = 1
    ) -> None:
        """A straight line; with `every` only each n-th dot of it."""
        steps = max(round(max(abs(x1 - x0), abs(y1 - y0))), 1)
        for step in range(0, steps + 1, every):
            part = step / steps
            self.dot(x0 + (x1 - x0) * part, y0 + (y1 - y0) * part, style)

    def circle(self, x: float, y: float, radius: float, style: str = "", *, every: int = 1) -> None:
        """A circle's outline."""
        steps = max(round(2 * math.pi * radius), 8)
        for step in range(0, steps, every):
            angle = 2 * math.pi * step / steps
            self.dot(x + radius * math.cos(angle), y + radius * math.sin(angle), style)

    def write(self, column: int, row: int, text: str, style: str = "") -> None:
        """Letters, over whatever dots are there."""
        for offset, letter in enumerate(text):
            if 0 <= column + offset < self.columns and 0 <= row < self.rows:
                self._letters[column + offset, row] = (letter, style)

    def text(self) -> Text:
        """The whole canvas."""
        return Text("\n").join(self._lines())

    def _lines(self) -> Iterator[Text]:
        for row in range(self.rows):
            line = Text(no_wrap=True)
            for column in range(self.columns):
                letter, style = self._letters.get((column, row), ("", ""))
                if not letter:
                    bits = self._dots[row][column]
                    letter, style = chr(EMPTY + bits) if bits else " ", self._styles[row][column]
                line.append(letter, Style.parse(style) if style else None)
            yield line
