"""Each message at a door leaves a line, refused or not; what looks like an attack is told."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import httpx2
import msgspec
import pytest

from headend.config.soap import Replay
from headend.domain.audit import AuditLine, Outcome
from headend.domain.message_log import DoorMessage
from headend.integration.messages_in_folder import MessagesInFolder
from headend.soap.door import message_log
from headend.soap.door.admission import Admission
from headend.soap.door.message_log import MessageLog, Posted, alarming, line_of
from headend.soap.door.server import SoapAnswer
from protocols.cim.permits import Permit
from tests.cim import orders_as_xml as a
from tests.soap.desk import AT, FixedClock, RememberingDesk, server_around
from tests.soap.door import BODY_MAX_BYTES, open_door

ORDER = a.soap(a.typed())
CANCEL = a.soap(a.typed(name="CancelEndDeviceControls", head=a.header("cancel"), payload=""))
CREATES = Permit(source="COMERCIAL", verbs=("create",))
ADMISSION = Admission(clock=FixedClock(), permits=(CREATES,), replay=Replay())

LINES: dict[str, tuple[bytes, tuple[str, ...], str | None]] = {
    # name: (message, (verb, noun, Source, MessageID, result, code, key), what the CERT is told)
    "taken": (
        ORDER,
        ("create", "EndDeviceControls", "COMERCIAL", a.MESSAGE_ID, "OK", "0.3", ""), None,
    ),
    "refused by its content": (
        a.soap(a.typed(a.control(attributes=""))),
        ("create", "EndDeviceControls", "COMERCIAL", a.MESSAGE_ID, "FAILED", "5.8", "MONTO_FALTA"),
        None,
    ),
    "refused for who sent it": (
        CANCEL,
        ("cancel", "EndDeviceControls", "COMERCIAL", a.MESSAGE_ID, "FAILED", "7.5", "SIN_PERMISO"),
        "the HES door: 7.5 SIN_PERMISO",
    ),
    "no operation": (
        a.soap(a.typed(name="CreatedEndDeviceControls")),
        ("create", "EndDeviceControls", "COMERCIAL", a.MESSAGE_ID, "FAULT", "2.9",
         "OPERACION_NO_OFRECIDA"), None,
    ),
    "no XML": (b"{}", ("", "", "", "", "FAULT", "1.8", "XML_MAL_FORMADO"), None),
    "a DTD": (
        b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + ORDER,
        ("", "", "", "", "FAULT", "1.8", "DTD_NO_ADMITIDA"),
        "the HES door: 1.8 DTD_NO_ADMITIDA",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "said", "alarm"), LINES.values(), ids=LINES)
async def test_lines(octets: bytes, said: tuple[str, ...], alarm: str | None) -> None:
    answer = await server_around(RememberingDesk(), ADMISSION).handle(octets)
    posted = Posted(took_s=0.25, address="10.0.0.7", certificate=None, body=octets)
    line = line_of("HES", posted, answer, AT)
    told = (
        line.verb, line.noun, line.source or "", line.message_id or "", line.result, line.code,
        line.key,
    )  # fmt: skip
    assert told == said
    assert (line.octets, line.digest) == (len(octets), hashlib.sha256(octets).hexdigest())
    assert (line.at, line.took_ms) == (AT - timedelta(seconds=0.25), 250)
    found = alarming(line)
    assert (None if found is None else found.subject) == alarm
    if found is not None:
        assert found.security and found.outcome is Outcome.REFUSED and found.source == "10.0.0.7"


async def test_what_breaks_inside_is_logged_too() -> None:
    answer = await server_around(RememberingDesk(fails=RuntimeError("x"))).handle(ORDER)
    assert answer.told is not None
    assert (answer.told.result, answer.told.key) == ("FAULT", "ERROR_INTERNO")
    assert answer.told.message_id == a.MESSAGE_ID


async def test_a_stranger_s_text_is_cut() -> None:
    long = a.soap(a.typed(head=a.header(ids=f"<m:MessageID>{'x' * 5000}</m:MessageID>")))
    answer = await server_around(RememberingDesk()).handle(long)
    line = line_of("HES", Posted(took_s=0, address="", certificate="", body=long), answer, AT)
    assert len(line.message_id or "") == message_log.TEXT_MAX


# --- the log --------------------------------------------------------------------------------------

POSTED = Posted(took_s=0, address="", certificate=None, body=ORDER)
ANSWER = SoapAnswer(200, {}, b"")


class Kept:
    """A store that takes lines, or not."""

    def __init__(self) -> None:
        self.lines: list[DoorMessage] = []
        self.batches: list[int] = []
        self.broken = False
        self.seen: list[AuditLine] = []

    async def keep(self, lines: Sequence[DoorMessage]) -> None:
        if self.broken:
            raise OSError("the disk is gone")
        self.batches.append(len(lines))
        self.lines += lines


async def test_lines_are_written_together_and_none_twice() -> None:
    kept = Kept()
    log = MessageLog("HES", FixedClock(), kept.keep, kept.seen.append)
    for _ in range(message_log.BATCH + 1):
        log(POSTED, ANSWER)
    await log.write()
    await log.write()
    assert kept.batches == [message_log.BATCH, 1]


async def test_lines_wait_while_nothing_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_log, "WAITING_MAX", 3)
    kept = Kept()
    kept.broken = True
    log = MessageLog("HES", FixedClock(), kept.keep, kept.seen.append)
    for _ in range(5):
        log(POSTED, ANSWER)
    assert log.lost == 2
    with pytest.raises(OSError, match="gone"):
        await log.write()
    kept.broken = False
    await log.write()
    assert len(kept.lines) == 3 and log.lost == 0


async def test_the_writer_comes_by_itself_and_survives_trouble() -> None:
    kept = Kept()
    kept.broken = True
    log = MessageLog("HES", FixedClock(), kept.keep, kept.seen.append)
    running = asyncio.create_task(log.run())
    log(POSTED, ANSWER)
    await asyncio.sleep(1)
    kept.broken = False
    await asyncio.sleep(message_log.REST_S + 1)
    assert len(kept.lines) == 1 and len(log.errors) == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def http_client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(trust_env=False, timeout=20)


@pytest.mark.live
async def test_at_the_door_also_what_never_reaches_the_server() -> None:
    kept = Kept()
    log = MessageLog("HES", FixedClock(), kept.keep, kept.seen.append)
    xml = {"Content-Type": "text/xml"}
    async with open_door(server_around(RememberingDesk()), note=log) as base, http_client() as http:
        await http.post(f"{base}/soap", content=ORDER, headers=xml)
        await http.post(f"{base}/soap", content=b" " * (BODY_MAX_BYTES + 1), headers=xml)
        await http.post(f"{base}/soap/nowhere", content=ORDER, headers=xml)
        await http.post(f"{base}/soap", content=ORDER, headers={"Content-Type": "text/html"})
    await log.write()
    assert [(line.status, line.octets) for line in kept.lines] == [
        (200, len(ORDER)), (413, 0), (404, 0), (415, 0),
    ]  # fmt: skip
    assert {line.address for line in kept.lines} == {"127.0.0.1"}


def test_in_a_folder(tmp_path: Path) -> None:
    messages = MessagesInFolder(tmp_path, FixedClock())
    note = messages.of_door("PUERTA")
    told = message_log.Told(message_id="m-1", correlation_id="c-1", result="OK")
    note(POSTED, SoapAnswer(200, {}, b"", told))
    note(POSTED, ANSWER)
    (line,) = messages.logged("m-1")
    assert (line.door, line.result, line.at) == ("PUERTA", "OK", AT)
    assert messages.logged("c-1") == [line] and messages.logged("m-2") == []
    with (tmp_path / "messages.jsonl").open("ab") as file:
        file.write(b'{"message_id": "m-1"\n' + msgspec.json.encode(line)[:-5])
    assert messages.logged("m-1") == [line]
