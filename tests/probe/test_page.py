"""The commands of README.md and docs/probe.md work as they stand there, in a shell."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.probe import app

ROOT = Path(__file__).parents[2]
STARTED_WITHIN_S = 60
TCP, PTY = "127.0.0.1:4059", "/tmp/optical"


def commands(page: str) -> list[str]:
    """Lines that call the probe, before an example port stands for a real one."""
    text = (ROOT / page).read_text(encoding="utf-8")
    # A concentrator's own port is tried in tests/local_port.
    text = "\n\n".join(part for part in text.split("\n\n") if "MODEL=sim-concentrator" not in part)
    # A job wants a package of the office first: tests/jobs has its day.
    found = re.findall(r"^    ami (probe (?!job)[a-z].*?)(?:\s+#.*)?$", text, re.MULTILINE)
    elsewhere = ("/dev/", "probe job")  # a port that is not here; a package that must be made first
    return [line for line in dict.fromkeys(found) if not any(part in line for part in elsewhere)]


COMMANDS = dict.fromkeys([*commands("README.md"), *commands("docs/probe.md")])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, Path]]:
    """A folder with keys.json, the meter's port and its pty, as the pages have them."""
    folder = tmp_path_factory.mktemp("page")
    command = [sys.executable, "-m", "tools", "meter", "listen", "--tcp", "127.0.0.1:0",
               "--pty", str(folder / "optical"), "--echo", "--json"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        keys = folder / "keys.json"
        keys.write_text(line)
        keys.chmod(0o600)
        yield folder, f"127.0.0.1:{json.loads(line)['port']}", folder / "optical"
        process.terminate()
        assert process.wait(STARTED_WITHIN_S) == 0


def test_the_pages_have_commands() -> None:
    assert len(COMMANDS) >= 7


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_pages(command: str, place: tuple[Path, str, Path]) -> None:
    folder, tcp, pty = place
    words = command.replace(TCP, tcp).replace(PTY, str(pty)).split()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "AMI_PROBE_PORT": f"tcp://{tcp}",
        "AMI_PROBE_KEY_FILE": "keys.json",
        "AMI_PROBE_HOME": str(folder / "kit"),
    }
    call = "from tools.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", call, *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=STARTED_WITHIN_S,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip()


def test_every_verb_is_on_the_page() -> None:
    page = (ROOT / "docs/probe.md").read_text(encoding="utf-8")
    verbs = [each.name for each in (*app.registered_commands, *app.registered_groups)]
    assert [verb for verb in verbs if verb and f"`{verb}" not in page] == []
