"""A diagram as SVG 1.1: no script, no font of its own, the same octets from the same run."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from xml.sax.saxutils import escape

from scenarios.sequence.drawing import Drawing, Row
from scenarios.sequence.steps import Step, Who

LEFT, SPACING, RIGHT = 150, 260, 130  # to the first lifeline, between two, behind the last
TOP, LINE, PAD = 84, 14, 12  # pixels: above the first row, of one line of text, of a row besides
LETTER = 6.1  # pixels, on average, of the 11 px sans-serif that labels stand in

_STYLE = (
    "text{font:11px 'DejaVu Sans',Verdana,sans-serif;fill:#1b2733}"
    ".h{font-weight:bold;font-size:12px}.t{font-size:10px;fill:#5a6b7b}.g{fill:#5a6b7b;"
    "font-style:italic}.l{stroke:#b8c4cf}.a{stroke:#1f5f99;stroke-width:1.4}"
    ".r{stroke:#1f5f99;stroke-width:1.2;stroke-dasharray:5 3}.d{stroke:#2f7d4f;stroke-width:2}"
    ".x{stroke:#b3261e;stroke-width:1.5;stroke-dasharray:3 3}.e{fill:#b3261e}"
    ".c{stroke:#b3261e;stroke-width:2}.n{fill:#eef3f8;stroke:#8fa3b5}.o{fill:#e7f4ea;stroke:#2f7d4f}.f{fill:#fdecea;stroke:#b3261e}"
)
_MARKS = (
    '<defs><marker id="a" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto">'
    '<path d="M0,0L9,4L0,8z" fill="#1f5f99"/></marker>'
    '<marker id="d" markerWidth="9" markerHeight="8" refX="8" refY="4"'
    ' orient="auto-start-reverse" markerUnits="userSpaceOnUse">'
    '<path d="M0,0L9,4L0,8z" fill="#2f7d4f"/></marker></defs>'
)


def svg(drawing: Drawing) -> str:
    """The whole file."""
    at = {who: LEFT + SPACING * index for index, (who, _) in enumerate(drawing.participants)}
    width = LEFT + SPACING * (len(at) - 1) + RIGHT
    body: list[str] = []
    y = TOP
    for row in drawing.rows:
        drawn, y = _row(row, at, y, width)
        body += drawn
    height = y + 24
    lifelines = [
        f'<line class="l" x1="{x}" y1="66" x2="{x}" y2="{height - 12}"/>' for x in at.values()
    ]
    heads = [
        f'<rect class="n" x="{at[who] - 88}" y="38" width="176" height="28" rx="4"/>'
        f'<text class="h" x="{at[who]}" y="56" text-anchor="middle">{escape(name)}</text>'
        for who, name in drawing.participants
    ]
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            f"<title>{escape(drawing.title)}</title><style>{_STYLE}</style>{_MARKS}",
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            f'<text class="h" x="12" y="22">{escape(drawing.title)}</text>',
            *lifelines,
            *heads,
            *body,
            "</svg>\n",
        )
    )


def _row(row: Row, at: dict[Who, int], y: int, width: int) -> tuple[list[str], int]:
    """One row's marks, and where the next begins."""
    drawn = []
    if row.gap:
        drawn.append(
            f'<line class="l" x1="12" y1="{y + 4}" x2="{width - 12}" y2="{y + 4}"'
            f' stroke-dasharray="1 4"/><text class="g" x="{width // 2}" y="{y + 18}"'
            f' text-anchor="middle">⋯ {escape(row.gap)} ⋯</text>'
        )
        y += 28
    drawn.append(f'<text class="t" x="12" y="{y + LINE - 3}">{row.at}</text>')
    if row.step.note:
        return [*drawn, *_note(row, at, y)], y + _lines(row, 230) * LINE + PAD + 4
    left, right = sorted((at[row.step.source], at[row.step.target]))
    middle = (left + right) // 2
    texts = _wrapped(row.label, right - left - 10)
    kind = ' class="e"' if row.step.broken else ""
    for number, line in enumerate(texts):
        drawn.append(
            f'<text{kind} x="{middle}" y="{y + LINE - 3 + number * LINE}"'
            f' text-anchor="middle">{escape(line)}</text>'
        )
    y += len(texts) * LINE + 2
    return [*drawn, *_arrow(row.step, at, y)], y + PAD


def _arrow(step: Step, at: dict[Who, int], y: int) -> Iterator[str]:
    start, end = at[step.source], at[step.target]
    if step.broken:
        stop = start + round(0.7 * (end - start))
        yield f'<line class="x" x1="{start}" y1="{y}" x2="{stop}" y2="{y}"/>'
        yield f'<path class="c" d="M{stop - 5},{y - 5}l10,10m-10,0l10,-10"/>'
    elif step.both:
        yield (
            f'<line class="d" x1="{start}" y1="{y}" x2="{end}" y2="{y}" marker-start="url(#d)"'
            ' marker-end="url(#d)"/>'
        )
    else:
        kind, ends = "r" if step.answer else "a", f'x1="{start}" y1="{y}" x2="{end}" y2="{y}"'
        yield f'<line class="{kind}" {ends} marker-end="url(#a)"/>'
    if step.lost and not step.broken:  # frames that the link layer had to send again
        yield f'<text class="e" x="{end + (6 if end > start else -6)}" y="{y + 4}">✗</text>'


def _note(row: Row, at: dict[Who, int], y: int) -> Iterator[str]:
    x = at[row.step.source]
    texts = _wrapped(row.label, 220)
    word = row.step.word
    kind = "o" if word == "order-done" else "f" if word.startswith(("order-", "fault")) else "n"
    if word == "fault-over":
        kind = "n"
    height = len(texts) * LINE + 6
    yield f'<rect class="{kind}" x="{x - 115}" y="{y}" width="230" height="{height}" rx="3"/>'
    for number, line in enumerate(texts, 1):
        yield f'<text x="{x}" y="{y + number * LINE}" text-anchor="middle">{escape(line)}</text>'


def _lines(row: Row, width: int) -> int:
    return len(_wrapped(row.label, width - 10))


def _wrapped(label: str, width: int) -> list[str]:
    return textwrap.wrap(label, max(10, int(width / LETTER))) or [""]
