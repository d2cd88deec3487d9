"""Object list of an association: what there is in a meter, and who may do what with it.

Class 15 in versions 0 to 3 (Blue Book 4.4.4).  The versions say access in three ways: version 0 by
an enum without authentication and a boolean for methods, versions 1 and 2 by an enum with it,
version 3 by eight bits.  Here all become `Access` bits.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.values import NullData, Value

ASSOCIATION_CLASS = 15
BITS_FROM_VERSION = 3


class Access(enum.IntFlag):
    """What is allowed, and what protection it asks for; the bits of class 15 version 3.

    For a method `READ` stands for invoking it.
    """

    NONE = 0
    READ = 0x01
    WRITE = 0x02
    AUTHENTICATED_REQUEST = 0x04
    ENCRYPTED_REQUEST = 0x08
    SIGNED_REQUEST = 0x10
    AUTHENTICATED_RESPONSE = 0x20
    ENCRYPTED_RESPONSE = 0x40
    SIGNED_RESPONSE = 0x80


_AUTHENTICATED = Access.AUTHENTICATED_REQUEST | Access.AUTHENTICATED_RESPONSE
_BOTH = Access.READ | Access.WRITE
# attribute access_mode of versions 0 (to 3) and 1, 2 (to 6)
_ATTRIBUTE_MODES = (
    Access.NONE,
    Access.READ,
    Access.WRITE,
    _BOTH,
    Access.READ | _AUTHENTICATED,
    Access.WRITE | _AUTHENTICATED,
    _BOTH | _AUTHENTICATED,
)
# method access_mode: a boolean in version 0, an enum in 1 and 2
_METHOD_MODES = (Access.NONE, Access.READ, Access.READ | _AUTHENTICATED)


@dataclass(frozen=True, slots=True)
class AttributeAccess:
    """One attribute's rights; `selectors` are those of selective access that it knows."""

    access: Access
    selectors: tuple[int, ...] = ()

    @property
    def readable(self) -> bool:
        return bool(self.access & Access.READ)

    @property
    def writable(self) -> bool:
        return bool(self.access & Access.WRITE)


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One object of the list."""

    class_id: int
    version: int
    instance: LogicalName
    attributes: dict[int, AttributeAccess] = field(default_factory=dict)
    methods: dict[int, Access] = field(default_factory=dict)

    def readable(self, attribute: int) -> bool:
        """Whether this association may read the attribute."""
        found = self.attributes.get(attribute)
        return found is not None and found.readable

    def writable(self, attribute: int) -> bool:
        """Whether this association may write the attribute."""
        found = self.attributes.get(attribute)
        return found is not None and found.writable

    def invocable(self, method: int) -> bool:
        """Whether this association may invoke the method."""
        return bool(self.methods.get(method, Access.NONE))

    def selects(self, attribute: int, selector: int) -> bool:
        """Whether the attribute says that it knows this selective access."""
        found = self.attributes.get(attribute)
        return found is not None and selector in found.selectors


@dataclass(frozen=True, slots=True)
class ObjectList:
    """The whole list, with the version of class 15 by which it was read."""

    version: int
    objects: tuple[ListedObject, ...]

    @classmethod
    def from_value(cls, value: Value, version: int | None = None) -> Self:
        """Attribute object_list of class 15.

        Without `version` the list itself tells it: the current association 0.0.40.0.0.255 stands
        in it, or any other of class 15.  Raises `shape.Misshapen`.
        """
        listed = [
            shape.members(element, "element of the object list", 4)
            for element in shape.elements(value, "object_list")
        ]
        heads = [_head(element) for element in listed]
        if version is None:
            versions = [head[1] for head in heads if head[0] == ASSOCIATION_CLASS]
            version = max(versions, default=0)
        found = []
        for (class_id, number, name), element in zip(heads, listed, strict=True):
            attributes, methods = _rights(element[3], version)
            found.append(ListedObject(class_id, number, name, attributes, methods))
        return cls(version, tuple(found))

    def __iter__(self) -> Iterator[ListedObject]:
        return iter(self.objects)

    def __len__(self) -> int:
        return len(self.objects)

    def of_class(self, *class_ids: int) -> tuple[ListedObject, ...]:
        """The objects of these classes, in the meter's order."""
        return tuple(listed for listed in self.objects if listed.class_id in class_ids)

    def find(self, name: LogicalName | str, class_id: int | None = None) -> ListedObject | None:
        """The object of this logical name, of this class where several share it."""
        wanted = LogicalName(name)
        for listed in self.objects:
            if listed.instance == wanted and class_id in (None, listed.class_id):
                return listed
        return None


def _head(element: tuple[Value, ...]) -> tuple[int, int, LogicalName]:
    class_id, version, name = element[:3]
    return (
        shape.integer(class_id, "class_id"),
        shape.integer(version, "version"),
        shape.name(name, "logical_name"),
    )


def _rights(value: Value, version: int) -> tuple[dict[int, AttributeAccess], dict[int, Access]]:
    """access_rights: attributes and methods.  Null-data, as some meters send, grants nothing."""
    if isinstance(value, NullData):
        return {}, {}
    attribute_items, method_items = shape.members(value, "access_rights", 2)[:2]
    attributes, methods = {}, {}
    for item in shape.elements(attribute_items, "attribute access"):
        number, mode, *selectors = shape.members(item, "attribute access item", 2)
        access = _attribute_access(shape.integer(mode, "access_mode"), version)
        attributes[shape.integer(number, "attribute_id")] = AttributeAccess(
            access, _selectors(selectors)
        )
    for item in shape.elements(method_items, "method access"):
        number, mode = shape.members(item, "method access item", 2)[:2]
        methods[shape.integer(number, "method_id")] = _method_access(
            int(shape.truth(mode, "access_mode")) if version == 0 else shape.integer(mode, "mode"),
            version,
        )
    return attributes, methods


def _selectors(found: list[Value]) -> tuple[int, ...]:
    if not found or isinstance(found[0], NullData):
        return ()
    return tuple(
        shape.integer(selector, "access_selector")
        for selector in shape.elements(found[0], "access_selectors")
    )


def _attribute_access(mode: int, version: int) -> Access:
    if version >= BITS_FROM_VERSION:
        return Access(mode & 0xFF)
    if not 0 <= mode < len(_ATTRIBUTE_MODES):
        raise shape.Misshapen(f"{mode} is no access mode of an attribute")
    return _ATTRIBUTE_MODES[mode]


def _method_access(mode: int, version: int) -> Access:
    if version >= BITS_FROM_VERSION:
        return Access(mode & 0xFF)
    if not 0 <= mode < len(_METHOD_MODES):
        raise shape.Misshapen(f"{mode} is no access mode of a method")
    return _METHOD_MODES[mode]
