"""What an object of the concentrator's own port is to those who build it.

The same shape as a meter's (`devices.meter.cosem`), over a concentrator: attributes are functions,
nothing is stored, and the object list is made from the table that answers, so they cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from devices.concentrator.device import Concentrator
from devices.concentrator.local_identity import LocalIdentity
from devices.meter import cosem
from devices.meter.clients import ALL, NOBODY, Client, Right
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import Negotiated, SelectiveAccess
from protocols.dlms.values import OctetString, Structure, Value

MANAGERS = Right.MANAGEMENT


@dataclass(frozen=True, slots=True)
class Asked:
    """In which association, and when, something is asked.  `now` is the world's time, POSIX s."""

    concentrator: Concentrator
    identity: LocalIdentity
    client: Client
    now: float
    negotiated: Negotiated
    client_system_title: bytes

    @property
    def time(self) -> datetime:
        """What the concentrator's own clock shows."""
        return self.concentrator.clock.read(self.now)


@dataclass(frozen=True, slots=True)
class Attribute:
    """How an attribute is read and written, and by whom."""

    read: Callable[[Asked], Value]
    readers: Right = MANAGERS
    write: Callable[[Asked, Value], DataAccessResult] | None = None
    read_part: Callable[[Asked, SelectiveAccess], Value | DataAccessResult] | None = None
    selectors: tuple[int, ...] = ()

    @property
    def writers(self) -> Right:
        """Only who manages it writes, where anybody may."""
        return NOBODY if self.write is None else MANAGERS

    def access_mode(self, right: Right) -> int:
        """0 no access, 1 read only, 2 write only, 3 read and write (Blue Book 4.4.4)."""
        return bool(right & self.readers) + 2 * bool(right & self.writers)


@dataclass(frozen=True, slots=True)
class LocalObject:
    """One instance of an interface class.  A method of None is there and is nobody's."""

    class_id: int
    version: int
    name: LogicalName
    attributes: Mapping[int, Attribute]
    methods: Mapping[int, Callable[[Asked, Value | None], ActionResult] | None] = field(
        default_factory=dict
    )
    visible: Right = MANAGERS

    def attribute(self, index: int) -> Attribute | None:
        """Attribute 1, the logical name, is readable by whoever sees the object."""
        if index == 1:
            return Attribute(lambda _: OctetString(self.name), self.visible)
        return self.attributes.get(index)

    def list_element(self, right: Right) -> Structure:
        """Its element of an object list, as this kind of client sees it."""
        listed = [(1, Attribute(lambda _: OctetString(self.name), self.visible))]
        listed += self.attributes.items()
        return cosem.list_element(
            self.class_id,
            self.version,
            self.name,
            ((index, each.access_mode(right), each.selectors) for index, each in listed),
            (
                (index, invoke is not None and bool(right & MANAGERS))
                for index, invoke in self.methods.items()
            ),
        )


def data(name: str, read: Callable[[Asked], Value], readers: Right = ALL) -> LocalObject:
    """Class 1: one value."""
    return LocalObject(
        cosem.DATA, 0, LogicalName(name), {2: Attribute(read, readers)}, visible=readers
    )
