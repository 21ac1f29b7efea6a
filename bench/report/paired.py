"""The two sides of a paired run, as text for a terminal."""

from tabulate import tabulate

from bench.record.paired import CANDIDATE, REFERENCE, PairedRun, Side
from bench.record.types import Environment
from bench.report.lines import one_line

STYLE = "simple"


def sides_text(run: PairedRun) -> str:
    """A line for each side: what was asked for, what was measured, and what its index was read as of."""
    environments = _environments(run)
    rows = [_row(name, side, environments[name]) for name, side in ((REFERENCE, run.reference), (CANDIDATE, run.candidate))]
    headers = ["side", "asked for", "TensorFlow", "Keras", "NumPy", "Python", "oneDNN", "threads", "variables", "index as of"]
    table: str = tabulate(rows, headers, STYLE, disable_numparse=True)
    return table


def _environments(run: PairedRun) -> dict[str, Environment | None]:
    """What each side turned out to run in: the first of its records that tells."""
    found: dict[str, Environment | None] = {REFERENCE: None, CANDIDATE: None}
    pairs = [(REFERENCE, pair.reference) for pair in run.pairs] + [(CANDIDATE, pair.candidate) for pair in run.pairs]
    for name, record in [*zip(found, run.oracle, strict=False), *pairs]:
        found[name] = found[name] or record.environment
    if run.lockstep:
        found[REFERENCE] = found[REFERENCE] or run.lockstep.reference
        found[CANDIDATE] = found[CANDIDATE] or run.lockstep.candidate
    return found


def _row(name: str, side: Side, environment: Environment | None) -> list[str]:
    measured = ["–"] * 6
    if environment:
        onednn = "on" if environment.onednn else "off"
        measured = [environment.tensorflow, environment.keras, environment.numpy, environment.python, onednn, str(environment.threads)]
    variables = " ".join(f"{key}={value}" for key, value in sorted(side.variables.items())) or "–"
    return [one_line(cell) for cell in (name, side.requested, *measured, variables, side.as_of or "–")]
