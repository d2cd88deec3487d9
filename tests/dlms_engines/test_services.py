"""Every service over both engines, against the same meter; and what one of them leaves out.

`CANNOT` is the table of docs/dlms-services.md: what gurux-dlms is not asked for, and why.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from protocols.dlms import procedures
from protocols.dlms.codes import ActionResult, Conformance, DataAccessResult
from protocols.dlms.events import NEED_DATA, Associated, ProtocolViolation, Released
from protocols.dlms.gurux.connection import UNSUPPORTED
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.notification import (
    DataNotification,
    DataNotificationConfirm,
    EventNotification,
)
from protocols.dlms.objects.image import ImageStatus
from protocols.dlms.procedures import Entries, NotSent, Patience, Pause
from protocols.dlms.selective_access import EntryDescriptor
from protocols.dlms.server import ServerConnection
from protocols.dlms.services import (
    AccessAction,
    AccessGet,
    AccessRequest,
    AccessService,
    AccessSet,
    ActionRequest,
    AssociationRequest,
    AttributeDescriptor,
    GetRequest,
    GetResponse,
    MethodDescriptor,
    ReleaseRequest,
    SetRequest,
    SetResponse,
)
from protocols.dlms.settings import CONFORMANCE
from protocols.dlms.values import (
    Array,
    DoubleLongUnsigned,
    Integer,
    LongUnsigned,
    OctetString,
    Structure,
)
from protocols.errors import LocalProtocolError
from tests.dlms_engines.dictionary import Dictionary, Image
from tests.dlms_engines.field import (
    ENGINES,
    GMAC,
    LOW,
    NONE,
    client_settings,
    server_settings,
)
from tests.dlms_engines.test_reading_procedures import (
    COLUMNS,
    HOUR,
    IMAGE,
    IMPORT,
    NAME,
    NOW,
    ONE_ROWS,
    PROFILE,
    SETUP,
    VOLTAGE,
    meter,
    push_meter,
)

EVERYTHING = CONFORMANCE | Conformance.ACCESS | Conformance.GENERAL_BLOCK_TRANSFER
ROOT = Path(__file__).parents[2]
ENERGY = AttributeDescriptor(3, IMPORT, 2)
VOLTS = AttributeDescriptor(3, VOLTAGE, 2)
SCRIPT = MethodDescriptor(9, LogicalName("0.0.10.0.106.255"), 1)
LONG = Array(Structure((DoubleLongUnsigned(n), OctetString(bytes(12)))) for n in range(30))

# what -> why
CANNOT = {
    "ACTION with list": "it has no way to write one",
    "ACTION answered in blocks": "it reads the joined blocks as a value, without their result",
    "ACCESS": "it reads answers only into objects of its own, which it does not have here",
    "general block transfer": "it fails at the first acknowledgement that it has to write",
    "data-notification-confirm": "it does not know the tag",
    "a PDU size of 0, no limit": "it takes the association for refused",
}


class Line:
    """An engine and a meter's server connection back to back."""

    def __init__(self, engine: str, device: Dictionary, kind=GMAC, *, client=None, server=None):
        offered = {"conformance": EVERYTHING}
        self.client = ENGINES[engine](client_settings(kind, **(offered | (client or {}))))
        self.server = ServerConnection(server_settings(kind, **(offered | (server or {}))))
        self.device = device
        self.up: list[bytes] = []  # what the meter says before its next answer
        self.told: list[object] = []  # of notifications

    def ask(self, message):
        """The event that answers; notifications are kept aside."""
        down, now = [self.client.send(message, now=0.0)], 0.0
        while down:
            up = [answer for apdu in down for answer in self._serve(apdu)]
            for apdu in up:
                self.client.receive_data(apdu, now=now)
            down = []
            while (apdu := self.client.data_to_send()) is not None:
                down.append(apdu)
        answers = []
        while (event := self.client.next_event()) is not NEED_DATA:
            assert not isinstance(event, ProtocolViolation), event
            notified = isinstance(event, DataNotification | EventNotification)
            (self.told if notified else answers).append(event)
        (answer,) = answers
        return answer

    def _serve(self, apdu: bytes):
        self.server.receive_data(apdu, now=0.0)
        own, self.up = self.up, []
        yield from own
        while True:
            while (said := self.server.data_to_send()) is not None:
                yield said
            event = self.server.next_event()
            if event is NEED_DATA:
                return
            if isinstance(event, GetRequest | SetRequest | ActionRequest | AccessRequest):
                yield self.server.send(self.device.answer(event), now=0.0)

    def _answer(self, request):
        """As `script.carry_out`: a list that cannot be said is asked one by one."""
        try:
            return self.ask(request)
        except LocalProtocolError as error:
            if isinstance(request, GetRequest) and len(request.attributes) > 1:
                singles = [self._answer(GetRequest.of(each)) for each in request.attributes]
                return GetResponse(tuple(single.results[0] for single in singles))
            return NotSent(error.cause)

    def perform(self, procedure):
        """Run a procedure; what it returns."""
        try:
            said = next(procedure)
            while True:
                if isinstance(said, Pause):
                    said = procedure.send(None)
                    continue
                said = procedure.send(self._answer(said))
        except StopIteration as stop:
            return stop.value


def line(engine: str, device: Dictionary | None = None, kind=GMAC, **options) -> Line:
    made = Line(engine, device or meter(), kind, **options)
    assert isinstance(made.ask(AssociationRequest()), Associated)
    return made


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


every_kind = pytest.mark.parametrize("kind", [NONE, LOW, GMAC], ids=lambda kind: kind.name)
sizes = pytest.mark.parametrize("size", [0xFFFF, 200, 90])


@every_kind
@sizes
def test_procedures(engine, kind, size):
    """Small PDUs both ways: answers in blocks, requests in blocks."""
    small = {"max_pdu_size": size}
    made = line(engine, push_meter(image=Image(block_size=150)), kind, client=small, server=small)
    assert made.perform(procedures.identify()).manufacturer == "AMI"
    for part in (HOUR, Entries(5, 9)):
        found = made.perform(procedures.read_profile(PROFILE, part))
        assert list(found.rows) == ONE_ROWS and not found.whole_buffer
    some = made.perform(procedures.read_profile(PROFILE, HOUR, columns=COLUMNS[:2]))
    # Without general blocks the columns do not fit a request of 90 octets: then all of them come.
    columns = 3 if (engine, size) == ("gurux", 90) else 2
    assert [len(row) for row in some.rows] == [columns] * len(ONE_ROWS)
    assert made.perform(procedures.read_clock()).time == NOW
    assert made.perform(procedures.set_clock(NOW)).after == NOW
    assert made.perform(procedures.write_push_setup(SETUP)) == SETUP
    ended = made.perform(procedures.transfer_image(IMAGE * 20, NAME, patience=Patience(0, 3)))
    assert ended.status is ImageStatus.ACTIVATION_SUCCESSFUL
    assert made.device.image.image == IMAGE * 20
    assert made.ask(ReleaseRequest()) == Released()


@pytest.mark.parametrize(
    "missing",
    [
        Conformance.SELECTIVE_ACCESS,
        Conformance.MULTIPLE_REFERENCES,
        Conformance.SELECTIVE_ACCESS | Conformance.MULTIPLE_REFERENCES,
    ],
    ids=str,
)
def test_what_the_meter_lacks_is_not_used(engine, missing):
    """The profile comes whole where it cannot be selected."""
    made = line(engine, server={"conformance": EVERYTHING & ~missing})
    if missing & Conformance.MULTIPLE_REFERENCES:
        with pytest.raises(LocalProtocolError, match="MULTIPLE_REFERENCES"):
            made.client.send(GetRequest.of(ENERGY, VOLTS), now=0)
    if missing & Conformance.SELECTIVE_ACCESS:
        selected = replace(
            AttributeDescriptor(7, PROFILE, 2), selection=EntryDescriptor(1, 1).selection()
        )
        with pytest.raises(LocalProtocolError, match="SELECTIVE_ACCESS"):
            made.client.send(GetRequest.of(selected), now=0)
    assert made.ask(GetRequest.of(ENERGY)) == GetResponse.of(DoubleLongUnsigned(1517))
    if missing == Conformance.SELECTIVE_ACCESS:
        found = made.perform(procedures.read_profile(PROFILE, HOUR))
        assert list(found.rows) == ONE_ROWS and found.whole_buffer


@every_kind
def test_notifications_between_and_within_answers(engine, kind):
    """They are told, and do not disturb what is asked."""
    agreed = {"max_pdu_size": 120, "conformance": EVERYTHING | Conformance.DATA_NOTIFICATION}
    device = meter()
    device.values[3, IMPORT, 2] = LONG
    made = line(engine, device, kind, client=agreed, server=agreed)
    event = EventNotification(None, VOLTS, LongUnsigned(2304))
    push = DataNotification(7, NOW.octets, Structure((LongUnsigned(1),)))
    made.up = [made.server.send(event, now=0), made.server.send(push, now=0)]
    assert made.ask(GetRequest.of(ENERGY)) == GetResponse.of(LONG)
    assert made.told == [event, push]
    made.client.receive_data(made.server.send(push, now=0), now=0)
    assert made.client.next_event() == push


ACCESS = AccessRequest.of(
    AccessGet(ENERGY), AccessSet(VOLTS, LongUnsigned(1)), AccessAction(SCRIPT, Integer(0))
)


@pytest.mark.parametrize("engine, size", [("own", 0), ("own", 90)])
def test_access(engine, size):
    small = {"max_pdu_size": size}
    device = meter(on_act=lambda *args: ActionResult.SUCCESS)
    made = line(engine, device, client=small, server=small)
    found = made.ask(replace(ACCESS, self_descriptive=True))
    assert [(result.service, int(result.code)) for result in found.results] == [
        (AccessService.GET, 0), (AccessService.SET, 0), (AccessService.ACTION, 0),
    ]  # fmt: skip
    assert found.results[0].data == DoubleLongUnsigned(1517)
    assert device.values[3, VOLTAGE, 2] == LongUnsigned(1)
    assert len(found.asked) == 3


# --- what one engine leaves out -------------------------------------------------------------------


def test_gurux_proposes_nothing_that_it_cannot_do():
    made = line("gurux")
    assert not made.client._negotiated.conformance & UNSUPPORTED
    assert line("own").client.negotiated.conformance & UNSUPPORTED == UNSUPPORTED


REFUSED = {
    "ACTION with list": ActionRequest((SCRIPT, SCRIPT), (None, None)),
    "ACCESS": ACCESS,
    "data-notification-confirm": DataNotificationConfirm(1),
}


@pytest.mark.parametrize("what", REFUSED)
def test_gurux_says_what_it_cannot_send(what):
    with pytest.raises(LocalProtocolError, match="gurux-dlms"):
        line("gurux").client.send(REFUSED[what], now=0)


def test_gurux_and_a_pdu_size_without_limit():
    assert line("own", server={"max_pdu_size": 0}).client.negotiated.server_pdu_size == 0
    with pytest.raises(AssertionError, match="gurux-dlms cannot read it"):
        line("gurux", server={"max_pdu_size": 0})


def test_gurux_has_long_values_in_the_blocks_of_their_service():
    """Where both sides know general blocks, it has not proposed them."""
    small = {"max_pdu_size": 120}
    device = meter()
    device.values[3, IMPORT, 2] = LONG
    exchanged = []
    made = line("gurux", device, client=small, server=small)
    made.client.trace = exchanged.append
    assert made.ask(GetRequest.of(ENERGY)) == GetResponse.of(LONG)
    assert made.ask(SetRequest.of(ENERGY, LONG)) == SetResponse.of(DataAccessResult.SUCCESS)
    assert not any(found.wire[0] == 0xE0 for found in exchanged)


def test_the_table_of_the_docs():
    """The page says what this file proves."""
    page = (ROOT / "docs/dlms-services.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| ([^|]+?) \| no: ([^|]+?) \|$", page, re.M))
    assert table == CANNOT
