"""Procedures that read, set the clock, bring firmware and set up pushes, against a dictionary."""

from __future__ import annotations

import datetime

import pytest

from protocols.concentrator.messages import Status
from protocols.dlms import procedures
from protocols.dlms.codes import (
    ActionResult,
    Conformance,
    DataAccessResult,
    ServiceError,
    StateError,
)
from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.capture import CaptureObject
from protocols.dlms.objects.clock import Clock, later
from protocols.dlms.objects.image import ImageStatus
from protocols.dlms.objects.push import Destination, PushSetup
from protocols.dlms.procedures import (
    Entries,
    ImageTransferred,
    NotSent,
    Outcome,
    Patience,
    Pause,
    TimeRange,
    Unanswered,
    UnexpectedAnswer,
)
from protocols.dlms.services import (
    ActionRequest,
    AttributeDescriptor,
    ExceptionResponse,
    GetRequest,
    SetRequest,
)
from protocols.dlms.values import (
    NULL,
    Array,
    Boolean,
    DoubleLongUnsigned,
    Enum,
    Integer,
    Long,
    LongUnsigned,
    OctetString,
    Structure,
    Unsigned,
    VisibleString,
)
from tests.dlms_engines.dictionary import Dictionary, Image

CLOCK = LogicalName("0.0.1.0.0.255")
IMPORT, VOLTAGE = LogicalName("1.0.1.8.0.255"), LogicalName("1.0.32.7.0.255")
PROFILE = LogicalName("1.0.99.1.0.255")
PUSH = LogicalName("0.0.25.9.0.255")
NOW = DateTime.from_datetime(datetime.datetime(2026, 7, 6, 10, 0, tzinfo=datetime.UTC))
COLUMNS = (
    CaptureObject(8, CLOCK, 2),
    CaptureObject(3, IMPORT, 2),
    CaptureObject(3, VOLTAGE, 2),
)
ROWS = 96
NOTHING = Conformance(0)


def row(n: int) -> Structure:
    time = OctetString(later(NOW, 900 * n).octets) if n % 4 == 0 else NULL
    return Structure((time, DoubleLongUnsigned(1000 + n), LongUnsigned(2300 + n)))


def full(n: int) -> tuple:
    return (OctetString(later(NOW, 900 * n).octets), *row(n)[1:])


def meter(**changes) -> Dictionary:
    scale = Structure((Integer(1), Enum(30)))
    values = {
        (1, LogicalName("0.0.42.0.0.255"), 2): OctetString(b"AMI0000000000001"),
        (1, LogicalName("0.0.96.1.0.255"), 2): VisibleString("00000001"),
        (1, LogicalName("1.0.0.2.0.255"), 2): OctetString(b"\x01\x02"),
        (3, IMPORT, 2): DoubleLongUnsigned(1517),
        (3, IMPORT, 3): scale,
        (3, VOLTAGE, 2): LongUnsigned(2304),
        (3, VOLTAGE, 3): Structure((Integer(-1), Enum(35))),
        (8, CLOCK, 2): OctetString(NOW.octets),
        (8, CLOCK, 3): Long(240),
        (8, CLOCK, 4): Unsigned(0x80),
        (8, CLOCK, 8): Boolean(1),
        (7, PROFILE, 2): Array(map(row, range(ROWS))),
        (7, PROFILE, 3): Array(column.to_value() for column in COLUMNS),
        (7, PROFILE, 4): DoubleLongUnsigned(900),
        (7, PROFILE, 5): Enum(1),
        (7, PROFILE, 7): DoubleLongUnsigned(ROWS),
        (7, PROFILE, 8): DoubleLongUnsigned(3840),
    } | changes.pop("values", {})
    return Dictionary(values, **changes)


def run(procedure, device: Dictionary, *, without: Conformance = NOTHING, pauses=None):
    """What the session does, without association, wire and clock."""
    try:
        request = next(procedure)
        while True:
            if isinstance(request, Pause):
                if pauses is not None:
                    pauses.append(request.seconds)
                request = procedure.send(None)
            elif _selective(request) and without & Conformance.SELECTIVE_ACCESS:
                request = procedure.send(NotSent("selective access was not agreed on"))
            else:
                request = procedure.send(device.answer(request))
    except StopIteration as stop:
        return stop.value


def _selective(request) -> bool:
    return isinstance(request, GetRequest) and any(a.selection for a in request.attributes)


# --- reading --------------------------------------------------------------------------------------


def test_identify():
    found = run(procedures.identify(), meter())
    assert found.logical_device_name == "AMI0000000000001"
    assert (found.manufacturer, found.serial_number) == ("AMI", "00000001")
    assert (found.firmware, found.meter_type, found.time) == ("0102", None, NOW)


def test_identity_asks_for_each_object_alone_as_the_meter_may_not_have_it():
    device = meter()
    run(procedures.identify(), device)
    assert [len(request.attributes) for request in device.asked] == [1] * 6


def test_identify_a_meter_that_says_nothing():
    found = run(procedures.identify(), Dictionary())
    assert {getattr(found, name) for name in found.__slots__} == {None}
    assert found.manufacturer is None


def test_attributes_in_portions():
    device, told = meter(), []
    wanted = [AttributeDescriptor(3, name, index) for name in (IMPORT, VOLTAGE) for index in (2, 3)]
    wanted.append(AttributeDescriptor(1, IMPORT, 2))
    found = run(
        procedures.read_attributes(wanted, at_once=2, progress=lambda *args: told.append(args)),
        device,
    )
    assert found[0] == DoubleLongUnsigned(1517)
    assert found[4] is DataAccessResult.OBJECT_UNDEFINED
    assert [len(request.attributes) for request in device.asked] == [2, 2, 1]
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_registers_in_engineering_units():
    device = meter(refuse={(3, VOLTAGE, 3): DataAccessResult.READ_WRITE_DENIED})
    wanted = [(3, IMPORT), (3, VOLTAGE), (1, LogicalName("0.0.96.1.0.255")), (3, CLOCK)]
    found = run(procedures.read_registers(wanted), device)
    assert [found and str(register.quantity) for register in found] == [
        "15170 Wh", "None", "None", "None",
    ]  # fmt: skip
    assert found[1].value == LongUnsigned(2304)
    assert found[2].value == VisibleString("00000001")
    assert found[3].value is DataAccessResult.OBJECT_UNDEFINED
    with pytest.raises(ValueError, match="class 8 has no single value"):
        run(procedures.read_registers([(8, CLOCK)]), device)


def test_object_list():
    listed = Structure((LongUnsigned(8), Unsigned(0), OctetString(CLOCK), NULL))
    device = meter(values={(15, LogicalName("0.0.40.0.0.255"), 2): Array((listed,))})
    assert run(procedures.read_object_list(), device).find(CLOCK).class_id == 8
    refused = run(procedures.read_object_list(LogicalName("0.0.40.0.3.255")), device)
    assert (refused.status, refused.refusal.code) == (Status.REFUSED, 4)


def test_object_list_that_is_none():
    device = meter(values={(15, LogicalName("0.0.40.0.0.255"), 2): Unsigned(1)})
    with pytest.raises(UnexpectedAnswer, match="object_list is no array"):
        run(procedures.read_object_list(), device)


# --- profiles -------------------------------------------------------------------------------------

HOUR = TimeRange(later(NOW, 3600), later(NOW, 7200))
ONE_ROWS = [full(n) for n in range(4, 9)]
# what the meter can -> whether the whole buffer travelled
METERS = {
    "selects": ({}, NOTHING, False),
    "selects nothing": ({"selects": frozenset()}, NOTHING, True),
    "says so in another way": (
        {"selects": frozenset(), "cannot": DataAccessResult.OTHER_REASON},
        NOTHING,
        True,
    ),
    "selective access not agreed on": ({}, Conformance.SELECTIVE_ACCESS, True),
}


@pytest.mark.parametrize("changes, without, whole", METERS.values(), ids=METERS)
@pytest.mark.parametrize("part", [HOUR, Entries(5, 9)], ids=["by range", "by entry"])
def test_a_part_of_a_profile(changes, without, whole, part):
    device = meter(**changes)
    found = run(procedures.read_profile(PROFILE, part), device, without=without)
    assert list(found.rows) == ONE_ROWS
    assert found.whole_buffer is whole
    assert (found.capture_period_s, found.sort_method) == (900, 1)
    assert [str(q) for q in found.quantities(found.rows[0])] == ["None", "10040 Wh", "230.4 V"]
    assert found.time(found.rows[0]) == HOUR.first


def test_a_whole_profile():
    found = run(procedures.read_profile(PROFILE), meter())
    assert list(found.rows) == [full(n) for n in range(ROWS)] and not found.whole_buffer


@pytest.mark.parametrize(
    "changes, chosen",
    [
        ({}, [0, 2]),
        ({"selects_columns": False}, [0, 1, 2]),
        ({"selects": frozenset()}, [0, 1, 2]),
    ],
)
def test_some_columns_by_range(changes, chosen):
    wanted = (COLUMNS[2], COLUMNS[0])
    found = run(procedures.read_profile(PROFILE, HOUR, columns=wanted), meter(**changes))
    assert [column.source for column in found.columns] == [COLUMNS[at] for at in chosen]
    assert list(found.rows) == [tuple(row[at] for at in chosen) for row in ONE_ROWS]


def test_columns_by_entry_are_a_run():
    found = run(procedures.read_profile(PROFILE, columns=COLUMNS[1:]), meter())
    assert [column.source for column in found.columns] == list(COLUMNS[1:])
    assert list(found.rows) == [full(n)[1:] for n in range(ROWS)]


def test_a_column_that_is_not_captured():
    with pytest.raises(ValueError, match="does not capture"):
        run(procedures.read_profile(PROFILE, columns=[CaptureObject(3, CLOCK, 2)]), meter())


@pytest.mark.parametrize("key", [(7, PROFILE, 2), (7, PROFILE, 3)])
def test_a_profile_that_may_not_be_read(key):
    device = meter(refuse={key: DataAccessResult.OBJECT_UNAVAILABLE})
    for part in (None, HOUR):
        found = run(procedures.read_profile(PROFILE, part), device)
        assert (found.status, found.refusal.code) == (Status.REFUSED, 11)


def test_an_event_log_has_no_units():
    device = meter()
    found = run(procedures.read_event_log(PROFILE), device)
    assert len(found.rows) == ROWS and {column.scale for column in found.columns} == {None}
    assert len(device.asked) == 2
    assert run(procedures.count_entries(PROFILE), device) == (ROWS, 3840)


# --- clock ----------------------------------------------------------------------------------------


def test_read_clock():
    found = run(procedures.read_clock(), meter())
    assert found == Clock(NOW, 240, 0x80, daylight_enabled=True)
    refused = run(procedures.read_clock(), Dictionary())
    assert (refused.status, refused.refusal.code) == (Status.REFUSED, 4)


def test_set_clock_asks_for_the_time_at_the_last_moment():
    device, asked = meter(), []

    def moment():
        asked.append(len(device.asked))
        return later(NOW, 90)

    found = run(procedures.set_clock(moment), device)
    assert asked == [1]
    assert (found.before, found.sent, found.after) == (NOW, later(NOW, 90), later(NOW, 90))


def test_set_clock_refused():
    device = meter(refuse={})
    device.refuse[8, CLOCK, 2] = DataAccessResult.READ_WRITE_DENIED
    assert run(procedures.set_clock(NOW), device).status is Status.REFUSED
    assert not [request for request in device.asked if isinstance(request, SetRequest)]


def test_shift_clock():
    def shift(device, key, parameters):
        assert key == (8, CLOCK, 6)
        device.values[8, CLOCK, 2] = OctetString(later(NOW, int(parameters)).octets)
        return ActionResult.SUCCESS

    found = run(procedures.shift_clock(-30), meter(on_act=shift))
    assert (found.before, found.after) == (NOW, later(NOW, -30)) == (NOW, found.sent)
    assert run(procedures.shift_clock(5), meter()).refusal.code == 4
    with pytest.raises(ValueError, match="at most"):
        run(procedures.shift_clock(901), meter())


# --- image transfer -------------------------------------------------------------------------------

IMAGE, NAME = bytes(range(30)), b"FW-2.0"
NO_WAIT = Patience(0.5, 4)
FORGOTTEN = ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.OPERATION_NOT_POSSIBLE)
VERIFIED, ACTIVATED = ImageStatus.VERIFICATION_SUCCESSFUL, ImageStatus.ACTIVATION_SUCCESSFUL


def transfer(image: Image, pauses=None, **options):
    options = {"patience": NO_WAIT} | options
    return run(
        procedures.transfer_image(IMAGE, NAME, **options), Dictionary(image=image), pauses=pauses
    )


@pytest.mark.parametrize("size", [1, 4, 7, 30, 64])
def test_image_is_transferred_verified_and_activated(size):
    image, told = Image(size), []
    found = transfer(image, progress=lambda *args: told.append(args))
    blocks = -(-30 // size)
    assert found == ImageTransferred(ACTIVATED, blocks, blocks)
    assert (image.image, image.identifier) == (IMAGE, NAME)
    assert told == [(n, blocks) for n in range(1, blocks + 1)]
    assert image.invoked == [1, *[2] * blocks, 3, 4]


def test_image_without_activation():
    assert transfer(Image(), activate=False).status is VERIFIED


def test_transfer_is_enabled_where_it_is_not():
    image = Image(enabled=False)
    assert transfer(image).status is ACTIVATED and image.enabled


@pytest.mark.parametrize("busy", [1, 3])
def test_temporary_failure_is_waited_out(busy):
    image, pauses = Image(busy=busy), []
    assert transfer(image, pauses).status is ACTIVATED
    assert pauses == [0.5] * busy and image.invoked.count(3) == busy + 1


def test_a_meter_that_works_on_and_on():
    found = transfer(Image(busy=99))
    assert found.status is Status.UNKNOWN and "still initiated" in found.detail


def test_verification_that_goes_on_in_the_background():
    image = Image(ends={3: ImageStatus.VERIFICATION_INITIATED})
    pauses = []
    procedure = procedures.transfer_image(IMAGE, NAME, patience=NO_WAIT)
    device = Dictionary(image=image)
    request = next(procedure)
    with pytest.raises(StopIteration) as stop:
        while True:
            if isinstance(request, Pause):
                pauses.append(request)
                image.status = VERIFIED
                request = procedure.send(None)
            else:
                request = procedure.send(device.answer(request))
    assert stop.value.value.status is ACTIVATED and len(pauses) == 1
    assert image.invoked.count(3) == 1


@pytest.mark.parametrize(
    "ends, said",
    [
        ({3: ImageStatus.VERIFICATION_FAILED}, "verification-failed"),
        ({4: ImageStatus.ACTIVATION_FAILED}, "activation-failed"),
    ],
)
def test_failures_are_told(ends, said):
    found = transfer(Image(ends=ends))
    assert found.status is Status.NOT_APPLIED and said in found.detail


@pytest.mark.parametrize("method", [1, 2, 3, 4])
def test_refusals_are_told(method):
    found = transfer(Image(refuse={method: ActionResult.HARDWARE_FAULT}))
    assert (found.status, found.refusal.code) == (Status.REFUSED, 1)
    assert found.detail == f"method {method} of the image transfer"


def test_blocks_that_were_lost_are_sent_again():
    image = Image(lose={1, 6})
    assert transfer(image).status is ACTIVATED
    assert image.image == IMAGE and image.invoked.count(2) == 8 + 2


def test_a_block_that_never_arrives():
    class Deaf(Image):
        def invoke(self, method, parameters):
            if method == 2 and int(parameters[0]) == 5:
                return ActionResult.SUCCESS
            return super().invoke(method, parameters)

    found = transfer(Deaf())
    assert found.status is Status.NOT_APPLIED and "1 of 8 blocks" in found.detail


def test_a_transfer_cut_in_the_middle_is_resumed():
    image = Image()
    device = Dictionary(image=image)
    procedure = procedures.transfer_image(IMAGE, NAME, patience=NO_WAIT)
    request = next(procedure)
    while image.invoked.count(2) < 3:
        request = procedure.send(device.answer(request))
    with pytest.raises(Unanswered):
        procedure.throw(Unanswered("the link is lost"))
    found = transfer(image, resume=True)
    assert found == ImageTransferred(ACTIVATED, 8, 5)
    assert image.invoked == [1, *[2] * 8, 3, 4] and image.image == IMAGE


def test_resuming_what_was_never_begun_begins():
    assert transfer(Image(), resume=True) == ImageTransferred(ACTIVATED, 8, 8)


def test_another_image_than_the_one_sent():
    class Other(Image):
        def read(self, attribute):
            if attribute == 7:
                other = (DoubleLongUnsigned(1), OctetString(b"other"), OctetString(b""))
                return Array((Structure(other),))
            return super().read(attribute)

    assert transfer(Other()).detail == "the meter holds another image"


def test_a_meter_that_restarts_to_activate():
    image = Image()
    device = Dictionary(image=image)
    procedure = procedures.transfer_image(IMAGE, NAME, patience=NO_WAIT)
    request = next(procedure)
    with pytest.raises(StopIteration) as stop:
        while True:
            answer = device.answer(request)
            request = (
                procedure.throw(Unanswered("silence"))
                if image.invoked and image.invoked[-1] == 4
                else procedure.send(answer)
            )
    assert stop.value.value.activation_known is False


def test_a_meter_that_restarts_and_has_forgotten_the_association():
    image = Image(ends={4: ImageStatus.ACTIVATION_INITIATED})
    device = Dictionary(image=image)
    procedure = procedures.transfer_image(IMAGE, NAME, patience=NO_WAIT)
    request = next(procedure)
    with pytest.raises(StopIteration) as stop:
        while True:
            started = image.invoked[-1:] == [4] and not isinstance(request, ActionRequest)
            request = procedure.send(FORGOTTEN if started else device.answer(request))
    assert stop.value.value.activation_known is False


def test_image_status():
    image = Image()
    transfer(image, activate=False)
    status, (held,) = run(procedures.read_image_status(), Dictionary(image=image))
    assert (status, held.size, held.identification) == (VERIFIED, 30, NAME)


# --- push -----------------------------------------------------------------------------------------

SETUP = PushSetup(COLUMNS, Destination(0, b"192.0.2.1:4059"), (), 30, 3, 60)


def push_meter(**changes) -> Dictionary:
    values = {
        (40, PUSH, 2): Array(column.to_value() for column in COLUMNS[:1]),
        (40, PUSH, 3): Destination(1, b"").to_value(),
        (40, PUSH, 4): Array(()),
        (40, PUSH, 5): LongUnsigned(0),
        (40, PUSH, 6): Unsigned(3),
        (40, PUSH, 7): LongUnsigned(60),
    }
    return meter(values=values, **changes)


def test_push_setup_is_written_where_it_differs_and_read_back():
    device = push_meter()
    assert run(procedures.write_push_setup(SETUP), device) == SETUP
    written = [request for request in device.asked if isinstance(request, SetRequest)]
    assert [request.attributes[0].attribute for request in written] == [2, 5, 3]
    assert run(procedures.write_push_setup(SETUP), device) == SETUP
    assert len([r for r in device.asked if isinstance(r, SetRequest)]) == 3


def test_push_setup_refused():
    device = push_meter(refuse={(40, PUSH, 5): DataAccessResult.READ_WRITE_DENIED})
    found = run(procedures.write_push_setup(SETUP), device)
    assert isinstance(found, Outcome) and found.status is Status.REFUSED
    assert run(procedures.write_push_setup(SETUP), meter()).status is Status.REFUSED


def test_push_now():
    accepting = push_meter(on_act=lambda *args: ActionResult.SUCCESS)
    assert run(procedures.push_now(), accepting).status is Status.DONE
    assert run(procedures.push_now(), push_meter()).refusal.service == "action"
