"""`tfgate upgrade`: what it refuses before anything is measured, whole runs to their exit codes, and runs judged again by `check`."""

import argparse
import json
from pathlib import Path

import pytest

from bench.commands import upgrade
from bench.commands.sides import prepared_sides
from bench.drive.doctor import Finding
from bench.drive.lock import host_lock
from bench.record.files import read_record, write_record
from bench.record.lockstep import STEPS
from bench.record.paired import PairedRun, Side
from bench.record.types import Failure
from bench.stats.sequential import LOOKS
from tests.bench.commands.conftest import Answer, Tfgate, snapshot
from tests.bench.paired_samples import pair, paired_run
from tests.builders.fake_interpreter import session_text, write_interpreter
from tests.faults.trial import fault_variables


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--config", "huge"], "no configuration is called 'huge'"),
        (["--from-env", "NAME"], "--from-env 'NAME' is not NAME=VALUE"),
        (["--to-env", "=VALUE"], "--to-env '=VALUE' is not NAME=VALUE"),
        (["--speed-only", "--numerics-only"], "--speed-only and --numerics-only leave nothing to compare"),
        (
            ["--metric", "speed"],
            "no metric that can gate is called 'speed'; there are perplexity, memory growth, step time, ",
        ),
        (["--from", "reference", "--to", "reference"], "the reference has no lock for this platform"),
        (["--from", "reference", "--device", "gpu:0"], "the pinned reference has no GPU: name another by --reference"),
        (["--device", "tpu"], "--device is 'tpu'"),
        (["--corpus-path", "nowhere"], "the synthetic corpus is made, not read"),
        (["--baselines", "nowhere"], "nowhere: there is no such folder"),
    ],
)
def test_bad_options_are_refused_before_anything_is_written(
    tfgate: Tfgate, tmp_path: Path, baselines: Path, more: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = snapshot(tmp_path)
    folder = [] if "--baselines" in more else ["--baselines", str(baselines)]
    found = tfgate("upgrade", "--from", "./none", "--to", "./none", *folder, *more)
    assert found.code == 2
    assert said in found.error
    assert snapshot(tmp_path) == before


def test_an_interpreter_that_is_missing_is_named(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    missing = str(tmp_path / "none")
    found = tfgate(
        "upgrade", "--from", missing, "--to", missing, "--baselines", baselines, "--output", tmp_path / "out"
    )
    assert found.code == 2
    assert found.error.startswith(f"{missing}: there is no interpreter")
    assert not (tmp_path / "out").exists()


def test_an_interpreter_that_does_not_start_is_named(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    empty = tmp_path / "python"
    empty.touch(0o755)
    found = tfgate("upgrade", "--from", empty, "--to", empty, "--baselines", baselines, "--output", tmp_path / "out")
    assert found.code == 2
    assert found.error == f"interpreter {empty} can't be started: Exec format error"
    assert not (tmp_path / "out").exists()


def test_both_sides_are_needed(tfgate: Tfgate) -> None:
    found = tfgate("upgrade", "--from", "2.20.0")
    assert found.code == 2
    assert "--to" in found.err


def test_a_paired_run_is_judged_again(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    for name, step in (("same", 0.0), ("slower", 0.2)):
        write_record(tmp_path / name / "paired.json", paired_run([pair(launch, step=step) for launch in range(4)]))
    same = tfgate("check", tmp_path / "same", "--baselines", baselines)
    assert same.code == 0
    assert "PASS (speed and memory only; numbers not compared): nothing that was compared is wrong" in same.out
    assert "2.20.0" in same.out.splitlines()[2]
    slower = tfgate("check", tmp_path / "slower", "--baselines", baselines, "--json")
    assert slower.code == 1
    assert [found["metric"] for found in json.loads(slower.out)["comparisons"] if found["outcome"] == "REGRESSION"] == [
        "step time"
    ]


def test_a_paired_run_is_shown_launch_by_launch(tfgate: Tfgate, tmp_path: Path) -> None:
    broken = Failure("crashed", "the worker was killed by SIGSEGV during steps")
    write_record(
        tmp_path / "run" / "paired.json", paired_run([pair(0, step=0.1), pair(1, failure=broken)], warnings=("busy",))
    )
    shown = tfgate("show", tmp_path / "run")
    assert shown.code == 0
    lines = shown.out.splitlines()
    first = next(line.split() for line in lines if line.split()[:2] == ["1", "reference"])
    assert first == [
        "1",
        "reference",
        "100.00",
        "100.00",
        "+11.0%",
        "+0.40%",
        "1001",
        "1000",
        "30",
        "0%",
    ]  # e^0.104 = 1.110
    assert lines[-2:] == ["failed: launch 2, candidate: the worker was killed by SIGSEGV during steps", "warning: busy"]
    assert json.loads(tfgate("show", tmp_path / "run", "--json").out)["pairs"][0]["first"] == "reference"


# A session whose times and memory have noise (1%), other noise in each interpreter and launch, as the judge wants it.
# A step takes 0.1 s × `slowness`.
NOISY = """
import dataclasses, random

class Session(Session):
    def open(self, **asked):
        self.random = random.Random(f"{{os.path.basename(sys.argv[0])}} {{asked['jitter']}}")
        self.level = 0.1 * {slowness} * self.random.uniform(0.99, 1.01)
        return super().open(**asked)

    def timed(self, block):
        times = tuple(self.level * self.random.uniform(0.99, 1.01) for _ in block.seconds)
        return dataclasses.replace(block, seconds=times, cpu_seconds=times, rss_bytes=block.rss_bytes + self.random.randrange(100))

    def steps(self, count, check=(), tell=False):
        {midway}
        return self.timed(super().steps(count, check))

    def evaluation_steps(self, count):
        return self.timed(super().evaluation_steps(count))
"""
CRASH = "os._exit(3) if self.done > 100 else None"


class TestWholeRuns:
    """From the command line to the exit code, on sides that only play at training."""

    @pytest.fixture(autouse=True)
    def quiet_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Looking for disturbances takes a second."""
        monkeypatch.setattr(upgrade, "examine", tuple)

    def side(self, folder: Path, name: str, slowness: float = 1.0, midway: str = "pass") -> str:
        return write_interpreter(folder / name, session_text(NOISY.format(slowness=slowness, midway=midway)))

    def answer(self, tfgate: Tfgate, folder: Path, reference: str, candidate: str, *more: str) -> Answer:
        options = ["--config", "tiny", "--baselines", folder / "baselines", "--output", folder / "out"]
        return tfgate("upgrade", "--from", reference, "--to", candidate, *options, *more)

    def test_equal_sides_pass(self, tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
        found = self.answer(tfgate, tmp_path, self.side(tmp_path, "a"), self.side(tmp_path, "b"), "--speed-only")
        assert found.code == 0, found
        assert "PASS (speed and memory only; numbers not compared): nothing that was compared is wrong" in found.out
        run = read_record(PairedRun, tmp_path / "out" / "paired.json")
        assert (len(run.pairs), run.oracle, run.lockstep) == (LOOKS[0], (), None)
        assert run.command[:2] == ("tfgate", "upgrade")
        again = tfgate("check", tmp_path / "out", "--baselines", baselines)
        assert (again.code, again.out) == (0, found.out)

    def test_a_slow_candidate_fails(self, tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
        found = self.answer(
            tfgate, tmp_path, self.side(tmp_path, "a"), self.side(tmp_path, "b", 1.2), "--speed-only", "--json"
        )
        assert found.code == 1, found
        outcomes = {comparison["metric"]: comparison["outcome"] for comparison in json.loads(found.out)["comparisons"]}
        assert [metric for metric, outcome in outcomes.items() if outcome == "REGRESSION"] == ["step time"]

    def test_a_metric_alone_is_judged_alone(self, tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
        """A step that is slower decides nothing where memory's growth alone was asked for; the report knows it."""
        sides = self.side(tmp_path, "a"), self.side(tmp_path, "b", 1.2)
        found = self.answer(tfgate, tmp_path, *sides, "--metric", "memory growth", "--json")
        assert found.code == 0, found
        outcomes = {comparison["metric"]: comparison["outcome"] for comparison in json.loads(found.out)["comparisons"]}
        assert (outcomes["memory growth"], outcomes["step time"]) == ("PASS", "informs")
        assert tfgate("check", tmp_path / "out", "--baselines", baselines, "--json").out == found.out

    def test_a_candidate_that_crashes_midway_fails(self, tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
        found = self.answer(
            tfgate, tmp_path, self.side(tmp_path, "a"), self.side(tmp_path, "b", midway=CRASH), "--speed-only"
        )
        assert found.code == 1, found
        assert "the candidate failed in launch 1, where the reference runs: the worker exited with code 3" in " ".join(
            found.out.split()
        )
        assert [pair.launch for pair in read_record(PairedRun, tmp_path / "out" / "paired.json").pairs] == [
            0,
            0,
        ]  # and once more

    def test_a_reference_that_crashes_is_no_verdict(self, tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
        found = self.answer(
            tfgate, tmp_path, self.side(tmp_path, "a", midway=CRASH), self.side(tmp_path, "b"), "--speed-only"
        )
        assert found.code == 4, found
        assert "launch 1: the reference failed: the worker exited with code 3 during steps" in " ".join(
            found.out.split()
        )

    def test_a_reference_that_fails_in_lockstep_is_kept_with_its_words(
        self, tfgate: Tfgate, tmp_path: Path, baselines: Path
    ) -> None:
        """These sides can't do lockstep, and the reference is asked first. The lock is not for what isn't timed."""
        with host_lock():
            found = self.answer(tfgate, tmp_path, self.side(tmp_path, "a"), self.side(tmp_path, "b"), "--numerics-only")
        assert found.code == 4, found
        failure = "lockstep: the reference failed: AttributeError: 'Session' object has no attribute 'share'"
        assert "MEASUREMENT FAILED: " in found.out
        assert failure in " ".join(found.out.split())
        run = read_record(PairedRun, tmp_path / "out" / "paired.json")
        assert run.lockstep_failure is not None
        assert run.lockstep_failure.stderr_tail.startswith("Traceback")
        assert len(run.oracle) == 2  # what was measured before
        assert f"failed: {failure}" in tfgate("show", tmp_path / "out").out.splitlines()
        assert tfgate("check", tmp_path / "out", "--baselines", baselines).code == 4

    def test_beside_another_timing_job_nothing_is_timed(self, tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
        side = self.side(tmp_path, "a")
        with host_lock():
            found = self.answer(tfgate, tmp_path, side, side, "--speed-only")
        assert found.code == 4
        assert "measures on this host already" in found.error
        assert not (tmp_path / "out").exists()

    def test_environments_that_are_built_are_no_disturbance(
        self, tfgate: Tfgate, tmp_path: Path, baselines: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Building loads the machine: it is looked at before."""
        side, built = self.side(tmp_path, "a", midway=CRASH), []

        def build(options: argparse.Namespace) -> dict[str, Side]:
            built.append(side)
            return prepared_sides(options)

        monkeypatch.setattr(upgrade, "prepared_sides", build)
        monkeypatch.setattr(
            upgrade, "examine", lambda: (Finding("load", "2.00", "our own" if built else "2.0 processes of others"),)
        )
        self.answer(tfgate, tmp_path, side, side, "--speed-only")
        assert built
        assert read_record(PairedRun, tmp_path / "out" / "paired.json").warnings[0] == "2.0 processes of others"


@pytest.mark.slow
def test_one_tensorflow_on_both_sides_computes_the_same(
    tfgate: Tfgate, tmp_path: Path, newest_python: Path, baselines: Path
) -> None:
    """Everything, for real: what a busy machine makes of the times is not asked."""
    sides = ["--from", str(newest_python), "--to", str(newest_python)]
    found = tfgate(
        "upgrade", *sides, "--config", "tiny", "--baselines", baselines, "--output", tmp_path / "out", "--json"
    )
    answer = json.loads(found.out)
    outcomes = {comparison["metric"]: comparison["outcome"] for comparison in answer["comparisons"]}
    assert [outcomes[metric] for metric in ("numerics", "lockstep", "retraces", "perplexity")] == ["PASS"] * 4
    assert (found.code, answer["failures"]) == (answer["exit_code"], [])
    assert {"step time", "evaluation step", "peak memory", "memory growth"} < outcomes.keys()
    run = read_record(PairedRun, tmp_path / "out" / "paired.json")
    assert len(run.pairs) in LOOKS
    assert run.lockstep is not None
    assert len(run.lockstep.losses) == STEPS


@pytest.mark.slow
def test_threads_that_work_beside_the_steps_cost_their_own_side(
    tfgate: Tfgate, tmp_path: Path, newest_python: Path, baselines: Path
) -> None:
    """While the other side works they are stopped: else they would slow both alike, and no ratio would tell."""
    variables = fault_variables("threads-besides")
    planted = [option for name, value in variables.items() for option in ("--to-env", f"{name}={value}")]
    sides = [
        "--from",
        str(newest_python),
        "--from-env",
        f"PYTHONPATH={variables['PYTHONPATH']}",
        "--to",
        str(newest_python),
        *planted,
    ]
    more = ["--config", "tiny", "--speed-only", "--baselines", baselines, "--output", tmp_path / "out", "--json"]
    found = tfgate("upgrade", *sides, *more)
    outcomes = {comparison["metric"]: comparison["outcome"] for comparison in json.loads(found.out)["comparisons"]}
    assert (found.code, outcomes["step time"]) == (1, "REGRESSION")


@pytest.mark.slow
def test_a_fault_that_begins_late_is_found(
    tfgate: Tfgate, tmp_path: Path, newest_python: Path, baselines: Path
) -> None:
    """The learning rate falls by 1% after 200 steps: the oracle, which sees 60, can't know."""
    variables = fault_variables("wrong-after-step-200")
    planted = [option for name, value in variables.items() for option in ("--to-env", f"{name}={value}")]
    sides = [
        "--from",
        str(newest_python),
        "--from-env",
        f"PYTHONPATH={variables['PYTHONPATH']}",
        "--to",
        str(newest_python),
        *planted,
    ]
    more = ["--config", "tiny", "--numerics-only", "--baselines", baselines, "--output", tmp_path / "out"]
    found = tfgate("upgrade", *sides, *more)
    assert found.code == 1, found
    said = " ".join(found.out.split())
    assert "lockstep REGRESSION" in said
    assert "is the first to leave its limit, at step 200" in said
