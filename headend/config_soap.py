"""The part of the configuration that says who may do what at a SOAP door.

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

from headend.config_notify import Secret
from headend.config_values import CommonName, Seconds


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
