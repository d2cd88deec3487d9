"""A run's report: its values are the run's, and the page needs nothing but itself."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import lxml.html
import msgspec
import pytest

from scenarios import stories
from scenarios.engine import run
from scenarios.invariants import ALWAYS
from scenarios.report import figures, values
from scenarios.report.page import page
from scenarios.report.words import Language, finding_named, words
from scenarios.story import Story
from scenarios.summary import Summary, summarise
from scenarios.whatif import Measure
from tests.demo.commands import ami

STORY = "the-concentrators-modem-fails"


@pytest.fixture(scope="module")
def told() -> tuple[Story, Summary]:
    name, scenario = stories.find(STORY)
    scenario = msgspec.structs.replace(scenario, about="A modem </script><b>fails</b> & stays so.")
    story = run(scenario)
    return story, summarise(name, story)


def test_orders_and_faults_are_those_of_the_run(told: tuple[Story, Summary]) -> None:
    story, summary = told
    orders = values.orders_of(story)
    assert [order.outcome for order in orders] == list(summary.orders.failed)
    faults = values.faults_of(story)
    begun = [*story.world.log.of_kind("fault")]
    assert [(fault.kind, fault.target) for fault in faults] == [
        (line["fault"], line["target"]) for line in begun
    ]
    over = [*story.world.log.of_kind("fault-over")]
    assert sum(fault.end is not None for fault in faults) == len(over)
    assert all(fault.end is None or fault.end >= fault.start for fault in faults)


def test_the_map_has_every_meter_where_it_is(told: tuple[Story, Summary]) -> None:
    story, _ = told
    modules = {module.meter: module for module in values.modules_of(story)}
    assert set(modules) == set(story.world.meter_names)
    assert len({(round(m.x_m, 3), round(m.y_m, 3)) for m in modules.values()}) == len(modules)
    for transformer in story.world.spec.transformers:
        for meter in transformer.meters:
            module = modules[meter.name]
            distance_m = (module.x_m**2 + module.y_m**2) ** 0.5
            assert distance_m == pytest.approx(meter.place.distance_m)


def test_the_page_asks_nobody_for_anything(told: tuple[Story, Summary]) -> None:
    written = page(*told)
    document = lxml.html.document_fromstring(written)
    assert not document.xpath("//link | //img | //iframe | //script[@src]")
    assert {str(each) for each in document.xpath("//a/@href")} == {"#"}
    assert "A modem </script>" not in written
    assert document.findtext(".//p[@class='about']") == told[0].scenario.about


@pytest.mark.parametrize("language", [*Language])
def test_both_languages_show_each_plot_with_its_table(
    told: tuple[Story, Summary], language: Language
) -> None:
    document = lxml.html.document_fromstring(page(*told, language=language))
    mains = document.xpath("//main")
    assert [main.get("lang") for main in mains if main.get("hidden") is None] == [language]
    (shown,) = (main for main in mains if main.get("lang") == language)
    sections = shown.xpath(".//section")
    headings = [section.findtext("h2") for section in sections]
    assert headings == [words(language)[key] for key in ("timeline", "latency", "map")]
    for section in sections:
        figure = json.loads(section.xpath(".//script")[0].text_content())
        assert figure["data"]
        assert section.xpath(".//table/tbody/tr")
        assert all(
            len(row.xpath("td")) == len(section.xpath(".//thead/tr/th"))
            for row in section.xpath(".//table/tbody/tr")
        )


def test_the_two_languages_have_the_same_words_and_no_word_is_left_over() -> None:
    english, spanish = words(Language.EN), words(Language.ES)
    assert english.keys() == spanish.keys()
    assert all(english.values()) and all(spanish.values())
    folder = Path(figures.__file__).parent
    used = "".join(path.read_text("utf-8") for path in folder.glob("*[!s].*"))
    used += "".join((folder / name).read_text("utf-8") for name in ("figures.py", "curves.py"))
    used += "".join(f"'share-{measure}" for measure in Measure)
    unused = [key for key in english if not re.search(rf"[\"'.]{key.removesuffix('-about')}", used)]
    assert not unused


def test_every_invariant_has_a_spanish_name() -> None:
    named = [finding_named(name, Language.ES) for name in ALWAYS]
    assert len(set(named)) == len(ALWAYS)
    assert not set(named) & set(ALWAYS)


def test_what_holds_in_every_story_leaves_no_empty_column(told: tuple[Story, Summary]) -> None:
    story, summary = told
    nothing_expected = dataclasses.replace(
        summary, expect=tuple(finding for finding in summary.expect if finding.always)
    )
    for shown, headings in ((summary, [3 + 1]), (nothing_expected, [])):
        (main, _) = lxml.html.document_fromstring(page(story, shown)).xpath("//main")
        tables = main.xpath("./table")
        assert [len(table.xpath("thead/tr/th")) for table in tables if table.xpath("thead")] == (
            headings
        )
        assert len(tables) == 1 + len(headings)
        assert not main.xpath(".//th[. = 'wanted'][count(ancestor::table//tbody/tr) = 0]")


def bars(figure: Any) -> dict[str, int]:
    """How many traces each line of a timeline has."""
    return dict(Counter(trace.y[0] for trace in figure.data))


def test_usual_outages_share_a_line_and_push_no_fault_off_the_plot() -> None:
    usual = [values.FaultBar("Outage", f"9000{n:04}", n * 60.0, n * 60.0 + 30) for n in range(500)]
    fault = values.FaultBar("PowerCut", "C-001", 40_000.0, None)
    plot = figures.timeline([], [*usual, fault], 50_000.0, ZoneInfo("UTC"), words(Language.EN))
    assert bars(plot.figure) == {"500 usual outages": 1, "C-001 PowerCut": 1}
    assert len(plot.rows) == 501
    assert plot.figure.data[0].x[:3] == ("1970-01-01 00:00:00", "1970-01-01 00:00:30", None)


@pytest.mark.parametrize("seconds", [0.04, 2.03, 617.2, 86_400.0])
def test_a_lone_order_is_a_bar_that_can_be_seen(seconds: float) -> None:
    order = values.OrderBar(1, "90000001", "connect", 0.0, seconds, "done", 1)
    figure = figures.latency([order], words(Language.EN)).figure
    size, (begin, end) = figure.data[0].xbins.size, figure.layout.xaxis.range
    assert begin == 0 and seconds < end
    assert size / end > 0.02
    assert figure.data[0].xbins.end >= seconds


def test_an_interval_counts_as_received_from_when_it_came() -> None:
    shares = [values.Share(900.0, 10, 0), values.Share(1800.0, 20, 15)]
    plot = figures.completeness(shares, ZoneInfo("UTC"), words(Language.EN))
    assert plot.rows[-1] == ("1970-01-01 00:30:00", "20", "15", "75.0%")


def test_the_command_writes_it(tmp_path: Path) -> None:
    report = tmp_path / "run.html"
    ran = ami("sim", "run", STORY, f"--report={report}", "--lang=es", "--json")
    assert ran.returncode == 0, ran.stderr
    assert lxml.html.document_fromstring(report.read_text("utf-8")).get("lang") == "es"
    assert ami("sim", "run", STORY, f"--report={tmp_path / 'no' / 'x.html'}").returncode == 2
