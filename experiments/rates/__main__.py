"""Measures how often verdicts are right, where the right one is known: docs/error-rates-measured.md.

python -m experiments.rates measure --python COPY --python COPY… measures what experiments/data/rates.json lacks, and
adds each run when it is over: it can be stopped and started again. A run is a command of tfgate, with its default
margins, of two copies of one environment (copied, not linked) that are drawn for it, or of two releases; its launches
are none of the pilot's. Faults of a known size are injected into the candidate, of which the judge knows nothing.
With `--cluster` the hosts of a Dask scheduler measure: each has the copies under the same paths, does nothing else, and
has its worker started in this checkout.
`… take FILE…` adds what other stores have, such as those of the nightly (docs/ci-here.md). `… predict` simulates what
was measured (a minute), and `… table` fills the document.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from bench.record.files import write_record, write_text
from experiments.markdown import fill
from experiments.pilot import LEAST_COPIES
from experiments.rates import figure, predictions
from experiments.rates.cells import CELLS
from experiments.rates.document import OUTPUT, made
from experiments.rates.measure import measure
from experiments.rates.store import missing, read_store, take


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, and prints how many runs are missing; or takes runs over; or simulates; or fills the document."""
    parser = argparse.ArgumentParser(prog="python -m experiments.rates", description=__doc__)
    parser.add_argument("what", choices=("measure", "take", "predict", "table"))
    parser.add_argument("files", nargs="*", metavar="FILE", help="of take: rates.json of another checkout")
    parser.add_argument("--python", action="append", default=[], metavar="INTERPRETER")
    parser.add_argument(
        "--only", default="", metavar="PATTERN", help="the cells alone whose key matches it, such as 'tiny --budget 4$'"
    )
    parser.add_argument("--first", type=int, default=0, metavar="N", help="no run of a cell before its Nth, from 0")
    parser.add_argument("--limit", type=int, default=1000, metavar="N", help="measure at most N runs now")
    parser.add_argument("--cluster", default="", metavar="ADDRESS", help="measure on the hosts of a Dask scheduler")
    options = parser.parse_args(arguments)
    if (options.what == "take") != bool(options.files):
        parser.error("take, and nothing else, needs FILE")
    if options.what == "take":
        for name in options.files:
            take(Path(name))
        return
    if options.what == "table":
        known = predictions.read_predictions()
        fill(OUTPUT, made(read_store(), known))
        write_text(figure.OUTPUT, figure.drawn(known, read_store()), replace=True)
        return
    if options.what == "predict":
        write_record(predictions.FILE, predictions.predicted(read_store()), replace=True)
        return
    if len(options.python) < LEAST_COPIES:
        parser.error(f"name the interpreters of at least {LEAST_COPIES} copies of one environment")
    cells = [cell for cell in CELLS if re.search(options.only, cell.key)]
    measure(options.python, cells, options.limit, options.cluster, options.first)
    print(f"{sum(1 for _ in missing(read_store(), cells))} runs are missing")


if __name__ == "__main__":
    main()
