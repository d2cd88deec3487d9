"""`ami explain order`: nothing of an order's story is left out, and what was lost is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from scenarios import stories
from scenarios.engine import run
from tools.cli import app
from tools.terminal import log_nothing

Explain = Callable[..., Result]


@pytest.fixture(scope="module")
def explain(tmp_path_factory: pytest.TempPathFactory) -> Explain:
    """Explains the first order of a story."""
    kept: dict[str, Path] = {}

    def explain_first(story: str, *options: str, number: int = 1) -> Result:
        if story not in kept:
            log_nothing()
            kept[story] = tmp_path_factory.mktemp("kept")
            run(stories.find(story)[1], keep=kept[story])
        database = str(kept[story] / "ami.db")
        return CliRunner().invoke(
            app, ["explain", "order", str(number), "--database", database, *options]
        )

    return explain_first


def as_json(explain: Explain, story: str) -> dict[str, Any]:
    told = explain(story, "--json")
    assert told.exit_code == 0, told.output
    return dict(json.loads(told.stdout))


def test_success_in_full(explain: Explain) -> None:
    told = as_json(explain, "a-limit-is-set-and-read-back")
    states = [line["state"] for line in told["journal"]]
    assert states == ["received", "validated", "queued", "dispatched", "executing", "done"]
    assert all(line["cause"] and line["at"] for line in told["journal"])
    (attempt,) = told["attempts"]
    assert attempt["engine"] in ("own", "gurux")
    assert attempt["status"] == "done" and attempt["acted"]
    assert attempt["limit"]["threshold_normal"] == "3300"
    texts = [apdu["text"] for apdu in attempt["apdus"]]
    assert texts[0] == "asks for an association with no security"
    assert "SET limiter 0.0.17.0.0.255: threshold_normal = 3300" in texts
    assert "threshold_active 3300, threshold_normal 3300, emergency_profile_active no" in texts
    assert texts[-1] == "association released"
    wrote = next(apdu for apdu in attempt["apdus"] if apdu["text"].startswith("SET"))
    assert wrote["ciphered"] and wrote["plain"].startswith("C1") and wrote["wire"].startswith("C9")
    assert attempt["frames"] and all(frame["airtime_ms"] > 0 for frame in attempt["frames"])
    assert {message["channel"] for message in told["outgoing"]} == {"queue", "legacy"}
    assert all(message["settled_at"] and message["tries"] == 1 for message in told["outgoing"])
    assert told["message"]["request"].startswith("<") and "3300" in told["message"]["request"]
    assert "0.3" in told["message"]["answer"]
    assert told["evidence"] == [] and told["reason"] is None


def test_success_for_people(explain: Explain) -> None:
    told = explain("a-limit-is-set-and-read-back").stdout
    assert told.splitlines()[0].startswith(
        "order 1: set-limit 3300 W at meter 90000001  done after "
    )
    assert "Monday 2026-07-06, times in UTC" in told
    assert "→ SET limiter 0.0.17.0.0.255: threshold_normal = 3300  ciphered" in told
    assert "before: no limit" in told and "read back: 3300 W" in told
    assert "frames delivered" in told and "frame of " not in told
    assert "EndDeviceControls" in told
    assert not any(line.endswith(" ") for line in told.splitlines())


def test_each_frame(explain: Explain) -> None:
    told = as_json(explain, "a-limit-is-set-and-read-back")
    lines = explain("a-limit-is-set-and-read-back", "--frames").stdout.splitlines()
    frames = [line for line in lines if "frame of " in line]
    assert len(frames) == len(told["attempts"][0]["frames"])
    assert all("ms on the air" in line for line in frames)


def test_octets_and_soap(explain: Explain) -> None:
    told = explain("a-limit-is-set-and-read-back", "--octets", "--soap").stdout
    assert " wire C9 " in told and "plain C1 " in told
    assert "the SOAP message" in told and "its first answer" in told
    assert "<m:code>0.3</m:code>" in told


def test_frames_that_were_lost(explain: Explain) -> None:
    told = as_json(explain, "retries-overcome-heavy-packet-loss")
    lost = [
        frame
        for attempt in told["attempts"]
        for frame in attempt["frames"]
        if frame["fate"] not in ("delivered", "sent")
    ]
    assert lost
    text = explain("retries-overcome-heavy-packet-loss").stdout
    for fate in {frame["fate"] for frame in lost}:
        assert f"octets: {fate}" in text


def test_frames_that_a_repeater_handed_on(explain: Explain) -> None:
    """The concentrator heard the first hop and nothing of the second."""
    story = "a-repeater-dies-and-its-meters-find-another-way"
    (attempt,) = as_json(explain, story)["attempts"]
    assert {frame["hops"] for frame in attempt["frames"]} == {2}
    assert "handed-on" in {frame["fate"] for frame in attempt["frames"]}
    assert "delivered over the first of 2 hops" in explain(story).stdout


def test_failure_with_its_evidence(explain: Explain) -> None:
    told = as_json(explain, "the-concentrators-sim-is-barred")
    assert told["reason"]["code"] == "sim-fault"
    assert [item["source"] for item in told["evidence"]] == ["last-will", "carrier-portal"]
    assert len(told["attempts"]) == 3
    assert all(attempt["apdus"] == [] for attempt in told["attempts"])
    text = explain("the-concentrators-sim-is-barred").stdout
    assert "why: the concentrator's SIM is faulty (sim-fault)" in text
    assert "told as 5.3, FALLA_SIM" in text
    assert text.count("evidence: ") == 2
    assert "attempt 3: not sent: concentrator offline" in text


def test_silence(explain: Explain) -> None:
    text = explain("the-meter-is-silent").stdout
    assert text.count("asks for an association with no security  again") == 6
    assert "0 of 3 frames lost, 3 acknowledged" in text


def test_refusal(explain: Explain) -> None:
    text = explain("the-meter-refuses-the-new-limit").stdout
    assert "← refused: read-write-denied" in text
    assert "the meter answered set with read-write-denied (3)" in text


def test_delivery_that_took_its_time(explain: Explain) -> None:
    text = explain("the-reply-outlives-a-commercial-system-that-is-down").stdout
    assert "by SOAP callback to http://commercial.test/replies" in text
    told = as_json(explain, "the-reply-outlives-a-commercial-system-that-is-down")
    assert max(message["tries"] for message in told["outgoing"]) > 5


def test_what_came_to_light_later(explain: Explain) -> None:
    text = explain("a-modem-fault-is-explained-afterwards").stdout
    assert "by the result queue: found after the end: the concentrator's modem is faulty" in text


def test_supply(explain: Explain) -> None:
    text = explain("an-order-on-a-weekend-is-allowed").stdout
    assert "ACTION disconnect control 0.0.96.3.10.255: remote_disconnect(0)" in text
    assert "control_state disconnected" in text
    assert "Saturday 2026-07-11" in text


def test_order_that_is_not_there(explain: Explain) -> None:
    told = explain("the-meter-is-silent", number=99)
    assert told.exit_code == 2
    assert "no order 99" in told.stderr
    assert told.stdout == ""


def test_database_that_is_not_there(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.db")
    told = CliRunner().invoke(app, ["explain", "order", "1", "--database", absent])
    assert told.exit_code == 2
    assert "no database at" in told.stderr
    assert not Path(absent).exists()
