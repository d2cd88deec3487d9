"""The part of the configuration that says where other systems ask by REST."""

from __future__ import annotations

import msgspec

from headend.config.tls import ServerTls
from headend.config.values import Count, Port


class Rest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where other systems ask by REST.  Without `port` nowhere, without `tls` on loopback only."""

    host: str = "127.0.0.1"
    port: Port | None = None  # 0 takes a free one
    tls: ServerTls | None = None
    body_max_bytes: Count = 1024 * 1024
