"""MQTT topics of the head-end / concentrator message set.

`ami/v1/concentrators/<id>/down`    head-end to concentrator
`ami/v1/concentrators/<id>/up`      concentrator to head-end
`ami/v1/concentrators/<id>/status`  retained `Online`, or the broker's `Offline` (last will)
"""

from __future__ import annotations

ROOT = "ami/v1/concentrators"


def down(concentrator: str) -> str:
    return f"{ROOT}/{_segment(concentrator)}/down"


def up(concentrator: str) -> str:
    return f"{ROOT}/{_segment(concentrator)}/up"


def status(concentrator: str) -> str:
    return f"{ROOT}/{_segment(concentrator)}/status"


ALL_DOWN = f"{ROOT}/+/down"
ALL_UP = f"{ROOT}/+/up"
ALL_STATUS = f"{ROOT}/+/status"


def concentrator_of(topic: str) -> str:
    """The concentrator a topic belongs to.  Raises `ValueError` for any other topic."""
    if topic.startswith(ROOT + "/"):
        match topic.removeprefix(ROOT + "/").split("/"):
            case [concentrator, "up" | "down" | "status"] if concentrator:
                return concentrator
    raise ValueError(f"not a concentrator's topic: {topic!r}")


def _segment(concentrator: str) -> str:
    if not concentrator or any(mark in concentrator for mark in "/+#\0"):
        raise ValueError(f"a concentrator's id cannot be a topic segment: {concentrator!r}")
    return concentrator
