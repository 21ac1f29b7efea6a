"""Blocks of a user's own model, by the seconds of a made-up reference's steps."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.drive.pair import WARM_UP_STEPS, PairPlan
from bench.drive.plan import Plan
from bench.drive.sized import MOST_STEPS, sized
from bench.record.paired import ALL_CORES, PairedRun, Side
from lm.config import Blocks
from tests.builders.paired import pair, paired_run

BLOCKS = Blocks(quads=10, steps=2, dropped=1, evaluation_quads=0, evaluation_steps=0)


@pytest.fixture
def plans(tmp_path: Path) -> dict[str, PairPlan]:
    path = tmp_path / "mine.py"
    path.write_text("def workload(): pass")
    plan = Plan("own", 1, "", None, "", workload=str(path), answers=True)
    assert (plan.name, plan.workload_name, plan.own) == ("mine-own", "mine.py", True)
    return {ALL_CORES: PairPlan.of(plan, BLOCKS)}


def side(session: Callable[[str], str], seconds: str) -> Side:
    interpreter = session(f"""
old = Session.steps
def steps(self, count):
    block = old(self, count)
    return answers.Block(block.losses, ({seconds},) * count, block.cpu_seconds, block.rss_bytes)
Session.steps = steps
""")
    return Side(interpreter, interpreter, {})


@pytest.mark.parametrize(
    ("seconds", "steps", "dropped"),
    [("1.0", 2, 1), ("0.04", 3, 1), ("0.005", 20, 3), ("1e-9", MOST_STEPS, 33), ("1 / 0", 2, 1)],
)
def test_a_block_takes_a_tenth_of_a_second(
    plans: dict[str, PairPlan], fake_session: Callable[[str], str], seconds: str, steps: int, dropped: int
) -> None:
    found = sized(plans, side(fake_session, seconds), paired_run([]))[ALL_CORES]
    assert (found.blocks.steps, found.blocks.dropped, found.blocks.quads) == (steps, dropped, 10)
    assert found.plan.steps == WARM_UP_STEPS + 2 * 10 * steps


def test_a_run_that_was_begun_keeps_its_blocks(plans: dict[str, PairPlan]) -> None:
    begun = pair(0)
    subject = dataclasses.replace(begun.reference.subject, steps=WARM_UP_STEPS + 2 * 10 * 7)
    reference = dataclasses.replace(begun.reference, subject=subject)
    run: PairedRun = paired_run([dataclasses.replace(begun, reference=reference)])
    assert sized(plans, Side("none", "none", {}), run)[ALL_CORES].blocks.steps == 7


def test_other_workloads_keep_their_blocks(plans: dict[str, PairPlan]) -> None:
    others = {ALL_CORES: PairPlan.of(Plan("tiny", 1), BLOCKS)}
    assert sized(others, Side("none", "none", {}), paired_run([])) == others
