"""Where security lines come from besides the guard: ends of orders, and refusals by TLS."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from headend.app.serving import serving
from headend.chance import SeededChance
from headend.config import Config, OrderPolicy, Soap, Syslog, Tls
from headend.domain.audit import Outcome
from headend.domain.order import Kind, State
from headend.domain.reason import ReasonCode
from headend.orders.settle import Settling
from headend.ports import Transaction
from tests import databases
from tests.access.making import House
from tests.certificates import Authority
from tests.security_events.receiver import receiving
from tests.store.making import order

C, R = Kind.CHANGE_KEYS, ReasonCode
ENDS = {
    # how an order ends: (kind, state, reason), what the log says of it
    "keys are changed": ((C, State.DONE, None), ("key.changed", Outcome.DONE, "CIS")),
    "a wrong key or counter": (
        (Kind.CONNECT, State.FAILED, R.WRONG_KEY_OR_COUNTER),
        ("meter.wrong-key-or-counter", Outcome.SEEN, ""),
    ),
    "a change of keys that met others": (
        (C, State.FAILED, R.WRONG_KEY_OR_COUNTER),
        ("meter.wrong-key-or-counter", Outcome.SEEN, ""),
    ),
    "no association": (
        (Kind.CONNECT, State.FAILED, R.REFUSED_ASSOCIATION),
        ("meter.refused-association", Outcome.SEEN, ""),
    ),
    "a silent meter": ((Kind.CONNECT, State.FAILED, R.METER_DOES_NOT_ANSWER), None),
    "done": ((Kind.CONNECT, State.DONE, None), None),
    "a change of keys that did not come there": (
        (C, State.EXPIRED, R.CONCENTRATOR_UNREACHABLE),
        None,
    ),
}


@pytest.mark.parametrize(("end", "told"), ENDS.values(), ids=ENDS)
async def test_what_an_orders_end_tells_the_cert(
    end: tuple[Kind, State, ReasonCode | None], told: tuple[str, Outcome, str] | None
) -> None:
    house = House()
    kind, state, reason = end
    settling = Settling(SeededChance(1), OrderPolicy(), lambda: None)

    def work(tx: Transaction) -> None:
        waiting = replace(order(1, kind=kind), state=State.EXECUTING)
        tx.add_order(waiting, ((State.EXECUTING, "sent"),))
        settling.end(tx, waiting, state, reason=reason, at=house.clock.now(), cause="a test")

    await house.store.run(work)
    lines = [(each.action, each.outcome, each.actor) for each in house.audit()]
    assert lines == ([] if told is None else [told])
    assert all(each.security and each.subject == "meter M1" for each in house.audit())


@pytest.mark.live
async def test_a_client_that_tls_refuses_is_told_to_the_cert(tmp_path: Path) -> None:
    """From the SOAP door, through the log, to a syslog server."""
    office = Authority.found(tmp_path / "office")
    certificate, key = office.issue("hes", "hes")
    tls = Tls(certificate=certificate, key=key, client_authority=office.path)
    async with receiving() as receiver:
        config = Config(
            database=databases.at(tmp_path / "ami.db"),
            legacy_database=databases.at(tmp_path / "legacy.db"),
            soap=Soap(port=0, tls=tls),
            syslog=Syslog(host="127.0.0.1", port=receiver.port, transport="tcp"),
        )
        async with serving(config) as running:
            port = int(running.soap_url.split(":")[2].split("/")[0])
            stranger = ssl.create_default_context(cafile=office.path)
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=stranger)
                await reader.read()
                writer.close()
            except (ssl.SSLError, ConnectionError):
                pass
            while not receiver.messages:
                await asyncio.sleep(0.01)
            assert running.head_end.errors == ()
    (told,) = receiver.messages
    assert (told.id, told.facility, told.severity) == ("tls.refused", 10, 4)
    assert "PEER_DID_NOT_RETURN_A_CERTIFICATE" in told.text
