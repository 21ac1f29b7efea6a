"""`tfgate blame`: finds the package that brought a change. Each is exchanged alone, or two together, in the reference
environment.
"""

import argparse
import dataclasses
import shlex
from collections.abc import Sequence
from typing import Any

from bench.commands import profile
from bench.commands.blame_parts import WHOLE, Row, chosen, turns
from bench.commands.clustered import cluster_hosts
from bench.commands.following import answer, follow
from bench.commands.growing import Measure, Pace
from bench.commands.messages import say
from bench.commands.model import model_request
from bench.commands.options import add_launches, stamped
from bench.commands.progress import PhaseProgress
from bench.commands.resume import is_kept, require_sides
from bench.commands.searches import (
    CONFIGS,
    GROWN,
    SearchRequest,
    add_metric,
    add_search,
    on_a_host,
    require_machine,
    search_request,
    words_going_on,
)
from bench.commands.sides import BUILT, add_sides, sides_request
from bench.commands.timing import timing
from bench.commands.usage import UsageError
from bench.drive.environments import PINNED
from bench.drive.mixed import mixed
from bench.drive.requests import BuildError, Interpreter, RequestError, read_request
from bench.judge.blame import ONEDNN, THREADS, Answer, Blame, Part, blame_by_launches, blame_by_numbers, failure_of
from bench.judge.margins import Margins, read_margins
from bench.judge.metrics import CPU_TIME, EVALUATION_STEP, MEAN_STEP, START, STEP_TIMES
from bench.record.command_lines import TOLD, WITH_VALUE
from bench.record.paired import CANDIDATE, REFERENCE
from bench.report.blame import blame_json, blame_text
from bench.report.profile_page import FILE as PAGE_FILE
from bench.report.values import minutes
from bench.stats.outcome import EXIT_CODES, Outcome
from lm.workloads.registry import is_path

EXAMPLES = """\
tfgate blame --from 2.15.1 --to 2.16.1 --metric numbers --workload optimizers-twice
tfgate blame --from 2.20.0 --to 2.21.0 --workload xla --metric "peak memory" --part tensorflow-cpu"""
REPORTS = GROWN
LAUNCHES = 8  # of each part
WITHOUT_ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "0"}
PROFILED = (*STEP_TIMES, MEAN_STEP, EVALUATION_STEP, CPU_TIME)  # metrics that a profile of a step explains
# Options that profile has not, or whose default is another.
OF_BLAME = ("--config", "--metric", "--part", "--launches", "--budget", *WITH_VALUE)


@dataclasses.dataclass(frozen=True)
class Request(SearchRequest):
    """A search among the parts of two sides' difference."""

    parts: tuple[str, ...]  # names of packages and switches, A+B of pairs; none: all that may matter
    launches: int
    profile: bool  # go on with a profile of both sides


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_sides(parser, what=BUILT)
    add_metric(parser)
    parser.add_argument(
        "--part",
        action="append",
        default=[],
        metavar="NAME",
        help="measure this part: a package whose versions differ, A+B for two of them together and each alone, or a "
        f"switch on both sides, {ONEDNN} (off) or {THREADS} (one); may be repeated (default: the packages that "
        "TensorFlow imports, TensorFlow and Keras together, and both switches)",
    )
    add_launches(parser, LAUNCHES, "launches of each part; --metric numbers takes one", least=2)
    parser.add_argument(
        "--profile", action="store_true", help="where the time of a step changed, go on with a profile of both sides"
    )
    add_search(parser)


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError, RequestError."""
    model = model_request(options, CONFIGS)
    if options.profile and options.cluster:
        raise UsageError("--profile is of this machine: type tfgate profile on the host that --cluster measures on")
    for what in (options.from_, options.to_):
        if what != PINNED and isinstance(read_request(what, model.gpu), Interpreter):
            raise UsageError(f"{what}: an interpreter's packages can't be exchanged: name a version or requirements")
    shared = vars(search_request(options, "blame", model, sides_request(options, gpu=model.gpu)))
    return Request(**shared, parts=tuple(options.part), launches=options.launches, profile=options.profile)


def run(asked: Request) -> int:
    """Returns 0 where a package is to blame, or numbers have nothing to be blamed for; 3 where none is proven to be.

    Raises CorpusError, RequestError, BuildError, ClusterError, FormatError, MarginsError, OSError.
    """
    timed = asked.timed
    with cluster_hosts(asked.cluster, timed=timed) as hosts, timing(timed=timed and not hosts) as disturbed:
        margins = read_margins(asked.sides.locks.parent / "margins.toml")
        blaming = on_a_host(hosts, asked, search, margins) if hosts else search(asked, disturbed, margins)
    found, names = blaming.found(), (asked.sides.reference.what, asked.sides.candidate.what)
    explained = found.answer in (Answer.BLAMED, Answer.NO_PACKAGE) and asked.metric in PROFILED
    text = blame_text(found, asked.metric, names, blaming.left_out)
    profiled = _profile(asked, blaming.moment)
    text += f"\nwhere the time goes: {shlex.join(profiled)}" if explained else ""
    plain = blame_json(found, asked.metric, names, blaming.left_out) | blaming.origin()
    answer(asked.output, text, plain, as_json=asked.json)
    if asked.profile and explained and not is_kept(asked.output, f"*-profile/{PAGE_FILE}"):
        more = [word for word in TOLD if word in asked.command_line]
        follow(profile, [*profiled, "--output", str(stamped(asked.output, "profile")), *more])
    if asked.profile and asked.metric not in PROFILED:
        recipe = "; docs/profile.md, 'A slower start', has a recipe" if asked.metric in START else ""
        say(f"no profile: it explains the time of a steady step, not {asked.metric}{recipe}")
    told = found.answer in (Answer.BLAMED, Answer.NO_CHANGE)
    return EXIT_CODES[Outcome.PASS if told else Outcome.INCONCLUSIVE]


def search(asked: Request, disturbed: Sequence[str], margins: Margins) -> "Blaming":
    """Returns a search that is over. One host makes all of it: effects are subtracted, and hosts differ."""
    blaming = Blaming(asked, margins, disturbed)
    blaming.measure()
    return blaming


def _profile(asked: Request, moment: str) -> list[str]:
    """Returns the command that profiles both sides, as of the same moment of the index."""
    config = () if is_path(asked.model.workloads[0]) else ("--config", *asked.model.configs)
    return ["tfgate", "profile", *words_going_on(asked, OF_BLAME, moment), *config]


class Blaming:
    """Measures the candidate and each part of its difference: the rows of the table that is printed."""

    def __init__(self, asked: Request, margins: Margins, disturbed: Sequence[str]) -> None:
        (plan,) = asked.model.plans()
        self._measure = Measure(plan, asked.metric, margins, asked.command_line, disturbed)
        self._measure.warn()
        self._asked, self._sides = asked, asked.sides.prepared()
        # Up to when the index was read; "" of one without upload times. The pinned reference has none.
        self.moment = max(side.as_of for side in self._sides.values())
        whole, parts, switches, self.left_out = chosen(self._measure, self._sides, asked.parts)
        self._whole = self._row(0, whole)
        self._packages = [self._row(place, part) for place, part in enumerate(parts, 1)]
        self._switches = [self._switch(place, name) for place, name in enumerate(switches, 1 + len(parts))]

    @property
    def _rows(self) -> list[Row]:
        return [self._whole, *self._packages, *self._switches]

    def origin(self) -> dict[str, Any]:
        """Returns where the measurements come from, for programs."""
        return self._measure.origin(row.report for row in self._rows)

    def measure(self) -> None:
        """Measures each part in turn, launch by launch.

        Raises RequestError for a candidate that can't be measured, UsageError where a report is of other environments
        than those that would be measured.
        """
        pace, rows = self._measure.pace(self._asked.budget_minutes), self._rows
        launches = 1 if self._measure.numbers else self._asked.launches
        self._tell_cost(rows, launches, pace)
        for row in self._packages:
            self._build(row)
        for row in rows:  # also those that are done: effects are compared with each other
            if row.report.run and not row.part.problem:
                require_sides(row.report.path, row.report.run, row.sides)
        with PhaseProgress() as progress:
            for row in turns(rows, launches):
                if pace.is_spent:
                    self.left_out.append(f"launches after the budget of {minutes(self._asked.budget_minutes)}")
                    break
                with pace.timed():
                    row.report.run = row.measure.grow(row.report, row.sides, progress)
                progress.say(f"{row.report.name}: {self._last(row)}")
                if pace.count == len(rows):
                    self._tell_cost(rows, launches, pace)

    def _tell_cost(self, rows: Sequence[Row], launches: int, pace: Pace) -> None:
        """Says what is left to be measured; nothing where nothing is."""
        left = sum(max(launches - row.launches, 0) for row in rows if not row.part.problem)
        if left:
            say(f"{pace.left([left])}; at most {minutes(pace.budget_minutes)} of measurements in all")

    def found(self) -> Blame:
        """Returns what the parts tell of the change."""
        whole = self._whole.told
        packages, switches = [row.told for row in self._packages], [row.told for row in self._switches]
        if self._measure.numbers:
            return blame_by_numbers(whole, packages, switches, self._measure.margins)
        return blame_by_launches(whole, packages, switches, self._asked.metric, self._measure.margins)

    def _last(self, row: Row) -> str:
        """Returns a line on the last measurement; gives the part up where that failed."""
        assert row.report.run
        require_machine(row.report)
        if failure := failure_of(row.report.run):
            self._give_up(row, failure.message)
            return f"can't be measured: {failure.message}"
        if self._measure.numbers:
            return "compared"
        return row.measure.last(row.report.run)

    def _give_up(self, row: Row, why: str) -> None:
        """Goes on without a part. Raises RequestError where it is the whole."""
        if row.part.name == WHOLE:
            raise RequestError(f"the change can't be measured: {why}")
        row.part = dataclasses.replace(row.part, problem=why)

    def _row(self, place: int, part: Part) -> Row:
        report = self._measure.report(self._asked.output, place, part.name, resume=self._asked.resume)
        row = Row(part, self._measure, self._sides, report)
        require_machine(report)
        if report.run and (failure := failure_of(report.run)):
            self._give_up(row, failure.message)
        return row

    def _switch(self, place: int, name: str) -> Row:
        """Returns the row of both sides with a switch."""
        row = self._row(place, Part(name))
        if name == THREADS:
            row.measure = dataclasses.replace(row.measure, plan=dataclasses.replace(row.measure.plan, threads=1))
        else:
            row.sides = {
                role: dataclasses.replace(side, variables={**side.variables, **WITHOUT_ONEDNN})
                for role, side in self._sides.items()
            }
        return row

    def _build(self, row: Row) -> None:
        """Builds the environment with a row's package, or pair, and keeps what wheels say of it."""
        sides, (reference, candidate) = self._asked.sides, (self._sides[REFERENCE], self._sides[CANDIDATE])
        names = row.part.members or (row.part.name,)
        try:
            side, refused = mixed(reference, candidate, *names, python=sides.python_version, gpu=sides.gpu, say=say)
        except (RequestError, BuildError) as error:
            say(f"{row.part.name} can't be measured: {error}")
            self._give_up(row, str(error))
        else:
            row.part = dataclasses.replace(row.part, refused=refused)
            row.sides = {REFERENCE: reference, CANDIDATE: side}
