"""A verdict in a terminal."""

import dataclasses
import functools
import re

import pytest

from bench.judge.gate import judge_gate
from bench.judge.types import Verdict
from bench.record.types import Failure
from bench.report.precision import TRUST
from bench.report.sentences import why
from bench.report.text import verdict_text
from bench.stats.outcome import Outcome
from tests.builders.golden import golden
from tests.builders.records import BEYOND, record, records, run
from tests.builders.verdicts import HOSTILE_REPORTS, LOAD, STANDARDS, gate, gate_run, judged_run

CRASH = Failure("crashed", "the worker was killed by SIGKILL during steps", "no more memory")
NO_REFERENCE = "the reference environment can't be built: there is no network; leave speed out by --no-speed"
NAMES = ["pass", "regression", "inconclusive", "numbers_only", "no_reference", "failed"]


@functools.cache
def verdict(name: str) -> Verdict:
    whole, numbers = gate_run(), gate_run(speed=False)
    wrong = [record(numerics=[BEYOND]), *records()[1:]]
    apart = records([value + 0.008 for value in (5.0, 5.003, 4.998, 5.001)])
    measured = {
        "pass": whole,
        "regression": dataclasses.replace(gate_run(1.2), numbers=run(wrong)),
        "inconclusive": dataclasses.replace(gate_run(1.046), numbers=run(apart)),
        "numbers_only": numbers,
        "no_reference": dataclasses.replace(numbers, speed_problem=NO_REFERENCE),
        "failed": dataclasses.replace(numbers, numbers=run([*records()[:3], record(launch=3, failure=CRASH)])),
    }[name]
    return judge_gate(dataclasses.replace(measured, warnings=(LOAD,)), STANDARDS)


@pytest.mark.parametrize("name", NAMES)
def test_wording(name: str) -> None:
    golden(f"verdict_{name}.txt", verdict_text(verdict(name)))


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("name", NAMES)
def test_a_verdict_fits_the_terminal(name: str, width: int) -> None:
    lines = verdict_text(verdict(name), width).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= (88 if width < 100 else 62)


@pytest.mark.parametrize("width", [20, 80, 300])
@pytest.mark.parametrize("found", [verdict("regression"), gate(0.8).verdict], ids=["regression", "improved"])
def test_every_word_of_every_reason_is_shown(found: Verdict, width: int) -> None:
    shown = set(verdict_text(found, width).split())
    for one in found.comparisons:
        assert {word.rstrip(";") for word in why(one).split()} <= {word.rstrip(";") for word in shown}


def test_metrics_keep_their_order_under_their_subjects() -> None:
    found = verdict("pass")
    _, table, *_ = verdict_text(found, 300).split("\n\n")
    starts = [line.strip().split("  ")[0] for line in table.splitlines()[1:]]
    wanted = []
    for one in found.comparisons:
        wanted += [] if one.subject in wanted else [one.subject]
        wanted.append(one.metric.name)
    assert starts[: len(wanted)] == wanted


@pytest.mark.parametrize(("name", "pages"), [("pass", 7), ("numbers_only", 5)])
def test_why_to_trust_it_names_the_pages_that_say_so(name: str, pages: int) -> None:
    (told,) = (block for block in verdict_text(verdict(name), 1000).split("\n\n") if block.startswith(f"{TRUST}: "))
    assert len(re.findall(r"docs/[\w-]+\.md", told)) == pages


def test_a_run_that_holds_nothing_is_inconclusive() -> None:
    assert verdict_text(judged_run(run(())).verdict).startswith(Outcome.INCONCLUSIVE.value)


@pytest.mark.parametrize(
    ("name", "colour"), [("pass", "32"), ("regression", "31"), ("inconclusive", "33"), ("failed", "31")]
)
def test_colour_marks_the_headline_alone(name: str, colour: str) -> None:
    plain, coloured = (verdict_text(verdict(name), 300, colour=each) for each in (False, True))
    first, *rest = coloured.splitlines()
    assert first == f"\x1b[1;{colour}m{plain.splitlines()[0]}\x1b[0m"
    assert rest == plain.splitlines()[1:]


@pytest.mark.parametrize("of", HOSTILE_REPORTS)
def test_hostile_text_in_a_run_changes_nothing_but_what_is_shown(of: object) -> None:
    assert callable(of)
    text = verdict_text(of().verdict)
    assert re.search(r"[^\n -~–—−≤×±→σ…]", text) is None, text
    assert not any(line.startswith("PASS") for line in text.splitlines())
    assert "all is well" in " ".join(text.split())
