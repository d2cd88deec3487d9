"""Values that settings take, bounded."""

from __future__ import annotations

from typing import Annotated

import msgspec

Seconds = Annotated[float, msgspec.Meta(gt=0, le=10 * 365 * 86_400)]
Volts = Annotated[float, msgspec.Meta(gt=0, le=1000)]
Watts = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[\w.-]{1,64}\Z")]  # part of a file's name
Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
CommonName = Annotated[str, msgspec.Meta(pattern=r"^[\w.@-]([\w .@-]{0,62}[\w.@-])?\Z")]
