"""Services by short names, as pydlms-client 0.1.0 reads them: all that we have vectors of."""

from __future__ import annotations

import re

import pytest

from tests.dlms.test_short_names import VECTORS
from tests.dlms_engines.test_peer import peer, run

__all__ = ["peer"]  # a fixture

pytestmark = pytest.mark.xdist_group("peer")


NOT_THEIRS = {"write, and say nothing"}  # which it has no decoder for


def test_the_peer_reads_the_same_services_and_the_same_parts(peer) -> None:
    wires = [bytes.fromhex(octets).hex() for octets, *_ in VECTORS.values()]
    told = run(peer / "pydlms", "decode", "--framing", "apdu", *wires)
    assert told.returncode == 0, told.stderr
    parts = re.split(r"^== APDU .*\n", told.stdout, flags=re.MULTILINE)[1:]
    assert len(parts) == len(VECTORS)
    for name, said in zip(VECTORS, parts, strict=True):
        apdu = VECTORS[name][1]
        if name in NOT_THEIRS:
            assert "DecodeError" in said, "it reads it now"
            continue
        assert said.split()[0] == type(apdu).__name__, (name, said)
        items = getattr(apdu, "accesses", None) or getattr(apdu, "results", ())
        assert said.count("[") == len(items) + len(getattr(apdu, "data", ())), (name, said)
