"""The configuration as TOML says it, and as the command line changes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from headend.config import BadConfig, Config, Tls, parse
from tools.serve import overridden

CERTIFICATES = """
certificate = "/etc/ami/ami.pem"
key = "/etc/ami/ami.key"
client_authority = "/etc/ami/clients.pem"
"""
TLS = Tls(
    certificate=Path("/etc/ami/ami.pem"),
    key=Path("/etc/ami/ami.key"),
    client_authority=Path("/etc/ami/clients.pem"),
)


def test_nothing_said() -> None:
    assert parse("") == Config()


def test_mutual_tls() -> None:
    config = parse(f"[soap.tls]{CERTIFICATES}[mqtt.tls]{CERTIFICATES}")
    assert (config.soap.tls, config.mqtt.tls) == (TLS, TLS)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f"[soap.tls]{CERTIFICATES}".replace('"/etc/ami/ami.pem"', "5"), "soap.tls.certificate"),
        ("[soap.tls]\n", "certificate"),
        ("[orders]\nlane_width = 0\n", "orders.lane_width"),
        ("[orders]\nwaiting_max = 0\n", "orders.waiting_max"),
        ("[field]\nack_timeout_s = 0\n", "field.ack_timeout_s"),
        ("[delivery]\nretry_first_s = -5\n", "delivery.retry_first_s"),
        ("[mqtt]\nport = 65536\n", "mqtt.port"),
        ('worker = "one\\n"\n', "worker"),
    ],
)
def test_refused(text: str, named: str) -> None:
    with pytest.raises(BadConfig) as refusal:
        parse(text)
    assert named in str(refusal.value)


OWN = "sqlite:////var/lib/legacy.db"
DATABASES = {
    # --database: the database, and the legacy one beside it
    "x.db": ("sqlite:///x.db", "sqlite:///x-legacy.db"),
    "/var/x": ("sqlite:////var/x", "sqlite:////var/x-legacy.db"),
    "sqlite:////var/x.db": ("sqlite:////var/x.db", "sqlite:////var/x-legacy.db"),
    "postgresql://host/x": ("postgresql://host/x", Config().legacy_database),
}


@pytest.mark.parametrize(("given", "urls"), DATABASES.items())
def test_the_legacy_database_lies_beside(given: str, urls: tuple[str, str]) -> None:
    config = overridden(Config(), database=given)
    assert (config.database, config.legacy_database) == urls
    config = overridden(Config(legacy_database=OWN), database=given)
    assert (config.database, config.legacy_database) == (urls[0], OWN)


def test_a_path_names_a_database_as_on_the_command_line() -> None:
    config = parse('database = "var/ami.db"\nlegacy_database = "postgresql://host/x"')
    assert config.database == "sqlite:///var/ami.db"
    assert config.legacy_database == "postgresql://host/x"
