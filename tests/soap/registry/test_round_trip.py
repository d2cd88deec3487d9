"""What one head-end tells of its registry makes the same registry of an empty one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from headend.domain.life_cycle import Step
from headend.domain.meter import Concentrator, Meter, Stage
from headend.domain.place import Place, PlaceKind
from headend.ports import Transaction
from headend.registry.lives import By, NotTaken, install, move
from headend.registry.lives import link as linked
from protocols.cim.codes import Result
from protocols.cim.exchange import GENERIC, Style
from protocols.cim.records import meter_config_auto as mc
from protocols.cim.records import usage_point_config_auto as up
from protocols.cim.records.parts_auto import LifecycleDate, Name, NameType, ProductAssetModel, Seal
from tests import databases
from tests.soap.desk import AT
from tests.soap.registry.office import TYPED, Office, linkage_config, office, told

NOUNS = ("EndDeviceConfig", "MeterConfig", "UsagePointConfig", "MasterDataLinkageConfig")
METERS, POINTS = [f"M{n}" for n in range(4)], [f"P{n}" for n in range(4)]

texts = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=9)
watts = st.decimals(1, 99_999, places=1, allow_nan=False)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def told_meters(draw: st.DrawFn) -> list[mc.Meter]:
    meters = []
    for name in draw(st.lists(st.sampled_from(METERS), unique=True)):
        typed = [Name(name=name)]
        if draw(st.booleans()):
            typed.append(Name(name=draw(texts), name_type=NameType(name="Placa")))
        if draw(st.booleans()):
            title = f"4C475A00{METERS.index(name):08X}"
            typed.append(Name(name=title, name_type=NameType(name="SystemTitle")))
        model = draw(maybe(st.just(ProductAssetModel(model_number="sim-3p"))))
        meters.append(
            mc.Meter(
                mrid=draw(maybe(st.just(f"mrid-{name}"))),
                serial_number=draw(maybe(texts)),
                lot_number=draw(maybe(texts)),
                is_virtual=draw(maybe(st.booleans())),
                purchase_price=draw(maybe(watts)),
                lifecycle=draw(maybe(st.just(LifecycleDate(received_date="2026-01-31")))),
                end_device_info=None if model is None else mc.EndDeviceInfo(asset_model=model),
                meter_multipliers=draw(
                    st.sampled_from([(), (mc.MeterMultiplier(kind="ctRatio", value=Decimal(60)),)])
                ),
                names=tuple(typed),
                seals=tuple(Seal(seal_number=each) for each in draw(st.lists(texts, max_size=2))),
            )
        )
    return meters


@st.composite
def told_points(draw: st.DrawFn) -> list[up.UsagePoint]:
    points = []
    for code in draw(st.lists(st.sampled_from(POINTS), unique=True)):
        street = up.StreetDetail(address_general=draw(maybe(texts)), number=draw(maybe(texts)))
        where = up.UsagePointLocation(main_address=up.StreetAddress(street_detail=street))
        feeder = draw(st.sampled_from(["T1", "T2", "R1", None]))
        points.append(
            up.UsagePoint(
                mrid=draw(maybe(st.just(f"mrid-{code}"))),
                is_sdp=draw(maybe(st.booleans())),
                phase_code=draw(maybe(st.sampled_from(["A", "BN", "ABC", "AB", "s1"]))),
                rated_power=draw(maybe(watts)),
                read_cycle=draw(maybe(texts)),
                names=(Name(name=code),),
                equipments=() if feeder is None else (up.Equipment(names=(Name(name=feeder),)),),
                usage_point_location=where if draw(st.booleans()) else None,
            )
        )
    return points


pairs = st.lists(
    st.tuples(
        st.sampled_from(METERS), st.sampled_from(POINTS), maybe(st.sampled_from(["C1", "C2"])),
        maybe(texts),
    ),
    max_size=4,
)  # fmt: skip
steps = st.lists(
    st.tuples(st.sampled_from([Step.COMMISSION, Step.BLOCK, Step.REMOVE]), st.sampled_from(METERS)),
    max_size=3,
)


def _grid(tx: Transaction) -> None:
    """What comes by other doors: the wider places."""
    tx.put_places([Place("R1", PlaceKind.REGION)])
    tx.put_places([Place(code, PlaceKind.TRANSFORMER, "R1") for code in ("T1", "T2")])


def _other_doors(tx: Transaction) -> None:
    """What shipments, crews and concentrators have done besides."""
    by = By("crew", AT - timedelta(days=9))
    tx.put_concentrators([Concentrator("C1", "895601"), Concentrator("C2")])
    tx.put_places([Place("Q1", PlaceKind.SERVICE_POINT, "T1", "Los Leones 220")])
    tx.put_meters(
        [
            Meter("S1", "C1", model="sim-3p", identity="LGZ1", stage=Stage.IN_STOCK),
            Meter("S2", address="tcp://10.0.0.2:4059", stage=Stage.IN_STOCK),
            Meter("S3", contracted_w=Decimal(9), recorded_phase="B", stage=Stage.IN_STOCK),
            Meter("S4", address="gateway", stage=Stage.IN_STOCK),
        ]
    )
    install(tx, "S3", "Q1", by)
    linked(tx, "S3", "C2", by)


def _registry(tx: Transaction) -> object:
    """All that a create can bring about: of where a meter stands, whether it hangs."""
    meters = []
    for name in (*METERS, "S1", "S2", "S3", "S4"):
        meter = tx.meter(name)
        hangs = [(i.service_point, i.since) for i in tx.installations_of(name) if i.until is None]
        if meter is None or meter.stage is Stage.REMOVED:
            continue
        shown = (meter.concentrator, meter.model, meter.address, meter.identity, meter.title)
        supply = (meter.contracted_w, meter.recorded_phase) if hangs else None
        meters.append((name, shown, supply, hangs))
    places = [tx.place(code) for code in (*POINTS, "Q1")]
    related = [point.related for code in POINTS if (point := tx.usage_point(code))]
    return meters, places, [each for each in related if each], tx.concentrators_behind("", 9)


async def _filled(
    at: Office, meters: list[mc.Meter], points: list[up.UsagePoint], pairs: Iterable[Any],
    steps: Iterable[tuple[Step, str]],
) -> None:  # fmt: skip
    await at.run(_grid)
    await at.run(_other_doors)
    if meters:
        await at.tell("create", mc.MeterConfig(meter=tuple(meters)))
    if points:
        await at.tell("create", up.UsagePointConfig(usage_point=tuple(points)))
    for meter, point, concentrator, customer in pairs:
        await at.tell(
            "create", linkage_config(meter, point, concentrator=concentrator, customer=customer)
        )

    def walk(tx: Transaction) -> None:
        for step, name in steps:
            meter = tx.meter(name)
            if step is not Step.REMOVE and meter is not None:
                with contextlib.suppress(NotTaken):  # not possible where it stands
                    move(tx, meter, step, By("x", AT))

    await at.run(walk)
    for step, name in steps:
        if step is Step.REMOVE:
            await at.tell("delete", mc.MeterConfig(meter=(mc.Meter(names=(Name(name=name),)),)))


def _unreported(record: Any) -> Any:
    """Without what is only reported."""
    for field in ("meter", "end_device"):
        items = getattr(record, field, ())
        if items and hasattr(items[0], "status"):
            bare = tuple(msgspec.structs.replace(each, status=None) for each in items)
            return msgspec.structs.replace(record, **{field: bare})
    return record


@databases.on_one
@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(told_meters(), told_points(), pairs, steps, st.sampled_from([GENERIC, TYPED]))
def test_what_is_told_can_be_sent_to_an_empty_head_end(
    meters: list[mc.Meter], points: list[up.UsagePoint], pairs: Any, steps: Any, style: Style
) -> None:
    async def both() -> None:
        ours, theirs = office(), office()
        await _filled(ours, meters, points, pairs, steps)
        await theirs.run(_grid)
        said = {noun: await ours.all_of(noun, style) for noun in NOUNS}
        for noun in NOUNS:
            for record in said[noun]:
                answer = await theirs.tell("create", record, style)
                assert told(answer)[0] is Result.OK, (told(answer), record)
        assert await theirs.run(_registry) == await ours.run(_registry)
        for noun in NOUNS:
            again = await theirs.all_of(noun, style)
            assert [*map(_unreported, again)] == [*map(_unreported, said[noun])]
        for made in (ours, theirs):
            await made.store.close()

    asyncio.run(both())
