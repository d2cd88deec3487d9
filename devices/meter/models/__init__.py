"""Meter models, one TOML file each: what `ami meter listen --model` and scenarios can name.

A file gives the fields of `MeterType` that differ from the standard meter.  `leave_out` takes
features away; `dst_begin` and `dst_end` are 12 octets in hex; unknown keys are errors.  `base` is
a model to begin with in place of the standard meter, and `[[object]]` are the objects that a real
meter had (`ami meter record`, `devices.meter.template`).
"""

from __future__ import annotations

import tomllib
from dataclasses import fields, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from devices.meter import template
from devices.meter.faults import FAULTS
from devices.meter.meter_type import FEATURES, MeterType

STANDARD = "standard"


class UnknownModel(ValueError):
    """There is no model of this name; the text names those that there are."""


@cache
def names() -> tuple[str, ...]:
    """Every model."""
    found = (each.name for each in files(__name__).iterdir())
    return (STANDARD, *sorted(name.removesuffix(".toml") for name in found if ".toml" in name))


@cache
def model(name: str) -> MeterType:
    """The type of meter with this name.  Raises `UnknownModel`."""
    if name == STANDARD:
        return MeterType()
    if name not in names():
        raise UnknownModel(f"no meter model {name!r}; there are: {', '.join(names())}")
    return read(name, files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def find(name_or_file: str) -> MeterType:
    """The type of this name, or of a file of one's own.  Raises ValueError, `UnknownModel`."""
    file = Path(name_or_file)
    if file.suffix != ".toml":
        return model(name_or_file)
    try:
        return read(file.stem, file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnknownModel(f"{file}: {error.strerror}") from error


def read(name: str, text: str) -> MeterType:
    """The type of meter that a file describes.  Raises ValueError for what it cannot be."""
    told: dict[str, Any] = tomllib.loads(text)
    left_out = frozenset(told.pop("leave_out", ()))
    quirks = frozenset(told.pop("quirks", ()))
    base = model(told.pop("base", STANDARD))
    recorded = template.read(told.pop("object", ()))
    known = {each.name for each in fields(MeterType) if each.init} - {"recorded"}
    strange = (told.keys() - known) | (left_out - FEATURES) | (quirks - FAULTS.keys())
    if strange:
        raise ValueError(f"model {name}: unknown {', '.join(sorted(strange))}")
    for key in ("dst_begin", "dst_end"):
        if key in told:
            told[key] = bytes.fromhex(told[key])
    for key in ("current_ratio", "load_registers"):
        if key in told:
            told[key] = tuple(told[key])
    return replace(
        base,
        name=name,
        features=base.features - left_out,
        quirks=base.quirks | quirks,
        recorded=recorded,
        **told,
    )
