"""The part of the configuration that says where security events go."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from headend.config.values import Count, Port, Seconds


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
