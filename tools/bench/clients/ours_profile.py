"""A profile's buffer with the decoder that ami-headend collects with."""

from __future__ import annotations

from functools import cache
from typing import Any

from repeat import measure

from protocols.dlms.logical_name import LogicalName
from protocols.dlms.profile import Column, Decoder

CLOCK = Column(8, LogicalName("0.0.1.0.0.255"), 2)


@cache
def decoder(scalers: tuple[int, ...]) -> Decoder:
    captured = [Column(3, LogicalName("1.0.1.8.0.255"), 2, scaler) for scaler in scalers]
    return Decoder([CLOCK, *captured])


def columns(octets: bytes, scalers: list[int]) -> tuple[Any, Any]:
    times, *quantities = decoder(tuple(scalers)).decode(octets)
    return [series.scaled for series in quantities], times.utc_s


measure(columns, lambda column: column.tolist())
