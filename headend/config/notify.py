"""The part of the configuration that says who is told of what, and by which way.

    [[channel]]
    name = "guard"
    kind = "smtp"
    host = "mail.utility.example"
    sender = "ami@utility.example"
    to = ["guard@utility.example"]

    [[notify]]
    name = "outages"
    severity = "major"
    channels = ["guard"]
    again_after_s = 900

Secrets stand in files or in the environment, never here.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from headend.config.secret import Secret
from headend.config.values import Count, Name, Port, Seconds
from headend.domain.event import IncidentKind, Severity, Subject

Address = Annotated[str, msgspec.Meta(pattern=r"^[^\s@<>,;:\"\\]{1,64}@[A-Za-z0-9.-]{1,190}\Z")]
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d\Z")]
Topic = Annotated[str, msgspec.Meta(pattern=r"^[^\s+#$\x00-\x1f][^+#\x00-\x1f]{0,200}\Z")]
URL = r"^https://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?(/[\x21\x22\x24-\x7e]*)?\Z"
PLACE = re.compile(r"(region|zone|substation|feeder|transformer|service-point):(\S{1,64})")


class MqttChannel(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind",
    tag="mqtt",
):  # fmt: skip
    """By the head-end's own broker, on `topic`/SEVERITY/SUBJECT.

    Settled by the broker's acknowledgement, which says nothing of who listens.
    """

    name: Name
    topic: Topic = "ami/v1/notices"


class SmtpChannel(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind",
    tag="smtp",
):  # fmt: skip
    """By e-mail.  `security` none is for a server on loopback."""

    name: Name
    host: str
    sender: Address
    to: Annotated[tuple[Address, ...], msgspec.Meta(min_length=1, max_length=50)]
    port: Port = 0  # 0: 587 for starttls, 465 for tls, 25 for none
    security: Literal["starttls", "tls", "none"] = "starttls"
    authority: Path | None = None  # signs the server's certificate; None: the machine's own
    user: str | None = None
    password: Secret | None = None
    languages: Annotated[tuple[Literal["es", "en"], ...], msgspec.Meta(min_length=1)] = ("es", "en")
    timeout_s: Seconds = 30.0

    def __post_init__(self) -> None:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together")
        if self.security == "none" and self.host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError(f"mail to {self.host!r} needs starttls or tls")
        if self.security == "none" and self.user is not None:
            raise ValueError("a password needs starttls or tls")


class WebhookChannel(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind",
    tag="webhook",
):  # fmt: skip
    """By HTTPS POST, signed as Standard Webhooks say.

    The name is resolved at each try, and none but public addresses are connected to, or those of
    `networks`: whoever governs the name cannot turn the head-end to the inside.
    """

    name: Name
    url: Annotated[str, msgspec.Meta(pattern=URL, max_length=500)]
    secret: Secret
    networks: tuple[str, ...] = ()  # of the utility's own: 10.20.0.0/16
    authority: Path | None = None  # signs the server's certificate; None: the machine's own
    timeout_s: Seconds = 20.0

    def __post_init__(self) -> None:
        for network in self.networks:
            ip_network(network)


Channel = MqttChannel | SmtpChannel | WebhookChannel


class Quiet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When nobody is told of what is milder than `below`, or of anything; it waits for the end."""

    begin: TimeOfDay
    end: TimeOfDay
    below: Severity = Severity.CRITICAL
    all: bool = False


class NotifyRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who is told of what.  Empty lists restrict nothing.

    `wait_s` lets an incident grow before it is told; an event that may become part of an incident
    waits for the incidents' own window besides.  `again_after_s` without an acknowledgement it is
    told to `again_channels` (without them, to `channels`), `again_times` at most.
    """

    name: Name
    channels: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)]
    severity: Severity = Severity.MAJOR  # and worse
    subjects: tuple[Subject, ...] = (Subject.EVENT, Subject.INCIDENT)
    names: tuple[str, ...] = ()  # of events: cover-opened
    kinds: tuple[IncidentKind, ...] = ()  # of incidents
    places: tuple[str, ...] = ()  # zone:NORTE, and all that lies in it
    wait_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0
    quiet: Quiet | None = None
    again_after_s: Seconds | None = None
    again_channels: tuple[Name, ...] = ()
    again_times: Count = 3
    over: bool = True  # tell of an incident's end
    per_hour_max: Count = 60  # notices of this rule; the rest are counted, not sent

    def __post_init__(self) -> None:
        for place in self.places:
            if PLACE.fullmatch(place) is None:
                raise ValueError(f"a place is named like zone:NORTE, not {place!r}")


class Notification(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How notices are tried and given up."""

    retry_first_s: Seconds = 10.0  # doubles with each try, up to `retry_max_s`
    retry_max_s: Seconds = 1800.0
    tries_max: Count = 12  # then they are dead letters: with the above about 4 hours
    keep_s: Seconds = 30 * 86_400.0  # changes are kept so long for who comes back


def check(rules: tuple[NotifyRule, ...], channels: tuple[Channel, ...]) -> None:
    """Raises `ValueError` for names that are there twice, and for rules that name no channel."""
    known = {channel.name for channel in channels}
    for what, some in (("notify", rules), ("channel", channels)):
        if len({each.name for each in some}) != len(some):
            raise ValueError(f"two of [[{what}]] have one name")
    for rule in rules:
        for named in (*rule.channels, *rule.again_channels):
            if named not in known:
                raise ValueError(
                    f"[[notify]] {rule.name} names the channel {named}, and there is no"
                    " [[channel]] of this name"
                )
