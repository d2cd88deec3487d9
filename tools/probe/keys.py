"""`ami probe keys`: what this laptop keeps of meters' keys and passwords, sealed."""

from __future__ import annotations

from typing import Annotated

import typer

from headend.app.probe import Secret
from headend.models.schema import PUBLIC
from protocols.dlms.keys import KeyPairs
from tools.probe.command import group, verb
from tools.probe.desk import Desk
from tools.probe.report import Column, Fact, Report, Table
from tools.probe.secrets import BadSecret, Known
from tools.terminal import wrong_usage

keys = group("keys", "Keys and passwords of meters, sealed on this laptop; chosen with --meter.")

Number = Annotated[str, typer.Argument(metavar="METER", help="The meter's number.")]


@verb("keep", of=keys)
async def keep(desk: Desk, number: Number) -> Report:
    """Keep what --key-file, the environment or a question tells, for a meter's clients.

    Example: [bold]ami probe keys keep 4711 --key-file keys.json[/]
    """
    ring, kept = desk.keyring(), []
    for role, association in desk.model().association.items():
        proved = desk.proved(association)
        if role == PUBLIC or proved.client in kept or not desk.secrets.fits(proved):
            continue
        if desk.secrets.of(proved.client) == Known():
            continue
        ring.put(number, proved.client, desk.secrets.secret(proved))
        kept.append(proved.client)
    if not kept:
        wrong_usage(
            "no password and no key was said",
            "Try: --key-file FILE, AMI_PROBE_PASSWORD, or AMI_PROBE_KEY and AMI_PROBE_AUTH_KEY",
        )
    clients = ", ".join(map(str, kept))
    facts = (Fact("clients", "kept for clients", clients),)
    return Report("keys keep", f"meter {number}", number, desk.now(), facts)


@verb("list", of=keys)
async def list_(desk: Desk) -> None:
    """The meters of which something is kept, and for which clients.  No key is shown.

    Example: [bold]ami probe keys list[/]
    """
    ring = desk.keyring()
    rows = []
    for meter in ring.meters():
        for client in ring.clients(meter):
            secret = ring.get(meter, client)
            rows.append((meter, client, _kinds(secret or Secret())))
    columns = (Column("meter", "meter"), Column("client", "client"), Column("kept", "kept"))
    desk.show(
        Report("keys list", "", None, desk.now(), (), (Table("keys", "", columns, tuple(rows)),))
    )


@verb("forget", of=keys)
async def forget(desk: Desk, number: Number) -> Report:
    """Forget everything of a meter.

    Example: [bold]ami probe keys forget 4711[/]
    """
    ring = desk.keyring()
    if number not in ring.meters():
        raise BadSecret(f"the keyring has nothing of meter {number}")
    ring.forget(number)
    return Report("keys forget", f"meter {number}: nothing is kept any more", number, desk.now())


def _kinds(secret: Secret) -> str:
    """What is kept, without any of it."""
    pairs = secret.pairs or KeyPairs()
    kinds = {
        "password": secret.password is not None,
        "keys": secret.keys is not None,
        "key pair": pairs.signing is not None,
        "meter's public key": pairs.peer_signing is not None,
        "system title": secret.meter_title is not None,
    }
    return ", ".join(kind for kind, there in kinds.items() if there)
