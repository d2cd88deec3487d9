"""A diagram as Mermaid text, which documentation sites draw by themselves."""

from __future__ import annotations

from scenarios.sequence.drawing import Drawing, Row
from scenarios.sequence.steps import Who

_IDS = {who: who.value.replace("-", "_") for who in Who}


def mermaid(drawing: Drawing) -> str:
    """The text, from "sequenceDiagram" on."""
    lines = ["sequenceDiagram"]
    lines += [f"    participant {_IDS[who]} as {_safe(name)}" for who, name in drawing.participants]
    for row in drawing.rows:
        lines += [f"    {line}" for line in _row(drawing, row)]
    return "\n".join(lines) + "\n"


def _row(drawing: Drawing, row: Row) -> list[str]:
    step = row.step
    lines = []
    if row.gap:
        first, last = (_IDS[drawing.participants[index][0]] for index in (0, -1))
        lines.append(f"Note over {first},{last}: ⋯ {_safe(row.gap)} ⋯")
    label = f"{row.at} {_safe(row.label)}"
    source, target = _IDS[step.source], _IDS[step.target]
    if step.note:
        lines.append(f"Note over {source}: {label}")
        return lines
    arrow = "--x" if step.broken else "<<->>" if step.both else "-->>" if step.answer else "->>"
    lines.append(f"{source}{arrow}{target}: {label}")
    return lines


def _safe(text: str) -> str:
    """Without what ends a line of Mermaid (";") or begins an entity ("#")."""
    return text.replace("#", "#35;").replace(";", "#59;")
