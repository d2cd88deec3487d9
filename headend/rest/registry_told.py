"""What the registry's routes take and tell."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from headend.domain.life_cycle import LifeLine, Step
from headend.domain.meter import Stage
from headend.domain.place import Installation, Place, PlaceKind
from headend.rest.values import DeviceName, Instant

PlaceCode = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._/-]{0,63}$")]


class Taking(enum.StrEnum):
    """Steps that are taken by asking; others come by shipments, commissioning and discovery."""

    INSTALL = "install"
    LINK = "link"
    UNLINK = "unlink"
    SERVE = "take-into-service"
    BLOCK = "block"
    UNBLOCK = "unblock"
    REMOVE = "remove"
    RESTOCK = "restock"
    EXCHANGE = "exchange"


Shown = Annotated[Decimal, Field(ge=0, lt=10**12, max_digits=15, allow_inf_nan=False)]


class StepWanted(BaseModel):
    """A step, and what it needs beside its meter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: Taking
    why: Annotated[str, Field(max_length=500)] = ""
    at: Instant | None = Field(default=None, description="When it was taken; null: now.")
    service_point: PlaceCode | None = Field(default=None, description="Of install: where.")
    concentrator: DeviceName | None = Field(default=None, description="Of link: behind which.")
    gateway: bool = Field(default=False, description="Of link: it only carries what we say.")
    by: DeviceName | None = Field(default=None, description="Of exchange: the meter that comes.")
    last_read_kwh: Shown | None = Field(
        default=None,
        description="Of remove and exchange: what the register showed; null: the newest reading.",
    )
    first_read_kwh: Shown | None = Field(
        default=None, description="Of install and exchange: what the register showed."
    )
    below_readings: bool = Field(
        default=False,
        description="`last_read_kwh` is right, though more was read before; it is written down.",
    )


class LifeLineTold(BaseModel):
    """One step of a meter's life."""

    at: datetime
    step: Step
    was: Stage | None
    stage: Stage
    who: str
    why: str

    @staticmethod
    def of(line: LifeLine) -> LifeLineTold:
        return LifeLineTold(
            at=line.at, step=line.step, was=line.was, stage=line.stage, who=line.who, why=line.why
        )


class InstallationTold(BaseModel):
    """Where a meter hung, and until when."""

    service_point: str
    since: datetime
    until: datetime | None

    @staticmethod
    def of(one: Installation) -> InstallationTold:
        return InstallationTold(service_point=one.service_point, since=one.since, until=one.until)


class MeterLife(BaseModel):
    """All that the registry keeps of one meter's life."""

    meter: str
    stage: Stage
    life: list[LifeLineTold] = Field(description="The first step first.")
    installations: list[InstallationTold] = Field(description="The first one first.")


class PlaceTold(BaseModel):
    """A place."""

    code: str
    kind: PlaceKind
    parent: str | None = Field(description="What it lies in.")
    name: str

    @staticmethod
    def of(place: Place) -> PlaceTold:
        return PlaceTold(code=place.code, kind=place.kind, parent=place.parent, name=place.name)


class PlaceWanted(BaseModel):
    """A place to enter, or to move."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: PlaceCode
    kind: PlaceKind
    parent: PlaceCode | None = None
    name: Annotated[str, Field(max_length=200)] = ""


class ConcentratorWanted(BaseModel):
    """A concentrator to enter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[DeviceName, Field(description="Its id, by which it opens its session.")]
    sim: Annotated[str, Field(max_length=32)] | None = None
