"""Read and write a push setup, class 40 (Blue Book 4.4.8), and have the meter push now."""

from __future__ import annotations

from collections.abc import Callable, Generator

from protocols.concentrator.messages import Status
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.objects.push import (
    PUSH_SETUP_CLASS,
    Destination,
    PushSetup,
    read_push_objects,
    read_windows,
    write_push_objects,
    write_windows,
)
from protocols.dlms.procedures.steps import (
    Answer,
    Ended,
    Outcome,
    Request,
    act,
    get,
    get_each,
    procedure,
    put,
    refusal_of,
)
from protocols.dlms.services import AttributeDescriptor, GetResult, MethodDescriptor
from protocols.dlms.values import Integer, LongUnsigned, Unsigned, Value

PUSH_SETUP = LogicalName("0.0.25.9.0.255")


def _attribute(name: LogicalName, index: int) -> AttributeDescriptor:
    return AttributeDescriptor(PUSH_SETUP_CLASS, name, index)


@procedure
def read_push_setup(name: LogicalName = PUSH_SETUP) -> Generator[Request, Answer, PushSetup]:
    """What is pushed and where to must be there; the rest may be missing."""
    objects, destination = yield from get(_attribute(name, 2), _attribute(name, 3))
    others = yield from get_each(*(_attribute(name, index) for index in (4, 5, 6, 7)))
    windows, randomisation, retries, delay = others
    return PushSetup(
        read_push_objects(objects),
        Destination.from_value(destination),
        () if isinstance(windows, DataAccessResult) else read_windows(windows),
        _number(randomisation),
        _number(retries),
        _number(delay),
    )


def _number(result: GetResult) -> int | None:
    """The number; None for the structure that later versions have in its place."""
    if isinstance(result, DataAccessResult):
        return None
    try:
        return shape.integer(result, "attribute of the push setup")
    except shape.Misshapen:
        return None


@procedure
def write_push_setup(
    setup: PushSetup, name: LogicalName = PUSH_SETUP
) -> Generator[Request, Answer, PushSetup | Outcome]:
    """Write what differs from the meter's own, and give what it then reads back.

    Fields that are None stay as they are.  The destination goes last: nothing is pushed to a new
    address before what is pushed is right.
    """
    before = yield from read_push_setup(name)
    if isinstance(before, Outcome):
        return before
    changes = [
        (2, setup.objects != before.objects, write_push_objects(setup.objects)),
        (4, setup.windows != before.windows, write_windows(setup.windows)),
        *_changed(5, setup.randomisation_s, before.randomisation_s, LongUnsigned),
        *_changed(6, setup.retries, before.retries, Unsigned),
        *_changed(7, setup.repetition_delay_s, before.repetition_delay_s, LongUnsigned),
        (3, setup.destination != before.destination, setup.destination.to_value()),
    ]
    for index, differs, value in changes:
        if differs:
            yield from put(_attribute(name, index), value)
    return (yield from read_push_setup(name))


def _changed(
    index: int, new: int | None, old: int | None, kind: Callable[[int], Value]
) -> list[tuple[int, bool, Value]]:
    return [] if new is None else [(index, new != old, kind(new))]


@procedure
def push_now(name: LogicalName = PUSH_SETUP) -> Generator[Request, Answer, Outcome]:
    """Invoke the method push; what it sends arrives as a DataNotification, if at all."""
    code = yield from act(MethodDescriptor(PUSH_SETUP_CLASS, name, 1), Integer(0))
    if isinstance(code, Outcome):
        raise Ended(code)
    if code is not ActionResult.SUCCESS:
        raise Ended(Outcome(Status.REFUSED, True, refusal=refusal_of("action", code)))
    return Outcome(Status.DONE, True)
