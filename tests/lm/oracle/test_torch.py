"""The oracle against PyTorch in float64: another team's LSTM, cross-entropy and automatic differentiation."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from lm.config import CONFIGS, Config
from lm.oracle import step as oracle
from lm.oracle.sgd import densified

torch = pytest.importorskip("torch", reason="PyTorch is not installed in the Python that runs this test")

CASES = {
    "tiny": CONFIGS["tiny"],
    "dropout": dataclasses.replace(CONFIGS["tiny"], name="dropout", keep_probability=0.5),
    "three layers": dataclasses.replace(
        CONFIGS["tiny"], name="three layers", layer_sizes=(9, 5, 7), batch_size=3, num_steps=4
    ),
}


def torch_step(config: Config, weights: Any, state: Any, inputs: Any, targets: Any, masks: Any) -> tuple[Any, Any, Any]:
    """(loss, logits, new state by name); PyTorch has Keras' gate order, columns for rows, and a second bias (0)."""
    scales = [mask / config.keep_probability for mask in masks] or [1.0] * (1 + len(config.layer_sizes))
    x = torch.nn.functional.embedding(inputs, weights["embedding"]) * scales[0]
    new_state: dict[str, Any] = {}
    for layer, size in enumerate(config.layer_sizes):
        name = f"lstm{layer}"
        lstm = torch.nn.LSTM(x.shape[2], size, batch_first=True, dtype=torch.float64)
        parameters = {
            "weight_ih_l0": weights[f"{name}/kernel"].T,
            "weight_hh_l0": weights[f"{name}/recurrent"].T,
            "bias_ih_l0": weights[f"{name}/bias"],
            "bias_hh_l0": torch.zeros(4 * size, dtype=torch.float64),
        }
        start = state[f"{name}/h"][None], state[f"{name}/c"][None]
        x, (h, c) = torch.func.functional_call(lstm, parameters, (x, start))
        new_state |= {f"{name}/h": h[0], f"{name}/c": c[0]}
        x = x * scales[layer + 1]
    logits = x @ weights["output/kernel"] + weights["output/bias"]
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum") / len(inputs)
    return loss, logits, new_state


def relative_error(found: Any, wanted: Any) -> float:
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


@pytest.mark.parametrize("case", CASES)
def test_loss_logits_state_and_gradients_agree(case: str) -> None:
    config = CASES[case]
    random = np.random.RandomState(2)
    weights = {name: random.normal(scale=0.4, size=shape) for name, shape in config.weight_shapes().items()}
    state = {name: random.normal(size=shape) for name, shape in config.state_shapes().items()}
    ids = random.randint(config.vocabulary_size, size=(config.batch_size, config.num_steps + 1))
    masks = tuple(
        (random.uniform(size=shape) < config.keep_probability).astype(float) for shape in config.mask_shapes()
    )

    step = oracle.step(config, weights, state, ids[:, :-1], ids[:, 1:], masks, learning_rate=1.0)
    leaves = {name: torch.tensor(weight, requires_grad=True) for name, weight in weights.items()}
    start = {name: torch.tensor(value) for name, value in state.items()}
    batch = torch.tensor(ids)
    loss, logits, new_state = torch_step(
        config, leaves, start, batch[:, :-1], batch[:, 1:], [torch.tensor(mask) for mask in masks]
    )
    loss.backward()

    assert step.loss == pytest.approx(loss.item(), rel=1e-14)
    assert relative_error(step.logits, logits.detach().numpy()) < 1e-14
    for name, value in new_state.items():
        assert relative_error(step.state[name], value.detach().numpy()) < 1e-14, name
    for name, gradient in step.gradients.items():
        assert relative_error(densified(gradient, config.vocabulary_size), leaves[name].grad.numpy()) < 1e-13, name
