"""`ami meter add`: enter a meter that the head-end reaches by itself into its registry."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from headend.config import BadConfig, Config, KeyStorage, database_url
from headend.config import read as read_config
from headend.domain.meter import GATEWAY, Meter, RecordedPhase
from headend.models import BadModel, Shelf
from headend.ports import KeyShared, StoreUnavailable
from protocols.dlms.keys import KeyPairs, Keys
from tools.options import ConfigFile, OtherDatabase
from tools.probe.key_pairs import private_from_file, public_from_file
from tools.terminal import failed, out, wrong_usage


def add(
    number: Annotated[str, typer.Argument(help="The meter's number.")],
    address: Annotated[
        str, typer.Option(help="tcp://HOST:PORT, udp://HOST:PORT, dials-in, or gateway.")
    ],
    model: Annotated[str, typer.Option(help="Its meter model.")] = "generic",
    config: ConfigFile = None,
    database: OtherDatabase = None,
    envelope: Annotated[
        Path | None, typer.Option(help="File of the key that meters' keys are sealed by.")
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(help="CLIENT:ENCRYPTION:AUTHENTICATION[:MASTER], keys in hexadecimal digits."),
    ] = None,
    password: Annotated[
        list[str] | None,
        typer.Option(help="CLIENT:PASSWORD of low level security; CLIENT alone asks for it."),
    ] = None,
    signing_key: Annotated[
        list[str] | None,
        typer.Option(help="CLIENT:FILE, our private key in PEM, for meters of suites 1 and 2."),
    ] = None,
    meter_key: Annotated[
        Path | None, typer.Option(help="File of the meter's certificate, or of its public key.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Its system title, 16 digits.")] = None,
    identity: Annotated[
        str | None, typer.Option(help="Its logical device name, where that is another.")
    ] = None,
    segment: Annotated[str | None, typer.Option(help="The part of the network it is in.")] = None,
    concentrator: Annotated[
        str | None, typer.Option(help="Which one carries for it; with --address gateway.")
    ] = None,
    contracted_w: Annotated[int | None, typer.Option(help="Its contract, in watts.")] = None,
    phase: Annotated[str | None, typer.Option(help="Its recorded phase: A, B, C, ABC.")] = None,
) -> None:
    """Enter a meter with which the head-end speaks by itself, with its keys.

    Example: [bold]ami meter add 4711 --address tcp://10.1.2.3:4059 --key 1:0A…:0B…[/]
    """
    from headend.app.entering import (
        add_meter,  # the other commands need not wait for the whole head-end
    )

    try:
        settings = Config() if config is None else read_config(config)
        if database is not None:
            settings = msgspec.structs.replace(settings, database=database_url(database))
        if envelope is not None:
            storage = KeyStorage(envelope_file=envelope)
            settings = msgspec.structs.replace(settings, keys=storage)
        Shelf(settings.direct.models).get(model)
        if (concentrator is None) is (address == GATEWAY):
            wrong_usage("--concentrator goes with --address gateway, and that with it")
        meter = Meter(
            number,
            concentrator,
            commissioned=True,
            contracted_w=None if contracted_w is None else Decimal(contracted_w),
            model=model,
            address=address,
            segment=segment,
            identity=identity,
            title=None if title is None else _title(title),
            recorded_phase=None if phase is None else _phase(phase),
        )
        keys, passwords = dict(map(_keys, key or ())), dict(map(_password, password or ()))
        pairs = _pairs(signing_key or (), meter_key)
        asyncio.run(add_meter(settings, meter, keys, passwords, pairs))
    except (BadConfig, BadModel, KeyShared) as error:
        wrong_usage(str(error))
    except StoreUnavailable as error:
        failed(f"no database: {error}", "Name the head-end's own: --database FILE")
    out.print(f"meter {number}: {address}, model {model}, lane {meter.lane}", markup=False)


def _title(text: str) -> str:
    try:
        octets = bytes.fromhex(text)
    except ValueError:
        octets = b""
    if len(octets) != 8:
        wrong_usage(f"--title takes 16 hexadecimal digits, not {text!r}")
    return octets.hex().upper()


def _phase(text: str) -> RecordedPhase:
    try:
        return msgspec.convert(text.upper(), RecordedPhase)
    except msgspec.ValidationError:
        wrong_usage(f"--phase is one of A, B, C and ABC, not {text!r}")


def _keys(text: str) -> tuple[int, Keys]:
    """One --key.  What is wrong is told without the key."""
    try:
        client, *keys = text.split(":")
        encryption, authentication, *master = map(bytes.fromhex, keys)
        if len(master) > 1:
            raise ValueError
        return int(client), Keys(encryption, authentication, master=master[0] if master else None)
    except ValueError:
        wrong_usage(
            "--key takes CLIENT:ENCRYPTION:AUTHENTICATION or CLIENT:ENCRYPTION:AUTHENTICATION:"
            "MASTER, the keys with 32 digits each"
        )


def _pairs(signing: Sequence[str], meter_key: Path | None) -> dict[int, KeyPairs]:
    """The --signing-key of each client, with the --meter-key that all believe the meter by."""
    if bool(signing) is (meter_key is None):
        wrong_usage("--signing-key goes with --meter-key, and that with it")
    found = {}
    for text in signing:
        client, _, file = text.partition(":")
        if not client.isdecimal() or not file:
            wrong_usage("--signing-key takes CLIENT:FILE")
        try:
            assert meter_key is not None
            ours, meters = private_from_file(Path(file)), public_from_file(meter_key)
        except ValueError as error:
            wrong_usage(str(error), code="wrong-key")
        if ours.curve.name != meters.curve.name:
            wrong_usage("our key and the meter's are on different curves", code="wrong-key")
        found[int(client)] = KeyPairs(signing=ours, peer_signing=meters)
    return found


def _password(text: str) -> tuple[int, bytes]:
    """One --password.  What is wrong is told without it."""
    client, colon, given = text.partition(":")
    if not client.isdecimal() or (colon and not given):
        wrong_usage("--password takes CLIENT:PASSWORD, or CLIENT, and asks for the password")
    if not colon:
        given = typer.prompt(f"Password of client {client}", hide_input=True, err=True)
    return int(client), given.encode()
