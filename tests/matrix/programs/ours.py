"""The head-end's own conversations as a client of the matrix, with either engine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Generator
from typing import Any

import msgspec
from conversing import converse, refused
from cryptography.hazmat.primitives.asymmetric import ec

from headend.app.probe import line_to
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.domain.failure import Failure
from headend.field.direct.access import Access, Credentials
from headend.field.direct.conversation import Conversation, Opened
from headend.field.direct.trace import Entry
from headend.models import Association, Framing, Model, Shelf
from headend.models.schema import Engine
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.date_time import DateTime
from protocols.dlms.keys import KeyPairs, Keys
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.selective_access import EntryDescriptor, RangeDescriptor
from protocols.dlms.services import (
    ActionRequest,
    ActionResponse,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
    MethodDescriptor,
    SelectiveAccess,
    SetRequest,
    SetResponse,
)
from protocols.dlms.suite import SecuritySuite
from protocols.dlms.values import Array, DoubleLongUnsigned, Integer, Structure

ENGINE = Engine(sys.argv[1])
RLRE = 0x63
LIST = bytes((0xC0, 3))  # get-request-with-list
CURVE = ec.SECP256R1()
MECHANISMS = {"none": "none", "low": "low", "gmac": "high-gmac", "ecdsa": "high-ecdsa"}

Steps = Generator[Any, Any, Any]


def association(task: dict[str, Any]) -> Association:
    ciphers = task["auth"] in ("gmac", "ecdsa")
    return Association(
        client=task["client"],
        server=task["server"],
        mechanism=MECHANISMS[task["auth"]],
        security="authenticated-encrypted" if ciphers else "none",
        suite=SecuritySuite(1 if task["auth"] == "ecdsa" else 0),
        counter=task.get("invocation_counter"),
    )


def model(task: dict[str, Any]) -> Model:
    generic = Shelf().get("generic")
    return msgspec.structs.replace(
        generic,
        engine=ENGINE,
        pdu_octets=task["pdu_size"],
        association={**generic.association, "matrix": association(task)},
    )


def pairs(task: dict[str, Any]) -> KeyPairs | None:
    if task["auth"] != "ecdsa":
        return None
    other = b"\x04" + bytes.fromhex(task["meter_signing_public_key"])
    return KeyPairs(
        signing=ec.derive_private_key(int(task["client_signing_key"], 16), CURVE),
        peer_signing=ec.EllipticCurvePublicKey.from_encoded_point(CURVE, other),
    )


def access(task: dict[str, Any]) -> Access:
    if task["auth"] in ("none", "low"):
        return Access(credentials=Credentials(task.get("password", "").encode()))
    keys = (bytes.fromhex(task[f"{name}_key"]) for name in ("encryption", "authentication"))
    return Access(
        bytes.fromhex(task["client_system_title"]),
        Credentials(
            keys=Keys(*keys),
            pairs=pairs(task),
            meter_title=bytes.fromhex(task["system_title"]),
        ),
    )


def value_of(value: Any) -> Any:
    if isinstance(value, DataAccessResult):
        return refused(value)
    if isinstance(value, Array | Structure):
        return [value_of(part) for part in value]
    if type(value).__name__ == "Boolean":
        return bool(value)
    return value


class Session:
    def __init__(self, task: dict[str, Any]) -> None:
        self.loop = asyncio.new_event_loop()
        over = task["framing"] == "mode-e"
        where = task["pty"] if over else f"tcp://{task['host']}:{task['port']}"
        self.conversation = Conversation(
            line_to(f"serial://{where}" if over else where),
            model(task),
            access(task),
            clock=WallClock(),
            chance=SystemChance(),
            role="matrix",
            framing=Framing(task["framing"]),
        )
        opened = self.loop.run_until_complete(self.conversation.open())
        if not isinstance(opened, Opened):
            self.drop()
            raise ConnectionError(str(opened))

    def perform(self, steps: Steps) -> Any:
        found = self.loop.run_until_complete(self.conversation.perform(steps))
        if isinstance(found, Failure):
            raise ConnectionError(str(found))
        return found

    def get(
        self, class_id: int, name: str, index: int, selection: SelectiveAccess | None = None
    ) -> Any:
        asked = AttributeDescriptor(class_id, LogicalName(name), index, selection)

        def steps() -> Steps:
            answer = yield GetRequest.of(asked)
            assert isinstance(answer, GetResponse), answer
            return value_of(answer.results[0])

        return self.perform(steps())

    def register(self, name: str) -> list[Any]:
        return [self.get(3, name, 2), *self.get(3, name, 3)]

    def clock(self, name: str) -> Any:
        return self.get(8, name, 2)

    def several(self, attributes: list[tuple[int, str, int]]) -> list[Any]:
        def steps() -> Steps:
            asked = [AttributeDescriptor(c, LogicalName(n), i) for c, n, i in attributes]
            answer = yield GetRequest(tuple(asked))
            assert isinstance(answer, GetResponse), answer
            return [value_of(result) for result in answer.results]

        self.perform(steps())  # objects that were never met are asked alone
        found = list(self.perform(steps()))
        if not any((each.plain or each.octets)[:2] == LIST for each in self._sent()):
            raise ConnectionError("the list was asked one by one")
        return found

    def _sent(self) -> list[Entry]:
        return [each for each in self.conversation.trace.apdus() if each.direction == "down"]

    def blocks(self, name: str) -> Any:
        return self.get(7, name, 2)

    def range(self, name: str, first: str, last: str) -> Any:
        ends = [DateTime.from_octets(bytes.fromhex(end)) for end in (first, last)]
        return self.get(7, name, 2, RangeDescriptor.of_time(*ends).selection())

    def entries(self, name: str, first: int, last: int) -> Any:
        return self.get(7, name, 2, EntryDescriptor(first, last).selection())

    def set(self, class_id: int, name: str, index: int, value: int) -> Any:
        asked = AttributeDescriptor(class_id, LogicalName(name), index)

        def steps() -> Steps:
            answer = yield SetRequest.of(asked, DoubleLongUnsigned(value))
            assert isinstance(answer, SetResponse) and answer.results == (0,), answer

        self.perform(steps())
        return self.get(class_id, name, index)

    def action(self, name: str, methods: list[int]) -> list[Any]:
        def steps(number: int) -> Steps:
            asked = MethodDescriptor(70, LogicalName(name), number)
            answer = yield ActionRequest.of(asked, Integer(0))
            assert isinstance(answer, ActionResponse) and answer.results[0].result == 0, answer

        states = []
        for number in methods:
            self.perform(steps(number))
            states.append(self.get(70, name, 2))
        return states

    def release(self) -> bool:
        self.loop.run_until_complete(self.conversation.release())
        *_, last = self.conversation.trace.apdus()
        return last.direction == "up" and last.octets[0] == RLRE

    def drop(self) -> None:
        self.loop.run_until_complete(self.conversation.release())
        self.loop.close()


converse(Session)
