"""What the schema's validator complains of, in the language of the replies.

libxml2 words its complaints in English, with each name's namespace spelled out.  Only the wording
tells the names, so they are known by it; one that is not known is told without particulars.
"""

from __future__ import annotations

import re
from typing import Final

NAMES_MAX: Final = 8  # of what was expected; a control may begin with a dozen elements

_WHERE: Final = re.compile(
    r"Element '(?:\{(?P<namespace>[^}]*)\})?(?P<name>[^']+)'(?:, attribute '[^']+')?: (?P<what>.*)",
    re.DOTALL,
)
_NAMESPACE: Final = re.compile(r"\{[^}' ]*\}(?=\w)")
_EXPECTED: Final = r"(?: Expected is (?:one of )?\( (?P<expected>.*) \)\.)?"

# What is said: how it is told.  Groups of the pattern go into the text by name.
_SAID: Final = tuple(
    (re.compile(pattern, re.DOTALL), told)
    for pattern, told in (
        (rf"This element is not expected\.{_EXPECTED}", "no se espera aquí"),
        (rf"Missing child element\(s\)\.{_EXPECTED}", "está incompleto"),
        (
            r"'(?P<value>.*)' is not a valid value of the (?:\w+) type '(?P<type>.*)'\.",
            "'{value}' no es un valor de {type}",
        ),
        (
            r"\[facet '\w+'\] The value '(?P<value>.*)' is not an element of .* \{(?P<set>.*)\}\.",
            "'{value}' no está entre {set}",
        ),
        (r"The attribute '(?P<value>.*)' is not allowed\.", "el atributo {value} no se admite"),
        (r"The attribute '(?P<value>.*)' is required but missing\.", "falta el atributo {value}"),
        (r"Character content .*", "no lleva texto"),
        (r"Element content is not allowed.*", "no lleva elementos dentro"),
    )
)


def name_of(message: str) -> str | None:
    """The local name of the element that a complaint is about."""
    where = _WHERE.fullmatch(message)
    return where["name"] if where else None


def told(message: str) -> str:
    """A complaint as a clause in Spanish, with names as the client wrote them, less namespaces."""
    where = _WHERE.fullmatch(message)
    if where is None:
        return "el mensaje no cumple el esquema"
    name = where["name"]
    for pattern, text in _SAID:
        if (said := pattern.fullmatch(where["what"])) is None:
            continue
        parts = {key: _NAMESPACE.sub("", value or "") for key, value in said.groupdict().items()}
        return f"{name}: {text.format_map(parts)}{_expected(where, parts.get('expected', ''))}"
    return f"{name}: no cumple el esquema"


def _expected(where: re.Match[str], names: str) -> str:
    expected = [name for name in names.split(", ") if name]
    if not expected:
        return ""
    if where["name"] in expected:  # the name is right, so its namespace is not
        return f" en el espacio de nombres {where['namespace'] or 'vacío'}"
    more = " …" if len(expected) > NAMES_MAX else ""
    return f"; se espera {' o '.join(expected[:NAMES_MAX])}{more}"
