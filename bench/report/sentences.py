"""The one table that turns a reason of the judge into English."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.judge import notices, reasons
from bench.judge.reasons import Field, Reason
from bench.judge.types import Comparison, Direction, outcome_of
from bench.record.lockstep import tensor_name
from bench.record.types import (
    ANSWER,
    LEFT_OPEN,
    NO_FLOAT64,
    NO_REFERENCE,
    NOT_COPIED,
    NOT_FINITE,
    NOT_REBUILT,
    NOT_REPEATED,
)
from bench.report import values
from bench.stats.intervals import Interval
from bench.stats.outcome import Outcome
from bench.stats.sequential import LOOKS, PASS_LAUNCHES

MOST_KINDS = 5  # of operations that a sentence names: a line's worth
PARTS = {"oracle": "the launch checked against the oracle", "lockstep": "the lockstep comparison"}  # of a measurement
PROPERTIES = {"affinity": "CPUs", "cpu_model": "CPU", "isa": "architecture", "onednn": "oneDNN", "python": "Python"}
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
    "as dropout's (a rate of 0 in the file makes it comparable), or a changing order of summation; `tfgate upgrade "
    "--speed-only` judges the rest",
    NOT_COPIED: "the reference's weights and batch can't be copied to the candidate: {detail}",
    LEFT_OPEN: "float32 and float64 runs of the model on the reference differ by more than rounding explains "
    "({detail})",
    NOT_FINITE: "the model's {detail} is NaN or Inf in the reference, so nothing can be compared: look for a logarithm "
    "of zero, a division by zero or too high a learning rate",
}

Words = Callable[[Any, Comparison | None], str]


def sentence(reason: Reason, comparison: Comparison | None = None) -> str:
    """Returns a reason in English, without a full stop. `comparison`: the one that it explains; a warning has none."""
    words = SENTENCES[type(reason)]
    said = words(reason, comparison) if callable(words) else words.format_map(_fields(reason))
    report = getattr(reason, "report", "")
    return f"within the {report} report: {said}" if report else said


class Count(int):
    """An integer that templates show with its noun: {launches:launch} is "1 launch" or "4 launches"."""

    def __format__(self, noun: str) -> str:
        """Returns the number, and its noun in the plural unless it is 1."""
        plural = "es" if noun.endswith(("ch", "s", "x")) else "s"
        return f"{int(self)} {noun}{'' if self == 1 else plural}" if noun else str(int(self))


def _fields(reason: Reason) -> dict[str, object]:
    """Returns the reason's parameters as a template takes them."""
    return {name: Count(value) if type(value) is int else value for name, value in vars(reason).items()}


def _decided(reason: reasons.Decided, comparison: Comparison | None) -> str:
    """Returns the estimate, the bounds that decided, and what they say of the margin."""
    assert comparison
    assert comparison.interval
    metric = comparison.metric
    estimate, told = values.difference(comparison.interval.estimate, metric), bounds(comparison, comparison.interval)
    rests_on = f"{Count(reason.launches):launch}{', across hosts' if reason.across_hosts else ''}"
    against = _against(comparison, values.margin(metric))
    shift = f"; measured from the accepted {values.difference(reason.accepted, metric)}" if reason.accepted else ""
    undecided = reason.two_environments and comparison.outcome is Outcome.INCONCLUSIVE
    few = f"; {FEW_ENVIRONMENTS.format('two environments, which hardly show')}" if undecided else ""
    return f"{estimate} ({told}, {rests_on}){against and ': '}{against}{_lacking(comparison)}{shift}{few}"


def is_within(comparison: Comparison) -> bool:
    """Tells whether the bounds alone would prove a PASS, which takes more launches."""
    found = comparison.interval
    return found is not None and outcome_of(found, comparison.metric) is Outcome.PASS


def _lacking(comparison: Comparison) -> str:
    """Returns the launches that an inconclusive comparison would have needed; "" where more would not settle it."""
    found = comparison.precision
    undecided = comparison.outcome is Outcome.INCONCLUSIVE
    if not undecided or is_within(comparison) or not found or not found.needed or found.needed <= found.launches:
        return ""
    return f", which takes about {found.needed:,} launches if nothing changed"


def bounds(comparison: Comparison, found: Interval) -> str:
    """Returns the bounds that an outcome rests on: those of a PASS are narrower."""
    metric = comparison.metric
    low, high, pass_low, pass_high = (
        values.difference(bound, metric) for bound in (found.low, found.high, found.pass_low, found.pass_high)
    )
    if comparison.outcome is not Outcome.PASS or comparison.improved:
        return f"95% CI {low} to {high}"
    return f"90% CI {pass_low} to {pass_high}" if metric.direction is Direction.EQUAL else f"95% bound {pass_high}"


def _against(comparison: Comparison, margin: str) -> str:
    """Returns what an interval says of its margin; "" where nothing is decided by it."""
    outcome, equal = comparison.outcome, comparison.metric.direction is Direction.EQUAL
    if outcome is Outcome.NOT_GATED or comparison.metric.margin is None:
        return ""
    if comparison.improved:
        return f"improves by more than the {margin} margin"
    if outcome is Outcome.INCONCLUSIVE and is_within(comparison):
        return f"is within the {margin} margin, but so few launches may have missed a slow mode: {A_PASS_TAKES}"
    return f"{(WITHIN if equal else BELOW)[outcome]} the {'±' * equal}{margin} margin"


def _not_gated(reason: reasons.NotGated, comparison: Comparison | None) -> str:
    if comparison is None or math.isnan(reason.difference):
        return "not measured"
    return values.difference(reason.difference, comparison.metric)


def _oracle_errors(reason: reasons.OracleErrors, _: Comparison | None) -> str:
    tensor = tensor_name(reason.quantity, reason.tensor)
    where = tensor.removeprefix(ANSWER) if reason.answers else f"{tensor} at step {reason.step}"
    steps = f"{Count(reason.steps):tensor}" if reason.answers else f"{Count(reason.steps):step}"
    own = reason.answers and ":" not in reason.quantity  # answers of a workload are by case: "answer ragged: loss"
    if reason.over:
        over = f"{reason.over} of {steps}" if reason.answers else f"{Count(reason.over):tensor}"
        within = "" if reason.answers else f" in {steps}"
        right = "the reference's float64" if own else "the oracle"
        return f"{where} is {reason.error:.1e} from {right}; {over} over the limits{within}"
    kinds = ", ".join(f"{Count(count):{kind}}" if own else kind for kind, count in reason.kinds)
    return f"{steps} within the limits{f' ({kinds})' if kinds else ''}; nearest: {where}"


def _unpromised(reason: notices.Unpromised, _: Comparison | None) -> str:
    said = [f"{case} is refused ({why})" for case, why in reason.refused]
    if reason.others:
        said.append(f"{_few(reason.others)}: up to {reason.error:.1e} from what was written")
    return f"of files that no version promises to read: {'; '.join(said)}"


def _reference_departs(reason: reasons.ReferenceDeparts, _: Comparison | None) -> str:
    candidate, reference = sentence(reason.candidate), sentence(reason.reference)
    if not isinstance(reason.reference, reasons.NotRepeated):
        return f"the reference departs from the oracle: {reference}; the candidate: {candidate}"
    both = isinstance(reason.candidate, reasons.NotRepeated)
    whose = "neither side repeats its own steps" if both else "the reference does not repeat its own steps"
    return f"{whose}: {'the reference: ' * both}{reference}; the candidate: {candidate}"


def _depart_alike(reason: reasons.DepartAlike, _: Comparison | None) -> str:
    return f"both sides depart from the oracle in the same way, {reason.apart:.1e} apart: {sentence(reason.candidate)}"


def _depart_apart(reason: reasons.DepartApart, _: Comparison | None) -> str:
    sides = f"the reference: {sentence(reason.reference)}; the candidate: {sentence(reason.candidate)}"
    return f"both sides depart from the oracle, {reason.apart:.1e} apart: {sides}"


def _not_comparable(reason: reasons.NotComparable, _: Comparison | None) -> str:
    return UNCHECKED[reason.why].format(detail=reason.detail)


def _mostly_open(reason: reasons.MostlyOpen, _: Comparison | None) -> str:
    total = reason.left_open + reason.compared
    why = _why_open(reason.left_open, reason.not_finite)
    return f"{reason.left_open} of {total} tensors can't be compared: {why}"


def _not_accepted(reason: notices.NotAccepted, _: Comparison | None) -> str:
    limit = "" if reason.limit is None else f" up to {100 * reason.limit:.1f}%"
    told = f"ended on {reason.expires}" if reason.ended else f"until {reason.expires} is of less"
    if reason.other_file:
        told = "is of another file than this one"
    return f"{reason.metric} of {reason.subject}: its acceptance{limit} {told} ({reason.link})"


def _foreign_reference(reason: notices.ForeignReference, _: Comparison | None) -> str:
    reference = f"{reason.reference} ({reason.setup})"
    return f"the ledger's entries are of another reference than {reference}: nothing that was accepted counts here"


def _left_open(reason: notices.LeftOpen, _: Comparison | None) -> str:
    total = len(reason.tensors) + reason.compared
    left_open = f"{len(reason.tensors)} of {total} tensors not compared ({_few(reason.tensors)})"
    return f"{reason.subject}: {left_open}: {_why_open(len(reason.tensors), reason.not_finite)}"


def _why_open(left_open: int, not_finite: int) -> str:
    if not not_finite:
        return "rounding to float32 alone decides their values"
    if not_finite == left_open:
        return "they are NaN or Inf in the reference"
    return f"{not_finite} of these are NaN or Inf in the reference, and rounding to float32 alone decides the others"


def _both_depart(reason: notices.BothDepart, _: Comparison | None) -> str:
    return (
        f"{reason.subject}: {_few(reason.tensors)}: both sides are up to {reason.error:.1e} from the oracle and "
        f"at most {reason.apart:.1e} from each other, so the candidate changed nothing"
    )


def _few(tensors: Sequence[str]) -> str:
    """Returns the first of the names, and the number of the others."""
    more = len(tensors) - MOST_KINDS
    return f"{', '.join(tensors[:MOST_KINDS])}{f' and {more} more' if more > 0 else ''}"


def _retraces(_: reasons.Retraces, comparison: Comparison | None) -> str:
    again = int(comparison.candidate or 0) if comparison else 0
    return f"the step was retraced {Count(again):time}" if again else "no retrace was counted"


def _graph_changes(reason: reasons.GraphChanges, comparison: Comparison | None) -> str:
    if comparison is None or None in (comparison.candidate, comparison.reference):
        return "not counted on both sides"
    return ", ".join(f"{change:+d} {kind}" for kind, change in reason.changes[:MOST_KINDS]) or "the same operations"


def _candidate_failed(reason: reasons.CandidateFailed, _: Comparison | None) -> str:
    where = "" if reason.launch is None else f" in launch {reason.launch + 1},"
    return f"the candidate failed{where} where the reference runs: {reason.message}"


def _not_compiled(reason: reasons.NotCompiled, _: Comparison | None) -> str:
    whose = "either side" if len(reason.sides) > 1 else f"the {reason.sides[0]}"
    other = ", but compiles the other side's" if reason.alone else ""
    return f"XLA can't compile the graph of {whose}{other}: {reason.message}"


def _lockstep_agrees(reason: reasons.LockstepAgrees, _: Comparison | None) -> str:
    agree = f"{Count(reason.steps):step} × {Count(reason.tensors):tensor} agree"
    nearest = (
        f"nearest to its limit: {reason.nearest} at step {reason.nearest_step}" if reason.nearest else "bit-identical"
    )
    return f"{agree}; {nearest}"


def _lockstep_departs(reason: reasons.LockstepDeparts, _: Comparison | None) -> str:
    more = f" with {Count(reason.others):other}" if reason.others else ""
    errors = f"reference {reason.reference_error:.1e} from it, candidate {reason.candidate_error:.1e}"
    first = f"{reason.tensor} exceeds its limit first, at step {reason.step}{more}"
    return f"{first}; the oracle sides with the {reason.right} ({errors})"


def _lockstep_failed(reason: reasons.LockstepFailed, _: Comparison | None) -> str:
    when = "before the first step" if reason.step is None else f"at step {reason.step}"
    return f"the candidate failed {when}, where the reference runs: {reason.message}"


def _stored_range(reason: reasons.StoredRange, _: Comparison | None) -> str:
    days = reason.first_day if reason.first_day == reason.last_day else f"{reason.first_day} to {reason.last_day}"
    return f"{reason.place} the stored range ({Count(reason.launches):launch}, {days})"


def _accepted(reason: reasons.Accepted, comparison: Comparison | None) -> str:
    regressed = comparison and dataclasses.replace(comparison, outcome=Outcome.REGRESSION)
    return f"accepted until {reason.expires}: {reason.why} ({reason.link}); {sentence(reason.regression, regressed)}"


def _not_timed(reason: reasons.NotTimed, _: Comparison | None) -> str:
    why = reason.message or f"it timed {', '.join(reason.subjects) or 'nothing'}"
    return f"the {reason.side} report did not time it: {why}"


def _unlike_baseline(reason: reasons.UnlikeBaseline, _: Comparison | None) -> str:
    found = _differences(reason.fields, "in the baseline", "in the run")
    return f"the baseline is of another subject ({found}): record a new one with --replace"


def _unlike_reports(reason: reasons.UnlikeReports, _: Comparison | None) -> str:
    return f"the reports measured different subjects ({_of_reports(reason.fields)})"


def _unlike_environments(reason: notices.UnlikeEnvironments, _: Comparison | None) -> str:
    found = _differences([reason.field], "on the reference side", "on the candidate side")
    return f"the sides differ: {found}; this may explain a difference"


def _unlike_places(reason: notices.UnlikePlaces, _: Comparison | None) -> str:
    spread = f"ratios deviate by about {reason.between_hosts:.0%} from host to host, which their bounds include"
    return f"{reason.subject}: measured on different machines or settings ({_of_reports(reason.fields)}): {spread}"


def _of_reports(fields: Sequence[Field]) -> str:
    return _differences(fields, "in the reference report", "in the candidate report")


def _differences(fields: Sequence[Field], one: str, other: str) -> str:
    """Returns each property with both its values: "steps 10 in the baseline, 20 in the run"."""
    return "; ".join(
        f"{PROPERTIES.get(field.name, field.name)} {field.one or 'unknown'} {one}, {field.other or 'unknown'} {other}"
        for field in fields
    )


def _launch_failed(reason: notices.LaunchFailed, _: Comparison | None) -> str:
    launch = "" if reason.launch is None else f"launch {reason.launch + 1}"
    where = ", ".join(filter(None, (PARTS.get(reason.where, reason.where), launch)))
    failed = f"your file failed in the {reason.side}" if reason.own_code else f"the {reason.side} failed"
    return f"{where}{where and ': '}{failed}: {reason.message}"


def _failed_once(reason: notices.FailedOnce, _: Comparison | None) -> str:
    where = f"{reason.where}, " if reason.where else ""
    again = f"the {reason.side} failed once, and ran when it was repeated"
    return f"{where}launch {reason.launch + 1}: {again}: {reason.message}"


def _machine_drifted(reason: notices.MachineDrifted, _: Comparison | None) -> str:
    fastest, slowest = map(values.milliseconds, (reason.fastest_seconds, reason.slowest_seconds))
    launches = f"{fastest} in launch {reason.fastest_launch + 1} and {slowest} in launch {reason.slowest_launch + 1}"
    meaning = "both sides are measured in turn, so this may widen intervals, and favours neither"
    return f"the machine's speed changed: the reference's step on all cores took {launches}; {meaning}"


def _nothing_gates(reason: notices.NothingGates, _: Comparison | None) -> str:
    targets = ", ".join(reason.gating)
    return f"none of the timed cases gates; choose, by --mode and --target, one that does: in graph mode, {targets}"


SENTENCES: Mapping[type[Reason], str | Words] = {
    reasons.Decided: _decided,
    reasons.TooFewLaunches: "{launches:launch} measured, and {needed} are needed for a verdict",
    reasons.LaunchesLackIt: "{lacking} of {launches:launch} did not measure it",
    reasons.NoSpread: "all {launches} launches gave the same value: without a spread nothing can be proven",
    reasons.NotANumber: "a launch gave {value}, which is not a measurement",
    reasons.Identical: "bit-identical in {launches:launch}",
    reasons.NotGated: _not_gated,
    reasons.OracleErrors: _oracle_errors,
    reasons.FileRefused: "{case}, which is promised to be read, is refused: {message}",
    reasons.NotRepeated: (
        "{steps:step} from the same start gave a different {tensor} in a second process, which read nothing in between "
        "(a difference of {error:.1e})"
    ),
    reasons.WeightsChanged: lambda reason, _: f"evaluation changed the weights in launch {reason.launch + 1}",
    reasons.NoOracleStep: "no step was checked against the oracle",
    reasons.NotComparable: _not_comparable,
    reasons.MostlyOpen: _mostly_open,
    reasons.ReferenceDeparts: _reference_departs,
    reasons.DepartAlike: _depart_alike,
    reasons.DepartApart: _depart_apart,
    reasons.Retraces: _retraces,
    reasons.GraphChanges: _graph_changes,
    reasons.CandidateFailed: _candidate_failed,
    reasons.NotCompiled: _not_compiled,
    reasons.Diverged: "{message}",
    reasons.LockstepAgrees: _lockstep_agrees,
    reasons.LockstepDeparts: _lockstep_departs,
    reasons.LockstepFailed: _lockstep_failed,
    reasons.UnlikeFingerprints: (
        "corpora or initial weights differ (fingerprints {reference} and {candidate}): install the same NumPy on both "
        "sides"
    ),
    reasons.ReferenceDiverged: "the reference diverged: its loss is {loss} at step {step}; compare fewer steps",
    reasons.LockstepUnfinished: "{done} of {steps} steps were compared: run it again",
    reasons.NoBaseline: "there is no baseline: `tfgate record` makes one from a run that you trust",
    reasons.UnlikeBaseline: _unlike_baseline,
    reasons.NoMargin: "the margins file has no margin of this metric for {subject}",
    reasons.SameTrainings: "bit-identical to {trainings:training} of the baseline from the same starts",
    reasons.TooFewReplicates: "the baseline holds {trainings:training}, and 2 are needed to estimate a spread",
    reasons.OneEnvironment: FEW_ENVIRONMENTS.format("one environment, which doesn't show"),
    reasons.NoStoredSpeed: "the baseline holds no words/s that were measured in the same way on this machine",
    reasons.StoredRange: _stored_range,
    reasons.SpeedNotMeasured: "{message}",
    reasons.Accepted: _accepted,
    reasons.NotTimed: _not_timed,
    reasons.UnlikeReferences: (
        "the references differ, {reference} in the reference report, {candidate} in the candidate report: "
        "ratios to both can't be compared"
    ),
    reasons.UnlikeReports: _unlike_reports,
    notices.Told: "{text}",
    notices.Incomplete: "incomplete: {message}",
    notices.NumbersNotMeasured: "the numbers were not measured",
    notices.LaunchFailed: _launch_failed,
    notices.FailedOnce: _failed_once,
    notices.LeftOpen: _left_open,
    notices.Unmoved: (
        "{subject}: no variable moved in two steps, so no update was compared: a step that trains applies its gradients"
    ),
    notices.BothDepart: _both_depart,
    notices.UnlikeEnvironments: _unlike_environments,
    notices.NotAccepted: _not_accepted,
    notices.ForeignReference: _foreign_reference,
    notices.Unpromised: _unpromised,
    notices.MachineDrifted: _machine_drifted,
    notices.UnlikeSettings: (
        "TensorFlow's settings differ: the reference ran with {reference}, the candidate with {candidate}"
    ),
    notices.NothingGates: _nothing_gates,
    notices.UnlikePlaces: _unlike_places,
    notices.NumbersNotCompared: (
        "values are ratios to the reference that both reports share; numbers are not compared: `tfgate check` judges "
        "each report's"
    ),
}
