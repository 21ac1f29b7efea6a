"""`tfgate survey`: measures every release against the one before it and a fixed reference, for one page."""

import argparse
import contextlib
import dataclasses
import functools
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands.clustered import (
    LACKING_FILE,
    Building,
    Results,
    SurveyJob,
    add_cluster,
    cluster_hosts,
    cluster_request,
    compare,
    local_hosts,
)
from bench.commands.messages import say
from bench.commands.model import ModelRequest, add_model, add_workload, model_request, room_for
from bench.commands.options import Telling, add_budget, add_extent, add_output, add_shared, telling
from bench.commands.paired import Extent, extent_request
from bench.commands.resume import (
    require_same,
    require_same_command,
    require_same_file,
    require_same_variables,
    resumed_folder,
)
from bench.commands.sides import WHAT, SideRequest, Sides, add_index, add_releases, releases_request, side_warnings
from bench.commands.stored import baselines_option, read_folder
from bench.commands.surveys import judged_survey, read_survey, stored, tell_survey
from bench.commands.timing import timing
from bench.commands.usage import UsageError
from bench.drive.environments import PINNED, UnlistedError, newest_patches
from bench.drive.paired import PAIRED_FILE
from bench.drive.plan import Plan
from bench.drive.requests import BuildError, RequestError
from bench.judge.gate import Standards
from bench.judge.survey import Against, LeftOutError, walk
from bench.machine import now
from bench.record.command_lines import ALONE, words_without
from bench.record.files import keeper, write_text
from bench.record.paired import CANDIDATE, REFERENCE, Side
from bench.record.survey import SURVEY_FILE, Survey, require_sound
from bench.record.types import SCHEMA
from bench.report.lines import one_line
from bench.report.values import Count, minutes

if TYPE_CHECKING:
    from bench.drive.cluster import Call, Done

EXAMPLES = """\
tfgate survey --from 2.12.1 --to 2.21.0 --numerics-only
tfgate survey --from 2.12.1 --to 2.21.0 --workload train --workload predict-call --output reports/survey"""
CONFIGS = ("tiny",)
REPORTS = (SURVEY_FILE,)
# Options that a comparison in it doesn't have, or has a value of its own for.
OF_A_SURVEY = (
    *("--from", "--to", "--release", "--fixed-reference", "--as-of", "--output", "--cluster"),
    *("--workload", "--config"),
)


@dataclasses.dataclass(frozen=True)
class Request:
    """The releases, what is measured of each, and where it is kept."""

    model: ModelRequest
    sides: Sides  # the first release and the last
    between: tuple[str, ...]  # none: the newest patch of each minor version
    fixed: str  # what all are compared with
    extent: Extent  # of each comparison
    output: Path
    telling: Telling
    cluster: str  # the address of a scheduler; "": on this host


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--from", dest="from_", required=True, metavar="WHAT", help=f"the first release: {WHAT}")
    parser.add_argument(
        "--to", dest="to_", required=True, metavar="WHAT", help="the last release, named in the same way"
    )
    add_releases(parser, "the newest patch of each minor version")
    parser.add_argument(
        "--fixed-reference",
        metavar="WHAT",
        help=f"what every release is compared with: one of them, or any other, or `{PINNED}` (default: the first)",
    )
    add_workload(parser)
    add_model(parser, CONFIGS)
    add_extent(parser)
    add_shared(parser, "margin")
    add_budget(parser)
    add_index(parser)
    add_output(parser)
    add_shared(parser, "resume")
    add_cluster(
        parser, "on this host, where `--numerics-only` measures a comparison of `tiny` for every two cores at a time"
    )
    add_shared(parser, "baselines", "json", "quiet")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError, RequestError."""
    model = model_request(options, CONFIGS)
    releases = (options.from_, *options.release, options.to_)
    twice = next((one for one in releases if releases.count(one) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice} is named twice: name each release once")
    fixed = options.fixed_reference or options.from_
    sides = releases_request(options, options.from_, options.to_, (*options.release, fixed), gpu=model.gpu)
    output = resumed_folder(options, "survey", *REPORTS)
    return Request(
        model=model,
        sides=sides,
        between=tuple(options.release),
        fixed=fixed,
        extent=extent_request(options, every_metric=True),
        output=output,
        telling=telling(options),
        cluster=cluster_request(options),
    )


def run(asked: Request) -> int:
    """Returns 0 where all that was asked for was measured, whatever it came to; 3 where something is missing, and 4
    where nothing could be measured.

    Raises CorpusError, RequestError, BuildError, ClusterError, FormatError, MarginsError, OSError.
    """
    standards = read_folder(asked.telling.baselines)
    plans = asked.model.plans()
    with (
        cluster_hosts(asked.cluster, timed=asked.extent.speed) as hosts,
        timing(timed=asked.extent.speed and not hosts) as disturbed,
    ):
        _Measuring(asked, plans, standards, disturbed).run(hosts)
    page = shlex.join(("tfgate", "report", str(asked.output), *baselines_option(asked.telling.baselines)))
    say(f"kept in {asked.output}; `{page}` writes its page")
    return tell_survey(judged_survey(asked.output, standards), json=asked.telling.json)


@dataclasses.dataclass(frozen=True)
class _Job:
    """A comparison of two releases."""

    plan: Plan
    reference: str
    candidate: str


class _Measuring:
    """Measures, in order, the comparisons of a survey that its folder doesn't hold yet."""

    def __init__(self, asked: Request, plans: Sequence[Plan], standards: Standards, disturbed: Sequence[str]) -> None:
        path = asked.output / SURVEY_FILE
        self._asked, self._plans, self._standards, self._disturbed = asked, plans, standards, disturbed
        self._found: dict[_Job, Against] = {}
        self._told: set[_Job] = set()
        self._over: set[_Job] = set()  # each comparison is tried once
        self._keep = keeper(path, begun=asked.extent.resume)
        self._survey = self._resumed(path) if asked.extent.resume else self._begun()
        as_of = dataclasses.replace(asked.sides.as_of, moment=self._survey.as_of)  # that of the survey's beginning
        self._environments = dataclasses.replace(asked.sides, as_of=as_of)
        self._side = functools.cache(self._built)
        self._lock = functools.cache(self._environments.resolved)

    def run(self, hosts: Results | None) -> None:
        """Measures, and keeps after each launch what there is; of what hosts measure, after each comparison."""
        left = self._tell_cost()
        self._keep(self._survey)
        # This host times one comparison at a time, and has one GPU; what a comparison needs is known of tiny.
        known = all(plan.config == "tiny" and not plan.own for plan in self._plans)
        given = hosts or self._asked.extent.speed or self._asked.model.gpu or not known
        with contextlib.nullcontext(hosts) if given else local_hosts(left, room_for(self._plans)) as found:
            if found:
                for job, done in found(self._calls):
                    self._take(job, done)
            else:
                while jobs := self._wanted():
                    self._measure(jobs[0])

    def _wanted(self) -> list[_Job]:
        """Returns what is to be measured by what is known so far: at first, that every release runs."""
        jobs: list[_Job] = []

        def known(plan: Plan, reference: str, candidate: str) -> Against | None:
            job = _Job(plan, reference, candidate)
            if found := self._finished(job):
                return found
            if candidate in self._survey.left_out:
                raise LeftOutError(self._survey.left_out[candidate])
            if job not in self._over:
                jobs.append(job)
            return None

        for plan in self._plans:
            walk(self._survey, functools.partial(known, plan))
        return jobs

    def _measure(self, job: _Job) -> None:
        """Measures a comparison on this host, or leaves its candidate out."""
        self._over.add(job)
        try:
            candidate = self._side(job.candidate)
        except (RequestError, BuildError) as error:
            self._leave_out(job.candidate, one_line(str(error)))
            return
        sides = {REFERENCE: self._side(job.reference), CANDIDATE: candidate}
        warnings = (*side_warnings(sides), *self._disturbed)
        self._extent(job).measure(job.plan, self._path(job), sides, self._standards, warnings)

    def _built(self, release: str) -> Side:
        """Returns a release's environment. Raises RequestError, BuildError, and UsageError unless it is the one that
        finished comparisons had.
        """
        side = self._environments.one(SideRequest(release))
        for job, found in self._found.items():
            for one in (found.run.reference, found.run.candidate):
                if one.requested == release:
                    require_same(self._path(job), one, side)
        return side

    def _calls(self) -> "dict[_Job, Call]":
        """Returns the calls of what hosts are to measure, without candidates that can't be had."""
        jobs = self._wanted()
        for job in jobs:
            try:
                self._lock(job.candidate)
            except (RequestError, BuildError) as error:
                self._leave_out(job.candidate, one_line(str(error)))
                return self._calls()  # other comparisons are wanted now
        return {job: self._call(job) for job in jobs}

    def _call(self, job: _Job) -> "Call":
        sent = {release: self._lock(release) for release in (job.candidate, job.reference)}
        sides, files = dataclasses.replace(self._environments, sent=sent), {job.plan.workload: job.plan.fingerprint}
        building = Building.of(self._asked.model, sides, files)
        extent = dataclasses.replace(self._extent(job), resume=False)
        standards = dataclasses.replace(self._standards, baselines={})
        return compare, (SurveyJob(building, job.plan.name, job.reference, job.candidate, extent, standards),)

    def _take(self, job: _Job, done: "Done") -> None:
        """Keeps what a host has measured, and leaves out a candidate that it can't have.

        Of anything else that fails nobody knows whose fault it is: that comparison is given up, and no other.
        """
        self._over.add(job)
        lacking = done.files.get(LACKING_FILE, b"").decode()
        if not done.problem:
            write_text(self._path(job), done.files[PAIRED_FILE].decode(), replace=True)
        elif lacking == self._survey.reference:
            raise RequestError(done.problem)
        elif lacking == job.candidate:
            self._leave_out(lacking, done.problem)
        else:
            say(f"given up: {job.plan.name}: {job.candidate} against {job.reference}: {done.problem}")

    def _begun(self) -> Survey:
        asked, sides = self._asked, self._asked.sides
        first, last = sides.reference.what, sides.candidate.what
        between = asked.between
        if not between:
            try:
                between = tuple(newest_patches(sides.between(), last))
            except UnlistedError as error:
                say(f"{error}; without, these two alone are compared")
        survey = Survey(
            schema=SCHEMA,
            created=now(),
            command=tuple(asked.extent.command_line),
            releases=(first, *between, last),
            reference=asked.fixed,
            plans=tuple(plan.name for plan in self._plans),
            as_of=sides.as_of.moment,
            numerics=asked.extent.numerics,
            speed=asked.extent.speed,
            left_out={},
        )
        require_sound(survey)
        return survey

    def _resumed(self, path: Path) -> Survey:
        """Returns a survey that was begun; releases that couldn't be had are tried again."""
        survey = read_survey(path)
        require_same_command(path, survey.command, self._asked.extent.command_line)
        return dataclasses.replace(survey, left_out={})

    def _tell_cost(self) -> int:
        """Returns how many comparisons are left."""
        survey, extent = self._survey, self._asked.extent
        planned = [_Job(plan, *pair) for plan in self._plans for pair in survey.planned()]
        left = [job for job in planned if not self._stored(job)]
        cost = "numbers alone, no launch is timed"
        if extent.speed:
            cost = f"about {minutes(len(left) * extent.budget_minutes)} of launches at most, "
            cost += f"{extent.budget_minutes:g} for each, plus the time to build environments"
            cost += " and to compare numbers" if extent.numerics else ""
        say(f"{', '.join(survey.releases)}; each against the one before it, and against {survey.reference}")
        done = f", {len(planned) - len(left)} of them done" if len(left) < len(planned) else ""
        say(f"{Count(len(planned)):comparison}{done}: {cost}")
        return len(left)

    def _finished(self, job: _Job) -> Against | None:
        """Returns a comparison that was measured to its end, with its verdict, which it says once."""
        found = self._stored(job)
        if found and job not in self._told:
            self._told.add(job)
            say(f"{job.plan.name}: {job.candidate} against {job.reference}: {found.verdict.outcome.value}")
        return found

    def _stored(self, job: _Job) -> Against | None:
        if job not in self._found:
            folder = self._asked.output
            found = stored(folder, self._survey, job.plan.name, self._standards, job.reference, job.candidate)
            if not found or found.run.incomplete:
                return None
            require_same_file(self._path(job), job.plan, found.run.records)
            if not self._asked.cluster:
                require_same_variables(self._path(job), job.plan, found.run)
            self._found[job] = found
        return self._found[job]

    def _extent(self, job: _Job) -> Extent:
        return dataclasses.replace(self._asked.extent, command_line=self._upgrade(job))

    def _upgrade(self, job: _Job) -> tuple[str, ...]:
        """Returns the command that measures a comparison by itself."""
        _, _, *words = words_without(self._survey.command, OF_A_SURVEY, ALONE)
        config = () if job.plan.own else ("--config", job.plan.config)
        # Without, a report tells the moment that its sides were built as of, if the index has any.
        as_of = () if self._asked.sides.as_of.present else ("--as-of", self._survey.as_of or "release")
        sides = ("--from", job.reference, "--to", job.candidate)
        return ("tfgate", "upgrade", *sides, *words, "--workload", job.plan.workload, *config, *as_of)

    def _leave_out(self, release: str, why: str) -> None:
        say(f"left out: {release}: {why}")
        self._survey = dataclasses.replace(self._survey, left_out=self._survey.left_out | {release: why})
        self._keep(self._survey)

    def _path(self, job: _Job) -> Path:
        return self._asked.output / self._survey.plan_folder(job.reference, job.candidate, job.plan.name) / PAIRED_FILE
