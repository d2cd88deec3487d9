"""Meter models: how to speak with each kind of meter, as data.

One TOML file a model, with inheritance.  Files of a utility's own are read from a folder of the
configuration and go before those that come along.

    schema     what a model says, checked strictly
    shelf      finds models by name, and joins each with those it extends
"""

from headend.models.schema import (
    Association,
    Framing,
    Hdlc,
    ModeE,
    Model,
    ObjectOfInterest,
    Quirks,
    StatusBits,
)
from headend.models.shelf import BadModel, Shelf

__all__ = [
    "Association",
    "BadModel",
    "Framing",
    "Hdlc",
    "ModeE",
    "Model",
    "ObjectOfInterest",
    "Quirks",
    "Shelf",
    "StatusBits",
]
