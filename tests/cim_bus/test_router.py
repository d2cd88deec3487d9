"""The router, the destination and the requester, each alone: packets and times in, effects out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from protocols.cim.bus import letter as letters
from protocols.cim.bus import rules
from protocols.cim.bus.effects import (
    Act,
    Answered,
    DeadLetter,
    Effect,
    Followed,
    Hop,
    Perform,
    Send,
    Why,
)
from protocols.cim.bus.ledger import Bounds
from protocols.cim.bus.requester import KeyInUse, Requester
from protocols.cim.bus.responder import Responder
from protocols.cim.bus.router import Router
from protocols.cim.envelope import Kind
from protocols.cim.errors import ReplyError
from protocols.mqtt import Packet, Properties
from tests.cim_bus.letters import AT, RULES, codes, get, keys, reply

ROUTE = "cim/v1/route/TABLERO"
BACK = "cim/v1/replies/ROUTER/SIAD"
MINE = "cim/v1/replies/TABLERO/ROUTER"


def router(**bounds: float) -> Router:
    return Router(rules.read(RULES), bounds=Bounds(**bounds))  # type: ignore[arg-type]


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def sent(effects: Iterable[Effect]) -> list[Packet]:
    return [effect.packet for effect in effects if isinstance(effect, Send)]


def dead(effects: Iterable[Effect]) -> list[Why]:
    return [effect.why for effect in effects if isinstance(effect, DeadLetter)]


def acts(effects: Iterable[Effect]) -> list[Act]:
    return [effect.act for effect in effects if isinstance(effect, Hop)]


def test_there_and_back_the_octets_are_the_same() -> None:
    middle = router()
    asked = get()
    (forward,) = sent(
        middle.receive(Packet(ROUTE, asked, Properties(correlation=b"mine", expiry_s=15)), now=AT)
    )
    assert (forward.topic, forward.payload) == ("cim/v1/requests/SIAD/ROUTER", asked)
    assert forward.properties.response_topic == BACK
    assert forward.properties.expiry_s == 14  # the route gives 20 s, the requester less
    answer = reply(letters.read(asked))
    correlation = forward.properties.correlation
    (back,) = sent(
        middle.receive(Packet(BACK, answer, Properties(correlation=correlation)), now=later(1))
    )
    assert (back.topic, back.payload, back.properties.correlation) == (MINE, answer, b"mine")
    assert middle.open_count == 0


def test_without_properties_the_envelope_s_ids_correlate() -> None:
    """MQTT 3.1.1, as IBM MQ's telemetry service speaks it."""
    middle = router()
    for number in range(3):
        middle.receive(Packet(ROUTE, get(message_id=f"m-{number}")), now=AT)
    asked = letters.read(get(message_id="m-1"))
    (back,) = sent(middle.receive(Packet(BACK, reply(asked)), now=later(1)))
    assert (back.topic, back.payload) == (MINE, reply(asked))
    assert middle.open_count == 2


def test_a_reply_whose_id_two_systems_chose_is_nobody_s() -> None:
    middle = router()
    middle.receive(Packet(ROUTE, get()), now=AT)
    middle.receive(Packet("cim/v1/route/COMERCIAL", get(source="COMERCIAL")), now=AT)
    effects = middle.receive(Packet(BACK, reply(letters.read(get()))), now=later(1))
    assert sent(effects) == [] and dead(effects) == [Why.NOT_AWAITED]


REFUSED = {
    # name: (topic, message), code and key, dead letter
    "no route": ((ROUTE, get("Bay")), ("2.5", "SIN_DESTINO"), [Why.NO_ROUTE]),
    "another destination": ((f"{ROUTE}/SCADA", get()), ("2.5", "SIN_DESTINO"), [Why.NO_ROUTE]),
    "no permit": (
        (ROUTE, get("EndDeviceControls", verb="create")), ("7.5", "SIN_PERMISO"), [],
    ),
    "under another's name": (
        (ROUTE, get(source="COMERCIAL")), ("7.5", "ORIGEN_NO_AUTORIZADO"), [],
    ),
    "a reply to a queue of others": (
        (ROUTE, get(reply_address="cim/v1/replies/COMERCIAL/ROUTER")),
        ("7.7", "DIRECCION_NO_AUTORIZADA"), [],
    ),
    "nothing to know it by": ((ROUTE, get(message_id=None)), ("1.5", "CAMPO_FALTA"), []),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "told", "aside"), REFUSED.values(), ids=REFUSED)
def test_refusals(asked: tuple[str, bytes], told: tuple[str, str], aside: list[Why]) -> None:
    effects = router().receive(Packet(*asked), now=AT)
    (answer,) = sent(effects)
    assert answer.topic == MINE
    assert (codes(answer.payload), keys(answer.payload)) == ((told[0],), (told[1],))
    assert dead(effects) == aside
    assert Act.REFUSED in acts(effects)


def test_what_cannot_be_read_is_laid_aside_and_answered_by_a_fault() -> None:
    effects = router().receive(Packet(ROUTE, b"<a/>", Properties(correlation=b"7")), now=AT)
    (answer,) = sent(effects)
    assert letters.read(answer.payload).kind is Kind.FAULT
    assert (answer.topic, answer.properties.correlation) == (MINE, b"7")
    assert dead(effects) == [Why.UNREADABLE]


def test_a_fault_goes_to_no_queue_of_others() -> None:
    theirs = Properties(response_topic="cim/v1/replies/COMERCIAL/ROUTER")
    assert sent(router().receive(Packet(ROUTE, b"<a/>", theirs), now=AT)) == []


def test_a_reply_among_requests_is_laid_aside() -> None:
    effects = router().receive(Packet(ROUTE, reply(letters.read(get()))), now=AT)
    assert sent(effects) == [] and dead(effects) == [Why.NOT_A_REQUEST]


def test_too_many_at_once_are_refused_until_one_is_answered() -> None:
    middle = router(open_max=1)
    middle.receive(Packet(ROUTE, get()), now=AT)
    (answer,) = sent(middle.receive(Packet(ROUTE, get(message_id="m-2")), now=AT))
    assert keys(answer.payload) == ("COLA_LLENA",)
    middle.receive(Packet(BACK, reply(letters.read(get()))), now=AT)
    (forward,) = sent(middle.receive(Packet(ROUTE, get(message_id="m-2")), now=AT))
    assert forward.topic == "cim/v1/requests/SIAD/ROUTER"


def test_the_time_is_over_at_the_deadline_and_not_before() -> None:
    middle = router()
    middle.receive(Packet(ROUTE, get()), now=AT)
    assert middle.next_deadline() == later(20)
    assert middle.handle_deadline(now=later(19.999)) == []
    effects = middle.handle_deadline(now=later(20))
    (answer,) = sent(effects)
    assert (keys(answer.payload), codes(answer.payload)) == (("TIEMPO_AGOTADO",), ("4.1",))
    assert dead(effects) == [Why.TIMED_OUT] and middle.next_deadline() is None
    late = middle.receive(Packet(BACK, reply(letters.read(get()))), now=later(21))
    assert sent(late) == [] and dead(late) == [Why.NOT_AWAITED]


def test_a_request_that_timed_out_is_sent_again_where_somebody_wants_it() -> None:
    middle = router()
    middle.receive(Packet(ROUTE, get()), now=AT)
    aside = [e for e in middle.handle_deadline(now=later(20)) if isinstance(e, DeadLetter)]
    packet = aside[0].packet
    (told,) = sent(middle.receive(packet, now=later(30)))
    assert codes(told.payload) == ("4.1",)  # come again by itself, it is told the same
    (forward,) = sent(middle.send_again(packet, now=later(40)))
    assert (forward.topic, forward.payload) == ("cim/v1/requests/SIAD/ROUTER", get())


def test_the_same_request_again_is_told_the_same_octets() -> None:
    middle = router()
    middle.receive(Packet(ROUTE, get()), now=AT)
    (again,) = sent(middle.receive(Packet(ROUTE, get()), now=later(1)))
    assert again.topic == "cim/v1/requests/SIAD/ROUTER"  # the first may have been lost
    answer = reply(letters.read(get()))
    assert len(sent(middle.receive(Packet(BACK, answer), now=later(2)))) == 1
    repeated = middle.receive(Packet(BACK, answer), now=later(2))
    assert (sent(repeated), dead(repeated)) == ([], [])
    other_try = Properties(correlation=b"second")
    (told,) = sent(middle.receive(Packet(ROUTE, get(), other_try), now=later(3)))
    assert (told.topic, told.payload, told.properties.correlation) == (MINE, answer, b"second")


def test_another_content_under_the_same_id_is_a_conflict() -> None:
    middle = router()
    middle.receive(Packet(ROUTE, get()), now=AT)
    (answer,) = sent(middle.receive(Packet(ROUTE, get(option="Line")), now=AT))
    assert keys(answer.payload) == ("MENSAJE_REPETIDO_CON_OTRO_CONTENIDO",)


def test_two_systems_may_choose_the_same_id() -> None:
    middle = router()
    middle.receive(Packet(ROUTE, get()), now=AT)
    (second,) = sent(middle.receive(
        Packet("cim/v1/route/COMERCIAL", get(source="COMERCIAL")), now=AT,
    ))  # fmt: skip
    answer = reply(letters.read(get(source="COMERCIAL")))
    (back,) = sent(middle.receive(
        Packet(BACK, answer, Properties(correlation=second.properties.correlation)), now=AT,
    ))  # fmt: skip
    assert back.topic == "cim/v1/replies/COMERCIAL/ROUTER"


def test_what_was_told_is_remembered_within_bounds() -> None:
    asked = [get(message_id=f"m-{number}") for number in range(4)]
    for bounds in (
        {"told_max": 2},
        {"told_octets_max": 2 * len(asked[0] + reply(letters.read(asked[0])))},
    ):
        middle = router(**bounds)
        for octets in asked:
            middle.receive(Packet(ROUTE, octets), now=AT)
            middle.receive(Packet(BACK, reply(letters.read(octets))), now=AT)
        assert middle.told_count == 2
        (told,) = sent(middle.receive(Packet(ROUTE, asked[3]), now=AT))
        assert told.topic == MINE
        (forward,) = sent(middle.receive(Packet(ROUTE, asked[0]), now=AT))  # forgotten
        assert forward.topic == "cim/v1/requests/SIAD/ROUTER"


def test_what_was_told_is_forgotten_in_time() -> None:
    middle = router(told_s=100)
    middle.receive(Packet(ROUTE, get()), now=AT)
    middle.receive(Packet(BACK, reply(letters.read(get()))), now=AT)
    assert sent(middle.receive(Packet(ROUTE, get()), now=later(99)))[0].topic == MINE
    assert sent(middle.receive(Packet(ROUTE, get()), now=later(101)))[0].topic != MINE


def test_pages_and_outcomes_follow_the_first_reply() -> None:
    middle = router(further_max=4)
    middle.receive(Packet(ROUTE, get()), now=AT)
    asked = letters.read(get())
    pages = [reply(asked, number, code="0.1") for number in (1, 2)]
    pages.append(reply(asked, 3, code="0.2"))
    for page in pages:
        (told,) = sent(middle.receive(Packet(BACK, page), now=AT))
        assert (told.topic, told.payload) == (MINE, page)
    for page in pages:  # a broker delivers all of them again
        effects = middle.receive(Packet(BACK, page), now=AT)
        assert (sent(effects), dead(effects), acts(effects)) == ([], [], [Act.DROPPED])
    assert len(sent(middle.receive(Packet(BACK, reply(asked, 4, code="0.2")), now=AT))) == 1
    beyond = middle.receive(Packet(BACK, reply(asked, 5, code="0.2")), now=AT)
    assert sent(beyond) == [] and dead(beyond) == [Why.NOT_AWAITED]


def test_a_whole_answer_is_followed_by_nothing() -> None:
    middle = router()
    middle.receive(Packet(ROUTE, get()), now=AT)
    asked = letters.read(get())
    middle.receive(Packet(BACK, reply(asked, 1)), now=AT)
    effects = middle.receive(Packet(BACK, reply(asked, 2)), now=AT)
    assert sent(effects) == [] and dead(effects) == [Why.NOT_AWAITED]


def test_only_who_was_asked_can_answer() -> None:
    middle = router()
    middle.receive(Packet(ROUTE, get()), now=AT)
    forged = Packet(
        "cim/v1/replies/ROUTER/SCADA", reply(letters.read(get())),
        Properties(correlation=b"TABLERO/m-1"),
    )  # fmt: skip
    effects = middle.receive(forged, now=AT)
    assert sent(effects) == [] and dead(effects) == [Why.NOT_AWAITED]
    assert middle.open_count == 1


def test_a_reply_that_cannot_be_read_is_a_failure_with_its_code() -> None:
    middle = router()
    (forward,) = sent(middle.receive(Packet(ROUTE, get()), now=AT))
    correlation = Properties(correlation=forward.properties.correlation)
    effects = middle.receive(Packet(BACK, b"oops", correlation), now=AT)
    (answer,) = sent(effects)
    assert keys(answer.payload) == ("RESPUESTA_ILEGIBLE",) and dead(effects) == [Why.UNREADABLE]


def test_events_are_carried_once_and_owed_no_reply() -> None:
    middle = router()
    event = get("EndDeviceEvents", "AMI", verb="created", kind=Kind.EVENT)
    packet = Packet("cim/v1/route/AMI", event)
    (forward,) = sent(middle.receive(packet, now=AT))
    assert (forward.topic, forward.payload) == ("cim/v1/requests/MDM/ROUTER", event)
    assert sent(middle.receive(packet, now=AT)) == []
    nowhere = get("Nothing", "AMI", "m-2", verb="created", kind=Kind.EVENT)
    effects = middle.receive(Packet("cim/v1/route/AMI", nowhere), now=AT)
    assert sent(effects) == [] and dead(effects) == [Why.NO_ROUTE]
    denied = get("EndDeviceEvents", "TABLERO", "m-3", verb="created", kind=Kind.EVENT)
    assert sent(middle.receive(Packet(ROUTE, denied), now=AT)) == []


def test_a_trace_tells_each_hop_and_that_the_octets_were_the_same() -> None:
    middle = router()
    effects = middle.receive(Packet(ROUTE, get()), now=AT)
    effects += middle.receive(Packet(BACK, reply(letters.read(get()))), now=later(2))
    hops = [effect for effect in effects if isinstance(effect, Hop)]
    assert [(hop.act, hop.came_from, hop.goes_to) for hop in hops] == [
        (Act.RECEIVED, "TABLERO", "ROUTER"),
        (Act.FORWARDED, "TABLERO", "SIAD"),
        (Act.REPLIED, "SIAD", "TABLERO"),
    ]
    assert {hop.about for hop in hops} == {"m-1"}
    assert hops[0].print == hops[1].print == letters.octets_print(get())
    assert (hops[2].message_id, hops[2].octets) == ("SIAD-1", len(reply(letters.read(get()))))


# --- the destination -----------------------------------------------------------------------

TO_SIAD = "cim/v1/requests/SIAD/ROUTER"


def performed(effects: Iterable[Effect]) -> list[Perform]:
    return [effect for effect in effects if isinstance(effect, Perform)]


def test_a_destination_performs_once_and_answers_each_instance() -> None:
    siad = Responder("SIAD", trusted=frozenset({"ROUTER"}), rules=rules.read(RULES))
    first = Properties(response_topic="cim/v1/replies/ROUTER/SIAD/1", correlation=b"a")
    second = Properties(response_topic="cim/v1/replies/ROUTER/SIAD/2", correlation=b"b")
    (perform,) = performed(siad.receive(Packet(TO_SIAD, get(), first), now=AT))
    assert performed(siad.receive(Packet(TO_SIAD, get(), second), now=AT)) == []
    answer = reply(perform.letter)
    told = sent(siad.answer(perform.key, answer, now=AT))
    assert [(p.topic[-1], p.properties.correlation, p.payload) for p in told] == [
        ("1", b"a", answer), ("2", b"b", answer),
    ]  # fmt: skip
    assert siad.answer(perform.key, reply(perform.letter, 2), now=AT) == []
    (again,) = sent(siad.receive(Packet(TO_SIAD, get(), first), now=AT))
    assert again.payload == answer


DIRECT = {
    # name: (requester, message), what it is told: None when it is performed
    "permitted": (("TABLERO", get()), None),
    "not permitted": (("TABLERO", get(verb="create")), "SIN_PERMISO"),
    "under another's name": (("TABLERO", get(source="COMERCIAL")), "ORIGEN_NO_AUTORIZADO"),
    "judged by the router": (("ROUTER", get(source="OTRO")), None),
}


@pytest.mark.parametrize(("asked", "key"), DIRECT.values(), ids=DIRECT)
def test_past_the_router_a_destination_judges(asked: tuple[str, bytes], key: str | None) -> None:
    siad = Responder("SIAD", trusted=frozenset({"ROUTER"}), rules=rules.read(RULES))
    effects = siad.receive(Packet(f"cim/v1/requests/SIAD/{asked[0]}", asked[1]), now=AT)
    if key is None:
        assert len(performed(effects)) == 1 and sent(effects) == []
    else:
        assert performed(effects) == [] and keys(sent(effects)[0].payload) == (key,)


def test_nameless_systems_behind_a_router_are_told_apart() -> None:
    siad = Responder("SIAD", trusted=frozenset({"ROUTER"}))
    for number, option in enumerate(("Substation", "Line")):
        properties = Properties(correlation=b"%d" % number)
        packet = Packet(TO_SIAD, get(source=None, option=option), properties)
        assert len(performed(siad.receive(packet, now=AT))) == 1


def test_a_destination_gives_up_at_the_expiry() -> None:
    siad = Responder("SIAD", perform_s=60)
    effects = siad.receive(Packet(TO_SIAD, get(), Properties(expiry_s=10)), now=AT)
    (perform,) = performed(effects)
    assert perform.until == siad.next_deadline() == later(10)
    (answer,) = sent(siad.handle_deadline(now=later(10)))
    assert codes(answer.payload) == ("4.1",)
    assert siad.answer(perform.key, reply(perform.letter), now=later(11)) == []


def test_what_a_destination_could_not_do_is_a_failure_with_its_code() -> None:
    siad = Responder("SIAD", bounds=Bounds(open_max=1))
    (perform,) = performed(siad.receive(Packet(TO_SIAD, get()), now=AT))
    (busy,) = sent(siad.receive(Packet(TO_SIAD, get(message_id="m-2")), now=AT))
    assert codes(busy.payload) == ("3.2",)
    (told,) = sent(siad.fail(perform.key, ReplyError("5.3", "SIN_SISTEMA: caído"), now=AT))
    assert keys(told.payload) == ("SIN_SISTEMA",)


def test_what_follows_goes_to_whoever_asked() -> None:
    siad = Responder("SIAD")
    (perform,) = performed(siad.receive(Packet(TO_SIAD, get()), now=AT))
    outcome = reply(perform.letter, 2)
    assert siad.follow(perform.key, outcome, now=AT) == []  # nothing was answered yet
    siad.answer(perform.key, reply(perform.letter, code="0.3"), now=AT)
    (told,) = sent(siad.follow(perform.key, outcome, now=AT))
    assert (told.topic, told.payload) == ("cim/v1/replies/ROUTER/SIAD", outcome)


# --- the requester -------------------------------------------------------------------------


def ask(requester: Requester, octets: bytes = b"", **how: object) -> list[Packet]:
    letter = letters.read(octets or get())
    return sent(requester.ask("k", letter, timeout_s=12, now=AT, **how))  # type: ignore[arg-type]


HOW = {
    # name: how, topic and reply queue
    "by the router": ({}, ROUTE, MINE),
    "by the router, named": ({"destination": "SIAD"}, f"{ROUTE}/SIAD", MINE),
    "directly": (
        {"destination": "SIAD", "directly": True},
        "cim/v1/requests/SIAD/TABLERO", "cim/v1/replies/TABLERO/SIAD",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("how", "topic", "back"), HOW.values(), ids=HOW)
def test_a_question_leaves(how: dict[str, object], topic: str, back: str) -> None:
    tablero = Requester("TABLERO")
    (packet,) = ask(tablero, **how)
    assert (packet.topic, packet.payload) == (topic, get())
    assert packet.properties.response_topic == back
    answer = reply(letters.read(get()))
    effects = tablero.receive(Packet(back, answer, Properties(correlation=b"k")), now=AT)
    (answered,) = [effect for effect in effects if isinstance(effect, Answered)]
    assert (answered.letter.octets, answered.made_here) == (answer, False)


def test_a_question_is_asked_again_until_its_time_is_over() -> None:
    tablero = Requester("TABLERO", send_again_s=5)
    ask(tablero)
    told = []
    for _ in range(3):
        due = tablero.next_deadline()
        assert due is not None
        effects = tablero.handle_deadline(now=due)
        packets = sent(effects)
        told.append(((due - AT).total_seconds(), [p.properties.expiry_s for p in packets]))
    assert told == [(5, [7]), (10, [2]), (12, [])]
    (answered,) = [effect for effect in effects if isinstance(effect, Answered)]
    assert answered.made_here and answered.letter.codes == ("4.1",)
    assert tablero.next_deadline() is None


def test_an_answer_is_given_once_and_what_follows_by_its_own_name() -> None:
    tablero = Requester("TABLERO")
    ask(tablero)
    asked = letters.read(get())
    come = [
        [type(e) for e in tablero.receive(Packet(MINE, octets), now=AT) if not isinstance(e, Hop)]
        for octets in (reply(asked, 1), reply(asked, 1), reply(asked, 2), reply(asked, 2))
    ]
    assert come == [[Answered], [], [Followed], []]


STRAYS = {
    "unknown": Packet(MINE, reply(letters.read(get(message_id="m-9")))),
    "of another responder": Packet("cim/v1/replies/TABLERO/SIAD", reply(letters.read(get()))),
    "unreadable": Packet(MINE, b"oops"),
}


@pytest.mark.parametrize("packet", STRAYS.values(), ids=STRAYS)
def test_what_nobody_awaits_is_laid_aside(packet: Packet) -> None:
    tablero = Requester("TABLERO")
    ask(tablero)
    assert dead(tablero.receive(packet, now=AT)) == [Why.NOT_AWAITED]
    assert tablero.open_count == 1


def test_a_question_joins_the_same_and_another_does_not_take_its_key() -> None:
    tablero = Requester("TABLERO")
    assert len(ask(tablero)) == 1
    assert ask(tablero) == []
    with pytest.raises(KeyInUse):
        ask(tablero, get(option="Line"))


def test_a_direct_question_names_its_destination() -> None:
    with pytest.raises(ValueError, match="names its destination"):
        ask(Requester("TABLERO"), directly=True)
