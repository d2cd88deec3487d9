"""The drawings of docs/sequences.md: run it to make them anew when what happens has changed.

    python -m tools.sequence_pages

One SVG in English for each story, and the same in Spanish as Mermaid text inside the page.  A test
holds them against what the stories do now.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from scenarios import stories
from scenarios.engine import run
from scenarios.sequence.drawing import Drawing, drawing
from scenarios.sequence.mermaid import mermaid
from scenarios.sequence.svg import svg
from scenarios.sequence.tape import Tape
from scenarios.sequence.words import Language
from tools.terminal import log_nothing

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "sequences.md"
TITLES: dict[str, tuple[str, str]] = {
    "sequence-1-a-meter-is-provisioned": (
        "1. Management and maintenance of the meter",
        "1. Gestión y mantenimiento sobre medidor",
    ),
    "sequence-2-work-orders-and-data": (
        "2. Work orders and data extraction",
        "2. Orden de trabajo y extracción de datos",
    ),
    "sequence-3-alarms-and-events": (
        "3. Alarms and events (status words)",
        "3. Recopilación de alarmas y eventos (palabras de estado)",
    ),
    "sequence-4-a-clock-is-synchronised": (
        "4. Clock synchronisation",
        "4. Sincronización de medidor",
    ),
    "sequence-5-a-concentrator-at-work": (
        "5. Concentrator activity",
        "5. Actividad concentrador",
    ),
}


def image_of(story: str) -> Path:
    """Where a story's drawing is: docs/images/sequence-1.svg."""
    return DOCS / "images" / f"{'-'.join(story.split('-')[:2])}.svg"


def drawn(story: str) -> tuple[str, str]:
    """A story's SVG and Mermaid text, of a run of its own seed."""
    _, scenario = stories.find(story)
    tape = Tape()
    told = run(scenario, recorder=tape)

    def of(language: Language, title: str) -> Drawing:
        return drawing(title, told, tape, language=language)

    english, spanish = TITLES[story]
    return svg(of(Language.EN, english)), mermaid(of(Language.ES, spanish))


def diagrams(page: str) -> dict[str, str]:
    """The page's Mermaid texts, by the story that stands in the mark before each."""
    return {found[1]: found[2] for found in _marked(page)}


def with_diagram(page: str, story: str, text: str) -> str:
    """The page with a story's Mermaid text in place of the one it had."""
    return _mark(story).sub(lambda found: f"{found[1]}{text}{found[3]}", page)


def _mark(story: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {re.escape(story)} -->\n```mermaid\n)(.*?)(```\n)", re.S)


def _marked(page: str) -> Iterator[re.Match[str]]:
    return re.finditer(r"<!-- (\S+) -->\n```mermaid\n(.*?)```\n", page, re.S)


def main() -> None:
    """Write drawings and page."""
    log_nothing()
    page = PAGE.read_text("utf-8")
    for story in TITLES:
        image, text = drawn(story)
        image_of(story).write_text(image, "utf-8")
        page = with_diagram(page, story, text)
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
