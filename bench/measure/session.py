"""The operations of a measured process: describe itself, open a workload, do blocks of its units, and be compared.

It knows no workload by name. What takes, publishes or evaluates training steps is asked of work that is Training; what
answers cases, of work that is Answering. Modules that need TensorFlow are imported by the operations, so that
`describe` times the whole import.
"""

import gc
import importlib.util
import math
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bench.machine import affinity, pin, require_preloaded, this_machine, usable_cores
from bench.measure.memory import file_rss_bytes, forget_libraries, peak_rss_bytes, release_free_memory, rss_bytes
from bench.record.profile import Profiled
from bench.record.replies import Answered, Block, Description, Finished, Opened, Published
from bench.record.types import Environment, Evaluation, Subject
from bench.record.variables import kept

if TYPE_CHECKING:
    from bench.measure.exchange import Shapes
    from lm.data.corpus import Corpus
    from lm.training.full import Event
    from lm.training.trainer import Trainer
    from lm.workloads.protocol import Answering, ReadingFiles, Training, Work


class Session:
    """The work of one process. TensorFlow is imported by `describe`, before which only `read_anew` may come."""

    work: "Work"

    def read_anew(self) -> None:
        """Has the kernel forget TensorFlow's libraries, which no process may use meanwhile (docs/protocol.md)."""
        found = importlib.util.find_spec("tensorflow")
        if found and found.origin:  # a TensorFlow that is imported adds folders to its search locations
            forget_libraries(Path(found.origin).parent)

    def describe(self, threads: int = 0) -> Description:
        """Imports TensorFlow, on that many threads (0: as many as cores); describes the environment and the machine.

        Raises PreloadError.
        """
        require_preloaded()
        variables = kept(os.environ)  # packages that Keras imports, such as scikit-learn, set some
        started = time.perf_counter()
        from lm import runtime

        import_seconds = time.perf_counter() - started
        runtime.set_threads(threads)
        environment = Environment(
            **runtime.versions(),
            onednn=runtime.onednn_enabled(),
            threads=runtime.intra_op_threads() or usable_cores(),
            variables=variables,
            affinity=affinity(),
            tensor_float_32=runtime.tensor_float_32_enabled(),
        )
        return Description(environment, this_machine(), import_seconds)

    def open(
        self,
        config: str,
        corpus: str,
        steps: int,
        corpus_path: str | None,
        implementation: str,
        device: str,
        jitter: int,
        workload: str,
    ) -> Opened:
        """Builds and traces a workload in a reference configuration. Raises ConfigError, CorpusError, DeviceError."""
        from lm import config as configs
        from lm.workloads.protocol import Opening
        from lm.workloads.registry import workload as workload_by_name

        found = workload_by_name(workload)
        self.config = configs.config_by_name(config)
        self.work = found.open(Opening(self.config, device, jitter, implementation, corpus, corpus_path))
        self._next_step = self._next_evaluation = 0
        build_seconds, trace_seconds = _timed(self.work.build), _timed(self.work.trace)
        self.work.start()
        subject = Subject(
            config=config,
            corpus=corpus,
            implementation=implementation,
            device=device,
            fingerprint=self.work.fingerprint,
            steps=steps,
            num_steps=self.config.num_steps,
            tokens_per_step=self.work.tokens,
            workload=Path(workload).name,  # of a user's own file, which has a path in the place of a name
            metrics=found.metrics,
        )
        return Opened(subject, build_seconds, trace_seconds)

    @property
    def trainer(self) -> "Trainer":
        """Returns the trainer of work whose units are training steps."""
        return cast("Trainer", cast("Training", self.work).trainer)

    @property
    def corpus(self) -> "Corpus":
        """Returns the text of work whose units are training steps."""
        return cast("Training", self.work).corpus

    def steps(self, count: int, *, tell: bool = False) -> Generator[int, None, Block]:
        """Does the next `count` units of work: training steps, say. Returns their Block.

        With `tell` it yields each step done, as a sign of life. Timed blocks send no such signs.
        """
        losses: list[float] = []
        seconds: list[float] = []
        cpu_seconds: list[float] = []
        last = self._next_step + count - 1
        for step in range(self._next_step, last + 1):
            loss, timed = self._step(step, last=step == last)
            losses.append(loss)
            seconds.append(timed[0])
            cpu_seconds.append(timed[1])
            self._next_step = step + 1
            if tell:
                yield step
            if not math.isfinite(loss):
                break
        return Block(tuple(losses), tuple(seconds), tuple(cpu_seconds), rss_bytes())

    def _step(self, step: int, *, last: bool) -> tuple[float, tuple[float, float]]:
        """Does a unit; returns (its number: a loss, say; (wall seconds, CPU seconds)).

        No later unit waits for what a block's `last` one has asked of the device, so this one does.
        """
        data = self.work.prepare(step)
        started = _clocks()
        loss = self.work.do(data)
        if last:
            self.work.wait()
        return loss, _since(started)

    def compute_in_float32(self) -> None:
        """Turns TF32 off for numbers that are compared: its rounding would hide every fault.

        Speed is measured as users get it. What XLA has compiled keeps the precision that it was compiled with.
        """
        from lm.runtime import turn_off_tensor_float_32

        turn_off_tensor_float_32(self.work.device)

    def publish(self, folder: str) -> None:
        """Has the steps of `take` and `stress` published in files of the folder, which the oracle's process shares."""
        from bench.measure.checked import CheckedLaunch

        self.compute_in_float32()
        self._checked = CheckedLaunch(self.trainer, Path(folder))

    def take(self, step: int, with_logits: bool) -> Published:
        """Takes a step of training and publishes its results. Steps come one by one, from 0."""
        return self._checked.train(step, self.work.prepare(step), with_logits=with_logits)

    def stress(self, small: bool, evaluation: bool) -> Published:
        """Takes a stress step from what lies in the exchange. It leaves the trainer with other weights."""
        return self._checked.stress(small=small, evaluation=evaluation)

    def repeat(self, steps: int) -> None:
        """Takes the first steps of training without reading anything in between, and publishes what they leave."""
        self._checked.repeat(steps, self.work.prepare)

    def share_answers(self, folder: str, answers: "Shapes") -> None:
        """Has the answers of `answer` published in a file of the folder; `answers` holds their shapes."""
        from bench.measure.checked import CheckedAnswers

        self.compute_in_float32()
        if self.work.device.startswith("gpu"):
            self.work.trace()  # anew
        self._answers = CheckedAnswers(cast("Answering", self.work), Path(folder), answers)

    def answer(self, case: str) -> Answered:
        """Answers a case of the workload, and publishes what comes out, or says why that can't be compared."""
        return self._answers.answer(case)

    def write_files(self, folder: str) -> None:
        """Writes the files that cases of another process read, below the folder."""
        from bench.measure.checked import FILES

        files = Path(folder) / FILES
        files.mkdir()
        cast("ReadingFiles", self.work).write_files(files)

    def share(self, path: str, role: str) -> None:
        """Takes part in a lockstep comparison as `reference` or `candidate`; the results go to the file at `path`."""
        from bench.measure.exchange import Exchange
        from bench.measure.lockstep import LockstepSide

        self.compute_in_float32()
        self._side = LockstepSide(self.trainer, Exchange(Path(path), self.config, lockstep=True), role)

    def lockstep(self, step: int) -> Published:
        """Takes the comparison's step `step` from the reference's weights and state, and publishes its results."""
        return self._side.take(step, self.work.prepare(step))

    def profile(self, target: str, steps: int, folder: str) -> Profiled:
        """Profiles a target (bench.record.profile) on the next batches in turn; TensorFlow's raw trace stays below
        `folder`.
        """
        from bench.measure.profile import BATCHES, profile

        batches = [self.work.prepare(self._next_step + number) for number in range(BATCHES)]
        return profile(self.work, target, batches, steps, Path(folder))

    def call(self, target: str) -> None:
        """Calls a target once, for what oneDNN says of it (bench.measure.profile.call)."""
        from bench.measure.profile import call

        call(self.work, target, self.work.prepare(self._next_step))

    def evaluate(self, max_steps: int) -> Evaluation:
        """Computes the perplexity over the first `max_steps` batches of the validation split."""
        from lm.training.passes import evaluate

        started = time.perf_counter()
        result = evaluate(self.trainer, self.corpus.valid, max_steps)
        return Evaluation(result.perplexity, result.tokens, time.perf_counter() - started, result.weights_changed)

    def pin(self, core: int) -> None:
        """Has this process work on that CPU alone from now on."""
        pin({core})

    def relocate(self) -> None:
        """Moves the model to other memory (Work.relocate); later allocations get other pages, too."""
        self.work.relocate()
        release_free_memory()

    def evaluation_steps(self, count: int) -> Block:
        """Times the next `count` steps over the validation split, which continue the last ones.

        To be called after training and `evaluate`.
        """
        from lm.data.batches import batch, steps_per_epoch

        losses, timed = [], []
        length = steps_per_epoch(self.corpus.valid.size, self.config)
        for step in range(self._next_evaluation, self._next_evaluation + count):
            data = batch(self.corpus.valid, self.config, step % length)
            started = _clocks()
            losses.append(float(self.trainer.evaluation_step(*data)))
            if len(losses) == count:
                self.work.wait()
            timed.append(_since(started))
        self._next_evaluation += count
        return Block(tuple(losses), tuple(wall for wall, _ in timed), tuple(cpu for _, cpu in timed), rss_bytes())

    def finish(self) -> Finished:
        """Returns peak memory, retraces and graph operations. Memory comes first: the rest needs some itself."""
        from lm.runtime import peak_gpu_bytes

        peak, files, gpu_peak = peak_rss_bytes(), file_rss_bytes(), peak_gpu_bytes(self.work.device)
        return Finished(peak, files, self.work.retraces, self.work.graph_operations(), gpu_peak)

    def train(self, checkpoint: str, resume: bool) -> Iterator[Mapping[str, "Event"]]:
        """Trains the opened configuration to the end and yields each event by the name of its kind (lm.training.full).

        Raises CheckpointError, DivergenceError.
        """
        from lm.training.full import FullTraining

        training = FullTraining(self.trainer, self.corpus, Path(checkpoint), self.work.fingerprint)
        if resume:
            training.resume()
            yield from ({"EpochResult": epoch} for epoch in training.epochs)
        for event in training.run():
            yield {type(event).__name__: event}


def _timed(work: Callable[[], None]) -> float:
    """Returns the wall seconds of something that is done once.

    Garbage is collected first: a full collection of what importing TensorFlow left takes as long as tracing a small
    model, and might else fall into one side's time alone.
    """
    gc.collect()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(started: tuple[float, float]) -> tuple[float, float]:
    """Returns (wall seconds, CPU seconds of all threads) since then."""
    return time.perf_counter() - started[0], time.process_time() - started[1]
