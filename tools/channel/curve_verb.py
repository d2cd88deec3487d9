"""`ami channel curve`: error rates over the signal-to-noise ratio, as a table, a plot or JSON."""

from __future__ import annotations

import enum
import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from protocols.plc.noise import CLEAN, MAINS, MiddletonA, Noise
from protocols.plc.physical import Modulation, Scheme
from tools.channel.curve import Point, point
from tools.channel.verbs import app
from tools.options import Json
from tools.terminal import err, print_json, show, wrong_usage

RARE = (1.47e-4, 0.1)
"""Middleton's A and Gamma where none are given: the first of the three sets in docs/models.md."""


class Kind(enum.StrEnum):
    """The noises of a curve."""

    AWGN = "awgn"
    MIDDLETON = "middleton"
    MAINS = "mains"


class Psk(enum.StrEnum):
    """Differential phase-shift keying."""

    DBPSK = "dbpsk"
    DQPSK = "dqpsk"
    D8PSK = "d8psk"


@app.command()
def curve(
    scheme: Annotated[Psk, typer.Option(help="Differential PSK with 1, 2 or 3 bits.")],
    snr: Annotated[
        str,
        typer.Option(
            metavar="DB,DB,...",
            help="Per subcarrier, against the background noise.  Write --snr=-5,0 with the sign.",
        ),
    ],
    fec: Annotated[
        bool, typer.Option("--fec", help="With the code: rates after decoding.")
    ] = False,
    noise: Annotated[Kind, typer.Option(help="What disturbs.")] = Kind.AWGN,
    a: Annotated[
        float | None, typer.Option("--a", help=f"Middleton's A per sample [{RARE[0]}].")
    ] = None,
    gamma: Annotated[
        float | None, typer.Option("--gamma", help=f"Background over impulses [{RARE[1]}].")
    ] = None,
    bits: Annotated[int, typer.Option(min=1, max=100_000, help="Payload bits of a frame.")] = 1024,
    seed: Annotated[int, typer.Option(min=0, max=2**64 - 1, help="Of the Viterbi run.")] = 1,
    frames_max: Annotated[
        int | None,
        typer.Option(min=1, help="Sent at most for a point [8 million bits, with padding]."),
    ] = None,
    plot: Annotated[bool, typer.Option("--plot", help="Draw the curves as well.")] = False,
    as_json: Json = False,
) -> None:
    """Bit and frame error rates over the signal-to-noise ratio.

    Without --fec from closed forms; with it from frames that are coded, sent over the simulated air
    and decoded by Viterbi, with 95 % confidence intervals.

    With --json: scheme, fec, noise, a, gamma, bits, seed, and points; each has snr_db, ber, fer,
    with --fec also raw_ber (before decoding), frames, frames_lost, ber_low, ber_high, fer_low and
    fer_high.

    Example: ami channel curve --scheme dbpsk --fec --noise middleton --snr=0,5,10,20 --bits 256
    """
    wanted = Scheme(Modulation[scheme.name], fec)
    disturbing = _noise(noise, a, gamma)
    points = _points(wanted, disturbing, _ratios(snr), bits, seed, frames_max)
    if as_json:
        print_json(
            {
                "scheme": scheme.value,
                "fec": fec,
                "noise": noise.value,
                "a": disturbing.a if isinstance(disturbing, MiddletonA) else None,
                "gamma": disturbing.gamma if isinstance(disturbing, MiddletonA) else None,
                "bits": bits,
                "seed": seed if fec else None,
                "points": points,
            }
        )
        return
    show(_curve_table(points))
    if plot:
        show(_plotted(points))


def _noise(kind: Kind, a: float | None, gamma: float | None) -> Noise:
    if kind is not Kind.MIDDLETON:
        if a is not None or gamma is not None:
            wrong_usage("--a and --gamma belong to --noise middleton")
        return CLEAN if kind is Kind.AWGN else MAINS
    try:
        return MiddletonA(
            "middleton", RARE[0] if a is None else a, RARE[1] if gamma is None else gamma
        )
    except ValueError as error:
        wrong_usage(str(error), "0 < A <= 1 and Gamma > 0, such as --a 1.47e-4 --gamma 0.1")


def _ratios(text: str) -> list[float]:
    try:
        ratios = [float(each) for each in text.split(",")]
    except ValueError:
        ratios = []
    if not ratios or not all(-50 <= ratio <= 100 for ratio in ratios):
        wrong_usage(f"--snr {text!r}: decibels from -50 to 100, such as --snr=-5,-3,0")
    return ratios


def _points(
    scheme: Scheme,
    noise: Noise,
    ratios: list[float],
    bits: int,
    seed: int,
    frames_max: int | None,
) -> list[Point]:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not (scheme.fec and err.is_terminal),
    ) as bar:
        task = bar.add_task("sending frames", total=len(ratios))
        done = [0.0] * len(ratios)

        def one(at: int) -> Point:
            def progress(share: float) -> None:
                done[at] = share
                bar.update(task, completed=sum(done))

            return point(
                scheme,
                noise,
                ratios[at],
                bits,
                seed=seed,
                frames_max=frames_max,
                progress=progress,
            )

        # Arrays are worked on outside the interpreter's lock; each point draws from a generator of
        # its own, so that the order does not matter.
        pool = ThreadPoolExecutor(os.cpu_count() or 1)
        try:
            return list(pool.map(one, range(len(ratios))))
        finally:
            pool.shutdown(cancel_futures=True)


def _curve_table(points: list[Point]) -> Table:
    table = Table()
    measured = any(each.frames is not None for each in points)
    columns = ["SNR dB", "BER", "FER"]
    columns += ["BER 95 %", "FER 95 %", "frames", "lost"] if measured else []
    for name in columns:
        table.add_column(name, justify="right")
    for each in points:
        cells = [f"{each.snr_db:g}", f"{each.ber:.4g}", f"{each.fer:.4g}"]
        if measured:
            cells += [
                f"{each.ber_low:.3g} - {each.ber_high:.3g}",
                f"{each.fer_low:.3g} - {each.fer_high:.3g}",
                str(each.frames),
                str(each.frames_lost),
            ]
        table.add_row(*cells)
    return table


def _plotted(points: list[Point]) -> Text:
    """Both rates, their logarithm upwards, drawn with characters."""
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.limit_size(False, False)
    plotext.plot_size(76, 22)
    for name, rates in (("BER", [p.ber for p in points]), ("FER", [p.fer for p in points])):
        seen = [(p.snr_db, math.log10(rate)) for p, rate in zip(points, rates, strict=True) if rate]
        if seen:
            plotext.plot(*zip(*seen, strict=True), label=name, marker="braille")
    plotext.xlabel("SNR dB per subcarrier")
    plotext.ylabel("log10 of the rate")
    drawn: Text = Text.from_ansi(plotext.build())
    return drawn
