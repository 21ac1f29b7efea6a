"""`--cluster`: whole surveys on hosts that are processes of this machine, some of which die. No time is judged."""

import argparse
import contextlib
import errno
import functools
import math
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from socket import gethostname
from types import SimpleNamespace
from typing import Any

import pytest

from bench.cli import command_parser
from bench.commands import clustered, messages
from bench.commands.paired import Extent
from bench.commands.survey import request
from bench.drive.doctor import Finding
from bench.drive.environments import PINNED
from bench.drive.lockfile import keras_of
from bench.drive.plan import Plan
from bench.drive.requests import BuildError, ClusterError
from bench.record.files import read_record
from bench.record.paired import PairedRun, Side
from bench.record.survey import SURVEY_FILE, Survey
from tests.builders.cluster import CLUSTER, PATIENCE_SECONDS, Processes, free_port, in_this_process, wait_until
from tests.builders.commands import Answer, OneHost, Tfgate, noisy_side, snapshot, survey
from tests.builders.wheels import write_wheel


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    """A scheduler with three hosts."""
    pytest.importorskip("distributed", reason="Dask is missing: tfgate[cluster] has it")
    monkeypatch.setattr("bench.drive.cluster.CONNECT_SECONDS", PATIENCE_SECONDS)  # the scheduler is being started
    found = Processes(tmp_path / "hosts", "one", "two", "three")
    yield found
    found.end()


def timed(tfgate: Tfgate, folder: Path, sides: dict[str, str], out: Path, *more: str) -> Answer:
    """The answer of a survey of speed."""
    config = () if "--config" in more else ("--config", "notebook")
    options = ["--speed-only", *config, "--budget", "0.01", "--baselines", folder / "baselines"]
    return survey(tfgate, sides, *options, "--output", out, *more)


def assert_measured_once(found: Answer, folder: Path, sides: dict[str, str]) -> None:
    """Asserts that a survey of `a` to `d` holds each comparison once, and that `b` was left out."""
    assert found.code == 3, found
    assert list(read_record(Survey, folder / SURVEY_FILE).left_out) == [sides["b"]]
    assert "is not a Python that answers" in found.out
    kept = sorted(folder.glob("*/paired.json"))
    assert [path.parent.name.partition("-")[0] for path in kept] == ["03", "04", "04"]
    for one, other in ("ca", "dc", "da"):
        assert found.err.count(f"notebook: {sides[one]} against {sides[other]}: ") == 1
    for path in kept:
        run = read_record(PairedRun, path)
        assert not run.incomplete
        assert run.command[:2] == ("tfgate", "upgrade")
        assert not {"--cluster", "--output", "--release"} & set(run.command)


@pytest.mark.usefixtures("baselines", "one_launch")
def test_each_comparison_is_measured_once(
    tfgate: Tfgate, tmp_path: Path, one_host: OneHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Dask, and a release can't be had. The host is loaded, and each release has a Keras of its own."""
    calls = one_host("survey")
    monkeypatch.setattr("bench.commands.timing.examine", lambda: (Finding("load", "2.0", "a load of 2.0"),))
    sides = {name: noisy_side(tmp_path / name, {"keras": f"3.{ord(name)}"}) for name in "abcd"}
    (tmp_path / "b").write_text("#!/bin/false\n")
    found = timed(tfgate, tmp_path, sides, tmp_path / "out", *CLUSTER)
    assert_measured_once(found, tmp_path / "out", sides)
    assert len(calls) == len(set(calls))
    for path in tmp_path.glob("out/*/paired.json"):
        warnings = read_record(PairedRun, path).warnings
        assert "a load of 2.0" in warnings
        assert any(line.startswith("keras differs too, ") for line in warnings)
    again = tfgate("check", tmp_path / "out", "--baselines", tmp_path / "baselines")
    assert (again.code, again.out) == (3, found.out)


@pytest.mark.usefixtures("baselines", "one_launch")
@pytest.mark.parametrize("lacks_reference", [False, True])
def test_what_fails_on_hosts_is_given_up_once_and_leaves_no_release_out(
    tfgate: Tfgate,
    tmp_path: Path,
    one_host: OneHost,
    monkeypatch: pytest.MonkeyPatch,
    lacks_reference: bool,
) -> None:
    """The disk is full, or the release before, which another host has measured, can't be had."""
    calls, measured = one_host("survey"), clustered._compare
    sides = {name: noisy_side(tmp_path / name) for name in "abc"}

    def compare(folder: Path, asked: clustered.SurveyJob) -> int:
        if (asked.reference, asked.candidate) != (sides["b"], sides["c"]):
            return measured(folder, asked)
        if lacks_reference:
            (folder / clustered.LACKING_FILE).write_text(sides["b"])
        raise OSError(errno.ENOSPC, "full", "/far")

    monkeypatch.setattr(clustered, "_compare", compare)
    found = timed(tfgate, tmp_path, sides, tmp_path / "out", *CLUSTER, "--json")
    assert found.code == 3, found
    assert f"given up: notebook: {sides['c']} against {sides['b']}: /far: the disk is full (on here)" in found.err
    assert read_record(Survey, tmp_path / "out" / SURVEY_FILE).left_out == {}
    rows = found.plain["chapters"][0]["releases"]
    there = [(bool(row["before"]), bool(row["fixed"])) for row in rows]
    assert there == [(False, False), (True, True), (False, True)]
    assert len(calls) == len(set(calls)) == 3


@pytest.mark.usefixtures("baselines")
def test_the_host_that_measures_needs_the_memory(
    tfgate: Tfgate, tmp_path: Path, one_host: OneHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = one_host("survey")
    monkeypatch.setattr("bench.commands.model.available_gib", lambda: 7.9)
    sides = {name: noisy_side(tmp_path / name) for name in "ab"}
    more = ("--config", "tiny", "--workload", "large-batch", *CLUSTER)
    found = timed(tfgate, tmp_path, sides, tmp_path / "out", *more)
    assert (found.code, len(calls)) == (4, 1), found
    assert "given up: large-batch-tiny: " in found.err
    assert "workload large-batch needs 8 GiB of memory, and 7.9 GiB are free here" in found.err


@pytest.mark.usefixtures("baselines")
@pytest.mark.parametrize("command", ["survey", "bisect"])
def test_a_host_with_another_file_of_that_name_measures_nothing(
    tfgate: Tfgate, tmp_path: Path, one_host: OneHost, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Where it looks whether it has the memory, the host has what the command had not."""
    calls, own, sides = one_host(command), tmp_path / "mine.py", {name: noisy_side(tmp_path / name) for name in "abc"}
    own.write_text("def workload(): return old\n")
    module = "clustered" if command == "survey" else "searches"
    monkeypatch.setattr(
        f"bench.commands.{module}.require_memory", lambda names: own.write_text("def workload(): return new\n")
    )
    words = {
        "survey": ["--from", sides["a"], "--to", sides["c"], "--speed-only"],
        "bisect": ["--good", sides["a"], "--release", sides["b"], "--bad", sides["c"], "--metric", "step time"],
    }[command]
    folders = ("--baselines", tmp_path / "baselines", "--output", tmp_path / "out")
    found = tfgate(command, *words, "--workload", own, *folders, *CLUSTER)
    assert (found.code, len(calls)) == (4, 1), found
    assert f"{own} is another file here than where the command runs: copy it to each host (on here)\n" in found.err
    assert not list(tmp_path.glob("out/*/paired.json"))


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("survey", "--from", "2.20.0", "--to", "{}"), "venv/python"),
        (("bisect", "--good", "2.20.0", "--bad", "2.21.0", "--release", "{}", "--metric", "numbers"), "venv/python"),
        (("blame", "--from", "2.20.0", "--to", "{}", "--metric", "numbers"), "tensorflow-2.22.0-py3-none-any.whl"),
    ],
)
def test_a_path_that_each_host_would_read_otherwise_is_refused(
    tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], what: str
) -> None:
    noisy_side(tmp_path / "venv" / "python")
    (tmp_path / "tensorflow-2.22.0-py3-none-any.whl").touch()
    monkeypatch.chdir(tmp_path)
    found = tfgate(*(word.format(what) for word in words), *CLUSTER, "--output", "out")
    said = f"{what}: each host would look for it in a folder of its own: give its whole path"
    assert (found.code, found.error) == (2, said), found


@pytest.mark.usefixtures("baselines")
def test_a_host_with_another_tfgate_measures_nothing(
    tfgate: Tfgate, tmp_path: Path, one_host: OneHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its workloads and its oracle may be others."""
    one_host("survey")
    sides = {name: noisy_side(tmp_path / name) for name in "ab"}
    digests = iter(["the command's", "the host's"])
    monkeypatch.setattr("bench.commands.clustered.own_code", lambda: next(digests))
    found = timed(tfgate, tmp_path, sides, tmp_path / "out", *CLUSTER)
    assert found.code == 4, found
    assert "another tfgate is here than where the command runs: install the same commit on each host" in found.err


def test_the_code_of_each_module_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = clustered.own_code()
    assert clustered.own_code() == before
    (tmp_path / "lm").mkdir()
    monkeypatch.setattr("lm.__path__", [str(tmp_path / "lm")])
    without = clustered.own_code()
    (tmp_path / "lm" / "more.py").write_text("pass")
    assert len({before, without, clustered.own_code()}) == 3


def test_a_host_builds_the_pinned_reference_by_the_command_s_locks(tmp_path: Path) -> None:
    """It may have others where the command has its own, or none."""
    lock = tmp_path / "baselines" / PINNED / "linux.txt"
    lock.parent.mkdir(parents=True)
    lock.write_text("numpy==2.4.0\n")
    words = ["--from", PINNED, "--to", "2.99.0", "--baselines", str(tmp_path / "baselines")]
    options = command_parser("survey").parse_args(words, argparse.Namespace(command_line=("tfgate", "survey", *words)))
    asked = request(options)
    building = clustered.Building.of(asked.model, asked.sides, {})
    lock.unlink()
    there = building.here(tmp_path / "scratch" / "call").locks
    assert (there / lock.name).read_text() == "numpy==2.4.0\n"


@pytest.mark.usefixtures("baselines")
def test_without_the_fixed_reference_there_is_no_survey(tfgate: Tfgate, tmp_path: Path, one_host: OneHost) -> None:
    one_host("survey")
    sides = {name: noisy_side(tmp_path / name) for name in "ab"}
    (tmp_path / "a").write_text("#!/bin/false\n")
    found = timed(tfgate, tmp_path, sides, tmp_path / "out", *CLUSTER)
    assert (found.code, found.out) == (2, "")
    assert found.err.splitlines()[-1].startswith(f"tfgate: error: {sides['a']}")
    assert found.err.splitlines()[-1].endswith("(on here)")


@pytest.fixture
def keras(wheelhouse: Path, environment_cache: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The versions of Keras that hosts have measured with: a new one comes out with each comparison, all of which
    fail.
    """
    found = set[str]()

    def measure(self: Extent, plan: Plan, path: Path, sides: dict[str, Side], *_: object) -> PairedRun:
        found.update(package.version for side in sides.values() if (package := keras_of(side.packages)))
        write_wheel(wheelhouse, "keras", f"3.3.{len(list(wheelhouse.iterdir()))}")
        raise BuildError("no room")

    monkeypatch.setattr(Extent, "measure", measure)
    return found


@pytest.mark.usefixtures("baselines")
def test_hosts_build_what_was_resolved_once(
    tfgate: Tfgate, tmp_path: Path, wheelhouse: Path, keras: set[str], one_host: OneHost
) -> None:
    """A release that can't be resolved is sent to no host, and the fixed reference ends the survey."""
    calls = one_host("survey")
    sides = {"a": "2.98.0", "b": "2.98.9", "c": "2.99.0"}
    found = timed(tfgate, tmp_path, sides, tmp_path / "out", "--fixed-reference", "2.99.0", *CLUSTER)
    assert (found.code, len(calls), keras) == (4, 2, {"3.2.0"}), found
    assert found.err.count("given up: ") == 2
    (why,) = (line for line in found.err.splitlines() if "left out" in line)
    assert "2.98.9: '2.98.9' can't be resolved: " in why
    assert "(on here)" not in why
    for version in sides.values():
        assert found.err.count(f"resolving tensorflow-cpu=={version}\n") == 1
    first = timed(tfgate, tmp_path, {"b": "2.98.9", "c": "2.99.0"}, tmp_path / "first", *CLUSTER)
    assert (first.code, len(calls)) == (2, 2)
    assert first.err.splitlines()[-1].startswith("tfgate: error: '2.98.9' can't be resolved: ")


@pytest.mark.slow
@pytest.mark.usefixtures("baselines")
def test_a_host_with_another_python_resolves_for_itself(
    tfgate: Tfgate, tmp_path: Path, keras: set[str], one_host: OneHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_host("survey")
    measured = clustered._compare

    def compare(folder: Path, asked: clustered.SurveyJob) -> int:
        with monkeypatch.context() as there:
            there.setattr("bench.drive.environments._kind", lambda version: "cpython-3.99-linux-x86_64")
            return measured(folder, asked)

    monkeypatch.setattr(clustered, "_compare", compare)
    sides = {"a": "2.98.0", "b": "2.99.0", "c": "tensorflow-cpu==2.98.0 keras"}
    timed(tfgate, tmp_path, sides, tmp_path / "out", *CLUSTER)
    assert len(keras) > 1


@pytest.mark.slow
@pytest.mark.usefixtures("fake_oracle", "baselines")
def test_where_nothing_is_timed_the_cores_of_this_machine_measure_several(
    tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder and the answer are those of one after the other. A release can't be had."""
    cluster = pytest.importorskip("bench.drive.cluster", reason="Dask is missing: tfgate[cluster] has it")
    oracle = f"import bench.drive.oracle; bench.drive.oracle.INTERPRETER = {str(tmp_path / 'oracle-python')!r}\n"
    monkeypatch.setattr(cluster, "CHILD", oracle + cluster.CHILD)
    sides = {name: noisy_side(tmp_path / name) for name in "abcd"}
    (tmp_path / "b").write_text("#!/bin/false\n")
    first, *between, last = sides.values()
    releases = [word for side in between for word in ("--release", side)]
    words = ["--numerics-only", "--workload", "predict-call", "--baselines", tmp_path / "baselines", "--output"]
    answers, folders = [], []
    for cores in (2, 4):
        monkeypatch.setattr(clustered, "cores_at_once", lambda cores=cores: cores)
        out = tmp_path / f"out{cores}"
        found = tfgate("survey", "--from", first, "--to", last, *releases, *words, out)
        assert found.code == 3, found
        assert ("2 comparisons at a time" in found.err) == (cores == 4)
        for one, other in ("ca", "dc", "da"):
            assert found.err.count(f"{sides[one]} against {sides[other]}: PASS") == 1, found
        answers.append(
            tfgate("check", out, "--baselines", tmp_path / "baselines").out.replace(" (on " + gethostname() + ")", "")
        )
        folders.append(set(snapshot(out)))
    assert answers[0] == answers[1]
    assert folders[0] == folders[1]


@pytest.mark.usefixtures("fake_oracle", "baselines")
def test_where_nothing_is_timed_the_hosts_of_this_machine_leave_the_same_folder(
    tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder and the answer are those of one after the other. A release can't be had."""
    calls: list[Any] = []

    @contextlib.contextmanager
    def opened(most: int, room: float) -> Iterator[Any]:
        yield functools.partial(in_this_process, tmp_path / "scratch", calls)

    sides = {name: noisy_side(tmp_path / name) for name in "abc"}
    (tmp_path / "b").write_text("#!/bin/false\n")
    words = ("--numerics-only", "--workload", "predict-call", "--baselines", tmp_path / "baselines", "--output")
    answers, folders = [], []
    for out in (tmp_path / "alone", tmp_path / "several"):
        found = survey(tfgate, sides, *words, out)
        assert found.code == 3, found
        assert found.err.count(f"{sides['c']} against {sides['a']}: PASS") == 1, found
        answers.append(tfgate("check", out, "--baselines", tmp_path / "baselines").out.replace(" (on here)", ""))
        folders.append(set(snapshot(out)))
        monkeypatch.setattr("bench.commands.survey.local_hosts", opened)
    assert len(calls) == 2  # that of the release that can't be had too
    assert answers[0] == answers[1]
    assert folders[0] == folders[1]


@pytest.mark.parametrize(
    ("cores", "most", "room", "opened"),
    [
        (4, 9, 32.0, 2),
        (9, 9, 32.0, 4),
        (64, 9, math.inf, 9),
        (64, 9, 3.9, 3),
        (2, 9, 32.0, None),
        (64, 1, 32.0, None),
        (64, 9, 1.9, None),
    ],
)
def test_as_many_are_measured_at_a_time_as_the_machine_has_room_for(
    monkeypatch: pytest.MonkeyPatch, cores: int, most: int, room: float, opened: int | None
) -> None:
    cluster = pytest.importorskip("bench.drive.cluster", reason="Dask is missing: tfgate[cluster] has it")
    said: list[str] = []

    @contextlib.contextmanager
    def cluster_hosts(address: str, *, timed: bool) -> Iterator[tuple[str, bool]]:
        yield address, timed

    monkeypatch.setattr(cluster, "local_scheduler", lambda threads: contextlib.nullcontext(f"of {threads}"))
    monkeypatch.setattr(clustered, "cluster_hosts", cluster_hosts)
    monkeypatch.setattr(clustered, "say", said.append)
    monkeypatch.setattr(clustered, "cores_at_once", lambda: cores)
    hosts: Any
    with clustered.local_hosts(most, room) as hosts:
        assert hosts == ((f"of {opened}", False) if opened else None)
    assert said == ([f"{opened} comparisons at a time"] if opened else [])


def test_without_dask_numbers_are_measured_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clustered, "cores_at_once", lambda: 64)
    monkeypatch.setattr("bench.commands.clustered.importlib.util.find_spec", lambda name: None)
    with clustered.local_hosts(9, math.inf) as hosts:
        assert hosts is None


@pytest.mark.parametrize(
    ("words", "opened"),
    [
        (["--numerics-only"], True),
        (["--numerics-only", "--device", "gpu:0"], False),
        (["--numerics-only", "--config", "notebook"], False),  # nobody knows how much memory one takes
        (["--speed-only"], False),
        ([], False),
    ],
)
def test_what_is_timed_or_has_a_gpu_is_measured_one_after_the_other(
    tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], opened: bool
) -> None:
    """No side is any."""

    def local_hosts(most: int, room: float) -> Iterator[Any]:
        raise ClusterError(f"{most} at a time")

    monkeypatch.setattr("bench.commands.survey.local_hosts", local_hosts)
    sides = [noisy_side(tmp_path / name) for name in "ab"]
    for side in sides:
        Path(side).write_text("#!/bin/false\n")
    found = tfgate("survey", "--from", sides[0], "--to", sides[1], *words, "--output", tmp_path / "out")
    said = "1 at a time" if opened else f"left out: {sides[1]}: {sides[1]} is not a Python that answers"
    assert (found.code, said in found.err) == (4, True), found


@pytest.mark.slow
@pytest.mark.usefixtures("baselines")
def test_each_comparison_is_measured_once_whatever_dies_meanwhile(
    tfgate: Tfgate, tmp_path: Path, hosts: Processes
) -> None:
    """A host dies at a moment that a seed chose, and a release can't be had; then the scheduler dies in another survey,
    which goes on from its folder without it.
    """
    seed, cluster = random.Random(19), ("--cluster", hosts.address)
    sides = {name: noisy_side(tmp_path / name) for name in "abcd"}
    (tmp_path / "b").write_text("#!/bin/false\n")
    whole, cut = tmp_path / "whole", tmp_path / "cut"

    def kill(name: str, once: str, out: Path, within: float) -> threading.Thread:
        """Kills one so many seconds at most after a file is there."""

        def later() -> None:
            wait_until(lambda: list(out.glob(once)))
            time.sleep(seed.uniform(0, within))
            hosts.kill(name)

        thread = threading.Thread(target=later)
        thread.start()
        return thread

    killer = kill("two", SURVEY_FILE, whole, 2.0)
    found = timed(tfgate, tmp_path, sides, whole, *cluster)
    killer.join()
    assert_measured_once(found, whole, sides)
    again = tfgate("check", whole, "--baselines", tmp_path / "baselines")
    assert (again.code, again.out) == (3, found.out)

    del sides["b"]
    killer = kill("scheduler", "*/paired.json", cut, 0.5)
    found = timed(tfgate, tmp_path, sides, cut, *cluster)
    killer.join()
    assert found.code == 4, found
    assert "went away: continue by --resume from what was finished" in found.err.splitlines()[-1]
    before = {name: data for name, data in snapshot(cut).items() if name.endswith("paired.json")}
    assert 1 <= len(before) < 3
    found = timed(tfgate, tmp_path, sides, cut, "--resume")
    assert found.code == 0, found
    after = {name: data for name, data in snapshot(cut).items() if name.endswith("paired.json")}
    assert len(after) == 3
    assert before.items() <= after.items()  # to the byte


@pytest.mark.usefixtures("baselines")
def test_where_no_scheduler_is_nothing_is_begun(
    tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="Dask is missing: tfgate[cluster] has it")
    monkeypatch.setattr("bench.drive.cluster.CONNECT_SECONDS", 0.2)
    sides = {name: noisy_side(tmp_path / name) for name in "ab"}
    address = f"tcp://127.0.0.1:{free_port()}"
    found = timed(tfgate, tmp_path, sides, tmp_path / "out", "--cluster", address)
    assert (found.code, found.error) == (4, f"no Dask scheduler answers at {address}: start one, or name another")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "words", "timed"),
    [
        ("survey", ("--from", "2.20.0", "--to", "2.21.0"), True),
        ("survey", ("--from", "2.20.0", "--to", "2.21.0", "--numerics-only"), False),
        ("blame", ("--from", "2.20.0", "--to", "2.21.0", "--metric", "trace"), True),
        ("blame", ("--from", "2.20.0", "--to", "2.21.0", "--metric", "numbers"), False),
        ("bisect", ("--good", "2.20.0", "--bad", "2.21.0", "--metric", "trace"), True),
        ("bisect", ("--good", "2.20.0", "--bad", "2.21.0", "--metric", "numbers"), False),
    ],
)
def test_only_what_is_timed_takes_a_timing_slot(
    tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: tuple[str, ...], timed: bool
) -> None:
    def opened(address: str, *, timed: bool) -> Iterator[Any]:
        raise ClusterError(f"timed: {timed}")

    monkeypatch.setattr(f"bench.commands.{name}.cluster_hosts", opened)
    for module in ("searches", "survey"):
        monkeypatch.setattr(f"bench.commands.{module}.cluster_request", lambda options: options.cluster)
    found = tfgate(name, *words, *CLUSTER, "--output", tmp_path / "out")
    assert (found.code, found.error) == (4, f"timed: {timed}")


def test_a_cluster_s_hosts_say_on_the_screen_that_none_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = pytest.importorskip("bench.drive.cluster", reason="Dask is missing: tfgate[cluster] has it")
    opened: list[object] = []

    @contextlib.contextmanager
    def connected(address: str, say: object, *, timed: bool) -> Iterator[SimpleNamespace]:
        opened.extend((address, say, timed))
        yield SimpleNamespace(results="results")

    monkeypatch.setattr(cluster, "connected", connected)
    with clustered.cluster_hosts("tcp://head:8786", timed=True) as results:
        opened.append(results)
    assert opened == ["tcp://head:8786", messages.say, True, "results"]


@pytest.mark.parametrize("words", [("survey",), ("blame", "--metric", "trace")])
def test_without_dask_one_line_says_what_to_install(
    tfgate: Tfgate, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr("bench.commands.clustered.importlib.util.find_spec", lambda name: None)
    found = tfgate(*words, "--from", "2.20.0", "--to", "2.21.0", *CLUSTER)
    assert (found.code, found.error) == (2, "--cluster needs Dask: install tfgate[cluster]")
