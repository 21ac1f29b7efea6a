"""`tfgate bisect`: finds the release that brought a change, by launches of releases in turn with a good one."""

import argparse
import shlex
from collections.abc import Sequence

from bench.commands import blame
from bench.commands.bisect_search import Bisection, Request, search
from bench.commands.clustered import cluster_hosts
from bench.commands.following import answer, follow
from bench.commands.messages import say
from bench.commands.model import model_request
from bench.commands.options import fraction
from bench.commands.resume import is_kept
from bench.commands.searches import CONFIGS, GROWN, add_metric, add_search, search_request, words_going_on
from bench.commands.sides import WHAT, add_index, add_releases, releases_request
from bench.commands.timing import timing
from bench.drive.environments import PINNED
from bench.drive.requests import Interpreter, read_request
from bench.judge.bisect import Answer, Finding
from bench.judge.margins import read_margins
from bench.record.command_lines import TOLD, WITH_VALUE
from bench.report.bisect import launches_json, launches_text, numbers_json, numbers_text
from bench.report.lines import one_line
from bench.stats.bisection import CONFIDENCE
from bench.stats.outcome import EXIT_CODES, Outcome

EXAMPLES = """\
tfgate bisect --good 2.12.1 --bad 2.21.0 --workload predict-call --metric "step time on one core"
tfgate bisect --good 2.15.1 --bad 2.18.1 --release 2.16.2 --release 2.17.1 --metric numbers"""
REPORTS = GROWN
SEARCHING = ("--good", "--bad", "--release", "--confidence", "--budget", *WITH_VALUE)  # options that blame has not


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--good", required=True, metavar="WHAT", help=f"the release before the change: {WHAT}")
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
    add_index(parser)
    parser.add_argument(
        "--blame", action="store_true", help="go on with blame of the release that is found, and with a profile"
    )
    add_search(parser)


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError, RequestError."""
    model = model_request(options, CONFIGS)
    sides = releases_request(options, options.good, options.bad, options.release, gpu=model.gpu)
    shared = vars(search_request(options, "bisect", model, sides))
    return Request(**shared, between=tuple(options.release), confidence=options.confidence, blame=options.blame)


def run(asked: Request) -> int:
    """Returns 0 for an answer, 3 where the launches that the budget allowed give none, or the bad release's numbers are
    inconclusive; of --blame, what that returns.

    Raises CorpusError, RequestError, BuildError, ClusterError, FormatError, MarginsError, OSError.
    """
    timed = asked.timed
    with cluster_hosts(asked.cluster, timed=timed) as hosts, timing(timed=timed and not hosts) as disturbed:
        margins = read_margins(asked.sides.locks.parent / "margins.toml")
        between = asked.between or tuple(asked.sides.between())
        bisection = search(asked, disturbed, between, margins, hosts)
    finding = bisection.finding()
    names = [asked.sides.reference.what, *(release.name for release in bisection.releases)]
    suspect = _blame(asked, bisection, finding, names)
    _tell(asked, bisection, finding, names, shlex.join(suspect))
    if asked.blame and suspect:
        return follow(blame, [*suspect, *_following(asked)])
    if asked.blame and finding.answer is Answer.FOUND:
        say("blame can't take these two apart: it exchanges packages of environments that it builds")
    told = finding.answer not in (Answer.OPEN, Answer.UNDECIDED)
    return EXIT_CODES[Outcome.PASS if told else Outcome.INCONCLUSIVE]


def _tell(asked: Request, bisection: Bisection, finding: Finding, names: Sequence[str], hint: str) -> None:
    """Prints the answer, and keeps it."""
    if asked.timed:
        values, metric = bisection.values(), asked.metric
        plain, text = launches_json(finding, values, metric, names), launches_text(finding, values, metric, names)
    else:
        doubted, compared = bisection.doubted(), [release.compared for release in bisection.releases]
        plain, text = numbers_json(finding, doubted, compared, names), numbers_text(finding, doubted, names)
    left_out = [one_line(f"{name}: {why}") for name, why in bisection.left_out.items()]
    more = [f"left out: {line}" for line in left_out] + ([f"which package: {hint}"] if hint else [])
    instead = bisection.left_out_before(finding.release) if finding.answer is Answer.FOUND and finding.release else []
    if instead:
        more.insert(0, f"or {' or '.join(instead)} brought it, just before, which was left out")
    plain |= {"left_out": left_out, "instead": instead, "blame": hint or None} | bisection.origin()
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
    found = bisection.releases[finding.release - 1].run
    assert found
    words = words_going_on(asked, SEARCHING, found.candidate.as_of)
    return ["tfgate", "blame", "--from", pair[0], "--to", pair[1], *words]


def _following(asked: Request) -> list[str]:
    """Returns the options with which --blame goes on: in a folder below, and where launches are measured."""
    folder = asked.output / "blame"
    where = ["--cluster", asked.cluster] if asked.cluster else ["--profile"]
    resumed = ["--resume"] if is_kept(folder, *blame.REPORTS) else []
    return ["--output", str(folder), *where, *resumed, *(word for word in TOLD if word in asked.command_line)]
