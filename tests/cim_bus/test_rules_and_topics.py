"""Who sends what where: rules from TOML, and queues by name."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headend.field.broker import matches
from protocols.cim.bus import letter as letters
from protocols.cim.bus import rules
from protocols.cim.bus.rules import Route
from protocols.cim.bus.topics import Topics
from protocols.cim.errors import ReplyError
from tests.cim_bus.letters import RULES, get

JUDGED = rules.read(RULES)
TOPICS = Topics()

ROUTES = {
    # name: (noun, verb, source, named destination), where it goes
    "by noun and verb": (("Feeder", "get", "TABLERO", None), "SIAD"),
    "another verb": (("Feeder", "create", "TABLERO", None), None),
    "by source, before the general one": (("Analog", "get", "TABLERO", None), "SIMOCE"),
    "by noun alone": (("Analog", "get", "COMERCIAL", None), "SCADA"),
    "named, and fitting a later one": (("Analog", "get", "TABLERO", "SCADA"), "SCADA"),
    "named, and of no route": (("Feeder", "get", "TABLERO", "SCADA"), None),
    "unknown noun": (("Bay", "get", "TABLERO", None), None),
    "a noun's case counts": (("feeder", "get", "TABLERO", None), None),
}


@pytest.mark.parametrize(("asked", "destination"), ROUTES.values(), ids=ROUTES)
def test_routes(asked: tuple[str, str, str, str | None], destination: str | None) -> None:
    noun, verb, source, named = asked
    found = JUDGED.route_of(letters.read(get(noun, source, verb=verb)), source, named)
    if destination is None:
        assert isinstance(found, ReplyError) and (found.code, found.key) == ("2.5", "SIN_DESTINO")
    else:
        assert isinstance(found, Route) and found.destination == destination


PERMITS = {
    # name: (noun, verb, source, destination), allowed
    "any noun of a permitted verb": (("Bay", "get", "TABLERO", "SIAD"), True),
    "another verb": (("Bay", "create", "TABLERO", "SIAD"), False),
    "listed noun and destination": (("Analog", "get", "COMERCIAL", "SIAD"), True),
    "another destination": (("Analog", "get", "COMERCIAL", "SCADA"), False),
    "nobody's source": (("Feeder", "get", "OTRO", "SIAD"), False),
}


@pytest.mark.parametrize(("asked", "allowed"), PERMITS.values(), ids=PERMITS)
def test_permits(asked: tuple[str, str, str, str], allowed: bool) -> None:
    noun, verb, source, destination = asked
    letter = letters.read(get(noun, source, verb=verb))
    refused = JUDGED.refusal_of(letter, source, destination)
    assert (refused is None) is allowed
    assert refused is None or (refused.code, refused.key) == ("7.5", "SIN_PERMISO")


SOURCES = {
    # name: (Header/Source, requester), whose it is
    "its own": (("TABLERO", "TABLERO"), "TABLERO"),
    "unnamed": ((None, "TABLERO"), "TABLERO"),
    "spoken for": (("COMERCIAL", "PUERTA"), "COMERCIAL"),
    "another's": (("COMERCIAL", "TABLERO"), None),
    "of one it may not speak for": (("AMI", "PUERTA"), None),
}


@pytest.mark.parametrize(("asked", "whose"), SOURCES.values(), ids=SOURCES)
def test_whose_request_it_is(asked: tuple[str | None, str], whose: str | None) -> None:
    source, requester = asked
    found = JUDGED.source_of(letters.read(get(source=source)), requester)
    if whose is None:
        assert isinstance(found, ReplyError) and found.key == "ORIGEN_NO_AUTORIZADO"
    else:
        assert found == whose


WRONG = {
    "a misspelt key": ('[[route]]\ndestino = "SIAD"', "destino"),
    "no destination": ('[[route]]\nnoun = "Feeder"', "destination"),
    "a destination that is no name": ('[[route]]\ndestination = "a/b"', "no name for a system"),
    "no time": ('[[route]]\ndestination = "SIAD"\ntimeout_s = 0', "timeout_s"),
    "no TOML": ("[[route", "."),
}


@pytest.mark.parametrize(("text", "named"), WRONG.values(), ids=WRONG)
def test_wrong_rules_are_named(text: str, named: str) -> None:
    with pytest.raises(msgspec.DecodeError, match=named):  # ValidationError is one
        rules.read(text)


def test_without_rules_nobody_may_ask() -> None:
    assert rules.read("").refusal_of(letters.read(get()), "TABLERO", "SIAD") is not None


names = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


@given(names, names)
def test_queues_are_read_as_they_are_written(first: str, second: str) -> None:
    assert TOPICS.read_route(TOPICS.route(first)) == (first, None)
    assert TOPICS.read_route(TOPICS.route(first, second)) == (first, second)
    assert TOPICS.read_request(TOPICS.requests(first, second)) == (first, second)
    assert TOPICS.read_reply(TOPICS.replies(first, second)) == (first, second)
    assert TOPICS.read_reply(TOPICS.replies(first, second) + "/2") == (first, second)
    assert matches(TOPICS.to_router(), TOPICS.route(first, second))
    assert matches(TOPICS.to_destination(first), TOPICS.requests(first, second))
    assert matches(TOPICS.to_requester(first), TOPICS.replies(first, second))


OTHERS = ("", "cim/v1", "cim/v1/route", "cim/v1/route/", "cim/v1/route/a/b/c", "cim/v2/route/a",
          "cim/v1/requests/a", "cim/v1/replies/a", "cim/v1/replies/a/b/c/d", "cim/v1/route/a b",
          "cim/v1/requests/a/+", "cim/v1/replies/#")  # fmt: skip


@pytest.mark.parametrize("topic", OTHERS)
def test_other_topics_are_nobody_s(topic: str) -> None:
    assert TOPICS.read_route(topic) is None
    assert TOPICS.read_request(topic) is None
    assert TOPICS.read_reply(topic) is None


@pytest.mark.parametrize("name", ["", "a/b", "+", "#", "a b", "ñ", "x" * 65, ".a", "a\n"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        TOPICS.requests(name, "ROUTER")
