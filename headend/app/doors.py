"""Which doors a configuration may open: none to the network without TLS, mutual for all but REST;
that of OPC UA has its own security in TLS's place.

Asked before anything is opened or stored, so that a refusal leaves nothing behind.
"""

from __future__ import annotations

from datetime import datetime

from headend import certificates
from headend.app import oidc
from headend.config import BadConfig, Config, Mqtt, ServerTls
from headend.config.opcua import OpcUa
from headend.rest import door as rest_door
from headend.soap.door.route import UnsafeBind, check_bind, is_loopback


def check(config: Config, now: datetime) -> None:
    """Pass when every door may be opened, with certificates that can serve at this time.

    Raises `UnsafeBind` or `BadConfig`.
    """
    _check_openness(config)
    for section, tls in (("soap.tls", config.soap.tls), ("mqtt.tls", config.mqtt.tls)):
        if tls is not None:
            certificates.check(tls, section, now)
    if config.rest.tls is not None:
        certificates.check_own(config.rest.tls, "rest.tls", now)
    if (security := config.opcua.security) is not None:
        own = ServerTls(certificate=security.certificate, key=security.key)
        certificates.check_own(own, "opcua.security", now)
    if config.oidc is not None and config.rest.port is not None and config.web.enabled:
        oidc.check(config.oidc)
    if config.mqtt.tls is not None and config.mqtt.host is None:
        certificates.user_name(config.mqtt.tls, "mqtt.tls")


def _check_openness(config: Config) -> None:
    """Refuse doors open to the network without mutual TLS, and settings that would do nothing."""
    soap, mqtt = config.soap, config.mqtt
    check_bind(soap.host, soap.tls)
    rest_door.check_bind(config.rest)
    _check_opcua(config.opcua)
    if mqtt.host is not None and (mqtt.listen != Mqtt().listen or mqtt.queue_readers):
        raise BadConfig(
            f"mqtt: listen and queue_readers are for an own Mosquitto, but {mqtt.host!r} is to be"
            " the broker. Leave out the one or the other."
        )
    needs = "needs mutual TLS: set certificate, key and client_authority under"
    if soap.sources and soap.tls is None:
        raise BadConfig(f"soap.sources {needs} [soap.tls]")
    if mqtt.tls is not None:
        return
    if mqtt.queue_readers:
        raise BadConfig(f"mqtt.queue_readers {needs} [mqtt.tls]")
    if mqtt.host is not None and not is_loopback(mqtt.host):
        raise BadConfig(f"mqtt: a broker on {mqtt.host!r} {needs} [mqtt.tls]")
    if not is_loopback(mqtt.listen):
        raise BadConfig(
            f"mqtt: listening on {mqtt.listen!r} {needs} [mqtt.tls], or listen on 127.0.0.1"
        )


def _check_opcua(opcua: OpcUa) -> None:
    if opcua.port is None or is_loopback(opcua.host):
        return
    if opcua.security is None:
        raise UnsafeBind(
            f"OPC UA on {opcua.host!r} needs security, or passwords could be read on their way: set"
            " certificate, key and trusted under [opcua.security], or listen on 127.0.0.1"
        )
    if opcua.anonymous:
        raise BadConfig("opcua.anonymous is for 127.0.0.1: elsewhere clients show an account")
