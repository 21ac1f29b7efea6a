"""`clip_by_global_norm` of one batch's gradients, the embedding's sparse or densified, which have different norms."""

from typing import Any

import pytest

from bench.micro.answers import require_close, require_gradients
from bench.micro.case import Case
from lm.hot_paths import costs, paths, tensors
from lm.oracle import sgd
from lm.training.trainer import Gradients, Trainer

EXCESS = 2.0  # the gradients' norm over the limit: the initial weights' own is below it, where clipping changes nothing


@pytest.mark.parametrize("form", ["slices", "dense"])
def test_clip(case: Case, trainer: Trainer, form: str) -> None:
    """Times the norm over all gradients, and all gradients scaled."""
    dense = form == "dense"
    answer, limit, vocabulary_size = case.material.answer, case.config.clip_norm, case.config.vocabulary_size
    factor = EXCESS * limit / float(answer.global_norm)

    def formed(gradients: Gradients) -> Gradients:
        scaled = tensors.scaled(gradients, factor)
        return tensors.dense(scaled) if dense else scaled

    def check(result: tuple[Gradients, Any]) -> None:
        wanted = {name: sgd.scaled(gradient, factor) for name, gradient in answer.gradients.items()}
        if dense:
            wanted["embedding"] = sgd.densified(wanted["embedding"], vocabulary_size)
        clipped, norm = sgd.clip_by_global_norm(wanted, limit)
        require_close("norm", result[1], norm)
        require_gradients("clipped", result[0], clipped, vocabulary_size)

    case.measure(
        paths.hot_path(trainer, "clip", case.mode),
        [(formed(gradients),) for (gradients,) in case.arguments(trainer, "clip")],
        check=check,
        cost=costs.clip(case.config, dense=dense),
        trainer=trainer,
    )
