"""A reason is worth what it rests on: take its evidence away, and it weakens as far as it must.

The field fails alike in every row; only what the head-end hears of it differs.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from scenarios import stories
from scenarios.engine import run
from scenarios.schema import Sources

WILL, PORTAL, LOG, LINK = "last_will", "carrier_portal", "fault_log", "link_reports"
NOTHING_KNOWN = "concentrator-unreachable-cause-unknown"

# story: what is taken away -> the reason, and the sources that the reply lists for it
WEAKENS: dict[str, dict[tuple[str, ...], tuple[str, set[str]]]] = {
    "the-concentrators-sim-is-barred": {
        (): ("sim-fault", {"last-will", "carrier-portal"}),
        (WILL,): ("sim-fault", {"carrier-portal"}),
        (LOG,): ("sim-fault", {"last-will", "carrier-portal"}),
        (LINK,): ("sim-fault", {"last-will", "carrier-portal"}),
        (PORTAL,): ("concentrator-unreachable", {"last-will"}),
        (PORTAL, LOG, LINK): ("concentrator-unreachable", {"last-will"}),
        (PORTAL, WILL): (NOTHING_KNOWN, set()),
        (PORTAL, WILL, LOG, LINK): (NOTHING_KNOWN, set()),
    },
    "the-network-refuses-the-apn": {
        (): ("apn-refused", {"last-will", "carrier-portal"}),
        (PORTAL,): ("concentrator-unreachable", {"last-will"}),
        (PORTAL, WILL): (NOTHING_KNOWN, set()),
    },
    "the-concentrators-modem-fails": {
        (): ("modem-fault", {"fault-log", "last-will", "carrier-portal", "concentrator"}),
        (PORTAL, WILL): ("modem-fault", {"fault-log", "concentrator"}),
        (LOG,): ("concentrator-unreachable", {"last-will", "carrier-portal", "concentrator"}),
        (LOG, PORTAL): ("concentrator-unreachable", {"last-will", "concentrator"}),
        (LOG, PORTAL, WILL): (NOTHING_KNOWN, {"concentrator"}),
    },
    "the-meter-is-silent": {
        (): ("meter-does-not-answer", {"concentrator", "link-report"}),
        (WILL, PORTAL, LOG): ("meter-does-not-answer", {"concentrator", "link-report"}),
        (LINK,): ("no-answer-cause-unknown", {"concentrator"}),
    },
    "the-meter-is-unreachable": {
        (): ("meter-unreachable", {"concentrator", "link-report"}),
        (LINK,): ("no-answer-cause-unknown", {"concentrator"}),
    },
    "nothing-gets-through-the-noise": {
        (): ("packet-loss", {"concentrator", "link-report"}),
        (LINK,): ("no-answer-cause-unknown", {"concentrator"}),
    },
}
ROWS = [(story, *row) for story, rows in WEAKENS.items() for row in rows.items()]


def _ids() -> Iterator[str]:
    for story, without, _ in ROWS:
        yield f"{story}, without {' and '.join(without) or 'nothing'}"


@pytest.mark.parametrize(("story", "without", "concluded"), ROWS, ids=_ids())
def test_reason_weakens(
    story: str, without: tuple[str, ...], concluded: tuple[str, set[str]]
) -> None:
    _, scenario = stories.find(story)
    sources = Sources(**dict.fromkeys(without, False))
    told = run(msgspec.structs.replace(scenario, order=scenario.order[:1], evidence=sources))
    (record,) = told.records
    reason, given = concluded
    assert record.order.reason == reason
    assert {item.source for item in record.order.evidence} == given
    (reply,) = told.commercial.replies.values()
    assert reply.reply is not None
    listed = [error.details for error in reply.reply.errors if error.key == "EVIDENCIA"]
    assert len(listed) == len(record.order.evidence)
    for source in given:
        assert any(f"EVIDENCIA: {source}," in (details or "") for details in listed), source


def test_the_truth_comes_later() -> None:
    """What the log tells after recovery goes out as an event; without the log nothing comes."""
    _, scenario = stories.find("a-modem-fault-is-explained-afterwards")
    told = run(scenario)
    assert len(told.commercial.events) == 1
    told = run(msgspec.structs.replace(scenario, evidence=Sources(fault_log=False)))
    assert not told.commercial.events
