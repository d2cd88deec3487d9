"""Every decoder under a coverage-guided fuzzer (atheris): over ten million inputs in all.

    AMI_FUZZ_RUNS=10000 pytest -m prove tests/prove/test_fuzz.py    # a shorter look

Each input has ten seconds and each target a gibibyte.  What a run found stays in the corpus folder
that pytest keeps, so that the next one begins there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
RUNS = int(os.environ.get("AMI_FUZZ_RUNS", "800000"))
SEED = 20261122

pytestmark = pytest.mark.prove


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_breaks(target, request, tmp_path):
    if find_spec("atheris") is None:
        pytest.skip("atheris is not installed: pip install ami-headend[prove]")
    corpus = request.config.cache.mkdir(f"fuzz-{target}")
    limits = [f"-runs={RUNS}", f"-seed={SEED}", "-timeout=10", "-rss_limit_mb=1024"]
    limits += ["-max_len=512", "-print_final_stats=1", f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", target, str(corpus), *limits],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stderr.splitlines()
    print(target, *(line for line in said if line.startswith("stat::number_of_executed_units")))
    assert done.returncode == 0, "\n".join(said[-40:])
