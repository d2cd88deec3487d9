"""The words of an OpenDSS script.

Words are parted by blanks, commas and `=`; quotes "", '', (), [] and {} keep a word together.  A
quoted number may be a sum in reverse Polish notation: `(8 1000 /)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from devices.grid.errors import BadNetwork
from devices.grid.zbus import Real

QUOTES = {'"': '"', "'": "'", "(": ")", "[": "]", "{": "}"}
_TRUE, _FALSE = "yt1", "nf0"


@dataclass(frozen=True, slots=True)
class Word:
    """A value, and the property it is for; without a name it is for the next one."""

    name: str
    text: str
    quoted: bool = False

    def number(self) -> float:
        """Raises BadNetwork."""
        return _number(self.text, self.quoted)

    def count(self, low: int = 0, high: int = 1_000) -> int:
        """A whole number from `low` to `high`.  Raises BadNetwork."""
        found = self.number()
        if found != int(found) or not low <= found <= high:
            raise BadNetwork(f"{self.name}={self.text} is no whole number of {low} to {high}")
        return int(found)

    def flag(self) -> bool:
        """Yes or no, by its first letter.  Raises BadNetwork."""
        first = self.text[:1].lower()
        if not first or first not in _TRUE + _FALSE:
            raise BadNetwork(f"{self.name}={self.text!r} is neither yes nor no")
        return first in _TRUE

    def strings(self) -> list[str]:
        """The words of an array."""
        return [word.text for word in words(self.text)]

    def vector(self) -> list[float]:
        """The numbers of an array.  Raises BadNetwork."""
        return [_number(word.text, word.quoted) for word in words(self.text.replace("|", " "))]

    def matrix(self, size: int, *, partial: bool = False) -> Real:
        """A square matrix of this size, all of it or its lower triangle.  Raises BadNetwork.

        A `partial` one may leave its last rows out: they are zero.
        """
        rows = [
            [_number(word.text, word.quoted) for word in words(row)] for row in self.text.split("|")
        ]
        if len(rows) == 1 and size > 1 and len(rows[0]) == size * size:
            rows = [rows[0][at : at + size] for at in range(0, size * size, size)]
        rows = [row for row in rows if row]
        lower = size > 1 and [len(row) for row in rows] == list(range(1, len(rows) + 1))
        lower = lower and (len(rows) == size or partial and len(rows) < size)
        if not lower and [len(row) for row in rows] != [size] * size:
            raise BadNetwork(
                f"{self.name} takes {size} x {size} numbers or the lower triangle of them,"
                f" not rows of {[len(row) for row in rows]}"
            )
        found = np.zeros((size, size))
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                found[i, j] = value
                if lower:
                    found[j, i] = value
        return found


def words(text: str) -> Iterator[Word]:
    """The words of a line, up to its comment.  Raises BadNetwork where a quote is not closed."""
    at, name = 0, ""
    while True:
        at = _skip(text, at)
        if at >= len(text) or text[at] == "!" or text.startswith("//", at):
            if name:
                yield Word(name, "")
            return
        token, quoted, at = _token(text, at)
        after = _skip(text, at, commas=False)
        if not name and after < len(text) and text[after] == "=":
            name, at = token, after + 1
            continue
        yield Word(name.lower(), token, quoted)
        name = ""


def _skip(text: str, at: int, commas: bool = True) -> int:
    while at < len(text) and (text[at].isspace() or (commas and text[at] == ",")):
        at += 1
    return at


def _token(text: str, at: int) -> tuple[str, bool, int]:
    closing = QUOTES.get(text[at])
    if closing is not None:
        end = _closing(text, at, closing)
        return text[at + 1 : end], True, end + 1
    end = at
    while end < len(text) and not (text[end].isspace() or text[end] in ",=!"):
        if text.startswith("//", end):
            break
        end += 1
    if end == at:
        raise BadNetwork(f"a value before {text[at]!r} is missing")
    return text[at:end], False, end


def _closing(text: str, at: int, closing: str) -> int:
    opening, depth = text[at], 0
    for end in range(at + 1, len(text)):
        if text[end] == closing and not depth:
            return end
        if closing != opening:
            depth += (text[end] == opening) - (text[end] == closing)
    raise BadNetwork(f"the quote {text[at : at + 20]!r} is not closed")


def _number(text: str, quoted: bool) -> float:
    try:
        found = float(text)
    except ValueError:
        found = _reverse_polish(text) if quoted else math.nan
        if not quoted:
            raise BadNetwork(f"{text!r} is no number") from None
    if not math.isfinite(found):
        raise BadNetwork(f"{text!r} is no number that can be reckoned with")
    return found


_BINARY: dict[str, Callable[[float, float], float]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "^": lambda x, y: x**y,
    "atan2": lambda x, y: math.degrees(math.atan2(x, y)),
}
_UNARY: dict[str, Callable[[float], float]] = {
    "sqr": lambda x: x * x,
    "sqrt": math.sqrt,
    "inv": lambda x: 1 / x,
    "ln": math.log,
    "exp": math.exp,
    "log10": math.log10,
    "sin": lambda x: math.sin(math.radians(x)),
    "cos": lambda x: math.cos(math.radians(x)),
    "tan": lambda x: math.tan(math.radians(x)),
    "asin": lambda x: math.degrees(math.asin(x)),
    "acos": lambda x: math.degrees(math.acos(x)),
    "atan": lambda x: math.degrees(math.atan(x)),
}


def _reverse_polish(text: str) -> float:
    stack: list[float] = []
    try:
        for word in text.lower().replace(",", " ").split():
            if word in _BINARY:
                second, first = stack.pop(), stack.pop()
                stack.append(_BINARY[word](first, second))
            elif word in _UNARY:
                stack.append(_UNARY[word](stack.pop()))
            elif word == "pi":
                stack.append(math.pi)
            else:
                stack.append(float(word))
        return float(stack[-1])
    except (ValueError, IndexError, ArithmeticError, TypeError) as error:
        raise BadNetwork(f"({text}) is no number and no sum in reverse Polish notation") from error
