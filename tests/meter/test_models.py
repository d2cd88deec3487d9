"""For every model and client: the object list is exactly what answers, with values of the types
that the Blue Book gives them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from devices.meter.device import Meter
from devices.meter.faults import FAULTS
from devices.meter.identity import Identity
from devices.meter.load import DailyLoad
from devices.meter.meter_type import FEATURES, MeterType
from devices.meter.models import STANDARD, UnknownModel, model, names, read
from devices.meter.objects import table
from protocols.dlms import axdr
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.values import (
    NULL,
    Array,
    BitString,
    Boolean,
    DoubleLong,
    DoubleLongUnsigned,
    Enum,
    Float32,
    Integer,
    Long,
    LongUnsigned,
    NullData,
    OctetString,
    Structure,
    Unsigned,
    Value,
)
from tests.meter.asking import Asking

NOW = datetime(2026, 7, 8, 10, 7, 30, tzinfo=UTC).timestamp()

ANY: tuple[type[Any], ...] = (
    Unsigned, LongUnsigned, DoubleLongUnsigned, DoubleLong, OctetString, Array, Structure
)  # fmt: skip
TYPES: dict[int, dict[int, tuple[type[Any], ...]]] = {
    # class: {attribute: the types that its value may have}; attribute 1 is an octet-string
    1: {2: ANY},
    3: {2: (LongUnsigned, DoubleLongUnsigned, DoubleLong), 3: (Structure,)},
    4: {2: (DoubleLongUnsigned,), 3: (Structure,), 4: (Unsigned,), 5: (OctetString,)},
    5: {
        2: (DoubleLongUnsigned,), 3: (DoubleLongUnsigned,), 4: (Structure,), 5: (Unsigned,),
        6: (OctetString,), 7: (OctetString,), 8: (DoubleLongUnsigned,), 9: (LongUnsigned,),
    },
    6: {2: (Array,), 3: (Array,), 4: (OctetString,)},
    7: {
        2: (Array,), 3: (Array,), 4: (DoubleLongUnsigned,), 5: (Enum,), 6: (Structure,),
        7: (DoubleLongUnsigned,), 8: (DoubleLongUnsigned,),
    },
    8: {
        2: (OctetString,), 3: (Long,), 4: (Unsigned,), 5: (OctetString,), 6: (OctetString,),
        7: (Integer,), 8: (Boolean,), 9: (Enum,),
    },
    9: {2: (Array,)},
    11: {2: (Array,)},
    15: {
        2: (Array,), 3: (Structure,), 4: (Structure,), 5: (Structure,), 6: (Structure,),
        8: (Enum,), 9: (OctetString,), 10: (Array,), 11: (Structure,),
    },
    17: {2: (Array,)},
    18: {
        2: (DoubleLongUnsigned,), 3: (BitString,), 4: (DoubleLongUnsigned,), 5: (Boolean,),
        6: (Enum,), 7: (Array,),
    },
    20: {
        2: (OctetString,), 3: (Array,), 4: (Array,), 5: (Array,), 6: (OctetString,),
        7: (Array,), 8: (Array,), 9: (Array,), 10: (OctetString,),
    },
    21: {2: (Array,), 3: (Structure,), 4: (Array,)},
    22: {2: (Structure,), 3: (Enum,), 4: (Array,)},
    40: {
        2: (Array,), 3: (Structure,), 4: (Array,), 5: (LongUnsigned,), 6: (Unsigned,),
        7: (LongUnsigned,),
    },
    64: {2: (Enum,), 3: (Enum,), 4: (OctetString,), 5: (OctetString,), 6: (Array,)},
    70: {2: (Boolean,), 3: (Enum,), 4: (Enum,)},
    71: {
        2: (Structure,), 3: (DoubleLongUnsigned,), 4: (DoubleLongUnsigned,),
        5: (DoubleLongUnsigned,), 6: (DoubleLongUnsigned,), 7: (DoubleLongUnsigned,),
        8: (Structure,), 9: (Array,), 10: (Boolean,), 11: (Structure,),
    },
}  # fmt: skip
"""DLMS UA 1000-1 4.3 to 4.5."""

EVERY = [(name, client.sap) for name in names() for client in model(name).clients]


def meter_of(name: str) -> Meter:
    kind = replace(model(name), profile_entries=48)
    return Meter(Identity(7, 4), DailyLoad((8,) * kind.phases, (2,) * kind.phases), kind)


def listed(
    asking: Asking,
) -> tuple[dict[tuple[int, bytes, int], int], dict[tuple[bytes, int], int]]:
    """Access modes of attributes and of methods, as the association's object list has them."""
    objects = asking.get(15, "0.0.40.0.0.255", 2)
    assert isinstance(objects, Array)
    attributes, methods = {}, {}
    for class_id, _, name, (its_attributes, its_methods) in objects:  # type: ignore[misc]
        for index, mode, _ in its_attributes:
            attributes[int(class_id), bytes(name), int(index)] = int(mode)
        for index, mode in its_methods:
            methods[bytes(name), int(index)] = int(mode)
    return attributes, methods


@pytest.mark.parametrize(("name", "sap"), EVERY)
def test_what_is_listed_readable_answers_and_nothing_else(name: str, sap: int):
    asking = Asking(meter_of(name), NOW, sap)
    modes, _ = listed(asking)
    for each in table(asking.meter.type).values():
        for index in (1, *each.attributes, 99):
            result = asking.get(each.class_id, str(each.name), index)
            where = (str(each.name), each.class_id, index)
            if modes.get((each.class_id, bytes(each.name), index), 0) & 1:
                kinds = (OctetString,) if index == 1 else TYPES[each.class_id][index]
                assert type(result) in kinds, where
                assert axdr.decode(axdr.encode(result)) == result  # type: ignore[arg-type]
            else:
                assert result is DataAccessResult.READ_WRITE_DENIED, where
        other = 3 if each.class_id != 3 else 1
        wrong_class = asking.get(other, str(each.name), 2)
        if (each.class_id, bytes(each.name), 1) in modes:
            assert wrong_class is DataAccessResult.OBJECT_CLASS_INCONSISTENT
        else:
            assert wrong_class is DataAccessResult.READ_WRITE_DENIED
    assert asking.get(1, "9.9.9.9.9.9", 2) is DataAccessResult.OBJECT_UNDEFINED


@pytest.mark.parametrize(("name", "sap"), EVERY)
def test_what_is_listed_writable_or_callable_takes_values_and_nothing_else(name: str, sap: int):
    asking = Asking(meter_of(name), NOW, sap)
    modes, methods = listed(asking)
    for each in table(asking.meter.type).values():
        where = str(each.name)
        for index in (1, *each.attributes):
            result = asking.put(each.class_id, where, index, Float32(0))  # of a type none has
            writable = modes.get((each.class_id, bytes(each.name), index), 0) & 2
            assert result is (
                DataAccessResult.TYPE_UNMATCHED if writable else DataAccessResult.READ_WRITE_DENIED
            ), (where, index)
        for index in each.methods:
            if each.class_id == 15 and index == 1:
                continue  # reply_to_HLS is the connection's affair
            done = asking.act(each.class_id, where, index, Float32(0))
            assert done is (
                ActionResult.TYPE_UNMATCHED
                if methods.get((bytes(each.name), index))
                else ActionResult.READ_WRITE_DENIED
            ), (where, index)
    assert asking.meter.history == ()


@pytest.mark.parametrize(("name", "sap"), EVERY)
def test_attribute_0_is_all_that_may_be_read(name: str, sap: int):
    asking = Asking(meter_of(name), NOW, sap)
    modes, _ = listed(asking)
    for each in table(asking.meter.type).values():
        whole = asking.get(each.class_id, str(each.name), 0)
        if not each.visible & asking.meter.clients[sap].right:
            assert whole is DataAccessResult.READ_WRITE_DENIED
            continue
        assert isinstance(whole, Structure) and len(whole) == max(each.attributes)
        for index, value in enumerate(whole, 1):
            readable = modes.get((each.class_id, bytes(each.name), index), 0) & 1
            one: Value = asking.get(each.class_id, str(each.name), index) if readable else NULL  # type: ignore[assignment]
            assert value == one or isinstance(value, NullData)
            assert isinstance(value, NullData) is not bool(readable)


@pytest.mark.parametrize("name", names())
def test_each_model_has_the_association_version_and_objects_it_says(name: str):
    kind = model(name)
    objects = table(kind)
    associations = [each for each in objects.values() if each.class_id == 15]
    assert {each.version for each in associations} == {kind.association_version}
    assert len(associations) == 1 + len(kind.clients)
    top = {0: 8, 1: 9, 2: 11, 3: 11}[kind.association_version]
    assert max(associations[0].attributes) == top
    classes = {each.class_id for each in objects.values()}
    of_feature = {
        "tariffs": {6, 11, 20}, "demand": {4, 5}, "disconnector": {70, 71}, "image": {18},
        "push": {40}, "monitor": {21},
    }  # fmt: skip
    for feature, its_classes in of_feature.items():
        assert (its_classes <= classes) is (feature in kind.features), feature
    voltages = [n for n in map(str, objects) if n in ("1.0.32.7.0.255", "1.0.52.7.0.255")]
    assert len(voltages) == (1 if kind.phases == 1 else 2)


def test_the_standard_meter_lacks_nothing():
    assert model(STANDARD) == MeterType()
    assert model(STANDARD).features == FEATURES
    assert set(TYPES) >= {each.class_id for each in table(MeterType()).values()}


NO_MODELS = {
    "an unknown key": 'colour = "grey"',
    "an unknown feature": 'leave_out = ["wings"]',
    "an unknown fault": 'quirks = ["sings"]',
    "two phases": "phases = 2",
    "a period that divides no day": "capture_period_s = 700",
    "a version that there is not": "association_version = 4",
    "a scaler too high": "energy_scaler = 4",
}


@pytest.mark.parametrize("text", NO_MODELS.values(), ids=NO_MODELS)
def test_what_is_no_model(text: str):
    with pytest.raises(ValueError):
        read("bad", text)


def test_an_unknown_model_is_told_the_known_ones():
    with pytest.raises(UnknownModel, match="industrial-three-phase"):
        model("toaster")


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_given_and_taken_away(name: str):
    meter = meter_of(STANDARD)
    meter.set_fault(name, now=NOW)
    fault = FAULTS[name]
    assert fault.text
    if fault.flag:
        assert getattr(meter.faults, fault.flag) is True
    elif fault.drift_ppm:
        assert meter.time(NOW + 86_400) - NOW - 86_400 == pytest.approx(17.28, abs=0.01)
    else:
        assert meter.dirty(name)
    meter.set_fault(name, on=False, now=NOW + 10)
    assert not meter.dirty(name)
    assert not (fault.flag and getattr(meter.faults, fault.flag))
    assert meter.timeline.latest.drift_ppm == 0
