"""The oracle's process in a launch that is compared with it: takes the steps that the launch published, and compares.

Or it answers the cases of the workload, where that has some (lm.workloads.protocol).

It runs in the orchestrator's interpreter, with its NumPy: no measured environment judges itself. A step starts from the
weights and the state that the one before it published, whatever the launch says; the text, the learning rates and the
initial weights are this process's own.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from bench.measure.checked import ANSWERS, OWN, SMALLER, START
from bench.measure.defined import Best, defined
from bench.measure.exchange import Exchange, file_bytes, mapped, reserve, step_shapes
from bench.measure.numerics import (
    CAP,
    EVALUATION,
    Before,
    Expected,
    Quantities,
    difference,
    errors_of,
    expected_evaluation,
    expected_of,
    expected_perplexity,
    expected_step,
    relative_error,
    sketched,
)
from bench.measure.publish import publish
from bench.measure.stress import CASES, LEARNING_RATE, SMALL, Case, Start, small_start
from bench.measure.updates import clipping_and_update
from bench.record.replies import Agenda
from bench.record.types import ANSWER, DEFAULT_WORKLOAD, REPEAT, NumericError, Unchecked
from lm.arrays import Array, Floats, State
from lm.config import Config, config_by_name
from lm.data.batches import batch, steps_per_epoch, training_batch
from lm.data.load import load_corpus
from lm.training.initial import initial_weights
from lm.workloads.protocol import Defining, Opening, Workload
from lm.workloads.registry import workload as workload_by_name

QUANTITIES = ("logits", "loss", "norm", "gradient", "clipped", "update", "state")  # a fault is named by its first
START_BYTES = 1 << 20  # that a file takes beside its arrays
# One of so many steps is taken again, the first ones, by another process that reads nothing in between; all of them
# where the oracle takes all.
REPEATED = 4


class Session:
    """Compares steps or answers when asked, and sums up what it found."""

    _config: Config
    _answers: dict[str, Expected]  # by case; none where steps are compared
    _given: Mapping[str, Array]  # what the answers of a user's own model start from
    _shapes: dict[str, dict[str, dict[str, tuple[int, ...]]]]  # of the answers

    def prepare(
        self,
        config: str,
        corpus: str,
        corpus_path: str | None,
        steps: int,
        device: str,
        jitter: int,
        workload: str = DEFAULT_WORKLOAD,
    ) -> Agenda:
        """Loads a workload in a reference configuration. Raises ConfigError, CorpusError."""
        found, self._config = workload_by_name(workload), config_by_name(config)
        self._jitter, self._tally = jitter, Tally()
        self._best = Best()
        self._answers, self._given = {}, {}
        opening = Opening(self._config, device, jitter)
        if isinstance(found, Defining):
            self._answers, self._given, unchecked = defined(found, opening)
            return self._agenda(unchecked=unchecked)
        if found.cases:
            self._answers = {case: expected_answer(found, opening, case) for case in found.cases}
            return self._agenda(found.file_bytes(self._config))
        text = load_corpus(corpus, self._config, Path(corpus_path) if corpus_path else None)
        self._tokens, self._valid = text.train, text.valid
        every = found.plans[config].oracle_every
        self._repeated = steps if every == 1 else max(steps // REPEATED, 1)
        self._repeat_limit = 0.0 if device.startswith("cpu") else math.inf
        asked = {*range(0, steps, every), 0, min(5, steps - 1), steps // 2, steps - 1}
        self._oracle_steps = tuple(sorted(asked))
        size = sum(file_bytes(step_shapes(each)) for each in (self._config, SMALL))
        return Agenda(size, self._oracle_steps, tuple(case.asked for case in CASES), self._repeated)

    def _agenda(self, files: int = 0, unchecked: tuple[Unchecked, ...] = ()) -> Agenda:
        shapes = {
            case: {
                quantity: {tensor: value.shape for tensor, value in tensors.items()}
                for quantity, tensors in expected.values.items()
                if tensors  # of a user's own model, all may be left open
            }
            for case, expected in self._answers.items()
        }
        self._shapes = shapes
        size = file_bytes(shapes) + sum(array.nbytes for array in self._given.values()) + files
        return Agenda(size + START_BYTES * bool(self._given), (), (), 0, shapes, files > 0, unchecked)

    def share(self, folder: str) -> None:
        """Creates the files through which the launch publishes; those of steps hold the initial weights."""
        if self._answers:
            reserve(Path(folder) / ANSWERS, self._shapes)
            self._published = mapped(Path(folder) / ANSWERS, self._shapes)
            if self._given:
                np.savez(Path(folder) / START, **cast("dict[str, Any]", self._given))
            return
        self._own = Exchange.create(Path(folder) / OWN, self._config)
        self._small = Exchange.create(Path(folder) / SMALLER, SMALL)
        publish(initial_weights(self._config, self._jitter), self._own.weights(0))

    def check_answer(self, case: str, refused: str = "", promised: bool = True) -> None:
        """Compares the answers that were just published. A case's number stands in the place of a step.

        A file that was `refused` is infinitely far off. Of one that no version promised to read nothing is too much.
        """
        number, found, expected = list(self._answers).index(case), self._published[case], self._answers[case]
        errors = [
            error
            if error.within
            else dataclasses.replace(
                error,
                departure=sketched(found[error.quantity][error.tensor], expected.values[error.quantity][error.tensor]),
            )
            for error in errors_of(number, found, expected)
        ]
        if refused:
            errors = [NumericError(number, "file", "", math.inf, 0.0, refused=refused)]
        if not promised:
            errors = [dataclasses.replace(error, limit=math.inf) for error in _worst(errors)]
        if self._given:
            self._best.add(errors)
            return
        self._tally.add(dataclasses.replace(error, quantity=f"{ANSWER}{case}: {error.quantity}") for error in errors)

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
        self._start = CASES[case].change(self._starts[CASES[case].small])
        exchange = self._small if CASES[case].small else self._own
        publish(self._start.weights, exchange.weights(0))
        publish(self._start.state, exchange.start)
        publish({"inputs": self._start.inputs, "targets": self._start.targets}, exchange.ids)
        for mask, target in zip(self._start.masks, exchange.masks, strict=True):
            target[...] = mask

    def check_stress(self, case: int, logits: bool) -> None:
        """Compares the stress step that was just published with the oracle's."""
        self._tally.add(self._stress_errors(CASES[case], self._start, self._next_step + case, logits))

    def _stress_errors(self, case: Case, start: Start, step: int, logits: bool) -> Iterable[NumericError]:
        config, exchange = (SMALL, self._small) if case.small else (self._config, self._own)
        before: Before = start.weights, start.state
        if case.evaluation:
            expected = expected_evaluation(config, before, (start.inputs, start.targets), case.cut)
            found: Quantities = {quantity: exchange.results(quantity) for quantity in ("loss", "state")}
        else:
            expected = expected_step(config, before, start.batch, LEARNING_RATE, case.cut)
            found = _published(exchange, 0, logits)
        return case.named(errors_of(step, found, expected, case.cut))

    def check_repeat(self) -> None:
        """Compares what the first steps left in another process, which read nothing in between, with what they left.

        On a CPU both are the same to the last bit. On a GPU the order of sums may change: nothing is too much there.
        """
        found = {**self._own.updated(0), **self._own.results("state")}
        self._tally.add(
            NumericError(self._repeated - 1, REPEAT, name, relative_error(found[name], value), self._repeat_limit)
            for name, value in self._after_read_steps.items()
        )

    def errors(self) -> list[NumericError]:
        """Returns what was found so far."""
        if self._given:
            return [dataclasses.replace(error, quantity=f"{ANSWER}{error.quantity}") for error in self._best.errors()]
        return self._tally.errors()


class Tally:
    """Sums up the errors of many steps: of each quantity the nearest to its limit, and each tensor's first over it."""

    def __init__(self) -> None:
        self._steps: dict[str, int] = {}
        self._nearest: dict[str, NumericError] = {}
        self._over: dict[tuple[str, str], NumericError] = {}

    def add(self, errors: Iterable[NumericError]) -> None:
        """Takes in the errors of one step."""
        found = list(errors)
        for quantity in dict.fromkeys(error.quantity for error in found):
            self._steps[quantity] = self._steps.get(quantity, 0) + 1
        for error in found:
            if not error.within:
                self._over.setdefault((error.quantity, error.tensor), error)
            elif error.used >= getattr(self._nearest.get(error.quantity), "used", 0.0):
                self._nearest[error.quantity] = error

    def errors(self) -> list[NumericError]:
        """Returns them, in the order in which their quantities were found first."""
        over = list(self._over.values())
        return [
            dataclasses.replace(error, steps=steps)
            for quantity, steps in self._steps.items()
            for error in [one for one in over if one.quantity == quantity] or [self._nearest[quantity]]
        ]


def expected_answer(workload: Workload, opening: Opening, case: str) -> Expected:
    """Returns a case's answers by their definition in float64, and how far off a float32 implementation may be."""
    wide, narrow = (workload.expected(opening, case, kind) for kind in (np.float64, np.float32))
    return expected_of(wide, narrow, cap=CAP if workload.cap is None else workload.cap)


def _worst(errors: Iterable[NumericError]) -> list[NumericError]:
    """Returns the largest error of each quantity."""
    worst: dict[str, NumericError] = {}
    for error in errors:
        if error.quantity not in worst or not error.error <= worst[error.quantity].error:
            worst[error.quantity] = error
    return list(worst.values())


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
