"""Namespaces of the messages: the ones we emit, and the ones we take for the same.

We emit the first edition, IEC 61968-100:2013.  Vendors differ in host and year; those aliases are
accepted by list and renamed on the way in, so that the rest of the package knows one spelling.
The edition of 2022 is not backward compatible; it is recognised only to be refused by name.
"""

from __future__ import annotations

from typing import Final

from protocols.cim import nouns

ROOT: Final = "http://iec.ch/TC57/2011/"
ADAPTER: Final = "urn:ami-headend:cim:"  # begins the namespaces of an adapter
MESSAGE: Final = ROOT + "schema/message"
MESSAGE_2022: Final = "http://iec.ch/TC57/2021/schema/message"
SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"

CONTROLS: Final = nouns.CONTROLS
EVENTS: Final = nouns.EVENTS
READINGS: Final = nouns.READINGS
METER_CONFIG: Final = nouns.METER_CONFIG
NOUNS: Final = (*nouns.NOUNS, *nouns.QUERIES)


def profile(noun: str) -> str:
    """The namespace of a noun's payload, e.g. `http://iec.ch/TC57/2011/EndDeviceControls#`."""
    return f"{ROOT}{noun}#"


def typed(noun: str) -> str:
    """The namespace of a noun's strongly typed messages, e.g. `.../EndDeviceControlsMessage`;
    `noun` may be that of a question, to an adapter as well."""
    if noun in nouns.ADAPTER_QUERIES:
        return f"{ADAPTER}{nouns.ADAPTER_QUERIES[noun]}:messages"
    return f"{ROOT}{noun}Message"


def noun_of(namespace: str) -> str | None:
    """The noun whose typed messages live in this namespace; None for any other namespace."""
    return _NOUN_OF.get(namespace)


_NOUN_OF: Final = {typed(noun): noun for noun in (*NOUNS, *nouns.ADAPTER_QUERIES)}

# Seen in older vendors' messages: the host with www, and earlier years; 2017 in a demonstration of
# the typed messages; a payload's namespace without its "#".
_HOSTS = ("iec.ch", "www.iec.ch")
_YEARS = (2008, 2010, 2011, 2017)
_OURS = (MESSAGE, *map(profile, NOUNS), *map(typed, NOUNS))

ALIASES: Final = {
    f"http://{host}/TC57/{year}/{name.removeprefix(ROOT)}": name
    for name in _OURS
    for host in _HOSTS
    for year in _YEARS
} | {profile(noun).removesuffix("#"): profile(noun) for noun in NOUNS}


def canonical(namespace: str) -> str:
    """The spelling this package uses for a namespace; any unknown one is returned as it is."""
    return ALIASES.get(namespace, namespace)
