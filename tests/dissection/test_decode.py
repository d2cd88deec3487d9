"""`ami dlms decode`: spellings, lines, errors, framings, keys; never a stack, never a key."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from protocols import wrapper
from protocols.dissection.spelling import differences
from protocols.dlms.security import Cipher
from protocols.hdlc.frame import Frame, encode, information_control
from protocols.hdlc.segments import LLC_RESPONSE, segments
from tools.cli import app
from tools.dlms import command as dlms

GET = "C401C10006000005ED"
GET_OCTETS = bytes.fromhex(GET)
KEY = "000102030405060708090A0B0C0D0E0F"
AUTH = "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"
TITLE = "4D4D4D0000BC614E"
# Green Book, example of a glo-get-request with security control 30.
GLO = "C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B"


def ami(*arguments: str, stdin: str | bytes | None = None) -> Result:
    ran = CliRunner().invoke(app, ["dlms", "decode", *arguments], input=stdin)
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran


def told(*arguments: str, stdin: str | bytes | None = None) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ami(*arguments, "--json", stdin=stdin).stdout.splitlines()]


SPELLINGS = {
    "small": GET.lower(),
    "blanks": "C4 01 C1 00 06 00 00 05 ED",
    "colons": "c4:01:c1:00:06:00:00:05:ed",
    "0x before all": f"0x{GET}",
    "0x before each": "0xC4, 0x01, 0xC1, 0x00, 0x06, 0x00, 0x00, 0x05, 0xED",
    "escapes": r"\xc4\x01\xc1\x00\x06\x00\x00\x05\xed",
    "a Python literal's quotes": '"C401C10006000005ED"',
    "dashes": "C4-01-C1-00-06-00-00-05-ED",
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_any_usual_spelling(text: str) -> None:
    (line,) = told("--file", "-", stdin=text)
    assert bytes.fromhex(line["reencoded"]) == GET_OCTETS
    value = line["apdu"]["fields"]["result"]["data"]
    assert value == {"type": "double-long-unsigned", "tag": 6, "value": 1517}
    assert line["reencoded"] == (GET if any(c in "CED" for c in text) else GET.lower())


def test_octets_of_several_arguments() -> None:
    (line,) = told("C4", "01", "C1", "00", "06", "00", "00", "05", "ED")
    assert line["reencoded"] == GET


BAD = {
    # name: (hex, offset, part of the cause)
    "a letter": ("C4 0G", 1, "'G' is no hexadecimal digit"),
    "half an octet": ("C401C", 2, "odd"),
    "nothing behind the tag": ("C4", 1, "missing"),
    "no such APDU": ("FF00", 0, "FF is no APDU"),
    "trailing octets": (GET + "0000", 9, "2 trailing octets"),
    "a value cut short": (GET[:-2], 5, "missing"),
    "a wrong length in an AARQ": ("600100", 0, ""),
}


@pytest.mark.parametrize(("text", "offset", "cause"), BAD.values(), ids=BAD)
def test_a_bad_line_says_where_and_why_and_the_next_goes_on(
    text: str, offset: int, cause: str
) -> None:
    ran = ami("--file", "-", "--json", stdin=f"{GET}\n{text}\n{GET}\n")
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [line["line"] for line in lines] == [1, 2, 3]
    assert ["error" in line for line in lines] == [False, True, False]
    assert cause in lines[1]["error"]["cause"]
    if cause:
        assert lines[1]["error"]["offset"] == offset
    assert ran.exit_code == 1


def test_comments_and_empty_lines_are_no_lines_but_count() -> None:
    lines = told("--file", "-", stdin=f"# a capture\n\n{GET}  # the register\n   \n{GET}")
    assert [line["line"] for line in lines] == [3, 5]


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "lines.hex"
    path.write_text(f"\N{ZERO WIDTH NO-BREAK SPACE}{GET}\r\n{GET}\r\n")
    assert len(told("--file", str(path))) == 2


def test_a_line_without_end_is_not_held_in_memory() -> None:
    sizes = []

    class Endless(io.RawIOBase):
        left = 5

        def readline(self, size: int | None = -1, /) -> bytes:
            sizes.append(size)
            self.left -= 1
            return b"C" * (size or 0) if self.left > 0 else b"\n" * (self.left == 0)

    pieces = list(dlms._pieces(Endless().readline))
    assert pieces == [None]
    assert max(filter(None, sizes)) <= dlms.LINE_MAX + 1


def test_a_line_that_is_too_long_is_an_error_and_the_next_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dlms, "LINE_MAX", 40)
    lines = told("--file", "-", stdin=f"{'00' * 100}\n{GET}\n")
    assert ["error" in line for line in lines] == [True, False]


USAGE = {
    "neither octets nor a file": ((), "octets to decode, or --file"),
    "both": ((GET, "--file", "x"), "and not both"),
    "no such file": (("--file", "/nowhere/x"), "No such file"),
    "a key that is none": ((GET, "--key", "XY"), "--key is not hexadecimal"),
    "a short key": ((GET, "--key", "00112233"), "16 octets"),
    "a short title": ((GET, "--system-title", "0011"), "8 octets"),
    "values in frames": ((GET, "--as", "data", "--framing", "hdlc"), "without framing"),
}


@pytest.mark.parametrize(("arguments", "said"), USAGE.values(), ids=USAGE)
def test_wrong_usage(arguments: tuple[str, ...], said: str) -> None:
    ran = ami(*arguments)
    assert ran.exit_code == 2
    assert said in " ".join(ran.stderr.split())


def test_a_key_that_is_wrong_usage_is_not_repeated() -> None:
    assert "C0FFEE" not in ami(GET, "--key", "C0FFEE").output


HINTS = {
    "wrapper": ("0001000100100009" + GET, "--framing wrapper"),
    "HDLC": ("7EA00802232193BD647E", "--framing hdlc"),
    "M-Bus": ("68060668530000010100" + "16", "--framing mbus"),
    "LLC": ("E6E700" + GET, "LLC"),
    "a value": ("0600000005", "--as data"),
}


@pytest.mark.parametrize(("text", "hint"), HINTS.values(), ids=HINTS)
def test_octets_of_another_kind_are_told_apart(text: str, hint: str) -> None:
    assert hint in told(text)[0]["hint"]


# --- framings ------------------------------------------------------------------------------------


def test_several_wrapper_frames_in_one_line() -> None:
    octets = wrapper.encode(16, 1, b"\x62\x00") + wrapper.encode(1, 16, GET_OCTETS)
    (line,) = told(octets.hex(), "--framing", "wrapper")
    assert [(f["source"], f["destination"]) for f in line["frames"]] == [(16, 1), (1, 16)]
    assert [apdu["apdu"]["class"] for apdu in line["apdus"]] == ["RLRQ", "GetResponseNormal"]
    assert line["reencoded"] == octets.hex() == "".join(f["reencoded"] for f in line["frames"])


def test_a_wrapper_frame_that_breaks_off_keeps_what_came_before() -> None:
    octets = wrapper.encode(16, 1, b"\x62\x00") + wrapper.encode(1, 16, GET_OCTETS)[:-1]
    (line,) = told(octets.hex(), "--framing", "wrapper")
    assert len(line["frames"]) == 1
    assert line["error"]["offset"] == 10


def hdlc_frames(size: int = 5) -> bytes:
    """A response in segments, each frame with flags of its own."""
    parts = list(segments(LLC_RESPONSE, GET_OCTETS, size))
    return b"".join(
        encode(Frame(b"\x21", b"\x02\x23", information_control(n, 1, poll=not more), part, more))
        for n, (part, more) in enumerate(parts)
    )


@pytest.mark.parametrize("shared", [False, True], ids=["own flags", "shared flags"])
def test_segments_are_joined_and_every_octet_accounted_for(shared: bool) -> None:
    octets = hdlc_frames()
    if shared:
        octets = octets.replace(b"\x7e\x7e", b"\x7e")
    (line,) = told(octets.hex(), "--framing", "hdlc")
    assert [frame["segmented"] for frame in line["frames"]] == [True, True, False]
    assert [frame["ns"] for frame in line["frames"]] == [0, 1, 2]
    assert line["apdu"]["class"] == "GetResponseNormal"
    assert line["in_frames"] == [0, 1, 2]
    assert line["reencoded"] == octets.hex()


def test_each_changed_bit_of_a_frame_is_seen() -> None:
    octets = hdlc_frames(100)
    for bit in range(8, 8 * (len(octets) - 1)):
        spoiled = bytearray(octets)
        spoiled[bit // 8] ^= 1 << bit % 8
        (line,) = told(spoiled.hex(), "--framing", "hdlc")
        assert "error" in line, bit


def test_a_wrong_checksum_has_its_place() -> None:
    octets = bytearray(hdlc_frames(100))
    octets[-2] ^= 1
    (line,) = told(octets.hex(), "--framing", "hdlc")
    (frame,) = line["frames"]
    assert (frame["hcs"], frame["fcs"]) == ("good", "wrong")
    assert line["error"] == {"offset": len(octets) - 3, "cause": "a wrong FCS"}


def test_what_snrm_and_ua_say() -> None:
    # UA with parameters, of dlms-cosem's tests; the vectors have the same frame.
    ua = "7EA01F21022373E6C781801205019A06019A070400000001080400000001"
    octets = bytes.fromhex(ua)
    from protocols.hdlc.checksum import checksum

    octets += checksum(octets[1:]) + b"\x7e"
    (line,) = told(octets.hex(), "--framing", "hdlc")
    assert line["frames"][0]["parameters"]["info_transmit"] == 0x9A
    assert line["apdus"] == []
    assert line["reencoded"] == octets.hex()


def test_a_block_alone_is_an_apdu_whatever_it_is_a_part_of() -> None:
    (line,) = told("E0C1000100000301" + "0203")
    assert "error" not in line and line["reencoded"] == "E0C10001000003010203"
    assert "error" in line["joined"][0]


# --- keys ----------------------------------------------------------------------------------------


def test_without_keys_a_ciphered_apdu_stays_closed() -> None:
    (line,) = told(GLO)
    assert line["apdu"]["choice"] == ["glo-get-request"]
    assert line["apdu"]["fields"]["invocation-counter"] == 0x01234567
    assert "opened" not in line and line["reencoded"] == GLO


def test_opened_and_sealed_again() -> None:
    (line,) = told(GLO, "--key", KEY, "--auth-key", AUTH, "--system-title", TITLE)
    (opened,) = line["opened"]
    assert opened["tag"] == "verified"
    assert opened["octets"] == "C0010000080000010000FF0200"
    assert opened["apdu"]["choice"] == ["get-request", "get-request-normal"]
    assert line["reencoded"] == GLO


WRONG = {
    "key": (KEY.replace("0F", "0E"), AUTH, TITLE, GLO, "does not verify"),
    "authentication key": (KEY, KEY, TITLE, GLO, "does not verify"),
    "system title": (KEY, AUTH, "4D4D4D0000BC614F", GLO, "does not verify"),
    "no system title": (KEY, AUTH, "", GLO, "system title is not known"),
    "one bit": (KEY, AUTH, TITLE, GLO[:-1] + "A", "does not verify"),
    "size for the suite": (KEY * 2, AUTH * 2, TITLE, GLO, "none of suite 0"),
}


@pytest.mark.parametrize(("key", "auth", "title", "octets", "cause"), WRONG.values(), ids=WRONG)
def test_what_does_not_open_says_so_and_shows_what_is_outside(
    key: str, auth: str, title: str, octets: str, cause: str
) -> None:
    arguments = ["--key", key, "--auth-key", auth]
    ran = ami(octets, *arguments, *(["--system-title", title] if title else []), "--json")
    line = json.loads(ran.stdout)
    assert ran.exit_code == 1
    assert cause in line["error"]["cause"]
    assert line["apdu"]["choice"] == ["glo-get-request"]
    assert "reencoded" not in line
    assert key not in ran.output and auth not in ran.output


def test_without_the_authentication_key_it_is_said_that_nothing_was_verified() -> None:
    (line,) = told(GLO, "--key", KEY, "--system-title", TITLE)
    assert line["opened"][0]["tag"].startswith("not verified")
    assert line["reencoded"] == GLO
    (line,) = told(GLO, "--key", AUTH, "--system-title", TITLE)
    assert "wrong key" in line["error"]["cause"]


def test_an_aarq_brings_its_own_title() -> None:
    initiate = bytes.fromhex("01000000065F1F0400007E1F04B0")
    title = bytes.fromhex(TITLE)
    cipher = Cipher(bytes.fromhex(KEY), bytes.fromhex(AUTH))
    sealed = cipher.protect(0x30, title, 7, initiate)
    content = b"\x30" + (7).to_bytes(4, "big") + sealed
    inner = b"\x21" + bytes((len(content),)) + content
    user = b"\xbe" + bytes((len(inner) + 2, 0x04, len(inner))) + inner
    fields = bytes.fromhex("A109060760857405080103A60A0408") + title + user
    aarq = b"\x60" + bytes((len(fields),)) + fields
    (line,) = told(aarq.hex(), "--key", KEY, "--auth-key", AUTH)
    assert line["opened"][0]["octets"] == initiate.hex()
    nested = line["apdu"]["fields"]["user-information"]
    assert list(nested) == ["glo-initiateRequest"]
    assert line["reencoded"] == aarq.hex()


# --- people --------------------------------------------------------------------------------------


def test_people_see_words_names_and_xml() -> None:
    ran = ami("C001C100030100010800FF0200")
    assert ran.exit_code == 0
    assert "GET register 1.0.1.8.0.255: value" in ran.stdout
    assert "active + energy, total" in ran.stdout
    assert "<cosem-attribute-descriptor>" in ran.stdout
    assert "the same octets" in ran.stdout


def test_people_see_what_is_wrong() -> None:
    ran = ami(GET + "00")
    assert ran.exit_code == 1
    assert "at octet 9: 1 trailing octets" in ran.stdout


SPELLED = {
    # name: (octets, where they differ from the shortest form)
    "a length of two octets": ("C401C100098102AABB", [5]),
    "a length of three octets": ("C401C10009820002AABB", [5]),
    "TRUE as FF": ("C402C1FF000000010004AABBCCDD", [3]),
    "a selection that is there, as FF": ("C001C100070100630100FF02FF0200", [12]),
    "a selection that is there, as 82": ("C001C1000100002A0000FF02820000", [12]),
    "TRUE as 81": ("C306C18101000000020100", [3]),
    "a long length in a general block": ("E080000100008106C40181001605", [6]),
    "response-allowed, said": ("0100010100065F1F0400007E1F04B0", [2]),
    "long lengths in a release": ("6208800100BE81020400", [1, 6]),
    "signalling NaNs": ("C401C100020217 7F80000117FFBFFFFF".replace(" ", ""), [8, 13]),
    "a ciphered APDU": ("C881122001234567411312FF935A47566827C467BC", [1]),
    "a value": ("098102AABB", [1]),
}


@pytest.mark.parametrize(("octets", "places"), SPELLED.values(), ids=SPELLED)
def test_other_spellings_of_the_same_are_put_back_and_told(octets: str, places: list[int]) -> None:
    (line,) = told(octets, *(["--as", "data"] if octets.startswith("09") else []))
    assert "error" not in line, line
    assert line["reencoded"] == octets
    assert [each["offset"] for each in line["spellings"]] == places


def test_a_ciphered_apdu_in_another_spelling_is_opened_and_sealed() -> None:
    octets = "C8811E" + GLO[4:]
    (line,) = told(octets, "--key", KEY, "--auth-key", AUTH, "--system-title", TITLE)
    assert line["opened"][0]["tag"] == "verified"
    assert line["reencoded"] == octets


def test_what_is_more_than_a_spelling_stays_visible() -> None:
    octets = bytes.fromhex(GET)
    assert differences(octets, octets) == ()
    assert differences(octets, octets[:-1] + b"\x02") is None
    for place in range(1, len(octets)):
        assert differences(octets, octets[:place] + octets[place + 1 :]) is None, place


def test_the_xml_of_gurux() -> None:
    pytest.importorskip("gurux_dlms")
    (line,) = told(GET, "--xml", "gurux")
    assert '<UInt32 Value="000005ED" />' in line["xml"]


# ACSE: fields in another order than the standard's, as some peers send them, are written so again.
AARQ = "601D A109 0607 60857405080101 BE10 040E 01000000065F1F0400007E1F04B0"
MIXED = {
    "as the standard has it": AARQ,
    "user information first": (
        "601D BE10 040E 01000000065F1F0400007E1F04B0 A109 0607 60857405080101"
    ),
    "mechanism before the requirements": (
        "6036 A109 0607 60857405080101 8B07 60857405080201 8A02 0780 AC0A 8008 3132333435363738"
        "BE10 040E 01000000065F1F0400007E1F04B0"
    ),
    "AARE, result last": (
        "6129 A109 0607 60857405080101 A305 A103 020100 A203 020100"
        "BE10 040E 0800065F1F040000301D04C80007"
    ),
    "RLRQ, user information first": "6215 BE10 040E 01000000065F1F0400007E1F04B0 8001 00",
    "conformance under its old tag": (
        "601C A109 0607 60857405080101 BE0F 040D 01000000065F0400007E1F04B0"
    ),
}


@pytest.mark.parametrize("octets", MIXED.values(), ids=MIXED)
def test_association_messages_are_written_again_as_they_came(octets: str) -> None:
    wire = bytes.fromhex(octets.replace(" ", ""))
    (line,) = told(wire.hex())
    assert line["reencoded"] == wire.hex()
