"""Launches: what is kept of one by a worker whose numbers are known, and how failures are kept."""

import hashlib
from pathlib import Path

import pytest

from bench.drive.launch import Launch, measure_launch
from bench.drive.plan import Plan
from bench.drive.process import WorkerError
from bench.record.paired import Side
from bench.record.types import NO_TENSORFLOW, OWN_CODE, Failure, Memory, NumericError, Startup, Subject
from tests.builders.fake_interpreter import Fake

PLAN = Plan("tiny", 30)
ALONE = Plan("tiny", 30, speed=False)  # untimed


def side(python: str, **variables: str) -> Side:
    return Side("a", python, variables)


class TestPlan:
    @pytest.mark.parametrize(("steps", "block"), [(600, 60), (200, 20), (30, 5), (10, 5), (6, 5), (3, 3), (1, 1)])
    def test_a_block_is_a_tenth_of_the_launch_or_what_leaves_three_steady_steps(self, steps: int, block: int) -> None:
        assert Plan("tiny", steps).block_steps == block

    def test_a_worker_is_told_all_that_it_is_to_build(self) -> None:
        plan = Plan("small", 7, "ptb", "/ptb", "fused", "gpu:1", workload="masked")
        assert plan.opening(jitter=3) == {
            "config": "small", "corpus": "ptb", "corpus_path": "/ptb", "workload": "masked", "steps": 7,
            "implementation": "fused", "device": "gpu:1", "jitter": 3,
        }  # fmt: skip

    def test_its_variables_come_last(self) -> None:
        plan = Plan("tiny", 1, variables=(("A", "2"), ("B", "3")))
        assert plan.environment({"A": "1", "C": "4"}) == {"A": "2", "C": "4", "B": "3"}

    @pytest.mark.parametrize(("one_launch", "launches"), [(True, 1), (False, 7)])
    def test_one_launch_is_enough_where_it_tells_the_numbers(self, one_launch: bool, launches: int) -> None:
        assert Plan("tiny", 1, one_launch=one_launch).launches(7) == launches


class TestWithKnownNumbers:
    def test_a_plan_s_variables_reach_the_process(self, fake_session: Fake) -> None:
        plan = Plan("tiny", 30, variables=(("TOLD", "5"),))
        python = fake_session("Session.finish = lambda self: answers.Finished(4321, int(os.environ['TOLD']), 0, {})")
        record = measure_launch(plan, Launch(1), side(python, TOLD="4"))
        assert record.memory
        assert record.memory.file_rss_bytes == 5

    def test_what_is_kept_of_a_launch(self, fake_session: Fake) -> None:
        heard: list[int] = []
        record = measure_launch(PLAN, Launch(3, 1003), side(fake_session("")), heard.append)
        assert record.failure is None
        assert record.subject == Subject("tiny", "synthetic", "cells", "cpu:0", "fa4e", 30, 10, 80)
        assert (record.launch, record.jitter, record.retraces) == (3, 1003, 0)
        assert record.environment is not None
        assert (record.environment.tensorflow, record.machine.cpu_model) == ("9.9.9", "fake")
        assert record.losses == tuple(50 - step / 8 for step in range(30))
        # Of each block of 5 steps the first two are not steady; 2, 3 and 4 are left, by their numbers.
        assert record.step_seconds == tuple(5 * block + step for block in range(6) for step in (2, 3, 4))
        assert record.startup == Startup(
            import_seconds=1.0, build_seconds=2.0, trace_seconds=3.0, first_step_seconds=0.0
        )
        assert record.graph_operations == {"MatMul": 3}
        assert record.evaluation is not None
        assert record.evaluation.tokens == 1600  # 20 batches of 80
        assert heard == [5, 10, 15, 20, 25, 30]

    def test_a_file_of_the_user_s_own_that_was_changed_is_no_launch(self, fake_session: Fake, tmp_path: Path) -> None:
        own = tmp_path / "mine.py"
        own.write_text("def workload(): pass")
        known = hashlib.sha256(own.read_bytes()).hexdigest()[:16]
        plan = Plan("own", 30, "", None, "", workload=str(own), answers=True, fingerprint=known)
        assert measure_launch(plan, Launch(1), side(fake_session(""))).failure is None
        own.write_text("def workload(): return 3")
        with pytest.raises(WorkerError, match=r"^mine\.py was changed while it was measured: measure anew$") as caught:
            measure_launch(plan, Launch(1), side(fake_session("")))
        assert caught.value.failure.kind == OWN_CODE

    def test_units_that_train_nothing_are_not_evaluated(self, fake_session: Fake) -> None:
        plan = Plan("tiny", 30, "", None, "", workload="masked", answers=True)
        record = measure_launch(plan, Launch(1), side(fake_session("del Session.evaluate")))
        assert (record.failure, record.evaluation, len(record.losses)) == (None, None, 30)

    def test_a_launch_that_is_compared_with_the_oracle_tells_no_times_of_steps(self, fake_session: Fake) -> None:
        heard: list[int] = []
        record = measure_launch(PLAN, Launch(0, numerics=True), side(fake_session("")), heard.append)
        assert record.failure is None
        assert record.losses == tuple(50 - step / 8 for step in range(30))
        assert (record.step_seconds, heard) == ((), [5, 10, 15, 20, 25, 30])
        assert record.numerics == (NumericError(0, "loss", "", 0.0, 4e-6, steps=30),)
        assert record.startup is not None
        assert record.startup.first_step_seconds == 0.0

    def test_memory_belongs_to_launches_without_the_oracle(self, fake_session: Fake) -> None:
        """The fake's resident size is 1000 + 7 a step. Steps that share the machine are not timed."""
        python = fake_session("")
        checked = measure_launch(ALONE, Launch(0, numerics=True), side(python))
        assert (checked.failure, checked.memory) == (None, None)
        record = measure_launch(ALONE, Launch(1), side(python))
        assert (len(record.losses), record.step_seconds) == (30, ())
        steps = (5, 10, 15, 20, 25, 30)  # six blocks
        assert record.memory == Memory(4321, 7.0, steps, tuple(1000 + 7 * count for count in steps), 21)

    def test_a_gpu_s_memory_is_the_launch_s(self, fake_session: Fake) -> None:
        finishing = "Session.finish = lambda self: answers.Finished(4321, 21, 0, {}, 2**20)"
        memory = measure_launch(ALONE, Launch(1), side(fake_session(finishing))).memory
        assert memory is not None
        assert memory.peak_gpu_bytes == 2**20


class TestFailures:
    CRASHING = """
class Session(Session):
    def steps(self, count, tell):
        if self.done == {step}:
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().steps(count, tell)
"""

    def test_what_was_measured_before_a_crash_is_kept(self, fake_session: Fake) -> None:
        record = measure_launch(PLAN, Launch(1), side(fake_session(self.CRASHING.format(step=10))))
        assert record.failure == Failure("crashed", "the worker was killed by SIGSEGV during steps")
        assert len(record.losses) == 10
        assert record.startup is not None
        assert (record.evaluation, record.memory, record.graph_operations) == (None, None, {})

    def test_a_crash_before_the_first_step_leaves_no_start_up_times(self, fake_session: Fake) -> None:
        record = measure_launch(PLAN, Launch(1), side(fake_session(self.CRASHING.format(step=0))))
        assert (record.losses, record.startup) == ((), None)
        assert record.subject.fingerprint == "fa4e"

    def test_a_launch_that_never_started_has_no_environment(self, tmp_path: Path) -> None:
        record = measure_launch(PLAN, Launch(0, 1000, numerics=True), side(str(tmp_path / "python")))
        assert record.failure is not None
        assert record.failure.kind == NO_TENSORFLOW
        assert record.environment is None
        assert record.subject == Subject("tiny", "synthetic", "cells", "cpu:0", "", 30, 0, 0)
        assert record.machine.cores >= 1

    def test_a_loss_that_is_not_finite_ends_the_training_but_not_the_record(self, fake_session: Fake) -> None:
        diverging = """
class Session(Session):
    def steps(self, count, tell):
        if self.done < 10:
            return super().steps(count, tell)
        return answers.Block((44.0, float("nan")), (0.0, 0.0), (0.0, 0.0), 1070)
"""
        record = measure_launch(ALONE, Launch(1), side(fake_session(diverging)))
        assert record.failure == Failure("diverged", "training diverged: the loss is nan at step 11")
        assert len(record.losses) == 12
        assert record.evaluation is not None
        assert record.memory is not None
