"""The table that turns what a verdict says beside its comparisons into English: warnings and failures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from bench.judge import notices
from bench.judge.fields import Field
from bench.judge.reasons import Reason
from bench.report import values

Words: TypeAlias = str | Callable[[Any], str]  # a template of a reason's fields, or a function of the reason
MOST_NAMED = 5  # tensors that a sentence names
CHECKS = {"oracle": "the launch checked against the oracle", "lockstep": "the lockstep comparison"}  # of a measurement
PROPERTIES = {
    "affinity": "CPUs",
    "cpu_model": "CPU",
    "isa": "architecture",
    "onednn": "oneDNN",
    "python": "Python",
    "variables": "environment variables",
}


def _launch_failed(reason: notices.LaunchFailed) -> str:
    launch = "" if reason.launch is None else f"launch {reason.launch + 1}"
    where = ", ".join(filter(None, (CHECKS.get(reason.where, reason.where), launch)))
    failed = f"your file failed in the {reason.side}" if reason.own_code else f"the {reason.side} failed"
    said = f"{failed}: {reason.message}" if reason.side else reason.message
    return f"{where}{where and ': '}{said}"


def _failed_once(reason: notices.FailedOnce) -> str:
    where = f"{reason.where}, " if reason.where else ""
    again = f"the {reason.side or 'launch'} failed once, and ran when it was repeated"
    return f"{where}launch {reason.launch + 1}: {again}: {reason.message}"


def _left_open(reason: notices.LeftOpen) -> str:
    total = len(reason.tensors) + reason.compared
    left_open = f"{len(reason.tensors)} of {total} tensors not compared ({_few(reason.tensors)})"
    rounded = len(reason.tensors) > reason.not_finite and any(map(_is_gradient, reason.tensors))
    more = "; a smaller batch leaves fewer gradients open" if rounded else ""
    return f"{reason.subject}: {left_open}: {why_open(len(reason.tensors), reason.not_finite)}{more}"


def _is_gradient(tensor: str) -> bool:
    return tensor.startswith("gradient of ")


def why_open(left_open: int, not_finite: int) -> str:
    """Returns why tensors were left open, of which some are not finite."""
    if not not_finite:
        return "the reference's own float32 is too far from its float64"
    if not_finite == left_open:
        return "they are NaN or Inf in the reference"
    others = "in the others its float32 is too far from its float64"
    return f"{not_finite} of these are NaN or Inf in the reference, and {others}"


def _both_depart(reason: notices.BothDepart) -> str:
    return (
        f"{reason.subject}: {_few(reason.tensors)}: both sides are up to {reason.error:.1e} from the oracle and "
        f"at most {reason.apart:.1e} from each other, so the candidate changed nothing"
    )


def _few(tensors: Sequence[str]) -> str:
    """Returns the first of the names, and the number of the others."""
    more = len(tensors) - MOST_NAMED
    return f"{', '.join(tensors[:MOST_NAMED])}{f' and {more} more' if more > 0 else ''}"


def _unlike_environments(reason: notices.UnlikeEnvironments) -> str:
    found = differences([reason.field], "on the reference side", "on the candidate side")
    return f"the sides differ: {found}; this may explain a difference"


def _unlike_places(reason: notices.UnlikePlaces) -> str:
    said = "this may explain a difference"
    if reason.between_hosts:
        said = f"ratios deviate by about {reason.between_hosts:.0%} from host to host, which their bounds include"
    return f"{reason.subject}: measured on different machines or settings ({of_reports(reason.fields)}): {said}"


def of_reports(fields: Sequence[Field]) -> str:
    """Returns each property with its value in both reports."""
    return differences(fields, "in the reference report", "in the candidate report")


def differences(fields: Sequence[Field], one: str, other: str) -> str:
    """Returns each property with both its values: "steps 10 in the baseline, 20 in the run"."""
    told = []
    for field in fields:
        nothing = "none" if field.name == "variables" else "unknown"
        name = PROPERTIES.get(field.name, field.name)
        told.append(f"{name} {field.one or nothing} {one}, {field.other or nothing} {other}")
    return "; ".join(told)


def _not_accepted(reason: notices.NotAccepted) -> str:
    limit = "" if reason.limit is None else f" up to {100 * reason.limit:.1f}%"
    less = "has no size: accept it anew" if reason.limit is None else "doesn't cover it: this regression is larger"
    told = f"ended on {reason.expires}" if reason.ended else f"until {reason.expires} {less}"
    if reason.other_file:
        told = "is of another file than this one"
    return f"{reason.metric} of {reason.subject}: its acceptance{limit} {told} ({reason.link})"


def _unpromised(reason: notices.Unpromised) -> str:
    said = [f"{case} is refused ({why})" for case, why in reason.refused]
    if reason.others:
        said.append(f"{_few(reason.others)}: up to {reason.error:.1e} from what was written")
    return f"of files that no version promises to read: {'; '.join(said)}"


def _machine_drifted(reason: notices.MachineDrifted) -> str:
    fastest, slowest = map(values.milliseconds, (reason.fastest_seconds, reason.slowest_seconds))
    launches = f"{fastest} in launch {reason.fastest_launch + 1} and {slowest} in launch {reason.slowest_launch + 1}"
    meaning = "both sides are measured in turn, so this may widen intervals, and favours neither"
    return f"the machine's speed changed: the reference's step on all cores took {launches}; {meaning}"


def _few_threads(reason: notices.FewThreads) -> str:
    had = f"{values.Count(reason.threads):thread}"
    return f"TensorFlow had {had} of {reason.cores} cores: what is said of all cores holds for {had}"


def _nothing_gates(reason: notices.NothingGates) -> str:
    targets = ", ".join(reason.gating)
    gate = f"in graph mode, {targets} of the first --config, --implementation and --device"
    return f"none of the timed cases gates; choose, by --mode and --target, one that does and isn't skipped: {gate}"


NOTICES: Mapping[type[Reason], Words] = {
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
    notices.ForeignReference: (
        "the ledger's entries are of another reference than {reference} ({setup}): nothing that was accepted counts "
        "here"
    ),
    notices.Unpromised: _unpromised,
    notices.MachineDrifted: _machine_drifted,
    notices.FewThreads: _few_threads,
    notices.UnlikeSettings: (
        "TensorFlow's settings differ: the reference ran with {reference}, the candidate with {candidate}"
    ),
    notices.NothingGates: _nothing_gates,
    notices.UnlikePlaces: _unlike_places,
    notices.NumbersNotCompared: "numbers are not compared: `tfgate check` judges each report's",
}
