"""A profile's buffer with pydlms-client 0.1.0; run by its own interpreter."""

from __future__ import annotations

from typing import Any

from pydlms.cosem.data import decode_data
from pydlms.cosem.time import CosemDateTime
from repeat import measure


def columns(octets: bytes, scalers: list[int]) -> tuple[Any, Any]:
    rows = [row.value for row in decode_data(octets)[0].value]
    factors = [10.0**scaler for scaler in scalers]
    times = [CosemDateTime.from_bytes(row[0].value).to_datetime().timestamp() for row in rows]
    return [[row[n].value * f for row in rows] for n, f in enumerate(factors, 1)], times


measure(columns)
