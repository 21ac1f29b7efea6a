"""`tfgate gate`: whole gates on sides that only play at training."""

import argparse
import random
import subprocess
import sys
import unittest.mock
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.cli import command_parser
from bench.commands import gate
from bench.commands.resume import begun
from bench.drive.doctor import Finding
from bench.drive.environments import PINNED, prepare
from bench.drive.paired import PairedRequest
from bench.drive.patience import Patience
from bench.drive.plan import Plan
from bench.drive.requests import BuildError, RequestError
from bench.drive.run import RunRequest
from bench.judge.types import Scope
from bench.record.files import keeper, read_record, write_record
from bench.record.gate import GateRun
from bench.record.paired import Side
from bench.record.types import NO_REFERENCE, Environment, Replica, Run, Subject
from lm.config import LAUNCH_PLANS
from tests.builders.commands import (
    FIRST_PASS,
    INCONCLUSIVE,
    MARGINS_TEXT,
    PASS,
    REGRESSION,
    Answer,
    Tfgate,
    gate_run,
    in_turn,
    noisy_side,
    snapshot,
)
from tests.builders.locks import is_held
from tests.builders.records import baseline

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = {"keras": "3.15.1", "numpy": "2.4.0", "tensorflow-cpu": "2.22.0"}
REFERENCE = {**PACKAGES, "tensorflow-cpu": "2.21.0"}
NIGHTLY = {"keras": "3.15.1", "numpy": "2.4.0", "tf-nightly": "2.22.0.dev20250101"}

ALWAYS = "os._exit(3) if in_turn else None"
WRONG = """
class Session(Session):
    def take(self, step, with_logits):
        return dataclasses.replace(super().take(step, with_logits), logits=True)
"""


class Gate:
    """Sides and baselines in a folder, and the command on them."""

    def __init__(self, folder: Path, tfgate: Tfgate) -> None:
        self.folder, self.tfgate = folder, tfgate
        self.baselines, self.out = folder / "baselines", folder / "out"
        for config in ("tiny", "notebook", "small"):
            self._write_baseline(config)
        (self.baselines / "margins.toml").write_text(MARGINS_TEXT, encoding="utf-8")

    def _write_baseline(self, config: str) -> None:
        """Replicas of the sides' training."""
        subject = Subject(config, "synthetic", "cells", "cpu:0", "fa4e", LAUNCH_PLANS[config].steps, 10, 80)
        replicas = [
            Replica(
                Environment("3.11.0", tensorflow, "fake", "9", "9", False, 2, {}),
                jitter,
                (50 + random.Random(jitter).uniform(-0.01, 0.01),) * subject.steps,
            )
            for jitter, tensorflow in enumerate(["9.9.7", "9.9.8", "9.9.9"] * 3)
        ]
        write_record(self.baselines / f"{subject.name}.json", baseline(replicas, [], subject))

    def side(self, name: str, packages: dict[str, str] = PACKAGES, **more: Any) -> str:
        """An interpreter, as noisy_side makes it."""
        return noisy_side(self.folder / name, packages, **more)

    def __call__(self, candidate: str, *more: str | Path, reference: str | None = "reference") -> Answer:
        """The command's answer on a candidate, in turn with a sound reference unless another, or none, is named."""
        named = self.side("reference", REFERENCE) if reference == "reference" else reference
        against = ["--from", named] if named else []
        return self.tfgate(
            "gate", "--to", candidate, *against, *more, "--baselines", self.baselines, "--output", self.out
        )

    @property
    def report(self) -> GateRun:
        return read_record(GateRun, self.out / "gate.json")

    def check(self, *more: str) -> Answer:
        return self.tfgate("check", self.out, "--baselines", self.baselines, *more)


@pytest.fixture
def gated(tmp_path: Path, tfgate: Tfgate, fake_oracle: None, short_launches: None) -> Gate:
    return Gate(tmp_path, tfgate)


def configs(report: GateRun) -> tuple[list[str], list[str]]:
    """(those whose numbers, those whose speed was measured)."""
    numbers = dict.fromkeys(record.subject.config for record in report.numbers.records)
    return list(numbers), [run.pairs[0].candidate.subject.config for run in report.speed]


def test_a_sound_candidate_passes_and_notebook_alone_is_timed(gated: Gate) -> None:
    answer = gated(gated.side("candidate"), "--budget", "12", "--json")
    assert (answer.code, answer.outcome) == (0, PASS), answer
    assert configs(gated.report) == (["tiny", "notebook", "small"], ["notebook"])
    assert len(gated.report.speed[0].pairs) == FIRST_PASS
    assert gated.report.speed[0].budget_minutes == 12
    assert len(gated.report.numbers.records) == 3 * gate.LAUNCHES
    assert set(gated.report.phase_seconds) == {"reference environment", "speed of notebook", "numbers"}
    assert gated.report.warnings == ()
    assert gated.check("--json").out == answer.out


def test_workloads_are_judged_alongside_each_other(gated: Gate) -> None:
    """`masked` has one launch for its numbers, no baseline, and a margin of its own; `train` is judged as ever."""
    more = ("--workload", "train", "--workload", "masked", "--config", "notebook", "--json")
    answer = gated(gated.side("candidate"), *more)
    assert (answer.code, answer.outcome) == (0, PASS), answer
    found: dict[str, set[str]] = {}
    for one in answer.plain["comparisons"]:
        found.setdefault(one["subject"], set()).add(one["metric"]["name"])
    train, masked = found["notebook-synthetic-cells-cpu0"], found["masked-notebook-cpu0"]
    assert {"numerics", "retraces", "perplexity", "step time", "evaluation step"} <= train
    assert {"numerics", "retraces", "step time"} <= masked
    assert not {"perplexity", "evaluation step"} & masked
    report = gated.report
    assert [record.subject.workload for record in report.numbers.records] == ["train"] * gate.LAUNCHES + ["masked"]
    assert [run.pairs[0].reference.subject.workload for run in report.speed] == ["train", "masked"]
    assert "masked-notebook-cpu0" in gated.check("--verbose").out


@pytest.mark.parametrize(
    ("configs", "full", "timed"),
    [
        (("small", "tiny"), False, ["small"]),
        (("small", "notebook"), False, ["notebook"]),
        (("small", "notebook"), True, ["small", "notebook"]),
    ],
)
def test_which_configurations_are_timed(configs: tuple[str, ...], full: bool, timed: list[str]) -> None:
    assert [plan.config for plan in gate._timed([Plan(config, 1) for config in configs], full=full)] == timed


@pytest.mark.usefixtures("one_launch")
def test_all_configurations_are_timed_where_that_is_asked_for(gated: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not again by a command that goes on after its numbers were interrupted."""
    options = ("--config", "small", "--config", "notebook", "--full", "--launches", "2")
    candidate = gated.side("candidate")
    with monkeypatch.context() as patched:
        patched.setattr("bench.commands.gate.measure_run", unittest.mock.Mock(side_effect=KeyboardInterrupt))
        assert gated(candidate, *options).code == 4
    before = gated.report.speed
    found = gated(candidate, *options, "--resume")
    assert (found.code, "launch 1, " in found.err) == (3, False), found  # one launch proves nothing
    assert configs(gated.report)[1] == ["small", "notebook"]
    assert gated.report.speed == before


@pytest.mark.parametrize(("option", "numbers"), [("--no-speed", ["tiny", "notebook", "small"]), ("--quick", ["tiny"])])
def test_a_pass_of_numbers_alone_has_their_scope(gated: Gate, option: str, numbers: list[str]) -> None:
    """And needs no reference: there is none here."""
    answer = gated(gated.side("candidate"), option, "--launches", "1", "--json", reference=None)
    assert (answer.code, answer.plain["scope"]) == (0, Scope.NUMBERS.value), answer
    assert configs(gated.report) == (numbers, [])
    assert gated.report.speed_problem == ""


def test_a_wrong_step_fails(gated: Gate) -> None:
    answer = gated(gated.side("candidate", more=WRONG), "--config", "small", "--launches", "1", "--json")
    assert (answer.code, answer.outcomes["numerics"], answer.outcomes["step time"]) == (1, REGRESSION, PASS)


def test_without_a_reference_the_verdict_is_open_with_the_reason_and_what_to_do(gated: Gate) -> None:
    answer = gated(gated.side("candidate"), "--config", "small", "--launches", "1", "--json", reference=None)
    assert answer.code == 3, answer
    assert "the reference has no lock for this platform" in gated.report.speed_problem
    assert "--from" in gated.report.speed_problem
    assert "--no-speed" in gated.report.speed_problem
    assert answer.outcomes == {"speed": INCONCLUSIVE, "numerics": PASS, "retraces": PASS, "perplexity": PASS}


def test_the_sides_are_asked_for_with_a_gpu_where_the_models_are() -> None:
    """Of which the pinned reference has none."""
    for device in ("cpu:0", "gpu:0"):
        words = ["--to", sys.executable, "--device", device]
        options = command_parser("gate").parse_args(words, argparse.Namespace(command_line=("tfgate", "gate", *words)))
        sides = gate.request(options).sides
        assert (sides.reference.what, sides.gpu) == (PINNED, device == "gpu:0")


def test_a_candidate_that_crashes_again_fails_and_its_numbers_are_not_measured(gated: Gate) -> None:
    answer = gated(gated.side("candidate", midway=ALWAYS), "--config", "small")
    assert answer.code == 1, answer
    assert (len(gated.report.speed[0].pairs), gated.report.numbers.records) == (2, ())
    (warning,) = gated.report.warnings
    assert "no numbers were measured" in warning


def test_a_graph_that_compiles_on_neither_side_leaves_the_verdict_open(gated: Gate) -> None:
    """Numbers are measured all the same, so that nothing is missing that --resume could add."""
    reference, candidate = (
        gated.side(name, packages, midway="raise CompilationError", more="class CompilationError(Exception): pass")
        for name, packages in (("reference", REFERENCE), ("candidate", PACKAGES))
    )
    answer = gated(candidate, "--config", "small", "--launches", "1", "--json", reference=reference)
    assert (answer.code, answer.outcomes) == (3, {"compilation": INCONCLUSIVE}), answer
    assert (gated.report.warnings, gated.report.numbers.incomplete) == ((), "")


@pytest.mark.usefixtures("one_launch")
def test_the_report_is_kept_after_each_launch(gated: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[tuple[int, int]] = []

    def watched(path: Path, *, begun: bool = False) -> Callable[[GateRun], None]:
        keep = keeper(path, begun=begun)

        def watching(report: GateRun) -> None:
            keep(report)
            stored = read_record(GateRun, path)
            kept.append((sum(len(run.pairs) for run in stored.speed), len(stored.numbers.records)))

        return watching

    monkeypatch.setattr(gate, "keeper", watched)
    assert gated(gated.side("candidate"), "--config", "small", "--launches", "2").code == 3
    assert list(dict.fromkeys(kept)) == [(0, 0), (1, 0), (1, 1), (1, 2)]


@pytest.mark.parametrize("phase", ["paired.measure_paired", "gate.measure_run"])
def test_what_was_interrupted_is_no_pass(gated: Gate, monkeypatch: pytest.MonkeyPatch, phase: str) -> None:
    """Ctrl-C as a phase begins, when none of its launches is kept."""
    monkeypatch.setattr(f"bench.commands.{phase}", unittest.mock.Mock(side_effect=KeyboardInterrupt))
    answer = gated(gated.side("candidate"), "--config", "small")
    assert (answer.code, gated.check().code) == (4, 4)
    assert gated.report.numbers.incomplete


def test_the_time_of_a_phase_is_kept_with_its_launches_and_added_up(
    gated: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten minutes until a launch is kept, then Ctrl-C. It goes on for two more until the next one, and is interrupted
    again. The third time it ends after a minute.
    """
    clock = [1000.0]
    candidate = gated.side("candidate")

    def measured(request: RunRequest, keep: Callable[[Run], None], *_: object) -> None:
        seconds, ends = turns.pop(0)
        clock[0] += seconds
        if not ends:
            keep(gated.report.numbers)
            raise KeyboardInterrupt

    turns = [(600.0, False), (120.0, False), (60.0, True)]
    monkeypatch.setattr(gate, "measure_run", measured)
    monkeypatch.setattr(gate, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    for more, wanted in (((), 600), (("--resume",), 720), (("--resume",), 780)):
        gated(candidate, "--no-speed", *more, reference=None)
        assert gated.report.phase_seconds == {"numbers": wanted}


def test_numbers_take_a_launch_for_each_core_that_has_memory(gated: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[RunRequest] = []

    def measured(request: RunRequest, *_: object) -> None:
        asked.append(request)
        raise KeyboardInterrupt

    monkeypatch.setattr(gate, "measure_run", measured)
    monkeypatch.setattr(gate, "cores_at_once", lambda: 64)
    monkeypatch.setattr("bench.commands.model.available_gib", lambda: 4.0)
    assert gated(gated.side("candidate"), "--no-speed", reference=None).code == 4
    assert [(request.side_by_side, request.room) for request in asked] == [(64, 2.0)]


def test_each_configuration_is_waited_for_by_its_own_reference_s_time(
    gated: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By notebook's, a large candidate on a slow host would seem to hang."""
    noted: list[Patience] = []
    given: list[Mapping[str, Patience]] = []
    monkeypatch.setattr(gate, "measured_until_decided", lambda *words: noted.append(words[-1]))

    def measured(request: RunRequest, keep: object, listener: object, patience: Mapping[str, Patience]) -> None:
        given.append(patience)
        raise KeyboardInterrupt

    monkeypatch.setattr(gate, "measure_run", measured)
    assert gated(gated.side("candidate"), "--config", "notebook", "--config", "large").code == 4
    (timed,), (by_plan,) = noted, given
    assert by_plan["notebook"] is timed is not by_plan["large"]


def test_the_reference_says_what_is_right_of_an_own_model(gated: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Plan] = []

    def measured(request: RunRequest, *_: object) -> None:
        asked.extend(request.plans)
        raise KeyboardInterrupt

    monkeypatch.setattr(gate, "measured_until_decided", lambda *_: None)
    monkeypatch.setattr(gate, "measure_run", measured)
    (gated.folder / "mine.py").write_text("def workload(): pass")
    assert gated(gated.side("candidate"), "--workload", gated.folder / "mine.py").code == 4
    (plan,) = asked
    assert plan.definer
    assert plan.definer.requested == str(gated.folder / "reference")


def test_an_own_model_is_measured_again_once_there_is_a_reference(gated: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was measured without one before, when nothing could say what is right."""
    (gated.folder / "mine.py").write_text("def workload(): pass")
    words = (gated.side("candidate"), "--workload", gated.folder / "mine.py")
    assert gated(*words, reference=None).code == 3
    assert gated.report.speed_problem.endswith("): name another by --from")
    assert [[one.why for one in record.unchecked] for record in gated.report.numbers.records] == [[NO_REFERENCE]]
    pinned = Side("reference", gated.side("reference", REFERENCE), {})
    monkeypatch.setattr("bench.commands.sides.prepare_reference", lambda *_, **__: pinned)
    monkeypatch.setattr(gate, "measured_until_decided", lambda *_: None)
    measured = unittest.mock.Mock(side_effect=KeyboardInterrupt)
    monkeypatch.setattr(gate, "measure_run", measured)
    assert gated(*words, "--resume", reference=None).code == 4
    (request, *_), _ = measured.call_args
    assert (request.begun, request.plans[0].definer) == (None, pinned)


def test_speed_has_the_day_of_the_report(gated: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """By which a regression is accepted: launches that begin after it end by the same acceptances."""
    asked: list[PairedRequest] = []
    monkeypatch.setattr(gate, "now", lambda: "2026-03-31T23:59:59+00:00")
    monkeypatch.setattr(gate, "measured_until_decided", lambda request, *_: asked.append(request))
    monkeypatch.setattr(gate, "measure_run", unittest.mock.Mock(side_effect=KeyboardInterrupt))
    assert gated(gated.side("candidate"), "--config", "small").code == 4
    assert [request.created for request in asked] == [gated.report.created]


@pytest.mark.parametrize(
    ("error", "code"), [(RequestError("no such version"), 2), (BuildError("no room"), 4), (KeyboardInterrupt(), 4)]
)
def test_a_reference_that_is_not_built_leaves_no_report(
    gated: Gate, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    """So that the same command, mended, measures."""

    def build(what: str, *more: Any, **named: Any) -> Side:
        if what == "2.20.0":
            raise error
        return prepare(what, *more, **named)

    monkeypatch.setattr("bench.commands.sides.prepare", build)
    answer = gated(gated.side("candidate"), "--config", "small", reference="2.20.0")
    assert (answer.code, snapshot(gated.out)) == (code, {}), answer
    monkeypatch.setattr(gate, "measured_until_decided", unittest.mock.Mock(side_effect=KeyboardInterrupt))
    assert gated(gated.side("candidate"), "--config", "small").code == 4
    assert gated.report.phase_seconds.keys() == {"reference environment"}


def test_a_gate_without_its_reference_is_no_pass_before_its_speed_is_measured(
    gated: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on with a reference, and is interrupted before the first launch is kept. Numbers alone would pass."""
    words = (gated.side("candidate"), "--config", "small", "--launches", "1")
    assert gated(*words, reference=None).code == 3
    pinned = Side("reference", gated.side("reference", REFERENCE), {})
    monkeypatch.setattr("bench.commands.sides.prepare_reference", lambda *_, **__: pinned)
    with monkeypatch.context() as there:
        there.setattr(gate, "measured_until_decided", unittest.mock.Mock(side_effect=KeyboardInterrupt))
        assert gated(*words, "--resume", reference=None).code == 4
    assert gated.check().code == 3
    found = unittest.mock.Mock(side_effect=lambda *asked: is_held() and begun(*asked))
    monkeypatch.setattr(gate, "begun", found)  # which another job may write while it is waited for
    assert gated(*words, "--resume", reference=None).code == 0
    assert gated.report.speed_problem == ""
    found.assert_called_once()


@pytest.mark.usefixtures("one_launch")
def test_what_was_measured_stays_where_the_reference_is_none_any_more(
    gated: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "measure_run", unittest.mock.Mock(side_effect=KeyboardInterrupt))
    assert gated(gated.side("candidate"), "--config", "small").code == 4
    pairs = gated.report.speed[0].pairs
    Path(gated.side("reference", REFERENCE)).write_text("#!/bin/true\n")
    reference = str(gated.folder / "reference")
    assert gated(gated.side("candidate"), "--config", "small", "--resume", reference=reference).code == 2
    assert gated.report.speed[0].pairs == pairs


WITHOUT_TENSORFLOW = f"""
import sys
sys.modules["tensorflow"] = None
from bench.stats import sequential
sequential.PASS_LAUNCHES = {FIRST_PASS}
from bench.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_slow_candidate_fails_and_its_report_judged_again_has_the_same_verdict_to_the_byte(gated: Gate) -> None:
    answer = gated(gated.side("candidate", slowness=1.2), "--config", "small", "--json")
    assert (answer.code, answer.plain["exit_code"]) == (1, 1)
    assert [metric for metric, outcome in answer.outcomes.items() if outcome is REGRESSION] == ["step time"]
    assert answer.outcomes["perplexity"] is PASS  # the numbers are judged all the same
    again = gated.check("--json")
    assert (again.code, again.out) == (1, answer.out)
    options = ["check", str(gated.out / "gate.json"), "--json", "--baselines", str(gated.baselines)]
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, *options]
    apart = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert (apart.returncode, apart.stdout.decode(), apart.stderr) == (1, answer.out, b"")


def test_what_was_asked_for_and_what_may_explain_a_difference_is_in_the_report(
    gated: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packages that may explain a difference are warned of, and what disturbs; each side has variables of its own;
    stored words/s gate.
    """
    monkeypatch.setattr("bench.commands.timing.examine", lambda: (Finding("load", "2.00", "load: 2.00"),))
    packages = {**NIGHTLY, "numpy": "2.5.0", "scipy": "1.16", "pillow": "12.0"}
    more = ("--to-env", "A=1", "--from-env", "B=2", "--gate-stored")
    monkeypatch.setattr("bench.drive.paired.measure_pair", unittest.mock.Mock(side_effect=KeyboardInterrupt))
    assert gated(gated.side("candidate", packages), "--config", "small", *more).code == 4
    assert gated.report.gate_stored
    nightly, numpy, extra, load = gated.report.warnings
    assert "a nightly of 2025-01-01" in nightly
    assert "2.4.0 and 2.5.0" in numpy
    assert "pillow, scipy" in extra
    assert load == "load: 2.00"
    (run,) = gated.report.speed
    assert (run.reference.variables, run.candidate.variables, gated.report.candidate.variables) == (
        {"B": "2"},
        {"A": "1"},
        {"A": "1"},
    )


def test_that_no_core_can_be_pinned_is_in_the_report(gated: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.commands.plans.core_to_pin", lambda: None)
    margins = gated.baselines / "margins.toml"
    margins.write_text(margins.read_text().replace("[gating]", "[gating]\nstep_time_on_one_core = 0.05"))
    monkeypatch.setattr("bench.drive.paired.measure_pair", unittest.mock.Mock(side_effect=KeyboardInterrupt))
    assert gated(gated.side("candidate"), "--config", "small").code == 4
    assert any("step time on one core is not measured" in line for line in gated.report.speed[0].warnings)


def test_an_old_nightly_is_warned_of_where_numbers_alone_are_measured(
    gated: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "measure_run", unittest.mock.Mock(side_effect=KeyboardInterrupt))
    assert gated(gated.side("candidate", NIGHTLY), "--quick", reference=None).code == 4
    (warning,) = gated.report.warnings
    assert "a nightly of 2025-01-01" in warning


def test_a_folder_that_holds_a_gate_is_left_alone(gated: Gate) -> None:
    write_record(gated.out / "gate.json", gate_run(in_turn()))
    before = snapshot(gated.out)
    answer = gated(gated.side("candidate"), "--quick", reference=None)
    assert (answer.code, answer.error.partition(" ")[0]) == (2, str(gated.out / "gate.json"))
    assert snapshot(gated.out) == before


def test_a_candidate_may_be_a_version(
    gated: Gate, monkeypatch: pytest.MonkeyPatch, wheelhouse: Path, environment_cache: Path
) -> None:
    """It is built, without a TensorFlow that works here: the numbers can't be measured."""
    answer = gated("2.99.0", "--quick", reference=None)
    assert answer.code == 4, answer
    assert Path(gated.report.candidate.interpreter).is_relative_to(environment_cache)
    assert gated.report.candidate.requested == "2.99.0"
