"""One launch of a paired comparison: the order of its blocks, what counts of them, and sides that fail.

The fake sessions' seconds of a step are the step's own number, so a block's value tells which steps it holds.
"""

import dataclasses
import errno
import os
import re
import unittest.mock
from pathlib import Path
from typing import Any

import pytest

from bench.drive.cores import PinnedCore
from bench.drive.pair import WARM_UP_STEPS, PairPlan, measure_pair
from bench.drive.patience import Deadlines, Patience, Wait
from bench.drive.plan import Plan
from bench.drive.process import Worker
from bench.drive.watch import CpuWatch
from bench.record.paired import CANDIDATE, ONE_CORE, REFERENCE, Pair, Side
from lm.config import Blocks
from tests.builders.fake_interpreter import Fake

BLOCKS = Blocks(quads=2, steps=5, dropped=2, evaluation_quads=1, evaluation_steps=3)
PLAN = PairPlan.of(Plan("tiny", 1), BLOCKS)

pytestmark = pytest.mark.usefixtures("nothing_left", "forked_workers")


@pytest.fixture
def fake(fake_session: Fake, tmp_path: Path) -> Fake:
    """Interpreters by what their session changes: unlike fake_session's, several may live at once."""

    def make(changes: str) -> str:
        made = Path(fake_session(changes))
        own = made.with_name(f"interpreter-{len(list(tmp_path.glob('interpreter-*')))}")
        return str(made.rename(own))

    return make


def measured(reference: str, candidate: str, launch: int = 0) -> Pair:
    return measure_pair(
        PLAN, launch, launch, 70, {REFERENCE: Side("a", reference, {}), CANDIDATE: Side("b", candidate, {})}
    )


def test_the_plan_counts_the_warm_up_and_two_blocks_of_each_quad() -> None:
    assert PLAN.plan.steps == WARM_UP_STEPS + 2 * 2 * 5


def test_a_plan_s_variables_reach_both_sides(fake: Fake) -> None:
    told = "Session.finish = lambda self: answers.Finished(4321, int(os.environ['TOLD']), 0, {})"
    plan = PairPlan.of(Plan("tiny", 1, variables=(("TOLD", "5"),)), BLOCKS)
    sides = {role: Side("a", fake(told), {"TOLD": "4"}) for role in (REFERENCE, CANDIDATE)}
    found = measure_pair(plan, 0, 0, 70, sides)
    assert [one.memory and one.memory.file_rss_bytes for one in (found.reference, found.candidate)] == [5, 5]


JITTERED = """
def open(self, jitter, old=Session.open, **asked):
    self.jitter = jitter
    return old(self, jitter=jitter, **asked)
Session.open, Session.finish = open, lambda self: answers.Finished(4321, self.jitter, 0, {})
"""  # tells the stream of its weights' jitter, in the place of the libraries' memory


def test_both_sides_start_from_weights_jittered_as_their_records_say(fake: Fake) -> None:
    found = measured(fake(JITTERED), fake(JITTERED))
    for record in (found.reference, found.candidate):
        assert record.memory is not None
        assert record.memory.file_rss_bytes == record.jitter == 70


def test_both_sides_take_the_same_steps_in_turn(fake: Fake) -> None:
    found = measured(fake(""), fake(""))
    assert (found.first, found.reference.jitter, found.candidate.jitter) == (REFERENCE, 70, 70)
    assert len(found.reference.losses) == PLAN.plan.steps == len(found.candidate.losses)
    assert found.reference.losses == found.candidate.losses
    # After three steps of warm-up a side's blocks are steps 3-7, 8-12, 13-17, 18-22; without the first two their means
    # are 6, 11, 16, 21.
    assert [(quad.order, quad.seconds) for quad in found.steps] == [
        ("ABBA", (6.0, 6.0, 11.0, 11.0)),
        ("BAAB", (16.0, 16.0, 21.0, 21.0)),
    ]
    assert [quad.cpu_seconds for quad in found.steps] == [(12.0, 12.0, 22.0, 22.0), (32.0, 32.0, 42.0, 42.0)]
    assert [(quad.order, quad.seconds, quad.cpu_seconds) for quad in found.evaluations] == [
        ("ABBA", (0.5,) * 4, (0.25,) * 4)
    ]
    assert found.reference.step_seconds == tuple(
        float(step) for first in (5, 10, 15, 20) for step in range(first, first + 3)
    )
    startup = found.candidate.startup
    assert startup is not None
    assert (startup.import_seconds, startup.build_seconds, startup.trace_seconds, startup.first_step_seconds) == (
        1.0,
        2.0,
        3.0,
        0.0,
    )
    assert found.candidate.memory is not None
    assert (found.candidate.memory.peak_rss_bytes, found.candidate.graph_operations) == (4321, {"MatMul": 3})


@pytest.mark.parametrize(("launch", "first"), [(0, "a"), (1, "b"), (2, "b"), (3, "a")])
def test_sides_are_started_in_turn_stopped_while_they_wait_and_traced_at_once(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, launch: int, first: str
) -> None:
    events: list[str] = []

    class Noting(Worker):
        def __init__(self, python: str, kind: str, device: str, variables: Any, *given: Any, **named: Any) -> None:
            turns = " to take turns" if named["takes_turns"] else ""
            events.append(f"start {variables['SIDE']} on {device}{turns}")
            super().__init__(python, kind, device, variables, *given, **named)

        def send(self, operation: str, **arguments: Any) -> None:
            events.append(f"ask {operation}")
            super().send(operation, **arguments)

        def receive(self, kind: Any, operation: str, *given: Any, **named: Any) -> Any:
            events.append(f"hear {operation}")
            return super().receive(kind, operation, *given, **named)

    monkeypatch.setattr("bench.drive.opening.Worker", Noting)
    plan = PairPlan.of(Plan("tiny", 1, device="gpu:0"), dataclasses.replace(BLOCKS, quads=1, evaluation_quads=2))
    sides = {REFERENCE: Side("a", fake(""), {"SIDE": "a"}), CANDIDATE: Side("b", fake(""), {"SIDE": "b"})}
    found = measure_pair(plan, launch, launch, 70, sides)
    second = {"a": "b", "b": "a"}[first]
    assert [one for one in events if one.startswith("start")] == [
        f"start {side} on gpu:0 to take turns" for side in first + second
    ]
    assert [one for one in events if one.endswith("open")] == ["ask open", "ask open", "hear open", "hear open"]
    orders = ["ABBA", "BAAB"] if first == "a" else ["BAAB", "ABBA"]
    assert [quad.order for quad in found.evaluations] == orders


def test_a_launch_tells_what_others_had_of_the_machine_and_drops_first_steps_of_evaluation(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CpuWatch, "others", lambda self: 0.4)
    cold = "answers.Block((60.0,) * 3, (9.0, 9.0, 0.5), (9.0, 9.0, 0.25), 1000)"
    python = fake(f"Session.evaluation_steps = lambda self, count: {cold}")
    found = measured(python, python)
    assert found.others_cpu == 0.4
    assert [(quad.seconds, quad.cpu_seconds) for quad in found.evaluations] == [((0.5,) * 4, (0.25,) * 4)]


def test_a_slower_side_has_the_larger_blocks(fake: Fake) -> None:
    """A candidate whose steps take twice as long; in an order ABBA its blocks are the second and the third."""
    twice = "Session.steps = lambda self, count, old=Session.steps: slowed(old(self, count))\n"
    twice += (
        "slowed = lambda block: __import__('dataclasses').replace(block, seconds=tuple(2 * s for s in block.seconds))"
    )
    found = measured(fake(""), fake(twice))
    assert found.steps[0].seconds == (6.0, 12.0, 22.0, 11.0)


def test_a_candidate_that_is_first_has_the_first_block(fake: Fake) -> None:
    python = fake("")
    found = measured(python, python, launch=1)
    assert (found.first, [quad.order for quad in found.steps]) == (CANDIDATE, ["BAAB", "ABBA"])


WHERE = """
def steps(self, count, tell=False, old=Session.steps):
    block = old(self, count, tell)
    return __import__('dataclasses').replace(block, rss_bytes=sum(2**cpu for cpu in os.sched_getaffinity(0)))
Session.steps = steps
"""  # the CPUs that a worker may run on, in the place of its memory


def test_both_sides_of_a_one_core_launch_are_pinned_to_it_and_the_orchestrator_keeps_off(fake: Fake) -> None:
    before = os.sched_getaffinity(0)
    core, other = max(before), min(before)
    plan = PairPlan.of(Plan("tiny", 1), BLOCKS, PinnedCore(core, (other,), shared=False))
    assert (plan.plan.threads, plan.kind) == (1, ONE_CORE)
    sides = {REFERENCE: Side("a", fake(WHERE), {}), CANDIDATE: Side("b", fake(WHERE), {})}
    own = []
    found = measure_pair(plan, 5, 0, 70, sides, lambda quads: own.append(os.sched_getaffinity(0)))
    assert (found.core, found.cores, found.launch, found.first) == (core, ONE_CORE, 5, REFERENCE)
    for record in (found.reference, found.candidate):
        assert record.environment is not None
        assert record.environment.threads == 1
        assert record.memory is not None
        assert set(record.memory.rss_bytes) == {2**core}
    assert own == 2 * [{other}]
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize("refused", ["both sides", "this process", "this process at the end"])
def test_cpus_that_can_not_be_had_any_more_are_a_failure_of_the_launch(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    """As where the cpuset has changed since the run began: CPUs of such numbers there are none."""
    cpus = os.sched_getaffinity(0)
    pinned = PinnedCore(
        4000 if refused == "both sides" else max(cpus),
        (4001,) if refused == "this process" else (min(cpus),),
        shared=False,
    )
    sides = {REFERENCE: Side("a", fake(""), {}), CANDIDATE: Side("b", fake(""), {})}
    plan = PairPlan.of(Plan("tiny", 1), BLOCKS, pinned)

    def changed(quads: int) -> None:
        if refused == "this process at the end" and quads == BLOCKS.quads:
            invalid = OSError(errno.EINVAL, "Invalid argument")
            monkeypatch.setattr("bench.drive.cores.pin", unittest.mock.Mock(side_effect=invalid))

    try:
        found = measure_pair(plan, 5, 0, 70, sides, changed)
    finally:
        os.sched_setaffinity(0, cpus)
    own = "tfgate's own process can't be moved to other CPUs: Invalid argument"
    said = "OSError: [Errno 22] Invalid argument" if refused == "both sides" else own
    assert {side: (failure.kind, failure.message) for side, failure in found.failures.items()} == {
        REFERENCE: ("exception", said),
        CANDIDATE: ("exception", said),
    }
    assert len(found.steps) == (BLOCKS.quads if refused == "this process at the end" else 0)


ANEW = """
def describe(self, threads, old=Session.describe):
    self.imported = True
    return old(self, threads)
def read_anew(self):
    self.anew = 1 if hasattr(self, 'imported') else 512
def steps(self, count, tell=False, old=Session.steps):
    return __import__('dataclasses').replace(old(self, count, tell), rss_bytes=getattr(self, 'anew', 1))
Session.describe, Session.read_anew, Session.steps = describe, read_anew, steps
"""  # tells whether libraries were read anew before they were imported, in the place of memory


@pytest.mark.parametrize(("one_core", "anew"), [(True, 512), (False, 1)])
def test_libraries_are_read_anew_before_a_one_core_launch(fake: Fake, one_core: bool, anew: int) -> None:
    cpus = os.sched_getaffinity(0)
    pinned = PinnedCore(max(cpus), (min(cpus),), shared=False)
    plan = PairPlan.of(Plan("tiny", 1), BLOCKS, pinned if one_core else None)
    sides = {REFERENCE: Side("a", fake(ANEW), {}), CANDIDATE: Side("b", fake(ANEW), {})}
    found = measure_pair(plan, 5, 2, 70, sides)
    for record in (found.reference, found.candidate):
        assert record.memory is not None
        assert set(record.memory.rss_bytes) == {anew}


MOVED = """
moves = 1
def relocate(self):
    self.moves += 1
def steps(self, count, tell=False, old=Session.steps):
    return __import__('dataclasses').replace(old(self, count, tell), rss_bytes=self.moves)
Session.moves, Session.relocate, Session.steps = moves, relocate, steps
"""  # tells how often weights were moved, from 1 on, in the place of memory


@pytest.mark.parametrize("moves", [True, False])
def test_weights_are_moved_before_each_block_unless_they_stay(fake: Fake, moves: bool) -> None:
    plan = PairPlan.of(Plan("tiny", 1), BLOCKS, moves=moves)
    sides = {REFERENCE: Side("a", fake(MOVED), {}), CANDIDATE: Side("b", fake(MOVED), {})}
    found = measure_pair(plan, 5, 2, 70, sides)
    blocks = 2 * BLOCKS.quads
    for record in (found.reference, found.candidate):
        assert record.memory is not None
        assert record.memory.rss_bytes == (1, *(range(2, blocks + 2) if moves else blocks * [1]))


def test_without_evaluation_quads_nothing_is_evaluated(fake: Fake) -> None:
    plan = PairPlan.of(Plan("tiny", 1), dataclasses.replace(BLOCKS, evaluation_quads=0))
    sides = {REFERENCE: Side("a", fake(""), {}), CANDIDATE: Side("b", fake(""), {})}
    found = measure_pair(plan, 0, 0, 70, sides)
    assert (found.evaluations, found.reference.evaluation, found.candidate.failure) == ((), None, None)


DIES = "Session.{} = lambda self, *a, **k: {}"


@pytest.mark.parametrize(
    ("operation", "how", "kind", "message", "quads"),
    [
        ("describe", "1 / 0", "exception", "ZeroDivisionError", 0),
        ("open", "os._exit(3)", "crashed", "exited with code 3 during open", 0),
        (
            "steps",
            "os.kill(os.getpid(), 11) if self.done else old(self, *a, **k)",
            "crashed",
            "was killed by SIGSEGV during steps",
            0,
        ),
        ("evaluate", "None", "garbage", "the worker's reply to evaluate", 2),
        ("evaluation_steps", "send('noise\\n')", "garbage", "noise", 2),
        ("finish", "os.kill(os.getpid(), 9)", "crashed", "as the kernel does when memory runs out", 2),
    ],
)
def test_a_candidate_that_fails_leaves_a_reference_that_works(
    fake: Fake, operation: str, how: str, kind: str, message: str, quads: int
) -> None:
    changes = f"old = Session.{operation}\n" + DIES.format(operation, how)
    found = measured(fake(""), fake(changes))
    assert found.candidate.failure is not None
    assert found.candidate.failure.kind == kind
    assert message in found.candidate.failure.message
    assert found.reference.failure is None
    assert found.reference.environment is not None
    assert len(found.steps) == quads


def test_both_fail_where_both_are_broken(fake: Fake) -> None:
    changes = DIES.format("open", "1 / 0")
    found = measured(fake(changes), fake(changes))
    assert found.reference.failure is not None
    assert found.candidate.failure is not None


def test_a_loss_that_is_not_finite_is_a_divergence(fake: Fake) -> None:
    changes = "old = Session.steps\n" + DIES.format(
        "steps", "__import__('dataclasses').replace(old(self, *a, **k), losses=(float('nan'),))"
    )
    found = measured(fake(""), fake(changes))
    assert found.candidate.failure is not None
    assert (found.candidate.failure.kind, found.candidate.failure.message) == (
        "diverged",
        "training diverged: the loss is nan at step 0",
    )


ENDS_EARLY = """
def steps(self, count, tell=False, old=Session.steps):
    block = old(self, count, tell)
    if self.done < 23:
        return block
    return answers.Block((*block.losses[:3], float("nan")), block.seconds[:4], block.cpu_seconds[:4], block.rss_bytes)
Session.steps = steps
"""  # diverges at the last step but one, in the candidate's last block of the last quad


def test_a_quad_whose_last_block_ends_early_does_not_count(fake: Fake) -> None:
    found = measured(fake(""), fake(ENDS_EARLY))
    assert found.candidate.failure is not None
    assert (found.candidate.failure.kind, len(found.steps)) == ("diverged", 1)


SLEEPS = "old = Session.{0}\n" + DIES.format("{0}", "time.sleep({1}) or old(self, *a, **k)")


@pytest.mark.parametrize(("operation", "launch"), [("open", 1), ("steps", 0)])
def test_a_hang_is_told_by_the_reference_s_time(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, operation: str, launch: int
) -> None:
    """Importing, building and tracing both do at once, and the reference is heard first even where the candidate is
    first otherwise.
    """
    usual = Deadlines.wait

    def shorter(self: Deadlines, asked: str, *, per: int = 1) -> Wait:
        wait = usual(self, asked, per=per)
        return Wait(0.2, wait.told) if wait.told and asked == operation else wait

    monkeypatch.setattr(Deadlines, "wait", shorter)
    monkeypatch.setattr("bench.drive.process.CLOSE_SECONDS", 0.1)  # it won't close when asked, either
    found = measured(fake(""), fake(SLEEPS.format(operation, 600)), launch)
    failure = found.candidate.failure
    assert failure is not None
    assert failure.kind == "hung"
    message = rf"the worker did not respond for \d+ s during {operation}; the reference took \d+\.\d s"
    assert re.fullmatch(message, failure.message)
    assert found.reference.failure is None


def test_a_run_s_patience_is_that_of_all_its_launches(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Patience()
    sides = {REFERENCE: Side("a", fake(""), {}), CANDIDATE: Side("b", fake(""), {})}
    measure_pair(PLAN, 0, 0, 70, sides, patience=shared)
    assert all(
        shared.longest(operation)
        for operation in ("describe", "open", "steps", "evaluate", "evaluation_steps", "finish")
    )
