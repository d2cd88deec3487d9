"""ReadingQualityType codes that we tell: system.category.index (IEC 61968-9, annex D).

    2.8.0    the head-end (2: the metering system's network) estimated it (8)

Categories and indices are those of one openly published meter data system's enumerations; what we
read may have any code.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

VALIDATED: Final = "2.0.1"
OUTSIDE_RANGE: Final = "2.5.256"
SUSPECT: Final = "2.5.258"
CLOCK_DOUBTFUL: Final = "1.1.9"
ESTIMATED: Final = "2.8.0"

# code -> English, Spanish
WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        VALIDATED: ("checked, and nothing found", "validado sin hallazgos"),
        OUTSIDE_RANGE: ("outside the expected range", "fuera del rango esperado"),
        SUSPECT: ("suspect", "sospechoso"),
        CLOCK_DOUBTFUL: ("the meter's clock was doubtful", "reloj del medidor dudoso"),
        ESTIMATED: ("estimated", "estimado"),
    }
)
"""A value without any code came as it is told, and has not been looked at."""
