"""`tfgate lockstep`: exit codes, what its JSON holds, and several configurations."""

import dataclasses
import json
from pathlib import Path

import pytest

from bench.commands.lockstep import WORKLOADS
from bench.drive.plan import Plan
from bench.drive.process import WorkerError
from bench.record.codec import from_plain
from bench.record.lockstep import Lockstep
from bench.record.types import Failure
from lm.workloads.registry import names, workload
from tests.builders.commands import FAILED, PASS, REGRESSION, Answer, Tfgate
from tests.builders.numpy_interpreter import numpy_interpreter
from tests.builders.verdicts import lockstep as made_lockstep

HALF_A_PERCENT = "trainer.learning_rate = 1.005 if step == 2 else 1.0"
BY_A_VARIABLE = "trainer.learning_rate = float(os.environ.get('INJECTED_RATE', '1'))"


def lockstep(tfgate: Tfgate, folder: Path, candidate: str = "pass", *more: str, reference: str = "pass") -> Answer:
    sides = ["--from", numpy_interpreter(folder, reference), "--to", numpy_interpreter(folder, candidate)]
    return tfgate("lockstep", *sides, "--steps", "4", *more)


def test_equal_sides_pass(tfgate: Tfgate, tmp_path: Path) -> None:
    found = lockstep(tfgate, tmp_path, "pass", "--json")
    assert (found.outcome, found.err) == (PASS, "")
    result = from_plain(Lockstep, found.plain["lockstep"])
    assert (len(result.losses), len(result.differences)) == (4, 33)


def test_a_departure_is_a_regression_and_json_holds_every_difference(tfgate: Tfgate, tmp_path: Path) -> None:
    found = lockstep(tfgate, tmp_path, HALF_A_PERCENT, "--json")
    assert (found.outcome, found.outcomes) == (REGRESSION, {"lockstep": REGRESSION})
    result = from_plain(Lockstep, found.plain["lockstep"])
    assert result.departure is not None
    first = result.departure.first
    (found_by_step,) = (
        one.by_step for one in result.differences if (one.quantity, one.tensor) == (first.quantity, first.tensor)
    )
    assert found_by_step[:2] == (0.0, 0.0)
    assert found_by_step[2] == pytest.approx(0.005, rel=0.01)


@pytest.mark.parametrize("name", ["masked", "all"])
def test_a_workload_without_training_steps_is_refused_in_one_line(tfgate: Tfgate, name: str) -> None:
    found = tfgate("lockstep", "--from", "2.20.0", "--to", "2.21.0", "--workload", name)
    assert found.code == 2
    assert found.error.startswith("lockstep compares training steps")
    assert "`tfgate upgrade --numerics-only --workload" in found.error


def test_a_model_of_ones_own_is_refused_as_one(tfgate: Tfgate, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def workload(): pass")
    found = tfgate("lockstep", "--from", "2.20.0", "--to", "2.21.0", "--workload", tmp_path / "mine.py")
    assert found.code == 2
    assert "of tfgate's own models, and mine.py is a model of yours" in found.error


def test_the_workloads_of_training_steps_are_offered_and_no_others(
    tfgate: Tfgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [name for name in names() if not workload(name).cases] == list(WORKLOADS)
    monkeypatch.setenv("COLUMNS", "1000")
    (line,) = (line for line in tfgate("lockstep", "--help").out.splitlines() if "  --workload NAME" in line)
    assert line.endswith(f"{', '.join(WORKLOADS)}; may be repeated (default: train)")


def test_a_variant_of_the_training_step_is_compared(tfgate: Tfgate, tmp_path: Path) -> None:
    found = lockstep(tfgate, tmp_path, "pass", "--workload", "train-without-onednn", "--json")
    assert found.outcome == PASS
    assert found.plain["lockstep"]["subject"]["workload"] == "train-without-onednn"


@pytest.mark.parametrize(("option", "code"), [("--to-env", 1), ("--from-env", 3)])
def test_variables_reach_their_side_alone(tfgate: Tfgate, tmp_path: Path, option: str, code: int) -> None:
    """With a wrong reference nothing is proven: the oracle sides with the candidate. The headline tells them apart."""
    found = lockstep(tfgate, tmp_path, BY_A_VARIABLE, option, "INJECTED_RATE=1.01", reference=BY_A_VARIABLE)
    assert found.code == code
    headline = " ".join(found.out.split("\n\n")[0].split())
    given = "TensorFlow 9.9.9 with INJECTED_RATE=1.01"
    sides = ("TensorFlow 9.9.9", given) if option == "--to-env" else (given, "TensorFlow 9.9.9")
    expected = {
        1: "REGRESSION: {1} does not compute what {0} computes",
        3: "INCONCLUSIVE: the comparison proves neither that {1} computes what {0} computes nor that it does not",
    }
    assert headline.startswith(expected[code].format(*sides))


def test_of_several_configurations_the_worst_exit_code_counts_and_json_is_a_list(
    tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault is in `notebook` alone."""

    def compared(plan: Plan, *given: object) -> Lockstep:
        made = made_lockstep(departs=plan.config == "notebook")
        return dataclasses.replace(made, subject=dataclasses.replace(made.subject, config=plan.config))

    monkeypatch.setattr("bench.commands.lockstep.run_lockstep", compared)
    found = lockstep(tfgate, tmp_path, "pass", "--config", "notebook", "--config", "tiny", "--json")
    verdicts = json.loads(found.out)
    assert [verdict["outcome"] for verdict in verdicts] == [REGRESSION.value, PASS.value]
    assert [verdict["lockstep"]["subject"]["config"] for verdict in verdicts] == ["notebook", "tiny"]
    assert found.code == 1


@pytest.mark.parametrize(("departs", "code"), [(True, 1), (False, 4)])
def test_a_configuration_that_cannot_be_compared_hides_no_other_s_verdict(
    tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, departs: bool, code: int
) -> None:
    """The reference runs out of memory in `notebook`, the second of three."""

    def compared(plan: Plan, *given: object) -> Lockstep:
        if plan.config == "notebook":
            raise WorkerError(Failure("crashed", "the reference was killed"))
        return made_lockstep(departs=departs)

    monkeypatch.setattr("bench.commands.lockstep.run_lockstep", compared)
    configs = [word for name in ("tiny", "notebook", "small") for word in ("--config", name)]
    found = lockstep(tfgate, tmp_path, "pass", *configs, "--json")
    others = (REGRESSION if departs else PASS).value
    verdicts = json.loads(found.out)
    assert found.code == code
    assert [verdict["outcome"] for verdict in verdicts] == [others, FAILED.value, others]
    assert [verdict["lockstep"] is None for verdict in verdicts] == [False, True, False]
    assert [one["message"] for one in verdicts[1]["failures"]] == ["the reference was killed"]
    text = lockstep(tfgate, tmp_path, "pass", *configs)
    assert (text.code, "failed: notebook: the reference was killed" in text.out.splitlines()) == (code, True)
