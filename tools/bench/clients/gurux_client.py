"""The session with gurux-dlms 1.0.203: as it is shipped, or `openssl`, its AES replaced.

What it prints is thrown away: stdout belongs to the exchange with the meter.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import exchange
from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType, ObjectType, Security
from gurux_dlms.objects import GXDLMSClock, GXDLMSRegister
from gurux_dlms.secure import GXDLMSSecureClient

from protocols.dlms.gurux.library import PRINTING_MODULES

for _name in PRINTING_MODULES:
    vars(importlib.import_module(f"gurux_dlms.{_name}"))["print"] = lambda *args, **options: None
if "openssl" in sys.argv[2:]:
    from protocols.dlms.gurux.verifying_stream import VerifyingStream

    _chippering = importlib.import_module("gurux_dlms.GXDLMSChippering")
    vars(_chippering)["GXDLMSChipperingStream"] = VerifyingStream


def session(task: dict[str, Any], counter: int) -> list[Any]:
    client = GXDLMSSecureClient(True, 1, 1, Authentication.HIGH_GMAC, None, InterfaceType.PDU)
    cipher = client.ciphering
    cipher.systemTitle = bytearray(task["system_title"])
    cipher.blockCipherKey = bytearray(task["encryption_key"])
    cipher.authenticationKey = bytearray(task["authentication_key"])
    cipher.security = Security.AUTHENTICATION_ENCRYPTION
    cipher.invocationCounter = counter
    client.useProtectedRelease = True

    def answer(apdus: list[bytes]) -> Any:
        reply = GXReplyData()
        for apdu in apdus:
            client.getData(GXByteBuffer(bytearray(exchange.ask(bytes(apdu)))), reply)
        return reply

    client.parseAareResponse(answer(client.aarqRequest()).data)
    proof = answer(client.getApplicationAssociationRequest())
    client.parseApplicationAssociationResponse(proof.data)
    read: list[Any] = []
    for class_id, name in task["attributes"]:
        kind = GXDLMSClock if class_id == ObjectType.CLOCK else GXDLMSRegister
        read.append(answer(client.read(kind(name), 2)).value)
    answer(client.releaseRequest())
    *registers, clock = read
    return [*registers, bytes(clock).hex()]


exchange.measure(session)
