"""Records of GetMasterDataLinkageConfig, made from outlines/GetMasterDataLinkageConfig.txt."""

from __future__ import annotations

from protocols.cim.record import Record
from protocols.cim.records.parts_auto import (
    Name,
)


class GetMasterDataLinkageConfig(Record, frozen=True, kw_only=True):
    """GetMasterDataLinkageConfig of IEC 61968-9."""

    end_device: tuple[EndDevice, ...] = ()
    meter: tuple[Meter, ...] = ()
    usage_point: tuple[UsagePoint, ...] = ()


class EndDevice(Record, frozen=True, kw_only=True):
    """EndDevice of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class Meter(Record, frozen=True, kw_only=True):
    """Meter of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()


class UsagePoint(Record, frozen=True, kw_only=True):
    """UsagePoint of IEC 61968-9."""

    mrid: str | None = None
    names: tuple[Name, ...] = ()
