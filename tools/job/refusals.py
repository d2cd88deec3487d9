"""A package, result or card that cannot be used, as `ami job` and `ami probe job` say it."""

from __future__ import annotations

from typing import NoReturn

from protocols.jobs.errors import JobRefused, Refused
from tools.terminal import wrong_usage

_NEXT = {
    Refused.NO_FILE_OF_OURS: (
        "Packages come from ami job export, results from ami probe job result,"
        " cards from the enrol of the other side"
    ),
    Refused.TAMPERED: "Fetch the file again from where it was made; a changed one is of no use",
}


def refused_file(error: JobRefused) -> NoReturn:
    """End with exit code 2."""
    wrong_usage(str(error), _NEXT.get(error.why), code=str(error.why))
