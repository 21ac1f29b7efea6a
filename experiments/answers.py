"""Measures how near workloads' answers come to their limits where nothing is wrong (docs/workloads.md).

python -m experiments.answers: every interpreter, every workload whose numbers are answers to cases (but one from which
Keras 3 departs), tiny and notebook, oneDNN on and off, each with draws of its own. With --records, launches are kept as
they come, and kept launches are not measured again.
"""

import argparse
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.commands.model import ModelRequest
from bench.drive.plan import Plan
from bench.drive.process import WorkerError
from bench.record.types import Record
from experiments.kept import add_records, alarms, bounded, kept_launch, largest, machines, versions_of
from experiments.markdown import fill, paragraph, table
from lm.workloads.registry import names

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "workloads.md"
PLACE = "python -m experiments.answers"
DRAWS = {"tiny": 3, "notebook": 1}  # launches of each setting
DEPARTS = "optimizers-twice"  # from the oracle in Keras 3, as docs/releases.md says

HEAD = """{machine}; TensorFlow {versions}; oneDNN on and off; of each setting {draws}. Each launch draws its own start.
**{alarmed} of {launches} alarmed**; {bound} A row has the largest error of a workload's answers, in shares of its
limit:
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if no launch alarmed, 1 if one did, 4 if one failed."""
    options = _parser().parse_args(arguments)
    try:
        records = list(_records(options.python, options.records))
    except (ValueError, WorkerError, OSError) as error:
        print(f"answers: error: {error}", file=sys.stderr)
        return 4
    fill(Path(options.output), {PLACE: report(records)})
    return 1 if alarms(records) else 0


def plans() -> list[Plan]:
    """Returns the plan of each workload that answers cases as the oracle does, in each configuration that it has."""
    workloads = tuple(name for name in names() if name != DEPARTS)
    request = ModelRequest(tuple(DRAWS), "synthetic", None, "cells", "cpu:0", 0, workloads)
    return [plan for plan in request.plans(speed=False) if plan.answers]


def _records(pythons: Sequence[str], folder: Path | None) -> Iterator[Record]:
    """Yields the launches. Raises ValueError for one that failed."""
    for plan, python, onednn in itertools.product(plans(), pythons, (1, 0)):
        for draw in range(DRAWS[plan.config]):
            record = kept_launch(python, plan, onednn, folder, draw)
            if record.failure:
                raise ValueError(f"{plan.name} in {python}: {record.failure.message}")
            worst = max(record.numerics, key=lambda error: error.used)
            print(record.subject.name, f"oneDNN {onednn}", f"{worst.used:.3f}", worst, sep=" | ", file=sys.stderr)
            yield record


def report(records: Sequence[Record]) -> str:
    """Returns a row for each workload, a column for each TensorFlow, and where its largest share was."""
    versions = versions_of(records)
    rows = []
    for workload, group in itertools.groupby(records, key=lambda record: record.subject.workload):
        mine = [(record, error) for record in group for error in record.numerics]
        shares, record, worst = largest(mine, versions)
        where = f"{record.subject.config}: {worst.label} {worst.tensor}".strip()
        launches = len({id(one) for one, _ in mine})
        rows.append([f"`{workload}`", str(launches), *shares, where])
    draws = " and ".join(f"{count} of {config}" for config, count in DRAWS.items())
    alarmed = sum(bool(alarms([record])) for record in records)
    head = HEAD.format(
        machine=machines(records),
        versions=", ".join(versions),
        draws=draws,
        alarmed=alarmed,
        launches=len(records),
        bound=bounded(alarmed, len(records)),
    )
    over = [f"- over its limit: {line}" for line in alarms(records)]
    return "\n".join([paragraph(head), "", table(rows, ["workload", "launches", *versions, "where"]), "", *over])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.answers", description=__doc__)
    parser.add_argument("--python", action="append", required=True, metavar="INTERPRETER", help="may be repeated")
    add_records(parser)
    parser.add_argument("--output", default=str(OUTPUT), metavar="FILE", help="default: docs/workloads.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
