"""`tfgate record`: makes, adds and replaces baselines, grows the ledger, and writes nothing when it refuses."""

import dataclasses
import errno
import json
import math
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.commands import stored
from bench.record.files import read_record, write_record
from bench.record.ledger import AcceptedRegression, Ledger
from bench.record.paired import PairedRun
from bench.record.types import SCHEMA, Baseline, Failure
from bench.stats.outcome import Outcome
from tests.builders.commands import (
    INCONCLUSIVE,
    NEW,
    NEWER,
    OLD,
    PASS,
    REGRESSION,
    Answer,
    Keep,
    Tfgate,
    gate_run,
    in_turn,
    ledger,
    report,
    snapshot,
)
from tests.builders.launches import on_both, on_candidate
from tests.builders.paired import NOISE
from tests.builders.records import LOG_PERPLEXITIES, OTHER_MACHINE, SPEEDS, SUBJECT, TINY, record, records, run

ROOT = Path(__file__).resolve().parents[3]
Accept = Callable[..., Answer]
FILE = f"{SUBJECT.name}.json"
LATER = "2026-01-07T00:00:00+00:00"
DAYS = [f"2026-02-0{day}T00:00:00+00:00" for day in (1, 2, 3)]


def sibling(keep: Keep, day: int) -> Path:
    """A run of another day: other jitter, a percent slower or faster."""
    return keep(
        f"run{day}", records([value + day * 1e-4 for value in LOG_PERPLEXITIES], [0.1 + day / 1000] * 4), DAYS[day]
    )


def test_run_record_check_passes_on_a_sibling(tfgate: Tfgate, keep: Keep, empty_baselines: Path) -> None:
    one, two, three = (sibling(keep, day) for day in range(3))
    made = tfgate("record", one, two, "--baselines", empty_baselines)
    assert made.code == 0
    assert made.out.startswith(f"{SUBJECT.name}: new; 8 ")
    checked = tfgate("check", three, "--baselines", empty_baselines)
    assert checked.code == 0, checked.out
    kept = read_record(Baseline, empty_baselines / FILE)
    assert (kept.reason, kept.command[:2]) == ("first baseline", ("tfgate", "record"))


def test_what_the_run_warns_of_is_said_before_it_becomes_a_baseline(
    tfgate: Tfgate, keep: Keep, empty_baselines: Path
) -> None:
    line = "notebook launch 2: other processes used 0.62 of 2 CPUs, which disturbs its speed"
    launches = [dataclasses.replace(one, others_cpu=0.31 if one.launch == 1 else 0.01) for one in records()]
    disturbed = keep("run", launches, DAYS[0], warnings=[line])
    said = tfgate("record", disturbed, "--baselines", empty_baselines).err.splitlines()
    assert said[:2] == [f"warning: {line}", "warning: disturbed launches, whose words/s are left out: 1"]
    (kept,) = read_record(Baseline, empty_baselines / FILE).throughput
    assert kept.words_per_second == pytest.approx([300 / SPEEDS[0], 300 / SPEEDS[2], 300 / SPEEDS[3]])
    assert not kept.in_turn
    assert len(read_record(Baseline, empty_baselines / FILE).replicas) == 4


def test_replicates_of_few_environments_are_warned_of(tfgate: Tfgate, keep: Keep, empty_baselines: Path) -> None:
    one, equal, two, three = (
        keep(f"2.{minor}", [record(level, launch=minor, tensorflow=f"2.{minor}.0")], f"2026-02-{minor}T00:00:00+00:00")
        for minor, level in ((17, 5.01), (18, 5.01), (19, 5.02), (20, 5.03))
    )
    made = tfgate("record", keep("run", [*records(), *records(subject=TINY)]), "--baselines", empty_baselines)
    warnings = [line for line in made.err.splitlines() if "replicates of 1 environment, " in line]
    assert [SUBJECT.name in warnings[0], TINY.name in warnings[1]] == [True, True]
    for added in (one, equal):  # releases that trained the same, bit for bit, are one sample
        assert "replicates of 2 environments, " in tfgate("record", "--add", added, "--baselines", empty_baselines).err
    enough = tfgate("record", "--add", two, three, "--baselines", empty_baselines)
    assert (enough.code, "environments" in enough.err) == (0, False)


def test_a_run_that_was_disturbed_throughout_stores_no_speed(tfgate: Tfgate, keep: Keep, empty_baselines: Path) -> None:
    disturbed = keep("run", [dataclasses.replace(one, others_cpu=0.5) for one in records()], DAYS[0])
    assert "words/s are left out: 4" in tfgate("record", disturbed, "--baselines", empty_baselines).err
    assert read_record(Baseline, empty_baselines / FILE).throughput == ()


def test_what_is_no_report_makes_no_baseline(tfgate: Tfgate, unchanged: Path) -> None:
    found = tfgate("record", unchanged / FILE, "--baselines", unchanged, "--reason", "x")
    assert (found.code, str(unchanged / FILE) in found.error) == (2, True)


def test_an_installations_baselines_are_read_and_not_changed(
    tfgate: Tfgate, keep: Keep, tmp_path: Path, baselines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "BASELINES", (baselines, tmp_path / "no-checkout"))
    before = snapshot(baselines)
    assert tfgate("check", keep("run")).code == 0
    found = tfgate("record", sibling(keep, 1), "--add")
    assert (found.code, "--baselines" in found.error) == (2, True)
    assert snapshot(baselines) == before


def test_an_installation_carries_the_baselines() -> None:
    """Where stored.BASELINES looks for them first."""
    built = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]
    assert built["force-include"] == {"baselines": stored.BASELINES[0].relative_to(ROOT).as_posix()}
    assert stored.BASELINES[1] == ROOT / "baselines"


def test_an_existing_baseline_is_left_alone(tfgate: Tfgate, keep: Keep, unchanged: Path) -> None:
    found = tfgate("record", keep("run"), "--baselines", unchanged)
    assert (found.code, found.error.split()[0]) == (2, SUBJECT.name)


def test_nothing_is_written_where_one_of_two_is_refused(tfgate: Tfgate, keep: Keep, unchanged: Path) -> None:
    found = tfgate("record", keep("run", [*records(subject=TINY), *records()]), "--baselines", unchanged)
    assert (found.code, f"{SUBJECT.name} has a baseline already" in found.error) == (2, True)


def test_nothing_is_written_where_the_disk_is_full_before_the_last_file(
    tfgate: Tfgate, tmp_path: Path, unchanged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate changes a baseline, then the ledger, which stands for what takes the space that is left."""
    written: list[int] = []

    def fsync(number: int) -> None:
        written.append(number)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("bench.record.files.os.fsync", fsync)
    gate = report(tmp_path / "new", gate_run(in_turn()))
    written.clear()
    found = tfgate("record", gate, "--reason", "the new release", "--baselines", unchanged)
    assert (found.code, len(written)) == (4, 2), found
    assert found.err.splitlines() == [f"tfgate: error: {unchanged / 'ledger.json'}: the disk is full"]


def test_add_keeps_what_was(tfgate: Tfgate, keep: Keep, baselines: Path) -> None:
    old = read_record(Baseline, baselines / FILE)
    found = tfgate("record", "--add", sibling(keep, 1), "--baselines", baselines, "--reason", "a quiet night")
    assert found.code == 0
    new = read_record(Baseline, baselines / FILE)
    assert (len(new.replicas), len(new.throughput)) == (len(old.replicas) + 4, len(old.throughput) + 1)
    assert new.replicas[: len(old.replicas)] == old.replicas
    assert new.reason == "first baseline; a quiet night"


def test_add_makes_a_baseline_where_there_is_none(tfgate: Tfgate, keep: Keep, empty_baselines: Path) -> None:
    assert tfgate("record", "--add", keep("run"), "--baselines", empty_baselines).code == 0
    assert (empty_baselines / FILE).exists()


def test_replace_keeps_nothing_but_the_run(tfgate: Tfgate, keep: Keep, baselines: Path) -> None:
    replaced = tfgate("record", "--replace", "--reason", "TensorFlow 2.22", keep("run"), "--baselines", baselines)
    assert replaced.code == 0
    assert re.search(r" 148\.44 → .* 148\.49 \(\+0\.04%\)$", replaced.out)  # the difference that reviewers see
    new = read_record(Baseline, baselines / FILE)
    assert (new.reason, len(new.replicas), len(new.throughput)) == ("TensorFlow 2.22", 4, 1)


@pytest.mark.parametrize(
    ("launches", "incomplete", "said"),
    [
        ([record(failure=Failure("crashed", "killed"))], "", "a baseline needs whole runs"),
        (records(), "interrupted", "a baseline needs whole runs"),
        ((), "", "hold no launch"),
        (
            records(subject=type(SUBJECT)(**{**vars(SUBJECT), "config": "../../outside"})),
            "",
            "can't name a baseline's file",
        ),
    ],
    ids=["failed", "incomplete", "empty", "a name that leads elsewhere"],
)
def test_runs_that_make_no_baseline(
    tfgate: Tfgate,
    keep: Keep,
    tmp_path: Path,
    empty_baselines: Path,
    launches: list[object],
    incomplete: str,
    said: str,
) -> None:
    folder = keep("run", launches, incomplete=incomplete)
    before = snapshot(tmp_path)
    found = tfgate("record", folder, "--baselines", empty_baselines)
    assert found.code == 2
    assert said in found.error
    assert snapshot(tmp_path) == before


def test_a_run_that_lost_its_sense_is_named(tfgate: Tfgate, keep: Keep, empty_baselines: Path) -> None:
    """Losses whose sum is beyond what a float holds."""
    huge = keep("run", [dataclasses.replace(one, losses=(1e308,) * SUBJECT.steps) for one in records()])
    before = snapshot(empty_baselines)
    found = tfgate("record", huge, "--baselines", empty_baselines)
    assert (found.code, found.error.startswith(f"{huge} can't be judged, and may be damaged")) == (2, True)
    assert snapshot(empty_baselines) == before


class TestLedger:
    """Reports of launches in turn are accepted into the ledger."""

    @pytest.fixture
    def accept(self, tfgate: Tfgate, baselines: Path) -> Accept:
        def accept(*arguments: str | Path, reason: str = "the new release") -> Answer:
            return tfgate("record", *arguments, "--reason", reason, "--baselines", baselines)

        return accept

    @pytest.mark.parametrize("gate", [False, True], ids=["upgrade", "gate"])
    def test_ratios_of_a_report_join_the_ledger(
        self, accept: Accept, tmp_path: Path, baselines: Path, gate: bool
    ) -> None:
        run = in_turn(step=0.02)
        found = accept(report(tmp_path / "new", gate_run(run) if gate else run))
        assert found.code == 0, found
        (entry,) = ledger(baselines).entries
        assert found.out.startswith(
            f"2.21.0: {len(entry.ratios)} ratios to the reference {OLD.identity}, measured 2026-01-06T00:00:00+00:00 "
            "(PASS)\nthe ledger was empty: from now on it takes reports in turn with this reference, and no other's\n"
        )
        assert (entry.environment, entry.reference, entry.host) == (NEW.identity, OLD.identity, "A CPU, 2 cores")
        assert (entry.reason, entry.becomes_reference) == ("the new release", False)
        step = next(ratio for ratio in entry.ratios if ratio.metric == "step time")
        assert (step.subject, step.launches) == (SUBJECT.name, 10)
        assert step.estimate == pytest.approx(0.02 + sum(NOISE[:10]) / 10)
        # The one is no ratio's to gate.
        assert {"perplexity", "memory growth"}.isdisjoint(ratio.metric for ratio in entry.ratios)

    def test_the_configurations_of_a_gate_are_one_entry(self, accept: Accept, tmp_path: Path, baselines: Path) -> None:
        notebook = in_turn()
        pairs = [
            dataclasses.replace(
                one,
                reference=dataclasses.replace(one.reference, subject=TINY),
                candidate=dataclasses.replace(one.candidate, subject=TINY),
            )
            for one in notebook.pairs
        ]
        gate = gate_run(notebook, dataclasses.replace(notebook, pairs=tuple(pairs)))
        assert accept(report(tmp_path / "new", gate), "--despite-verdict").code == 0
        (entry,) = ledger(baselines).entries
        steps = [ratio.subject for ratio in entry.ratios if ratio.metric == "step time"]
        assert steps == [SUBJECT.name, TINY.name]

    def test_a_later_report_is_judged_beside_what_was_accepted(
        self, accept: Accept, tfgate: Tfgate, tmp_path: Path, baselines: Path
    ) -> None:
        """20% is a REGRESSION until a reviewer has accepted it; what was accepted in all has a budget of 10%."""
        first = report(tmp_path / "first", gate_run(in_turn(step=0.2)))
        later = report(tmp_path / "later", gate_run(in_turn(step=0.2, created=LATER), created=LATER))

        def outcomes() -> list[Outcome]:
            found = tfgate("check", later, "--baselines", baselines, "--json").outcomes
            return [outcome for metric, outcome in found.items() if metric.startswith("step time")]

        assert outcomes() == [REGRESSION]
        before = snapshot(baselines)
        refused = accept(first)
        assert (refused.code, "(REGRESSION in step time)" in refused.error) == (2, True)
        assert "--accept METRIC" in refused.error
        assert snapshot(baselines) == before
        found = accept(first, "--despite-verdict")
        assert (found.code, "(REGRESSION in step time)" in found.out) == (0, True)
        assert outcomes() == [PASS, PASS]  # the second: since the first entry

    @pytest.mark.usefixtures("unchanged")
    def test_of_several_reports_each_is_judged_beside_those_before_it(self, accept: Accept, tmp_path: Path) -> None:
        """3.5% slower than the reference is within its margin, and not after 3.5% faster have been accepted."""
        names = [
            report(tmp_path / created, gate_run(in_turn(step=step, created=created), created=created))
            for step, created in ((-0.035, "2026-01-06T00:00:00+00:00"), (0.035, LATER))
        ]
        found = accept(*names)
        assert found.code == 2
        assert found.error.startswith(f"{names[1]} is not a PASS by ")

    def test_what_is_not_proven_is_measured_again_or_begins_the_ledger(
        self, accept: Accept, tmp_path: Path, baselines: Path
    ) -> None:
        """5.1% is neither within nor beyond the margin of 5%: there is no regression that --accept could let pass."""
        open_ = report(tmp_path / "open", gate_run(in_turn(step=0.05)))
        before = snapshot(baselines)
        refused = accept(open_)
        assert (refused.code, "(INCONCLUSIVE in step time)" in refused.error) == (2, True)
        assert ["measure again" in refused.error, "--accept" in refused.error] == [True, False]
        assert snapshot(baselines) == before
        assert accept(open_, "--despite-verdict").code == 0
        assert ledger(baselines).entries[0].ratios

    def test_a_report_of_launches_that_failed_is_refused_with_what_helps(self, accept: Accept, tmp_path: Path) -> None:
        numbers = run([record(failure=Failure("crashed", "killed"), subject=TINY), *records()])
        refused = accept(report(tmp_path / "broken", dataclasses.replace(gate_run(in_turn()), numbers=numbers)))
        assert (refused.code, "(MEASUREMENT FAILED" in refused.error) == (2, True), refused
        assert refused.error.endswith("): fix what failed, and measure again")

    def test_a_gate_s_words_per_second_in_turn_join_the_baseline(
        self, accept: Accept, tmp_path: Path, baselines: Path
    ) -> None:
        old = read_record(Baseline, baselines / FILE)
        found = accept(report(tmp_path / "new", gate_run(in_turn())))
        assert found.code == 0
        new = read_record(Baseline, baselines / FILE)
        assert (new.replicas, new.throughput[:-1], new.reason) == (old.replicas, old.throughput, old.reason)
        stored = new.throughput[-1]
        assert (stored.in_turn, stored.tensorflow, stored.created) == (True, "2.21.0", "2026-01-06T00:00:00+00:00")
        assert stored.words_per_second == pytest.approx([3000] * 10)  # 300 words in 0.1 s

    def test_launches_of_a_gate_that_were_disturbed_are_told(
        self, accept: Accept, tmp_path: Path, baselines: Path
    ) -> None:
        first, *others = in_turn().pairs
        run = dataclasses.replace(in_turn(), pairs=(dataclasses.replace(first, others_cpu=0.3), *others))
        found = accept(report(tmp_path / "new", gate_run(run)))
        assert (found.code, "warning: disturbed launches, whose words/s are left out: 1\n" in found.err) == (0, True)
        assert len(read_record(Baseline, baselines / FILE).throughput[-1].words_per_second) == 9

    def test_an_accepted_fall_of_words_per_second_is_no_other_s_once_it_is_recorded(
        self, accept: Accept, tfgate: Tfgate, tmp_path: Path, baselines: Path
    ) -> None:
        """Of 3000 that are stored, 2820 is a fall by 6.4%, accepted up to 6.5%, and 2650 as much again."""

        def gate(words: int, day: str) -> Path:
            pairs = tuple(on_both(one, step_seconds=(300 / words,) * 5) for one in in_turn().pairs)
            made = gate_run(dataclasses.replace(in_turn(created=day), pairs=pairs), created=day)
            return report(tmp_path / f"{words}", dataclasses.replace(made, gate_stored=True))

        def words_of(name: Path) -> Outcome:
            return tfgate("check", name, "--baselines", baselines, "--json").outcomes["words/s"]

        known, fallen, further = (gate(words, day) for words, day in zip((3000, 2820, 2650), DAYS, strict=True))
        assert accept(known, "--despite-verdict").code == 0  # nothing is stored yet
        growth, tiny = (
            AcceptedRegression(subject.name, metric, None, "known", "https://example.org/2", "2027-01-01")
            for subject, metric in ((SUBJECT, "memory growth"), (TINY, "words/s"))
        )
        others = dataclasses.replace(ledger(baselines), regressions=(growth, tiny))
        write_record(baselines / "ledger.json", others, replace=True)
        given = ("--accept", "words/s", "--until", "2026-12-31", "--link", "https://example.org/1")
        assert (words_of(fallen), accept(fallen, *given).code, words_of(fallen)) == (REGRESSION, 0, PASS)
        assert (ledger(baselines).regressions[-1].limit, words_of(further)) == (0.065, REGRESSION)
        assert accept(fallen).code == 0
        assert ledger(baselines).regressions == others.regressions
        assert words_of(further) is REGRESSION

    def test_an_upgrade_changes_no_baseline(self, accept: Accept, tmp_path: Path, baselines: Path) -> None:
        before = snapshot(baselines)
        assert accept(report(tmp_path / "new", in_turn())).code == 0
        after = snapshot(baselines)
        assert after.keys() - before.keys() == {"ledger.json"}
        assert {name: after[name] for name in before} == before

    @pytest.mark.parametrize(("margin", "step"), [(0.5, 0.2), (0.01, 0.03)])
    def test_the_folder_s_margins_judge_whatever_the_report_was_asked_for(
        self,
        accept: Accept,
        tfgate: Tfgate,
        tmp_path: Path,
        baselines: Path,
        margin: float,
        step: float,
    ) -> None:
        """A wide margin of a report's own accepts nothing, and a narrow one keeps nothing out."""
        own = report(tmp_path / "own", dataclasses.replace(in_turn(step=step), margin=margin))
        wide = margin > step
        assert tfgate("check", own, "--baselines", baselines).code == (0 if wide else 1)
        before = snapshot(baselines)
        found = accept(own)
        assert found.code == (2 if wide else 0)
        assert (snapshot(baselines) == before) is wide
        if wide:
            said = f"is not a PASS by {baselines} (REGRESSION in step time): measure it again without --margin"
            assert said in found.error

    @pytest.mark.usefixtures("unchanged")
    def test_a_reference_moves_by_all_metrics_alone(self, accept: Accept, tmp_path: Path) -> None:
        """A metric without a ratio can't be rebased: its change since the first entry would begin anew."""
        named = report(tmp_path / "named", dataclasses.replace(in_turn(), only=("step time",)))
        found = accept(named, "--becomes-reference")
        assert (found.code, "measure the upgrade without --metric" in found.error) == (2, True)

    def test_a_report_of_a_metric_that_is_no_ratio_is_refused(
        self, accept: Accept, tmp_path: Path, unchanged: Path
    ) -> None:
        """An entry without ratios is the reference itself."""
        named = dataclasses.replace(in_turn(step=0.2), only=("memory growth",))
        found = accept(report(tmp_path / "new", named), "--despite-verdict")
        assert (found.code, "has no ratio to a reference" in found.error) == (2, True)

    def test_a_report_of_a_named_metric_leaves_other_acceptances(
        self, accept: Accept, tmp_path: Path, baselines: Path
    ) -> None:
        held = tuple(
            AcceptedRegression(SUBJECT.name, metric, 0.5, "known", "https://example.org/2", "2027-01-01")
            for metric in ("step time", "peak memory")
        )
        write_record(baselines / "ledger.json", Ledger(SCHEMA, (), held))
        named = dataclasses.replace(in_turn(step=0.2), only=("peak memory",))
        assert accept(report(tmp_path / "new", named)).code == 0
        assert [ratio.metric for ratio in ledger(baselines).entries[0].ratios] == ["peak memory"]
        assert [one.metric for one in ledger(baselines).regressions] == ["step time"]

    def test_a_report_of_another_reference_is_refused(self, accept: Accept, tmp_path: Path, baselines: Path) -> None:
        assert accept(report(tmp_path / "new", in_turn())).code == 0
        before = snapshot(baselines)
        newer = report(tmp_path / "newer", in_turn(created="2026-01-08T00:00:00+00:00"))
        other = accept(newer, report(tmp_path / "other", in_turn(NEW, NEWER, created=LATER)))
        assert (other.code, NEW.identity in other.error, str(tmp_path / "other") in other.error) == (2, True, True)
        assert snapshot(baselines) == before

    @pytest.mark.parametrize("gate", [False, True], ids=["upgrade", "gate"])
    @pytest.mark.parametrize("at_once", [False, True])
    def test_a_report_is_accepted_once(
        self, accept: Accept, tmp_path: Path, baselines: Path, gate: bool, at_once: bool
    ) -> None:
        new = report(tmp_path / "new", gate_run(in_turn()) if gate else in_turn())
        if not at_once:
            assert accept(new).code == 0
        before = snapshot(baselines)
        again = accept(new, new) if at_once else accept(new)
        assert (again.code, "is in the ledger already" in again.error) == (2, True)
        assert snapshot(baselines) == before

    @pytest.mark.parametrize("fingerprint", [SUBJECT.fingerprint, "ffff"])
    def test_replace_keeps_a_gate_s_words_per_second_of_the_same_model(
        self, accept: Accept, keep: Keep, tmp_path: Path, baselines: Path, fingerprint: str
    ) -> None:
        """The gate's report could not be recorded again: its entry is in the ledger."""
        assert accept(report(tmp_path / "new", gate_run(in_turn()))).code == 0
        gate = read_record(Baseline, baselines / FILE).throughput[-1]
        subject = dataclasses.replace(SUBJECT, fingerprint=fingerprint)
        assert accept(keep("run", records(subject=subject)), "--replace").code == 0
        (*kept, alone) = read_record(Baseline, baselines / FILE).throughput
        assert (kept, alone.in_turn) == ([gate] if fingerprint == SUBJECT.fingerprint else [], False)

    def test_a_gate_s_words_per_second_that_were_deleted_by_hand_judge_no_more(
        self, accept: Accept, tfgate: Tfgate, tmp_path: Path, baselines: Path
    ) -> None:
        """As the page of own baselines says it: no option of `record` drops them."""
        gate = report(tmp_path / "new", dataclasses.replace(gate_run(in_turn()), gate_stored=True))
        assert accept(gate, "--despite-verdict").code == 0  # nothing is stored yet
        plain = json.loads((baselines / FILE).read_text(encoding="utf-8"))
        found = []
        for kept in (plain["throughput"], [one for one in plain["throughput"] if not one["in_turn"]]):
            (baselines / FILE).write_text(json.dumps({**plain, "throughput": kept}), encoding="utf-8")
            found.append(tfgate("check", gate, "--baselines", baselines, "--json").outcomes["words/s"])
        assert found == [PASS, INCONCLUSIVE]

    def test_a_report_is_accepted_again_once_its_entry_was_taken_back(
        self, accept: Accept, tmp_path: Path, baselines: Path
    ) -> None:
        """Its words/s are in the baseline from the first time."""
        gate = report(tmp_path / "new", gate_run(in_turn()))
        assert accept(gate, reason="a wrong reason").code == 0
        kept = read_record(Baseline, baselines / FILE)
        write_record(baselines / "ledger.json", Ledger(SCHEMA, ()), replace=True)
        found = accept(gate)
        assert (found.code, [one.reason for one in ledger(baselines).entries]) == (0, ["the new release"]), found
        assert read_record(Baseline, baselines / FILE) == kept

    def test_hosts_that_began_in_the_same_second_are_both_accepted(
        self, accept: Accept, tmp_path: Path, baselines: Path
    ) -> None:
        elsewhere = dataclasses.replace(
            in_turn(), pairs=tuple(on_both(one, machine=OTHER_MACHINE) for one in in_turn().pairs)
        )
        assert accept(report(tmp_path / "here", in_turn())).code == 0
        assert accept(report(tmp_path / "there", elsewhere)).code == 0
        again = accept(tmp_path / "there")
        assert (again.code, "there: the run of 2026-01-06T00:00:00+00:00 is in the ledger" in again.error) == (2, True)
        assert len(ledger(baselines).entries) == 2

    def test_a_move_without_what_has_a_budget_says_so(self, accept: Accept, tmp_path: Path, baselines: Path) -> None:
        """Its total would begin anew, so that small losses add up unseen. A second command may bring it."""

        def of_tiny(made: PairedRun) -> PairedRun:
            return dataclasses.replace(made, pairs=tuple(on_both(one, subject=TINY) for one in made.pairs))

        first = gate_run(in_turn(), of_tiny(in_turn()))
        assert accept(report(tmp_path / "first", first), "--despite-verdict").code == 0
        itself = report(tmp_path / "itself", in_turn(OLD, OLD, created="2026-01-08T00:00:00+00:00"))
        moves = [in_turn(OLD, NEWER, created=LATER), of_tiny(in_turn(OLD, NEWER, created="2026-01-09T00:00:00+00:00"))]
        names = [report(tmp_path / f"move-{place}", made) for place, made in enumerate(moves)]
        again = report(tmp_path / "again", in_turn(NEWER, NEW, created="2026-01-10T00:00:00+00:00"))  # nothing is left
        said = f"warning: step time of {TINY.name}: --becomes-reference without it: its budget begins anew"
        for given, expected in ((names[:1], True), ([again], False), (names[1:], False), ([itself], False)):
            found = accept(*given, "--becomes-reference", "--despite-verdict")
            assert (found.code, said in found.err, "begins anew" in found.err) == (0, expected, expected)

    def test_the_reference_moves_to_what_becomes_it(
        self, accept: Accept, tfgate: Tfgate, tmp_path: Path, baselines: Path
    ) -> None:
        """Reports against the new reference are taken from then on, older entries rebased: 20% and 20% are 44%."""
        assert accept(report(tmp_path / "first", in_turn(OLD, OLD))).code == 0
        assert (
            accept(
                report(tmp_path / "move", in_turn(OLD, NEW, created=LATER, step=math.log(1.2))),
                "--becomes-reference",
                "--despite-verdict",
            ).code
            == 0
        )
        assert [entry.becomes_reference for entry in ledger(baselines).entries] == [False, True]
        newer = report(
            tmp_path / "newer", gate_run(in_turn(NEW, NEWER, created="2026-01-08T00:00:00+00:00", step=math.log(1.2)))
        )
        answer = json.loads(tfgate("check", newer, "--baselines", baselines, "--json").out)
        (since,) = (one for one in answer["comparisons"] if one["metric"]["name"].startswith("step time since"))
        assert Outcome(since["outcome"]) is REGRESSION
        assert since["interval"]["estimate"] == pytest.approx(math.log(1.44), abs=0.005)
        assert accept(newer, "--despite-verdict").code == 0

    @pytest.mark.parametrize(
        ("options", "named"),
        [([], "--reason"), (["--reason", "x", "--add"], "--add"), (["--reason", "x", "--replace"], "--replace")],
    )
    def test_options_that_are_for_runs(
        self, tfgate: Tfgate, tmp_path: Path, unchanged: Path, options: list[str], named: str
    ) -> None:
        found = tfgate("record", report(tmp_path / "new", in_turn()), *options, "--baselines", unchanged)
        assert (found.code, named in found.error) == (2, True)

    def test_runs_and_reports_are_recorded_apart(
        self, accept: Accept, keep: Keep, tmp_path: Path, unchanged: Path
    ) -> None:
        found = accept(keep("run"), report(tmp_path / "new", in_turn()))
        assert (found.code, "by separate commands" in found.error) == (2, True)

    @pytest.mark.parametrize("option", ["--becomes-reference", "--despite-verdict"])
    def test_what_is_for_the_ledger_is_not_for_runs(
        self, accept: Accept, keep: Keep, unchanged: Path, option: str
    ) -> None:
        found = accept(keep("run"), "--add", option)
        assert (found.code, option in found.error) == (2, True)

    @pytest.mark.parametrize("options", [[], ["--accept", "step time", "--until", "2027-01-01", "--link", "x"]])
    def test_a_report_that_lost_its_sense_is_named(
        self, accept: Accept, tmp_path: Path, unchanged: Path, options: list[str]
    ) -> None:
        first, *others = in_turn().pairs
        pairs = (on_candidate(first, losses=(1e308,) * SUBJECT.steps), *others)
        huge = report(tmp_path / "huge", dataclasses.replace(in_turn(), pairs=pairs))
        found = accept(huge, *options)
        assert (found.code, found.error.startswith(f"{huge} can't be judged, and may be damaged")) == (2, True)

    def test_a_gate_of_numbers_alone_has_no_ratio(self, accept: Accept, tmp_path: Path, unchanged: Path) -> None:
        found = accept(report(tmp_path / "new", dataclasses.replace(gate_run(in_turn()), speed=())))
        assert (found.code, "no ratio to a reference" in found.error) == (2, True)
