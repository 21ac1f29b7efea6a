"""pytest-benchmark's JSON: one file is one launch, a fresh process."""

import dataclasses
import math
from pathlib import Path
from typing import Any

from bench.record.codec import FormatError, from_plain, parse


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """One benchmark of a launch."""

    name: str  # the test's, with its parameters
    median_seconds: float  # of its rounds
    parameters: dict[str, Any]  # of the test; none without
    info: dict[str, Any]  # extra_info, as the suite wrote it


def read_benchmarks(path: Path) -> dict[str, Benchmark]:
    """Returns the benchmarks of one file by name. Raises FormatError, with the path, for anything else, and OSError."""
    try:
        plain = _typed(dict, parse(path.read_text(encoding="utf-8")), "the whole")
        benchmarks: dict[str, Benchmark] = {}
        for index, item in enumerate(_typed(list, plain.get("benchmarks"), "benchmarks")):
            one = _benchmark(_typed(dict, item, f"benchmarks[{index}]"), f"benchmarks[{index}]")
            if one.name in benchmarks:
                raise FormatError(f"benchmarks[{index}].name: {one.name} is in the file twice")
            benchmarks[one.name] = one
        if not benchmarks:
            raise FormatError("it holds no benchmark")
        return benchmarks
    except (UnicodeDecodeError, FormatError) as error:
        raise FormatError(f"{path} can't be read as pytest-benchmark's JSON: {error}") from error


def _benchmark(item: dict[str, Any], place: str) -> Benchmark:
    stats = _typed(dict, item.get("stats"), f"{place}.stats")
    median: float = from_plain(float, stats.get("median"), f"{place}.stats.median")
    if not 0 < median < math.inf:
        raise FormatError(f"{place}.stats.median: expected seconds above 0, found {median}")
    return Benchmark(
        from_plain(str, item.get("name"), f"{place}.name"),
        median,
        _typed(dict, item.get("params") or {}, f"{place}.params"),
        _typed(dict, item.get("extra_info", {}), f"{place}.extra_info"),
    )


def _typed(kind: type, plain: Any, place: str) -> Any:
    if not isinstance(plain, kind):
        raise FormatError(f"{place}: expected {'an object' if kind is dict else 'a list'}")
    return plain
