"""Controls of every kind, linkages, and what the codes of controls and events mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headend.domain.event_table import EVENTS as METER_EVENTS
from protocols.cim import (
    codec,
    control_request,
    device_controls,
    envelope,
    exchange,
    linkage,
    meter_config,
    schema,
    type_words,
    xml,
)
from protocols.cim.amount import Amount, Unit
from protocols.cim.control_types import CONTROL_TYPES, EVENT_TYPES, ControlKind
from protocols.cim.device_controls import Asked, DeviceControl, LoadShift
from protocols.cim.end_device_controls import EndDevice, MeterRef
from protocols.cim.errors import RequestRefused
from protocols.cim.exchange import Style
from protocols.cim.linkage import Linkage
from protocols.cim.records.end_device_controls_auto import EndDeviceControls
from protocols.cim.records.master_linkage_config_auto import MasterDataLinkageConfig
from protocols.cim.replies import Stamp
from protocols.dlms.objects.event_codes import event_words
from tests.cim.records import times, words

AT = datetime(2026, 7, 6, 14, tzinfo=UTC)
STAMP = Stamp(source="CIS", message_id="m-1", at=AT, correlation_id="c-1")
METER = MeterRef("90000001")
LIMIT = Amount(Decimal(1500), Unit.W)
refs = st.builds(MeterRef, words, st.sampled_from(["name", "uuid"]))
some_refs = st.lists(refs, min_size=1, max_size=3, unique=True).map(tuple)
percent = st.none() | st.decimals(-100, 100, places=1)
loads = st.builds(
    LoadShift,
    adjustment_percent=percent,
    duty_cycle_percent=percent,
    start=st.none() | times,
    duration_min=st.none() | st.decimals(0, 1000, places=1),
    criticality=st.none() | words,
    cancel_now=st.sampled_from([None, True, False]),
)
amounts = st.builds(Amount, st.integers(1, 10**6).map(Decimal), st.sampled_from(Unit))


@st.composite
def controls(draw: st.DrawFn) -> DeviceControl:
    asked = draw(st.sampled_from(Asked))
    limits = (Asked.SET_LIMIT, Asked.SET_EMERGENCY_LIMIT)
    return DeviceControl(
        asked=asked,
        meters=draw(some_refs),
        amount=draw(amounts) if asked in limits else None,
        load=draw(loads) if asked is Asked.LOAD_CONTROL else None,
        start=draw(st.none() | times),
        end=draw(st.none() | times),
        mrid=draw(st.none() | words),
        reason=draw(st.none() | words),
    )


@given(items=st.lists(controls(), max_size=3))
def test_controls_come_back(items: list[DeviceControl]) -> None:
    element = codec.element(device_controls.write(items), extensions=True)
    schema.check_content(element)
    record = codec.decode(xml.parse(xml.serialize(element)))
    assert isinstance(record, EndDeviceControls)
    assert list(device_controls.read(record)) == items


CHANGES = {
    "create": (Asked.SET_LIMIT, LIMIT), "change": (Asked.SET_LIMIT, LIMIT),
    "cancel": (Asked.DISCONNECT, None), "close": (Asked.CONNECT, None),
    "delete": (Asked.DEMAND_RESET, None),
}  # fmt: skip


@pytest.mark.parametrize("typed", [False, True], ids=["generic", "typed"])
@pytest.mark.parametrize(("verb", "asked"), CHANGES.items(), ids=CHANGES)
def test_in_a_message(verb: str, asked: tuple[Asked, Amount | None], typed: bool) -> None:
    control = DeviceControl(asked=asked[0], meters=(METER,), amount=asked[1])
    style = Style(typed=typed, extensions=True)
    sent = exchange.request(
        verb, "EndDeviceControls", STAMP, device_controls.write([control]), style
    )
    got = exchange.receive(xml.parse(xml.serialize(envelope.write(sent)))).message
    (record,) = exchange.content(got)
    assert isinstance(record, EndDeviceControls)
    assert device_controls.read(record) == (control,)


ORDERED = {
    Asked.SET_LIMIT: ControlKind.SET_LIMIT,
    Asked.REMOVE_LIMIT: ControlKind.REMOVE_LIMIT,
    Asked.SET_EMERGENCY_LIMIT: ControlKind.SET_LIMIT,
    Asked.REMOVE_EMERGENCY_LIMIT: ControlKind.REMOVE_LIMIT,
    Asked.CONNECT: ControlKind.CONNECT,
    Asked.DISCONNECT: ControlKind.DISCONNECT,
    Asked.ARM: ControlKind.ARM,
    Asked.ARM_FOR_OPEN: None,
    Asked.DEMAND_RESET: ControlKind.RESET_DEMAND,
    Asked.LOAD_CONTROL: ControlKind.LOAD_OFF,
}


@pytest.mark.parametrize(("asked", "kind"), ORDERED.items())
def test_the_reader_of_orders_understands_them_or_refuses(
    asked: Asked, kind: ControlKind | None
) -> None:
    control = DeviceControl(
        asked=asked,
        meters=(METER,),
        amount=LIMIT if asked in (Asked.SET_LIMIT, Asked.SET_EMERGENCY_LIMIT) else None,
        load=LoadShift(duty_cycle_percent=Decimal(0)) if asked is Asked.LOAD_CONTROL else None,
    )
    sent = exchange.request(
        "create", "EndDeviceControls", STAMP, device_controls.write([control]),
        Style(extensions=True),
    )  # fmt: skip
    root = xml.parse(xml.serialize(envelope.write(sent)))
    schema.check(root)
    if kind is None:
        with pytest.raises(RequestRefused, match="ARMADO_DE_APERTURA_IMPOSIBLE"):
            control_request.read(envelope.read(root), now=AT)
        return
    (read,) = control_request.read(envelope.read(root), now=AT).controls
    assert (read.kind, read.amount, read.meters) == (kind, control.amount, (METER,))
    assert read.emergency is ("emergency" in asked)


def test_a_limit_in_the_strict_place() -> None:
    config = meter_config.limit_config([METER, MeterRef("u", "uuid")], Decimal("1.5E3"))
    element = xml.parse(codec.encode(config))
    schema.check_content(element)
    (limit,) = meter_config.read(element)
    assert (limit.power_limit, limit.check) == ("1500", True)
    assert limit.meters == (EndDevice(names=("90000001",)), EndDevice(mrid="u"))
    (lifted,) = meter_config.read(codec.element(meter_config.limit_config([METER], None)))
    assert (lifted.power_limit, lifted.check) == (None, False)


@pytest.mark.parametrize(
    "wrong",
    [{"asked": Asked.SET_LIMIT}, {"asked": Asked.CONNECT, "amount": LIMIT},
     {"asked": Asked.LOAD_CONTROL}, {"asked": Asked.ARM, "load": LoadShift()}],
)  # fmt: skip
def test_what_is_no_control(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        DeviceControl(meters=(METER,), **wrong)


KIND = '<c:EndDeviceControlType ref="{}"/>'
MINE = "<c:EndDevices><c:mRID>m</c:mRID></c:EndDevices>"
RESET = KIND.format("3.8.0.214")
PAN = "<c:PanDemandResponse><c:dutyCycle>50</c:dutyCycle></c:PanDemandResponse>"
WATTS = (
    "<c:EndDeviceControlAttribute><c:name>powerLimit</c:name><c:value>9</c:value>"
    "</c:EndDeviceControlAttribute>"
)
MALFORMED = {
    # what is inside a control: the code, the element and the key
    "no type": ("<c:EndDeviceControlType/>" + MINE, "5.8", "EndDeviceControlType", "TIPO_FALTA"),
    "an unknown type": (KIND.format("3.1.1.1") + MINE, "1.8", "EndDeviceControlType",
                        "TIPO_DESCONOCIDO"),
    "a word for a type": (KIND.format("cortar") + MINE, "1.8", "EndDeviceControlType",
                          "TIPO_DESCONOCIDO"),
    "no meter": (RESET, "5.8", "EndDevices", "MEDIDOR_FALTA"),
    "a meter without name": (RESET + "<c:EndDevices/>", "5.8", "EndDevices", "MEDIDOR_FALTA"),
    "no amount": (KIND.format("3.31.139.13") + MINE, "5.8", "powerLimit", "MONTO_FALTA"),
    "an amount too many": (RESET + WATTS + MINE, "1.8", "powerLimit", "MONTO_INESPERADO"),
    "no load": (KIND.format("3.15.0.13") + MINE, "5.8", "PanDemandResponse", "CARGA_FALTA"),
    "a load too many": (PAN + RESET + MINE, "1.8", "EndDeviceControlType", "CARGA_INESPERADA"),
    "a group": (RESET + "<c:EndDeviceGroups><c:mRID>g</c:mRID></c:EndDeviceGroups>" + MINE, "1.8",
                "EndDeviceGroups", "CONTENIDO_NO_ADMITIDO"),
    "a display": ("<c:PanDisplay><c:command>x</c:command></c:PanDisplay>" + RESET + MINE, "1.8",
                  "PanDisplay", "CONTENIDO_NO_ADMITIDO"),
    "a usage point": (RESET + MINE + "<c:UsagePoints><c:mRID>p</c:mRID></c:UsagePoints>", "1.8",
                      "UsagePoints", "CONTENIDO_NO_ADMITIDO"),
}  # fmt: skip


def from_text(*inside: str) -> EndDeviceControls:
    each = "".join(f"<c:EndDeviceControl>{text}</c:EndDeviceControl>" for text in inside)
    root = xml.parse(
        '<c:EndDeviceControls xmlns:c="http://iec.ch/TC57/2011/EndDeviceControls#">'
        f"{each}</c:EndDeviceControls>".encode()
    )
    schema.check_content(root)
    record = codec.decode(root)
    assert isinstance(record, EndDeviceControls)
    return record


@pytest.mark.parametrize(("inside", "code", "xpath", "key"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_controls(inside: str, code: str, xpath: str, key: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        device_controls.read(from_text(inside))
    (error,) = refused.value.errors
    assert (error.code, error.xpath, error.key) == (code, xpath, key)


def test_every_wrong_control_is_told() -> None:
    with pytest.raises(RequestRefused) as refused:
        device_controls.read(from_text(RESET + MINE, *(row[0] for row in MALFORMED.values())))
    assert [e.code for e in refused.value.errors] == [row[1] for row in MALFORMED.values()]


def test_a_vendors_load_control_is_known_by_its_load() -> None:
    (control,) = device_controls.read(from_text(PAN + KIND.format("26.15.9.26") + MINE))
    assert (control.asked, control.load) == (
        Asked.LOAD_CONTROL, LoadShift(duty_cycle_percent=Decimal(50)),
    )  # fmt: skip


# Linkages


@given(
    meters=st.lists(refs, min_size=1, max_size=3).map(tuple),
    point=refs,
    customers=st.lists(refs, max_size=2).map(tuple),
    effective=st.none() | times,
)
def test_linkages_come_back(
    meters: tuple[MeterRef, ...],
    point: MeterRef,
    customers: tuple[MeterRef, ...],
    effective: datetime | None,
) -> None:
    link = Linkage(meters=meters, usage_points=(point,), customers=customers, effective=effective)
    element = xml.parse(codec.encode(linkage.write(link)))
    schema.check_content(element)
    record = codec.decode(element)
    assert isinstance(record, MasterDataLinkageConfig)
    assert linkage.read(record) == link


TWO = (METER, replace(METER, value="2"))
NO_LINKAGE = {
    "one object": (Linkage(meters=(METER,)), "5.8"),
    "nothing": (Linkage(effective=AT), "5.8"),
    "whose is whose": (Linkage(meters=TWO, usage_points=TWO), "2.29"),
    "without name": (Linkage(meters=(MeterRef(""),), usage_points=(METER,)), "5.8"),
}


@pytest.mark.parametrize(("link", "code"), NO_LINKAGE.values(), ids=NO_LINKAGE)
def test_what_links_nothing(link: Linkage, code: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        linkage.read(linkage.write(link))
    assert refused.value.errors[0].code == code


# Words


def test_every_code_has_words_in_two_languages() -> None:
    assert set(type_words.CONTROLS) == set(CONTROL_TYPES)
    assert set(type_words.EVENTS) == set(EVENT_TYPES)
    for code, row in {**type_words.CONTROLS, **type_words.EVENTS}.items():
        assert row.english and row.spanish and row.english != row.spanish
        assert type_words.meaning(code) == row.english
        assert type_words.meaning(code, "es") == row.spanish
    assert set(device_controls.CODE_OF.values()) <= set(CONTROL_TYPES)


def test_meters_events_agree_with_the_head_ends_table() -> None:
    ours = {row.code: row.cim for row in METER_EVENTS.values() if row.cim}
    told = {code: type_words.of_meter_event(code) for code in METER_EVENTS}
    assert ours == {code: cim for code, cim in told.items() if code in ours}
    assert set(ours) <= {code for code, cim in told.items() if cim}
    for row in type_words.EVENTS.values():
        for code in row.meter_events:
            assert event_words(code)


PARTS = {
    "3.26.131.999": ("electric meter, power, 131, 999", "medidor, alimentación, 131, 999"),
    "10.19.0.79": ("collector, modem, error", "concentrador, módem, error"),
    "26.11.0.58": ("com device, firmware, succeeded", "equipo de comunicación, firmware, logrado"),
    "0.0.0.0": ("0.0.0.0", "0.0.0.0"),
}


@pytest.mark.parametrize(("code", "english", "spanish"), [(k, *v) for k, v in PARTS.items()])
def test_codes_without_a_row(code: str, english: str, spanish: str) -> None:
    assert (type_words.meaning(code), type_words.meaning(code, "es")) == (english, spanish)


@pytest.mark.parametrize("code", ["", "3.31.0", "3.31.0.x", "cortar", "3.31.0.23.1"])
def test_what_is_no_code(code: str) -> None:
    with pytest.raises(ValueError):
        type_words.meaning(code)
