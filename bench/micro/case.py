"""Times one case: its answer is checked, it is warmed up until nothing is traced any more, then takes fixed rounds."""

import inspect
import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bench.micro.material import Material
from lm.config import Mode
from lm.hot_paths.costs import Cost
from lm.hot_paths.paths import PATHS, arguments, hot_path
from lm.runtime import wait
from lm.training.trainer import Trainer

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

ROUNDS = {"eager": 8, "graph": 16}  # multiples of material.BATCHES
SHORT = 4  # times as many rounds of a path without matrix products: 16 of its one or two milliseconds tell little
WARM_UP_ROTATIONS = 3  # over all batches, at most


class TracingError(AssertionError):
    """A path that is traced again and again: its time would be that of TensorFlow's tracing."""


class Case:
    """One benchmark: a target of one configuration, implementation, device and mode."""

    def __init__(
        self, benchmark: "BenchmarkFixture", material: Material, device: str, mode: Mode, about: dict[str, Any]
    ) -> None:
        """Makes a case; `about` is what extra_info says of the session."""
        self.material = material
        self.config = material.config
        self.device = device
        self.mode = mode
        self._benchmark = benchmark
        self._about = about

    def restore(self, trainer: Trainer) -> None:
        """Sets the initial weights and the zero state."""
        trainer.weights, trainer.state = self.material.weights, self.material.state

    def arguments(self, trainer: Trainer, name: str) -> list[tuple[Any, ...]]:
        """Returns a hot path's arguments in each round of a rotation, on the device, from initial weights and state."""
        self.restore(trainer)
        return [arguments(trainer, name, batch) for batch in self.material.batches]

    def measure_path(self, trainer: Trainer, name: str, *, check: Callable[[Any], None]) -> None:
        """Times a hot path (lm.hot_paths.paths.PATHS); arguments as in `measure`."""
        path, given = hot_path(trainer, name, self.mode), self.arguments(trainer, name)
        self.measure(path, given, check=check, cost=PATHS[name].cost(self.config), trainer=trainer)

    def measure(
        self,
        path: Callable[..., Any],
        arguments: Sequence[tuple[Any, ...]],
        *,
        check: Callable[[Any], None],
        cost: Cost,
        words: int | None = None,
        trainer: Trainer | None = None,
    ) -> None:
        """Times `path` over `arguments` in turn, each round from the initial weights and a zero state of the `trainer`.

        `check` gets the result of arguments[0] and raises if it is wrong. `words` of one call default to a batch's.
        Raises TracingError.
        """
        rotation = itertools.cycle(arguments)

        def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
            if trainer:
                self.restore(trainer)
            return next(rotation), {}

        def timed(*given: Any) -> Any:
            result = path(*given)
            wait(self.device)
            return result

        check(timed(*setup()[0]))
        self._warm_up(path, lambda: timed(*setup()[0]), len(arguments))
        traces = _traces(path)
        rounds = ROUNDS[self.mode] * (1 if cost.flops else SHORT)
        self._benchmark.pedantic(timed, setup=setup, rounds=rounds)  # type: ignore[no-untyped-call]  # it has no types
        if self.mode == "graph" and (again := _traces(path) - traces):
            raise TracingError(f"the timed rounds were traced {again} times: their times are not a step's")
        self._describe(cost, self.config.tokens_per_step if words is None else words)

    def _warm_up(self, path: Callable[..., Any], call: Callable[[], Any], rotation: int) -> None:
        """Calls until a whole rotation has traced nothing; eagerly, where nothing is traced, one rotation."""
        for _ in range(WARM_UP_ROTATIONS):
            before = _traces(path)
            for _ in range(rotation):
                call()
            if self.mode == "eager" or _traces(path) == before:
                return
        raise TracingError(
            f"still traced after {WARM_UP_ROTATIONS} rotations of {rotation} calls: {_traces(path)} traces"
        )

    def _describe(self, cost: Cost, words: int) -> None:
        """Fills in extra_info; rates are those of the median round."""
        info = self._benchmark.extra_info
        info.update(self._about, fingerprint=self.material.fingerprint, flops=cost.flops, bytes=cost.bytes, words=words)
        if self._benchmark.stats is None:  # --benchmark-disable
            return
        seconds = self._benchmark.stats.stats.median
        info["words_per_second"] = words / seconds
        info["matmul_fraction"] = cost.flops / seconds / self._about["matmul_flops_per_second"]


def _traces(path: Callable[..., Any]) -> int:
    """Returns how often TensorFlow has traced a path; 0 of a plain function, which it doesn't trace."""
    return 0 if inspect.isroutine(path) else int(path.traces)  # type: ignore[attr-defined]
