"""The concentrator's port: another engine at it, restarts, counters, and its TCP ports."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.concentrator.local_identity import LocalIdentity
from devices.concentrator.local_port import LocalPort
from devices.meter.identity import Identity
from devices.meter.server import INACTIVITY_TIMEOUT_S, UNKNOWN_CLIENT
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import AuthenticationMechanism, DataAccessResult, Security
from protocols.dlms.events import (
    NEED_DATA,
    Associated,
    AssociationRefused,
    Event,
    ProtocolViolation,
)
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import (
    AssociationRequest,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
)
from protocols.dlms.settings import ClientSettings
from tests.concentrator.head_end import CONCENTRATOR, Stage
from tests.local_port.street import Street
from tests.probe.bench import Probe
from tools.field.ports import BadPorts, wanted_ports

SEED = 1
TITLE = b"TST\x00\x00\x00\x00\x01"
NUMBER = AttributeDescriptor(1, LogicalName("0.0.96.1.0.255"), 2)
CLOCK = AttributeDescriptor(8, LogicalName("0.0.1.0.0.255"), 2)


# --- another engine ------------------------------------------------------------------------------


def test_both_engines_read_the_same(probe: Probe, at_home: Street, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(
        'extends = "sim-concentrator"\nabout = "by gurux-dlms"\nengine = "gurux"\n'
    )
    at_home.at(lambda device, _: device.shift_clock(-5.0, "somebody"))
    wanted = ("event-log/2", "event-log/3", "fault-log/2", "meters/3", "firmware", "clock/3")
    ours = probe.json("read", *wanted, *at_home.way, env=at_home.keys)
    way = (*at_home.way[:-1], "other", "--models", tmp_path)
    theirs = probe.json("read", *wanted, *way, env=at_home.keys)
    assert ours["readings"] == theirs["readings"] and len(ours["readings"]) == len(wanted)
    events = [
        probe.json("events", *each, env=at_home.keys)["events"] for each in (at_home.way, way)
    ]
    assert events[0] == events[1] != []
    probe.json("clock", *way, env=at_home.wrong_keys, code=1)


# --- associations, restarts, counters ------------------------------------------------------------


class Bench:
    """A concentrator of a simulated field, its port, and a client at it."""

    def __init__(self) -> None:
        self.stage = Stage(seed=SEED)
        self.stage.run(1)
        self.device = self.stage.world.concentrators[CONCENTRATOR]
        self.port = LocalPort(self.device, seed=SEED)
        self.link = self.port.open_link()

    @property
    def now(self) -> float:
        return self.stage.env.now

    def told(self, client: ClientConnection, sap: int, request: object) -> Event:
        """What comes of a request; silence is an answer of its own."""
        apdu = client.send(request, now=self.now)  # type: ignore[arg-type]
        while apdu is not None:
            for answer in self.link.take(apdu, client=sap, server=1, now=self.now):
                client.receive_data(answer, now=self.now)
            apdu = client.data_to_send()
        return client.next_event()

    def manager(self, *, counter: int = 1) -> ClientConnection:
        keys = self.port.identity.keys(1)
        return ClientConnection(
            ClientSettings(
                authentication=AuthenticationMechanism.HIGH_GMAC,
                keys=keys,
                system_title=TITLE,
                security=Security.AUTHENTICATED_ENCRYPTED,
                invocation_counter=counter,
                challenge=b"CtoS-challenge-1",
            )
        )


@pytest.fixture
def bench() -> Bench:
    return Bench()


def associated(bench: Bench, counter: int = 1) -> ClientConnection:
    client = bench.manager(counter=counter)
    assert isinstance(bench.told(client, 1, AssociationRequest()), Associated)
    return client


def test_counters_outlive_a_restart(bench: Bench) -> None:
    associated(bench, counter=100)
    bench.device.reboot("a test", boot_s=1.0)
    bench.stage.run(2)
    again = bench.told(bench.manager(counter=100), 1, AssociationRequest())
    assert not isinstance(again, Associated)  # a counter that was used before
    associated(bench, counter=200)


def test_a_restart_ends_associations_and_without_power_there_is_silence(bench: Bench) -> None:
    client = associated(bench)
    bench.device.power_off()
    assert bench.told(client, 1, GetRequest((NUMBER,))) is NEED_DATA
    bench.device.power_on("a test", boot_s=1.0)
    bench.stage.run(2)
    silent = bench.manager(counter=50)
    assert isinstance(bench.told(silent, 1, AssociationRequest()), Associated)
    old = bench.link
    bench.link = bench.port.open_link()
    associated(bench, counter=90)
    bench.link, answers = old, bench.told(silent, 1, GetRequest((NUMBER,)))
    assert not isinstance(answers, GetResponse)  # a client that ciphers has one at a time


def test_an_association_ends_after_silence(bench: Bench) -> None:
    client = ClientConnection(ClientSettings())
    assert isinstance(bench.told(client, 16, AssociationRequest()), Associated)
    assert isinstance(bench.told(client, 16, GetRequest((NUMBER,))), GetResponse)
    bench.stage.run(INACTIVITY_TIMEOUT_S + 1)
    assert not isinstance(bench.told(client, 16, GetRequest((NUMBER,))), GetResponse)


def test_what_is_not_for_everybody_is_denied_in_every_way(bench: Bench) -> None:
    client = ClientConnection(ClientSettings())
    assert isinstance(bench.told(client, 16, AssociationRequest()), Associated)
    nothing = AttributeDescriptor(1, LogicalName("1.0.1.8.0.255"), 2)
    other_class = AttributeDescriptor(3, NUMBER.instance, 2)
    told = bench.told(client, 16, GetRequest((NUMBER, CLOCK, nothing, other_class)))
    assert isinstance(told, GetResponse)
    assert told.results[1:] == (
        DataAccessResult.READ_WRITE_DENIED,
        DataAccessResult.OBJECT_UNDEFINED,
        DataAccessResult.OBJECT_CLASS_INCONSISTENT,
    )


def test_a_stranger_is_refused_at_once(bench: Bench) -> None:
    client = ClientConnection(ClientSettings())
    assert isinstance(bench.told(client, 77, AssociationRequest()), AssociationRefused)
    assert bench.link.take(b"\xc0\x01", client=77, server=1, now=bench.now) == []
    assert bench.link.take(b"\x60\x00", client=77, server=9, now=bench.now) == []
    assert bench.link.take(b"\x60\x00", client=77, server=1, now=bench.now) == [UNKNOWN_CLIENT]


def test_management_without_its_key_is_refused(bench: Bench) -> None:
    plain = bench.told(ClientConnection(ClientSettings()), 1, AssociationRequest())
    assert isinstance(plain, AssociationRefused | ProtocolViolation)


def test_no_two_share_a_key() -> None:
    keys = {
        LocalIdentity(seed, name).keys(1).encryption
        for seed in (1, 2)
        for name in ("C-001", "C-002")
    }
    keys |= {Identity(1, 1).keys(sap).encryption for sap in (1, 4, 5)}
    assert len(keys) == 7
    assert len(LocalIdentity(1, "C-" + "9" * 40).logical_device_name) == 16


# --- on which TCP ports --------------------------------------------------------------------------

NAMES = ["C-001", "C-002", "C-003"]
WANTED = {
    # what the options say: which ports
    ("C-002=20500",): {"C-002": 20500},
    ("20500",): {"C-001": 20500, "C-002": 20501, "C-003": 20502},
    ("0",): dict.fromkeys(NAMES, 0),
    ("0", "C-003=7"): {"C-001": 0, "C-002": 0, "C-003": 7},
    (): {},
}


@pytest.mark.parametrize(("options", "ports"), WANTED.items(), ids=map(" ".join, WANTED))
def test_ports_by_name_or_one_after_the_other(
    options: tuple[str, ...], ports: dict[str, int]
) -> None:
    assert wanted_ports(options, NAMES) == ports


@pytest.mark.parametrize("option", ["C-009=1", "C-001", "C-001=x", "65534", "-1", "C-001=99999"])
def test_options_that_name_no_port(option: str) -> None:
    with pytest.raises(BadPorts):
        wanted_ports([option], NAMES)
