"""Prints the log's digest of every story of the library under some seeds; run as a process.

    python -m tests.prove.logs FIRST LAST

What differs between two such processes (the seed of Python's hashes, the processor's vector
instructions, the order in which memory is given out) must not show in any digest.
"""

from __future__ import annotations

import json
import sys

from scenarios import stories
from scenarios.engine import run
from tools.terminal import log_nothing


def main() -> None:
    first, last = (int(argument) for argument in sys.argv[1:])
    log_nothing()
    for name in stories.names():
        _, scenario = stories.find(name)
        digests = {seed: run(scenario, seed=seed).log_sha256 for seed in range(first, last + 1)}
        print(json.dumps({name: digests}), flush=True)


if __name__ == "__main__":
    main()
