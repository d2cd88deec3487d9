"""`ami serve --log json`: each line an object, with the order and the meter that it is about."""

from __future__ import annotations

import json

import pytest
import structlog

from headend.domain.order import State
from tests.orders.office import opened
from tests.orders.scripted_field import UNREACHABLE
from tools.terminal import LogForm, log_to_stderr


async def test_lines_of_an_order_carry_its_number_and_meter(capsys: pytest.CaptureFixture[str]):
    log_to_stderr(verbose=True, form=LogForm.JSON)
    async with opened() as office:
        office.field.script += [UNREACHABLE]
        order = await office.ended(await office.order(meter="M1"))
        assert order.state is State.DONE
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["order"], line["meter"]) for line in lines] == [
        ("order goes on", 1, "M1"),
        ("order concluded", 1, "M1"),
    ]
    assert lines[-1]["state"] == "done" and lines[-1]["concentrator"] == "C1"
    assert all(line["level"] == "info" and line["timestamp"].endswith("Z") for line in lines)


def test_text_is_a_line_too(capsys: pytest.CaptureFixture[str]):
    log_to_stderr(verbose=True)
    structlog.get_logger("x").info("something", meter="90000001", why="two words")
    (line,) = capsys.readouterr().err.splitlines()
    assert "event=something" in line and "meter=90000001" in line and 'why="two words"' in line
