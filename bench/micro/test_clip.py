"""`clip_by_global_norm` of one batch's gradients, the embedding's as IndexedSlices or densified: two different norms."""

from typing import Any

import pytest

from bench.micro.answers import require_close, require_gradients
from bench.micro.case import Case
from lm.hot_paths import costs, paths
from lm.oracle.sgd import SparseRows, clip_by_global_norm
from lm.training.trainer import Trainer

EXCESS = 2.0  # the gradients' norm over the limit: the initial weights' own is below it, where clipping changes nothing


@pytest.mark.parametrize("form", ["slices", "dense"])
def test_clip(case: Case, trainer: Trainer, form: str) -> None:
    """The norm over all gradients, and all gradients scaled."""
    dense = form == "dense"
    answer, limit = case.material.answer(0), case.config.clip_norm
    factor = EXCESS * limit / float(answer.global_norm)
    compute = paths.gradient(trainer, "graph")
    gradients = []
    for arguments in case.tensors(lambda batch: (batch.inputs, batch.targets, batch.masks)):
        case.restore(trainer)
        found = paths.scaled(compute(*arguments)[1], factor)
        gradients.append(paths.densified(found) if dense else found)

    def check(result: Any) -> None:
        wanted = {name: _scaled(gradient, factor) for name, gradient in answer.gradients.items()}
        if dense:
            wanted["embedding"] = wanted["embedding"].densify(case.config.vocabulary_size)
        clipped, norm = clip_by_global_norm(wanted, limit)
        require_close("norm", result[1], norm)
        require_gradients("clipped", paths.densified(result[0]), clipped)

    case.measure(
        paths.clip(trainer, case.mode),
        [(one,) for one in gradients],
        check=check,
        last=lambda result: result[1],
        cost=costs.clip(case.config, dense=dense),
        trainer=trainer,
    )


def _scaled(gradient: Any, factor: float) -> Any:
    sparse = isinstance(gradient, SparseRows)
    return SparseRows(gradient.indices, factor * gradient.values) if sparse else factor * gradient
