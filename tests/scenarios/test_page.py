"""docs/scenarios.md names every key, kind, expectation and invariant, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
import pytest

from headend.config import CollectionTask
from scenarios import schema
from scenarios.invariants import ALWAYS
from scenarios.summary import played

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "scenarios.md").read_text()
PARTS = (
    schema.FieldSpec,
    schema.Area,
    schema.MeterSpec,
    schema.FaultSpec,
    schema.OrderSpec,
    schema.ReadSpec,
    schema.ClockSpec,
    schema.TariffSpec,
    schema.PressSpec,
    schema.MdmSpec,
    schema.OperateSpec,
    schema.AskSpec,
    CollectionTask,
    schema.HeadEndEvent,
    schema.Sources,
    schema.Scatter,
    schema.Sweep,
    schema.Expect,
)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_keys(part: type[msgspec.Struct]) -> None:
    named = set(re.findall(r"`(\w+)`", PAGE)) | set(re.findall(r"^(\w+) =", PAGE, re.M))
    assert set(part.__struct_fields__) <= named


def test_tables() -> None:
    for table in schema.Scenario.__struct_fields__:
        assert re.search(rf"`?\[?\[?{table}[\].`]|^{table} =", PAGE, re.M), table


def test_kinds() -> None:
    kinds = set(get_args(get_type_hints(schema.FaultSpec)["kind"]))
    table = PAGE.split("| kind | at |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.M)) == kinds


def test_invariants() -> None:
    table = PAGE.split("| name | what it means |")[1].split("\n\n")[0]
    assert re.findall(r"^\| (\w[^|]*?) \|", table, re.M) == list(ALWAYS)


def test_the_example_is_true() -> None:
    example = re.search(r"```toml\n(about.*?)```", PAGE, re.S)
    assert example is not None
    assert played("example", schema.parse(example[1])).failures == ()
