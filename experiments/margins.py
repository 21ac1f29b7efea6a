"""Measures how near launches without a fault come to the oracle's limits (docs/numerics.md).

python -m experiments.margins: every interpreter, implementation and configuration, oneDNN on and off, on one thread and
on two. Nothing is wrong in any of these launches, so none may alarm. With --records, launches are kept as they come,
and kept launches are not measured again.
"""

import argparse
import itertools
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.drive.plan import Plan
from bench.drive.process import WorkerError
from bench.record.files import read_record
from bench.record.types import STRESS, NumericError, Record, Run
from experiments.kept import (
    add_corpus_path,
    add_records,
    alarms,
    bounded,
    corpora_at_hand,
    kept_launch,
    largest,
    machines,
    setting,
    subject,
    version,
    versions_of,
)
from experiments.markdown import fill, folded, table
from lm.config import CONFIGS, IMPLEMENTATIONS

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "numerics.md"
# (Most parameters, steps of a launch, counts of TensorFlow's threads) of a configuration, from the smallest on: one
# thread alone would take large (66 million parameters) minutes.
PLANS = ((100_000, 60, (1, 2)), (10_000_000, 12, (1, 2)), (30_000_000, 4, (2,)), (math.inf, 2, (2,)))

PLACE = "python -m experiments.margins"
HEAD = """
Measured by `tox run -e margins`:

- Machine: {machine}.
- TensorFlow: {versions}.
- Corpus: {corpora}.
{plans}

Each launch has its stress steps, and its own 1-ulp perturbation of the initial weights.

**{alarms} of {launches} alarmed**; {bound}

This table has the largest error / limit of each version, and then the largest error itself. Training steps and stress
steps have rows of their own, since the latter include cancellations that no float32 computation does better:
"""
BY_CONFIGURATION = (
    "The largest error / limit by configuration: for training steps by quantity, for all stress steps together."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if no launch alarmed, 1 if one did, 4 if one failed."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.python and not options.kept:
        parser.error("name an interpreter by --python, or a folder of launches by --kept")
    if options.kept and options.kept == options.records:
        parser.error("--kept and --records are one folder, whose launches would count twice")
    try:
        records = list(_records(options))
    except (ValueError, WorkerError, OSError) as error:
        print(f"margins: error: {error}", file=sys.stderr)
        return 4
    fill(Path(options.output), {PLACE: report(records)})
    return 1 if alarms(records) else 0


def _records(options: argparse.Namespace) -> Iterator[Record]:
    """Yields the launches of --kept, then those that are measured. Raises ValueError for one that failed."""
    for path in sorted(options.kept.glob("*.json")) if options.kept else ():
        yield _measured(read_record(Run, path).records[0], str(path))
    for python, plan, onednn in _settings(options):
        record = _measured(kept_launch(python, plan, onednn, options.records), f"{plan.config} in {python}")
        worst = max(record.numerics, key=lambda error: error.used)
        said = (version(record), record.subject.name, setting(record), f"{worst.used:.3f}", worst)
        print(*said, sep=" | ", file=sys.stderr)
        yield record


def _measured(record: Record, where: str) -> Record:
    if record.failure:
        raise ValueError(f"{where}: {record.failure.message}")
    return record


def _settings(options: argparse.Namespace) -> Iterator[tuple[str, Plan, int]]:
    """Yields (interpreter, plan, whether oneDNN is on) of each launch."""
    corpora = options.corpus or corpora_at_hand(options.corpus_path)
    chosen = options.python, options.implementation or IMPLEMENTATIONS, options.config or CONFIGS, corpora
    for python, implementation, config, corpus in itertools.product(*chosen) if options.python else ():
        path = options.corpus_path if corpus == "ptb" else None
        steps, thread_counts = launch_plan(config)
        for onednn, threads in itertools.product((1, 0), options.threads or thread_counts):
            yield python, Plan(config, steps, corpus, path, implementation, threads=threads, speed=False), onednn


def launch_plan(config: str) -> tuple[int, tuple[int, ...]]:
    """Returns (steps, thread counts) of a configuration's launches: the more parameters, the fewer of both."""
    parameters = CONFIGS[config].parameter_count()
    return next((steps, threads) for most, steps, threads in PLANS if parameters <= most)


def report(records: Sequence[Record]) -> str:
    """Returns what was measured: a row for each quantity and a column for each TensorFlow; then a row for each
    configuration.
    """
    versions = versions_of(records)
    alarmed = sum(bool(alarms([record])) for record in records)
    head = HEAD.format(
        machine=machines(records),
        launches=len(records),
        versions=", ".join(versions),
        plans="\n".join(_plans(records)),
        corpora=" and ".join(dict.fromkeys(record.subject.corpus for record in records)),
        alarms=alarmed,
        bound=bounded(alarmed, len(records)),
    )
    rows = [_row(kind, quantity, records, versions) for kind, quantity in _kinds(records)]
    found = table(rows, ["steps", "quantity", *versions, "largest error", "its limit", "where"])
    over = [f"- over its limit: {line}" for line in alarms(records)]
    return "\n".join([head, found, "", BY_CONFIGURATION, "", _by_configuration(records), "", *over])


def _plans(records: Sequence[Record]) -> list[str]:
    """Returns a line for each implementation: "- `cells`: tiny (60 steps; oneDNN on and off; threads 1 and 2), …"."""
    lines: dict[str, list[str]] = {}
    everywhere = {version(record) for record in records}
    groups = itertools.groupby(sorted(records, key=_place), key=_place)
    for (implementation, _, config), group in groups:
        mine = list(group)
        environments = [record.environment for record in mine if record.environment]
        onednn = " and ".join(
            "on" if on else "off" for on in sorted({one.onednn for one in environments}, reverse=True)
        )
        threads = " and ".join(str(count) for count in sorted({one.threads for one in environments}))
        versions = dict.fromkeys(map(version, mine))
        alone = "" if everywhere == set(versions) else f"; TensorFlow {' and '.join(versions)} alone"
        text = f"{config} ({mine[0].subject.steps} steps; oneDNN {onednn}; threads {threads}{alone})"
        lines.setdefault(implementation, []).append(text)
    return [folded(f"- `{implementation}`: {', '.join(texts)}") for implementation, texts in lines.items()]


def _place(record: Record) -> tuple[str, int, str]:
    """Returns a key for the order of tables: implementation, then configuration from the smallest."""
    order = [*CONFIGS]
    config = record.subject.config
    return record.subject.implementation, order.index(config) if config in order else len(order), config


def _by_configuration(records: Sequence[Record]) -> str:
    quantities = [quantity for kind, quantity in _kinds(records) if kind == "training"]
    rows = []
    for (implementation, _, config), group in itertools.groupby(sorted(records, key=_place), key=_place):
        ratios: dict[str, list[float]] = {}
        mine = list(group)
        for error in (error for record in mine for error in record.numerics):
            kind, quantity = _kind(error)
            ratios.setdefault(quantity if kind == "training" else "stress", []).append(error.used)
        cells = [f"{max(ratios[column]):.2f}" if column in ratios else "–" for column in (*quantities, "stress")]
        rows.append([implementation, config, str(len(mine)), *cells])
    return table(rows, ["implementation", "configuration", "launches", *quantities, "stress steps"])


def _kinds(records: Iterable[Record]) -> list[tuple[str, str]]:
    """Returns (training or stress, quantity) in the order of their first."""
    return sorted(
        dict.fromkeys(_kind(error) for record in records for error in record.numerics),
        key=lambda kind: kind[0] != "training",
    )


def _kind(error: NumericError) -> tuple[str, str]:
    return (STRESS if error.source == STRESS else "training"), error.quantity or error.label


def _row(kind: str, quantity: str, records: Sequence[Record], versions: Sequence[str]) -> list[str]:
    mine = [(record, error) for record in records for error in record.numerics if _kind(error) == (kind, quantity)]
    shares, record, worst = largest(mine, versions)
    where = f"{subject(record)}, {setting(record)}: {worst.label} {worst.tensor}".strip()
    return [kind, quantity, *shares, f"{worst.error:.1e}", f"{worst.limit:.1e}", where]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.margins", description=__doc__)
    parser.add_argument(
        "--kept", type=Path, metavar="FOLDER", help="report the launches kept there as well, without measuring them"
    )
    parser.add_argument("--python", action="append", default=[], metavar="INTERPRETER", help="may be repeated")
    parser.add_argument(
        "--implementation", action="append", choices=IMPLEMENTATIONS, help="may be repeated (default: all)"
    )
    parser.add_argument("--config", action="append", choices=tuple(CONFIGS), help="may be repeated (default: all)")
    parser.add_argument(
        "--threads",
        action="append",
        type=int,
        metavar="N",
        help="of TensorFlow; may be repeated (default: 1, 2; medium, large: 2)",
    )
    parser.add_argument(
        "--corpus",
        action="append",
        choices=("synthetic", "ptb"),
        help="may be repeated (default: both, or synthetic without a PTB)",
    )
    add_corpus_path(parser)
    add_records(parser)
    parser.add_argument("--output", default=str(OUTPUT), metavar="FILE", help="default: docs/numerics.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
