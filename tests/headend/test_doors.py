"""Which doors may be open to whom: to the network only under mutual TLS."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from headend.app.doors import check
from headend.config import BadConfig, Config, Mqtt, Soap
from headend.soap.door.route import UnsafeBind
from tests.certificates import PAST, Authority

NOW = datetime(2026, 7, 6, 14, tzinfo=UTC)
LOOPBACK = ("127.0.0.1", "127.8.9.10", "::1", "[::1]", "localhost")
NETWORK = ("0.0.0.0", "::", "10.0.0.1", "hes.utility.example", "", "127.0.0.1.example")


@pytest.mark.parametrize("host", LOOPBACK)
def test_loopback_is_open_to_anybody(host: str) -> None:
    check(Config(soap=Soap(host=host), mqtt=Mqtt(listen=host)), NOW)
    check(Config(soap=Soap(host=host), mqtt=Mqtt(host=host)), NOW)


@pytest.mark.parametrize("host", NETWORK)
def test_the_network_needs_mutual_tls(tmp_path: Path, host: str) -> None:
    tls = Authority.found(tmp_path).tls("hes", "hes")
    refused = {
        Config(soap=Soap(host=host)): r"\[soap\.tls\], or listen on 127\.0\.0\.1",
        Config(mqtt=Mqtt(listen=host)): r"\[mqtt\.tls\], or listen on 127\.0\.0\.1",
        Config(mqtt=Mqtt(host=host)): r"a broker on .* needs mutual TLS: set .* \[mqtt\.tls\]",
    }
    for config, told in refused.items():
        with pytest.raises((UnsafeBind, BadConfig), match=told):
            check(config, NOW)
    check(Config(soap=Soap(host=host, tls=tls), mqtt=Mqtt(listen=host, tls=tls)), NOW)
    check(Config(soap=Soap(host=host, tls=tls), mqtt=Mqtt(host=host, tls=tls)), NOW)


def test_certificates_are_looked_at(tmp_path: Path) -> None:
    authority = Authority.found(tmp_path)
    expired = authority.tls("hes", "hes", until=PAST)
    nameless = authority.tls(None, "nameless")
    with pytest.raises(BadConfig, match=r"soap\.tls: certificate"):
        check(Config(soap=Soap(tls=expired)), NOW)
    with pytest.raises(BadConfig, match=r"mqtt\.tls: certificate"):
        check(Config(mqtt=Mqtt(host="10.0.0.1", tls=expired)), NOW)
    with pytest.raises(BadConfig, match="no common name"):
        check(Config(mqtt=Mqtt(tls=nameless)), NOW)
    check(Config(mqtt=Mqtt(host="10.0.0.1", tls=nameless)), NOW)  # a utility's broker may not ask


def test_what_would_do_nothing_is_refused() -> None:
    for config, told in {
        Config(soap=Soap(sources=("CRM",))): r"soap\.sources needs mutual TLS",
        Config(mqtt=Mqtt(queue_readers=("CRM",))): r"mqtt\.queue_readers needs mutual TLS",
        Config(mqtt=Mqtt(host="::1", queue_readers=("CRM",))): "for an own Mosquitto",
        Config(mqtt=Mqtt(host="::1", listen="::1")): "for an own Mosquitto",
    }.items():
        with pytest.raises(BadConfig, match=told):
            check(config, NOW)
