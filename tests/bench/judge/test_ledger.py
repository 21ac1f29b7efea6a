"""The ledger: positions rebased over moves of the reference, the ratio accepted last, entries."""

import dataclasses

import pytest

from bench.judge.ledger import (
    LedgerError,
    Position,
    accepted_ratio,
    entry_of,
    file_of,
    is_foreign,
    positions,
    ratio_interval,
)
from bench.record.ledger import Entry, Ledger, Ratio
from bench.record.paired import PairedRun, Side
from bench.record.types import SCHEMA, Failure
from tests.builders.launches import on_both, on_candidate, with_one_core
from tests.builders.paired import pair, paired_run, side_of
from tests.builders.records import MACHINE, SUBJECT

STEP_TIME = "step time"
MADE = "2026-01-02T03:04:05+00:00"


def entry(
    tensorflow: str,
    reference: str,
    ratio: float | None,
    error: float = 0.0,
    *,
    moves: bool = False,
    machine: str = "here",
    metric: str = STEP_TIME,
) -> Entry:
    """An accepted TensorFlow, `ratio` (a logarithm) to a reference; environments are called as their TensorFlow is."""
    ratios = () if ratio is None else (Ratio(SUBJECT.name, metric, ratio, error, 6),)
    return Entry(f"{MADE}, {tensorflow}", tensorflow, tensorflow, reference, machine, "", "why", ratios, moves)


def ledger(*entries: Entry) -> Ledger:
    return Ledger(SCHEMA, entries)


def at(tensorflow: str, estimate: float, *links: Entry) -> Position:
    """Where a TensorFlow stands by the ratios of `links`; as near as floats come."""
    intervals = tuple(filter(None, (ratio_interval(link.ratios[0]) for link in links)))
    machines = frozenset(link.machine for link in links)
    return Position(tensorflow, pytest.approx(estimate), intervals, machines)  # type: ignore[arg-type]


def found(of: Ledger, reference: str) -> list[Position]:
    return positions(of, reference, SUBJECT.name, STEP_TIME)


# Accepted against R: 0.02 slower, then E, 0.05 slower, which becomes the reference; F, 0.01 faster than E; G, 0.03
# slower than E, which becomes the reference; H, 0.04 slower than G.
FIRST = entry("R", "R", None)
SLOWER = entry("S", "R", 0.02, 0.003, machine="a")
MOVE = entry("E", "R", 0.05, 0.004, moves=True, machine="b")
FASTER = entry("F", "E", -0.01, 0.005)
SECOND_MOVE = entry("G", "E", 0.03, 0.012, moves=True, machine="c")
LAST = entry("H", "G", 0.04, 0.006)
WHOLE = ledger(FIRST, SLOWER, MOVE, FASTER, SECOND_MOVE, LAST)


def test_positions_to_their_own_reference_are_the_entries_ratios() -> None:
    assert found(ledger(FIRST, SLOWER), "R") == [
        at("R", 0.0),
        at("S", 0.02, SLOWER),
    ]


def test_one_move_of_the_reference_rebases_what_was_measured_before() -> None:
    # log(S/E) = log(S/R) − log(E/R) = 0.02 − 0.05, and the errors of both ratios count.
    assert found(ledger(FIRST, SLOWER, MOVE, FASTER), "E") == [
        at("R", -0.05, MOVE),
        at("S", -0.03, MOVE, SLOWER),
        at("E", 0.0),
        at("F", -0.01, FASTER),
    ]


def test_two_moves_add_up() -> None:
    # log(S/G) = log(S/R) − log(E/R) − log(G/E) = 0.02 − 0.05 − 0.03.
    stands = {position.tensorflow: position for position in found(WHOLE, "G")}
    assert list(stands) == ["R", "S", "E", "F", "G", "H"]
    assert stands["R"].estimate == pytest.approx(-0.08)
    assert stands["S"] == at("S", -0.06, MOVE, SECOND_MOVE, SLOWER)
    assert stands["S"].machines == {"a", "b", "c"}
    assert stands["E"] == at("E", -0.03, SECOND_MOVE)
    assert stands["F"].estimate == pytest.approx(-0.04)
    assert stands["G"] == at("G", 0.0)
    assert stands["H"].estimate == pytest.approx(0.04)


def test_a_reference_that_accepted_itself_moves_nothing() -> None:
    itself = entry("R", "R", None, moves=True)
    assert [position.estimate for position in found(ledger(itself, SLOWER, MOVE), "E")] == pytest.approx(
        [-0.05, -0.03, 0.0]
    )


def test_an_entry_without_the_metric_is_left_out_and_a_move_without_it_ends_the_chain() -> None:
    other = entry("S", "R", 0.02, metric="mean step")
    assert [position.tensorflow for position in found(ledger(FIRST, other), "R")] == ["R"]
    blind = entry("E", "R", 0.05, moves=True, metric="mean step")
    assert [position.tensorflow for position in found(ledger(FIRST, SLOWER, blind, FASTER), "E")] == ["E", "F"]


def test_a_move_of_several_subjects_may_stand_in_an_entry_for_each() -> None:
    """`record A B --becomes-reference`: the second's history counts as the first's does."""

    def of(name: str, one: Entry) -> Entry:
        return dataclasses.replace(one, ratios=tuple(dataclasses.replace(each, subject=name) for each in one.ratios))

    history = ledger(SLOWER, of("other", SLOWER), of("other", MOVE), MOVE, FASTER)
    assert found(history, "E") == [at("S", -0.03, MOVE, SLOWER), at("E", 0.0), at("F", -0.01, FASTER)]
    later = ledger(MOVE, FASTER, of("other", MOVE))  # what was accepted since the move stands
    assert accepted_ratio(later, "E", SUBJECT.name, STEP_TIME) == -0.01
    back = entry("R", "E", -0.05, 0.004, moves=True)
    there_again = ledger(MOVE, back, FIRST, SLOWER, MOVE)
    assert found(there_again, "E")[-1] == at("E", 0.0)


def test_a_reference_that_was_left_twice_keeps_what_was_measured_against_it() -> None:
    """E turned out bad: G was measured by R again. What was measured by E alone has no ratio to G."""
    other = entry("G", "R", 0.03, 0.006, moves=True)
    history = ledger(FIRST, SLOWER, MOVE, FASTER, other)
    assert found(history, "G") == [
        at("R", -0.03, other),
        at("S", -0.01, other, SLOWER),
        at("E", 0.02, other, MOVE),
        at("G", 0.0),
    ]
    assert [position.tensorflow for position in found(history, "E")] == ["R", "S", "E", "F", "G"]  # where both are kept
    back = entry("R", "E", -0.05, 0.004, moves=True)
    assert found(ledger(FIRST, SLOWER, MOVE, back, other), "G")[1] == at("S", -0.01, other, SLOWER)


def test_an_older_reference_has_what_was_measured_against_it() -> None:
    assert [position.tensorflow for position in found(WHOLE, "R")] == ["R", "S", "E"]


def test_the_ratio_accepted_last_counts() -> None:
    assert accepted_ratio(ledger(FIRST, SLOWER), "R", SUBJECT.name, STEP_TIME) == 0.02
    # It is the reference itself.
    assert accepted_ratio(ledger(FIRST, SLOWER, MOVE), "E", SUBJECT.name, STEP_TIME) == 0.0
    assert accepted_ratio(WHOLE, "G", SUBJECT.name, STEP_TIME) == 0.04


def test_what_the_ledger_does_not_know_is_a_ratio_of_1() -> None:
    assert accepted_ratio(ledger(), "R", SUBJECT.name, STEP_TIME) == 0.0
    assert accepted_ratio(WHOLE, "unknown", SUBJECT.name, STEP_TIME) == 0.0
    assert accepted_ratio(ledger(SLOWER), "R", "tiny-synthetic-cells-cpu0", STEP_TIME) == 0.0
    assert accepted_ratio(ledger(SLOWER), "R", SUBJECT.name, "peak memory") == 0.0


def test_references_that_are_known() -> None:
    assert [name for name in "RSEFGHX" if not is_foreign(WHOLE, name)] == ["R", "E", "G"]
    assert not is_foreign(ledger(), "R")
    assert found(ledger(FIRST, SLOWER), "S") == []  # accepted, and nothing is measured against it


REFERENCE, CANDIDATE = side_of("2.20.0"), side_of("2.21.0")


def measured(candidate: Side = CANDIDATE, launches: int = 4, created: str = MADE) -> PairedRun:
    made = paired_run([pair(launch, step=0.03) for launch in range(launches)])
    return dataclasses.replace(made, created=created, reference=REFERENCE, candidate=candidate)


def test_an_entry_holds_the_ratios_of_a_run() -> None:
    made = entry_of(measured(), ledger(), "it is newer")
    assert (made.tensorflow, made.environment, made.reference) == ("2.21.0", CANDIDATE.identity, REFERENCE.identity)
    assert made.reference_tensorflow == "2.20.0"
    assert (made.created, made.machine, made.host) == (MADE, MACHINE.fingerprint(), "A CPU, 2 cores")
    assert (made.reason, made.becomes_reference) == ("it is newer", False)
    (ratio,) = [ratio for ratio in made.ratios if ratio.metric == STEP_TIME]
    # The noise of four launches: mean 0.0005, deviation √((0.0035² + 0.0065² + 0.0005² + 0.0025²)/3) = 0.00451, by √4.
    assert (ratio.subject, ratio.launches) == (SUBJECT.name, 4)
    assert ratio.estimate == pytest.approx(0.0305)
    assert ratio.standard_error == pytest.approx(0.00451 / 2, rel=1e-2)
    assert not {"perplexity", "memory growth"} & {ratio.metric for ratio in made.ratios}  # no ratios


def test_a_metric_that_too_few_launches_tell_has_no_ratio() -> None:
    first, *others = measured().pairs
    lacking = dataclasses.replace(measured(), pairs=(on_both(first, memory=None), *others))
    made = [{ratio.metric for ratio in entry_of(of, ledger(), "why").ratios} for of in (measured(), lacking)]
    assert made[0] - made[1] == {"peak memory"}


def test_a_launch_that_failed_before_its_file_was_read_hides_no_file() -> None:
    own = dataclasses.replace(SUBJECT, workload="mine.py")
    failed = on_both(
        pair(0), subject=dataclasses.replace(own, fingerprint=""), failure=Failure("crashed", "killed by SIGKILL")
    )
    run = paired_run([failed, *(on_both(pair(launch), subject=own) for launch in range(4))])
    assert file_of(run, own.name) == SUBJECT.fingerprint


def test_a_run_of_named_metrics_tells_those_alone() -> None:
    """The others are told, and nothing has judged them."""
    made = entry_of(dataclasses.replace(measured(), only=("peak memory",)), ledger(), "it is newer")
    assert [ratio.metric for ratio in made.ratios] == ["peak memory"]


def test_the_reference_s_packages_with_other_variables_are_another_environment() -> None:
    without = dataclasses.replace(REFERENCE, variables={"TF_ENABLE_ONEDNN_OPTS": "0"})
    made = entry_of(measured(without), ledger(), "shipped without oneDNN")
    assert STEP_TIME in {ratio.metric for ratio in made.ratios}
    assert (made.environment, made.reference) == (without.setup, REFERENCE.setup)
    assert (without.identity, REFERENCE.setup) == (REFERENCE.identity, REFERENCE.identity)
    with pytest.raises(LedgerError, match=rf"reference 2\.20\.0 \({without.setup}\) is not one of the"):
        entry_of(dataclasses.replace(LATER, reference=without), KNOWN, "why")


def test_variables_are_told_in_any_order() -> None:
    one, other = ({"A": "1", "B": "2"}, {"B": "2", "A": "1"})
    assert len({dataclasses.replace(REFERENCE, variables=each).setup for each in (one, other)}) == 1


def test_the_reference_itself_has_no_ratios() -> None:
    itself = measured(REFERENCE)
    launches = (on_candidate(one, environment=one.reference.environment) for one in itself.pairs)
    made = entry_of(dataclasses.replace(itself, pairs=tuple(launches)), ledger(), "the first")
    assert (made.environment, made.reference, made.ratios) == (REFERENCE.identity, REFERENCE.identity, ())
    assert accepted_ratio(ledger(made), REFERENCE.identity, SUBJECT.name, STEP_TIME) == 0.0
    assert not is_foreign(ledger(made), REFERENCE.identity)


def test_two_tensorflows_that_no_package_tells_apart_are_refused() -> None:
    """Builds without metadata: the ratios between them can't be kept, and are not dropped."""
    bare = dataclasses.replace(REFERENCE, packages=())
    with pytest.raises(
        LedgerError, match=rf"can't tell TensorFlow 2\.21\.0 from 2\.20\.0: .* \({bare.setup}\); install"
    ):
        entry_of(dataclasses.replace(measured(bare), reference=bare), ledger(), "it is newer")


def on_both_kinds(launches: int) -> PairedRun:
    """Launches on all cores and on one core by turns, those on all cores first."""
    return dataclasses.replace(measured(), pairs=tuple(with_one_core(measured().pairs)[:launches]))


KNOWN = ledger(entry_of(measured(), ledger(), "why"))
LATER = measured(created="2026-02-01")


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (measured(launches=3), "the run holds 3 launches on all cores, and 4 are needed"),
        # It ended at a REGRESSION on all cores: the step time on one core would be left out.
        (on_both_kinds(7), "the run holds 3 launches on one core, and 4 are needed"),
        (on_both_kinds(4), "the run holds 2 launches on all cores, and 4 are needed"),
        (measured(launches=0), "the run holds 0 launches in turn, and 4 are needed"),
        (dataclasses.replace(LATER, incomplete="interrupted"), "the run is incomplete"),
        (dataclasses.replace(LATER, reference=side_of("2.19.1")), r"reference 2\.19\.1 \(\w{12}\) is not one of the"),
    ],
)
def test_runs_that_no_entry_can_be_made_of(run: PairedRun, said: str) -> None:
    assert entry_of(LATER, KNOWN, "why").created == LATER.created
    with pytest.raises(LedgerError, match=said):
        entry_of(run, KNOWN, "why")


def test_launches_of_both_kinds_tell_both_step_times() -> None:
    made = {ratio.metric: ratio.launches for ratio in entry_of(on_both_kinds(8), ledger(), "why").ratios}
    assert (made[STEP_TIME], made["step time on one core"]) == (4, 4)


def test_a_ratio_s_interval_is_that_of_its_launches() -> None:
    # Student's t with 3 degrees of freedom, 3.182 at 97.5% and 2.353 at 95%, of an error that is widened 1.2321 times:
    # C = 1/4 − 0.2(1 − 0.2⁴)/(4 · 0.8²) = 0.172, so √(1.344/(1 − 0.344/3)).
    found = ratio_interval(Ratio(SUBJECT.name, STEP_TIME, 0.10, 0.01, 4))
    assert found is not None
    assert (found.low, found.high, found.pass_high) == pytest.approx((0.06079, 0.13921, 0.12900), abs=1e-5)
    assert ratio_interval(Ratio(SUBJECT.name, STEP_TIME, 0.0, 0.0, 0)) is None  # the reference itself
