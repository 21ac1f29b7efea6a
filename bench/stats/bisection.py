"""Which of several releases brought a change: a noisy binary search on launches that are paired with the first release.

Releases 1 to n follow a good one, 0; the last is bad. A launch of release i gives a log ratio to release 0, of mean mᵢ
(m₀ = 0) and a deviation that all releases share. The search supposes one step of δ = mₙ at release k, and lets mᵢ be
off by a tenth of δ: each mean then has Student's t density with few degrees of freedom, so that releases between the
two levels speak for no k, and the product over the releases measured is the posterior of k under equal priors. The next
launch is of the release that tells most: the variance of its side of the step, times the part of its mean's variance
that one more launch takes away (probabilistic bisection: Horstein 1963, IEEE Trans. Inform. Theory 9, 136-143; Waeber,
Frazier and Henderson 2013, SIAM J. Control Optim. 51, 2261-2279). The likeliest release and the one before it, whose
step ends the search, come first where one of them has fewer launches than that, or where no launch tells of sides.

What is found doesn't rest on that model: the step from release k − 1 to k itself, m(k) − m(k−1), must be proven a
quarter of δ or more. A release whose own step is proven smaller is ruled out, so that a drift ends in "none".
`python -m experiments.bisection` counts how often that is right: docs/bisect.md.
"""

import functools
import math
from collections.abc import Sequence

import numpy as np

from bench.stats.pooled import Bounded, Floats, Pooled

CONFIDENCE = 0.99
SINGLE = 0.25  # part of the whole change that one release must bring
OFF = 0.1  # part of the whole change by which releases on one side of the step may differ
FREEDOM = 3  # of the density of a release's mean
FIRST, MOST_FIRST = 4, 16  # launches of the bad release before the search, and where it shows no change, at most
DIRECT = 2  # launches of both neighbours, from which on their step is looked at
UNMEASURED = 0.1  # launches that one without any counts as
# Steps are looked at after each launch, and at several releases: with this part of the error for each look, the
# release found is wrong no more often than is said. A release is ruled out with less, since that alone finds none.
LOOK_SHARE = 0.1
RULED_OUT = 0.95


class Search(Pooled):
    """The evidence of launches: log ratios to release 0, of release 1, 2, …; none of one that wasn't measured yet."""

    def __init__(self, launches: Sequence[Sequence[float]], confidence: float = CONFIDENCE) -> None:
        super().__init__(launches)
        self.confidence, self._level = confidence, 1 - LOOK_SHARE * (1 - confidence)
        self._units: Floats = np.eye(self.counts.size + 1)[:, 1:]  # the weights that pick a release's mean: none for 0

    @property
    def change(self) -> Bounded | None:
        """Returns the whole change; None before `FIRST` launches of the bad release."""
        return self.difference(self.counts.size) if self.counts[-1] >= FIRST else None

    @property
    def changed(self) -> bool:
        """Tells whether the whole change is proven to be one."""
        change = self.change
        return change is not None and change.is_proven

    @functools.cached_property
    def posterior(self) -> Floats:
        """Returns the probability of each release to have brought the change, [n]; all 0 once each is ruled out."""
        measured, change = self.counts > 0, self.means[-1]
        scale = np.hypot(self.deviation / np.sqrt(self.counts[measured]), OFF * change)
        stepped = np.tri(self.counts.size).T[:, measured]  # [k, measured]: 1 where the release is k or comes after it
        off = (self.means[measured] - change * stepped) / scale
        logs = -(FREEDOM + 1) / 2 * np.log1p(off**2 / FREEDOM).sum(axis=1)
        weights = np.exp(logs - logs.max())
        weights[[self._single(release) is False for release in range(1, self.counts.size + 1)]] = 0.0
        found: Floats = weights / max(weights.sum(), math.ulp(0.0))
        return found

    @property
    def found(self) -> int | None:
        """Returns the release that is proven to have brought a quarter of the change or more by itself."""
        if not (self.changed and self.posterior.any()):
            return None
        likely = self._likely()
        return likely if self._single(likely) else None

    @property
    def none(self) -> bool:
        """Tells whether each release is proven to have brought less than a quarter."""
        return self.changed and not self.posterior.any()

    def difference(self, release: int) -> Bounded | None:
        """Returns a release's difference from release 0; None unless it was measured."""
        return self.bounds(self._units[release], self._level)

    def step(self, release: int) -> Bounded | None:
        """Returns the change that a release brought over the one before it; None unless both were measured."""
        return self.bounds(self._own(release), self._level)

    def next(self) -> int:
        """Returns the release of which another launch tells most, or shows the likeliest release's own step."""
        if not self.changed:
            return self.counts.size
        bad = self.posterior.cumsum()
        uncertain = bad * (1 - bad)
        counts = np.maximum(self.counts, UNMEASURED)
        noise = self.deviation**2 / counts
        lessened = noise / (counts + 1) / (noise + (OFF * self.means[-1]) ** 2)
        told = uncertain * lessened
        best = int(told.argmax())
        near = min(self._neighbours(self._likely()), key=lambda place: self.counts[place])
        return 1 + (near if not told.any() or self.counts[near] < self.counts[best] else best)

    def _likely(self) -> int:
        return int(self.posterior.argmax()) + 1

    def _neighbours(self, release: int) -> list[int]:
        """Returns the places of a release and of the one before it, of which release 0 has none."""
        return [release - 2, release - 1] if release > 1 else [0]

    def _own(self, release: int) -> Floats:
        """Returns the weights of the releases' means in a release's own step."""
        own: Floats = self._units[release] - self._units[release - 1]
        return own

    def _single(self, release: int) -> bool | None:
        """Tells whether a release's own step is a quarter of the change or more; None where that isn't proven."""
        if (self.counts[self._neighbours(release)] < DIRECT).any():
            return None
        beyond = math.copysign(1.0, self.means[-1]) * (self._own(release) - SINGLE * self._units[-1])
        proven, ruled_out = self.bounds(beyond, self._level), self.bounds(beyond, RULED_OUT)
        if proven and proven.low > 0:
            return True
        return False if ruled_out and ruled_out.high < 0 else None
