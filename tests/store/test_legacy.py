"""The legacy integration database: what each message says in its words, exactly once."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from headend.domain.order import FINAL, OWN, Kind
from headend.domain.reason import REASONS, ReasonCode
from headend.integration.legacy import LegacyDatabase, tables, values
from headend.integration.outbox import NotDelivered
from headend.ports import Outgoing, StoreUnavailable
from headend.store.columns import utc_text
from headend.store.store import Reader
from protocols.commercial.messages import (
    EvidenceGiven,
    ReasonGiven,
    ResultMessage,
    ValueGiven,
    encode,
)
from tests import databases
from tests.store.making import T0, at

DONE = ResultMessage(
    message_id="m1",
    kind="reply",
    at=at(5),
    order=7,
    transaction_id="t7",
    source="CIS",
    meter="M1",
    action="set-limit",
    ok=True,
    state="done",
    correlation_id="c7",
    request_message_id="r7",
    amount="1500.0",
    unit="W",
    value=ValueGiven(limit="1500.0", limit_active="1500.0", unit="W"),
)
MODEM = REASONS[ReasonCode.MODEM_FAULT]
FAILED = ResultMessage(
    message_id="m2",
    kind="reply",
    at=at(9),
    order=8,
    transaction_id="t8",
    source="CIS",
    meter="M2",
    action="disconnect",
    ok=False,
    state="failed",
    reason=ReasonGiven(MODEM.code, MODEM.cim, MODEM.text, MODEM.details, MODEM.crew),
    evidence=(
        EvidenceGiven("last-will", T0, "the session broke"),
        EvidenceGiven("fault-log", at(3), "modem: 100 unknown"),
    ),
)
SUPPLY = replace(
    DONE,
    message_id="m3",
    order=9,
    action="connect",
    amount=None,
    unit=None,
    value=ValueGiven(supply_on=False, control_state=2),
)

ROWS: dict[str, tuple[ResultMessage, dict[str, Any]]] = {
    # name: (message, what its row says)
    "a limit that was set": (
        DONE,
        {
            "mensaje_id": "m1",
            "numero_orden": 7,
            "clase": "RESPUESTA",
            "fecha_hora": "2026-07-06T12:00:05.000000Z",
            "estado": "EJECUTADA",
            "resultado": "OK",
            "codigo_motivo": None,
            "codigo_cim": "0.0",
            "texto": "ORDEN_EJECUTADA: la orden fue ejecutada.",
            "enviar_cuadrilla": 0,
            "valor_leido": "1500.0",
            "valor_activo": "1500.0",
            "unidad_leida": "W",
            "suministro": None,
            "estado_control": None,
            "evidencia": None,
            "nota": None,
        },
    ),
    "a modem that failed": (
        FAILED,
        {
            "mensaje_id": "m2",
            "numero_orden": 8,
            "clase": "RESPUESTA",
            "fecha_hora": "2026-07-06T12:00:09.000000Z",
            "estado": "FALLIDA",
            "resultado": "KO",
            "codigo_motivo": "modem-fault",
            "codigo_cim": "5.3",
            "texto": MODEM.details,
            "enviar_cuadrilla": 1,
            "valor_leido": None,
            "valor_activo": None,
            "unidad_leida": None,
            "suministro": None,
            "estado_control": None,
            "evidencia": "2026-07-06T12:00:00Z last-will: the session broke\n"
            "2026-07-06T12:00:03Z fault-log: modem: 100 unknown",
            "nota": None,
        },
    ),
}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return databases.at(tmp_path / "legacy.db")


def _as_text(value: Any) -> Any:
    """Times as SQLite keeps them; PostgreSQL has a type for them."""
    return utc_text(value) if isinstance(value, datetime) else value


def rows(url: str, table: str) -> list[dict[str, Any]]:
    reader = Reader(url)
    found = reader.read(
        lambda connection: [
            {name: _as_text(value) for name, value in row.items()}
            for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1").mappings()
        ]
    )
    reader.close()
    return found


@pytest.mark.parametrize("message, row", ROWS.values(), ids=ROWS)
async def test_a_result(url: str, message: ResultMessage, row: dict[str, Any]) -> None:
    database = LegacyDatabase(url, live=False)
    assert await database.record(message) is True
    await database.close()
    assert rows(url, "resultados") == [row]


async def test_an_order(url: str) -> None:
    database = LegacyDatabase(url, live=False)
    for message in (DONE, SUPPLY):
        await database.record(message)
    await database.close()
    limit, supply = rows(url, "ordenes")
    assert limit == {
        "numero_orden": 7,
        "transaccion": "t7",
        "correlacion": "c7",
        "origen": "CIS",
        "mensaje_solicitud": "r7",
        "medidor": "M1",
        "tipo_orden": "LIMITACION",
        "monto_solicitado": "1500.0",
        "unidad_solicitada": "W",
        "estado": "EJECUTADA",
        "resultado": "OK",
        "actualizada_en": "2026-07-06T12:00:05.000000Z",
    }
    assert (supply["tipo_orden"], supply["monto_solicitado"]) == ("REPOSICION", None)
    (_, read) = rows(url, "resultados")
    assert (read["suministro"], read["estado_control"]) == ("DESCONECTADO", 2)


async def test_a_message_has_one_effect_however_often_it_comes(url: str) -> None:
    found = replace(FAILED, message_id="m9", kind="event", at=at(99), note="it took effect")
    database = LegacyDatabase(url, live=False)
    for message, new in ((FAILED, True), (FAILED, False), (found, True), (FAILED, False)):
        assert await database.record(message) is new
    await database.close()
    (order,) = rows(url, "ordenes")
    assert order["actualizada_en"] == "2026-07-06T12:01:39.000000Z"
    assert [(row["mensaje_id"], row["clase"], row["nota"]) for row in rows(url, "resultados")] == [
        ("m2", "RESPUESTA", None),
        ("m9", "EVENTO", "it took effect"),
    ]


@pytest.mark.live
async def test_the_same_message_many_times_at_once(url: str) -> None:
    database = LegacyDatabase(url, live=True)
    new = await asyncio.gather(*(database.record(DONE) for _ in range(50)))
    await database.close()
    assert new.count(True) == 1
    assert len(rows(url, "resultados")) == len(rows(url, "ordenes")) == 1


async def test_as_a_channel_of_the_outbox(url: str) -> None:
    database = LegacyDatabase(url, live=False)
    posted = Outgoing("m1", 7, "legacy", "reply", T0, encode(DONE))
    assert [await database.deliver(posted), await database.deliver(posted)] == [True, True]
    assert len(rows(url, "resultados")) == 1
    await database.close()
    with pytest.raises(NotDelivered, match="legacy database"):
        await database.deliver(posted)


@databases.postgresql_only
@pytest.mark.live
async def test_a_server_that_is_away_as_we_start_is_written_to_once_it_is_there() -> None:
    cluster, name = databases.cluster(), "comes_later"
    database = LegacyDatabase(cluster.url(name), live=True)
    posted = Outgoing("m1", 7, "legacy", "reply", T0, encode(DONE))
    for _ in range(2):
        with pytest.raises(NotDelivered, match=name):
            await database.deliver(posted)
    cluster.ask(f"CREATE DATABASE {name} TEMPLATE template1")
    try:
        sent = await asyncio.gather(*(database.deliver(posted) for _ in range(5)))
        assert sent == [True] * 5
        assert len(rows(cluster.url(name), "resultados")) == 1
        await database.close()
    finally:
        cluster.drop(frozenset({name}))


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.db", "oracle://legacy", "no url"])
def test_what_only_a_person_can_mend_is_told_at_once(url: str) -> None:
    with pytest.raises(StoreUnavailable):
        LegacyDatabase(url, live=True)


def test_every_kind_and_every_end_has_its_word() -> None:
    assert set(tables.TIPO) == set(Kind) - OWN, "the head-end's own affairs are told to nobody"
    assert set(tables.ESTADO) == FINAL


def test_the_page_describes_the_tables() -> None:
    page = (Path(__file__).parents[2] / "docs" / "legacy-database.md").read_text(encoding="utf-8")
    for table in tables.metadata.sorted_tables:
        section = page.split(f"## `{table.name}`")[1].split("\n## ")[0]
        lines = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
        described = [name for line in lines for name in re.findall(r"`(\w+)`", line)]
        assert described == table.c.keys()
    for words in (
        tables.TIPO, tables.ESTADO, tables.CLASE, values.SEVERIDAD, values.FUENTE, values.INCIDENTE,
        values.HALLAZGO, values.METODO, {each: each for each in values.STANDINGS},
    ):  # fmt: skip
        assert [word for word in words.values() if f"`{word}`" not in page] == []
