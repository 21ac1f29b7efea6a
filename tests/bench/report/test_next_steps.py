"""Commands that go on from a verdict are whole, so that they can be typed, and every form of a verdict has them."""

import dataclasses
import re
import shlex
from collections.abc import Callable
from html import unescape

import pytest

from bench.drive.requests import Requirements, read_request
from bench.judge.metrics import ONE_CORE_STEP_TIME, RETRACES, STEP_TIME
from bench.judge.reasons import Accepted, Decided
from bench.judge.types import Question, Verdict
from bench.record.releases import are_listed, end
from bench.report.brief import brief_text
from bench.report.formats.html import render as render_html
from bench.report.formats.markdown import render as render_markdown
from bench.report.headlines import Names
from bench.report.next_steps import next_steps
from bench.report.text import verdict_text
from bench.stats.outcome import Outcome
from tests.builders.records import SUBJECT
from tests.builders.verdicts import EXACT, comparison, upgrade, verdict

SLOWER = comparison(STEP_TIME, 0.2, 0.001)
OF_FOUR = comparison(ONE_CORE_STEP_TIME, 0.05, 0.02)
assert OF_FOUR.precision
UNDECIDED = dataclasses.replace(OF_FOUR, precision=dataclasses.replace(OF_FOUR.precision, planned=12))
LEFT_OPEN = verdict([SLOWER, UNDECIDED])
REST = "to measure the rest: tfgate upgrade … --metric 'step time on one core'"
SEARCH = "tfgate bisect --blame --good … --bad … --workload … --config … --metric 'step time'"
WHEN = "--as-of 2026-01-01T00:00:00Z"  # up to which the index was read
OPTIONS = ("--from", "2.15.1", "--to", "2.16.1", "--margin", "8%", "--config", "my tiny")
KNOWN = Names(measured={SUBJECT.name: OPTIONS})


def markdown(found: Verdict) -> str:
    return render_markdown([dataclasses.replace(upgrade(), verdict=found)])


def html(found: Verdict) -> str:
    return re.sub("</?code>", "", unescape(render_html([dataclasses.replace(upgrade(), verdict=found)])))


def test_a_regression_says_what_it_left_open_and_how_to_measure_that() -> None:
    assert [str(line).endswith(REST) for line in next_steps(LEFT_OPEN)] == [True, False]
    assert len(next_steps(verdict([SLOWER]))) == 1
    assert not next_steps(verdict([UNDECIDED]))
    assert len(next_steps(verdict([SLOWER, OF_FOUR]))) == 1  # of four that were planned
    accepted = Accepted("2026-06-30", "a known slowdown", "#7", Decided(4))
    passed = dataclasses.replace(SLOWER, outcome=Outcome.PASS, reason=accepted)
    (line,) = next_steps(verdict([passed, UNDECIDED]))
    assert str(line).endswith(REST)
    assert "ledger accepts now" in line.why
    assert "ledger" not in next_steps(LEFT_OPEN)[0].why
    (line,) = next_steps(dataclasses.replace(LEFT_OPEN, question=Question.GATE))
    assert str(line).endswith("tfgate upgrade --from reference … --metric 'step time on one core'")


def test_a_regression_of_an_upgrade_says_how_to_find_what_brought_it() -> None:
    (line,) = next_steps(verdict([SLOWER]))
    assert str(line).endswith(SEARCH)
    wrong = dataclasses.replace(EXACT, outcome=Outcome.REGRESSION)
    (line,) = next_steps(verdict([wrong]))
    assert str(line).endswith("--metric numbers")
    assert not next_steps(verdict([dataclasses.replace(SLOWER, outcome=Outcome.INCONCLUSIVE)]))
    assert not next_steps(verdict([SLOWER], Question.GATE))
    uncounted = dataclasses.replace(wrong, metric=RETRACES)
    assert not next_steps(verdict([uncounted]))


def test_what_is_known_of_an_upgrade_is_in_the_commands_that_go_on() -> None:
    """A bisection has no margin, and no variables of a side: it can search neither for these nor in one environment."""
    rest, search = next_steps(LEFT_OPEN, KNOWN)
    same = "--from 2.15.1 --to 2.16.1 --margin 8% --config 'my tiny'"
    assert rest.command == f"tfgate upgrade {same} --metric 'step time on one core'"
    assert search.command == "tfgate bisect --blame --good 2.15.1 --bad 2.16.1 --config 'my tiny' --metric 'step time'"
    for options in ((*OPTIONS, "--to-env", "A=1"), ("--from", "2.15.1", "--to", "2.15.1", "--config", "tiny")):
        (rest,) = next_steps(LEFT_OPEN, Names(measured={SUBJECT.name: options}))
        assert " upgrade " in rest.command


def test_stored_reports_that_are_compared_end_no_launches() -> None:
    assert next_steps(dataclasses.replace(LEFT_OPEN, question=Question.REPORTS)) == []


def test_a_search_from_an_interpreter_names_what_is_installed_there() -> None:
    """A bisection, and what follows it, builds environments: of one package, whose releases an index lists."""
    for package in ("tensorflow-cpu", "tensorflow"):
        measured = {SUBJECT.name: ("--from", "env/bin/python", "--to", "2.20.0")}
        installed = {"env/bin/python": f"{package}==2.16.2 keras==3.4.1"}
        rest, search = next_steps(LEFT_OPEN, Names(measured=measured, installed=installed))
        assert "upgrade --from env/bin/python --to 2.20.0 " in rest.command
        assert f"--good '{package}==2.16.2 keras==3.4.1' --bad {package}==2.20.0 " in search.command


@pytest.mark.parametrize(
    ("sides", "installed", "searched"),
    [
        (("2.20.0", "2.21.0"), {}, True),
        (("2.20.0", "tf-nightly"), {}, True),
        (("tensorflow==2.20.0 keras==3.1", "2.21.0"), {}, True),
        (("old", "new"), {"old": "tensorflow==2.21.0 keras==3.1", "new": "tensorflow==2.21.0 keras==3.2"}, True),
        (("old", "new"), dict.fromkeys(("old", "new"), "tensorflow==2.21.0 keras==3.1"), False),  # own builds of one
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
    measured = {SUBJECT.name: ("--from", sides[0], "--to", sides[1])}
    steps = next_steps(verdict([SLOWER]), Names(measured=measured, installed=installed))
    assert len(steps) == searched
    for step in steps:  # by the rule of drive.environments.releases_between, which then asks the index
        _, _, _, _, good, _, bad, *_ = shlex.split(step.command)
        assert are_listed(end(read(good)), end(read(bad)))


def read(text: str) -> str:
    """The requirement that a bisection makes of a side."""
    request = read_request(text)
    assert isinstance(request, Requirements)
    return request.lines[0]


def test_a_margin_stays_where_a_step_time_is_left() -> None:
    """`upgrade` refuses it elsewhere."""
    memory = dataclasses.replace(UNDECIDED, metric=dataclasses.replace(UNDECIDED.metric, name="peak memory"))
    rest, _ = next_steps(verdict([SLOWER, memory]), KNOWN)
    assert rest.command == "tfgate upgrade --from 2.15.1 --to 2.16.1 --config 'my tiny' --metric 'peak memory'"
    both, _ = next_steps(verdict([SLOWER, memory, UNDECIDED]), KNOWN)
    assert " --margin 8% " in both.command


@pytest.mark.parametrize("shown", [brief_text, verdict_text])
@pytest.mark.usefixtures("undrawn")
def test_texts_of_a_verdict_have_them(shown: Callable[[Verdict], str]) -> None:
    said = " ".join(shown(LEFT_OPEN).split())
    assert REST in said
    assert SEARCH in said


@pytest.mark.parametrize("shown", [markdown, html])
@pytest.mark.usefixtures("undrawn")
def test_pages_of_a_verdict_have_them_with_the_sides_of_their_run(shown: Callable[[Verdict], str]) -> None:
    said = shown(LEFT_OPEN)
    assert f"tfgate upgrade --from 2.20.0 --to 2.21.0 {WHEN} --config notebook --metric 'step time on one core'" in said
    assert f"bisect --blame --good 2.20.0 --bad 2.21.0 {WHEN} --config notebook --metric 'step time'" in said
