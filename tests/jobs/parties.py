"""A head-end, two devices and a package between them, all from fixed octets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from protocols.concentrator.messages import Action
from protocols.jobs.cards import DeviceKeys, HeadEndCard, Signer
from protocols.jobs.package import Authorisation, MeterKeys, Package, PackedMeter, PackedOrder

T0 = datetime(2026, 7, 6, 8, tzinfo=UTC)
HEAD_END = Signer(b"head-end".ljust(32, b"."))
STRANGER = Signer(b"stranger".ljust(32, b"."))
DEVICE = DeviceKeys(Signer(b"signs".ljust(32, b".")), b"opens".ljust(32, b"."), b"AMJ\0\0\0\0\1")
OTHER = DeviceKeys(Signer(b"signs2".ljust(32, b".")), b"opens2".ljust(32, b"."), b"AMJ\0\0\0\0\2")
CARD = HeadEndCard(HEAD_END.public)
ENCRYPTION, AUTHENTICATION = b"EncryptionKey-16", b"AuthenticKey--16"


def package(**changes: Any) -> Package:
    """A day's package: one meter, one order."""
    keys = MeterKeys(
        client=4, generation=1, encryption=ENCRYPTION, authentication=AUTHENTICATION,
        first=1, end=4097,
    )  # fmt: skip
    order = PackedOrder(
        number=1, attempt=1, action=Action.SET_LIMIT, amount="3300", unit="W",
        not_before=T0, not_after=T0 + timedelta(hours=6),
    )  # fmt: skip
    meter = PackedMeter(
        name="SIM0000000004", model="sim-3p", role="probe", keys=keys, orders=(order,)
    )
    about: dict[str, Any] = {
        "job": "job-1",
        "device": "laptop-7",
        "made_at": T0,
        "not_before": T0,
        "expires_at": T0 + timedelta(hours=12),
        "authorisation": Authorisation.READ_AND_WRITE,
        "meters": (meter,),
    }
    return Package(**{**about, **changes})
