"""A provisioned fleet: what stands in the database is what the product itself would have entered,
and its keys open the meters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from operator import methodcaller
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from devices.chance import stream
from devices.meter.device import Meter as SimulatedMeter
from devices.meter.identity import Identity, client_system_title
from devices.meter.load import ConstantLoad
from headend.app.fleet import FleetDesk, KeyBox, KeyShared, Shipment, fleet_desk
from headend.app.key_storage import envelope_of
from headend.config import BadConfig, Config, KeyStorage
from headend.domain.meter import Meter
from headend.store.engine import open_writer
from headend.store.store import SqlStore
from headend.store.vault import KeyVault
from protocols.dlms.client import ClientConnection
from protocols.dlms.codes import AuthenticationMechanism, Security
from protocols.dlms.events import Associated
from protocols.dlms.keys import Keys
from protocols.dlms.services import AssociationRequest
from protocols.dlms.settings import ClientSettings
from scenarios.fleet.city import CLIENT, City
from scenarios.fleet.provisioning import provision, storage
from tests import databases
from tests.fleet.collecting import envelope
from tools.cli import app

NOW = 1_783_332_450.0  # 2026-07-06 10:07:30 UTC
CITY = City(meters=437, seed=11, per_concentrator=40)  # the last concentrator has fewer


def at(folder: Path, seed: int = CITY.seed) -> Config:
    return storage(databases.at(folder / "fleet.db"), envelope(folder), seed)


@contextmanager
def vault(config: Config) -> Iterator[KeyVault]:
    """The product's own key store on that database."""
    envelope = envelope_of(config)
    assert envelope is not None
    store = SqlStore(config.database, live=False)
    yield KeyVault(store, envelope)


def rows(folder: Path) -> dict[str, list[Any]]:
    engine = open_writer(databases.at(folder / "fleet.db"))
    with engine.begin() as connection:
        told = {
            table: [
                tuple(row)
                for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1, 2")
            ]
            for table in ("meters", "concentrators", "meter_keys")
        }
    engine.dispose()
    return told


@pytest.fixture
def entered(tmp_path: Path) -> Config:
    """A database that the city's meters were entered into."""
    done = provision(CITY, at(tmp_path), jobs=1)
    assert (done.meters, done.concentrators, done.keys_new) == (437, 11, 437)
    return at(tmp_path)


async def test_the_products_own_words_find_what_was_entered(entered: Config) -> None:
    store = SqlStore(entered.database, live=False)
    for index in stream(3, "picked").sample(range(437), 20):
        identity = Identity(CITY.seed, 90_000_001 + index)
        meter = await store.run(methodcaller("meter_called", identity.number))
        assert meter is not None and meter.commissioned
        assert meter.name == str(identity.index)
        assert meter.concentrator == f"C-{index // 40 + 1:03d}"
        assert meter.title == identity.system_title.hex().upper()
        assert await store.run(methodcaller("concentrator", meter.concentrator))
    await store.close()


async def test_keys_read_back_through_the_key_store_open_the_meters(entered: Config) -> None:
    with vault(entered) as kept:
        for index in stream(4, "picked").sample(range(437), 25):
            identity = Identity(CITY.seed, 90_000_001 + index)
            found = await kept.keys(str(identity.index), CLIENT)
            assert found is not None and found.pending is None
            first, lowest = await kept.counters(found.current).load()
            assert first == 1
            assert associates(identity, found.current.keys, first, lowest)
            other = Identity(CITY.seed, identity.index + 1).keys(CLIENT)
            assert not associates(identity, other, first, lowest)


def associates(identity: Identity, keys: Keys, counter: int, lowest: int) -> bool:
    """Whether a simulated meter opens an association with HLS 5 to who has these keys."""
    meter = SimulatedMeter(identity, ConstantLoad.of(100, 100, 100))
    link = meter.open_link()
    client = ClientConnection(
        ClientSettings(
            authentication=AuthenticationMechanism.HIGH_GMAC,
            keys=keys,
            system_title=client_system_title(CITY.seed, CLIENT),
            security=Security.AUTHENTICATED_ENCRYPTED,
            invocation_counter=counter,
            peer_invocation_counter=lowest,
            challenge=b"of sixteen bytes",
        )
    )
    out: bytes | None = client.send(AssociationRequest(), now=NOW)
    while out is not None:
        for answer in meter.take(out, link, client=CLIENT, server=1, now=NOW):
            client.receive_data(answer, now=NOW)
        out = client.data_to_send()
    return isinstance(client.next_event(), Associated)


def test_processes_change_nothing_and_a_repetition_keeps_what_is_there(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder, jobs in zip(folders, (1, 2), strict=True):
        folder.mkdir()
        provision(CITY, at(folder), jobs=jobs)
    one, two = map(rows, folders)
    assert one == two
    assert provision(CITY, at(folders[0]), jobs=1).keys_new == 0
    assert rows(folders[0]) == one


def test_keys_changed_since_are_kept_and_the_rest_of_a_larger_city_comes(entered: Config) -> None:
    changed = Keys(b"a new encryption", b"a new authentic.")
    with vault(entered) as kept:
        asyncio.run(kept.install("90000007", CLIENT, changed, next_counter=1))
    done = provision(replace(CITY, meters=500), entered, jobs=1)
    assert done.keys_new == 500 - 437
    with vault(entered) as kept:
        found = asyncio.run(kept.keys("90000007", CLIENT))
    assert found is not None and found.current.keys == changed


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[FleetDesk, KeyBox]]:
    config = at(tmp_path)
    desk = fleet_desk(config)
    yield desk, KeyBox(config)
    desk.close()


def test_two_meters_with_one_key_are_refused_together(desk: tuple[FleetDesk, KeyBox]) -> None:
    taking, box = desk
    same = Identity(1, 5).keys(CLIENT)

    def shipment(*names: str) -> Shipment:
        sealed = [box.sealed(name, CLIENT, same) for name in names]
        return Shipment([], [Meter(name) for name in names], CLIENT, taking.envelope_name, sealed)

    with pytest.raises(KeyShared):
        taking.take(shipment("5", "6"))
    assert taking.store.read(lambda c: c.exec_driver_sql("SELECT * FROM meters").all()) == []
    assert taking.take(shipment("5")) == 1
    with pytest.raises(KeyShared):  # with one of an earlier shipment
        taking.take(shipment("6"))
    assert taking.take(shipment("5")) == 0


def test_the_command_tells_what_it_did(tmp_path: Path) -> None:
    database = tmp_path / "city.db"
    wanted = ["fleet", "provision", "--meters", "250", "--database", str(database), "--jobs", "1"]
    ran = CliRunner().invoke(app, [*wanted, "--json"])
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert (told["meters"], told["concentrators"], told["keys_new"]) == (250, 3, 250)
    assert told["peak_rss_mb"] > 0 and told["database_mb"] > 0
    ran = CliRunner().invoke(app, wanted)
    assert ran.exit_code == 0 and "0 new, 250 kept" in ran.stdout
    key = Path(f"{database}.envelope")
    assert key.stat().st_mode & 0o077 == 0
    key.write_text("no key")
    assert CliRunner().invoke(app, wanted).exit_code == 2


def test_an_envelope_of_ones_own_is_used(tmp_path: Path) -> None:
    envelope = tmp_path / "envelope"
    envelope.write_text(bytes(range(64)).hex())
    url = databases.at(tmp_path / "x.db")
    assert storage(url, envelope, 1) == Config(
        database=url, keys=KeyStorage(envelope_file=envelope)
    )


def test_the_environments_key_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMI_ENVELOPE_KEY", bytes(range(64)).hex())
    assert storage("sqlite:///x.db", None, 1).keys.envelope_file is None


def test_a_server_has_no_place_beside_it_for_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMI_ENVELOPE_KEY", raising=False)
    with pytest.raises(BadConfig, match="AMI_ENVELOPE_KEY"):
        storage("postgresql://127.0.0.1:1/x", None, 1)
