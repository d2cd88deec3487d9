"""Objects that a template recorded of a real meter: the same list, with the values read then.

An object of the template that says `live` is the simulated meter's own, and its values move; every
other answers what was read of it, once and for all.  Objects of the simulated meter that the real
one does not have stay inside: parts of the meter ask them, clients do not see them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from devices.meter.clients import ALL, NOBODY, OPERATORS, READERS, Client
from devices.meter.cosem import Attribute, Context, CosemObject, Method, Read
from devices.meter.template import RecordedAttribute, RecordedObject
from protocols.dlms import axdr
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import SelectiveAccess
from protocols.dlms.values import Value

_CURRENT = LogicalName("0.0.40.0.0.255")


def replaced(
    own: Mapping[LogicalName, CosemObject],
    recorded: Iterable[RecordedObject],
    clients: Iterable[Client],
) -> Iterator[CosemObject]:
    """The simulated meter's objects as the template has them.

    What an association needs stays though the template lacks it: the association itself, and the
    counters of the clients that cipher.
    """
    needed = {_CURRENT}
    needed |= {
        LogicalName(f"0.0.43.1.{client.security_instance}.255")
        for client in clients
        if client.ciphers
    }
    told: dict[LogicalName, RecordedObject] = {}
    for each in recorded:
        told.setdefault(each.name, each)
    for name, each in told.items():
        live = own.get(name)
        keeps = each.live or name in needed
        yield live if live is not None and keeps else _static(each)
    for name, live in own.items():
        if name not in told:
            yield live if name in needed else replace(live, visible=NOBODY)


def _static(recorded: RecordedObject) -> CosemObject:
    everybody = recorded.class_id == 1 and recorded.name[2] in (42, 43)
    readers = ALL if everybody else READERS
    return CosemObject(
        recorded.class_id,
        recorded.version,
        recorded.name,
        {
            each.index: Attribute(
                _answering(each),
                readers if "r" in each.access else NOBODY,
                _refuse if "w" in each.access else None,
                OPERATORS if "w" in each.access else NOBODY,
                _part(each),
                each.selectors,
            )
            for each in recorded.attributes
            if each.index != 1
        },
        {number: Method(OPERATORS if may else NOBODY) for number, may in recorded.methods},
        visible=readers,
    )


def _answering(recorded: RecordedAttribute) -> Read:
    if recorded.octets is None:
        error = DataAccessResult(recorded.error)
        return lambda _: cast(Value, error)  # what a GET may answer in the place of a value
    value = axdr.decode(recorded.octets)
    return lambda _: value


def _part(recorded: RecordedAttribute) -> Any:
    if not recorded.selectors:
        return None
    whole = _answering(recorded)

    def part(context: Context, selection: SelectiveAccess) -> Value | DataAccessResult:
        return whole(context)

    return part


def _refuse(context: Context, value: Value) -> DataAccessResult:
    """A recorded value is what it was; a client that may write it is told so."""
    return DataAccessResult.TEMPORARY_FAILURE
