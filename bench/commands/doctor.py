"""`tfgate doctor`: shows what this machine and environment are, and what would disturb a measurement."""

import argparse
import dataclasses
import sys

from tabulate import tabulate

from bench.commands.messages import print_json
from bench.commands.options import add_shared
from bench.drive.doctor import Finding, disturbances, examine, python_finding
from bench.drive.patience import alone
from bench.drive.process import Worker, WorkerError
from bench.machine import this_machine
from bench.record.codec import to_plain
from bench.record.replies import Description
from bench.record.types import Environment, Machine
from bench.stats.outcome import FAILED_CODE

EXAMPLES = """\
tfgate doctor
tfgate doctor --python .venv/bin/python --require gpu"""


@dataclasses.dataclass(frozen=True)
class Request:
    """The environment that is examined, if any, and whether it needs a GPU."""

    python: str | None  # None: the machine alone
    gpu: bool  # it must be there
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "--python", metavar="INTERPRETER", help="an environment to look at as well (default: the machine alone)"
    )
    parser.add_argument("--require", choices=("gpu",), help="fail if it is missing")
    add_shared(parser, "json")


def request(options: argparse.Namespace) -> Request:
    """Makes the request."""
    return Request(options.python, options.require == "gpu", options.json)


def run(asked: Request) -> int:
    """Returns 0; 4 if the named interpreter has no TensorFlow that works, or the GPU that is required isn't there."""
    findings, machine, environment, problem = examine(), this_machine(), None, ""
    if asked.python:
        try:
            with Worker(asked.python, "tensorflow", "gpu" if asked.gpu else "cpu:0") as worker:
                environment = alone().request(worker, Description, "describe").environment
            findings += (python_finding(environment.python),)
        except WorkerError as error:
            problem = str(error)
    if asked.json:
        print_json([_plain(machine, environment, findings, problem)])
    else:
        print(_table(machine, environment, findings))
        warnings = [f"warning: {line}" for line in disturbances(findings)]
        print("\n".join(warnings) or "nothing was found that disturbs a measurement")
    missing = "--require gpu: there is no GPU on this machine" if asked.gpu and not machine.gpu else ""
    for line in filter(None, (missing, problem)):
        print(f"tfgate: error: {line}", file=sys.stderr)
    return FAILED_CODE if problem or missing else 0


def _plain(
    machine: Machine, environment: Environment | None, findings: tuple[Finding, ...], problem: str
) -> dict[str, object]:
    return {
        "machine": to_plain(machine),
        "fingerprint": machine.fingerprint(),
        "environment": to_plain(environment),
        "findings": to_plain(findings),
        "problem": problem,
    }


def _table(machine: Machine, environment: Environment | None, findings: tuple[Finding, ...]) -> str:
    rows = [*({**to_plain(machine), "fingerprint": machine.fingerprint()}).items()]
    rows += [
        (name, value) for name, value in (to_plain(environment) or {}).items() if name not in ("variables", "python")
    ]
    rows += [(finding.name, finding.found) for finding in findings]
    rows = [(name.replace("_", " "), "none" if name == "gpu" and not value else value) for name, value in rows]
    table: str = tabulate([row for row in rows if row[1] != ""], tablefmt="plain", disable_numparse=True)
    return table
