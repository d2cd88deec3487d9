"""docs/interoperability.md: the matrix as a page, from what a run found.

python -m tests.matrix.page    runs the matrix and writes the page
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import version
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill

from tests.matrix.asked import PDU_SIZE, SERVICES
from tests.matrix.by_hand import BY_HAND
from tests.matrix.known import KNOWN, NOTES, Kind, Known, known_of
from tests.matrix.run import CLIENTS, WORKS, Cell, Results, run
from tests.matrix.servers import AUTHS, ROOT, SERVERS, Server

PAGE = ROOT / "docs" / "interoperability.md"
WIDTH = 100
MARKS = {Kind.UNSUPPORTED: "–", Kind.FAULT: "✗"}

HEAD = f"""# Interoperability

Clients and servers of different people, met on the wire: each a process of its own, over TCP, or
over a pty for mode E. The page is written by a run (`python -m tests.matrix.page`), and a test
(`tests/matrix`) runs all of it again and compares: every cell is run, those that cannot work too.

A ✓ means that the service gave what is true there: of our meter what a second one of the same seed
holds in memory, of pydlms-client's what its source declares. All is read with PDUs of {PDU_SIZE}
octets, so the profile comes in blocks. LLS is a password; HLS GMAC and HLS ECDSA are authenticated
and encrypted throughout, with the invocation counter read by the public client first.

✓ works · – not supported by the peer · ✗ a fault of the peer; the numbers are explained below.

| | implementation |
|---|---|
| ours | `headend/field/direct` as client, `ami meter listen` as server |
| ours, gurux-dlms engine | the same client with gurux-dlms {version("gurux-dlms")} as its engine |
| pydlms-client 0.1.0 | as client, and its simulator as server |
| dlms-cosem 21.3.2 | as client |
"""

FOOT = """
## Also found, and got over

"""

ELSEWHERE = """
## Elsewhere

More is met in other tests: pydlms-client in every suite, mechanism and protection
(`tests/dlms_security/test_peer_secured.py`), general blocks with losses and ACCESS
(`tests/dlms_engines/test_peer_blocks.py`), HDLC windows, address lengths and serial lines
(`tests/hdlc/test_peer.py`), a line without any sign-on and a meter that
pauses (`tests/direct/test_foreign_lines.py`), event notifications and services by short names
(`tests/dlms_engines/test_peer_events.py`, `test_peer_short_names.py`). What each framing tolerates:
[framings](framings.md); which services
there are: [dlms-services](dlms-services.md).
"""


def page(results: Results) -> str:
    """The page for what a run found."""
    met = dict.fromkeys(known for cell in results if (known := _fails_as(cell, results)))
    numbers = {known: number for number, known in enumerate(met, 1)}
    parts = [HEAD]
    for server in SERVERS:
        parts += [f"\n## {_title(server)}\n\n", *_table(server, results, numbers)]
    parts.append("\n## Why not\n\n")
    parts += [
        fill(f"{number}. {known.kind.value}: {known.why}", WIDTH, subsequent_indent="   ") + "\n"
        for known, number in numbers.items()
    ]
    parts.append(FOOT)
    parts += [fill(f"- {note}", WIDTH, subsequent_indent="  ") + "\n" for note in NOTES]
    return "".join([*parts, BY_HAND, ELSEWHERE])


def _title(server: Server) -> str:
    whose = "Our meter" if server.product == "ours" else "The meter of pydlms-client 0.1.0"
    return f"{whose}, {server.name.partition(', ')[2]}"


def _table(server: Server, results: Results, numbers: dict[Known, int]) -> Iterator[str]:
    yield f"| client | authentication | {' | '.join(SERVICES.values())} |\n"
    yield f"|---|---|{':-:|' * len(SERVICES)}\n"
    for client, auth in product(CLIENTS, AUTHS):
        row = [Cell(client, server, auth, service) for service in SERVICES]
        marks = " | ".join(_mark(cell, results, numbers) for cell in row)
        yield f"| {client.name} | {AUTHS[auth]} | {marks} |\n"


def _mark(cell: Cell, results: Results, numbers: dict[Known, int]) -> str:
    if results[cell] == WORKS:
        return "✓"
    known = _fails_as(cell, results)
    return "?" if known is None else f"{MARKS[known.kind]} <sup>{numbers[known]}</sup>"


def _fails_as(cell: Cell, results: Results) -> Known | None:
    """Why a cell failed that is known to; None for one that works, and for a surprise."""
    known = known_of(cell)
    return known if known is not None and known.failed_so(results[cell]) else None


def main() -> None:
    with TemporaryDirectory() as folder:
        results = run(Path(folder))
    PAGE.write_text(page(results), encoding="utf-8")
    works = sum(found == WORKS for found in results.values())
    surprises = [
        (cell, found)
        for cell, found in results.items()
        if (found == WORKS) is (known_of(cell) is not None)
    ]
    print(f"{works} of {len(results)} cells work, {len(KNOWN)} known reasons; {PAGE} is written")
    for cell, found in surprises:
        where = f"{cell.client.name} at {cell.server.name}, {AUTHS[cell.auth]}, {cell.service}"
        print(f"not as expected: {where}: {found or 'works'}", file=sys.stderr)
    sys.exit(1 if surprises else 0)


if __name__ == "__main__":
    main()
