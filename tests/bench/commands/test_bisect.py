"""`tfgate bisect`: whole searches to their exit codes, among sides that only play at training."""

import json
import shlex
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from bench.cli import command_parser
from bench.commands.bisect import _blame
from bench.drive.doctor import Finding
from bench.drive.requests import AsOf
from bench.judge.bisect import Answer
from bench.judge.bisect import Finding as Found
from bench.record.files import read_record
from bench.record.paired import Package, PairedRun, Side
from tests.builders.cluster import CLUSTER
from tests.builders.commands import OneHost, Tfgate, bisect, snapshot
from tests.builders.profiles import made_profile
from tests.builders.wheels import write_wheel


@pytest.mark.usefixtures("fake_oracle", "short_launches", "baselines")
class TestWholeSearches:
    """From the command line to the exit code."""

    def test_the_release_that_got_slower_is_named(
        self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str]
    ) -> None:
        found = bisect(tfgate, tmp_path, slowness, "--json")
        assert found.code == 0, found
        assert (found.plain["answer"], found.plain["release"]) == ("found", slowness["d"])
        releases = {Path(one["name"]).name: one for one in found.plain["releases"]}
        assert releases["d"]["own_step"]["estimate"] == pytest.approx(0.18, abs=0.04)
        assert sum(one["launches"] for one in releases.values()) < 16
        run = read_record(PairedRun, next(tmp_path.glob("out/03-*d/paired.json")))
        assert (run.candidate.interpreter, run.only) == (slowness["d"], ("step time",))
        assert json.loads((tmp_path / "out" / "answer.json").read_text()) == found.plain
        answer = tmp_path / "out" / "answer.txt"
        assert answer.read_text().startswith(f"{slowness['d']} changed step time by ")
        several = tfgate("show", tmp_path / "out")
        assert (several.code, several.error.endswith(f", or read {answer}")) == (2, True)
        again = bisect(tfgate, tmp_path, slowness, "--json", "--resume")
        assert (again.code, again.out) == (0, found.out)
        assert found.plain["command"][:2] == ["tfgate", "bisect"]
        assert found.plain["machines"] == ["fake"]
        assert ": launch" in found.err
        assert "\nexpect 11 to 19 measurements: 3 to 6 minutes" in found.err
        assert "expect 8 to 16 more measurements: " in found.err
        assert ": launch" not in again.err  # nothing is measured again
        assert "expect " not in again.err
        before = snapshot(tmp_path / "out")
        other = bisect(tfgate, tmp_path, dict([*slowness.items()][:3]))
        assert (other.code, other.error.endswith("continue it by --resume, or choose another --output")) == (2, True)
        assert snapshot(tmp_path / "out") == before  # the answer, too

    def test_what_disturbs_launches_is_said_once_and_kept(
        self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And the answer is at the confidence that was asked for."""
        load = "background load of 2.0 processes"
        monkeypatch.setattr("bench.commands.timing.examine", lambda: (Finding("load", "2.0", load),))
        found = bisect(tfgate, tmp_path, slowness, "--budget", "0.001", "--confidence", "0.9", "--json")
        assert found.plain["confidence"] == 0.9
        assert found.err.splitlines().count(f"warning: {load}") == 1
        assert load in read_record(PairedRun, next(tmp_path.glob("out/*/paired.json"))).warnings

    def test_a_metric_that_no_launch_tells_is_refused(
        self, tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str]
    ) -> None:
        found = bisect(tfgate, tmp_path, slowness, "--metric", "GPU memory")
        assert found.code == 2
        assert found.err.splitlines()[-1].endswith("don't measure GPU memory here: name another metric")


@pytest.mark.usefixtures("baselines")
@pytest.mark.parametrize(("answer", "code"), [(Answer.NO_CHANGE, 0), (Answer.OPEN, 3)])
def test_that_nothing_changed_is_an_answer(
    tfgate: Tfgate,
    tmp_path: Path,
    slowness: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    code: int,
) -> None:
    monkeypatch.setattr("bench.commands.bisect.Bisection.finding", lambda bisection: Found(answer))
    monkeypatch.setattr("bench.commands.bisect.Bisection.measure", lambda bisection: None)
    found = bisect(tfgate, tmp_path, slowness, "--metric", "numbers", "--json")
    assert (found.code, found.plain["answer"]) == (code, answer.value), found


@pytest.mark.usefixtures("baselines")
def test_releases_are_listed_of_versions_alone(tfgate: Tfgate, tmp_path: Path, wheelhouse: Path) -> None:
    for version in ("2.97.0", "2.97.1", "2.98.0rc1"):
        write_wheel(wheelhouse, "tensorflow-cpu", version, "keras", module="tensorflow")
    options = ("--metric", "trace", "--baselines", tmp_path / "baselines")
    for good in ("tensorflow-cpu keras", "tensorflow-cpu==2.97.*"):
        found = tfgate("bisect", "--good", good, "--bad", "2.99.0", *options)
        assert (
            "can't be listed, only those between two versions of one package, or before a nightly, can: name them"
            in found.error
        )


@pytest.mark.usefixtures("fake_oracle", "short_launches", "baselines")
@pytest.mark.parametrize("last", ["tensorflow==1.3", "tf-nightly==1.3", "an interpreter"])
def test_the_package_is_asked_for_by_a_command_that_blame_takes(
    tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str], monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    """With the index as bisect read it. Of an interpreter there is none: its packages can't be exchanged."""

    def prepared(requested: str, as_of: AsOf, **options: object) -> Side:
        name, _, version = requested.partition("==")
        interpreter = list(slowness.values())[int(version[-1])] if version else requested
        return Side(requested, interpreter, {}, as_of.moment, (Package(name, version),))

    monkeypatch.setattr("bench.commands.sides.prepare", prepared)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tfgate").symlink_to("baselines")  # a folder of the command's name
    last = list(slowness.values())[3] if last == "an interpreter" else last
    sides = {"b": "tensorflow==1.1", "c": "tensorflow==1.2", "d": last}
    more = ("--baselines", "tfgate", "--threads=1")
    if "==" not in last:
        found = bisect(tfgate, tmp_path, sides, "--blame", *more)
        assert (found.code, "which package: " in found.out) == (0, False), found
        assert f"{last} changed step time by " in found.out
        assert "blame can't take these two apart: " in found.err
        again = bisect(tfgate, tmp_path, sides, "--resume", "--json", *more)
        assert (again.code, again.plain["blame"]) == (0, None)
        return
    line = bisect(tfgate, tmp_path, sides, "--json", *more).plain["blame"]
    moment = read_record(PairedRun, next(tmp_path.glob("out/*/paired.json"))).candidate.as_of
    assert line.startswith(f"tfgate blame --from tensorflow==1.2 --to {last} --metric 'step time' --baselines ")
    assert line.endswith(f" --baselines tfgate --threads=1 --as-of {moment}")
    command_parser("blame").parse_args(shlex.split(line)[2:])


@pytest.mark.slow
@pytest.mark.usefixtures("fake_oracle", "short_launches", "baselines")
def test_blame_and_a_profile_follow_in_a_folder_below(
    tfgate: Tfgate, tmp_path: Path, slowness: dict[str, str], one_host: OneHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And are not made again. On a cluster, blame goes where the search went, and a profile is of no host."""

    def prepared(requested: str, as_of: object, **options: object) -> Side:
        version = next(word for word in requested.split() if word.startswith("keras==")).rpartition("==")[2]
        packages = (Package("keras", version), Package("tensorflow-cpu", "2.99.0"))
        return Side(requested, list(slowness.values())[int(version[-1])], {}, packages=packages)

    for module in ("bench.commands.sides", "bench.drive.mixed"):
        monkeypatch.setattr(f"{module}.prepare", prepared)
    monkeypatch.setattr("bench.drive.mixed.conflicts", lambda python: [])
    monkeypatch.setattr("bench.commands.blame_parts.imported", lambda python, variables: {"keras"})
    monkeypatch.setattr("bench.commands.profile.run_profile", made_profile)
    sides = {"b": "keras==1.1", "c": "keras==1.2", "d": "keras==1.3"}
    found = bisect(tfgate, tmp_path, sides, "--blame", "--threads=1")
    assert found.code == 0, found
    answers = ("keras==1.3 ", "which package: tfgate blame ", "to blame: keras, ", "3.000 ms a step instead of")
    places = [found.out.index(answer) for answer in answers]
    assert places == sorted(places)
    assert len(list(tmp_path.glob("out/blame/*/paired.json"))) == 3  # the whole, Keras, without oneDNN
    assert len(list(tmp_path.glob("out/blame/*-profile/profile.html"))) == 1
    again = bisect(tfgate, tmp_path, sides, "--blame", "--threads=1", "--resume")
    assert again.code == 0, again
    assert ": launch" not in again.err
    assert len(list(tmp_path.glob("out/blame/*-profile"))) == 1
    one_host("bisect")
    follow = Mock(return_value=0)
    monkeypatch.setattr("bench.commands.bisect.follow", follow)
    assert bisect(tfgate, tmp_path, sides, "--blame", "--threads=1", "--resume", *CLUSTER).code == 0
    _, words = follow.call_args.args
    place = words.index(CLUSTER[0])
    assert (tuple(words[place : place + 2]), "--profile" in words) == (CLUSTER, False)


def test_blame_takes_no_interpreters_apart() -> None:
    """It exchanges packages of environments that it builds."""
    assert _blame(Mock(), Mock(), Found(Answer.FOUND, 1), ["2.98.0", sys.executable]) == []
