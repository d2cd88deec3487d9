"""JUnit reports: of the common dialect, with as many failures as the run had, whatever they say."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from scenarios.junit import of_run, of_sweep
from scenarios.summary import Finding, Orders, Summary
from scenarios.sweep import Run, Swept

SCHEMA = etree.XMLSchema(etree.parse(str(Path(__file__).with_name("junit.xsd"))))

FINE = Finding("done", True, 1, 1, False)
MISSED = Finding("failed", False, {"sim-fault": 1}, {"modem-fault": 1}, False)
BROKEN = Finding("nothing was done twice", False, ["meter 1: <connect> & \x00", "more"], None, True)


def summary(*findings: Finding) -> Summary:
    return Summary("a-story", 7, "ab" * 32, Orders(1, 1, {}, 0), findings, 600.0, 0.5)


RUNS = {
    # name: (report, tests, failures, errors)
    "all as it must be": (of_run(summary(FINE), "a-story"), 1, 0, 0),
    "one missed": (of_run(summary(FINE, MISSED), "a-story"), 2, 1, 0),
    "octets that XML cannot hold": (of_run(summary(BROKEN), "a-story"), 1, 1, 0),
    "nothing was looked at": (of_run(summary(), "a-story"), 0, 0, 0),
    "a sweep": (
        of_sweep("a-story", Swept((Run(1, {"done": 1}), Run(2, {}, (MISSED, BROKEN)))), "a-story"),
        2,
        1,
        0,
    ),
    "a run that broke off": (
        of_sweep(
            "a-story", Swept((Run(1, {}, error="Traceback\nKeyError: 'C-001'\n"),)), "a-story"
        ),
        1,
        0,
        1,
    ),
}


@pytest.mark.parametrize("report, tests, failures, errors", RUNS.values(), ids=RUNS)
def test_report(report: bytes, tests: int, failures: int, errors: int) -> None:
    document = etree.fromstring(report)
    assert SCHEMA.validate(document), SCHEMA.error_log
    suite = document.find("testsuite")
    assert suite is not None
    for where in (document, suite):
        counted = [where.get(name) for name in ("tests", "failures", "errors")]
        assert counted == [str(tests), str(failures), str(errors)]
    assert len(suite.findall("testcase")) == tests
    assert len(suite.findall("testcase/failure")) == failures
    assert len(suite.findall("testcase/error")) == errors


def test_what_a_failure_says() -> None:
    failure = etree.fromstring(of_run(summary(MISSED), "a-story")).find(".//failure")
    assert failure is not None
    assert failure.get("message") == "sim-fault: 1, not modem-fault: 1"
    assert "ami sim run a-story --seed 7" in (failure.text or "")
    swept = of_sweep("a-story", Swept((Run(9, {}, (MISSED, BROKEN)),)), "qa/my story.toml")
    failure = etree.fromstring(swept).find(".//failure")
    assert failure is not None
    told = failure.text or ""
    assert "failed: sim-fault: 1" in told and "meter 1: <connect> & \ufffd" in told
    assert "ami sim run 'qa/my story.toml' --seed 9" in told


def test_the_schema_can_refuse() -> None:
    report = etree.fromstring(of_run(summary(FINE), "a-story"))
    report.set("address", "elsewhere")
    assert not SCHEMA.validate(report)
