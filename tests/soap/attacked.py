"""`python -m tests.soap.attacked`: the large attacks, one line of JSON each, under limits.

Each is answered with so much address space beyond what the process has, and all together in so much
processor time: beyond, the process ends.
"""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headend.soap.door.server import SoapServer
from protocols.cim import xml
from tests.soap.attacks import LARGE, MB, ORDER
from tests.soap.desk import CountingChance, FixedClock, RememberingDesk

GROWTH_MAX_MB = 256
"""By one message of 8 MB at most."""
CPU_MAX_S = 90
"""All of them take some 10 s; what is quadratic takes minutes for one."""

_SELF = Path("/proc/self")


def server(desk: RememberingDesk) -> SoapServer:
    return SoapServer(desk, FixedClock(), CountingChance(), bounds=xml.BOUNDS)


def _status_mb(name: str) -> float:
    for line in (_SELF / "status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


@contextmanager
def _limited() -> Iterator[None]:
    """Allocators reserve more than they touch: as much again."""
    space = int((_status_mb("VmSize") + 2 * GROWTH_MAX_MB) * MB)
    resource.setrlimit(resource.RLIMIT_AS, (space, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


async def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_MAX_S, CPU_MAX_S))
    await server(RememberingDesk()).handle(ORDER)  # schemas are read once
    for name, (make, _, _) in LARGE.items():
        octets = make()
        (_SELF / "clear_refs").write_text("5", encoding="ascii")  # the peak begins anew: proc(5)
        before = _status_mb("VmRSS")
        began = time.process_time()
        with _limited():
            answer = await server(RememberingDesk()).handle(octets)
        took_s = time.process_time() - began
        assert answer.told is not None
        line = {
            "name": name,
            "octets": len(octets),
            "result": answer.told.result,
            "key": answer.told.key,
            "growth_mb": round(_status_mb("VmHWM") - before),
            "cpu_s": round(took_s, 3),
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
