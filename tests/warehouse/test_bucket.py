"""The data store in a bucket: a real S3 server over real HTTP, and the folder beside it as measure.

The server is moto's; what lies in its buckets is looked at by boto3, which knows nothing of us.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from moto.server import ThreadedMotoServer
from typer.testing import CliRunner

from headend.app.warehousing import StoreSource, today
from headend.warehouse.load import load, sweep
from headend.warehouse.manifest import MANIFEST, NoWarehouse
from headend.warehouse.manifest import read as read_manifest
from headend.warehouse.place import Place, PlaceUnavailable
from headend.warehouse.verify import verify
from tests import databases
from tests.store.test_ledger import ZONE, collect
from tests.warehouse.utility import FIRST, NOW, Utility
from tools.cli import app

pytestmark = [databases.on_one, pytest.mark.live]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    serving = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    serving.start()
    host, port = serving.get_host_and_port()
    yield f"{host}:{port}"
    serving.stop()


class Bucket:
    """A bucket of its own, seen from outside."""

    def __init__(self, server: str, name: str) -> None:
        self.name = name
        self.client: Any = boto3.client("s3", endpoint_url=f"http://{server}")
        self.client.create_bucket(Bucket=name)
        self.options = f"endpoint_override={server}&scheme=http&region=us-east-1"

    def url(self, prefix: str = "store") -> str:
        return f"s3://{self.name}/{prefix}?{self.options}"

    def files(self, prefix: str = "store") -> dict[str, bytes]:
        listed = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix + "/")
        assert not listed["IsTruncated"]
        return {
            each["Key"].removeprefix(prefix + "/"): self.client.get_object(
                Bucket=self.name, Key=each["Key"]
            )["Body"].read()
            for each in listed.get("Contents", ())
        }


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Bucket:
    for name, value in (
        ("ACCESS_KEY_ID", "key"), ("SECRET_ACCESS_KEY", "secret"), ("DEFAULT_REGION", "us-east-1"),
        ("EC2_METADATA_DISABLED", "true"),
    ):  # fmt: skip
        monkeypatch.setenv(f"AWS_{name}", value)
    digest = hashlib.sha256(request.node.name.encode()).hexdigest()
    return Bucket(server, f"b-{digest[:16]}")


def loaded(utility: Utility, where: str) -> Place:
    place = Place(where)
    source = StoreSource.of(utility.store, ZONE, NOW)
    load(place, source, now=NOW, today=today(NOW, ZONE))
    return place


def test_a_bucket_holds_octet_by_octet_what_a_folder_does(utility: Utility, bucket: Bucket) -> None:
    utility.load()
    place = loaded(utility, bucket.url())
    assert not place.local
    there = {name: utility.place.read(name) for name in utility.place.names("")}
    there.pop("load.lock", None)
    assert len(there) > 10 and bucket.files() == there
    found = verify(place, read_manifest(place))
    assert not found.wrong and found.rows == verify(utility.place, utility.manifest).rows
    asked = "SELECT channel, count(*), sum(raw) FROM readings GROUP BY ALL ORDER BY ALL"
    of_folder, utility.place = utility.ask(asked), place
    assert utility.ask(asked) == of_folder and of_folder, "DuckDB asks the bucket's files"


def test_a_second_load_writes_nothing_and_a_changed_day_is_replaced(
    utility: Utility, bucket: Bucket
) -> None:
    place = loaded(utility, bucket.url())
    before = bucket.files()
    loaded(utility, bucket.url())
    assert bucket.files() == before
    utility.run(lambda tx: collect(tx, "M2", FIRST, range(49, 60)))
    loaded(utility, bucket.url())
    after = bucket.files()
    assert set(before) < set(after), "old files stay until they are swept"
    assert sweep(place, read_manifest(place)) >= 2  # readings and completeness of a day and zone
    names = {name for name in bucket.files() if name.startswith("tables/")}
    kept = {name for name in names if not name.endswith("/")}  # pyarrow's marks of folders
    assert kept == {part.path for part in read_manifest(place).parts}
    assert not verify(place, read_manifest(place)).wrong


def test_what_is_damaged_in_a_bucket_is_found(utility: Utility, bucket: Bucket) -> None:
    place = loaded(utility, bucket.url())
    part = read_manifest(place).of("readings", FIRST)[0]
    bucket.client.put_object(Bucket=bucket.name, Key=f"store/{part.path}", Body=b"PAR1")
    assert "is not the file" in verify(place, read_manifest(place)).wrong[0]
    bucket.client.delete_object(Bucket=bucket.name, Key=f"store/{part.path}")
    assert "is missing" in verify(place, read_manifest(place)).wrong[0]


def test_by_commands_a_store_is_filled_reported_and_poured_out_into_buckets(
    utility: Utility, bucket: Bucket, tmp_path: Path
) -> None:
    key = tmp_path / "key.pem"
    made = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    key.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    config = tmp_path / "ami.toml"
    config.write_text(
        f'database = "{utility.url}"\n[orders]\nzone = "{ZONE.key}"\n'
        f'[warehouse]\nplace = "{bucket.url()}"\nkey = "{key}"\n'
        '[[warehouse.party]]\nname = "operator"\ntables = ["completeness"]\n'
    )

    def ami(*words: str) -> Any:
        ran = CliRunner().invoke(app, [*words, "--config", str(config), "--json"])
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout)

    assert ami("warehouse", "load")["reconciled"] is True
    days = ("--first", str(FIRST), "--last", str(FIRST))
    report = ami("report", "make", "completeness", *days)
    files = bucket.files()
    for name, digest in report["files"].items():
        (octets,) = (o for path, o in files.items() if path.endswith(f"{report['id']}/{name}"))
        assert hashlib.sha256(octets).hexdigest() == digest
    poured = ami("warehouse", "dump", "--party", "operator", "--to", bucket.url("far"))
    far = bucket.files("far")
    listed = json.loads(far[MANIFEST])["files"]
    assert poured["put"] == len(listed) and {each["path"] for each in listed} < set(far)


def test_a_bucket_that_there_is_not_is_told(utility: Utility, bucket: Bucket) -> None:
    nowhere = f"s3://no-such-bucket/x?{bucket.options}"
    with pytest.raises(PlaceUnavailable, match="does not exist"):
        loaded(utility, nowhere)
    with pytest.raises(NoWarehouse):
        read_manifest(Place(bucket.url("empty")))


WRONG = {
    "a key in the URL": ("s3://AKIA:hunter2@bucket/x", "AWS_SECRET_ACCESS_KEY"),
    "half a key": ("s3://hunter2@bucket/x", "AWS_SECRET_ACCESS_KEY"),
    "no TLS to elsewhere": (
        "s3://bucket/x?scheme=http&endpoint_override=192.0.2.1:9000", "without TLS",
    ),
    "no TLS to nowhere in particular": ("s3://bucket/x?scheme=http", "without TLS"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_bucket_by_which_a_key_or_its_content_would_leak_is_refused(what: str) -> None:
    where, why = WRONG[what]
    with pytest.raises(PlaceUnavailable, match=why) as refused:
        Place(where)
    assert "hunter2" not in str(refused.value)
