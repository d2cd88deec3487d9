"""Services by short names: octets by hand from COSEMpdu (IEC 62056-5-3 clause 8.2, Green Book 9.5),
read as well by gurux-dlms 1.0.203's translator, which is not ours."""

from __future__ import annotations

import json
from importlib.util import find_spec

import pytest
from typer.testing import CliRunner

from protocols.dlms.apdu import decode, encode
from protocols.dlms.ciphered import PLAIN_TAG, Ciphered
from protocols.dlms.codes import ApduTag, DataAccessResult, Security
from protocols.dlms.keys import Keys
from protocols.dlms.security import Cipher
from protocols.dlms.short_names import (
    BlockNumberAccess,
    DataBlockResult,
    InformationReportRequest,
    ParameterizedAccess,
    ReadBlockTaken,
    ReadDataBlockAccess,
    ReadRequest,
    ReadResponse,
    ShortData,
    ShortError,
    ShortNameApdu,
    UnconfirmedWriteRequest,
    VariableName,
    WriteBlockTaken,
    WriteDataBlockAccess,
    WriteRequest,
    WriteResponse,
    Written,
)
from protocols.dlms.values import DoubleLongUnsigned, LongUnsigned, OctetString, Unsigned
from protocols.errors import ProtocolError
from tools.cli import app
from tools.dlms.apdu_text import Telling

ENERGY = VariableName(0x06A8)
VECTORS: dict[str, tuple[str, ShortNameApdu, str]] = {
    # name: (octets, APDU, in words)
    "read": ("05 01 02 FA08", ReadRequest((VariableName(0xFA08),)), "READ FA08"),
    "read two": (
        "05 02 02 06A8 02 06B0", ReadRequest((ENERGY, VariableName(0x06B0))), "READ 06A8, 06B0",
    ),
    "read a part": (
        "05 01 04 06A8 02 12 0005", ReadRequest((ParameterizedAccess(0x06A8, 2, LongUnsigned(5)),)),
        "READ 06A8 by selector 2, 5",
    ),
    "the next block": (
        "05 01 05 0001", ReadRequest((BlockNumberAccess(1),)), "READ the block after 1",
    ),
    "read in blocks": (
        "05 01 06 01 0002 02 0506", ReadRequest((ReadDataBlockAccess(True, 2, b"\5\6"),)),
        "READ block 2 of 2 octets",
    ),
    "read a value": (
        "0C 01 00 06 000005ED", ReadResponse((ShortData(DoubleLongUnsigned(1517)),)), "1517",
    ),
    "read nothing": (
        "0C 02 01 04 00 11 07",
        ReadResponse((ShortError(DataAccessResult.OBJECT_UNDEFINED), ShortData(Unsigned(7)))),
        "refused: object-undefined, 7",
    ),
    "a block of it": (
        "0C 01 02 00 0001 03 010203", ReadResponse((DataBlockResult(False, 1, b"\1\2\3"),)),
        "block 1 of 3 octets",
    ),
    "a block of the request taken": (
        "0C 01 03 0001", ReadResponse((ReadBlockTaken(1),)), "block 1 received",
    ),
    "write": (
        "06 01 02 06A8 01 12 1234", WriteRequest((ENERGY,), (LongUnsigned(0x1234),)),
        "WRITE 06A8 = 4660",
    ),
    "write in blocks": (
        "06 01 07 00 0001 01 09 02 0506",
        WriteRequest((WriteDataBlockAccess(False, 1),), (OctetString(b"\5\6"),)),
        "WRITE block 1 = 0506",
    ),
    "written": ("0D 01 00", WriteResponse((Written(),)), "success"),
    "not written": (
        "0D 01 01 0C", WriteResponse((ShortError(DataAccessResult.TYPE_UNMATCHED),)),
        "refused: type-unmatched",
    ),
    "a block taken": ("0D 01 02 0001", WriteResponse((WriteBlockTaken(1),)), "block 1 received"),
    "write, and say nothing": (
        "16 01 02 06A8 01 11 05", UnconfirmedWriteRequest((ENERGY,), (Unsigned(5),)),
        "WRITE, unconfirmed, 06A8 = 5",
    ),
    "a report": (
        "18 00 01 02 06A8 01 11 05", InformationReportRequest(None, (ENERGY,), (Unsigned(5),)),
        "information report: 06A8 = 5",
    ),
    "a report with its time": (
        "18 01 0F 32303236303730363130303030305A 01 02 06A8 01 11 05",
        InformationReportRequest(b"20260706100000Z", (ENERGY,), (Unsigned(5),)),
        "information report: 06A8 = 5",
    ),
}  # fmt: skip
NOT_OF_GURUX = {  # what its translator does not read (1.0.203)
    "a block of it": "AttributeError: its buffer has no strip",
    "write, and say nothing": "given back as data, unread",
    "a report with its time": "takes the GeneralizedTime for a date-time of 12 octets",
}


@pytest.mark.parametrize("octets, apdu, words", VECTORS.values(), ids=VECTORS)
def test_octets(octets: str, apdu: ShortNameApdu, words: str) -> None:
    wire = bytes.fromhex(octets)
    assert decode(wire) == apdu and encode(apdu) == wire
    assert Telling().apdu(apdu) == words
    for end in range(len(wire)):
        with pytest.raises(ProtocolError):
            decode(wire[:end])
    with pytest.raises(ProtocolError):
        decode(wire + b"\0")


BAD = {
    "an access of no kind": ("05 01 03 0000", 2, "no variable access"),
    "a result of no kind": ("0C 01 04 00", 2, "no result of a read"),
    "a write of no kind": ("0D 01 03 0001", 2, "no result of a write"),
    "an error that there is not": ("0C 01 01 63", 3, "data access result"),
}


@pytest.mark.parametrize("octets, offset, cause", BAD.values(), ids=BAD)
def test_octets_that_are_none(octets: str, offset: int, cause: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode(bytes.fromhex(octets))
    assert (refused.value.offset, cause in refused.value.cause) == (offset, True), refused.value


def decoded(octets: bytes, *more: str) -> dict[str, object]:
    ran = CliRunner().invoke(app, ["dlms", "decode", octets.hex(), "--json", *more])
    assert ran.exit_code == 0, ran.output
    told: dict[str, object] = json.loads(ran.stdout)
    return told


KEYS = Keys(bytes(range(16)), bytes(range(0xD0, 0xE0)))
TITLE = bytes.fromhex("4D4D4D0000BC614E")
GIVEN = (
    "--key", KEYS.encryption.hex(), "--auth-key", KEYS.authentication.hex(),
    "--system-title", TITLE.hex(),
)  # fmt: skip
OF_SHORT_NAMES = {
    tag
    for tag, plain in PLAIN_TAG.items()
    if plain in {bytes.fromhex(v[0])[0] for v in VECTORS.values()}
}


@pytest.mark.parametrize("name", VECTORS)
def test_the_command_writes_them_again(name: str) -> None:
    wire = bytes.fromhex(VECTORS[name][0])
    told = decoded(wire)
    assert told["reencoded"] == wire.hex()
    assert str(told["xml"]).startswith(f"<{type(VECTORS[name][1]).__name__[0].lower()}")


def test_every_kind_has_its_ciphered_tags() -> None:
    """glo- [37] to [56], ded- [69] to [88]: 32 and 64 above the plain ones."""
    plain = sorted({bytes.fromhex(octets)[0] for octets, *_ in VECTORS.values()})
    assert plain == [5, 6, 12, 13, 22, 24]
    assert {tag: PLAIN_TAG[tag] for tag in OF_SHORT_NAMES} == {
        each + above: each for each in plain for above in (0x20, 0x40)
    }


@pytest.mark.parametrize("tag", sorted(OF_SHORT_NAMES))
def test_ciphered_ones_are_opened_and_written_again(tag: int) -> None:
    plain = next(
        bytes.fromhex(octets) for octets, *_ in VECTORS.values()
        if bytes.fromhex(octets)[0] == PLAIN_TAG[tag]
    )  # fmt: skip
    control = int(Security.AUTHENTICATED_ENCRYPTED)
    payload = Cipher(KEYS.encryption, KEYS.authentication).protect(control, TITLE, 7, plain)
    wire = encode(Ciphered(ApduTag(tag), control, 7, payload))
    dedicated = ("--dedicated-key", KEYS.encryption.hex()) if tag > 0x40 else ()
    told = decoded(wire, *GIVEN, *dedicated)
    assert told["reencoded"] == wire.hex()
    (opened,) = told["opened"]  # type: ignore[misc]
    assert opened["octets"] == plain.hex() and opened["tag"] == "verified"


@pytest.mark.skipif(find_spec("gurux_dlms") is None, reason="gurux-dlms is not installed")
@pytest.mark.parametrize("name", [name for name in VECTORS if name not in NOT_OF_GURUX])
def test_another_implementation_reads_the_same_service(name: str) -> None:
    from protocols.dlms.gurux.translation import to_xml

    octets, apdu, _ = VECTORS[name]
    assert to_xml(bytes.fromhex(octets)).startswith(f"<{type(apdu).__name__}")
