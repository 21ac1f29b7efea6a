"""The whole training step; in a graph, the very function that the gate times."""

from bench.micro.answers import require_close, require_gradients, require_weights
from bench.micro.case import Case
from lm.training.trainer import StepResult, Trainer


def test_step(case: Case, trainer: Trainer) -> None:
    """Times gradients, clipping and update of one batch."""

    def check(result: StepResult) -> None:
        answer = case.material.answer
        require_close("loss", result.loss, answer.loss)
        require_close("norm", result.global_norm, answer.global_norm)
        require_gradients("clipped", result.clipped, answer.clipped, case.config.vocabulary_size)
        require_weights(trainer.weights, answer.weights, case.material.weights)
        for name, value in trainer.state.items():
            require_close(f"state {name}", value, answer.state[name])

    case.measure_path(trainer, "step", check=check)
