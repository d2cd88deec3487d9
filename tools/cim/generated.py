"""Files made from the outlines of `protocols/cim`: XSDs, WSDLs and records.

    python -m tools.cim.generated

writes them; a test compares what is there with what would be written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import protocols.cim
from protocols.cim import namespaces as ns
from protocols.cim import wsdl_text, xsd_text
from protocols.cim.outline import REFERENCE, ClassOutline, Member, Outline, outline
from protocols.cim.record import field_name

FOLDER: Final = Path(protocols.cim.__file__).parent
_PYTHON: Final = {
    "string": "str",
    "boolean": "bool",
    "integer": "int",
    "float": "Decimal",
    "decimal": "Decimal",
    "dateTime": "datetime",
    "date": "str",
    "time": "str",
}
_IMPORTS: Final = {
    "datetime": "from datetime import datetime",
    "Decimal": "from decimal import Decimal",
}
_ALIKE: Final = "parts_auto"


def generated() -> dict[Path, str]:
    """Every file that is made, with its text."""
    found = {
        FOLDER / "wsdl" / name: wsdl_text.text(service)
        for name, service in wsdl_text.services().items()
    }
    for noun in ns.NOUNS:
        found[FOLDER / "xsd" / f"{noun}.xsd"] = xsd_text.payload(outline(noun))
        found[FOLDER / "xsd" / f"{noun}Message.xsd"] = xsd_text.messages(noun)
    outlines = [outline(noun) for noun in ns.NOUNS]
    alike = _alike(outlines)
    parts = _module(
        "Classes that several nouns have alike.",
        [(found_in, found_in.classes[name]) for name, found_in in alike.items()],
        [],
    )
    found[FOLDER / "records" / f"{_ALIKE}.py"] = parts
    for one in outlines:
        mine = [(one, item) for item in _built(one) if item.name not in alike]
        used = [name for name in sorted(alike) if name in one.classes]
        found[FOLDER / "records" / f"{module_of(one.noun)}.py"] = _module(
            f"Records of {one.noun}, made from outlines/{one.noun}.txt.", mine, used
        )
    found[FOLDER / "records" / "index_auto.py"] = _index(outlines)
    return found


def module_of(noun: str) -> str:
    """The module of a noun's records; "data" in a module's name tells nothing."""
    return f"{field_name(noun)}_auto".replace("_data_", "_")


def _shape(found: Outline, name: str, path: tuple[str, ...] = ()) -> object:
    """What a class is, down to the built-in types, so that two can be compared."""
    if name in path:
        return name
    one = found.classes.get(name)
    if one is None:
        return found.base(name) or name
    return (
        name,
        tuple(
            (item.name, item.required, item.many, _shape(found, item.type, (*path, name)))
            for item in one.members
        ),
    )


def _alike(outlines: list[Outline]) -> dict[str, Outline]:
    """Classes that have one shape wherever they are, and are in more than one noun."""
    shapes: dict[str, list[object]] = {}
    first: dict[str, Outline] = {}
    for one in outlines:
        for name in (item.name for item in _built(one)):
            shapes.setdefault(name, []).append(_shape(one, name))
            first.setdefault(name, one)
    return {
        name: first[name]
        for name in sorted(shapes)
        if len(shapes[name]) > 1 and all(shape == shapes[name][0] for shape in shapes[name])
    }


def _built(found: Outline) -> list[ClassOutline]:
    """The classes we write: what is taken besides a plain reference is read, never written."""
    return [one for one in found.classes.values() if not one.referring]


def _module(about: str, classes: list[tuple[Outline, ClassOutline]], used: list[str]) -> str:
    body: list[str] = []
    types: set[str] = set()
    for found, one in classes:
        body += ["", "", f"class {one.name}(Record, frozen=True, kw_only=True):"]
        body.append(f'    """{one.name} of IEC 61968-9{_note(one)}"""')
        lines = [_field(found, member, types) for member in one.members]
        body += ["", *lines] if lines else []
    imports = [_IMPORTS[name] for name in sorted(types & set(_IMPORTS), key=str.lower)]
    imports.sort(key=lambda line: line.split()[1])
    needed = [name for name in used if any(name in line for line in body)]
    lines = [f'"""{about}"""', "", "from __future__ import annotations", ""]
    lines += [*imports, ""] if imports else []
    lines.append("from protocols.cim.record import Record")
    if needed:
        lines.append(f"from protocols.cim.records.{_ALIKE} import (")
        lines += (f"    {name}," for name in needed)
        lines.append(")")
    return "\n".join([*lines, *body]) + "\n"


def _note(one: ClassOutline) -> str:
    extensions = [field_name(item.name) for item in one.members if item.extension]
    if one.extension:
        return "; an extension."
    return f"; extensions: {', '.join(extensions)}." if extensions else "."


def _field(found: Outline, member: Member, types: set[str]) -> str:
    base = found.base(member.type)
    python = "str" if member.type == REFERENCE else _PYTHON[base] if base else member.type
    types.add(python)
    name = field_name(member.name)
    if member.many:
        needed = "" if member.required else " = ()"
        return f"    {name}: tuple[{python}, ...]{needed}"
    return f"    {name}: {python}" + ("" if member.required else " | None = None")


def _index(outlines: list[Outline]) -> str:
    modules = sorted(module_of(one.noun) for one in outlines)
    lines = [
        '"""The records of each noun, by class."""',
        "",
        "from __future__ import annotations",
        "",
        "from protocols.cim.record import Record",
        "from protocols.cim.records import (",
        *(f"    {name}," for name in [*modules, _ALIKE]),
        ")",
        "",
        "RECORDS: dict[str, dict[str, type[Record]]] = {",
    ]
    alike = _alike(outlines)
    for one in outlines:
        lines.append(f'    "{one.noun}": {{')
        for item in _built(one):
            module = _ALIKE if item.name in alike else module_of(one.noun)
            lines.append(f'        "{item.name}": {module}.{item.name},')
        lines.append("    },")
    return "\n".join([*lines, "}"]) + "\n"


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, "utf-8")
