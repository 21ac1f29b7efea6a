"""The harness' cost, by a few steps: a session's step times are compared with those of a bare loop."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_step_as_reported_is_compared_with_a_bare_one(newest_python: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [newest_python, "-m", "experiments.harness", "tiny", "2"],
        cwd=ROOT,
        env={**os.environ, "KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"tiny: a step of [\d.]+ ms; as reported [+-][\d.]+% ± [\d.]+% of it\n", done.stdout)
