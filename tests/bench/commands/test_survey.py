"""`tfgate survey`: whole ones to their exit codes, of sides that only play at training; stored ones told again."""

import dataclasses
import json
from pathlib import Path

import pytest

from bench.commands.paired import Extent
from bench.commands.progress import UpgradeProgress
from bench.drive.doctor import Finding
from bench.drive.environments import PINNED
from bench.drive.plan import Plan
from bench.drive.requests import AsOf, RequestError
from bench.record.files import read_record, unsealed, write_record
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun, Side
from bench.record.survey import SURVEY_FILE, Survey
from bench.record.types import Failure
from tests.builders.commands import CRASH, Answer, Tfgate, noisy_side, snapshot, survey
from tests.builders.paired import pair, paired_run
from tests.builders.surveys import keep_survey, surveyed
from tests.builders.wheels import write_wheel


@pytest.mark.usefixtures("fake_oracle", "short_launches", "baselines")
class TestWholeSurveys:
    """From the command line to the exit code."""

    def sides(self, folder: Path, **slowness: float) -> dict[str, str]:
        return {name: noisy_side(folder / name, slowness=slow) for name, slow in slowness.items()}

    def survey(self, tfgate: Tfgate, folder: Path, sides: dict[str, str], *more: str) -> Answer:
        folders = ("--baselines", folder / "baselines", "--output", folder / "out")
        return survey(tfgate, sides, "--speed-only", *folders, *more)

    @pytest.mark.usefixtures("one_launch")
    def test_two_between_which_none_can_be_listed_are_compared_alone(self, tfgate: Tfgate, tmp_path: Path) -> None:
        found = self.survey(tfgate, tmp_path, self.sides(tmp_path, a=1.0, b=1.2))
        assert found.code == 0, found
        assert "can't be listed" in found.err
        assert "these two alone are compared" in found.err
        assert "1 comparison: about" in found.err

    def test_a_release_that_got_slower_is_a_finding_in_its_own_cell(self, tfgate: Tfgate, tmp_path: Path) -> None:
        sides = self.sides(tmp_path, a=1.0, b=1.2, c=1.2)
        found = self.survey(tfgate, tmp_path, sides, "--json")
        assert found.code == 0, found
        assert "3 comparisons: about 45 minutes of launches at most" in found.err
        (chapter,) = found.plain["chapters"]
        outcomes = [
            {
                name: {one["metric"]["name"]: one["outcome"] for one in release[name]["comparisons"]}["step time"]
                for name in ("before", "fixed")
                if release[name]
            }
            for release in chapter["releases"]
        ]
        worse, same = "REGRESSION", "PASS"
        assert outcomes == [{}, {"before": worse, "fixed": worse}, {"before": same, "fixed": worse}]
        out = tmp_path / "out"
        asked = read_record(Survey, out / SURVEY_FILE)
        assert (asked.releases, asked.reference) == (tuple(sides.values()), sides["a"])
        assert (asked.numerics, asked.speed) == (False, True)
        (pair,) = out.glob("02-*-from-01-*/paired.json")
        run = read_record(PairedRun, pair)
        words = ["tfgate", "upgrade", "--from", sides["a"], "--to", sides["b"], "--speed-only", "--baselines"]
        assert list(run.command[:8]) == words
        assert run.command[-4:] == ("--workload", "train", "--config", "tiny")
        assert not {"--output", "--release", "--json"} & set(run.command)
        assert tfgate("check", pair.parent, "--baselines", tmp_path / "baselines").code == 1
        again = tfgate("check", out, "--baselines", tmp_path / "baselines", "--json")
        assert (again.code, again.out) == (0, found.out)

    @pytest.mark.usefixtures("one_launch")
    def test_the_fixed_reference_may_be_the_pinned_one(
        self, tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pinned = noisy_side(tmp_path / "pinned")
        monkeypatch.setattr(
            "bench.commands.sides.prepare_reference", lambda locks, variables, say: Side(PINNED, pinned, variables)
        )
        sides = self.sides(tmp_path, a=1.0, b=1.0)
        more = ("--fixed-reference", PINNED, "--as-of", "release")
        found = self.survey(tfgate, tmp_path, sides, *more, "--json")
        assert found.code == 0, found
        assert "3 comparisons: " in found.err
        first, second = found.plain["chapters"][0]["releases"]
        assert (first["before"], second["before"]["reference"]) == (None, sides["a"])
        assert [one["fixed"]["reference"] for one in (first, second)] == [PINNED] * 2
        (path,) = tmp_path.glob("out/02-*-from-00-reference/paired.json")
        run = read_record(PairedRun, path)
        assert (run.reference.interpreter, run.candidate.interpreter) == (pinned, sides["b"])
        command = run.command
        assert command[:4] == ("tfgate", "upgrade", "--from", PINNED)
        assert command[-2:] == ("--as-of", "release")

    @pytest.mark.usefixtures("one_launch")
    def test_a_margin_is_kept_with_each_comparison(self, tfgate: Tfgate, tmp_path: Path) -> None:
        found = self.survey(tfgate, tmp_path, self.sides(tmp_path, a=1.0, b=1.0), "--margin", "0.5")
        assert found.code == 0, found
        (path,) = tmp_path.glob("out/02-*-from-01-*/paired.json")
        run = read_record(PairedRun, path)
        assert (run.margin, run.command[run.command.index("--margin") + 1]) == (0.5, "0.5")

    @pytest.mark.usefixtures("one_launch")
    def test_one_that_does_not_run_is_a_row_and_the_next_is_compared_with_the_last_that_did(
        self, tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each comparison keeps what disturbs launches, and the other packages that differ."""
        monkeypatch.setattr("bench.commands.timing.examine", lambda: (Finding("load", "2.0", "a load of 2.0"),))
        versions = {"a": "2.0.0", "b": "3.0.0", "c": "3.1.0"}
        sides = {
            name: noisy_side(
                tmp_path / name, {"tensorflow-cpu": keras, "keras": keras}, midway=CRASH if name == "b" else "pass"
            )
            for name, keras in versions.items()
        }
        found = self.survey(tfgate, tmp_path, sides, "--budget", "0.01")
        assert found.code == 3, found
        assert "doesn't run: the candidate failed" in found.out
        assert len(list(tmp_path.glob("out/*/paired.json"))) == 2
        for place, version in (("02", "3.0.0"), ("03", "3.1.0")):
            (path,) = tmp_path.glob(f"out/{place}-*-from-01-*/paired.json")
            differs = f"keras differs too, 2.0.0 and {version}, and may explain a difference"
            assert {differs, "a load of 2.0"} <= set(read_record(PairedRun, path).warnings)

    @pytest.mark.usefixtures("one_launch")
    def test_one_that_cannot_be_had_is_a_row_and_is_tried_again(self, tfgate: Tfgate, tmp_path: Path) -> None:
        sides = self.sides(tmp_path, a=1.0, b=1.0, c=1.0)
        broken = tmp_path / "b"
        text = broken.read_text()
        broken.write_text("#!/bin/false\n")
        found = self.survey(tfgate, tmp_path, sides, "--budget", "0.01")
        assert found.code == 3, found
        assert "isn't available: " in found.out
        assert list(read_record(Survey, tmp_path / "out" / SURVEY_FILE).left_out) == [sides["b"]]
        broken.write_text(text)
        again = self.survey(tfgate, tmp_path, sides, "--budget", "0.01", "--resume")
        assert again.code == 0, again
        assert read_record(Survey, tmp_path / "out" / SURVEY_FILE).left_out == {}

    @pytest.mark.usefixtures("one_launch")
    def test_of_one_s_own_model_it_is_of_one_file(self, tfgate: Tfgate, tmp_path: Path) -> None:
        """Which is edited after the first of three comparisons."""
        sides = self.sides(tmp_path, a=1.0, b=1.0, c=1.0)
        absent, mine = tmp_path / "c", tmp_path / "mine.py"
        text = absent.read_text()
        absent.write_text("#!/bin/false\n")
        mine.write_text("def workload(): pass\n")
        words = ("--workload", str(mine), "--budget", "0.01")
        assert self.survey(tfgate, tmp_path, sides, *words).code == 3
        (kept,) = tmp_path.glob("out/*/paired.json")
        before = snapshot(tmp_path / "out")
        absent.write_text(text)
        mine.write_text("def workload(): pass  # edited\n")
        found = self.survey(tfgate, tmp_path, sides, *words, "--resume")
        assert (found.code, f"{kept} was begun with another mine.py: " in found.error) == (2, True)
        assert snapshot(tmp_path / "out") == before

    @pytest.mark.usefixtures("one_launch")
    def test_each_release_is_of_one_environment(self, tfgate: Tfgate, tmp_path: Path) -> None:
        """One comparison is finished when the packages of its candidate change, or of its reference."""
        sides = self.sides(tmp_path, a=1.0, b=1.0, c=1.0)
        texts = {name: (tmp_path / name).read_text() for name in sides}
        (tmp_path / "c").write_text("#!/bin/false\n")
        assert self.survey(tfgate, tmp_path, sides, "--budget", "0.01").code == 3
        (kept,) = tmp_path.glob("out/*/paired.json")
        (tmp_path / "c").write_text(texts["c"])
        for name, place in (("b", "02"), ("a", "01")):  # the third is compared with the second first
            noisy_side(tmp_path / name, {"tensorflow-cpu": "9.9.8"})
            found = self.survey(tfgate, tmp_path, sides, "--budget", "0.01", "--resume")
            assert found.code == 2, found
            assert f"{kept} was begun with other packages for {sides[name]}: " in found.err.splitlines()[-1]
            assert not list(tmp_path.glob(f"out/03-*-from-{place}-*/paired.json"))
            (tmp_path / name).write_text(texts[name])

    def test_where_nothing_runs_the_measurement_has_failed(self, tfgate: Tfgate, tmp_path: Path) -> None:
        sides = self.sides(tmp_path, a=1.0, b=1.0, c=1.0)
        for name in "bc":
            noisy_side(tmp_path / name, midway=CRASH)
        assert self.survey(tfgate, tmp_path, sides).code == 4

    def test_an_interrupted_one_goes_on_and_measures_nothing_twice(
        self, tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Ctrl-C comes in the third launch of the second comparison; what was over is there to the byte."""
        sides = self.sides(tmp_path, a=1.0, b=1.2, c=1.5)
        pair, seen = UpgradeProgress.pair, []

        def interrupt(self: object, run: PairedRun) -> None:
            seen.append((run.candidate.requested, len(run.pairs)))
            if seen[-1] == (sides["c"], 3):
                raise KeyboardInterrupt
            pair(self, run)  # type: ignore[arg-type]

        with monkeypatch.context() as patched:
            patched.setattr(UpgradeProgress, "pair", interrupt)
            cut = self.survey(tfgate, tmp_path, sides)
        assert cut.code == 4
        assert "go on by the same command with --resume" in cut.err.splitlines()[-1]
        out = tmp_path / "out"
        whole, begun = sorted(out.glob("*/paired.json"))
        before, pairs = whole.read_bytes(), read_record(PairedRun, begun).pairs
        assert len(pairs) == 3
        partly = tfgate("check", out, "--baselines", tmp_path / "baselines")
        assert partly.code == 3
        found = self.survey(tfgate, tmp_path, sides, "--resume")
        assert found.code == 0, found
        said = found.err.splitlines()
        (cost,) = (place for place, line in enumerate(said) if line.startswith("3 comparisons, 1 of them done: "))
        outcomes = [place for place, line in enumerate(said) if " against " in line and line.startswith("tiny: ")]
        assert len(outcomes) == 3
        assert min(outcomes) > cost  # that of the one that was done as well
        assert whole.read_bytes() == before
        assert read_record(PairedRun, begun).pairs[:3] == pairs
        lines = len([line for line in found.err.splitlines() if line.startswith("launch 1, ")])
        assert lines == 2  # the phase and the launch, of the third comparison alone
        once_more = self.survey(tfgate, tmp_path, sides, "--resume")
        assert (once_more.code, once_more.out) == (0, found.out)
        assert "launch 1" not in once_more.err

    @pytest.mark.usefixtures("one_launch")
    def test_comparisons_that_are_over_had_the_variables_of_those_to_come(
        self, tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sides = self.sides(tmp_path, a=1.0, b=1.0, c=1.0)
        text = (tmp_path / "c").read_text()
        (tmp_path / "c").write_text("#!/bin/false\n")
        assert self.survey(tfgate, tmp_path, sides, "--budget", "0.01").code == 3
        before = snapshot(tmp_path / "out")
        (tmp_path / "c").write_text(text)
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
        found = self.survey(tfgate, tmp_path, sides, "--budget", "0.01", "--resume")
        assert (found.code, "(none; now TF_ENABLE_ONEDNN_OPTS=0): set them" in found.error) == (2, True)
        assert snapshot(tmp_path / "out") == before

    def test_another_command_does_not_go_on_from_it(self, tfgate: Tfgate, tmp_path: Path) -> None:
        sides = self.sides(tmp_path, a=1.0, b=1.2, c=1.5)
        keep_survey(tmp_path / "out", surveyed({"2.12.1": 0.0, "2.13.1": 0.2}))
        before = snapshot(tmp_path / "out")
        other = self.survey(tfgate, tmp_path, sides, "--resume")
        assert (other.code, "begun by another command" in other.error) == (2, True)
        anew = self.survey(tfgate, tmp_path, sides)
        assert (anew.code, "exists already" in anew.err) == (2, True)
        assert snapshot(tmp_path / "out") == before

    @pytest.mark.usefixtures("one_launch")
    def test_several_workloads_have_a_chapter_each(self, tfgate: Tfgate, tmp_path: Path) -> None:
        sides = self.sides(tmp_path, a=1.0, b=1.2, c=1.5)
        (tmp_path / "c").write_text("#!/bin/false\n")
        found = self.survey(tfgate, tmp_path, sides, "--workload", "train", "--workload", "predict-call", "--json")
        assert found.code == 3, found
        assert [one["name"] for one in found.plain["chapters"]] == ["tiny", "predict-call-tiny"]
        paths = list((tmp_path / "out").glob("*/*/paired.json"))
        assert len(paths) == 2
        for path in paths:  # its command measures it alone
            command = read_record(PairedRun, path).command
            named = [command[place + 1] for place, word in enumerate(command) if word == "--workload"]
            assert named == ["predict-call" if path.parent.name.startswith("predict") else "train"]


class TestStoredSurveys:
    """Surveys on disk, told by `check` and `report`."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return keep_survey(tmp_path / "survey", surveyed({"2.12.1": 0.0, "2.13.1": 0.2, "2.14.1": 0.2}))

    @pytest.mark.usefixtures("undrawn")
    def test_a_report_goes_into_its_folder(self, tfgate: Tfgate, folder: Path, baselines: Path) -> None:
        formats = ("--format", "html", "--format", "markdown", "--format", "json")
        found = tfgate("report", folder / SURVEY_FILE, *formats, "--baselines", baselines)
        assert found.code == 0, found
        for name in ("report.html", "report.md", "report.json"):
            assert "2.13.1" in (folder / name).read_text(encoding="utf-8")
        checked = tfgate("check", folder, "--baselines", baselines, "--json")
        assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == checked.plain
        assert checked.plain["exit_code"] == checked.code == 0

    def test_other_formats_other_runs_and_summaries_are_refused(
        self, tfgate: Tfgate, folder: Path, baselines: Path
    ) -> None:
        before = snapshot(folder)
        for words, said in (
            (("--format", "junit"), "junit holds runs alone"),
            ((folder, "--output", folder.parent / "elsewhere"), "a survey has a page"),
        ):
            found = tfgate("report", folder, *words, "--baselines", baselines)
            assert (found.code, said in found.error, "damaged" in found.error) == (2, True, False)
        for option in ("--summary", "--verbose"):
            refused = tfgate("check", folder, option, "--baselines", baselines)
            assert (refused.code, "leave out --summary and --verbose" in refused.error) == (2, True)
        assert tfgate("show", folder).code == 2
        assert snapshot(folder) == before

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ('"plans"', '"plan"', "unknown field 'plan'"),
            ('["notebook"]', '["../notebook"]', "can't name a folder"),
            ('"schema": 5', '"schema": 99', "schema version is 99"),
            ('"2.13.1"', "7", "a string"),
            ('"speed": true', '"speed": false', "was changed since"),
            ("{", "", "not JSON"),
        ],
    )
    def test_a_malformed_one_is_refused_by_name(
        self, tfgate: Tfgate, folder: Path, baselines: Path, old: str, new: str, said: str
    ) -> None:
        path = folder / SURVEY_FILE
        text = path.read_text(encoding="utf-8")
        whole = text if "was changed" in said else unsealed(text)
        path.write_text(whole.replace(old, new, 1), encoding="utf-8")
        for words in (("check", folder), ("report", folder)):
            found = tfgate(*words, "--baselines", baselines)
            assert found.code == 2
            assert said in found.error
            assert SURVEY_FILE in found.error

    def test_a_comparison_of_other_releases_is_refused(self, tfgate: Tfgate, folder: Path, baselines: Path) -> None:
        one, other = sorted(folder.glob("*/paired.json"))[:2]
        one.write_bytes(other.read_bytes())
        assert "as its folder says" in tfgate("check", folder, "--baselines", baselines).error

    def test_a_damaged_comparison_is_named(self, tfgate: Tfgate, folder: Path, baselines: Path) -> None:
        path = sorted(folder.glob("*/paired.json"))[0]
        path.write_text("{", encoding="utf-8")
        assert str(path) in tfgate("check", folder, "--baselines", baselines).error


@pytest.mark.usefixtures("environment_cache")
def test_the_newest_patches_are_listed_and_go_on_from_the_same_moment(
    tfgate: Tfgate, tmp_path: Path, wheelhouse: Path, empty_baselines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of these TensorFlows runs: each is a row that says so. One is left to a survey of January's index."""
    moments = set[str]()

    def prepared(what: str, as_of: AsOf, **_: object) -> Side:
        moments.add(as_of.moment)
        return Side(what, what, {}, as_of.moment)

    def measure(_extent: Extent, _plan: Plan, path: Path, sides: dict[str, Side], *_: object) -> None:
        crashed = [pair(0, failure=Failure("crashed", "exited with code 3"))] * 2
        write_record(path, paired_run(crashed, reference=sides[REFERENCE], candidate=sides[CANDIDATE]))

    monkeypatch.setattr("bench.commands.sides.prepare", prepared)
    monkeypatch.setattr(Extent, "measure", measure)
    for version in ("2.97.0", "2.97.1", "2.98.1"):
        write_wheel(wheelhouse, "tensorflow-cpu", version, "keras", module="tensorflow")
    words = ("survey", "--from", "2.97.0", "--to", "2.99.0", "--numerics-only", "--baselines", empty_baselines)
    found = tfgate(*words, "--output", tmp_path / "out")
    assert found.code == 4, found
    assert "5 comparisons: numbers alone" in found.err
    asked = read_record(Survey, tmp_path / "out" / SURVEY_FILE)
    assert asked.releases == ("2.97.0", "2.97.1", "2.98.1", "2.99.0")
    assert (asked.numerics, asked.speed, {asked.as_of}) == (True, False, moments)
    asked = dataclasses.replace(asked, as_of="2026-01-02T00:00:00Z")
    write_record(tmp_path / "out" / SURVEY_FILE, asked, replace=True)
    next(tmp_path.glob("out/*/paired.json")).unlink()
    moments.clear()
    (wheelhouse / "tensorflow_cpu-2.98.2-py3-none-any.whl").write_bytes(b"")
    again = tfgate(*words, "--output", tmp_path / "out", "--resume")
    assert again.code == 4, again
    assert read_record(Survey, tmp_path / "out" / SURVEY_FILE) == asked
    assert moments == {asked.as_of}


@pytest.mark.usefixtures("environment_cache")
def test_before_a_nightly_come_all_releases_of_the_first_one_s_package(
    tfgate: Tfgate, tmp_path: Path, wheelhouse: Path, empty_baselines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None can be had, so nothing is measured."""

    def prepared(what: str, as_of: AsOf, **_: object) -> Side:
        raise RequestError(f"{what} is not for sale")

    monkeypatch.setattr("bench.commands.sides.prepare", prepared)
    write_wheel(wheelhouse, "tensorflow-cpu", "2.98.1", "keras", module="tensorflow")
    words = ("survey", "--numerics-only", "--baselines", empty_baselines, "--from", "tensorflow-cpu==2.97.0")
    for nightly, listed in (
        ("tf-nightly", ["2.98.1", "2.99.0"]),
        ("tf-nightly-cpu==2.99.0.dev20261101", ["2.98.1"]),
    ):
        out = tmp_path / nightly
        assert tfgate(*words, "--to", nightly, "--output", out).code == 4
        between = read_record(Survey, out / SURVEY_FILE).releases[1:-1]
        assert between == tuple(f"tensorflow-cpu=={version}" for version in listed)
