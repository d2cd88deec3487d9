"""Several requests in one message: in order, all or none, each refused under its own number."""

from __future__ import annotations

import pytest

from headend.domain.order import Kind
from protocols.cim.codes import Result
from protocols.cim.envelope import Message
from tests.cim import orders_as_xml as a
from tests.soap.counter import CONNECT, DISCONNECT, counter, errors, etree_body, ids, told

HEAD = a.header("execute", "OperationSet")


def controls(*each: str) -> str:
    return f"<c:EndDeviceControls>{''.join(each)}</c:EndDeviceControls>"


def cut(meter: str, kind: str = DISCONNECT) -> str:
    return controls(a.control(kind, "", a.devices(meter)))


LIMIT = controls(a.control(addressed=a.devices("90000002")))


def operation(number: int, content: str, verb: str = "create", noun: str = "EndDeviceControls",
              more: str = "") -> str:  # fmt: skip
    said = f"<m:noun>{noun}</m:noun>" if noun else ""
    said += f"<m:verb>{verb}</m:verb>" if verb else ""
    return (
        f"<m:Operation><m:operationId>{number}</m:operationId>{said}{more}{content}</m:Operation>"
    )


def several(
    *operations: str, whole: bool = False, sequence: bool = False, head: str = HEAD
) -> bytes:
    flags = "<m:enforceMsgSequence>true</m:enforceMsgSequence>" if sequence else ""
    if whole:
        flags += "<m:enforceTransactionalIntegrity>true</m:enforceTransactionalIntegrity>"
    held = f"<m:OperationSet>{flags}{''.join(operations)}</m:OperationSet>"
    return a.generic(head=head, payload=f"<m:Payload>{held}</m:Payload>")


def numbered(message: Message) -> list[tuple[int | None, str]]:
    return [(e.operation, e.code) for e in errors(message) if not e.code.startswith("0.")]


async def test_all_are_taken_under_one_transaction() -> None:
    desk = await counter()
    answer = await desk.post(several(operation(7, cut("90000001")), operation(9, LIMIT)))
    assert told(answer) == (Result.OK, ["0.3"])
    orders = await desk.orders()
    assert [(o.meter, o.kind) for o in orders] == [
        ("90000001", Kind.DISCONNECT),
        ("90000002", Kind.SET_LIMIT),
    ]
    assert len({o.transaction_id for o in orders}) == 1
    assert desk.woken == ["C1", "C1"]


UNKNOWN = cut("99999999")
LATER = cut("90000001", CONNECT)
CASES = {
    # operations, all or none, in sequence: the result, errors by operation, orders made
    "each for itself": (
        (operation(1, UNKNOWN), operation(2, LIMIT)), False, False,
        Result.PARTIAL, [(1, "2.4")], 2,
    ),
    "all or none": (
        (operation(1, LIMIT), operation(2, UNKNOWN), operation(3, LATER)), True, False,
        Result.FAILED, [(2, "2.4"), (1, "5.9"), (3, "5.9")], 0,
    ),
    "all or none, refused before any is tried": (
        (operation(1, LIMIT), operation(2, LIMIT, verb="get")), True, False,
        Result.FAILED, [(2, "2.9"), (1, "5.9")], 0,
    ),
    "in sequence": (
        (operation(1, LIMIT), operation(2, UNKNOWN), operation(3, LATER)), False, True,
        Result.PARTIAL, [(2, "2.4"), (3, "5.2")], 2,
    ),
    "none could be done": (
        (operation(1, UNKNOWN), operation(2, UNKNOWN)), False, False,
        Result.FAILED, [(1, "2.4"), (2, "2.4")], 2,
    ),
    "a part of an object": (
        (operation(1, LIMIT, more="<m:elementOperation>true</m:elementOperation>"),), False, False,
        Result.FAILED, [(1, "1.8")], 0,
    ),
    "neither verb nor noun, nor in the header": (
        (operation(1, LIMIT, verb="", noun=""), operation(2, LIMIT)), False, False,
        Result.PARTIAL, [(1, "1.7")], 1,
    ),
    "content outside its schema": (
        (operation(1, "<c:EndDeviceControls><c:Coffee/></c:EndDeviceControls>"),), False, False,
        Result.FAILED, [(1, "1.8")], 0,
    ),
    "content of another namespace within": (
        (operation(1, controls(a.control(DISCONNECT, "", a.devices("90000001")
         + '<x:Other xmlns:x="urn:x"/>'))),), False, False,
        Result.FAILED, [(1, "1.8")], 0,
    ),
    "more orders than may wait": (
        tuple(operation(n, cut(f"9000000{n}")) for n in (1, 2)) + (operation(3, controls(
            a.control(DISCONNECT, "", a.devices("90000001", "90000002")))),), False, False,
        Result.PARTIAL, [(3, "3.2")], 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_what_cannot_be_done(
    case: tuple[tuple[str, ...], bool, bool, Result, list[tuple[int, str]], int],
) -> None:
    operations, whole, sequence, result, refused, made = case
    desk = await counter()
    answer = await desk.post(several(*operations, whole=whole, sequence=sequence))
    assert (told(answer)[0], numbered(answer)) == (result, refused)
    assert len(await desk.orders()) == made


async def test_the_header_says_what_operations_leave_out() -> None:
    desk = await counter()
    head = a.header("create", "EndDeviceControls")
    answer = await desk.post(several(operation(1, LIMIT, verb="", noun=""), head=head))
    assert told(answer) == (Result.OK, ["0.3"])


@pytest.mark.parametrize("payload", ["", LIMIT], ids=["nothing", "content beside it"])
async def test_no_set(payload: str) -> None:
    desk = await counter()
    held = several(*([operation(1, LIMIT)] if payload else []))
    octets = held.replace(b"</m:OperationSet>", b"</m:OperationSet>", 1)
    if payload:
        octets = held.replace(b"<m:OperationSet>", payload.encode() + b"<m:OperationSet>")
    answer = await desk.post(octets)
    assert told(answer)[0] is Result.FAILED
    assert set(told(answer)[1]) <= {"1.7", "1.8"}
    assert await desk.orders() == []


async def test_the_same_set_again_takes_effect_once() -> None:
    desk = await counter()
    octets = several(operation(1, cut("90000001")), operation(2, UNKNOWN))
    first, again = await desk.raw(octets), await desk.raw(octets)
    assert etree_body(first) == etree_body(again)
    assert len(await desk.orders()) == 2
    other = await desk.post(several(operation(1, LIMIT)))
    assert told(other) == (Result.FAILED, ["2.15"])


async def test_an_undone_set_may_come_again() -> None:
    desk = await counter()
    octets = several(operation(1, cut("90000001")), operation(2, UNKNOWN), whole=True)
    assert told(await desk.post(octets))[0] is Result.FAILED
    better = several(operation(1, cut("90000001")), operation(2, LIMIT), whole=True)
    assert told(await desk.post(better)) == (Result.OK, ["0.3"])
    other = several(operation(1, LATER), head=a.header("execute", "OperationSet", ids=ids("m-2")))
    assert told(await desk.post(other)) == (Result.OK, ["0.3"])
