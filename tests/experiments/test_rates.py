"""The experiment's bookkeeping: what is missing, what a run's command is, what is kept of it, what a row says."""

import collections
import contextlib
import dataclasses
import functools
import itertools
import json
import math
import pickle
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bench.drive.paired import PAIRED_FILE
from bench.judge.margins import read_margins
from bench.judge.metrics import MEMORY_GROWTH, ONE_CORE_STEP_TIME, PEAK_MEMORY, STEP_TIME
from bench.judge.paired import judge_paired
from bench.record.files import write_record
from bench.record.paired import CANDIDATE, ONE_CORE, REFERENCE, PairedRun
from bench.record.types import DEFAULT_WORKLOAD, SCHEMA, Failure
from bench.report.formats.json import verdict_json
from bench.stats.outcome import Outcome
from bench.stats.sequential import PASS_LAUNCHES, LookPlan, decide
from experiments.markdown import filled
from experiments.rate import TWO_SIDED, Rate
from experiments.rates.__main__ import main
from experiments.rates.cells import BOUNDED, CELLS, OTHERS, PAIRS, PROMISED, STEPS, TRACE, WHOLE, Cell, copies
from experiments.rates.document import OUTPUT, PROTOCOL, bounds, made
from experiments.rates.figure import OUTPUT as FIGURE
from experiments.rates.figure import drawn
from experiments.rates.measure import ROOT, measure, told, words
from experiments.rates.predictions import (
    ENOUGH,
    Between,
    Point,
    Predictions,
    between_runs,
    deviations,
    launches_of,
    noise_of,
    predicted,
    read_predictions,
    simulated,
)
from experiments.rates.predictions import told as told_share
from experiments.rates.store import Judged, Ran, Store, add, missing, read_store
from lm.workloads.registry import names
from tests.builders.launches import PAIRED, of_kinds
from tests.builders.records import MACHINE

ONE = "--config notebook --metric 'step time on one core'"
NOTHING, SLOWER = (Cell(ONE, 20, ONE_CORE_STEP_TIME, "notebook", margins) for margins in (0, 2))
SAVE = Cell("--workload save --config tiny --budget 4", 5)
BETWEEN = dataclasses.replace(SAVE, runs=1, releases=PAIRS[0])
NONE = Predictions(SCHEMA, ())
MARGINS = read_margins(ROOT / "baselines" / "margins.toml")


def kept(cell: Cell, number: int, run: PairedRun, folder: Path) -> Ran:
    """The summary of a run that the command left in a folder."""
    write_record(folder / PAIRED_FILE, run, replace=True, seal=True)
    verdict = json.loads(json.dumps(verdict_json(judge_paired(run, PAIRED))))
    return told(cell, number, verdict, folder, PAIRED)


def one_core(launches: int = 10, step: float = 0.0) -> PairedRun:
    return dataclasses.replace(of_kinds([ONE_CORE] * launches, step=step), only=(ONE_CORE_STEP_TIME,))


def ran(cell: Cell, outcome: str, number: int = 0, *judged: Judged) -> Ran:
    return Ran(cell.key, number, "2026-01-02T03:04:05+00:00", "2.21.0", MACHINE, outcome, (30.0,) * 10, judged)


def document(store: Store, predictions: Predictions) -> str:
    """All that is filled into the page."""
    return "\n\n".join(made(store, predictions).values())


def cells(text: str, command: str) -> list[list[str]]:
    lines = (line for line in text.splitlines() if line.startswith(f"| `{command}"))
    return [[cell.strip() for cell in line.strip("|").split("|")][1:] for line in lines]


def test_every_run_is_missing_at_first_and_the_first_of_each_cell_comes_first() -> None:
    everything = list(missing(Store(SCHEMA, ())))
    assert len(everything) == sum(cell.runs for cell in CELLS)
    assert everything[: len(CELLS)] == [(cell, 0) for cell in CELLS]
    assert len({cell.key for cell in CELLS}) == len(CELLS)


def test_hosts_of_a_cluster_measure_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a host that is this process; a run without a verdict doesn't keep the next from being measured."""
    pytest.importorskip("distributed", reason="Dask is missing: tfgate[cluster] has it")
    store = tmp_path / "rates.json"

    def run(cell: Cell, number: int, pythons: Sequence[str], folder: Path) -> Ran:
        assert (pythons, folder) == (("one", "other"), tmp_path / str(number) / "run")
        return ran(cell, "PASS", number)

    def results(wanted: Callable[[], Mapping[tuple[str, int], Any]]) -> Iterator[Any]:
        while calls := wanted():
            key, (function, arguments) = next(iter(calls.items()))
            kept = tmp_path / str(key[1]) / "kept"
            kept.mkdir(parents=True)
            if key[1] == 1:
                yield key, SimpleNamespace(files={}, problem="a launch failed (on far)")
            else:
                assert function(kept, *pickle.loads(pickle.dumps(arguments))) == 0
                yield key, SimpleNamespace(files={file.name: file.read_bytes() for file in kept.iterdir()}, problem="")

    hosts = SimpleNamespace(results=results)
    monkeypatch.setattr("experiments.rates.store.STORE", store)
    monkeypatch.setattr("experiments.rates.measure.run", run)
    monkeypatch.setattr("bench.drive.cluster.connected", lambda address, say: contextlib.nullcontext(hosts))
    with pytest.raises(ValueError, match=re.escape(f"{SAVE.key}, run 1: a launch failed (on far)")):
        measure(["one", "other"], [SAVE], 3, "tcp://head:8786")
    assert [(one.cell, one.number) for one in read_store().runs] == [(SAVE.key, 0), (SAVE.key, 2)]


def test_every_workload_is_measured_with_nothing_changed_and_between_each_pair_of_releases() -> None:
    for name in set(names()) - {DEFAULT_WORKLOAD}:
        found = [cell for cell in CELLS if f"--workload {name} " in cell.command]
        assert [cell.releases for cell in found] == [None, *PAIRS]


def test_what_was_kept_is_not_measured_again() -> None:
    left = list(missing(Store(SCHEMA, (ran(SAVE, "PASS", 1),)), [SAVE, SLOWER]))
    assert (SAVE, 1) not in left
    assert left[:3] == [(SAVE, 0), (SLOWER, 0), (SLOWER, 1)]
    assert list(missing(Store(SCHEMA, ()), [SAVE], 3)) == [(SAVE, 3), (SAVE, 4)]


def test_runs_of_another_checkout_are_taken_over_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, night = tmp_path / "rates.json", tmp_path / "night.json"
    write_record(here, Store(SCHEMA, (ran(SAVE, "REGRESSION"),)))
    write_record(night, Store(SCHEMA, (ran(SAVE, "PASS"), ran(SAVE, "PASS", 3))))
    monkeypatch.setattr("experiments.rates.store.STORE", here)
    main(["take", str(night), str(night)])
    assert [(one.number, one.outcome) for one in read_store().runs] == [(0, "REGRESSION"), (3, "PASS")]


def test_a_run_that_another_command_has_measured_meanwhile_is_kept_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.rates.store.STORE", tmp_path / "rates.json")

    def run(cell: Cell, number: int, pythons: Sequence[str], folder: Path) -> Ran:
        add([ran(SAVE, "REGRESSION", number)])
        return ran(cell, "PASS", number)

    monkeypatch.setattr("experiments.rates.measure.run", run)
    measure(["one", "other"], [SAVE], 1)
    assert [(one.number, one.outcome) for one in read_store().runs] == [(0, "REGRESSION")]


def test_as_many_runs_bound_false_alarms_as_the_page_says() -> None:
    assert Rate(0, BOUNDED.runs).bound(upper=True) <= 0.01 < Rate(0, BOUNDED.runs - 1).bound(upper=True)


def test_two_copies_are_drawn_and_a_change_is_injected_into_the_candidate_alone() -> None:
    copies = ["a", "b", "c"]
    command = words(SLOWER, 3, copies, MARGINS)
    assert command[:6] == ["upgrade", "--config", "notebook", "--metric", "step time on one core", "--to-env"]
    assert f"TFGATE_FAULT=slower-by-{2 * (MARGINS.of(ONE_CORE_STEP_TIME, 'notebook') or 0.0):.3f}" in command
    sides = [tuple(words(NOTHING, number, copies, MARGINS)[-3::2]) for number in range(60)]
    assert all(reference != candidate for reference, candidate in sides)
    assert len(set(sides)) == 6  # every ordered pair of three
    assert "--to-env" not in words(NOTHING, 0, copies, MARGINS)
    assert words(BETWEEN, 0, copies, MARGINS)[-4:] == ["--from", *PAIRS[0][:1], "--to", *PAIRS[0][1:]]


@pytest.mark.parametrize(
    ("metric", "config", "injected"), [(PEAK_MEMORY, "tiny", "larger-by"), (TRACE, "tiny", "tracing-by")]
)
def test_two_margins_of_a_ratio_are_twice_its_logarithm(metric: str, config: str, injected: str) -> None:
    """Twice the logarithm is the ratio squared."""
    (cell,) = (one for one in OTHERS if one.metric == metric)
    margin = MARGINS.of(metric, config) or 0.0
    command = words(cell, 0, ["a", "b"], MARGINS)
    assert f"TFGATE_FAULT={injected}-{(1 + margin) ** 2 - 1:.3f}" in command


@pytest.mark.parametrize(
    ("metric", "config", "injected"),
    [
        (STEP_TIME, "tiny", "clock-by"),
        (ONE_CORE_STEP_TIME, "tiny", "clock-by"),
        (ONE_CORE_STEP_TIME, "notebook", "clock-by"),
        (STEP_TIME, "notebook", "slower-by"),  # as its runs were measured
    ],
)
def test_one_margin_is_exact_but_where_the_runs_are_older(metric: str, config: str, injected: str) -> None:
    (cell,) = (one for one in STEPS if (one.metric, one.config, one.margins) == (metric, config, 1))
    assert f"TFGATE_FAULT={injected}-{MARGINS.of(metric, config):.3f}" in words(cell, 0, ["a", "b"], MARGINS)


def test_a_run_keeps_the_outcome_and_each_launch(tmp_path: Path) -> None:
    found = kept(NOTHING, 3, one_core(), tmp_path)
    assert (found.cell, found.number, found.outcome) == (NOTHING.key, 3, "PASS")
    judged = found.of(ONE_CORE_STEP_TIME)
    assert judged is not None
    assert (judged.outcome, judged.margin) == ("PASS", 0.02)
    assert judged.values[:2] == pytest.approx([0.004, -0.006])
    assert found.seconds == (30.0,) * 10


def test_an_interrupted_run_is_not_kept(tmp_path: Path) -> None:
    run = dataclasses.replace(one_core(), incomplete="the run was interrupted after 10 launches")
    with pytest.raises(ValueError, match="interrupted after 10 launches"):
        kept(NOTHING, 0, run, tmp_path)


@pytest.mark.parametrize(
    ("side", "outcome", "counts"),
    [(CANDIDATE, "REGRESSION", ["0", "1", "0"]), (REFERENCE, "INCONCLUSIVE", ["0", "0", "1"])],
)
def test_a_run_of_which_a_launch_failed_counts_by_its_verdict(
    tmp_path: Path, side: str, outcome: str, counts: list[str]
) -> None:
    """The third launch failed; then it is the only one."""
    run = one_core(3)
    *whole, last = run.pairs
    failed = dataclasses.replace(getattr(last, side), failure=Failure("crashed", "it crashed"))
    broken = dataclasses.replace(last, **{side: failed})
    for pairs in ((*whole, broken), (broken,)):
        found = kept(NOTHING, 0, dataclasses.replace(run, pairs=pairs), tmp_path)
        training, judged = found.of("training"), found.of(ONE_CORE_STEP_TIME)
        assert training is not None
        assert (found.outcome, training.outcome, training.values) == (outcome, outcome, ())
        assert len(found.seconds) == (len(judged.values) if judged else 0) == len(pairs) - 1
        row = cells(document(Store(SCHEMA, (found,)), NONE), "--config notebook")[0]
        assert row[4:7] == counts
        assert "±" not in row[1]  # one run doesn't tell its error
        assert (row[1] == "–") == (len(pairs) == 1)


def test_a_row_counts_outcomes_and_says_what_they_show(tmp_path: Path) -> None:
    """Two of two show at least 15.8% (0.025^(1/2)), none of two at most 84.2%; 28 launches of 30 s are 0.23 hours."""
    same = [kept(NOTHING, number, one_core(), tmp_path) for number in range(2)]
    slower = [kept(SLOWER, number, one_core(4, step), tmp_path) for number, step in enumerate((0.04, 0.0))]
    page = document(Store(SCHEMA, (*same, *slower)), NONE)
    told = " ".join(page.split())
    counts = "PASS 2 (15% to 100%), REGRESSION 0 (0% to 85%), INCONCLUSIVE 0 (0% to 85%)"
    assert f"- Nothing changed, 2 runs of one metric: {counts}; promised: REGRESSION ≤ 1.0%. " in told
    counts = "PASS 0 (0% to 85%), REGRESSION 1 (1% to 99%), INCONCLUSIVE 1 (1% to 99%)"
    assert f"- Two margins worse, 2 runs of one metric: {counts}; promised: PASS ≤ 0.1%. " in told
    everything = " ".join(document(Store(SCHEMA, (ran(BOUNDED, "PASS", 0),)), NONE).split())
    assert "- Nothing changed, 1 run of everything: PASS 1 (2% to 100%), " in everything
    assert " runs that are asked for, so far: 0.2 hours of launches; A CPU, 2 cores" in told
    assert "- `--config tiny`: 0 of 299 runs of today's protocol with nothing changed. That many without" in told
    first, second = cells(page, "--config notebook")
    right, wrong = "2 (15% to 100%)", "REGRESSION 0 (0% to 85%)"
    assert first[0] == "nothing"
    assert first[2:] == ["2", "0", "2", "0", "0", right, wrong, "–", "10 (10)", "5.0 (5.0)", "A CPU"]
    assert second[0] == "4.0%"
    assert second[2:9] == ["2", "0", "0", "1", "1", "1 (1% to 99%)", "PASS 0 (0% to 85%)"]


def test_a_row_counts_the_runs_of_today_s_protocol() -> None:
    days = ("2026-11-29T00:59:59+00:00", PROTOCOL)
    runs = [dataclasses.replace(ran(SAVE, "PASS", number), created=day) for number, day in enumerate(days)]
    assert cells(document(Store(SCHEMA, tuple(runs)), NONE), "--workload save")[0][:2] == ["2", "1"]
    bounded = Store(SCHEMA, tuple(dataclasses.replace(run, cell=BOUNDED.key) for run in runs))
    assert "- `--config tiny`: 1 of 299 runs of today's protocol" in document(bounded, NONE)


def test_a_mean_of_ratios_is_told_as_a_ratio() -> None:
    """exp(0.0953) is 1.1; the error of the two runs' logarithms, 0.01, is 1.1 times as large."""
    logs = [math.log(1.1) + shift for shift in (-0.01, 0.01)]
    judged = [Judged(ONE_CORE_STEP_TIME, "REGRESSION", 0.02, (log - 0.005, log + 0.005)) for log in logs]
    runs = tuple(ran(SLOWER, "REGRESSION", number, one) for number, one in enumerate(judged))
    assert cells(document(Store(SCHEMA, runs), NONE), "--config notebook")[0][1] == "+10.00% ± 1.10%"
    assert cells(document(Store(SCHEMA, runs[:1]), NONE), "--config notebook")[0][1] == "+8.91%"  # which tells no error
    # Three launches 0.01 below, and one 0.01 above: about −0.005 they are off by −0.015 and 0.015 in sum, so that the
    # error is √(2 · 2 · 0.015²)/4 = 0.0075.
    more = dataclasses.replace(judged[0], values=(math.log(1.1) - 0.01,) * 3)
    less = dataclasses.replace(judged[1], values=(math.log(1.1) + 0.01,))
    uneven = tuple(ran(SLOWER, "REGRESSION", number, one) for number, one in enumerate((more, less)))
    assert cells(document(Store(SCHEMA, uneven), NONE), "--config notebook")[0][1] == "+9.45% ± 0.82%"


def test_at_the_margin_both_decisions_are_wrong() -> None:
    margin = dataclasses.replace(SLOWER, margins=1)
    assert (margin.right, list(margin.wrong)) == (None, [Outcome.PASS, Outcome.REGRESSION])
    assert (NOTHING.right, list(NOTHING.wrong)) == (Outcome.PASS, [Outcome.REGRESSION])
    assert (SLOWER.right, list(SLOWER.wrong)) == (Outcome.REGRESSION, [Outcome.PASS])
    assert (BETWEEN.right, list(BETWEEN.wrong)) == (None, [])
    runs = [ran(margin, outcome, number) for number, outcome in enumerate(("PASS", "REGRESSION"))]
    row = cells(document(Store(SCHEMA, tuple(runs)), NONE), "--config notebook")[0]
    assert row[7:9] == ["–", "PASS 1 (1% to 99%), REGRESSION 1 (1% to 99%)"]


def test_each_host_is_named_with_its_runs() -> None:
    other = dataclasses.replace(MACHINE, cpu_model="B CPU")
    runs = [ran(SAVE, "PASS", number) for number in range(3)]
    page = document(Store(SCHEMA, (*runs[:2], dataclasses.replace(runs[2], machine=other))), NONE)
    assert cells(page, "--workload save")[0][-1] == "A CPU (2), B CPU (1)"
    assert cells(document(Store(SCHEMA, tuple(runs)), NONE), "--workload save")[0][-1] == "A CPU"


def test_memory_is_told_in_bytes() -> None:
    cell = next(cell for cell in CELLS if cell.metric == MEMORY_GROWTH)
    grown = [Judged(MEMORY_GROWTH, "REGRESSION", 4096.0, (grown,)) for grown in (8000.0, 9000.0)]
    store = Store(SCHEMA, tuple(ran(cell, "REGRESSION", number, one) for number, one in enumerate(grown)))
    assert cells(document(store, NONE), "--config tiny")[0][:2] == ["8192 bytes a step", "+8500 ± 500"]


def test_what_two_releases_differ_by_is_told_with_what_is_no_pass() -> None:
    judged = Judged(STEP_TIME, "PASS", 0.05, (0.01,)), Judged(ONE_CORE_STEP_TIME, "REGRESSION", 0.03, (0.1,))
    (row,) = cells(document(Store(SCHEMA, (ran(BETWEEN, "REGRESSION", 0, *judged),)), NONE), "--workload save")
    assert row == ["2.15.1 → 2.16.2", "REGRESSION", "+10.5% REGRESSION", "+1.0%", "–", "2026-01-02", "A CPU"]


def test_bounds_are_exact() -> None:
    assert bounds(0, 10) == pytest.approx((0.0, 1 - 0.025**0.1))
    assert bounds(10, 10) == pytest.approx((0.025**0.1, 1.0))
    assert bounds(1, 2) == pytest.approx((1 - math.sqrt(0.975), math.sqrt(0.975)))


def assert_no_narrower(low: str, high: str, exact: tuple[float, float]) -> None:
    """Asserts of whole percents that they are the next ones outside the exact bounds."""
    below, above = (int(told.removesuffix("%")) / 100 for told in (low, high))
    assert below <= exact[0] + 1e-9 < below + 0.01 + 1e-8
    assert above - 0.01 - 1e-8 < exact[1] - 1e-9 <= above


@pytest.mark.parametrize("of", [1, 2, 5, 20])
def test_no_bound_on_the_page_is_narrower_than_the_exact_one(of: int) -> None:
    for count in range(of + 1):
        outcomes = ["REGRESSION"] * count + ["PASS"] * (of - count)
        runs = Store(SCHEMA, tuple(ran(BOUNDED, outcome, number) for number, outcome in enumerate(outcomes)))
        (low, high) = re.findall(r"REGRESSION \d+ \((\d+%) to (\d+%)\)", " ".join(document(runs, NONE).split()))[0]
        assert_no_narrower(low, high, bounds(count, of))


@pytest.mark.parametrize("of", [118, 299])
def test_no_bound_of_as_many_runs_as_the_page_has_is_narrower(of: int) -> None:
    """None of 118 is at most 3.08%, which is no 3%."""
    for count in range(of + 1):
        low, high = (Rate(count, of).told(upper=upper, digits=0, level=TWO_SIDED) for upper in (False, True))
        assert_no_narrower(low, high, bounds(count, of))


def test_the_committed_runs_are_of_the_cells_that_are_asked_for_and_say_what_their_launches_prove() -> None:
    by_key = {cell.key: cell for cell in CELLS}
    runs = read_store().runs
    assert len({(run.cell, run.number) for run in runs}) == len(runs)
    for run in runs:
        cell = by_key[run.cell]
        assert run.number < cell.runs
        if cell.metric and cell.metric != MEMORY_GROWTH and not run.of("training"):
            judged = run.of(cell.metric)
            assert judged is not None
            decision = decide(
                judged.values, math.log1p(judged.margin or 0.0), LookPlan(len(judged.values), PASS_LAUNCHES)
            )
            assert decision is not None
            assert decision.outcome.value == judged.outcome == run.outcome


def excluded(store: Store) -> list[tuple[str, Outcome]]:
    """The promised rates of wrong verdicts that the runs of a cell exclude, at 95%; or all of as many margins."""
    pools = {cell.key: (cell.wrong, [run.outcome for run in store.of(cell)]) for cell in CELLS}
    for margins, promised in PROMISED.items():
        cells = [cell for cell in CELLS if cell.margins == margins and not cell.releases]
        pools[f"all of {margins}"] = promised, [run.outcome for cell in cells for run in store.of(cell)]
    return [
        (name, outcome)
        for name, (promised, outcomes) in pools.items()
        for outcome, share in promised.items()
        if outcomes and bounds(outcomes.count(outcome.value), len(outcomes))[0] > share
    ]


def test_no_promised_rate_is_excluded_by_the_committed_runs() -> None:
    """One would be a finding: the method is to be mended, and what it judged measured again."""
    assert excluded(read_store()) == []


def test_a_promised_rate_that_runs_exclude_is_found() -> None:
    """One false alarm of 30 runs shows at least 0.08%; ten REGRESSIONs of ten at one margin at least 69%; and a false
    alarm in each of twelve workloads, one of five runs in each, at least 11%.
    """
    same, margin = (next(cell for cell in STEPS if cell.margins == margins) for margins in (0, 1))
    runs = [ran(same, "REGRESSION" if number == 0 else "PASS", number) for number in range(30)]
    assert excluded(Store(SCHEMA, tuple(runs))) == []
    runs += [ran(margin, "REGRESSION", number) for number in range(10)]
    found = [(margin.key, Outcome.REGRESSION), ("all of 1", Outcome.REGRESSION)]
    assert excluded(Store(SCHEMA, tuple(runs))) == found
    workloads = [cell for cell in CELLS if cell.command.startswith("--workload") and not cell.releases][:12]
    runs = [ran(cell, "PASS" if number else "REGRESSION", number) for cell in workloads for number in range(5)]
    assert excluded(Store(SCHEMA, tuple(runs))) == [("all of 0", Outcome.REGRESSION)]


def test_the_nightly_measures_what_a_checkout_leaves_to_it() -> None:
    """The first 40 runs are a checkout's. A night measures up to three runs from its first one on."""
    workflow = (ROOT / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8")
    (line,) = re.findall(r"first=.*", workflow)
    nights = f"for GITHUB_RUN_NUMBER in {{1..87}}; do {line}; echo $first; done"
    firsts = map(int, subprocess.run(["bash", "-c", nights], capture_output=True, check=True).stdout.split())
    measured = [number for first in firsts for number in range(first, min(first + 3, BOUNDED.runs))]
    assert measured == [*range(40, BOUNDED.runs)]


def test_enough_runs_are_asked_for() -> None:
    """Of every metric, configuration and size of change, and of everything with nothing changed."""
    steps = {(cell.metric, cell.config, cell.margins): cell.runs for cell in STEPS}
    for metric, margins in itertools.product((ONE_CORE_STEP_TIME, STEP_TIME), (1, 2)):
        assert steps[metric, "tiny", margins] >= 10
        assert steps[metric, "notebook", margins] >= 4
    others = {cell.metric: cell.runs for cell in OTHERS if cell.margins == 2}
    assert set(others) == {PEAK_MEMORY, MEMORY_GROWTH, TRACE}
    least = {f"--config {name}": runs for name, runs in (("tiny", 40), ("notebook", 12), ("small", 3))}
    least |= {f"--config tiny --implementation {name}": 5 for name in ("layers", "fused")}
    least["--config tiny --corpus ptb"] = 3
    whole = {cell.command: cell.runs for cell in WHOLE}
    assert all(whole[command] >= runs for command, runs in least.items())
    workloads = [cell.runs for cell in CELLS if cell.command.startswith("--workload") and not cell.releases]
    assert min(*others.values(), *workloads) >= 5


def test_fewer_copies_than_the_pilot_had_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["measure", *(word for copy in "abcde" for word in ("--python", copy))])
    assert "at least 6 copies" in capsys.readouterr().err


def test_the_document_and_its_figure_are_made_of_the_committed_runs() -> None:
    store, predictions = read_store(), read_predictions()
    page, figure = (path.read_text(encoding="utf-8") for path in (OUTPUT, FIGURE))
    assert filled(page, made(store, predictions)) == page, "python -m experiments.rates table fills it"
    assert drawn(predictions, store) == figure, "python -m experiments.rates table writes it"


def test_the_readme_tells_the_committed_runs() -> None:
    readme, store = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split()), read_store()

    def outcomes(cells: Iterable[Cell]) -> collections.Counter[str]:
        return collections.Counter(run.outcome for cell in cells for run in store.of(cell) if run.created >= PROTOCOL)

    same = outcomes(copies(0))
    assert f"nothing changed, {same['REGRESSION']} of {same.total()} runs of today's protocol were a REGRESS" in readme
    by_command = {cell.command: outcomes([cell]) for cell in copies(0) if not cell.metric}
    work, training = (
        sum((found for command, found in by_command.items() if ("--workload" in command) is named), same - same)
        for named in (True, False)
    )
    notebook, small = (by_command[f"--config {name}"] for name in ("notebook", "small"))
    sizes = f"({notebook.total()} of `notebook`, {small.total()} of `small`, else of `tiny`)"
    passed = f"{training['PASS']} of {training.total()} runs of the training step passed {sizes}"
    assert f"everything was judged, {passed}, and {work['PASS']} of {work.total()} of other workloads" in readme
    named = [cell for cell in copies(0) if "--workload" in cell.command]
    quiet = [run.outcome for cell in named for run in store.of(cell) if run.created >= PROTOCOL and "512" in run.host]
    assert f" of other workloads ({quiet.count('PASS')} of {len(quiet)} on the quiet host), most of which" in readme
    assert (work + training)["REGRESSION"] == 0  # "the others were INCONCLUSIVE"
    assert f"Of `notebook`, the default, {notebook['PASS']} of {notebook.total()} passed" in readme
    worse = outcomes(copies(2))
    told = f"two margins in one metric, {worse['REGRESSION']} of {worse.total()} were a REGRESSION. None was a PASS."
    assert (told in readme, worse["PASS"]) == (True, 0)
    (curve,) = (
        one for one in read_predictions().curves if (one.metric, one.config) == (ONE_CORE_STEP_TIME, "notebook")
    )
    (margin,) = (point for point in curve.points if point.size == 1.0)
    assert curve.at_most
    shares, at_most = (told_share(point.shares[Outcome.PASS.value]) for point in (margin, curve.at_most))
    assert f"by its margin of 2% passes in {shares} of simulated runs that no budget ends (5% is promised)" in readme
    assert f"as much as these few runs allow, in {at_most}." in readme


def test_the_page_tells_what_runs_of_notebook_on_one_core_deviate_by() -> None:
    """Whether by more than their launches, by the F test of means about those of their cells."""
    page, store = " ".join(OUTPUT.read_text(encoding="utf-8").split()), read_store()
    alone = [
        [
            run
            for cell in copies(margins)
            if cell.command == "--config notebook --metric 'step time on one core'"
            for run in launches_of(store, cell, cell.metric)
        ]
        for margins in range(3)
    ]
    same, by_clock, by_work = alone
    every = [run for runs in alone for run in runs]
    assert ([len(runs) for runs in alone], sum(len(run) == 16 for run in every)) == ([2, 4, 4], 8)
    assert "Eight of ten runs of `notebook` on one core took all 16 launches" in page
    (whole,) = (cell for cell in copies(0) if cell.command == "--config notebook")
    everything = launches_of(store, whole, ONE_CORE_STEP_TIME)
    unchanged = [*same, *everything]

    def means(runs: Sequence[Sequence[float]]) -> str:
        found = sorted(map(np.mean, runs))
        return f"{np.expm1(found[0]):+.1%} to {np.expm1(found[-1]):+.1%}"

    said = f"of {len(unchanged)} runs with nothing changed, {len(everything)} of them with everything judged"
    assert f"the means {said}, lie from {means(unchanged)}" in page
    assert f"those of four with a fast clock from {means(by_clock)}." in page
    assert f"Busy work of two margins slowed four runs by {means(by_work)};" in page

    def chance(*cells: Sequence[Sequence[float]]) -> str:
        spread = [np.concatenate([np.full(len(run), np.mean(run)) for run in runs]) for runs in cells]
        about = sum(float(np.sum((cell - cell.mean()) ** 2)) for cell in spread)
        runs = [run for of in cells for run in of]
        within, launches = sum(float(np.var(run)) * len(run) for run in runs), sum(map(len, runs))
        degrees, others = len(runs) - len(cells), launches - len(runs)
        return f"{float(stats.f.sf((about / degrees) / (within / others), degrees, others)):.0%} of cases"

    exact, everyone = chance(same, everything, by_clock), chance(same, everything, by_clock, by_work)
    assert f"By chance alone, means lie at least so far apart in {exact} (F test)" in page
    assert f"with these it is {everyone}" in page


def test_the_page_tells_what_each_host_said() -> None:
    page, store = " ".join(OUTPUT.read_text(encoding="utf-8").split()), read_store()
    same = [run for cell in copies(0) for run in store.of(cell) if run.host == "AMD EPYC avx2"]
    counts = [sum(run.outcome == outcome for run in same) for outcome in ("PASS", "REGRESSION", "INCONCLUSIVE")]
    passed, worse, undecided = counts
    assert undecided > passed > worse == 0  # "most of its runs are INCONCLUSIVE"
    told = f"PASS {passed}, REGRESSION 0, INCONCLUSIVE {undecided}."
    assert f"- Nothing changed, {len(same)} runs on AMD EPYC avx2: {told}" in page
    (curve,) = (one for one in read_predictions().curves if (one.metric, one.config) == (ONE_CORE_STEP_TIME, "tiny"))
    assert curve.by_host["AMD EPYC avx2"] > math.log1p(0.015) > curve.by_host["AMD EPYC avx512f"]
    (other,) = (
        one for one in read_predictions().curves if (one.metric, one.config) == (ONE_CORE_STEP_TIME, "notebook")
    )
    found = curve.by_host["AMD EPYC avx2"], other.by_host["AMD EPYC avx2"]
    protocol = " ".join((ROOT / "docs" / "protocol.md").read_text(encoding="utf-8").split())
    deviate = f"launches of `tiny` deviate by {found[0]:.1%} there and those of `notebook` by {found[1]:.1%}"
    least = [math.ceil(math.expm1(2 * one) * 200) / 200 for one in (found[0], found[1] / math.sqrt(3))]
    assert deviate in protocol
    assert f"margins of at least {least[0]:.0%} and {least[1]:.0%}" in protocol


def test_launches_deviate_by_host_about_the_means_of_their_runs() -> None:
    """Of (1, 3) and (11, 13) the squares about the means are 2 and 2, of one degree each: √2; another host's, √8."""

    def judged(*values: float) -> Judged:
        return Judged(STEP_TIME, "PASS", 0.05, values)

    found = deviations([("b", judged(1, 3)), ("b", judged(11, 13)), ("a", judged(0, 4)), ("c", judged(1)), ("d", None)])
    assert found == pytest.approx({"a": math.sqrt(8), "b": math.sqrt(2)})


def drawn_launches(within: float, between: float, mean: float = 0.0, runs: int = 200) -> list[tuple[float, ...]]:
    generator = np.random.default_rng(7)
    own = generator.normal(mean, between, (runs, 1))
    return [tuple(row) for row in (own + generator.normal(0.0, within, (runs, 12))).tolist()]


def test_a_deviation_has_the_unit_of_its_metric() -> None:
    (growing,) = (curve for curve in read_predictions().curves if curve.metric == MEMORY_GROWTH)
    known = Predictions(SCHEMA, (dataclasses.replace(growing, between_runs=Between(64.0, 128.0)),))
    (row,) = (line for line in document(read_store(), known).splitlines() if line.startswith("| memory growth, tiny"))
    assert row.split("|")[2].strip().endswith(" bytes a step")
    assert row.split("|")[3].strip() == "64 bytes a step (≤ 128 bytes a step)"


def test_noise_is_told_apart_within_and_between_runs_whatever_was_changed() -> None:
    noise = noise_of([drawn_launches(0.01, 0.004), drawn_launches(0.01, 0.004, 0.1)])
    assert noise.launch_deviation == pytest.approx(0.01, rel=0.05)
    found = between_runs([drawn_launches(0.01, 0.004), drawn_launches(0.01, 0.004, 0.1)])
    assert found is not None
    assert found.estimate == pytest.approx(0.004, rel=0.15)
    assert noise.launches == 2 * 200 * 12


@pytest.mark.parametrize(
    ("within", "between", "size", "outcome", "share"),
    [
        (0.005, 0.0, 0.0, Outcome.PASS, 1.0),
        (0.005, 0.0, 2.0, Outcome.REGRESSION, 1.0),
        (0.005, 0.05, 0.0, Outcome.REGRESSION, 0.16),  # no run sees what it has all along: 16% are above one deviation
        (1.0, 0.0, 0.0, Outcome.INCONCLUSIVE, 1.0),
    ],
)
def test_verdicts_follow_from_noise_and_size(
    within: float, between: float, size: float, outcome: Outcome, share: float
) -> None:
    """By a margin of 5%."""
    noise = noise_of([drawn_launches(within, 0.0)])
    shares = simulated(noise, between, size, 0.05, runs=400).shares[outcome.value].values()
    assert min(shares) - 0.08 <= share <= max(shares) + 0.08


def test_the_committed_predictions_are_of_the_committed_runs() -> None:
    """Their noise is; one point is simulated anew."""
    store, kept = read_store(), read_predictions()
    measured = {cell: runs for cell in CELLS if (runs := launches_of(store, cell, cell.metric))}
    launches = collections.Counter(
        (cell.metric, cell.config) for cell, runs in measured.items() for run in runs for _ in run
    )
    enough = {cell.key for cell in measured if launches[cell.metric, cell.config] >= ENOUGH}
    assert {key for curve in kept.curves for key in curve.cells} == enough, "python -m experiments.rates predict"
    for curve in kept.curves:
        of = [cell for cell in CELLS if cell.key in curve.cells]
        assert noise_of([launches_of(store, cell, cell.metric) for cell in of]) == curve.noise, (
            "python -m experiments.rates predict"
        )
    curve = kept.curves[0]
    point = curve.points[1]
    assert curve.between_runs is not None
    assert simulated(curve.noise, curve.between_runs.estimate, point.size, curve.margin).shares == point.shares


def test_the_committed_predictions_are_of_the_sizes_that_were_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """In margins, the newest run's. Nothing is simulated."""
    monkeypatch.setattr("experiments.rates.predictions.simulated", lambda noise, between, size, margin: Point(size, {}))
    for anew, kept in zip(predicted(read_store()).curves, read_predictions().curves, strict=True):
        assert anew.margin == pytest.approx(kept.margin)
        between = [dataclasses.astuple(one) if one else () for one in (anew.between_runs, kept.between_runs)]
        assert between[0] == pytest.approx(between[1])
        sizes, wanted = ({key: one.size for key, one in curve.cells.items()} for curve in (anew, kept))
        assert sizes == pytest.approx(wanted)


def test_predictions_stand_beside_what_was_measured_and_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A curve of three sizes is one; the page has a row of the size that nobody measured."""
    monkeypatch.setattr("experiments.rates.predictions.SIZES", (0.0, 1.0, 2.0))
    monkeypatch.setattr("experiments.rates.predictions.simulated", functools.partial(simulated, runs=200))
    same = [kept(NOTHING, number, one_core(), tmp_path) for number in range(2)]
    store = Store(SCHEMA, tuple(same))
    found = predicted(store, [NOTHING, SLOWER])
    page = document(store, found)
    (row,) = cells(page, "--config notebook")
    assert "PASS 100%" in row
    (shares,) = (one.split("|") for one in page.splitlines() if one.startswith("| step time on one core, notebook"))
    (point,) = (one.shares for one in found.curves[0].points if one.size == 1)
    assert [one.strip() for one in shares[4:6]] == [
        told_share(point[one.value], digits=1) for one in (Outcome.PASS, Outcome.REGRESSION)
    ]
    assert drawn(found, store).count("step time on one core, notebook") == 1


def test_what_one_run_of_each_cell_cannot_tell_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulation takes it for 0."""
    monkeypatch.setattr("experiments.rates.predictions.SIZES", (1.0,))
    monkeypatch.setattr("experiments.rates.predictions.simulated", functools.partial(simulated, runs=20))
    values = tuple(0.01 * launch for launch in range(ENOUGH))
    runs = [Judged(ONE_CORE_STEP_TIME, "REGRESSION", 0.02, tuple(value + by for value in values)) for by in (0.0, 0.1)]
    for cells_of_runs, known in (((NOTHING, SLOWER), False), ((SLOWER, SLOWER), True)):
        both = zip(cells_of_runs, runs, strict=True)
        store = Store(SCHEMA, tuple(ran(cell, "REGRESSION", number, one) for number, (cell, one) in enumerate(both)))
        found = predicted(store, [NOTHING, SLOWER])
        assert (found.curves[0].between_runs is not None) == known
        (row,) = (line for line in document(store, found).splitlines() if line.startswith("| step time on one core,"))
        assert [row.split("|")[column].strip() == "–" for column in (3, 6, 7)] == [not known] * 3
    assert (between_runs([[values]]), between_runs([])) == (None, None)


def test_what_runs_share_is_told_by_those_of_exact_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Busy work may slow each run by another part. Runs of everything tell of the metric, too."""
    monkeypatch.setattr("experiments.rates.predictions.simulated", lambda noise, between, size, margin: Point(size, {}))
    everything = next(cell for cell in CELLS if cell.command == "--config notebook")
    values = [0.01 * launch for launch in range(ENOUGH)]

    def runs(cell: Cell, *means: float) -> list[Ran]:
        judged = (Judged(ONE_CORE_STEP_TIME, "PASS", 0.02, tuple(mean + value for value in values)) for mean in means)
        return [ran(cell, "PASS", number, one) for number, one in enumerate(judged)]

    def shared(*of: Ran) -> float:
        (curve,) = predicted(Store(SCHEMA, of), [NOTHING, SLOWER, everything]).curves
        assert curve.between_runs is not None
        return curve.between_runs.estimate

    alike, apart = runs(NOTHING, 0.0, 0.0), runs(SLOWER, 0.0, 0.3)
    assert shared(*alike, *apart) == 0.0
    assert shared(*apart) > 0.1  # no other run tells
    assert shared(*alike, *runs(everything, 0.0, 0.3)) > 0.1


def test_runs_deviate_by_more_than_their_bound_as_rarely_as_it_says() -> None:
    """In 5% of 400 times two cells of eight runs of six launches: 20, and 33 are three deviations more, 7 fewer."""
    generator = np.random.default_rng(11)
    drawn = generator.normal(0.0, 0.005, (400, 2, 8, 1)) + generator.normal(0.0, 0.01, (400, 2, 8, 6))
    found = [between_runs(cells.tolist()) for cells in drawn]
    assert 7 <= sum(one is not None and (one.at_most or 0.0) < 0.005 for one in found) <= 33


def test_means_closer_together_than_their_launches_explain_bound_nothing() -> None:
    values = [0.01 * launch for launch in range(6)]
    assert between_runs([[values] * 8]) == Between(0.0, None)


def test_too_few_launches_predict_nothing() -> None:
    judged = Judged(ONE_CORE_STEP_TIME, "PASS", 0.02, (0.01, 0.02, 0.03, 0.04))
    assert predicted(Store(SCHEMA, (ran(NOTHING, "PASS", 0, judged),)), [NOTHING]).curves == ()
