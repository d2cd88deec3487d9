"""`ami meter`: one simulated meter on a TCP port, for any DLMS client."""

from __future__ import annotations

import asyncio
import enum
import json
import re
import signal
import sys
from typing import Annotated

import typer

from devices.clock import wall_clock
from devices.gateway.tcp import MeterListener
from devices.meter.clients import on_the_bench
from devices.meter.device import Meter
from devices.meter.identity import (
    MANAGEMENT_CLIENT,
    SERVER_SAP,
    Identity,
    client_system_title,
)
from devices.meter.load import ConstantLoad, DailyLoad, Load
from devices.meter.meter_type import MeterType
from protocols.dlms.codes import AuthenticationMechanism

app = typer.Typer(name="meter", help="A simulated meter.", no_args_is_help=True)

HOUSEHOLD_UNIT_W = 8  # up to 8 W × 64 on each phase
HOUSEHOLD_UNIT_VAR = 2


class Auth(enum.StrEnum):
    """How the management client proves itself."""

    NONE = "none"
    LOW = "low"
    GMAC = "gmac"


MECHANISMS = {
    Auth.NONE: AuthenticationMechanism.NONE,
    Auth.LOW: AuthenticationMechanism.LOW,
    Auth.GMAC: AuthenticationMechanism.HIGH_GMAC,
}


@app.callback()
def _meter() -> None:
    """A simulated meter."""


@app.command()
def listen(
    tcp: Annotated[
        str, typer.Option(help="HOST:PORT to listen on; port 0 takes a free one.")
    ] = "127.0.0.1:4059",
    auth: Annotated[
        Auth, typer.Option(help="How the management client (1) proves itself.")
    ] = Auth.GMAC,
    seed: Annotated[int, typer.Option(help="Fixes number, keys and password.")] = 1,
    index: Annotated[int, typer.Option(help="Which meter of the seed.", min=0)] = 0,
    phases: Annotated[int, typer.Option(help="1 or 3.")] = 3,
    load: Annotated[
        str, typer.Option(help="Constant load on each phase, such as 800W or 2kW.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """Serve one simulated meter to any DLMS client until Ctrl-C.  Its keys are TEST KEYS.

    Example: [bold]ami meter listen --tcp 127.0.0.1:4059 --auth low[/]
    """
    host, port = _address(tcp)
    try:
        meter_type = MeterType(phases=phases, clients=on_the_bench(MECHANISMS[auth]))
        meter = Meter(Identity(seed, index), _load(load, phases), meter_type)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    try:
        asyncio.run(_serve(meter, auth, host, port, as_json))
    except OSError as error:
        typer.echo(f"cannot listen on {tcp}: {error.strerror}. Try: --tcp {host}:0", err=True)
        raise typer.Exit(1) from error


def _address(text: str) -> tuple[str, int]:
    found = re.fullmatch(r"\[?([^\]\s]*?)\]?:(\d{1,5})", text)
    if not found or int(found[2]) > 0xFFFF:
        raise typer.BadParameter(f"{text!r} is not HOST:PORT", param_hint="--tcp")
    return found[1] or "127.0.0.1", int(found[2])


def _load(text: str, phases: int) -> Load:
    if not text:
        return DailyLoad((HOUSEHOLD_UNIT_W,) * phases, (HOUSEHOLD_UNIT_VAR,) * phases)
    found = re.fullmatch(r"(-?\d+)\s*(k?)W", text)
    if not found:
        raise typer.BadParameter(f"{text!r} is not a power such as 800W", param_hint="--load")
    return ConstantLoad.of(*[int(found[1]) * (1000 if found[2] else 1)] * phases)


async def _serve(meter: Meter, auth: Auth, host: str, port: int, as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with MeterListener(meter, now=wall_clock) as listener:
        address = await listener.listen(host, port)
        what = description(meter, auth, *address)
        print(json.dumps(what) if as_json else _readable(what), flush=True)
        await stop.wait()


def description(meter: Meter, auth: Auth, host: str, port: int) -> dict[str, object]:
    """All that a client needs to know.  The management client's data stand at the top as well."""
    identity = meter.identity
    clients = []
    for client in meter.clients.values():
        known: dict[str, object] = {"sap": client.sap, "name": client.name}
        match client.mechanism:
            case AuthenticationMechanism.LOW:
                known |= {"auth": "low", "password": identity.password(client.sap).decode()}
            case AuthenticationMechanism.HIGH_GMAC:
                keys = identity.keys(client.sap)
                known |= {
                    "auth": "gmac",
                    "security_suite": 0,
                    "encryption_key": keys.encryption.hex().upper(),
                    "authentication_key": keys.authentication.hex().upper(),
                    "client_system_title": client_system_title(identity.seed, client.sap)
                    .hex()
                    .upper(),
                    "invocation_counter": f"0.0.43.1.{client.security_instance}.255",
                }
            case _:
                known |= {"auth": "none"}
        clients.append(known)
    management = next(c for c in clients if c["sap"] == MANAGEMENT_CLIENT)
    return {
        "host": host,
        "port": port,
        "framing": "wrapper",
        "auth": auth.value,
        "meter": identity.number,
        "client": MANAGEMENT_CLIENT,
        "server": SERVER_SAP,
        "system_title": identity.system_title.hex().upper(),
        **{k: v for k, v in management.items() if k not in ("sap", "name", "auth")},
        "clients": clients,
        "test_keys": True,
        "note": "TEST KEYS, known to whoever knows the seed: they protect nothing",
    }


def _readable(what: dict[str, object]) -> str:
    lines = [
        "meter {meter} on {host}:{port}, wrapper, server {server}".format(**what),
        "system title {system_title}".format(**what),
        str(what["note"]),
    ]
    clients = what["clients"]
    assert isinstance(clients, list)
    for client in clients:
        rest = "  ".join(f"{k} {v}" for k, v in client.items() if k not in ("sap", "name"))
        lines.append(f"  client {client['sap']:>2} {client['name']:<12} {rest}")
    return "\n".join([*lines, "Ctrl-C ends it."])


if __name__ == "__main__":
    sys.exit(app())
