"""A party reads its own scope, by REST and by dump, and can do nothing else."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from typer.testing import CliRunner

from devices.clock import run_simulated
from headend.config import BadConfig, Config
from headend.config.warehouse import Party, WarehousePolicy
from headend.domain.account import PERMISSIONS, Permission, Role
from headend.warehouse import dump as dumping
from headend.warehouse import reports
from headend.warehouse.content import Period
from headend.warehouse.dump import Outlet, Poured, dump, signature_of
from headend.warehouse.manifest import MANIFEST
from headend.warehouse.scope import Scope, scope_of, signing_key
from tests import databases
from tests.access.making import close_houses as close_houses
from tests.conftest import SIMULATED_START
from tests.rest.house import Door
from tests.rest.test_permissions import FILLED, WANTED
from tests.store.test_ledger import collect
from tests.warehouse.utility import FIRST, NOW, Utility
from tools.cli import app

pytestmark = databases.on_one

PARTIES = (
    Party(name="operator", account="op", tables=("readings", "completeness", "orders"),
          zones=("Z1",), hidden=("concentrator",), pseudonyms=("meter",)),
    Party(name="other", account="other", tables=("completeness",), zones=("Z 2",)),
)  # fmt: skip


@pytest.fixture
def policy(utility: Utility, tmp_path: Path) -> WarehousePolicy:
    key = tmp_path / "key.pem"
    made = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    key.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    utility.load()
    return WarehousePolicy(place=str(utility.folder), key=key, party=PARTIES)


def report_for(utility: Utility, scope: Scope | None, name: str = "completeness") -> str:
    return reports.make(
        utility.place, utility.manifest, name, Period(FIRST, FIRST), language="en",
        scope=scope, zone="UTC", now=NOW,
    ).id  # fmt: skip


def asked(policy: WarehousePolicy, story: Callable[[Door, str], Any]) -> None:
    """A story at the REST door of this configuration, with the operator's token."""

    async def told() -> None:
        door = await Door(config=Config(warehouse=policy)).open()
        for account in ("op", "stranger"):
            await door.account(account, Role.PARTY, password=None)
        await story(door, await door.token("op"))

    run_simulated(told(), start=SIMULATED_START)


def test_a_party_may_read_its_own_and_nothing_else_at_all() -> None:
    assert PERMISSIONS[Role.PARTY] == {Permission.PARTY_READ}
    others = set(Role) - {Role.PARTY}
    assert not any(Permission.PARTY_READ in PERMISSIONS[role] for role in others)
    writes = {name for name, wanted in WANTED.items() if wanted is Permission.PARTY_READ}
    assert writes - {"POST /api/v1/party/reports"} == {
        name for name in writes if name.startswith("GET /api/v1/party/")
    }, "it reads; and has made what it may read"


def test_by_rest_a_party_sees_its_tables_zones_and_columns(
    utility: Utility, policy: WarehousePolicy
) -> None:
    everything = {part.sha256: part for part in utility.manifest.parts}

    async def story(door: Door, token: str) -> None:
        listed = (await door.ask("GET", "/api/v1/party/files", token=token)).json()
        wanted = {
            digest
            for digest, part in everything.items()
            if part.table in PARTIES[0].tables and part.where == "Z1"
        }
        assert {each["source"] for each in listed["items"]} == wanted and wanted
        first = await door.ask("GET", "/api/v1/party/files", token=token, params={"limit": 1})
        asked = {"cursor": first.json()["next"]}
        rest = (await door.ask("GET", "/api/v1/party/files", token=token, params=asked)).json()
        assert first.json()["items"] + rest["items"] == listed["items"]
        scope = scope_of(policy, PARTIES[0])
        for digest, part in everything.items():
            path = f"/api/v1/party/files/{part.table}/{digest}"
            answer = await door.ask("GET", path, token=token)
            assert answer.status_code == (200 if digest in wanted else 404), part
            if digest in wanted:
                table = pq.read_table(io.BytesIO(answer.content))
                names = {scope.pseudonym(meter) for meter in ("M1", "M2")}
                assert set(table.column("meter").to_pylist()) <= names
                if "concentrator" in table.column_names:
                    assert set(table.column("concentrator").to_pylist()) == {None}
                assert b"M1" not in answer.content and table.num_rows == part.rows

    asked(policy, story)


def test_by_rest_a_party_sees_the_reports_that_were_made_for_it(
    utility: Utility, policy: WarehousePolicy
) -> None:
    own, others, utilitys = (
        report_for(utility, scope)
        for scope in (scope_of(policy, PARTIES[0]), scope_of(policy, PARTIES[1]), None)
    )

    async def story(door: Door, token: str) -> None:
        listed = (await door.ask("GET", "/api/v1/party/reports", token=token)).json()
        assert [each["id"] for each in listed["items"]] == [own]
        for id, status in ((own, 200), (others, 404), (utilitys, 404)):
            path = f"/api/v1/party/reports/{id}/file"
            answer = await door.ask("GET", path, token=token, params={"name": "by-zone.csv"})
            assert answer.status_code == status
        assert b"Z 2" not in (await door.ask("GET", f"/api/v1/party/reports/{own}/file",
                              token=token, params={"name": "by-zone.csv"})).content  # fmt: skip
        staff = await door.ask("GET", "/api/v1/reports", Permission.REPORT_READ)
        assert {each["id"] for each in staff.json()["items"]} == {own, others, utilitys}
        first = await door.ask(
            "GET", "/api/v1/reports", Permission.REPORT_READ, params={"limit": 2}
        )
        asked = {"cursor": first.json()["next"]}
        rest = await door.ask("GET", "/api/v1/reports", Permission.REPORT_READ, params=asked)
        assert first.json()["items"] + rest.json()["items"] == staff.json()["items"]
        page = await door.ask("GET", f"/api/v1/reports/{others}/file", Permission.REPORT_READ)
        assert page.content.startswith(b"%PDF") and page.headers["content-type"].endswith("pdf")
        assert "attachment" in page.headers["content-disposition"]

    asked(policy, story)


def test_a_partys_token_opens_no_other_route(utility: Utility, policy: WarehousePolicy) -> None:
    async def story(door: Door, token: str) -> None:
        for name, permission in WANTED.items():
            if permission is Permission.PARTY_READ:
                continue
            method, path = name.split()
            answer = await door.ask(
                method, path.format(**FILLED), token=token, headers={"Idempotency-Key": "k"}
            )
            assert answer.status_code == 403, name

    asked(policy, story)


def test_an_account_that_no_party_names_sees_nothing(
    utility: Utility, policy: WarehousePolicy
) -> None:
    async def story(door: Door, token: str) -> None:
        stranger = await door.token("stranger")
        for path in ("files", "reports", f"files/orders/{'0' * 64}", f"reports/{'0' * 16}/file"):
            answer = await door.ask("GET", f"/api/v1/party/{path}", token=stranger)
            assert (answer.status_code, answer.json()["code"]) == (403, "no-party")

    asked(policy, story)


@pytest.mark.parametrize("path", ["%2e%2e", "%2e%2e%2fmanifest.json", "0123456789abcdeg"])
def test_no_path_leads_out(utility: Utility, policy: WarehousePolicy, path: str) -> None:
    async def story(door: Door, token: str) -> None:
        for where in (f"/api/v1/party/reports/{path}/file", f"/api/v1/party/files/orders/{path}"):
            answer = await door.ask("GET", where, token=token)
            assert answer.status_code in (400, 404) and b"schema_version" not in answer.content

    asked(policy, story)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no such table": ({"tables": ("accounts",)}, "there is no table accounts"),
    "the errors are nobody's": ({"tables": ("errors",)}, "there is no table errors"),
    "no such column": ({"hidden": ("name_of_customer",)}, "there is no column"),
    "a number has no pseudonym": ({"pseudonyms": ("attempts",)}, "no pseudonyms"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_scope_that_cannot_be_kept_is_refused(
    utility: Utility, policy: WarehousePolicy, what: str
) -> None:
    said, why = WRONG[what]
    with pytest.raises(BadConfig, match=why):
        scope_of(policy, Party(name="p", **said))


def test_pseudonyms_without_a_key_are_refused() -> None:
    with pytest.raises(BadConfig, match="warehouse.key is not set"):
        scope_of(WarehousePolicy(), PARTIES[0])


def test_pseudonyms_are_the_same_within_a_party_and_others_in_another(
    utility: Utility, policy: WarehousePolicy
) -> None:
    one = scope_of(policy, PARTIES[0])
    same = scope_of(policy, PARTIES[0])
    other = scope_of(policy, Party(name="x", pseudonyms=("meter",)))
    assert one.pseudonym("M1") == same.pseudonym("M1") != other.pseudonym("M1")
    assert len({one.pseudonym(f"M{number}") for number in range(1000)}) == 1000


# --- the dump ---


class Far:
    """The other end: it can be written to, and says so when anything else is tried."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.story: list[str] = []

    @property
    def outlet(self) -> Outlet:
        return Outlet("far", self._put, self._drop)

    def _put(self, name: str, octets: bytes) -> None:
        self.story.append(name)
        self.files[name] = octets

    def _drop(self, name: str) -> None:
        del self.files[name]


def pour(utility: Utility, policy: WarehousePolicy, far: Far) -> dumping.Dumped:
    scope = scope_of(policy, policy.party[0])
    key = signing_key(policy)
    return dump(utility.place, utility.manifest, scope, far.outlet, key, NOW)


def checked(far: Far, policy: WarehousePolicy) -> Poured:
    """As the operator does: the signature first, then each file by its digest."""
    import hashlib

    import msgspec

    octets = far.files[MANIFEST]
    signature = bytes.fromhex(far.files[signature_of(octets)].decode())
    signing_key(policy).public_key().verify(signature, octets)
    listed = msgspec.json.decode(octets, type=Poured)
    for each in listed.files:
        assert hashlib.sha256(far.files[each.path]).hexdigest() == each.sha256
    return listed


def test_a_dump_is_listed_signed_and_within_the_scope(
    utility: Utility, policy: WarehousePolicy
) -> None:
    own = report_for(utility, scope_of(policy, PARTIES[0]))
    report_for(utility, None)
    far = Far()
    done = pour(utility, policy, far)
    listed = checked(far, policy)
    tables = {each.path.split("/")[1] for each in listed.files if each.path.startswith("tables/")}
    assert tables == set(PARTIES[0].tables)
    assert all("zone=Z1" in each.path for each in listed.files if each.path.startswith("tables/"))
    assert {each.path.split("/")[1] for each in listed.files if each.path.startswith("reports/")} \
        == {own}  # fmt: skip
    assert set(far.files) == {each.path for each in listed.files} | {
        MANIFEST, signature_of(far.files[MANIFEST]),
    }  # fmt: skip
    assert far.story[-1] == MANIFEST and done.put == len(listed.files)
    assert not any(b"M1" in octets for octets in far.files.values())
    forged = far.files[MANIFEST].replace(b"operator", b"somebody")
    with pytest.raises(InvalidSignature):
        signing_key(policy).public_key().verify(
            bytes.fromhex(far.files[signature_of(far.files[MANIFEST])].decode()), forged
        )


def test_the_next_dump_puts_what_is_new_and_takes_away_what_is_old(
    utility: Utility, policy: WarehousePolicy
) -> None:
    far = Far()
    pour(utility, policy, far)
    assert pour(utility, policy, far).put == 0
    utility.run(lambda tx: collect(tx, "M2", FIRST, range(49, 60)))
    utility.load(now=NOW)
    done = pour(utility, policy, far)
    assert (done.put, done.dropped) == (2, 2)  # readings and completeness of a day and zone
    checked(far, policy)
    narrower = replace_party(policy, zones=("Z 2",))
    whole = pour(utility, narrower, far)
    assert whole.put == len(whole.listed.files)  # another scope begins anew


def replace_party(policy: WarehousePolicy, **changes: Any) -> WarehousePolicy:
    import msgspec

    party = msgspec.structs.replace(policy.party[0], **changes)
    return msgspec.structs.replace(policy, party=(party,))


def test_nothing_comes_back_by_the_way_of_a_dump(
    utility: Utility, policy: WarehousePolicy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder full of another's files: none of it is opened, and none changes what is kept."""
    assert {name for name in dir(Outlet) if not name.startswith("_")} == {
        "where", "put", "drop", "to",
    }  # fmt: skip
    far = tmp_path / "far"
    (far / "tables").mkdir(parents=True)
    (far / MANIFEST).write_text('{"version": 99}')
    (far / "tables" / "evil.parquet").write_bytes(b"PAR1")
    before = {name: utility.place.read(name) for name in utility.place.names("")}
    opened: list[str] = []
    read = type(utility.place).read

    def noted(place: Any, name: str) -> bytes | None:
        opened.append(place.path(name))
        return read(place, name)

    monkeypatch.setattr(type(utility.place), "read", noted)
    scope = scope_of(policy, PARTIES[0])
    dump(utility.place, utility.manifest, scope, Outlet.to(str(far)), signing_key(policy), NOW)
    monkeypatch.undo()
    assert opened and not [path for path in opened if path.startswith(os.fspath(far))]
    after = {name: utility.place.read(name) for name in utility.place.names("")}
    assert set(after) - set(before) == {"dumps/operator.json"}
    assert {name: octets for name, octets in after.items() if name in before} == before
    assert (far / "tables" / "evil.parquet").read_bytes() == b"PAR1"


def test_a_dump_as_it_is_asked_for(
    utility: Utility, policy: WarehousePolicy, tmp_path: Path
) -> None:
    config = tmp_path / "ami.toml"
    config.write_text(
        f"""
        [warehouse]
        place = "{utility.folder}"
        key = "{policy.key}"
        [[warehouse.party]]
        name = "operator"
        tables = ["completeness"]
        """
    )
    said = ["warehouse", "dump", "--config", str(config), "--to", str(tmp_path / "far"), "--json"]
    ran = CliRunner().invoke(app, [*said, "--party", "operator"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["files"] == len(utility.manifest.of("completeness"))
    ran = CliRunner().invoke(app, [*said, "--party", "nobody"])
    assert ran.exit_code == 2 and "no [[warehouse.party]] nobody" in ran.stderr
