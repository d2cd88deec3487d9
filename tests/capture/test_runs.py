"""Captures of whole runs: opened by tshark with our dissector, by scapy, and by `ami capture`."""

from __future__ import annotations

import io
import json
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from protocols import wrapper
from protocols.capture.packets import Kind
from protocols.capture.recorder import Recorder
from protocols.capture.tape import SerialTape, WrapperTape
from protocols.hdlc.frame import Frame, encode, information_control
from protocols.hdlc.segments import LLC_COMMAND
from scenarios.engine import run
from scenarios.stories import find
from tests.house.source import ROOT
from tools.cli import app

STORY, SEED = "retries-overcome-heavy-packet-loss", 1
LUA = ROOT / "protocols" / "capture" / "ami.lua"


def capture_of(story: str, seed: int) -> bytes:
    file = io.BytesIO()
    recorder = Recorder(file.write, about=story)
    run(find(story)[1], seed=seed, recorder=recorder)
    recorder.close()
    return file.getvalue()


@cache
def octets_of_a_run() -> bytes:
    return capture_of(STORY, SEED)


@pytest.fixture
def captured(tmp_path: Path) -> Path:
    path = tmp_path / "run.pcapng"
    path.write_bytes(octets_of_a_run())
    return path


def ami(*arguments: str) -> Result:
    ran = CliRunner().invoke(app, [*arguments])
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran


def told(path: Path, *options: str) -> list[dict[str, Any]]:
    ran = ami("capture", "decode", str(path), "--json", *options)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_one_seed_one_capture() -> None:
    assert capture_of(STORY, SEED) == octets_of_a_run()
    assert capture_of(STORY, 2) != octets_of_a_run()


def test_the_run_is_the_same_with_and_without_a_capture() -> None:
    scenario = find(STORY)[1]
    with_one = run(scenario, seed=SEED, recorder=Recorder(lambda octets: None))
    assert with_one.log_sha256 == run(scenario, seed=SEED).log_sha256


# --- ami capture decode --------------------------------------------------------------------------


def test_every_frame_of_the_run_is_there_with_its_fate(captured: Path) -> None:
    story = run(find(STORY)[1], seed=SEED)
    fates = Counter(fate for line in story.world.log.of_kind("transfer") for fate in line["frames"])
    found = Counter(packet["fate"] for packet in told(captured) if packet["interface"] == "plc")
    assert found == fates
    assert found["packet-loss"] > 10 and found["delivered"] > 10


def test_every_apdu_is_read_and_with_the_seed_every_ciphered_one_opened(captured: Path) -> None:
    closed = [apdu for packet in told(captured) for apdu in packet.get("apdus", ())]
    assert len(closed) > 50 and not [apdu for apdu in closed if "error" in apdu]
    assert not [apdu for apdu in closed if "opened" in apdu]
    opened = [
        apdu for packet in told(captured, "--seed", str(SEED)) for apdu in packet.get("apdus", ())
    ]
    ciphered = [apdu for apdu in opened if apdu["apdu"]["choice"][0].startswith("glo-")]
    assert len(ciphered) > 50
    assert all(apdu["opened"][0]["tag"] == "verified" for apdu in ciphered)


def test_people_see_what_was_ciphered(captured: Path) -> None:
    ran = ami("capture", "decode", str(captured), "--seed", str(SEED))
    assert ran.exit_code == 0
    assert "SET limiter 0.0.17.0.0.255: threshold_normal" in ran.stdout
    assert "lost: packet_loss" in ran.stdout


def test_no_key_is_in_a_capture_or_told_of_it(captured: Path) -> None:
    from devices.meter.identity import CONCENTRATOR_CLIENT, Identity

    shown = ami("capture", "decode", str(captured), "--seed", str(SEED), "--json").output
    for index in range(90_000_001, 90_000_006):
        keys = Identity(SEED, index).keys(CONCENTRATOR_CLIENT)
        for key in (keys.encryption, keys.authentication):
            assert key not in captured.read_bytes()
            assert key.hex() not in captured.read_bytes().decode("latin-1").lower()
            assert key.hex() not in shown.lower()


def test_a_wrong_seed_says_so(captured: Path) -> None:
    ran = ami("capture", "decode", str(captured), "--seed", "2")
    assert ran.exit_code == 1 and "does not verify" in ran.stdout


def test_keys_from_a_file(captured: Path, tmp_path: Path) -> None:
    from devices.meter.identity import CONCENTRATOR_CLIENT, Identity

    identity = Identity(SEED, 90_000_001)
    keys = identity.keys(CONCENTRATOR_CLIENT)
    path = tmp_path / "keys.json"
    title = identity.system_title.hex()
    entry = {"encryption": keys.encryption.hex(), "authentication": keys.authentication.hex()}
    path.write_text(json.dumps({f"{title}/{CONCENTRATOR_CLIENT}": entry}))
    opened = [
        apdu
        for packet in told(captured, "--keys", str(path))
        for apdu in packet.get("apdus", ())
        if "opened" in apdu
    ]
    assert opened and all(apdu["opened"][0]["tag"] == "verified" for apdu in opened)


BAD_KEYS = {
    "no JSON": ("C0FFEE", "no JSON object"),
    "a title that is none": ('{"C0FFEE": {}}', "not named by a system title"),
    "a key that is none": ('{"0011223344556677": {"encryption": "C0FFEEX"}}', "not hexadecimal"),
    "a short key": ('{"0011223344556677": {"encryption": "C0FFEE"}}', "16 octets"),
}


@pytest.mark.parametrize(("text", "said"), BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_key_file_that_is_none(captured: Path, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    ran = ami("capture", "decode", str(captured), "--keys", str(path))
    assert ran.exit_code == 2
    assert said in " ".join(ran.stderr.split()) and "C0FFEE" not in ran.output


def test_a_file_that_breaks_off(captured: Path) -> None:
    octets = captured.read_bytes()
    captured.write_bytes(octets[: len(octets) // 2])
    *packets_, last = told(captured)
    assert len(packets_) == last["packets_read"] > 100
    assert last["error"]["offset"] > packets_[-1]["offset"]
    assert ami("capture", "decode", str(captured)).exit_code == 1


def test_explain_says_where_each_frame_is(tmp_path: Path) -> None:
    keep, capture = tmp_path / "keep", tmp_path / "run.pcapng"
    ran = ami("sim", "run", STORY, "--keep", str(keep), "--capture", str(capture))
    assert ran.exit_code == 0

    arguments = ("explain", "order", "1", "--database", str(keep / "ami.db"), "--json")
    order = json.loads(ami(*arguments, "--capture", str(capture)).stdout)
    by_offset = {packet["offset"]: packet for packet in told(capture)}
    frames = [frame for attempt in order["attempts"] for frame in attempt["frames"]]
    assert len(frames) > 10
    for frame in frames:
        packet = by_offset[frame["capture_offset"]]
        assert (packet["name"], packet["direction"]) == ("90000001", frame["direction"])
        assert (packet["fate"] == "delivered") or frame["fate"] in ("no-ack", "damaged", "sent")


# --- others --------------------------------------------------------------------------------------


def tshark(path: Path, *options: str) -> list[list[str]]:
    ran = subprocess.run(
        ["tshark", "-X", f"lua_script:{LUA}", "-n", "-r", str(path), *options],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "lua" not in ran.stderr.lower().replace("lua_script", ""), ran.stderr
    return [line.split("\t") for line in ran.stdout.splitlines()]


def fields(path: Path, shown: str, *names: str) -> list[list[str]]:
    listed = [option for name in names for option in ("-e", name)]
    return tshark(path, "-Y", shown, "-T", "fields", *listed)


@pytest.mark.requires("tshark")
def test_without_our_dissector_nothing_is_taken_for_something_else(captured: Path) -> None:
    """Stock Wireshark has meanings of its own for some of the types for users: USER2 is PKTAP."""
    fields = ["-T", "fields", "-e", "frame.protocols"]
    told = subprocess.run(
        ["tshark", "-n", "-r", str(captured), "-Y", "user_dlt", *fields],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(told.stdout.split()) == {"user_dlt:data"}


@pytest.mark.requires("tshark")
def test_wireshark_tells_the_same_as_we_do(captured: Path) -> None:
    ours = told(captured)
    plc = [packet for packet in ours if packet["interface"] == "plc"]
    theirs = fields(captured, "ami_plc", "frame.number", "ami.name", "ami_plc.fate",
                    "ami_plc.snr_db", "ami_plc.message", "ami_plc.segment")  # fmt: skip
    fate = {"delivered": "0", "noise": "1", "packet-loss": "2", "module-off": "3"}
    assert theirs == [
        [
            str(packet["number"]), packet["name"], fate[packet["fate"]], f"{packet['snr_db']:g}",
            str(packet["message"]), str(packet["segment"]),
        ]
        for packet in plc
    ]  # fmt: skip
    apdus = [
        [str(packet["number"]), f"0x{apdu['octets'][:2]}"]
        for packet in ours
        for apdu in packet.get("apdus", ())
    ]
    assert fields(captured, "ami_apdu", "frame.number", "ami_apdu.tag") == apdus
    kinds = [packet["type"] for packet in ours if packet["interface"] == "messages"]
    assert [kind for (kind,) in fields(captured, "ami_message", "ami_message.type")] == kinds


@pytest.mark.requires("tshark")
def test_wireshark_finds_nothing_wrong_with_what_is_made_up(captured: Path) -> None:
    options = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE")
    assert tshark(captured, *options, "-Y", "tcp.analysis.flags || _ws.malformed") == []
    bad = 'tcp.checksum.status == "Bad" || ip.checksum.status == "Bad"'
    assert tshark(captured, *options, "-Y", bad) == []
    assert len(tshark(captured, *options, "-Y", "tcp")) > 100


HDLC = encode(
    Frame(b"\x02\x23", b"\x21", information_control(0, 0, poll=True),
          LLC_COMMAND + bytes.fromhex("C001C100030100010800FF0200"))
)  # fmt: skip


def with_parity(octets: bytes) -> bytes:
    """Even parity in the eighth bit, as a line of 7E1 looks to a port of 8N1."""
    return bytes(octet | 0x80 * (octet.bit_count() % 2) for octet in octets)


SNRM = bytes.fromhex("7EA00802232193BD647E")


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """A serial line with a sign-on, two frames in pieces, and one frame that is spoiled."""
    path = tmp_path / "line.pcapng"
    with path.open("wb") as file:
        recorder = Recorder(file.write)
        tape = SerialTape(recorder, "probe")
        for octet in with_parity(b"/?!\r\n"):  # one by one, as a slow port gives them
            tape.heard(bytes((octet,)), up=False, now_us=1)
        tape.heard(with_parity(b"/XXX5\\2ME"), up=True, now_us=2)
        tape.heard(with_parity(b"TER-1\r\n"), up=True, now_us=3)
        tape.heard(with_parity(b"\x06252\r\n"), up=False, now_us=4)
        tape.heard(b"\x00\xffnoise\r\n", up=True, now_us=5)
        for at, octet in enumerate(SNRM + HDLC):
            tape.heard(bytes((octet,)), up=False, now_us=10 + at)
        spoiled = HDLC[:-3] + b"\xff" + HDLC[-2:]
        recorder.serial(900, "probe", spoiled, up=True, kind=Kind.FRAME)
        recorder.close()
    return path


def test_a_serial_line(lines: Path) -> None:
    request, identification, acknowledgement, noise, snrm, get, spoiled = told(lines)
    assert request["words"] == "mode E request: to whoever hears" and request["address"] == ""
    assert identification["mode_e"] == "identification" and identification["offers_mode_e"]
    assert (identification["manufacturer"], identification["identification"]) == ("XXX", "METER-1")
    assert acknowledgement["words"] == "mode E acknowledgement: HDLC at 9600 Bd"
    assert "mode_e" not in noise and "no frame" in noise["words"]
    assert snrm["kind"] == "SNRM" and get["kind"] == "I"
    assert get["apdus"][0]["apdu"]["choice"] == ["get-request", "get-request-normal"]
    assert spoiled["fcs"] == "wrong" and spoiled["error"]["cause"] == "a wrong FCS"


@pytest.mark.requires("tshark")
def test_a_serial_line_in_wireshark(lines: Path) -> None:
    found = fields(lines, "ami_hdlc", "ami_hdlc.kind", "ami_apdu.instance_id",
                   "ami_hdlc.wrong")  # fmt: skip
    assert [row[0] for row in found] == ["", "SNRM", "I 0 expecting 0", "I 0 expecting 0"]
    assert found[2][1] == "1.0.1.8.0.255"
    assert [bool(row[2:] and row[2]) for row in found] == [False, False, False, True]


@pytest.mark.requires("tshark")
def test_a_sign_on_in_wireshark(lines: Path) -> None:
    found = fields(lines, "ami_mode_e", "ami_mode_e.kind", "ami_mode_e.manufacturer",
                   "ami_mode_e.identification", "ami_mode_e.baud")  # fmt: skip
    assert [row[0] for row in found] == ["request", "identification", "acknowledgement"]
    assert found[1][1:] == ["XXX", "\\2METER-1", "9600"] and found[2][-1] == "9600"


def test_a_sign_on_for_scapy(lines: Path) -> None:
    from scapy.utils import PcapNgReader

    from protocols.capture import layers

    with PcapNgReader(str(lines)) as reader:
        request, identification, acknowledgement, noise, *_ = list(reader)
    assert layers.ModeERequest in request and layers.ModeEAcknowledgement in acknowledgement
    shown = identification[layers.ModeEIdentification]
    assert shown.manufacturer == b"XXX" and shown.text == b"\\2METER-1\r\n"
    assert layers.ModeERequest not in noise and layers.ModeEIdentification not in noise


def test_a_wrapper_in_any_pieces(tmp_path: Path) -> None:
    path = tmp_path / "pieces.pcapng"
    octets = wrapper.encode(16, 1, bytes.fromhex("C001C100030100010800FF0200"))
    with path.open("wb") as file:
        recorder = Recorder(file.write)
        tape = WrapperTape(recorder, "client", "M", 50_000)
        for octet in octets + octets:
            tape.heard(bytes((octet,)), up=False, now_us=5)
        tape.heard(b"GET / HTTP/1.1", up=False, now_us=6)
        recorder.close()
    found = told(path)
    assert sum(len(packet.get("apdus", ())) for packet in found) == 2
    assert "GET / HTTP" in found[-1]["words"]


def test_scapy_reads_it(captured: Path) -> None:
    from scapy.utils import PcapNgReader

    from protocols.capture import layers

    ours = {packet["number"]: packet for packet in told(captured)}
    with PcapNgReader(str(captured)) as reader:
        theirs = list(reader)
    assert len(theirs) == len(ours)
    seen: Counter[str] = Counter()
    for number, packet in enumerate(theirs, start=1):
        known = ours[number]
        assert round(packet.time * 1_000_000) == round(packets_at_us(captured)[number], 0)
        if layers.PlcFrame in packet:
            frame = packet[layers.PlcFrame]
            assert (packet.of.decode(), frame.message) == (known["name"], known["message"])
            assert packet.sprintf("%AmiPlc.detail%") == known["fate"]
            seen["plc"] += 1
        elif layers.DlmsWrapper in packet:
            (apdu,) = known["apdus"]
            assert packet[layers.DlmsWrapper].apdu.hex() == apdu["octets"]
            seen["dlms"] += 1
        elif layers.AmiMessage in packet:
            assert json.loads(bytes(packet.payload))["type"] == known["type"]
            seen["messages"] += 1
    assert seen["plc"] > 100 and seen["dlms"] > 50 and seen["messages"] > 10


@cache
def packets_at_us(path: Path) -> dict[int, int]:
    from protocols.capture import pcapng

    with path.open("rb") as file:
        return {packet.number: packet.at_us for packet in pcapng.packets(file.read)}


def test_scapy_s_layers_build_what_we_build() -> None:
    from protocols.capture import layers
    from protocols.plc import frames as plc

    built = layers.HdlcFrame(
        destination=b"\x02\x23", source=b"\x21", control=0x10,
        information=LLC_COMMAND + bytes.fromhex("C001C100030100010800FF0200"),
    )  # fmt: skip
    assert bytes(built) == HDLC
    assert bytes(layers.HdlcFrame(destination=b"\x02\x23", source=b"\x21")) == SNRM
    for octets in (HDLC, SNRM):
        assert bytes(layers.HdlcFrame(octets)) == octets
    segment = plc.Segment(plc.Direction.UP, 7, 3, 2, True, b"abc")
    frame = layers.PlcFrame(direction=1, node=7, message=3, sequence=2, last=1, data=b"abc")
    assert bytes(frame) == plc.encode(segment)
    again = layers.PlcFrame(plc.encode(segment))
    assert (again.data, again.sequence, again.last) == (b"abc", 2, 1)
    octets = wrapper.encode(16, 1, b"\x62\x00")
    assert bytes(layers.DlmsWrapper(source=16, destination=1, apdu=b"\x62\x00")) == octets
