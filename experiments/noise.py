"""Synthetic launches: seven kinds of noise at the level of launches and of their quads, scaled and shaped as real
launches were.

A launch's value is what the judge makes of it: the trimmed mean of its quads' log ratios. Every kind is brought to mean
0 and variance 1 of these values, so that an effect and a margin are said in launch deviations.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.record.codec import FormatError, from_plain, parse
from bench.record.paired import ALL_CORES, ONE_CORE, PairedRun
from bench.stats.autocorrelation import ASSUMED
from bench.stats.intervals import components
from bench.stats.sequential import LOOKS
from bench.stats.trimmed import trimmed_means

Floats = NDArray[np.float64]

FILE = Path(__file__).parent / "data" / "launch_noise.json"
LAUNCHES = LOOKS[-1]
PILOT = 5_000  # runs that a kind's mean and deviation are taken from: the deviation is known to 0.2%

# From a run's first launch to its last, and from a launch's first quad to its last, in their deviations; either way.
DRIFT = 1.0
BURST_SHARE = 0.1  # of the quads, and of the launches
BURST_QUADS = 4  # that a burst lasts, on average
BURST_SIZE = 3.0  # deviations; either side may be hit
LEAST_SKEWNESS, LEAST_KURTOSIS = 0.25, 0.5  # where the fit finds less, the kinds would be normal
LEAST = (
    f"with a lag-1 of at least {ASSUMED}, a skewness of at least {LEAST_SKEWNESS} "
    f"and an excess kurtosis of at least {LEAST_KURTOSIS}"
)


@dataclasses.dataclass(frozen=True)
class LaunchNoise:
    """The spread and the shape of real launches' noise."""

    source: str
    launches: int  # that it was fitted to
    launch_deviation: float  # of launches' own effects, log ratio
    quad_deviation: float  # within a launch
    quads: int  # a launch
    lag1: float  # of one launch with the next
    skewness: float  # of quads within a launch, and taken for launches, too: there are too few to tell
    excess_kurtosis: float


def read_noise(path: Path = FILE) -> LaunchNoise:
    """Reads the committed noise. Raises FormatError, with the path, and OSError."""
    try:
        noise: LaunchNoise = from_plain(LaunchNoise, parse(path.read_text(encoding="utf-8")))
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    return noise


def fit(runs: Sequence[PairedRun], source: str) -> LaunchNoise:
    """Estimates the noise of stored paired runs' training steps: launches of one kind and one run differ by it.

    Raises ValueError for fewer than two launches of a kind, of two quads, in every run.
    """
    kinds_of_launches = [
        [pair for pair in run.pairs if pair.cores == cores and len(pair.steps) > 1]
        for run in runs
        for cores in (ALL_CORES, ONE_CORE)
    ]
    groups = [[[quad.log_ratio() for quad in pair.steps] for pair in pairs] for pairs in kinds_of_launches]
    groups = [group for group in groups if len(group) > 1]
    if not groups:
        raise ValueError("no run has two launches of two quads: measure for longer")
    found = [components(group) for group in groups]
    summaries = [np.array([float(trimmed_means(np.array(launch))) for launch in group]) for group in groups]
    apart = np.concatenate([np.array(launch) - np.mean(launch) for group in groups for launch in group])
    return LaunchNoise(
        source=source,
        launches=sum(map(len, groups)),
        launch_deviation=math.sqrt(float(np.mean([each.between for each in found]))),
        quad_deviation=math.sqrt(float(np.mean([each.within for each in found]))),
        quads=round(float(np.mean([each.group_size for each in found]))),
        **shape_of(apart, summaries),
    )


def shape_of(apart: Floats, runs: Sequence[Floats]) -> dict[str, float]:
    """Returns the shape of noise, no less than LEAST: the lag-1 of `runs`, the rest of launches `apart` from means."""
    from scipy import stats  # late, as in bench.stats.intervals: it takes a second to import

    correlations = [float(lag1(run[np.newaxis])[0]) + 1 / run.size for run in runs if run.size >= LOOKS[0]]
    return {
        "lag1": max(float(np.mean(correlations)) if correlations else 0.0, ASSUMED),
        "skewness": max(abs(float(stats.skew(apart))), LEAST_SKEWNESS),
        "excess_kurtosis": max(float(stats.kurtosis(apart)), LEAST_KURTOSIS),
    }


class Kind:
    """One kind of noise: draws launches' values of mean 0 and variance 1."""

    def __init__(
        self, noise: LaunchNoise, unit: "Unit", *, rho: float = 0.0, drift: float = 0.0, bursts: bool = False
    ) -> None:
        self._noise, self._unit, self._rho, self._drift, self._bursts = noise, unit, rho, drift, bursts

    @functools.cached_property
    def _moments(self) -> tuple[float, float]:
        """Returns the mean and the deviation of raw values."""
        pilot = self._raw(PILOT, np.random.default_rng(0))
        return float(pilot.mean()), float(pilot.std())

    def draw(self, runs: int, generator: np.random.Generator, launches: int = LAUNCHES) -> Floats:
        """Draws launches' values of `runs` runs, [runs, launches]."""
        mean, deviation = self._moments
        return (self._raw(runs, generator, launches) - mean) / deviation

    def _raw(self, runs: int, generator: np.random.Generator, launches: int = LAUNCHES) -> Floats:
        effects = self._unit(generator, (runs, launches))
        quads = self._unit(generator, (runs, launches, self._noise.quads))
        if self._rho:
            effects = autoregression(effects, self._rho)
            # A launch, quad by quad, is like the one before.
            quads = autoregression(quads.swapaxes(1, 2), self._rho).swapaxes(1, 2)
            quads = autoregression(quads, self._rho)
        if self._drift:
            effects += self._drift * _trends(generator, effects.shape)
            quads += self._drift * _trends(generator, quads.shape)
        if self._bursts:
            effects += BURST_SIZE * _signs(generator, effects.shape) * (generator.random(effects.shape) < BURST_SHARE)
            quads += BURST_SIZE * _signs(generator, (runs, launches, 1)) * _bursts(generator, quads.shape)
        return self._noise.launch_deviation * effects + trimmed_means(self._noise.quad_deviation * quads)


Unit = Callable[[np.random.Generator, tuple[int, ...]], Floats]


def kinds(noise: LaunchNoise) -> dict[str, Kind]:
    """Returns the kinds of noise that the judge is tried with."""
    return {
        "normal": Kind(noise, _normal),
        "heavy-tailed": Kind(noise, _heavy(noise.excess_kurtosis)),
        "skewed up": Kind(noise, _skewed(noise.skewness, 1)),
        "skewed down": Kind(noise, _skewed(noise.skewness, -1)),
        "drifting": Kind(noise, _normal, drift=DRIFT),
        "autocorrelated": Kind(noise, _normal, rho=noise.lag1),
        "bursty": Kind(noise, _normal, bursts=True),
    }


def slow_mode(generator: np.random.Generator, shape: tuple[int, ...], share: float) -> Floats:
    """Returns an effect of mean 1 that a share of launches has alone."""
    return (generator.random(shape) < share) / share


def autoregression(innovations: Floats, rho: float) -> Floats:
    """Returns a first-order autoregression along the last axis, of variance 1 where the innovations have it."""
    rows = np.array(innovations)
    for index in range(1, rows.shape[-1]):
        rows[..., index] = rho * rows[..., index - 1] + math.sqrt(1 - rho**2) * rows[..., index]
    return rows


def lag1(values: Floats) -> Floats:
    """Returns the lag-1 autocorrelation of each row of [runs, launches]: [runs]. NaN for a row without spread."""
    apart = values - values.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = (apart[:, 1:] * apart[:, :-1]).sum(axis=1) / (apart**2).sum(axis=1)
    return found


def _normal(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return generator.standard_normal(shape)


def _heavy(excess_kurtosis: float) -> Unit:
    """Returns Student's t whose excess kurtosis, 6/(df − 4), is the one given."""
    freedom = 4 + 6 / excess_kurtosis
    return lambda generator, shape: generator.standard_t(freedom, shape) / math.sqrt(freedom / (freedom - 2))


def _skewed(skewness: float, sign: int) -> Unit:
    """Returns a gamma distribution whose skewness, 2/√shape, is the one given, turned round for sign −1."""
    shape_parameter = 4 / skewness**2
    return lambda generator, shape: (
        sign * (generator.gamma(shape_parameter, size=shape) - shape_parameter) / math.sqrt(shape_parameter)
    )


def _signs(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return np.where(generator.random(shape) < 0.5, -1.0, 1.0)


def _trends(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Returns straight lines along the last axis from −½ to ½ or back."""
    return _signs(generator, (*shape[:-1], 1)) * np.linspace(-0.5, 0.5, shape[-1])


def _bursts(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Returns a Markov chain along the last axis that is 1 (a burst) in BURST_SHARE of the places, else 0."""
    chance, leave = generator.random(shape), 1 / BURST_QUADS
    enter = leave * BURST_SHARE / (1 - BURST_SHARE)
    on = np.zeros(shape)
    on[..., 0] = chance[..., 0] < BURST_SHARE
    for index in range(1, shape[-1]):
        on[..., index] = np.where(on[..., index - 1] == 1, chance[..., index] >= leave, chance[..., index] < enter)
    return on
