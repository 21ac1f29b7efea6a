"""`tfgate bisect`'s search: chooses the launch that is measured next, here or on a host of a cluster, until there is an
answer.
"""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.commands.clustered import Building, Hosts, searched, stored_reports
from bench.commands.errors import guarded
from bench.commands.growing import Growing, Measure, Pace
from bench.commands.messages import say
from bench.commands.model import ModelRequest
from bench.commands.options import SideRequest
from bench.commands.progress import BisectProgress
from bench.commands.sides import Sides
from bench.commands.timing import timing
from bench.drive.requests import BuildError, RequestError
from bench.judge.bisect import (
    NUMBERS,
    Answer,
    Finding,
    expected,
    find_by_launches,
    find_by_numbers,
    values_of,
    wrong_numbers,
)
from bench.judge.blame import failure_of
from bench.judge.margins import Margins
from bench.judge.types import Comparison
from bench.record.files import write_text
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun, Side
from bench.record.repeats import failed_for_good
from bench.report.bisect import cost
from bench.report.lines import one_line
from bench.report.values import minutes, percent
from bench.stats.bisection import Search

LEFT_OUT_FILE = "left-out.json"  # where a host of a cluster leaves what it has left out
PACED = 3  # measurements after which the rest's cost is told anew


@dataclasses.dataclass(frozen=True)
class Request:
    """The model that is measured, the releases among which is searched, and how long."""

    model: ModelRequest
    sides: Sides  # the good release and the bad one
    between: tuple[str, ...]  # none: all that the index has
    metric: str
    confidence: float
    budget_minutes: float
    output: Path
    resume: bool
    json: bool
    command_line: Sequence[str]
    cluster: str  # the address of a scheduler; "": on this host
    blame: bool  # go on with a blame of the release found


@dataclasses.dataclass(frozen=True)
class Searching:
    """A search that a host of a cluster makes."""

    building: Building
    asked: Request
    between: tuple[str, ...]
    margins: Margins


def search(folder: Path, searching: Searching) -> int:
    """Searches on this host of a cluster: leaves the releases' reports in a folder, and what was left out."""
    return guarded(lambda: _search(folder, searching))


def _search(folder: Path, searching: Searching) -> int:
    building, asked = searching.building, searching.asked
    with timing(timed=asked.metric != NUMBERS, wait=True) as disturbed:
        sides = building.here(folder)
        asked = dataclasses.replace(asked, model=building.model, sides=sides, output=folder, cluster="")
        bisection = Bisection(asked, searching.between, searching.margins, disturbed)
        bisection.search()
        write_text(folder / LEFT_OUT_FILE, json.dumps(bisection.left_out))
    return 0


class Bisection:
    """Searches the releases, and holds what was measured of each."""

    def __init__(self, asked: Request, between: tuple[str, ...], margins: Margins, disturbed: Sequence[str]) -> None:
        self._asked, (plan,), self._good = asked, asked.model.plans(), asked.sides.reference.what
        self._margins, self._between = margins, between
        self._measure = Measure(plan, asked.metric, self._margins, asked.command_line, disturbed)
        self.left_out: dict[str, str] = {}  # why, by name
        self.releases = self._stored(resume=asked.resume)

    def search(self) -> Finding:
        """Measures until there is an answer, or no time is left."""
        names = ", ".join(release.name for release in self.releases)
        most = minutes(self._asked.budget_minutes)
        say(f"good release: {self._good}; searching {names}; at most {most} of measurements")
        pace = self._measure.pace()
        if (finding := self._known()).answer is not Answer.OPEN:
            return finding
        self._measure.warn()
        say(self._cost(pace))
        good = self._side(self._good)
        with BisectProgress() as progress:
            while (finding := self._finding()).answer is Answer.OPEN:
                if pace.seconds >= 60 * self._asked.budget_minutes:
                    break
                release = self.releases[finding.release - 1 if finding.release else -1]
                try:
                    release.side = release.side or self._side(release.name)
                except (RequestError, BuildError) as error:
                    self._leave_out(release, str(error))
                    continue
                if pace.count == PACED:
                    progress.say(self._cost(pace))
                with pace.timed():
                    sides = {REFERENCE: good, CANDIDATE: release.side}
                    release.run = self._measure.grow(release, sides, progress)
                if not self._leave_out_if_unmeasured(release, release.run):
                    progress.say(f"{release.name}: {self._last(release)}")
        return finding

    def search_on(self, hosts: Hosts) -> Finding:
        """Has one host search, unless there is an answer: each launch is chosen by those before it."""
        asked = self._asked
        if (finding := self._known()).answer is not Answer.OPEN:
            return finding
        building = Building.of(asked.model, asked.sides, stored_reports(asked.output))
        say(f"a host of {asked.cluster} searches: at most {minutes(asked.budget_minutes)} of measurements")
        say(self._cost(self._measure.pace()))
        call = search, (Searching(building, asked, self._between, self._margins),)
        self.left_out = json.loads(searched(hosts, asked.output, call)[LEFT_OUT_FILE])
        self.releases = self._stored(resume=True)
        return self._known()

    def origin(self) -> dict[str, Any]:
        """Returns where the measurements come from, for programs."""
        return self._measure.origin(self.releases)

    def values(self) -> Search:
        """Returns the values of each release's launches, among which is searched."""
        values = [values_of(release.run, self._asked.metric, self._margins) for release in self.releases]
        return Search(values, self._asked.confidence)

    def wrong(self) -> list[Comparison | None]:
        """Returns of each release the comparison of numbers that is a regression; None without one."""
        return [wrong_numbers(release.run, self._margins) if release.run else None for release in self.releases]

    def _stored(self, *, resume: bool) -> list[Growing]:
        """Returns the releases that aren't left out, with what the folder holds of them if it goes on from there."""
        output, here = self._asked.output, not self._asked.cluster
        return [
            self._measure.report(output, place, name, resume=resume, here=here)
            for place, name in enumerate((*self._between, self._asked.sides.candidate.what), 1)
            if name not in self.left_out
        ]

    def _known(self) -> Finding:
        """Returns what the reports tell so far, without the releases that can't be measured."""
        for release in list(self.releases):
            if release.run and (release.compared or not self._measure.numbers):
                self._leave_out_if_unmeasured(release, release.run)
        return self._finding()

    def _cost(self, pace: Pace) -> str:
        """Returns what is left to be expected, less what was measured before."""
        done = sum(len(release.run.pairs) or 1 for release in self.releases if release.run)
        left = [max(count - done, 0) for count in expected(len(self.releases), self._asked.metric)]
        return cost(left, [pace.minutes(count) for count in left], paced=bool(pace.count))

    def _finding(self) -> Finding:
        if self._asked.metric != NUMBERS:
            return find_by_launches(self.values())
        compared, wrong = [release.compared for release in self.releases], self.wrong()
        return find_by_numbers([bool(bad) if done else None for done, bad in zip(compared, wrong, strict=True)])

    def _side(self, name: str) -> Side:
        return self._asked.sides.one(SideRequest(name))

    def _leave_out(self, release: Growing, why: str) -> None:
        """Goes on without a release that can't be measured. Raises RequestError for the bad one."""
        line = one_line(f"{release.name}: {why}")
        if release is self.releases[-1]:
            raise RequestError(f"the bad release can't be measured: {line}; name another by --bad")
        say(f"left out: {line}")
        self.left_out[release.name] = why
        self.releases.remove(release)

    def _leave_out_if_unmeasured(self, release: Growing, run: PairedRun) -> bool:
        """Goes on without a release whose run shows that it can't be measured, and tells whether it is one."""
        problem = self._problem(run)
        if problem:
            self._leave_out(release, problem)
        return bool(problem)

    def _problem(self, run: PairedRun) -> str:
        """Returns why a release can't be measured; "" where it can. Raises RequestError for the good one."""
        good = run.oracle[0].failure if run.oracle else None  # the reference's is the first
        if failed_for_good(run.pairs):
            good = run.pairs[-1].reference.failure
        if good:
            line = one_line(f"{self._good}: {good.message}")
            raise RequestError(f"the good release can't be measured: {line}; name another by --good")
        failure = failure_of(run)
        return failure.message if failure else ""

    def _last(self, release: Growing) -> str:
        """Returns what was just measured."""
        if self._asked.metric == NUMBERS:
            return "a regression" if self.wrong()[self.releases.index(release)] else "no regression"
        values = self._measure.told(release.run)
        return f"launch {len(values)}, {self._asked.metric} {percent(values[-1])}"
