"""An interrupted gate or upgrade that goes on with --resume ends as it would have, and measures nothing twice."""

import argparse
import dataclasses
import importlib
import unittest.mock
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.commands.resume import (
    as_begun,
    begun,
    kept,
    other_cpus,
    require_same,
    require_same_launches,
    require_same_variables,
)
from bench.commands.sides import SideRequest, Sides
from bench.commands.usage import UsageError
from bench.drive.pair import PairPlan
from bench.drive.paired import PairedRequest, measure_paired
from bench.drive.plan import Plan
from bench.drive.private import private_environment
from bench.drive.requests import AsOf
from bench.record.files import read_record, write_record
from bench.record.gate import GateRun
from bench.record.paired import ALL_CORES, CANDIDATE, ONE_CORE, REFERENCE, Package, Pair, PairedRun, Side
from bench.record.types import Machine, Record
from bench.record.variables import bearing
from lm.config import Blocks
from tests.builders.commands import FIRST_PASS, INCONCLUSIVE, Answer, Tfgate, noisy_side, snapshot
from tests.builders.launches import lockstep
from tests.builders.paired import SIDES, gate_run, pair, paired_run
from tests.builders.records import MACHINE, environment, record, run

PACKAGES = {"tensorflow-cpu": "9.9.9", "numpy": "2.4.0"}
BEGINNING, LATER = "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"
PAIR, LAUNCH = "bench.drive.paired.measure_pair", "bench.drive.run.measure_launch"
Interrupt = Callable[[str, int], None]  # a function and the number of its call


@pytest.fixture
def interrupted_at(monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    """Has the n-th call of a function, from 1, be Ctrl-C."""

    def arrange(name: str, call: int) -> None:
        module, function = name.rsplit(".", 1)
        original, calls = getattr(importlib.import_module(module), function), iter(range(1, 1000))

        def called(*arguments: Any, **keywords: Any) -> Any:
            if next(calls) == call:
                raise KeyboardInterrupt
            return original(*arguments, **keywords)

        monkeypatch.setattr(name, called)

    return arrange


class Command:
    """A command on two stand-ins for TensorFlow, in the same folder each time."""

    def __init__(self, tfgate: Tfgate, folder: Path, baselines: Path, *words: str) -> None:
        sides = [noisy_side(folder / name, PACKAGES) for name in ("old", "new")]
        self.out = folder / "out"
        more = ["--from", sides[0], "--to", sides[1], "--config", "tiny", "--baselines", str(baselines)]
        self.tfgate, self.words = tfgate, (*words, *more)

    def __call__(self, *more: str) -> Answer:
        return self.tfgate(*self.words, "--output", self.out, *more)


@pytest.fixture
def upgrade(tfgate: Tfgate, tmp_path: Path, baselines: Path, short_launches: None) -> Command:
    return Command(tfgate, tmp_path, baselines, "upgrade", "--speed-only")


@pytest.fixture
def gate(tfgate: Tfgate, tmp_path: Path, baselines: Path, fake_oracle: None, short_launches: None) -> Command:
    return Command(tfgate, tmp_path, baselines, "gate", "--launches", "2")


def last_line(answer: Answer) -> str:
    return answer.err.splitlines()[-1].removeprefix("tfgate: error: ")


def numbers_of(launches: tuple[Pair, ...] | tuple[Record, ...]) -> list[int]:
    return [one.launch for one in launches]


def test_an_upgrade_goes_on_from_the_launches_that_were_over(upgrade: Command, interrupted_at: Interrupt) -> None:
    interrupted_at(PAIR, 3)
    answer = upgrade()
    assert answer.code == 4
    go_on = f"go on by the same command with --resume --output {upgrade.out}"
    assert last_line(answer) == f"interrupted: what was finished is kept in {upgrade.out}: {go_on}"
    before = read_record(PairedRun, upgrade.out / "paired.json")
    assert (numbers_of(before.pairs), before.incomplete) == ([0, 1], "the run was interrupted after 2 launches")
    assert (upgrade().code, read_record(PairedRun, upgrade.out / "paired.json")) == (2, before)  # without --resume
    assert upgrade("--resume", "--json", "--quiet", "--verbose").code == 0
    after = read_record(PairedRun, upgrade.out / "paired.json")
    assert (numbers_of(after.pairs), after.incomplete) == (list(range(FIRST_PASS)), "")
    assert (after.pairs[:2], after.created, after.command) == (before.pairs, before.created, before.command)
    firsts = [REFERENCE, CANDIDATE, CANDIDATE, REFERENCE]  # balanced as if nothing had come in between
    assert [pair.first for pair in after.pairs] == firsts
    assert upgrade("--resume").code == 0  # of what is over nothing is left to be measured
    assert read_record(PairedRun, upgrade.out / "paired.json") == after


def test_a_gate_goes_on_from_the_launches_that_were_over(
    gate: Command, interrupted_at: Interrupt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted in turn, then while numbers are measured, one launch after the other."""
    monkeypatch.setattr("bench.commands.gate.cores_at_once", lambda: 1)
    interrupted_at(PAIR, 3)
    assert gate().code == 4
    first = read_record(GateRun, gate.out / "gate.json")
    assert numbers_of(first.speed[0].pairs) == [0, 1]
    interrupted_at(LAUNCH, 2)
    assert gate("--resume").code == 4
    second = read_record(GateRun, gate.out / "gate.json")
    assert numbers_of(second.speed[0].pairs) == list(range(FIRST_PASS))
    assert second.speed[0].pairs[:2] == first.speed[0].pairs
    assert numbers_of(second.numbers.records) == [0]
    answer = gate("--resume", "--json")
    assert (answer.code, answer.outcomes["perplexity"]) == (3, INCONCLUSIVE)  # there is no baseline of the fake's
    assert INCONCLUSIVE not in (outcome for name, outcome in answer.outcomes.items() if name != "perplexity")
    last = read_record(GateRun, gate.out / "gate.json")
    assert (last.speed, numbers_of(last.numbers.records), last.numbers.incomplete) == (second.speed, [0, 1], "")
    assert last.numbers.records[:1] == second.numbers.records
    assert len(set(last.warnings)) == len(last.warnings)


def test_each_sides_launch_against_the_oracle_is_kept_when_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Record] = []

    def measured(*_: object, **__: object) -> Record:
        made.append(record(launch=len(made)))
        return made[-1]

    monkeypatch.setattr("bench.drive.paired.measure_launch", measured)
    kept: list[PairedRun] = []
    sides = dict(zip((REFERENCE, CANDIDATE), SIDES, strict=True))
    request = PairedRequest(sides, (), oracle_plan=Plan("tiny", 5))
    measure_paired(request, kept.append, unittest.mock.Mock(), lambda run: None)
    assert [len(run.oracle) for run in kept] == [0, 1, 2, 2]
    begun = PairedRequest(sides, (), oracle_plan=Plan("tiny", 5), begun=kept[1])
    assert measure_paired(begun, kept.append, unittest.mock.Mock(), lambda run: None).oracle == (made[0], made[2])


def test_lockstep_that_was_over_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.drive.paired.run_lockstep", unittest.mock.Mock(side_effect=AssertionError))
    over = dataclasses.replace(paired_run([]), lockstep=lockstep())
    sides = dict(zip((REFERENCE, CANDIDATE), SIDES, strict=True))
    request = PairedRequest(sides, (), lockstep_plan=Plan("tiny", 5), begun=over)
    assert measure_paired(request, lambda run: None, unittest.mock.Mock(), lambda run: None).lockstep == over.lockstep


def test_options_have_no_order_but_repeated_ones_do(tmp_path: Path) -> None:
    """Nor does it matter how a value is joined to its option. What comes first of several is measured first."""
    sides, two = ("--from", "A", "--to", "B"), ("--workload", "save", "--workload", "xla")
    run = dataclasses.replace(paired_run([]), command=("tfgate", "upgrade", *sides, "--output", "O", *two))
    path = tmp_path / "paired.json"
    write_record(path, run)
    same = ("tfgate", "upgrade", *two, "--resume", "--to=B", "--output", "P", "--from", "A")
    assert begun(PairedRun, path, same) == run
    for others in (("--from", "B", "--to", "A", *two), (*sides, *two[2:], *two[:2])):
        with pytest.raises(UsageError, match="begun by another command"):
            begun(PairedRun, path, ("tfgate", "upgrade", *others))


@pytest.mark.parametrize("more", [(), ("--config", "notebook")])
def test_another_number_of_configurations_is_refused(
    upgrade: Command, interrupted_at: Interrupt, more: tuple[str, ...]
) -> None:
    """Each of several has a folder of its own, where one that was begun alone is not looked for; nor the other way."""
    interrupted_at(PAIR, 2)
    assert upgrade(*more).code == 4
    before = snapshot(upgrade.out)
    assert [*before] == ["tiny/paired.json" if more else "paired.json"]
    others = () if more else ("--config", "notebook")
    found = upgrade(*others, "--resume")
    assert (found.code, f"no report of this command in {upgrade.out}" in found.error) == (2, True)
    assert snapshot(upgrade.out) == before


def test_a_report_of_one_of_several_configurations_is_in_the_way_before_anything_is_measured(
    upgrade: Command, interrupted_at: Interrupt
) -> None:
    interrupted_at(PAIR, 1)
    in_the_way = upgrade.out / "notebook" / "paired.json"
    write_record(in_the_way, paired_run([]))
    assert upgrade("--config", "notebook").error.startswith(f"{in_the_way} exists already: ")


def test_what_was_begun_otherwise_is_refused(
    upgrade: Command, tmp_path: Path, interrupted_at: Interrupt, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no report of this command in" in upgrade("--resume").error
    interrupted_at(PAIR, 2)
    upgrade()
    before = (upgrade.out / "paired.json").read_bytes()
    assert "was begun by another command, tfgate upgrade" in upgrade("--resume", "--budget", "3").error
    noisy_side(tmp_path / "new", {**PACKAGES, "numpy": "2.4.1"})
    assert "was begun with other packages for" in last_line(upgrade("--resume"))
    noisy_side(tmp_path / "new", PACKAGES)
    monkeypatch.setattr("bench.commands.resume.this_machine", lambda: Machine("another", 2, "fake", 1))
    assert "was begun on another machine" in last_line(upgrade("--resume"))
    assert (upgrade.out / "paired.json").read_bytes() == before


def test_launches_of_another_length_are_refused(tmp_path: Path) -> None:
    """Of another tfgate; a user's own model has as many units as its times allow."""
    stored = paired_run([pair(0)])
    (one,) = stored.pairs
    blocks = Blocks(len(one.steps), 1, 0, len(one.evaluations), 1)
    alike = PairPlan(Plan("tiny", one.reference.subject.steps), blocks)
    require_same_launches(tmp_path, stored, {ALL_CORES: alike})
    require_same_launches(tmp_path, stored, {ONE_CORE: dataclasses.replace(alike, blocks=Blocks(99, 1, 0))})
    longer = dataclasses.replace(alike, plan=dataclasses.replace(alike.plan, steps=alike.plan.steps + 2))
    others = [dataclasses.replace(blocks, **{name: 98}) for name in ("quads", "evaluation_quads")]
    for other in (longer, *(dataclasses.replace(alike, blocks=one) for one in others)):
        with pytest.raises(UsageError, match="was begun by a tfgate whose launches are others"):
            require_same_launches(tmp_path, stored, {ALL_CORES: other})
    own = dataclasses.replace(longer, plan=dataclasses.replace(longer.plan, workload=str(tmp_path / "mine.py")))
    require_same_launches(tmp_path, stored, {ALL_CORES: own})


@pytest.mark.parametrize(("now", "said"), [((7, 8, 9), False), ((0, 1), True)])
def test_launches_on_cpus_that_may_not_be_used_now_are_a_warning(
    monkeypatch: pytest.MonkeyPatch, now: tuple[int, ...], said: bool
) -> None:
    """Fewer than this command's are those of an interpreter that is a wrapper, such as of taskset."""
    one = pair(0)
    there = dataclasses.replace(one.candidate, environment=dataclasses.replace(environment(), affinity=(8, 9)))
    monkeypatch.setattr("bench.commands.resume.affinity", lambda: now)
    found = other_cpus(paired_run([dataclasses.replace(one, candidate=there)]))
    assert any("ran on other CPUs (8-9; then 0-1)" in line for line in found) == said
    assert other_cpus(paired_run([one])) == ()


@pytest.mark.parametrize("command", ["upgrade", "gate"])
def test_a_run_that_goes_on_says_that_its_cpus_are_others(
    request: pytest.FixtureRequest, interrupted_at: Interrupt, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    made: Command = request.getfixturevalue(command)
    interrupted_at(PAIR, 2)
    assert made().code == 4
    module = {"upgrade": "paired", "gate": "gate"}[command]
    monkeypatch.setattr(f"bench.commands.{module}.other_cpus", lambda run: (f"{len(run.pairs)} before",))
    made("--resume")
    (path,) = made.out.glob("*.json")
    assert '"1 before"' in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["upgrade", "gate"])
def test_a_command_goes_on_with_equal_launches_alone(
    request: pytest.FixtureRequest, interrupted_at: Interrupt, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    made: Command = request.getfixturevalue(command)
    interrupted_at(PAIR, 2)
    assert made().code == 4
    kept = snapshot(made.out)
    monkeypatch.setattr("bench.drive.pair.WARM_UP_STEPS", 5)  # as a tfgate with longer launches would have
    assert "was begun by a tfgate whose launches are others" in last_line(made("--resume"))
    assert snapshot(made.out) == kept


def test_other_variables_of_the_shell_are_refused(
    upgrade: Command, interrupted_at: Interrupt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are no part of the command. Launches under both would make one sample."""
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    interrupted_at(PAIR, 2)
    assert upgrade().code == 4
    kept = snapshot(upgrade.out)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    said = "was begun with other environment variables (none; now TF_ENABLE_ONEDNN_OPTS=0): set"
    assert said in last_line(upgrade("--resume"))
    assert snapshot(upgrade.out) == kept
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    assert upgrade("--resume").code == 0


@pytest.mark.parametrize(("now", "then"), [("", "none"), ("1", "TF_ENABLE_ONEDNN_OPTS=1")])
def test_a_variable_that_is_not_set_any_more_or_otherwise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: str, then: str
) -> None:
    path, plan = Path("gate.json"), Plan("tiny", 5)
    monkeypatch.setattr("bench.commands.resume.this_machine", lambda: MACHINE)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    variables = bearing(private_environment(tmp_path, plan.device, {}))
    measured = dataclasses.replace(record(), environment=dataclasses.replace(environment(), variables=variables))
    stored = gate_run(numbers=run([measured]))
    require_same_variables(path, plan, stored)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    if now:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", now)
    with pytest.raises(UsageError, match=rf"variables \(TF_ENABLE_ONEDNN_OPTS=0; now {then}\): set"):
        require_same_variables(path, plan, stored)


def test_of_a_gate_the_numbers_count_that_a_plan_s_workload_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workload may set variables of its own. Another machine's shell isn't this one."""
    begun_without_any, path = gate_run(), Path("gate.json")
    require_same_variables(path, Plan("tiny", 5), begun_without_any)
    monkeypatch.setattr("bench.commands.resume.this_machine", lambda: MACHINE)
    with pytest.raises(UsageError, match=r"other environment variables \(none; now KERAS_BACKEND=tensorflow, "):
        require_same_variables(path, Plan("tiny", 5), begun_without_any)
    require_same_variables(path, Plan("tiny", 5, workload="predict"), begun_without_any)


@pytest.mark.parametrize("changed", ["old", "new"])
def test_a_gate_that_was_begun_otherwise_is_refused(
    gate: Command,
    tmp_path: Path,
    interrupted_at: Interrupt,
    monkeypatch: pytest.MonkeyPatch,
    changed: str,
) -> None:
    interrupted_at(PAIR, 2)
    assert gate().code == 4
    noisy_side(tmp_path / changed, {**PACKAGES, "numpy": "2.4.1"})
    assert f"was begun with other packages for {tmp_path / changed}: " in last_line(gate("--resume"))
    noisy_side(tmp_path / changed, PACKAGES)
    monkeypatch.setattr("bench.commands.resume.this_machine", lambda: Machine("another", 2, "fake", 1))
    assert "was begun on another machine" in last_line(gate("--resume"))
    assert numbers_of(read_record(GateRun, gate.out / "gate.json").speed[0].pairs) == [0]


@pytest.mark.parametrize(("name", "make"), [("paired.json", paired_run), ("gate.json", gate_run)])
@pytest.mark.parametrize("built", [(REFERENCE, CANDIDATE), (REFERENCE,), (CANDIDATE,)])
def test_the_index_is_read_as_it_was_when_the_report_was_begun(
    tmp_path: Path, built: tuple[str, ...], name: str, make: Callable[..., GateRun | PairedRun]
) -> None:
    """A side that was there already has no moment; one that the command names counts."""
    named = zip((REFERENCE, CANDIDATE), SIDES, strict=True)
    reference, candidate = (dataclasses.replace(side, as_of=BEGINNING if role in built else "") for role, side in named)
    made = make([pair()], reference=reference, candidate=candidate)
    write_record(tmp_path / name, made)
    options = argparse.Namespace(resume=True, command_line=made.command)
    asked = Sides(SideRequest("a"), SideRequest("b"), AsOf(LATER, present=True), None, tmp_path, gpu=False)
    assert as_begun(options, asked, tmp_path, name).as_of == AsOf(BEGINNING, present=True)
    named_by_it = dataclasses.replace(asked, as_of=AsOf(LATER))
    assert as_begun(options, named_by_it, tmp_path, name) == named_by_it


@pytest.mark.usefixtures("fake_oracle", "short_launches")
@pytest.mark.parametrize("words", [("upgrade", "--speed-only"), ("gate", "--launches", "1")])
def test_a_package_that_was_released_meanwhile_is_not_installed(
    words: tuple[str, ...],
    tfgate: Tfgate,
    tmp_path: Path,
    baselines: Path,
    interrupted_at: Interrupt,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Now the index has a newer NumPy. Another's report tells nothing."""
    began = False

    def prepare(requested: str, as_of: AsOf, **_: object) -> Side:
        moment = as_of.moment if began else BEGINNING
        packages = {**PACKAGES, "numpy": "2.4.0" if moment == BEGINNING else "2.4.1"}
        python = noisy_side(tmp_path / requested, packages)
        return Side(requested, python, {}, moment, tuple(Package(*one) for one in packages.items()))

    monkeypatch.setattr("bench.commands.sides.prepare", prepare)
    out = ("--config", "tiny", "--baselines", baselines, "--output", tmp_path / "out")
    command = (*words, "--from", "2.98.0", "--to", "2.99.0", *out)
    interrupted_at(PAIR, 2)
    assert tfgate(*command).code == 4
    began = True
    other = dataclasses.replace(SIDES[1], as_of="2026-01-01T00:00:00Z")
    write_record(tmp_path / "out" / "another" / "paired.json", dataclasses.replace(paired_run([]), candidate=other))
    interrupted_at(PAIR, 1)
    answer = tfgate(*command, "--resume")
    assert answer.code == 4, answer.err  # it goes on to the next launch; a refusal is 2


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [("a", "b", False), ("ab", "c", False), ("ab", "bc", True), ("", "b", True), ("a", "", True)],
)
def test_another_build_of_a_version_has_no_file_in_common(before: str, now: str, same: bool) -> None:
    """An index may gain files of a version; of an interpreter's packages no file is known."""
    builds = (Package("tensorflow", "2.22.0", tuple(hashes)) for hashes in (before, now))
    stored, side = (Side("2.22.0", "python", {}, packages=(build,)) for build in builds)
    if same:
        require_same(Path("paired.json"), stored, side)
        return
    with pytest.raises(UsageError, match=r"begun with another build of tensorflow 2\.22\.0: delete it to"):
        require_same(Path("paired.json"), stored, side)


@pytest.mark.usefixtures("short_launches")
def test_a_wheel_that_was_built_anew_is_refused(
    tfgate: Tfgate,
    tmp_path: Path,
    baselines: Path,
    interrupted_at: Interrupt,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its name, and so the version, is as before."""
    build = "sha256:aa"

    def prepare(requested: str, as_of: AsOf, **_: object) -> Side:
        packages = tuple(Package(*one, (build,)) for one in PACKAGES.items())
        return Side(requested, noisy_side(tmp_path / requested, PACKAGES), {}, as_of.moment, packages)

    monkeypatch.setattr("bench.commands.sides.prepare", prepare)
    out = ("--config", "tiny", "--baselines", baselines, "--output", tmp_path / "out")
    command = ("upgrade", "--speed-only", "--from", "2.98.0", "--to", "2.99.0", *out)
    interrupted_at(PAIR, 2)
    assert tfgate(*command).code == 4
    before, build = snapshot(tmp_path / "out"), "sha256:bb"
    answer = tfgate(*command, "--resume")
    assert (answer.code, "was begun with another build of tensorflow-cpu 9.9.9: " in last_line(answer)) == (2, True)
    assert snapshot(tmp_path / "out") == before


@pytest.mark.usefixtures("fake_oracle", "one_launch")
def test_a_gate_goes_on_in_the_environments_as_they_lie_now(
    tfgate: Tfgate,
    tmp_path: Path,
    baselines: Path,
    interrupted_at: Interrupt,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The folder of built environments was moved between the two commands."""
    cache = tmp_path / "before"

    def prepare(requested: str, as_of: AsOf, **_: object) -> Side:
        cache.mkdir(exist_ok=True)
        packages = tuple(Package(*one) for one in PACKAGES.items())
        return Side(requested, noisy_side(cache / requested, PACKAGES), {}, as_of.moment, packages)

    monkeypatch.setattr("bench.commands.sides.prepare", prepare)
    out = ("--config", "tiny", "--launches", "1", "--baselines", baselines, "--output", tmp_path / "out")
    command = ("gate", "--from", "2.98.0", "--to", "2.99.0", *out)
    interrupted_at(LAUNCH, 1)
    assert tfgate(*command).code == 4
    cache = cache.rename(tmp_path / "after")
    assert tfgate(*command, "--resume").code == 3  # there is no baseline of the fake's perplexity
    kept = read_record(GateRun, tmp_path / "out" / "gate.json")
    assert [one.failure for one in kept.numbers.records] == [None]
    assert kept.candidate.interpreter.startswith(str(cache))


def test_what_is_interrupted_before_anything_is_measured_says_so(
    upgrade: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another run's report in a folder below is not of this command."""
    monkeypatch.setattr("bench.commands.upgrade.side_warnings", unittest.mock.Mock(side_effect=KeyboardInterrupt))
    write_record(tmp_path / "out" / "another" / "paired.json", paired_run([]))
    assert last_line(upgrade()) == "interrupted: nothing was finished yet, and nothing is kept"


def test_the_folder_to_go_on_in_is_quoted_for_a_shell(tmp_path: Path) -> None:
    out = tmp_path / "my run"
    write_record(out / "paired.json", paired_run([]))
    line = kept(out, "paired.json", resumes=True)
    assert line.endswith(f": go on by the same command with --resume --output '{out}'")


def test_the_command_that_began_is_quoted_for_a_shell(tmp_path: Path) -> None:
    path = tmp_path / "paired.json"
    write_record(path, dataclasses.replace(paired_run([]), command=("tfgate", "upgrade", "--metric", "step time")))
    with pytest.raises(UsageError, match="another command, tfgate upgrade --metric 'step time': give"):
        begun(PairedRun, path, ("tfgate", "upgrade"))
