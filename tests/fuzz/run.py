"""One target under atheris, coverage-guided: `python -m tests.fuzz.run TARGET [libFuzzer options]`.

    python -m tests.fuzz.run apdu CORPUS_FOLDER -runs=1000000 -seed=1 -timeout=10

libFuzzer ends with a code that is not 0, and names the file with the octets, at the first input
that raises, takes longer than -timeout or more memory than -rss_limit_mb.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["protocols", "devices.meter.firmware"]):
    from tests.fuzz.corpus import seeds
    from tests.fuzz.targets import TARGETS


def main() -> None:
    _, target, corpus, *options = sys.argv
    folder = Path(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    for number, octets in enumerate(seeds(target)):
        (folder / f"seed-{number:03d}").write_bytes(octets)
    atheris.Setup([sys.argv[0], *options, corpus], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
