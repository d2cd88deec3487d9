"""The page says what the code says: queues, rules, codes and keys."""

from __future__ import annotations

import re
from pathlib import Path

from headend.config.bus import read as read_settings
from protocols.cim.bus import rules
from protocols.cim.bus.ledger import Bounds
from protocols.cim.bus.requester import SEND_AGAIN_S
from protocols.cim.bus.rules import TIMEOUT_S
from protocols.cim.bus.topics import ROOT, Topics
from tests.house.source import ROOT as HOUSE
from tests.house.source import python_files, read

PAGE = (HOUSE / "docs" / "cim-bus.md").read_text(encoding="utf-8")
CODE = "".join(
    read(path)
    for path in python_files("protocols", "headend")
    if path.parts[:3] in (("protocols", "cim", "bus"), ("headend", "integration", "bus"))
    or path.parts == ("protocols", "cim", "permits.py")
)


def test_the_settings_on_the_page_can_be_read(tmp_path: Path) -> None:
    text, rest = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    read_ = rules.read(text)
    assert (len(read_.route), len(read_.permit), len(read_.speaker)) == (3, 1, 1)
    assert f"# {TIMEOUT_S:.0f} when left out" in text
    (tmp_path / "bus.toml").write_text(rest + text)
    whole = read_settings(tmp_path / "bus.toml")
    assert whole.route == read_.route and [door.name for door in whole.door] == ["PUERTA"]
    assert [system.name for system in whole.system] == ["AMI"]


def test_the_queues_on_the_page_are_the_queues() -> None:
    topics = Topics()
    for topic in (
        topics.route("R"), topics.route("R", "D"), topics.requests("D", "R"),
        topics.replies("R", "P"),
    ):  # fmt: skip
        named = topic.replace("/R", "/<requester>").replace("/D", "/<destination>")
        assert f"| `{named.replace('/P', '/<responder>')}` |" in PAGE
    assert f"`{ROOT}` by default" in PAGE


def test_every_code_and_key_is_on_the_page_and_in_the_code() -> None:
    on_page = set(re.findall(r"^\| (\d\.\d+) \| `([A-Z_]+)` \|", PAGE, re.MULTILINE))
    in_code = set(re.findall(r'ReplyError\(\s*"(\d\.\d+)",\s*f?"([A-Z_]+):', CODE))
    written_apart = set(re.findall(r'details = f?"([A-Z_]+):', CODE))
    assert in_code <= on_page | {
        ("2.9", "OPERACION_NO_OFRECIDA"),
        ("7.4", "CERTIFICADO_SIN_NOMBRE"),
    }
    assert {key for _, key in on_page} <= {key for _, key in in_code} | written_apart


def test_numbers_on_the_page() -> None:
    bounds = Bounds()
    assert f"every {SEND_AGAIN_S:.0f} s" in PAGE
    assert f"{bounds.told_max:,} replies, {bounds.told_octets_max >> 20} MB, an hour" in PAGE
    assert f"more than {bounds.open_max:,} open requests" in PAGE
