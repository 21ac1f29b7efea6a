"""A micro report: the sides of a comparison of hot paths. Its launches are pytest-benchmark files beside it."""

import dataclasses
from pathlib import Path

from bench.record.codec import FormatError
from bench.record.files import read_record
from bench.record.micro import MicroLaunch, read_launch
from bench.record.paired import CANDIDATE, REFERENCE, Side
from bench.record.types import INCOMPLETE, Failure, Machine

MICRO_FILE = "micro.json"


@dataclasses.dataclass(frozen=True)
class MicroRun:
    """What `tfgate micro` compared, where and when."""

    schema: int
    created: str  # ISO 8601, UTC
    command: tuple[str, ...]
    machine: Machine
    reference: Side
    candidate: Side
    failure: Failure | None  # of the candidate, in a launch that the reference finished, and again when it was repeated
    warnings: tuple[str, ...]

    @property
    def incomplete(self) -> tuple[str, ...]:
        """The warnings that say that launches are missing."""
        return tuple(warning for warning in self.warnings if warning.startswith(INCOMPLETE))


def launch_file(folder: Path, role: str, number: int) -> Path:
    """Returns the path of a side's launch, counted from 0, in a report's folder."""
    return folder / f"{role}-{number:02}.json"


def read_micro(folder: Path) -> tuple[MicroRun, list[MicroLaunch], list[MicroLaunch]]:
    """Reads a report: (the run, the reference's launches, the candidate's), launches in the order measured.

    Raises FormatError, with the path, for files that are damaged or don't belong together, and OSError.
    """
    run = read_record(MicroRun, folder / MICRO_FILE)
    reference, candidate = (_launches(folder, role) for role in (REFERENCE, CANDIDATE))
    wanted = len(candidate) + (1 if run.failure else 0)
    if len(reference) != wanted and not run.incomplete:
        raise FormatError(f"{folder} holds {len(reference)} launches of the reference where the candidate's call for {wanted}: files are missing")
    return run, reference, candidate


def _launches(folder: Path, role: str) -> list[MicroLaunch]:
    paths = sorted(folder.glob(f"{role}-*.json"))
    wanted = [launch_file(folder, role, number) for number in range(len(paths))]
    strange = next((path for path, expected in zip(paths, wanted, strict=True) if path != expected), None)
    if strange:
        raise FormatError(f"{strange} is no launch of this report, or one before it is missing")
    return [read_launch(path) for path in paths]
