"""Puts meters' firmware on the shelf, whoever brings it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from headend.domain.meter_image import IDENTIFIER_OCTETS_MAX, IMAGE_OCTETS_MAX, MeterImage
from headend.models import BadModel, Shelf
from headend.ports import Transaction

VERSION_WORD = "firmware"
"""What models call the object that tells the version that runs."""


class BadImage(ValueError):
    """The image cannot be put on the shelf; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image as somebody brings it.  Without an identifier it is its version."""

    octets: bytes = field(repr=False)
    model: str
    version: str
    identifier: str = ""
    signature: bytes = b""


def labelled(models: Shelf, wanted: Wanted, who: str, at: datetime) -> MeterImage:
    """The image with its label.  Raises `BadImage`."""
    name = wanted.identifier or wanted.version
    _check(wanted.octets, wanted.version, name)
    try:
        known = models.get(wanted.model).objects.get(VERSION_WORD)
    except BadModel as error:
        raise BadImage(str(error)) from error
    if known is None:
        raise BadImage(
            f"the model {wanted.model} names no object {VERSION_WORD!r}, by which a meter would"
            " tell that it runs the image"
        )
    return MeterImage(
        hashlib.sha256(wanted.octets).hexdigest(), wanted.model, wanted.version, known.name, name,
        len(wanted.octets), at, who, wanted.signature.hex() or None, wanted.octets,
    )  # fmt: skip


def put(tx: Transaction, label: MeterImage) -> MeterImage:
    """Put it on the shelf; the one that is there where it is there already.  Raises `BadImage`."""
    there = tx.image_label(label.image)
    if there is not None and (there.model, there.version) != (label.model, label.version):
        raise BadImage(f"this very image is on the shelf, for {there.model} as {there.version}")
    if there is None:
        tx.put_image(label)
    return there or label


def _check(octets: bytes, version: str, identifier: str) -> None:
    if not 0 < len(octets) <= IMAGE_OCTETS_MAX:
        raise BadImage(f"an image has 1 to {IMAGE_OCTETS_MAX:,} octets, this one {len(octets):,}")
    for what, text in (("version", version), ("identifier", identifier)):
        if not (text.isascii() and text.isprintable() and 0 < len(text) <= IDENTIFIER_OCTETS_MAX):
            raise BadImage(
                f"{what} {text!r}: 1 to {IDENTIFIER_OCTETS_MAX} printable characters of ASCII"
            )
