"""Says what a verdict means for who has to act on it, by its question, outcome and scope."""

import dataclasses
from collections.abc import Iterable, Sequence

from bench.judge.metrics import COMPILATION, NAMES, ONE_CORE_STEP_TIME, PERPLEXITY, RETRACES, SPEED, STEP_TIME, TRAINING
from bench.judge.notices import Incomplete
from bench.judge.reasons import Decided, Identical
from bench.judge.types import Comparison, Direction, Question, Scope, Unit, Verdict
from bench.record.paired import ALL_CORES, ONE_CORE
from bench.report import values
from bench.stats.outcome import Outcome

GLYPHS = {
    Outcome.PASS: "✔",
    Outcome.REGRESSION: "✖",
    Outcome.INCONCLUSIVE: "?",
    Outcome.FAILED: "!",
    Outcome.NOT_GATED: "ℹ",
}

SCOPES = {
    Scope.ALL: "",
    Scope.NUMBERS: "numbers only; speed not measured",
    Scope.SPEED: "speed and memory; numbers not checked step by step",
    Scope.NAMED: "the named metrics only",
}

BASELINES, ORACLE = "the baselines", "the oracle"  # what a gate and a run of one environment are checked against
LEDGER = "what the ledger accepted"  # from which changes are measured of which it holds a ratio
EXCEPT = "except for what the ledger accepts, "
NOTHING_JUDGED = "nothing was judged: the warnings say why"
WHAT_NOW = "; what may help is in tfgate's docs/faq.md"
NO_VERDICT = "launches did not finish, so there is no verdict: fix what failed, and measure again"
INTERRUPTED = "launches are missing, so there is no verdict: go on by the same command with --resume and its --output"


@dataclasses.dataclass(frozen=True)
class Names:
    """The names in headlines: of the sides, and of what they ran."""

    candidate: str = "the candidate"
    reference: str = "the reference"
    work: str = ""  # of which a PASS speaks; "" where that is not told
    baselines: bool = True  # a gate or a run of it is checked against some
    oracle: bool = False  # it has a workload without any, which the oracle judges
    own: bool = False  # a user's own model is among it

    @property
    def within(self) -> str:
        """Returns the work as it follows a claim: " in the workload predict"; "" where it is not told."""
        return f" in {self.work}" if self.work else ""


UNNAMED = Names()
MOST_SUBJECTS = 3  # that a headline names


def scope_text(verdict: Verdict) -> str:
    """Returns what follows the outcome where not everything was measured: " (numbers only; speed not measured)"."""
    scope = "" if verdict.outcome is Outcome.FAILED else SCOPES[verdict.scope]
    return f" ({scope})" if scope else ""


def headline(verdict: Verdict, names: Names = UNNAMED) -> str:
    """Returns what the verdict means, as a sentence without a capital and a full stop."""
    if verdict.outcome is Outcome.FAILED:
        resumable = verdict.question in (Question.UPGRADE, Question.GATE)
        return INTERRUPTED if resumable and all(isinstance(one, Incomplete) for one in verdict.failures) else NO_VERDICT
    if verdict.outcome is Outcome.REGRESSION and any(one.failed for one in verdict.decisive):
        return f"{names.candidate} fails where {names.reference} runs{_where_failed(verdict, names)}"
    tell = {Question.LOCKSTEP: _of_lockstep, Question.MICRO: _of_micro}.get(verdict.question, _of_all)
    accepted = verdict.outcome is Outcome.PASS and any(one.accepted for one in verdict.comparisons)
    return f"{EXCEPT if accepted else ''}{tell(verdict, names)}"


def compared_with(verdict: Verdict, names: Names) -> str:
    """Returns what the candidate was compared with: in a gate its speed with another standard than its numbers."""
    standards = _standards(verdict, names)
    if verdict.question is Question.RUN or (verdict.question is Question.GATE and verdict.scope is Scope.NUMBERS):
        return listed(standards)
    base = _base(verdict.decisive, names)
    others = standards if names.own else [one for one in standards if one != names.reference]
    return listed([*others, *([base] if base not in others else [])])


def _decided_by(verdict: Verdict, names: Names) -> str:
    """Returns what the decisive metrics were compared with: in a gate no more than these were."""
    in_turn = {_is_in_turn(one) for one in verdict.decisive}
    told_of_either = any(one.metric in (RETRACES, COMPILATION, TRAINING) for one in verdict.decisive)
    if verdict.question is not Question.GATE or len(in_turn) != 1 or told_of_either:
        return compared_with(verdict, names)
    return _base(verdict.decisive, names) if True in in_turn else listed(_standards(verdict, names))


def _standards(verdict: Verdict, names: Names) -> list[str]:
    """Returns what numbers were compared with: in a gate and in a run the reference's are those of own models alone."""
    if verdict.question not in (Question.GATE, Question.RUN):
        return [names.reference]
    own = names.own and verdict.scope is not Scope.NUMBERS
    oracle = names.oracle or (names.own and not own) or not (names.baselines or own)
    return [*[BASELINES] * names.baselines, *[ORACLE] * oracle, *[names.reference] * own]


def _base(comparisons: Iterable[Comparison], names: Names) -> str:
    """Returns what changes are measured from: of all of them, of some or of none the ledger may hold a ratio. A total
    counts where it is alone: its name says since when.
    """
    decided = [one for one in comparisons if isinstance(one.reason, Decided) and _is_in_turn(one)]
    shifted = [is_shifted(one) for one in decided if not _is_total(one)] or list(map(_is_total, decided))
    if not any(shifted):
        return names.reference
    return LEDGER if all(shifted) else f"{names.reference} or {LEDGER}"


def _is_in_turn(comparison: Comparison) -> bool:
    """Tells whether a gate compares a metric with its reference: what launches in turn tell, and totals."""
    name = comparison.metric.name
    return _is_total(comparison) or name == SPEED.name or (name in NAMES and name != PERPLEXITY)


def is_shifted(comparison: Comparison) -> bool:
    """Tells whether a change is measured from a ratio that the ledger accepted."""
    return isinstance(comparison.reason, Decided) and bool(comparison.reason.accepted)


def _is_total(comparison: Comparison) -> bool:
    """Tells whether it is the change since the ledger's first entry, which has a budget."""
    return comparison.metric.unit is Unit.RATIO and comparison.metric.name not in NAMES


def _where_failed(verdict: Verdict, names: Names) -> str:
    """Returns the work in which the candidate fails, as it follows the claim: of several, that alone."""
    failed = {one.subject for one in verdict.decisive if one.failed}
    every = {one.subject for one in verdict.comparisons}
    return names.within if failed == every else f" in {' and '.join(sorted(failed))}"


def _where_decided(verdict: Verdict, names: Names) -> str:
    """Returns the work that made the outcome, as it follows the claim: of several standards, what it was alone."""
    compared = [one for one in verdict.comparisons if one.metric.name != SPEED.name]  # which stands for what wasn't
    every, decided = ({one.subject for one in of} for of in (compared, verdict.decisive))
    several = len(_standards(verdict, names)) > 1 and set() < decided < every
    return f" in {' and '.join(sorted(decided))}" if several else names.within


def _of_all(verdict: Verdict, names: Names) -> str:
    """Returns the headline of any question, unless it has its own."""
    if verdict.outcome is Outcome.PASS:
        return f"{names.candidate} is {_passed(verdict, names)}"
    against, work = _decided_by(verdict, names), _where_decided(verdict, names)
    where = f"{_in_metrics(verdict)}{work and ','}{work}"
    if verdict.outcome is Outcome.REGRESSION:
        margin = " by more than the margin" if all(one.metric.margin for one in verdict.decisive) else ""
        equal = [one.interval for one in verdict.decisive if one.metric.direction is Direction.EQUAL]
        below = any(interval and interval.estimate < 0 for interval in equal)
        return f"{names.candidate} {'differs from' if below else 'is worse than'} {against}{margin}{where}"
    neither = f"the measurements prove neither that {names.candidate} is as good as {against} nor that it is worse"
    return f"{neither}{where}{WHAT_NOW}"


def _passed(verdict: Verdict, names: Names) -> str:
    """Returns what a PASS says of the candidate: no more than its scope."""
    standard = f"{listed(_standards(verdict, names))}{names.within}"
    not_worse = f"not worse than {standard} by more than the margin{_excluded(verdict)}"
    if verdict.scope is Scope.NAMED:
        return not_worse
    speed = _speed(verdict, names)
    if verdict.scope is Scope.SPEED:
        return f"not slower or larger than {standard} by more than the margin{speed}" if speed else not_worse
    return f"as correct as {standard}{speed}"


def _of_lockstep(verdict: Verdict, names: Names) -> str:
    candidate, reference = names.candidate, names.reference
    if verdict.outcome is Outcome.PASS:
        return f"{candidate} computes what {reference} computes, step by step"
    if verdict.outcome is Outcome.REGRESSION:
        return f"{candidate} does not compute what {reference} computes"
    neither = f"the comparison proves neither that {candidate} computes what {reference} computes nor that it does not"
    return f"{neither}{WHAT_NOW}"


def _of_micro(verdict: Verdict, names: Names) -> str:
    if all(one.outcome is Outcome.NOT_GATED for one in verdict.comparisons):
        return NOTHING_JUDGED
    if verdict.outcome is Outcome.INCONCLUSIVE:
        return _of_all(verdict, names)
    gating = [one for one in verdict.comparisons if one.metric.gates and one.metric.margin is not None]
    than = " than the ledger accepted" if any(map(is_shifted, gating)) else ""
    slower = (
        f"is slower than {names.reference}'s by {values.margin(gating[0].metric)} or more{than}"  # all have one margin
    )
    if verdict.outcome is Outcome.PASS:
        return f"no gated hot path of {names.candidate} {slower}"
    return f"a hot path of {names.candidate} {slower}{_in_metrics(verdict)}"


def _speed(verdict: Verdict, names: Names) -> str:
    """Returns what a PASS says of speed."""
    if verdict.scope is Scope.NUMBERS:
        every = list(dict.fromkeys(one.subject for one in verdict.comparisons))
        told = ", ".join(every) if len(every) <= MOST_SUBJECTS else f"{len(every)} subjects"
        return f" ({told}); its speed was not measured"
    excluded = {
        where: margins
        for where, metric in ((ONE_CORE, ONE_CORE_STEP_TIME), (ALL_CORES, STEP_TIME))
        if (margins := verdict.ruled_out(metric))
    }
    if not excluded:
        return ""
    most = {where: max(margins.values()) for where, margins in excluded.items()}
    widest = {where: values.percent(margin, margin).removeprefix("+") for where, margin in most.items()}
    slowdowns = " and ".join(f"of {margin} or more on {where}" for where, margin in widest.items())
    subjects = dict.fromkeys(subject for margins in excluded.values() for subject in margins)
    base = _base((one for one in verdict.comparisons if one.metric.name in (ONE_CORE_STEP_TIME, STEP_TIME)), names)
    compared = "" if base in _standards(verdict, names) else f"from {base} "  # named before
    return f"; a slowdown {compared}{slowdowns} is excluded ({', '.join(subjects)})"


def _excluded(verdict: Verdict) -> str:
    """Returns the metrics that a PASS excludes a change of, each with its widest margin: ": peak memory 10.0%"."""
    found = []
    for name, metric in {one.metric.name: one.metric for one in verdict.comparisons}.items():
        if margins := verdict.ruled_out(name):
            widest = dataclasses.replace(metric, margin=max(margins.values()))
            found.append(f"{name} {values.margin(widest)}")
        elif all(isinstance(one.reason, Identical) for one in verdict.comparisons if one.metric.name == name):
            found.append(f"{name} (bit-identical)")
    return f": {', '.join(found)}" if found else ""


def _in_metrics(verdict: Verdict) -> str:
    """Returns the decisive metrics, each once: " in step time and perplexity"; "" where there is none."""
    names = list(dict.fromkeys(comparison.metric.name for comparison in verdict.decisive))
    return f" in {listed(names)}" if names else ""


def listed(names: Sequence[str]) -> str:
    """Returns names as a sentence lists them: "a, b and c"."""
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last
