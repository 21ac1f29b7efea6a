"""`tfgate bisect`: which release brought a change, by launches of releases in turn with a good one."""

import argparse
import contextlib
import dataclasses
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.commands.clustered import Building, Hosts, add_cluster, cluster_hosts, cluster_request
from bench.commands.errors import guarded
from bench.commands.growing import Growing, Measure, Pace, add_metric
from bench.commands.messages import print_json, say
from bench.commands.model import ModelRequest, add_model, add_workload, model_request
from bench.commands.options import SideRequest, add_budget, add_output, add_shared, fraction
from bench.commands.progress import BisectProgress
from bench.commands.resume import ALONE, WITH_VALUE, as_begun, resumed_folder, words_without
from bench.commands.sides import RELEASE, Sides, add_index, add_releases, releases_request
from bench.commands.usage import UsageError
from bench.drive.environments import PINNED, releases_between
from bench.drive.lock import host_lock
from bench.drive.requests import BuildError, ClusterError, Interpreter, RequestError, read_request
from bench.drive.upgrade import PAIRED_FILE
from bench.judge.bisect import (
    NUMBERS,
    Answer,
    Finding,
    expected,
    failed_numbers,
    find_by_launches,
    find_by_numbers,
    values_of,
    wrong_numbers,
)
from bench.judge.blame import failure_of
from bench.judge.margins import Margins, read_margins
from bench.judge.types import Comparison
from bench.record.files import write_text
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun, Side
from bench.record.repeats import failed_for_good
from bench.report.bisect import cost, launches_json, launches_text, numbers_json, numbers_text
from bench.report.lines import one_line
from bench.report.sentences import sentence
from bench.report.values import percent
from bench.stats.bisection import CONFIDENCE, Search
from bench.stats.outcome import EXIT_CODES, USAGE_CODE, Outcome

EXAMPLES = """\
tfgate bisect --good 2.12.1 --bad 2.21.0 --workload predict-call --metric "step time on one core"
tfgate bisect --good 2.15.1 --bad 2.18.1 --release 2.16.2 --release 2.17.1 --metric numbers"""
CONFIGS = ("tiny",)
REPORTS = (f"*/{PAIRED_FILE}",)
BUDGET_MINUTES = 60.0
SEARCHING = ("--good", "--bad", "--release", "--confidence", "--budget", *WITH_VALUE)  # options that blame has not
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--good", required=True, metavar="WHAT", help=f"the release before the change: {RELEASE}")
    parser.add_argument(
        "--bad", required=True, metavar="WHAT", help="the release that has the change, named in the same way"
    )
    add_releases(parser, "all that the index has")
    add_metric(parser)
    parser.add_argument(
        "--confidence",
        type=fraction,
        default=CONFIDENCE,
        metavar="P",
        help="confidence of the answer (default: %(default)g)",
    )
    add_budget(parser, BUDGET_MINUTES, "minutes after which no further launch starts")
    add_index(parser)
    add_workload(parser, several=False)
    add_model(parser, CONFIGS, several=False)
    add_output(parser)
    add_shared(parser, "resume")
    add_cluster(parser)
    add_shared(parser, "baselines", "json", "quiet")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError, RequestError."""
    model = model_request(options, CONFIGS)
    if len(model.configs) * len(model.workloads) > 1:
        raise UsageError("bisect takes one workload in one configuration: name one of each")
    output = resumed_folder(options, "bisect", *REPORTS)
    sides = releases_request(options, options.good, options.bad, options.release, gpu=model.gpu)
    return Request(
        model,
        as_begun(options, sides, output),
        tuple(options.release),
        options.metric,
        options.confidence,
        options.budget,
        output,
        options.resume,
        options.json,
        options.command_line,
        cluster_request(options),
    )


def run(asked: Request) -> int:
    """Returns 0 for an answer, 3 where the launches that the budget allowed give none.

    Raises CorpusError, RequestError, BuildError, ClusterError, FormatError, MarginsError, OSError.
    """
    with cluster_hosts(asked.cluster, timed=asked.metric != NUMBERS) as hosts:
        bisection = _Bisection(asked, _between(asked), read_margins(asked.sides.locks.parent / "margins.toml"))
        with contextlib.nullcontext() if hosts or asked.metric == NUMBERS else host_lock():
            finding = bisection.search_on(hosts) if hosts else bisection.search()
    say(f"kept in {asked.output}")
    bisection.tell(finding)
    return EXIT_CODES[Outcome.INCONCLUSIVE if finding.answer is Answer.OPEN else Outcome.PASS]


@dataclasses.dataclass(frozen=True)
class Searching:
    """A search that a host of a cluster makes."""

    building: Building
    asked: Request
    between: tuple[str, ...]
    margins: Margins
    reports: Mapping[str, str]  # texts of what was measured before, by their paths in the folder


def search(folder: Path, searching: Searching) -> int:
    """Searches on this host of a cluster: leaves the releases' reports in a folder, and what was left out."""
    return guarded(lambda: _search(folder, searching))


def _search(folder: Path, searching: Searching) -> int:
    building, asked = searching.building, searching.asked
    for name, text in searching.reports.items():
        write_text(folder / name, text)
    with contextlib.nullcontext() if asked.metric == NUMBERS else host_lock(wait=True):
        sides = building.here(folder.parent / "locks")
        asked = dataclasses.replace(asked, model=building.model, sides=sides, output=folder, cluster="")
        bisection = _Bisection(asked, searching.between, searching.margins)
        bisection.search()
        write_text(folder / LEFT_OUT_FILE, json.dumps(bisection.left_out))
    return 0


def _between(asked: Request) -> tuple[str, ...]:
    """Returns the releases between the good one and the bad one. Raises RequestError."""
    sides = asked.sides
    good, bad = sides.reference.what, sides.candidate.what
    listed = asked.between or releases_between(good, bad, sides.as_of, python=sides.python_version, gpu=sides.gpu)
    return tuple(listed)


class _Bisection:
    """Searches the releases, and holds what was measured of each."""

    def __init__(self, asked: Request, between: tuple[str, ...], margins: Margins) -> None:
        self._asked, (plan,), self._good = asked, asked.model.plans(), asked.sides.reference.what
        self._margins, self._between = margins, between
        self._measure = Measure(plan, asked.metric, self._margins, asked.command_line)
        self.left_out: dict[str, str] = {}  # why, by name
        self._releases = self._stored(resume=asked.resume)

    def search(self) -> Finding:
        """Measures until there is an answer, or no time is left."""
        names = ", ".join(release.name for release in self._releases)
        minutes = self._asked.budget_minutes
        say(f"good release: {self._good}; searching {names}; at most {minutes:g} minutes of measurements")
        pace = self._measure.pace()
        if (finding := self._known()).answer is not Answer.OPEN:
            return finding
        self._measure = self._measure.examined()
        say(self._cost(pace))
        good = self._side(self._good)
        with BisectProgress() as progress:
            while (finding := self._finding()).answer is Answer.OPEN:
                if pace.seconds >= 60 * self._asked.budget_minutes:
                    break
                release = self._releases[finding.release - 1 if finding.release else -1]
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
        paths = {str(release.path.relative_to(asked.output)): release.path for release in self._stored(resume=False)}
        there = {name: path for name, path in paths.items() if path.exists()}
        if there and not asked.resume:
            raise UsageError(f"{next(iter(there.values()))} exists: go on by --resume, or choose another --output")
        say(f"a host of {asked.cluster} searches: at most {asked.budget_minutes:g} minutes of measurements")
        reports = {name: path.read_text(encoding="utf-8") for name, path in there.items()}
        building = Building.of(asked.model, asked.sides)
        left = {asked.output: (search, (Searching(building, asked, self._between, self._margins, reports),))}
        for _, done in hosts(lambda: left):
            left.clear()
            if done.problem:
                raise (RequestError if done.code == USAGE_CODE else ClusterError)(done.problem)
            self.left_out = json.loads(done.files[LEFT_OUT_FILE])
            for name, path in paths.items():
                if name in done.files:
                    write_text(path, done.files[name].decode(), replace=True)
        self._releases = self._stored(resume=True)
        return self._known()

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
        for release in list(self._releases):
            if release.run and (release.compared or not self._measure.numbers):
                self._leave_out_if_unmeasured(release, release.run)
        return self._finding()

    def tell(self, finding: Finding) -> None:
        """Prints the answer."""
        names = [self._good, *(release.name for release in self._releases)]
        hint = self._blame(finding, names)
        if self._asked.metric == NUMBERS:
            wrong, compared = self._wrong(), [release.compared for release in self._releases]
            plain, text = numbers_json(finding, wrong, compared, names), numbers_text(finding, wrong, names)
        else:
            search, metric = self._search(), self._asked.metric
            plain, text = launches_json(finding, search, metric, names), launches_text(finding, search, metric, names)
        left_out = [one_line(f"{name}: {why}") for name, why in self.left_out.items()]
        if self._asked.json:
            origin = self._measure.origin(self._releases)
            print_json([plain | {"left_out": left_out, "blame": hint or None} | origin])
        else:
            more = [f"left out: {line}" for line in left_out] + ([f"which package: {hint}"] if hint else [])
            print("\n".join([text, *more]))

    def _blame(self, finding: Finding, names: Sequence[str]) -> str:
        """Returns the command that takes the change of the release found apart; "" where none can."""
        if finding.answer is not Answer.FOUND or finding.release is None:
            return ""
        pair = names[finding.release - 1 : finding.release + 1]
        if any(isinstance(read_request(what), Interpreter) for what in pair if what != PINNED):
            return ""
        rest = words_without(self._asked.command_line, SEARCHING, ("tfgate", "bisect", *ALONE))
        return shlex.join(["tfgate", "blame", "--from", pair[0], "--to", pair[1], *rest])

    def _cost(self, pace: Pace) -> str:
        """Returns what is left to be expected, less what was measured before."""
        done = sum(len(release.run.pairs) or 1 for release in self._releases if release.run)
        left = [max(count - done, 0) for count in expected(len(self._releases), self._asked.metric)]
        return cost(left, [pace.minutes(count) for count in left], paced=bool(pace.count))

    def _finding(self) -> Finding:
        if self._asked.metric != NUMBERS:
            return find_by_launches(self._search())
        compared, wrong = [release.compared for release in self._releases], self._wrong()
        return find_by_numbers([bool(bad) if done else None for done, bad in zip(compared, wrong, strict=True)])

    def _search(self) -> Search:
        values = [values_of(release.run, self._asked.metric, self._margins) for release in self._releases]
        return Search(values, self._asked.confidence)

    def _wrong(self) -> list[Comparison | None]:
        return [wrong_numbers(release.run, self._margins) if release.run else None for release in self._releases]

    def _side(self, name: str) -> Side:
        return self._asked.sides.one(SideRequest(name))

    def _leave_out(self, release: Growing, why: str) -> None:
        """Goes on without a release that can't be measured. Raises RequestError for the bad one."""
        line = one_line(f"{release.name}: {why}")
        if release is self._releases[-1]:
            raise RequestError(f"the bad release can't be measured: {line}; name another by --bad")
        say(f"left out: {line}")
        self.left_out[release.name] = why
        self._releases.remove(release)

    def _leave_out_if_unmeasured(self, release: Growing, run: PairedRun) -> bool:
        """Goes on without a release whose run shows that it can't be measured, and tells whether it is one."""
        problem = self._problem(run)
        if problem:
            self._leave_out(release, problem)
        return bool(problem)

    def _problem(self, run: PairedRun) -> str:
        """Returns why a release can't be measured; "" where it can. Raises RequestError for the good one."""
        failed = failed_numbers(run, self._margins) if self._asked.metric == NUMBERS else None
        good = run.oracle[0].failure if failed and run.oracle else None  # the reference's is the first
        if failed_for_good(run.pairs):
            good = run.pairs[-1].reference.failure
        if good:
            line = one_line(f"{self._good}: {good.message}")
            raise RequestError(f"the good release can't be measured: {line}; name another by --good")
        if failed:
            return sentence(failed)
        failure = failure_of(run)
        return failure.message if failure else ""

    def _last(self, release: Growing) -> str:
        """Returns what was just measured."""
        if self._asked.metric == NUMBERS:
            return "a regression" if self._wrong()[self._releases.index(release)] else "no regression"
        values = self._measure.told(release.run)
        return f"launch {len(values)}, {self._asked.metric} {percent(values[-1])}"
