"""`ami meter record`: a real meter's object list and values as the template of a simulated one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from devices.meter import models
from devices.meter.clients import Right
from devices.meter.cosem import CosemObject
from devices.meter.device import Meter
from devices.meter.identity import Identity
from devices.meter.load import ConstantLoad
from devices.meter.meter_type import MeterType
from devices.meter.objects import table
from devices.meter.services import value_of
from protocols.dlms import axdr
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.association import Access, ListedObject, ObjectList
from protocols.dlms.procedures.reading import VALUE_AND_SCALE, read_attributes
from protocols.dlms.services import AttributeDescriptor, GetResult
from protocols.dlms.values import Array
from scenarios.toml_text import written
from tools.anonymous import Anonymous, identifier
from tools.probe.command import verb
from tools.probe.desk import Desk
from tools.probe.progress import bar
from tools.probe.report import Fact, Report
from tools.terminal import wrong_usage

PROFILE, CURRENT = 7, LogicalName("0.0.40.0.0.255")
AT = 1_700_000_000.0  # any moment: only types are looked at

Values = Mapping[tuple[LogicalName, int], GetResult]


def record_verb(app: typer.Typer) -> None:
    """Make `ami meter record` of it."""
    verb("record", of=app)(record)


async def record(
    desk: Desk,
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help="The template.")],
    seed: Annotated[int, typer.Option(help="Of what stands in the place of identifiers.")] = 1,
) -> Report:
    """Read a meter by its own object list, and write the template of a simulated one, anonymised.

    Example: [bold]ami meter record --port tcp://10.1.2.3 --output mine.toml[/] and then
    [bold]ami meter listen --model mine.toml[/]
    """
    if not output.parent.is_dir():
        wrong_usage(f"--output {output}: there is no directory {output.parent}")
    async with desk.talk() as talk:
        with bar("objects", silent=desk.quiet) as shown:
            found = await talk.objects(shown.travelled)
            wanted = [*_wanted(found)]
            results = await talk.do(read_attributes(wanted, progress=shown.step), shown.travelled)
    values = {(a.instance, a.attribute): r for a, r in zip(wanted, results, strict=True)}
    base, live = nearest(found, values)
    template = template_of(found, values, base, live, seed)
    output.write_text(written(template), encoding="utf-8")
    desk.meter = None  # neither the report nor the journal names whom the template is of
    read = sum(not isinstance(each, DataAccessResult) for each in results)
    facts = (
        Fact("output", "template", str(output)),
        Fact("base", "nearest model", base),
        Fact("objects", "objects", len(found)),
        Fact("live", "of them the simulated meter's own", len(live)),
        Fact("values", "values read", read),
    )
    return desk.report("", facts=facts, journal={"objects": len(found)})


def _wanted(found: ObjectList) -> Iterator[AttributeDescriptor]:
    """All that may be read but names, buffers of profiles (consumption is not for a template) and
    the object lists themselves."""
    for each in found:
        for index in sorted(each.attributes):
            left_out = index == 1 or (index == 2 and each.class_id in (PROFILE, 15))
            if each.readable(index) and not left_out:
                yield AttributeDescriptor(each.class_id, each.instance, index)


# --- what the simulated meter has already ---------------------------------------------------------


def nearest(found: ObjectList, values: Values) -> tuple[str, frozenset[LogicalName]]:
    """The model that has most of these objects just so, and which those are."""
    both = [(name, _live(_type(name, found.version), found, values)) for name in models.names()]
    return max(both, key=lambda each: len(each[1]))


def _type(name: str, association_version: int) -> MeterType:
    return replace(models.model(name), association_version=association_version)


def _live(kind: MeterType, found: ObjectList, values: Values) -> frozenset[LogicalName]:
    meter = Meter(Identity(1, 0), ConstantLoad.of(*[100] * kind.phases), kind)
    own = table(kind)
    return frozenset(
        each.instance
        for each in found
        if each.instance in own
        and _listed_alike(own[each.instance], each, kind)
        and (each.instance == CURRENT or _alike(meter, each, values))
    )


def _listed_alike(own: CosemObject, each: ListedObject, kind: MeterType) -> bool:
    if (own.class_id, own.version) != (each.class_id, each.version):
        return False
    for right in (Right.MANAGEMENT, Right.READER, Right.PUBLIC):
        listed = Array([own.list_element(right, kind.association_version)])
        (element,) = ObjectList.from_value(listed, kind.association_version)
        if element == each:
            return True
    return False


def _alike(meter: Meter, each: ListedObject, values: Values) -> bool:
    """Whether the simulated meter answers with the same types, and the same unit and scaler."""
    scale = VALUE_AND_SCALE.get(each.class_id, (2, None))[1]
    for index in each.attributes:
        result = values.get((each.instance, index))
        if result is None or isinstance(result, DataAccessResult):
            continue
        own = value_of(meter, each.class_id, each.instance, index, AT)
        same = own == result if index == scale or (each.class_id, index) == (PROFILE, 3) else True
        if type(own) is not type(result) or not same:
            return False
    return True


# --- the template ---------------------------------------------------------------------------------


def template_of(
    found: ObjectList, values: Values, base: str, live: frozenset[LogicalName], seed: int
) -> dict[str, Any]:
    """The values of the template's file."""
    mask = Anonymous(seed, frozenset(bytes(each.instance) for each in found))
    for each in found:
        if identifier(each.class_id, each.instance):
            for index in each.attributes:
                told = values.get((each.instance, index))
                if told is not None and not isinstance(told, DataAccessResult):
                    mask.learn(told)
    return {
        "base": base,
        "association_version": found.version,
        "object": [_object(each, values, each.instance in live, mask) for each in _once(found)],
    }


def _once(found: Iterable[ListedObject]) -> Iterator[ListedObject]:
    """A logical name that two objects share is the first one's: a template has one of each."""
    seen = set()
    for each in found:
        if each.instance not in seen:
            seen.add(each.instance)
            yield each


def _object(each: ListedObject, values: Values, live: bool, mask: Anonymous) -> dict[str, Any]:
    told: dict[str, Any] = {
        "class": each.class_id,
        "version": each.version,
        "name": str(each.instance),
    }
    if live:
        return told | {"live": True}
    told["access"] = {str(n): _letters(a.access) for n, a in sorted(each.attributes.items())}
    selectors = {str(n): [*a.selectors] for n, a in each.attributes.items() if a.selectors}
    if selectors:
        told["selectors"] = selectors
    kept, errors = _kept(each, values, mask)
    if kept:
        told["values"] = kept
    if errors:
        told["errors"] = errors
    if each.methods:
        told["methods"] = {str(n): each.invocable(n) for n in sorted(each.methods)}
    return told


def _kept(
    each: ListedObject, values: Values, mask: Anonymous
) -> tuple[dict[str, str], dict[str, int]]:
    kept: dict[str, str] = {}
    errors: dict[str, int] = {}
    for index in sorted(each.attributes):
        result = values.get((each.instance, index))
        if (each.class_id, index) == (PROFILE, 2):
            kept[str(index)] = axdr.encode(Array()).hex()
        elif isinstance(result, DataAccessResult):
            errors[str(index)] = int(result)
        elif result is not None:
            try:
                shown = mask.value(each.class_id, each.instance, result)
            except ValueError:
                errors[str(index)] = int(DataAccessResult.TEMPORARY_FAILURE)
            else:
                kept[str(index)] = axdr.encode(shown).hex()
    return kept, errors


def _letters(access: Access) -> str:
    return "r" * bool(access & Access.READ) + "w" * bool(access & Access.WRITE)
