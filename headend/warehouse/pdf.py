"""A report as PDF: A4, its tables over as many pages as they need; the same octets each time."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from headend.warehouse.words import words

if TYPE_CHECKING:
    from headend.warehouse.content import Content, Kind

_INK, _SOFT, _LINE = HexColor("#1d2733"), HexColor("#5b6775"), HexColor("#d9dfe6")
_PLAIN = ParagraphStyle("plain", fontName="Helvetica", fontSize=8.5, leading=11, textColor=_INK)
_RIGHT = ParagraphStyle("right", parent=_PLAIN, alignment=TA_RIGHT)
_HEAD = ParagraphStyle("head", parent=_PLAIN, fontName="Helvetica-Bold", textColor=_SOFT)
_HEAD_RIGHT = ParagraphStyle("head-right", parent=_HEAD, alignment=TA_RIGHT)
_TITLE = ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=17, leading=21, textColor=_INK)
_SECTION = ParagraphStyle(
    "section", fontName="Helvetica-Bold", fontSize=11.5, leading=15, spaceBefore=14, spaceAfter=4,
    textColor=_INK, keepWithNext=1,
)  # fmt: skip
_ABOUT = ParagraphStyle("about", parent=_PLAIN, textColor=_SOFT, spaceAfter=3)
_MARGIN = 18 * mm
_NUMERIC = ("count", "number", "share")
_RULES = TableStyle(
    [
        ("LINEBELOW", (0, 0), (-1, 0), 0.9, _LINE),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, _LINE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 3),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ("LEFTPADDING", (0, 0), (0, -1), 0),
    ]
)


def pdf(content: Content, told: Callable[[Kind, Any], str]) -> bytes:
    """Standard fonts, which hold what Spanish and English need."""
    names, sink = words(content.language), io.BytesIO()
    wide = any(len(section.columns) > 6 for section, _ in content.sections)
    size = landscape(A4) if wide else A4
    title = content.words(content.definition.title)
    document = SimpleDocTemplate(
        sink, pagesize=size, leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN,
        bottomMargin=_MARGIN, title=title, author="ami-headend", invariant=1,
    )  # fmt: skip
    width = size[0] - 2 * _MARGIN
    period = f"{names['period']}: {content.period.first} / {content.period.last}"
    if content.party is not None:
        period += f" · {names['party']}: {content.party}"
    story: list[Flowable] = [
        Paragraph(escape(title), _TITLE),
        Paragraph(escape(f"{period} · {names['times']} {content.zone}"), _ABOUT),
        Paragraph(escape(content.words(content.definition.about)), _ABOUT),
        Spacer(1, 6),
        _figures(content, told, names, width),
    ]
    for section, rows in content.sections:
        story.append(Paragraph(escape(content.words(section.title)), _SECTION))
        if not rows:
            story.append(Paragraph(escape(names["nothing"]), _ABOUT))
            continue
        right = [column.kind in _NUMERIC for column in section.columns]
        heads = [content.words(column.label) for column in section.columns]
        cells = [
            [told(column.kind, value) for column, value in zip(section.columns, row, strict=True)]
            for row in rows
        ]
        story.append(_table(heads, cells, right, width))

    def foot(canvas: Any, document: Any) -> None:
        canvas.setFont("Helvetica", 7.5)
        canvas.setFillColor(_SOFT)
        canvas.drawString(_MARGIN, 10 * mm, f"{title} · {names['data']} {content.data[:16]}")
        canvas.drawRightString(size[0] - _MARGIN, 10 * mm, f"{names['page']} {document.page}")

    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return sink.getvalue()


def _figures(
    content: Content, told: Callable[[Kind, Any], str], names: dict[str, str], width: float
) -> Table:
    heads = [names[each] for each in ("figure", "value", "goal", "reached")]
    rows = []
    for figure, value in content.figures:
        goal, met = "", ""
        if figure.least is not None:
            goal = told(figure.kind, figure.least)
            met = "" if value is None else names["yes" if value >= figure.least else "no"]
        rows.append([content.words(figure.label), told(figure.kind, value), goal, met])
    return _table(heads, rows, [False, True, True, True], width)


def _table(heads: list[str], rows: list[list[str]], right: list[bool], width: float) -> Table:
    """Columns as wide as their longest words ask, within the page."""
    longest = [
        min(34, max([len(head), *(len(row[place]) for row in rows)]))
        for place, head in enumerate(heads)
    ]
    widths = [max(5, each) * width / sum(max(5, one) for one in longest) for each in longest]
    told = [
        [Paragraph(escape(text), _HEAD_RIGHT if right[place] else _HEAD)
         for place, text in enumerate(heads)],
        *(
            [Paragraph(escape(text), _RIGHT if right[place] else _PLAIN)
             for place, text in enumerate(row)]
            for row in rows
        ),
    ]  # fmt: skip
    return Table(told, colWidths=widths, repeatRows=1, style=_RULES, hAlign="LEFT")
