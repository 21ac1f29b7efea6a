"""`tfgate bisect`'s search: chooses the launch that is measured next, here or on a host of a cluster, until there is an
answer.
"""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from bench.commands.clustered import Results
from bench.commands.growing import Growing, Measure
from bench.commands.messages import say
from bench.commands.progress import PhaseProgress
from bench.commands.resume import require_same
from bench.commands.searches import SearchRequest, measured_anew, on_a_host, require_machine
from bench.commands.sides import SideRequest
from bench.drive.requests import BuildError, RequestError
from bench.judge.bisect import (
    Answer,
    Finding,
    doubted_numbers,
    expected,
    find_by_launches,
    find_by_numbers,
    values_of,
)
from bench.judge.blame import failure_of
from bench.judge.margins import Margins
from bench.judge.types import Comparison
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun, Side
from bench.record.repeats import failed_for_good, reference_failure
from bench.record.types import NO_TENSORFLOW
from bench.report.lines import one_line
from bench.report.sentences import with_reason
from bench.report.values import minutes
from bench.stats.bisection import Search
from bench.stats.outcome import Outcome

PACED = 3  # measurements after which the rest's cost is told anew
SAID = {Outcome.REGRESSION: "a regression", Outcome.INCONCLUSIVE: "inconclusive", Outcome.PASS: "no regression"}


@dataclasses.dataclass(frozen=True)
class Request(SearchRequest):
    """A search between a good release and a bad one, the sides."""

    between: tuple[str, ...]  # none: all that the index has
    confidence: float
    blame: bool  # go on with a blame of the release found


def search(
    asked: Request, disturbed: Sequence[str], between: tuple[str, ...], margins: Margins, hosts: Results | None = None
) -> "Bisection":
    """Returns a search that has an answer, or no time left. One host makes all of it: each launch is chosen by those
    before it.
    """
    bisection = Bisection(asked, between, margins, disturbed)
    if bisection.known().answer is Answer.OPEN:
        bisection.announce()
        if hosts:
            return on_a_host(hosts, asked, search, between, margins)
        bisection.measure()
    return bisection


class Bisection:
    """Searches the releases, and holds what was measured of each."""

    def __init__(self, asked: Request, between: tuple[str, ...], margins: Margins, disturbed: Sequence[str]) -> None:
        self._asked, (plan,), self._good = asked, asked.model.plans(), asked.sides.reference.what
        self._measure = Measure(plan, asked.metric, margins, asked.command_line, disturbed)
        self._pace = self._measure.pace(asked.budget_minutes)
        self.left_out: dict[str, str] = {}  # why, by name
        self._names = (*between, asked.sides.candidate.what)  # of all that are searched, in their order
        self.releases = [
            self._measure.report(asked.output, place, name, resume=asked.resume, here=not asked.cluster)
            for place, name in enumerate(self._names, 1)
        ]

    def known(self) -> Finding:
        """Returns what the reports tell so far, without the releases that can't be measured."""
        for release in list(self.releases):
            if release.run and (release.compared or not self._measure.numbers):
                self._leave_out_if_unmeasured(release, release.run)
        return self.finding()

    def finding(self) -> Finding:
        """Returns what was found among the releases that aren't left out."""
        if self._asked.timed:
            return find_by_launches(self.values())
        return find_by_numbers([self._outcome(one) if one.compared else None for one in self.releases])

    def left_out_before(self, release: int) -> list[str]:
        """Returns the releases that were left out between one, by its number, and the one before it that was not."""
        before = self._names[: self._names.index(self.releases[release - 1].name)]
        return [*itertools.takewhile(self.left_out.__contains__, reversed(before))][::-1]

    def announce(self) -> None:
        """Says what is searched, what disturbs it, and what it costs."""
        names, most = ", ".join(release.name for release in self.releases), minutes(self._asked.budget_minutes)
        say(f"good release: {self._good}; searching {names}; at most {most} of measurements")
        self._measure.warn()
        say(self._cost())

    def measure(self) -> None:
        """Measures until there is an answer, or no time is left.

        Raises UsageError where launches that are there are of other environments than those that would be measured.
        """
        good, pace = self._side(self._good), self._pace
        for one in self.releases:  # launches are compared with each other, as ratios to one good release
            if one.run:
                require_same(one.path, one.run.reference, good)
        with PhaseProgress() as progress:
            while (finding := self.finding()).answer is Answer.OPEN and not pace.is_spent:
                release = self.releases[finding.release - 1 if finding.release else -1]
                try:
                    release.side = release.side or self._side(release.name)
                except (RequestError, BuildError) as error:
                    self._leave_out(release, str(error))
                    continue
                if pace.count == PACED:
                    progress.say(self._cost())
                with pace.timed():
                    sides = {REFERENCE: good, CANDIDATE: release.side}
                    release.run = self._measure.grow(release, sides, progress)
                if not self._leave_out_if_unmeasured(release, release.run):
                    progress.say(f"{release.name}: {self._last(release)}")

    def origin(self) -> dict[str, Any]:
        """Returns where the measurements come from, for programs."""
        return self._measure.origin(self.releases)

    def values(self) -> Search:
        """Returns the values of each release's launches, among which is searched."""
        values = [values_of(release.run, self._asked.metric, self._measure.margins) for release in self.releases]
        return Search(values, self._asked.confidence)

    def doubted(self) -> list[Comparison | None]:
        """Returns of each release the comparison of numbers that is a regression, or inconclusive; None without one."""
        return [self._doubted(release) for release in self.releases]

    def _doubted(self, release: Growing) -> Comparison | None:
        return doubted_numbers(release.run, self._measure.margins) if release.run else None

    def _outcome(self, release: Growing) -> Outcome:
        """Returns the outcome of a release's numbers."""
        doubted = self._doubted(release)
        return doubted.outcome if doubted else Outcome.PASS

    def _cost(self) -> str:
        """Returns a line on the measurements that are still expected."""
        done = sum(release.run.launches or 1 for release in self.releases if release.run)
        return self._pace.left([max(count - done, 0) for count in expected(len(self.releases), self._asked.metric)])

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
        """Goes on without a release whose run shows that it can't be measured, or between the two with numbers that are
        inconclusive, and tells whether it is one.

        Raises RequestError where the good release can't be measured, FailedError where the machine is to blame.
        """
        require_machine(release)
        good = run.oracle[0].failure if run.oracle else None  # the reference's is the first
        if failed_for_good(run.pairs):
            good = reference_failure(run.pairs)
        if run.lockstep_failure and run.lockstep_failure.kind != NO_TENSORFLOW:  # which may be the candidate's
            good = run.lockstep_failure
        if good:
            line = one_line(f"{self._good}: {good.message}")
            raise RequestError(
                f"the good release can't be measured: {line}; name another by --good, or {measured_anew(release)}"
            )
        if failure := failure_of(run):
            self._leave_out(release, failure.message)
            return True
        doubted = self._doubted(release) if self._measure.numbers and release is not self.releases[-1] else None
        if doubted and doubted.outcome is Outcome.INCONCLUSIVE:
            self._leave_out(release, f"inconclusive, {with_reason(doubted)}")
            return True
        return False

    def _last(self, release: Growing) -> str:
        """Returns what was just measured."""
        if self._asked.timed:
            return self._measure.last(release.run)
        return SAID[self._outcome(release)]
