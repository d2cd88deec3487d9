"""general-ciphering and general-signing as they look from outside (IEC 62056-5-3 clause 8.5).

Both begin with the same five octet strings, which say who protects what for whom.  Ciphering also
says by which key: one that both have (identified), one that comes along under the master key
(wrapped), or one that both can derive (agreed).  `establishment` makes keys of that.
"""

from __future__ import annotations

import enum

import msgspec

from protocols.dlms import axdr
from protocols.dlms.axdr import Reader
from protocols.dlms.codes import ApduTag
from protocols.dlms.discreet import Discreet
from protocols.errors import ProtocolError

_FIELDS = 5


class KeyKind(enum.Enum):
    """How the two sides come to the key of a general-ciphering APDU."""

    IDENTIFIED = "identified key"
    WRAPPED = "wrapped key"
    ONE_PASS = "agreed key, one-pass Diffie-Hellman C(1e, 1s)"
    STATIC = "agreed key, static unified model C(0e, 2s)"


class KeyId(enum.IntEnum):
    """Which key of a pair of partners."""

    GLOBAL_UNICAST_ENCRYPTION = 0
    GLOBAL_BROADCAST_ENCRYPTION = 1


class KeyScheme(enum.IntEnum):
    """First octet of the key parameters of an agreed key."""

    ONE_PASS = 1
    STATIC = 2


class IdentifiedKey(msgspec.Struct, frozen=True):
    """A key that both have."""

    key_id: KeyId

    def encode(self) -> bytes:
        return bytes((0, self.key_id))


class WrappedKey(Discreet, frozen=True):
    """A key under another one; kek-id 0 is the master key, the only one there is."""

    HIDDEN = frozenset(("octets",))

    octets: bytes
    kek_id: int = 0

    def encode(self) -> bytes:
        return bytes((1, self.kek_id)) + axdr.encode_octets(self.octets)


class AgreedKey(msgspec.Struct, frozen=True):
    """What the other side needs to derive the key."""

    scheme: KeyScheme
    octets: bytes = b""  # one-pass: the originator's ephemeral public key and its signature

    def encode(self) -> bytes:
        return bytes((2, 1, self.scheme)) + axdr.encode_octets(self.octets)


KeyInfo = IdentifiedKey | WrappedKey | AgreedKey


class GeneralHeader(msgspec.Struct, frozen=True):
    """Who protects what for whom.  System titles have eight octets, or none where both know."""

    transaction_id: bytes = b""
    originator: bytes = b""
    recipient: bytes = b""
    date_time: bytes = b""
    other_information: bytes = b""

    def encode(self) -> bytes:
        """The five octet strings with their lengths, as they are also authenticated."""
        fields = (
            self.transaction_id,
            self.originator,
            self.recipient,
            self.date_time,
            self.other_information,
        )
        return b"".join(map(axdr.encode_octets, fields))


class GeneralCiphering(msgspec.Struct, frozen=True):
    """An APDU with tag DD; without key info it is the global unicast key's."""

    header: GeneralHeader
    key_info: KeyInfo | None
    security_control: int
    invocation_counter: int
    payload: bytes

    def encode(self) -> bytes:
        head = bytes((self.security_control,)) + self.invocation_counter.to_bytes(4, "big")
        return b"".join(
            (
                ApduTag.GENERAL_CIPHERING.to_bytes(1, "big"),
                self.header.encode(),
                b"\x00" if self.key_info is None else b"\x01" + self.key_info.encode(),
                axdr.encode_octets(head + self.payload),
            )
        )


class GeneralSigning(msgspec.Struct, frozen=True):
    """An APDU with tag DF; the content is an APDU, plain or ciphered."""

    header: GeneralHeader
    content: bytes
    signature: bytes

    def encode(self) -> bytes:
        return b"".join(
            (
                ApduTag.GENERAL_SIGNING.to_bytes(1, "big"),
                self.header.encode(),
                axdr.encode_octets(self.content),
                axdr.encode_octets(self.signature),
            )
        )

    @property
    def signed(self) -> bytes:
        """What the signature is over."""
        return self.header.encode() + self.content


def _read_header(reader: Reader) -> GeneralHeader:
    return GeneralHeader(*(reader.octet_string() for _ in range(_FIELDS)))


def _read_key_info(reader: Reader) -> KeyInfo | None:
    start = reader.offset
    present = reader.u8()  # not authenticated: one octet for each meaning, or a bit could change
    if present > 1:
        raise ProtocolError(start, f"{present:02X} is neither present nor absent")
    if not present:
        return None
    start = reader.offset
    match reader.u8():
        case 0:
            return IdentifiedKey(reader.choice("key id", KeyId))
        case 1:
            kek_id = reader.u8()
            if kek_id:
                raise ProtocolError(start + 1, f"{kek_id} is no key that wraps others")
            return WrappedKey(reader.octet_string())
        case 2:
            parameters = reader.octet_string()
            if parameters not in (b"\x01", b"\x02"):
                raise ProtocolError(start + 1, "no scheme of key agreement known here")
            return AgreedKey(KeyScheme(parameters[0]), reader.octet_string())
        case choice:
            raise ProtocolError(start, f"{choice:02X} is no kind of key")


def read_ciphering(reader: Reader) -> GeneralCiphering:
    """What follows the tag DD."""
    header, key_info = _read_header(reader), _read_key_info(reader)
    start = reader.offset
    content = reader.octet_string()
    if len(content) < 5:
        raise ProtocolError(start, "no room for a security header")
    counter = int.from_bytes(content[1:5], "big")
    return GeneralCiphering(header, key_info, content[0], counter, content[5:])


def read_signing(reader: Reader) -> GeneralSigning:
    """What follows the tag DF."""
    header = _read_header(reader)
    return GeneralSigning(header, reader.octet_string(), reader.octet_string())
