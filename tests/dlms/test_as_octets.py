"""A value that is asked for as octets: the same as those that it decodes from, however it came."""

from __future__ import annotations

import pytest
from hypothesis import given

from protocols.dlms import axdr
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import AttributeDescriptor, GetRequest, GetResponse
from protocols.dlms.values import Array, DoubleLongUnsigned, EncodedValue, Structure, Value
from tests.dlms.pair import Pair, gmac_client, gmac_server
from tests.dlms.strategies import value as any_value

HERE = AttributeDescriptor(7, LogicalName("1.0.99.1.0.255"), 2)
NOWHERE = AttributeDescriptor(7, LogicalName("1.0.99.2.0.255"), 2)
BUFFER = Array(Structure((DoubleLongUnsigned(n), DoubleLongUnsigned(n * n))) for n in range(96))


def got(value: Value, request: GetRequest, *, pdu: int = 0xFFFF) -> GetResponse:
    pair = Pair(gmac_client(max_pdu_size=pdu), gmac_server())
    pair.objects.attributes[HERE] = value
    pair.associate()
    (response,) = pair.ask(request)
    assert isinstance(response, GetResponse)
    return response


@pytest.mark.parametrize("pdu", [128, 500, 0xFFFF])
def test_a_buffer_comes_as_its_octets_in_blocks_or_whole(pdu: int) -> None:
    (plain,) = got(BUFFER, GetRequest((HERE,)), pdu=pdu).results
    assert plain == BUFFER
    (octets,) = got(BUFFER, GetRequest((HERE,), as_octets=True), pdu=pdu).results
    assert octets == EncodedValue(axdr.encode(BUFFER))
    assert octets.TAG == BUFFER.TAG


@pytest.mark.parametrize("pdu", [128, 0xFFFF])
def test_a_refusal_stays_one(pdu: int) -> None:
    response = got(BUFFER, GetRequest((NOWHERE,), as_octets=True), pdu=pdu)
    assert response.results == (DataAccessResult.OBJECT_UNDEFINED,)


@given(any_value)
def test_octets_in_place_of_a_value_travel_like_it(value: Value) -> None:
    encoded = EncodedValue(axdr.encode(value))
    assert axdr.encode(encoded) == encoded.octets
    assert axdr.encode(Structure((value, encoded))) == axdr.encode(Structure((value, value)))
