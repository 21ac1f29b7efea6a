"""pytest-benchmark's JSON: one file is one launch, a fresh process."""

import dataclasses
import datetime
import math
from pathlib import Path
from typing import Any

from bench.record.codec import FormatError, from_plain, parse

# Of extra_info: what was measured. Launches that differ in one of them are of unlike things; versions are what is
# compared.
SUBJECT_KEYS = ("fingerprint", "config", "implementation", "device", "mode", "threads")


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """One benchmark of a launch."""

    name: str  # the test's, with its parameters
    full_name: str  # the same with its file
    median_seconds: float  # of its rounds
    parameters: dict[str, Any]  # of the test; none without
    info: dict[str, Any]  # extra_info, as the suite wrote it

    @property
    def subject(self) -> dict[str, str]:
        """Returns those of SUBJECT_KEYS that the suite wrote."""
        return {key: str(self.info[key]) for key in SUBJECT_KEYS if key in self.info}


@dataclasses.dataclass(frozen=True)
class BenchmarkLaunch:
    """One file."""

    path: str
    created: datetime.datetime
    machine: dict[str, str]  # what its speed depends on
    benchmarks: dict[str, Benchmark]  # by full name


def read_benchmarks(path: Path) -> BenchmarkLaunch:
    """Reads one file. Raises FormatError, with the path, for anything else, and OSError."""
    try:
        plain = _typed(dict, parse(path.read_text(encoding="utf-8")), "the whole")
        benchmarks: dict[str, Benchmark] = {}
        for index, item in enumerate(_typed(list, plain.get("benchmarks"), "benchmarks")):
            one = _benchmark(_typed(dict, item, f"benchmarks[{index}]"), f"benchmarks[{index}]")
            if one.full_name in benchmarks:
                raise FormatError(f"benchmarks[{index}].fullname: {one.full_name} is in the file twice")
            benchmarks[one.full_name] = one
        if not benchmarks:
            raise FormatError("it holds no benchmark")
        return BenchmarkLaunch(
            str(path), _created(plain.get("datetime")), _machine(plain.get("machine_info")), benchmarks
        )
    except (UnicodeDecodeError, FormatError) as error:
        raise FormatError(f"{path} can't be read as pytest-benchmark's JSON: {error}") from error


def _benchmark(item: dict[str, Any], place: str) -> Benchmark:
    full_name = from_plain(str, item.get("fullname"), f"{place}.fullname")
    stats = _typed(dict, item.get("stats"), f"{place}.stats")
    median: float = from_plain(float, stats.get("median"), f"{place}.stats.median")
    if not 0 < median < math.inf:
        raise FormatError(f"{place}.stats.median: expected seconds above 0, found {median}")
    return Benchmark(
        from_plain(str, item.get("name", full_name), f"{place}.name"),
        full_name,
        median,
        _typed(dict, item.get("params") or {}, f"{place}.params"),
        _typed(dict, item.get("extra_info", {}), f"{place}.extra_info"),
    )


def _machine(plain: Any) -> dict[str, str]:
    """Returns the fingerprint that tfgate's own benchmarks write, else what pytest-benchmark tells of the CPU."""
    info = _typed(dict, plain, "machine_info")
    if "fingerprint" in info:
        return {"machine": str(info["fingerprint"])}
    cpu = _typed(dict, info.get("cpu", {}), "machine_info.cpu")
    found = {"node": info.get("node"), "CPU": cpu.get("brand_raw"), "cores": cpu.get("count")}
    return {key: str(value) for key, value in found.items() if value is not None}


def _created(plain: Any) -> datetime.datetime:
    text: str = from_plain(str, plain, "datetime")
    try:
        created = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise FormatError(f"datetime: expected ISO 8601, found {text[:60]!r}") from None
    return created if created.tzinfo else created.replace(tzinfo=datetime.UTC)  # as pytest-benchmark writes it, in UTC


def _typed(kind: type, plain: Any, place: str) -> Any:
    if not isinstance(plain, kind):
        raise FormatError(f"{place}: expected {'an object' if kind is dict else 'a list'}")
    return plain
