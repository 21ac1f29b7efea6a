"""The files that `tfgate micro` leaves in a folder: a report, and pytest-benchmark's JSON of each launch, a fresh
process.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bench.record.codec import Amount, Count, FormatError, fields_of, from_plain, parse
from bench.record.files import read_record
from bench.record.paired import CANDIDATE, REFERENCE, Side
from bench.record.types import Failure, Machine

MICRO_FILE = "micro.json"


@dataclasses.dataclass(frozen=True)
class MicroRun:
    """The sides that `tfgate micro` compared, where and when."""

    schema: int
    created: str  # ISO 8601, UTC
    command: tuple[str, ...]
    machine: Machine
    reference: Side
    candidate: Side
    failure: Failure | None  # of the candidate, in a launch that the reference finished, and again when it was repeated
    warnings: tuple[str, ...]
    incomplete: str = ""  # why launches are missing; "" where none is
    launches: Count = 12  # of each side, at most; so many in records that don't say


@dataclasses.dataclass(frozen=True)
class MicroCase:
    """One case of one launch."""

    name: str  # the test's name with its parameters; the same in every launch
    target: str
    config: str
    implementation: str  # "" for a case without a model
    device: str
    mode: str  # eager or graph
    form: str  # slices or dense where a target has forms, else ""
    median_seconds: Amount
    tensorflow: str
    threads: int  # intra-op threads of TensorFlow
    onednn: bool
    variables: dict[str, str]  # environment variables that bear on TensorFlow or its memory, and all that were given
    fingerprint: str  # of the configuration, the corpus and the initial weights
    workload: str = ""  # whose unit it is; "" of a part of a training step
    first: str = ""  # subject of what was asked for first, by which it gates; "" in records that don't say

    @property
    def subject(self) -> str:
        """Returns the subject's name: workload, configuration, implementation and device."""
        return " ".join(part for part in (self.workload, self.config, self.implementation, "on", self.device) if part)

    @property
    def own(self) -> bool:
        """Tells whether it is of a user's own model."""
        return self.workload.endswith(".py")

    @property
    def metric(self) -> str:
        """Returns the metric's name: target, form and mode."""
        return " ".join(part for part in (self.target, self.form, self.mode) if part)

    def settings(self, other: "MicroCase") -> str:
        """Returns how TensorFlow ran, with the variables that it doesn't share with another case: speeds under unlike
        settings are of unlike things.
        """
        own = (f"{name}={value}" for name, value in sorted(self.variables.items() - other.variables.items()))
        threads = f"{self.threads} thread{'' if self.threads == 1 else 's'}"
        return ", ".join((threads, f"oneDNN {'on' if self.onednn else 'off'}", *own))


@dataclasses.dataclass(frozen=True)
class MicroLaunch:
    """One launch: its cases by name."""

    path: Path
    cases: Mapping[str, MicroCase]
    skipped: tuple[str, ...] = ()  # why cases were; told where it was measured, and in the run's warnings since

    @property
    def first(self) -> MicroCase:
        """Returns a case, to ask for what all have in common."""
        return next(iter(self.cases.values()))


class Micro(NamedTuple):
    """A report, launches in the order measured."""

    run: MicroRun
    reference: list[MicroLaunch]
    candidate: list[MicroLaunch]

    @property
    def created(self) -> str:
        """Returns when it began: ISO 8601, UTC."""
        return self.run.created

    @property
    def command(self) -> tuple[str, ...]:
        """Returns the command that measured it."""
        return self.run.command


def read_launch(path: Path) -> MicroLaunch:
    """Reads one launch. Raises FormatError, with the path, for what `bench/micro` didn't write, and OSError."""
    try:
        listed = _object(parse(path.read_text(encoding="utf-8")), "the whole").get("benchmarks")
        if not isinstance(listed, list) or not listed:
            raise FormatError("it holds no benchmark")
        cases = [_case(item, f"benchmarks[{index}]") for index, item in enumerate(listed)]
        launch = MicroLaunch(path, {case.name: case for case in cases})
        if len(launch.cases) < len(cases):
            raise FormatError("it holds a benchmark twice")
    except (UnicodeDecodeError, FormatError) as error:
        raise FormatError(f"{path} was not written by bench/micro: {error}") from error
    return launch


def launch_file(folder: Path, role: str, number: int) -> Path:
    """Returns the path of a side's launch, counted from 0, in a report's folder."""
    return folder / f"{role}-{number:02}.json"


def read_micro(path: Path) -> Micro:
    """Reads a report, by its folder or its micro.json.

    Raises FormatError, with the path, for files that are damaged or don't belong together, and OSError.
    """
    folder = path if path.is_dir() else path.parent
    run = read_record(MicroRun, folder / MICRO_FILE)
    reference, candidate = (_launches(folder, role) for role in (REFERENCE, CANDIDATE))
    wanted = len(candidate) + (1 if run.failure else 0)
    if len(reference) != wanted and not run.incomplete:
        counts = f"{len(reference)} launches of the reference where the candidate's call for {wanted}"
        raise FormatError(f"{folder} holds {counts}: files are missing")
    return Micro(run, reference, candidate)


def _launches(folder: Path, role: str) -> list[MicroLaunch]:
    there = set(folder.glob(f"{role}-*.json"))
    paths = [launch_file(folder, role, number) for number in range(len(there))]
    if strange := sorted(there.difference(paths)):
        raise FormatError(f"{strange[0]} is no launch of this report, or one before it is missing")
    return [read_launch(path) for path in paths]


def _case(plain: Any, place: str) -> MicroCase:
    """Returns the case that a benchmark is; its extra_info holds more than a case has fields."""
    item = _object(plain, place)
    stats, info, parameters = (
        _object(item.get(name) or {}, f"{place}.{name}") for name in ("stats", "extra_info", "params")
    )
    told = {name: info[name] for name in fields_of(MicroCase)[0] if name in info}
    told |= {"name": item.get("name"), "median_seconds": stats.get("median"), "form": str(parameters.get("form", ""))}
    case: MicroCase = from_plain(MicroCase, told, place)
    if not case.median_seconds:
        raise FormatError(f"{place}.median_seconds: expected seconds above 0, found 0.0")
    return case


def _object(plain: Any, place: str) -> dict[str, Any]:
    if not isinstance(plain, dict):
        raise FormatError(f"{place}: expected an object")
    return plain
