"""What can be set of the OPC UA server, beside the rest of the configuration."""

from __future__ import annotations

from pathlib import Path

import msgspec

from headend.config.values import Count, Port


class OpcUaSecurity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Basic256Sha256, signed and encrypted.  PEM files; keys are RSA, as that policy has them."""

    certificate: Path  # ours, with the application URI among its alternative names
    key: Path  # without a pass phrase
    trusted: Path  # clients' certificates, or those of authorities that sign them


class OpcUa(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where other systems read meters by OPC UA.  Without `port` nowhere, without `security` on
    loopback only.

    Clients show the name and the password of an account that may `reading.read`; with `anonymous`,
    which is for loopback alone, nobody shows any.
    """

    host: str = "127.0.0.1"
    port: Port | None = None  # 0 takes a free one; OPC UA's own is 4840
    security: OpcUaSecurity | None = None
    anonymous: bool = False
    application: str = "urn:ami-headend:opcua"  # URI by which this server is told from others
    sessions: Count = 100
    monitored: Count = 10_000  # variables, by all clients together
    samples: Count = 2_000  # of a history in one answer: 50 ms; the rest follows when asked for
