"""xDLMS initiate and confirmedServiceError (IEC 62056-5-3 clause 8.2), inside AARQ and AARE."""

from __future__ import annotations

import struct

import msgspec

from protocols.dlms import axdr
from protocols.dlms.axdr import Reader
from protocols.dlms.codes import (
    ApduTag,
    ConfirmedService,
    Conformance,
    InitiateError,
    ServiceErrorKind,
    conformance_of,
)
from protocols.dlms.discreet import Discreet
from protocols.errors import ProtocolError

DLMS_VERSION = 6
VAA_LOGICAL_NAME = 0x0007  # the VAA name that says: logical name referencing
_CONFORMANCE = b"\x5f\x1f\x04\x00"  # [APPLICATION 31] BIT STRING of which no bit is unused
_OLD_CONFORMANCE = b"\x5f\x04\x00"  # the tag in one octet, as old meters write it


def _read_conformance(reader: Reader) -> Conformance:
    for head in (_CONFORMANCE, _OLD_CONFORMANCE):
        if reader.octets.startswith(head, reader.offset):
            return conformance_of(int.from_bytes(reader.take(len(head) + 3)[-3:], "big"))
    raise ProtocolError(reader.offset, "no conformance block")


def _write_conformance(conformance: Conformance) -> bytes:
    return _CONFORMANCE + conformance.to_bytes(3, "big")


class InitiateRequest(Discreet, frozen=True):
    """What the client proposes."""

    HIDDEN = frozenset(("dedicated_key",))

    conformance: Conformance
    client_max_receive_pdu_size: int  # octets; 0 is no limit
    dedicated_key: bytes | None = None
    response_allowed: bool = True
    quality_of_service: int | None = None
    dlms_version: int = DLMS_VERSION

    def encode(self) -> bytes:
        key, quality = self.dedicated_key, self.quality_of_service
        return b"".join(
            (
                b"\x01",
                b"\x00" if key is None else b"\x01" + axdr.encode_octets(key),
                b"\x00" if self.response_allowed else b"\x01\x00",
                b"\x00" if quality is None else b"\x01" + quality.to_bytes(1, "big", signed=True),
                self.dlms_version.to_bytes(1, "big"),
                _write_conformance(self.conformance),
                self.client_max_receive_pdu_size.to_bytes(2, "big"),
            )
        )


class InitiateResponse(msgspec.Struct, frozen=True):
    """What the server agrees to."""

    conformance: Conformance
    server_max_receive_pdu_size: int  # octets; 0 is no limit
    vaa_name: int = VAA_LOGICAL_NAME
    quality_of_service: int | None = None
    dlms_version: int = DLMS_VERSION

    def encode(self) -> bytes:
        quality = self.quality_of_service
        return b"".join(
            (
                b"\x08",
                b"\x00" if quality is None else b"\x01" + quality.to_bytes(1, "big", signed=True),
                self.dlms_version.to_bytes(1, "big"),
                _write_conformance(self.conformance),
                struct.pack(">Hh", self.server_max_receive_pdu_size, self.vaa_name),
            )
        )


class ConfirmedServiceError(msgspec.Struct, frozen=True):
    """Why an initiate was refused."""

    service: ConfirmedService
    kind: ServiceErrorKind
    value: int

    def encode(self) -> bytes:
        return bytes((ApduTag.CONFIRMED_SERVICE_ERROR, self.service, self.kind, self.value))

    @property
    def initiate_error(self) -> InitiateError | None:
        """The error of an initiate, or None when this speaks of something else."""
        if self.kind is ServiceErrorKind.INITIATE and self.value in set(InitiateError):
            return InitiateError(self.value)
        return None


def _read_quality(reader: Reader) -> int | None:
    return int.from_bytes(reader.take(1), "big", signed=True) if reader.flag() else None


def read_request(reader: Reader) -> InitiateRequest:
    """What follows the tag 01."""
    dedicated_key = reader.octet_string() if reader.flag() else None
    response_allowed = reader.flag() if reader.flag() else True
    quality_of_service = _read_quality(reader)
    version = reader.u8()
    conformance = _read_conformance(reader)
    return InitiateRequest(
        conformance, reader.u16(), dedicated_key, response_allowed, quality_of_service, version
    )


def read_response(reader: Reader) -> InitiateResponse:
    """What follows the tag 08."""
    quality_of_service = _read_quality(reader)
    version = reader.u8()
    conformance = _read_conformance(reader)
    pdu_size, vaa_name = struct.unpack(">Hh", reader.take(4))
    return InitiateResponse(conformance, pdu_size, vaa_name, quality_of_service, version)


def read_error(reader: Reader) -> ConfirmedServiceError:
    """What follows the tag 0E."""
    service = reader.choice("confirmed service", ConfirmedService)
    return ConfirmedServiceError(
        service, reader.choice("service error", ServiceErrorKind), reader.u8()
    )
