"""The measured process's part in a launch that is compared with the oracle: it takes steps and publishes their results.

It compares nothing: a process of its own does (bench.measure.oracle, or answers).
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from bench.measure.exchange import Exchange, Shapes, mapped
from bench.measure.publish import publish, publish_evaluation, publish_training
from bench.measure.stress import LEARNING_RATE, SMALL
from bench.record.replies import Answered, Published
from bench.record.types import NOT_COPIED, NOT_REPEATED, UNSTEADY, Unchecked
from lm.data.batches import Batch
from lm.workloads.protocol import NotCopiedError, NotRepeatedError, Refused, UnsteadyError

if TYPE_CHECKING:
    from lm.training.trainer import Trainer
    from lm.workloads.protocol import Answering, Copying, ReadingFiles

OWN, SMALLER, ANSWERS = "own", "small", "answers"  # files of the folder that both processes share
FILES = "files"  # its folder of files that another process has written for cases to read
START = "start.npz"  # there, of a user's own model: what its answers start from


class CheckedLaunch:
    """A trainer whose steps are published in `folder`, and a small one for stress steps."""

    def __init__(self, trainer: "Trainer", folder: Path) -> None:
        self._trainer, self._folder = trainer, folder
        self._exchange = Exchange(folder / OWN, trainer.config)

    def train(self, step: int, batch: Batch, *, with_logits: bool) -> Published:
        """Trains on the step's batch. Steps come one by one, from 0."""
        return publish_training(self._trainer, batch, self._exchange, step, with_logits=with_logits)

    def stress(self, *, small: bool, evaluation: bool) -> Published:
        """Takes a step from the weights, the state and the batch that lie in the exchange."""
        trainer, exchange = self._small if small else (self._trainer, self._exchange)
        trainer.weights, trainer.state = exchange.weights(0), exchange.start
        ids = exchange.ids["inputs"].astype(np.int32), exchange.ids["targets"].astype(np.int32)
        if evaluation:
            return publish_evaluation(trainer, ids, exchange)
        trainer.learning_rate = LEARNING_RATE
        return publish_training(trainer, Batch(*ids, tuple(exchange.masks)), exchange, 0, with_logits=True)

    @functools.cached_property
    def _small(self) -> tuple["Trainer", Exchange]:
        from lm.training.trainer import Trainer

        exchange = Exchange(self._folder / SMALLER, SMALL)
        return Trainer(SMALL, self._trainer.implementation, self._trainer.device), exchange

    def repeat(self, steps: int, batch: Callable[[int], Batch]) -> None:
        """Takes the first steps of training and reads nothing before the last, whose weights and state it publishes."""
        for step in range(steps):
            self._trainer.train_step(*batch(step))
        publish(self._trainer.weights, self._exchange.updated(0))
        publish(self._trainer.state, self._exchange.results("state"))


class CheckedAnswers:
    """Work whose answers are published in `folder`."""

    def __init__(self, work: "Answering", folder: Path, shapes: Shapes) -> None:
        self._work, self._answers = work, mapped(folder / ANSWERS, shapes)
        if (folder / FILES).is_dir():
            cast("ReadingFiles", work).given = folder / FILES
        if (folder / START).exists():
            with np.load(folder / START) as start:
                cast("Copying", work).copy(dict(start))

    def answer(self, case: str) -> Answered:
        """Publishes what TensorFlow computes of a case; says why not where it can't be compared.

        Raises KeyError for an answer that is missing, ValueError for one of another shape.
        """
        promised = self._work.promised(case)
        try:
            found = self._work.answers(case)
        except Refused as error:
            return Answered(str(error), promised)
        except NotCopiedError as error:
            return Answered(unchecked=(Unchecked(NOT_COPIED, str(error)),))
        except UnsteadyError as error:
            return Answered(unchecked=(Unchecked(UNSTEADY, str(error)),))
        except NotRepeatedError as error:
            return Answered(unchecked=(Unchecked(NOT_REPEATED, str(error)),))
        for quantity, targets in self._answers[case].items():
            publish(found[quantity], targets)
        return Answered(promised=promised)
