"""Ends a PostgreSQL whose user is gone, however that came: left_behind.py FOLDER PG_CTL [USER].

The user holds the other end of our standard input and never writes.  When it ends, also by kill -9,
the kernel closes that end; then the server is stopped and its folder taken away.  Signals that end
a whole group of processes are not for us.  (A parent's death signal would come too early: it comes
when the thread ends that started the child.)
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path


def main() -> None:
    folder, pg_ctl, user = Path(sys.argv[1]), sys.argv[2], (sys.argv[3:] or [None])[0]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    stop = [pg_ctl, "stop", "-m", "immediate", "-D", str(folder / "data")]
    quiet = subprocess.DEVNULL  # one that was stopped before says so
    subprocess.run(stop, user=user, cwd=folder, check=False, stdout=quiet, stderr=quiet)
    shutil.rmtree(folder, ignore_errors=True)


main()
