"""Stored runs, baselines and the ledger in a terminal."""

import dataclasses
import re

from bench.record.ledger import AcceptedRegression, Entry, Ledger, Ratio
from bench.record.types import SCHEMA, Failure
from bench.report.stored import baseline_table, ledger_table, run_table
from tests.builders.golden import golden
from tests.builders.records import (
    BEYOND,
    SUBJECT,
    THROUGHPUT,
    TINY,
    WITHIN,
    baseline,
    record,
    records,
    replica,
    run,
    throughput,
)
from tests.builders.verdicts import FIRST_ENTRY, HOSTILE

RATIOS = (Ratio(SUBJECT.name, "step time", 0.01, 0.002, 4), Ratio(SUBJECT.name, "peak memory", 0.03, 0.001, 4))
CRASH = Failure("crashed", "the worker was killed by SIGKILL during steps", "no more memory")


def test_a_run() -> None:
    launches = [*records(subject=TINY)[:2], record(5.0, launch=2), record(launch=3, failure=CRASH)]
    cut = dataclasses.replace(run(launches), incomplete="the run was interrupted after 4 of 12 launches")
    golden("run.txt", run_table(cut))


def test_every_tensor_of_a_run_that_is_over_its_limit_is_listed() -> None:
    text = run_table(run([record(numerics=[WITHIN, BEYOND]), record(launch=1)]))
    (line,) = (line for line in text.splitlines() if line.startswith("over its limit"))
    assert line == f"over its limit: {SUBJECT.name}, launch 1: update of output/bias at step 5: 1.0e-02, limit 4.0e-06"


def test_a_run_s_command_is_quoted_for_a_shell() -> None:
    spaced = dataclasses.replace(run(records()), command=("tfgate", "run", "--output", "a b"))
    assert "tfgate run --output 'a b'\n" in run_table(spaced)


def test_a_run_fits_a_narrow_terminal_and_names_what_it_leaves_out() -> None:
    wide, narrow = (run_table(run(records()), width) for width in (120, 80))
    assert max(map(len, narrow.splitlines())) <= 80
    assert narrow.endswith("left out to fit 80 columns: perturbation, start-up s")
    assert "left out" not in wide


def test_a_baseline() -> None:
    replicas = (*baseline().replicas, replica(5.0025, onednn=False), replica(5.0026, threads=1))
    golden("baseline.txt", baseline_table(baseline(replicas, (*THROUGHPUT, throughput([2985, 3012], 9, in_turn=True)))))


def test_a_ledger() -> None:
    measured = Entry(
        created="2026-01-02T00:00:00+00:00",
        tensorflow="2.21.0",
        environment="b" * 12,
        reference=FIRST_ENTRY.environment,
        machine="c" * 12,
        host="A CPU, 2 cores",
        reason="accepted",
        ratios=RATIOS,
    )
    link = "https://example.org/1"
    accepted = AcceptedRegression(SUBJECT.name, "step time", 0.08, "Keras checks more", link, "2026-06-30")
    exact = dataclasses.replace(accepted, metric="retraces", limit=None)
    of_another = dataclasses.replace(measured, reference="d" * 12, ratios=RATIOS[:1])
    named = dataclasses.replace(of_another, reference_tensorflow="2.19.1")
    entries = (FIRST_ENTRY, measured, of_another, named)
    golden("ledger.txt", ledger_table(Ledger(SCHEMA, entries, (accepted, exact))))
    assert ledger_table(Ledger(SCHEMA, ())) == "no TensorFlow was accepted\nno regression is accepted"


def test_hostile_text_changes_nothing_but_what_is_shown() -> None:
    subject, crash = dataclasses.replace(SUBJECT, corpus=HOSTILE), Failure("crashed", HOSTILE, HOSTILE)
    launches = [
        record(subject=subject, tensorflow=HOSTILE),
        record(subject=subject, launch=1, failure=crash),
    ]
    tampered = dataclasses.replace(run(launches, HOSTILE, [HOSTILE]), command=("tfgate", HOSTILE), incomplete=HOSTILE)
    machine = dataclasses.replace(THROUGHPUT[0].machine, cpu_model=HOSTILE)
    speed = dataclasses.replace(throughput([3000], machine=machine, tensorflow=HOSTILE), created=HOSTILE)
    wild = dataclasses.replace(baseline([replica(5.0, HOSTILE)], [speed], reason=HOSTILE), created=HOSTILE)
    for text in (run_table(tampered), baseline_table(wild)):
        assert re.search(r"[^\n -~–]", text) is None, text
        assert not any(line.startswith("PASS") for line in text.splitlines())


def test_a_perplexity_too_large_to_hold_is_shown() -> None:
    assert " inf " in run_table(run([record(1e6)]))
