"""`ami backup escrow`: the key of all keys, given to officers, apart from every backup."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from headend.backup import escrow
from headend.backup.escrow import BadEscrow
from headend.chance import SystemChance
from tools.terminal import failed, out, print_json, wrong_usage

PASSPHRASE = "AMI_OFFICER_PASSPHRASE"
CARDS = (
    "An officer makes a key by: openssl genpkey -algorithm X25519 -aes256 -out ana.key;"
    " and the card to give here by: openssl pkey -in ana.key -pubout -out ana.pem"
)

app = typer.Typer(
    help="The key of all keys, given to officers: make, open.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command()
def make(
    officer: Annotated[list[Path], typer.Option(help="An officer's public key (PEM); several.")],
    key_file: Annotated[Path, typer.Option(help="The key to give: keys.envelope_file.")],
    folder: Annotated[Path, typer.Option(help="Where the shares go.")],
    needed: Annotated[int, typer.Option(min=2, help="So many officers have it together.")] = 2,
    json: AsJson = False,
) -> None:
    """Split a key among officers: some of them together have it, fewer have nothing.

    Each share is sealed to its officer's key.  Keep the shares apart from each other and from the
    backups, and do it again whenever the key changes.

    Example: [bold]ami backup escrow make --key-file envelope.key --officer ana.pem
    --officer berta.pem --officer carla.pem --needed 2 --folder shares[/]
    """
    secret = _read(key_file)
    if not secret.strip():
        wrong_usage(f"{key_file} is empty")
    try:
        cards = {path.stem: escrow.officer_card(_read(path)) for path in officer}
        if len(cards) != len(officer):
            raise BadEscrow("two officers have one name: cards are told apart by their files'")
        made = escrow.split(secret, cards, needed, SystemChance())
    except BadEscrow as error:
        wrong_usage(str(error), CARDS)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = []
    for share in made:
        path = folder / f"{share.officer}.share"
        if path.exists():
            wrong_usage(f"{path} is there already", "Name another folder: --folder FOLDER")
        path.write_bytes(escrow.encode(share))
        written.append(str(path))
    if json:
        print_json({"escrow": made[0].of, "needed": needed, "shares": written})
        return
    for name in written:
        out.print(name, markup=False)
    out.print(f"escrow {made[0].of}: {needed} of {len(made)} officers have the key together")


@app.command("open")
def open_(
    share: Annotated[list[Path], typer.Option(help="An officer's share; several.")],
    officer_key: Annotated[list[Path], typer.Option(help="Private keys of the officers (PEM).")],
    out_file: Annotated[Path, typer.Option("--out", help="Where the key goes; nothing there yet.")],
    json: AsJson = False,
) -> None:
    """Put the key together again.  Pass phrases are asked for, or taken from
    AMI_OFFICER_PASSPHRASE where all have one.

    Example: [bold]ami backup escrow open --share ana.share --share berta.share
    --officer-key ana.key --officer-key berta.key --out envelope.key[/]
    """
    try:
        shares = [escrow.decode(_read(path)) for path in share]
        keys = {path.stem: escrow.officer_key(_read(path), _phrase(path)) for path in officer_key}
        if missing := [each.officer for each in shares if each.officer not in keys]:
            raise BadEscrow(f"the key of {', '.join(missing)} is wanted: its file is called so")
        secret = escrow.joined(shares, keys)
    except BadEscrow as error:
        wrong_usage(str(error))
    try:
        descriptor = os.open(out_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        failed(f"{out_file}: {error.strerror}")
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
    if json:
        print_json({"escrow": shares[0].of, "written": str(out_file)})
    else:
        out.print(f"the key of escrow {shares[0].of} is in {out_file}", markup=False)


def _phrase(path: Path) -> bytes | None:
    """What opens an officer's key, where anything has to."""
    if b"ENCRYPTED" not in _read(path):
        return None
    given = os.environ.get(PASSPHRASE)
    if given is None:
        given = typer.prompt(f"Pass phrase of {path}", hide_input=True, err=True)
    return given.encode()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        wrong_usage(f"{path}: {error.strerror}")
