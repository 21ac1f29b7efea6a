"""`tfgate export RUN`: a run as pytest-benchmark's JSON."""

import argparse
import json
from pathlib import Path

from bench.commands.stored import read_report
from bench.record.files import write_text
from bench.report.export import export


def main(options: argparse.Namespace) -> int:
    """0; raises ValueError for a run without timed steps, FormatError and OSError."""
    text = json.dumps(export(read_report(options.run)), allow_nan=False, indent=1) + "\n"
    if options.output:
        write_text(Path(options.output), text)
        print(f"written to {options.output}; compare it with others: py.test-benchmark compare {options.output} …")
    else:
        print(text, end="")
    return 0
