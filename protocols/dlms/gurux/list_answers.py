"""How gurux-dlms reads the values of a GET response with list, in place of its own way.

Its own (1.0.203, `handleGetResponseWithList`) takes a value that came out as nothing for null-data
and goes on one octet further.  An empty array and an empty structure come out so too: it then takes
the octet after them for theirs, and everything behind is misread or past the end.  Each value is
still read by its `getData`; only where the next one begins is taken from where that one ended.
"""

from __future__ import annotations

import importlib
from typing import Any


def mend(messages: Any) -> None:
    """Have the class of gurux-dlms that reads answers read lists value by value."""
    common = importlib.import_module("gurux_dlms.internal._GXCommon")._GXCommon
    information = importlib.import_module("gurux_dlms.internal._GXDataInfo")._GXDataInfo
    own = messages.handleGetResponseWithList

    def read(settings: Any, reply: Any) -> None:
        if reply.xml:  # translated, not read: it takes no place from a value there
            own(settings, reply)
            return
        values: list[Any] = [None] * common.getObjectCount(reply.data)
        for place in range(len(values)):
            if reply.data.getUInt8():
                reply.error = reply.data.getUInt8()
                continue
            found = information()
            values[place] = common.getData(settings, reply.data, found)
            if not found.complete:
                raise ValueError("a list that ends within a value")
        reply.readPosition = reply.data.position
        reply.value = values

    messages.handleGetResponseWithList = staticmethod(read)
