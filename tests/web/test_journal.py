"""An order's journal is told in the visitor's language and in the utility's time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from headend.web.journal import told
from headend.web.wording import Language, Words, catalogue
from tests.house.source import ROOT

SANTIAGO = ZoneInfo("America/Santiago")
AT = datetime(2026, 11, 23, 14, 26, 1, tzinfo=UTC)
ES, EN = Words(Language.ES, SANTIAGO), Words(Language.EN, SANTIAGO)


@pytest.mark.parametrize(
    ("written", "spanish"),
    [
        ("from COMERCIAL", "de COMERCIAL"),
        (
            "concentrator unreachable, cause unknown; next try at 14:26:10Z",
            "el concentrador no responde; causa desconocida; próximo intento a las 11:26:10",
        ),
        (
            "waits: leaves C-040 alone: concentrator unreachable, cause unknown",
            "espera: deja descansar a C-040: el concentrador no responde; causa desconocida",
        ),
        (
            "the concentrator reported done: read back disconnected",
            "el concentrador informó: cumplida: leído después: cortado",
        ),
        (
            "waits: not a working day; the next begins at 2026-11-24 03:00Z",
            "espera: no es día laborable; el próximo comienza el 24-11-2026 00:00",
        ),
        ("sent to C-7, to be done before 2:59", "enviada a C-7, para hacerse antes de las 2:59"),
        ("held until 02:59:59Z", "reservada hasta las 23:59:59"),
        ("something that nobody has a word for", "something that nobody has a word for"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_cause_is_told_in_spanish(written: str, spanish: str) -> None:
    assert told(written, AT, ES) == spanish


def test_english_keeps_its_words_and_has_the_utilitys_time() -> None:
    assert told("not sent; next try at 14:26:10Z", AT, EN) == "not sent; next try at 11:26:10"
    assert told(None, AT, EN) == ""


def test_each_sentence_has_the_words_that_the_head_end_writes() -> None:
    """What is worded anew where it is written is worded anew here as well."""
    written = {
        word
        for part in ("orders", "jobs", "registry", "domain")
        for path in (ROOT / "headend" / part).rglob("*.py")
        for text in re.findall(r'"[^"\n]*"', path.read_text(encoding="utf-8"))
        for word in re.findall(r"[a-z]{3,}", text)
    }
    lines = {key: text for key, text in catalogue()[Language.EN].items() if ".line." in key}
    strange = {
        key: words - written
        for key, text in lines.items()
        if (words := set(re.findall(r"[a-z]{3,}", re.sub(r"\{\w+\}", "", text)))) - written
    }
    assert lines and not strange
