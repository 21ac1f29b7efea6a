"""The metrics of a paired run: how one launch gives each its value, and how the values read.

Ratios are compared by their logarithms, candidate − reference; growth of memory by its difference in bytes a step.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

from bench.judge.margins import PAIRED_METRICS, Margins
from bench.judge.quads import REFERENCE_LETTER, quad_log_ratio
from bench.judge.summary import log_perplexity, perplexity_text
from bench.judge.types import percent
from bench.record.paired import CANDIDATE, REFERENCE, Pair, Quad
from bench.record.types import Record
from bench.stats.trimmed import launch_summary

DEFAULT_MARGIN = 0.10  # of a metric that is asked for by name and that the margins file leaves out
# Metrics that can gate, by the names that reports give them.
GATING = ("perplexity", "memory growth", *(name.replace("_", " ") for name in PAIRED_METRICS))

Tell = Callable[[Pair, str], float | None]


@dataclasses.dataclass(frozen=True)
class Metric:
    """One thing that is compared, launch by launch."""

    name: str
    margin: float | None  # on the scale of the values; None: it informs
    side: Tell  # one side's value in a launch, on that scale; None where the launch doesn't tell
    show: Callable[[float], str]  # a side's mean as a reader wants it
    apart: Callable[[Pair], float | None] | None = (
        None  # the launch's value, where it isn't the difference of the sides'
    )
    two_sided: bool = False
    without_noise: bool = (
        False  # equal numbers give equal values: differences of exactly 0 in every launch are a proof, not luck
    )
    difference: Callable[[float], str] = percent  # a difference as a reader wants it
    accepted: float = 0.0  # what the ledger accepted last, on the scale of the values: differences are measured from it

    @property
    def is_ratio(self) -> bool:
        """Whether its values are logarithms of ratios, as a Comparison's interval and margin are."""
        return self.difference is percent

    def values(self, pairs: Sequence[Pair]) -> list[float]:
        """Candidate − reference of each launch that tells, less the accepted difference."""
        found = (self.apart(pair) if self.apart else self._difference(pair) for pair in pairs)
        return [value - self.accepted for value in found if value is not None]

    def shown(self, pairs: Sequence[Pair], side: str) -> str:
        """One side's mean over the launches that tell."""
        found = [value for pair in pairs if (value := self.side(pair, side)) is not None]
        return self.show(math.fsum(found) / len(found)) if found else "–"

    def _difference(self, pair: Pair) -> float | None:
        candidate, reference = self.side(pair, CANDIDATE), self.side(pair, REFERENCE)
        return None if candidate is None or reference is None else candidate - reference


def metrics(pairs: Sequence[Pair], margins: Margins, only: Sequence[str] = ()) -> list[Metric]:
    """The metrics of launches of one subject, none of no launches: those that gate first.

    `only`: names of those that gate; none: all with a margin.
    """
    found = _with_margins(pairs, margins) if pairs else []
    if not only:
        return found
    return [dataclasses.replace(metric, margin=_margin_of(metric) if metric.name in only else None) for metric in found]


def _margin_of(metric: Metric) -> float | None:
    return metric.margin or (math.log1p(DEFAULT_MARGIN) if metric.is_ratio else None)


def _with_margins(pairs: Sequence[Pair], margins: Margins) -> list[Metric]:
    subject = pairs[0].reference.subject
    window = margins.window_start.get(subject.config, 0.0)
    ratio = {name: math.log1p(margin) for name, margin in margins.paired.items()}
    perplexity_margin = margins.perplexity.get(subject.config)
    gpu_memory = _of_record(
        "GPU memory", None, lambda one: one.memory.peak_gpu_bytes if one.memory else None, _mebibytes
    )
    return [
        Metric(
            "perplexity",
            math.log1p(perplexity_margin) if perplexity_margin else None,
            lambda pair, side: log_perplexity(record(pair, side).losses, subject, window),
            perplexity_text,
            two_sided=True,
            without_noise=True,
        ),
        _of_quads("step time", ratio.get("step_time"), lambda pair: pair.steps),
        _of_blocks("mean step", ratio.get("mean_step")),
        _of_quads("evaluation step", ratio.get("evaluation_step"), lambda pair: pair.evaluations),
        _of_record(
            "peak memory",
            ratio.get("peak_memory"),
            lambda one: one.memory.peak_anonymous_bytes if one.memory else None,
            _mebibytes,
        ),
        Metric(
            "memory growth",
            margins.memory_growth_bytes.get(subject.config),
            lambda pair, side: memory.slope_bytes_per_step if (memory := record(pair, side).memory) else None,
            lambda size: f"{size / 1024:+.1f} KiB a step",
            difference=lambda size: f"{size / 1024:+.1f} KiB",
        ),
        _of_quads("cpu time", ratio.get("cpu_time"), _cpu_quads),
        _of_record("import", ratio.get("import"), _startup("import_seconds"), _seconds),
        _of_record("build", ratio.get("build"), _startup("build_seconds"), _seconds),
        _of_record("trace", ratio.get("trace"), _startup("trace_seconds"), _seconds),
        _of_record("first step", ratio.get("first_step"), _startup("first_step_seconds"), _seconds),
        *([gpu_memory] if gpu_memory.values(pairs) else ()),  # on a CPU there is none to speak of
    ]


def record(pair: Pair, side: str) -> Record:
    """One side's record of a launch."""
    return pair.candidate if side == CANDIDATE else pair.reference


def _of_quads(name: str, margin: float | None, quads: Callable[[Pair], Sequence[Quad]]) -> Metric:
    """A time a step, from the blocks that both sides took in turn."""

    def side(pair: Pair, side: str) -> float | None:
        return launch_summary([_log_seconds(quad, side) for quad in quads(pair)]) if quads(pair) else None

    def apart(pair: Pair) -> float | None:
        return launch_summary([quad_log_ratio(quad) for quad in quads(pair)]) if quads(pair) else None

    return Metric(name, margin, side, lambda log: f"{1000 * math.exp(log):.2f} ms", apart)


def _of_blocks(name: str, margin: float | None) -> Metric:
    """A training step on average over a launch's blocks, none left out: a stall in a few of them is trimmed away elsewhere."""

    def side(pair: Pair, side: str) -> float | None:
        own = [seconds for quad in pair.steps for seconds in _own(quad, side)]
        return math.log(math.fsum(own) / len(own)) if own else None

    return Metric(name, margin, side, lambda log: f"{1000 * math.exp(log):.2f} ms")


def _log_seconds(quad: Quad, side: str) -> float:
    """Mean log seconds of one side's two blocks."""
    own = _own(quad, side)
    return math.fsum(map(math.log, own)) / len(own)


def _own(quad: Quad, side: str) -> list[float]:
    """Seconds a step of one side's two blocks."""
    return [
        seconds
        for letter, seconds in zip(quad.order, quad.seconds, strict=True)
        if (letter == REFERENCE_LETTER) == (side == REFERENCE)
    ]


def _cpu_quads(pair: Pair) -> list[Quad]:
    """The training quads with CPU time in the place of wall time."""
    return [dataclasses.replace(quad, seconds=quad.cpu_seconds) for quad in pair.steps]


def _of_record(
    name: str, margin: float | None, value: Callable[[Record], float | None], show: Callable[[float], str]
) -> Metric:
    """A number above 0 that a record holds."""

    def side(pair: Pair, side: str) -> float | None:
        found = value(record(pair, side))
        return math.log(found) if found else None

    return Metric(name, margin, side, show)


def _startup(part: str) -> Callable[[Record], float | None]:
    return lambda one: getattr(one.startup, part) if one.startup else None


def _seconds(log: float) -> str:
    return f"{math.exp(log):.2f} s"


def _mebibytes(log: float) -> str:
    return f"{math.exp(log) / 2**20:.0f} MiB"
