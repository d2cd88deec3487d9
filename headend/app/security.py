"""Who is told of security events."""

from __future__ import annotations

from headend.config import BadConfig, Config
from headend.integration.security_events import SecurityEvents
from headend.integration.syslog import to_server
from headend.ports import Chance, Clock, Store


def security_events(
    config: Config, store: Store, clock: Clock, chance: Chance
) -> SecurityEvents | None:
    """What tells the CERT, where it has a server.  Raises `BadConfig`."""
    try:
        server = to_server(config.syslog)
    except OSError as error:  # ssl.SSLError is one
        raise BadConfig(f"syslog.tls: {error}") from error
    if server is None:
        return None
    return SecurityEvents(store, clock, chance, config.syslog, config.worker, server)
