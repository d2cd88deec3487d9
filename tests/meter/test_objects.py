"""The meter's objects: the object list equals what answers, access, values, selective access."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from devices.meter import meter_clock
from devices.meter.clients import STANDARD_CLIENTS, Client
from devices.meter.cosem import Context
from devices.meter.device import Meter
from devices.meter.history import Deed
from devices.meter.identity import (
    CONCENTRATOR_CLIENT,
    MANAGEMENT_CLIENT,
    PROBE_CLIENT,
    PUBLIC_CLIENT,
    READER_CLIENT,
    Identity,
)
from devices.meter.keyring import keys_of
from devices.meter.limiter import UNLIMITED
from devices.meter.load import ConstantLoad, PhaseLoad
from devices.meter.meter_type import MeterType
from devices.meter.objects import table
from devices.meter.profiles import load_columns
from devices.meter.services import answer
from protocols.dlms import axdr
from protocols.dlms.codes import ActionResult, Conformance, DataAccessResult
from protocols.dlms.date_time import DateTime
from protocols.dlms.key_wrap import TransferId, transfer_data
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import (
    ActionRequest,
    AttributeDescriptor,
    GetRequest,
    GetResult,
    MethodDescriptor,
    Negotiated,
    SelectiveAccess,
    SetRequest,
)
from protocols.dlms.values import (
    NULL,
    Array,
    Boolean,
    DateTimeValue,
    DoubleLong,
    DoubleLongUnsigned,
    Enum,
    Float32,
    Integer,
    Long,
    Long64Unsigned,
    LongUnsigned,
    OctetString,
    Structure,
    Unsigned,
    Value,
)

NOW = datetime(2026, 7, 6, 10, 7, 30, tzinfo=UTC).timestamp()
LOAD = ConstantLoad(
    (PhaseLoad(800, 100, 2310), PhaseLoad(-300, -40, 2295), PhaseLoad(0, 0, 0)),
    origin=NOW - 7200.0,
)
LIMITER = LogicalName("0.0.17.0.0.255")
DISCONNECTOR = LogicalName("0.0.96.3.10.255")
SCRIPTS = LogicalName("0.0.10.0.106.255")
PROFILE = LogicalName("1.0.99.1.0.255")
CAPTURE_OBJECTS = load_columns(MeterType())
ENTRIES_MAX = MeterType().profile_entries
EVERY_RESULT = set(DataAccessResult)
UNICAST = TransferId.GLOBAL_UNICAST_ENCRYPTION


def meter(**built: int) -> Meter:
    return Meter(Identity(7, 4), LOAD, MeterType(**built))


def asked_by(device: Meter, sap: int, now: float = NOW) -> Context:
    negotiated = Negotiated(Conformance.GET | Conformance.SET | Conformance.ACTION, 500, 1024)
    return Context(device, device.clients[sap], now, negotiated, b"TST\0\0\0\0\1")


def get(
    device: Meter,
    sap: int,
    class_id: int,
    name: str | bytes,
    attribute: int,
    selection: SelectiveAccess | None = None,
) -> GetResult:
    asked = AttributeDescriptor(class_id, LogicalName(name), attribute, selection)
    (result,) = answer(asked_by(device, sap), GetRequest.of(asked)).results
    assert not isinstance(result, ActionResult)
    return result  # type: ignore[return-value]


def put(
    device: Meter, sap: int, class_id: int, name: str | bytes, attribute: int, value: Value
) -> DataAccessResult:
    asked = AttributeDescriptor(class_id, LogicalName(name), attribute)
    (result,) = answer(asked_by(device, sap), SetRequest.of(asked, value)).results
    assert isinstance(result, DataAccessResult)
    return result


def act(
    device: Meter,
    sap: int,
    class_id: int,
    name: str | bytes,
    method: int,
    value: Value | None = None,
) -> ActionResult:
    asked = MethodDescriptor(class_id, LogicalName(name), method)
    (returned,) = answer(asked_by(device, sap), ActionRequest.of(asked, value)).results
    return returned.result  # type: ignore[union-attr]


# The object list and what answers are the same thing.


def listed(device: Meter, sap: int) -> dict[tuple[int, bytes, int], int]:
    """(class, name, attribute) to access mode, as the association's object list says."""
    objects = get(device, sap, 15, "0.0.40.0.0.255", 2)
    assert isinstance(objects, Array)
    found = {}
    for class_id, _, name, (attributes, _) in objects:  # type: ignore[misc]
        for index, mode, _ in attributes:
            found[int(class_id), bytes(name), int(index)] = int(mode)
    return found


@pytest.mark.parametrize("client", STANDARD_CLIENTS, ids=lambda client: client.name)
@pytest.mark.parametrize("phases", [1, 3])
def test_the_object_list_says_exactly_what_is_readable(client: Client, phases: int):
    device = Meter(Identity(7, 4), ConstantLoad.of(*[500] * phases), MeterType(phases=phases))
    modes = listed(device, client.sap)
    for each in table(device.type).values():
        for index in (1, *each.attributes, 99):
            result = get(device, client.sap, each.class_id, each.name, index)
            readable = modes.get((each.class_id, bytes(each.name), index), 0) in (1, 3)
            if readable:
                assert not isinstance(result, DataAccessResult), (str(each.name), index)
                assert axdr.decode(axdr.encode(result)) == result
            else:
                assert result is DataAccessResult.READ_WRITE_DENIED, (str(each.name), index)


@pytest.mark.parametrize("client", STANDARD_CLIENTS, ids=lambda client: client.name)
def test_the_object_list_says_exactly_what_is_writable(client: Client):
    device = meter()
    modes = listed(device, client.sap)
    for each in table(device.type).values():
        for index in (1, *each.attributes):
            # A value of a type that no writable attribute has: taken by none, changes nothing.
            result = put(device, client.sap, each.class_id, each.name, index, Float32(0))
            writable = modes.get((each.class_id, bytes(each.name), index), 0) in (2, 3)
            expected = (
                DataAccessResult.TYPE_UNMATCHED if writable else DataAccessResult.READ_WRITE_DENIED
            )
            assert result is expected, (str(each.name), index)
    assert device.history == ()


@pytest.mark.parametrize("client", STANDARD_CLIENTS, ids=lambda client: client.name)
def test_methods_answer_where_the_object_list_says_so(client: Client):
    device = meter()
    objects = get(device, client.sap, 15, "0.0.40.0.0.255", 2)
    assert isinstance(objects, Array)
    callable_methods = {
        (bytes(name), int(method))
        for _, _, name, (_, methods) in objects  # type: ignore[misc]
        for method, mode in methods
        if mode
    } - {(bytes(LogicalName("0.0.40.0.0.255")), 1)}  # reply_to_HLS is the connection's affair
    for each in table(device.type).values():
        for method in each.methods:
            result = act(device, client.sap, each.class_id, each.name, method, Float32(0))
            if (bytes(each.name), method) in callable_methods:
                assert result is ActionResult.TYPE_UNMATCHED, (str(each.name), method)
            elif method != 1 or each.class_id != 15:
                assert result is ActionResult.READ_WRITE_DENIED, (str(each.name), method)


WHO_MAY = {
    # name: (sap, operation, result)
    "public reads an energy": (PUBLIC_CLIENT, ("get", 3, "1.0.1.8.0.255", 2), "denied"),
    "public reads the limit": (PUBLIC_CLIENT, ("get", 71, "0.0.17.0.0.255", 4), "denied"),
    "public reads the counter": (PUBLIC_CLIENT, ("get", 1, "0.0.43.1.0.255", 2), "done"),
    "public reads the clock": (PUBLIC_CLIENT, ("get", 8, "0.0.1.0.0.255", 2), "done"),
    "public disconnects": (PUBLIC_CLIENT, ("act", 70, "0.0.96.3.10.255", 1), "denied"),
    "reader reads the limit": (READER_CLIENT, ("get", 71, "0.0.17.0.0.255", 4), "done"),
    "reader writes the limit": (READER_CLIENT, ("set", 71, "0.0.17.0.0.255", 4), "denied"),
    "reader disconnects": (READER_CLIENT, ("act", 70, "0.0.96.3.10.255", 1), "denied"),
    "reader runs the script": (READER_CLIENT, ("act", 9, "0.0.10.0.106.255", 1), "denied"),
    "management writes the limit": (MANAGEMENT_CLIENT, ("set", 71, "0.0.17.0.0.255", 4), "done"),
    "concentrator writes it": (CONCENTRATOR_CLIENT, ("set", 71, "0.0.17.0.0.255", 4), "done"),
    "concentrator disconnects": (CONCENTRATOR_CLIENT, ("act", 70, "0.0.96.3.10.255", 1), "done"),
    "nobody reads the secret": (MANAGEMENT_CLIENT, ("get", 15, "0.0.40.0.0.255", 7), "denied"),
    "each its own security setup": (MANAGEMENT_CLIENT, ("get", 64, "0.0.43.0.5.255", 2), "denied"),
    "no other object": (MANAGEMENT_CLIENT, ("get", 1, "9.9.9.9.9.9", 2), "undefined"),
    "no other class": (MANAGEMENT_CLIENT, ("get", 3, "0.0.17.0.0.255", 4), "inconsistent"),
}
RESULTS = {
    "denied": DataAccessResult.READ_WRITE_DENIED,
    "undefined": DataAccessResult.OBJECT_UNDEFINED,
    "inconsistent": DataAccessResult.OBJECT_CLASS_INCONSISTENT,
}


@pytest.mark.parametrize(("sap", "operation", "expected"), WHO_MAY.values(), ids=WHO_MAY)
def test_who_may(sap: int, operation: tuple[str, int, str, int], expected: str):
    device = meter()
    kind, class_id, name, index = operation
    if kind == "get":
        found: object = get(device, sap, class_id, name, index)
        assert (found == RESULTS.get(expected)) is (expected != "done")
    elif kind == "set":
        found = put(device, sap, class_id, name, index, DoubleLongUnsigned(5))
        assert found == RESULTS.get(expected, DataAccessResult.SUCCESS)
    else:
        found = act(device, sap, class_id, name, index, Integer(0))
        assert found == RESULTS.get(expected, ActionResult.SUCCESS)


# Values.  Two hours of LOAD; the third phase has lost its voltage.

VALUES = {
    # (class, name, attribute): value
    (1, "0.0.42.0.0.255", 2): OctetString(b"SIM0000000004"),
    (1, "0.0.96.1.0.255", 2): OctetString(b"SIM0000000004"),
    (3, "1.0.32.7.0.255", 2): LongUnsigned(2310),
    (3, "1.0.32.7.0.255", 3): Structure((Integer(-1), Enum(35))),
    (3, "1.0.72.7.0.255", 2): LongUnsigned(0),
    (3, "1.0.31.7.0.255", 2): LongUnsigned(349),  # sqrt(800² + 100²) / 231.0 = 3.490 A
    (3, "1.0.31.7.0.255", 3): Structure((Integer(-2), Enum(33))),
    (3, "1.0.71.7.0.255", 2): LongUnsigned(0),
    (3, "1.0.36.7.0.255", 2): DoubleLong(800),
    (3, "1.0.56.7.0.255", 2): DoubleLong(-300),
    (3, "1.0.36.7.0.255", 3): Structure((Integer(0), Enum(27))),
    (3, "1.0.23.7.0.255", 2): DoubleLongUnsigned(100),
    (3, "1.0.43.7.0.255", 2): DoubleLongUnsigned(0),  # fed in: none of +Q
    (3, "1.0.23.7.0.255", 3): Structure((Integer(0), Enum(29))),
    (3, "1.0.1.7.0.255", 2): DoubleLongUnsigned(800),
    (3, "1.0.1.7.0.255", 3): Structure((Integer(0), Enum(27))),
    (3, "1.0.1.8.0.255", 2): DoubleLongUnsigned(1600),
    (3, "1.0.1.8.0.255", 3): Structure((Integer(0), Enum(30))),
    (3, "1.0.2.8.0.255", 2): DoubleLongUnsigned(600),
    (3, "1.0.3.8.0.255", 2): DoubleLongUnsigned(200),
    (3, "1.0.3.8.0.255", 3): Structure((Integer(0), Enum(32))),
    (3, "1.0.4.8.0.255", 2): DoubleLongUnsigned(80),
    (8, "0.0.1.0.0.255", 2): OctetString.fromhex("07EA0706010A071E00000000"),
    (8, "0.0.1.0.0.255", 3): Long(0),
    (15, "0.0.40.0.0.255", 3): Structure((Integer(1), LongUnsigned(1))),
    (15, "0.0.40.0.0.255", 8): Enum(2),
    (17, "0.0.41.0.0.255", 2): Array([Structure((LongUnsigned(1), OctetString(b"SIM0000000004")))]),
    (64, "0.0.43.0.0.255", 2): Enum(3),
    (64, "0.0.43.0.0.255", 3): Enum(0),
    (64, "0.0.43.0.0.255", 4): OctetString(b"TST\0\0\0\0\1"),
    (64, "0.0.43.0.0.255", 5): OctetString(b"SIM\0\0\0\0\4"),
    (70, "0.0.96.3.10.255", 2): Boolean(True),
    (70, "0.0.96.3.10.255", 3): Enum(1),
    (70, "0.0.96.3.10.255", 4): Enum(4),
    (71, "0.0.17.0.0.255", 2): Structure(
        (LongUnsigned(3), OctetString(LogicalName("1.0.1.7.0.255")), Integer(2))
    ),
    (71, "0.0.17.0.0.255", 3): DoubleLongUnsigned(UNLIMITED),
    (71, "0.0.17.0.0.255", 10): Boolean(False),
}


@pytest.mark.parametrize(("what", "value"), VALUES.items(), ids=lambda x: str(x)[:30])
def test_values(what: tuple[int, str, int], value: Value):
    assert get(meter(), MANAGEMENT_CLIENT, *what) == value


def test_every_object_that_the_field_expects_is_there():
    names = {str(name) for name in table(MeterType())}
    assert names >= {
        "0.0.42.0.0.255", "0.0.1.0.0.255", "0.0.41.0.0.255", "0.0.40.0.0.255", "0.0.43.0.0.255",
        "0.0.43.1.0.255", "0.0.96.3.10.255", "0.0.17.0.0.255", "0.0.10.0.106.255",
        "1.0.99.1.0.255", "1.0.1.7.0.255", "1.0.1.8.0.255", "1.0.52.7.0.255", "1.0.71.7.0.255",
    }  # fmt: skip
    assert "1.0.52.7.0.255" not in {str(name) for name in table(MeterType(phases=1))}


def test_the_power_register_counts_in_its_scaler():
    device = Meter(Identity(7, 1), ConstantLoad.of(1499, 600, 900), MeterType(power_scaler=3))
    assert get(device, 1, 3, "1.0.1.7.0.255", 2) == DoubleLongUnsigned(2)
    assert get(device, 1, 3, "1.0.1.7.0.255", 3) == Structure((Integer(3), Enum(27)))


def test_an_open_relay_stops_the_energy_and_leaves_the_voltage():
    device = meter()
    before = get(device, 1, 3, "1.0.1.8.0.255", 2)
    assert act(device, 1, 70, DISCONNECTOR, 1, Integer(0)) is ActionResult.SUCCESS
    assert get(device, 1, 3, "1.0.36.7.0.255", 2) == DoubleLong(0)
    assert get(device, 1, 3, "1.0.31.7.0.255", 2) == LongUnsigned(0)
    assert get(device, 1, 3, "1.0.32.7.0.255", 2) == LongUnsigned(2310)
    later = answer(
        asked_by(device, 1, NOW + 36_000),
        GetRequest.of(AttributeDescriptor(3, LogicalName("1.0.1.8.0.255"), 2)),
    )
    assert later.results == (before,)


# SET.

PROFILE_ID, ACTIVATION = (
    LongUnsigned(3),
    OctetString(meter_clock.shown(NOW + 600, meter_clock.TimeRules()).octets),
)
WRITES = {
    # name: (class, name, attribute, value, result)
    "limit": (71, LIMITER, 4, DoubleLongUnsigned(3500), "SUCCESS"),
    "limit in another type": (71, LIMITER, 4, LongUnsigned(3500), "TYPE_UNMATCHED"),
    "limit signed": (71, LIMITER, 4, DoubleLong(3500), "TYPE_UNMATCHED"),
    "no limit": (71, LIMITER, 4, DoubleLongUnsigned(UNLIMITED), "SUCCESS"),
    "active threshold": (71, LIMITER, 3, DoubleLongUnsigned(1), "READ_WRITE_DENIED"),
    "emergency threshold": (71, LIMITER, 5, DoubleLongUnsigned(1000), "SUCCESS"),
    "over duration": (71, LIMITER, 6, DoubleLongUnsigned(0), "SUCCESS"),
    "under duration": (71, LIMITER, 7, DoubleLongUnsigned(90), "SUCCESS"),
    "emergency profile": (
        71, LIMITER, 8, Structure((PROFILE_ID, ACTIVATION, DoubleLongUnsigned(60))), "SUCCESS"
    ),
    "emergency profile without its time": (
        71, LIMITER, 8,
        Structure((PROFILE_ID, OctetString(b"\xff" * 12), DoubleLongUnsigned(60))), "SUCCESS",
    ),
    "emergency profile with short octets": (
        71, LIMITER, 8, Structure((PROFILE_ID, OctetString(b"x"), DoubleLongUnsigned(60))),
        "TYPE_UNMATCHED",
    ),
    "emergency profile in two": (71, LIMITER, 8, Structure((PROFILE_ID,)), "TYPE_UNMATCHED"),
    "groups": (71, LIMITER, 9, Array(map(LongUnsigned, (3, 4))), "SUCCESS"),
    "no groups": (71, LIMITER, 9, Array(), "SUCCESS"),
    "too many groups": (71, LIMITER, 9, Array([LongUnsigned(1)] * 17), "OTHER_REASON"),
    "groups of another type": (71, LIMITER, 9, Array([Unsigned(1)]), "TYPE_UNMATCHED"),
    "scripts": (
        71, LIMITER, 11,
        Structure(Structure((OctetString(SCRIPTS), LongUnsigned(n))) for n in (1, 2)), "SUCCESS",
    ),
    "an unknown script": (
        71, LIMITER, 11,
        Structure(Structure((OctetString(SCRIPTS), LongUnsigned(n))) for n in (1, 3)),
        "OTHER_REASON",
    ),
    "another script table": (
        71, LIMITER, 11,
        Structure(Structure((OctetString(LIMITER), LongUnsigned(n))) for n in (1, 2)),
        "OBJECT_UNDEFINED",
    ),
    "control mode": (70, DISCONNECTOR, 4, Enum(6), "SUCCESS"),
    "control mode as a number": (70, DISCONNECTOR, 4, Unsigned(6), "TYPE_UNMATCHED"),
    "control mode unknown": (70, DISCONNECTOR, 4, Enum(7), "OTHER_REASON"),
    "output state": (70, DISCONNECTOR, 2, Boolean(False), "READ_WRITE_DENIED"),
    "control state": (70, DISCONNECTOR, 3, Enum(0), "READ_WRITE_DENIED"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("class_id", "name", "attribute", "value", "result"), WRITES.values(), ids=WRITES
)
def test_set_and_read_back(
    class_id: int, name: LogicalName, attribute: int, value: Value, result: str
):
    device = meter()
    before = get(device, 1, class_id, name, attribute)
    assert put(device, 1, class_id, name, attribute, value).name == result
    written = result == "SUCCESS"
    assert get(device, 1, class_id, name, attribute) == (value if written else before)
    assert len(device.history) == written


def test_a_limit_is_in_the_history_with_its_value_and_cause():
    device = meter()
    put(device, CONCENTRATOR_CLIENT, 71, LIMITER, 4, DoubleLongUnsigned(3500))
    (only,) = device.history
    assert (only.at, only.deed, only.cause, only.value) == (
        NOW,
        Deed.LIMIT_WRITTEN,
        "client 5",
        3500,
    )


def test_an_emergency_profile_takes_over_threshold_active():
    device = meter()
    put(device, 1, 71, LIMITER, 4, DoubleLongUnsigned(5000))
    put(device, 1, 71, LIMITER, 5, DoubleLongUnsigned(1000))
    put(device, 1, 71, LIMITER, 9, Array([PROFILE_ID]))
    begun = OctetString(meter_clock.shown(NOW - 10, meter_clock.TimeRules()).octets)
    put(device, 1, 71, LIMITER, 8, Structure((PROFILE_ID, begun, DoubleLongUnsigned(60))))
    assert get(device, 1, 71, LIMITER, 10) == Boolean(True)
    assert get(device, 1, 71, LIMITER, 3) == DoubleLongUnsigned(1000)
    assert get(device, 1, 71, LIMITER, 4) == DoubleLongUnsigned(5000)


@pytest.mark.parametrize("result", sorted(EVERY_RESULT - {DataAccessResult.SUCCESS}))
def test_a_meter_may_refuse_a_new_limit_for_any_reason(result: DataAccessResult):
    device = meter()
    device.faults.refused_sets[LIMITER, 4] = result
    assert put(device, 1, 71, LIMITER, 4, DoubleLongUnsigned(1)) is result
    assert get(device, 1, 71, LIMITER, 4) == DoubleLongUnsigned(UNLIMITED)
    assert device.history == ()


def test_a_meter_may_say_yes_and_keep_the_old_value():
    device = meter()
    device.faults.ignored_sets.add((LIMITER, 4))
    assert put(device, 1, 71, LIMITER, 4, DoubleLongUnsigned(1)) is DataAccessResult.SUCCESS
    assert get(device, 1, 71, LIMITER, 4) == DoubleLongUnsigned(UNLIMITED)


def test_one_that_fails_does_not_fail_the_others():
    limit = AttributeDescriptor(71, LIMITER, 4)
    other = AttributeDescriptor(71, LIMITER, 3)
    device = meter()
    response = answer(
        asked_by(device, 1),
        SetRequest((other, limit), (DoubleLongUnsigned(1), DoubleLongUnsigned(2))),
    )
    assert [result.name for result in response.results] == [  # type: ignore[union-attr]
        "READ_WRITE_DENIED",
        "SUCCESS",
    ]


# Clock.

CLOCKS = {
    # name: (offset of local time in minutes, written, shown): half a minute ahead of NOW
    "utc": (0, "07EA0706010A080000000000", "07EA0706010A080000000000"),
    "with deviation": (-240, "07EA0706010608000000F000", "07EA0706010608000000F000"),
    "of another zone": (-240, "07EA0706010A080000000000", "07EA0706010608000000F000"),
    "deviation not specified": (-240, "07EA0706FF06080000800000", "07EA0706010608000000F000"),
}


@pytest.mark.parametrize(("offset_min", "written", "shown"), CLOCKS.values(), ids=CLOCKS)
def test_the_clock_is_set(offset_min: int, written: str, shown: str):
    device = meter(utc_offset_min=offset_min)
    octets = OctetString.fromhex(written)
    assert put(device, 1, 8, "0.0.1.0.0.255", 2, OctetString(octets)) is DataAccessResult.SUCCESS
    assert get(device, 1, 8, "0.0.1.0.0.255", 2) == OctetString.fromhex(shown)
    assert device.time(NOW) - NOW == 30


@pytest.mark.parametrize("octets", [b"", b"\xff" * 12, bytes(12), b"\x07\xea\x02\x1f" + bytes(8)])
def test_a_clock_is_not_set_to_what_is_no_moment(octets: bytes):
    device = meter()
    assert put(device, 1, 8, "0.0.1.0.0.255", 2, OctetString(octets)) in (
        DataAccessResult.OTHER_REASON,
        DataAccessResult.TYPE_UNMATCHED,
    )
    assert device.time(NOW) == NOW


# Load profile.


def moment(seconds: float) -> OctetString:
    return OctetString(meter_clock.shown(seconds, meter_clock.TimeRules()).octets)


def rows_by_range(device: Meter, first: Value, last: Value) -> GetResult:
    columns = Array()
    asked = Structure((CAPTURE_OBJECTS[0], first, last, columns))
    return get(device, READER_CLIENT, 7, PROFILE, 2, SelectiveAccess(1, asked))


def rows_by_entry(device: Meter, *asked: int) -> GetResult:
    first, last, first_column, last_column = asked
    numbers = Structure(
        (
            DoubleLongUnsigned(first),
            DoubleLongUnsigned(last),
            LongUnsigned(first_column),
            LongUnsigned(last_column),
        )
    )
    return get(device, READER_CLIENT, 7, PROFILE, 2, SelectiveAccess(2, numbers))


def times(rows: GetResult) -> list[float]:
    assert isinstance(rows, Array)
    return [DateTime.from_octets(row[0]).to_datetime().timestamp() - NOW for row in rows]  # type: ignore[index, arg-type]


NEWEST = -450.0  # 10:00, seven minutes and a half before NOW


def test_the_whole_buffer():
    rows = get(meter(), READER_CLIENT, 7, PROFILE, 2)
    assert isinstance(rows, Array)
    assert len(rows) == ENTRIES_MAX
    assert times(rows)[-1] == NEWEST
    assert times(rows)[0] == NEWEST - (ENTRIES_MAX - 1) * 900
    assert get(meter(), READER_CLIENT, 7, PROFILE, 7) == DoubleLongUnsigned(ENTRIES_MAX)


RANGES = {
    # name: (first, last, times), seconds from the newest row
    "one row": (0, 0, [0]),
    "between rows": (-899, -1, []),
    "both ends included": (-1800, -900, [-1800, -900]),
    "ends within periods": (-1801, -899, [-1800, -900]),
    "into the future": (-900, 10**6, [-900, 0]),
    "all in the future": (10**6, 2 * 10**6, []),
    "backwards": (0, -1800, []),
    "long before": (-(10**8), -(10**8) + 9000, []),
}


@pytest.mark.parametrize(("first", "last", "expected"), RANGES.values(), ids=RANGES)
@pytest.mark.parametrize("tagged", [False, True])
def test_range_access(first: int, last: int, expected: list[int], tagged: bool):
    bounds: list[Value] = [moment(NOW + NEWEST + bound) for bound in (first, last)]
    if tagged:
        bounds = [DateTimeValue(DateTime.from_octets(bound)) for bound in bounds]  # type: ignore[arg-type]
    found = times(rows_by_range(meter(), *bounds))
    assert found == [NEWEST + each for each in expected]


def energies(device: Meter, first: Value, last: Value, by: Structure | None = None) -> GetResult:
    """Rows by what a column other than the clock holds: Blue Book 4.3.6 allows any simple type."""
    clock, energy = CAPTURE_OBJECTS[0], CAPTURE_OBJECTS[2]
    asked = Structure((energy if by is None else by, first, last, Array((clock, energy))))
    return get(device, READER_CLIENT, 7, PROFILE, 2, SelectiveAccess(1, asked))


def newest_energies(device: Meter) -> list[int]:
    rows = rows_by_entry(device, ENTRIES_MAX - 3, 0, 3, 3)
    assert isinstance(rows, Array)
    return [int(row[0]) for row in rows]  # type: ignore[index, arg-type]


OF_ENERGY = {
    # name: (which of the four newest rows bound the range, what is added to them, rows found)
    "one value": (3, 3, 0, 0, [3]),
    "both ends included": (1, 2, 0, 0, [1, 2]),
    "between values": (1, 2, 1, -1, []),
    "bounds between values": (1, 2, -1, 1, [1, 2]),
    "backwards": (2, 1, 0, 0, []),
}


@pytest.mark.parametrize("low, high, more, less, found", OF_ENERGY.values(), ids=OF_ENERGY)
@pytest.mark.parametrize("kind", [DoubleLongUnsigned, Long64Unsigned])
def test_range_access_by_another_column(
    low: int, high: int, more: int, less: int, found: list[int], kind: type
):
    device = meter()
    values = newest_energies(device)
    rows = energies(device, kind(values[low] + more), kind(values[high] + less))
    assert isinstance(rows, Array)
    assert [int(row[1]) for row in rows] == [values[at] for at in found]  # type: ignore[index, arg-type]
    assert times(rows) == [NEWEST + 900 * (at - 3) for at in found]


NOT_CAPTURED = Structure(
    (LongUnsigned(3), OctetString(LogicalName("1.0.32.7.0.255")), Integer(2), LongUnsigned(0))
)
REFUSED_RANGES = {
    "a column that is not captured": (
        NOT_CAPTURED, DoubleLongUnsigned(0), DoubleLongUnsigned(1),
        DataAccessResult.SCOPE_OF_ACCESS_VIOLATED,
    ),
    "no column": (
        Structure(()), DoubleLongUnsigned(0), DoubleLongUnsigned(1),
        DataAccessResult.SCOPE_OF_ACCESS_VIOLATED,
    ),
    "a number between strings": (
        None, OctetString(b"a"), OctetString(b"b"), DataAccessResult.TYPE_UNMATCHED,
    ),
    "bounds of two kinds": (
        None, DoubleLongUnsigned(0), OctetString(b"b"), DataAccessResult.TYPE_UNMATCHED,
    ),
    "bounds of no simple type": (None, Array(), Array(), DataAccessResult.TYPE_UNMATCHED),
    "no bounds": (None, NULL, NULL, DataAccessResult.TYPE_UNMATCHED),
}  # fmt: skip


@pytest.mark.parametrize("by, first, last, code", REFUSED_RANGES.values(), ids=REFUSED_RANGES)
def test_range_access_that_cannot_be(
    by: Structure | None, first: Value, last: Value, code: DataAccessResult
):
    assert energies(meter(), first, last, by) is code


@pytest.mark.parametrize("bound", [OctetString(bytes(12)), OctetString(b""), Integer(1)])
def test_range_access_needs_moments(bound: Value):
    assert rows_by_range(meter(), bound, moment(NOW)) is DataAccessResult.TYPE_UNMATCHED


ENTRIES = {
    # name: (asked, times from the newest row in periods, columns)
    "newest": ((ENTRIES_MAX, 0, 1, 0), [0], 6),
    "newest two": ((ENTRIES_MAX - 1, ENTRIES_MAX, 1, 0), [-1, 0], 6),
    "oldest": ((1, 1, 1, 1), [1 - ENTRIES_MAX], 1),
    "some columns": ((ENTRIES_MAX, 0, 1, 3), [0], 3),
    "beyond the end": ((ENTRIES_MAX, 10**6, 1, 0), [0], 6),
    "past the end": ((ENTRIES_MAX + 1, 0, 1, 0), [], 0),
}


@pytest.mark.parametrize(("asked", "expected", "columns"), ENTRIES.values(), ids=ENTRIES)
def test_entry_access(asked: tuple[int, int, int, int], expected: list[int], columns: int):
    rows = rows_by_entry(meter(), *asked)
    assert times(rows) == [NEWEST + 900 * each for each in expected]
    assert isinstance(rows, Array)
    assert {len(row) for row in rows} <= {columns}  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", [(0, 0, 1, 0), (1, 0, 0, 0)])
def test_entries_and_columns_count_from_one(asked: tuple[int, int, int, int]):
    assert rows_by_entry(meter(), *asked) is DataAccessResult.SCOPE_OF_ACCESS_VIOLATED


def test_rows_and_registers_agree_across_an_interruption():
    device = meter()
    act(device, 1, 70, DISCONNECTOR, 1, Integer(0))
    rows_then = times(rows := rows_by_entry(device, ENTRIES_MAX, 0, 1, 0))
    assert rows_then == [NEWEST]
    assert isinstance(rows, Array)
    # Two hours less seven minutes and a half at 800 W.
    assert rows[0][2] == DoubleLongUnsigned(1500)  # type: ignore[index]
    bounds = moment(NOW - 900), moment(NOW + 3600)
    later = answer(
        asked_by(device, READER_CLIENT, NOW + 86_400),
        GetRequest.of(
            AttributeDescriptor(
                7,
                PROFILE,
                2,
                SelectiveAccess(1, Structure((CAPTURE_OBJECTS[0], *bounds, Array()))),
            )
        ),
    )
    (rows,) = later.results
    assert isinstance(rows, Array)
    assert [int(row[2]) for row in rows] == [1500, 1600, 1600, 1600, 1600]  # type: ignore[index, arg-type, misc]


def test_an_association_s_own_attributes_differ_by_client():
    device = meter()
    assert get(device, READER_CLIENT, 15, "0.0.40.0.0.255", 6) != get(
        device, MANAGEMENT_CLIENT, 15, "0.0.40.0.0.255", 6
    )


def test_a_meter_without_users_tells_the_user_that_nobody_is():
    """Blue Book 4.4.4: 0 and no name; a name is a visible-string."""
    user = get(meter(association_version=2), MANAGEMENT_CLIENT, 15, "0.0.40.0.0.255", 11)
    assert axdr.encode(user) == bytes.fromhex("020211000A00")


def test_a_security_setup_is_its_own_client_s_whoever_asks():
    device, name = meter(), "0.0.43.0.4.255"
    assert get(device, PROBE_CLIENT, 64, name, 4) == OctetString(b"TST\0\0\0\0\1")
    assert get(device, MANAGEMENT_CLIENT, 64, name, 4) == OctetString(b"")
    probe, management = device.clients[PROBE_CLIENT], device.clients[MANAGEMENT_CLIENT]
    before, wanted = keys_of(device, management), {UNICAST: b"N" * 16}
    of_management = transfer_data(before.master or b"", wanted)
    assert act(device, MANAGEMENT_CLIENT, 64, name, 2, of_management) is ActionResult.OTHER_REASON
    of_probe = transfer_data(keys_of(device, probe).master or b"", wanted)
    assert act(device, MANAGEMENT_CLIENT, 64, name, 2, of_probe) is ActionResult.SUCCESS
    assert keys_of(device, probe).encryption == wanted[UNICAST]
    assert keys_of(device, management) == before
    assert device.history[-1].cause == f"client {MANAGEMENT_CLIENT}"


def test_types_of_meters_share_one_table():
    assert table(MeterType()) is table(replace(MeterType()))
    assert table(MeterType()) is not table(MeterType(phases=1))
