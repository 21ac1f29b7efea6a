"""Work of `train`: training steps on a corpus."""

from lm import runtime
from lm.data.batches import Batch, steps_per_epoch, training_batch
from lm.data.load import load_corpus
from lm.training.initial import initial_weights, weights_sha256
from lm.training.trainer import Trainer
from lm.workloads.parts.on_device import OnDevice
from lm.workloads.protocol import Opening, Training, Workload


class Work(OnDevice, Training):
    """Takes the steps of a trainer."""

    trainer: Trainer

    def __init__(self, workload: Workload, opening: Opening) -> None:
        super().__init__(opening)
        self._implementation = opening.implementation
        self.tokens = self.config.tokens_per_step
        self.corpus = load_corpus(opening.corpus, self.config, opening.corpus_path)
        self.fingerprint = self.config.fingerprint(self.corpus.sha256, weights_sha256(initial_weights(self.config)))

    def build(self) -> None:
        """Builds the trainer."""
        self.trainer = Trainer(self.config, self._implementation, self.device)

    def trace(self) -> None:
        """Traces the training step."""
        self.trainer.step_function.get_concrete_function()

    def start(self) -> None:
        """Sets the initial weights."""
        self.trainer.weights = initial_weights(self.config, self.jitter)

    def prepare(self, unit: int) -> Batch:
        """Returns what a global step reads; a new pass starts from a zero state and at its own learning rate."""
        epoch, index = divmod(unit, steps_per_epoch(self.corpus.train.size, self.config))
        if index == 0:
            self.trainer.zero_state()
            self.trainer.learning_rate = self.config.epoch_learning_rate(epoch + 1)
        return training_batch(self.corpus.train, self.config, unit)

    def do(self, prepared: Batch) -> float:
        """Takes a step; returns its loss."""
        return float(self.trainer.train_step(*prepared).loss)

    def wait(self) -> None:
        """Blocks until the weights are those after the last step; on a CPU they are already.

        An accelerator works in the order in which it is asked, so a value read now comes after every update.
        """
        if not self.device.startswith("cpu"):
            self.trainer.model.variables[-1][..., 0].numpy()

    def relocate(self) -> None:
        """Moves weights and states to other memory."""
        runtime.relocate((*self.trainer.model.variables, *self.trainer.model.states))

    @property
    def retraces(self) -> int:
        """Returns how often the training step, or the evaluation step, was traced beyond the first time."""
        return runtime.retraces(self.trainer.step_function) + runtime.retraces(self.trainer.evaluation_function)

    def graph_operations(self) -> dict[str, int]:
        """Counts the operations of the step's graph by type, those of its function library included."""
        return runtime.operations(self.trainer.step_function.get_concrete_function().graph)
