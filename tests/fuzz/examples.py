"""One example of any message type that msgspec knows, every field filled."""

from __future__ import annotations

import datetime
from typing import Any

from msgspec import inspect

MOMENT = datetime.datetime(2026, 7, 6, 8, tzinfo=datetime.UTC)
_PLAIN: dict[type[inspect.Type], Any] = {
    inspect.AnyType: 1,
    inspect.BoolType: True,
    inspect.IntType: 1,
    inspect.FloatType: 1.5,
    inspect.StrType: "1",
    inspect.BytesType: b"\x01\x02",
    inspect.DateTimeType: MOMENT,
    inspect.DateType: MOMENT.date(),
}


def example(kind: inspect.Type) -> Any:
    """A value of this type, for `msgspec.json.encode`.  Raises KeyError for types we never use."""
    match kind:
        case inspect.Metadata():
            return example(kind.type)
        case inspect.StructType():
            tag = {kind.tag_field: kind.tag} if kind.tag_field else {}
            return tag | {field.encode_name: _field(field) for field in kind.fields}
        case inspect.UnionType():
            held = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
            return example(held[0])
        case inspect.VarTupleType() | inspect.ListType():
            return [example(kind.item_type)]
        case inspect.TupleType():
            return [example(each) for each in kind.item_types]
        case inspect.DictType():
            return {example(kind.key_type): example(kind.value_type)}
        case inspect.EnumType():
            return next(iter(kind.cls)).value
        case inspect.LiteralType():
            return kind.values[0]
    return _PLAIN[type(kind)]


def _field(field: inspect.Field) -> Any:
    """The version of a message is the one that we know."""
    return field.default if field.name == "v" else example(field.type)
