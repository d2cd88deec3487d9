"""dlms-cosem 21.3.2 as a client of the matrix; run by its own interpreter, never imported."""

from __future__ import annotations

from time import monotonic
from typing import Any

import serial
from conversing import converse, refused
from dlms_cosem import cosem, dlms_data, enumerations, time, utils
from dlms_cosem.clients.blocking_tcp_transport import BlockingTcpTransport
from dlms_cosem.clients.dlms_client import DlmsClient
from dlms_cosem.clients.hdlc_transport import SerialHdlcTransport
from dlms_cosem.cosem.capture_object import CaptureObject
from dlms_cosem.cosem.selective_access import EntryDescriptor, RangeDescriptor

TIMEOUT_S = 10
DISCONNECT_TIMEOUT_S = 2
POLL_S = 0.02
PUBLIC = 16
MECHANISMS = {
    "none": None,
    "low": enumerations.AuthenticationMechanism.LLS,
    "gmac": enumerations.AuthenticationMechanism.HLS_GMAC,
    "ecdsa": enumerations.AuthenticationMechanism.HLS_ECDSA,
}
CLOCK = CaptureObject(
    cosem.CosemAttribute(enumerations.CosemInterface.CLOCK, cosem.Obis(0, 0, 1, 0, 0), 2)
)


def attribute(class_id: int, name: str, index: int) -> cosem.CosemAttribute:
    return cosem.CosemAttribute(
        enumerations.CosemInterface(class_id), cosem.Obis.from_string(name), index
    )


class Port:
    """What its HDLC asks of a serial port.

    Read as it reads, each closing flag after an FCS that ends in 7E would be taken for an opening
    one; so it is given whole frames, by their length.  Where nothing comes it would ask for ever.
    """

    def __init__(self, task: dict[str, Any]) -> None:
        where = f"socket://{task['host']}:{task['port']}"
        self.socket = serial.serial_for_url(where, timeout=POLL_S)
        self.close = self.socket.close
        self.patience_s, self.heard_at = TIMEOUT_S, monotonic()

    def write(self, octets: bytes) -> None:
        self.heard_at = monotonic()
        self.socket.write(octets)

    def read_until(self, end: bytes) -> bytes:
        octets = bytearray()
        while len(octets) < 3 or len(octets) < (octets[1] & 7) * 256 + octets[2] + 2:
            if more := self.socket.read(1):
                octets += more
                self.heard_at = monotonic()
            elif not octets and monotonic() < self.heard_at + self.patience_s:
                return b""  # it may still find a frame in what it has
            elif monotonic() >= self.heard_at + self.patience_s:
                raise TimeoutError("it waits for ever")
        return bytes(octets)


def line(task: dict[str, Any], client: int) -> Any:
    """Its transports; HDLC has one for serial ports, which is given a port that is a socket."""
    if task["framing"] == "wrapper":
        return BlockingTcpTransport(task["host"], task["port"], client, task["server"], TIMEOUT_S)
    if task["framing"] == "mode-e":
        raise NotImplementedError("dlms-cosem has no sign-on of IEC 62056-21")
    return SerialHdlcTransport(client, task["server"], task["host"], serial=Port(task))


class Session:
    def __init__(self, task: dict[str, Any]) -> None:
        counter = 0
        if task.get("invocation_counter"):
            with_nobody = task | {"client": PUBLIC, "auth": "none", "invocation_counter": None}
            public = Session(with_nobody)
            counter = public.get(1, task["invocation_counter"], 2) + 1
            public.client.release_association()
            public.drop()
        keys = {
            name: bytes.fromhex(task[name])
            for name in ("encryption_key", "authentication_key", "client_system_title")
            if task["auth"] in ("gmac", "ecdsa")
        }
        self.client = DlmsClient(
            client_logical_address=task["client"],
            server_logical_address=task["server"],
            io_interface=line(task, task["client"]),
            authentication_method=MECHANISMS[task["auth"]],
            password=task.get("password", "").encode() or None,
            max_pdu_size=task["pdu_size"],
            client_initial_invocation_counter=counter,
            **keys,
        )
        self.client.connect()
        self.client.associate()

    def get(self, class_id: int, name: str, index: int, access: Any = None) -> Any:
        octets = self.client.get(attribute(class_id, name, index), access)
        return utils.parse_as_dlms_data(octets)

    def register(self, name: str) -> list[Any]:
        return [self.get(3, name, 2), *self.get(3, name, 3)]

    def clock(self, name: str) -> Any:
        return self.get(8, name, 2)

    def several(self, attributes: list[tuple[int, str, int]]) -> list[Any]:
        wanted = [cosem.CosemAttributeWithSelection(attribute(*each), None) for each in attributes]
        answer = self.client.get_many(wanted)
        return [
            refused(result)
            if isinstance(result, enumerations.DataAccessResult)
            else result.to_python()
            for result in answer.response_data
        ]

    def blocks(self, name: str) -> Any:
        return self.get(7, name, 2)

    def range(self, name: str, first: str, last: str) -> Any:
        ends = [time.datetime_from_bytes(bytes.fromhex(end))[0] for end in (first, last)]
        return self.get(7, name, 2, RangeDescriptor(CLOCK, *ends))

    def entries(self, name: str, first: int, last: int) -> Any:
        return self.get(7, name, 2, EntryDescriptor(first, last))

    def set(self, class_id: int, name: str, index: int, value: int) -> Any:
        octets = dlms_data.DoubleLongUnsignedData(value).to_bytes()
        answer = self.client.set(attribute(class_id, name, index), octets)
        if answer.result is not enumerations.DataAccessResult.SUCCESS:
            raise ValueError(answer.result.name)
        return self.get(class_id, name, index)

    def action(self, name: str, methods: list[int]) -> list[Any]:
        states = []
        for number in methods:
            method = cosem.CosemMethod(
                enumerations.CosemInterface.DISCONNECT_CONTROL,
                cosem.Obis.from_string(name),
                number,
            )
            self.client.action(method, dlms_data.IntegerData(0).to_bytes())
            states.append(self.get(70, name, 2))
        return states

    def release(self) -> bool:
        answer = self.client.release_association()
        transport = self.client.io_interface
        if isinstance(transport, SerialHdlcTransport):
            transport._serial.patience_s = DISCONNECT_TIMEOUT_S
        self.client.disconnect()
        return type(answer).__name__ == "ReleaseResponse"

    def drop(self) -> None:
        transport = self.client.io_interface
        if isinstance(transport, SerialHdlcTransport):
            transport._serial.close()
        elif transport.tcp_socket:
            transport.tcp_socket.close()


converse(Session)
