"""The part of the configuration that names the broker."""

from __future__ import annotations

import msgspec

from headend.config.tls import Tls
from headend.config.values import CommonName, Name, Port


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
