"""Both engines hold the same conversations with the same meters, and end the same way."""

from __future__ import annotations

import subprocess
import sys

import pytest

from protocols import wrapper
from protocols.concentrator.messages import Status
from protocols.dlms.codes import Conformance, DataAccessResult, ServiceError, StateError
from protocols.dlms.events import NEED_DATA, Associated, AssociationRefused, ProtocolViolation
from protocols.dlms.procedures import LIMITER, read_limit, read_supply
from protocols.dlms.script import CounterSource
from protocols.dlms.services import (
    ActionRequest,
    AssociationRequest,
    AttributeDescriptor,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    SetRequest,
    SetResponse,
)
from protocols.dlms.session import Phase, Session
from tests.dlms_engines import billing_cases, cases
from tests.dlms_engines.cases import check
from tests.dlms_engines.field import (
    CLIENT_TITLE,
    ENGINES,
    GMAC,
    KEYS,
    LOW,
    MANAGEMENT,
    NONE,
    OTHER_KEYS,
    WITHOUT_LISTS,
    Meter,
    client_settings,
    feed,
    run,
    session,
)
from tests.dlms_engines.objects import COUNTER, PROFILE, profile

CASES = cases.CASES | billing_cases.CASES
ALL_CASES = [
    pytest.param(engine, case, id=f"{engine}-{name}")
    for name, case in CASES.items()
    for engine in ENGINES
]


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


@pytest.mark.parametrize("engine, case", ALL_CASES)
def test_outcome(engine, case):
    meter = Meter.of(case.meter())
    done = run(session(engine, case.procedure()), meter)
    check(case, done.result, meter.objects)
    assert (done.phase, done.acted) == (Phase.RELEASING, case.outcome.acted)


@pytest.mark.parametrize("authentication", [NONE, LOW, GMAC], ids=lambda kind: kind.name)
@pytest.mark.parametrize("name", ["set limit", "connect in mode 4", "read limit"])
def test_each_kind_of_association(engine, authentication, name):
    case = CASES[name]
    meter = Meter.of(case.meter(), authentication)
    settings = client_settings(authentication)
    done = run(session(engine, case.procedure(), settings=settings), meter)
    check(case, done.result, meter.objects)


def test_the_list_saves_exchanges(engine):
    spent = {}
    for conformance in (client_settings().conformance, WITHOUT_LISTS):
        meter = Meter.of(CASES["set limit"].meter())
        settings = client_settings(conformance=conformance)
        done = run(session(engine, CASES["set limit"].procedure(), settings=settings), meter)
        check(CASES["set limit"], done.result, meter.objects)
        spent[conformance] = len(done.exchanges)
    # Two for the AARQ, two for the proof, two for the release; GET, GET, SET, GET with list.
    assert list(spent.values()) == [6 + 2 * 4, 6 + 2 * (4 + 2 + 1 + 3)]


def test_a_meter_that_promises_lists_and_refuses_them(engine):
    objects = CASES["set limit"].meter()
    answer = objects.answer

    def refusing(request):
        if isinstance(request, GetRequest) and len(request.attributes) > 1:
            return ExceptionResponse(StateError.SERVICE_UNKNOWN, ServiceError.SERVICE_NOT_SUPPORTED)
        return answer(request)

    objects.answer = refusing
    meter = Meter.of(objects)
    done = run(session(engine, CASES["set limit"].procedure()), meter)
    check(CASES["set limit"], done.result, objects)


def test_octet_by_octet(engine):
    meter = Meter.of(CASES["set limit"].meter())
    done = run(session(engine, CASES["set limit"].procedure()), meter, piece=1)
    check(CASES["set limit"], done.result, meter.objects)


def test_the_counter_is_read_first_with_the_public_client(engine):
    """The client of the meter remembers nothing; the meter has seen counters up to 77000."""
    meter = Meter.of(CASES["set limit"].meter(), peer_invocation_counter=77001)
    made = []

    def make(counter):
        made.append(ENGINES[engine](client_settings(invocation_counter=counter)))
        return made[0]

    public = CounterSource(ENGINES[engine](client_settings(NONE)), COUNTER)
    done = run(
        Session(make, CASES["set limit"].procedure(), client=MANAGEMENT, counter=public), meter
    )
    check(CASES["set limit"], done.result, meter.objects)
    assert made[0].invocation_counter > 77001
    assert done.engine is made[0]


def test_without_reading_it_the_old_counter_is_refused(engine):
    meter = Meter.of(CASES["set limit"].meter(), peer_invocation_counter=77001)
    done = run(session(engine, CASES["set limit"].procedure()), meter)
    assert (done.result.status, done.result.acted) == (Status.KEY_REJECTED, False)
    assert done.result.refusal.service == "associate"


def test_a_meter_without_a_counter_is_told_the_first(engine):
    meter = Meter.of(CASES["set limit"].meter(), peer_invocation_counter=1)
    meter.objects.refuse[1, COUNTER, 2] = DataAccessResult.OBJECT_UNDEFINED
    made = []

    def make(counter):
        made.append(counter)
        return ENGINES[engine](client_settings(invocation_counter=counter))

    public = CounterSource(ENGINES[engine](client_settings(NONE)), COUNTER)
    done = run(
        Session(make, CASES["set limit"].procedure(), client=MANAGEMENT, counter=public), meter
    )
    check(CASES["set limit"], done.result, meter.objects)
    assert made == [1]


def test_a_counter_that_the_public_client_may_not_read(engine):
    meter = Meter.of(CASES["set limit"].meter())
    meter.objects.refuse[1, COUNTER, 2] = DataAccessResult.READ_WRITE_DENIED
    public = CounterSource(ENGINES[engine](client_settings(NONE)), COUNTER)
    done = run(
        Session(
            lambda counter: pytest.fail("no counter, no engine"),
            CASES["set limit"].procedure(),
            client=MANAGEMENT,
            counter=public,
        ),
        meter,
    )
    assert (done.result.status, done.result.refusal.code) == (Status.REFUSED, 3)
    assert done.phase is Phase.COUNTER


@pytest.mark.parametrize("rows", [1, 40, 400])
def test_a_long_value_in_blocks(engine, rows):
    """400 rows of a profile do not fit one APDU of 300 octets, nor does one of 64."""
    objects = CASES["set limit"].meter()
    objects.values |= profile(rows)
    buffer = objects.values[7, PROFILE, 2]
    for size in (300, 64) if rows < 400 else (300,):
        meter = Meter.of(objects)
        client = ENGINES[engine](client_settings(max_pdu_size=size))
        answer = ask(client, meter, GetRequest.of(AttributeDescriptor(7, PROFILE, 2)))
        assert answer == GetResponse.of(buffer)
        (result,) = answer.results
        assert [type(value) for value in result[0]] == [type(value) for value in buffer[0]]


def test_a_list_in_blocks(engine):
    objects = CASES["set limit"].meter()
    objects.values |= profile(9)
    meter = Meter.of(objects)
    client = ENGINES[engine](client_settings(max_pdu_size=120))
    keys = [(7, PROFILE, 2), (71, LIMITER, 4), (71, LIMITER, 77)]
    answer = ask(client, meter, GetRequest(tuple(AttributeDescriptor(*key) for key in keys)))
    assert answer == GetResponse.of(
        objects.values[keys[0]], objects.values[keys[1]], DataAccessResult.OBJECT_UNDEFINED
    )


def test_a_long_value_is_written_in_blocks(engine):
    objects = CASES["set limit"].meter()
    objects.values |= profile(40)
    written = objects.values.pop((7, PROFILE, 2))
    meter = Meter.of(objects, max_pdu_size=200)
    client = ENGINES[engine](client_settings())
    answer = ask(client, meter, SetRequest.of(AttributeDescriptor(7, PROFILE, 2), written))
    assert answer == SetResponse.of(DataAccessResult.SUCCESS)
    assert objects.values[7, PROFILE, 2] == written


def ask(client, meter, request, now=0.0):
    """One request over an engine without a session; the event that answers it."""
    found = None
    for message in (AssociationRequest(), request):
        out = [client.send(message, now=now)]
        found = None
        while out and found is None:
            framed = b"".join(wrapper.encode(MANAGEMENT, 1, apdu) for apdu in out)
            for frame in wrapper.Decoder().feed(meter.receive(framed, now)):
                client.receive_data(frame.apdu, now=now)
            out = []
            while (apdu := client.data_to_send()) is not None:
                out.append(apdu)
            while (event := client.next_event()) is not NEED_DATA:
                assert not isinstance(event, (ProtocolViolation, AssociationRefused)), event
                found = event
        assert isinstance(found, Associated) or message is request
    return found


# --- the link and the keys ------------------------------------------------------------------------


def test_wrong_key(engine):
    meter = Meter.of(CASES["set limit"].meter())
    done = run(
        session(engine, CASES["set limit"].procedure(), settings=client_settings(keys=OTHER_KEYS)),
        meter,
    )
    assert (done.result.status, done.result.acted) == (Status.KEY_REJECTED, False)
    assert meter.objects.asked == []


def test_wrong_password(engine):
    meter = Meter.of(CASES["set limit"].meter(), LOW)
    settings = client_settings(LOW, password=b"wrong")
    done = run(session(engine, CASES["set limit"].procedure(), settings=settings), meter)
    assert done.result.status is Status.KEY_REJECTED
    assert done.result.refusal.name == "authentication-failure"


def test_association_not_offered(engine):
    meter = Meter.of(CASES["set limit"].meter(), LOW)
    settings = client_settings(NONE)
    done = run(session(engine, CASES["set limit"].procedure(), settings=settings), meter)
    assert done.result.status is Status.REFUSED
    assert done.result.refusal.service == "associate"


def flips(number, offset, bit=0):
    """A link that flips one bit in the so-many-th answer."""
    seen = []

    def carry(octets):
        seen.append(octets)
        if len(seen) != number:
            return octets
        changed = bytearray(octets)
        changed[8 + offset if offset >= 0 else offset] ^= 1 << bit
        return bytes(changed)

    return carry


# Answers: 1 AARE, 2 proof, 3 and 4 the limiter, 5 the SET, 6 the read-back, 7 the release.
@pytest.mark.parametrize("offset", [-1, -13, 10, 4, 2], ids=["tag", "text", "front", "IC", "SC"])
@pytest.mark.parametrize("answer", [3, 5, 6])
def test_one_flipped_bit_is_refused(engine, answer, offset):
    meter = Meter.of(CASES["set limit"].meter())
    done = run(session(engine, CASES["set limit"].procedure()), meter, up=flips(answer, offset))
    unknown = (Status.UNKNOWN, True)
    assert (done.result.status, done.result.acted) == (
        (Status.NO_ANSWER, False) if answer == 3 else unknown
    )
    assert "refused: " in done.result.detail
    assert done.result.limit is None


@pytest.mark.parametrize("answer", [1, 2])
def test_one_flipped_bit_in_the_association(engine, answer):
    meter = Meter.of(CASES["set limit"].meter())
    done = run(session(engine, CASES["set limit"].procedure()), meter, up=flips(answer, -1))
    assert (done.result.status, done.result.acted) == (Status.KEY_REJECTED, False)


def test_stock_gurux_would_have_taken_the_flipped_bit():
    """The reason for our own check: without it the changed value arrives as if it were true."""
    program = (
        "from gurux_dlms.GXDLMSChipperingStream import GXDLMSChipperingStream as Stream\n"
        "from gurux_dlms.enums import Security\n"
        "key, iv, aad = bytes(16), bytes(12), b'aad'\n"
        "seal = Stream(Security.AUTHENTICATION_ENCRYPTION, True, key, aad, iv, None)\n"
        "seal.write(b'1500'); text = seal.flushFinalBlock()\n"
        "text[0] ^= 8\n"
        "opened = Stream(Security.AUTHENTICATION_ENCRYPTION, True, key, aad, iv, seal.tag)\n"
        "opened.write(text); print(bytes(opened.flushFinalBlock()).decode())\n"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert shown.stdout.strip() == "9500", shown.stderr


def test_a_replayed_response_is_refused(engine):
    """The read-back is answered by the recorded answer to the first read."""
    seen = []

    def replays(octets):
        seen.append(octets)
        return seen[2] if len(seen) == 6 else octets

    meter = Meter.of(CASES["set limit"].meter())
    done = run(session(engine, CASES["set limit"].procedure()), meter, up=replays)
    assert done.result.status is Status.UNKNOWN
    assert "replayed" in done.result.detail


def test_a_doubled_response_does_no_harm(engine):
    meter = Meter.of(CASES["set limit"].meter())
    done = run(session(engine, CASES["set limit"].procedure()), meter, up=lambda octets: octets * 2)
    check(CASES["set limit"], done.result, meter.objects)


def test_an_answer_to_another_request_is_refused(engine):
    """Without ciphering nothing but the invoke id tells answers apart."""
    seen = []

    def replays(octets):
        seen.append(octets)
        return seen[1] if len(seen) == 3 else octets

    meter = Meter.of(CASES["set limit"].meter(), NONE)
    done = run(
        session(engine, CASES["set limit"].procedure(), settings=client_settings(NONE)),
        meter,
        up=replays,
    )
    assert done.result.status is Status.NO_ANSWER
    assert "wrong invoke id" in done.result.detail


def loses(number):
    seen = []

    def carry(octets):
        seen.append(octets)
        return b"" if len(seen) == number else octets

    return carry


# Which answer is lost, and what is known then.
LOST = {
    1: (Status.NO_ANSWER, False),
    2: (Status.NO_ANSWER, False),
    3: (Status.NO_ANSWER, False),
    4: (Status.NO_ANSWER, False),
    5: (Status.UNKNOWN, True),
    6: (Status.UNKNOWN, True),
    7: (Status.DONE, True),
}


@pytest.mark.parametrize("number", LOST)
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_lost_frame(engine, number, way):
    """From the SET on the effect is not known, wherever the frame got lost; the rest stands."""
    meter = Meter.of(CASES["set limit"].meter())
    done = run(session(engine, CASES["set limit"].procedure()), meter, **{way: loses(number)})
    assert (done.result.status, done.result.acted) == LOST[number]
    if LOST[number][0] is Status.UNKNOWN:
        assert done.result.before == CASES["set limit"].outcome.before


@pytest.mark.parametrize("number", LOST)
def test_the_link_is_lost(engine, number):
    meter = Meter.of(CASES["set limit"].meter())
    errand = session(engine, CASES["set limit"].procedure())
    out, now = errand.start(0.0), 0.0
    for _ in range(number - 1):
        out = feed(errand, meter.receive(out, now), now, 0)
    errand.lost(now)
    assert (errand.result.status, errand.result.acted) == LOST[number]
    assert errand.receive(b"late", now) is None
    assert errand.next_deadline() is None


def test_an_old_violation_does_not_explain_a_later_silence(engine):
    """A forged frame before the third answer; the fourth is lost."""
    seen = []

    def carry(octets):
        seen.append(octets)
        if len(seen) == 3:
            return wrapper.encode(1, MANAGEMENT, b"\xcc\x05forge") + octets
        return b"" if len(seen) == 4 else octets

    meter = Meter.of(CASES["set limit"].meter())
    done = run(session(engine, CASES["set limit"].procedure()), meter, up=carry)
    assert (done.result.status, done.result.detail) == (Status.NO_ANSWER, "no answer in time")


def test_not_the_wrapper(engine):
    meter = Meter.of(CASES["set limit"].meter())
    done = run(
        session(engine, CASES["set limit"].procedure()), meter, up=lambda octets: b"HTTP/1.1 400"
    )
    assert (done.result.status, done.result.acted) == (Status.NO_ANSWER, False)


def test_frames_for_another_client_are_left_alone(engine):
    meter = Meter.of(CASES["set limit"].meter())
    done = run(
        session(engine, CASES["set limit"].procedure()),
        meter,
        up=lambda octets: wrapper.encode(1, 99, b"\x0e\x01\x01\x01") + octets,
    )
    check(CASES["set limit"], done.result, meter.objects)


# --- permission to act ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "verdict, status",
    [(False, Status.STALE), (Status.STALE, Status.STALE), (Status.CANCELLED, Status.CANCELLED)],
)
@pytest.mark.parametrize("name", ["set limit", "remove limit", "connect in mode 4"])
def test_nothing_is_sent_without_permission(engine, name, verdict, status):
    asked = []

    def may_act(now):
        asked.append(now)
        return verdict

    meter = Meter.of(CASES[name].meter())
    done = run(session(engine, CASES[name].procedure(), may_act=may_act), meter)
    assert (done.result.status, done.result.acted) == (status, False)
    assert len(asked) == 1
    assert not any(isinstance(r, (SetRequest, ActionRequest)) for r in meter.objects.asked)
    assert done.exchanges[-1].direction == "up", "not even a release follows"


@pytest.mark.parametrize("procedure", [read_limit, read_supply])
def test_reading_asks_no_permission(engine, procedure):
    name = "read limit" if procedure is read_limit else "read supply"
    meter = Meter.of(CASES[name].meter())
    done = run(
        session(engine, procedure(), may_act=lambda now: pytest.fail("reading cannot act")), meter
    )
    assert done.result.status is Status.DONE


# --- the record -----------------------------------------------------------------------------------


def test_the_record_holds_plain_requests_and_no_secret(engine, capfd, caplog):
    meter = Meter.of(CASES["set limit"].meter())
    done = run(session(engine, CASES["set limit"].procedure()), meter)
    directions = [exchange.direction for exchange in done.exchanges]
    assert directions == ["down", "up"] * 7
    services = [exchange.plain and exchange.plain[0] for exchange in done.exchanges]
    # The association and the release are their own secret; between them GET, GET, SET, GET.
    assert services == [None] * 4 + [0xC0, 0xC4] * 2 + [0xC1, 0xC5, 0xC0, 0xC4] + [None] * 2
    for exchange in done.exchanges[4:-2]:
        assert exchange.wire != exchange.plain
    times = [exchange.at for exchange in done.exchanges]
    assert times == sorted(times)
    shown = capfd.readouterr()
    everything = repr(done.exchanges) + repr(vars(done)) + shown.out + shown.err + caplog.text
    for secret in (KEYS.encryption, KEYS.authentication):
        assert secret not in b"".join(exchange.plain or b"" for exchange in done.exchanges)
        assert secret.hex() not in everything.lower()
        assert repr(secret) not in everything
    assert shown.out == ""
    assert CLIENT_TITLE in done.exchanges[0].wire


def test_both_engines_say_the_same():
    """Same requests in the same order; only the encoding of the AARQ may differ."""
    plains = {}
    for engine in ENGINES:
        meter = Meter.of(CASES["set limit"].meter())
        done = run(session(engine, CASES["set limit"].procedure()), meter)
        plains[engine] = [exchange.plain for exchange in done.exchanges]
    assert plains["own"] == plains["gurux"]


def test_conformance_is_what_both_want(engine):
    meter = Meter.of(CASES["set limit"].meter(), conformance=WITHOUT_LISTS)
    done = run(session(engine, CASES["set limit"].procedure()), meter)
    check(CASES["set limit"], done.result, meter.objects)
    (associated,) = [event for event in meter.events if isinstance(event, Associated)]
    assert not associated.negotiated.conformance & Conformance.MULTIPLE_REFERENCES
