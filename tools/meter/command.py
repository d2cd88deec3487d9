"""`ami meter`: one simulated meter for any DLMS client, on TCP, UDP and ptys."""

from __future__ import annotations

import asyncio
import enum
import json
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from devices.clock import wall_clock
from devices.gateway.lines import Framing, Line, Opened, PtyLine, TcpLine, UdpLine
from devices.gateway.meter_line import LiveMeter
from devices.gateway.outflow import Pace
from devices.meter import models
from devices.meter.certificates import anchor, authority
from devices.meter.clients import Client, on_the_bench
from devices.meter.device import Meter
from devices.meter.faults import FAULTS
from devices.meter.identity import (
    MANAGEMENT_CLIENT,
    SERVER_SAP,
    Identity,
    client_system_title,
)
from devices.meter.keyring import keys_of
from devices.meter.load import ConstantLoad, DailyLoad, Load
from devices.meter.meter_type import MeterType
from devices.meter.policy import required
from devices.meter.profile import FIRST_ROW
from protocols.capture.recorder import Recorder
from protocols.dlms.codes import AuthenticationMechanism, Security
from protocols.dlms.elliptic import public_octets
from protocols.dlms.suite import SecuritySuite, curve_of
from tools.authentication import ALIASES, METAVAR, Auth, auth_of
from tools.capture.capturing import CaptureFile, recording
from tools.meter.commission import commission_verb
from tools.meter.entry import add
from tools.meter.keys import rekey
from tools.meter.life import life_verbs
from tools.meter.orders import command_verbs
from tools.meter.record import record_verb
from tools.meter.registry import list_meters, show_meter
from tools.meter.state import Keep, remembering

app = typer.Typer(
    name="meter", help="A simulated meter; meters in the registry.", no_args_is_help=True
)
app.command("add")(add)
app.command("rekey")(rekey)
app.command("list")(list_meters)
app.command("show")(show_meter)
record_verb(app)
life_verbs(app)
commission_verb(app)
command_verbs(app)

HOUSEHOLD_UNIT_W = 8  # up to 8 W × 64 on each phase
HOUSEHOLD_UNIT_VAR = 2


MECHANISMS = {
    Auth.NONE: AuthenticationMechanism.NONE,
    Auth.LOW: AuthenticationMechanism.LOW,
    Auth.GMAC: AuthenticationMechanism.HIGH_GMAC,
    Auth.MD5: AuthenticationMechanism.HIGH_MD5,
    Auth.SHA1: AuthenticationMechanism.HIGH_SHA1,
    Auth.SHA256: AuthenticationMechanism.HIGH_SHA256,
    Auth.ECDSA: AuthenticationMechanism.HIGH_ECDSA,
}


class Protection(enum.StrEnum):
    """The least protection of what a client that ciphers says, and of what it is answered."""

    NONE = "none"
    AUTHENTICATED = "authenticated"
    ENCRYPTED = "encrypted"
    BOTH = "both"


SECURITIES = {
    Protection.NONE: Security.NONE,
    Protection.AUTHENTICATED: Security.AUTHENTICATED,
    Protection.ENCRYPTED: Security.ENCRYPTED,
    Protection.BOTH: Security.AUTHENTICATED_ENCRYPTED,
}

PROTECTIONS = {security: protection for protection, security in SECURITIES.items()}
AUTHS = {mechanism: auth for auth, mechanism in MECHANISMS.items()}

ECHO, PLAIN_IDENTIFICATION, PAUSES = "echo", "identification-plain", "pauses"
"""The faults of a line, in the table of faults."""

PAUSE_S = 3.0
DEFAULT_TCP = "127.0.0.1:4059"


@app.callback()
def _meter() -> None:
    """A simulated meter."""


@app.command()
def listen(
    tcp: Annotated[
        str,
        typer.Option(
            help="HOST:PORT to listen on; port 0 takes a free one.",
            show_default=f"{DEFAULT_TCP}, where no other line is named",
        ),
    ] = "",
    udp: Annotated[str, typer.Option(help="HOST:PORT for datagrams, by the wrapper.")] = "",
    pty: Annotated[
        Path | None,
        typer.Option(help="Where to make a pty, or a tty that is there, such as socat's."),
    ] = None,
    framing: Annotated[
        Framing | None,
        typer.Option(
            help="Of TCP wrapper or hdlc, of a pty mode-e or hdlc.",
            show_default="wrapper on TCP, mode-e on a pty",
        ),
    ] = None,
    auth: Annotated[
        Auth,
        typer.Option(
            parser=auth_of,
            metavar=METAVAR,
            help=f"How the management client (1) proves itself; {ALIASES}.",
        ),
    ] = Auth.GMAC,
    suite: Annotated[
        int | None,
        typer.Option(
            help="Security suite, of gmac and ecdsa.",
            show_default="0, of ecdsa 1",
            min=0,
            max=2,
        ),
    ] = None,
    security: Annotated[
        Protection | None,
        typer.Option(
            help="Least protection of messages (security policy), of gmac and ecdsa.",
            show_default="both, of others none",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            help=f"Which meter: {', '.join(models.names())}, or a template FILE.toml.",
            show_default="standard",
        ),
    ] = "",
    fault: Annotated[
        list[str] | None,
        typer.Option(help=f"What is broken; may be repeated: {', '.join(FAULTS)}."),
    ] = None,
    echo: Annotated[
        bool, typer.Option("--echo", help="The pty gives back what is sent, as probes do.")
    ] = False,
    paced: Annotated[
        bool, typer.Option("--paced", help="What the pty sends takes the time of its speed.")
    ] = False,
    baud: Annotated[
        int | None,
        typer.Option(help="Speed of hdlc on a pty.", show_default="hears clients at any"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Fixes number, keys and password.")] = 1,
    index: Annotated[int, typer.Option(help="Which meter of the seed.", min=0)] = 0,
    phases: Annotated[
        int | None,
        typer.Option(help="1 or 3, where no model is named.", show_default="3, or the model's"),
    ] = None,
    load: Annotated[
        str, typer.Option(help="Constant load on each phase, such as 800W or 2kW.")
    ] = "",
    state: Annotated[
        Path | None,
        typer.Option(help="File that keeps counters and all that is written, over a restart."),
    ] = None,
    capture: CaptureFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """Serve one simulated meter to any DLMS client until Ctrl-C.  Its keys are TEST KEYS.

    Example: [bold]ami meter listen --tcp 127.0.0.1:4059 --auth low[/] and
    [bold]ami meter listen --pty /tmp/probe --framing mode-e --echo[/]
    """
    faults = known_faults(fault or [])
    of_a_pty = echo or paced or baud or faults & {ECHO, PLAIN_IDENTIFICATION}
    if pty is None and of_a_pty:
        raise typer.BadParameter("echo, paced, baud and identification-plain are of a --pty")
    try:
        clients = _clients(auth, suite, None if security is None else SECURITIES[security])
        if model and phases not in (None, models.find(model).phases):
            raise ValueError(f"a {model} has {models.find(model).phases} phases, not {phases}")
        number = 3 if phases is None else phases
        meter = meter_of(clients, model, number, Identity(seed, index), load)
        for name in sorted(faults):
            meter.set_fault(name, now=wall_clock())
        pace = Pace(airtime=paced, pause_s=PAUSE_S if meter.dirty(PAUSES) else 0.0)
        lines = list(_lines(tcp, udp, pty, framing, pace))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    echo = echo or meter.dirty(ECHO)
    plain = meter.dirty(PLAIN_IDENTIFICATION)
    asked = [_as_asked(line, echo, plain, baud) for line in lines]
    with (
        remembering(state, meter, load) as keep,
        recording(capture, about="ami meter listen") as recorder,
    ):
        asyncio.run(_serve(meter, auth, asked, as_json, recorder, keep))


def known_faults(names: list[str]) -> frozenset[str]:
    """Names, or lists of them with commas, that the table of faults has."""
    names = [name.strip() for each in names for name in each.split(",")]
    unknown = sorted({*names} - FAULTS.keys())
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: no such fault", param_hint="--fault")
    return frozenset(names)


def _clients(auth: Auth, suite: int | None, security: Security | None) -> tuple[Client, ...]:
    """Raises ValueError for a suite or a policy that does not go with the authentication."""
    least = SecuritySuite.AES_GCM_128
    if auth is Auth.ECDSA:
        least = SecuritySuite.ECDH_ECDSA_AES_GCM_128_SHA_256
    chosen = least if suite is None else SecuritySuite(suite)
    return on_the_bench(MECHANISMS[auth], chosen, security)


def meter_of(
    clients: tuple[Client, ...], model: str, phases: int, identity: Identity, load: str
) -> Meter:
    """The meter that was asked for.  Raises ValueError."""
    if model:
        meter_type = replace(models.find(model), clients=clients)
    else:
        meter_type = MeterType(phases=phases, clients=clients)
    if any(client.suite for client in clients):  # certificates are a matter of its version 1
        meter_type = replace(meter_type, security_setup_version=1)
    return Meter(identity, _load(load, meter_type.phases), meter_type)


def _lines(
    tcp: str, udp: str, pty: Path | None, framing: Framing | None, pace: Pace
) -> Iterator[Line]:
    """Raises ValueError for a framing that a line does not carry."""
    named = bool(tcp or udp or pty)
    if tcp or not named:
        host, port = _address(tcp or DEFAULT_TCP, "--tcp")
        yield TcpLine(host, port, framing or Framing.WRAPPER, pace)
    if udp:
        if framing not in (None, Framing.WRAPPER) and not (tcp or pty):
            raise ValueError("a datagram carries the wrapper: hdlc and mode-e are for streams")
        yield UdpLine(*_address(udp, "--udp"), pace)
    if pty:
        yield PtyLine(pty, framing or Framing.MODE_E, pace=pace)


def _as_asked(line: Line, echo: bool, plain: bool, baud: int | None) -> Line:
    if not isinstance(line, PtyLine):
        return line
    return replace(line, echo=echo, plain_identification=plain, baud=baud)


def _address(text: str, option: str) -> tuple[str, int]:
    found = re.fullmatch(r"\[?([^\]\s]*?)\]?:(\d{1,5})", text)
    if not found or int(found[2]) > 0xFFFF:
        raise typer.BadParameter(f"{text!r} is not HOST:PORT", param_hint=option)
    return found[1] or "127.0.0.1", int(found[2])


def _load(text: str, phases: int) -> Load:
    if not text:
        return DailyLoad((HOUSEHOLD_UNIT_W,) * phases, (HOUSEHOLD_UNIT_VAR,) * phases)
    found = re.fullmatch(r"(-?\d+)\s*(k?)W", text)
    if not found:
        raise typer.BadParameter(f"{text!r} is not a power such as 800W", param_hint="--load")
    watts = int(found[1]) * (1000 if found[2] else 1)
    return ConstantLoad.of(*[watts] * phases, origin=FIRST_ROW)


async def _serve(
    meter: Meter,
    auth: Auth,
    lines: list[Line],
    as_json: bool,
    recorder: Recorder | None,
    keep: Keep,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        live = await stack.enter_async_context(
            LiveMeter(meter, now=wall_clock, recorder=recorder, keep=partial(keep, stop.set))
        )
        opened = [await _opened(line, stack, live, stop) for line in lines]
        what = description(meter, auth, opened)
        print(json.dumps(what) if as_json else _readable(what, opened), flush=True)
        await stop.wait()


async def _opened(
    line: Line, stack: AsyncExitStack, live: LiveMeter, stop: asyncio.Event
) -> Opened:
    """Opens a line, or ends the command."""
    try:
        if isinstance(line, PtyLine):
            return await replace(line, ended=stop.set).open(stack, live)
        return await line.open(stack, live)
    except OSError as error:
        if isinstance(line, PtyLine):
            where, advice = str(line.path), "a path where nothing is, or a tty"
        else:
            where = f"{line.host}:{line.port}"
            advice = f"--{'tcp' if isinstance(line, TcpLine) else 'udp'} {line.host}:0"
        typer.echo(f"cannot listen on {where}: {error.strerror}. Try: {advice}", err=True)
        raise typer.Exit(1) from error


def description(meter: Meter, auth: Auth, lines: list[Opened]) -> dict[str, object]:
    """All that a client needs to know.

    The first line's place and the management client's data stand at the top as well.
    """
    identity = meter.identity
    clients = []
    for client in meter.clients.values():
        known: dict[str, object] = {"sap": client.sap, "name": client.name}
        match client.mechanism:
            case AuthenticationMechanism.LOW:
                known |= {"auth": "low", "password": _password(meter, client)}
            case mechanism if client.ciphers:
                keys = keys_of(meter, client)
                known |= {
                    "auth": AUTHS[mechanism].value,
                    "security_suite": int(client.suite),
                    "security": PROTECTIONS[required(meter, client)].value,
                    "encryption_key": keys.encryption.hex().upper(),
                    "authentication_key": keys.authentication.hex().upper(),
                    "master_key": (keys.master or b"").hex().upper(),
                    "client_system_title": client_system_title(identity.seed, client.sap)
                    .hex()
                    .upper(),
                    "invocation_counter": f"0.0.43.1.{client.security_instance}.255",
                }
                if client.suite:
                    known |= _key_pairs(identity, client)
            case AuthenticationMechanism.NONE:
                known |= {"auth": "none"}
            case mechanism:
                known |= {
                    "auth": AUTHS[mechanism].value,
                    "password": _password(meter, client),
                    "client_system_title": client_system_title(identity.seed, client.sap)
                    .hex()
                    .upper(),
                }
        clients.append(known)
    management = next(c for c in clients if c["sap"] == MANAGEMENT_CLIENT)
    return {
        **lines[0].described(),
        "lines": [line.described() for line in lines],
        "auth": auth.value,
        "meter": identity.number,
        "model": meter.type.name,
        "client": MANAGEMENT_CLIENT,
        "server": SERVER_SAP,
        "system_title": identity.system_title.hex().upper(),
        **{k: v for k, v in management.items() if k not in ("sap", "name", "auth")},
        "clients": clients,
        "test_keys": True,
        "note": "TEST KEYS, known to whoever knows the seed: they protect nothing",
    }


def _password(meter: Meter, client: Client) -> str:
    """As it is now, in hexadecimal digits where it is no text."""
    octets = meter.changed_password(client.sap) or meter.identity.password(client.sap)
    return octets.decode("ascii") if octets.isascii() else octets.hex()


def _key_pairs(identity: Identity, client: Client) -> dict[str, object]:
    """Private keys of the client as numbers, public ones of the meter as X || Y; and the authority
    that the meter trusts, with its private key, to issue certificates by."""
    pairs = identity.client_key_pairs(client.sap, client.suite)
    assert pairs.signing and pairs.agreement and pairs.peer_signing and pairs.peer_agreement
    size = 2 * curve_of(client.suite).size
    issuer = authority(identity.seed, client.suite)
    private = {"client_signing_key": pairs.signing, "client_agreement_key": pairs.agreement}
    public = {
        "meter_signing_public_key": pairs.peer_signing,
        "meter_agreement_public_key": pairs.peer_agreement,
    }
    return {
        **{n: f"{k.private_numbers().private_value:0{size}X}" for n, k in private.items()},
        **{n: public_octets(k).hex().upper() for n, k in public.items()},
        "authority_key": f"{issuer.key.private_numbers().private_value:0{size}X}",
        "authority_certificate": anchor(identity.seed, client.suite).octets.hex().upper(),
    }


def _readable(what: dict[str, object], opened: list[Opened]) -> str:
    lines = [
        *(f"meter {what['meter']} on {line}, server {what['server']}" for line in opened),
        f"system title {what['system_title']}",
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
