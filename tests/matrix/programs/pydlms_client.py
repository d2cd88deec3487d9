"""pydlms-client 0.1.0 as a client of the matrix; run by its own interpreter, never imported."""

from __future__ import annotations

from typing import Any

from conversing import converse, refused
from cryptography.hazmat.primitives.asymmetric import ec
from pydlms.apdu import xdlms
from pydlms.client import DlmsClient
from pydlms.cosem.data import DlmsData
from pydlms.cosem.enums import DataType
from pydlms.security.context import SecurityContext
from pydlms.security.hls import Mechanism

TIMEOUT_S = 5
MECHANISMS = {
    "none": Mechanism.NONE,
    "low": Mechanism.LLS,
    "gmac": Mechanism.HLS_GMAC,
    "ecdsa": Mechanism.HLS_ECDSA,
}
CURVE = ec.SECP256R1()


def private(text: str) -> Any:
    return ec.derive_private_key(int(text, 16), CURVE)


def public(text: str) -> Any:
    return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, b"\x04" + bytes.fromhex(text))


def security(task: dict[str, Any]) -> dict[str, Any]:
    """What it is told of keys."""
    if task["auth"] == "low":
        return {"password": task["password"]}
    if task["auth"] == "none":
        return {}
    more, signing = {}, {}
    if task["auth"] == "ecdsa":
        own, other = private(task["client_signing_key"]), public(task["meter_signing_public_key"])
        signing = {"signing_key": own, "server_public_key": other}
        more = {"suite": 1, "signing_key": own, "peer_signing_key": other}
    context = SecurityContext(
        bytes.fromhex(task["encryption_key"]),
        bytes.fromhex(task["authentication_key"]),
        client_system_title=bytes.fromhex(task["client_system_title"]),
        **more,
    )
    return {"security": context, "discover_invocation_counter": True, **signing}


def value_of(data: DlmsData) -> Any:
    """Octets stay octets: what a library makes of a date is not asked here."""
    if data.tag in (DataType.ARRAY, DataType.STRUCTURE):
        return [value_of(part) for part in data.value]
    return data.value


class Session:
    def __init__(self, task: dict[str, Any]) -> None:
        options = {
            "client_sap": task["client"],
            "server_logical": task["server"],
            "timeout": TIMEOUT_S,
            "mechanism": MECHANISMS[task["auth"]],
            "max_receive_pdu_size": task["pdu_size"],
            **security(task),
        }
        if task["framing"] == "mode-e":
            self.client = DlmsClient.optical(task["pty"], **options)
        else:
            hdlc = task["framing"] == "hdlc"
            self.client = DlmsClient.tcp(task["host"], task["port"], hdlc=hdlc, **options)
        try:
            self.client.connect()
        except BaseException:
            self.drop()
            raise

    def get(self, class_id: int, name: str, index: int, access: Any = None) -> Any:
        return value_of(self.client.get(name, class_id, index, access))

    def register(self, name: str) -> list[Any]:
        return [self.get(3, name, 2), *self.get(3, name, 3)]

    def clock(self, name: str) -> Any:
        return self.get(8, name, 2)

    def several(self, attributes: list[tuple[int, str, int]]) -> list[Any]:
        wanted = [(name, class_id, index) for class_id, name, index in attributes]
        return [
            value_of(each) if isinstance(each, DlmsData) else refused(each)
            for each in self.client.get_many(wanted)
        ]

    def blocks(self, name: str) -> Any:
        return self.get(7, name, 2)

    def range(self, name: str, first: str, last: str) -> Any:
        ends = [DlmsData.octet_string(bytes.fromhex(end)) for end in (first, last)]
        return self.get(7, name, 2, xdlms.range_descriptor(*ends))

    def entries(self, name: str, first: int, last: int) -> Any:
        return self.get(7, name, 2, xdlms.entry_descriptor(first, last))

    def set(self, class_id: int, name: str, index: int, value: int) -> Any:
        self.client.set(name, class_id, index, DlmsData.uint32(value))
        return self.get(class_id, name, index)

    def action(self, name: str, methods: list[int]) -> list[Any]:
        states = []
        for number in methods:
            self.client.action(name, 70, number, DlmsData.int8(0))
            states.append(self.get(70, name, 2))
        return states

    def release(self) -> bool:
        self.client.association.release()
        self.client.link.disconnect()
        status = self.client.association.release_status
        return status == ("verified" if self.client.association.security else "plain")

    def drop(self) -> None:
        self.client.link.transport.close()


converse(Session)
