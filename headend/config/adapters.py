"""Settings of the adapters that one process serves: a file of its own, as a head-end needs none.

Each `[[adapter]]` is one profile over one source.  They answer by SOAP where there is a `[door]`,
on the bus where there is a `[broker]`, and by both alike.  docs/cim-adapters.md shows one.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from headend.config import BadConfig, Tls
from headend.config.bus import BusBroker, Root, System
from headend.config.soap import Replay, SoapUser
from headend.config.sources import MAPPED, Source
from headend.config.values import CommonName, Count, Port
from headend.integration.cim.limits import LIMITS
from protocols.cim.bus.rules import Rules
from protocols.cim.bus.topics import ROOT
from protocols.cim.profile import reading

ProfileName = Literal["siad", "simoce", "scada", "vip", "ami", "repository"]


class AdapterDoor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The SOAP door: `/soap/cim/NAME` for each adapter.  Without `tls`, loopback only.

    `sources`, `user` and `replay` are as at the order desk's door.
    """

    host: str = "127.0.0.1"
    port: Port = 8091
    tls: Tls | None = None
    sources: tuple[CommonName, ...] = ()
    user: tuple[SoapUser, ...] = ()
    replay: Replay | None = None
    body_max_bytes: Count = 1024 * 1024  # a question of 50 options takes some 60 kB


class Adapting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An adapter.  `name` is what it is called on the bus, in its address and in Header/Source; the
    profile's own where none is said."""

    profile: ProfileName
    source: Source
    name: System | None = None

    @property
    def called(self) -> str:
        return self.name or reading.profile(self.profile).name


class AdapterSettings(Rules, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file: adapters, and where they are asked.

    Permits say who may ask directly on the bus, past the router, and at a door under TLS.
    """

    adapter: tuple[Adapting, ...]
    door: AdapterDoor | None = None
    broker: BusBroker | None = None
    root: Root = ROOT
    page: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = LIMITS.page  # instances of one answer
    dead_letters: Path = Path("dead-letters")  # a folder, where there is a broker
    traces: Path = Path("traces")  # a folder, of one process
    messages: Path = Path("messages")  # a folder, of one process

    def __post_init__(self) -> None:
        names = [each.called for each in self.adapter]
        if not names:
            raise ValueError("adapter: there is none")
        if len(names) != len(set(names)):
            raise ValueError("adapter: each needs a name of its own")
        if self.door is None and self.broker is None:
            raise ValueError("a [door], a [broker] or both: nobody could ask")
        if self.route:
            raise ValueError("route: adapters route nothing; the router's file has the routes")
        for each in self.adapter:
            if each.profile not in MAPPED[type(each.source)]:
                kind = each.source.__struct_config__.tag
                raise ValueError(f"adapter: {each.profile} has no mapping to a source {kind}")


def read(path: Path) -> AdapterSettings:
    """The settings in a TOML file; its paths start from its own folder.  Raises `BadConfig`."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        return convert(said, path.parent)
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadConfig(f"{path}: {error}") from error


def convert(said: dict[str, object], folder: Path) -> AdapterSettings:
    """The settings in what a file says, whose paths start from `folder`.  Raises
    `msgspec.ValidationError`."""

    def decoded(kind: type, value: object) -> object:
        if kind is Path and isinstance(value, str):
            return folder / value
        raise TypeError(f"{value!r} is no {kind.__name__.lower()}")

    for place in ("dead_letters", "traces", "messages"):
        said.setdefault(place, place.replace("_", "-"))
    settings = msgspec.convert(said, AdapterSettings, dec_hook=decoded)
    beside = tuple(
        msgspec.structs.replace(each, source=each.source.beside(folder))
        for each in settings.adapter
    )
    return msgspec.structs.replace(settings, adapter=beside)
