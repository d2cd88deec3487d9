"""How the meter itself does: its clock, its profile, its error and alarm registers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from headend.models import Model
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.date_time import ClockStatus, DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.obis import describe
from protocols.dlms.objects.association import ASSOCIATION_CLASS
from protocols.dlms.objects.profile import Profile
from protocols.dlms.objects.row_status import RowStatus, is_status, status_text
from protocols.dlms.procedures import (
    Identity,
    TimeRange,
    identify,
    read_profile,
)
from protocols.dlms.services import AttributeDescriptor
from protocols.dlms.values import Structure
from tools.probe.clock import BAD_S, GOOD_S, read_drift
from tools.probe.doctor.findings import Finding, bad, good, note, warn
from tools.probe.profile_rows import gaps_of
from tools.probe.talk import Stopped, Talk
from tools.probe.values import date_time_text, moment_of

WATCHED = ("0.0.97.97.0.255", "0.0.97.98.0.255", "0.0.97.98.1.255")
"""Error register, alarm registers 1 and 2 (Blue Book 7.4.1)."""

MECHANISMS = {0: "none", 1: "low", 2: "high", 3: "md5", 4: "sha1", 5: "gmac", 6: "sha256",
              7: "ecdsa"}  # fmt: skip


async def identity(talk: Talk) -> list[Finding]:
    """Who it is."""
    found: Identity = await talk.do(identify())
    number = found.serial_number or found.logical_device_name or "?"
    return [good("meter", number=number, kind=found.meter_type or "?",
                 firmware=found.firmware or "?")]  # fmt: skip


async def associations(talk: Talk) -> list[Finding]:
    """The clients that the meter lists for us, and how each proves itself where it says so."""
    try:
        listed = (await talk.objects()).of_class(ASSOCIATION_CLASS)
        told = []
        for each in listed:
            client, mechanism = await talk.get(
                AttributeDescriptor(ASSOCIATION_CLASS, each.instance, 3),
                AttributeDescriptor(ASSOCIATION_CLASS, each.instance, 6),
            )
            if isinstance(client, Structure) and client and isinstance(client[0], int):
                told.append(f"{int(client[0])} ({_mechanism(mechanism)})")
    except Stopped:
        return []
    return [good("clients", clients=", ".join(dict.fromkeys(told)))] if told else []


def _mechanism(value: object) -> str:
    if isinstance(value, Structure) and value and isinstance(value[-1], int):
        return MECHANISMS.get(int(value[-1]), str(int(value[-1])))
    if isinstance(value, bytes) and len(value) == 7:  # as a BER object identifier
        return MECHANISMS.get(value[-1], str(value[-1]))
    return "?"


async def clock(talk: Talk) -> list[Finding]:
    """Drift, and what the clock says of itself."""
    found, drift_s = await read_drift(talk)
    findings = []
    if drift_s is None:
        findings.append(warn("clock-zone", time=date_time_text(found.time)))
    elif abs(drift_s) <= GOOD_S:
        findings.append(good("clock-good", drift=f"{abs(drift_s):.1f}"))
    else:
        told = {"drift": f"{drift_s:+.0f}"}
        findings.append((bad if abs(drift_s) > BAD_S else warn)("clock-drift", **told))
    status = found.time.status or ClockStatus.OK
    doubts = [each for each in ClockStatus if each in status and each not in _HARMLESS]
    if doubts:
        words = ", ".join((each.name or "").lower().replace("_", " ") for each in doubts)
        findings.append(bad("clock-status", status=words))
    return findings


_HARMLESS = (ClockStatus.OK, ClockStatus.DAYLIGHT_SAVING)


async def profile(talk: Talk, model: Model, days: int) -> list[Finding]:
    """Rows that are missing or flagged, in the last days; none where the model knows no profile, as
    of a concentrator."""
    known = model.objects.get("load-profile")
    if known is None:
        return []
    try:
        shown, _ = await read_drift(talk)
        now = moment_of(replace(shown.time, deviation_min=None)) or talk.desk.now()
        begin = now.replace(tzinfo=None, microsecond=0) - timedelta(days=days)
        part = TimeRange(
            DateTime.from_datetime(begin), DateTime.from_datetime(now.replace(tzinfo=None))
        )
        found = await talk.do(read_profile(known.logical_name, part, with_units=False))
    except Stopped as stopped:
        return [warn("profile-none", why=stopped.failure.why)]
    return [*_gaps(found, days), *_flags(found, days, talk)]


def _gaps(found: Profile, days: int) -> list[Finding]:
    missing = gaps_of(found)
    if not missing:
        return [good("profile-good", rows=len(found.rows), days=days)]
    count = sum(gap.missing for gap in missing)
    first = f"{missing[0].after:%Y-%m-%d %H:%M}"
    return [warn("profile-gaps", missing=count, wanted=count + len(found.rows), after=first)]


def _flags(found: Profile, days: int, talk: Talk) -> list[Finding]:
    """What the rows' status says, beyond daylight saving, which is no trouble."""
    places = [
        at
        for at, column in enumerate(found.columns)
        if column.source.class_id == 1 and is_status(column.source.instance)
    ]
    flags, flagged = 0, 0
    for row in found.rows:
        cells = [row[at] for at in places if at < len(row)]
        bits = 0
        for cell in cells:
            bits |= int(cell) & ~RowStatus.DAYLIGHT_SAVING if isinstance(cell, int) else 0
        flags |= bits
        flagged += bits != 0
    if not flagged:
        return []
    words = status_text(flags, talk.desk.language)
    return [warn("profile-flags", flagged=flagged, flags=words, days=days)]


async def registers(talk: Talk) -> list[Finding]:
    """Error and alarm registers that are not zero."""
    names = [LogicalName(name) for name in WATCHED]
    try:
        results = await talk.get(*(AttributeDescriptor(1, name, 2) for name in names))
    except Stopped:
        return []
    return [
        note("registers", name=describe(name, talk.desk.language), value=int(result))
        for name, result in zip(names, results, strict=True)
        if isinstance(result, int) and not isinstance(result, DataAccessResult) and int(result)
    ]
