"""Invocation counters: reserved before use, caught up with by protocol, never lowered, never twice.

The meter of these tests has seen counters up to 77000 unless a test says otherwise.
"""

from __future__ import annotations

import pytest

from protocols import wrapper
from protocols.concentrator.messages import Status
from protocols.dlms.acse import AARE
from protocols.dlms.apdu import decode, encode
from protocols.dlms.codes import (
    AcseUserDiagnostic,
    ApduTag,
    ApplicationContext,
    AssociationResult,
    ServiceError,
    StateError,
)
from protocols.dlms.events import ClientEngine
from protocols.dlms.keys import COUNTER_MAX, CounterLease
from protocols.dlms.script import COUNTER_TAKEN_MAX, CounterSource
from protocols.dlms.security import CountersUsedUp
from protocols.dlms.services import AssociationRequest, ExceptionResponse
from protocols.dlms.session import Phase, Session
from protocols.dlms.values import DoubleLongUnsigned
from tests.dlms_engines.cases import CASES
from tests.dlms_engines.field import (
    ENGINES,
    MANAGEMENT,
    NONE,
    OTHER_KEYS,
    PUBLIC,
    Carry,
    Meter,
    client_settings,
    run,
)
from tests.dlms_engines.objects import COUNTER

SEEN = 77000
CASE = CASES["set limit"]


@pytest.fixture(params=ENGINES)
def engine(request) -> str:
    return request.param


class Errand:
    """A session that remembers a counter, and what became of it."""

    def __init__(self, engine: str, known: int | None, *, asks: bool = True, **changes) -> None:
        self.made: list[int] = []
        self.engines: list[ClientEngine] = []
        self.logins = {PUBLIC: 0, MANAGEMENT: 0}
        self.meter = Meter.of(CASE.meter(), peer_invocation_counter=SEEN + 1)
        source = CounterSource(ENGINES[engine](client_settings(NONE)), COUNTER) if asks else None

        def make(counter: int) -> ClientEngine:
            self.made.append(counter)
            settings = client_settings(invocation_counter=counter, **changes)
            self.engines.append(ENGINES[engine](settings))
            return self.engines[-1]

        self.session = Session(
            make, CASE.procedure(), client=MANAGEMENT, counter=source, known=known
        )

    def run(self, up: Carry = lambda octets: octets) -> Session:
        def count(octets: bytes) -> bytes:
            (frame,) = wrapper.Decoder().feed(octets)
            self.logins[frame.source] += frame.apdu[0] == ApduTag.AARQ
            return octets

        return run(self.session, self.meter, down=count, up=up)


def answering(replaced: object) -> Carry:
    """The first exception of the meter becomes another answer."""
    left = [True]

    def carry(octets: bytes) -> bytes:
        (frame,) = wrapper.Decoder().feed(octets)
        if frame.apdu[0] != ApduTag.EXCEPTION_RESPONSE or not left:
            return octets
        left.clear()
        return wrapper.encode(frame.source, frame.destination, encode(replaced))  # type: ignore[arg-type]

    return carry


REJECTED = AARE(
    ApplicationContext.LOGICAL_NAME_CIPHERED,
    AssociationResult.REJECTED_PERMANENT,
    AcseUserDiagnostic.AUTHENTICATION_FAILURE,
)
BARE = ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.DECIPHERING_ERROR)


def counted(number: int | None) -> ExceptionResponse:
    error = ServiceError.INVOCATION_COUNTER_ERROR
    return ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, error, number)


def test_the_refusal_names_the_counter(engine) -> None:
    errand = Errand(engine, 150)
    done = errand.run()
    assert done.result.status is Status.DONE
    assert done.resynchronised
    assert errand.logins == {PUBLIC: 0, MANAGEMENT: 2}  # two logins, and nobody else was asked
    assert errand.made[0] == 150 and errand.made[1] > SEEN


@pytest.mark.parametrize("due", [SEEN, SEEN + 1], ids=["the last seen", "the lowest accepted"])
def test_either_way_to_name_it(engine, due) -> None:
    assert Errand(engine, 150).run(answering(counted(due))).result.status is Status.DONE


@pytest.mark.parametrize("answer", [REJECTED, BARE], ids=["rejected", "exception"])
def test_a_refusal_that_names_none_has_the_public_client_ask(engine, answer) -> None:
    errand = Errand(engine, 150)
    assert errand.run(answering(answer)).result.status is Status.DONE
    assert errand.logins == {PUBLIC: 1, MANAGEMENT: 2}
    assert errand.made == [150, SEEN + 1]


def test_without_anybody_to_ask_the_refusal_stands(engine) -> None:
    done = Errand(engine, 150, asks=False).run(answering(REJECTED))
    assert (done.result.status, done.result.acted) == (Status.KEY_REJECTED, False)
    assert not done.resynchronised


def test_a_counter_that_the_meter_takes_asks_nobody(engine) -> None:
    errand = Errand(engine, SEEN + 5)
    assert errand.run().result.status is Status.DONE
    assert (errand.made, errand.logins[PUBLIC]) == ([SEEN + 5], 0)


def test_a_wrong_key_is_no_counter_behind(engine) -> None:
    """The meter has not come further, so the key is wrong; no second login is wasted on it."""
    errand = Errand(engine, SEEN + 5, keys=OTHER_KEYS)
    done = errand.run()
    assert (done.result.status, done.result.acted) == (Status.KEY_REJECTED, False)
    assert errand.logins == {PUBLIC: 1, MANAGEMENT: 1}
    assert errand.made == [SEEN + 5]


@pytest.mark.parametrize("due", [0, 100, 148])
def test_a_counter_is_never_lowered(engine, due) -> None:
    errand = Errand(engine, 150, asks=False)
    assert errand.run(answering(counted(due))).result.status is Status.KEY_REJECTED
    assert errand.made == [150]


def test_a_meter_whose_counter_object_is_behind_lowers_nothing(engine) -> None:
    errand = Errand(engine, 150)
    errand.meter.objects.values[1, COUNTER, 2] = DoubleLongUnsigned(7)
    done = errand.run(answering(REJECTED))
    assert done.result.status is Status.KEY_REJECTED
    assert errand.made == [150]


@pytest.mark.parametrize("due", [COUNTER_TAKEN_MAX, COUNTER_MAX])
def test_a_forged_counter_cannot_use_up_the_key(engine, due) -> None:
    errand = Errand(engine, 150)
    done = errand.run(answering(counted(due)))
    assert done.result.status is Status.KEY_REJECTED
    assert "nearly used up" in done.result.detail
    assert errand.made == [150]


def test_a_counter_read_at_the_start_is_bounded_likewise(engine) -> None:
    errand = Errand(engine, None)
    errand.meter.objects.values[1, COUNTER, 2] = DoubleLongUnsigned(COUNTER_TAKEN_MAX)
    assert errand.run().result.status is Status.KEY_REJECTED
    assert errand.made == []


def test_one_catching_up_and_no_more(engine) -> None:
    """A meter that refuses every counter is not asked for ever."""
    errand = Errand(engine, 150)

    def refuse(octets: bytes) -> bytes:
        (frame,) = wrapper.Decoder().feed(octets)
        wire = encode(counted(errand.made[-1] + 10))
        return wrapper.encode(frame.source, frame.destination, wire)

    done = errand.run(refuse)
    assert done.result.status is Status.KEY_REJECTED
    assert errand.logins == {PUBLIC: 0, MANAGEMENT: 2}
    assert done.phase is Phase.ASSOCIATING


# --- leases --------------------------------------------------------------------------------------


def sent_counters(session: Session) -> list[int]:
    counters = []
    for exchange in session.exchanges:
        if exchange.direction == "down":
            apdu = decode(exchange.wire)
            found = getattr(apdu, "invocation_counter", None)
            if found is None and getattr(apdu, "user_information", None):
                found = getattr(decode(apdu.user_information), "invocation_counter", None)
            if found is not None:
                counters.append(found)
    return counters


@pytest.mark.parametrize("count", range(2, 12))
def test_what_was_not_reserved_is_never_used(engine, count) -> None:
    """However short the lease is, no counter at its end or beyond leaves."""
    end = SEEN + 5 + count
    errand = Errand(engine, SEEN + 5, invocation_counter_end=end)
    done = errand.run()
    counters = sent_counters(done)
    assert counters == sorted(set(counters)) and max(counters, default=0) < end
    whole = done.result.status is Status.DONE and not done.result.detail
    if not whole:
        assert "reserved" in done.result.detail
        acted = done.acted
        assert done.result.status in (
            {Status.UNKNOWN} if acted else {Status.NO_ANSWER, Status.KEY_REJECTED}
        )


def test_more_are_reserved_before_they_are_needed(engine) -> None:
    reserved: list[int] = []
    meter = Meter.of(CASE.meter(), peer_invocation_counter=SEEN + 1)

    def renew(first: int) -> int:
        reserved.append(first + 3)
        return first + 3

    def make(counter: int) -> ClientEngine:
        settings = client_settings(invocation_counter=counter, invocation_counter_end=counter + 3)
        return ENGINES[engine](settings)

    session = Session(make, CASE.procedure(), client=MANAGEMENT, known=SEEN + 5, renew=renew)
    done = run(session, meter)
    assert done.result.status is Status.DONE and len(reserved) > 1
    assert max(sent_counters(done)) < reserved[-1]


def test_a_lease_that_is_used_up_says_so(engine) -> None:
    client = ENGINES[engine](client_settings(invocation_counter=7, invocation_counter_end=7))
    assert client.invocation_counters_left == 0
    with pytest.raises(CountersUsedUp):
        client.send(AssociationRequest(), now=0.0)


@pytest.mark.parametrize(("first", "end"), [(-1, 5), (6, 5), (0, COUNTER_MAX + 2)])
def test_what_is_no_lease(first: int, end: int) -> None:
    with pytest.raises(ValueError):
        CounterLease(first, end)
