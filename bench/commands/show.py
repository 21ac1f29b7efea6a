"""`tfgate show`: shows what a report of run, upgrade or gate, a baseline or the ledger holds."""

import argparse
import dataclasses
from typing import TypeAlias

from bench.commands.messages import print_json
from bench.commands.options import add_shared
from bench.commands.stored import judging, read_as
from bench.commands.verdicts import terminal
from bench.record.codec import to_plain
from bench.record.gate import GateRun
from bench.record.ledger import Ledger
from bench.record.paired import PairedRun
from bench.record.types import Baseline, Run
from bench.report.judged import AnyRun
from bench.report.paired import pairs_text
from bench.report.stored import baseline_table, ledger_table, run_table
from bench.report.text import wrapped

EXAMPLES = """\
tfgate show reports/gate
tfgate show baselines/ledger.json"""
Stored: TypeAlias = AnyRun | Baseline | Ledger


@dataclasses.dataclass(frozen=True)
class Request:
    """The file that is shown, and the form of the answer."""

    path: str
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("path", metavar="RUN|BASELINE", help="the folder of a report, or a JSON file of tfgate")
    add_shared(parser, "json")


def request(options: argparse.Namespace) -> Request:
    """Makes the request."""
    return Request(options.path, options.json)


def run(asked: Request) -> int:
    """Prints a table, or the file's JSON, and returns 0. Raises UsageError, FormatError, OSError."""
    kinds: tuple[type[Stored], ...] = (GateRun, PairedRun, Run, Baseline, Ledger)
    stored = read_as(asked.path, kinds, "`tfgate check` judges it, `tfgate report` writes its page")
    with judging(asked.path):
        if asked.json:
            print_json([to_plain(stored)])
        else:
            print(_table(stored, terminal()[0]))
    return 0


def _table(stored: Stored, width: int) -> str:
    if isinstance(stored, GateRun):
        said = [*([stored.speed_problem] if stored.speed_problem else []), *stored.warnings]
        notes = ["\n".join(wrapped(f"warning: {one}", width) for one in said)] if said else []
        return "\n\n".join(
            [run_table(stored.numbers, width), *(pairs_text(run, width) for run in stored.speed), *notes]
        )
    if isinstance(stored, PairedRun):
        return pairs_text(stored, width)
    if isinstance(stored, Ledger):
        return ledger_table(stored)
    return run_table(stored, width) if isinstance(stored, Run) else baseline_table(stored)
