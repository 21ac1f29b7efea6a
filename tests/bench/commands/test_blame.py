"""`tfgate blame`: whole searches to their exit codes, among sides that only play at training."""

import contextlib
import dataclasses
import itertools
import math
import shlex
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.cli import command_parser
from bench.commands.growing import Growing, Measure
from bench.drive.doctor import Finding
from bench.drive.lock import host_lock
from bench.drive.requests import AsOf, RequestError
from bench.record.files import read_record, write_record
from bench.record.paired import Package, PairedRun, Side
from bench.record.types import NO_ORACLE, NO_ROOM, Failure
from tests.bench.judge.test_blame import inconclusive, numbers
from tests.builders.cluster import CLUSTER
from tests.builders.commands import CRASH, Answer, OneHost, Tfgate, in_turn, noisy_side, report, snapshot
from tests.builders.paired import paired_run
from tests.builders.profiles import made_profile
from tests.builders.records import MACHINE, record

OLD = {"tensorflow-cpu": "2.98.0", "keras": "2.0.0", "numpy": "1.0.0", "six": "1.0", "wrapt": "1.0"}
NEW = {"tensorflow-cpu": "2.99.0", "keras": "3.0.0", "numpy": "2.0.0", "six": "2.0", "namex": "1.0", "wrapt": "2.0"}


PAIR = {"tensorflow-cpu", "keras"}
PARTS = ["tensorflow-cpu", "keras", "numpy", "wrapt", "tensorflow-cpu+keras", "onednn", "threads"]


class Environments:
    """Builds sides of such packages, whose steps take as much longer as each new package makes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.slower: dict[str, float] = {}  # by package
        self.together = 1.0  # the same of TensorFlow and Keras, beside what each does
        self.crashing: Callable[[set[str]], bool] = lambda new: False  # whether these new packages crash among old ones
        self.crashes = False  # whether all new ones together do
        self.hashes: tuple[str, ...] = ()  # of the candidate's keras
        self.moments: set[str] = set()  # as of which whole sides were asked for
        self.chosen: set[tuple[str | None, bool]] = set()  # the Pythons of all, and whether a GPU was asked for

    def prepare(self, requested: str, as_of: AsOf, **options: Any) -> Side:
        self.chosen.add((options["python"], options["gpu"]))
        versions = {"2.98.0": OLD, "2.99.0": NEW}.get(requested)
        if versions is None:
            named = dict(line.split("==") for line in (*requested.split(), *options["kept"]))
            versions = {name: named[name] for name in OLD}
        else:
            self.moments.add(as_of.moment)
        if versions["numpy"] == "2.0.0" and versions["keras"] == "2.0.0":
            raise RequestError("numpy is refused")
        new = {name for name in OLD if versions[name] == NEW[name]}
        slowness = math.prod(factor for name, factor in self.slower.items() if name in new)
        slowness *= self.together if new >= PAIR else 1.0
        crash = self.crashes if new == {*OLD} else self.crashing(new)
        midway = CRASH if crash else "pass"
        python = noisy_side(self.folder / "-".join(versions.values()), versions, slowness=slowness, midway=midway)
        hashes = {NEW["keras"]: self.hashes}
        packages = tuple(Package(*item, hashes.get(item[1], ())) for item in versions.items())
        return Side(requested, python, dict(options.get("variables") or {}), as_of.moment, packages)


@pytest.fixture
def environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environments:
    """Stands for uv and its index."""
    made = Environments(tmp_path)
    for module in ("bench.commands.sides", "bench.drive.mixed"):
        monkeypatch.setattr(f"{module}.prepare", made.prepare)
    monkeypatch.setattr("bench.drive.mixed.conflicts", lambda python: [])
    monkeypatch.setattr("bench.commands.blame_parts.imported", lambda python, variables: {*NEW} - {"six"})
    return made


def blame(tfgate: Tfgate, folder: Path, *more: str) -> Answer:
    options = ["--metric", "step time", "--baselines", folder / "baselines", "--output", folder / "out"]
    return tfgate("blame", "--from", "2.98.0", "--to", "2.99.0", *options, *more)


@pytest.mark.usefixtures("fake_oracle", "short_launches", "baselines")
class TestWholeSearches:
    """From the command line to the exit code."""

    def test_the_packages_that_made_it_slower_are_named(
        self, tfgate: Tfgate, tmp_path: Path, environments: Environments
    ) -> None:
        environments.slower = {"keras": 1.2}
        found = blame(tfgate, tmp_path, "--json", "--launches", "2")
        assert found.code == 0, found
        plain = found.plain
        assert (plain["answer"], plain["blamed"]) == ("blamed", ["keras"])
        assert plain["change"]["estimate"] == pytest.approx(0.18, abs=0.04)
        parts = {part["name"]: part for part in plain["parts"]}
        assert list(parts) == PARTS
        assert parts["keras"]["effect"]["estimate"] == pytest.approx(0.18, abs=0.04)
        assert (parts["numpy"]["effect"], parts["numpy"]["problem"]) == (None, "numpy is refused")
        assert plain["left_out"] == [
            "namex, which the candidate alone has: measured with what requires it",
            "six 1.0 and 2.0: TensorFlow doesn't import it",
        ]
        run = read_record(PairedRun, next(tmp_path.glob("out/*-onednn/paired.json")))
        assert {side.variables["TF_ENABLE_ONEDNN_OPTS"] for side in (run.reference, run.candidate)} == {"0"}
        run = read_record(PairedRun, next(tmp_path.glob("out/*-threads/paired.json")))
        assert run.pairs[0].reference.environment
        assert run.pairs[0].reference.environment.threads == 1
        again = blame(tfgate, tmp_path, "--json", "--launches", "2", "--resume")
        assert (again.code, again.out) == (0, found.out)
        assert ": launch" in found.err
        assert ": launch" not in again.err  # nothing is measured again
        assert len(environments.moments) == 1  # the index is read as it was when the search began
        before = snapshot(tmp_path / "out")
        other = blame(tfgate, tmp_path, "--part", "six")
        assert (other.code, other.error.endswith("continue it by --resume, or choose another --output")) == (2, True)
        assert snapshot(tmp_path / "out") == before  # the answer, too

    def test_on_a_cluster_one_host_measures_all_parts(
        self, tfgate: Tfgate, tmp_path: Path, environments: Environments, one_host: OneHost
    ) -> None:
        """Their effects are subtracted from each other."""
        calls = one_host("blame")
        environments.slower, environments.crashing = {"keras": 1.2}, lambda new: "wrapt" in new
        words = ("--json", "--launches", "2", *CLUSTER)
        found = blame(tfgate, tmp_path, *words)
        assert found.code == 0, found
        parts = {part["name"]: part for part in found.plain["parts"]}
        assert list(parts) == PARTS
        assert found.plain["blamed"] == ["keras"]
        assert parts["numpy"]["problem"] == "numpy is refused"
        assert parts["wrapt"]["problem"].startswith("the worker exited with code 3")
        assert calls == [tmp_path / "out"]
        before = snapshot(tmp_path / "out")
        names = {path.parent.name[3:] for path in tmp_path.glob("out/*/paired.json")}
        assert names == {"all", "tensorflow-cpu-keras", *PARTS} - {"numpy", "tensorflow-cpu+keras"}
        again = blame(tfgate, tmp_path, *words, "--resume")
        assert (again.code, again.out) == (0, found.out)
        other = blame(tfgate, tmp_path, *words)
        assert (other.code, other.out, len(calls)) == (2, "", 2)  # it overwrites nothing, and is not begun
        assert "exists already: continue it by --resume, or choose another --output" in other.err.splitlines()[-1]
        assert snapshot(tmp_path / "out") == before

    @pytest.mark.usefixtures("environments")
    def test_what_goes_wrong_on_a_host_is_no_part_s_fault(
        self, tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done = SimpleNamespace(files={}, problem="the disk is full (on far)", code=4)
        hosts = contextlib.nullcontext(lambda wanted: [(path, done) for path in wanted()])
        monkeypatch.setattr("bench.commands.blame.cluster_hosts", lambda address, timed: hosts)
        monkeypatch.setattr("bench.commands.searches.cluster_request", lambda options: options.cluster or "")
        found = blame(tfgate, tmp_path, *CLUSTER)
        assert (found.code, found.out) == (4, "")
        assert found.err.splitlines()[-1] == "tfgate: error: the disk is full (on far)"

    @pytest.mark.usefixtures("environments")
    def test_it_goes_on_in_no_folder_of_another_search(self, tfgate: Tfgate, tmp_path: Path) -> None:
        """Though none of the reports there would be its own."""
        begun = dataclasses.replace(in_turn(), command=("tfgate", "bisect"))
        report(tmp_path / "out" / "01-2.99.0", begun)
        before = snapshot(tmp_path / "out")
        found = blame(tfgate, tmp_path, "--resume")
        assert (found.code, "was begun by another command, tfgate bisect: " in found.error) == (2, True)
        assert snapshot(tmp_path / "out") == before

    @pytest.mark.usefixtures("environments")
    def test_the_host_that_measures_needs_the_memory(
        self, tfgate: Tfgate, tmp_path: Path, one_host: OneHost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = one_host("blame")
        monkeypatch.setattr("bench.commands.model.available_gib", lambda: 7.9)
        found = blame(tfgate, tmp_path, "--workload", "large-batch", *CLUSTER)
        assert (found.code, len(calls)) == (2, 1), found
        assert found.err.endswith("or raise the limit (on here)\n")

    def test_a_part_that_crashes_is_told_and_not_blamed(
        self, tfgate: Tfgate, tmp_path: Path, environments: Environments, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        environments.slower, environments.crashing = {"keras": 1.2}, lambda new: "wrapt" in new
        monkeypatch.chdir(tmp_path)
        (tmp_path / "blame").symlink_to("baselines")
        more = ("--part", "wrapt", "--part", "keras", "--baselines", "blame")  # a folder of the command's name
        found = blame(tfgate, tmp_path, "--launches", "2", *more)
        assert found.code == 0, found
        assert found.out.startswith("to blame: keras, ")
        assert "wrapt can't be measured: the worker exited with code 3" in found.out
        line = found.out.splitlines()[-1].removeprefix("where the time goes: ")
        assert line.startswith("tfgate profile --from 2.98.0 --to 2.99.0 ")
        assert line.endswith(" --config tiny")  # blame's own default
        assert " --as-of " in line
        options = command_parser("profile").parse_args(shlex.split(line)[2:])
        assert (options.baselines, options.as_of.moment) == ("blame", *environments.moments)

    def test_what_two_packages_do_only_together_is_blamed_on_the_pair(
        self, tfgate: Tfgate, tmp_path: Path, environments: Environments
    ) -> None:
        environments.slower, environments.together = {"wrapt": 1.1}, 1.2
        found = blame(tfgate, tmp_path, "--json", "--launches", "2", "--part", "keras+tensorflow-cpu")
        assert found.code == 0, found
        plain = found.plain
        assert plain["blamed"] == ["tensorflow-cpu+keras"]
        assert [part["name"] for part in plain["parts"]] == ["tensorflow-cpu", "keras", "tensorflow-cpu+keras"]
        assert [pair["name"] for pair in plain["pairs"]] == plain["blamed"]
        assert plain["pairs"][0]["beyond_its_members"]["estimate"] == pytest.approx(0.18, abs=0.04)
        assert plain["unexplained"]["estimate"] == pytest.approx(0.095, abs=0.03)  # wrapt's, which was not asked for
        run = read_record(PairedRun, next(tmp_path.glob("out/*-tensorflow-cpu-keras/paired.json")))
        versions = {package.name: package.version for package in run.candidate.packages}
        assert versions == OLD | {name: NEW[name] for name in PAIR}

    def test_a_package_that_needs_another_is_measured_with_it(
        self, tfgate: Tfgate, tmp_path: Path, environments: Environments
    ) -> None:
        """As TensorFlow 2.16, which can't be imported with the Keras before."""
        environments.slower = {"tensorflow-cpu": 1.2}
        environments.crashing = lambda new: "tensorflow-cpu" in new and "keras" not in new
        how = ("--python-version", "3.12", "--device", "gpu:0")
        found = blame(tfgate, tmp_path, "--launches", "2", "--part", "tensorflow-cpu+keras", *how)
        assert found.code == 0, found
        assert environments.chosen == {("3.12", True)}
        assert found.out.startswith("to blame: tensorflow-cpu with keras, ")
        assert "tensorflow-cpu can't be measured: the worker exited with code 3" in found.out

    @pytest.mark.parametrize(
        ("pair", "why"), [("tensorflow-cpu+keras", "the worker ex"), ("numpy+wrapt", "numpy is r")]
    )
    def test_a_pair_that_can_t_be_imported_or_built_leaves_the_rest_as_it_is(
        self, tfgate: Tfgate, tmp_path: Path, environments: Environments, pair: str, why: str
    ) -> None:
        environments.slower = {"keras": 1.2}
        environments.crashing = lambda new: new == PAIR
        found = blame(tfgate, tmp_path, "--json", "--launches", "2", "--part", pair, "--part", "keras")
        assert found.code == 0, found
        assert found.plain["blamed"] == ["keras"]
        (told,) = [part for part in found.plain["parts"] if part["name"] == pair]
        assert told["problem"].startswith(why)
        assert found.plain["pairs"] == [{"name": pair, "beyond_its_members": None}]
        assert found.plain["unexplained"]["estimate"] == pytest.approx(0.0, abs=0.04)

    @pytest.mark.usefixtures("environments")
    def test_pairs_that_overlap_are_refused_before_anything_is_measured(self, tfgate: Tfgate, tmp_path: Path) -> None:
        found = blame(tfgate, tmp_path, "--part", "tensorflow-cpu+keras", "--part", "keras+wrapt")
        assert (found.code, found.out) == (2, "")
        assert "--part: keras is in two pairs" in found.err
        assert not list(tmp_path.glob("out/*"))

    def test_a_profile_is_offered_of_steps_alone(
        self, tfgate: Tfgate, tmp_path: Path, environments: Environments
    ) -> None:
        environments.slower = {"keras": 1.2}
        found = blame(tfgate, tmp_path, "--metric", "first step", "--launches", "3", "--part", "keras")
        assert found.out.startswith("to blame: keras, "), found
        assert "profile" not in found.out

    def test_it_goes_on_with_one_profile_where_a_step_changed(
        self, tfgate: Tfgate, tmp_path: Path, environments: Environments, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bench.commands.profile.run_profile", made_profile)
        environments.slower = {"keras": 1.2}
        words = ("--launches", "3", "--part", "keras", "--profile")
        found = blame(tfgate, tmp_path, *words)
        assert found.code == 0, found
        assert "\nwhere the time goes: tfgate profile --from 2.98.0 --to 2.99.0 " in found.out
        assert "3.000 ms a step instead of 3.000" in found.out
        (folder,) = tmp_path.glob("out/*-profile")
        assert f"{(tmp_path / 'out' / 'answer.txt').read_text()}{(folder / 'profile.txt').read_text()}" == found.out
        shown = tfgate("show", folder)
        assert (shown.code, shown.error) == (
            2,
            f"{folder} holds profiles: open profile.html there, or `tfgate profile --compare` two of them",
        )
        assert {path.name for path in folder.iterdir()} == {"reference", "candidate", "profile.html", "profile.txt"}
        again = blame(tfgate, tmp_path, *words, "--resume")
        assert (again.code, list(tmp_path.glob("out/*-profile"))) == (0, [folder])
        assert len(environments.moments) == 1  # the profile's, too
        other = blame(
            tfgate, tmp_path / "other", *words, "--metric", "first step", "--baselines", str(tmp_path / "baselines")
        )
        assert (other.code, list(tmp_path.glob("other/out/*-profile"))) == (0, []), other
        assert "3.000 ms" not in other.out
        assert "no profile:" not in found.err
        said = (
            "no profile: it explains the time of a steady step, not first step; docs/profile.md, 'A slower start', has"
        )
        assert other.err.count(said) == 1

    def test_a_candidate_that_crashes_is_an_error(
        self, tfgate: Tfgate, tmp_path: Path, environments: Environments
    ) -> None:
        environments.crashes = True
        found = blame(tfgate, tmp_path, "--part", "keras")
        assert found.code == 2
        assert "the change can't be measured: the worker exited with code 3" in found.err

    def test_two_builds_of_one_version_make_no_table(
        self, tfgate: Tfgate, tmp_path: Path, environments: Environments
    ) -> None:
        """All is done with the first one when the second comes."""
        environments.hashes = ("sha256:aa",)
        words = ("--launches", "2", "--part", "keras")
        before = blame(tfgate, tmp_path, *words)
        assert blame(tfgate, tmp_path, *words, "--resume").out == before.out != ""
        environments.hashes = ("sha256:bb",)
        found = blame(tfgate, tmp_path, *words, "--resume")
        assert found.code == 2, found
        assert "00-all/paired.json was begun with another build of keras 3.0.0" in found.error

    @pytest.mark.usefixtures("environments")
    @pytest.mark.parametrize("failure", [Failure(NO_ORACLE, "the oracle was killed"), Failure(NO_ROOM, "it is full")])
    @pytest.mark.parametrize("name", ["all", "keras"])
    def test_what_the_machine_fails_at_is_measured_anew(
        self, tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Failure, name: str
    ) -> None:
        """Neither is it a request that can't be met, nor is the part given up."""
        failed = paired_run([], (record(), record(failure=failure)))

        def grow(measure: Measure, report: Growing, sides: dict[str, Side], *_: object) -> PairedRun:
            run = failed if report.name == name else numbers(wrong=True)
            reference, candidate = sides["reference"], sides["candidate"]
            command = tuple(measure.command_line)
            run = dataclasses.replace(run, reference=reference, candidate=candidate, command=command)
            write_record(report.path, run)
            return run

        monkeypatch.setattr(Measure, "grow", grow)
        monkeypatch.setattr("bench.commands.resume.this_machine", lambda: MACHINE)  # the records'
        monkeypatch.setattr("bench.commands.resume.require_same_variables", lambda *_: None)
        for more in ((), ("--resume",)):
            found = blame(tfgate, tmp_path, "--metric", "numbers", "--part", "keras", *more)
            assert found.code == 4, found
            assert f"{name}: {failure.message}; delete {tmp_path / 'out'}" in found.err.splitlines()[-1]

    @pytest.mark.usefixtures("environments")
    def test_without_an_effect_nothing_is_blamed(self, tfgate: Tfgate, tmp_path: Path) -> None:
        words = ["--launches", "2", "--part", "keras", "--to-env", "TF_A=1", "--profile"]
        found = blame(tfgate, tmp_path, *words)
        assert found.code == 3, found
        assert not list(tmp_path.glob("out/*-profile"))  # nothing is known to have changed
        assert "left out: the candidate's environment variables: parts have the reference's" in found.out
        assert found.out.startswith("no change of step time from 2.98.0 to 2.99.0 is proven")
        assert "left out: tensorflow-cpu 2.98.0 and 2.99.0: not asked for" in found.out

    @pytest.mark.usefixtures("environments")
    def test_what_disturbs_launches_is_said_once_and_kept(
        self, tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bench.commands.timing.examine", lambda: (Finding("load", "2.0", "a load of 2.0"),))
        found = blame(tfgate, tmp_path, "--budget", "0.001", "--part", "keras")
        assert found.err.splitlines().count("warning: a load of 2.0") == 1
        run = read_record(PairedRun, tmp_path / "out" / "00-all" / "paired.json")
        assert run.warnings[:2] == (
            "keras differs too, 2.0.0 and 3.0.0, and may explain a difference",
            "numpy differs too, 1.0.0 and 2.0.0, and may explain a difference",
        )
        assert "a load of 2.0" in run.warnings

    @pytest.mark.usefixtures("environments")
    def test_numbers_that_the_budget_leaves_out_are_not_said_to_be_right(
        self, tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is spent once the whole change has been compared."""
        monkeypatch.setattr("bench.commands.growing.measure_paired", lambda *asked: numbers(wrong=True))
        with host_lock():  # which is not for what isn't timed
            found = blame(tfgate, tmp_path, "--metric", "numbers", "--budget", "1e-9", "--part", "keras", "--json")
        assert (found.code, found.plain["answer"]) == (3, "not proven"), found
        assert found.plain["compared"]
        (keras,) = found.plain["parts"]
        assert (keras["compared"], keras["regression"]) == (False, None)

    @pytest.mark.usefixtures("environments")
    @pytest.mark.parametrize(("wrong", "answer", "code"), [(False, "no change", 0), (True, "no package alone", 3)])
    def test_numbers_that_no_package_makes_wrong_alone(
        self, tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: bool, answer: str, code: int
    ) -> None:
        """Keras leaves them right; of the whole they are right or wrong."""
        runs = iter([numbers(wrong=wrong), numbers(wrong=False)])
        monkeypatch.setattr("bench.commands.growing.measure_paired", lambda *asked: next(runs))
        found = blame(tfgate, tmp_path, "--metric", "numbers", "--part", "keras", "--json")
        assert (found.plain["answer"], found.code) == (answer, code), found

    @pytest.mark.usefixtures("environments")
    def test_inconclusive_numbers_of_the_whole_are_no_answer(
        self, tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        runs = iter([inconclusive(), numbers(wrong=False)])
        monkeypatch.setattr("bench.commands.growing.measure_paired", lambda *asked: next(runs))
        found = blame(tfgate, tmp_path, "--metric", "numbers", "--part", "keras")
        assert (found.code, found.out.startswith("nothing is proven: ")) == (3, True), found

    @pytest.mark.usefixtures("environments")
    def test_no_profile_explains_numbers(self, tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bench.commands.growing.measure_paired", lambda *asked: numbers(wrong=True))
        found = blame(tfgate, tmp_path, "--metric", "numbers", "--part", "keras", "--budget", "1", "--profile")
        assert found.err.endswith("no profile: it explains the time of a steady step, not numbers\n"), found
        assert "; at most 1 minute of measurements in all\n" in found.err

    def test_a_spent_budget_ends_it(
        self, tfgate: Tfgate, tmp_path: Path, environments: Environments, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of half a minute, where a launch takes 20 seconds: the whole has one, and Keras."""
        environments.slower = {"keras": 1.2}
        clock = SimpleNamespace(monotonic=itertools.count(0.0, 20.0).__next__)
        monkeypatch.setattr("bench.commands.growing.time", clock)
        found = blame(tfgate, tmp_path, "--budget", "0.5", "--part", "keras")
        assert found.code == 3
        assert "left out: launches after the budget of 0.5 minutes" in found.out
        assert "to build environments; at most 0.5 minutes of measurements in all\n" in found.err
        runs = [read_record(PairedRun, path) for path in tmp_path.glob("out/*/paired.json")]
        assert [len(run.pairs) for run in runs] == [1, 1]


@pytest.mark.slow
def test_keras_is_to_blame_for_the_numbers_of_2_16(tfgate: Tfgate, tmp_path: Path) -> None:
    """The finding of docs/bisect.md, from an index that has these releases."""
    options = ["--metric", "numbers", "--workload", "optimizers-twice", "--part", "keras", "--part", "wrapt"]
    found = tfgate("blame", "--from", "2.15.1", "--to", "2.16.1", *options, "--output", tmp_path, "--json")
    if "Failed to fetch" in found.err or "no Python" in found.err:
        pytest.skip(found.err)
    assert found.code == 0, found.err
    assert found.plain["blamed"] == ["keras"]
