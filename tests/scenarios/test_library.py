"""Every story of the library ends as it says, and every failure that must have a story has one."""

from __future__ import annotations

import pytest

from scenarios import stories
from scenarios.summary import played

# What issue and use case demand a story of, and the story that tells it.
DEMANDED = {
    "success": "a-limit-is-set-and-read-back",
    "new limit refused by the meter": "the-meter-refuses-the-new-limit",
    "unknown meter": "the-meter-is-unknown",
    "meter not commissioned": "the-meter-is-not-commissioned",
    "meter not linked": "the-meter-is-not-linked",
    "not in the concentrator's table": "the-concentrator-does-not-know-the-meter",
    "meter unreachable for the concentrator": "the-meter-is-unreachable",
    "meter silent (malfunction)": "the-meter-is-silent",
    "heavy packet loss that retries overcome": "retries-overcome-heavy-packet-loss",
    "concentrator modem fault": "the-concentrators-modem-fails",
    "SIM fault": "the-concentrators-sim-is-barred",
    "APN refusal": "the-network-refuses-the-apn",
    "concentrator reboot mid-order": "the-concentrator-reboots-mid-order",
    "weekend order refused": "an-order-on-a-weekend-is-refused",
    "weekend order allowed": "an-order-on-a-weekend-is-allowed",
    "duplicate order": "a-duplicate-order-is-answered-from-memory",
    "order cancelled": "an-order-is-cancelled-while-it-waits",
    "order expired": "an-order-expires-while-it-waits",
    "head-end restarted mid-order": "the-head-end-restarts-mid-order",
}
# Those of them that fail, and the one reason that each must return.
REASONS = {
    "the-meter-refuses-the-new-limit": "refused-read-write-denied",
    "the-meter-is-unknown": "unknown-meter",
    "the-meter-is-not-commissioned": "not-commissioned",
    "the-meter-is-not-linked": "not-linked",
    "the-concentrator-does-not-know-the-meter": "not-in-concentrator-table",
    "the-meter-is-unreachable": "meter-unreachable",
    "the-meter-is-silent": "meter-does-not-answer",
    "the-concentrators-modem-fails": "modem-fault",
    "the-concentrators-sim-is-barred": "sim-fault",
    "the-network-refuses-the-apn": "apn-refused",
    "an-order-on-a-weekend-is-refused": "outside-working-days",
    "an-order-is-cancelled-while-it-waits": "cancelled",
    "an-order-expires-while-it-waits": "expired",
}


@pytest.mark.parametrize("name", stories.names())
def test_story(name: str) -> None:
    name, scenario = stories.find(name)
    summary = played(name, scenario)
    missed = {finding.name: (finding.value, finding.expected) for finding in summary.failures}
    assert missed == {}, f"ami sim run {name} --seed {scenario.seed}"


@pytest.mark.parametrize("story", DEMANDED.values(), ids=DEMANDED)
def test_demanded_story(story: str) -> None:
    _, scenario = stories.find(story)
    expect = scenario.expect
    if story in REASONS:
        assert expect.failed == {REASONS[story]: 1}
    else:
        assert expect.done and not expect.failed


@pytest.mark.parametrize("name", stories.names())
def test_story_says_what_it_tells(name: str) -> None:
    _, scenario = stories.find(name)
    assert scenario.about.endswith((".", "!"))
    told = scenario.order or scenario.campaign or scenario.scatter or scenario.task or scenario.ask
    assert told or scenario.tariff or scenario.mdm or scenario.expect.last_gasps


def test_engines_take_turns() -> None:
    """A misreading in one DLMS engine cannot hide in the other."""
    for name in stories.names():
        assert stories.find(name)[1].field.engines == "alternate", name
