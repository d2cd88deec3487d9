"""A utility in its systems' databases, and the same as instances, made from the generator's parts
alone: neither mapping nor SQL has a say in what these are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, create_engine

from headend.integration.cim.answering import answer
from headend.integration.cim.layer import DataLayer
from headend.integration.cim.limits import LIMITS, Limits
from headend.integration.cim.mapping import mapping_of
from headend.integration.cim.sql import SqlLayer
from headend.store.columns import UtcDateTime
from protocols.cim import envelope, schema, xml
from protocols.cim.envelope import Message
from protocols.cim.profile import payload, reading, xsd
from protocols.cim.profile.instance import Instance
from protocols.cim.profile.model import Profile
from protocols.cim.replies import Stamp
from scenarios.utility import databases as utility_databases
from scenarios.utility import siad
from scenarios.utility.making import make
from scenarios.utility.model import Plan, RequestKind, Utility
from scenarios.utility.naming import System, feeder_key, feeder_label, substation_key, zone_key
from scenarios.utility.sheets import Sheet
from tests import databases

AT = datetime(2026, 7, 6, tzinfo=UTC)
STAMP = Stamp(source="UTILITY", message_id="11111111-0000-4000-8000-000000000001", at=AT)
UTILITY = make(7, AT, Plan())

_TYPES: dict[str, Any] = {
    "text": String,
    "integer": Integer,
    "real": Float(53),
    "time": UtcDateTime,
}
_CLASS_OF = {
    RequestKind.NEW: "CFE_NewServiceRequest",
    RequestKind.INSTALLATION: "CFE_InstallationChangeRequest",
    RequestKind.LOAD: "CFE_LoadChangeRequest",
    RequestKind.PROVISIONAL: "CFE_ProvisionalServiceRequest",
}
_STATUS = {"R": "received", "P": "inProgress", "T": "done", "X": "rejected"}


def filled(place: Path, sheets: Iterable[Sheet]) -> str:
    """The URL of a database with these tables, of the kind of this test."""
    url = databases.at(place)
    engine = create_engine(url)
    with engine.begin() as connection:
        for each in sheets:
            columns = [Column(name, _TYPES[kind]) for name, kind in each.columns]
            table = Table(each.name, MetaData(), *columns)
            table.create(connection)
            names = [name for name, _ in each.columns]
            if each.rows:
                rows = [dict(zip(names, row, strict=True)) for row in each.rows]
                connection.execute(table.insert(), rows)
    engine.dispose()
    return url


def layer(adapter: str, place: Path, utility: Utility = UTILITY) -> SqlLayer:
    """An adapter's data layer over its database."""
    url = filled(place / f"{adapter}.db", utility_databases.SHEETS[adapter](utility))
    return SqlLayer(url, mapping_of(adapter), live=False)


def as_sent(message: Message) -> Message:
    """A message as it arrives: through its octets and the envelope's schema."""
    root = xml.parse(xml.serialize(envelope.write(message)))
    schema.check(root)
    return envelope.read(root)


async def asked(
    message: Message, profile: Profile, source: DataLayer, limits: Limits = LIMITS
) -> tuple[Message, list[Instance]]:
    """The reply, through its octets and both schemas, and the instances in it."""
    reply = as_sent(await answer(as_sent(message), profile, source, STAMP, limits))
    if reply.payload is None:
        return reply, []
    (content,) = reply.payload.content
    assert xsd.complaints(profile, content) == []
    return reply, [*payload.read(profile, content)]


def codes(reply: Message) -> list[str]:
    """Result, then code and key of each error: "OK 0.0", "FAILED 2.5 CLASE_DESCONOCIDA"."""
    assert reply.reply is not None
    return [
        f"{reply.reply.result} {error.code} {error.key}".strip() for error in reply.reply.errors
    ]


def siad_instances(utility: Utility) -> list[Instance]:
    """All that SIAD should show, in the order of class and key."""
    found = [*_organisation(utility), *_requests(utility)]
    return sorted(found, key=lambda it: (it.cls.name, str(it.attributes["mRID"])))


def _instance(name: str, attributes: dict[str, Any], **references: str) -> Instance:
    known = {key: value for key, value in attributes.items() if value is not None}
    return Instance(reading.profile("siad")[name], known, references)


def _organisation(utility: Utility) -> Iterator[Instance]:
    yield _instance(
        "GeographicalRegion",
        {"mRID": "D1", "name": utility.name, "aliasName": utility.letters},
    )
    for zone in utility.zones:
        alias = zone.name[:3].upper()
        said = {"mRID": zone_key(zone), "name": f"Zona {zone.name}", "aliasName": alias}
        yield _instance("CFE_Zone", said, Region="D1")
    for area in utility.areas:
        said = {"mRID": f"A{area.number:02d}", "name": f"Área {area.name}"}
        yield _instance("CFE_DistributionArea", said, Zone=zone_key(area.zone))
    for it in utility.substations:
        yield _instance(
            "Substation",
            {
                "mRID": it.letters,
                "name": f"S.E. {it.name}",
                "aliasName": it.letters,
                "nominalVoltage": it.kilovolts,
            },
            Region=zone_key(it.area.zone),
            Area=f"A{it.area.number:02d}",
        )
    for feeder in utility.feeders:
        transformers = [it for it in utility.transformers if it.feeder == feeder]
        yield _instance(
            "CFE_Circuit",
            {
                "mRID": feeder_key(System.SIAD, feeder),
                "name": feeder_label(feeder),
                "description": siad.REMARK if feeder.renamed else None,
                "length": feeder.kilometres,
                "transformerCount": len(transformers),
                "customerCount": sum(it.transformer in transformers for it in utility.meters),
                "inService": not feeder.new,
            },
            NormalEnergizingSubstation=substation_key(System.SIAD, feeder.substation),
        )


def _requests(utility: Utility) -> Iterator[Instance]:
    for it in utility.requests:
        said = {
            "mRID": f"{it.received.year}-{it.number:05d}",
            "status": _STATUS[it.status],
            "createdDateTime": it.received,
            "dueDateTime": it.due,
            "customerName": it.customer.name,
            "email": it.email,
            "phone": it.phone,
            "address": it.customer.address,
        }
        match it.kind:
            case RequestKind.NEW:
                said |= {"requestedLoad": it.load_kw}
            case RequestKind.INSTALLATION:
                said |= {"change": it.change}
            case RequestKind.LOAD:
                said |= {"requestedLoad": it.load_kw, "presentLoad": it.present_kw}
            case RequestKind.PROVISIONAL:
                said |= {"requestedLoad": it.load_kw, "days": it.days}
        yield _instance(_CLASS_OF[it.kind], said, Zone=zone_key(it.zone))
