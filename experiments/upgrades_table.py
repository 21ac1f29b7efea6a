"""Writes docs/error-rates-measured.md from the runs that experiments.upgrades has measured.

python -m experiments.upgrades_table, in an environment with tfgate; a second.
"""

import math
import statistics
from collections.abc import Sequence

import numpy as np

from bench.record.files import write_text
from bench.record.paired import CANDIDATE
from bench.stats.outcome import Outcome
from bench.stats.sequential import PASSED, REGRESSED, USUAL_LAUNCHES, Decision, decide, walk
from bench.stats.spread import spread
from experiments.error_rates import Rate
from experiments.upgrades import CASES, ROOT, STEP_TIME, STORE, Case, Ran, Store, judged_by, read_store

OUTPUT = ROOT / "docs" / "error-rates-measured.md"
GATING = {  # ratios: their keys in the margins file
    STEP_TIME: "step_time",
    "mean step": "mean_step",
    "evaluation step": "evaluation_step",
    "peak memory": "peak_memory",
}
FINE_MARGIN = 0.03  # tiny is judged by it as well, from the same launches
RESAMPLES = 10_000
OUTCOMES = (Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE)

HEAD = """# What upgrades say of nothing and of known slowdowns, measured

Made by `python -m experiments.upgrades` and `python -m experiments.upgrades_table`: one environment on both sides, the
candidate's step made slower by busy work inside TensorFlow's own call of it, of which the judge knows nothing.

Outcomes are the step time's; "any" counts the runs in which any gating metric is a REGRESSION. The bound is Clopper
and Pearson's, one-sided 95%: of slowdowns well beyond the margin how often at least they are caught, of all others how
often at most they alarm. Launches and minutes are those to the step time's verdict: median (largest). Between nothing
and the margin no verdict is asked for: {undecided} and PASS are both right there; beyond the margin a PASS is a miss.
Whole runs, speed only, ended when every gating metric had its verdict, at the first REGRESSION, or after twelve
launches: by the narrower bounds of that time (five looks), so that today's leave more of them INCONCLUSIVE than if
they had gone on.
"""
TEXT = """{there} of the {asked} runs that were asked for; TensorFlow {tensorflow}; {machine}.

{table}

Whole runs:

{whole}

The rows of the 3% margin judge the same launches. Measuring ended with the verdict at the usual margin, so these are
often too few: {budget}

Launches with nothing changed, pooled:

{bias}
"""


def document(store: Store) -> str:
    """Returns the document as committed."""
    return HEAD.format(undecided=Outcome.INCONCLUSIVE.value) + "\n" + table(store)


def table(store: Store) -> str:
    """Returns the tables of the runs that are there."""
    found = {
        case: [run for run in store.runs if (run.config, run.slowdown) == (case.config, case.slowdown)]
        for case in CASES
    }
    rows = [_row(case, found[case], margin) for case in CASES for margin in _step_margins(case) if found[case]]
    outcomes = " | ".join(outcome.value for outcome in OUTCOMES)
    header = f"| configuration | candidate's step | margin | runs | {outcomes} | any | bound | launches | minutes |"
    whole_header = f"| configuration | candidate's step | runs | {outcomes} | launches | minutes |"
    machines = {f"{run.machine.cpu_model}, {run.machine.cores} cores, {run.machine.isa}" for run in store.runs}
    return TEXT.format(
        table="\n".join([header, "|" + " --- |" * 11, *rows]),
        whole="\n".join(
            [whole_header, "|" + " --- |" * 8, *(_whole(found[case], case) for case in CASES if found[case])]
        ),
        budget=_budget([value for run in found[CASES[0]] for value in run.values()]) if found[CASES[0]] else "none.",
        bias="\n".join(_bias(runs, case.config) for case, runs in found.items() if runs and not case.slowdown),
        tensorflow=", ".join(sorted({run.tensorflow for run in store.runs})),
        machine="; ".join(sorted(machines)),
        asked=sum(case.runs for case in CASES),
        there=len(store.runs),
    )


def _row(case: Case, runs: Sequence[Ran], margin: float) -> str:
    decisions = [_decision(run, margin) for run in runs]
    outcomes = [decision.outcome for decision in decisions]
    caught = outcomes.count(Outcome.REGRESSION)
    rate = Rate(caught, len(runs))
    beyond = math.log1p(case.slowdown) > 1.5 * math.log1p(margin)
    launches = [decision.launches for decision in decisions]
    minutes = [
        math.fsum(launch.seconds for launch in run.launches[:count]) / 60
        for run, count in zip(runs, launches, strict=True)
    ]
    cells = [
        case.config,
        f"+{case.slowdown:.0%}" if case.slowdown else "the same",
        f"{margin:.0%}",
        str(len(runs)),
        *(str(outcomes.count(outcome)) for outcome in OUTCOMES),
        str(sum(Outcome.REGRESSION in _outcomes(run, margin) for run in runs)),
        f"caught ≥ {rate.bound(upper=False):.0%}" if beyond else f"alarms ≤ {rate.bound(upper=True):.0%}",
        f"{statistics.median(launches):g} ({max(launches)})",
        f"{statistics.median(minutes):.1f} ({max(minutes):.1f})",
    ]
    return "| " + " | ".join(cells) + " |"


def _budget(values: Sequence[float]) -> str:
    """Resamples what twelve launches would decide at the fine margin, with nothing changed and with slower steps."""
    pool = np.array(values) - statistics.fmean(values)
    drawn = np.random.default_rng(0).choice(pool, (RESAMPLES, USUAL_LAUNCHES))
    lines = []
    for slowdown in (0.0, 0.02, 0.05, 0.10):
        walked = walk(drawn + math.log1p(slowdown), math.log1p(FINE_MARGIN))
        shares = [
            f"{(walked.codes == code).mean():.1%} {name}"
            for code, name in ((PASSED, "PASS"), (REGRESSED, "REGRESSION"))
        ]
        step = f"+{slowdown:.0%}" if slowdown else "the same"
        lines.append(f"- step {step}: {', '.join(shares)}; launches: median {np.median(walked.launches):g}")
    head = f"resampled from the {len(values)} launches of `tiny` with nothing changed,"
    head += f" up to {USUAL_LAUNCHES} launches at {FINE_MARGIN:.0%} give"
    return "\n".join([head, "", *lines])


def _bias(runs: Sequence[Ran], config: str) -> str:
    """Returns what launches with nothing changed show of the sides, and how far launches and quads spread."""
    launches = [launch for run in runs for launch in run.launches]
    values = [launch.values[STEP_TIME] for launch in launches]
    first = [value if launch.first == CANDIDATE else -value for launch, value in zip(launches, values, strict=True)]
    parts = spread([launch.quads for launch in launches])
    assert parts is not None
    return (
        f"- `{config}`, {len(values)} launches: the candidate differs from the reference by {_estimate(values)},\n"
        f"  the side that is first from the other by {_estimate(first)}.\n"
        f"  The standard deviation is {parts.summary_deviation:.2%} between launches "
        f"(the launch's own {parts.launch_deviation:.2%}), {parts.quad_deviation:.2%} between quads of a launch."
    )


def _estimate(values: Sequence[float]) -> str:
    return f"{statistics.fmean(values):+.2%} ± {statistics.stdev(values) / math.sqrt(len(values)):.2%}"


def _decision(run: Ran, margin: float) -> Decision:
    decision = decide(run.values(), math.log1p(margin))
    if decision is None:
        raise ValueError(
            f"run {run.number} of {run.config} ended before the first look: "
            f"take it out of {STORE.name} and measure again"
        )
    return decision


def _whole(runs: Sequence[Ran], case: Case) -> str:
    """Returns a row of the table of whole runs: their verdicts, and what they took."""
    outcomes = [_verdict(_outcomes(run, _step_margins(case)[0])) for run in runs]
    minutes = [math.fsum(launch.seconds for launch in run.launches) / 60 for run in runs]
    launches = [len(run.launches) for run in runs]
    cells = [
        case.config,
        f"+{case.slowdown:.0%}" if case.slowdown else "the same",
        str(len(runs)),
        *(str(outcomes.count(outcome)) for outcome in OUTCOMES),
        f"{statistics.median(launches):g} ({max(launches)})",
        f"{statistics.median(minutes):.1f} ({max(minutes):.1f})",
    ]
    return "| " + " | ".join(cells) + " |"


def _verdict(outcomes: Sequence[Outcome | None]) -> Outcome:
    """Returns a run's verdict from its gating metrics'; None is a metric without a look."""
    if Outcome.REGRESSION in outcomes:
        return Outcome.REGRESSION
    return Outcome.PASS if set(outcomes) == {Outcome.PASS} else Outcome.INCONCLUSIVE


def _outcomes(run: Ran, margin: float) -> list[Outcome | None]:
    """Returns every gating metric's outcome."""
    margins = judged_by(margin)
    ratios = {name: math.log1p(margins.paired[key]) for name, key in GATING.items() if run.values(name)}
    found = [_outcome(run, name, limit) for name, limit in ratios.items()]
    if any(run.values("perplexity")):  # of equal numbers nothing else is to be said than that they are
        found.append(_outcome(run, "perplexity", math.log1p(margins.perplexity[run.config]), two_sided=True))
    return [*found, _outcome(run, "memory growth", margins.memory_growth_bytes[run.config])]


def _outcome(run: Ran, metric: str, margin: float, *, two_sided: bool = False) -> Outcome | None:
    """Returns a metric's outcome; None before the first look, or where a launch doesn't tell it."""
    values = run.values(metric)
    decision = decide(values, margin, two_sided=two_sided) if len(values) == len(run.launches) else None
    return decision.outcome if decision else None


def _step_margins(case: Case) -> list[float]:
    usual = judged_by().paired["step_time"]
    return [usual, FINE_MARGIN] if case.config == "tiny" else [usual]


if __name__ == "__main__":
    write_text(OUTPUT, document(read_store()), replace=True)
