"""What meters in the field do beside the standard, and is taken from them."""

from __future__ import annotations

from protocols.dlms import apdu
from protocols.dlms.apdu import decode, encode
from protocols.dlms.codes import (
    ApduTag,
    DataAccessResult,
    ServiceError,
)
from protocols.dlms.connection import Protected
from protocols.dlms.events import (
    Associated,
    Released,
)
from protocols.dlms.services import (
    ActionRequest,
    AssociationRequest,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    ReleaseRequest,
)
from protocols.dlms.settings import ClientSettings, ServerSettings
from protocols.dlms.state import State
from tests.dlms.pair import (
    BOTH,
    CLOCK,
    ENERGY,
    SCRIPT,
    Pair,
    gmac_client,
    gmac_server,
    said,
    told,
)
from tests.dlms.refusing import (
    NOT_ALLOWED,
    VALUE,
    associated,
)


def test_release_answered_by_an_exception_is_a_release() -> None:
    pair = associated()
    exception = ExceptionResponse(NOT_ALLOWED, ServiceError.SERVICE_NOT_SUPPORTED)
    pair.up = lambda wire: [encode(exception)]
    assert pair.ask(ReleaseRequest()) == [Released(exception)]
    assert pair.client.state is State.IDLE


def test_server_that_answers_the_proof_with_the_dedicated_key() -> None:
    pair = Pair(gmac_client(dedicated_key=b"D" * 16), gmac_server())
    (aare,) = pair.serve(pair.client.send(AssociationRequest(), now=0))
    pair.client.receive_data(aare, now=0)
    (proof,) = said(pair.client)
    assert decode(proof).tag is ApduTag.GLO_ACTION_REQUEST
    pack = pair.server._pack
    pair.server._pack = lambda apdu: pack(apdu, Protected(BOTH, True))  # type: ignore[method-assign]
    (answer,) = pair.serve(proof)
    assert decode(answer).tag is ApduTag.DED_ACTION_RESPONSE
    pair.client.receive_data(answer, now=0)
    assert isinstance(list(told(pair.client))[0], Associated)


def test_one_error_may_answer_for_a_whole_list() -> None:
    pair = associated(ClientSettings(), ServerSettings())
    denied = DataAccessResult.READ_WRITE_DENIED
    pair.up = lambda wire: [encode(apdu.GetResponseNormal(0x41, denied))]
    assert pair.ask(GetRequest.of(ENERGY, CLOCK)) == [GetResponse.of(denied, denied)]


def test_returned_data_alone_in_the_blocks_of_an_action() -> None:
    pair = associated(ClientSettings(), ServerSettings())
    block = apdu.DataBlock(True, 1, bytes.fromhex("06000005ED"))
    pair.up = lambda wire: [encode(apdu.ActionResponseBlock(0x41, block))]
    (response,) = pair.ask(ActionRequest.of(SCRIPT))
    assert response.results[0].returned == VALUE


def test_exception_ends_an_association_under_way() -> None:
    pair = Pair(gmac_client(), gmac_server())
    exception = ExceptionResponse(NOT_ALLOWED, ServiceError.INVOCATION_COUNTER_ERROR, 4711)
    pair.up = lambda wire: [encode(exception)]
    assert pair.associate() == [exception]
    assert pair.client.state is State.IDLE
