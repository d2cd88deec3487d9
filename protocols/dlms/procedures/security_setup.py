"""Security setup: class 64 (Blue Book, 4.4.7), version 0 and 1.

Change keys, agree on keys, raise the security policy.  A key is not changed when the method
succeeds but when an association by the new one comes about: see `protocols.dlms.key_change`.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

from protocols.concentrator.messages import Status
from protocols.dlms.codes import ActionResult
from protocols.dlms.key_wrap import TransferId, agreement_data, read_agreement, transfer_data
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures.steps import (
    Answer,
    Ended,
    Outcome,
    Procedure,
    Request,
    UnexpectedAnswer,
    act,
    procedure,
    refusal_of,
    refused_outcome,
)
from protocols.dlms.services import ActionRequest, ActionResponse, MethodDescriptor
from protocols.dlms.values import Array, Enum, OctetString, Structure

SECURITY_SETUP = LogicalName("0.0.43.0.0.255")
_CLASS = 64
_ACTIVATE, _TRANSFER, _AGREEMENT = 1, 2, 3


def done(code: ActionResult | Outcome) -> Outcome:
    """How a method without a returned value ended."""
    if isinstance(code, Outcome):
        return code
    if code is ActionResult.SUCCESS:
        return Outcome(Status.DONE)
    return Outcome(Status.REFUSED, refusal=refusal_of("action", code))


def transfer_keys(
    master: bytes, keys: Mapping[TransferId, bytes], setup: LogicalName = SECURITY_SETUP
) -> Procedure:
    """Bring keys to the meter, all in one message: it takes all of them or none."""
    parameter = transfer_data(master, keys)
    return done((yield from act(MethodDescriptor(_CLASS, setup, _TRANSFER), parameter)))


@procedure
def carry_transfer(
    wrapped: Mapping[int, bytes], setup: LogicalName
) -> Generator[Request, Answer, Outcome]:
    """The same of keys that somebody else has wrapped."""
    pairs = ((Enum(name), OctetString(octets)) for name, octets in wrapped.items())
    parameter = Array(Structure(pair) for pair in pairs)
    return done((yield from act(MethodDescriptor(_CLASS, setup, _TRANSFER), parameter)))


def activate_policy(policy: int, setup: LogicalName = SECURITY_SETUP) -> Procedure:
    """Have the meter require more protection; no meter takes less."""
    method = MethodDescriptor(_CLASS, setup, _ACTIVATE)
    return done((yield from act(method, Enum(policy))))


@procedure
def exchange_offers(
    offers: Mapping[TransferId, bytes], setup: LogicalName = SECURITY_SETUP
) -> Generator[Request, Answer, dict[TransferId, bytes]]:
    """key_agreement of version 1: our offers for the meter's, of which both derive the keys.

    An answer that is lost leaves the meter with keys that nobody else can derive: only where keys
    can be transferred afterwards is that repaired.
    """
    method = MethodDescriptor(_CLASS, setup, _AGREEMENT)
    answer = yield ActionRequest.of(method, agreement_data(offers))
    refused = refused_outcome("action", answer)
    if refused is not None:
        raise Ended(refused)
    assert isinstance(answer, ActionResponse)
    returned = answer.results[0].returned
    found = read_agreement(None if isinstance(returned, int) else returned)
    if found.keys() != offers.keys():
        raise UnexpectedAnswer("the meter agrees on other keys than those offered")
    return found


def prove_keys() -> Procedure:
    """Nothing but the association, by which both sides show that they have the keys."""
    yield from ()
    return Outcome(Status.DONE)
