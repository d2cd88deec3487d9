"""What stands between gurux-dlms and the wire."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from protocols.dlms import apdu as apdus
from protocols.dlms.codes import (
    ActionResult,
    AuthenticationMechanism,
    Conformance,
    DataAccessResult,
    Security,
)
from protocols.dlms.events import NEED_DATA, Associated, ProtocolViolation, Violation
from protocols.dlms.general import KeyKind
from protocols.dlms.get import GetResponseNormal
from protocols.dlms.gurux import GuruxConnection, library
from protocols.dlms.gurux.verifying_stream import VerifyingStream, WrongTag
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.server import ServerConnection
from protocols.dlms.services import (
    ActionRequest,
    ActionResponse,
    AssociationRequest,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
    MethodDescriptor,
    ReleaseRequest,
    SelectiveAccess,
    SetRequest,
    SetResponse,
)
from protocols.dlms.settings import CONFORMANCE
from protocols.dlms.suite import SecuritySuite
from protocols.dlms.values import (
    Array,
    BitString,
    Boolean,
    CompactArray,
    DoubleLong,
    DoubleLongUnsigned,
    Enum,
    Float32,
    Float64,
    Integer,
    Long,
    Long64,
    Long64Unsigned,
    LongUnsigned,
    NullData,
    OctetString,
    Structure,
    TypeDescription,
    Unsigned,
    Utf8String,
    VisibleString,
)
from protocols.errors import LocalProtocolError
from tests.dlms_engines.field import (
    GMAC,
    NONE,
    client_settings,
    server_settings,
)

REGISTER = AttributeDescriptor(3, LogicalName("1.0.1.8.0.255"), 2)
METHOD = MethodDescriptor(70, LogicalName("0.0.96.3.10.255"), 1)


ROOT = Path(__file__).parents[2]


def python(program):
    """Run in an interpreter that has loaded nothing yet."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )


def associated(authentication=NONE, **changes):
    """A client on gurux-dlms and our server, associated with each other."""
    server = ServerConnection(server_settings(authentication, **changes.pop("server", {})))
    client = GuruxConnection(client_settings(authentication, **changes))
    exchange(client, server, client.send(AssociationRequest(), now=0.0))
    assert isinstance(client.next_event(), Associated)
    while server.next_event() is not NEED_DATA:
        pass
    return client, server


def exchange(client, server, wire):
    """Carry APDUs to and fro until nobody has anything to say."""
    while wire is not None:
        server.receive_data(wire, now=0.0)
        while (back := server.data_to_send()) is not None:
            client.receive_data(back, now=0.0)
        wire = client.data_to_send()


def ask(client, server, request, response):
    """What the client makes of the server's answer."""
    exchange(client, server, client.send(request, now=0.0))
    asked = server.next_event()
    client.receive_data(server.send(response, now=0.0), now=0.0)
    exchange(client, server, client.data_to_send())
    return asked, client.next_event()


INTEGERS = [Integer, Long, DoubleLong, Long64, Unsigned, LongUnsigned, DoubleLongUnsigned]
INTEGERS += [Long64Unsigned, Enum]
SIMPLE = st.one_of(
    *(st.builds(kind, st.integers(kind.MIN, kind.MAX)) for kind in INTEGERS),
    st.builds(Boolean, st.booleans()),
    st.builds(OctetString, st.binary(max_size=40)),
    st.builds(VisibleString, st.text(st.characters(min_codepoint=32, max_codepoint=126))),
    st.builds(BitString.of, st.text("01", min_size=1, max_size=20)),
    st.builds(Float32, st.floats(width=32, allow_nan=False)),
    st.builds(Float64, st.floats(allow_nan=False)),
)
VALUES = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.builds(Structure, st.lists(inner, min_size=1, max_size=4)),
        st.builds(Array, st.lists(inner, min_size=1, max_size=4)),
    ),
    max_leaves=12,
)


@settings(max_examples=150)
@given(VALUES)
def test_both_read_every_value_alike(value):
    client, server = associated()
    asked, answer = ask(client, server, GetRequest.of(REGISTER), GetResponse.of(value))
    assert (asked, answer) == (GetRequest.of(REGISTER), GetResponse.of(value))
    assert type(answer.results[0]) is type(value)


@settings(max_examples=150)
@given(VALUES)
def test_both_write_every_value_alike(value):
    client, server = associated()
    request = SetRequest.of(REGISTER, value)
    success = SetResponse.of(DataAccessResult.SUCCESS)
    asked, answer = ask(client, server, request, success)
    assert (asked, answer) == (request, success)
    assert type(asked.values[0]) is type(value)


UNUSUAL = {
    "null-data": NullData(),
    "empty structure": Structure(()),
    "empty array": Array(()),
    "null inside": Structure((NullData(), Unsigned(1))),
    "empty array inside": Structure((Array(()), Unsigned(1))),
    "Latin-1": VisibleString("peñasco"),
    "UTF-8": Utf8String("peñasco"),
    "no text": VisibleString(""),
    "not a number": Float32("nan"),
    "no octets": OctetString(b""),
}


@pytest.mark.parametrize("value", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_values(value):
    client, server = associated()
    _, answer = ask(client, server, GetRequest.of(REGISTER), GetResponse.of(value))
    assert isinstance(answer, GetResponse), answer
    assert repr(answer) == repr(GetResponse.of(value))


REQUESTS = {
    "attribute": GetRequest.of(REGISTER),
    "by range": GetRequest.of(
        replace(REGISTER, selection=SelectiveAccess(1, Structure((Unsigned(1), Long(-2)))))
    ),
    "list": GetRequest.of(REGISTER, replace(REGISTER, attribute=3)),
    "list beyond its own ten": GetRequest(tuple(replace(REGISTER, attribute=i) for i in range(25))),
    "value": SetRequest.of(REGISTER, Long(-7)),
    "values": SetRequest((REGISTER, REGISTER), (Long(-7), Structure((Enum(200),)))),
    "method": ActionRequest.of(METHOD, Integer(0)),
    "method without parameters": ActionRequest.of(METHOD),
    "method with a structure": ActionRequest.of(METHOD, Structure((Long(-7), Enum(255)))),
}


@pytest.mark.parametrize("authentication", [NONE, GMAC], ids=lambda kind: kind.name)
@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_requests_arrive_as_they_were_meant(request_, authentication):
    client, server = associated(authentication)
    exchange(client, server, client.send(request_, now=0.0))
    assert server.next_event() == request_


ACTION_RETURNS = {
    "nothing": ActionResponse.of(ActionResult.SUCCESS),
    "a value": ActionResponse.of(ActionResult.SUCCESS, OctetString(b"xyz")),
    "an error in place of a value": ActionResponse.of(
        ActionResult.SUCCESS, DataAccessResult.OTHER_REASON
    ),
    "a refusal": ActionResponse.of(ActionResult.READ_WRITE_DENIED),
}


@pytest.mark.parametrize("response", ACTION_RETURNS.values(), ids=ACTION_RETURNS)
def test_what_a_method_returns(response):
    client, server = associated()
    _, answer = ask(client, server, ActionRequest.of(METHOD, Integer(0)), response)
    assert answer == response


def test_several_writes_report_each_result():
    client, server = associated()
    request = SetRequest((REGISTER, REGISTER), (Long(1), Long(2)))
    response = SetResponse.of(DataAccessResult.SUCCESS, DataAccessResult.TYPE_UNMATCHED)
    assert ask(client, server, request, response) == (request, response)


def test_a_reading_that_gurux_does_not_share_is_refused(monkeypatch):
    client, server = associated()
    monkeypatch.setattr(library.Library, "value", property(lambda self: 1518))
    wire = client.send(GetRequest.of(REGISTER), now=0.0)
    exchange(client, server, wire)
    client.receive_data(server.send(GetResponse.of(Long(1517)), now=0.0), now=0.0)
    event = client.next_event()
    assert isinstance(event, ProtocolViolation)
    assert "another value" in str(event.error)


def test_an_error_that_gurux_reads_differently_is_refused(monkeypatch):
    client, server = associated()
    monkeypatch.setattr(library.Library, "error", property(lambda self: 4))
    exchange(client, server, client.send(GetRequest.of(REGISTER), now=0.0))
    denied = GetResponse.of(DataAccessResult.READ_WRITE_DENIED)
    client.receive_data(server.send(denied, now=0.0), now=0.0)
    assert isinstance(client.next_event(), ProtocolViolation)


def test_less_protection_than_asked_for_never_leaves():
    client, _ = associated(GMAC)
    cipher = client._library._client.ciphering
    for weaker in (0x00, 0x10):
        cipher.security = library.load().enums.Security(weaker)
        with pytest.raises(LocalProtocolError, match="less protection"):
            client._opened(client._library.get([REGISTER], 3))


def test_a_block_that_was_not_the_last_one_sent_is_refused():
    client, server = associated(server={"max_pdu_size": 64})
    first = client.send(SetRequest.of(REGISTER, OctetString(range(150))), now=0.0)
    assert isinstance(apdus.decode(first), apdus.SetRequestFirstBlock)
    for wrong in (0, 2):
        client.receive_data(apdus.encode(apdus.SetResponseBlock(0x41, wrong)), now=0.0)
        assert client.next_event().violation is Violation.WRONG_BLOCK
        assert client.data_to_send() is None
    exchange(client, server, first)
    assert server.next_event() == SetRequest.of(REGISTER, OctetString(range(150)))


@pytest.mark.parametrize(
    "wire, violation",
    [
        (b"", Violation.MALFORMED),
        (b"\xff\xff", Violation.MALFORMED),
        (apdus.encode(GetResponseNormal(0x41, Long(1))) + b"\x00", Violation.MALFORMED),
        (apdus.encode(GetResponseNormal(0x4F, Long(1))), Violation.WRONG_INVOKE_ID),
        (apdus.encode(apdus.SetResponseNormal(0x41, DataAccessResult(0))), Violation.UNEXPECTED),
        (apdus.encode(apdus.RLRE()), Violation.UNEXPECTED),
    ],
)
def test_wrong_answers_are_violations_and_the_right_one_still_counts(wire, violation):
    client, server = associated()
    request = client.send(GetRequest.of(REGISTER), now=0.0)
    client.receive_data(wire, now=0.0)
    assert client.next_event().violation is violation
    exchange(client, server, request)
    client.receive_data(server.send(GetResponse.of(Long(1517)), now=0.0), now=0.0)
    assert client.next_event() == GetResponse.of(Long(1517))


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_random_octets_are_violations_and_nothing_else(wire):
    client, _ = associated(GMAC)
    client.send(GetRequest.of(REGISTER), now=0.0)
    client.receive_data(wire, now=0.0)
    event = client.next_event()
    # An exception-response comes in the clear by the standard; anything else is refused.
    assert isinstance(event, ProtocolViolation) or wire[:1] == b"\xd8"


def test_a_plain_answer_in_a_ciphered_association_is_refused():
    client, _ = associated(GMAC)
    client.send(GetRequest.of(REGISTER), now=0.0)
    client.receive_data(apdus.encode(GetResponseNormal(0x42, Long(1))), now=0.0)
    assert client.next_event().violation is Violation.NOT_PROTECTED


def test_what_is_not_allowed_is_refused_before_anything_is_written():
    client, _ = associated(GMAC, conformance=CONFORMANCE & ~Conformance.SET)
    before = client.invocation_counter
    with pytest.raises(LocalProtocolError, match="not agreed on"):
        client.send(SetRequest.of(REGISTER, Long(1)), now=0.0)
    client.send(GetRequest.of(REGISTER), now=0.0)
    with pytest.raises(LocalProtocolError, match="not allowed"):
        client.send(GetRequest.of(REGISTER), now=0.0)
    assert client.invocation_counter == before + 1
    fresh = GuruxConnection(client_settings(NONE))
    with pytest.raises(LocalProtocolError, match="not allowed"):
        fresh.send(GetRequest.of(REGISTER), now=0.0)


@pytest.mark.parametrize(
    "value",
    [CompactArray(TypeDescription(Unsigned.TAG), b"\x01")],
)
def test_what_gurux_cannot_write(value):
    client, _ = associated()
    with pytest.raises(LocalProtocolError, match="cannot write"):
        client.send(SetRequest.of(REGISTER, value), now=0.0)


def test_the_last_invocation_counters_are_not_used_twice():
    client = GuruxConnection(client_settings(GMAC, invocation_counter=0xFFFFFFFF))
    with pytest.raises(LocalProtocolError, match="used up"):
        client.send(AssociationRequest(), now=0.0)


def test_counters_grow_by_what_was_sent():
    """AARQ, proof and its ciphering, GET, release: each counter once."""
    client, server = associated(GMAC)
    assert client.invocation_counter == 101 + 3
    ask(client, server, GetRequest.of(REGISTER), GetResponse.of(Long(1)))
    assert client.invocation_counter == 101 + 4
    exchange(client, server, client.send(ReleaseRequest(), now=0.0))
    assert client.invocation_counter > 101 + 4
    assert client.peer_invocation_counter == server.invocation_counter


def test_deadlines():
    client = GuruxConnection(client_settings(GMAC, response_timeout_s=5.0))
    assert client.next_deadline() is None
    client.send(AssociationRequest(), now=100.0)
    assert client.next_deadline() == 105.0
    client.handle_deadline(now=104.9)
    assert client.next_event() is NEED_DATA
    client.handle_deadline(now=105.0)
    assert type(client.next_event()).__name__ == "TimedOut"
    assert client.next_deadline() is None


# --- the replaced AES -----------------------------------------------------------------------------


@given(
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=12, max_size=12),
    st.binary(max_size=40),
    st.binary(max_size=60),
    st.integers(0, 10**6),
)
def test_the_stream_opens_what_it_sealed_and_nothing_else(key, nonce, associated_, text, where):
    seal = VerifyingStream(0x30, True, key, associated_, nonce, None)
    seal.write(text)
    ciphered = bytes(seal.flushFinalBlock())
    assert len(seal.tag) == 12

    def opened(octets, tag):
        stream = VerifyingStream(0x30, True, key, associated_, nonce, tag)
        stream.write(octets)
        return bytes(stream.flushFinalBlock())

    assert opened(ciphered, seal.tag) == text
    whole = bytearray(ciphered + seal.tag)
    bit = where % (8 * len(whole))
    whole[bit // 8] ^= 1 << bit % 8
    with pytest.raises(WrongTag):
        opened(bytes(whole[:-12]), bytes(whole[-12:]))


def test_the_stream_seals_as_stock_gurux_does():
    program = (
        "from gurux_dlms.GXDLMSChipperingStream import GXDLMSChipperingStream as Stream\n"
        "from gurux_dlms.enums import Security\n"
        "for size in (0, 1, 15, 16, 17, 40):\n"
        "    s = Stream(Security.AUTHENTICATION_ENCRYPTION, True, bytes(range(16)), b'a' * 17,\n"
        "               bytes(range(12)), None)\n"
        "    s.write(bytes(size)); print(bytes(s.flushFinalBlock() + s.tag).hex())\n"
    )
    stock = python(program).stdout.split()
    for size, expected in zip((0, 1, 15, 16, 17, 40), stock, strict=True):
        ours = VerifyingStream(0x30, True, bytes(range(16)), b"a" * 17, bytes(range(12)), None)
        ours.write(bytes(size))
        assert bytes(ours.flushFinalBlock() + ours.tag).hex() == expected


@pytest.mark.parametrize("wrong", [{"nonce": None}, {"security": 0x20}])
def test_the_stream_refuses_what_no_association_uses(wrong):
    given_ = {"security": 0x30, "nonce": bytes(12)} | wrong
    with pytest.raises(NotImplementedError):
        VerifyingStream(given_["security"], True, bytes(16), b"", given_["nonce"], None)


# --- the extra ------------------------------------------------------------------------------------


def test_importing_the_package_does_not_import_gurux():
    program = "import sys, protocols.dlms.gurux; print('gurux_dlms' in sys.modules)"
    shown = python(program)
    assert shown.stdout.strip() == "False", shown.stderr


def test_without_gurux_the_engine_says_how_to_get_it():
    program = (
        "import sys; sys.modules['gurux_dlms'] = None\n"
        "from protocols.dlms.gurux import EngineMissing, GuruxConnection\n"
        "from protocols.dlms.settings import ClientSettings\n"
        "try: GuruxConnection(ClientSettings())\n"
        "except EngineMissing as error: print(error)\n"
    )
    shown = python(program)
    assert shown.stdout.strip() == "gurux-dlms is missing; install ami-headend[gurux]", shown.stderr


UNTRUSTED = {
    "suite 1": {"suite": SecuritySuite.ECDH_ECDSA_AES_GCM_128_SHA_256},
    "encryption alone": {"security": Security.ENCRYPTED},
    "HLS 6": {"authentication": AuthenticationMechanism.HIGH_SHA256, "password": b"secret"},
    "keys made for the message": {"key_kind": KeyKind.WRAPPED},
}


@pytest.mark.parametrize("changes", UNTRUSTED.values(), ids=UNTRUSTED)
def test_what_this_engine_is_not_trusted_with(changes):
    with pytest.raises(ValueError, match="the gurux-dlms engine"):
        GuruxConnection(replace(client_settings(), **changes))
