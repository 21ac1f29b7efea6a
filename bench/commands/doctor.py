"""`tfgate doctor`: what this machine and environment are, and what would disturb a measurement."""

import argparse
import json
import sys

from tabulate import tabulate

from bench.drive.doctor import disturbances, examine, python_finding
from bench.drive.patience import alone
from bench.drive.process import Worker, WorkerError
from bench.judge.types import FAILED_CODE
from bench.record.codec import to_plain
from bench.record.machine import this_machine
from bench.record.replies import Description


def main(options: argparse.Namespace) -> int:
    """0; 4 if the interpreter that was named has no TensorFlow that works, or what --require names isn't there."""
    findings = examine()
    machine = this_machine()
    environment, problem = None, ""
    if options.python:
        try:
            with Worker(options.python, "tensorflow", options.require or "cpu:0") as worker:
                environment = alone().request(worker, Description, "describe").environment
            findings += (python_finding(environment.python),)
        except WorkerError as error:
            problem = str(error)
    if options.json:
        print(
            json.dumps(
                {
                    "machine": to_plain(machine),
                    "fingerprint": machine.fingerprint(),
                    "environment": to_plain(environment),
                    "findings": to_plain(findings),
                    "problem": problem,
                }
            )
        )
    else:
        rows = [*({**to_plain(machine), "fingerprint": machine.fingerprint()}).items()]
        rows += [
            (name, value)
            for name, value in (to_plain(environment) or {}).items()
            if name not in ("variables", "python")
        ]
        rows += [(finding.name, finding.found) for finding in findings]
        rows = [(name.replace("_", " "), "none" if name == "gpu" and not value else value) for name, value in rows]
        print(tabulate([row for row in rows if row[1] != ""], tablefmt="plain", disable_numparse=True))
        for line in disturbances(findings):
            print(f"warning: {line}")
    missing = options.require == "gpu" and not machine.gpu
    if missing:
        print("tfgate: error: --require gpu: there is no GPU on this machine", file=sys.stderr)
    if problem:
        print(f"tfgate: error: {problem}", file=sys.stderr)
    return FAILED_CODE if problem or missing else 0
