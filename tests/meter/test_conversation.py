"""Whole conversations between our client and the meter, in bytes: associations, access, faults."""

from __future__ import annotations

import tracemalloc
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.meter.device import Meter
from devices.meter.history import Deed
from devices.meter.identity import (
    CONCENTRATOR_CLIENT,
    MANAGEMENT_CLIENT,
    PUBLIC_CLIENT,
    READER_CLIENT,
    Identity,
)
from devices.meter.load import ConstantLoad, DailyLoad
from devices.meter.meter_type import MeterType
from devices.meter.server import INACTIVITY_TIMEOUT_S, Endpoint
from protocols import wrapper
from protocols.concentrator.messages import Status
from protocols.dlms import procedures
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import AcseUserDiagnostic, ActionResult, DataAccessResult
from protocols.dlms.events import Associated, AssociationRefused, ProtocolViolation, Released
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import Outcome, Procedure
from protocols.dlms.services import (
    ActionRequest,
    AttributeDescriptor,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    MethodDescriptor,
)
from protocols.dlms.session import Session
from protocols.dlms.values import Array, Boolean, DoubleLongUnsigned, Enum, Integer, OctetString
from tests.meter.conversation import NOW, Talk, client_settings

LIMITER, DISCONNECTOR = "0.0.17.0.0.255", "0.0.96.3.10.255"
ALL_CLIENTS = (PUBLIC_CLIENT, READER_CLIENT, MANAGEMENT_CLIENT, CONCENTRATOR_CLIENT)


@pytest.fixture
def meter() -> Meter:
    return Meter(Identity(7, 4), ConstantLoad.of(900, 600, 500, origin=NOW - 3600))


@pytest.mark.parametrize("sap", ALL_CLIENTS)
def test_associate_read_release(meter: Meter, sap: int):
    talk = Talk(meter, sap)
    assert isinstance(talk.associate(), Associated)
    assert talk.get(1, "0.0.42.0.0.255", 2) == OctetString(b"SIM0000000004")
    objects = talk.get(15, "0.0.40.0.0.255", 2)
    assert isinstance(objects, Array)
    assert isinstance(talk.release(), Released)


def test_keys_are_each_client_s_own(meter: Meter):
    pairs = [
        Identity(7, index).keys(sap)
        for index in range(20)
        for sap in (MANAGEMENT_CLIENT, CONCENTRATOR_CLIENT)
    ]
    assert len({key for pair in pairs for key in (pair.encryption, pair.authentication)}) == 80
    assert Identity(8, 4).keys(1) != Identity(7, 4).keys(1)
    assert repr(pairs[0]) == repr(pairs[1]), "no key shows"


@pytest.mark.parametrize("sap", [MANAGEMENT_CLIENT, CONCENTRATOR_CLIENT])
def test_nothing_readable_travels_under_hls(meter: Meter, sap: int):
    talk = Talk(meter, sap)
    talk.associate()
    before = len(talk.exchanged)
    assert talk.get(1, "0.0.42.0.0.255", 2) == OctetString(b"SIM0000000004")
    assert talk.set(71, LIMITER, 4, DoubleLongUnsigned(3500)) is DataAccessResult.SUCCESS
    assert talk.act(70, DISCONNECTOR, 1, Integer(0)) is ActionResult.SUCCESS
    tags = [frame[8] for frame in talk.exchanged[before:]]
    assert tags == [0xC8, 0xCC, 0xC9, 0xCD, 0xCB, 0xCF]
    assert not any(b"SIM0000000004" in frame for frame in talk.exchanged[before:])


@pytest.mark.parametrize("sap", [PUBLIC_CLIENT, READER_CLIENT])
def test_who_may_not_write_is_denied_and_nothing_happens(meter: Meter, sap: int):
    talk = Talk(meter, sap)
    talk.associate()
    denied = DataAccessResult.READ_WRITE_DENIED
    assert talk.set(71, LIMITER, 4, DoubleLongUnsigned(1)) is denied
    assert talk.act(70, DISCONNECTOR, 1, Integer(0)) is ActionResult.READ_WRITE_DENIED
    assert meter.history == ()


def test_a_wrong_password_is_refused(meter: Meter):
    other = Meter(Identity(8, 4), ConstantLoad.of(1))
    talk = Talk(meter, READER_CLIENT)
    talk.connection = ClientConnection(client_settings(other, meter.clients[READER_CLIENT]))
    event = talk.associate()
    assert isinstance(event, AssociationRefused)
    assert event.diagnostic is AcseUserDiagnostic.AUTHENTICATION_FAILURE


def test_a_request_without_association_gets_an_exception(meter: Meter):
    # GET of the clock, from the management client, in the clear.
    get = bytes.fromhex("C001C100080000010000FF0200")
    (answer,) = meter.receive(wrapper.encode(1, 1, get), now=NOW)
    assert answer[8] == 0xD8


def test_a_client_that_lost_its_release_comes_back_in(meter: Meter):
    first = Talk(meter, MANAGEMENT_CLIENT)
    first.associate()
    again = Talk(meter, MANAGEMENT_CLIENT, counter=first.connection.invocation_counter)
    assert isinstance(again.associate(), Associated)
    assert again.get(70, DISCONNECTOR, 2) == Boolean(True)


def test_several_clients_at_once(meter: Meter):
    talks = [Talk(meter, sap) for sap in ALL_CLIENTS]
    assert all(isinstance(talk.associate(), Associated) for talk in talks)
    for _ in range(3):
        for talk in talks:
            assert talk.get(1, "0.0.42.0.0.255", 2) == OctetString(b"SIM0000000004")


def over(meter: Meter, link: Endpoint, frame: bytes) -> list[bytes]:
    (found,) = wrapper.Decoder().feed(frame)
    ends = {"client": found.source, "server": found.destination}
    answers = meter.take(found.apdu, link, now=NOW, **ends)
    return [wrapper.encode(found.destination, found.source, answer) for answer in answers]


def test_two_links_with_one_ciphered_client_never_share_a_counter(meter: Meter):
    """Both would count from the same number under the same key: the newer one stays."""
    links = [meter.open_link(), meter.open_link()]
    talks = [
        Talk(
            meter,
            MANAGEMENT_CLIENT,
            receive=partial(over, meter, link),
            counter=counter,
        )
        for link, counter in zip(links, (1, 100), strict=True)
    ]
    old, new = talks
    assert isinstance(old.associate(), Associated)
    assert isinstance(new.associate(), Associated)
    assert new.get(70, DISCONNECTOR, 2) == Boolean(True)
    events = old.say(GetRequest.of(AttributeDescriptor(70, LogicalName(DISCONNECTOR), 2)))
    assert [type(event) for event in events] == [ExceptionResponse]
    assert new.get(70, DISCONNECTOR, 2) == Boolean(True)
    sent = [f for t in talks for f in t.exchanged if f[2:4] == b"\0\1" and f[8] in (0xCC, 0xCF)]
    counters = [frame[11:15] for frame in sent]  # behind tag, length and security control
    assert len(set(counters)) == len(counters)


def test_two_links_without_ciphering_do_not_disturb_each_other(meter: Meter):
    links = [meter.open_link(), meter.open_link()]
    talks = [Talk(meter, READER_CLIENT, receive=partial(over, meter, link)) for link in links]
    for talk in talks:
        assert isinstance(talk.associate(), Associated)
    for talk in (*talks, *talks):
        assert talk.get(70, DISCONNECTOR, 3) == Enum(1)


def test_an_association_ends_after_silence(meter: Meter):
    talk = Talk(meter, READER_CLIENT)
    talk.associate()
    assert meter.next_deadline() == NOW + INACTIVITY_TIMEOUT_S
    talk.now = NOW + INACTIVITY_TIMEOUT_S + 1
    (event,) = talk.say(GetRequest.of(AttributeDescriptor(70, LogicalName(DISCONNECTOR), 2)))
    assert isinstance(event, ExceptionResponse)
    assert meter.next_deadline() is None


# Block transfer.


@pytest.mark.parametrize("sap", [READER_CLIENT, MANAGEMENT_CLIENT])
@pytest.mark.parametrize("pdu_size", [128, 500, 8192, 0xFFFF])
def test_long_answers_come_in_blocks(meter: Meter, sap: int, pdu_size: int):
    talk = Talk(meter, sap, pdu_size=pdu_size)
    talk.associate()
    before = len(talk.exchanged)
    objects = talk.get(15, "0.0.40.0.0.255", 2)
    assert isinstance(objects, Array)
    assert len(objects) > 20
    room = 1024 if pdu_size == 0xFFFF else pdu_size  # no limit: as much as the meter can receive
    assert all(len(frame) - 8 <= room for frame in talk.exchanged)
    assert (len(talk.exchanged) - before > 2) is (room < 4096)


def test_the_whole_load_profile(meter: Meter):
    talk = Talk(meter, READER_CLIENT)
    talk.associate()
    rows = talk.get(7, "1.0.99.1.0.255", 2)
    assert isinstance(rows, Array)
    assert len(rows) == MeterType().profile_entries


# Invocation counters.


def test_the_public_client_reads_the_counter_and_one_more_is_accepted(meter: Meter):
    used = Talk(meter, MANAGEMENT_CLIENT, counter=500)
    used.associate()
    used.release()
    public = Talk(meter, PUBLIC_CLIENT)
    public.associate()
    shown = public.get(1, "0.0.43.1.0.255", 2)
    assert shown == DoubleLongUnsigned(used.connection.invocation_counter - 1)
    assert isinstance(shown, int)
    replayed = Talk(meter, MANAGEMENT_CLIENT, counter=int(shown))
    assert not any(isinstance(e, Associated) for e in replayed.try_to_associate())
    fresh = Talk(meter, MANAGEMENT_CLIENT, counter=int(shown) + 1)
    assert isinstance(fresh.associate(), Associated)
    assert public.get(1, "0.0.43.1.5.255", 2) == DoubleLongUnsigned(0)


def test_counters_outlive_a_restart_of_the_meter(meter: Meter):
    first = Talk(meter, MANAGEMENT_CLIENT, counter=10)
    first.associate()
    meter.restart()
    replayed = Talk(meter, MANAGEMENT_CLIENT, counter=10)
    assert not any(isinstance(e, Associated) for e in replayed.try_to_associate())
    lowest = first.connection.peer_invocation_counter
    fresh = Talk(
        meter, MANAGEMENT_CLIENT, counter=first.connection.invocation_counter, lowest=lowest
    )
    assert isinstance(fresh.associate(), Associated)
    assert fresh.connection.peer_invocation_counter > lowest


def test_a_replayed_command_has_no_effect(meter: Meter):
    talk = Talk(meter, MANAGEMENT_CLIENT)
    talk.associate()
    talk.act(70, DISCONNECTOR, 1, Integer(0))
    talk.act(70, DISCONNECTOR, 2, Integer(0))
    assert meter.output_on
    for frame in [f for f in talk.exchanged if f[8] in (0xC9, 0xCB)]:
        meter.receive(frame, now=NOW + 1)
    assert meter.output_on
    assert [e.deed for e in meter.history] == [Deed.RELAY_OPENED, Deed.RELAY_CLOSED]


@given(position=st.integers(8, 300), bit=st.integers(0, 7))
def test_a_changed_bit_never_acts(position: int, bit: int):
    meter = Meter(Identity(7, 4), ConstantLoad.of(900))
    talk = Talk(meter, MANAGEMENT_CLIENT)
    talk.associate()

    def disturbed(frame: bytes) -> list[bytes]:
        changed = bytearray(frame)
        changed[min(position, len(frame) - 1)] ^= 1 << bit
        return meter.receive(bytes(changed), now=NOW)

    talk._receive = disturbed
    disconnect = ActionRequest.of(MethodDescriptor(70, LogicalName(DISCONNECTOR), 1), Integer(0))
    talk.say(disconnect)
    assert meter.output_on
    assert meter.history == ()


# Faults.


def test_a_silent_meter_says_nothing_and_lives_on(meter: Meter):
    meter.faults.silent = True
    talk = Talk(meter, MANAGEMENT_CLIENT)
    assert talk.try_to_associate() == []
    meter.limiter.threshold_normal = 100
    meter.settle(NOW)
    meter.advance(NOW + 60)
    assert not meter.output_on


def test_wrong_keys_are_refused(meter: Meter):
    meter.faults.wrong_keys = True
    talk = Talk(meter, MANAGEMENT_CLIENT)
    events = talk.try_to_associate()
    assert any(isinstance(event, AssociationRefused) for event in events)
    meter.faults.wrong_keys = False
    again = Talk(meter, MANAGEMENT_CLIENT, counter=100)
    assert isinstance(again.associate(), Associated)


def test_a_rolled_back_counter_looks_like_a_replay_to_a_client_that_remembers(meter: Meter):
    first = Talk(meter, MANAGEMENT_CLIENT)
    first.associate()
    for _ in range(5):
        first.get(70, DISCONNECTOR, 2)
    first.release()
    meter.faults.counter_rolled_back = True
    second = Talk(
        meter,
        MANAGEMENT_CLIENT,
        counter=first.connection.invocation_counter,
        lowest=first.connection.peer_invocation_counter,
    )
    events = second.try_to_associate()
    assert not any(isinstance(event, Associated) for event in events)
    assert any(isinstance(e, ProtocolViolation | AssociationRefused) for e in events)


# Procedures of the concentrator, over a session.


def run(
    meter: Meter,
    procedure: Procedure,
    *,
    sap: int = CONCENTRATOR_CLIENT,
    counter: int = 1,
    now: float = NOW,
) -> Outcome:
    engine = ClientConnection(client_settings(meter, meter.clients[sap], counter=counter))
    session = Session(engine, procedure, client=sap)
    out = session.start(now)
    while not session.done:
        assert out
        frames = wrapper.Decoder().feed(out)
        answers = [a for f in frames for a in meter.receive(
            wrapper.encode(f.source, f.destination, f.apdu), now=now)]  # fmt: skip
        out = session.receive(b"".join(answers), now) if answers else session.lost(now) or b""
    assert isinstance(session.result, Outcome)
    return session.result


def test_a_limit_order(meter: Meter):
    outcome = run(meter, procedures.set_limit(Decimal("3.5"), "kW"))
    assert outcome.status is Status.DONE
    assert outcome.limit is not None
    assert (outcome.limit.threshold_normal, outcome.limit.unit) == ("3500", "W")
    assert [(e.deed, e.value) for e in meter.history] == [(Deed.LIMIT_WRITTEN, 3500)]


REFUSED = [r for r in DataAccessResult if r is not DataAccessResult.SUCCESS]


@pytest.mark.parametrize("refusal", REFUSED)
def test_a_limit_that_the_meter_refuses(meter: Meter, refusal: DataAccessResult):
    meter.faults.refused_sets[LogicalName(LIMITER), 4] = refusal
    outcome = run(meter, procedures.set_limit(Decimal(3500), "W"))
    assert outcome.status is Status.REFUSED
    assert outcome.refusal is not None
    assert (outcome.refusal.service, outcome.refusal.code) == ("set", refusal)
    assert meter.history == ()


def test_a_limit_that_the_meter_accepts_and_forgets(meter: Meter):
    meter.faults.ignored_sets.add((LogicalName(LIMITER), 4))
    outcome = run(meter, procedures.set_limit(Decimal(3500), "W"))
    assert outcome.status is Status.NOT_APPLIED


def test_disconnect_and_connect(meter: Meter):
    assert run(meter, procedures.disconnect()).status is Status.DONE
    assert not meter.output_on
    assert run(meter, procedures.connect(), counter=1000).status is Status.DONE
    assert meter.output_on
    assert [(e.deed, e.detail, e.cause) for e in meter.history] == [
        (Deed.RELAY_OPENED, "remote_disconnect b", "client 5"),
        (Deed.RELAY_CLOSED, "remote_reconnect a", "client 5"),
    ]


def test_a_stuck_relay_is_not_applied(meter: Meter):
    meter.faults.relay_stuck = True
    outcome = run(meter, procedures.disconnect())
    assert outcome.status is Status.NOT_APPLIED
    assert outcome.supply is not None
    assert (outcome.supply.output_on, outcome.supply.control_state) == (True, 0)
    assert meter.history[-1].deed is Deed.RELAY_STUCK


def test_the_reader_s_order_is_refused(meter: Meter):
    outcome = run(meter, procedures.set_limit(Decimal(3500), "W"), sap=READER_CLIENT)
    assert outcome.status is Status.REFUSED
    assert outcome.refusal is not None
    assert outcome.refusal.code == DataAccessResult.READ_WRITE_DENIED


# Frames that are none, and clients that are none.

NO_FRAMES = {
    "nothing": b"",
    "half a header": b"\0\1\0\1",
    "another version": b"\0\2\0\x10\0\1\0\1\xc0",
    "no APDU": b"\0\1\0\x10\0\1\0\0",
    "cut": b"\0\1\0\x10\0\1\0\5\xc0",
    "an unknown client": wrapper.encode(99, 1, bytes.fromhex("C001C100080000010000FF0200")),
    "another logical device": wrapper.encode(16, 2, bytes.fromhex("6000")),
}


@pytest.mark.parametrize("frame", NO_FRAMES.values(), ids=NO_FRAMES)
def test_what_is_no_frame_for_this_meter_gets_no_answer(meter: Meter, frame: bytes):
    assert meter.receive(frame, now=NOW) == []


def test_association_of_an_unknown_client_is_refused(meter: Meter):
    aarq = bytes.fromhex("601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0")
    (answer,) = meter.receive(wrapper.encode(99, 1, aarq), now=NOW)
    refused = bytes.fromhex("6117A109060760857405080101A203020101A305A103020101")
    assert answer == wrapper.encode(1, 99, refused)


def test_what_the_meter_can_is_agreed_on(meter: Meter):
    """General protection, general blocks, attribute 0, blocks, lists, ACCESS, GET, SET, ACTION."""
    aarq = bytes.fromhex("601DA109060760857405080101BE10040E01000000065F1F0400FFFFFF04B0")
    (answer,) = meter.receive(wrapper.encode(PUBLIC_CLIENT, 1, aarq), now=NOW)
    assert answer.endswith(bytes.fromhex("065F1F0400 603E5D 0400 0007"))


@given(apdu=st.binary(min_size=1, max_size=80), sap=st.sampled_from(ALL_CLIENTS))
def test_random_octets_change_nothing(apdu: bytes, sap: int):
    meter = Meter(Identity(7, 4), ConstantLoad.of(900))
    meter.receive(wrapper.encode(sap, 1, apdu), now=NOW)
    assert meter.history == ()
    assert meter.output_on


# Memory.


def test_an_untouched_meter_costs_little_memory():
    load = DailyLoad((5, 5, 5), (1, 1, 1))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        meters = [Meter(Identity(7, index), load) for index in range(1000)]
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / len(meters) < 600  # octets each


def test_a_get_with_list_and_one_denied(meter: Meter):
    talk = Talk(meter, READER_CLIENT)
    talk.associate()
    asked = (
        AttributeDescriptor(71, LogicalName(LIMITER), 4),
        AttributeDescriptor(15, LogicalName("0.0.40.0.0.255"), 7),
        AttributeDescriptor(3, LogicalName("1.0.1.7.0.255"), 2),
    )
    (response,) = talk.say(GetRequest(asked))
    assert response == GetResponse.of(
        DoubleLongUnsigned(0xFFFFFFFF),
        DataAccessResult.READ_WRITE_DENIED,
        DoubleLongUnsigned(2000),
    )
