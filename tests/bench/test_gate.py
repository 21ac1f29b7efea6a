"""The gate end to end, by real training of tiny: right environments pass, wrong ones fail, and reports are judged again
alike.

Numbers are compared with the committed baselines, and hold anywhere. Speed is measured once, candidate and reference
the same: the outcome belongs to the machine, so that only what is said of it is asserted.
"""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.record.files import read_record
from bench.record.gate import GateRun
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

# Found by the measured Python before anything else is imported: after the first step no weight is finite.
DIVERGING = """
from lm.config import Config
Config.epoch_learning_rate = lambda self, epoch: float("inf")
"""


def tfgate(*words: str) -> tuple[int, str]:
    """(exit code, what it printed) of a command that ends in a verdict."""
    result = subprocess.run(
        [sys.executable, "-m", "bench", *words, "--json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.stdout, result.stderr
    return result.returncode, result.stdout


def outcomes(output: Path, python: Path, *options: str) -> tuple[int, dict[str, str], Any]:
    """(exit code, outcome by metric, the whole answer) of a gate on tiny."""
    code, text = tfgate("gate", "--config", "tiny", "--to", str(python), "--output", str(output), *options)
    answer = json.loads(text)
    return code, {comparison["metric"]["name"]: comparison["outcome"] for comparison in answer["comparisons"]}, answer


def test_the_newest_environment_passes_and_is_judged_again_byte_for_byte(tmp_path: Path, newest_python: Path) -> None:
    """Its launches are jittered by streams of their own: none is a training that the baseline holds."""
    code, found, answer = outcomes(tmp_path / "gate", newest_python, "--no-speed", "--launches", "1")
    assert found == {"numerics": "PASS", "retraces": "PASS", "perplexity": "PASS"}, answer
    assert (code, answer["scope"]) == (0, "numbers")
    again, text = tfgate("check", str(tmp_path / "gate"))
    assert (again, json.loads(text)) == (code, answer)


@pytest.mark.slow
def test_speed_is_measured_in_turn_with_the_reference(tmp_path: Path, newest_python: Path) -> None:
    """An A/A run: what it resolves is the machine's affair, and no metric may be a REGRESSION."""
    code, found, answer = outcomes(tmp_path / "gate", newest_python, "--from", str(newest_python))
    assert {"step time", "mean step", "evaluation step", "peak memory", "memory growth", "words/s"} <= set(found)
    assert "REGRESSION" not in found.values(), answer
    assert code in (0, 3)
    assert answer["scope"] == "numbers and speed"
    assert any("A/A run" in warning.get("text", "") for warning in answer["warnings"])
    gate = read_record(GateRun, tmp_path / "gate" / "gate.json")
    assert (len(gate.speed), gate.speed_problem) == (1, "")
    assert set(gate.phase_seconds) == {"reference environment", "speed of tiny", "numbers"}
    assert tfgate("check", str(tmp_path / "gate")) == (code, json.dumps(answer) + "\n")


@pytest.mark.slow
def test_another_version_passes(tmp_path: Path, oldest_python: Path) -> None:
    code, found, answer = outcomes(tmp_path / "gate", oldest_python, "--no-speed")
    assert (found["numerics"], found["perplexity"], code) == ("PASS", "PASS", 0), answer


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fails(tmp_path: Path, newest_python: Path, fault: str) -> None:
    injected = [option for name, value in fault_variables(fault).items() for option in ("--to-env", f"{name}={value}")]
    code, found, answer = outcomes(tmp_path / "gate", newest_python, "--no-speed", "--launches", "2", *injected)
    assert code == 1
    assert {metric for metric in ("numerics", "perplexity") if found[metric] == "REGRESSION"} >= FAULTS[fault], answer


@pytest.mark.slow
def test_a_training_that_diverges_fails_at_its_step_and_is_kept(tmp_path: Path, newest_python: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(DIVERGING)
    code, found, answer = outcomes(
        tmp_path / "gate", newest_python, "--no-speed", "--launches", "1", "--to-env", f"PYTHONPATH={tmp_path}"
    )
    assert (code, found["training"]) == (1, "REGRESSION")
    (training,) = (comparison for comparison in answer["comparisons"] if comparison["metric"]["name"] == "training")
    assert training["reason"] == {"kind": "diverged", "message": "training diverged: the loss is nan at step 1"}
    kept = read_record(GateRun, tmp_path / "gate" / "gate.json").numbers.records
    for record in kept:
        assert (len(record.losses), math.isfinite(record.losses[0]), math.isnan(record.losses[1])) == (2, True, True)
    assert len(kept) == 2  # it diverged, and again
