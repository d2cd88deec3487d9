"""What the head-end leans on fails: every order still ends once and every reply arrives."""

from __future__ import annotations

import pytest

from scenarios.engine import run
from scenarios.schema import parse
from scenarios.story import Story
from scenarios.summary import Summary, summarise

STORY = """
about = "Something that the head-end leans on fails."
start = 2026-07-06T10:00:00
duration = "1h"
[field]
meters = 4
[[order]]
at = "1m"
meters = ["90000001", "90000002"]
kind = "set-limit"
amount = "3300"
soap_reply = true
[[fault]]
{fault}
[expect]
orders = 2
"""


def told(fault: str) -> tuple[Story, Summary]:
    story = run(parse(STORY.format(fault=fault)))
    return story, summarise("surroundings", story)


TROUBLES = {
    # name: (fault, a word of why a delivery failed, or "")
    "callback down": ('kind = "callback-down"\nuntil = "20m"', "refused"),
    "callback slow": ('kind = "callback-slow"\ndelay = "45s"\nuntil = "20m"', "in time"),
    "callback a little slow": ('kind = "callback-slow"\ndelay = "5s"', ""),
    "callback HTTP 500": ('kind = "callback-error"\ncode = 500\nuntil = "20m"', "HTTP 500"),
    "broker down before": ('kind = "broker-down"\nat = "30s"\nuntil = "20m"', ""),
    "broker down mid-order": ('kind = "broker-down"\nat = "61s"\nuntil = "20m"', ""),
    "broker killed mid-order": ('kind = "broker-restart"\nat = "61s"\nuntil = "3m"', ""),
    "database locked mid-order": ('kind = "database-locked"\nat = "61s"\nuntil = "5m"', ""),
    "database full mid-order": ('kind = "database-full"\nat = "61s"\nuntil = "5m"', ""),
    "database slow": ('kind = "database-slow"\ndelay = "2s"', ""),
}


@pytest.mark.parametrize("fault, trouble", TROUBLES.values(), ids=TROUBLES)
def test_orders_end_and_replies_arrive(fault: str, trouble: str) -> None:
    story, summary = told(fault)
    assert summary.failures == ()
    assert summary.orders.done == 2
    troubles = [out.trouble or "" for record in story.records for out in record.outgoing]
    assert any(trouble in each for each in troubles)
    if trouble:
        tries = [o.tries for r in story.records for o in r.outgoing if o.channel == "soap"]
        assert max(tries) > 1


def test_a_locked_database_takes_no_order() -> None:
    story, summary = told('kind = "database-locked"\nat = "30s"\nuntil = "3m"')
    assert summary.orders.total == 0
    assert [answer.taken for answer in story.commercial.answers] == [False]


def test_a_slow_database_is_slow() -> None:
    slow, _ = told('kind = "database-slow"\ndelay = "2s"')
    quick, _ = told('kind = "database-slow"\ndelay = "0s"')

    def took_s(story: Story) -> float:
        order = story.records[0].order
        assert order.ended_at is not None
        return (order.ended_at - order.accepted_at).total_seconds()

    assert took_s(slow) > took_s(quick) + 2
