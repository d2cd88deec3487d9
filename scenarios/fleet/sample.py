"""What lies on a utility's desk before the first meter is read, for a simulated field: places, a
manufacturer's shipment with the key that opens it, the crew's list, a configuration.

All of it follows from the seed, and fits the field that is written beside it: whoever carries out
the steps of an operator with these files ends with meters that answer by the keys delivered here.
The keys are TEST KEYS.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from devices.chance import octets
from devices.field_spec import transformers
from headend.registry.shipment.transport import TransportKey
from scenarios.fleet.city import CLIENT, MODEL, City

REGION, ZONE = "R1", "Z1"
FILES = (
    "places.csv",
    "shipment.csv",
    "transport.key",
    "hang.csv",
    "envelope.key",
    "ami.toml",
    "field.toml",
)
"""What is written, in the order of their use."""

CONFIGURATION = """\
[keys]
envelope_file = "envelope.key"      # seals meters' keys; keep a copy apart

[[keys.transport]]                  # opens a shipment's keys, by its name
name = "sample"
file = "transport.key"

[[collection.task]]                 # profiles, as they grow
name = "load-profile"
objects = ["load-profile"]
every = "15min"
after_s = 60
back_s = 3600

[[collection.task]]                 # registers, of each meter
name = "registers"
kind = "registers"
objects = ["active-energy-import", "voltage-l1"]
every = "5min"
after_s = 0
priority = 4
"""

FIELD = """\
about = "The field that the files beside this one are of: {meters} meters, and nothing breaks."
start = 2026-07-06T00:00:00
duration = "24h"
seed = {seed}

[field]
meters = {meters}
concentrators = {concentrators}
grid = false
outages = "none"

[expect]
"""


def write(city: City, folder: Path) -> list[Path]:
    """Write all files into a folder, which is made; those that are there stay as they are.

    Raises `OSError`; `FileExistsError` where one of them is there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in FILES]
    for path in paths:
        if path.exists():
            raise FileExistsError(f"{path} is there already")
    transport = TransportKey(octets(city.seed, "sample", "transport key", count=16))
    table(folder / "places.csv", ("kind", "code", "parent", "name"), _places(city))
    table(folder / "shipment.csv", SHIPMENT, _shipment(city, transport))
    _secret(folder / "transport.key", transport.key)
    table(folder / "hang.csv", ("meter", "service_point", "at", "first_kwh"), _hung(city))
    _secret(folder / "envelope.key", octets(city.seed, "sample", "envelope", count=64))
    (folder / "ami.toml").write_text(CONFIGURATION)
    told = FIELD.format(meters=city.meters, seed=city.seed, concentrators=city.concentrators)
    (folder / "field.toml").write_text(told)
    return paths


SHIPMENT = (
    "meter", "model", "identity", "title", "concentrator", "contracted_w",
    f"key-{CLIENT}-encryption", f"key-{CLIENT}-authentication",
)  # fmt: skip


def _meters(city: City) -> Iterator[tuple[int, int]]:
    """Each meter's number, and its concentrator's, as `ami field` spreads them."""
    spread = transformers(city.meters, city.concentrators, heads=False)
    return ((int(meter.name), at) for at, each in enumerate(spread) for meter in each.meters)


def _places(city: City) -> Iterator[tuple[str, str, str, str]]:
    yield "region", REGION, "", "Santiago"
    yield "zone", ZONE, REGION, "Providencia"
    for number in range(city.concentrators):
        yield "transformer", _transformer(number), ZONE, ""
    for index, number in _meters(city):
        yield "service-point", _service_point(index), _transformer(number), ""


def _shipment(city: City, transport: TransportKey) -> Iterator[tuple[str, ...]]:
    for index, number in _meters(city):
        identity = city.identity(index)
        keys = identity.keys(CLIENT)
        wrapped = (transport.wrapped(key).hex() for key in (keys.encryption, keys.authentication))
        title = identity.system_title.hex().upper()
        concentrator = city.concentrator_name(number)
        yield str(index), MODEL, identity.number, title, concentrator, "10000", *wrapped


def _hung(city: City) -> Iterator[tuple[str, str, str, str]]:
    return ((str(index), _service_point(index), "", "") for index, _ in _meters(city))


def _transformer(number: int) -> str:
    return f"T-{number + 1:03d}"


def _service_point(index: int) -> str:
    return f"SP-{index}"


def table(path: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """A CSV file as spreadsheets write it."""
    with path.open("x", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _secret(path: Path, key: bytes) -> None:
    path.touch(mode=0o600)
    path.write_text(key.hex() + "\n")
