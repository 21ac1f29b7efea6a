"""What `bench/micro` left in a pytest-benchmark JSON file: one file is one launch, a fresh process."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.record.codec import FormatError, from_plain, parse, to_text
from bench.record.files import write_text

BESIDE = ("yardstick_seconds", "others_cpu")  # of machine_info: what tfgate measured beside the launch


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
    median_seconds: float
    words: int  # that a round reads
    matmul_fraction: float  # of the machine's measured float32 matrix-product rate
    tensorflow: str
    threads: int  # intra-op threads of TensorFlow
    onednn: bool
    variables: dict[str, str]  # environment variables given by --env
    fingerprint: str  # of the configuration, the corpus and the initial weights

    @property
    def subject(self) -> str:
        """What is measured, without the target."""
        return " ".join(part for part in (self.config, self.implementation, "on", self.device) if part)

    @property
    def metric(self) -> str:
        """What is done with it."""
        return " ".join(part for part in (self.target, self.form, self.mode) if part)

    @property
    def settings(self) -> str:
        """How TensorFlow ran: speeds under unlike settings are of unlike things."""
        given = (f"{name}={value}" for name, value in sorted(self.variables.items()))
        return ", ".join((f"{self.threads} threads", f"oneDNN {'on' if self.onednn else 'off'}", *given))


@dataclasses.dataclass(frozen=True)
class MicroLaunch:
    """One launch: its machine and its cases by name."""

    path: Path
    machine: str  # Machine.fingerprint
    cases: Mapping[str, MicroCase]
    yardstick_seconds: float | None = None  # NumPy's step of `notebook` around the launch; None where it wasn't measured
    others_cpu: float | None = None  # part of the machine's CPU time that other processes had; None if not known


def read_launch(path: Path) -> MicroLaunch:
    """Reads one launch. Raises FormatError, with the path, for anything that `bench/micro` didn't write, and OSError."""
    try:
        plain = parse(path.read_text(encoding="utf-8"))
        machine = plain["machine_info"]["fingerprint"]
        beside = {name: plain["machine_info"].get(name) for name in BESIDE}
        for name, value in beside.items():
            if value is not None:
                _require_number(f"{name} of machine_info", value)
        found = [_case(one) for one in plain["benchmarks"]]
    except (UnicodeDecodeError, FormatError) as error:
        raise FormatError(f"{path} is damaged: {error}") from error
    except (KeyError, TypeError) as error:
        raise FormatError(f"{path} was not written by bench/micro: {error} is missing or not what it should be") from error
    if not isinstance(machine, str) or not found:
        raise FormatError(f"{path} holds no benchmarks of bench/micro")
    return MicroLaunch(path, machine, {one.name: one for one in found}, beside["yardstick_seconds"] or None, beside["others_cpu"])


def told_beside(path: Path, **values: float | None) -> str:
    """The text of a launch's file with what was measured beside it, named as in BESIDE. Raises FormatError, OSError."""
    plain = parse(path.read_text(encoding="utf-8"))
    plain["machine_info"].update(values)
    return to_text(plain)


def write_reduced(source: Path, target: Path) -> None:
    """Copies a launch as a baseline keeps it: without single rounds, the host's name and kernel, and pytest-benchmark's word on the commit.

    pytest-benchmark's reader and read_launch take either. Raises FormatError, FileExistsError, OSError.
    """
    read_launch(source)
    plain = parse(source.read_text(encoding="utf-8"))
    for one in plain["benchmarks"]:
        one["stats"].pop("data", None)
    for name in ("node", "release"):  # the host's name, and its kernel's build
        plain["machine_info"].pop(name, None)
    write_text(target, to_text({**plain, "commit_info": {}}))


def _case(plain: Any) -> MicroCase:
    info = plain["extra_info"]
    numbers = {
        "median_seconds": plain["stats"]["median"],
        "words": info["words"],
        "matmul_fraction": info["matmul_fraction"],
    }
    for name, value in numbers.items():
        _require_number(f"{name} of {plain['name']}", value)
    if not numbers["median_seconds"]:
        raise FormatError(f"median_seconds of {plain['name']} is 0: nothing was timed")
    texts = {name: info[name] for name in ("target", "config", "implementation", "device", "mode", "tensorflow", "fingerprint")}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise FormatError(f"{name} of {plain['name']} is {value!r}; it must be text")
    kinds = {"threads": int, "onednn": bool, "variables": dict[str, str]}
    settings = {name: from_plain(kind, info[name], f"{name} of {plain['name']}") for name, kind in kinds.items()}
    return MicroCase(plain["name"], form=(plain["params"] or {}).get("form", ""), **texts, **numbers, **settings)


def _require_number(what: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise FormatError(f"{what} is {value!r}; it must be a number of at least 0")
