"""`ami bench`: each compares with something in the same run, because machines differ."""

from __future__ import annotations

from typing import Annotated

import typer

from tools.options import Json
from tools.terminal import out, print_json

app = typer.Typer(help="Benchmarks.", no_args_is_help=True)


@app.command("soap-accept")
def soap_accept(
    messages: Annotated[int, typer.Option(min=100, help="Orders in each round.")] = 2000,
    connections: Annotated[int, typer.Option(min=1, help="Open at once.")] = 32,
    rounds: Annotated[int, typer.Option(min=1, help="The median of so many.")] = 3,
    json: Json = False,
) -> None:
    """Accepted orders per second, next to a bare Spyne service that stores nothing, and to a bare
    route that parses by lxml and inserts one row.

    Example: [bold]ami bench soap-accept --messages 5000[/]
    """
    from tools.bench.soap_accept import compare  # starts servers: too heavy for every `ami`

    run = compare(messages=messages, connections=connections, rounds=rounds)
    if json:
        print_json(run.as_dict())
    else:
        rows = (
            ("orders accepted, durably stored", run.accepted_per_s, run.accepted_p99_ms),
            ("the same door without a store", run.door_per_s, None),
            ("bare Spyne, nothing stored", run.bare_per_s, run.bare_p99_ms),
            ("bare lxml, one row inserted", run.insert_per_s, None),
        )
        for name, per_s, p99_ms in rows:
            tail = "" if p99_ms is None else f"   p99 {p99_ms:.0f} ms"
            out.print(f"{name:32s} {per_s:7.0f}/s{tail}")
        out.print(
            f"ratio {run.ratio:.2f}, to one row {run.ratio_to_insert:.2f};"
            f" stored {run.stored} of {run.acknowledged} acknowledged"
        )
    if run.stored != run.acknowledged:
        raise typer.Exit(1)


@app.command("readings-export")
def readings_export(
    meters: Annotated[int, typer.Option(min=1, help="Of 96 values each.")] = 100,
    rounds: Annotated[int, typer.Option(min=1, help="Each way has so many turns.")] = 15,
    json: Json = False,
) -> None:
    """A day of meters as one MeterReadings message: built, held against the schema, serialized;
    next to bare lxml doing the same.

    Example: [bold]ami bench readings-export --json[/]
    """
    from tools.bench.readings_export import compare

    run = compare(meters=meters, rounds=rounds)
    if json:
        print_json(run.as_dict())
        return
    for name, ms in (("ours", run.ours_ms), ("bare lxml", run.bare_ms)):
        out.print(f"{name:12s} {ms:7.1f} ms")
    out.print(f"ratio {run.ratio:.2f} (aim {run.aim}); {run.octets / 1000:.0f} kB, octets alike")


@app.command("dlms-session")
def dlms_session(
    sessions: Annotated[int, typer.Option(min=1, help="Sessions in each turn.")] = 20,
    rounds: Annotated[int, typer.Option(min=1, help="Each client has so many turns.")] = 40,
    json: Json = False,
) -> None:
    """Client CPU of one DLMS session (HLS 5, three registers, the clock), next to the peers'.

    Clients take short turns, and the quickest session of each counts.  Shown are the median of the
    turns, how many times as long as ours a peer took in the same turn, and between which ratios
    half of the turns were.  The peers are installed in environments of their own on first use.

    Example: [bold]ami bench dlms-session --rounds 200[/]
    """
    from tools.bench.dlms_session import compare  # builds a meter: too heavy for every `ami`

    run = compare(sessions=sessions, rounds=rounds)
    if json:
        print_json(run.as_dict())
        return
    for name, median_ms in run.median_ms.items():
        _print_row(name, median_ms, run.ratio(name), run.spread(name))


@app.command("profile-decode")
def profile_decode(
    turns: Annotated[int, typer.Option(min=20, help="Buffers in each round.")] = 500,
    rounds: Annotated[int, typer.Option(min=1, help="Each decoder has so many turns.")] = 3,
    json: Json = False,
) -> None:
    """CPU of decoding a load profile (96 x 8) to engineering units, next to the peers'.

    Example: [bold]ami bench profile-decode --json[/]
    """
    from tools.bench.profile_decode import compare

    run = compare(turns=turns, rounds=rounds)
    if json:
        print_json(run.as_dict())
        return
    for name, median_ms in run.median_ms.items():
        _print_row(name, median_ms, run.ratio(name))


def _print_row(
    name: str, median_ms: float | None, ratio: float | None, spread: list[float] | None = None
) -> None:
    if median_ms is None:
        out.print(f"{name:32s} [dim]could not run[/]")
        return
    between = "" if spread is None else f"   {spread[0]:.1f} to {spread[1]:.1f}"
    out.print(f"{name:32s} {median_ms:8.3f} ms   {ratio or 1.0:6.1f} x{between}")


@app.command("meter-memory")
def meter_memory(
    meters: Annotated[int, typer.Option(min=100, help="Meters that are built.")] = 20_000,
    conversations: Annotated[int, typer.Option(min=1, help="Of these, how many talk.")] = 500,
    model: Annotated[str, typer.Option(help="Which meter.")] = "standard",
    json: Json = False,
) -> None:
    """Bytes per simulated meter: untouched, with an association open, and once it was read.

    Example: [bold]ami bench meter-memory --model residential-single-phase[/]
    """
    from devices.meter.models import UnknownModel
    from tools.bench.meter_memory import measure  # builds meters: too heavy for every `ami`

    try:
        run = measure(meters=meters, conversations=conversations, model_name=model)
    except UnknownModel as error:
        raise typer.BadParameter(str(error), param_hint="--model") from error
    if json:
        print_json(run.as_dict())
    else:
        told = run.as_dict()
        for name in ("untouched", "open_association"):
            took, aim = told[f"{name}_bytes"], told[f"{name}_aim_bytes"]
            out.print(f"{name.replace('_', ' '):20s} {took:8d} bytes   aim < {aim}")
        out.print(f"{'read and released':20s} {told['released_bytes']:8d} bytes")
    if not run.within_aims:
        raise typer.Exit(1)


@app.command("ingest")
def ingest(
    batches: Annotated[
        int, typer.Option(min=1, help="Of 9,600 rows each: a day of 100 meters.")
    ] = 20,
    rounds: Annotated[int, typer.Option(min=1, help="The median of so many.")] = 3,
    postgresql: Annotated[
        str | None,
        typer.Option(help="URL of a database, for a schema of its own that goes again."),
    ] = None,
    json: Json = False,
) -> None:
    """Rows of load profiles per second into the store, next to the bare driver with the same rows.

    Example: [bold]ami bench ingest --postgresql postgresql://ami@127.0.0.1/scratch --json[/]
    """
    from tools.bench.ingest import compare

    run = compare(count=batches, rounds=rounds, postgresql=postgresql)
    if json:
        print_json(run.as_dict())
        return
    for name, bare, one in (
        ("SQLite", "executemany", run.sqlite),
        ("PostgreSQL", "COPY", run.postgresql),
    ):
        if one is None:
            out.print(f"{name:11s} not measured: name a database by --postgresql")
            continue
        out.print(
            f"{name:11s} {one.ours_per_s:9,.0f} rows/s   bare {bare} {one.bare_per_s:9,.0f} rows/s"
            f"   ratio {one.ratio:.2f}"
        )


@app.command("workers")
def workers(
    postgresql: Annotated[
        str, typer.Option(help="URL of a database, for a schema of its own that goes again.")
    ],
    orders: Annotated[int, typer.Option(min=10, help="In each run.")] = 2000,
    counts: Annotated[str, typer.Option(help="How many workers, run by run.")] = "1,2,4",
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Orders per second that 1, 2 and 4 workers carry out on one PostgreSQL, next to bare claims.

    Example: [bold]ami bench workers --postgresql postgresql://ami@127.0.0.1/scratch --json[/]
    """
    from tools.bench.workers import compare  # imports the head-end: too heavy for every `ami`

    try:
        wanted = tuple(int(count) for count in counts.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{counts!r} are no numbers", param_hint="--counts") from error
    if not all(1 <= count <= 64 for count in wanted):
        raise typer.BadParameter("from 1 to 64 workers", param_hint="--counts")
    run = compare(url=postgresql, orders=orders, workers=wanted)
    if json:
        print_json(run.as_dict())
    else:
        out.print(
            f"{run.orders} orders a run; {run.cores} cores, load {run.load_before:.1f} before"
        )
        for one in run.measured:
            out.print(
                f"{one.workers:3d} workers {one.orders_per_s:8.0f} orders/s"
                f"   bare claims {one.bare_claims_per_s:8.0f}/s"
            )
    if not all(one.ended_once for one in run.measured):
        raise typer.Exit(1)


@app.command("unbalance")
def unbalance(
    feeders: Annotated[int, typer.Option(min=1, help="Each with 672 rows: 28 days.")] = 1000,
    rounds: Annotated[int, typer.Option(min=1, help="The median of so many.")] = 5,
    json: Json = False,
) -> None:
    """A month of feeders' hours to the figures of all windows, next to DuckDB in one query.

    Example: [bold]ami bench unbalance --json[/]
    """
    from tools.bench.unbalance import compare  # duckdb is too heavy for every `ami`

    run = compare(feeders=feeders, rounds=rounds)
    if json:
        print_json(run.as_dict())
        return
    out.print(f"{run.rows:,} rows of {run.feeders} feeders, {run.figures:,} figures, alike")
    for name, seconds in (
        ("ours, one thread", run.ours_s),
        ("DuckDB, all cores", run.duckdb_s),
        ("DuckDB, one thread", run.duckdb_one_thread_s),
    ):
        out.print(f"{name:20s} {seconds:8.3f} s   {seconds / run.ours_s:6.2f} x")


@app.command("pages")
def pages(
    feeders: Annotated[int, typer.Option(min=1, help="Each with 28 days of hours.")] = 200,
    meters: Annotated[int, typer.Option(min=1, help="In the registry.")] = 20_000,
    rounds: Annotated[int, typer.Option(min=2, help="Each page is asked so many times.")] = 40,
    json: Json = False,
) -> None:
    """Server time of the analyst's pages with a division loaded, next to the same numbers computed
    from its feeders' hours.

    Example: [bold]ami bench pages --json[/]
    """
    from tools.bench.pages import compare  # builds a head-end: too heavy for every `ami`

    run = compare(feeders=feeders, meters=meters, rounds=rounds)
    if json:
        print_json(run.as_dict())
    else:
        for page in run.pages:
            aim = "" if page.aim_ms is None else f"  aim {page.aim_ms:.0f}"
            tail = ""
            if page.ratio is not None:
                same = "alike" if page.alike else "[red]other numbers[/]"
                tail = f"  from rows {page.raw_ms:7.0f} ms, {page.ratio:6.1f} x, {same}"
            out.print(
                f"{page.name:26s} p50 {page.p50_ms:6.1f} ms  p95 {page.p95_ms:6.1f} ms"
                f" (processor {page.cpu_p95_ms:6.1f}){aim}{tail}"
            )
    if not run.alike:
        raise typer.Exit(1)


@app.command("hidden-truth")
def hidden_truth(
    seeds: Annotated[int, typer.Option(min=1, help="As many streets of 55 customers.")] = 10,
    days: Annotated[int, typer.Option(min=3, max=28, help="Of quarter hours.")] = 14,
    lost: Annotated[float, typer.Option(min=0, max=0.6, help="Share of rows not heard.")] = 0.2,
    noise: Annotated[float, typer.Option(min=0, max=0.02, help="Of the voltage, 1 sigma.")] = 0.001,
    json: Json = False,
) -> None:
    """How right phase identification, rephasing, loading and losses are, next to what the simulated
    grid knows, while a part of what its meters say is lost.

    Example: [bold]ami bench hidden-truth --lost 0.4 --noise 0.005 --json[/]
    """
    from tools.bench.hidden_truth import compare

    run = compare(seeds=seeds, days=days, lost=lost, noise=noise)
    if json:
        print_json(run)
        return
    for name, value in run.items():
        out.print(f"{name.replace('_', ' '):40s} {value}")
