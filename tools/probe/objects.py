"""`ami probe objects`: everything the meter has for this client, and what may be done with it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text
from rich.tree import Tree

from protocols.dlms.obis import describe
from protocols.dlms.objects.association import Access, ListedObject, ObjectList
from protocols.dlms.objects.classes import class_name
from tools.probe.command import verb
from tools.probe.desk import Desk
from tools.probe.progress import bar
from tools.probe.report import Column, Report, Table
from tools.terminal import show

COLUMNS = (
    Column("class_id", "class"),
    Column("class_name", "class name"),
    Column("version", "version"),
    Column("obis", "OBIS"),
    Column("name", "name"),
    Column("attributes", "attributes"),
    Column("methods", "methods"),
)
_PROTECTED = Access.AUTHENTICATED_REQUEST | Access.ENCRYPTED_REQUEST | Access.SIGNED_REQUEST


@verb("objects")
async def objects(
    desk: Desk,
    tree: Annotated[bool, typer.Option("--tree", help="By interface class.")] = False,
    named: Annotated[
        bool, typer.Option("--named", help="The model's names instead; no meter is asked.")
    ] = False,
) -> Report:
    """List every object with its access rights: r, w, x for each attribute and method, ! for
    protection that the meter asks for.

    Example: [bold]ami probe objects --tree --port tcp://10.1.2.3[/]
    """
    if named:
        return _named(desk)
    async with desk.talk() as talk:
        with bar("object list", silent=desk.quiet) as shown:
            found = await talk.objects(shown.travelled)
    if tree and not desk.quiet:
        show(as_tree(found, desk))
    rows = tuple(_row(each, desk) for each in found)
    table = Table("objects", "", COLUMNS, rows)
    shows_table = not tree or desk.quiet or desk.options.export is not None
    notes = (f"{len(found)} objects, association version {found.version}",)
    return desk.report(
        "", tables=(table,) if shows_table else (), notes=notes, journal={"objects": len(found)}
    )


def _named(desk: Desk) -> Report:
    model = desk.model()
    columns = (Column("name", "name"), Column("obis", "OBIS"), Column("class_id", "class"),
               Column("about", "about"))  # fmt: skip
    rows = tuple(
        (name, each.name, each.class_id, each.about or describe(each.name, desk.language))
        for name, each in model.objects.items()
    )
    return desk.report("", tables=(Table("names", f"Names of {model.name}", columns, rows),))


def _row(each: ListedObject, desk: Desk) -> tuple[str | int, ...]:
    return (
        each.class_id,
        class_name(each.class_id, desk.language) or "",
        each.version,
        str(each.instance),
        describe(each.instance, desk.language),
        rights(each),
        methods(each),
    )


def rights(each: ListedObject) -> str:
    """`1r 2rw 3r!`."""
    return " ".join(
        f"{number}{_letters(found.access)}" for number, found in sorted(each.attributes.items())
    )


def methods(each: ListedObject) -> str:
    """`1x`: those that may be invoked."""
    return " ".join(
        f"{number}x" + "!" * bool(access & _PROTECTED)
        for number, access in sorted(each.methods.items())
        if each.invocable(number)
    )


def _letters(access: Access) -> str:
    letters = "r" * bool(access & Access.READ) + "w" * bool(access & Access.WRITE)
    return (letters or "-") + "!" * bool(access & _PROTECTED)


def as_tree(found: ObjectList, desk: Desk) -> Tree:
    """Classes, below them their objects."""
    root = Tree(Text(desk.meter or "meter", style="bold"), guide_style="dim")
    branches: dict[int, Tree] = {}
    for each in found:
        if (branch := branches.get(each.class_id)) is None:
            name = class_name(each.class_id, desk.language) or "unknown class"
            branch = root.add(Text.assemble((name, "bold cyan"), (f" {each.class_id}", "dim")))
            branches[each.class_id] = branch
        branch.add(
            Text.assemble(
                f"{each.instance!s:20} ",
                describe(each.instance, desk.language),
                (f"  {rights(each)} {methods(each)}", "dim"),
            )
        )
    return root
