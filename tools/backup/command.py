"""`ami backup`: copies of everything that a head-end must not lose, in a place apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from headend import config as configuration
from headend.access.desk import AccessRefused
from headend.backup.manifest import Manifest
from headend.config import BadConfig, Config
from headend.ports import StoreUnavailable
from tools.backup.escrow import app as escrow
from tools.backup.standing import resume, status
from tools.database.opening import configured
from tools.options import ConfigFile, Json, OtherDatabase, TokenFile, token_shown
from tools.terminal import clock_text, err, failed, out, print_json, show, wrong_usage

app = typer.Typer(
    name="backup",
    help="Backups: create, verify, list, restore, status, resume, escrow.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.add_typer(escrow, name="escrow")
app.command()(status)
app.command()(resume)

Where = Annotated[Path | None, typer.Option("--place", help="Where backups lie; else configured.")]
KeyFile = Annotated[
    Path | None, typer.Option("--key-file", help="The key that seals backups; else configured.")
]
Named = Annotated[str | None, typer.Argument(help="A backup's name; else the newest.")]

ADVICE = "See which there are: ami backup list --place FOLDER"


@app.command()
def create(
    config: ConfigFile = None,
    database: OtherDatabase = None,
    place: Where = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Copy databases, configuration, models and certificates, while the head-end works.

    Private keys, and the key that meters' keys are sealed by, are never in it: see
    [bold]ami backup escrow[/].

    Example: [bold]ami backup create --config ami.toml --place /mnt/backups[/]
    """
    from headend.app import backups
    from headend.chance import SystemChance
    from headend.clock import WallClock

    with _explained():
        settings = configured(config, database)
        with _working() as tell:
            made = backups.create(
                settings,
                clock=WallClock(),
                chance=SystemChance(),
                place=backups.place_of(settings, place),
                key=backups.key_of(settings, key_file),
                config_file=config,
                progress=tell,
            )
    if json:
        print_json({**_row(made.manifest), "removed": made.removed})
        return
    out.print(_told(made.manifest), markup=False)
    for path in made.manifest.left_out:
        err.print(f"left out, as it holds a secret: {path}", markup=False)
    for name in made.removed:
        out.print(f"removed {name}, which need not be kept any more", markup=False)


@app.command()
def verify(
    name: Named = None,
    config: ConfigFile = None,
    place: Where = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """See that a backup could be restored: hashes, integrity, revision, rows; and, where the key
    that meters' keys are sealed by is here, that each of them opens.

    Example: [bold]ami backup verify --place /mnt/backups[/]
    """
    from headend.app import backups
    from headend.app.key_storage import envelope_of

    with _explained():
        settings = _settings(config)
        there, key = backups.place_of(settings, place), backups.key_of(settings, key_file)
        with _working() as tell:
            checked = backups.verify(
                there,
                name or there.newest(),
                key,
                envelope=envelope_of(settings),
                progress=tell,
            )
    if json:
        print_json({**_row(checked.manifest), "keys_opened": checked.keys_opened})
        return
    out.print(f"{_told(checked.manifest)}: whole", markup=False)
    if checked.keys_opened is None:
        out.print("no envelope key is at hand: whether meters' keys open was not tried")
    else:
        out.print(f"{checked.keys_opened} keys of meters open")


@app.command("list")
def list_(config: ConfigFile = None, place: Where = None, json: Json = False) -> None:
    """All backups, the oldest first.

    Example: [bold]ami backup list --place /mnt/backups[/]
    """
    from headend.app import backups

    with _explained():
        found = backups.place_of(_settings(config), place).all()
    if json:
        print_json([_row(each) for each in found])
        return
    table = Table("backup", "all before (UTC)", "rows", "octets", "sealed", box=None)
    for each in found:
        rows = sum(sum(database.rows.values()) for database in each.databases)
        sealed = each.key or "no"
        table.add_row(
            each.name, clock_text(each.consistent_at), str(rows), str(each.octets), sealed
        )
    show(table)


@app.command()
def restore(
    name: Named = None,
    config: ConfigFile = None,
    database: OtherDatabase = None,
    legacy: Annotated[
        str | None, typer.Option("--legacy", help="The legacy database's URL or path.")
    ] = None,
    place: Where = None,
    key_file: KeyFile = None,
    files: Annotated[
        Path | None,
        typer.Option("--files", help="Where configuration, models and certificates go."),
    ] = None,
    token_file: TokenFile = None,
    json: Json = False,
) -> None:
    """Put a backup back into a database that is not there yet.  Nothing is sent before
    [bold]ami backup resume[/].

    Where commands ask for an account, by the backup or the configuration, the accounts that come
    back are asked.

    Example: [bold]ami backup restore --config ami.toml --place /mnt/backups[/]
    """
    from headend.app import backups
    from headend.app.access import restorer
    from headend.app.restoring import restore as put_back
    from headend.clock import WallClock

    with _explained():
        settings = _settings(config)
        if database is not None:
            url = configuration.database_url(database)
            settings = msgspec.structs.replace(settings, database=url)
        if legacy is not None:
            url = configuration.database_url(legacy)
            settings = msgspec.structs.replace(settings, legacy_database=url)
        there, key = backups.place_of(settings, place), backups.key_of(settings, key_file)
        with _working() as tell:
            tell("verifying, and putting back")
            restored = put_back(
                settings,
                there,
                name or there.newest(),
                key,
                clock=WallClock(),
                who=restorer(settings, token_shown(token_file)),
                files_to=files,
            )
    came = restored.restoration
    if json:
        print_json(
            {
                "backup": came.backup,
                "consistent_at": came.consistent_at,
                "restored_at": came.restored_at,
                "keys": restored.keys,
                "keys_found": came.keys_found,
                "orders_begin_at": came.order_after + 1,
                "legacy": restored.legacy,
                "files": restored.files,
            }
        )
        return
    at = clock_text(came.consistent_at)
    out.print(f"{came.backup} is back: all before {at} UTC; nothing is sent yet", markup=False)
    out.print(f"{restored.keys} keys, whose counters have jumped; {came.keys_found} lines of the")
    out.print("journal of keys since; the next order's number is " + str(came.order_after + 1))
    if restored.legacy is False:
        out.print("the legacy database was there, and stays as it is")
    err.print("next: ami serve, which asks meters for their counters; ami backup status")


def _settings(config: Path | None) -> Config:
    """The configuration, whatever has become of the database that it names.  Raises BadConfig."""
    return configuration.read(config) if config is not None else Config()


@contextmanager
def _explained() -> Iterator[None]:
    """Ends the command, with what to do next, where a backup cannot be made or used."""
    from headend.app import backups

    try:
        yield
    except (BadConfig, backups.BadBackupKey) as error:
        wrong_usage(str(error))
    except AccessRefused as error:
        wrong_usage(str(error), error.next_step, code=error.code)
    except backups.NotEmpty as error:
        advice = "Move it away, or name another: --database URL; nothing was changed."
        wrong_usage(f"a backup is not put over what is there: {error}", advice, code="not-empty")
    except backups.NoBackup as error:
        wrong_usage(str(error), ADVICE, code="no-backup")
    except StoreUnavailable as error:
        wrong_usage(f"no head-end's database: {error}", code="no-database")
    except backups.NotOpened as error:
        wrong_usage(str(error), "Name the key: --key-file FILE", code="wrong-key")
    except backups.KeysUnreadable as error:
        failed(f"keys of meters do not open: {error}", "Take the envelope key of that time.")
    except (backups.Damaged, backups.BadCopy, backups.BadManifest) as error:
        failed(f"the backup is damaged: {error}", "Take the one before, and look after the disk.")
    except OSError as error:
        failed(f"{error.filename or 'the place'}: {error.strerror or error}")


@contextmanager
def _working() -> Iterator[Callable[[str], None]]:
    """What is being done, for a person who waits."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    ) as shown:
        task = shown.add_task("", total=None)
        yield lambda what: shown.update(task, description=what)


def _told(manifest: Manifest) -> str:
    size = manifest.octets / 1e6
    return f"{manifest.name}: all before {clock_text(manifest.consistent_at)} UTC, {size:.1f} MB"


def _row(manifest: Manifest) -> dict[str, object]:
    return {
        "backup": manifest.name,
        "consistent_at": manifest.consistent_at,
        "finished_at": manifest.finished_at,
        "octets": manifest.octets,
        "sealed_by": manifest.key,
        "envelopes": manifest.envelopes,
        "left_out": manifest.left_out,
        "databases": {
            each.role: {
                "engine": each.engine,
                "revision": each.revision,
                "rows": sum(each.rows.values()),
            }
            for each in manifest.databases
        },
    }
