"""Measures how often the gate, or lockstep, alarms where nothing is wrong (docs/clean.md).

python -m experiments.clean. Launches are those of experiments/faults.py, without a fault: every interpreter, oneDNN on
and off, one thread and two, both corpora, three times with initial weights of their own. The suite's own judge compares
each with the stored baselines. A lockstep comparison of each interpreter with the last one follows. With --records,
measurements are kept as they come, and kept ones are not measured again.
"""

import argparse
import dataclasses
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.commands.stored import baselines_folder, read_folder
from bench.drive.lockstep import run_lockstep
from bench.drive.plan import Plan
from bench.drive.process import WorkerError
from bench.judge import metrics
from bench.judge.gate import Standards, judge_run
from bench.judge.lockstep import judge_lockstep
from bench.judge.types import Comparison
from bench.record.files import read_record, write_record
from bench.record.lockstep import Lockstep
from bench.record.paired import CANDIDATE, REFERENCE, Side
from bench.record.types import SCHEMA, Record, Run
from bench.report.sentences import sentence, why
from bench.report.values import percent
from bench.stats.outcome import Outcome
from experiments.kept import add_corpus_path, add_records, bounded, corpora_at_hand, kept_launch
from experiments.markdown import fill, folded, table
from tests.faults.trial import PLAN

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "clean.md"
THREADS = (1, 2)
REPEATS = 3  # of each setting
COMPARISON_PLAN = dataclasses.replace(PLAN, steps=300, threads=2)
ONEDNN_ON = {"TF_ENABLE_ONEDNN_OPTS": "1"}
TRAINING, NUMERICS, RETRACES = metrics.TRAINING.name, metrics.NUMERICS.name, metrics.RETRACES.name
PERPLEXITY, LOCKSTEP = metrics.PERPLEXITY, metrics.LOCKSTEP.name
CHECKS = (TRAINING, NUMERICS, RETRACES, PERPLEXITY, LOCKSTEP)  # times and memory are not judged: the machine was shared

MEASURED = """`tox run -e clean` measured ({machine}):

- {runs} launches of tiny without a fault ({steps} steps, `cells`, {corpora} corpus), oneDNN on and off, on one thread
  and on two, each {repeats} times, over TensorFlow {versions};
- {comparisons} lockstep comparisons of {lockstep_steps} steps with {reference}.
"""


@dataclasses.dataclass(frozen=True)
class Kept:
    """A lockstep comparison as a file."""

    schema: int
    sides: tuple[str, str]  # interpreters of reference and candidate
    result: Lockstep


@dataclasses.dataclass(frozen=True)
class Judged:
    """A launch, or a lockstep comparison, and what the judge says of it."""

    setting: tuple[str, ...]  # TensorFlow, corpus, oneDNN, threads; TensorFlow alone of a lockstep comparison
    comparisons: tuple[Comparison, ...]
    largest: float | None = None  # of the oracle's limits, the largest share that an error takes; updates left out
    machine: str = ""  # the processor; of a lockstep comparison, which doesn't tell it, ""

    def by(self, check: str) -> Comparison | None:
        """Returns what that check says, if it says anything."""
        return next((comparison for comparison in self.comparisons if comparison.metric.name == check), None)

    @property
    def alarmed(self) -> bool:
        """Returns whether any check raised an alarm."""
        return any(comparison.outcome is Outcome.REGRESSION for comparison in self.comparisons)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if nothing alarmed, 1 if something did, 4 if a measurement failed."""
    options = _parser().parse_args(arguments)
    standards = read_folder(baselines_folder(None))
    launches, apart = [], []
    try:
        for (python, plan, onednn), repeat in itertools.product(
            settings(options.python, options.corpus_path), range(REPEATS)
        ):
            record = kept_launch(python, plan, onednn, options.records and options.records / "launches", repeat)
            launches.append(_told(judged_launch(record, standards)))
        for python in options.python:
            apart.append(_told(judged_lockstep(kept_lockstep(options.python[-1], python, options.records))))
    except (ValueError, WorkerError, OSError) as error:
        print(f"clean: error: {error}", file=sys.stderr)
        return 4
    fill(Path(options.output), report(launches, apart))
    return 1 if any(one.alarmed for one in (*launches, *apart)) else 0


def settings(pythons: Sequence[str], corpus_path: str | None) -> Iterator[tuple[str, Plan, int]]:
    """Yields (interpreter, plan, whether oneDNN is on) of each setting."""
    for python, corpus in itertools.product(pythons, corpora_at_hand(corpus_path)):
        for onednn, threads in itertools.product((1, 0), THREADS):
            path = corpus_path if corpus == "ptb" else None
            yield python, dataclasses.replace(PLAN, corpus=corpus, corpus_path=path, threads=threads), onednn


def kept_lockstep(reference: str, candidate: str, folder: Path | None) -> Lockstep:
    """Returns the comparison, from the folder's `lockstep` if it was kept there.

    Raises WorkerError where the reference fails.
    """
    sides = (reference, candidate)
    paths = folder.glob("lockstep/*.json") if folder else ()
    kept = next((one for one in (read_record(Kept, path) for path in sorted(paths)) if one.sides == sides), None)
    if kept:
        return kept.result
    both = {REFERENCE: Side(reference, reference, ONEDNN_ON), CANDIDATE: Side(candidate, candidate, ONEDNN_ON)}
    result = run_lockstep(COMPARISON_PLAN, both)
    if folder:
        versions = "-".join(
            environment.tensorflow if environment else "none" for environment in (result.reference, result.candidate)
        )
        write_record(folder / "lockstep" / f"{versions}.json", Kept(SCHEMA, sides, result))
    return result


def judged_launch(record: Record, standards: Standards) -> Judged:
    """Returns what `tfgate gate` says of the launch, times and memory apart.

    Raises ValueError for one that wasn't measured.
    """
    verdict = judge_run(Run(SCHEMA, record.started, (), (record,), ()), standards)
    if verdict.failures or not record.environment:
        raise ValueError(
            "; ".join(map(sentence, verdict.failures)) or f"{record.subject.name}: the launch has no environment"
        )
    environment = record.environment
    setting = (
        environment.tensorflow,
        record.subject.corpus,
        "on" if environment.onednn else "off",
        str(environment.threads),
    )
    comparisons = tuple(comparison for comparison in verdict.comparisons if comparison.metric.name in CHECKS)
    # Of an update nearly all is the rounding of the weights, which takes the same share everywhere.
    others = (error.used for error in record.numerics if error.quantity != "update")
    return Judged(setting, comparisons, max(others, default=None), record.machine.cpu_model)


def judged_lockstep(result: Lockstep) -> Judged:
    """Returns what `tfgate lockstep` says of the comparison."""
    return Judged((result.candidate.tensorflow if result.candidate else "–",), (judge_lockstep(result),))


def report(launches: Sequence[Judged], apart: Sequence[Judged]) -> dict[str, str]:
    """Returns what the page says, by its place: of what was measured, alarms, counts by check, each measurement."""
    alarmed, departed = (sum(one.alarmed for one in side) for side in (launches, apart))
    measured = MEASURED.format(
        machine="; ".join(dict.fromkeys(one.machine for one in launches)),
        runs=len(launches),
        steps=PLAN.steps,
        repeats=REPEATS,
        corpora=" and ".join(dict.fromkeys(one.setting[1] for one in launches)),
        versions=", ".join(dict.fromkeys(one.setting[0] for one in launches)),
        comparisons=len(apart),
        lockstep_steps=COMPARISON_PLAN.steps,
        reference=apart[-1].setting[0],
    )
    alarms = [
        f"- **{alarmed} of {len(launches)} launches alarmed**{_bound(alarmed, len(launches))}",
        f"- **{departed} of {len(apart)} lockstep comparisons alarmed**{_bound(departed, len(apart))}",
    ]
    everything = [*launches, *apart]
    judged = [check for check in CHECKS if any(one.by(check) for one in everything)]
    counts = table(
        [_counts(check, everything) for check in judged], ["check", "judged", "PASS", "alarms", "INCONCLUSIVE"]
    )
    alike = itertools.groupby(launches, key=lambda one: one.setting)
    each = table(
        [[*setting, *(", ".join(column) for column in zip(*map(_columns, of), strict=True))] for setting, of in alike],
        [
            "TensorFlow",
            "corpus",
            "oneDNN",
            "threads",
            "largest error but an update's, of the oracle's limit",
            PERPLEXITY,
        ],
    )
    lockstep = table(
        [[*one.setting, _lockstep_share(one)] for one in apart],
        ["candidate", "largest difference, of lockstep's limit"],
    )
    return {
        "measured": measured,
        "alarms": "\n".join(alarms),
        "by check": "\n".join([counts, "", *_exceptions(everything), each, "", lockstep]),
    }


def _bound(alarms: int, count: int) -> str:
    """Returns what no alarm at all shows."""
    return "." if alarms else f"; {bounded(alarms, count)}"


def _counts(check: str, judged: Iterable[Judged]) -> list[str]:
    """Returns a row: how often the check said what. Of training the judge speaks only where it diverged."""
    outcomes = [comparison.outcome for one in judged if (comparison := one.by(check))]
    counted = (outcomes.count(outcome) for outcome in (Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE))
    return [check, str(len(outcomes)), *map(str, counted)]


def _exceptions(judged: Iterable[Judged]) -> list[str]:
    """Returns a line for each check that didn't pass, and an empty one after them."""
    failed = [
        (one, comparison) for one in judged for comparison in one.comparisons if comparison.outcome is not Outcome.PASS
    ]
    lines = [
        folded(f"- {', '.join(one.setting)}: {found.metric.name}: {found.outcome.value}: {why(found)}")
        for one, found in failed
    ]
    return [*lines, ""] if lines else []


def _columns(one: Judged) -> tuple[str, str]:
    """Returns the largest share of the oracle's limit, and the perplexity's difference from the baseline's."""
    found = one.by(PERPLEXITY)
    difference = percent(found.interval.estimate) if found and found.interval else "–"
    return "–" if one.largest is None else f"{one.largest:.0%}", difference


def _lockstep_share(one: Judged) -> str:
    """Returns how much of its limit the difference takes that comes nearest to it."""
    found = one.by(LOCKSTEP)
    if found is None or found.candidate is None or not found.reference:
        return "–"
    return f"{found.candidate / found.reference:.0%}"


def _told(judged: Judged) -> Judged:
    outcomes = (f"{found.metric.name} {found.outcome.value}" for found in judged.comparisons)
    print(", ".join(judged.setting), *outcomes, sep=" | ", file=sys.stderr, flush=True)
    return judged


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.clean", description=__doc__)
    parser.add_argument(
        "--python",
        action="append",
        required=True,
        metavar="INTERPRETER",
        help="may be repeated; the last is lockstep's reference",
    )
    add_corpus_path(parser)
    add_records(parser)
    parser.add_argument("--output", default=str(OUTPUT), metavar="FILE", help="default: docs/clean.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
