"""Wrong input to every command: exit code 2, one message of what and what next, an error object
with a code for --json, and never a stack."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headend.domain.meter import Concentrator, Meter
from headend.store.envelope import VARIABLE
from headend.store.kit import keyring
from headend.store.store import SqlStore
from tools.cli import app

NOBODY = "--port tcp://127.0.0.1:1"
USAGE = "wrong-usage"
NEVER = "never-due"

WRONG: dict[str, str] = {
    # what is said: the error's code
    "field none.toml": USAGE,
    "field bad.toml": USAGE,
    "serve --config none.toml": USAGE,
    "serve --config bad.toml": USAGE,
    "serve --config other.toml": USAGE,
    "serve --port 99999": USAGE,
    "serve --mqtt nowhere": USAGE,
    "access commands nobody --database ami.db --json": USAGE,
    "access show --database none.db --json": "no-database",
    "access commands account --database junk --json": "no-database",
    "event list --since yesterday --database ami.db --json": USAGE,
    "event list --severity bad --database ami.db --json": USAGE,
    "event list --database none.db --json": "no-database",
    "event show 9 --database ami.db --json": "no-such-event",
    "event ack 9 --database ami.db --json": "no-such-event",
    "feeder list --database none.db --json": "no-database",
    "feeder unbalance --window year --database ami.db --json": USAGE,
    "feeder map VEN-1 CTO_1 --database ami.db --json": "no-such-feeder",
    "feeder unmap VEN-1 --database ami.db --json": "no-such-feeder",
    "feeder unmap VEN-1 --database junk --json": "no-database",
    "task list --database none.db --json": "no-database",
    "task show counted --database ami.db --json": "no-such-task",
    "task log 9 --database ami.db --json": "no-such-run",
    "task kinds Nothing --json": "no-such-kind",
    "task history --state lost --database ami.db --json": USAGE,
    "task run counted --database ami.db --json": "no-such-task",
    "task run counted --as-of soon --database ami.db --json": USAGE,
    "task pause counted --database junk --json": "no-database",
    "task edit counted --at 05:40 --database ami.db --json": USAGE,
    "task delete counted --database ami.db --json": "no-such-task",
    "task new t --kind Nothing --every daily --database ami.db --json": "no-such-kind",
    "task new t --kind SIADCustomersInfo --every daily --at 25:00 --database ami.db --json": USAGE,
    "task new t --kind SIADCustomersInfo --every once --database ami.db --json": "bad-schedule",
    "task edit counted --every daily --set x=1 --database ami.db --json": "no-such-task",
    "task new a/b --kind SIADCustomersInfo --every daily --database ami.db --json": "bad-name",
    "task new t --kind UnbalanceHr --every once --on 2020-01-01 --json --database ami.db": NEVER,
    "notify list --database none.db --json": "no-database",
    "notify list --state lost --database ami.db --json": USAGE,
    "notify dead --database junk --json": "no-database",
    "notify retry 9 --database ami.db --json": "no-such-notice",
    "notify retry --database ami.db --json": USAGE,
    "notify test nobody --database ami.db --json": "no-such-channel",
    "incident list --since yesterday --database ami.db --json": USAGE,
    "incident show 9 --database ami.db --json": "no-such-incident",
    "incident ack 9 --database ami.db --json": "no-such-incident",
    "incident ack 9 --database junk --json": "no-database",
    "collection status --day yesterday --database ami.db --json": USAGE,
    "collection status --profile load --database ami.db --json": USAGE,
    "collection status --database none.db --json": "no-database",
    "collection gaps --meter 9 --database ami.db --json": "no-such-meter",
    "collection validate --database none.db --json": "no-database",
    "database retain --database none.db --json": "no-database",
    "database retain --database junk --json": "no-database",
    "collection backfill --meter 9 --database ami.db --json": "no-such-meter",
    "collection schedules --config none.toml --json": USAGE,
    "collection findings --meter 9 --database ami.db --json": "no-such-meter",
    "collection rollup 9 --database ami.db --json": "no-such-meter",
    "collection rollup 1 --day soon --database ami.db --json": USAGE,
    "collection phases Z --database ami.db --json": "no-such-place",
    "collection phases Z --day soon --database ami.db --json": USAGE,
    "collection curve 2026-02-30 --database ami.db --json": USAGE,
    "database version --config bad.toml --json": USAGE,
    "database version --database junk --json": "no-database",
    "database upgrade --to 9999 --database ami.db --json": "not-revised",
    "database downgrade --to 9999 --database ami.db --json": "not-revised",
    "why 9 --database ami.db --json": "no-such-meter",
    "why 9 --database none.db --json": "no-database",
    "why 9 --at soon --database ami.db --json": USAGE,
    "sla report --day soon --database ami.db --json": USAGE,
    "sla report --definition bad.toml --database ami.db --json": "bad-definition",
    "sla report --database none.db --json": "no-database",
    "sla check none.toml --json": "no-file",
    "warehouse load --place store --database none.db --json": "no-database",
    "warehouse load --database ami.db --json": "no-warehouse",
    "warehouse load --since soon --database ami.db --json": USAGE,
    "warehouse status --place store --json": "no-warehouse",
    "warehouse verify --place store --json": "no-warehouse",
    "warehouse quality soon --place store --json": USAGE,
    "warehouse sweep --place store --json": "no-warehouse",
    "warehouse dump --party nobody --to far --place store --json": USAGE,
    "report make nothing --place store --json": "no-warehouse",
    "report make orders --first 2026-07-06 --place store --json": USAGE,
    "report show 1 --place store --json": "no-such-report",
    "report list --json": "no-warehouse",
    "bus serve none.toml": USAGE,
    "bus serve bad.toml": USAGE,
    "bus dead bad.toml --json": USAGE,
    "bus show nothing none.toml --json": USAGE,
    "bus again nothing bus.toml --json": "no-such-letter",
    "bus trace nothing bus.toml --json": "no-such-message",
    "cim serve none.toml": USAGE,
    "cim serve bad.toml": USAGE,
    "cim utility --keep ami.db": USAGE,
    "cim send none.xml --at http://x --json": "no-file",
    "cim send bad.toml --at http://x --json": "no-message",
    "cim validate none.xml --json": "no-file",
    "cim validate bad.toml --adapter siap --json": USAGE,
    "cim wsdl --to ami.db --json": "no-folder",
    "cim codes --kind x --json": USAGE,
    "cim examples Coffee --json": "no-such-example",
    "cim examples --to ami.db --json": "no-folder",
    "cim get Feeder --at nowhere --json": USAGE,
    "cim get Feeder --at mqtt://127.0.0.1:1 --directly --json": USAGE,
    "cim get Feeder --at mqtt://10.0.0.1/SIAD --json": USAGE,
    "cim get Feeder --at http://x --of F1 --json": USAGE,
    "cim get Feeder --at http://x --where name --json": USAGE,
    "cim get Feeder --at http://x --association Analogs --json": USAGE,
    "cim get Feeder --at http://x --association A --of F --from soon --json": USAGE,
    "cim get Feeder --at http://x --typed SIAP --json": USAGE,
    "cim get Feeder --at https://x --tls none --json": USAGE,
    "cim explain nothing --database ami.db --json": "no-such-message",
    "cim explain nothing --bus bus.toml --json": "no-such-message",
    "cim explain nothing --bus none.toml": USAGE,
    "sim run none.toml --json": USAGE,
    "sim run bad.toml --json": USAGE,
    "sim run --json": USAGE,
    "sim diff junk junk --json": USAGE,
    "sim replay none.db --json": "no-database",
    "sim replay junk --json": "no-database",
    "fleet month --database ami.db --json": USAGE,
    "fleet sample ami.db --json": "no-folder",
    "fleet provision --meters 0 --json": USAGE,
    "fleet provision --meters 2 --database none/fleet.db --json": "no-database",
    "fleet provision --meters 2 --database junk --json": "no-database",
    "fleet provision --meters 2 --database nonsense://x --json": "no-database",
    "fleet collect --meters 2 --database none/fleet.db --json": "no-database",
    "fleet collect --meters 2 --database junk --json": "no-database",
    "fleet collect --meters 2 --since soon --json": USAGE,
    "fleet collect --meters 2 --radio x --json": USAGE,
    "channel curve --scheme x --json": USAGE,
    "channel poll --meters x --json": USAGE,
    "firmware list --database none.db --json": "no-database",
    "firmware add none.bin --model sim-3p --version 2 --database ami.db --json": "no-file",
    "firmware add junk --model none --version 2 --database ami.db --json": USAGE,
    "firmware show 3f2a --database ami.db --json": "no-such-image",
    "firmware install 3f2a 9 --database ami.db --json": "no-such-image",
    "firmware install 3f2a 9 --at soon --database ami.db --json": USAGE,
    "place list --database none.db --json": "no-database",
    "place list --database junk --json": "no-database",
    "place import none.csv --database ami.db --json": "no-file",
    "place hang none.csv --database ami.db --json": "no-file",
    "meter install 9999 SP1 --database ami.db --json": "no-such-meter",
    "meter block 9999 --why x --database junk --json": "no-database",
    "meter commission 9999 --database ami.db --json": "no-such-meter",
    "meter commission 9999 --wait soon --database ami.db --json": USAGE,
    "concentrator list --database none.db --json": "no-database",
    "concentrator ask C-9 clock --database ami.db --json": "no-such-concentrator",
    "concentrator ask C1 clock --meter 9 --database ami.db --json": USAGE,
    "concentrator ask C1 task --meter 9 --database ami.db --json": "no-such-meter",
    "concentrator ask C1 task --database ami.db --json": USAGE,
    "concentrator ask C1 state --wait soon --database ami.db --json": USAGE,
    "concentrator ask C1 state --deadline 1s --database ami.db --json": USAGE,
    "concentrator ask C1 weather --database ami.db --json": USAGE,
    "concentrator ask C1 state --database none.db --json": "no-database",
    "concentrator activities --state lost --database ami.db --json": USAGE,
    "concentrator activities --next --config none.toml --json": USAGE,
    "concentrator activities --database none.db --json": "no-database",
    "concentrator add C-1 --database junk --json": "no-database",
    "concentrator add C+1 --database ami.db --json": "bad-name",
    "concentrator add C-1 --seal-key none.key --database ami.db --json": USAGE,
    "shipment list --database none.db --json": "no-database",
    "shipment import none.csv --database ami.db --json": "no-file",
    "shipment preview none.csv --database junk --json": "no-database",
    "shipment preview junk --transport-key none --database ami.db --json": "wrong-key",
    "shipment show 99 --database ami.db --json": "no-such-shipment",
    "order list --database none.db --json": "no-database",
    "order approve 9 --as eva --database none.db --json": "no-database",
    "campaign list --database none.db --json": "no-database",
    "campaign show 9 --database ami.db --json": "no-such-campaign",
    "campaign watch 9 --database ami.db --json": "no-such-campaign",
    "campaign pause 9 --database ami.db --json": "no-such-campaign",
    "campaign start --kind connect --database ami.db --json": "no-choice",
    "campaign start --kind connect --file none.txt --database ami.db --json": "no-file",
    "campaign start --kind connect --every --wave x --database ami.db --json": USAGE,
    "campaign start --kind explode --database ami.db --json": USAGE,
    "legacy status --database none.db --json": "no-database",
    "legacy status --database ami.db --legacy none.db --json": "no-database",
    "legacy again --database junk --json": "no-database",
    "legacy roles --party Ñandú --json": "bad-name",
    "backup create --database none.db --place . --json": "no-database",
    "backup create --database junk --place . --json": "no-database",
    "backup create --database ami.db --json": USAGE,
    "backup create --database ami.db --place none --json": "no-backup",
    "backup list --place none --json": "no-backup",
    "backup verify --place . --json": "no-backup",
    "backup verify ami-2 --place . --json": "no-backup",
    "backup verify --place . --key-file junk --json": USAGE,
    "backup restore --place . --database new.db --json": "no-backup",
    "backup restore --place . --key-file junk --database new.db --json": USAGE,
    "backup status --database none.db --json": "no-database",
    "backup status --database junk --json": "no-database",
    "backup resume --database none.db --json": "no-database",
    "backup escrow make --officer junk --key-file junk --folder x --json": USAGE,
    "backup escrow open --share junk --officer-key junk --out x --json": USAGE,
    "order list --database junk --json": "no-database",
    "order show 99 --json": "no-such-order",
    "order show x --json": USAGE,
    "order send --meter 4711 --limit x --json": USAGE,
    "explain order 77 --json": "no-such-order",
    "explain meter 99 --json": "no-such-meter",
    "explain concentrator C-9 --json": "no-such-concentrator",
    "meter show 99 --json": "no-such-meter",
    "meter list --database none.db --json": "no-database",
    "meter add 4712 --address x": USAGE,
    "meter add 4712 --address tcp://127.0.0.1:1 --key 1:zz:zz": USAGE,
    "meter rekey 9999 --json": "no-such-meter",
    "meter rekey 9998 9999 --json": "no-such-meter",
    "meter clock 9999 --wait 5s --database ami.db --json": "no-such-meter",
    "meter clock 9999 --database junk --json": "no-database",
    "meter tariff 9999 none.toml --activate now --database ami.db --json": "no-file",
    "meter tariff 9999 bad.toml --activate now --database ami.db --json": "no-calendar",
    "tariff check none.toml --json": "no-file",
    "tariff check bad.toml --json": "no-calendar",
    "tariff check junk --json": "no-calendar",
    "meter listen --tcp x": USAGE,
    "meter listen --tcp 127.0.0.1:0 --model none.toml": USAGE,
    "meter listen --tcp 127.0.0.1:0 --fault none": USAGE,
    "dlms decode --json": USAGE,
    "dlms decode --file none.txt --json": USAGE,
    "dlms decode C401C1000600 --key zz --json": USAGE,
    "capture decode none.pcapng --json": USAGE,
    "grid solve --json": USAGE,
    "grid solve --dss none.dss": USAGE,
    "job list --database none.db --json": "no-database",
    "account list --database none.db --json": "no-database",
    "account add ana --role qa --no-password --database none.db --json": "no-database",
    "account add ana --role chief --no-password --json": USAGE,
    "account add ana --no-password --json": USAGE,
    "account add Ana --role qa --no-password --database ami.db --json": "bad-name",
    "account role eva --role qa --database ami.db --json": "no-such-account",
    "account disable eva --database ami.db --json": "no-such-account",
    "token list --database junk --json": "no-database",
    "token create eva --database ami.db --json": "no-such-account",
    "token create eva --scope order.eat --json": USAGE,
    "token create eva --expires soon --json": USAGE,
    "token revoke abcd2345 --database ami.db --json": "no-such-token",
    "audit show --database none.db --json": "no-database",
    "audit show --since soon --database ami.db --json": USAGE,
    "audit verify --database ami.db --noted 1 --json": USAGE,
    "database copy none.db new.db --json": "not-copied",
    "database copy junk new.db --json": "no-database",
    "database copy ami.db ami.db --json": "not-copied",
    "database copy ami.db --json": USAGE,
    "bench workers --json": USAGE,
    "bench workers --postgresql postgresql://x --counts two --json": USAGE,
    "job show x --json": "no-such-job",
    "job import none.result --json": "no-such-file",
    "job import junk --json": "no-file-of-ours",
    "job keys none.toml": USAGE,
    "job enrol none.card --name x": "no-such-file",
    "job enrol junk --name x": "no-file-of-ours",
    "job export --to x --meters 4711 --out o.job --json": "not-exported",
    "job export --to x --orders 77 --out o.job --json": "not-exported",
    "job export --to x --meters 4711 --valid long --out o.job --json": USAGE,
    "job revoke zz --json": "no-such-job",
    "probe job open none.job --json": "no-such-file",
    "probe job open junk --json": "stranger",
    "probe job status --json": "no-such-job",
    "probe job enrol --head-end none.card": "no-such-file",
    "probe job enrol --head-end junk": "no-file-of-ours",
    "probe read --json": USAGE,
    "probe read --port x --json": USAGE,
    f"probe read nonsense {NOBODY} --json": USAGE,
    f"probe read {NOBODY} --key zz --json": USAGE,
    f"probe read {NOBODY} --key-file none --json": USAGE,
    f"probe read {NOBODY} --key-file junk --json": USAGE,
    f"probe read {NOBODY} --model none --json": USAGE,
    f"probe read {NOBODY} --role none --json": USAGE,
    f"probe read {NOBODY} --timeout x --json": USAGE,
    f"probe read {NOBODY} --export x.doc --json": USAGE,
    f"probe read {NOBODY} --auth x --json": USAGE,
    f"probe profile nonsense {NOBODY} --json": USAGE,
    f"probe limit --set x {NOBODY} --json": USAGE,
    f"probe firmware transfer none {NOBODY} --json": USAGE,
    f"probe firmware transfer empty {NOBODY} --json": USAGE,
    f"probe firmware verify --wait x {NOBODY} --json": USAGE,
    f"probe push set --to x {NOBODY} --json": USAGE,
    f"probe config apply none {NOBODY} --json": USAGE,
    f"probe config apply junk {NOBODY} --json": USAGE,
    "probe nonsense --json": USAGE,
    "nonsense": USAGE,
}
WITH_DATABASE = ("order show", "explain", "meter show", "meter add", "meter rekey", "job show",
                 "job import", "job keys", "job enrol", "job export", "job revoke")  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with one meter, and files that are not what a command takes."""
    made = tmp_path_factory.mktemp("wrong")

    async def fill() -> None:
        store = SqlStore(f"sqlite:///{made / 'ami.db'}", live=False)

        def work(tx: object) -> None:
            tx.put_concentrators([Concentrator("C1")])  # type: ignore[attr-defined]
            tx.put_meters([Meter("4711", "C1", commissioned=True)])  # type: ignore[attr-defined]

        await store.run(work)
        await store.close()

    asyncio.run(fill())
    (made / "junk").write_bytes(b"\x00\xffjunk\x80" * 10)
    (made / "empty").write_bytes(b"")
    (made / "bad.toml").write_text("x = [")
    (made / "other.toml").write_text("a = 1\n")
    (made / "bus.toml").write_text("")
    return made


@pytest.fixture(autouse=True)
def _surroundings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "SCRYPT_N", 1 << 4)
    monkeypatch.setenv(VARIABLE, bytes(range(64)).hex())
    monkeypatch.setenv("AMI_PROBE_HOME", str(folder / "kit"))
    monkeypatch.setenv("AMI_PROBE_PASSPHRASE", "correct horse")
    monkeypatch.delenv("AMI_PROBE_PORT", raising=False)
    monkeypatch.chdir(folder)


@pytest.mark.parametrize("said", WRONG)
def test_wrong_input_ends_with_two_and_says_what_and_what_next(said: str) -> None:
    words = shlex.split(said)
    if said.startswith(WITH_DATABASE):
        words += ["--database", "ami.db"]
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 2, (ran.stdout, ran.stderr, ran.exception)
    assert ran.exception is None or isinstance(ran.exception, SystemExit)
    assert ran.stderr.count("ami:") == 1 or "Usage:" in ran.stderr, "one message"
    assert "Traceback" not in ran.output
    if "--json" not in words:
        return
    told = json.loads(ran.stdout.splitlines()[-1])["error"]
    assert told["code"] == WRONG[said] and told["text"]
    assert set(told) == {"code", "text", "next_step"}


def test_the_table_knows_every_noun() -> None:
    from tools.cli import COMMANDS

    asked = {said.split()[0] for said in WRONG}
    assert set(COMMANDS) - asked == {"demo"}, "which takes no input of ours"
