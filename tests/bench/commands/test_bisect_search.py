"""The search of `tfgate bisect`: on a host of a cluster, gone on with, ended early, and with releases that fail."""

import contextlib
import dataclasses
import itertools
import unittest.mock
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.commands.bisect_search import Bisection
from bench.commands.growing import Pace
from bench.commands.searches import stored_reports
from bench.drive.lock import host_lock
from bench.judge.bisect import expected
from bench.record.files import read_record
from bench.record.paired import PairedRun
from bench.record.types import NO_ORACLE, NO_ROOM, UNCOMPILED, Failure, Machine
from tests.bench.judge.test_blame import inconclusive, numbers
from tests.builders.cluster import CLUSTER
from tests.builders.commands import CRASH, OneHost, Tfgate, bisect, noisy_side, snapshot
from tests.builders.paired import pair, paired_run
from tests.builders.records import BEYOND, record

KILLED = Failure("crashed", "the reference was killed")
ENDED = Failure(NO_ORACLE, "the oracle was killed")
FULL = Failure(NO_ROOM, "OSError: [Errno 28] No space left on device")


def lockstep_failed(failure: Failure) -> PairedRun:
    return dataclasses.replace(paired_run([]), lockstep_failure=failure)


@pytest.fixture
def clustered(one_host: OneHost) -> list[Path]:
    """The folders of searches that a cluster was asked for; its one host is this process."""
    return one_host("bisect")


def test_a_failure_and_its_repeat_are_one_of_the_measurements_that_were_expected() -> None:
    run = paired_run([pair(0), pair(1, failure=Failure("crashed", "it died")), pair(1)])
    releases = [SimpleNamespace(run=run), SimpleNamespace(run=None)]
    asked, pace = SimpleNamespace(metric="step time"), SimpleNamespace(left=list)
    search = cast(Any, SimpleNamespace(releases=releases, _asked=asked, _pace=pace))
    left = cast(Any, Bisection._cost(search))
    assert left == [count - 2 for count in expected(2, "step time")]


@pytest.mark.usefixtures("fake_oracle", "short_launches", "baselines")
class TestSearches:
    """By the command, to its exit code."""

    def test_on_a_cluster_one_host_searches(
        self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str], clustered: list[Path]
    ) -> None:
        """The release before the answer can't be had there, and another fails."""
        noisy_side(tmp_path / "b", midway=CRASH)
        (tmp_path / "c").write_text("#!/bin/false\n")
        found = bisect(tfgate, tmp_path, slowness, *CLUSTER)
        assert found.code == 0, found
        assert f"{slowness['d']} changed step time by" in " ".join(found.out.split())
        assert [line for line in found.err.splitlines() if line.startswith("expect ")]  # the cost, by who sent it there
        assert f"left out: {slowness['c']}: " in found.out
        assert f"left out: {slowness['b']}: the worker exited with code 3" in found.out
        before = {name: data for name, data in snapshot(tmp_path / "out").items() if name.endswith("paired.json")}
        again = bisect(tfgate, tmp_path, slowness, *CLUSTER, "--resume")
        assert (again.code, again.out.splitlines()[0]) == (0, found.out.splitlines()[0])
        after = {name: data for name, data in snapshot(tmp_path / "out").items() if name.endswith("paired.json")}
        assert after == before  # nothing is measured again
        assert clustered[0] == tmp_path / "out"

    def test_an_open_search_goes_on_on_a_host(
        self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str], clustered: list[Path]
    ) -> None:
        assert bisect(tfgate, tmp_path, slowness, *CLUSTER, "--budget", "0.001").code == 3
        (path,) = tmp_path.glob("out/*/paired.json")
        first = read_record(PairedRun, path).pairs
        found = bisect(tfgate, tmp_path, slowness, *CLUSTER, "--budget", "0.001", "--resume")
        assert (found.code, len(clustered)) == (3, 2)
        pairs = read_record(PairedRun, path).pairs
        assert len(pairs) == len(first) + 1
        assert pairs[: len(first)] == first
        other = bisect(tfgate, tmp_path, slowness, *CLUSTER, "--budget", "0.001")
        assert (other.code, len(clustered)) == (2, 2)  # another search overwrites nothing, and is not begun
        assert "exists already: continue it by --resume, or choose another --output" in other.err.splitlines()[-1]

    def test_a_report_of_another_command_in_the_folder_is_left_alone(
        self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str]
    ) -> None:
        """It is none of the search's: it stops no search, and isn't sent to a host."""
        other = tmp_path / "out" / "tiny" / "paired.json"
        other.parent.mkdir(parents=True)
        other.write_text("another's")
        assert bisect(tfgate, tmp_path, {name: slowness[name] for name in "bcd"}).code == 0
        assert other.read_text() == "another's"
        sent = stored_reports(tmp_path / "out")
        assert sent
        assert all(Path(name).parent.name[:2].isdigit() for name in sent)

    @pytest.mark.parametrize("code", [2, 4])
    def test_what_goes_wrong_on_a_host_is_one_line(
        self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str], monkeypatch: pytest.MonkeyPatch, code: int
    ) -> None:
        kept = {"01-a/paired.json": b"measured before"}
        done = SimpleNamespace(files=kept, problem="the disk is full (on far)", code=code)
        hosts = contextlib.nullcontext(lambda wanted: [(path, done) for path in wanted()])
        monkeypatch.setattr("bench.commands.bisect.cluster_hosts", lambda address, timed: hosts)
        monkeypatch.setattr("bench.commands.searches.cluster_request", lambda options: options.cluster or "")
        found = bisect(tfgate, tmp_path, slowness, *CLUSTER)
        assert (found.code, found.out) == (code, "")
        assert found.err.splitlines()[-1] == "tfgate: error: the disk is full (on far)"
        assert (tmp_path / "out" / "01-a" / "paired.json").read_text() == "measured before"  # --resume goes on from it

    def test_a_release_that_fails_is_left_out(self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str]) -> None:
        noisy_side(tmp_path / "c", midway=CRASH)
        sides = {name: slowness[name] for name in "acd"}
        found = bisect(tfgate, tmp_path, sides)
        assert found.code == 0, found
        assert f"{slowness['d']} changed step time by" in " ".join(found.out.split())
        instead, left_out = found.out.splitlines()[-2:]
        assert instead == f"or {slowness['c']} brought it, just before, which was left out"
        assert left_out.startswith(f"left out: {slowness['c']}: the worker exited with code 3")
        again = bisect(tfgate, tmp_path, sides, "--resume")
        assert (again.code, again.out) == (0, found.out)

    def test_an_interrupted_comparison_of_numbers_is_no_good_one(
        self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """That of the bad release comes first, and is made anew."""
        launch = unittest.mock.Mock(side_effect=KeyboardInterrupt)
        monkeypatch.setattr("bench.drive.paired.measure_launch", launch)
        with host_lock():  # which is not for what isn't timed
            assert bisect(tfgate, tmp_path, slowness, "--metric", "numbers").code == 4
        assert len(list(tmp_path.glob("out/*/paired.json"))) == launch.call_count == 1
        assert bisect(tfgate, tmp_path, slowness, "--metric", "numbers", "--resume").code == 4
        assert launch.call_count == 2

    def test_it_goes_on_on_its_own_machine_alone(
        self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert bisect(tfgate, tmp_path, slowness, "--budget", "0.001").code == 3
        monkeypatch.setattr("bench.commands.resume.this_machine", lambda: Machine("another", 2, "fake", 1))
        found = bisect(tfgate, tmp_path, slowness, "--budget", "0.001", "--resume")
        assert found.code == 2
        assert "was begun on another machine: go on there, delete it to measure it anew, or" in found.error

    def test_it_goes_on_with_equal_launches_alone(
        self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert bisect(tfgate, tmp_path, slowness, "--budget", "0.001").code == 3
        monkeypatch.setattr("bench.drive.pair.WARM_UP_STEPS", 5)  # as a tfgate with longer launches would have
        found = bisect(tfgate, tmp_path, slowness, "--budget", "0.001", "--resume")
        assert found.code == 2
        assert "was begun by a tfgate whose launches are others" in found.err

    @pytest.mark.parametrize(("name", "launches"), [("a", 1), ("f", 1), ("a", 5)])
    def test_it_goes_on_in_the_same_environments_alone(
        self,
        tfgate: Tfgate,
        tmp_path: Path,
        slowness: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        launches: int,
    ) -> None:
        """After five launches of the bad release another is measured, whose report holds none yet."""
        monkeypatch.setattr(Pace, "is_spent", property(lambda pace: pace.count == launches))
        assert bisect(tfgate, tmp_path, slowness).code == 3
        before = snapshot(tmp_path / "out")
        noisy_side(tmp_path / name, {"tensorflow-cpu": "9.9.8"})
        found = bisect(tfgate, tmp_path, slowness, "--resume")
        assert found.code == 2
        assert snapshot(tmp_path / "out") == before
        assert f"was begun with other packages for {slowness[name]}: " in found.err.splitlines()[-1]

    def test_a_bad_release_that_fails_is_an_error(
        self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str]
    ) -> None:
        noisy_side(tmp_path / "f", midway=CRASH)
        found = bisect(tfgate, tmp_path, slowness)
        assert found.code == 2
        assert "the bad release can't be measured" in found.err.splitlines()[-1]
        assert found.err.splitlines()[-1].endswith("; name another by --bad")

    @pytest.mark.parametrize(("midway", "more"), [(CRASH, ()), ("os._exit(3)", ("--metric", "numbers"))])
    def test_a_good_release_that_fails_is_an_error_that_names_it(
        self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str], midway: str, more: tuple[str, ...]
    ) -> None:
        noisy_side(tmp_path / "a", midway=midway)
        found = bisect(tfgate, tmp_path, slowness, *more)
        assert found.code == 2
        last = found.err.splitlines()[-1]
        assert f"the good release can't be measured: {slowness['a']}: the worker exited with code 3" in last

    def test_a_good_release_that_xla_cannot_compile_is_an_error_that_names_it(
        self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refused = record(failure=Failure(UNCOMPILED, "CompilationError: no gradient"))
        monkeypatch.setattr(
            "bench.commands.growing.Measure.grow", lambda *_: paired_run([], (refused, record(numerics=[BEYOND])))
        )
        found = bisect(tfgate, tmp_path, slowness, "--metric", "numbers")
        assert found.code == 2
        said = f"the good release can't be measured: {slowness['a']}: CompilationError: no gradient; name another by"
        assert said in found.err.splitlines()[-1]

    @pytest.mark.parametrize(
        ("run", "code", "said"),
        [
            (lockstep_failed(KILLED), 2, f"{{good}}: {KILLED.message}; name"),
            (lockstep_failed(FULL), 4, f"{FULL.message}; delete "),
            (paired_run([], (record(failure=ENDED),)), 4, f"{ENDED.message}; delete "),
            (paired_run([], (record(), record(failure=ENDED))), 4, f"{ENDED.message}; delete "),
            (paired_run(2 * [pair(0, failure=FULL)]), 4, f"{FULL.message}; delete "),
            (paired_run([pair(0, failure=FULL), pair(0, failure=KILLED)]), 4, f"{FULL.message}; delete "),
        ],
        ids=["the good release", "lockstep", "its oracle", "the candidate's oracle", "in turn", "in turn, first"],
    )
    def test_what_another_fails_at_leaves_no_release_out(
        self,
        tfgate: Tfgate,
        tmp_path: Path,
        slowness: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
        run: PairedRun,
        code: int,
        said: str,
    ) -> None:
        monkeypatch.setattr("bench.commands.growing.Measure.grow", lambda *_: run)
        found = bisect(tfgate, tmp_path, slowness, "--metric", "numbers")
        assert (found.code, "left out" in found.err) == (code, False)
        assert said.format(good=slowness["a"]) in found.err.splitlines()[-1]

    def test_inconclusive_numbers_of_the_bad_release_are_no_answer(
        self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bench.commands.growing.Measure.grow", lambda *_: inconclusive())
        found = bisect(tfgate, tmp_path, slowness, "--metric", "numbers", "--json")
        assert (found.code, found.plain["answer"]) == (3, "inconclusive"), found
        assert f"{slowness['f']}: inconclusive\n" in found.err
        assert f"the numbers of {slowness['f']} are inconclusive: " in (tmp_path / "out" / "answer.txt").read_text()

    def test_a_release_whose_numbers_are_inconclusive_is_left_out(
        self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of a to d, with c so, b is right and d is wrong."""
        runs = {"b": numbers(wrong=False), "c": inconclusive(), "d": numbers(wrong=True)}
        monkeypatch.setattr(
            "bench.commands.growing.Measure.grow", lambda measure, growing, *_: runs[Path(growing.name).name]
        )
        sides = {name: slowness[name] for name in "abcd"}
        found = bisect(tfgate, tmp_path, sides, "--metric", "numbers", "--json")
        assert (found.code, found.plain["release"]) == (0, slowness["d"]), found
        (left_out,) = found.plain["left_out"]
        assert left_out.startswith(f"{slowness['c']}: inconclusive, numerics of ")

    def test_a_spent_budget_is_no_answer(
        self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of half a minute, where a launch takes 20 seconds."""
        clock = SimpleNamespace(monotonic=itertools.count(0.0, 20.0).__next__)
        monkeypatch.setattr("bench.commands.growing.time", clock)
        found = bisect(tfgate, tmp_path, slowness, "--budget", "0.5")
        assert found.code == 3
        assert found.out.startswith("the budget is spent: ")
        assert sum(len(read_record(PairedRun, path).pairs) for path in tmp_path.glob("out/*/paired.json")) == 2
