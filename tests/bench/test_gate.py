"""The gate end to end, by real training of tiny: right environments pass, wrong ones fail, and reports are judged again
alike. The quick test's environment computes by NumPy; the others have TensorFlow.

Numbers are compared with the committed baselines, and hold anywhere. Speed is measured once, candidate and reference
the same: the outcome belongs to the machine, so that only what is said of it is asserted.
"""

import dataclasses
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from bench.record.files import read_record, write_record
from bench.record.gate import GateRun
from bench.record.types import Baseline
from lm.config import LAUNCH_PLANS
from tests.builders.numpy_interpreter import numpy_interpreter
from tests.faults.trial import SUBTLE, fault_variables

ROOT = Path(__file__).resolve().parents[2]
BASELINES = ROOT / "baselines"
FEW = 40  # steps of tiny's 2,000

# Clipping never acts in tiny's training (its gradients are short): the stress steps see it.
FAULTS = {
    "learning-rate-minus-10-percent": {"numerics", "perplexity"},
    "state-not-carried": {"numerics", "perplexity"},
    "embedding-gradient-lost": {"numerics", "perplexity"},
    "clip-missing": {"numerics"},
    "forget-bias-lost": {"numerics"},
    **{fault: {"numerics"} for fault in SUBTLE},
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


@pytest.fixture
def first_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the committed baseline of the first steps; launches are as long."""
    whole, subject = LAUNCH_PLANS["tiny"], "tiny-synthetic-cells-cpu0"
    monkeypatch.setitem(LAUNCH_PLANS, "tiny", dataclasses.replace(whole, steps=FEW))
    committed = read_record(Baseline, BASELINES / f"{subject}.json")
    replicas = tuple(dataclasses.replace(one, losses=one.losses[:FEW]) for one in committed.replicas)
    cut = dataclasses.replace(
        committed, subject=dataclasses.replace(committed.subject, steps=FEW), replicas=replicas, throughput=()
    )
    write_record(tmp_path / "baselines" / f"{subject}.json", cut)
    shutil.copy(BASELINES / "margins.toml", tmp_path / "baselines")
    return tmp_path / "baselines"


@pytest.mark.parametrize("environment", ["NumPy", pytest.param("newest_python", marks=pytest.mark.slow)])
def test_a_right_environment_passes_and_is_judged_again_byte_for_byte(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    first_steps: Path,
    capsys: pytest.CaptureFixture[str],
    environment: str,
) -> None:
    """Its launch is jittered by a stream of its own: it is no training that the baseline holds."""
    by_numpy = environment == "NumPy"
    python = numpy_interpreter(tmp_path) if by_numpy else str(request.getfixturevalue(environment))
    by, output = ["--baselines", str(first_steps), "--json"], str(tmp_path / "gate")
    measured = ["--config", "tiny", "--to", python, "--no-speed", "--launches", "1", "--output", output]
    code, text = main(["gate", *measured, *by]), capsys.readouterr().out
    answer = json.loads(text)
    found = {comparison["metric"]["name"]: comparison["outcome"] for comparison in answer["comparisons"]}
    assert found == {"numerics": "PASS", "retraces": "PASS", "perplexity": "PASS"}, answer
    assert (code, answer["scope"]) == (0, "numbers")
    assert (main(["check", output, *by]), capsys.readouterr().out) == (code, text)
    (record,) = read_record(GateRun, tmp_path / "gate" / "gate.json").numbers.records
    # It starts from about 10 ln 500 = 62.1 nats a step, a guess among 500 words at each of 10 time steps.
    assert len(record.losses) == FEW
    assert record.losses[0] == pytest.approx(10 * math.log(500), rel=0.01)
    assert record.losses[-1] < 0.95 * record.losses[0]
    assert record.startup
    assert min(dataclasses.astuple(record.startup)) > 0
    assert record.evaluation
    assert (record.evaluation.tokens, record.evaluation.weights_changed) == (1600, False)
    steps = {error.label: error.steps for error in record.numerics}
    assert [steps[one] for one in ("loss", "norm", "gradient", "clipped", "update", "state")] == [FEW] * 6
    assert steps["logits"] == FEW // 2
    assert by_numpy or record.graph_operations["MatMul"] > 0


@pytest.mark.slow
def test_speed_is_measured_in_turn_with_the_reference(tmp_path: Path, newest_python: Path) -> None:
    """An A/A run: what it resolves is the machine's affair, and no metric may be a REGRESSION."""
    code, found, answer = outcomes(tmp_path / "gate", newest_python, "--from", str(newest_python))
    assert {"step time", "mean step", "evaluation step", "peak memory", "memory growth", "words/s"} <= set(found)
    assert "REGRESSION" not in found.values(), answer
    assert [found[metric] for metric in ("numerics", "retraces", "perplexity")] == ["PASS"] * 3
    assert answer["failures"] == []
    assert code in (0, 3)
    assert answer["scope"] == "numbers and speed"
    assert any("A/A run" in warning.get("text", "") for warning in answer["warnings"])
    gate = read_record(GateRun, tmp_path / "gate" / "gate.json")
    assert (len(gate.speed), gate.speed_problem) == (1, "")
    assert set(gate.phase_seconds) == {"reference environment", "speed of tiny", "numbers"}
    assert tfgate("check", str(tmp_path / "gate")) == (code, json.dumps(answer) + "\n")


@pytest.mark.slow
@pytest.mark.parametrize("environment", ["oldest_python", "newest_python"])
def test_the_oldest_and_the_newest_version_pass(
    request: pytest.FixtureRequest, tmp_path: Path, environment: str
) -> None:
    python = request.getfixturevalue(environment)
    code, found, answer = outcomes(tmp_path / "gate", python, "--no-speed")
    assert (found["numerics"], found["perplexity"], code) == ("PASS", "PASS", 0), answer


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fails(tmp_path: Path, newest_python: Path, fault: str) -> None:
    variables = fault_variables(fault, str(newest_python))
    injected = [option for name, value in variables.items() for option in ("--to-env", f"{name}={value}")]
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
