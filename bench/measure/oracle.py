"""The oracle's process in a launch that is compared step by step: takes the steps that it published, and compares.

It runs in the orchestrator's interpreter, with its NumPy: no measured environment judges itself. A step starts from the
weights and the state that the one before it published, whatever the launch says; the text, the learning rates and the
initial weights are this process's own.
"""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bench.measure.checked import OWN, SMALLER
from bench.measure.exchange import Exchange, file_bytes, step_shapes
from bench.measure.numerics import (
    EVALUATION,
    Before,
    Quantities,
    difference,
    errors_of,
    expected_evaluation,
    expected_perplexity,
    expected_step,
    relative_error,
)
from bench.measure.publish import publish
from bench.measure.stress import CASES, LEARNING_RATE, SMALL, Start, small_start
from bench.measure.tally import Tally
from bench.measure.updates import clipping_and_update
from bench.record.replies import Agenda, StressCase
from bench.record.types import REPEAT, STRESS, NumericError
from lm.arrays import Floats, State
from lm.config import config_by_name
from lm.data.batches import batch, steps_per_epoch, training_batch
from lm.data.load import load_corpus
from lm.training.initial import initial_weights
from lm.workloads.registry import workload as workload_by_name

QUANTITIES = ("logits", "loss", "norm", "gradient", "clipped", "update", "state")  # a fault is named by its first
# A second process takes the first quarter of the steps again and reads nothing in between; all steps where the oracle
# takes all.
REPEATED = 4


class Session:
    """Compares steps when asked, and sums up what it found."""

    def prepare(
        self,
        config: str,
        corpus: str,
        corpus_path: str | None,
        steps: int,
        device: str,
        jitter: int,
        workload: str,
    ) -> Agenda:
        """Loads a workload in a reference configuration. Raises ConfigError, CorpusError."""
        self._config, self._jitter, self._tally = config_by_name(config), jitter, Tally()
        text = load_corpus(corpus, self._config, corpus_path)
        self._tokens, self._valid = text.train, text.valid
        every = workload_by_name(workload).plans[config].oracle_every
        self._repeated = steps if every == 1 else max(steps // REPEATED, 1)
        self._repeat_limit = 0.0 if device.startswith("cpu") else math.inf
        asked = {*range(0, steps, every), 0, min(5, steps - 1), steps // 2, steps - 1}
        self._oracle_steps = tuple(sorted(asked))
        size = sum(file_bytes(step_shapes(each)) for each in (self._config, SMALL))
        stress = tuple(StressCase(case.small, case.evaluation) for case in CASES)
        return Agenda(size, self._oracle_steps, stress, self._repeated)

    def share(self, folder: str) -> None:
        """Creates the files through which the launch publishes. They hold the initial weights."""
        self._own = Exchange.create(Path(folder) / OWN, self._config)
        self._small = Exchange.create(Path(folder) / SMALLER, SMALL)
        publish(initial_weights(self._config, self._jitter), self._own.weights(0))

    def check(self, step: int, logits: bool) -> None:
        """Compares a step of training that was published: with the oracle's, or with its own gradients and norm.

        Steps come one by one. The launch may take the next one meanwhile, and no other.
        """
        exchange, config = self._own, self._config
        epoch, index = divmod(step, steps_per_epoch(self._tokens.size, config))
        if index == 0:
            self._state: State = {name: np.zeros(shape, np.float32) for name, shape in config.state_shapes().items()}
        batch, rate = training_batch(self._tokens, config, step), config.epoch_learning_rate(epoch + 1)
        if step in self._oracle_steps:
            before = exchange.weights(step), self._state
            expected = expected_step(config, before, batch, rate)
            self._tally.add(errors_of(step, _published(exchange, step, logits), expected))
        else:
            self._tally.add(clipping_and_update(config, exchange, step, batch.inputs, rate))
        self._state = _copies(exchange.results("state", step))
        self._next_step = step + 1
        if self._next_step == self._repeated:
            self._after_read_steps = _copies(exchange.updated(step)) | self._state

    def check_evaluation(self, steps: int, perplexity: float) -> None:
        """Compares what a pass over the first `steps` batches of the validation split gave after training."""
        count = min(steps, steps_per_epoch(self._valid.size, self._config))
        batches = [batch(self._valid, self._config, index) for index in range(count)]
        expected = expected_perplexity(self._config, self._own.weights(self._next_step), batches)
        self._tally.add(errors_of(self._next_step, {EVALUATION: {"": np.asarray(perplexity)}}, expected))

    def pose(self, case: int) -> None:
        """Puts what a stress step starts from in the exchange. Cases come one by one, from 0, after training."""
        if case == 0:
            weights = _copies(self._own.weights(self._next_step))
            batch = training_batch(self._tokens, self._config, self._next_step)
            self._starts = Start(weights, self._state, *batch), small_start(self._jitter)
        posed = CASES[case]
        self._start = posed.change(self._starts[posed.small])
        exchange = self._small if posed.small else self._own
        publish(self._start.weights, exchange.weights(0))
        publish(self._start.state, exchange.start)
        publish({"inputs": self._start.inputs, "targets": self._start.targets}, exchange.ids)
        for mask, target in zip(self._start.masks, exchange.masks, strict=True):
            target[...] = mask

    def check_stress(self, case: int, logits: bool) -> None:
        """Compares the stress step just published with the oracle's."""
        posed, start = CASES[case], self._start
        config, exchange = (SMALL, self._small) if posed.small else (self._config, self._own)
        before: Before = start.weights, start.state
        if posed.evaluation:
            outcomes = [expected_evaluation(config, before, (start.inputs, start.targets), posed.cut)]
            found: Quantities = {quantity: exchange.results(quantity) for quantity in ("loss", "state")}
        else:
            outcomes = [
                expected_step(config, before, start.batch, LEARNING_RATE, posed.cut, overflow=overflow)
                for overflow in ((True, False) if posed.either else (True,))
            ]
            found = _published(exchange, 0, logits)
        compared = [errors_of(self._next_step + case, found, expected, posed.cut) for expected in outcomes]
        errors = min(compared, key=lambda one: max(error.used for error in one))
        self._tally.add(dataclasses.replace(one, source=STRESS, case=posed.name) for one in errors)

    def check_repeat(self) -> None:
        """Compares what the first steps left in another process, which read nothing in between, with what they left.

        On a CPU both are the same to the last bit. On a GPU the order of sums may change: nothing is too much there.
        """
        found = {**self._own.updated(0), **self._own.results("state")}
        self._tally.add(
            NumericError(
                self._repeated - 1, "", name, relative_error(found[name], value), self._repeat_limit, source=REPEAT
            )
            for name, value in self._after_read_steps.items()
        )

    def errors(self) -> list[NumericError]:
        """Returns what was found so far."""
        return self._tally.errors()


def _copies(arrays: Mapping[str, Floats]) -> dict[str, Floats]:
    return {name: value.copy() for name, value in arrays.items()}


def _published(exchange: Exchange, step: int, logits: bool) -> Quantities:
    """Returns what a step of training published, by quantity."""
    update = difference(exchange.updated(step), exchange.weights(step))
    return {
        quantity: update if quantity == "update" else exchange.results(quantity, step)
        for quantity in QUANTITIES
        if logits or quantity != "logits"
    }
