"""`tfgate upgrade`: whole runs to their exit codes, and runs judged again by `check`."""

import json
from pathlib import Path

import pytest

from bench.drive.doctor import Finding
from bench.drive.lock import host_lock
from bench.judge.types import Scope
from bench.record.files import read_record, write_record
from bench.record.lockstep import STEPS
from bench.record.paired import PairedRun
from bench.record.types import Failure
from bench.stats.sequential import LOOKS
from tests.builders.commands import CRASH, FIRST_PASS, NOT_GATED, PASS, REGRESSION, Answer, Tfgate, noisy_side
from tests.builders.paired import pair, paired_run
from tests.faults.trial import SUBTLE, sides_of


def test_an_interpreter_that_does_not_start_is_named(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    empty = tmp_path / "python"
    empty.touch(0o755)
    found = tfgate("upgrade", "--from", empty, "--to", empty, "--baselines", baselines, "--output", tmp_path / "out")
    assert found.code == 2
    assert str(empty) in found.error
    assert not (tmp_path / "out").exists()


def test_a_paired_run_is_judged_again(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    for name, step in (("same", 0.0), ("slower", 0.2)):
        write_record(tmp_path / name / "paired.json", paired_run([pair(launch, step=step) for launch in range(10)]))
    same, slower = (tfgate("check", tmp_path / name, "--baselines", baselines, "--json") for name in ("same", "slower"))
    assert (same.outcome, same.plain["scope"]) == (PASS, Scope.SPEED.value)
    assert slower.outcome is REGRESSION
    assert [metric for metric, outcome in slower.outcomes.items() if outcome is REGRESSION] == ["step time"]


def test_a_paired_run_is_shown_launch_by_launch(tfgate: Tfgate, tmp_path: Path) -> None:
    broken = Failure("crashed", "the worker was killed by SIGSEGV during steps")
    write_record(
        tmp_path / "run" / "paired.json", paired_run([pair(0, step=0.1), pair(1, failure=broken)], warnings=("busy",))
    )
    shown = tfgate("show", tmp_path / "run")
    assert shown.code == 0
    lines = shown.out.splitlines()
    (first,) = (line for line in lines if line.split()[:3] == ["1", "all", "reference"])
    step, peak = ("100.00", "/", "100.00"), ("1001", "/", "1000")
    assert first.split()[3:] == [*step, "+11.0%", "+0.40%", *peak, "30", "0%"]  # e^0.104 = 1.110
    assert lines[-2:] == ["failed: launch 2, candidate: the worker was killed by SIGSEGV during steps", "warning: busy"]
    assert json.loads(tfgate("show", tmp_path / "run", "--json").out)["pairs"][0]["first"] == "reference"


@pytest.mark.parametrize("margin", ["0", "-0.1", "nan", "1", "1.5", "3%"])
def test_an_impossible_margin_is_refused_in_one_line(tfgate: Tfgate, margin: str) -> None:
    found = tfgate("upgrade", "--from", "2.20.0", "--to", "2.21.0", "--margin", margin)
    assert found.code == 2
    assert found.error == f"argument --margin: {margin!r} is not a fraction above 0 and below 1"


@pytest.mark.parametrize("words", [["--numerics-only"], ["--metric", "peak memory"]])
def test_a_margin_without_step_times_is_refused(tfgate: Tfgate, words: list[str]) -> None:
    found = tfgate("upgrade", "--from", "2.20.0", "--to", "2.21.0", "--margin", "0.03", *words)
    assert (found.code, found.error) == (2, "--margin is of step times, which are not measured here: leave it out")


@pytest.mark.usefixtures("fake_oracle", "short_launches")
class TestWholeRuns:
    """From the command line to the exit code, on sides that only play at training."""

    def side(self, folder: Path, name: str, slowness: float = 1.0, midway: str = "pass") -> str:
        return noisy_side(folder / name, slowness=slowness, midway=midway)

    def answer(self, tfgate: Tfgate, folder: Path, reference: str, candidate: str, *more: str) -> Answer:
        options = ["--config", "tiny", "--baselines", folder / "baselines", "--output", folder / "out"]
        return tfgate("upgrade", "--from", reference, "--to", candidate, *options, *more)

    def test_equal_sides_pass(self, tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
        more = ("--speed-only", "--budget", "12")
        found = self.answer(tfgate, tmp_path, self.side(tmp_path, "a"), self.side(tmp_path, "b"), *more)
        assert found.code == 0, found
        run = read_record(PairedRun, tmp_path / "out" / "paired.json")
        assert (len(run.pairs), run.oracle, run.lockstep) == (FIRST_PASS, (), None)
        assert (run.command[:2], run.budget_minutes) == (("tfgate", "upgrade"), 12)
        again = tfgate("check", tmp_path / "out", "--baselines", baselines)
        assert (again.code, again.out) == (0, found.out)

    def test_a_margin_of_one_s_own_decides_here_and_when_the_report_is_judged_again(
        self, tfgate: Tfgate, tmp_path: Path, baselines: Path
    ) -> None:
        """The candidate's step takes 20% longer; the baselines' margin is smaller than that."""
        sides = self.side(tmp_path, "a"), self.side(tmp_path, "b", 1.2)
        found = self.answer(tfgate, tmp_path, *sides, "--metric", "step time", "--margin", "0.4")
        assert found.code == 0, found
        assert read_record(PairedRun, tmp_path / "out" / "paired.json").margin == 0.4
        assert tfgate("check", tmp_path / "out", "--baselines", baselines).out == found.out

    def test_what_disturbs_and_what_a_margin_of_one_s_own_is_not_measured_for_are_in_the_report(
        self, tfgate: Tfgate, tmp_path: Path, baselines: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is of steps on one core too, for which the baselines have none, and which can't be measured here."""
        monkeypatch.setattr("bench.commands.plans.core_to_pin", lambda: None)
        monkeypatch.setattr("bench.commands.timing.examine", lambda: (Finding("load", "2.0", "a load of 2.0"),))
        side = self.side(tmp_path, "a", midway=CRASH)
        self.answer(tfgate, tmp_path, side, side, "--speed-only", "--margin", "0.4")
        warnings = read_record(PairedRun, tmp_path / "out" / "paired.json").warnings
        assert "a load of 2.0" in warnings
        assert any("step time on one core is not measured" in line for line in warnings)

    def test_a_metric_alone_is_judged_alone(self, tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
        """A step that is slower decides nothing where memory's growth alone was asked for; the report knows it."""
        sides = self.side(tmp_path, "a"), self.side(tmp_path, "b", 1.2)
        found = self.answer(tfgate, tmp_path, *sides, "--metric", "memory growth", "--json")
        assert found.code == 0, found
        assert (found.outcomes["memory growth"], found.outcomes["step time"]) == (PASS, NOT_GATED)
        assert tfgate("check", tmp_path / "out", "--baselines", baselines, "--json").out == found.out

    def test_a_candidate_that_crashes_midway_fails(self, tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
        found = self.answer(
            tfgate, tmp_path, self.side(tmp_path, "a"), self.side(tmp_path, "b", midway=CRASH), "--speed-only"
        )
        assert found.code == 1, found
        pairs = read_record(PairedRun, tmp_path / "out" / "paired.json").pairs
        assert [(pair.launch, pair.candidate.failure is None) for pair in pairs] == [(0, False)] * 2  # and once more

    def test_a_reference_that_crashes_is_no_verdict(self, tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
        found = self.answer(
            tfgate, tmp_path, self.side(tmp_path, "a", midway=CRASH), self.side(tmp_path, "b"), "--speed-only"
        )
        assert found.code == 4, found

    def test_a_reference_that_fails_in_lockstep_is_kept_with_its_words(
        self, tfgate: Tfgate, tmp_path: Path, baselines: Path
    ) -> None:
        """These sides can't do lockstep, and the reference is asked first. The lock is not for what isn't timed."""
        with host_lock():
            found = self.answer(tfgate, tmp_path, self.side(tmp_path, "a"), self.side(tmp_path, "b"), "--numerics-only")
        assert found.code == 4, found
        run = read_record(PairedRun, tmp_path / "out" / "paired.json")
        assert run.lockstep_failure is not None
        assert run.lockstep_failure.stderr_tail.startswith("Traceback")
        assert len(run.oracle) == 2  # what was measured before
        assert "'Session' object has no attribute 'share'" in run.lockstep_failure.message
        assert tfgate("check", tmp_path / "out", "--baselines", baselines).code == 4

    def test_several_models_have_folders_of_their_own_and_the_worst_exit_code(
        self, tfgate: Tfgate, tmp_path: Path, baselines: Path
    ) -> None:
        """The candidate crashes, which is a regression; of `tiny` the reference does, which is no verdict."""
        midway = "os._exit(3) if self.config == 'tiny' else None"
        sides = self.side(tmp_path, "a", midway=midway), self.side(tmp_path, "b", midway="os._exit(3)")
        more = ("--config", "notebook", "--workload", "train", "--workload", "masked", "--speed-only", "--json")
        found = self.answer(tfgate, tmp_path, *sides, *more)
        folders = {
            "tiny": "tiny-synthetic-cells-cpu0",
            "notebook": "notebook-synthetic-cells-cpu0",
            "masked-tiny": "masked-tiny-cpu0",
            "masked-notebook": "masked-notebook-cpu0",
        }
        assert (found.code, [verdict["exit_code"] for verdict in found.plain]) == (1, [4, 1, 4, 1]), found
        assert [line for line in found.err.splitlines() if line.startswith("measuring")] == [
            f"measuring {folder}" for folder in folders
        ]
        for folder, subject in folders.items():
            run = read_record(PairedRun, tmp_path / "out" / folder / "paired.json")
            assert run.pairs[0].reference.subject.name == subject

    def test_a_workload_is_judged_by_its_own_margins_and_metrics(
        self, tfgate: Tfgate, tmp_path: Path, baselines: Path
    ) -> None:
        """The margin without a pilot is 5%; perplexity and evaluation don't apply."""
        sides = self.side(tmp_path, "a"), self.side(tmp_path, "b", 1.2)
        found = self.answer(tfgate, tmp_path, *sides, "--workload", "predict-call", "--json")
        assert found.outcome is REGRESSION, found
        assert (found.outcomes["step time"], found.outcomes["numerics"]) == (REGRESSION, PASS)
        assert not {"perplexity", "evaluation step", "trace", "lockstep"} & set(found.outcomes)
        assert found.outcomes["memory growth"] is NOT_GATED
        assert {one["subject"] for one in found.plain["comparisons"]} == {"predict-call-tiny-cpu0"}

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--workload", "masked", "--config", "small"], "workload masked has no configuration small; it has tiny"),
            (["--workload", "nought"], "nought"),
        ],
    )
    def test_a_workload_that_there_is_not_is_refused(
        self, tfgate: Tfgate, tmp_path: Path, baselines: Path, options: list[str], said: str
    ) -> None:
        side = self.side(tmp_path, "a")
        found = self.answer(tfgate, tmp_path, side, side, *options)
        assert found.code == 2
        assert said in found.err


@pytest.mark.slow
def test_one_tensorflow_on_both_sides_computes_the_same(
    tfgate: Tfgate, tmp_path: Path, newest_python: Path, baselines: Path
) -> None:
    """Everything, for real: what a busy machine makes of the times is not asked."""
    sides = ["--from", str(newest_python), "--to", str(newest_python)]
    found = tfgate(
        "upgrade", *sides, "--config", "tiny", "--baselines", baselines, "--output", tmp_path / "out", "--json"
    )
    outcomes = found.outcomes
    assert [outcomes[metric] for metric in ("numerics", "lockstep", "retraces", "perplexity")] == [PASS] * 4
    assert (found.code, found.plain["failures"]) == (found.plain["exit_code"], [])
    assert {"step time", "evaluation step", "peak memory", "memory growth"} < outcomes.keys()
    run = read_record(PairedRun, tmp_path / "out" / "paired.json")
    assert len(run.pairs) in LOOKS
    assert run.lockstep is not None
    assert len(run.lockstep.losses) == STEPS


@pytest.mark.slow
@pytest.mark.parametrize("fault", SUBTLE)
def test_a_fault_that_slipped_through_once_is_found(
    tfgate: Tfgate, tmp_path: Path, newest_python: Path, fault: str
) -> None:
    sides = sides_of(fault, str(newest_python))
    found = tfgate("upgrade", *sides, "--config", "tiny", "--numerics-only", "--output", tmp_path / "out", "--json")
    assert (found.code, found.outcomes["numerics"]) == (1, REGRESSION)


@pytest.mark.slow
def test_threads_that_work_alongside_the_steps_cost_their_own_side(
    tfgate: Tfgate, tmp_path: Path, newest_python: Path, baselines: Path
) -> None:
    """While the other side works they are stopped: else they would slow both alike, and no ratio would tell."""
    sides = sides_of("threads-besides", str(newest_python))
    more = ["--config", "tiny", "--speed-only", "--baselines", baselines, "--output", tmp_path / "out", "--json"]
    found = tfgate("upgrade", *sides, *more)
    assert (found.code, found.outcomes["step time"]) == (1, REGRESSION)


@pytest.mark.slow
@pytest.mark.parametrize("environment", ["oldest_python", "newest_python"])
@pytest.mark.parametrize(("workload", "part"), [("train", 0.1), ("train", 0.4), ("fit", 0.4), ("per-example", 7)])
def test_a_slowdown_of_the_size_that_was_reported_is_caught(
    request: pytest.FixtureRequest, tfgate: Tfgate, tmp_path: Path, environment: str, workload: str, part: float
) -> None:
    sides = sides_of(f"calls-slower-by-{part}", str(request.getfixturevalue(environment)))
    only = ["--metric", "step time on one core", "--output", tmp_path / "out", "--json"]
    found = tfgate("upgrade", *sides, "--workload", workload, "--config", "tiny", *only)
    assert found.outcomes["step time on one core"] is REGRESSION
