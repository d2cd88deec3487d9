"""Both engines against the simulated meter: its own objects, rights, counters and keys."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

import pytest

from devices.meter.device import Meter
from devices.meter.disconnect import Trigger
from devices.meter.history import Deed
from devices.meter.identity import (
    CONCENTRATOR_CLIENT,
    PUBLIC_CLIENT,
    READER_CLIENT,
    Identity,
    client_system_title,
)
from devices.meter.load import ConstantLoad
from devices.meter.meter_type import MeterType
from devices.meter.models import model
from protocols.concentrator.demand import NEVER
from protocols.concentrator.messages import Status
from protocols.dlms.codes import AuthenticationMechanism, Security
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.procedures import (
    connect,
    disconnect,
    read_limit,
    read_supply,
    remove_limit,
    set_limit,
)
from protocols.dlms.procedures.demand import read_demand, reset_demand
from protocols.dlms.procedures.supply import read_load, switch_load
from protocols.dlms.script import CounterSource
from protocols.dlms.session import Session
from protocols.dlms.settings import ClientSettings
from tests.dlms_engines.field import ENGINES

NOW = 1_783_332_450.0  # 2026-07-06 10:07:30 UTC
COUNTER = LogicalName("0.0.43.1.5.255")


@pytest.fixture(params=ENGINES)
def engine(request):
    return ENGINES[request.param]


class Bench:
    """A meter and a concentrator's client, which asks for the counter each time."""

    def __init__(self, engine, meter_type=None):
        self.engine = engine
        identity = Identity(seed=7, index=4)
        self.meter = Meter(identity, ConstantLoad.of(800, 300, 450), meter_type or MeterType())
        self.keys = identity.keys(CONCENTRATOR_CLIENT)
        self.now = NOW
        self.sessions = 0

    def run(self, procedure, *, client=CONCENTRATOR_CLIENT, settings=None):
        if settings is not None:
            session = Session(self.engine(settings), procedure, client=client)
        else:
            session = Session(
                self.make,
                procedure,
                client=client,
                counter=CounterSource(self.engine(ClientSettings()), COUNTER, PUBLIC_CLIENT),
            )
        octets = session.start(self.now)
        while not session.done:
            assert octets, "the meter answers everything at once"
            self.now += 0.25
            octets = session.receive(b"".join(self.meter.receive(octets, now=self.now)), self.now)
        return session.result

    def make(self, counter):
        self.sessions += 1
        return self.engine(
            ClientSettings(
                authentication=AuthenticationMechanism.HIGH_GMAC,
                keys=self.keys,
                system_title=client_system_title(7, CONCENTRATOR_CLIENT, "C1"),
                peer_system_title=self.meter.identity.system_title,
                security=Security.AUTHENTICATED_ENCRYPTED,
                invocation_counter=counter,
                challenge=b"challenge %06d" % self.sessions,
            )
        )


def test_a_limit_comes_and_goes(engine):
    bench = Bench(engine)
    assert bench.run(read_limit()).limit.unlimited, "as delivered"
    set_ = bench.run(set_limit(Decimal("3.3"), "kW"))
    assert (set_.status, set_.acted, set_.limit.threshold_normal) == (Status.DONE, True, "3300")
    assert set_.limit.unit == "W"
    assert bench.run(read_limit()).limit == set_.limit
    removed = bench.run(remove_limit())
    assert (removed.status, removed.before) == (Status.DONE, set_.limit)
    assert bench.run(read_limit()).limit.unlimited


def test_a_meter_that_counts_kilowatts(engine):
    bench = Bench(engine, MeterType(power_scaler=3))
    assert bench.run(set_limit(Decimal(3300), "W")).status is Status.UNREPRESENTABLE
    assert bench.run(set_limit(Decimal(3000), "W")).limit.threshold_normal == "3000"
    assert bench.run(set_limit(Decimal(16), "A")).status is Status.UNREPRESENTABLE


@pytest.mark.parametrize("mode", range(1, 7))
def test_the_supply_goes_and_comes(engine, mode):
    bench = Bench(engine, MeterType(control_mode=mode))
    assert bench.run(read_supply()).supply.output_on
    off = bench.run(disconnect())
    assert (off.status, off.acted, off.supply.output_on) == (Status.DONE, True, False)
    assert not bench.meter.output_on
    again = bench.run(disconnect())
    assert (again.status, again.acted) == (Status.DONE, False)
    on = bench.run(connect())
    assert (on.status, on.acted) == (Status.DONE, True)
    by_hand = mode in (1, 3, 5, 6)
    assert (bench.meter.output_on, on.supply.control_state) == (not by_hand, 2 if by_hand else 1)
    assert bench.run(connect()).acted is False
    if by_hand:
        bench.meter.press(Trigger.MANUAL_RECONNECT, now=bench.now)
    assert bench.run(read_supply()).supply.output_on


def test_a_billing_period_ends_once(engine):
    bench = Bench(engine)
    before = bench.run(read_demand()).demand
    assert before.resets and before.maximum and before.maximum_at
    bench.now += 60
    done = bench.run(reset_demand(before.mark))
    assert (done.status, done.acted) == (Status.DONE, True)
    assert done.demand.resets == before.resets + 1
    assert (done.demand.rows, done.demand.maximum) == (before.rows + 1, "0")
    assert (done.demand.reset_at > before.reset_at, done.demand.maximum_at) == (True, NEVER)
    again = bench.run(reset_demand(before.mark))
    assert (again.status, again.acted, again.demand) == (Status.DONE, False, done.demand)
    assert [each.deed for each in bench.meter.history] == [Deed.PERIOD_ENDED]


def test_periods_are_counted_that_nobody_keeps(engine):
    bench = Bench(engine)
    first = bench.run(read_demand()).demand
    for _ in range(40):
        bench.now += 3600
        assert bench.run(reset_demand()).status is Status.DONE
    last = bench.run(read_demand()).demand
    assert (last.resets, last.rows) == (first.resets + 40, 24)


def test_a_load_goes_and_comes_and_the_supply_stays(engine):
    bench = Bench(engine)
    off = bench.run(switch_load(False))
    assert (off.status, off.acted, off.load.output_on, off.supply) == (
        Status.DONE, True, False, None,
    )  # fmt: skip
    assert bench.run(read_load()).load == off.load and bench.meter.output_on
    assert bench.run(switch_load(False)).acted is False
    assert bench.run(switch_load(True)).load.output_on
    assert [(each.deed, each.value) for each in bench.meter.history] == [
        (Deed.LOAD_SWITCHED, 0), (Deed.LOAD_SWITCHED, 1),
    ]  # fmt: skip


def test_a_meter_without_them_is_not_touched(engine):
    bench = Bench(engine, model("legacy-single-phase"))
    for procedure in (reset_demand, read_demand, read_load, partial(switch_load, False)):
        outcome = bench.run(procedure())
        assert (outcome.status, outcome.acted) == (Status.NOT_EQUIPPED, False)
    assert bench.meter.history == ()


def test_a_stuck_relay_is_not_done(engine):
    bench = Bench(engine)
    bench.meter.faults.relay_stuck = True
    outcome = bench.run(disconnect())
    assert (outcome.status, outcome.acted) == (Status.NOT_APPLIED, True)
    assert (outcome.supply.output_on, outcome.supply.control_state) == (True, 0)


def test_a_reader_may_not_set(engine):
    bench = Bench(engine)
    settings = ClientSettings(
        authentication=AuthenticationMechanism.LOW,
        password=bench.meter.identity.password(READER_CLIENT),
    )
    outcome = bench.run(set_limit(Decimal(3), "kW"), client=READER_CLIENT, settings=settings)
    assert (outcome.status, outcome.refusal.service) == (Status.REFUSED, "set")
    assert outcome.refusal.name == "read-write-denied"


def test_keys_of_another_meter(engine):
    bench = Bench(engine)
    bench.keys = Identity(seed=7, index=5).keys(CONCENTRATOR_CLIENT)
    outcome = bench.run(set_limit(Decimal(3), "kW"))
    assert (outcome.status, outcome.acted) == (Status.KEY_REJECTED, False)


def test_engines_take_turns(engine):
    """One counter serves both: what one used, the other does not use again."""
    bench = Bench(engine)
    for turn, amount in enumerate((1000, 2000, 3000, 4000)):
        bench.engine = list(ENGINES.values())[turn % 2]
        outcome = bench.run(set_limit(Decimal(amount), "W"))
        assert (outcome.status, outcome.limit.threshold_normal) == (Status.DONE, str(amount))
