"""Another maker's meter: standard DLMS, other letters, another client address, fewer objects."""

from __future__ import annotations

from dataclasses import replace

from devices.meter.clients import STANDARD_CLIENTS, Client
from devices.meter.identity import CONCENTRATOR_CLIENT
from devices.meter.meter_type import FEATURES, MeterType

MAKER = "FRN"
FOREIGN_CLIENT = 7
"""The address under which it knows concentrators; counter and security setup go with it."""

_LACKS = frozenset({"tariffs", "demand", "billing", "monitor", "export", "load-relay"})


def _client(client: Client) -> Client:
    if client.sap != CONCENTRATOR_CLIENT:
        return client
    return replace(client, sap=FOREIGN_CLIENT, security_instance=FOREIGN_CLIENT)


FOREIGN = MeterType(
    phases=1,
    name="foreign",
    maker=MAKER,
    hardware="FRN-1",
    firmware="7.1",
    clients=tuple(map(_client, STANDARD_CLIENTS)),
    features=FEATURES - _LACKS,
)
