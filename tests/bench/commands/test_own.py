"""`tfgate upgrade --workload mine.py`: what is refused, what fails, and a slow step, to the exit code."""

from pathlib import Path

import pytest

from bench.drive.paired import PairedRequest
from bench.record.files import read_record
from bench.record.gate import GateRun
from bench.record.paired import PairedRun
from bench.stats.outcome import Outcome
from tests.builders.commands import FIRST_PASS, PASS, REGRESSION, Tfgate, noisy_side
from tests.faults.hook.injected.registry import NO_FAULT
from tests.faults.trial import sides_of

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.mark.parametrize("command", ["upgrade", "gate"])
@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        (None, (), "mine.py: No such file or directory; name a file with a function `workload`"),
        (
            "model = 3",
            (),
            "mine.py: there is no function `workload`: add one without parameters; it must",
        ),
        ("def workload(:", (), "mine.py: line 1: invalid syntax: it is not Python"),
        ("def workload(): pass", ("--config", "tiny"), "mine.py defines its own configuration: leave out --config"),
    ],
)
def test_a_file_that_is_none_is_refused_before_anything_is_built(
    tfgate: Tfgate, tmp_path: Path, command: str, text: str | None, more: tuple[str, ...], said: str
) -> None:
    if text is not None:
        (tmp_path / "mine.py").write_text(text)
    sides = ["--from", "2.20.0", "--to", "2.21.0"]
    found = tfgate(command, *sides, "--workload", tmp_path / "mine.py", *more, "--output", tmp_path / "out")
    assert found.code == 2
    assert said in found.err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_run_is_of_the_file(
    tfgate: Tfgate, tmp_path: Path, baselines: Path, monkeypatch: pytest.MonkeyPatch, fake_oracle: None
) -> None:
    """On sides that only play at training, whose steps take seconds: a block has the fewest steps."""
    monkeypatch.setattr("bench.stats.sequential.PASS_LAUNCHES", FIRST_PASS)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("def workload(): pass")
    sides = ["--from", noisy_side(tmp_path / "a"), "--to", noisy_side(tmp_path / "b")]
    more = ["--speed-only", "--baselines", baselines, "--output", tmp_path / "out"]
    found = tfgate("upgrade", *sides, "--workload", "mine.py", *more)
    assert found.code == 0, found
    run = read_record(PairedRun, tmp_path / "out" / "paired.json")
    subject = run.pairs[0].reference.subject
    assert (subject.workload, subject.config, subject.name) == ("mine.py", "own", "mine-own-cpu0")
    assert tfgate("check", tmp_path / "out", "--baselines", baselines).out == found.out


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("paired", ("upgrade", "--numerics-only", "--from", "{a}", "--to", "{b}")),
        ("growing", ("bisect", "--metric", "numbers", "--good", "{a}", "--release", "{b}", "--bad", "{c}")),
    ],
)
def test_the_reference_says_what_is_right(
    tfgate: Tfgate,
    tmp_path: Path,
    baselines: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    words: tuple[str, ...],
) -> None:
    asked: list[PairedRequest] = []

    def measured(request: PairedRequest, *_: object) -> None:
        asked.append(request)
        raise KeyboardInterrupt

    monkeypatch.setattr(f"bench.commands.{module}.measure_paired", measured)
    (tmp_path / "mine.py").write_text("def workload(): pass")
    sides = {name: noisy_side(tmp_path / name) for name in "abc"}
    more = ("--workload", tmp_path / "mine.py", "--baselines", baselines, "--output", tmp_path / "out")
    assert tfgate(*(word.format(**sides) for word in words), *more).code == 4
    plan = asked[0].oracle_plan
    assert plan
    assert plan.definer
    assert plan.definer.requested == sides["a"]


CHANGES = """
finished = Session.finish

def finish(self):
    with open({path!r}, "a") as file:
        file.write("# changed")
    return finished(self)

Session.finish = finish
"""


@pytest.mark.parametrize("command", ["upgrade", "gate"])
def test_a_file_that_is_changed_meanwhile_is_not_judged_as_one_model(
    tfgate: Tfgate, tmp_path: Path, baselines: Path, command: str
) -> None:
    """Neither by a run, which keeps the launch before, nor where it goes on."""
    (tmp_path / "mine.py").write_text("def workload(): pass\n")
    more = CHANGES.format(path=str(tmp_path / "mine.py"))
    words: list[str | Path] = [
        command,
        "--from",
        noisy_side(tmp_path / "a"),
        "--to",
        noisy_side(tmp_path / "b", more=more),
    ]
    words += ["--workload", tmp_path / "mine.py", "--baselines", baselines, "--output", tmp_path / "out"]
    words += ["--speed-only"] if command == "upgrade" else []
    found = tfgate(*words)
    assert found.code == 4, found
    assert found.err.splitlines()[-1] == "tfgate: error: mine.py was changed while it was measured: measure anew"
    path = tmp_path / "out" / ("paired.json" if command == "upgrade" else "gate.json")
    run = read_record(PairedRun, path) if command == "upgrade" else read_record(GateRun, path).speed[0]
    assert len(run.pairs) == 1
    again = tfgate(*words, "--resume")
    assert again.code == 2
    assert again.err.splitlines()[-1].startswith(f"tfgate: error: {path} was begun with another mine.py: delete it to ")


@pytest.mark.slow
def test_a_whole_verdict_without_a_change_has_no_regression(
    tfgate: Tfgate, tmp_path: Path, newest_python: Path
) -> None:
    """Numbers, speed, memory and retraces of an example, all that gate; a noisy machine leaves some open."""
    more = ["--workload", EXAMPLES / "custom_loop.py", "--output", tmp_path / "out", "--json"]
    found = tfgate("upgrade", *sides_of(NO_FAULT.name, str(newest_python)), *more)
    assert found.code in (0, 3), found
    assert {"numerics", "retraces", "step time", "peak memory"} <= set(found.outcomes)
    assert REGRESSION not in found.outcomes.values()


@pytest.mark.slow
@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.glob("*.py")))
@pytest.mark.parametrize(("fault", "outcome"), [("own-slower-by-0.06", REGRESSION), (NO_FAULT.name, PASS)])
def test_a_slowdown_of_twice_the_margin_is_caught(
    tfgate: Tfgate, tmp_path: Path, newest_python: Path, fault: str, outcome: Outcome, example: str
) -> None:
    """By the repository's own margin of 3%, on one core, where launches deviate least."""
    only = ["--metric", "step time on one core", "--output", tmp_path / "out", "--json"]
    found = tfgate("upgrade", *sides_of(fault, str(newest_python)), "--workload", EXAMPLES / example, *only)
    assert found.outcomes["step time on one core"] is outcome


FAILING = """
import tensorflow as tf

def workload():
    weights = tf.Variable([1.0, 2.0], dtype=tf.keras.backend.floatx())
    taken = []

    def step(inputs):
        taken.append(None)
        if len(taken) > 17 and tf.__version__.startswith("2.21"):
            raise ValueError("the data ends here")
        return tf.reduce_sum(weights * inputs)

    return step, [weights], (tf.ones(2, weights.dtype),)
"""


@pytest.mark.slow
def test_an_exception_at_a_step_is_a_line_with_side_and_phase(
    tfgate: Tfgate, tmp_path: Path, oldest_python: Path, newest_python: Path
) -> None:
    (tmp_path / "mine.py").write_text(FAILING)
    sides = ["--from", str(oldest_python), "--to", str(newest_python), "--workload", tmp_path / "mine.py"]
    found = tfgate("upgrade", *sides, "--output", tmp_path / "out")
    assert found.code == 1
    words = " ".join(found.out.split())
    assert "the candidate failed in launch 1, where the reference runs: mine.py:11 at step 17: ValueError" in words
    run = read_record(PairedRun, tmp_path / "out" / "paired.json")
    assert [record.numerics != () for record in run.oracle] == [True, True]  # nothing of it is lost
    assert len(run.pairs) == 1
