"""What a person asks for: a word of the model, or an OBIS code with as few groups as say it.

`1.8.0`, `1.0.1.8.0`, `1-0:1.8.0`, `1-0:1.8.0*255`; `/3` behind it names an attribute.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from headend.models import Model
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.association import ListedObject, ObjectList

_SHORT = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}")


class NotKnown(ValueError):
    """Nobody knows such an object; the text says what is near."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object; `class_id` None until the object list tells it, `attribute` None for its value."""

    name: LogicalName
    class_id: int | None = None
    attribute: int | None = None


def obis(text: str) -> LogicalName:
    """Groups A to F; without them A and B are 1.0, F is 255.  Raises ValueError."""
    if _SHORT.fullmatch(text):
        text = f"1.0.{text}"
    groups = len(re.findall(r"\d+", text))
    return LogicalName(text if groups == 6 else re.sub(r"[.*]?$", ".255", text, count=1))


def wanted(text: str, model: Model) -> Wanted:
    """What the text means for this model.  Raises `NotKnown`."""
    name, _, attribute = text.partition("/")
    if attribute and not re.fullmatch(r"-?\d{1,3}", attribute):
        raise NotKnown(f"{text!r}: behind the / stands the number of an attribute")
    index = int(attribute) if attribute else None
    if (known := model.objects.get(name)) is not None:
        return Wanted(known.logical_name, known.class_id, index)
    try:
        found = obis(name)
    except ValueError:
        near = difflib.get_close_matches(name, model.objects, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else "names: ami probe objects --named"
        raise NotKnown(f"{name!r} is no OBIS code and no name of {model.name}: {hint}") from None
    classes = {each.class_id for each in model.objects.values() if each.logical_name == found}
    return Wanted(found, classes.pop() if len(classes) == 1 else None, index)


def listed(each: Wanted, objects: ObjectList) -> ListedObject:
    """The object in the meter's list.  Raises `NotKnown`."""
    found = objects.find(each.name, each.class_id)
    if found is None:
        raise NotKnown(f"the meter lists no object {each.name} for this client")
    return found
