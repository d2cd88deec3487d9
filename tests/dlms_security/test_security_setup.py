"""The security setup of simulated meters, in both versions and every suite, by our own client."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import structs

from devices.meter.clients import STANDARD_CLIENTS, Client, on_the_bench
from devices.meter.device import Meter
from devices.meter.identity import MANAGEMENT_CLIENT, Identity
from devices.meter.keyring import keys_of
from devices.meter.load import ConstantLoad
from devices.meter.meter_type import MeterType
from protocols.concentrator.messages import Status
from protocols.dlms import elliptic
from protocols.dlms.action import ActionRequestNormal, ActionResponseNormal
from protocols.dlms.apdu import decode, encode
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import ActionResult, AuthenticationMechanism, Security
from protocols.dlms.general import KeyKind
from protocols.dlms.key_wrap import (
    NotUnwrapped,
    TransferId,
    agree,
    agreement_data,
    offer,
    read_agreement,
    transfer_data,
)
from protocols.dlms.keys import KeyPairs, Keys
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import Outcome
from protocols.dlms.procedures.reading import read_attributes
from protocols.dlms.procedures.security_setup import (
    activate_policy,
    exchange_offers,
    prove_keys,
    transfer_keys,
)
from protocols.dlms.services import (
    ActionRequest,
    AttributeDescriptor,
    MethodDescriptor,
)
from protocols.dlms.session import Session
from protocols.dlms.settings import ClientSettings
from protocols.dlms.suite import CURVES, KEY_SIZES, SecuritySuite
from protocols.dlms.values import Array, Enum, OctetString, Structure, Unsigned, Value
from tests.dlms_security import annex_i
from tests.dlms_security.parties import Drawn
from tests.dlms_security.test_suites import exact
from tools.authentication import Auth
from tools.meter.command import MECHANISMS, description

M = AuthenticationMechanism
TITLE = b"HES\x00\x00\x00\x00\x01"
SETUP = LogicalName("0.0.43.0.0.255")
BOTH = Security.AUTHENTICATED_ENCRYPTED
UNICAST = TransferId.GLOBAL_UNICAST_ENCRYPTION
SUITES = [
    (SecuritySuite.AES_GCM_128, M.HIGH_GMAC),
    *((suite, mechanism) for suite in CURVES for mechanism in (M.HIGH_GMAC, M.HIGH_ECDSA)),
]


def client_of(suite: SecuritySuite, mechanism: AuthenticationMechanism) -> Client:
    standard = next(each for each in STANDARD_CLIENTS if each.sap == MANAGEMENT_CLIENT)
    return replace(standard, suite=suite, mechanism=mechanism)


class Bench:
    """One meter and its management client; `held` sessions, each with the counters that follow."""

    def __init__(
        self,
        suite: SecuritySuite = SecuritySuite.AES_GCM_128,
        mechanism: AuthenticationMechanism = M.HIGH_GMAC,
        version: int = 1,
        security: Security = Security.AUTHENTICATED_ENCRYPTED,
    ) -> None:
        self.client = replace(client_of(suite, mechanism), security=security)
        meter_type = MeterType(security_setup_version=version, clients=(self.client,))
        self.meter = Meter(Identity(7, 4), ConstantLoad.of(800, 300, 450), meter_type)
        self.counter = 1
        self.now = 1000.0

    @property
    def keys(self) -> Keys:
        return keys_of(self.meter, self.client)

    @property
    def pairs(self) -> Any:
        return self.meter.identity.client_key_pairs(self.client.sap, self.client.suite)

    def hold(self, procedure: Any, **changes: Any) -> Any:
        suite = self.client.suite
        settings: dict[str, Any] = {
            "authentication": self.client.mechanism,
            "suite": suite,
            "keys": self.keys,
            "system_title": TITLE,
            "security": Security.AUTHENTICATED_ENCRYPTED,
            "invocation_counter": self.counter,
            "challenge": b"CtoS%028d" % self.counter,
            "secrets": Drawn(b"client %d" % self.counter),
        }
        if suite:
            settings["pairs"] = self.pairs
        engine = ClientConnection(ClientSettings(**{**settings, **changes}))
        found: list[Any] = []
        session = Session(engine, _keeping(procedure, found), client=self.client.sap)
        out: bytes | None = session.start(self.now)
        while not session.done and out is not None:
            self.now += 1.0
            back = b"".join(self.meter.receive(out, now=self.now))
            assert back, "the meter says nothing"
            out = session.receive(back, self.now)
        self.counter = engine.invocation_counter
        return found[0] if found else session.result

    def read(self, *attributes: int) -> list[Value]:
        descriptors = [AttributeDescriptor(64, SETUP, each) for each in attributes]
        found = self.hold(read_attributes(descriptors))
        return list(found)


def _keeping(procedure: Any, found: list[Any]) -> Any:
    """A procedure whose finding is kept: a session itself knows outcomes only."""
    found.append((yield from procedure))
    return found[0] if isinstance(found[0], Outcome) else Outcome(Status.DONE)


@pytest.mark.parametrize(("suite", "mechanism"), SUITES)
def test_a_meter_of_each_suite(suite: SecuritySuite, mechanism: AuthenticationMechanism) -> None:
    bench = Bench(suite, mechanism)
    policy, number, client, server = bench.read(2, 3, 4, 5)
    assert (policy, number) == (Enum(0b0110_1100), Enum(suite))
    assert (bytes(client), bytes(server)) == (TITLE, bench.meter.identity.system_title)  # type: ignore[arg-type]
    stranger = replace(bench.meter.identity, seed=8)
    if mechanism is M.HIGH_ECDSA:
        others = stranger.client_key_pairs(1, suite)
        assert bench.hold(prove_keys(), pairs=others).status is Status.KEY_REJECTED
    assert bench.hold(prove_keys()).status is Status.DONE


@pytest.mark.parametrize("kind", KeyKind)
@pytest.mark.parametrize("suite", CURVES)
def test_a_meter_answers_under_keys_made_for_the_message(suite, kind) -> None:
    bench = Bench(suite, M.HIGH_ECDSA)
    assert bench.hold(prove_keys(), key_kind=kind).status is Status.DONE


def test_version_0_has_no_more_than_it_should() -> None:
    bench = Bench(version=0)
    assert bench.read(2, 3) == [Enum(3), Enum(0)]
    assert bench.hold(activate_policy(3)).status is Status.DONE


LEVELS = (Security.NONE, Security.AUTHENTICATED, Security.ENCRYPTED, BOTH)
NUMBERS = {0: (0, 1, 2, 3), 1: (0, 0b0010_0100, 0b0100_1000, 0b0110_1100)}


@pytest.mark.parametrize("version", NUMBERS)
@pytest.mark.parametrize("delivered", LEVELS)
@pytest.mark.parametrize("wanted", LEVELS)
def test_a_policy_only_grows(version: int, delivered: Security, wanted: Security) -> None:
    """What the meter asks for is what its policy says, before and after."""
    numbers = dict(zip(LEVELS, NUMBERS[version], strict=True))
    bench = Bench(version=version, security=delivered)
    assert bench.read(2) == [Enum(numbers[delivered])]
    grows = not delivered & ~wanted
    status = bench.hold(activate_policy(numbers[wanted])).status
    assert status is (Status.DONE if grows else Status.REFUSED)
    now = wanted if grows else delivered
    assert bench.read(2) == [Enum(numbers[now])]
    for used in LEVELS[1:]:
        # A ciphered association without authentication is never taken where none is asked for:
        # anyone could make up its counter.
        enough = not now & ~used and (now or used is not Security.ENCRYPTED)
        status = bench.hold(prove_keys(), security=used).status
        assert status is (Status.DONE if enough else Status.KEY_REJECTED), used


@pytest.mark.parametrize("number", [4, 0b0110_1101, 0b0000_0100])
def test_a_policy_that_this_meter_does_not_have(number: int) -> None:
    assert Bench(security=Security.NONE).hold(activate_policy(number)).status is Status.REFUSED


@pytest.mark.parametrize(("suite", "mechanism"), SUITES)
def test_keys_are_transferred(suite: SecuritySuite, mechanism: AuthenticationMechanism) -> None:
    bench = Bench(suite, mechanism)
    old, size = bench.keys, KEY_SIZES[suite]
    new = {
        TransferId.GLOBAL_UNICAST_ENCRYPTION: b"E" * size,
        TransferId.AUTHENTICATION: b"A" * size,
        TransferId.GLOBAL_BROADCAST_ENCRYPTION: b"B" * size,
    }
    assert old.master is not None
    assert bench.hold(transfer_keys(old.master, new)).status is Status.DONE
    assert bench.keys == Keys(b"E" * size, b"A" * size, b"B" * size, old.master)
    assert bench.hold(prove_keys(), keys=old).status is Status.KEY_REJECTED
    assert bench.hold(prove_keys()).status is Status.DONE


def call(method: int, value: Value | None) -> Any:
    answer = yield ActionRequest.of(MethodDescriptor(64, SETUP, method), value)
    return answer.results[0].result


MASTER = Bench().keys.master
assert MASTER is not None
GOOD = {TransferId.AUTHENTICATION: b"A" * 16}
WRONG: dict[str, tuple[Value | None, ActionResult]] = {
    "nothing": (None, ActionResult.TYPE_UNMATCHED),
    "no array": (Unsigned(1), ActionResult.TYPE_UNMATCHED),
    "an empty array": (Array(), ActionResult.TYPE_UNMATCHED),
    "an unknown key": (
        Array((Structure((Enum(9), OctetString(b"x" * 24))),)),
        ActionResult.TYPE_UNMATCHED,
    ),
    "a key without octets": (
        Array((Structure((Enum(0), Unsigned(1))),)),
        ActionResult.TYPE_UNMATCHED,
    ),
    "a key twice": (
        Array(tuple(transfer_data(MASTER, GOOD)) * 2),
        ActionResult.TYPE_UNMATCHED,
    ),
    "another master": (transfer_data(b"X" * 16, GOOD), ActionResult.OTHER_REASON),
    "a key of another size": (
        transfer_data(MASTER, {TransferId.AUTHENTICATION: b"A" * 24}),
        ActionResult.OTHER_REASON,
    ),
    "a good one and a bad one": (
        Array(
            (*transfer_data(MASTER, GOOD), *transfer_data(b"X" * 16, {TransferId(0): b"E" * 16}))
        ),
        ActionResult.OTHER_REASON,
    ),
}


@pytest.mark.parametrize(("value", "result"), WRONG.values(), ids=WRONG)
def test_a_wrong_transfer_changes_nothing(value: Value | None, result: ActionResult) -> None:
    bench = Bench()
    old = bench.keys
    assert bench.hold(call(2, value)) is result
    assert bench.keys == old


# --- key agreement -------------------------------------------------------------------------------

ONE = SecuritySuite.ECDH_ECDSA_AES_GCM_128_SHA_256


def test_agreement_of_the_standards_example() -> None:
    """IEC 62056-5-3:2023 annex I.1: both messages octet by octet, and the key on both sides."""
    client, server = exact(annex_i.CLIENT_EPHEMERAL), exact(annex_i.SERVER_EPHEMERAL)
    request = decode(annex_i.ACTION_REQUEST)
    assert isinstance(request, ActionRequestNormal)
    (offered,) = read_agreement(request.parameters).items()
    again = structs.replace(request, parameters=agreement_data(dict([offered])))
    assert encode(again) == encode(request)
    answer = decode(annex_i.ACTION_RESPONSE)
    assert isinstance(answer, ActionResponseNormal)
    returned = answer.response.returned
    assert returned is not None and not isinstance(returned, int)
    titles = annex_i.CLIENT_TITLE, annex_i.SERVER_TITLE
    for ours, signer, octets in (
        (client, annex_i.SERVER_SIGNING_PUBLIC, read_agreement(returned)[UNICAST]),
        (server, annex_i.CLIENT_SIGNING_PUBLIC, offered[1]),
    ):
        key = elliptic.public_key(ONE, signer)
        assert agree(ONE, ours, key, UNICAST, octets, *titles) == annex_i.AGREED_UNICAST_KEY
        for at in range(0, len(octets), 9):
            changed = bytearray(octets)
            changed[at] ^= 1
            with pytest.raises(NotUnwrapped):
                agree(ONE, ours, key, UNICAST, bytes(changed), *titles)
        with pytest.raises(NotUnwrapped):
            agree(ONE, ours, key, TransferId.AUTHENTICATION, octets, *titles)


@pytest.mark.parametrize("suite", CURVES)
def test_keys_are_agreed_on(suite: SecuritySuite) -> None:
    bench = Bench(suite, M.HIGH_ECDSA)
    old = bench.keys
    names = (UNICAST, TransferId.AUTHENTICATION)
    size = CURVES[suite].size
    ephemeral = {name: elliptic.private_key(suite, bytes([9 + name] * size)) for name in names}
    offers = {
        name: offer(suite, each, bench.pairs.signing, name) for name, each in ephemeral.items()
    }
    found = bench.hold(exchange_offers(offers))
    assert not isinstance(found, Outcome)
    server = bench.meter.identity.system_title
    agreed = {
        name: agree(suite, ephemeral[name], bench.pairs.peer_signing, name, octets, TITLE, server)
        for name, octets in found.items()
    }
    new = Keys(agreed[UNICAST], agreed[TransferId.AUTHENTICATION], master=old.master)
    assert new == bench.keys != old
    assert bench.hold(prove_keys(), keys=new).status is Status.DONE


def test_an_offer_that_is_not_the_clients() -> None:
    bench = Bench(ONE, M.HIGH_ECDSA)
    old = bench.keys
    thief = elliptic.private_key(ONE, b"T" * 32)
    offers = {UNICAST: offer(ONE, thief, thief, UNICAST)}
    assert bench.hold(exchange_offers(offers)).status is Status.REFUSED
    assert bench.keys == old


def test_suite_0_agrees_on_nothing() -> None:
    bench = Bench()
    assert bench.hold(call(3, Array())) is ActionResult.READ_WRITE_DENIED


# --- meters on the bench -------------------------------------------------------------------------


class NoLine:
    """What `ami meter listen` says of a line is not looked at here."""

    def described(self) -> dict[str, object]:
        return {}


BENCHES = [
    *((auth, 0) for auth in (Auth.MD5, Auth.SHA1, Auth.SHA256, Auth.GMAC)),
    *((auth, suite) for auth in (Auth.GMAC, Auth.ECDSA) for suite in (1, 2)),
]


@pytest.mark.parametrize(("auth", "suite"), BENCHES)
def test_what_the_command_prints_is_enough_to_get_in(auth: Auth, suite: int) -> None:
    clients = on_the_bench(MECHANISMS[auth], SecuritySuite(suite))
    bench = Bench()
    bench.meter = Meter(Identity(7, 4), ConstantLoad.of(800, 300, 450), MeterType(clients=clients))
    bench.client = bench.meter.clients[1]
    shown: dict[str, Any] = description(bench.meter, auth, [NoLine()])  # type: ignore[list-item]
    octets = {name: bytes.fromhex(text) for name, text in shown.items() if name.endswith("_key")}
    settings: dict[str, Any] = {
        "authentication": MECHANISMS[auth],
        "suite": SecuritySuite(shown.get("security_suite", 0)),
        "system_title": bytes.fromhex(shown["client_system_title"]),
        "peer_system_title": bytes.fromhex(shown["system_title"]),
        "password": shown.get("password", "").encode(),
        "keys": None,
        "pairs": KeyPairs(),
        "security": Security.NONE,
    }
    if "encryption_key" in octets:
        settings["keys"] = Keys(octets["encryption_key"], octets["authentication_key"])
        settings["security"] = Security.AUTHENTICATED_ENCRYPTED
    if suite:
        group = CURVES[SecuritySuite(suite)].group
        private = {
            name: ec.derive_private_key(int.from_bytes(octets[name], "big"), group)
            for name in ("client_signing_key", "client_agreement_key")
        }
        settings["pairs"] = KeyPairs(
            private["client_signing_key"],
            private["client_agreement_key"],
            elliptic.public_key(suite, octets["meter_signing_public_key"]),
            elliptic.public_key(suite, octets["meter_agreement_public_key"]),
        )
    assert bench.hold(prove_keys(), **settings).status is Status.DONE
    wrong = {**settings, "password": b"another"}
    if auth is Auth.ECDSA:
        pairs = replace(settings["pairs"], signing=a_thiefs_key(suite))
        wrong = {**settings, "pairs": pairs}
    elif settings["keys"] is not None:
        size = len(octets["encryption_key"])
        wrong = {**settings, "keys": Keys(bytes(size), bytes(size))}
    assert bench.hold(prove_keys(), **wrong).status is Status.KEY_REJECTED


def a_thiefs_key(suite: int) -> Any:
    return elliptic.private_key(suite, b"T" * CURVES[SecuritySuite(suite)].size)


@pytest.mark.parametrize(
    ("mechanism", "suite"), [(M.HIGH_ECDSA, 0), (M.LOW, 1), (M.HIGH_SHA256, 2), (M.NONE, 1)]
)
def test_a_suite_that_does_not_fit(mechanism: AuthenticationMechanism, suite: int) -> None:
    with pytest.raises(ValueError, match="suite"):
        on_the_bench(mechanism, SecuritySuite(suite))
