"""Where the router sends what, and who may ask for it: data, read from TOML.

    [[route]]                      # the first that fits decides
    noun = "MeterReadings"         # what is left out fits everything
    verb = "get"
    destination = "AMI"
    timeout_s = 60

    [[permit]]                     # what no permit allows is refused
    source = "COMERCIAL"
    nouns = ["EndDeviceControls"]  # what is left out allows everything
    verbs = ["create", "cancel"]
    destinations = ["AMI"]

    [[speaker]]                    # who may write another's name into Header/Source
    name = "PUERTA-SOAP"
    speaks_for = ["COMERCIAL"]

A requester is known by its name in the topic, which the broker vouches for; Header/Source must be
that name, unless a speaker may speak for the source.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from protocols.cim.bus.letter import Letter
from protocols.cim.bus.topics import is_name
from protocols.cim.errors import ReplyError
from protocols.cim.permits import Names, Permit, refusal_of

TIMEOUT_S: Final = 30.0
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Requests of this noun, verb and source go to this destination, which has `timeout_s` to
    reply."""

    destination: str
    noun: str | None = None
    verb: str | None = None
    source: str | None = None
    timeout_s: Seconds = TIMEOUT_S

    def __post_init__(self) -> None:
        if not is_name(self.destination):
            raise ValueError(f"no name for a system on the bus: {self.destination!r}")

    def fits(self, letter: Letter, source: str) -> bool:
        return all(
            wanted is None or wanted == found
            for wanted, found in (
                (self.noun, letter.noun),
                (self.verb, letter.verb),
                (self.source, source),
            )
        )


class Speaker(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A requester that has seen others' credentials and speaks for them: a SOAP proxy."""

    name: str
    speaks_for: Names


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of it.  Without any permit nobody may ask for anything."""

    route: tuple[Route, ...] = ()
    permit: tuple[Permit, ...] = ()
    speaker: tuple[Speaker, ...] = ()

    def source_of(self, letter: Letter, requester: str) -> str | ReplyError:
        """Whose request it is; an error (7.5) where the requester may not speak for the source."""
        source = letter.source or requester
        if source == requester or any(
            speaker.name == requester and source in speaker.speaks_for for speaker in self.speaker
        ):
            return source
        return ReplyError(
            "7.5",
            f"ORIGEN_NO_AUTORIZADO: {requester} no puede hablar por otro Source",
            xpath="Source",
        )

    def route_of(self, letter: Letter, source: str, named: str | None) -> Route | ReplyError:
        """Where a request goes; an error (2.5) where no route fits.

        A destination that the requester names must be that of a route that fits.
        """
        for route in self.route:
            if route.fits(letter, source) and named in (None, route.destination):
                return route
        where = "" if named is None else f" en {named}"
        return ReplyError(
            "2.5", f"SIN_DESTINO: nadie atiende ese sustantivo y verbo{where}", xpath="Noun"
        )

    def refusal_of(self, letter: Letter, source: str, destination: str) -> ReplyError | None:
        """Why a request may not go there (7.5); None where it may."""
        return refusal_of(self.permit, letter, source, destination)


def read(text: str) -> Rules:
    """Rules from TOML.  Raises `msgspec.ValidationError`, which names the place, or
    `msgspec.DecodeError` for what is no TOML."""
    return msgspec.toml.decode(text, type=Rules)
