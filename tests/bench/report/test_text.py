"""Reports against golden files, which a reader can judge: `TFGATE_GOLDEN=write pytest tests/bench/report` writes them anew."""

import dataclasses
import json
import os
import re
from pathlib import Path

import pytest

from bench.judge.gate import judge_gate
from bench.judge.types import Scope, Verdict, percent
from bench.record.ledger import AcceptedRegression, Entry, Ledger, Ratio
from bench.record.types import INCOMPLETE, Failure
from bench.report.judged import Judged
from bench.report.text import baseline_table, ledger_table, run_table, verdict_json, verdict_text
from bench.stats.outcome import Outcome
from tests.bench.samples import BEYOND, SUBJECT, THROUGHPUT, TINY, baseline, record, records, replica, run, throughput
from tests.builders.verdicts import FIRST_ENTRY, STANDARDS, gate, gate_run, judged_run

RATIOS = (Ratio(SUBJECT.name, "step time", 0.01, 0.002, 4), Ratio(SUBJECT.name, "peak memory", 0.03, 0.001, 4))
GOLDEN = Path(__file__).parent / "golden"
CRASH = Failure("crashed", "the worker was killed by SIGKILL during steps", "no more memory")
HOSTILE = "\x1b[2J\x1b]0;owned\x07evil\r\nPASS: all is well\u202e"  # clears the screen, sets the title, fakes a line, turns the text round


NO_REFERENCE = "the reference environment can't be built: there is no network; leave speed out by --no-speed"
NAMES = ["pass", "regression", "cannot_judge", "numbers_only", "no_reference", "failed"]


def verdict(name: str) -> Verdict:
    whole, numbers = gate_run(), gate_run(speed=False)
    wrong = [record(numerics=[BEYOND]), *records()[1:]]
    apart = records([value + 0.008 for value in (5.0, 5.003, 4.998, 5.001)])
    measured = {
        "pass": whole,
        "regression": dataclasses.replace(gate_run(1.2), numbers=run(wrong)),
        "cannot_judge": dataclasses.replace(gate_run(1.046), numbers=run(apart)),
        "numbers_only": numbers,
        "no_reference": dataclasses.replace(numbers, speed_problem=NO_REFERENCE),
        "failed": dataclasses.replace(numbers, numbers=run([*records()[:3], record(launch=3, failure=CRASH)])),
    }[name]
    warned = dataclasses.replace(measured, warnings=("load: 3.00 processes ran besides: end them, or expect noise",))
    return judge_gate(warned, STANDARDS)


def hold_against(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("TFGATE_GOLDEN") == "write":
        path.write_text(f"{text}\n", encoding="utf-8")
    assert text == path.read_text(encoding="utf-8").removesuffix("\n")


@pytest.mark.parametrize("name", NAMES)
def test_verdict_text(name: str) -> None:
    hold_against(f"verdict_{name}", verdict_text(verdict(name)))


def test_run_table() -> None:
    launches = [*records(subject=TINY)[:2], record(5.0, launch=2), record(launch=3, failure=CRASH)]
    hold_against(
        "run", run_table(run(launches, warnings=[f"{INCOMPLETE}the run was interrupted after 4 of 12 launches"]))
    )


def test_baseline_table() -> None:
    hold_against(
        "baseline",
        baseline_table(
            baseline(
                (*baseline().replicas, replica(5.0025, onednn=False)),
                (*THROUGHPUT, throughput([2985, 3012], 9, in_turn=True)),
            )
        ),
    )


def test_ledger_table() -> None:
    measured = Entry(
        "2026-01-02T00:00:00+00:00",
        "2.21.0",
        "b" * 12,
        FIRST_ENTRY.environment,
        "c" * 12,
        "A CPU, 2 cores",
        "accepted",
        RATIOS,
    )
    accepted = AcceptedRegression(
        SUBJECT.name, "step time", 0.08, "Keras checks more", "https://example.org/1", "2026-06-30"
    )
    exact = dataclasses.replace(accepted, metric="retraces", limit=None)
    hold_against("ledger", ledger_table(Ledger(2, (FIRST_ENTRY, measured), (accepted, exact))))


@pytest.mark.parametrize(
    ("name", "headline"),
    [
        (
            "pass",
            "PASS: as correct as the baselines; a slowdown of 5.0% or more is ruled out (notebook-synthetic-cells-cpu0)",
        ),
        ("numbers_only", "PASS (numbers only; speed not measured): as correct as the baselines"),
    ],
)
def test_the_headline_of_a_pass_says_what_was_ruled_out(name: str, headline: str) -> None:
    assert verdict_text(verdict(name)).splitlines()[0] == headline


@pytest.mark.parametrize("name", ["regression", "cannot_judge", "no_reference", "failed"])
def test_no_other_headline_rules_out_anything(name: str) -> None:
    assert "ruled out" not in verdict_text(verdict(name)).splitlines()[0]


@pytest.mark.parametrize("judged", [gate(), gate(0.8)], ids=["pass", "improved"])
def test_each_pass_prints_the_bound_that_decided(judged: Judged) -> None:
    passed = [c for c in judged.verdict.comparisons if c.outcome is Outcome.PASS and c.interval]
    assert {"perplexity", "step time", "peak memory", "step time since 2.20.0"} <= {c.metric for c in passed}
    shown = " ".join(verdict_text(judged.verdict, 300).split())
    for comparison in passed:
        assert comparison.interval
        assert percent(comparison.interval.pass_high) in comparison.note
        assert " ".join(comparison.note.split()) in shown


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("name", NAMES)
def test_a_verdict_fits_the_terminal(name: str, width: int) -> None:
    lines = verdict_text(verdict(name), width).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= (80 if width < 100 else 50)  # the reasons have lines of their own


def test_a_narrow_terminal_leaves_the_reasons_readable() -> None:
    assert "ruled out" in " ".join(verdict_text(verdict("pass"), 20).split())


def test_every_word_of_a_reason_is_shown() -> None:
    shown = " ".join(verdict_text(verdict("regression"), 80).split())
    for comparison in verdict("regression").comparisons:
        assert all(word in shown for word in comparison.note.split())


def test_a_run_that_holds_nothing() -> None:
    text = verdict_text(judged_run(run(())).verdict)
    assert (
        text.splitlines()[0]
        == "CANNOT JUDGE (numbers only; speed not measured): the measurements prove neither a pass nor a regression"
    )
    assert text.endswith("nothing was compared")


@pytest.mark.parametrize(
    ("name", "colour"), [("pass", "32"), ("regression", "31"), ("cannot_judge", "33"), ("failed", "31")]
)
def test_colour_marks_the_first_line_alone(name: str, colour: str) -> None:
    plain, coloured = verdict_text(verdict(name)), verdict_text(verdict(name), colour=True)
    first, *rest = coloured.splitlines()
    assert first == f"\x1b[1;{colour}m{plain.splitlines()[0]}\x1b[0m"
    assert rest == plain.splitlines()[1:]


def test_hostile_text_in_a_run_changes_nothing_but_what_is_shown() -> None:
    subject = dataclasses.replace(SUBJECT, corpus=HOSTILE)
    failed = record(subject=subject, launch=1, failure=Failure("crashed", HOSTILE))
    tampered = dataclasses.replace(
        run([record(subject=subject, tensorflow=HOSTILE), failed], HOSTILE, [HOSTILE]), command=("tfgate", HOSTILE)
    )
    found = judged_run(tampered).verdict
    for text in (verdict_text(found), run_table(tampered)):
        assert re.search(r"[^\n -~–—−≤×→σ]", text) is None, text
        assert not any(line.startswith("PASS") for line in text.splitlines())
        assert "evil" in text


def test_hostile_text_in_a_baseline_changes_nothing_but_what_is_shown() -> None:
    machine = dataclasses.replace(THROUGHPUT[0].machine, cpu_model=HOSTILE)
    hostile = baseline(
        [replica(5.0, HOSTILE)],
        [dataclasses.replace(throughput([3000], machine=machine, tensorflow=HOSTILE), created=HOSTILE)],
        reason=HOSTILE,
    )
    text = baseline_table(dataclasses.replace(hostile, created=HOSTILE))
    assert re.search(r"[^\n -~–]", text) is None, text
    assert not any(line.startswith("PASS") for line in text.splitlines())


def test_a_perplexity_too_large_to_hold_is_shown() -> None:
    assert " inf " in run_table(run([record(1e6)]))


def test_verdict_json_says_all_that_the_text_says() -> None:
    found = verdict("failed")
    plain = json.loads(json.dumps(verdict_json(found), allow_nan=False))
    assert (plain["outcome"], plain["scope"], plain["exit_code"]) == ("PASS", Scope.NUMBERS.value, 4)
    assert plain["failures"] == list(found.failures)
    assert plain["warnings"] == list(found.warnings)
    assert [each["metric"] for each in plain["comparisons"]] == [each.metric for each in found.comparisons]
    assert plain["comparisons"][2]["interval"]["degrees_of_freedom"] == 3
