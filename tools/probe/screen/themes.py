"""Two dresses of the screen: one for cabinets and cellars, one for the sun.

In sunlight a display shows white well and little else, so the second is black on white with colours
that keep their contrast there (all above 7:1).
"""

from __future__ import annotations

from textual.theme import Theme

CELLAR = Theme(
    name="cellar",
    dark=True,
    primary="#7aa2f7",
    secondary="#7a86b8",
    accent="#e0af68",
    success="#9ece6a",
    warning="#e0af68",
    error="#f7768e",
    foreground="#c8d3f5",
    background="#14161f",
    surface="#1b1e2b",
    panel="#232738",
)
SUNLIGHT = Theme(
    name="sunlight",
    dark=False,
    primary="#00308f",
    secondary="#333333",
    accent="#7a1f00",
    success="#004d1a",
    warning="#6b3a00",
    error="#a00000",
    foreground="#000000",
    background="#ffffff",
    surface="#ffffff",
    panel="#e8e8e8",
)
PHASES = {
    CELLAR.name: ("#ff9e64", "#7dcfff", "#9ece6a"),
    SUNLIGHT.name: ("#8a2f00", "#00308f", "#004d1a"),
}
DIM = {CELLAR.name: "#7a86b8", SUNLIGHT.name: "#555555"}
