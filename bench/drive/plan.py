"""The plan of every launch of a configuration."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.record.paired import Side
from bench.record.types import DEFAULT_WORKLOAD

BLOCKS = 10  # of a launch, after each of which memory is read
DROPPED_AFTER_SWITCH = 2  # first steps of a block: caches are cold
EVALUATION_STEPS = 20  # of a launch, after training


@dataclasses.dataclass(frozen=True)
class Plan:
    """The plan of every launch of a configuration."""

    config: str
    steps: int
    corpus: str = "synthetic"
    corpus_path: str | None = None
    implementation: str = "cells"
    device: str = "cpu:0"
    threads: int = 0  # of TensorFlow; 0: as many as cores
    speed: bool = True  # time the steps; without, the machine may be shared
    workload: str = DEFAULT_WORKLOAD
    answers: bool = False  # its numbers are answers to cases
    one_launch: bool = False  # compared with the oracle tells its numbers
    variables: tuple[tuple[str, str], ...] = ()  # of the environment, on both sides: they are the workload's
    definer: Side | None = None  # of a user's own model: whose float64 says what is right
    fingerprint: str = ""  # of a user's own file as the command began

    @property
    def name(self) -> str:
        """Returns the plan's name for folders and progress: notebook, or predict-notebook."""
        prefix = "" if self.workload == DEFAULT_WORKLOAD else f"{self.workload_name.removesuffix('.py')}-"
        return f"{prefix}{self.config}"

    @property
    def workload_name(self) -> str:
        """Returns the workload's name in records: of a user's own model, whose path it has, the file's."""
        return Path(self.workload).name

    @property
    def own(self) -> bool:
        """Tells whether it is of a user's own model."""
        return self.workload.endswith(".py")

    @property
    def block_steps(self) -> int:
        """Returns the steps of a block: a tenth of a launch, and enough to leave some after those dropped."""
        return min(max(self.steps // BLOCKS, 2 * DROPPED_AFTER_SWITCH + 1), self.steps)

    def launches(self, asked: int) -> int:
        """Returns how many launches tell its numbers, where `asked` are asked for."""
        return 1 if self.one_launch else asked

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Returns a side's environment variables with the workload's, which come last."""
        return {**variables, **dict(self.variables)}

    def data(self) -> dict[str, Any]:
        """Returns what is trained on what, as a worker is told it."""
        return {"config": self.config, "corpus": self.corpus, "corpus_path": self.corpus_path}

    def opening(self, jitter: int) -> dict[str, Any]:
        """Returns what a TensorFlow worker is told to build."""
        return {
            **self.data(),
            "workload": self.workload,
            "steps": self.steps,
            "implementation": self.implementation,
            "device": self.device,
            "jitter": jitter,
        }
