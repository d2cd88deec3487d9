"""Clients that can receive little: no answer of a server is longer than they said.

12 octets are the least (Green Book 9.4.4.2: a smaller size is refused with pdu-size-too-short).
What fits is answered whole, what can be cut comes in blocks, and for the rest there is the
exception response PDU_TOO_LONG.  A method that was carried out is told so in any case.  The
messages of ACSE open and close the association; the size is agreed on in them, and does not bound
them.
"""

from __future__ import annotations

from typing import Any

import pytest

from protocols.dlms import apdu
from protocols.dlms.apdu import encode
from protocols.dlms.codes import (
    ActionResult,
    AuthenticationMechanism,
    Conformance,
    DataAccessResult,
    InitiateError,
    Security,
    ServiceError,
    StateError,
)
from protocols.dlms.events import Associated, AssociationRefused
from protocols.dlms.services import (
    ActionRequest,
    AttributeDescriptor,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    MethodReturn,
    SetRequest,
    SetResponse,
)
from protocols.dlms.set import DataBlock
from protocols.dlms.settings import CONFORMANCE, ClientSettings, ServerSettings
from protocols.dlms.state import State
from protocols.dlms.values import DoubleLongUnsigned, OctetString
from tests.dlms.pair import CLOCK, ENERGY, GMAC, SCRIPT, Pair, gmac_client, gmac_server

TOO_LONG = ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.PDU_TOO_LONG)
SIZES = (12, 16, 20, 32, 64)
WITHOUT_BLOCKS = CONFORMANCE & ~(
    Conformance.BLOCK_TRANSFER_WITH_GET
    | Conformance.BLOCK_TRANSFER_WITH_SET
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
)
BLOCKS = {
    "own blocks": CONFORMANCE,
    "general blocks": WITHOUT_BLOCKS | Conformance.GENERAL_BLOCK_TRANSFER,
    "no blocks": WITHOUT_BLOCKS,
}
VALUE = DoubleLongUnsigned(1517)
TEXT = OctetString(bytes(range(40)))
DONE = MethodReturn(ActionResult.SUCCESS, TEXT)
BARE = MethodReturn(ActionResult.SUCCESS, DataAccessResult.OTHER_REASON)
PLACES = tuple(AttributeDescriptor(1, CLOCK.instance, number) for number in range(1, 21))


def sides(size: int, kind: str, conformance: Conformance) -> tuple[ClientSettings, ServerSettings]:
    """Plain, ciphered by glo- APDUs with a password's proof, or with that of HLS."""
    agreed: dict[str, Any] = {"conformance": conformance}
    match kind:
        case "plain":
            return ClientSettings(max_pdu_size=size, **agreed), ServerSettings(**agreed)
        case "ciphered":
            none: dict[str, Any] = {"authentication": AuthenticationMechanism.NONE}
            return (
                gmac_client(max_pdu_size=size, challenge=b"", **none, **agreed),
                gmac_server(challenge=None, **none, **agreed),
            )
        case "proof in the clear":
            clear: dict[str, Any] = {"security": Security.NONE}
            return (
                gmac_client(max_pdu_size=size, **clear, **agreed),
                gmac_server(**clear, **agreed),
            )
    return gmac_client(max_pdu_size=size, **agreed), gmac_server(**agreed)


# kind: the least size with which it can be opened
LEAST = {"plain": 12, "ciphered": 31, "proof in the clear": 25, "proof, ciphered": 44}
ASKED: dict[str, tuple[Any, Any]] = {
    # name: (request, its answer where it can be told)
    "GET": (GetRequest.of(ENERGY), GetResponse.of(VALUE)),
    "GET of nothing": (
        GetRequest.of(PLACES[0]),
        GetResponse.of(DataAccessResult.OBJECT_UNDEFINED),
    ),
    "GET of what is long": (GetRequest.of(CLOCK), GetResponse.of(TEXT)),
    "GET with list": (GetRequest.of(ENERGY, CLOCK), GetResponse.of(VALUE, TEXT)),
    "SET": (SetRequest.of(ENERGY, VALUE), SetResponse.of(DataAccessResult.SUCCESS)),
    "SET of what is long": (SetRequest.of(CLOCK, TEXT), SetResponse.of(DataAccessResult.SUCCESS)),
    "SET with list": (
        SetRequest(PLACES, (VALUE,) * len(PLACES)),
        SetResponse((DataAccessResult.SUCCESS,) * len(PLACES)),
    ),
    "ACTION": (ActionRequest.of(SCRIPT, VALUE), None),
    "ACTION with list": (ActionRequest((SCRIPT,) * 9, (VALUE,) * 9), None),
}


def answers(pair: Pair) -> list[bytes]:
    """All that the server has said."""
    return [each.wire for each in pair.exchanged if not each.sent]


@pytest.mark.parametrize("blocks", BLOCKS)
@pytest.mark.parametrize("kind", LEAST)
@pytest.mark.parametrize("size", SIZES)
def test_no_answer_is_longer(size: int, kind: str, blocks: str) -> None:
    pair = Pair(*sides(size, kind, BLOCKS[blocks]))
    (opened,) = pair.associate()
    if size < LEAST[kind]:
        assert isinstance(opened, AssociationRefused)
        assert opened.initiate_error is InitiateError.PDU_SIZE_TOO_SHORT
        return
    assert isinstance(opened, Associated)
    for request, expected in ASKED.values():
        pair.objects.attributes = {ENERGY: VALUE, CLOCK: TEXT}
        pair.objects.called, pair.objects.returned = [], TEXT
        (told,) = pair.ask(request)
        if told == TOO_LONG:
            assert blocks != "own blocks" or isinstance(request, SetRequest), "it could be cut"
            assert PLACES[0] not in pair.objects.attributes and not pair.objects.called, "no effect"
            continue
        if expected is None:
            done = BARE if blocks == "no blocks" and told.results[0] != DONE else DONE
            assert told.results == (done,) * len(request.methods)
        else:
            assert told == expected
    over = [wire for wire in answers(pair) if len(wire) > size and wire[0] not in (0x61, 0x63)]
    assert over == []


@pytest.mark.parametrize("kind", LEAST)
def test_the_least_size_is_just_enough(kind: str) -> None:
    for size, opens in ((LEAST[kind], True), (LEAST[kind] - 1, False)):
        if size < 12:
            continue  # our client does not even ask so
        pair = Pair(*sides(size, kind, CONFORMANCE))
        assert isinstance(pair.associate()[0], Associated) is opens


def test_twelve_octets_carry_a_long_value_two_by_two() -> None:
    pair = Pair(*sides(12, "plain", CONFORMANCE))
    pair.objects.attributes = {CLOCK: TEXT}
    pair.associate()
    pair.exchanged.clear()
    assert pair.ask(GetRequest.of(CLOCK)) == [GetResponse.of(TEXT)]
    assert {len(wire) for wire in answers(pair)} == {12}
    assert len(answers(pair)) == len(TEXT) // 2 + 1


REFUSALS: dict[str, apdu.Apdu] = {
    "a service that was not agreed on": apdu.SetRequestNormal(0x41, ENERGY, VALUE),
    "a block of a GET that is none": apdu.GetRequestNext(0x41, 7),
    "a block of a SET that is none": apdu.SetRequestBlock(0x41, DataBlock(True, 7, b"\x00")),
    "a first block out of order": apdu.SetRequestFirstBlock(
        0x41, ENERGY, DataBlock(False, 7, b"\x06")
    ),
    "a block of an ACTION that is none": apdu.ActionRequestBlock(0x41, DataBlock(True, 7, b"\x00")),
    "an answer": apdu.SetResponseNormal(0x41, DataAccessResult.SUCCESS),
}


@pytest.mark.parametrize("kind", ["plain", "ciphered"])
@pytest.mark.parametrize("refused", REFUSALS.values(), ids=REFUSALS)
def test_refusals_fit_as_well(refused: apdu.Apdu, kind: str) -> None:
    size = LEAST[kind]
    pair = Pair(*sides(size, kind, CONFORMANCE))
    pair.associate()
    wire = pair.client._pack(refused)
    assert all(0 < len(reply) <= size for reply in pair.serve(wire))
    for octets in (wire[:-1], b"\xc0", encode(refused) + b"\x00"):
        assert all(0 < len(reply) <= size for reply in pair.serve(octets))


def test_gmac_s_answer_says_its_counter_in_seven_octets() -> None:
    pair = Pair(*sides(LEAST["ciphered"], "ciphered", CONFORMANCE))
    pair.associate()
    pair.objects.attributes = {ENERGY: VALUE}
    wire = pair.client.send(GetRequest.of(ENERGY), now=0.0)
    pair.serve(wire)
    (again,) = pair.serve(wire)
    assert len(again) == 7 and again[:3] == b"\xd8\x01\x06"
    assert pair.server.state is State.ASSOCIATED
    assert GMAC is gmac_server().authentication
