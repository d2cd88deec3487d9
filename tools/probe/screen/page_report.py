"""What a page shows, as a report that can be exported."""

from __future__ import annotations

from dataclasses import replace

from protocols.dlms.obis import describe
from protocols.dlms.objects.association import ObjectList
from tools.probe.desk import Desk
from tools.probe.objects import rights
from tools.probe.report import Column, Fact, Report, Table
from tools.probe.screen.live import Snapshot
from tools.probe.screen.words import said


def live_report(desk: Desk, snapshot: Snapshot) -> Report:
    """The phases as a table, the rest as facts."""
    columns = (Column("phase", "phase"), Column("u", "U", "V"), Column("i", "I", "A"),
               Column("p", "P", "W"), Column("q", "Q", "var"))  # fmt: skip
    rows = tuple(
        (f"L{number}", phase.voltage_v, phase.current_a, phase.power_w, phase.reactive_var)
        for number, phase in enumerate(snapshot.phases, start=1)
    )
    facts = tuple(
        Fact(said("en", code), said(desk.language, code), number, unit)
        for code, number, unit in snapshot.totals
    )
    return replace(report_of(desk, "live", Table("phases", "", columns, rows)), facts=facts)


def objects_report(desk: Desk, objects: ObjectList) -> Report:
    """The object list with its rights."""
    columns = (Column("class_id", "class"), Column("obis", "OBIS"),
               Column("name", "name"), Column("rights", "rights"))  # fmt: skip
    rows = tuple(
        (
            each.class_id,
            str(each.instance),
            describe(each.instance, desk.language),
            rights(each),
        )
        for each in objects
    )
    return report_of(desk, "objects", Table("objects", "", columns, rows))


def report_of(desk: Desk, action: str, table: Table) -> Report:
    """A page that is one table."""
    return replace(desk.report("", tables=(table,)), action=action)
