"""`ami channel poll`: how long it takes to read all meters of a published polling set-up."""

from __future__ import annotations

import enum
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from devices.channel.polling import (
    RETRIES_MAX,
    Polled,
    Street,
    Study,
    meters_and_more_study,
    poll,
    prime_study,
)
from protocols.plc.noise import CLEAN, NOISES
from tools.channel.verbs import app
from tools.options import Json
from tools.terminal import print_json, show, wrong_usage

QUANTILES = (0.05, 0.5, 0.95, 0.99)


class Mac(enum.StrEnum):
    """The ways to poll."""

    PRIME = "prime"
    METERS_AND_MORE = "meters-and-more"


class Stored(enum.StrEnum):
    """The noises that frame error rates are stored for."""

    AWGN = "awgn"
    MAINS = "mains"
    MIDDLETON_RARE = "middleton-rare"
    MIDDLETON_WEAK = "middleton-weak"
    MIDDLETON_FREQUENT = "middleton-frequent"


@app.command("poll")
def poll_(
    meters: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many are polled.")],
    distance_m: Annotated[int, typer.Option(min=0, max=10_000, help="To each of them.")],
    mac: Annotated[Mac, typer.Option(help="Which way of polling.")] = Mac.PRIME,
    repeaters: Annotated[int, typer.Option(min=0, max=8, help="Modules that pass frames on.")] = 0,
    nodes_passed: Annotated[
        int, typer.Option(min=0, max=1000, help="Meters along the way to each, 1.12 dB apiece.")
    ] = 0,
    noise: Annotated[Stored, typer.Option(help="What disturbs.")] = Stored.AWGN,
    delay_s: Annotated[
        float | None,
        typer.Option(min=0, max=60, help="PRIME: what the application at each end takes; 0.5."),
    ] = None,
    rate_bps: Annotated[
        int | None,
        typer.Option(min=100, max=1_000_000, help="Meters and More: bits a second; 4800."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of paths and losses.")] = 1,
    as_json: Json = False,
) -> None:
    """How long it takes to read all meters, one after the other.

    PRIME-like: a published set-up, two exchanges a meter, requests of 71 and 14 octets, each
    answered by 512, and 0.5 s for the application at each end.  Meters-and-More-like: one read of
    32 octets answered by 128, (k + 1)(T request + T answer) + 2 k * 20 ms + 20 ms over k repeaters.

    With --json: mac, noise, seed, meters, distance_m, nodes_passed, repeaters, exchanges_per_meter,
    meters_read, tries, tries_max_per_exchange, round_trip_without_loss_s, mean_round_trip_s (of
    answered exchanges, with their lost tries), round_trip_quantiles_s, meter_quantiles_s, and
    total_s: the time to poll all, those too that never answer.  Exit code 1 where none was read.

    Example: ami channel poll --meters 100 --distance-m 100
    """
    study = _study(mac, delay_s, rate_bps)
    street = Street(meters, distance_m, nodes_passed, repeaters)
    disturbing = CLEAN if noise is Stored.AWGN else NOISES[noise.value]
    report = _poll_report(study, street, poll(study, street, seed=seed, noise=disturbing))
    report = {"mac": mac.value, "noise": noise.value, "seed": seed, **report}
    if as_json:
        print_json(report)
    else:
        show(_poll_table(report))
    if not report["meters_read"]:
        raise typer.Exit(1)


def _study(mac: Mac, delay_s: float | None, rate_bps: int | None) -> Study:
    if mac is Mac.PRIME:
        if rate_bps is not None:
            wrong_usage("--rate-bps belongs to --mac meters-and-more; PRIME's rate is its scheme's")
        return prime_study() if delay_s is None else prime_study(round(delay_s * 1e6))
    if delay_s is not None:
        wrong_usage("--delay-s belongs to --mac prime")
    return meters_and_more_study() if rate_bps is None else meters_and_more_study(rate_bps)


def _poll_report(study: Study, street: Street, polled: Polled) -> dict[str, Any]:
    trips = polled.taken_us[polled.answered] / 1e6
    by_meter = polled.taken_us[polled.read].sum(axis=1) / 1e6
    alone = [study.try_us(each, street.repeaters) / 1e6 for each in study.rounds]
    return {
        "meters": street.meters,
        "distance_m": street.distance_m,
        "nodes_passed": street.nodes_passed,
        "repeaters": street.repeaters,
        "exchanges_per_meter": len(study.rounds),
        "meters_read": int(polled.read.sum()),
        "tries": int(polled.tries.sum()),
        "tries_max_per_exchange": 1 + RETRIES_MAX,
        "round_trip_without_loss_s": float(np.mean(alone)),
        "mean_round_trip_s": float(trips.mean()) if trips.size else None,
        "round_trip_quantiles_s": _quantiles(trips),
        "meter_quantiles_s": _quantiles(by_meter),
        "total_s": float(polled.taken_us.sum() / 1e6),
    }


def _quantiles(times: np.ndarray) -> dict[str, float] | None:
    if not times.size:
        return None
    return {f"p{100 * q:.0f}": float(np.quantile(times, q)) for q in QUANTILES}


def _poll_table(report: dict[str, Any]) -> Table:
    table = Table(show_header=False)
    for name, value in report.items():
        if isinstance(value, dict):
            value = ", ".join(f"{quantile} {time:.3f}" for quantile, time in value.items())
        elif isinstance(value, float):
            value = f"{value:.3f}"
        table.add_row(name.replace("_", " "), "-" if value is None else str(value))
    return table
