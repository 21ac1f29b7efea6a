"""The tables that turn a reason of the judge into English."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from bench.judge import notices, reasons
from bench.judge.reasons import Reason
from bench.judge.types import Comparison, Direction
from bench.record.lockstep import tensor_name
from bench.record.types import (
    CASE,
    LEFT_OPEN,
    NO_FLOAT64,
    NO_REFERENCE,
    NOT_COPIED,
    NOT_FINITE,
    NOT_REBUILT,
    NOT_REPEATED,
    OWN,
    UNSTEADY,
    quantity_label,
)
from bench.report import values
from bench.report.lines import one_line
from bench.report.notices import NOTICES, Words, differences, of_reports, why_open
from bench.report.values import Count
from bench.stats.outcome import Outcome
from bench.stats.sequential import LOOKS, PASS_LAUNCHES

MOST_KINDS = 5  # of operations that a sentence names: a line's worth
BELOW = {Outcome.PASS: "excludes", Outcome.REGRESSION: "exceeds", Outcome.INCONCLUSIVE: "does not exclude"}
WITHIN = {Outcome.PASS: "within", Outcome.REGRESSION: "outside", Outcome.INCONCLUSIVE: "neither within nor outside"}
# Launches of each of two kinds, and of one alone: the first looks that may call a PASS.
OF_EACH, OF_ONE = (next(look for look in LOOKS if kinds * look >= PASS_LAUNCHES) for kinds in (2, 1))
A_PASS_TAKES = f"a PASS takes {OF_EACH} on one core and on all cores, or {OF_ONE} where one kind alone is measured"
FEW_ENVIRONMENTS = "the baseline holds {} how environments differ: add a run of another by `tfgate record --add`"

UNCHECKED = {  # by bench.record.types.Unchecked.why
    NO_REFERENCE: "no reference was measured, and its float64 is what answers are compared with: use `tfgate upgrade`",
    NO_FLOAT64: "the reference could not compute the model in float64, so there is nothing to compare with ({detail})",
    NOT_REBUILT: "the file built another model the second time: {detail}; make its shapes the same at each call",
    NOT_REPEATED: "two runs in one process from the same weights and batch differ ({detail}): random numbers, such "
    "as dropout's (a rate of 0 in the file makes it comparable) or noise (draw it by NumPy into the batch), or a "
    "changing order of summation; `tfgate upgrade --speed-only` judges the rest",
    UNSTEADY: "two runs in one process from the same weights and batch differ ({detail}), where two of the reference "
    "agree",
    NOT_COPIED: "the reference's weights and batch can't be copied to the candidate: {detail}",
    LEFT_OPEN: "float32 and float64 runs of the model on the reference differ by more than rounding explains "
    "({detail})",
    NOT_FINITE: "the model's {detail} is NaN or Inf in the reference, so nothing can be compared: look for a logarithm "
    "of zero, a division by zero or too high a learning rate",
}


def why(comparison: Comparison) -> str:
    """Returns why a comparison has its outcome, as one line without a full stop."""
    words = OF_COMPARISONS.get(type(comparison.reason))
    return one_line(words(comparison.reason, comparison)) if words else sentence(comparison.reason)


def with_reason(comparison: Comparison) -> str:
    """Returns a comparison by its name, and why it has its outcome: "step time of notebook-cpu0: +20.0% …"."""
    return f"{comparison.metric.name} of {comparison.subject}: {why(comparison)}"


def sentence(reason: Reason) -> str:
    """Returns a reason as one line of English without a full stop."""
    words = SENTENCES[type(reason)]
    if callable(words):
        return one_line(words(reason))
    return one_line(words.format_map({name: _shown(value) for name, value in vars(reason).items()}))


def _shown(value: object) -> object:
    """Returns a reason's parameter as a template takes it: a number with its noun, another reason as a sentence."""
    if isinstance(value, Reason):
        return sentence(value)
    return Count(value) if type(value) is int else value


def _decided(reason: reasons.Decided, comparison: Comparison) -> str:
    """Returns the estimate, the bounds that decided, and what they say of the margin."""
    assert comparison.interval
    metric = comparison.metric
    estimate, told = values.difference(comparison.interval.estimate, metric), bounds(comparison)
    rests_on = f"{Count(reason.launches):launch}{', across hosts' if reason.across_hosts else ''}"
    against = _against(comparison, values.margin(metric))
    shift = f"; measured from the accepted {values.difference(reason.accepted, metric)}" if reason.accepted else ""
    undecided = reason.two_environments and comparison.outcome is Outcome.INCONCLUSIVE
    few = f"; {FEW_ENVIRONMENTS.format('two environments, which hardly show')}" if undecided else ""
    return f"{estimate} ({told}, {rests_on}){against and ': '}{against}{_lacking(comparison)}{shift}{few}"


def _lacking(comparison: Comparison) -> str:
    """Returns the launches that an inconclusive comparison would have needed; "" where more would not settle it."""
    found = comparison.precision
    undecided = comparison.outcome is Outcome.INCONCLUSIVE
    if not undecided or comparison.is_within or not found or not found.needed or found.needed <= found.launches:
        return ""
    return f", which takes about {found.needed:,} launches if nothing changed"


def bounds(comparison: Comparison) -> str:
    """Returns the bounds of an interval that an outcome rests on: those of a PASS are narrower."""
    low, high = (values.difference(end, comparison.metric) for end in comparison.bounds or ())
    if not comparison.has_pass_bounds:
        return f"95% CI {low} to {high}"
    return f"90% CI {low} to {high}" if comparison.metric.direction is Direction.EQUAL else f"95% bound {high}"


def _against(comparison: Comparison, margin: str) -> str:
    """Returns what an interval says of its margin; "" where nothing is decided by it."""
    outcome = comparison.outcome
    if outcome is Outcome.NOT_GATED or comparison.metric.margin is None:
        return ""
    if comparison.improved:
        return f"improves by more than the {margin} margin"
    if comparison.is_within:
        return f"is within the {margin} margin, but so few launches may have missed a slow mode: {A_PASS_TAKES}"
    words = WITHIN if comparison.metric.direction is Direction.EQUAL else BELOW
    return f"{words[outcome]} the {margin} margin"


def _not_gated(reason: reasons.NotGated, comparison: Comparison) -> str:
    unknown = math.isnan(reason.difference)
    return "not measured" if unknown else values.difference(reason.difference, comparison.metric)


def _oracle_errors(reason: reasons.OracleErrors) -> str:
    where = tensor_name(quantity_label(reason.source, reason.case, reason.quantity), reason.tensor)
    own = reason.source == OWN
    over = f"{Count(reason.over):tensor} over the limits"
    if own:
        checked = f"{Count(reason.checked):tensor}"
        over = f"{reason.over} of {checked} over the limits"
    elif reason.source == CASE:
        checked = f"{Count(reason.checked):answer}"
    else:
        where, checked = f"{where} at step {reason.step}", f"{Count(reason.checked):step}"
        over = f"{over} in {checked}"
    if reason.over:
        right = "the reference's float64" if own else "the oracle"
        return f"{where} is {reason.error:.1e} from {right}; {over}"
    kinds = ", ".join(f"{Count(count):{kind}}" if own else kind for kind, count in reason.kinds)
    return f"{checked} within the limits{f' ({kinds})' if kinds else ''}; nearest: {where}"


def _reference_departs(reason: reasons.ReferenceDeparts) -> str:
    candidate, reference = sentence(reason.candidate), sentence(reason.reference)
    if not isinstance(reason.reference, reasons.NotRepeated):
        return f"the reference departs from the oracle: {reference}; the candidate: {candidate}"
    both = isinstance(reason.candidate, reasons.NotRepeated)
    whose = "neither side repeats its own steps" if both else "the reference does not repeat its own steps"
    return f"{whose}: {'the reference: ' * both}{reference}; the candidate: {candidate}"


def _mostly_open(reason: reasons.MostlyOpen) -> str:
    total = reason.left_open + reason.compared
    because = why_open(reason.left_open, reason.not_finite)
    return f"{reason.left_open} of {total} tensors can't be compared: {because}"


def _retraces(_: reasons.Retraces, comparison: Comparison) -> str:
    again = int(comparison.candidate or 0)
    return f"the step was retraced {Count(again):time}" if again else "no retrace was counted"


def _graph_changes(reason: reasons.GraphChanges) -> str:
    return ", ".join(f"{change:+d} {kind}" for kind, change in reason.changes[:MOST_KINDS]) or "the same operations"


def _candidate_failed(reason: reasons.CandidateFailed) -> str:
    where = "" if reason.launch is None else f" in launch {reason.launch + 1},"
    return f"the candidate failed{where} where the reference runs: {reason.message}"


def _fails_sometimes(reason: reasons.FailsSometimes) -> str:
    candidate = f"the candidate failed in {reason.failed} of {Count(reason.launches):launch}"
    return f"{candidate}, the reference in {reason.reference}; each ran when it was repeated: {reason.message}"


def _not_compiled(reason: reasons.NotCompiled) -> str:
    whose = "either side" if len(reason.sides) > 1 else f"the {reason.sides[0]}"
    other = ", but compiles the other side's" if reason.alone else ""
    return f"XLA can't compile the graph of {whose}{other}: {reason.message}"


def _lockstep_agrees(reason: reasons.LockstepAgrees) -> str:
    agree = f"{Count(reason.steps):step} × {Count(reason.tensors):tensor} agree"
    nearest = (
        f"nearest to its limit: {reason.nearest} at step {reason.nearest_step}" if reason.nearest else "bit-identical"
    )
    return f"{agree}; {nearest}"


def _lockstep_departs(reason: reasons.LockstepDeparts) -> str:
    more = f" with {Count(reason.others):other}" if reason.others else ""
    errors = f"reference {reason.reference_error:.1e} from it, candidate {reason.candidate_error:.1e}"
    first = f"{reason.tensor} exceeds its limit first, at step {reason.step}{more}"
    return f"{first}; the oracle sides with {f'the {reason.right}' if reason.right else 'neither'} ({errors})"


def _lockstep_failed(reason: reasons.LockstepFailed) -> str:
    when = "before the first step" if reason.step is None else f"at step {reason.step}"
    return f"the candidate failed {when}, where the reference runs: {reason.message}"


def _stored_range(reason: reasons.StoredRange) -> str:
    days = reason.first_day if reason.first_day == reason.last_day else f"{reason.first_day} to {reason.last_day}"
    return f"{reason.place} the stored range ({Count(reason.launches):launch}, {days})"


def _accepted(reason: reasons.Accepted, comparison: Comparison) -> str:
    return f"accepted until {reason.expires}: {reason.why} ({reason.link}); {why(comparison.unaccepted)}"


def _not_timed(reason: reasons.NotTimed) -> str:
    because = reason.message or f"it timed {', '.join(reason.subjects) or 'nothing'}"
    return f"the {reason.side} report did not time it: {because}"


def _unlike_baseline(reason: reasons.UnlikeBaseline) -> str:
    found = differences(reason.fields, "in the baseline", "in the run")
    return f"the baseline is of another subject ({found}): record a new one with --replace"


# The words of a reason that takes numbers of the comparison that it explains.
OF_COMPARISONS: Mapping[type[Reason], Callable[[Any, Comparison], str]] = {
    reasons.Decided: _decided,
    reasons.NotGated: _not_gated,
    reasons.Retraces: _retraces,
    reasons.Accepted: _accepted,
}
SENTENCES: Mapping[type[Reason], Words] = {  # of all others
    reasons.TooFewLaunches: "{launches:launch} measured, and {needed} are needed for a verdict",
    reasons.LaunchesLackIt: "{lacking} of {launches:launch} did not measure it",
    reasons.NoSpread: "all {launches} launches gave the same value: without a spread nothing can be proven",
    reasons.NotANumber: "a launch gave {value}, which is not a measurement",
    reasons.Identical: "bit-identical in {launches:launch}",
    reasons.OracleErrors: _oracle_errors,
    reasons.FileRefused: "{case}, which is promised to be read, is refused: {message}",
    reasons.NotRepeated: (
        "{steps:step} from the same start gave a different {tensor} in a second process, which read nothing in between "
        "(a difference of {error:.1e})"
    ),
    reasons.WeightsChanged: lambda reason: f"evaluation changed the weights in launch {reason.launch + 1}",
    reasons.NoOracleStep: "no step was checked against the oracle",
    reasons.NotComparable: lambda reason: UNCHECKED[reason.why].format(detail=reason.detail),
    reasons.MostlyOpen: _mostly_open,
    reasons.GraphChanges: _graph_changes,
    reasons.ReferenceDeparts: _reference_departs,
    reasons.DepartAlike: "both sides depart from the oracle in the same way, {apart:.1e} apart: {candidate}",
    reasons.DepartApart: (
        "both sides depart from the oracle, {apart:.1e} apart: the reference: {reference}; the candidate: {candidate}"
    ),
    reasons.CandidateFailed: _candidate_failed,
    reasons.FailsSometimes: _fails_sometimes,
    reasons.NotCompiled: _not_compiled,
    reasons.Diverged: "{message}",
    reasons.LockstepAgrees: _lockstep_agrees,
    reasons.LockstepDeparts: _lockstep_departs,
    reasons.LockstepFailed: _lockstep_failed,
    reasons.UnlikeFingerprints: (
        "corpora or initial weights differ (fingerprints {reference} and {candidate}): install the same NumPy on both "
        "sides"
    ),
    reasons.ReferenceDiverged: (
        "the reference diverged: its loss is {loss} at step {step}; compare fewer steps by `tfgate lockstep --steps N`"
    ),
    reasons.LockstepUnfinished: "{done} of {steps} steps were compared: run it again",
    reasons.NoBaseline: "there is no baseline: `tfgate record` makes one from a run that you trust",
    reasons.UnlikeBaseline: _unlike_baseline,
    reasons.NoMargin: "the margins file has no margin of this metric for {subject}",
    reasons.SameTrainings: "bit-identical to {trainings:training} of the baseline from the same starts",
    reasons.TooFewReplicates: "the baseline holds {trainings:other training}, and 2 are needed to estimate a spread",
    reasons.OneEnvironment: FEW_ENVIRONMENTS.format("one environment, which doesn't show"),
    reasons.NoStoredSpeed: (
        "the baseline holds no words/s of this model and data that were measured in the same way on this machine"
    ),
    reasons.Disturbed: (
        "other processes used the CPU in {launches} of {launches:launch}: stop them, or use a quieter machine"
    ),
    reasons.StoredRange: _stored_range,
    reasons.SpeedNotMeasured: "{message}",
    reasons.NotTimed: _not_timed,
    reasons.UnlikeReferences: (
        "the references differ, {reference} in the reference report, {candidate} in the candidate report: "
        "ratios to both can't be compared"
    ),
    reasons.UnlikeReports: lambda reason: f"the reports measured different subjects ({of_reports(reason.fields)})",
    notices.OfReport: "within the {side} report: {said}",
    **NOTICES,
}
