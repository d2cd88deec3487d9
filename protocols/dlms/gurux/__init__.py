"""gurux-dlms, the field's reference implementation, as a second client engine.

`GuruxConnection` has the shape of our own client connection (`events.ClientEngine`), so the caller
cannot tell which engine runs.  gurux-dlms writes every request and reads every answer; our own code
stands between it and the wire and lets through only what it has verified itself: the tag, the
invocation counter and the invoke id, none of which gurux-dlms 1.0.203 looks at (facts of 2026, each
reproduced in tests/dlms_engines).  Values are read by both, and an answer that the two read
differently is refused: a misreading in one cannot hide in the other.

gurux-dlms is GPL-2.0-only and an extra.  It is imported here alone, and only when the first
connection is made; `EngineMissing` says so where it is not installed.
"""

from protocols.dlms.gurux.connection import GuruxConnection
from protocols.dlms.gurux.library import EngineMissing

__all__ = ["EngineMissing", "GuruxConnection"]
