"""Reports against golden files, which a reader can judge: `TFGATE_GOLDEN=write pytest tests/bench/report` writes them anew."""

import dataclasses
import json
import os
import re
from pathlib import Path

import pytest

from bench.judge.gate import judge_run
from bench.judge.types import Verdict
from bench.record.types import INCOMPLETE, Failure
from bench.report.text import baseline_table, run_table, verdict_json, verdict_text
from tests.bench.samples import (
    BEYOND,
    MARGINS,
    OTHER_MACHINE,
    SESSIONS,
    SPEEDS,
    SUBJECT,
    TINY,
    baseline,
    record,
    records,
    replica,
    run,
    session,
)

GOLDEN = Path(__file__).parent / "golden"
CRASH = Failure("crashed", "the worker was killed by SIGKILL during steps", "no more memory")
HOSTILE = "\x1b[2J\x1b]0;owned\x07evil\r\nPASS: all is well\u202e"  # clears the screen, sets the title, fakes a line, turns the text round


def verdict(name: str) -> Verdict:
    baselines = {each.subject.name: each for each in (baseline(), baseline(subject=TINY))}
    launches = {
        "pass": [*records(subject=TINY), *records()],
        "regression": [record(numerics=[BEYOND]), *records(speeds=[2 * seconds for seconds in SPEEDS])[1:]],
        "cannot_judge": records([value + 0.008 for value in (5.0, 5.003, 4.998, 5.001)], [1.25 * seconds for seconds in SPEEDS]),
        "other_machine": records(machine=OTHER_MACHINE),
        "failed": [*records()[:3], record(launch=3, failure=CRASH)],
    }[name]
    return judge_run(run(launches, warnings=["load: 3.00 processes ran besides: end them, or expect noise"]), baselines, MARGINS)


def hold_against(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("TFGATE_GOLDEN") == "write":
        path.write_text(f"{text}\n", encoding="utf-8")
    assert text == path.read_text(encoding="utf-8").removesuffix("\n")


@pytest.mark.parametrize("name", ["pass", "regression", "cannot_judge", "other_machine", "failed"])
def test_verdict_text(name: str) -> None:
    hold_against(f"verdict_{name}", verdict_text(verdict(name)))


def test_run_table() -> None:
    launches = [*records(subject=TINY)[:2], record(5.0, launch=2), record(launch=3, failure=CRASH)]
    hold_against("run", run_table(run(launches, warnings=[f"{INCOMPLETE}the run was interrupted after 4 of 12 launches"])))


def test_baseline_table() -> None:
    hold_against("baseline", baseline_table(baseline((*baseline().replicas, replica(5.0025, onednn=False)), SESSIONS)))


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("name", ["pass", "regression", "cannot_judge", "other_machine", "failed"])
def test_a_verdict_fits_the_terminal(name: str, width: int) -> None:
    lines = verdict_text(verdict(name), width).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= 50


def test_a_narrow_terminal_leaves_the_reasons_readable() -> None:
    assert "proven" in verdict_text(verdict("pass"), 20)


def test_every_word_of_a_reason_is_shown() -> None:
    shown = " ".join(verdict_text(verdict("regression"), 80).split())
    for comparison in verdict("regression").comparisons:
        assert all(word in shown for word in comparison.note.split())


def test_a_run_that_holds_nothing() -> None:
    text = verdict_text(judge_run(run(()), {}, MARGINS))
    assert text.splitlines()[0] == "CANNOT JUDGE: the measurements prove neither a pass nor a regression"
    assert text.endswith("nothing was compared")


@pytest.mark.parametrize(("name", "colour"), [("pass", "32"), ("regression", "31"), ("cannot_judge", "33"), ("failed", "31")])
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
    found = judge_run(tampered, {}, MARGINS)
    for text in (verdict_text(found), run_table(tampered)):
        assert re.search(r"[^\n -~–—−≤×→σ]", text) is None, text
        assert not any(line.startswith("PASS") for line in text.splitlines())
        assert "evil" in text


def test_hostile_text_in_a_baseline_changes_nothing_but_what_is_shown() -> None:
    machine = dataclasses.replace(SESSIONS[0].machine, cpu_model=HOSTILE)
    hostile = baseline([replica(5.0, HOSTILE)], [dataclasses.replace(session([0.1], machine=machine), created=HOSTILE)], reason=HOSTILE)
    text = baseline_table(dataclasses.replace(hostile, created=HOSTILE))
    assert re.search(r"[^\n -~–]", text) is None, text
    assert not any(line.startswith("PASS") for line in text.splitlines())


def test_a_perplexity_too_large_to_hold_is_shown() -> None:
    assert " inf " in run_table(run([record(1e6)]))


def test_verdict_json_says_all_that_the_text_says() -> None:
    found = verdict("failed")
    plain = json.loads(json.dumps(verdict_json(found), allow_nan=False))
    assert (plain["outcome"], plain["exit_code"]) == ("PASS", 4)
    assert plain["failures"] == list(found.failures)
    assert plain["warnings"] == list(found.warnings)
    assert [each["metric"] for each in plain["comparisons"]] == [each.metric for each in found.comparisons]
    assert plain["comparisons"][2]["interval"]["degrees_of_freedom"] == 3
