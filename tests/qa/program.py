"""Stands in for the command line: says what its first argument after the verb asks for.

`ami sim list` has the stories `right`, `wrong`, `slow`, `silent`, `absent` and `broken`, which end
as they are called; `slow` waits until it is ended, with a child of its own.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

STORIES = ("right", "wrong", "slow", "broken", "absent")
OUTLINE = {
    "about": "A story.", "seed": 1, "start": "2026-07-06T14:00:00Z", "duration_s": 60.0,
    "meters": 1, "concentrators": 1, "orders": 1, "expect": {"done": "1"},
    "faults": [{"kind": "modem", "target": "C-001", "at_s": 10.0, "until_s": None}],
}  # fmt: skip


def main() -> None:
    verb, name = sys.argv[2], (sys.argv[3:] + [""])[0]
    if verb == "list":
        print(json.dumps([{"name": each, **OUTLINE} for each in STORIES]))
        return
    if verb == "diff":
        both = [Path(each).read_text().splitlines() for each in sys.argv[3:5]]
        sides = [[json.loads(each[2])] for each in both]
        told = {"same": False, "line": 3, "before": [json.loads(both[0][1])], "left": sides[0],
                "right": sides[1], "outcomes": {"1": ["failed: away", "failed: late"]},
                "kinds": {}}  # fmt: skip
        print(json.dumps(told))
        sys.exit(1)
    print(json.dumps({"progress": {"share": 0.5}}), file=sys.stderr, flush=True)
    print("half of it is over", file=sys.stderr, flush=True)
    if name == "slow":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path("child").write_text(str(child.pid))
        time.sleep(600)
    if name == "broken":
        sys.exit(3)
    if name == "absent":  # an error is told, which is no result
        print(json.dumps({"error": {"code": "failed"}}))
        sys.exit(1)
    if "--keep" in sys.argv:
        Path("kept").mkdir()
        Path("kept/ami.db").touch()
    print(json.dumps({"seed": 1}))
    sys.exit(1 if name == "wrong" else 0)


main()
