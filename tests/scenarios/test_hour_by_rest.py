"""An operator's hour by REST on the simulated clock: hung up, linked, commissioned, ordered, read.

The README's own block runs at real sockets among the long proofs; here are its steps at the whole
head-end and a simulated field, their answers looked at by the story itself.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from headend.domain.commissioning import Verdict
from headend.domain.meter import Stage
from headend.store import registry_queries
from headend.store.store import SqlStore
from scenarios.engine import run
from scenarios.expectations import checks
from scenarios.schema import parse

NEW = "90000001"
STORY = """
about = "By REST a meter is linked, commissioned, limited and read; one that does not hold is not."
start = 2026-07-06T10:00:00
duration = "1h"

[field]
meters = 3
outages = "none"
grid = false

[[meter]]
name = "90000001"
commissioned = false
linked = false

[[mdm]]
at = "1m"
ask = "POST /meters/90000001/commissioning"
status = 409

[[mdm]]
at = "2m"
ask = "POST /meters/90000001/steps"
body = { step = "link", concentrator = "C-001" }

[[mdm]]
at = "3m"
ask = "POST /meters/90000001/commissioning"
body = { why = "new supply" }
status = 202

[[mdm]]
at = "20m"
ask = "POST /orders"
body = { meter = "90000001", kind = "set-limit", amount = "3300", unit = "W" }

[[mdm]]
at = "21m"
ask = "POST /meters/90000001/reads"
body = { objects = ["active-energy-import", "voltage-l1"] }

[[mdm]]
at = "30m"
ask = "POST /meters/90000001/commissioning"
status = 409

[expect]
done = 3
limit = { 90000001 = "3300" }
"""


def test_a_meter_goes_into_service_by_rest_alone(tmp_path: Path) -> None:
    told = run(parse(STORY), keep=tmp_path)
    assert [(check.name, check) for check in checks(told) if not check.ok] == []
    store = SqlStore(f"sqlite:///{tmp_path / 'ami.db'}", live=False)
    found = store.read(lambda connection: registry_queries.meter_file(connection, NEW))
    asyncio.run(store.close())
    assert found is not None and found.stage is Stage.LINKED
    assert [(line.step, line.who, line.why) for line in found.life][-1] == (
        "commission", "mdm", "new supply",
    )  # fmt: skip
    verdicts = {check.what: check.verdict for check in found.checks}
    assert verdicts["register"] is Verdict.HELD and Verdict.FAILED not in verdicts.values()
