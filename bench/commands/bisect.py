"""`tfgate bisect`: finds the release that brought a change, by launches of releases in turn with a good one."""

import argparse
import shlex
from collections.abc import Sequence

from bench.commands import blame
from bench.commands.bisect_search import Bisection, Request
from bench.commands.clustered import add_cluster, cluster_hosts, cluster_request
from bench.commands.following import answer, follow
from bench.commands.growing import GROWN, add_metric
from bench.commands.messages import say
from bench.commands.model import add_model, add_workload, model_request
from bench.commands.options import add_budget, add_output, add_shared, fraction
from bench.commands.resume import as_begun, is_kept, resumed_folder
from bench.commands.sides import RELEASE, add_index, add_releases, releases_request
from bench.commands.timing import timing
from bench.commands.usage import UsageError
from bench.drive.environments import PINNED, releases_between
from bench.drive.mixed import differing
from bench.drive.requests import Interpreter, RequestError, read_request
from bench.judge.bisect import NUMBERS, Answer, Finding
from bench.judge.margins import read_margins
from bench.record.command_lines import ALONE, TOLD, WITH_VALUE, words_without
from bench.report.bisect import launches_json, launches_text, numbers_json, numbers_text
from bench.report.lines import one_line
from bench.stats.bisection import CONFIDENCE
from bench.stats.outcome import EXIT_CODES, Outcome

EXAMPLES = """\
tfgate bisect --good 2.12.1 --bad 2.21.0 --workload predict-call --metric "step time on one core"
tfgate bisect --good 2.15.1 --bad 2.18.1 --release 2.16.2 --release 2.17.1 --metric numbers"""
CONFIGS = ("tiny",)
REPORTS = GROWN
BUDGET_MINUTES = 60.0
SEARCHING = ("--good", "--bad", "--release", "--confidence", "--budget", *WITH_VALUE)  # options that blame has not


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
    parser.add_argument(
        "--blame", action="store_true", help="go on with blame of the release that is found, and with a profile"
    )
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
        as_begun(options, sides, output, *REPORTS),
        tuple(options.release),
        options.metric,
        options.confidence,
        options.budget,
        output,
        options.resume,
        options.json,
        options.command_line,
        cluster_request(options),
        options.blame,
    )


def run(asked: Request) -> int:
    """Returns 0 for an answer, 3 where the launches that the budget allowed give none; of --blame, what that returns.

    Raises CorpusError, RequestError, BuildError, ClusterError, FormatError, MarginsError, OSError.
    """
    timed = asked.metric != NUMBERS
    with cluster_hosts(asked.cluster, timed=timed) as hosts, timing(timed=timed and not hosts) as disturbed:
        margins = read_margins(asked.sides.locks.parent / "margins.toml")
        bisection = Bisection(asked, _between(asked), margins, disturbed)
        finding = bisection.search_on(hosts) if hosts else bisection.search()
    names = [asked.sides.reference.what, *(release.name for release in bisection.releases)]
    suspect = _blame(asked, bisection, finding, names)
    _tell(asked, bisection, finding, names, shlex.join(suspect))
    if asked.blame and suspect:
        return follow(blame, [*suspect, *_following(asked)])
    if asked.blame and finding.answer is Answer.FOUND:
        say("blame can't take these two apart: it exchanges packages of environments that it builds, of one TensorFlow")
    return EXIT_CODES[Outcome.INCONCLUSIVE if finding.answer is Answer.OPEN else Outcome.PASS]


def _between(asked: Request) -> tuple[str, ...]:
    """Returns the releases between the good one and the bad one. Raises RequestError."""
    sides = asked.sides
    good, bad = sides.reference.what, sides.candidate.what
    listed = asked.between or releases_between(good, bad, sides.as_of, python=sides.python_version, gpu=sides.gpu)
    return tuple(listed)


def _tell(asked: Request, bisection: Bisection, finding: Finding, names: Sequence[str], hint: str) -> None:
    """Prints the answer, and keeps it."""
    releases, metric = bisection.releases, asked.metric
    if metric == NUMBERS:
        wrong, compared = bisection.wrong(), [release.compared for release in releases]
        plain, text = numbers_json(finding, wrong, compared, names), numbers_text(finding, wrong, names)
    else:
        search = bisection.values()
        plain, text = launches_json(finding, search, metric, names), launches_text(finding, search, metric, names)
    left_out = [one_line(f"{name}: {why}") for name, why in bisection.left_out.items()]
    more = [f"left out: {line}" for line in left_out] + ([f"which package: {hint}"] if hint else [])
    plain |= {"left_out": left_out, "blame": hint or None} | bisection.origin()
    answer(asked.output, "\n".join([text, *more]), plain, as_json=asked.json)


def _blame(asked: Request, bisection: Bisection, finding: Finding, names: Sequence[str]) -> list[str]:
    """Returns the command that takes the change of the release found apart, with the index as it was read here; none
    where none can.
    """
    if finding.answer is not Answer.FOUND or finding.release is None:
        return []
    pair = names[finding.release - 1 : finding.release + 1]
    if any(isinstance(read_request(what), Interpreter) for what in pair if what != PINNED):
        return []
    runs = [one.run for one in bisection.releases[: finding.release]]
    found, before = runs[-1], runs[-2] if finding.release > 1 else None
    assert found  # as the one before, unless that is the good one
    try:
        differing(before.candidate if before else found.reference, found.candidate)
    except RequestError:  # two packages, which can't be exchanged
        return []
    moment = found.candidate.as_of if asked.sides.as_of.present else ""
    rest = words_without(asked.command_line[2:], (*SEARCHING, *(["--as-of"] if moment else [])), ALONE)
    return ["tfgate", "blame", "--from", pair[0], "--to", pair[1], *rest, *(["--as-of", moment] if moment else [])]


def _following(asked: Request) -> list[str]:
    """Returns the options with which --blame goes on: in a folder below, and where launches are measured."""
    folder = asked.output / "blame"
    where = ["--cluster", asked.cluster] if asked.cluster else ["--profile"]
    resumed = ["--resume"] if is_kept(folder, *blame.REPORTS) else []
    return ["--output", str(folder), *where, *resumed, *(word for word in TOLD if word in asked.command_line)]
