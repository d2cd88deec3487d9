"""General block transfer: every service through small PDUs, over links that lose, double and lie.

Octets are written by hand from IEC 62056-5-3 clause 8.2 and Green Book 9.4.6.13; pushes in general
blocks of real meters are among the shared vectors (test_shared_vectors).
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from protocols.dlms.apdu import decode, encode
from protocols.dlms.codes import ActionResult, Conformance, DataAccessResult, ServiceError
from protocols.dlms.events import ProtocolViolation, Refused, Released, TimedOut, Violation
from protocols.dlms.general_block import (
    Exchange,
    GeneralBlock,
    Unconfirmed,
    data_size,
    unconfirmed,
)
from protocols.dlms.notification import DataNotification, EventNotification
from protocols.dlms.services import (
    AccessAction,
    AccessGet,
    AccessRequest,
    AccessResult,
    AccessService,
    AccessSet,
    ActionRequest,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    ReleaseRequest,
    SetRequest,
    SetResponse,
)
from protocols.dlms.settings import CONFORMANCE, ClientSettings, ServerSettings
from protocols.dlms.state import State
from protocols.dlms.values import NULL, DoubleLongUnsigned, LongUnsigned, OctetString
from protocols.errors import LocalProtocolError
from tests.dlms.pair import (
    CLOCK,
    COUNTER,
    ENERGY,
    SCRIPT,
    Pair,
    gmac_client,
    gmac_server,
    said,
    told,
)
from tests.dlms.test_conversations import ASSOCIATIONS, LONG, PARAMETERS, converse, make

OWN_BLOCKS = (
    Conformance.BLOCK_TRANSFER_WITH_GET
    | Conformance.BLOCK_TRANSFER_WITH_SET
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
)
NOTIFYING = CONFORMANCE | Conformance.DATA_NOTIFICATION
GENERAL = NOTIFYING | Conformance.GENERAL_BLOCK_TRANSFER | Conformance.ACCESS
SUCCESS = DataAccessResult.SUCCESS

BLOCKS = {
    "first of several": (
        "E0 41 0001 0000 02 C001",
        GeneralBlock(False, True, 1, 1, 0, b"\xc0\x01"),
    ),
    "last": ("E0 80 0003 0002 01 FF", GeneralBlock(True, False, 0, 3, 2, b"\xff")),
    "acknowledgement": ("E0 83 0002 0003 00", GeneralBlock(True, False, 3, 2, 3, b"")),
    "widest": (
        "E0 FF FFFF FFFF 81 80" + "00" * 128,
        GeneralBlock(True, True, 63, 0xFFFF, 0xFFFF, bytes(128)),
    ),
}


@pytest.mark.parametrize("octets, block", BLOCKS.values(), ids=BLOCKS)
def test_octets(octets: str, block: GeneralBlock) -> None:
    assert decode(bytes.fromhex(octets)) == block
    assert encode(block) == bytes.fromhex(octets)


@pytest.mark.parametrize("window, number, reached", [(64, 1, 0), (-1, 1, 0), (1, 1 << 16, 0)])
def test_blocks_that_do_not_fit(window: int, number: int, reached: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        GeneralBlock(True, False, window, number, reached, b"")


@given(st.integers(8, 0xFFFF))
def test_a_block_fills_the_pdu(pdu_size: int) -> None:
    size = data_size(pdu_size)
    assert len(GeneralBlock(True, False, 1, 1, 0, bytes(size)).encode()) <= pdu_size
    assert len(GeneralBlock(True, False, 1, 1, 0, bytes(size + 1)).encode()) > pdu_size or size in (
        0x7F,
        0x80,
        0xFF,
        0x100,
    )


def both(
    client: ClientSettings,
    server: ServerSettings,
    size: int = 80,
    windows: tuple[int, int] = (1, 1),
) -> Pair:
    """Both sides know general blocks, one no others, and small PDUs."""
    only = GENERAL & ~OWN_BLOCKS
    return make(
        replace(client, conformance=only, max_pdu_size=size, block_window=windows[0]),
        replace(server, conformance=GENERAL, max_pdu_size=size, block_window=windows[1]),
    )


@pytest.mark.parametrize(("client", "server"), ASSOCIATIONS.values(), ids=ASSOCIATIONS)
@pytest.mark.parametrize("windows", [(1, 1), (4, 3), (63, 63)], ids=str)
@pytest.mark.parametrize("size", [300, 120, 80])
def test_conversation(client, server, windows, size) -> None:
    pair = both(client, server, size, windows)
    converse(pair)
    for exchanged in pair.exchanged:
        if exchanged.plain is not None:
            assert len(exchanged.wire) <= size
    in_blocks = [exchanged for exchanged in pair.exchanged if exchanged.wire[0] == 0xE0]
    assert in_blocks, "what is long travelled in general blocks"
    assert {exchanged.wire[0] for exchanged in pair.exchanged} & {0xC4, 0xCC, 0xDB, 0xD4, 0xDC}


def test_a_wider_window_takes_fewer_acknowledgements() -> None:
    spent = {}
    for window in (1, 8):
        pair = both(ClientSettings(), ServerSettings(), 80, (window, 1))
        pair.associate()
        pair.objects.attributes = {CLOCK: LONG}
        pair.apdus = 0
        assert pair.ask(GetRequest.of(CLOCK)) == [GetResponse.of(LONG)]
        sent = [decode(found.wire) for found in pair.exchanged if found.sent]
        spent[window] = sum(isinstance(apdu, GeneralBlock) for apdu in sent)
    assert spent[8] <= spent[1] // 7 + 1


def test_the_record_holds_the_whole_apdu_with_the_last_block() -> None:
    pair = both(gmac_client(), gmac_server())
    pair.associate()
    pair.objects.attributes = {CLOCK: LONG}
    pair.ask(GetRequest.of(CLOCK))
    *_, last = [found for found in pair.exchanged if not found.sent]
    assert decode(last.wire).last_block and last.wire[0] == 0xE0
    assert decode(last.plain).result == LONG
    pair.ask(SetRequest.of(CLOCK, LONG))
    blocks = [found for found in pair.exchanged if found.sent and found.wire[0] == 0xE0]
    assert decode(blocks[-1].plain).value == LONG


ITEMS = (
    AccessGet(ENERGY),
    AccessSet(CLOCK, LONG),
    AccessGet(CLOCK),
    AccessGet(COUNTER),
    AccessAction(SCRIPT, PARAMETERS),
    AccessAction(SCRIPT),
)
ENDED = (
    AccessResult(AccessService.GET, SUCCESS, DoubleLongUnsigned(1517)),
    AccessResult(AccessService.SET, SUCCESS),
    AccessResult(AccessService.GET, SUCCESS, LONG),
    AccessResult(AccessService.GET, DataAccessResult.OBJECT_UNDEFINED),
    AccessResult(AccessService.ACTION, ActionResult.SUCCESS, LONG),
    AccessResult(AccessService.ACTION, ActionResult.SUCCESS, LONG),
)


@pytest.mark.parametrize(("client", "server"), ASSOCIATIONS.values(), ids=ASSOCIATIONS)
@pytest.mark.parametrize("size", [0, 80])
@pytest.mark.parametrize("self_descriptive", [False, True])
def test_access(client, server, size, self_descriptive) -> None:
    pair = both(client, server, size)
    pair.associate()
    pair.objects.attributes = {ENERGY: DoubleLongUnsigned(1517)}
    pair.objects.returned = LONG
    request = AccessRequest(ITEMS, self_descriptive=self_descriptive)
    (response,) = pair.ask(request)
    assert response.results == ENDED
    assert pair.server_events.pop() == request
    if self_descriptive:
        assert response.asked == (*ITEMS[:1], AccessSet(CLOCK, NULL), *ITEMS[2:4], *2 * ITEMS[5:])
    else:
        assert response.asked is None
    assert pair.objects.called == [(SCRIPT, PARAMETERS), (SCRIPT, None)]
    assert pair.client.state is pair.server.state is State.ASSOCIATED


def test_access_breaks_on_error() -> None:
    pair = both(ClientSettings(), ServerSettings(), 0)
    pair.associate()
    (response,) = pair.ask(AccessRequest(ITEMS, break_on_error=True))
    codes = [result.code for result in response.results]
    assert codes[0] is DataAccessResult.OBJECT_UNDEFINED
    assert set(codes[1:]) == {DataAccessResult.OTHER_REASON, ActionResult.OTHER_REASON}
    assert pair.objects.attributes == {} and pair.objects.called == []


def test_access_that_was_not_agreed_on() -> None:
    pair = Pair(ClientSettings(), ServerSettings())
    pair.associate()
    with pytest.raises(LocalProtocolError, match="ACCESS"):
        pair.client.send(AccessRequest.of(AccessGet(ENERGY)), now=0)


def test_a_list_too_long_for_one_pdu_travels_in_blocks() -> None:
    pair = both(ClientSettings(), ServerSettings(), 60)
    pair.associate()
    pair.objects.attributes = {ENERGY: LongUnsigned(7)}
    assert pair.ask(GetRequest((ENERGY,) * 20)) == [GetResponse((LongUnsigned(7),) * 20)]


# --- links that lose ------------------------------------------------------------------------------


def patient(pair: Pair, request: object) -> list[object]:
    """As Pair.ask, letting time pass until the client is told something."""
    events = pair.ask(request)
    now = 0.0
    while not events:
        due = pair.client.next_deadline()
        assert due is not None
        now = max(now, due)
        pair.client.handle_deadline(now=now)
        events = list(told(pair.client)) + pair.carry([], now=now)
    return events


def losing(pair: Pair, lost_down: set[int], lost_up: set[int]) -> None:
    """Lose the nth block of each direction, once.

    The first block of an answer to a request without blocks arrives: before it, silence may also
    mean that the request was lost, and only the caller knows whether it can be repeated.
    """
    down, up = itertools.count(), itertools.count()

    def lose_up(wire: bytes) -> list[bytes]:
        first = wire[0] == 0xE0 and decode(wire).number == 1 and decode(wire).data
        return [] if wire[0] == 0xE0 and next(up) in lost_up and not first else [wire]

    pair.down = lambda wire: [] if wire[0] == 0xE0 and next(down) in lost_down else [wire]
    pair.up = lose_up


@settings(max_examples=60, deadline=None)
@given(
    st.sets(st.integers(0, 40), max_size=6),
    st.sets(st.integers(0, 40), max_size=6),
    st.integers(1, 10),
    st.integers(1, 10),
    st.booleans(),
)
def test_lost_blocks_are_asked_again(lost_down, lost_up, window, other, ciphered) -> None:
    client, server = (
        (gmac_client(), gmac_server()) if ciphered else (ClientSettings(), ServerSettings())
    )
    client = replace(client, block_retries=20)
    pair = both(client, server, 100, (window, other))
    pair.associate()
    pair.objects.attributes, pair.objects.returned = {ENERGY: LongUnsigned(1)}, LONG
    losing(pair, lost_down, lost_up)
    assert patient(pair, SetRequest.of(CLOCK, LONG)) == [SetResponse.of(SUCCESS)]
    assert patient(pair, GetRequest.of(CLOCK)) == [GetResponse.of(LONG)]
    (acted,) = patient(pair, ActionRequest.of(SCRIPT, PARAMETERS))
    assert acted.results[0].returned == LONG
    assert pair.objects.called == [(SCRIPT, PARAMETERS)], "done once"
    assert pair.ask(ReleaseRequest()) == [Released()]


def test_a_gap_is_filled_without_sending_all_again() -> None:
    pair = both(ClientSettings(), ServerSettings(), 80, (8, 1))
    pair.associate()
    pair.objects.attributes = {CLOCK: LONG}
    seen: list[int] = []

    def up(wire: bytes) -> list[bytes]:
        block = decode(wire)
        if isinstance(block, GeneralBlock):
            seen.append(block.number)
            return [] if seen.count(block.number) == 1 and block.number in (3, 5) else [wire]
        return [wire]

    pair.up = up
    assert pair.ask(GetRequest.of(CLOCK)) == [GetResponse.of(LONG)]
    assert {number for number in seen if seen.count(number) > 1} == {3, 5}


def test_silence_ends_after_the_retries() -> None:
    pair = both(ClientSettings(block_retries=2, block_timeout_s=4), ServerSettings(), 80, (4, 1))
    pair.associate()
    pair.objects.attributes = {CLOCK: LONG}
    losing(pair, set(), set(range(1, 1000)))
    asked = len(pair.exchanged)
    assert patient(pair, GetRequest.of(CLOCK)) == [TimedOut(State.GETTING)]
    acknowledgements = [found.wire for found in pair.exchanged[asked:] if found.sent][1:]
    assert len(acknowledgements) == 1 + 2 and len(set(acknowledgements)) == 1
    pair.up = lambda wire: [wire]
    pair.objects.attributes = {CLOCK: LongUnsigned(1)}
    assert pair.ask(GetRequest.of(CLOCK)) == [GetResponse.of(LongUnsigned(1))]


def test_blocks_that_come_twice_count_once() -> None:
    pair = both(gmac_client(), gmac_server(), 80, (4, 4))
    pair.associate()
    pair.objects.attributes = {CLOCK: LONG}
    pair.up = lambda wire: (
        [wire, wire] if wire[0] == 0xE0 and not decode(wire).last_block else [wire]
    )
    assert pair.ask(GetRequest.of(CLOCK)) == [GetResponse.of(LONG)]


def test_a_notification_within_blocks_is_told_at_once() -> None:
    pair = both(ClientSettings(), ServerSettings(), 80)
    pair.associate()
    pair.objects.attributes = {CLOCK: LONG}
    event = EventNotification(None, ENERGY, LongUnsigned(1))
    pushed = DataNotification(1, b"", LONG)
    said_once: list[bytes] = []

    def up(wire: bytes) -> list[bytes]:
        if wire[0] != 0xE0 or said_once:
            return [wire]
        said_once.append(wire)
        more = [pair.server.send(pushed, now=0), *said(pair.server)]
        return [wire, pair.server.send(event, now=0), *more]

    pair.up = up
    assert pair.ask(GetRequest.of(CLOCK)) == [event, pushed, GetResponse.of(LONG)]


# --- peers that lie -------------------------------------------------------------------------------


def violations(events: list[object]) -> list[Violation]:
    return [event.violation for event in events if isinstance(event, ProtocolViolation)]


def test_client_refuses_impossible_acknowledgements_and_waits_on() -> None:
    pair = both(ClientSettings(), ServerSettings(), 80)
    pair.associate()
    pair.client.send(GetRequest.of(ENERGY), now=0)
    lie = GeneralBlock(False, False, 1, 1, 9, b"x")
    pair.client.receive_data(lie.encode(), now=0)
    assert violations(list(told(pair.client))) == [Violation.WRONG_BLOCK]
    assert pair.client.state is State.GETTING


def test_server_answers_impossible_acknowledgements() -> None:
    pair = both(ClientSettings(), ServerSettings(), 80)
    pair.associate()
    pair.objects.attributes = {CLOCK: LONG}
    (first,) = pair.serve(pair.client.send(GetRequest.of(CLOCK), now=0))
    assert decode(first).number == 1
    (answer,) = pair.serve(GeneralBlock(True, False, 1, 1, 7, b"").encode())
    assert decode(answer).service_error is ServiceError.OTHER_REASON
    assert violations(pair.server_events) == [Violation.WRONG_BLOCK]
    assert pair.server.state is State.ASSOCIATED


def test_blocks_that_nobody_asked_for() -> None:
    pair = both(ClientSettings(), ServerSettings(), 80)
    pair.associate()
    pair.client.receive_data(GeneralBlock(True, False, 1, 1, 0, b"x").encode(), now=0)
    assert violations(list(told(pair.client))) == [Violation.UNEXPECTED]


def test_blocks_that_were_not_agreed_on() -> None:
    pair = Pair(ClientSettings(), ServerSettings())
    pair.associate()
    (answer,) = pair.serve(GeneralBlock(True, False, 1, 1, 0, b"x").encode())
    refused = ServiceError.SERVICE_NOT_SUPPORTED
    assert isinstance(decode(answer), ExceptionResponse) and decode(answer).service_error is refused


def test_blocks_within_blocks() -> None:
    pair = both(ClientSettings(), ServerSettings(), 80)
    pair.associate()
    inner = GeneralBlock(True, False, 1, 1, 0, b"x").encode()
    pair.serve(GeneralBlock(True, False, 1, 1, 0, inner).encode())
    assert violations(pair.server_events) == [Violation.MALFORMED]


def test_a_block_may_not_smuggle_a_plain_request_into_a_ciphered_association() -> None:
    pair = both(gmac_client(), gmac_server())
    pair.associate()
    plain = bytes.fromhex("C001C1 0003 0100010800FF 02 00")
    pair.serve(GeneralBlock(True, False, 1, 1, 0, plain).encode())
    assert violations(pair.server_events) == [Violation.NOT_PROTECTED]
    assert GetRequest.of(ENERGY) not in pair.server_events


def test_a_new_request_in_blocks_replaces_one_left_half_done() -> None:
    pair = both(ClientSettings(), ServerSettings(), 80)
    pair.associate()
    pair.serve(GeneralBlock(False, True, 1, 1, 0, b"half of something").encode())
    assert pair.ask(SetRequest.of(CLOCK, LONG)) == [SetResponse.of(SUCCESS)]


def test_too_much_is_refused() -> None:
    pair = both(ClientSettings(), ServerSettings(transfer_size_max=100), 80)
    pair.associate()
    number = 0
    while not violations(pair.server_events):
        number += 1
        pair.serve(GeneralBlock(False, True, 1, number, 0, bytes(40)).encode())
    assert number == 3 and violations(pair.server_events) == [Violation.TOO_LONG]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.builds(
            GeneralBlock, st.booleans(), st.booleans(), st.integers(0, 63),
            st.integers(0, 6) | st.integers(0, 0xFFFF), st.integers(0, 6), st.binary(max_size=20),
        ),
        max_size=12,
    ),
    st.booleans(),
)  # fmt: skip
def test_any_blocks_leave_both_sides_standing(blocks, to_client: bool) -> None:
    """Only events come of them; and what is asked next is answered."""
    pair = both(ClientSettings(), ServerSettings(), 80, (4, 4))
    pair.associate()
    pair.objects.attributes = {CLOCK: LONG}
    if to_client:
        pair.client.send(GetRequest.of(CLOCK), now=0)
    for block in blocks:
        (pair.client if to_client else pair.server).receive_data(block.encode(), now=0)
    if to_client:
        list(said(pair.client)), list(told(pair.client))
        pair.client.disconnect()
        return
    list(said(pair.server)), list(told(pair.server))
    assert pair.ask(GetRequest.of(CLOCK)) == [GetResponse.of(LONG)]


@given(st.binary(min_size=1, max_size=500), st.integers(1, 40), st.integers(1, 63))
def test_exchange_carries_any_octets(raw: bytes, size: int, window: int) -> None:
    sender, taker = Exchange(True, 1, 1 << 16), Exchange(False, window, 1 << 16)
    blocks, whole = sender.send(raw, size), None
    while whole is None:
        answers: list[GeneralBlock] = []
        for block in blocks:
            more, whole = taker.take(block)
            answers += more
        blocks = [again for answer in answers for again in sender.take(answer)[0]]
    assert whole == raw and not sender.receiving


def test_more_blocks_than_can_be_numbered() -> None:
    with pytest.raises(LocalProtocolError, match="too many blocks"):
        Exchange(True, 1, 1 << 16).send(bytes(0x10000), 1)
    with pytest.raises(LocalProtocolError, match="too many blocks"):
        unconfirmed(bytes(0x10000), 1)


# --- pushes ---------------------------------------------------------------------------------------


@given(st.binary(min_size=1, max_size=300), st.integers(1, 40))
def test_unconfirmed_blocks_carry_any_octets(raw: bytes, size: int) -> None:
    taker = Unconfirmed(1 << 16)
    *parts, whole = map(taker.take, unconfirmed(raw, size))
    assert parts == [None] * len(parts) and whole == raw


def test_a_gap_in_a_push_loses_it_and_not_the_next() -> None:
    taker, blocks = Unconfirmed(1 << 16), unconfirmed(bytes(30), 10)
    taker.take(blocks[0])
    with pytest.raises(Refused, match="block 3 of a notification where 2 was due"):
        taker.take(blocks[2])
    assert [taker.take(block) for block in blocks] == [None, None, bytes(30)]
    with pytest.raises(Refused, match="more than 20"):
        list(map(Unconfirmed(20).take, blocks))


PUSH = DataNotification(7, b"", LONG)


@pytest.mark.parametrize("ciphered", [False, True])
def test_push_in_blocks_within_an_association(ciphered: bool) -> None:
    client, server = (
        (gmac_client(), gmac_server()) if ciphered else (ClientSettings(), ServerSettings())
    )
    pair = both(client, server, 80)
    pair.associate()
    first = pair.server.send(PUSH, now=0)
    blocks = [first, *said(pair.server)]
    assert max(map(len, blocks)) <= 80 and len(blocks) > 5
    for block in blocks:
        pair.client.receive_data(block, now=0)
    assert list(told(pair.client)) == [PUSH] and list(said(pair.client)) == []


def test_push_too_long_without_blocks() -> None:
    small: dict[str, Any] = {"max_pdu_size": 80, "conformance": NOTIFYING}
    pair = make(ClientSettings(**small), ServerSettings(**small))
    pair.associate()
    with pytest.raises(LocalProtocolError, match="longer than the client's 80 octets"):
        pair.server.send(PUSH, now=0)


@pytest.mark.parametrize("ciphered", [False, True])
def test_push_outside_an_association(ciphered: bool) -> None:
    """A listener is a client that never asks; what a meter pushes has its own protection."""
    client, server = (
        (gmac_client(), gmac_server()) if ciphered else (ClientSettings(), ServerSettings())
    )
    pair = Pair(client, server)
    for number in range(3):
        push = DataNotification(number, bytes(12), OctetString(bytes(number)))
        wire = pair.server.send(push, now=0)
        assert (wire[0] == 0xDB) is ciphered
        for block in unconfirmed(wire, 10):
            pair.client.receive_data(block.encode(), now=0)
        pair.client.receive_data(pair.server.send(push, now=0), now=0)
        assert list(told(pair.client)) == [push, push]


def test_own_blocks_are_used_where_general_ones_are_not_agreed_on() -> None:
    pair = make(replace(gmac_client(), max_pdu_size=80), replace(gmac_server(), max_pdu_size=80))
    assert pair.associate()[0].negotiated.conformance & OWN_BLOCKS == OWN_BLOCKS
    pair.objects.attributes = {CLOCK: LONG}
    assert pair.ask(GetRequest.of(CLOCK)) == [GetResponse.of(LONG)]
    assert not any(found.wire[0] == 0xE0 for found in pair.exchanged)


def test_where_both_kinds_are_agreed_on_the_request_says_which_one_answers() -> None:
    """A client that asks in general blocks understands them; of another nobody knows."""
    pair = make(
        replace(ClientSettings(), conformance=GENERAL, max_pdu_size=80),
        replace(ServerSettings(), conformance=GENERAL, max_pdu_size=80),
    )
    pair.associate()
    pair.objects.attributes = {CLOCK: LONG}
    for asked, kind in ((1, 0xC4), (12, 0xE0)):
        pair.exchanged.clear()
        request = GetRequest.of(*[CLOCK] * asked)
        assert pair.ask(request) == [GetResponse.of(*[LONG] * asked)]
        assert {found.wire[0] for found in pair.exchanged if not found.sent} == {kind}
