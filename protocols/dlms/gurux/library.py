"""gurux-dlms itself: loaded once, silenced, its AES replaced, and called from here alone.

Pinned to 1.0.203, because its interface changes between patch releases.  What is worked around:

- `GXDLMSChippering` ciphers with a class that never verifies a tag; it gets `VerifyingStream`.
- It prints on stdout, at each deciphering and, in places, keys.  Its modules get a silent `print`.
- `settings.setInvokeID` sets a field that nothing reads; requests carry `settings.invokeId`.
- `readList` counts in floats and asks for ten attributes at most; requests with list are put
  together here as it would, and their answers are read by `list_answers`.
- Its framing is left out (`InterfaceType.PDU`): one APDU goes in or out.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from protocols.dlms import axdr
from protocols.dlms.codes import AuthenticationMechanism, Conformance, Security
from protocols.dlms.get import write_attribute
from protocols.dlms.gurux import list_answers
from protocols.dlms.gurux.verifying_stream import VerifyingStream
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import AttributeDescriptor, MethodDescriptor
from protocols.dlms.settings import ClientSettings
from protocols.dlms.suite import SecuritySuite
from protocols.dlms.values import Value

PRINTING_MODULES = (
    "GXDLMS",
    "GXDLMSChippering",
    "GXDLMSChipperingStream",
    "GXDLMSClient",
    "GXDLMSSettings",
    "GXSecure",
    "_GXAPDU",
)


class EngineMissing(ImportError):
    """gurux-dlms is not installed; the text says how to get it."""


@dataclass(frozen=True, slots=True)
class _Names:
    """The classes of gurux-dlms that are used."""

    client: Any
    reply: Any
    buffer: Any
    parameters: Any
    messages: Any
    enums: ModuleType


def _silent(*args: object, **options: object) -> None:
    """In place of `print`: stdout belongs to results, and some of what it prints is keys."""


@cache
def load() -> _Names:
    """gurux-dlms, ready for use.  Raises `EngineMissing`."""
    try:
        from gurux_dlms import GXByteBuffer, GXReplyData, enums
        from gurux_dlms.GXDLMS import GXDLMS
        from gurux_dlms.GXDLMSLNParameters import GXDLMSLNParameters
        from gurux_dlms.secure import GXDLMSSecureClient
    except ImportError as error:
        raise EngineMissing("gurux-dlms is missing; install ami-headend[gurux]") from error
    for name in PRINTING_MODULES:
        vars(importlib.import_module(f"gurux_dlms.{name}"))["print"] = _silent
    ciphering = importlib.import_module("gurux_dlms.GXDLMSChippering")
    vars(ciphering)["GXDLMSChipperingStream"] = VerifyingStream
    list_answers.mend(GXDLMS)
    return _Names(GXDLMSSecureClient, GXReplyData, GXByteBuffer, GXDLMSLNParameters, GXDLMS, enums)


class _Attribute:
    """What gurux-dlms wants to know of an object to write one of its attributes."""

    def __init__(
        self, class_id: int, name: LogicalName, value: tuple[int, Any] = (0, None)
    ) -> None:
        self.objectType = class_id
        self.name = self.logicalName = str(name)
        self._type, self._value = value

    def getValue(self, settings: object, arguments: object) -> Any:
        return self._value

    def getDataType(self, index: int) -> int:
        return self._type

    def getUIDataType(self, index: int) -> int:
        return 0


AUTHENTICATION = (
    AuthenticationMechanism.NONE,
    AuthenticationMechanism.LOW,
    AuthenticationMechanism.HIGH_GMAC,
)
PROTECTION = (Security.NONE, Security.AUTHENTICATED, Security.AUTHENTICATED_ENCRYPTED)


def check(settings: ClientSettings) -> None:
    """Raises ValueError for what this engine is not trusted with.

    gurux-dlms has code for the suites 1 and 2 and for other mechanisms, but it draws keys and
    challenges from a chance of its own, and verifies signatures only in part; encryption without
    authentication leaves nothing that we could verify for it.
    """
    wrong = None
    if settings.suite is not SecuritySuite.AES_GCM_128 or settings.signed or settings.key_kind:
        wrong = "security suite 0 and service-specific ciphering only"
    elif settings.authentication not in AUTHENTICATION:
        wrong = f"no authentication by {settings.authentication.name}"
    elif settings.security not in PROTECTION:
        wrong = "no encryption without authentication"
    if wrong is not None:
        raise ValueError(f"the gurux-dlms engine: {wrong}")


class Library:
    """One client of gurux-dlms: requests out as APDUs, answers in as `Answer`."""

    def __init__(self, settings: ClientSettings) -> None:
        check(settings)
        self._names = names = load()
        enums = names.enums
        self._client = client = names.client(
            True,
            1,  # addresses belong to framing; it only wants them not to be zero
            1,
            enums.Authentication(int(settings.authentication)),
            bytearray(settings.password) or None,
            enums.InterfaceType.PDU,
        )
        cipher = client.ciphering
        cipher.systemTitle = bytearray(settings.system_title)
        cipher.invocationCounter = settings.invocation_counter
        cipher.security = enums.Security(int(settings.security))
        # Without keys of ours its own defaults, those of the Green Book's examples, would serve.
        cipher.blockCipherKey = bytearray(settings.keys.encryption if settings.keys else b"")
        cipher.authenticationKey = bytearray(settings.keys.authentication if settings.keys else b"")
        if settings.dedicated_key is not None:
            cipher.dedicatedKey = bytearray(settings.dedicated_key)
        client.proposedConformance = _reversed(settings.conformance)
        client.maxReceivePDUSize = settings.max_pdu_size
        client.settings.priority = enums.Priority.NORMAL
        client.useProtectedRelease = bool(settings.security) and settings.protected_release
        if settings.authentication is AuthenticationMechanism.HIGH_GMAC:
            client.ctoSChallenge = bytearray(settings.challenge)
        self._reply: Any = None

    @property
    def invocation_counter(self) -> int:
        """The next one that will be used."""
        return int(self._client.ciphering.invocationCounter)

    # --- association ------------------------------------------------------------------------------

    def associate(self) -> bytes:
        """The AARQ."""
        return self._only(self._client.aarqRequest())

    def associated(self, aare: bytes) -> bool:
        """Read the AARE; whether the server wants a proof.  Raises where it refused."""
        self._expect()
        self._feed(aare)
        self._client.parseAareResponse(self._reply.data)
        return bool(self._client.isAuthenticationRequired)

    def prove(self, invoke_id: int) -> bytes:
        """The ACTION with f(StoC)."""
        self._begin(invoke_id)
        return self._only(self._client.getApplicationAssociationRequest())

    def proved(self, answer: bytes) -> None:
        """Read the ACTION response with f(CtoS).  Raises where the proof is wrong."""
        self._feed(answer)
        self._client.parseApplicationAssociationResponse(self._reply.data)

    def release(self) -> bytes:
        """The RLRQ."""
        self._expect()
        return self._only(self._client.releaseRequest())

    # --- services ---------------------------------------------------------------------------------

    def get(self, attributes: Sequence[AttributeDescriptor], invoke_id: int) -> bytes:
        """GET, with list where there are several."""
        self._begin(invoke_id)
        if len(attributes) > 1:
            described = b"".join(map(write_attribute, attributes))
            return self._only(self._list("GET_REQUEST", 3, len(attributes), described))
        (attribute,) = attributes
        selected = None
        if attribute.selection is not None:
            selector = bytes((attribute.selection.selector,))
            selected = self._names.buffer(
                bytearray(selector + axdr.encode(attribute.selection.parameters))
            )
        return self._only(
            self._client._read(
                str(attribute.instance), attribute.class_id, attribute.attribute, selected
            )
        )

    def set(
        self, attribute: AttributeDescriptor, value: tuple[int, Any], invoke_id: int
    ) -> list[bytes]:
        """SET of one attribute; several APDUs where the value travels in blocks."""
        self._begin(invoke_id)
        target = _Attribute(attribute.class_id, attribute.instance, value)
        return [bytes(apdu) for apdu in self._client.write(target, attribute.attribute)]

    def set_list(
        self, attributes: Sequence[AttributeDescriptor], values: Sequence[Value], invoke_id: int
    ) -> list[bytes]:
        """SET with list."""
        self._begin(invoke_id)
        described = b"".join(map(write_attribute, attributes))
        listed = axdr.encode_length(len(values)) + b"".join(map(axdr.encode, values))
        return self._list("SET_REQUEST", 4, len(attributes), described + listed)

    def act(
        self, method: MethodDescriptor, parameters: tuple[int, Any], invoke_id: int
    ) -> list[bytes]:
        """ACTION with parameters; several APDUs where they travel in blocks."""
        self._begin(invoke_id)
        target = _Attribute(method.class_id, method.instance)
        kind = self._names.enums.DataType(parameters[0])
        return [
            bytes(apdu) for apdu in self._client.method(target, method.method, parameters[1], kind)
        ]

    def act_bare(self, method: MethodDescriptor, invoke_id: int) -> bytes:
        """ACTION without parameters, which its own method refuses to write."""
        self._begin(invoke_id)
        described = method.class_id.to_bytes(2, "big") + method.instance
        described += method.method.to_bytes(1, "big", signed=True) + b"\x00"
        return self._only(self._messages("METHOD_REQUEST", 1, described))

    def answered(self, answer: bytes) -> bool:
        """Read an answer or a part of one; whether that was all of it."""
        self._feed(answer)
        return not self._reply.isMoreData()

    def next_block(self) -> bytes:
        """The request for the next part."""
        return bytes(self._client.receiverReady(self._reply))

    @property
    def value(self) -> Any:
        """The value read, or the list of values."""
        return self._reply.value

    @property
    def error(self) -> int:
        """The code of the error, the last one of a list; 0 where there was none."""
        return int(self._reply.error)

    # --- calls ------------------------------------------------------------------------------------

    def _expect(self) -> None:
        self._reply = self._names.reply()

    def _begin(self, invoke_id: int) -> None:
        self._expect()
        self._client.settings.invokeId = invoke_id
        self._client.settings.resetBlockIndex()

    def _feed(self, apdu: bytes) -> None:
        self._client.getData(self._names.buffer(bytearray(apdu)), self._reply)

    def _list(self, command: str, kind: int, count: int, described: bytes) -> list[bytes]:
        return self._messages(command, kind, axdr.encode_length(count) + described)

    def _messages(self, command: str, kind: int, described: bytes) -> list[bytes]:
        names, settings = self._names, self._client.settings
        parameters = names.parameters(
            settings,
            0,
            getattr(names.enums.Command, command),
            kind,
            names.buffer(bytearray(described)),
            None,
            0xFF,
        )
        return [bytes(apdu) for apdu in names.messages.getLnMessages(parameters)]

    @staticmethod
    def _only(apdus: Sequence[Any]) -> bytes:
        (apdu,) = apdus
        return bytes(apdu)


def _reversed(conformance: Conformance) -> int:
    """The conformance block with its first bit lowest, as gurux-dlms counts."""
    return int(f"{int(conformance):024b}"[::-1], 2)
