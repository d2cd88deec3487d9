"""A diagram as lines of text."""

from __future__ import annotations

from scenarios.sequence.drawing import Drawing


def text(drawing: Drawing) -> str:
    """One line for each step: its time, who spoke to whom, and what was said."""
    names = dict(drawing.participants)
    width = max((len(name) for name in names.values()), default=0)
    lines = [drawing.title]
    for row in drawing.rows:
        step = row.step
        if row.gap:
            lines.append(f"          ⋯ {row.gap}")
        sign = "✗" if step.broken else "⇄" if step.both else "→"
        target = "" if step.note else names[step.target]
        sign = "·" if step.note else sign
        lines.append(
            f"{row.at}  {names[step.source]:{width}} {sign} {target:{width}}  {row.label}".rstrip()
        )
    return "\n".join(lines) + "\n"
