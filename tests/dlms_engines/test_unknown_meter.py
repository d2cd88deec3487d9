"""A client that knows nothing but a key reads the whole simulated meter, over both engines.

What is read is the meter's own word: its object list says what there is and who may read it, its
profiles what they capture, its registers how they count.
"""

from __future__ import annotations

import datetime

import pytest
from msgspec.structs import replace

from devices.meter import firmware
from devices.meter.device import Meter
from devices.meter.identity import (
    FIRMWARE_CLIENT,
    MANAGEMENT_CLIENT,
    Identity,
    client_system_title,
)
from devices.meter.load import ConstantLoad
from devices.meter.meter_type import MeterType
from protocols import wrapper
from protocols.dlms import obis, procedures
from protocols.dlms.codes import AuthenticationMechanism, Conformance, DataAccessResult, Security
from protocols.dlms.date_time import DateTime
from protocols.dlms.events import NEED_DATA, Associated, ProtocolViolation
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.clock import later
from protocols.dlms.objects.image import ImageStatus
from protocols.dlms.procedures import (
    Entries,
    NotSent,
    Outcome,
    Patience,
    Pause,
    TimeRange,
    Unanswered,
)
from protocols.dlms.services import (
    AccessGet,
    AccessRequest,
    AssociationRequest,
    AttributeDescriptor,
    GetRequest,
)
from protocols.dlms.settings import CONFORMANCE, ClientSettings
from protocols.errors import LocalProtocolError
from tests.dlms_engines.field import ENGINES

NOW = 1_783_332_450.0  # 2026-07-06 10:07:30 UTC
GENERAL = Conformance.GENERAL_BLOCK_TRANSFER | Conformance.ACCESS
HOW = {
    "own": ("own", CONFORMANCE),
    "own, general blocks": ("own", CONFORMANCE | GENERAL),
    "own, no lists, no selections": (
        "own",
        CONFORMANCE & ~Conformance.MULTIPLE_REFERENCES & ~Conformance.SELECTIVE_ACCESS,
    ),
    "gurux": ("gurux", CONFORMANCE),
}


class Silence(Exception):
    """The meter did not answer."""


class Bench:
    """One meter and one client of it, associated."""

    def __init__(self, engine: str, conformance: Conformance, client: int = MANAGEMENT_CLIENT):
        identity = Identity(seed=7, index=4)
        self.meter = Meter(identity, ConstantLoad.of(800, 300, 450), MeterType())
        self.client, self.conformance, self.now = client, conformance, NOW
        self.engine = ENGINES[engine](
            ClientSettings(
                authentication=AuthenticationMechanism.HIGH_GMAC,
                keys=identity.keys(client),
                system_title=client_system_title(7, client, "C1"),
                security=Security.AUTHENTICATED_ENCRYPTED,
                invocation_counter=1000,
                challenge=b"challenge 000001",
                conformance=conformance,
                max_pdu_size=600,
            )
        )
        assert isinstance(self.ask(AssociationRequest()), Associated)

    def ask(self, message):
        out, answers = [self.engine.send(message, now=self.now)], []
        while out:
            self.now += 0.1
            octets = b"".join(wrapper.encode(self.client, 1, apdu) for apdu in out)
            back = b"".join(self.meter.receive(octets, now=self.now))
            for frame in wrapper.Decoder().feed(back):
                self.engine.receive_data(frame.apdu, now=self.now)
            out = []
            while (apdu := self.engine.data_to_send()) is not None:
                out.append(apdu)
        while (event := self.engine.next_event()) is not NEED_DATA:
            assert not isinstance(event, ProtocolViolation), event
            answers.append(event)
        if not answers:
            raise Silence
        (answer,) = answers
        return answer

    def _answer(self, request):
        try:
            return self.ask(request)
        except LocalProtocolError as error:
            if isinstance(request, GetRequest) and len(request.attributes) > 1:
                singles = [self._answer(GetRequest.of(each)) for each in request.attributes]
                return replace(singles[0], results=tuple(one.results[0] for one in singles))
            return NotSent(error.cause)

    def run(self, procedure):
        """A meter that starts anew is silent, which the procedure is told."""
        try:
            said = next(procedure)
            while True:
                if isinstance(said, Pause):
                    self.now += said.seconds
                    said = procedure.send(None)
                    continue
                try:
                    answer = self._answer(said)
                except Silence:
                    said = procedure.throw(Unanswered("silence"))
                else:
                    said = procedure.send(answer)
        except StopIteration as stop:
            found = stop.value
            assert not isinstance(found, Outcome), found
            return found


@pytest.fixture(params=HOW.values(), ids=HOW)
def bench(request):
    return Bench(*request.param)


def test_everything_that_the_list_promises_is_there(bench):
    listed = bench.run(procedures.read_object_list())
    assert len(listed) > 20
    readable = [
        AttributeDescriptor(item.class_id, item.instance, number)
        for item in listed
        for number, rights in item.attributes.items()
        if rights.readable and item.class_id != 7
    ]
    found = bench.run(procedures.read_attributes(readable, at_once=1))
    denied = [
        (str(attribute.instance), attribute.attribute, result)
        for attribute, result in zip(readable, found, strict=True)
        if isinstance(result, DataAccessResult)
    ]
    assert denied == []
    assert all(obis.describe(item.instance) for item in listed)


def test_registers_have_units(bench):
    listed = bench.run(procedures.read_object_list())
    wanted = [(item.class_id, item.instance) for item in listed if procedures.is_register(item)]
    registers = bench.run(procedures.read_registers(wanted))
    energies = {
        str(register.instance): str(register.quantity)
        for register in registers
        if register.class_id == 3
    }
    assert energies["1.0.1.8.0.255"].endswith(" Wh")
    assert "None" not in energies.values()


def test_the_load_profile_by_time_by_entry_and_whole(bench):
    end = DateTime.from_datetime(datetime.datetime.fromtimestamp(NOW - 450, datetime.UTC))
    hour = TimeRange(later(end, -3600), end)
    found = bench.run(procedures.read_profile(part=hour))
    assert len(found.rows) == 5 and found.capture_period_s == 900
    times = [found.time(row).to_datetime() for row in found.rows]
    assert times == sorted(times)
    assert times[-1] - times[0] == datetime.timedelta(hours=1)
    units = [column.scale.symbol for column in found.columns if column.scale]
    assert "Wh" in units
    assert found.whole_buffer is not bool(bench.conformance & Conformance.SELECTIVE_ACCESS)
    used, _ = bench.run(procedures.count_entries())
    some = bench.run(procedures.read_profile(part=Entries(used - 1, used)))
    assert [row[1:] for row in some.rows] == [row[1:] for row in found.rows[-2:]]


def test_event_logs_and_clock(bench):
    listed = bench.run(procedures.read_object_list())
    logs = [item.instance for item in listed.of_class(7) if item.instance[2:4] == b"\x63\x62"]
    assert logs
    for name in logs:
        log = bench.run(procedures.read_event_log(name))
        assert log.columns and log.clock_column == 0
    clock = bench.run(procedures.read_clock())
    assert abs(clock.drift_s(datetime.datetime.fromtimestamp(bench.now, datetime.UTC))) < 2
    ahead = later(clock.time, 40)
    assert bench.run(procedures.set_clock(ahead)).before.date == ahead.date
    now = datetime.datetime.fromtimestamp(bench.now, datetime.UTC)
    assert 38 < bench.run(procedures.read_clock()).drift_s(now) < 42


def test_identity(bench):
    found = bench.run(procedures.identify())
    assert found.logical_device_name and found.manufacturer and found.time


def test_push_setups_are_read(bench):
    listed = bench.run(procedures.read_object_list())
    for item in listed.of_class(40):
        assert bench.run(procedures.read_push_setup(item.instance)).objects


@pytest.mark.parametrize("how", ["own", "own, general blocks", "gurux"])
@pytest.mark.parametrize("damaged", [False, True])
def test_firmware(how, damaged):
    """The meter takes seconds to verify and to activate, and refuses what was damaged."""
    bench = Bench(*HOW[how], client=FIRMWARE_CLIENT)
    image = bytearray(firmware.image("SIM-3P", "2.0.0"))
    image[100] ^= damaged
    told = []
    transfer = procedures.transfer_image(
        bytes(image),
        b"SIM-3P 2.0.0",
        patience=Patience(2.0, 20),
        progress=lambda *done: told.append(done),
    )
    if damaged:
        with pytest.raises(AssertionError, match="verification-failed"):
            bench.run(transfer)
    else:
        found = bench.run(transfer)
        assert found.status in (
            ImageStatus.ACTIVATION_SUCCESSFUL, ImageStatus.ACTIVATION_INITIATED,
        )  # fmt: skip
        assert (found.blocks, told[-1]) == (16, (16, 16))


def test_access_reads_what_gets_read():
    bench = Bench("own", CONFORMANCE | GENERAL)
    name = LogicalName("1.0.1.8.0.255")
    wanted = [AttributeDescriptor(3, name, number) for number in (1, 2, 3, 9)]
    response = bench.ask(AccessRequest(tuple(map(AccessGet, wanted))))
    alone = [bench.ask(GetRequest.of(each)).results[0] for each in wanted]
    assert [result.data if not result.code else result.code for result in response.results] == alone
