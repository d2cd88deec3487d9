"""A filter's answer is what a plain look at every instance gives, and odd requests do no harm."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headend.integration.cim.layer import Selection
from headend.integration.cim.limits import Limits
from headend.integration.cim.mapping import mapping_of
from headend.integration.cim.question import Question
from headend.integration.cim.sql import SqlLayer
from protocols.cim import get
from protocols.cim.errors import Identifier
from protocols.cim.profile import lexical, reading
from protocols.cim.profile.instance import Instance
from protocols.cim.profile.model import Attribute, CimClass, Enumeration, Primitive
from scenarios.utility.databases import SHEETS
from scenarios.utility.sheets import write_sqlite
from tests.cim_adapters.utilities import STAMP, UTILITY, asked, codes, siad_instances

SIAD = reading.profile("siad")
INSTANCES = siad_instances(UTILITY)


@pytest.fixture(scope="module")
def siad(tmp_path_factory: pytest.TempPathFactory) -> SqlLayer:
    place = tmp_path_factory.mktemp("siad") / "siad.db"
    write_sqlite(place, SHEETS["siad"](UTILITY))
    return SqlLayer(f"sqlite:///{place}", mapping_of("siad"), live=False)


def _of(cls: CimClass) -> list[Instance]:
    return [it for it in INSTANCES if cls in SIAD.lineage(it.cls)]


@st.composite
def _filters(draw: st.DrawFn) -> tuple[CimClass, dict[str, str]]:
    """A class and values for some of its attributes: those of an instance, or any of the type."""
    cls = draw(st.sampled_from(SIAD.classes))
    attributes = SIAD.attributes(cls)
    names = draw(st.sets(st.sampled_from([*attributes]), max_size=3)) if attributes else set()
    like = draw(st.sampled_from(_of(cls)))
    values: dict[str, str] = {}
    for name in sorted(names):
        if name in like.attributes and draw(st.integers(0, 4)):
            values[name] = lexical.write(like.attributes[name])
        else:
            values[name] = draw(_texts(attributes[name].type))
    return cls, values


def _texts(kind: Primitive | Enumeration) -> st.SearchStrategy[str]:
    if isinstance(kind, Enumeration):
        return st.sampled_from(kind.literals)
    match kind:
        case Primitive.STRING:
            # As XML carries it: the envelope strips what stands around a value.
            return st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=20).map(
                str.strip
            )
        case Primitive.INTEGER:
            return st.integers(-3, 100).map(str)
        case Primitive.FLOAT:
            return st.floats(allow_nan=False, allow_infinity=False).map(repr)
        case Primitive.BOOLEAN:
            return st.sampled_from(["true", "false", "0", "1"])
        case _:
            return st.datetimes().map(lambda it: it.isoformat() + "Z")


@settings(max_examples=150)
@given(asking=_filters(), size=st.sampled_from([1, 5, 1000]))
def test_filter_equals_a_plain_look(
    siad: SqlLayer, asking: tuple[CimClass, dict[str, str]], size: int
) -> None:
    cls, texts = asking
    attributes = SIAD.attributes(cls)
    values = {name: lexical.read(attributes[name].type, text) for name, text in texts.items()}
    wanted = [
        it
        for it in _of(cls)
        if all(it.attributes.get(name) == value for name, value in values.items())
    ]
    message = get.filtered(cls.name, texts, STAMP)
    reply, found = asyncio.run(asked(message, SIAD, siad, Limits(page=size)))
    assert found == wanted[:size]
    assert codes(reply) == (["OK 0.0"] if len(wanted) <= size else ["PARTIAL 0.1"])


def _cursors() -> st.SearchStrategy[str]:
    """Any text, and what looks like a page: a list, in base 64, that begins with the right mark."""
    mark = Question(Selection(SIAD["CFE_Zone"])).mark
    parts = st.lists(
        st.text(max_size=8) | st.integers() | st.none() | st.sampled_from(["CFE_Zone", "Z01"]),
        max_size=4,
    )
    encoded = parts.map(
        lambda it: base64.urlsafe_b64encode(json.dumps([mark, *it]).encode()).decode()
    )
    characters = st.characters(exclude_categories=["Cs", "Cc", "Cn"])
    return st.text(characters, min_size=1, max_size=40).filter(str.strip) | encoded


@settings(max_examples=150)
@given(page=_cursors())
def test_no_page_does_harm(siad: SqlLayer, page: str) -> None:
    """What is no page is refused; what looks like one shows what stands behind it, if anything."""
    message = get.following(
        get.all_instances("CFE_Zone", STAMP), Identifier(page, "other", get.PAGE)
    )
    reply, found = asyncio.run(asked(message, SIAD, siad))
    assert codes(reply) in (["FAILED 2.15 PAGINA_INVALIDA"], ["PARTIAL 0.2"])
    assert all(it.cls.name == "CFE_Zone" for it in found)


VALUES = [
    *((Primitive.STRING, it) for it in ("", "Ñ", "1")),
    *((Primitive.INTEGER, it) for it in (0, -1, 2**63 - 1)),
    *((Primitive.FLOAT, it) for it in (0.0, 1e300, -5e-324, 0.1)),
    *((Primitive.BOOLEAN, it) for it in (True, False)),
    *(
        (Primitive.DATE_TIME, datetime(2026, 7, 6, 12, 30, 15, it, UTC))
        for it in (0, 1, 1000, 123_456)
    ),
    (Enumeration("Phase", ("A", "B")), "B"),
]


@pytest.mark.parametrize("kind, value", VALUES)
def test_values_survive_as_text(kind: Primitive | Enumeration, value: lexical.Value) -> None:
    text = lexical.write(value)
    assert lexical.read(kind, text) == value
    assert lexical.fits(Attribute("x", kind), value)
