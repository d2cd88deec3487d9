"""The key pairs and certificates of a meter's clients with suite 1 or 2, each setup its own.

As delivered a setup has the pairs of the meter's identity, their certificates, and the trust anchor
that has issued them: an authority for tests, whose key follows from the seed.  A pair that was
generated is in use from the moment its certificate is imported.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from devices.chance import octets
from devices.meter.clients import Client
from devices.meter.identity import Identity
from devices.meter.parts import Passive
from devices.meter.state import MeterState
from protocols.dlms import elliptic
from protocols.dlms.certificates import (
    Authority,
    Certificate,
    Entity,
    Identification,
    Usage,
)
from protocols.dlms.keys import KeyPairs
from protocols.dlms.suite import SecuritySuite, curve_of

MADE, OVER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)
"""Between which what is delivered is valid: longer than any story."""
OWN_USAGES = (Usage.SIGNATURE, Usage.AGREEMENT)
_SERIAL_OCTETS = 8


@dataclass(slots=True)
class _Held:
    """Of one security setup."""

    certificates: list[Certificate]  # the trust anchor first
    pairs: KeyPairs
    generated: dict[Usage, EllipticCurvePrivateKey]
    drawn: int = 0


class Certificates(Passive):
    """Setups that were changed, by client address."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[int, _Held] = {}

    def of_client(self, meter: MeterState, client: Client) -> _Held:
        """Everything of this client's setup, to be changed."""
        if (held := self._held.get(client.sap)) is None:
            held = self._held[client.sap] = _delivered(meter.identity, client)
        return held

    def pairs(self, client_sap: int) -> KeyPairs | None:
        """Those in use, None where nothing was changed."""
        held = self._held.get(client_sap)
        return None if held is None else held.pairs


def pairs_of(meter: MeterState, client: Client) -> KeyPairs:
    """The meter's key pairs with this client, and the client's public keys, as in use now."""
    changed = meter.existing(Certificates)
    given = None if changed is None else changed.pairs(client.sap)
    return given or meter.identity.key_pairs(client.sap, client.suite)


def held_by(meter: MeterState, client: Client) -> list[Certificate]:
    """The certificates of a client's setup, the trust anchor first."""
    changed = meter.existing(Certificates)
    if changed is None:
        return _delivered(meter.identity, client).certificates
    return changed.of_client(meter, client).certificates


def found(meter: MeterState, client: Client, which: Identification) -> Certificate | None:
    """The certificate that is meant."""
    title = meter.identity.system_title
    return next((each for each in held_by(meter, client) if which.means(each, title)), None)


def generate(meter: MeterState, client: Client, usage: Usage) -> None:
    """Make a new key pair; it waits for its certificate."""
    held = meter.part(Certificates).of_client(meter, client)
    held.drawn += 1
    identity = meter.identity
    scalar = octets(
        identity.seed, "meter", identity.index, "key pair", client.sap, int(usage), held.drawn,
        count=curve_of(client.suite).size,
    )  # fmt: skip
    held.generated[usage] = elliptic.private_key(client.suite, scalar)


def newest_key(meter: MeterState, client: Client, usage: Usage) -> EllipticCurvePrivateKey | None:
    """The one that a certificate is asked for: the last that was generated, or the one in use."""
    held = meter.part(Certificates).of_client(meter, client)
    in_use = {Usage.SIGNATURE: held.pairs.signing, Usage.AGREEMENT: held.pairs.agreement}
    return held.generated.get(usage) or in_use.get(usage)


def take(
    meter: MeterState, client: Client, certificate: Certificate, client_title: bytes, now: datetime
) -> bool:
    """Import a certificate; False, and nothing changes, where it cannot be believed or used.

    It replaces the one of the same entity, usage and name.
    """
    held = meter.part(Certificates).of_client(meter, client)
    if not certificate.runs(now) or not any(map(certificate.issued_by, held.certificates)):
        return False
    own = meter.identity.system_title
    entity = certificate.entity(own)
    match entity:
        case Entity.SERVER:
            pairs = _own_pair_in_use(held, certificate)
        case Entity.CLIENT if certificate.title == client_title:
            pairs = _peer_in_use(held, certificate)
        case Entity.AUTHORITY:
            pairs = held.pairs
        case _:
            return False  # nobody who speaks in this setup
    if pairs is None:
        return False
    held.pairs = pairs
    place = (entity, certificate.usage, certificate.name)
    anchor, *others = held.certificates
    others = [each for each in others if (each.entity(own), each.usage, each.name) != place]
    held.certificates = [anchor, *others, certificate]
    return True


def remove(meter: MeterState, client: Client, certificate: Certificate) -> bool:
    """Forget a certificate; the pair stays in use.  False for the trust anchor."""
    held = meter.part(Certificates).of_client(meter, client)
    if certificate is held.certificates[0]:
        return False
    held.certificates.remove(certificate)
    return True


def _own_pair_in_use(held: _Held, certificate: Certificate) -> KeyPairs | None:
    usage, pairs = certificate.usage, held.pairs
    in_use = {Usage.SIGNATURE: pairs.signing, Usage.AGREEMENT: pairs.agreement}
    for key in (held.generated.get(usage), in_use.get(usage)):
        if key is not None and key.public_key() == certificate.key:
            held.generated.pop(usage, None)
            if usage is Usage.SIGNATURE:
                return replace(pairs, signing=key)
            return replace(pairs, agreement=key)
    return None


def _peer_in_use(held: _Held, certificate: Certificate) -> KeyPairs | None:
    if certificate.usage is Usage.SIGNATURE:
        return replace(held.pairs, peer_signing=certificate.key)
    if certificate.usage is Usage.AGREEMENT:
        return replace(held.pairs, peer_agreement=certificate.key)
    return None


# --- as delivered --------------------------------------------------------------------------------


@cache
def authority(seed: int, suite: SecuritySuite) -> Authority:
    """The test authority of a seed, which every meter of the seed trusts."""
    scalar = octets(seed, "authority", int(suite), count=curve_of(suite).size)
    return Authority(suite, f"TEST AUTHORITY {seed}", elliptic.private_key(suite, scalar))


@cache
def anchor(seed: int, suite: SecuritySuite) -> Certificate:
    """Its certificate."""
    return authority(seed, suite).itself(_serial(seed, "authority", int(suite)), MADE, OVER)


def _delivered(identity: Identity, client: Client) -> _Held:
    pairs = identity.key_pairs(client.sap, client.suite)
    keys = {Usage.SIGNATURE: pairs.signing, Usage.AGREEMENT: pairs.agreement}
    issuer = authority(identity.seed, client.suite)
    own = [
        issuer.issue(
            identity.system_title,
            key.public_key(),
            usage,
            _serial(identity.seed, "meter", identity.index, client.sap, int(usage)),
            MADE,
            OVER,
        )
        for usage, key in keys.items()
        if key is not None
    ]
    return _Held([anchor(identity.seed, client.suite), *own], pairs, {})


def _serial(seed: int, *names: str | int) -> int:
    return int.from_bytes(octets(seed, "certificate", *names, count=_SERIAL_OCTETS), "big") | 1
