"""Ask a meter's objects directly, as one of its clients, without a link."""

from __future__ import annotations

from devices.meter.cosem import Context
from devices.meter.device import Meter
from devices.meter.services import answer
from protocols.dlms import axdr
from protocols.dlms.codes import ActionResult, Conformance, DataAccessResult
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.services import (
    ActionRequest,
    ActionResponse,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
    GetResult,
    MethodDescriptor,
    Negotiated,
    SelectiveAccess,
    SetRequest,
    SetResponse,
)
from protocols.dlms.values import Array, EncodedValue, OctetString, Structure, Value

EVERYTHING = (
    Conformance.GET
    | Conformance.SET
    | Conformance.ACTION
    | Conformance.SELECTIVE_ACCESS
    | Conformance.ATTRIBUTE_0_WITH_GET
)


class Asking:
    """One client of a meter, at a time that is moved by hand."""

    def __init__(self, meter: Meter, now: float, sap: int = 1) -> None:
        self.meter, self.now, self.sap = meter, now, sap

    def context(self) -> Context:
        self.meter.advance(self.now)
        agreed = Negotiated(EVERYTHING, 0xFFFF, 1024)
        return Context(self.meter, self.meter.clients[self.sap], self.now, agreed, b"TST\0\0\0\0\1")

    def get(
        self, class_id: int, name: str, attribute: int, selection: SelectiveAccess | None = None
    ) -> GetResult:
        asked = AttributeDescriptor(class_id, LogicalName(name), attribute, selection)
        response = answer(self.context(), GetRequest.of(asked))
        assert isinstance(response, GetResponse)
        (result,) = response.results
        # A buffer may be at hand as octets, which is all that a client gets to see anyway.
        if isinstance(result, EncodedValue | Structure):
            return axdr.decode(axdr.encode(result))
        return result

    def number(self, class_id: int, name: str, attribute: int = 2) -> int:
        found = self.get(class_id, name, attribute)
        assert isinstance(found, int) and not isinstance(found, DataAccessResult), (name, found)
        return int(found)

    def octets(self, class_id: int, name: str, attribute: int = 2) -> bytes:
        found = self.get(class_id, name, attribute)
        assert isinstance(found, OctetString), (name, found)
        return bytes(found)

    def rows(self, name: str, selection: SelectiveAccess | None = None) -> list[Structure]:
        found = self.get(7, name, 2, selection)
        assert isinstance(found, Array), (name, found)
        return list(found)  # type: ignore[arg-type]

    def put(self, class_id: int, name: str, attribute: int, value: Value) -> DataAccessResult:
        asked = AttributeDescriptor(class_id, LogicalName(name), attribute)
        response = answer(self.context(), SetRequest.of(asked, value))
        assert isinstance(response, SetResponse)
        self.meter.settle(self.now)
        return response.results[0]

    def act(
        self, class_id: int, name: str, method: int, value: Value | None = None
    ) -> ActionResult:
        asked = MethodDescriptor(class_id, LogicalName(name), method)
        response = answer(self.context(), ActionRequest.of(asked, value))
        assert isinstance(response, ActionResponse)
        self.meter.settle(self.now)
        return response.results[0].result
