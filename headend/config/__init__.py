"""The head-end's configuration: one frozen value, read from TOML, unknown keys refused.

    [soap]
    port = 8080

    [orders]
    deadline_s = 21600
    country = "CL"

Every duration is in seconds.  Defaults are for a utility's daily work; `ami demo` and scenarios
shorten them.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec

from headend.config.access import AccessPolicy, KeyStorage, TransportFile
from headend.config.analysis import AnalysisPolicy
from headend.config.backup import BackupPolicy
from headend.config.clock import ClockPolicy
from headend.config.collection import (
    BackfillPolicy,
    CollectionPolicy,
    CollectionTask,
    ValidationPolicy,
)
from headend.config.concentrators import ConcentratorPolicy, ScheduledActivity, UpkeepPolicy
from headend.config.direct import DirectPolicy, ReadSchedule
from headend.config.events import EventPolicy
from headend.config.legacy import LegacyPolicy
from headend.config.mqtt import Mqtt
from headend.config.notify import Channel, Notification, NotifyRule, check
from headend.config.oidc import Oidc
from headend.config.opcua import OpcUa
from headend.config.orders import Delivery, FieldPolicy, OrderPolicy
from headend.config.qa import Qa
from headend.config.rest import Rest
from headend.config.retention import RetentionPolicy, too_short
from headend.config.rollup import RollupPolicy
from headend.config.service_levels import ServiceLevelPolicy
from headend.config.soap import Soap
from headend.config.subscribers import Subscriber
from headend.config.syslog import Syslog, SyslogTls
from headend.config.tasks import Associations, TaskPolicy
from headend.config.tls import ServerTls, Tls
from headend.config.values import Name
from headend.config.warehouse import ReportSchedule, WarehousePolicy
from headend.config.web import Web

__all__ = (
    "AccessPolicy",
    "BackfillPolicy",
    "BackupPolicy",
    "BadConfig",
    "ClockPolicy",
    "CollectionPolicy",
    "CollectionTask",
    "ConcentratorPolicy",
    "Config",
    "Delivery",
    "DirectPolicy",
    "EventPolicy",
    "FieldPolicy",
    "KeyStorage",
    "LegacyPolicy",
    "Mqtt",
    "OrderPolicy",
    "ReadSchedule",
    "Rest",
    "ScheduledActivity",
    "ServerTls",
    "Soap",
    "Syslog",
    "SyslogTls",
    "Tls",
    "TransportFile",
    "UpkeepPolicy",
    "ValidationPolicy",
    "database_url",
    "parse",
    "read",
    "without_password",
)


class BadConfig(ValueError):
    """The configuration cannot be used; the text names the key and what it takes."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that can be set."""

    database: str = "sqlite:///ami.db"
    legacy_database: str = "sqlite:///ami-legacy.db"
    worker: Name = "worker-1"  # names this process in leases; stable across its restarts
    soap: Soap = Soap()
    rest: Rest = Rest()
    web: Web = Web()
    oidc: Oidc | None = None
    qa: Qa | None = None
    opcua: OpcUa = OpcUa()
    mqtt: Mqtt = Mqtt()
    orders: OrderPolicy = OrderPolicy()
    field: FieldPolicy = FieldPolicy()
    delivery: Delivery = Delivery()
    keys: KeyStorage = KeyStorage()
    access: AccessPolicy = AccessPolicy()
    syslog: Syslog = Syslog()
    direct: DirectPolicy = DirectPolicy()
    collection: CollectionPolicy = CollectionPolicy()
    rollup: RollupPolicy = RollupPolicy()
    analysis: AnalysisPolicy = AnalysisPolicy()
    tasks: TaskPolicy = TaskPolicy()
    associations: Associations = Associations()
    retention: RetentionPolicy = RetentionPolicy()
    upkeep: UpkeepPolicy = UpkeepPolicy()
    concentrator: ConcentratorPolicy = ConcentratorPolicy()
    clock: ClockPolicy = ClockPolicy()
    events: EventPolicy = EventPolicy()
    backup: BackupPolicy = BackupPolicy()
    warehouse: WarehousePolicy = WarehousePolicy()
    service_levels: ServiceLevelPolicy = ServiceLevelPolicy()
    legacy: LegacyPolicy = LegacyPolicy()
    reports: tuple[ReportSchedule, ...] = ()
    notify: tuple[NotifyRule, ...] = ()
    channel: tuple[Channel, ...] = ()
    subscriber: tuple[Subscriber, ...] = ()
    notification: Notification = Notification()

    def __post_init__(self) -> None:
        check(self.notify, self.channel)
        subscribers = [each.name for each in self.subscriber]
        if len(set(subscribers)) != len(subscribers):
            raise ValueError("two subscribers have one name")
        behind_tls = self.rest.tls is not None
        if self.oidc is not None and behind_tls and self.oidc.public_url is None:
            raise ValueError("oidc.public_url: say how browsers call the pages, https://NAME:PORT")
        if why := self.retains_too_little():
            raise ValueError(why)

    def retains_too_little(self, levels_s: float = 0.0) -> str | None:
        """Why what is to be deleted is still needed; `levels_s` is how long the longest service
        level takes."""
        validation = self.collection.validation
        return too_short(
            self.retention,
            asked_for_s=self.collection.asked_for_s,
            validation_days=validation.days if validation.enabled else None,
            rollup_days=self.rollup.days if self.rollup.enabled else None,
            levels_s=levels_s,
        )

    @property
    def telling(self) -> bool:
        """Whether anybody may ask for changes as they come."""
        return bool(self.notify or self.channel or self.subscriber) or (
            self.rest.port is not None or self.opcua.port is not None
        )


def database_url(named: str) -> str:
    """The URL of a database that is named by its URL, or by the path of an SQLite file."""
    return named if "://" in named else f"sqlite:///{named}"


def without_password(url: str) -> str:
    """A database URL as it may be shown."""
    return re.sub(r"^(\w[\w+]*://[^:/@]*):.*@", r"\1:***@", url)


def read(path: Path) -> Config:
    """The configuration in a TOML file.  What it names by a path lies beside it, or where an
    absolute path says; a database that it does not name is in the directory of the process, as
    without a configuration.  Raises `BadConfig`."""
    try:
        return parse(path.read_text(encoding="utf-8"), path.parent)
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from error
    except BadConfig as error:
        raise BadConfig(f"{path}: {error}") from error


def parse(text: str, folder: Path = Path()) -> Config:
    """The configuration in a TOML text, whose paths start from `folder`.  Raises `BadConfig`."""

    def decoded(kind: type, value: object) -> object:
        """A value of a type that TOML has not."""
        if kind is Path and isinstance(value, str):
            return folder / value
        raise TypeError(f"{value!r} is no {kind.__name__.lower()}")  # told with its key

    try:
        said = tomllib.loads(text)
        config = msgspec.convert(said, Config, dec_hook=decoded)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadConfig(str(error)) from error
    store = config.warehouse
    if store.place is not None and "://" not in store.place:
        store = msgspec.structs.replace(store, place=str(folder / store.place))
    named = {
        name: _database_beside(folder, said[name])
        for name in ("database", "legacy_database")
        if name in said
    }
    return msgspec.structs.replace(config, warehouse=store, **named)


def _database_beside(folder: Path, named: str) -> str:
    url = database_url(named)
    path = url.removeprefix("sqlite:///")
    return url if path in (url, "", ":memory:") else f"sqlite:///{folder / path}"
