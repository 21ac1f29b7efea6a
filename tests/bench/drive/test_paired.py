"""Paired runs: their phases, what is on disk after each, and when they end."""

import dataclasses
import os
from pathlib import Path

import pytest

from bench.drive import pair, paired
from bench.drive.cores import PinnedCore
from bench.drive.launch import Launch
from bench.drive.pair import PairPlan
from bench.drive.paired import PAIRED_FILE, PairedRequest, measure_paired
from bench.drive.plan import Plan
from bench.record.failed import FailedError
from bench.record.files import keeper, read_record
from bench.record.paired import ALL_CORES, CANDIDATE, ONE_CORE, REFERENCE, PairedRun, Side
from bench.record.types import NO_ORACLE, NO_TENSORFLOW, OWN_CODE, Failure, Record
from lm.config import Blocks
from tests.builders.fake_interpreter import Fake
from tests.builders.numpy_interpreter import numpy_interpreter
from tests.builders.paired import pair as pair_built
from tests.builders.paired import paired_run
from tests.builders.programs import write_program
from tests.builders.records import record

PAIRS = PairPlan.of(Plan("tiny", 1), Blocks(quads=1, steps=3, dropped=1, evaluation_quads=1, evaluation_steps=2))
ORACLE = Plan("tiny", 10, speed=False)
SPEED = PairedRequest({}, ("tfgate", "upgrade"), pair_plans={ALL_CORES: PAIRS})
CHECKED = dataclasses.replace(SPEED, oracle_plan=ORACLE)
LOCKSTEP = dataclasses.replace(SPEED, lockstep_plan=Plan("tiny", 4, speed=False))

pytestmark = pytest.mark.usefixtures("nothing_left", "forked_workers")


class Listener:
    """Keeps what it hears, and how many pairs are on disk at that moment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.phases: list[tuple[str, int]] = []
        self.on_disk: list[tuple[int, str]] = []

    def phase(self, name: str, total: int) -> None:
        self.phases.append((name, total))

    def step(self, done: int) -> None:
        pass

    def pair(self, run: PairedRun) -> None:
        stored = read_record(PairedRun, self.path)
        self.on_disk.append((len(stored.pairs), stored.incomplete))


def measured(
    folder: Path, reference: str, candidate: str, request: PairedRequest = SPEED, launches: int = 2
) -> tuple[PairedRun, Listener]:
    listener = Listener(folder / PAIRED_FILE)
    sides = {REFERENCE: Side("a", reference, {}), CANDIDATE: Side("b", candidate, {})}
    keep = keeper(folder / PAIRED_FILE)
    request = dataclasses.replace(request, sides=sides)
    run = measure_paired(request, keep, listener, lambda run: None if len(run.pairs) >= launches else ALL_CORES)
    return run, listener


def test_pairs_are_added_until_it_is_settled_and_each_is_kept(fake_session: Fake, tmp_path: Path) -> None:
    python = fake_session("")
    run, listener = measured(tmp_path / "out", python, python, launches=3)
    assert [(pair.launch, pair.reference.jitter, pair.candidate.jitter) for pair in run.pairs] == [
        (0, 2000, 2000),
        (1, 2001, 2001),
        (2, 2002, 2002),
    ]
    assert listener.phases == [(f"launch {number}, all cores", 1) for number in (1, 2, 3)]
    after = ("1 launch", "2 launches", "3 launches")
    assert listener.on_disk == [(count, f"the run was interrupted after {said}") for count, said in enumerate(after, 1)]
    stored = read_record(PairedRun, tmp_path / "out" / PAIRED_FILE)
    assert stored == run
    assert stored.incomplete == ""


def test_before_its_first_launch_a_run_has_read_the_files_of_both_sides(
    fake_session: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each interpreter, here one, imports once; of two launches both sides do. A process that goes on imports anew."""
    told = "\nclass Session(Session):\n    def describe(self, **asked):\n"
    told += "        open(sys.argv[0] + '.log', 'a').write('.')\n        return super().describe(**asked)\n"
    python = fake_session(told)
    run, _ = measured(tmp_path / "out", python, python)
    (log,) = Path(python).parent.rglob("*.log")
    assert len(log.read_text()) == 1 + 2 * 2
    monkeypatch.setattr("bench.drive.pair._imported", set())
    measured(tmp_path / "more", python, python, dataclasses.replace(SPEED, begun=run), launches=3)
    assert len(log.read_text()) == 5 + 1 + 2


def test_launches_are_of_the_kind_that_is_wanted_and_balanced_by_kind(fake_session: Fake, tmp_path: Path) -> None:
    """Every kind has the order reference, candidate, candidate, reference of its own."""
    python, kinds = fake_session(""), [ALL_CORES, ONE_CORE, ONE_CORE, ALL_CORES, ONE_CORE]
    pinned = dataclasses.replace(PAIRS, pinned=PinnedCore(max(os.sched_getaffinity(0)), (0,), shared=False))
    sides = {REFERENCE: Side("a", python, {}), CANDIDATE: Side("b", python, {})}
    request = dataclasses.replace(SPEED, sides=sides, pair_plans={ALL_CORES: PAIRS, ONE_CORE: pinned})
    listener = Listener(tmp_path / PAIRED_FILE)
    run = measure_paired(
        request, keeper(tmp_path / PAIRED_FILE), listener, lambda run: dict(enumerate(kinds)).get(len(run.pairs))
    )
    assert [phase for phase, _ in listener.phases] == [f"launch {n}, {kind}" for n, kind in enumerate(kinds, 1)]
    assert [(pair.launch, pair.cores) for pair in run.pairs] == list(enumerate(kinds))
    firsts = {kind: [pair.first for pair in run.pairs if pair.cores == kind] for kind in set(kinds)}
    assert firsts == {ALL_CORES: [REFERENCE, CANDIDATE], ONE_CORE: [REFERENCE, CANDIDATE, CANDIDATE]}


def test_a_run_says_from_the_first_which_metrics_gate_and_by_which_margin(tmp_path: Path) -> None:
    request = dataclasses.replace(SPEED, only=("step time",), margin=0.03, created="2026-03-31T23:59:59+00:00")
    run, _ = measured(tmp_path, "a", "b", request, launches=0)
    assert (run.only, run.margin, run.created) == (("step time",), 0.03, request.created)
    assert read_record(PairedRun, tmp_path / PAIRED_FILE) == run


def test_a_side_that_fails_against_the_oracle_ends_the_run(fake_session: Fake, tmp_path: Path) -> None:
    python = fake_session("Session.stress = lambda self, small, evaluation: 1 / 0")
    run, _ = measured(tmp_path, python, python, CHECKED)
    assert [record.failure is not None for record in run.oracle] == [True, True]
    assert (run.pairs, run.warnings) == ((), ())


def test_each_side_reads_the_files_that_the_reference_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def measured_by(plan: Plan, launch: Launch, side: Side, *_: object, author: Side) -> Record:
        asked.append((side.requested, author.requested))
        return record()

    monkeypatch.setattr(paired, "measure_launch", measured_by)
    measured(tmp_path, "", "", CHECKED, launches=0)
    assert asked == [("a", "a"), ("b", "a")]


def test_an_oracle_that_runs_for_the_reference_alone_says_nothing_of_the_candidate(
    fake_session: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, begun = fake_session(""), tmp_path / "begun"
    oracle = f'#!/bin/sh\n[ -e {begun} ] && kill -9 $$\ntouch {begun}\nexec {tmp_path / "oracle-python"} "$@"\n'
    monkeypatch.setattr("bench.drive.oracle.INTERPRETER", write_program(tmp_path / "oracle", oracle))
    run, _ = measured(tmp_path, python, python, CHECKED)
    failure = run.oracle[1].failure
    assert (run.oracle[0].failure, run.pairs) == (None, ())
    assert failure is not None
    assert failure.kind == NO_ORACLE
    assert failure.message.startswith("the oracle failed: the worker was killed by SIGKILL")


def test_a_candidate_that_is_removed_meanwhile_is_not_tried_again(fake_session: Fake, tmp_path: Path) -> None:
    run, _ = measured(tmp_path, fake_session(""), str(tmp_path / "removed" / "python"), CHECKED)
    failure = run.oracle[1].failure
    assert (failure and failure.kind, run.warnings) == (NO_TENSORFLOW, ())


# Fails at its first launch, or at the first that gets so far: by a file beside the interpreter.
ONCE = """
def once():
    if not os.path.exists(sys.argv[0] + ".failed"):
        open(sys.argv[0] + ".failed", "w").close()
        os._exit(3)

class Session(Session):
    def {0}(self, *given, **named):
        once()
        return super().{0}(*given, **named)
"""


def test_a_failure_against_the_oracle_that_does_not_come_again_is_a_warning(fake_session: Fake, tmp_path: Path) -> None:
    python = fake_session(ONCE.format("stress"))
    run, listener = measured(tmp_path / "out", python, python, CHECKED, launches=1)
    assert [phase for phase, _ in listener.phases] == [
        *2 * ["reference against the oracle"],
        "candidate against the oracle",
        "launch 1, all cores",
    ]
    assert [bool(record.numerics) for record in run.oracle] == [True, True]
    assert [record.failure for record in run.oracle] == [None, None]
    message = "the worker exited with code 3 during stress"
    assert run.warnings[0] == f"reference against the oracle failed once, and ran when it was repeated: {message}"
    assert len(run.pairs) == 1


def test_a_pair_that_fails_once_is_measured_again(fake_session: Fake, tmp_path: Path) -> None:
    python = fake_session(ONCE.format("evaluate"))
    run, listener = measured(tmp_path / "out", python, python, launches=3)
    assert [(pair.launch, pair.first, pair.reference.jitter) for pair in run.pairs] == [
        (0, REFERENCE, 2000),
        (0, REFERENCE, 2000),
        (1, CANDIDATE, 2001),
    ]
    assert [bool(pair.reference.failure) for pair in run.pairs] == [True, False, False]
    after = ("1 launch", "1 launch", "2 launches")
    assert listener.on_disk == [(pairs, f"the run was interrupted after {said}") for pairs, said in enumerate(after, 1)]


def test_a_failed_launch_of_a_kind_that_is_not_possible_any_more_is_told(tmp_path: Path) -> None:
    """It isn't left out: a failure counts that was not tried again."""
    failed = dataclasses.replace(pair_built(failure=Failure("crashed", "it died")), core=1)
    request = dataclasses.replace(SPEED, begun=paired_run([failed]))
    with pytest.raises(FailedError, match="the launch on one core that failed can't be repeated"):
        measured(tmp_path, "a", "b", request)


# A user's own file raises in that operation.
RAISES = """
class ModelError(RuntimeError):
    pass

def {0}(self, *given, **named):
    raise ModelError("mine.py:6 in `workload`: ValueError: no data")

Session.{0} = {0}
"""


@pytest.mark.parametrize("operation", ["open", "steps"])
def test_a_file_of_the_users_own_that_raises_is_not_tried_again(
    fake_session: Fake, tmp_path: Path, operation: str
) -> None:
    """Nor does the candidate run where the reference raises."""
    raising = str(Path(fake_session(RAISES.format(operation))).rename(tmp_path / "raising"))
    well = fake_session("")
    (tmp_path / "mine.py").write_text("def workload(): pass")
    own = Plan("own", 1, "", None, "", speed=False, workload=str(tmp_path / "mine.py"), answers=True)
    numbers = dataclasses.replace(SPEED, oracle_plan=own)
    run, listener = measured(tmp_path / "numbers", raising, well, numbers)
    assert listener.phases == [("reference's numbers against the reference's float64", 1)]
    (failure,) = [record.failure for record in run.oracle]
    assert failure
    assert (failure.kind, failure.message) == (OWN_CODE, "mine.py:6 in `workload`: ValueError: no data")
    run, listener = measured(tmp_path / "candidate", well, raising, numbers)
    assert [bool(record.failure) for record in run.oracle] == [False, True]
    assert (len(listener.phases), run.pairs) == (2, ())
    speed = dataclasses.replace(SPEED, pair_plans={ALL_CORES: PairPlan.of(own, PAIRS.blocks)})
    run, _ = measured(tmp_path / "speed", raising, raising, speed, launches=9)
    assert [pair.launch for pair in run.pairs] == [0]


def test_a_reference_that_fails_in_lockstep_ends_the_run_and_is_kept(tmp_path: Path) -> None:
    broken = numpy_interpreter(tmp_path, "print('no memory', flush=True); os._exit(3) if step == 2 else None")
    run, _ = measured(tmp_path / "out", broken, numpy_interpreter(tmp_path), LOCKSTEP)
    assert (run.lockstep, run.pairs, run.warnings) == (None, (), ())
    failure = run.lockstep_failure
    assert failure is not None
    words = "the worker exited with code 3 during lockstep; its last output: no memory"
    assert (failure.kind, failure.message) == ("crashed", f"the reference failed: {words}")
    assert failure.stderr_tail == 3 * "no memory\n"  # at steps 0, 1 and 2
    assert read_record(PairedRun, tmp_path / "out" / PAIRED_FILE) == run


def test_a_lockstep_that_fails_once_is_a_warning(tmp_path: Path) -> None:
    once = "once = __import__('pathlib').Path(sys.argv[0] + '.failed'); once.exists() or once.touch() or os._exit(3)"
    reference, candidate = numpy_interpreter(tmp_path, once), numpy_interpreter(tmp_path)
    run, listener = measured(tmp_path / "out", reference, candidate, dataclasses.replace(LOCKSTEP, pair_plans={}))
    assert listener.phases == 2 * [("lockstep", 4)]
    assert run.lockstep is not None
    assert (run.lockstep.failure, run.lockstep_failure, len(run.lockstep.losses)) == (None, None, 4)
    message = "the reference failed: the worker exited with code 3 during lockstep"
    assert run.warnings == (f"lockstep failed once, and ran when it was repeated: {message}",)


def test_that_the_candidate_fails_where_another_has_failed_before_is_no_fault_of_the_candidate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In lockstep the reference, against the oracle that."""
    once = "once = __import__('pathlib').Path(sys.argv[0] + '.failed'); once.exists() or once.touch() or os._exit(3)"
    broken = numpy_interpreter(tmp_path, "os._exit(4) if step == 2 else None")
    run, listener = measured(tmp_path / "out", numpy_interpreter(tmp_path, once), broken, LOCKSTEP)
    assert len(listener.phases) == 2
    assert (run.lockstep, run.pairs) == (None, ())
    assert run.lockstep_failure
    assert run.lockstep_failure.message == "the reference failed: the worker exited with code 3 during lockstep"

    ended, crash = Failure(NO_ORACLE, "the oracle was killed"), Failure("crashed", "the worker was killed")
    failures = iter([None, ended, crash])
    monkeypatch.setattr(paired, "measure_launch", lambda *given, **named: record(failure=next(failures)))
    run, _ = measured(tmp_path / "checked", "", "", CHECKED, launches=0)
    assert [one.failure for one in run.oracle] == [None, ended]


def test_an_interrupted_run_that_times_nothing_says_what_it_lacks(tmp_path: Path) -> None:
    kept: list[str] = []
    python = numpy_interpreter(tmp_path)
    sides = {REFERENCE: Side("a", python, {}), CANDIDATE: Side("b", python, {})}
    request = dataclasses.replace(LOCKSTEP, sides=sides, pair_plans={})
    measure_paired(request, lambda run: kept.append(run.incomplete), Listener(tmp_path), lambda run: None)
    assert kept == [*2 * ["the run was interrupted before all of its numbers were checked"], ""]


def test_a_candidate_that_fails_in_lockstep_is_what_lockstep_found(tmp_path: Path) -> None:
    broken = numpy_interpreter(tmp_path, "os._exit(3) if step == 2 else None")
    run, listener = measured(tmp_path / "out", numpy_interpreter(tmp_path), broken, LOCKSTEP)
    assert listener.phases == 2 * [("lockstep", 4)]
    assert run.lockstep is not None
    assert run.lockstep.failure is not None
    assert (run.lockstep_failure, run.pairs) == (None, ())


def test_a_busy_machine_makes_a_warning(fake_session: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = fake_session("")
    original = pair.measure_pair
    monkeypatch.setattr(paired, "measure_pair", lambda *given: dataclasses.replace(original(*given), others_cpu=0.4))
    monkeypatch.setattr("bench.drive.watch.usable_cores", lambda: 2)
    for launches, said in (
        (1, "launch 1: other processes used 0.80"),
        (2, "2 of 2 launches: other processes used up to 0.80"),
    ):
        run, _ = measured(tmp_path / said[0], python, python, launches=launches)
        assert run.warnings == (f"{said} of 2 CPUs, which disturbs its speed",)
