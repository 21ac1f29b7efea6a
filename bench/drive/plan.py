"""The plan of every launch of a configuration."""

import dataclasses
from typing import Any

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
    answers: bool = False  # its numbers are answers to cases, all of which one launch gives

    @property
    def name(self) -> str:
        """Returns the plan's name for folders and progress: notebook, or predict-notebook."""
        return self.config if self.workload == DEFAULT_WORKLOAD else f"{self.workload}-{self.config}"

    @property
    def block_steps(self) -> int:
        """Returns the steps of a block: a tenth of a launch, and enough to leave some after those dropped."""
        return min(max(self.steps // BLOCKS, 2 * DROPPED_AFTER_SWITCH + 1), self.steps)

    def launches(self, asked: int) -> int:
        """Returns how many launches tell its numbers, where `asked` are asked for."""
        return 1 if self.answers else asked

    def data(self) -> dict[str, Any]:
        """Returns what is trained on what, as a worker is told it."""
        return {"config": self.config, "corpus": self.corpus, "corpus_path": self.corpus_path}

    def opening(self, jitter: int = 0) -> dict[str, Any]:
        """Returns what a TensorFlow worker is told to build."""
        return {
            **self.data(),
            "workload": self.workload,
            "steps": self.steps,
            "implementation": self.implementation,
            "device": self.device,
            "jitter": jitter,
        }
