"""A diagram's contents, before it is drawn one way or the other."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from scenarios.sequence.steps import Step, Who, steps
from scenarios.sequence.tape import Tape
from scenarios.sequence.words import Language, clock, later, participant, said
from scenarios.story import Story

GAP_US = 600_000_000
"""Ten minutes in which nothing happened are told between two steps."""


@dataclass(frozen=True, slots=True)
class Row:
    """One step with its words; `gap` stands before it."""

    step: Step
    at: str
    label: str
    gap: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Participants from left to right, and rows from top to bottom."""

    title: str
    participants: tuple[tuple[Who, str], ...]
    rows: tuple[Row, ...]


def drawing(
    title: str, story: Story, tape: Tape, *, language: Language, order: int | None = None
) -> Drawing:
    """The diagram of a run, or of one order in it."""
    found = steps(story, tape, order=order)
    taking_part = {each for step in found for each in (step.source, step.target)}
    zone = ZoneInfo(story.scenario.timezone)
    rows, before_us = [], None
    for step in found:
        gap_us = 0 if before_us is None else step.at_us - before_us
        gap = later(gap_us, language) if gap_us >= GAP_US else ""
        rows.append(Row(step, clock(step.at_us, zone), said(step, language), gap))
        before_us = step.at_us
    shown = tuple((who, participant(who, language)) for who in Who if who in taking_part)
    return Drawing(title, shown, tuple(rows))
