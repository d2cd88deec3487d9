"""Settings of the utility's bus: a file of its own, as the bus is no part of a head-end.

A process runs what the file names: the router, SOAP doors for those who ask, proxies for systems
that know SOAP alone.  docs/cim-bus.md shows one.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from headend.config import BadConfig, Tls
from headend.config.soap import Replay, SoapUser
from headend.config.values import CommonName, Count, Port, Seconds
from protocols.cim.bus.rules import Rules
from protocols.cim.bus.topics import ROOT

System = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]
Root = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*\Z")]


class BusBroker(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The broker.  Elsewhere than on loopback it needs `tls`.

    Each node logs in under its own name where there is a `password_file`; under `tls` without one
    the certificate says who we are, and one process then has one node.
    """

    host: str = "127.0.0.1"
    port: Port = 0  # 0: 8883 under TLS, otherwise 1883
    mqtt_5: bool = True  # False: MQTT 3.1.1
    tls: Tls | None = None
    password_file: Path | None = None  # its first line


class BusDoor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A SOAP door: who posts here asks on the bus.  Without `tls`, loopback only.

    `sources`, `user` and `replay` are as at the order desk's door; who may ask for what is said by
    the router's permits.
    """

    name: System
    host: str = "127.0.0.1"
    port: Port = 8090
    tls: Tls | None = None
    sources: tuple[CommonName, ...] = ()
    user: tuple[SoapUser, ...] = ()
    replay: Replay | None = None
    destination: System | None = None  # left out: the router finds it
    timeout_s: Seconds = 60.0
    body_max_bytes: Count = 8 * 1024 * 1024


class SoapSystem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A system that knows SOAP alone.  `idempotent`: it knows a MessageID again, as the order desk
    of a head-end does, so that a request may be posted to it twice."""

    name: System
    address: Annotated[str, msgspec.Meta(pattern=r"^https?://\S+\Z")]
    idempotent: bool = False
    timeout_s: Seconds = 30.0
    tls: Tls | None = None


class BusSettings(Rules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file: rules, and what this process runs."""

    router: bool = True
    root: Root = ROOT
    dead_letters: Path = Path("dead-letters")  # a folder
    traces: Path = Path("traces")  # a folder, of one process
    messages: Path = Path("messages")  # a folder, of one process
    broker: BusBroker = BusBroker()
    door: tuple[BusDoor, ...] = ()
    system: tuple[SoapSystem, ...] = ()

    def __post_init__(self) -> None:
        names = [door.name for door in self.door] + [system.name for system in self.system]
        if len(names) != len(set(names)):
            raise ValueError("door, system: each needs a name of its own")


def read(path: Path) -> BusSettings:
    """The settings in a TOML file; its paths start from its own folder.  Raises `BadConfig`."""

    def decoded(kind: type, value: object) -> object:
        if kind is Path and isinstance(value, str):
            return path.parent / value
        raise TypeError(f"{value!r} is no {kind.__name__.lower()}")

    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        for folder in ("dead_letters", "traces", "messages"):
            said.setdefault(folder, str(getattr(BusSettings(), folder)))
        return msgspec.convert(said, BusSettings, dec_hook=decoded)
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadConfig(f"{path}: {error}") from error
