"""The nouns of the interface: which verbs each has, and which services offer them.

A request comes in by `Execute`, its late answer goes out by `Reply`; `Receive` and `Send` are the
two ends of events; questions come in by `Get`.  A question has a noun of its own, `GetN`, whose
element names in the Request what is asked for; its answer is a message of N.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REQUEST_VERBS: Final = ("create", "change", "cancel", "close", "delete")
EVENT_VERBS: Final = ("created", "changed", "canceled", "closed", "deleted")

CONTROLS: Final = "EndDeviceControls"
EVENTS: Final = "EndDeviceEvents"
READINGS: Final = "MeterReadings"
METER_CONFIG: Final = "MeterConfig"
END_DEVICE_CONFIG: Final = "EndDeviceConfig"
LINKAGE_CONFIG: Final = "MasterDataLinkageConfig"
USAGE_POINT_CONFIG: Final = "UsagePointConfig"


@dataclass(frozen=True, slots=True)
class Noun:
    """One noun.  `requests` are the verbs it is asked with, `events` those it is told with; `gets`
    says whether there is a GetN."""

    name: str
    requests: tuple[str, ...]
    events: tuple[str, ...]
    gets: bool

    @property
    def query(self) -> str | None:
        """The noun of its questions, e.g. GetMeterReadings."""
        return f"Get{self.name}" if self.gets else None


_CONFIG: Final = (("create", "change", "delete"), ("created", "changed", "deleted"), True)

NOUNS: Final[dict[str, Noun]] = {
    noun.name: noun
    for noun in (
        Noun(CONTROLS, REQUEST_VERBS, EVENT_VERBS, gets=False),
        Noun(EVENTS, ("create",), ("created",), gets=True),
        Noun(READINGS, ("create",), ("created", "changed"), gets=True),
        Noun(METER_CONFIG, *_CONFIG),
        Noun(END_DEVICE_CONFIG, *_CONFIG),
        Noun(LINKAGE_CONFIG, *_CONFIG),
        Noun(USAGE_POINT_CONFIG, *_CONFIG),
    )
}
QUERIES: Final = {noun.query: noun for noun in NOUNS.values() if noun.query is not None}
"""The nouns of questions, and what each asks for."""

ADAPTERS: Final = ("SIAD", "SIMOCE", "SCADA", "VIP", "AMI", "Repository", "Utility")
"""The nouns of the adapters of the utility's systems, and of their merged profile."""
ADAPTER_QUERIES: Final = {f"Get{name}": name for name in ADAPTERS}
"""The typed questions to them; Header/Noun names a class of the profile."""


def is_question(noun: str) -> bool:
    """Whether it is the noun of a question, of those nouns or of an adapter's."""
    return noun in QUERIES or noun in ADAPTER_QUERIES


def subject(noun: str) -> str:
    """The noun that a message of `noun` is about: of GetMeterReadings it is MeterReadings."""
    return QUERIES[noun].name if noun in QUERIES else ADAPTER_QUERIES.get(noun, noun)
