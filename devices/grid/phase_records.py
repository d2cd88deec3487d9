"""Which phase the utility's records give each customer, beside the one that it hangs on.

The truth is the street's, and stays in the simulation: whoever identifies phases from readings is
held against it.  Records are wrong for a share of the single-phase customers, fixed by the seed; a
larger share is wrong for the same customers and more.
"""

from __future__ import annotations

from collections.abc import Iterable

from devices.chance import octets
from devices.channel.place import Phase

_SINGLE = (Phase.A, Phase.B, Phase.C)


def recorded_phases(
    seed: int, true: Iterable[tuple[str, Phase]], wrong_share: float
) -> dict[str, Phase]:
    """By meter, of those that truly hang on these phases; `wrong_share` from 0 to 1.

    A customer with three phases is recorded as such.
    """
    if not 0 <= wrong_share <= 1:
        raise ValueError(f"a share of {wrong_share}")
    found = {}
    for meter, phase in true:
        draw = octets(seed, "recorded phase", meter, count=5)
        wrong = int.from_bytes(draw[:4], "big") < wrong_share * 2**32
        if phase in _SINGLE and wrong:
            phase = _SINGLE[(_SINGLE.index(phase) + 1 + draw[4] % 2) % 3]
        found[meter] = phase
    return found
