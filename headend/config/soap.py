"""The part of the configuration that says where SOAP is spoken, and who may do what at its door.

[[soap.permit]]                # without any, who is let in may send anything
source = "COMERCIAL"
nouns = ["EndDeviceControls"]
verbs = ["create", "cancel"]

[[soap.user]]                  # without any, nobody has to show a UsernameToken
name = "COMERCIAL"
password = { file = "/etc/ami/comercial.password" }
certificates = ["ESB"]         # by which it may come, besides its own

[soap.replay]                  # without it, a message may be of any age
window_s = 300
"""

from __future__ import annotations

from typing import Literal

import msgspec

from headend.config.secret import Secret
from headend.config.tls import Tls
from headend.config.values import CommonName, Count, Port, Seconds
from protocols.cim.permits import Permit


class SoapUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who shows a WSS UsernameToken.  Its Header/Source is its name."""

    name: CommonName
    password: Secret
    certificates: tuple[CommonName, ...] = ()


class Replay(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How old a message may be by its Timestamp and its ReplayDetection, how far ahead of our clock
    it may be, and which of the two must be there."""

    window_s: Seconds = 300.0
    ahead_s: Seconds = 60.0
    required: Literal["none", "timestamp", "nonce", "both"] = "none"


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
