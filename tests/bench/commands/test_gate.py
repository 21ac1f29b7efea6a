"""`tfgate gate`: whole gates on sides that only play at training, and what it refuses before anything is measured."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.commands import gate
from bench.record.files import keeper, read_record, write_record
from bench.record.gate import GateRun
from bench.record.types import Environment, Machine, Replica, Subject, Throughput
from bench.stats.sequential import LOOKS
from lm.config import LAUNCH_PLANS
from tests.bench.commands.conftest import MARGINS_TEXT, Answer, Tfgate, snapshot
from tests.bench.fake_interpreter import session_text, write_interpreter
from tests.bench.samples import baseline

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = {"keras": "3.15.1", "numpy": "2.4.0", "tensorflow-cpu": "2.22.0"}
PINNED = {**PACKAGES, "tensorflow-cpu": "2.21.0"}

# A session whose trainings, times and memory have noise: each interpreter and launch its own. A step takes 0.1 s × `slowness`, so that
# its 80 words make 800 words/s.
SESSION = """
import dataclasses, random

def first(name):
    try:
        os.close(os.open(os.path.join({folder!r}, name), os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False

class Session(Session):
    def open(self, **asked):
        self.random = random.Random(f"{{os.path.basename(sys.argv[0])}} {{asked['jitter']}}")
        self.level = 0.1 * {slowness} * self.random.uniform(0.99, 1.01)
        self.loss = 50 + random.Random(asked["jitter"]).uniform(-0.01, 0.01)
        return super().open(**asked)

    def timed(self, block):
        times = tuple(self.level * self.random.uniform(0.99, 1.01) for _ in block.seconds)
        return dataclasses.replace(block, seconds=times, cpu_seconds=times, rss_bytes=block.rss_bytes + self.random.randrange(100))

    def steps(self, count, check=(), tell=False):
        in_turn = not tell
        {midway}
        block = self.timed(super().steps(count, check))
        return dataclasses.replace(block, losses=(self.loss,) * count)

    def evaluation_steps(self, count):
        return self.timed(super().evaluation_steps(count))

{more}
"""
ALWAYS = "os._exit(3) if in_turn == {in_turn} else None"
ONCE = "os._exit(3) if in_turn == {in_turn} and first('crash') else None"
WRONG = """
class Session(Session):
    def steps(self, count, check=(), tell=False):
        block = super().steps(count, check, tell)
        return dataclasses.replace(block, numerics=tuple(dataclasses.replace(error, error=1.0) for error in block.numerics))
"""


class Gate:
    """Sides and baselines in a folder, and the command on them."""

    def __init__(self, folder: Path, tfgate: Tfgate) -> None:
        self.folder, self.tfgate = folder, tfgate
        self.baselines, self.out = folder / "baselines", folder / "out"
        for config in ("tiny", "notebook", "small"):
            self.write_baseline(config)
        (self.baselines / "margins.toml").write_text(MARGINS_TEXT, encoding="utf-8")

    def write_baseline(self, config: str, words_per_second: Sequence[float] = ()) -> None:
        """Replicas of the sides' training, and the words/s of one stored run on their machine, in turn."""
        subject = Subject(config, "synthetic", "cells", "cpu:0", "fa4e", LAUNCH_PLANS[config].steps, 10, 80)
        replicas = [
            Replica(
                Environment("3.11.0", tensorflow, "fake", "9", "9", False, 2, {}),
                jitter,
                (50 + random.Random(jitter).uniform(-0.01, 0.01),) * subject.steps,
            )
            for jitter, tensorflow in enumerate(["9.9.7", "9.9.8", "9.9.9"] * 3)
        ]
        machine = Machine("fake", 2, "fake", 1)
        stored = (
            [Throughput("2026-01-01T00:00:00+00:00", machine, "9.9.9", 2, True, tuple(words_per_second))]
            if words_per_second
            else []
        )
        write_record(self.baselines / f"{subject.name}.json", baseline(replicas, stored, subject), replace=True)

    def side(
        self,
        name: str,
        packages: dict[str, str] = PACKAGES,
        *,
        slowness: float = 1.0,
        midway: str = "pass",
        more: str = "",
    ) -> str:
        body = SESSION.format(folder=str(self.folder), slowness=slowness, midway=midway, more=more)
        return write_interpreter(self.folder / name, session_text(body), packages)

    def __call__(self, candidate: str, *more: str | Path, reference: str | None = "reference") -> Answer:
        """The command's answer on a candidate, in turn with a sound reference unless another, or none, is named."""
        named = self.side("reference", PINNED) if reference == "reference" else reference
        against = ["--reference", named] if named else []
        return self.tfgate(
            "gate", "--python", candidate, *against, *more, "--baselines", self.baselines, "--output", self.out
        )

    @property
    def report(self) -> GateRun:
        return read_record(GateRun, self.out / "gate.json")

    def check(self, *more: str) -> Answer:
        return self.tfgate("check", self.out, "--baselines", self.baselines, *more)


@pytest.fixture
def gated(tmp_path: Path, tfgate: Tfgate, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Looking for disturbances would take a second, and find the tests."""
    monkeypatch.setattr(gate, "examine", tuple)
    return Gate(tmp_path, tfgate)


def configs(report: GateRun) -> tuple[list[str], list[str]]:
    """(those whose numbers, those whose speed was measured)."""
    numbers = dict.fromkeys(record.subject.config for record in report.numbers.records)
    return list(numbers), [run.pairs[0].candidate.subject.config for run in report.speed]


def outcomes(answer: Answer) -> dict[str, str]:
    """Outcome by metric of a JSON answer about one subject."""
    return {comparison["metric"]: comparison["outcome"] for comparison in json.loads(answer.out)["comparisons"]}


def said(answer: Answer) -> str:
    return " ".join(answer.out.split())


def test_a_sound_candidate_passes_and_notebook_alone_is_timed(gated: Gate) -> None:
    answer = gated(gated.side("candidate"))
    assert answer.code == 0, answer
    assert (
        "\nPASS: as correct as the baselines; a slowdown of 5.0% or more is ruled out (notebook-synthetic-cells-cpu0)\n"
        in answer.out
    )
    assert configs(gated.report) == (["tiny", "notebook", "small"], ["notebook"])
    assert len(gated.report.speed[0].pairs) == LOOKS[0]
    assert len(gated.report.numbers.records) == 3 * gate.LAUNCHES
    assert set(gated.report.phase_seconds) == {"reference environment", "speed of notebook", "numbers"}
    assert gated.report.warnings == ()
    assert "tfgate gate --no-speed --python" in answer.out  # the numbers alone again
    assert "--metric NAME" in answer.out


@pytest.mark.parametrize(
    ("options", "timed"),
    [
        (["--config", "tiny"], ["tiny"]),
        (["--config", "small", "--config", "tiny"], ["small"]),
        (["--config", "tiny", "--config", "notebook"], ["notebook"]),
        (["--config", "tiny", "--config", "small", "--full"], ["tiny", "small"]),
    ],
)
def test_which_configurations_are_timed(gated: Gate, options: list[str], timed: list[str]) -> None:
    assert gated(gated.side("candidate"), *options, "--launches", "2").code == 0
    assert configs(gated.report)[1] == timed


@pytest.mark.parametrize(("option", "numbers"), [("--no-speed", ["tiny", "notebook", "small"]), ("--quick", ["tiny"])])
def test_a_pass_of_numbers_alone_says_so(gated: Gate, option: str, numbers: list[str]) -> None:
    """And needs no reference: there is none here."""
    answer = gated(gated.side("candidate"), option, reference=None)
    assert answer.code == 0, answer
    assert answer.out.startswith("PASS (numbers only; speed not measured): as correct as the baselines\n")
    assert configs(gated.report) == (numbers, [])
    assert gated.report.speed_problem == ""


def test_a_slow_candidate_fails(gated: Gate) -> None:
    answer = gated(gated.side("candidate", slowness=1.2), "--config", "tiny", "--json")
    assert answer.code == 1
    found = outcomes(answer)
    assert [metric for metric, outcome in found.items() if outcome == "REGRESSION"] == ["step time"]
    assert found["perplexity"] == "PASS"  # the numbers are judged all the same


def test_a_wrong_step_fails(gated: Gate) -> None:
    answer = gated(gated.side("candidate", more=WRONG), "--config", "tiny", "--json")
    assert (answer.code, outcomes(answer)["numerics"], outcomes(answer)["step time"]) == (1, "REGRESSION", "PASS")


@pytest.mark.usefixtures("environment_cache")
class TestWithoutAReference:
    """Inconclusive, unless the numbers are wrong."""

    @pytest.fixture(params=["no lock", "offline"])
    def reason(
        self, request: pytest.FixtureRequest, gated: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> str:
        """Why the reference can't be built."""
        (gated.baselines / "reference").mkdir()
        if request.param == "no lock":
            return "the reference has no lock for this platform"
        for lock in (ROOT / "baselines" / "reference").glob("*.txt"):
            (gated.baselines / "reference" / lock.name).write_bytes(lock.read_bytes())
        for name, value in {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "uv"), "UV_NO_CONFIG": "1"}.items():
            monkeypatch.setenv(name, value)
        return "the environment can't be built: "

    def test_the_verdict_is_open_with_the_reason_and_what_to_do(self, gated: Gate, reason: str) -> None:
        answer = gated(gated.side("candidate"), "--config", "tiny", reference=None)
        assert answer.code == 3, answer
        assert answer.out.startswith("CANNOT JUDGE (numbers only; speed not measured): ")
        assert f"speed of reference: the reference environment can't be built: {reason}" in said(answer)
        assert "by --reference, or leave speed out by --no-speed" in said(answer)
        judged = gated.check("--json")
        found = outcomes(judged)
        assert (judged.code, found.pop("speed")) == (3, "CANNOT JUDGE")
        assert found == {"numerics": "PASS", "retraces": "PASS", "perplexity": "PASS"}

    def test_wrong_numbers_are_a_regression(self, gated: Gate, reason: str) -> None:
        answer = gated(gated.side("candidate", more=WRONG), "--config", "tiny", reference=None)
        assert (answer.code, reason in said(answer)) == (1, True)

    def test_numbers_alone_need_none(self, gated: Gate, reason: str) -> None:
        assert reason
        assert gated(gated.side("candidate"), "--config", "tiny", "--no-speed", reference=None).code == 0


def test_the_pinned_reference_has_no_gpu(gated: Gate) -> None:
    answer = gated(gated.side("candidate"), "--config", "tiny", "--device", "gpu:0", reference=None)
    assert answer.code == 3
    assert "the pinned reference has no GPU: name another by --reference, or leave speed out by --no-speed" in said(
        answer
    )


def test_a_reference_that_was_named_and_is_none_is_a_usage_error(gated: Gate) -> None:
    answer = gated(gated.side("candidate"), "--config", "tiny", reference=str(gated.folder / "none"))
    assert (answer.code, gated.out.exists()) == (2, False)
    assert "there is no interpreter" in answer.error


@pytest.mark.parametrize("in_turn", [True, False], ids=["speed", "numbers"])
def test_a_candidate_that_crashes_once_is_a_warning(gated: Gate, in_turn: bool) -> None:
    answer = gated(gated.side("candidate", midway=ONCE.format(in_turn=in_turn)), "--config", "tiny")
    assert answer.code == 0, answer
    where = "launch 1 of the candidate" if in_turn else "tiny-synthetic-cells-cpu0 launch"
    assert f"warning: {where}" in said(answer)
    assert "failed once and not again: the worker exited with code 3 during steps" in said(answer)


def test_a_candidate_that_crashes_again_fails_and_its_numbers_are_not_measured(gated: Gate) -> None:
    answer = gated(gated.side("candidate", midway=ALWAYS.format(in_turn=True)), "--config", "tiny")
    assert answer.code == 1, answer
    assert "the candidate failed in launch 1, where the reference runs: the worker exited with code 3" in said(answer)
    assert "the candidate failed in turn, and failed again: no numbers were measured" in said(answer)
    assert (len(gated.report.speed[0].pairs), gated.report.numbers.records) == (2, ())


def test_a_candidate_that_crashes_again_in_its_numbers_is_a_regression_where_the_reference_ran(gated: Gate) -> None:
    answer = gated(gated.side("candidate", midway=ALWAYS.format(in_turn=False)), "--config", "tiny")
    assert answer.code == 1, answer
    assert "training of tiny-synthetic-cells-cpu0: the worker exited with code 3 during steps" in said(answer)


def test_without_a_reference_it_is_a_failed_measurement(gated: Gate) -> None:
    answer = gated(
        gated.side("candidate", midway=ALWAYS.format(in_turn=False)), "--config", "tiny", "--no-speed", reference=""
    )
    assert answer.code == 4, answer
    assert "MEASUREMENT FAILED: " in answer.out


def test_a_reference_that_crashes_again_is_no_verdict(gated: Gate) -> None:
    reference = gated.side("broken", PINNED, midway=ALWAYS.format(in_turn=True))
    answer = gated(gated.side("candidate"), "--config", "tiny", reference=reference)
    assert answer.code == 4, answer
    assert "launch 1: the reference failed: the worker exited with code 3 during steps" in said(answer)


def test_the_report_is_kept_after_each_launch(gated: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[tuple[int, int]] = []

    def watched(path: Path) -> Callable[[GateRun], None]:
        keep = keeper(path)

        def watching(report: GateRun) -> None:
            keep(report)
            stored = read_record(GateRun, path)
            kept.append((sum(len(run.pairs) for run in stored.speed), len(stored.numbers.records)))

        return watching

    monkeypatch.setattr(gate, "keeper", watched)
    assert gated(gated.side("candidate"), "--config", "tiny", "--launches", "2").code == 0
    assert list(dict.fromkeys(kept)) == [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (4, 1), (4, 2)]


@pytest.mark.parametrize("phase", ["_reference", "measure_upgrade", "measure_run"])
def test_what_was_interrupted_is_no_pass(gated: Gate, monkeypatch: pytest.MonkeyPatch, phase: str) -> None:
    """Ctrl-C as a phase begins, when none of its launches is kept."""

    def interrupted(*arguments: object, **keywords: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(gate, phase, interrupted)
    answer = gated(gated.side("candidate"), "--config", "tiny")
    assert (answer.code, answer.err.splitlines()[-1]) == (
        4,
        "tfgate: error: interrupted: launches that were over are kept",
    )
    judged = gated.check()
    assert judged.code == 4
    assert "failed: incomplete: the numbers were not measured" in judged.out.splitlines()


WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = None
from bench.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(("slowness", "code"), [(1.0, 0), (1.2, 1)])
def test_a_report_judged_again_has_the_same_verdict_to_the_byte(gated: Gate, slowness: float, code: int) -> None:
    answer = gated(gated.side("candidate", slowness=slowness), "--json")
    assert (answer.code, json.loads(answer.out)["exit_code"]) == (code, code)
    again = gated.check("--json")
    assert (again.code, again.out) == (code, answer.out)
    options = ["check", str(gated.out / "gate.json"), "--json", "--baselines", str(gated.baselines)]
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, *options]
    apart = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert (apart.returncode, apart.stdout.decode(), apart.stderr) == (code, answer.out, b"")


@pytest.mark.parametrize(
    ("stored", "outcome", "code"),
    [([700, 900], "PASS", 0), ([1000, 1100], "REGRESSION", 1), ([500, 600], "PASS", 0), ([], "CANNOT JUDGE", 3)],
)
def test_stored_words_per_second_gate_where_that_is_asked_for(
    gated: Gate, stored: list[float], outcome: str, code: int
) -> None:
    """The candidate reaches 800."""
    gated.write_baseline("tiny", stored)
    answer = gated(gated.side("candidate"), "--config", "tiny", "--gate-stored", "--json")
    assert (answer.code, outcomes(answer)["words/s"]) == (code, outcome)
    assert gated.check("--json").out == answer.out  # the report knows that it was asked for


def test_stored_words_per_second_are_context_otherwise(gated: Gate) -> None:
    gated.write_baseline("tiny", [1000, 1100])
    answer = gated(gated.side("candidate"), "--config", "tiny")
    assert answer.code == 0
    assert "below the stored range (2 launches, 2026-01-01)" in said(answer)


def test_a_candidate_with_the_reference_s_packages_is_measured_and_told(gated: Gate) -> None:
    answer = gated(gated.side("candidate", PINNED), "--config", "tiny")
    assert answer.code == 0
    assert (
        "warning: the candidate has the reference's own packages: this A/A run shows what this machine can resolve"
        in answer.out.splitlines()
    )
    assert len(gated.report.speed[0].pairs) == LOOKS[0]


def test_packages_that_keras_imports_on_its_own_are_named(gated: Gate) -> None:
    answer = gated(
        gated.side("candidate", {**PACKAGES, "scipy": "1.16", "pillow": "12.0", "numpy": "2.5.0"}), "--config", "tiny"
    )
    assert answer.code == 0
    assert (
        "the candidate has pillow, scipy, which Keras imports where it finds them: memory and import may be theirs"
        in said(answer)
    )
    assert "the sides have numpy 2.4.0 and 2.5.0: a difference between them may be its" in said(answer)


def test_disturbances_are_warned_of_where_speed_is_measured(gated: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "disturbances", lambda found: ("load: 2.00",))
    assert gated(gated.side("candidate"), "--config", "tiny").code == 0
    assert gated.report.warnings == ("load: 2.00",)


def test_each_side_has_variables_of_its_own(gated: Gate) -> None:
    answer = gated(gated.side("candidate"), "--config", "tiny", "--env", "A=1", "--reference-env", "B=2")
    assert answer.code == 0
    (run,) = gated.report.speed
    assert (run.reference.variables, run.candidate.variables, gated.report.candidate.variables) == (
        {"B": "2"},
        {"A": "1"},
        {"A": "1"},
    )


def test_a_relative_path_names_an_interpreter(gated: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    gated.side("candidate")
    monkeypatch.chdir(gated.folder.parent)
    answer = gated(f"{gated.folder.name}/candidate", "--config", "tiny", "--no-speed", reference=None)
    assert answer.code == 0, answer
    assert gated.report.candidate.interpreter == str(gated.folder / "candidate")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ["--quick", "--config", "small"],
            "--quick is the numbers of tiny alone: leave out --quick, or --config and --full",
        ),
        (["--quick", "--full"], "--quick is the numbers of tiny alone: leave out --quick, or --config and --full"),
        (
            ["--no-speed", "--full"],
            "--no-speed measures no speed: leave it out, or --full, --gate-stored, --reference and --reference-env",
        ),
        (
            ["--no-speed", "--gate-stored"],
            "--no-speed measures no speed: leave it out, or --full, --gate-stored, --reference and --reference-env",
        ),
        (
            ["--no-speed", "--reference", "2.20.0"],
            "--no-speed measures no speed: leave it out, or --full, --gate-stored, --reference and --reference-env",
        ),
        (["--reference-env", "PATH"], "--reference-env 'PATH' is not NAME=VALUE"),
        (["--launches", "0"], "--launches is 0; it must be at least 1"),
        (
            ["--python", "./none"],
            "{folder}/none: there is no interpreter; name a Python, a version, requirements or a wheel file",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    gated: Gate, options: list[str], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(gated.folder)
    candidate = gated.side("candidate")
    before = snapshot(gated.folder)
    answer = gated(candidate, *options, reference=None)
    assert (answer.code, answer.error) == (2, line.format(folder=gated.folder))
    assert snapshot(gated.folder) == before


def test_a_folder_that_holds_a_gate_is_left_alone(gated: Gate) -> None:
    candidate = gated.side("candidate")
    assert gated(candidate, "--quick", reference=None).code == 0
    before = snapshot(gated.out)
    answer = gated(candidate, "--quick", reference=None)
    assert (answer.code, answer.error) == (
        2,
        f"{gated.out / 'gate.json'} exists already and is not overwritten: choose another place",
    )
    assert snapshot(gated.out) == before


@pytest.mark.slow
def test_one_tensorflow_on_both_sides_is_no_regression(tfgate: Tfgate, tmp_path: Path, newest_python: Path) -> None:
    """For real: what a busy machine makes of the times may be open, and never wrong."""
    options = ["--config", "tiny", "--python", newest_python, "--reference", newest_python]
    answer = tfgate("gate", *options, "--baselines", ROOT / "baselines", "--output", tmp_path / "out", "--json")
    found: dict[str, Any] = json.loads(answer.out)
    assert (answer.code in (0, 3), found["exit_code"], found["failures"]) == (True, answer.code, [])
    assert [outcomes(answer)[metric] for metric in ("numerics", "retraces", "perplexity")] == ["PASS"] * 3
    assert {"step time", "evaluation step", "peak memory", "memory growth", "words/s"} < outcomes(answer).keys()
    assert "the candidate has the reference's own packages" in " ".join(found["warnings"])
    assert tfgate("check", tmp_path / "out", "--json", "--baselines", ROOT / "baselines").out == answer.out
