"""Meters that a concentrator finds on its line, and what becomes of them."""

from __future__ import annotations

from protocols.concentrator.direction import FromConcentrator, ToConcentrator


class Discovered(FromConcentrator, frozen=True, tag="discovered", kw_only=True):
    """A module in the network that belongs to no meter of the table, and what is behind it.

    Sent again until the head-end's receipt arrives; answered by `admit-meter` or `refuse-meter`.
    """

    module: str  # how the network calls it
    identity: str  # the logical device name that it tells; empty where it tells none
    title: str  # its system title, hexadecimal; empty where it proved none
    conforms: bool  # it speaks DLMS as a meter must, and knows the keys that came with it
    findings: tuple[str, ...]  # what does not conform


class AdmitMeter(ToConcentrator, frozen=True, tag="admit-meter", kw_only=True):
    """Take what is behind a module into the table; answered by a `receipt`."""

    module: str
    meter: str  # as commands and tasks name it


class RefuseMeter(ToConcentrator, frozen=True, tag="refuse-meter", kw_only=True):
    """Leave it out; answered by a `receipt`.  It may be looked at again a day later."""

    module: str
    why: str
