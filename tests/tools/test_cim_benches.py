"""The benchmarks of CIM messages do what they compare."""

from __future__ import annotations

import importlib

from protocols.cim import exchange, meter_readings, xml

bench = importlib.import_module("tools.bench.readings_export")  # the package has a command so named


def test_both_write_the_same_message() -> None:
    run = bench.compare(meters=2, rounds=1)
    assert run.octets > 0 and run.ratio > 0
    assert run.as_dict()["values"] == 2 * bench.VALUES


def test_what_is_exported_is_read_again() -> None:
    octets = bench.ours([bench._day(3)])
    (record,) = exchange.content(exchange.receive(xml.parse(octets)).message)
    (series,) = meter_readings.read(record)
    assert series.reading_type == bench.CODE and len(series.values) == bench.VALUES
    assert (series.values[0].value, series.values[0].at.minute) == ("0.375", 15)
