"""The configuration as TOML says it, and as the command line changes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from headend.config import BadConfig, Config, Tls, parse, read
from headend.config.notify import SmtpChannel
from headend.config.secret import Secret
from headend.config.soap import Replay, SoapUser
from protocols.cim.permits import Permit
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


ADMITTED = """
[[soap.permit]]
source = "COMERCIAL"
nouns = ["EndDeviceControls"]
verbs = ["create", "cancel"]

[[soap.user]]
name = "COMERCIAL"
password = { file = "comercial.password" }
certificates = ["ESB"]

[soap.replay]
window_s = 600
required = "both"
"""


def test_who_is_admitted_at_the_door(tmp_path: Path) -> None:
    soap = parse(ADMITTED, tmp_path).soap
    assert soap.permit == (
        Permit(source="COMERCIAL", nouns=("EndDeviceControls",), verbs=("create", "cancel")),
    )
    secret = Secret(file=tmp_path / "comercial.password")
    assert soap.user == (SoapUser(name="COMERCIAL", password=secret, certificates=("ESB",)),)
    assert soap.replay == Replay(window_s=600.0, required="both")
    with pytest.raises(BadConfig, match="each needs a name of its own"):
        parse(ADMITTED + '[[soap.user]]\nname = "COMERCIAL"\npassword = { variable = "X" }\n')


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


PATHS = """
database = "var/ami.db"
legacy_database = "sqlite:///old.db"
[keys]
envelope_file = "envelope.key"
[[keys.transport]]
name = "acme"
file = "/etc/keys/acme.key"
[soap.tls]
certificate = "tls/ami.pem"
key = "tls/ami.key"
client_authority = "tls/clients.pem"
[syslog.tls]
authority = "cert.pem"
[backup]
place = "backups"
files = ["envelope.key", "/etc/ami.toml"]
[warehouse]
place = "store"
key = "signing.pem"
[service_levels]
definition = "goals.toml"
[direct]
models = "models"
[[channel]]
kind = "smtp"
name = "mail"
host = "mail.example"
sender = "ami@example.com"
to = ["noc@example.com"]
user = "ami"
password = { file = "mail.secret" }
"""


def test_what_a_file_names_by_a_path_lies_beside_it(tmp_path: Path) -> None:
    """Wherever the command is called from."""
    file = tmp_path / "ami.toml"
    file.write_text(PATHS)
    config = read(file)
    assert config.database == f"sqlite:///{tmp_path}/var/ami.db"
    assert config.legacy_database == f"sqlite:///{tmp_path}/old.db"
    assert config.keys.envelope_file == tmp_path / "envelope.key"
    assert config.keys.transport[0].file == Path("/etc/keys/acme.key")
    assert config.soap.tls is not None and config.soap.tls.revoked is None
    assert config.soap.tls.certificate == tmp_path / "tls/ami.pem"
    assert config.syslog.tls is not None and config.syslog.tls.authority == tmp_path / "cert.pem"
    assert config.backup.place == tmp_path / "backups"
    assert config.backup.files == (tmp_path / "envelope.key", Path("/etc/ami.toml"))
    assert config.warehouse.place == f"{tmp_path}/store"
    assert config.warehouse.key == tmp_path / "signing.pem"
    assert config.service_levels.definition == tmp_path / "goals.toml"
    assert config.direct.models == tmp_path / "models"
    (mail,) = config.channel
    assert isinstance(mail, SmtpChannel) and mail.password is not None
    assert mail.password.file == tmp_path / "mail.secret"


ELSEWHERE = {
    'database = "postgresql://host/x"': "postgresql://host/x",
    'database = "/var/ami.db"': "sqlite:////var/ami.db",
    "": Config().database,  # as without a configuration
}


@pytest.mark.parametrize(("text", "url"), ELSEWHERE.items())
def test_a_database_that_lies_elsewhere_or_is_not_named_stays(
    tmp_path: Path, text: str, url: str
) -> None:
    (tmp_path / "ami.toml").write_text(f'{text}\n[warehouse]\nplace = "s3://bucket/ami"')
    config = read(tmp_path / "ami.toml")
    assert (config.database, config.warehouse.place) == (url, "s3://bucket/ami")
