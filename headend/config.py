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
from typing import Annotated, Literal

import msgspec

from headend.config_analysis import AnalysisPolicy
from headend.config_notify import Channel, Notification, NotifyRule, check
from headend.config_opcua import OpcUa
from headend.config_qa import Qa
from headend.config_retention import RetentionPolicy, too_short
from headend.config_rollup import RollupPolicy
from headend.config_service_levels import ServiceLevelPolicy
from headend.config_soap import Replay, SoapUser
from headend.config_subscribers import Subscriber
from headend.config_tasks import Associations, TaskPolicy
from headend.config_values import CommonName, Count, Name, Port, Seconds, Volts, Watts
from headend.config_warehouse import ReportSchedule, WarehousePolicy
from headend.config_web import Web
from protocols.cim.permits import Permit


class BadConfig(ValueError):
    """The configuration cannot be used; the text names the key and what it takes."""


class OrderPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How orders are tried, delayed and given up."""

    deadline_s: Seconds = 6 * 3600.0  # 99.9 % within 6 h: facts/service-levels.md, our goals
    tries_max: Count | None = None
    """Where none is said, an order whose meter or concentrator is away goes on until its deadline,
    and what a meter answers is tried `ANSWERED_TRIES_MAX` times."""
    attempt_window_s: Seconds = 300.0  # a command's `not_after`, counted from its dispatch
    backoff_first_s: Seconds = 30.0  # doubles with each try, times a draw from 0.5 .. 1.5
    backoff_max_s: Seconds = 1800.0
    away_rest_max_s: Seconds = 300.0  # between tries at one who is away, where no word hastens them
    busy_backoff_s: Seconds = 10.0
    breaker_failures: Count = 3  # unreachable in a row before a concentrator is left alone
    breaker_rest_s: Seconds = 120.0  # doubles with each failed trial, up to `backoff_max_s`
    firmware_look_s: Seconds = 60.0  # between two steps of an image that is on its way to a meter
    firmware_concentrator_look_s: Seconds = 600.0  # while its concentrator sends the blocks
    verify_first_s: Seconds = 20.0  # UNKNOWN: time until the first look at the effect
    verify_for_s: Seconds = 72 * 3600.0  # looks go on that long after an order ended unknown
    breakages_max: Count = 5  # steps that broke by a mistake of our own: the order is ended then
    breakage_rest_s: Seconds = 60.0  # after the first; doubles with each, up to `backoff_max_s`
    nominal_v: Volts = 220.0  # between phase and neutral: what an ampere of a limit counts as
    sync_wait_s: Seconds = 30.0  # AsyncReplyFlag false: wait so long for the outcome, then 0.3
    waiting_max: Count = 100_000  # orders not final; beyond, new ones are refused (3.2)
    lane_width: Count = 4  # orders of one concentrator under way at once
    disconnects_per_hour: Annotated[int, msgspec.Meta(ge=0)] = 500  # more need a second person
    cutting_limit_w: Watts = 300
    """A limit below it counts as a disconnection: a refrigerator starts with about so much, and
    with less a supply opens at the first thing switched on.  0: none counts."""
    country: str = "CL"  # whose holidays
    subdivision: str | None = None
    zone: str = "America/Santiago"  # the utility's time zone
    connect_any_day: bool = False  # connects are carried out on every day


class FieldPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long the head-end waits for a concentrator's word."""

    ack_timeout_s: Seconds = 30.0  # until `Accepted`; the command is sent again half-way
    knock_after_s: Seconds = 60.0  # without a word: ask whether it is there before a command acts
    result_grace_s: Seconds = 30.0  # after a command's `not_after`
    withdraw_timeout_s: Seconds = 30.0


class Delivery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How results leave for the commercial side."""

    topic_root: str = "ami/v1/commercial"
    retry_first_s: Seconds = 5.0
    retry_max_s: Seconds = 300.0
    callback_timeout_s: Seconds = 20.0
    reply_addresses: tuple[str, ...] = ()  # allow-list of URL prefixes for SOAP callbacks


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Mutual TLS: our certificate and key, and who signs the others'.  All files are PEM.

    The certificate is shown to those who call us and to those whom we call (the broker; the
    commercial system at its ReplyAddress).
    """

    certificate: Path  # ours, intermediate ones behind it
    key: Path  # without a pass phrase
    client_authority: Path  # signs the certificates of those who call us
    server_authority: Path | None = None  # of those whom we call, where it is another one
    revoked: Path | None = None  # revocation list (CRL) of client_authority: who is in it stays out

    @property
    def authority_of_servers(self) -> Path:
        return self.server_authority or self.client_authority


class Soap(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the commercial system reaches us.  Without `tls`, loopback only."""

    host: str = "127.0.0.1"
    port: Port = 8080
    tls: Tls | None = None
    sources: tuple[CommonName, ...] = ()  # who may order, by certificate; none named: all signed
    permit: tuple[Permit, ...] = ()  # who may send which nouns and verbs; none named: all
    user: tuple[SoapUser, ...] = ()  # who shows a UsernameToken; none named: nobody has to
    replay: Replay | None = None  # how old a message may be; None: any age
    body_max_bytes: Count = 8 * 1024 * 1024

    def __post_init__(self) -> None:
        names = [user.name for user in self.user]
        if len(names) != len(set(names)):
            raise ValueError("user: each needs a name of its own")


class ServerTls(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Our side of TLS for those who show a token and no certificate.  PEM files."""

    certificate: Path  # ours, intermediate ones behind it
    key: Path  # without a pass phrase


class Rest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where other systems ask by REST.  Without `port` nowhere, without `tls` on loopback only."""

    host: str = "127.0.0.1"
    port: Port | None = None  # 0 takes a free one
    tls: ServerTls | None = None
    body_max_bytes: Count = 1024 * 1024


class Mqtt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The broker: the utility's own at `host`, or without `host` a Mosquitto child.

    The child listens at `listen`, at `port` where that is not 0, so that concentrators find it
    again after a restart; otherwise at a free one.  With `tls` it asks everybody for a certificate
    and lets each do what its common name may; without, it listens on loopback only.  A broker
    elsewhere than on loopback needs `tls`.
    """

    host: str | None = None
    share: Name | None = None  # a name that all workers on one database and one broker say
    port: Port = 0  # 0: a free one for the child; with a `host` 8883 under TLS, otherwise 1883
    listen: str = "127.0.0.1"  # the child's address
    tls: Tls | None = None
    queue_readers: tuple[CommonName, ...] = ()  # at the child: who may read results, by certificate


class AccessPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Accounts, their passwords and tokens.

    `commands`: whether commands that act ask for an account's token, or are the machine's user's.
    """

    commands: Literal["open", "account"] = "open"
    failures_max: Count = 5  # wrong passwords in a row that lock an account
    lock_s: Seconds = 900.0
    place_failures_max: Count = 20  # wrong tries from one address within the window shut it out
    place_window_s: Seconds = 300.0
    password_min: Count = 15  # characters: NIST SP 800-63B-4, 3.1.1.2, where there is one factor
    token_days: Count = 90  # a token's life where nothing else is said
    token_days_max: Count = 730


class SyslogTls(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom we believe to be the CERT's server, and what we show it.  PEM files."""

    authority: Path  # signs the server's certificate
    certificate: Path | None = None  # ours, where the server asks for one
    key: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")


class Syslog(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where security events go: the utility's CERT, by RFC 5424.  Without `host` nowhere."""

    host: str | None = None
    port: Port = 0  # 0: 6514 for tls, 601 for tcp, 514 for udp
    transport: Literal["tls", "tcp", "udp"] = "tls"
    tls: SyslogTls | None = None  # None: the machine's own authorities
    enterprise: Count = 32_473  # of our structured data: the utility's number; RFC 5612's example
    timeout_s: Seconds = 30.0
    retry_first_s: Seconds = 5.0
    retry_max_s: Seconds = 300.0


class TransportFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A manufacturer's transport key, by the name that questions call it by.  Such a name is
    shorter than a key: nobody shows one in its place."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,23}$")]
    file: Path


class KeyStorage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What meters' keys are sealed by.  Without the file the variable AMI_ENVELOPE_KEY is asked;
    without either the head-end keeps no keys, and speaks to meters through concentrators alone."""

    envelope_file: Path | None = None
    transport: tuple[TransportFile, ...] = ()  # that shipments by REST are opened by


class ReadSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is read of every directly reached meter of a model, and how often.

    `every` is a part of a day, counted from midnight in the utility's zone: 15min, 1h, 1d.
    `objects` are words of the meter's model, or logical names of registers and profiles.
    """

    model: str
    objects: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    every: Literal["5min", "15min", "30min", "1h", "6h", "12h", "1d"] = "15min"


class CollectionTask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What concentrators read by themselves of each meter in their table, and the head-end of each
    that it reaches by itself.

    It falls due every `every` from `after_s` past the utility's midnight on; meters that do not
    answer are tried again for `window_s`, or until it falls due anew.  `objects` are words of the
    generic model or logical names; of a profile or an event log there is one.

    A week ("1w") turns at Monday's midnight of the utility's, a month ("1mo") at that of its first.
    `models`, `place`, `concentrators` and `meters` name the group that it is for, all that are
    given together; without any it is for every meter.
    """

    name: Name
    objects: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    kind: Literal["profile", "registers", "events"] = "profile"
    every: Literal["5min", "15min", "30min", "1h", "6h", "12h", "1d", "1w", "1mo"] = "1h"
    after_s: Annotated[float, msgspec.Meta(ge=0, lt=86_400)] = 300.0
    window_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0
    priority: Annotated[int, msgspec.Meta(ge=1, le=9)] = 5  # 1 comes first; orders before all
    back_s: Seconds = 86_400.0  # how far back the first reading of a profile reaches
    whole_days: bool = False  # of a profile: up to the newest midnight, the rest later
    blocks_max: Count = 200  # that a concentrator keeps of one meter
    rows: Literal["told", "5min", "15min", "30min", "1h", "1d", "1mo"] = "told"
    """How often a meter writes a row of the profile, where it does not tell: of billing periods,
    which end by a schedule of their own."""
    spread_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] | None = None
    """Over how long after it falls due concentrators have their turns, and direct meters theirs;
    half of the time that it has at most.  Left out: concentrators all at once, direct meters over
    an hour."""
    models: tuple[str, ...] = ()
    place: str | None = None  # its code; the meters that hang in it, at any depth
    concentrators: tuple[str, ...] = ()
    meters: Annotated[tuple[str, ...], msgspec.Meta(max_length=10_000)] = ()

    def __post_init__(self) -> None:
        if self.kind != "registers" and len(self.objects) != 1:
            raise ValueError("a profile or an event log is one object")
        if self.kind == "registers" and self.every == "1mo":
            raise ValueError("a month's registers are in the billing profile: collect that one")


class BackfillPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How what is missing is asked for again, behind the rows that came since."""

    enabled: bool = True
    look_s: Seconds = 3600.0  # so often the ledger is looked through; a wave lasts as long
    after_s: Seconds = 6 * 3600.0  # from an interval's end on: until then ordinary readings try
    rest_first_s: Seconds = 3600.0  # of a meter that was asked; doubles with each asking
    rest_max_s: Seconds = 86_400.0
    meters_at_once: Count = 20  # of one concentrator, or of those that are read directly
    meters_a_day: Count = 200  # likewise
    priority: Annotated[int, msgspec.Meta(ge=1, le=9)] = 9  # at concentrators: after all others


class ValidationPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When collected days are looked at by the head-end itself."""

    enabled: bool = True
    after_s: Annotated[float, msgspec.Meta(ge=0, lt=86_400)] = 6 * 3600.0  # past midnight
    days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 40  # rows that came later stay raw


class CollectionPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is collected, and when it counts as late."""

    task: tuple[CollectionTask, ...] = ()
    late_after_s: Seconds = 86_400.0  # after an interval's end: 24 h, facts/service-levels.md
    retry_s: Seconds = 300.0  # until a table that could not be delivered is sent again
    asked_for_s: Seconds = 864_000.0  # what is missing, after its end: 10 days, the same file
    backfill: BackfillPolicy = BackfillPolicy()
    validation: ValidationPolicy = ValidationPolicy()

    def __post_init__(self) -> None:
        names = [task.name for task in self.task]
        if len(set(names)) != len(names):
            raise ValueError("two tasks have one name")


class UpkeepPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How concentrators are looked after."""

    state_every_s: Seconds = 3600.0  # they are asked how they fare
    clock_tolerance_s: Seconds = 5.0  # beyond it, and what the round trip leaves open: shifted


class ScheduledActivity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What concentrators are asked by themselves, by the utility's calendar.

    Each has its turn once a period, always at the same moment of its first `spread_s`.  Those that
    are named, those behind which a place's meters hang, or, with neither, all.
    """

    name: Name
    kind: Literal["state", "clock", "topology", "events", "faults", "discover"]
    every: Literal["15min", "30min", "1h", "6h", "12h", "1d"] = "1d"
    after_s: Annotated[float, msgspec.Meta(ge=0, lt=86_400)] = 0.0  # past the period's begin
    spread_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 600.0
    concentrators: tuple[str, ...] = ()
    place: str | None = None  # its code; all that lies in it

    def __post_init__(self) -> None:
        if self.concentrators and self.place is not None:
            raise ValueError("an activity names concentrators, or a place, not both")


class ConcentratorPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is asked of concentrators by schedule, besides upkeep."""

    activity: tuple[ScheduledActivity, ...] = ()

    def __post_init__(self) -> None:
        names = [each.name for each in self.activity]
        if len(set(names)) != len(names):
            raise ValueError("two activities have one name")


class ClockPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How meters' clocks are kept right.

    Each period has one round, in which every commissioned meter has its turn within `spread_s`.
    """

    tolerance_s: Annotated[float, msgspec.Meta(ge=0.5, le=900)] = 3.0  # left alone up to it
    shift_max_s: Annotated[float, msgspec.Meta(ge=0, le=900)] = 60.0  # beyond, a clock is set
    every: Literal["never", "day", "week", "month"] = "never"  # never: by order alone
    after_s: Annotated[float, msgspec.Meta(ge=0, lt=86_400)] = 3 * 3600.0  # past local midnight
    spread_s: Annotated[float, msgspec.Meta(gt=0, le=7 * 86_400)] = 3 * 3600.0


class DirectPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Meters that are reached without a concentrator.

    `system_title` is ours among all clients of these meters, 16 hexadecimal digits; workers on one
    database share it, two head-ends never do.  Without `listen_port` no meter can call us.
    """

    system_title: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Fa-f]{16}\Z")] = "414D494845000001"
    listen_host: str = "127.0.0.1"  # where meters call and push, by TCP and UDP
    listen_port: Port | None = None  # 4059 is DLMS's own; 0 takes a free one
    strangers_max: Count = 32  # connections of which nobody knows yet whose they are
    hello_s: Seconds = 5.0  # for a caller to push before it is asked who it is
    framing_s: Seconds = 5.0  # for an answer in one framing before the next is tried
    identify_s: Seconds = 45.0  # after which one who has not said who he is is hung up on
    call_wait_s: Seconds = 60.0  # for a meter that calls by itself and is not connected just now
    late_after_s: Seconds = 900.0  # between a push's own time and its arrival
    sessions_per_segment: Count = 4
    grace_s: Seconds = 30.0  # for a session under way when its command's `not_after` comes
    models: Path | None = None  # a folder of meter models of the utility's own
    read: tuple[ReadSchedule, ...] = ()

    @property
    def title(self) -> bytes:
        return bytes.fromhex(self.system_title)


class EventPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When tellings are one event, and events one incident."""

    window_s: Seconds = 120.0  # losses under one transformer within it are one incident
    members_min: Count = 3  # meters that make an incident; fewer are events by themselves
    reach_s: Seconds = 7 * 86_400.0  # how far from a late event incidents are looked at again
    same_s: Seconds = 5.0  # between an event's time in the log and in its push
    word_s: Seconds = 86_400.0  # between an event and the status word that shows it


class BackupPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where backups lie, how often one is made, and how many are kept.  Without `place` none is.

    One falls due every `every` from `after_s` past midnight (UTC) on.  `place` is a folder of
    another machine, mounted: what lies beside the database is gone with it.
    """

    place: Path | None = None
    key_file: Path | None = None  # seals them: 64 hexadecimal digits; never in the place itself
    every: Literal["1h", "6h", "12h", "1d"] = "1d"
    after_s: Annotated[float, msgspec.Meta(ge=0, lt=86_400)] = 7 * 3600.0
    late_after_s: Seconds = 36 * 3600.0  # the newest is older: a security event says so
    keep_daily: Count = 7
    keep_weekly: Count = 5
    key_journal: bool = True  # each change of keys is written into the place at once
    files: tuple[Path, ...] = ()  # kept as well, where a schedule makes backups: this one above all
    staging: Path | None = None  # where copies lie until they are packed; else beside the database


class LegacyPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the legacy database is told of, beside orders and results, which it always is."""

    measurements: bool = False  # readings, load curves, events and alarms


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that can be set."""

    database: str = "sqlite:///ami.db"
    legacy_database: str = "sqlite:///ami-legacy.db"
    worker: Name = "worker-1"  # names this process in leases; stable across its restarts
    soap: Soap = Soap()
    rest: Rest = Rest()
    web: Web = Web()
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
