"""The model's training step in PyTorch, as its users would write it, on the same weights, batches and masks.

Gradients are dense, the embedding's too: clip_grad_norm_ takes no sparse ones. SGD is PyTorch's fused kernel. There is
no torch.compile: it needs a compiler that users may not have.
"""

from typing import Any

import torch

from lm.arrays import Weights
from lm.config import Config


class TorchStep(torch.nn.Module):  # type: ignore[misc]  # PyTorch isn't installed where the linters run
    """Embedding, an nn.LSTM a layer, Linear. The second bias that PyTorch's LSTM has is zero and stays so."""

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        self.config = config
        widths = (config.embedding_size, *config.layer_sizes)
        self.embedding = torch.nn.Embedding(config.vocabulary_size, config.embedding_size)
        sizes = zip(widths, config.layer_sizes, strict=False)
        self.lstms = torch.nn.ModuleList([torch.nn.LSTM(width, size, batch_first=True) for width, size in sizes])
        self.output = torch.nn.Linear(widths[-1], config.vocabulary_size)
        self.state = [
            (torch.zeros(1, config.batch_size, size), torch.zeros(1, config.batch_size, size))
            for size in config.layer_sizes
        ]
        self._assign(weights)
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.SGD(trained, lr=config.learning_rate, fused=True)

    def train_step(self, inputs: Any, targets: Any, masks: Any) -> float:
        """Trains on a batch of ids [batch, steps]; returns the loss."""
        scales = [torch.from_numpy(mask) / self.config.keep_probability for mask in masks]
        hidden = self.embedding(torch.from_numpy(inputs))
        if scales:
            hidden = hidden * scales[0]
        for layer, lstm in enumerate(self.lstms):
            hidden, (h, c) = lstm(hidden, self.state[layer])
            self.state[layer] = (h.detach(), c.detach())
            if scales:
                hidden = hidden * scales[layer + 1]
        logits = self.output(hidden).flatten(0, 1)
        ids = torch.from_numpy(targets).flatten().long()
        loss = torch.nn.functional.cross_entropy(logits, ids, reduction="sum") / self.config.batch_size
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters(), self.config.clip_norm)
        self.optimizer.step()
        return float(loss)

    def _assign(self, weights: Weights) -> None:
        """Assigns the weights. PyTorch's matrices act on columns; its gates lie in Keras' order."""
        values = {name: torch.from_numpy(value) for name, value in weights.items()}
        with torch.no_grad():
            self.embedding.weight.copy_(values["embedding"])
            for layer, lstm in enumerate(self.lstms):
                lstm.weight_ih_l0.copy_(values[f"lstm{layer}/kernel"].T)
                lstm.weight_hh_l0.copy_(values[f"lstm{layer}/recurrent"].T)
                lstm.bias_ih_l0.copy_(values[f"lstm{layer}/bias"])
                lstm.bias_hh_l0.zero_().requires_grad_(False)
            self.output.weight.copy_(values["output/kernel"].T)
            self.output.bias.copy_(values["output/bias"])
