"""What the ASN.1 module of IEC 62056-5-3 (clause 8.3; ACSE: clause 7.2.1) calls what we decode.

Our classes have Python's names, and some leave out a level or join two.  Where a name is not listed
here it is ours with hyphens, so that a new class shows itself without a line in this module.
"""

from __future__ import annotations

import enum
import re

from protocols.dlms.codes import ApduTag, Conformance, DataTag

CHOICES: dict[str, tuple[str, ...]] = {
    "AARQ": ("aarq",),
    "AARE": ("aare",),
    "RLRQ": ("rlrq",),
    "RLRE": ("rlre",),
    "InitiateRequest": ("initiateRequest",),
    "InitiateResponse": ("initiateResponse",),
    "ConfirmedServiceError": ("confirmedServiceError",),
    "GetRequestNormal": ("get-request", "get-request-normal"),
    "GetRequestNext": ("get-request", "get-request-next"),
    "GetRequestWithList": ("get-request", "get-request-with-list"),
    "GetResponseNormal": ("get-response", "get-response-normal"),
    "GetResponseBlock": ("get-response", "get-response-with-datablock"),
    "GetResponseWithList": ("get-response", "get-response-with-list"),
    "SetRequestNormal": ("set-request", "set-request-normal"),
    "SetRequestFirstBlock": ("set-request", "set-request-with-first-datablock"),
    "SetRequestBlock": ("set-request", "set-request-with-datablock"),
    "SetRequestWithList": ("set-request", "set-request-with-list"),
    "SetRequestWithListFirstBlock": (
        "set-request",
        "set-request-with-list-and-first-datablock",
    ),
    "SetResponseNormal": ("set-response", "set-response-normal"),
    "SetResponseBlock": ("set-response", "set-response-datablock"),
    "SetResponseLastBlock": ("set-response", "set-response-last-datablock"),
    "SetResponseLastBlockWithList": ("set-response", "set-response-last-datablock-with-list"),
    "SetResponseWithList": ("set-response", "set-response-with-list"),
    "ActionRequestNormal": ("action-request", "action-request-normal"),
    "ActionRequestNext": ("action-request", "action-request-next-pblock"),
    "ActionRequestWithList": ("action-request", "action-request-with-list"),
    "ActionRequestFirstBlock": ("action-request", "action-request-with-first-pblock"),
    "ActionRequestWithListFirstBlock": (
        "action-request",
        "action-request-with-list-and-first-pblock",
    ),
    "ActionRequestBlock": ("action-request", "action-request-with-pblock"),
    "ActionResponseNormal": ("action-response", "action-response-normal"),
    "ActionResponseBlock": ("action-response", "action-response-with-pblock"),
    "ActionResponseWithList": ("action-response", "action-response-with-list"),
    "ActionResponseNext": ("action-response", "action-response-next-pblock"),
    "EventNotification": ("event-notification-request",),
    "DataNotification": ("data-notification",),
    "DataNotificationConfirm": ("data-notification-confirm",),
    "ExceptionResponse": ("exception-response",),
    "AccessRequestApdu": ("access-request",),
    "AccessResponseApdu": ("access-response",),
    "ReadRequest": ("readRequest",),
    "ReadResponse": ("readResponse",),
    "WriteRequest": ("writeRequest",),
    "WriteResponse": ("writeResponse",),
    "UnconfirmedWriteRequest": ("unconfirmedWriteRequest",),
    "InformationReportRequest": ("informationReportRequest",),
    "GeneralCiphering": ("general-ciphering",),
    "GeneralSigning": ("general-signing",),
    "GeneralBlock": ("general-block-transfer",),
    # Members of lists, and what a key-info says.
    "MethodReturn": ("action-response-with-optional-data",),
    "IdentifiedKey": ("identified-key",),
    "WrappedKey": ("wrapped-key",),
    "AgreedKey": ("agreed-key",),
    "ShortData": ("data",),
    "ShortError": ("data-access-error",),
    "ReadBlockTaken": ("block-number",),
    "Written": ("success",),
    "WriteBlockTaken": ("block-number",),
    "AccessResult": ("access-response-specification",),
    "AccessGet": ("access-request-get",),
    "AccessSet": ("access-request-set",),
    "AccessAction": ("access-request-action",),
}

_SIZES = {
    "client_max_receive_pdu_size": "client-max-receive-pdu-size",
    "server_max_receive_pdu_size": "server-max-receive-pdu-size",
}
_INVOCATIONS = {
    f"{who}_{of}_invocation_id": f"{who}-{of.upper()}-invocation-id"
    for who in ("called", "calling", "responding")
    for of in ("ap", "ae")
}
_ACSE = {
    "application_context": "application-context-name",
    "mechanism": "mechanism-name",
    "called_ap_title": "called-AP-title",
    "called_ae_qualifier": "called-AE-qualifier",
    "calling_ap_title": "calling-AP-title",
    "calling_ae_qualifier": "calling-AE-qualifier",
    "responding_ap_title": "responding-AP-title",
    "responding_ae_qualifier": "responding-AE-qualifier",
    **_INVOCATIONS,
}
_WRITE = {"accesses": "variable-access-specification", "data": "list-of-data"}
FIELDS: dict[str, dict[str, str]] = {
    "AARQ": _ACSE
    | {
        "acse_requirements": "sender-acse-requirements",
        "authentication_value": "calling-authentication-value",
    },
    "AARE": _ACSE
    | {
        "diagnostic": "result-source-diagnostic",
        "acse_requirements": "responder-acse-requirements",
        "authentication_value": "responding-authentication-value",
    },
    "InitiateRequest": _SIZES
    | {
        "conformance": "proposed-conformance",
        "quality_of_service": "proposed-quality-of-service",
        "dlms_version": "proposed-dlms-version-number",
    },
    "InitiateResponse": _SIZES
    | {
        "conformance": "negotiated-conformance",
        "quality_of_service": "negotiated-quality-of-service",
        "dlms_version": "negotiated-dlms-version-number",
    },
    "GetRequestWithList": {"attributes": "attribute-descriptor-list"},
    "GetResponseWithList": {"results": "result"},
    "SetRequestFirstBlock": {"block": "datablock"},
    "SetRequestBlock": {"block": "datablock"},
    "SetRequestWithList": {"attributes": "attribute-descriptor-list", "values": "value-list"},
    "SetRequestWithListFirstBlock": {
        "attributes": "attribute-descriptor-list",
        "block": "datablock",
    },
    "SetResponseLastBlockWithList": {"results": "result"},
    "SetResponseWithList": {"results": "result"},
    "ActionRequestNormal": {"parameters": "method-invocation-parameters"},
    "ActionRequestWithList": {
        "methods": "cosem-method-descriptor-list",
        "parameters": "method-invocation-parameters",
    },
    "ActionRequestFirstBlock": {"block": "pblock"},
    "ActionRequestWithListFirstBlock": {
        "methods": "cosem-method-descriptor-list",
        "block": "pblock",
    },
    "ActionRequestBlock": {"block": "pblock"},
    "ActionResponseNormal": {"response": "single-response"},
    "ActionResponseBlock": {"block": "pblock"},
    "ActionResponseWithList": {"responses": "list-of-responses"},
    "MethodReturn": {"returned": "return-parameters"},
    "DataBlock": {"raw": "raw-data"},
    "EventNotification": {"value": "attribute-value"},
    "DataNotification": {"body": "notification-body"},
    "GeneralHeader": {
        "originator": "originator-system-title",
        "recipient": "recipient-system-title",
    },
    "WrappedKey": {"octets": "key-ciphered-data"},
    "AgreedKey": {"scheme": "key-parameters", "octets": "key-ciphered-data"},
    "GeneralBlock": {
        "number": "block-number",
        "acknowledged": "block-number-ack",
        "data": "block-data",
    },
    "WriteRequest": _WRITE,
    "UnconfirmedWriteRequest": _WRITE,
    "InformationReportRequest": _WRITE,
    "ReadRequest": {"accesses": "variable-access-specification"},
    "ParameterizedAccess": {"name": "variable-name"},
    "ReadDataBlockAccess": {"raw": "raw-data"},
    "DataBlockResult": {"raw": "raw-data"},
    "AccessRequestApdu": {"items": "access-request-body"},
    "AccessResponseApdu": {
        "results": "access-response-body",
        "asked": "access-request-specification",
    },
}

# The order of the octets where our classes have another.
ORDER: dict[str, tuple[str, ...]] = {
    "AARQ": (
        "protocol_version", "application_context", "called_ap_title", "called_ae_qualifier",
        "called_ap_invocation_id", "called_ae_invocation_id", "calling_ap_title",
        "calling_ae_qualifier", "calling_ap_invocation_id", "calling_ae_invocation_id",
        "acse_requirements", "mechanism", "authentication_value", "implementation_information",
        "user_information",
    ),
    "AARE": (
        "protocol_version", "application_context", "result", "diagnostic", "responding_ap_title",
        "responding_ae_qualifier", "responding_ap_invocation_id", "responding_ae_invocation_id",
        "acse_requirements", "mechanism", "authentication_value", "implementation_information",
        "user_information",
    ),
    "RLRQ": ("reason", "user_information"),
    "RLRE": ("reason", "user_information"),
    "InitiateRequest": (
        "dedicated_key", "response_allowed", "quality_of_service", "dlms_version", "conformance",
        "client_max_receive_pdu_size",
    ),
    "InitiateResponse": (
        "quality_of_service", "dlms_version", "conformance", "server_max_receive_pdu_size",
        "vaa_name",
    ),
    "AccessResponseApdu": ("long_invoke_id_and_priority", "date_time", "asked", "results"),
}  # fmt: skip

CONFORMANCE: dict[Conformance, str] = {
    Conformance.GENERAL_PROTECTION: "general-protection",
    Conformance.GENERAL_BLOCK_TRANSFER: "general-block-transfer",
    Conformance.READ: "read",
    Conformance.WRITE: "write",
    Conformance.UNCONFIRMED_WRITE: "unconfirmed-write",
    Conformance.DELTA_VALUE_ENCODING: "delta-value-encoding",
    Conformance.ATTRIBUTE_0_WITH_SET: "attribute0-supported-with-set",
    Conformance.PRIORITY_MANAGEMENT: "priority-mgmt-supported",
    Conformance.ATTRIBUTE_0_WITH_GET: "attribute0-supported-with-get",
    Conformance.BLOCK_TRANSFER_WITH_GET: "block-transfer-with-get-or-read",
    Conformance.BLOCK_TRANSFER_WITH_SET: "block-transfer-with-set-or-write",
    Conformance.BLOCK_TRANSFER_WITH_ACTION: "block-transfer-with-action",
    Conformance.MULTIPLE_REFERENCES: "multiple-references",
    Conformance.INFORMATION_REPORT: "information-report",
    Conformance.DATA_NOTIFICATION: "data-notification",
    Conformance.ACCESS: "access",
    Conformance.PARAMETERIZED_ACCESS: "parameterized-access",
    Conformance.GET: "get",
    Conformance.SET: "set",
    Conformance.SELECTIVE_ACCESS: "selective-access",
    Conformance.EVENT_NOTIFICATION: "event-notification",
    Conformance.ACTION: "action",
}
APPLICATION_CONTEXT_OID = "2.16.756.5.8.1"
MECHANISM_OID = "2.16.756.5.8.2"


def choices(kind: type[object]) -> tuple[str, ...]:
    """Names of the choices that lead to what this class holds, outermost first."""
    return CHOICES.get(kind.__name__) or (_hyphened(kind.__name__),)


def ciphered(tag: ApduTag) -> str:
    """Name of a ciphered APDU: `glo-get-request`, but `glo-initiateRequest`."""
    head, _, rest = code(tag).partition("-")
    camel = {
        "initiate-request", "initiate-response", "confirmed-service-error",
        "read-request", "read-response", "write-request", "write-response",
        "unconfirmed-write-request", "information-report-request",
    }  # fmt: skip
    return f"{head}-{camel_case(rest) if rest in camel else rest}"


def camel_case(hyphened: str) -> str:
    """As the older part of the module spells: `initiateRequest`."""
    first, *others = hyphened.split("-")
    return first + "".join(map(str.capitalize, others))


def field(kind: type[object], name: str) -> str:
    """What the standard calls this field of this class."""
    known = FIELDS.get(kind.__name__, {})
    return known[name] if name in known else name.replace("_", "-")


def code(member: enum.Enum) -> str:
    """A code's name: `object-undefined`."""
    return member.name.lower().replace("_", "-")


def data_type(tag: DataTag) -> str:
    """A type's name in the CHOICE `Data`: `double-long-unsigned`."""
    return code(tag)


def _hyphened(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name.removesuffix("Apdu")).lower()
