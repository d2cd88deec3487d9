"""The third party's programs, as tests/dlms_engines has them."""

from __future__ import annotations

from tests.dlms_engines.test_peer import peer as peer
