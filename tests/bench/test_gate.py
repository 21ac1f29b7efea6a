"""The gate end to end, by real training of tiny against the committed baselines: right environments pass, wrong ones fail.

Speed and memory belong to the machine that recorded them, so only what holds anywhere is asserted: numerics and perplexity.
"""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.record.files import read_record
from bench.record.types import Run
from tests.faults.trial import fault_variables

ROOT = Path(__file__).resolve().parents[2]

# Clipping never acts in tiny's training (its gradients are short): the stress steps see it.
FAULTS = {
    "learning-rate-minus-10-percent": {"numerics", "perplexity"},
    "state-not-carried": {"numerics", "perplexity"},
    "embedding-gradient-lost": {"numerics", "perplexity"},
    "clip-missing": {"numerics"},
    "forget-bias-lost": {"numerics"},
}
FAST = "learning-rate-minus-10-percent"

# Found by the measured Python before anything else is imported: after the first step no weight is finite.
DIVERGING = """
from lm.config import Config
Config.epoch_learning_rate = lambda self, epoch: float("inf")
"""


def outcomes(output: Path, python: Path, *options: str) -> tuple[int, dict[str, str], Any]:
    """(exit code, outcome by metric, the whole answer) of a gate on tiny."""
    command = [
        sys.executable,
        "-m",
        "bench",
        "gate",
        "--config",
        "tiny",
        "--python",
        str(python),
        "--output",
        str(output),
        "--json",
        *options,
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.stdout, result.stderr
    answer = json.loads(result.stdout)
    return result.returncode, {comparison["metric"]: comparison["outcome"] for comparison in answer["comparisons"]}, answer


def test_the_reference_environment_passes(tmp_path: Path, newest_python: Path) -> None:
    """Its launches are jittered by streams of their own: none is a training that the baseline holds."""
    code, found, answer = outcomes(tmp_path / "run", newest_python, "--launches", "3")
    assert (found["numerics"], found["retraces"], found["perplexity"]) == ("PASS", "PASS", "PASS"), answer
    assert code == 0  # the speed of tiny informs only, and memory is not judged on another machine


@pytest.mark.slow
def test_another_version_passes(tmp_path: Path, oldest_python: Path) -> None:
    _, found, answer = outcomes(tmp_path / "run", oldest_python, "--launches", "3")
    assert (found["numerics"], found["perplexity"]) == ("PASS", "PASS"), answer


@pytest.mark.parametrize("fault", [FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in FAULTS if name != FAST)])
def test_a_fault_fails(tmp_path: Path, newest_python: Path, fault: str) -> None:
    planted = [option for name, value in fault_variables(fault).items() for option in ("--env", f"{name}={value}")]
    code, found, answer = outcomes(tmp_path / "run", newest_python, "--launches", "2", *planted)
    assert code == 1
    assert {metric for metric in ("numerics", "perplexity") if found[metric] == "REGRESSION"} >= FAULTS[fault], answer


def test_a_training_that_diverges_fails_at_its_step_and_is_kept(tmp_path: Path, newest_python: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(DIVERGING)
    code, found, answer = outcomes(tmp_path / "run", newest_python, "--env", f"PYTHONPATH={tmp_path}")
    assert (code, found["training"]) == (1, "REGRESSION")
    (training,) = (comparison for comparison in answer["comparisons"] if comparison["metric"] == "training")
    assert training["note"] == "training diverged: the loss is nan at step 1"
    (record,) = read_record(Run, tmp_path / "run" / "run.json").records
    assert (len(record.losses), math.isfinite(record.losses[0]), math.isnan(record.losses[1])) == (2, True, True)
