"""How finely a run could tell, by metric, and how often a verdict like its own is wrong."""

from collections.abc import Iterable, Iterator, Sequence

from bench.judge.metrics import LOCKSTEP, NUMERICS, STEP_TIMES
from bench.judge.types import Comparison
from bench.report import values
from bench.report.judged import by_subject
from bench.report.tables import Cell, Table
from bench.report.values import NOTHING
from bench.stats.power import EFFECTS, Precision, unseen

RARE_SHARE = 0.2  # of launches: a mode rarer than those that a PASS excludes
HEADERS = (
    *("metric", "subject", "launches", "deviation", "MDE", "95% power"),
    *(f"× {one:g}" for one in EFFECTS),
    "unseen",
)
NOTE = (
    "MDE: the minimum detectable effect, the smallest true difference that is called a REGRESSION with 95% power; a "
    "PASS excludes what lies above its bound. 95% power: the launches at which twice the margin is called a REGRESSION "
    "with 95% power, and no fewer than a PASS takes; a verdict may come sooner. "
    f"{', '.join(f'× {one:g}' for one in EFFECTS)}: the power to call a change of so many margins a REGRESSION "
    "by the last planned launch. MDE and power hold if more launches deviate as these did: few often deviate less. "
    f"Unseen: the probability that no launch showed a slow mode that {RARE_SHARE:.0%} of launches have; for a mode "
    "that shows both on one core and on all cores, multiply the two."
)
TRUST = "Why trust this"
# Of runs, at most: what experiments.error_rates asks for.
PASS_AT_MARGIN, PASS_AT_TWICE, FALSE_ALARMS = 0.05, 0.001, 0.01
RATES = (
    f"By design, a change of exactly a margin passes in at most {PASS_AT_MARGIN:.0%} of runs. Where launches deviate "
    f"by no more than a margin, one of twice the margin passes in at most {PASS_AT_TWICE:.1%}, and with nothing "
    f"changed at most {FALSE_ALARMS:.0%} of runs are a REGRESSION. "
    "tfgate's docs/error-rates.md has the simulation, docs/error-rates-measured.md what real runs did."
)
CATCHES = (
    "For numbers, tfgate's docs/faults.md lists the injected faults that the checks caught in training tiny, "
    "docs/workloads.md those in other workloads, and docs/clean.md the false alarms."
)
OWN = (
    "For your own model, tfgate's docs/own-model.md lists what was caught in examples, and what is not judged: "
    "one batch is compared, and no convergence."
)
COVERED = (
    "A verdict is of its workload, size and kind of machine alone: tfgate's docs/releases.md lists what is known of "
    "releases, docs/limits.md what no verdict covers."
)


def precision_table(comparisons: Iterable[Comparison]) -> Table:
    """Returns the precision of each comparison of which it is known."""
    rows = tuple(_row(one, one.precision) for one in comparisons if one.precision)
    return Table("Precision", HEADERS, rows, NOTE)


def trust(comparisons: Sequence[Comparison], *, own: bool = False) -> str:
    """Returns the error rates of what gates at planned looks, and those of numbers, `own` models' too, and what they
    don't cover; "" of a run that has neither.
    """
    at_looks = any(one.metric.gates and one.precision and one.precision.needed for one in comparisons)
    numbers = any(one.metric.name in (NUMERICS.name, LOCKSTEP.name) for one in comparisons)
    told = [RATES] * at_looks + [CATCHES] * numbers + [OWN] * (numbers and own)
    return " ".join([*told, COVERED]) if told else ""


def seen(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """Yields a line for each subject: the changes of step times that 95% of such runs see, and how far launches
    deviate.
    """
    for subject, of in by_subject(comparisons):
        told = [
            f"{metric.name} {values.difference(found.detectable, metric)} ({values.deviation(found.deviation, metric)})"
            for metric, found in ((one.metric, one.precision) for one in of)
            if found and metric.name in STEP_TIMES
        ]
        if told:
            runs = f"such runs{subject and f' of {subject}'}"
            yield f"Would be seen in 95% of {runs} (deviation of launches): {', '.join(told)}"


def _row(comparison: Comparison, found: Precision) -> tuple[Cell, ...]:
    metric, missed = comparison.metric, unseen(RARE_SHARE, found.launches)
    return (
        Cell(metric.name),
        Cell(comparison.subject),
        Cell(f"{found.launches} of {found.planned}", found.launches),
        Cell(values.deviation(found.deviation, metric), found.deviation),
        Cell(values.difference(found.detectable, metric), found.detectable),
        Cell(NOTHING) if found.needed is None else Cell(f"{found.needed:,}", found.needed),
        *(Cell(f"{power:.0%}", power) for power in found.power),
        Cell(NOTHING) if found.needed is None else Cell(f"{missed:.0%}", missed),
    )
