"""Commands that go on from a verdict are whole, so that they can be typed, and every form of a verdict has them."""

import dataclasses
import re
import shlex
from collections.abc import Callable, Sequence
from html import unescape

import pytest

from bench.drive.requests import Requirements, read_request
from bench.judge.metrics import ONE_CORE_STEP_TIME, PERPLEXITY, RETRACES, STEP_TIME
from bench.judge.notices import Incomplete, LaunchFailed
from bench.judge.reasons import (
    Accepted,
    CandidateFailed,
    Decided,
    FailsSometimes,
    LockstepFailed,
    NoSpread,
    OracleErrors,
    Reason,
    TooFewLaunches,
)
from bench.judge.types import Comparison, Question, Verdict
from bench.record.micro import Micro
from bench.record.paired import Package, Side
from bench.record.releases import are_listed, end
from bench.report.brief import brief_text
from bench.report.formats.html import render as render_html
from bench.report.formats.markdown import render as render_markdown
from bench.report.judged import Judged
from bench.report.next_steps import LAST_OUTPUT, OVER_LIMITS, next_steps
from bench.report.text import verdict_text
from bench.stats.outcome import Outcome
from lm.workloads.registry import names, workload
from tests.builders.micro import MICRO_RUN
from tests.builders.records import SUBJECT, environment
from tests.builders.verdicts import EXACT, NEW, OLD, comparison, gate_run, lockstep, paired_run, side, upgrade, verdict

SLOWER = comparison(STEP_TIME, 0.2, 0.001)
OF_FOUR = comparison(ONE_CORE_STEP_TIME, 0.05, 0.02)
assert OF_FOUR.precision
UNDECIDED = dataclasses.replace(OF_FOUR, precision=dataclasses.replace(OF_FOUR.precision, planned=12))
LEFT_OPEN = verdict([SLOWER, UNDECIDED])
BEFORE, AFTER = side(OLD), side(NEW)
WHEN = "--as-of 2026-01-01T00:00:00Z"  # up to which the index was read
SAME = f"{WHEN} --config notebook"
REST = f"to measure the rest: tfgate upgrade --from {OLD} --to {NEW} {SAME} --metric 'step time on one core'"
SEARCH = f"tfgate bisect --blame --good {OLD} --bad {NEW} {SAME} --metric 'step time'"


def judged(
    of: Verdict | Sequence[Comparison], *options: str, reference: Side = BEFORE, candidate: Side = AFTER
) -> Judged:
    """An upgrade from one side to the other by a command with these options."""
    command = ("tfgate", "upgrade", "--from", reference.requested, "--to", candidate.requested, *options)
    run = dataclasses.replace(paired_run(), command=command, reference=reference, candidate=candidate)
    return Judged(run, of if isinstance(of, Verdict) else verdict(of))


def there(requested: str, *packages: str) -> Side:
    """An interpreter that holds these packages."""
    return Side(requested, requested, {}, packages=tuple(map(package, packages)))


def package(text: str, hashes: tuple[str, ...] = ()) -> Package:
    name, version = text.split("==")
    return Package(name, version, hashes)


def commands(of: Judged) -> list[str]:
    return [step.command for step in next_steps(of)]


def markdown(found: Verdict) -> str:
    return render_markdown([dataclasses.replace(upgrade(), verdict=found)]).replace("`", "")


def html(found: Verdict) -> str:
    return re.sub("</?code>", "", unescape(render_html([dataclasses.replace(upgrade(), verdict=found)])))


def test_a_regression_says_what_it_left_open_and_how_to_measure_that() -> None:
    steps = next_steps(judged(LEFT_OPEN))
    assert [f"{step.why}: {step.command}".endswith(REST) for step in steps] == [True, False]
    assert len(commands(judged([SLOWER]))) == 1
    assert not commands(judged([UNDECIDED]))
    assert len(commands(judged([SLOWER, OF_FOUR]))) == 1  # of four that were planned


def test_perplexity_is_among_what_an_upgrade_leaves_open_and_what_ends_it() -> None:
    """Of a gate the baselines judge it, and launches in turn go on."""
    trained = dataclasses.replace(comparison(PERPLEXITY, 0.01, 0.01, 0.01), precision=UNDECIDED.precision)
    rest, *_ = commands(judged([SLOWER, UNDECIDED, trained]))
    assert rest.endswith(" --metric 'step time on one core' --metric perplexity")
    apart = comparison(PERPLEXITY, 0.2, 0.001, 0.01)
    rest, *_ = commands(judged([apart, UNDECIDED]))
    assert rest == REST.partition(": ")[2]
    gate = gate_run(launches=2)
    assert not commands(Judged(gate, verdict([apart, UNDECIDED], Question.GATE)))
    assert not commands(Judged(gate, verdict([SLOWER, trained], Question.GATE)))


@pytest.mark.parametrize(("reason", "steps"), [(TooFewLaunches(3, 4), 2), (NoSpread(12), 1)])
def test_what_no_launch_can_decide_is_not_left_open(reason: Reason, steps: int) -> None:
    undecided = dataclasses.replace(UNDECIDED, interval=None, precision=None, reason=reason)
    assert len(commands(judged([SLOWER, undecided]))) == steps


def test_no_command_answers_another_question() -> None:
    """An upgrade measures from the reference, and past an accepted REGRESSION only the same command goes on."""
    accepted = Accepted("2026-06-30", "a known slowdown", "#7", Decided(4))
    passed = dataclasses.replace(SLOWER, outcome=Outcome.PASS, reason=accepted)
    assert not commands(judged([passed, UNDECIDED]))
    shifted = dataclasses.replace(SLOWER, reason=Decided(4, 0.06))
    few = dataclasses.replace(UNDECIDED, interval=None, precision=None, reason=TooFewLaunches(3, 4))
    assert not commands(Judged(gate_run(launches=2), verdict([shifted, few], Question.GATE)))


def test_a_regression_of_an_upgrade_says_how_to_find_what_brought_it() -> None:
    assert commands(judged([SLOWER])) == [SEARCH]
    wrong = dataclasses.replace(EXACT, outcome=Outcome.REGRESSION)
    (line,) = commands(judged([wrong]))
    assert line.endswith("--metric numbers")
    assert not commands(judged([dataclasses.replace(SLOWER, outcome=Outcome.INCONCLUSIVE)]))
    uncounted = dataclasses.replace(wrong, metric=RETRACES)
    assert not commands(judged([uncounted]))
    numbers = judged([wrong])
    alone = dataclasses.replace(paired_run(), pairs=(), oracle=(), command=numbers.run.command)  # own models' numbers
    assert commands(dataclasses.replace(numbers, run=alone)) == [line]


def test_a_pass_of_training_says_how_to_compare_the_other_workloads() -> None:
    """But not an A/A run, not where workloads were chosen, and not a gate, whose baselines are of training."""
    passed = [comparison(STEP_TIME, 0.0, 0.001)]
    (step,) = next_steps(judged(passed, "--threads", "1", "--margin", "3", "--config", "notebook"))
    sides = f"--from {OLD} --to {NEW} {WHEN}"
    assert step.command == f"tfgate upgrade {sides} --threads 1 --workload all --config tiny --numerics-only"
    assert f"with {max(workload(name).memory_gib for name in names())} GiB of memory" in step.why
    assert next_steps(judged(passed, candidate=dataclasses.replace(AFTER, requested=OLD))) == []
    assert next_steps(judged(passed, "--workload=train")) == []
    assert next_steps(Judged(gate_run(launches=2), verdict(passed, Question.GATE))) == []
    assert next_steps(judged([UNDECIDED])) == []


def test_a_gate_says_what_it_left_open() -> None:
    """Its sides are those that it measured: they need not be in its command."""
    gate = gate_run(launches=2)
    gate = dataclasses.replace(gate, command=("tfgate", "gate", "--launches", "3", "--full", "--threads", "1"))
    found = Judged(gate, verdict([SLOWER, UNDECIDED], Question.GATE))
    sides = f"--from {gate.speed[0].reference.requested} --to {gate.candidate.requested}"
    assert commands(found) == [
        f"tfgate upgrade {sides} --threads 1 --config {SUBJECT.config} --metric 'step time on one core'"
    ]


@pytest.mark.parametrize(
    ("workload", "typed", "said"),
    [
        ("train", (), ()),
        ("save", ("--workload", "xla", "--workload", "save"), ("--workload", "save")),
        ("mine.py", ("--workload=models/mine.py", "--workload", "save"), ("--workload", "models/mine.py")),
    ],
)
def test_a_command_that_goes_on_is_of_one_work_alone(
    workload: str, typed: tuple[str, ...], said: tuple[str, ...]
) -> None:
    """The run's compared several things, in a folder, in part."""
    subject = dataclasses.replace(SUBJECT, workload=workload)
    found = judged([dataclasses.replace(one, subject=subject.name) for one in (SLOWER, UNDECIDED)])
    command = (*found.run.command, *typed, "--config", "tiny", "--output", "there", "--speed-only", "--json")
    oracle = tuple(dataclasses.replace(one, subject=subject) for one in paired_run().oracle)
    run = dataclasses.replace(paired_run(), command=command, pairs=(), oracle=oracle)
    config = () if subject.own else ("--config", SUBJECT.config)

    def rest(*command: str) -> str:
        return commands(dataclasses.replace(found, run=dataclasses.replace(run, command=command)))[0]

    begin, end = ("tfgate", "upgrade", "--from", OLD, "--to", NEW), (*said, *config, "--metric", ONE_CORE_STEP_TIME)
    assert rest(*command) == shlex.join((*begin, *WHEN.split(), *end))
    assert rest(*command, "--as-of", "release") == shlex.join((*begin, "--as-of", "release", *end))
    survey = dataclasses.replace(run, command=("tfgate", "survey", *typed))
    assert commands(dataclasses.replace(found, run=survey)) == []


def test_a_bisection_has_no_margin_and_no_variables_of_a_side() -> None:
    """It can search neither for these nor in one environment."""
    rest, search = commands(judged(LEFT_OPEN, "--margin", "8%", "--threads", "1"))
    options = f"{WHEN} --margin 8% --threads 1 --config notebook"
    assert rest == f"tfgate upgrade --from {OLD} --to {NEW} {options} --metric 'step time on one core'"
    assert search == f"tfgate bisect --blame --good {OLD} --bad {NEW} {WHEN} --threads 1 --config notebook " + (
        "--metric 'step time'"
    )
    for found in (judged(LEFT_OPEN, "--to-env", "A=1"), judged(LEFT_OPEN, candidate=BEFORE)):
        (rest,) = commands(found)
        assert " upgrade " in rest


def test_a_search_from_an_interpreter_names_what_is_installed_there() -> None:
    """A bisection, and what follows it, builds environments: of one package, whose releases an index lists."""
    packages = ("absl-py==2.5.1", "keras==3.4.1", "tensorflow-cpu==2.16.2")
    found = judged(LEFT_OPEN, reference=there("env/bin/python", *packages))
    assert next_steps(found)[-1].why.endswith("among the index's builds of these versions (no interpreter is searched)")
    rest, search = commands(found)
    assert f"upgrade --from env/bin/python --to {NEW} " in rest
    assert f"--good 'tensorflow-cpu==2.16.2 keras==3.4.1' --bad tensorflow-cpu=={NEW} " in search
    hashed = tuple(package(text, ("sha256:ab",)) for text in packages)
    undated = dataclasses.replace(there("2.16.2"), packages=hashed)  # from an index without upload times
    (search,) = commands(judged([SLOWER], reference=undated))
    assert "--good 2.16.2 " in search
    assert not commands(judged([SLOWER], reference=there("env/bin/python", *packages[:2])))


@pytest.mark.parametrize(
    ("sides", "installed", "searched"),
    [
        (("2.20.0", "2.21.0"), {}, True),
        (("2.20.0", "tf-nightly"), {}, True),
        (("tensorflow==2.20.0 keras==3.1", "2.21.0"), {}, True),
        (("old", "new"), {"old": "tensorflow==2.21.0 keras==3.1", "new": "tensorflow==2.21.0 keras==3.2"}, True),
        (("old", "new"), dict.fromkeys(("old", "new"), "tensorflow==2.21.0 keras==3.1"), False),  # own builds of one
        (("old", "new"), {"old": "tensorflow==2.21.0", "new": "tensorflow==2.22.0+acme.7"}, False),
        (("old", "new"), {"old": "tensorflow==2.21.0", "new": "tensorflow==2.22.0.dev0"}, False),
        (("old", "new"), {"old": "tensorflow==2.21.0", "new": "tensorflow==2.22.0 keras==3.2+acme"}, False),
        (("old", "new"), {"old": "tensorflow==2.21.0", "new": "tf-nightly==2.22.0.dev20261101"}, True),
        (("reference", "new"), {"reference": "tensorflow-cpu==2.21.0", "new": "tensorflow==2.22.0"}, False),
        (("2.20.0", "dist/tensorflow_cpu-2.21.0-cp311-cp311-linux_x86_64.whl"), {}, False),
        (("2.20.0", "conda/bin/python"), {}, False),
        (("2.20.0", "tensorflow"), {}, False),
        (("tensorflow", "tf-nightly"), {}, False),
        (("2.20.0", "keras==3.1 tensorflow-cpu==2.20.0"), {}, False),
    ],
)
def test_a_search_is_named_only_between_ends_whose_releases_are_listed(
    sides: tuple[str, str], installed: dict[str, str], searched: bool
) -> None:
    held = {name: installed.get(name, "").split() for name in sides}
    old, new = (there(name, *held[name]) if held[name] else side(name) for name in sides)
    within = [
        dataclasses.replace(
            environment(), distribution=held[name][0].partition("==")[0] if held[name] else "tensorflow"
        )
        for name in sides
    ]
    ran = dataclasses.replace(lockstep(), reference=within[0], candidate=within[1])
    found = judged([SLOWER], reference=old, candidate=new)
    run = dataclasses.replace(paired_run(), command=found.run.command, reference=old, candidate=new, lockstep=ran)
    steps = commands(dataclasses.replace(found, run=dataclasses.replace(run, pairs=(), oracle=())))
    assert len(steps) == searched
    for step in steps:  # by the rule of drive.environments.releases_between, which then asks the index
        _, _, _, _, good, _, bad, *_ = shlex.split(step)
        assert are_listed(end(read(good)), end(read(bad)))


def read(text: str) -> str:
    """The requirement that a bisection makes of a side."""
    request = read_request(text)
    assert isinstance(request, Requirements)
    return request.lines[0]


def test_a_margin_stays_where_a_step_time_is_left() -> None:
    """`upgrade` refuses it elsewhere."""
    memory = dataclasses.replace(UNDECIDED, metric=dataclasses.replace(UNDECIDED.metric, name="peak memory"))
    rest, _ = commands(judged([SLOWER, memory], "--margin", "8%"))
    assert rest == f"tfgate upgrade --from {OLD} --to {NEW} {SAME} --metric 'peak memory'"
    both, _ = commands(judged([SLOWER, memory, UNDECIDED], "--margin", "8%"))
    assert " --margin 8% " in both


def test_where_a_process_failed_the_command_that_shows_its_last_output_is_named() -> None:
    stopped, stuck, sometimes = (
        dataclasses.replace(EXACT, outcome=outcome, reason=reason)
        for outcome, reason in (
            (Outcome.REGRESSION, CandidateFailed(0, "killed")),
            (Outcome.REGRESSION, LockstepFailed(7, "killed")),
            (Outcome.INCONCLUSIVE, FailsSometimes(2, 0, 12, "killed")),
        )
    )
    launch = LaunchFailed("", 1, "reference", "killed")
    for found in (verdict([EXACT], failures=[launch]), verdict([stopped]), verdict([stuck]), verdict([sometimes])):
        *_, step = next_steps(judged(found), "a run")
        assert step == (LAST_OUTPUT, "tfgate show 'a run'")
        assert not next_steps(Judged(Micro(MICRO_RUN, [], []), found))  # whose file has it
    for found in (verdict([EXACT]), verdict([EXACT], failures=[Incomplete("interrupted after 4 launches")])):
        assert LAST_OUTPUT not in {step.why for step in next_steps(judged(found), "a run")}


@pytest.mark.parametrize(("over", "steps"), [(8, [(OVER_LIMITS, "tfgate show 'a run'")]), (1, []), (0, [])])
def test_where_several_tensors_are_over_their_limits_the_command_that_lists_them_is_named(
    over: int, steps: list[tuple[str, str]]
) -> None:
    """A verdict names the first."""
    reason = OracleErrors("update", "output/bias", 5, 1e-2, 4e-6, over, 4020)
    outcome = Outcome.REGRESSION if over else Outcome.PASS
    found = verdict([dataclasses.replace(EXACT, outcome=outcome, reason=reason)])
    gate = Judged(gate_run(), dataclasses.replace(found, question=Question.GATE))
    assert next_steps(gate, "a run") == steps


def test_texts_of_a_verdict_have_them() -> None:
    steps = next_steps(judged(LEFT_OPEN))
    for said in (brief_text(LEFT_OPEN, steps=steps), verdict_text(LEFT_OPEN, steps=steps)):
        assert REST in " ".join(said.split())
        assert SEARCH in said


@pytest.mark.parametrize("shown", [markdown, html])
@pytest.mark.usefixtures("undrawn")
def test_pages_of_a_verdict_have_them(shown: Callable[[Verdict], str]) -> None:
    said = shown(LEFT_OPEN)
    assert REST in said
    assert SEARCH in said
