"""docs/jobs.md says what the code does: every field, record, clash and command."""

from __future__ import annotations

import typing
from pathlib import Path

import msgspec
import pytest
import typer

from headend.domain.job import Clash
from headend.jobs.export import BRING_BACK, LEASE_SIZE, VALID_MAX
from headend.jobs.permission import CLOCK_MAY_STEP
from protocols.jobs import sealing
from protocols.jobs.cards import DeviceCard, HeadEndCard
from protocols.jobs.package import MeterKeys, Package, PackedMeter, PackedOrder
from protocols.jobs.result import AnyRecord, CountersUsed, Record, Trouble
from tools.job import command as job
from tools.job import device as job_device

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "jobs.md").read_text()
DECISION = (ROOT / "docs" / "decisions" / "0019-jobs-leave-as-sealed-files.md").read_text()
STRUCTS = [
    DeviceCard, HeadEndCard, MeterKeys, PackedMeter, PackedOrder, Package, CountersUsed, Trouble,
    Record, *typing.get_args(AnyRecord),
]  # fmt: skip


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_every_field_is_described(struct: type[msgspec.Struct]) -> None:
    missing = [
        field.encode_name
        for field in msgspec.structs.fields(struct)
        if f"`{field.encode_name}`" not in PAGE
    ]
    assert missing == []
    tag = struct.__struct_config__.tag
    assert tag is None or struct is Record or f"`{tag}`" in PAGE


@pytest.mark.parametrize("clash", Clash)
def test_every_clash_is_described(clash: Clash) -> None:
    assert f"| `{clash.value}` |" in PAGE


def test_numbers_are_those_of_the_code() -> None:
    assert f"the first {sealing.HEADER_SIZE} octets" in PAGE
    assert f"N = {sealing.SCRYPT_N}, r = {sealing.SCRYPT_R}, p = {sealing.SCRYPT_P}" in PAGE
    assert BRING_BACK.total_seconds() == 2 * 3600 and "two hours after" in PAGE
    assert CLOCK_MAY_STEP.total_seconds() == 120 and "two minutes" in PAGE
    assert f"{LEASE_SIZE} of 2^32" in DECISION and f"{VALID_MAX.days} days at most" in DECISION


def test_every_command_is_named() -> None:
    for app, prefix in ((job.app, "ami job"), (job_device.app, "ami probe job")):
        for name in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
            assert f"{prefix} {name}" in PAGE, name
