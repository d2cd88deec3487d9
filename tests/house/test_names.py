"""Modules are named after what they hold."""

from __future__ import annotations

import re

from tests.house.source import PACKAGES, python_files

SAYS_NOTHING = re.compile(r"(^|_)(utils?|helpers?|managers?|common|data|misc|stuff|base)($|_)")


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert SAYS_NOTHING.search("string_utils") and not SAYS_NOTHING.search("metadata")
    named = [
        str(path)
        for path in python_files(*PACKAGES, "tests")
        if any(SAYS_NOTHING.search(part.removesuffix(".py")) for part in path.parts)
    ]
    assert named == []
