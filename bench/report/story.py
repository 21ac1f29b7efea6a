"""A verdict in the words that HTML and Markdown share: a sentence that needs no statistics, then the metrics that decided it."""

import dataclasses

from bench.judge.reports import paired_runs
from bench.judge.types import Comparison, Scope, Verdict, percent
from bench.record.gate import GateRun
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun
from bench.report.judged import Judged, environment
from bench.stats.intervals import Interval
from bench.stats.outcome import Outcome

FAILED = "MEASUREMENT FAILED"
STEP_TIME = "step time"
BASELINES = "the baselines"
GLYPHS = {
    Outcome.PASS.value: "✔",
    Outcome.REGRESSION.value: "✖",
    Outcome.CANNOT_JUDGE.value: "?",
    Outcome.INFORMS.value: "ℹ",
    FAILED: "!",
}

WORST_FIRST = (Outcome.REGRESSION, Outcome.CANNOT_JUDGE, Outcome.PASS, Outcome.INFORMS)


@dataclasses.dataclass(frozen=True)
class Finding:
    """A metric that decided the verdict, in parts that a reader takes in at a glance."""

    metric: str
    subject: str
    size: str  # "+68.7%", or the value itself of a REGRESSION that was compared exactly
    certainty: str  # "95% certain to be between +60.1% and +77.2%"; "" without an interval
    standard: str  # "allowed +5.0%", or what it was compared with
    note: str


def outcome_word(verdict: Verdict) -> str:
    """PASS, REGRESSION, CANNOT JUDGE or MEASUREMENT FAILED."""
    return FAILED if verdict.failed else verdict.outcome.value


def scope(verdict: Verdict) -> str:
    """What follows the outcome where not everything was measured: " (numbers only; speed not measured)"."""
    return "" if verdict.failed or verdict.scope is Scope.ALL else f" ({verdict.scope.value})"


def sentence(judged: Judged) -> str:
    """What the verdict means for who has to act on it."""
    text = _sentence(judged)
    return text[0].upper() + text[1:]


def names(judged: Judged, joined: str = "and") -> tuple[str, str]:
    """(candidate, reference) as a sentence has them: "TensorFlow 2.21.0", "the baselines and TensorFlow 2.20.0"."""
    candidate, reference = _tensorflow(judged, CANDIDATE), _tensorflow(judged, REFERENCE)
    if not paired_runs(judged.run):
        return candidate, BASELINES
    if candidate == reference:
        candidate, reference = "the candidate", "the reference"
    return candidate, f"{BASELINES} {joined} {reference}" if isinstance(judged.run, GateRun) else reference


def findings(verdict: Verdict) -> list[Finding]:
    """The comparisons that made the verdict what it is, the one furthest beyond its margin first; none for a PASS or a failure."""
    if verdict.outcome is Outcome.PASS or verdict.failed:
        return []
    decisive = [comparison for comparison in verdict.comparisons if comparison.outcome is verdict.outcome]
    return [finding(comparison) for comparison in sorted(decisive, key=_margins_off, reverse=True)]


def finding(comparison: Comparison) -> Finding:
    """A comparison's size, certainty and margin in words."""
    found, margin, metric, subject = comparison.interval, comparison.margin, comparison.metric, comparison.subject
    if found is not None:
        standard = f"allowed {percent(margin)}" if margin is not None else ""
        return Finding(metric, subject, percent(found.estimate), bounds(found), standard, comparison.note)
    size = comparison.candidate if comparison.outcome is Outcome.REGRESSION else ""
    label = "allowed" if comparison.reference.startswith("≤") else "reference"
    standard = f"{label} {comparison.reference}" if size and comparison.reference != "–" else ""
    return Finding(metric, subject, size, "", standard, comparison.note)


def bounds(found: Interval) -> str:
    """The confidence interval that a REGRESSION has to clear."""
    return f"95% certain to be between {percent(found.low)} and {percent(found.high)}"


def reached(comparison: Comparison) -> str:
    """The smallest difference that would have been caught; "" where it isn't known."""
    return percent(comparison.detectable) if comparison.detectable is not None else ""


def _sentence(judged: Judged) -> str:
    verdict, (candidate, reference) = judged.verdict, names(judged)
    if verdict.failed:
        return f"launches of {candidate} did not finish, so this is no verdict on the whole. See what failed, and measure again."
    if verdict.outcome is Outcome.REGRESSION:
        worse_than = names(judged, "or")[1]
        return f"{candidate} is worse than {worse_than} by more than is allowed, in {_listed(findings(verdict))}."
    if verdict.outcome is Outcome.PASS:
        if verdict.scope in (Scope.SPEED, Scope.NAMED):
            return f"{candidate} is no slower or larger than {reference} by more than is allowed{_speed(verdict)}; numbers were not compared."
        correct = reference if isinstance(judged.run, PairedRun) else BASELINES
        return f"{candidate} is as correct as {correct}{_speed(verdict)}."
    undecided = _listed(findings(verdict))
    where = f" in {undecided}" if undecided else ""
    return f"the measurements prove {candidate} neither as good as {reference} nor worse{where}. More launches, or a quieter machine, may."


def _tensorflow(judged: Judged, side: str) -> str:
    found = environment(judged.run, side)
    return f"TensorFlow {found.tensorflow}" if found else f"the {side}"


def _margins_off(comparison: Comparison) -> float:
    """How many margins a comparison is off; one that was compared exactly is off by any number."""
    if comparison.interval is None or not comparison.margin:
        return float("inf")
    return abs(comparison.interval.estimate) / comparison.margin


def _listed(found: list[Finding]) -> str:
    """ "step time and perplexity": each metric once."""
    metrics = list(dict.fromkeys(each.metric for each in found))
    return " and ".join(filter(None, (", ".join(metrics[:-1]), metrics[-1]))) if metrics else ""


def ruled_out_slowdown(verdict: Verdict) -> str:
    """What a PASS proves of speed: "a slowdown of 5.0% or more is ruled out (notebook-…)"; "" where every step time isn't proven."""
    if verdict.outcome is not Outcome.PASS:
        return ""
    step_times = [
        comparison for comparison in verdict.comparisons if comparison.metric == STEP_TIME and comparison.gates
    ]
    proven = {c.subject: c.margin for c in step_times if c.interval and c.margin and c.interval.pass_high < c.margin}
    if not proven or len(proven) < len(step_times):
        return ""
    return f"a slowdown of {percent(max(proven.values())).lstrip('+')} or more is ruled out ({', '.join(proven)})"


def _speed(verdict: Verdict) -> str:
    """What a PASS says of speed."""
    if verdict.scope is Scope.NUMBERS:
        return "; its speed was not measured"
    found = ruled_out_slowdown(verdict)
    return f", and {found}" if found else ""
