"""The WSDL and XSD of each endpoint, as a client on the network needs them.

Our files are static; only two things change on the way out: the service's address becomes the one
the client asked at, and references between the files become `ENDPOINT?xsd=FILE`.  (The bare
`?xsd=FILE` would do by RFC 3986, but libraries that resolve by RFC 2396 lose the last segment.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import quoteattr

from protocols.cim import schema
from protocols.cim.nouns import NOUNS, QUERIES

ROOT: Final = "/soap"

# A message is dispatched by its body, so that each address takes every message; what differs is
# the WSDL.  The root serves those who have one address to configure, with the generic interface.
ENDPOINTS: Final = {
    ROOT: "Generic.wsdl",
    f"{ROOT}/generic": "Generic.wsdl",
    **{f"{ROOT}/{noun}": f"Execute{noun}.wsdl" for noun in NOUNS},
    **{f"{ROOT}/{query}": f"{query}.wsdl" for query in QUERIES},
}

_SCHEMA_LOCATION: Final = re.compile(rb'schemaLocation="(?:[^"]*/)?([^"/]+\.xsd)"')
_ADDRESS: Final = re.compile(rb'<soap:address location="[^"]*"/>')
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Document:
    """A file for a client."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Described:
    """What a door offers below its root: the WSDL of each endpoint, and the schemas by name."""

    root: str
    wsdls: Mapping[str, Callable[[], bytes]]
    xsds: Mapping[str, Callable[[], bytes]]


ORDER_DESK: Final = Described(
    ROOT,
    {path: partial(schema.wsdl, name) for path, name in ENDPOINTS.items()},
    {name: partial(schema.xsd, name) for name in schema.XSDS},
)


def document(
    path: str, query: str, *, scheme: str, host: str, of: Described = ORDER_DESK
) -> Document | None:
    """What a GET of an endpoint asks for: `?wsdl` or `?xsd=FILE`; None for anything else.

    `host` is the Host header; where it is no plain host and port, the address is left relative to
    loopback, because a header from outside has no business inside our document.
    """
    wsdl = of.wsdls.get(path)
    if wsdl is None:
        return None
    wanted = {name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True)}
    endpoint = path.rpartition("/")[2].encode()
    if "wsdl" in wanted:
        known = host if _HOST.fullmatch(host) else "127.0.0.1"
        address = f"<soap:address location={quoteattr(f'{scheme}://{known}{path}')}/>"
        text = _ADDRESS.sub(address.encode(), wsdl())
    elif (xsd := of.xsds.get(wanted.get("xsd", ""))) is not None:
        text = xsd()
    else:
        return None
    text = _SCHEMA_LOCATION.sub(rb'schemaLocation="%s?xsd=\1"' % endpoint, text)
    return Document("text/xml; charset=utf-8", text)
