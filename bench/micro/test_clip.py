"""`clip_by_global_norm` of one batch's gradients, the embedding's as IndexedSlices or densified: two different norms."""

from typing import Any

import pytest

from bench.micro.answers import require_close, require_gradients
from bench.micro.case import Case
from lm import costs, hot_paths, oracle
from lm.trainer import Trainer


@pytest.mark.parametrize("form", ["slices", "dense"])
def test_clip(case: Case, trainer: Trainer, form: str) -> None:
    """The norm over all gradients, and all gradients scaled."""
    dense = form == "dense"
    compute = hot_paths.gradient(trainer, "graph")
    gradients = []
    for arguments in case.tensors(lambda batch: (batch.inputs, batch.targets, batch.masks)):
        case.restore(trainer)
        gradients.append(compute(*arguments)[1])
    wanted = dict(case.material.answer(0).gradients)
    if dense:
        gradients = [hot_paths.densified(one) for one in gradients]
        wanted["embedding"] = wanted["embedding"].densify(case.config.vocabulary_size)

    def check(result: Any) -> None:
        clipped, norm = oracle.clip_by_global_norm(wanted, case.config.clip_norm)
        require_close("norm", result[1], norm)
        require_gradients("clipped", hot_paths.densified(result[0]), clipped)

    case.measure(
        hot_paths.clip(trainer, case.mode),
        [(one,) for one in gradients],
        check=check,
        last=lambda result: result[1],
        cost=costs.clip(case.config, dense=dense),
        trainer=trainer,
    )
