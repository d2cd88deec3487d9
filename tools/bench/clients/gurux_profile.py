"""A profile's buffer with gurux-dlms 1.0.203.  Scalers are applied here."""

from __future__ import annotations

from typing import Any

from gurux_dlms import GXByteBuffer, GXDLMSClient
from gurux_dlms.enums import DataType
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.internal._GXDataInfo import _GXDataInfo
from repeat import measure


def columns(octets: bytes, scalers: list[int]) -> tuple[Any, Any]:
    rows = _GXCommon.getData(None, GXByteBuffer(bytearray(octets)), _GXDataInfo())
    factors = [10.0**scaler for scaler in scalers]
    times = [GXDLMSClient.changeType(row[0], DataType.DATETIME).value.timestamp() for row in rows]
    return [[row[n] * f for row in rows] for n, f in enumerate(factors, 1)], times


measure(columns)
