"""The whole training step; in a graph, the very function that the gate times."""

from typing import Any

from bench.micro.answers import require_close, require_gradients, require_weights
from bench.micro.case import Case
from lm.hot_paths import costs, paths
from lm.training.trainer import Trainer


def test_step(case: Case, trainer: Trainer) -> None:
    """Gradients, clipping and update of one batch."""

    def check(result: Any) -> None:
        answer = case.material.answer(0)
        require_close("loss", result.loss, answer.loss)
        require_close("norm", result.global_norm, answer.global_norm)
        require_gradients("clipped", paths.densified(result.clipped), answer.clipped)
        require_weights(trainer.weights, answer.weights, case.material.weights)
        for name, value in trainer.state.items():
            require_close(f"state {name}", value, answer.state[name])

    case.measure(
        paths.step(trainer, case.mode),
        case.tensors(lambda batch: (batch.inputs, batch.targets, batch.masks)),
        check=check,
        last=lambda result: result.loss,
        cost=costs.step(case.config),
        trainer=trainer,
    )
