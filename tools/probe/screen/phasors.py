"""Voltages and currents as arrows: L1's voltage points up, and the phases turn clockwise."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

from tools.probe.screen.braille import Canvas
from tools.probe.screen.live import Phase

CURRENT_PART = 0.66  # of the circle for the greatest current; voltages reach the circle
HEAD = 0.16  # of an arrow's length
SPREAD_DEG = 20.0
ASIDE_DEG = 14.0


def drawn(
    phases: Sequence[Phase], columns: int, rows: int, colours: Sequence[str], dim: str
) -> Text:
    """The diagram, as large as the cells allow."""
    canvas = Canvas(columns, rows)
    radius = min(canvas.width, canvas.height) / 2 - 6
    if radius < 4:
        return canvas.text()
    x, y = float(canvas.width // 2), float(canvas.height // 2)
    canvas.circle(x, y, radius, dim, every=2)
    for across in (0, 90):
        dx, dy = _point(across, radius)
        canvas.line(x - dx, y - dy, x + dx, y + dy, dim, every=4)
    most_v = max((phase.voltage_v or 0 for phase in phases), default=0)
    most_a = max((phase.current_a or 0 for phase in phases), default=0)
    labels: list[tuple[float, float, str, str]] = []
    angle: float
    for number, (phase, colour) in enumerate(zip(phases, colours, strict=False), start=1):
        if phase.current_a and most_a:
            angle = phase.angle_deg - (phase.shift_deg or 0.0)
            length = radius * CURRENT_PART * phase.current_a / most_a
            _arrow(canvas, x, y, angle, length, colour)
            # Beside the voltage's arrow, where the current lies along it.
            beside = angle - ASIDE_DEG if abs(phase.shift_deg or 0.0) < ASIDE_DEG else angle
            labels.append((beside, length + 4, f"I{number}", colour))
        if phase.voltage_v and most_v:
            length = radius * phase.voltage_v / most_v
            _arrow(canvas, x, y, phase.angle_deg, length, f"bold {colour}", every=1)
            labels.append((phase.angle_deg, length + 4, f"U{number}", f"bold {colour}"))
    for angle, length, text, colour in labels:
        dx, dy = _point(angle, length)
        canvas.write(round((x + dx) / 2 - 0.5), round((y + dy) / 4 - 0.5), text, colour)
    return canvas.text()


def _arrow(
    canvas: Canvas, x: float, y: float, angle: float, length: float, style: str, *, every: int = 1
) -> None:
    dx, dy = _point(angle, length)
    canvas.line(x, y, x + dx, y + dy, style, every=every)
    for turn in (-SPREAD_DEG, SPREAD_DEG):
        back_x, back_y = _point(angle + 180 + turn, max(length * HEAD, 4))
        canvas.line(x + dx, y + dy, x + dx + back_x, y + dy + back_y, style)


def _point(angle_deg: float, length: float) -> tuple[float, float]:
    """From the centre, counter-clockwise from straight up; down is positive on a screen."""
    angle = math.radians(angle_deg + 90)
    return length * math.cos(angle), -length * math.sin(angle)
