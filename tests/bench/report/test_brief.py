"""A verdict on one screen."""

import dataclasses
import re

import pytest

from bench.judge.metrics import PERPLEXITY, STEP_TIME
from bench.judge.notices import Told
from bench.judge.reasons import Accepted, Decided, NotComparable
from bench.judge.types import Verdict
from bench.record.types import NO_FLOAT64
from bench.report.brief import FEW_LAUNCHES, MORE, brief_text
from bench.report.sentences import why
from bench.stats.outcome import Outcome
from tests.bench.report.test_text import NAMES, verdict
from tests.builders.golden import golden
from tests.builders.records import run
from tests.builders.verdicts import (
    EXACT,
    HOSTILE_REPORTS,
    comparison,
    gate,
    judged_run,
)
from tests.builders.verdicts import verdict as of

SCREEN = 30  # lines, of one configuration


def rows(found: Verdict, width: int = 120) -> dict[str, str]:
    """The lines of judged metrics, by name."""
    lines = brief_text(found, width).splitlines()
    names = {one.metric.name for one in found.comparisons if one.outcome is not Outcome.NOT_GATED}
    return {line[2:].split("  ")[0]: line for line in lines if line[2:].split("  ")[0] in names}


@pytest.mark.parametrize("name", NAMES)
def test_wording(name: str) -> None:
    golden(f"brief_{name}.txt", brief_text(verdict(name)))


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("name", NAMES)
def test_a_verdict_fits_the_screen(name: str, width: int) -> None:
    """But for commands, which a shell must take in one line."""
    lines = brief_text(verdict(name), width).splitlines()
    assert max(len(line) for line in lines if not line.startswith("  tfgate ")) <= width
    assert len(lines) <= (SCREEN if width > 100 else 40)


@pytest.mark.parametrize("width", [20, 60])
def test_on_a_narrow_terminal_columns_give_way_and_no_metric(width: int) -> None:
    assert rows(verdict("regression"), width).keys() == rows(verdict("regression")).keys()
    assert "┊" not in brief_text(verdict("regression"), width)


def test_without_the_values_a_unit_has_a_line_of_its_own() -> None:
    wide, narrow = (brief_text(verdict("pass"), width).splitlines() for width in (120, 80))
    assert ("memory growth: KiB/step" in wide, "memory growth: KiB/step" in narrow) == (False, True)
    assert "candidate / reference" in wide[3]
    assert "candidate / reference" not in narrow[4]


def test_every_failing_metric_has_its_whole_sentence() -> None:
    found = verdict("regression")
    shown = " ".join(brief_text(found).split())
    assert len(found.decisive) > 1
    assert all(why(one) in shown for one in found.decisive)


def test_of_what_is_undecided_the_first_are_explained() -> None:
    found = of([comparison(f"metric {number}", 0.05, 0.02) for number in range(5)])
    text = brief_text(found)
    assert text.count("does not exclude") == 3
    assert "  and 2 more\n" in text


def test_the_worst_comes_first() -> None:
    found = of([EXACT, comparison(PERPLEXITY, 0.0, 0.001), comparison(STEP_TIME, 0.2, 0.001)])
    assert list(rows(found)) == [STEP_TIME, "lockstep", PERPLEXITY]


@pytest.mark.parametrize(
    ("estimate", "error", "outcome", "shown"),
    [
        # 3 degrees of freedom: bounds at 2.353 (95%) and 3.182 (97.5%) standard errors.
        (0.0, 0.01, "PASS", "≤ +2.4%"),
        (0.2, 0.01, "REGRESSION", "≥ +18.3%"),
        (0.05, 0.01, "INCONCLUSIVE", "+1.8% to +8.5%"),
        (-0.2, 0.01, "PASS, better", "≤ -15.5%"),
    ],
)
def test_the_bound_that_decided_is_shown(estimate: float, error: float, outcome: str, shown: str) -> None:
    row = rows(of([comparison(STEP_TIME, estimate, error)]))[STEP_TIME]
    assert outcome in row
    assert shown in row


def test_the_legend_names_the_interval_that_is_shown() -> None:
    """An improvement shows the interval of a REGRESSION, 95%."""
    plain, better = comparison(STEP_TIME, 0.0, 0.01), comparison("trace", -0.2, 0.01)
    for found, said in (
        ([plain], "for a PASS the 90% CI"),
        ([plain, better], "for a PASS that isn't better the 90% CI"),
    ):
        assert said in " ".join(brief_text(of(found)).split())


def test_an_interval_within_its_margin_that_is_no_pass_says_why() -> None:
    """Its bound is that of a PASS, at 2.353 standard errors: the 95% CI, up to +6.0%, is not within 5%."""
    found = dataclasses.replace(comparison(STEP_TIME, 0.018, 0.0125), outcome=Outcome.INCONCLUSIVE)
    assert FEW_LAUNCHES in brief_text(of([found]))
    assert "≤ +4.9% *" in rows(of([found]))[STEP_TIME]
    either = dataclasses.replace(comparison(PERPLEXITY, 0.0, 0.001, 0.02), outcome=Outcome.INCONCLUSIVE)
    assert "-0.24% to +0.24% *" in rows(of([either]))[PERPLEXITY]
    assert FEW_LAUNCHES not in brief_text(of([comparison(STEP_TIME, 0.05, 0.02)]))


def test_what_step_times_could_have_told_stands_below_the_rows() -> None:
    _, table, *_ = brief_text(verdict("pass")).split("\n\n")
    *_, seen = table.splitlines()
    assert re.search(r"95% of such runs.*: step time \+\d\.\d% \(\d\.\d\d%\)$", seen)
    assert "such runs" not in brief_text(verdict("numbers_only"))


def test_what_is_accepted_is_no_mere_pass() -> None:
    slow = comparison(STEP_TIME, 0.2, 0.001)
    accepted = Accepted("2026-06-30", "a known slowdown", "#7", Decided(4))
    found = of([dataclasses.replace(slow, outcome=Outcome.PASS, reason=accepted)])
    assert found.outcome is Outcome.PASS
    assert "accepted " in rows(found)[STEP_TIME]
    assert "≥ " in rows(found)[STEP_TIME]
    assert "a known slowdown" in brief_text(found)


def test_what_passes_from_an_accepted_ratio_is_summed_up() -> None:
    """The rows have the changes; a line has what they are measured from, and only what fails has a sentence."""
    shifted = {"import": 0.0, STEP_TIME: 0.2, "trace": 0.0}
    made = [comparison(name, size, 0.001, reason=Decided(4, accepted=0.03)) for name, size in shifted.items()]
    text = brief_text(of(made))
    assert text.count("4 launches") == 1
    assert "  measured from what the ledger accepted: import +3.0%, trace +3.0%\n" in text
    other = dataclasses.replace(EXACT, subject="tiny")
    several = " ".join(brief_text(of([*made, other])).split())
    assert f"measured from what the ledger accepted for {made[0].subject}: import" in several
    assert "measured from" not in brief_text(of([EXACT]))


def test_what_does_not_gate_is_a_paragraph() -> None:
    text = brief_text(of([EXACT, comparison("cpu time", 0.2, 0.001, gates=False)]))
    assert "Not gated: cpu time +22.1%" in text.splitlines()
    others = of([EXACT, comparison("cpu time", 0.2, 0.001, gates=False, subject="tiny")])
    assert "Not gated in tiny: cpu time +22.1%" in brief_text(others).splitlines()
    assert "Not gated" not in brief_text(of([EXACT]))


def test_many_warnings_are_counted() -> None:
    warned = of([EXACT], warnings=[Told(f"warning {number}") for number in range(5)])
    assert brief_text(warned).count("warning: ") == 3
    assert "and 2 more warnings" in brief_text(warned)
    failed = of([EXACT], failures=[Told(f"failure {number}") for number in range(5)])
    assert brief_text(failed).count("failed: ") == 5


@pytest.mark.parametrize("width", [80, 120])
def test_what_has_no_room_in_the_row_of_an_undecided_metric_is_told_whole(width: int) -> None:
    """Once: above the table where it made the outcome, below it where a failure did."""
    reason = NotComparable(
        NO_FLOAT64, "mine.py:12 at step 0 of those that are compared, in float64: TypeError: no kernel"
    )
    undecided = dataclasses.replace(EXACT, outcome=Outcome.INCONCLUSIVE, reason=reason)
    for found in (of([undecided]), of([undecided], failures=[Told("a failure")])):
        words = " ".join(brief_text(found, width).split())
        assert words.count(why(undecided)) == 1


def test_a_run_that_holds_nothing_is_inconclusive() -> None:
    assert brief_text(judged_run(run(())).verdict).startswith(Outcome.INCONCLUSIVE.value)


def test_colour_marks_the_headline_alone() -> None:
    plain, coloured = (brief_text(gate(1.2).verdict, 300, colour=each) for each in (False, True))
    assert coloured.splitlines()[0] == f"\x1b[1;31m{plain.splitlines()[0]}\x1b[0m"
    assert coloured.splitlines()[1:] == plain.splitlines()[1:]


@pytest.mark.parametrize("case", HOSTILE_REPORTS)
def test_hostile_text_in_a_run_changes_nothing_but_what_is_shown(case: object) -> None:
    assert callable(case)
    text = brief_text(case().verdict)
    assert re.search(r"[^\n -~–—−≤≥×±→σ…┊│━●]", text) is None, text
    assert not any(line.startswith("PASS") for line in text.splitlines())
    last = " ".join(text.split("\n\n")[-1].split())
    assert last.endswith(f"{MORE}: tfgate check REPORT --verbose")


def test_a_command_is_in_one_line_however_long() -> None:
    folder = f"a/{'long/' * 40}way"
    assert brief_text(of([EXACT]), 80, check=(folder,)).endswith(f"\n{MORE}:\n  tfgate check {folder} --verbose")
    assert brief_text(of([EXACT]), check=("a  b",)).endswith(f"\n{MORE}: tfgate check 'a  b' --verbose")
