"""A server that lies while associating gets no association, from either engine."""

from __future__ import annotations

import pytest

from protocols.concentrator.messages import Status
from protocols.dlms import apdu as apdus
from protocols.dlms.codes import (
    AcseUserDiagnostic,
    ActionResult,
    ApplicationContext,
    AssociationResult,
    DataAccessResult,
)
from protocols.dlms.events import NEED_DATA, Associated, AssociationRefused
from protocols.dlms.gurux import library
from protocols.dlms.procedures import read_limit
from protocols.dlms.security import Protection
from protocols.dlms.services import AssociationRequest, MethodReturn
from protocols.dlms.settings import CONFORMANCE
from protocols.dlms.values import OctetString, Unsigned
from tests.dlms_engines.cases import CASES
from tests.dlms_engines.field import (
    CLIENT_TITLE,
    ENGINES,
    GMAC,
    KEYS,
    METER_TITLE,
    PROTECTED,
    Meter,
    client_settings,
    run,
    session,
)

STOC = b"StoC-challenge-7"
BY_US = AssociationRefused(
    AssociationResult.REJECTED_PERMANENT, AcseUserDiagnostic.AUTHENTICATION_FAILURE, by_us=True
)


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


class Liar:
    """A server that knows the keys and says what it likes."""

    def __init__(self):
        self.protection = Protection(
            KEYS,
            system_title=METER_TITLE,
            peer_system_title=CLIENT_TITLE,
            invocation_counter=9000,
            peer_invocation_counter=0,
        )

    def aare(self, diagnostic, challenge):
        initiate = apdus.encode(apdus.InitiateResponse(CONFORMANCE, 1024))
        return apdus.encode(
            apdus.AARE(
                application_context=ApplicationContext.LOGICAL_NAME_CIPHERED,
                result=AssociationResult.ACCEPTED,
                diagnostic=diagnostic,
                user_information=self.protection.seal(initiate, PROTECTED),
                responding_ap_title=METER_TITLE,
                mechanism=None if challenge is None else GMAC,
                authentication_value=challenge,
                acse_requirements=None if challenge is None else b"\x07\x80",
            )
        )

    def answer(self, request, returned, result=ActionResult.SUCCESS):
        """To the client's proof, with the invoke id that it used."""
        asked = apdus.decode(self.protection.open(apdus.decode(request)))
        plain = apdus.ActionResponseNormal(
            asked.invoke_id_and_priority, MethodReturn(result, returned)
        )
        return self.protection.seal(apdus.encode(plain), PROTECTED)


def begin(engine, diagnostic=AcseUserDiagnostic.AUTHENTICATION_REQUIRED, challenge=STOC):
    """A client that has heard the liar's AARE; what it says next."""
    liar = Liar()
    client = ENGINES[engine](client_settings())
    client.send(AssociationRequest(), now=0.0)
    client.receive_data(liar.aare(diagnostic, challenge), now=0.0)
    return client, liar, client.data_to_send()


def test_the_honest_server_is_believed(engine):
    """The same steps with the right proof: what the other tests vary does associate."""
    client, liar, request = begin(engine)
    proof = liar.protection.prove(client_settings().challenge)
    client.receive_data(liar.answer(request, OctetString(proof)), now=0.0)
    event = client.next_event()
    assert isinstance(event, Associated)
    assert event.peer_system_title == METER_TITLE


@pytest.mark.parametrize("challenge", [STOC, None])
def test_no_authentication_in_place_of_the_one_asked_for(engine, challenge):
    client, _, request = begin(engine, AcseUserDiagnostic.NULL, challenge)
    assert (request, client.next_event()) == (None, BY_US)


@pytest.mark.parametrize(
    "challenge",
    [client_settings().challenge, b"short", b"x" * 65, None],
    ids=["ours", "short", "long", "none"],
)
def test_a_challenge_that_must_not_be_answered(engine, challenge):
    """Our own challenge back would have us compute the server's proof."""
    client, _, request = begin(engine, challenge=challenge)
    assert (request, client.next_event()) == (None, BY_US)


WRONG_PROOFS = {
    "of another challenge": lambda liar: OctetString(liar.protection.prove(STOC)),
    "of another title": lambda liar: OctetString(
        Protection(
            KEYS,
            system_title=CLIENT_TITLE,
            peer_system_title=METER_TITLE,
            invocation_counter=9100,
            peer_invocation_counter=0,
        ).prove(client_settings().challenge)
    ),
    "cut off": lambda liar: OctetString(liar.protection.prove(client_settings().challenge)[:-1]),
    "empty": lambda liar: OctetString(b""),
    "no octets": lambda liar: Unsigned(1),
    "an error": lambda liar: DataAccessResult.OTHER_REASON,
    "nothing": lambda liar: None,
}


@pytest.mark.parametrize("make", WRONG_PROOFS.values(), ids=WRONG_PROOFS)
def test_a_wrong_proof(engine, make):
    client, liar, request = begin(engine)
    client.receive_data(liar.answer(request, make(liar)), now=0.0)
    assert client.next_event() == BY_US
    assert client.next_event() is NEED_DATA


@pytest.mark.parametrize("make", WRONG_PROOFS.values(), ids=WRONG_PROOFS)
def test_our_own_check_of_the_proof_stands_alone(make, monkeypatch):
    monkeypatch.setattr(library.Library, "proved", lambda self, answer: None)
    client, liar, request = begin("gurux")
    client.receive_data(liar.answer(request, make(liar)), now=0.0)
    assert client.next_event() == BY_US


def test_the_server_that_does_not_believe_us(engine):
    client, liar, request = begin(engine)
    client.receive_data(liar.answer(request, None, ActionResult.READ_WRITE_DENIED), now=0.0)
    event = client.next_event()
    assert isinstance(event, AssociationRefused)
    assert (event.diagnostic, event.by_us) == (AcseUserDiagnostic.AUTHENTICATION_FAILURE, False)


def test_another_meter_with_the_same_keys(engine):
    """The registry knows the title of the meter that was meant; another one is not written to."""
    meter = Meter.of(CASES["set limit"].meter())
    settings = client_settings(peer_system_title=b"AMI\x00\x00\x00\x00\x02")
    done = run(session(engine, read_limit(), settings=settings), meter)
    assert (done.result.status, done.result.acted) == (Status.KEY_REJECTED, False)
    assert meter.objects.asked == []
    right = client_settings(peer_system_title=METER_TITLE, invocation_counter=201)
    assert run(session(engine, read_limit(), settings=right), meter).result.status is Status.DONE
