"""Radio frames in a capture: written, read back, and their strength as tshark sees it."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.capture import pcapng, radio
from protocols.capture.contents import Contents
from protocols.capture.packets import TAP, Fate
from protocols.capture.recorder import Recorder
from protocols.errors import ProtocolError
from protocols.plc.frames import Acknowledgement, Direction, Segment
from protocols.rf.frames import encode
from scenarios import stories
from scenarios.engine import run

FRAMES = {
    "a segment": Segment(Direction.DOWN, 17, 3, 0, True, b"payload"),
    "an acknowledgement": Acknowledgement(Direction.UP, 17, 3, 0, 1234),
}


def capture(*frames: bytes) -> bytes:
    out = io.BytesIO()
    recorder = Recorder(out.write)
    for number, frame in enumerate(frames):
        recorder.radio(
            0,
            "90000001",
            frame,
            at_us=1_783_000_000_000_000 + number,
            up=False,
            fate=Fate.JAMMING,
            strength_cdbm=-8025,
        )
    recorder.close()
    return out.getvalue()


@given(st.binary(max_size=200), st.integers(-15_000, 3_000))
def test_round_trip(frame: bytes, strength_cdbm: int) -> None:
    strength, octets = radio.decode(radio.encode(frame, strength_cdbm / 100))
    assert strength == pytest.approx(strength_cdbm / 100, abs=1e-3) and octets == frame


@given(st.binary(max_size=40))
def test_other_octets_are_refused_or_read(octets: bytes) -> None:
    try:
        radio.decode(octets)
    except ProtocolError:
        pass


def test_what_a_capture_tells() -> None:
    file = capture(*map(encode, FRAMES.values()))
    packets = list(pcapng.packets(io.BytesIO(file).read))
    assert {packet.interface.link_type for packet in packets} == {TAP}
    assert "lost: jamming, -80.25 dBm" in packets[0].comment
    segment, acknowledgement = Contents().read(io.BytesIO(file).read)
    assert segment.facts["rssi_dbm"] == -80.25 and segment.facts["data"] == b"payload".hex()
    assert acknowledgement.facts["heard_snr_db"] == 12.34
    assert "radio node 17: segment 0 of message 3, the last, -80.25 dBm" in segment.words


@pytest.mark.requires("tshark")
def test_tshark_reads_the_strength(tmp_path: Path) -> None:
    path = tmp_path / "radio.pcapng"
    path.write_bytes(capture(*map(encode, FRAMES.values())))
    fields = ["-e", "wpan-tap.rss", "-e", "frame.comment"]
    told = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-T", "json", *fields],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    layers = [packet["_source"]["layers"] for packet in json.loads(told)]
    assert [float(each["wpan-tap.rss"][0]) for each in layers] == [-80.25, -80.25]


def test_a_story_by_radio_is_recorded() -> None:
    _, scenario = stories.find("radio-takes-over-when-the-power-line-is-noisy")
    out = io.BytesIO()
    recorder = Recorder(out.write)
    run(scenario, recorder=recorder)
    recorder.close()
    found = [*Contents().read(io.BytesIO(out.getvalue()).read)]
    by_radio = [each for each in found if each.packet.interface.link_type == TAP]
    assert len(by_radio) >= 40 and all(each.problem is None for each in by_radio)
    assert {each.facts["kind"] for each in by_radio} == {"segment", "acknowledgement"}
