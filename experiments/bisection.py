"""Simulates how often `tfgate bisect` names the right release: writes the tables of docs/bisect.md.

python -m experiments.bisection [--histories N], in an environment with tfgate; about two minutes for 10,000.

Histories are synthetic, their launches those of experiments/noise.py; bench.stats.bisection, which searches real
releases, searches them.
"""

import argparse
import collections
import dataclasses
import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bench.judge.bisect import Answer, find_by_launches
from bench.stats.bisection import CONFIDENCE, FIRST, SINGLE, Search
from experiments.markdown import bare_table, fill, paragraph
from experiments.noise import Floats, Kind, kinds, read_noise
from experiments.rate import Rate

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "bisect.md"
PLACE = "python -m experiments.bisection"

HISTORIES = 10_008  # 834 a row
RELEASES = (5, 25)  # after the good one: from, to
SIZES = (3.0, 6.0, 20.0)  # of the whole change, in launches' deviations
MOST = 100  # launches
REPEATS = 5  # launches of each release that a repeated bisection looks at

Generator = np.random.Generator


@dataclasses.dataclass(frozen=True)
class History:
    """The true means of releases, and the releases that changed them by as much as a search may name."""

    means: Floats
    steps: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Played:
    """The end of a search."""

    answer: Answer
    right: bool
    launches: int


def one_step(releases: int, generator: Generator) -> History:
    """Returns a history in which one release brought all."""
    first = int(generator.integers(1, releases + 1))
    return History((np.arange(1, releases + 1) >= first).astype(float), (first,))


def several_steps(releases: int, generator: Generator) -> History:
    """Returns a history in which two to four releases did."""
    first = generator.choice(np.arange(1, releases + 1), int(generator.integers(2, 5)), replace=False)
    sizes = generator.dirichlet(np.ones(first.size))
    means = sum(size * (np.arange(1, releases + 1) >= one) for one, size in zip(first, sizes, strict=True))
    return History(np.asarray(means), tuple(map(int, first[sizes >= SINGLE])))


def drift(releases: int, generator: Generator) -> History:
    """Returns a history in which each release brought as much."""
    return History(np.arange(1, releases + 1) / releases, ())


def nothing(releases: int, generator: Generator) -> History:
    """Returns a history without a change."""
    return History(np.zeros(releases), ())


SHAPES: dict[str, Callable[[int, Generator], History]] = {
    "one step": one_step,
    "two to four steps": several_steps,
    "drift": drift,
    "nothing": nothing,
}


class Launches:
    """The launches of a history, each release's in its order."""

    def __init__(self, history: History, kind: Kind, size: float, generator: Generator) -> None:
        self._means, self._noise = history.means, kind.draw(history.means.size, generator) / size
        self.taken: list[list[float]] = [[] for _ in history.means]

    def take(self, release: int) -> bool:
        """Takes a launch; False where no more were drawn."""
        taken = self.taken[release - 1]
        if len(taken) == self._noise.shape[1]:
            return False
        taken.append(float(self._means[release - 1] + self._noise[release - 1, len(taken)]))
        return True

    @property
    def count(self) -> int:
        """Returns how many were taken."""
        return sum(map(len, self.taken))


def search(history: History, launches: Launches) -> Played:
    """Searches as the command does."""
    while True:
        finding = find_by_launches(Search(launches.taken))
        over = finding.answer is not Answer.OPEN
        if over or launches.count >= MOST or not launches.take(finding.release or 1):
            return Played(finding.answer, finding.release in history.steps, launches.count)


def plain(history: History, launches: Launches, repeats: int) -> Played:
    """Bisects by the mean of so many launches of each release, bad above half of the change."""
    good, bad = 0, history.means.size
    for _ in range(FIRST):
        launches.take(bad)
    half = np.mean(launches.taken[-1]) / 2
    while bad - good > 1:
        middle = (good + bad) // 2
        for _ in range(repeats):
            launches.take(middle)
        good, bad = (good, middle) if np.mean(launches.taken[middle - 1]) > half else (middle, bad)
    return Played(Answer.FOUND, bad in history.steps, launches.count)


def play(
    shape: str, size: float, count: int, noise: Sequence[Kind], method: Callable[[History, Launches], Played]
) -> list[Played]:
    """Plays so many histories, each kind of noise in turn."""
    found = []
    for number in range(count):
        generator = np.random.default_rng([sorted(SHAPES).index(shape), int(size), number])
        history = SHAPES[shape](int(generator.integers(*RELEASES)), generator)
        found.append(method(history, Launches(history, noise[number % len(noise)], size, generator)))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the tables into their place."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=HISTORIES)
    options = parser.parse_args(arguments)
    each = options.histories // (len(SHAPES) * len(SIZES))
    noise = list(kinds(read_noise()).values())
    fill(OUTPUT, {PLACE: tables(each, noise)})
    return 0


def tables(each: int, noise: Sequence[Kind]) -> str:
    """Returns what searches of so many histories of each shape and size found."""
    searched = {(shape, size): play(shape, size, each, noise, search) for shape in SHAPES for size in SIZES}
    rows = [[shape, f"{size:g}", *_cells(found)] for (shape, size), found in searched.items()]
    rows.append(["all of these", "", *_cells([played for found in searched.values() for played in found])])
    head = ["history", "change", "right", "wrong", "no single", "no change", "open", "launches: median, 95%"]
    methods = {"plain bisection, a launch a release": 1, f"the same, {REPEATS} launches a release": REPEATS}
    beside = [["`tfgate bisect`", *(cell for size in SIZES for cell in _brief(searched["one step", size]))]]
    for name, repeats in methods.items():
        method = functools.partial(plain, repeats=repeats)
        cells = (cell for size in SIZES for cell in _brief(play("one step", size, each, noise, method)))
        beside.append([name, *cells])
    columns = [f"{what}, {size:g}" for size in SIZES for what in ("right", "launches")]
    about = (
        f"Each row has {each} simulated histories, of {RELEASES[0]} to {RELEASES[1] - 1} releases after the good one. "
        "Launches have the seven kinds of noise of [error rates](error-rates.md) in turn, and a search takes at most "
        f"{MOST} of them, at {CONFIDENCE:.0%} confidence. *Change*: from the good release to the bad one, in "
        f"deviations of a launch. *Right*: the release that was named brought {SINGLE:.0%} of it or more. In a drift "
        "none did. In brackets: the one-sided 95% Clopper-Pearson bound."
    )
    also = (
        "One step alone, compared with plain bisection. That begins with as many launches of the bad release, and "
        "calls a release bad above half of what those show:"
    )
    return "\n\n".join(
        [
            paragraph(about),
            bare_table(rows, head).rstrip("\n"),
            paragraph(also),
            bare_table(beside, ["method", *columns]),
        ]
    )


def _cells(found: Sequence[Played]) -> list[str]:
    answers = collections.Counter(played.answer for played in found)
    wrong = Rate(sum(played.answer is Answer.FOUND and not played.right for played in found), len(found))
    right = sum(played.answer is Answer.FOUND and played.right for played in found)
    rates = [f"{right / len(found):.1%}", f"{wrong.found:.2%} (≤ {wrong.told(upper=True, digits=2)})"]
    rates += [f"{answers[answer] / len(found):.1%}" for answer in (Answer.NO_SINGLE, Answer.NO_CHANGE, Answer.OPEN)]
    return [*rates, _quantiles(found)]


def _brief(found: Sequence[Played]) -> list[str]:
    right = sum(played.answer is Answer.FOUND and played.right for played in found)
    return [f"{right / len(found):.1%}", _quantiles(found)]


def _quantiles(found: Sequence[Played]) -> str:
    median, most = np.quantile([played.launches for played in found], [0.5, 0.95])
    return f"{median:.0f}, {most:.0f}"


if __name__ == "__main__":
    sys.exit(main())
