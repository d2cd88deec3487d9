"""Ways to make a scenario smaller, each a change to the values of its file.

The coarse ones come first: half of all orders, then one by one; then what belongs to one of them.
What is tried depends on nothing but the values, so that one file always shrinks to the same.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Generator, Iterator
from typing import Any

from scenarios.parts import seconds

Values = dict[str, Any]
Cut = tuple[str, Callable[[Values], None]]
"""What is tried, in words, and the change itself."""

LISTS = ("order", "fault", "event", "read", "meter", "area")
_TIMES = ("at", "until", "deadline", "cancel_at", "delay", "down", "duration")
_NEEDED = frozenset(
    {
        "about",
        "start",
        "duration",
        "expect",
        "kind",
        "target",
        "at",
        "meter",
        "meters",
        "name",
        "do",
    }
    | {"objects", "amount", "dirt", "snr_change_db", "phase", "concentrators", "seed"}
)
"""Keys without which their table says nothing, or something else."""


def cuts(values: Values) -> Generator[Cut, Values, None]:
    """Every way to make these values smaller by one step, the greatest first.

    Whoever tries a cut sends back the values as they are then, with the cut or without it.
    """
    for name in LISTS:
        values = yield from _fewer(name, values)
    for key in ("concentrators", "meters"):
        for value in _halves(values.get("field", {}).get(key, 1)):
            now = yield f"field.{key} = {value}", _set(("field",), key, value)
            if now != values:
                values = now
                break
    values = yield "no outages", _set(("field",), "outages", "none")
    for name in LISTS:
        for index in range(len(values.get(name, ()))):
            for key in [*values[name][index]]:
                values = yield from _smaller(values, (name, index), key)
    for name in ("field", "evidence"):
        for key in [*values.get(name, {})]:
            if key not in _NEEDED and key != "outages":  # left out, a field is greater
                values = yield f"without {name}.{key}", _drop((name,), key)
    for name, settings in [*values.get("head_end", {}).items()]:
        for key in [*settings]:
            values = yield f"without head_end.{name}.{key}", _drop(("head_end", name), key)
    values = yield from _smaller(values, (), "duration")


def applied(values: Values, cut: Cut) -> Values:
    """The values after a cut; what is empty then is gone."""
    after = copy.deepcopy(values)
    cut[1](after)
    for name in [*LISTS, "field", "evidence", "sweep", "head_end"]:
        if name == "head_end" and name in after:
            after[name] = {key: each for key, each in after[name].items() if each}
        if name in after and not after[name]:
            del after[name]
    return after


def _fewer(name: str, values: Values) -> Generator[Cut, Values, Values]:
    """Chunks of a list, each half as long as those before (Zeller's ddmin)."""
    size = len(values.get(name, ()))
    while size:
        first = 0
        while first < (count := len(values.get(name, ()))):
            chunk = slice(first, first + size)
            values = yield f"{min(size, count - first)} of {name}", _delete(name, chunk)
            if len(values.get(name, ())) == count:
                first += size
        size //= 2
    return values


def _delete(name: str, chunk: slice) -> Callable[[Values], None]:
    def change(values: Values) -> None:
        del values[name][chunk]

    return change


def _smaller(
    values: Values, here: tuple[str | int, ...], key: str
) -> Generator[Cut, Values, Values]:
    """One key of a table: left out, or smaller as long as that helps."""
    name = f"{here[0]}.{key}" if here else key
    if key not in _NEEDED:
        values = yield f"without {name}", _drop(here, key)
        if key not in _at(values, here):
            return values
    helped = True
    while helped:
        helped = False
        for less in _less(key, _at(values, here).get(key)):
            now = yield f"{name} = {less}", _set(here, key, less)
            if now != values:
                values, helped = now, True
                break
    return values


def _less(key: str, value: Any) -> Iterator[Any]:
    """Smaller values of a key, the smallest first."""
    if key == "meters" and isinstance(value, list) and len(value) > 1:
        for number in range(len(value)):
            yield value[:number] + value[number + 1 :]
    elif key in _TIMES and isinstance(value, str):
        yield from _shorter(key, value)
    elif isinstance(value, int) and not isinstance(value, bool) and key != "code":
        yield from _halves(value, least=0)
    elif isinstance(value, float) and value != round(value, 1):
        yield round(value, 1)


def _shorter(key: str, text: str) -> Iterator[str]:
    """Rounder and shorter times: 3721.507s, 1h2m, 1h, 30m, ..."""
    total_s = seconds(text)
    tried = {text}
    for less_s in (0.0, total_s // 3600 * 3600, total_s // 2, total_s // 60 * 60, total_s // 1):
        shorter = spelled(less_s)
        if (less_s > 0 or key == "at") and shorter not in tried:
            tried.add(shorter)
            yield shorter


def spelled(total_s: float) -> str:
    """A duration as a file has it."""
    minutes, rest_s = divmod(total_s, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else ""]
    if rest_s or not any(parts):
        parts.append(re.sub(r"\.?0+s$", "s", f"{rest_s:.3f}s"))
    return "".join(parts)


def _halves(value: int, least: int = 1) -> list[int]:
    """Smaller whole numbers, the smallest first."""
    if abs(value) <= least:
        return []
    sign = 1 if value > 0 else -1
    return [
        *dict.fromkeys((sign * least, value // 2 if sign > 0 else -(-value // 2), value - sign))
    ]


def _at(values: Values, here: tuple[str | int, ...]) -> Any:
    place: Any = values
    for step in here:
        place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
    return place


def _set(here: tuple[str | int, ...], key: str, value: Any) -> Callable[[Values], None]:
    def change(values: Values) -> None:
        _at(values, here)[key] = value

    return change


def _drop(here: tuple[str | int, ...], key: str) -> Callable[[Values], None]:
    def change(values: Values) -> None:
        _at(values, here).pop(key, None)

    return change
