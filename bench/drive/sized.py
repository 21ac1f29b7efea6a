"""Blocks of a user's own model: as many steps as fill a tenth of a second on the reference."""

import dataclasses
import math
import statistics
from collections.abc import Mapping

from bench.drive.opening import opened
from bench.drive.pair import WARM_UP_STEPS, PairPlan
from bench.drive.plan import Plan
from bench.drive.process import WorkerError
from bench.record.paired import PairedRun, Side
from bench.record.replies import Block

BLOCK_SECONDS = 0.1
TRIED = 8  # steps, of which the warm-up doesn't count
MOST_STEPS = 200  # of a block: what is shorter than half a millisecond is mostly Python


def sized(plans: Mapping[str, PairPlan], reference: Side, begun: PairedRun) -> Mapping[str, PairPlan]:
    """Returns the plans; those of a user's own model with blocks that fill BLOCK_SECONDS on the reference.

    A run that has launches keeps its blocks. A reference that can't take a step leaves them as they are: its first
    launch will say why.
    """
    plan = next(iter(plans.values()))
    if not plan.plan.own:
        return plans
    if begun.pairs:
        steps = (begun.pairs[0].reference.subject.steps - WARM_UP_STEPS) // (2 * plan.blocks.quads)
    else:
        steps = min(math.ceil(BLOCK_SECONDS / _step_seconds(plan.plan, reference)), MOST_STEPS)
    steps = max(steps, plan.blocks.steps)
    # A sixth is dropped, as of tiny's blocks (lm.config).
    blocks = dataclasses.replace(plan.blocks, steps=steps, dropped=max(steps // 6, plan.blocks.dropped))
    return {kind: PairPlan.of(one.plan, blocks, one.pinned, moves=one.moves) for kind, one in plans.items()}


def _step_seconds(plan: Plan, side: Side) -> float:
    """Returns the typical seconds of a step; infinity where none can be taken."""
    try:
        with opened(plan, side) as worker:
            block = worker.request(Block, "steps", count=TRIED)
    except WorkerError:
        return math.inf
    return statistics.median(block.seconds[WARM_UP_STEPS:] or (math.inf,))
