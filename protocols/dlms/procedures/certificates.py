"""Certificates of a security setup: class 64, methods 4 to 8 (Blue Book 4.4.7, Green Book 9.2.6.6).

A meter gets a new key pair in four steps: it makes the pair, it asks for a certificate, an
authority issues one, and with the certificate in the meter the pair is in use.
"""

from __future__ import annotations

from protocols.dlms.certificates import Identification, Usage, identification_data
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures.security_setup import SECURITY_SETUP, done
from protocols.dlms.procedures.steps import (
    Ended,
    Finding,
    Procedure,
    UnexpectedAnswer,
    act,
    procedure,
    refused_outcome,
)
from protocols.dlms.services import ActionRequest, ActionResponse, MethodDescriptor
from protocols.dlms.values import Enum, OctetString, Value

_CLASS = 64
_GENERATE, _REQUEST, _IMPORT, _EXPORT, _REMOVE = 4, 5, 6, 7, 8


def generate_key_pair(usage: Usage, setup: LogicalName = SECURITY_SETUP) -> Procedure:
    """Have the meter make a key pair; the one in use stays until there is a certificate."""
    return done((yield from act(MethodDescriptor(_CLASS, setup, _GENERATE), Enum(usage))))


def request_certificate(usage: Usage, setup: LogicalName = SECURITY_SETUP) -> Finding[bytes]:
    """The meter's signing request for its newest key pair, PKCS#10 DER."""
    return _octets(MethodDescriptor(_CLASS, setup, _REQUEST), Enum(usage))


def import_certificate(certificate: bytes, setup: LogicalName = SECURITY_SETUP) -> Procedure:
    """Bring a certificate, DER, to the meter, which verifies it."""
    method = MethodDescriptor(_CLASS, setup, _IMPORT)
    return done((yield from act(method, OctetString(certificate))))


def export_certificate(
    which: Identification, setup: LogicalName = SECURITY_SETUP
) -> Finding[bytes]:
    """A certificate that the meter has, DER."""
    return _octets(MethodDescriptor(_CLASS, setup, _EXPORT), identification_data(which))


def remove_certificate(which: Identification, setup: LogicalName = SECURITY_SETUP) -> Procedure:
    """Have the meter forget a certificate."""
    method = MethodDescriptor(_CLASS, setup, _REMOVE)
    return done((yield from act(method, identification_data(which))))


@procedure
def _octets(method: MethodDescriptor, parameter: Value) -> Finding[bytes]:
    answer = yield ActionRequest.of(method, parameter)
    if (refused := refused_outcome("action", answer)) is not None:
        raise Ended(refused)
    assert isinstance(answer, ActionResponse)
    returned = answer.results[0].returned
    if not isinstance(returned, OctetString):
        raise UnexpectedAnswer("the meter returns no octets")
    return bytes(returned)
