"""`ami probe read`: objects by name or OBIS code, or every register that the meter has.

What is odd about a value stands beside it, with the octets that it came in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from protocols.dlms.codes import DataAccessResult
from protocols.dlms.obis import describe
from protocols.dlms.objects.association import ListedObject, ObjectList
from protocols.dlms.procedures import Register, is_register, read_registers, read_told
from protocols.dlms.procedures.reading import VALUE_AND_SCALE
from protocols.dlms.services import AttributeDescriptor
from tools.probe import oddities
from tools.probe.command import verb
from tools.probe.desk import Desk
from tools.probe.oddities import Oddity
from tools.probe.progress import Bar, bar
from tools.probe.report import Cell, Column, Report, Table
from tools.probe.talk import Talk
from tools.probe.values import cell_of, text_of
from tools.probe.wanted import NotKnown, Wanted, listed, wanted
from tools.terminal import wrong_usage

COLUMNS = (
    Column("obis", "OBIS"),
    Column("attribute", "attr"),
    Column("name", "name"),
    Column("value", "value"),
    Column("unit", "unit"),
)
Row = tuple[Cell, ...]
Found = tuple[Row, Oddity | None]


@verb("read")
async def read(
    desk: Desk,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME|OBIS]...",
            help="voltage-l1, 1.8.0, 1.0.1.8.0, 0.0.17.0.0/4.  Without: every register.",
            show_default=False,
        ),
    ] = None,
) -> Report:
    """Read objects with units and scalers; without names every register that the meter lists.

    Example: [bold]ami probe read voltage-l1 1.8.0 0.0.17.0.0/4[/]
    """
    model = desk.model()
    try:
        asked = [wanted(name, model) for name in names or ()]
        async with desk.talk() as talk:
            with bar("reading", silent=desk.quiet) as shown:
                found, refused = await _read(talk, asked, shown)
    except NotKnown as error:
        wrong_usage(str(error))
    notes = (f"{refused} refused",) if refused else ()
    table = oddities.beside(Table("readings", "", COLUMNS, tuple(row for row, _ in found)),
                            [odd for _, odd in found])  # fmt: skip
    return desk.report(
        "",
        tables=(table,),
        notes=notes,
        done=not asked or refused < len(found),
        journal={"objects": list(names or ()) or "every register", "values": len(found) - refused},
    )


async def _read(talk: Talk, asked: Sequence[Wanted], shown: Bar) -> tuple[list[Found], int]:
    """Rows in the order asked for, and how many of them the meter refused."""
    objects: ObjectList | None = None
    if not asked or any(not _direct(each) for each in asked):
        objects = await talk.objects(shown.travelled)
    if not asked:
        assert objects is not None
        asked = [Wanted(each.instance, each.class_id) for each in objects if is_register(each)]
    resolved = [each if _direct(each) else _resolved(each, objects) for each in asked]
    registers = [
        (each.class_id, each.name)
        for each in resolved
        if each.attribute is None and each.class_id in VALUE_AND_SCALE
    ]
    values = await talk.do(read_registers(registers, progress=shown.step), shown.travelled)
    found = iter(values)
    rows: list[Found] = []
    refused = 0
    for each in resolved:
        if each.attribute is None and each.class_id in VALUE_AND_SCALE:
            register = next(found)
            rows.append((register_row(register, talk), _odd_register(register, talk)))
            refused += isinstance(register.value, DataAccessResult)
            continue
        for row, odd, was_refused in await _attributes(talk, each, objects, shown):
            rows.append((row, odd))
            refused += was_refused
    return rows, refused


def _direct(each: Wanted) -> bool:
    """Whether it can be asked for without the object list."""
    return each.class_id is not None and (
        each.attribute is not None or each.class_id in VALUE_AND_SCALE
    )


def _resolved(each: Wanted, objects: ObjectList | None) -> Wanted:
    assert objects is not None
    return Wanted(each.name, listed(each, objects).class_id, each.attribute)


async def _attributes(
    talk: Talk, each: Wanted, objects: ObjectList | None, shown: Bar
) -> list[tuple[Row, Oddity | None, bool]]:
    """One attribute, or all that may be read of an object that has no single value."""
    assert each.class_id is not None
    numbers: Sequence[int]
    if each.attribute is not None:
        numbers = (each.attribute,)
    else:
        assert objects is not None
        numbers = readable(listed(each, objects))
    asked = [AttributeDescriptor(each.class_id, each.name, number) for number in numbers]
    told = await talk.do(read_told(asked, progress=shown.step), shown.travelled)
    name = describe(each.name, talk.desk.language)
    return [
        (
            (str(each.name), at.attribute, name, cell_of(answer.results[0]), ""),
            oddities.of(at, answer, talk.desk.now()),
            isinstance(answer.results[0], DataAccessResult),
        )
        for at, answer in zip(asked, told, strict=True)
    ]


def _odd_register(register: Register, talk: Talk) -> Oddity | None:
    if register.told is None:
        return None
    attribute = VALUE_AND_SCALE[register.class_id][0]
    at = AttributeDescriptor(register.class_id, register.instance, attribute)
    return oddities.of(at, register.told, talk.desk.now())


def readable(each: ListedObject) -> list[int]:
    """All but the name, and a profile's buffer, which has a verb of its own."""
    buffer = 2 if each.class_id == 7 else None
    return [n for n in sorted(each.attributes) if n > 1 and n != buffer and each.readable(n)]


def register_row(register: Register, talk: Talk) -> Row:
    """A register's line: the value in its unit, or why there is none."""
    quantity = register.quantity
    name = describe(register.instance, talk.desk.language)
    attribute = VALUE_AND_SCALE[register.class_id][0]
    if quantity is not None:
        value: Cell = quantity.number
    elif isinstance(register.value, DataAccessResult):
        value = text_of(register.value)
    else:
        value = cell_of(register.value)
    unit = "" if quantity is None else quantity.unit
    return str(register.instance), attribute, name, value, unit
