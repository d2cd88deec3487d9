"""Both languages say the same things, and nothing is left without a word."""

from __future__ import annotations

import enum
import re
from datetime import UTC, date, datetime
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from headend.domain.account import Role
from headend.domain.activity import ActivityKind, ActivityState
from headend.domain.audit import Outcome
from headend.domain.campaign import CampaignState, MemberState
from headend.domain.event import IncidentKind, Severity
from headend.domain.meter import Stage
from headend.domain.order import Kind, State
from headend.domain.service_level import Measure
from headend.domain.task import CatchUp, Every, RunState, Weekday
from headend.domain.why import Verdict
from headend.web import door, pages
from headend.web.page import Menu
from headend.web.wording import Language, Words, catalogue, chosen
from tests.house.source import ROOT

TEMPLATES = ROOT / "headend" / "web" / "templates"
SPANISH, ENGLISH = catalogue()[Language.ES], catalogue()[Language.EN]


def test_both_languages_have_the_same_keys() -> None:
    assert set(SPANISH) == set(ENGLISH)


def test_a_text_has_the_same_places_in_both() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}

    assert {key for key in SPANISH if places(SPANISH[key]) != places(ENGLISH[key])} == set()
    assert {key for key, text in [*SPANISH.items(), *ENGLISH.items()] if not text.strip()} == set()


def test_each_page_has_its_title_and_says_what_it_is_for() -> None:
    wanted = {f"{page.name}.{key}" for page in door._pages() for key in ("title", "about")}
    wanted |= {f"site.group.{menu}" for menu in Menu} | {f"home.role.{role}" for role in Role}
    assert wanted - set(SPANISH) == set()
    paths = [page.path for page in door._pages()]
    assert len(set(paths)) == len(paths)
    assert all(hasattr(module, "router") for module in pages.MODULES)


def test_what_templates_and_pages_say_is_in_the_catalogue() -> None:
    named = re.compile(r"""\bt\(\s*["']([\w.-]+)["']\s*[,)]""")
    files = [*TEMPLATES.rglob("*.html"), *Path(ROOT / "headend" / "web" / "pages").rglob("*.py")]
    found = {key for path in files for key in named.findall(path.read_text(encoding="utf-8"))}
    assert found - set(SPANISH) == set()


GROUPS: dict[str, type[enum.Enum]] = {
    "words.state": State, "words.kind": Kind, "words.stage": Stage, "words.severity": Severity,
    "words.incident": IncidentKind, "words.campaign": CampaignState, "words.member": MemberState,
    "words.activity": ActivityState, "words.ask": ActivityKind, "meters.verdict": Verdict,
    "levels.measure": Measure, "audit.result": Outcome,
    "tasks.state": RunState, "tasks.every": Every, "tasks.weekday": Weekday,
    "tasks.catch_up": CatchUp,
}  # fmt: skip


@pytest.mark.parametrize("group", GROUPS)
def test_every_code_has_its_word(group: str) -> None:
    wanted = {f"{group}.{code.value}" for code in GROUPS[group]}
    assert wanted - set(SPANISH) == set()


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, "", "es"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "de, es;q=0.8, en;q=0.5", "es"),
        (None, "de;q=1, en;q=nonsense", "en"),
        ("en", "es-CL", "en"),
        ("fr", "es-CL", "es"),
    ],
)
def test_a_language_is_chosen(cookie: str | None, accepted: str, language: str) -> None:
    assert chosen(cookie, accepted) == language


def test_numbers_and_days_are_written_as_each_language_does() -> None:
    zone = ZoneInfo("America/Santiago")
    es, en = Words(Language.ES, zone), Words(Language.EN, zone)
    assert (es.number(12345.5), en.number(12345.5)) == ("12\u202f345,5", "12\u202f345.5")
    assert (es.share(0.9876), en.share(0.9876)) == ("98,8\u202f%", "98.8\u202f%")
    assert (es.day(date(2026, 7, 6)), en.day(date(2026, 7, 6))) == ("06-07-2026", "2026-07-06")
    at = datetime(2026, 7, 6, 2, 30, tzinfo=UTC)
    assert (es.when(at), en.when(at)) == ("05-07-2026 22:30", "2026-07-05 22:30")
    assert es.when(None) == en.number(None) == "–"
