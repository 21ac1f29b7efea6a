"""`tfgate history`: what it gathers, what it leaves out, its exit codes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench.commands import history
from bench.record.files import write_record
from tests.bench.commands.conftest import Tfgate, snapshot
from tests.bench.paired_samples import pair, paired_run
from tests.bench.report.samples import HOSTILE
from tests.bench.samples import SUBJECT, baseline, record, session

Keep = Callable[..., Path]


def keep_releases(keep: Keep, slowdowns: Sequence[float], tensorflow: str = "2.{}.0") -> None:
    """A run for each, a day apart, in folders of folders; every step is a little off, so that there is noise."""
    for number, slowdown in enumerate(slowdowns):
        seconds = 0.1 * slowdown * (1 + 0.001 * (-1) ** number)
        of = [record(5.0, seconds, launch=launch, tensorflow=tensorflow.format(number)) for launch in range(2)]
        keep(f"runs/year/release-{number}", of, f"2026-01-{number + 1:02}T00:00:00+00:00")


def test_ten_releases_of_one_percent(tfgate: Tfgate, keep: Keep, tmp_path: Path) -> None:
    keep_releases(keep, [1.01**number for number in range(11)])
    page = tmp_path / "history.html"
    found = tfgate("history", tmp_path / "runs", "--output", page)
    assert (found.code, found.err) == (1, "")
    first = tmp_path / "runs" / "year" / "release-6"
    said = f"certainly more than +5.0%, ever since {first} (TensorFlow 2.6.0, 2026-01-07T00:00:00+00:00)"
    assert f"step time of {SUBJECT.name} on " in found.out
    assert said in found.out
    assert said in page.read_text(encoding="utf-8")
    assert "✖" in page.read_text(encoding="utf-8")


def test_a_history_that_stands_still(tfgate: Tfgate, keep: Keep, tmp_path: Path) -> None:
    keep_releases(keep, [1.0] * 8)
    found = tfgate("history", tmp_path / "runs")
    assert (found.code, found.out) == (0, "8 runs, 5 series, 0 worse than their anchors\n")


def test_noise_that_may_hide_a_drift_is_no_pass(tfgate: Tfgate, keep: Keep, tmp_path: Path) -> None:
    keep_releases(keep, [1.0, 1.04, 1.01, 1.05, 0.99, 1.04, 1.0, 1.05])
    found = tfgate("history", tmp_path / "runs")
    assert found.code == 3
    assert "step time of" in found.out
    assert "+5.0% can't be excluded" in found.out


def test_many_runs_are_read_by_several_processes_to_the_same_end(
    tfgate: Tfgate, keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_releases(keep, [1.0] * 6 + [1.08] * 5)
    (tmp_path / "runs" / "damaged").mkdir()
    (tmp_path / "runs" / "damaged" / "run.json").write_text("{")
    write_record(tmp_path / "runs" / "upgrade" / "paired.json", paired_run([pair()]))
    alone = tfgate("history", tmp_path / "runs")
    assert alone.out.count("left out: ") == 2
    assert alone.code == 1
    monkeypatch.setattr(history, "MANY", 2)
    assert tfgate("history", tmp_path / "runs") == alone


def test_a_fault_of_one_process_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MANY", 2)
    with pytest.raises(ZeroDivisionError):
        history._on_every_core(divided, [1, 2, 0, 4])


def divided(number: int) -> float:
    return 1 / number


def test_a_paired_run_is_no_anchor(tfgate: Tfgate, keep: Keep, tmp_path: Path) -> None:
    keep_releases(keep, [1.0] * 8)
    write_record(tmp_path / "upgrade" / "paired.json", paired_run([pair()]))
    found = tfgate("history", tmp_path / "runs", "--anchor", tmp_path / "upgrade")
    assert (found.code, "is a paired run" in found.error) == (2, True)


def test_too_few_runs_cannot_be_judged(tfgate: Tfgate, keep: Keep, tmp_path: Path) -> None:
    keep_releases(keep, [1.0] * 3)
    found = tfgate("history", tmp_path / "runs")
    assert found.code == 3
    assert "not judged: 3 runs can't tell how runs differ" in found.out


def test_an_anchor_from_elsewhere(tfgate: Tfgate, keep: Keep, tmp_path: Path) -> None:
    keep_releases(keep, [1.0] * 8)
    anchor = keep("anchor", [record(5.0, 0.09)])
    found = tfgate("history", tmp_path / "runs", "--anchor", anchor)
    assert found.code == 1
    assert "since the anchor, certainly more than +5.0%" in found.out


@pytest.mark.parametrize(("seconds", "code"), [(0.09, 1), (0.1, 0)])
def test_an_anchor_that_is_a_baseline(tfgate: Tfgate, keep: Keep, tmp_path: Path, seconds: float, code: int) -> None:
    keep_releases(keep, [1.0] * 8)
    anchor = tmp_path / "baseline.json"
    write_record(anchor, baseline(sessions=[session([seconds] * 4)]))
    found = tfgate("history", tmp_path / "runs", "--anchor", anchor)
    assert found.code == code
    assert ("step time of" in found.out) == bool(code)
    assert "perplexity" not in found.out  # the baseline's replicas and the runs have the same


def test_a_damaged_anchor_is_named(tfgate: Tfgate, keep: Keep, tmp_path: Path) -> None:
    keep_releases(keep, [1.0] * 8)
    anchor = tmp_path / "anchor.json"
    anchor.write_text("{", encoding="utf-8")
    found = tfgate("history", tmp_path / "runs", "--anchor", anchor)
    assert (found.code, found.out) == (2, "")
    assert found.error.startswith(f"{anchor} is damaged")


def test_what_is_no_run_is_left_out_by_name(tfgate: Tfgate, keep: Keep, tmp_path: Path) -> None:
    keep_releases(keep, [1.0] * 8)
    (tmp_path / "runs" / "damaged").mkdir()
    (tmp_path / "runs" / "damaged" / "run.json").write_text("{", encoding="utf-8")
    found = tfgate("history", tmp_path / "runs", tmp_path / "runs" / "year")  # each run counts once
    assert found.code == 0
    assert found.out.startswith("8 runs, 5 series")
    assert f"warning: left out: {tmp_path / 'runs' / 'damaged' / 'run.json'} is damaged" in found.out


def test_a_paired_run_is_left_out_by_name(tfgate: Tfgate, keep: Keep, tmp_path: Path) -> None:
    keep_releases(keep, [1.0] * 8)
    path = tmp_path / "runs" / "upgrade" / "paired.json"
    path.parent.mkdir()
    path.write_text("{}", encoding="utf-8")
    found = tfgate("history", tmp_path / "runs")
    assert (found.code, found.out.splitlines()[0]) == (0, "8 runs, 5 series, 0 worse than their anchors")
    assert f"warning: left out: {path}: a paired run" in found.out


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_runs_are_no_history(tfgate: Tfgate, keep: Keep, tmp_path: Path, count: int) -> None:
    (tmp_path / "runs").mkdir()
    keep_releases(keep, [1.0] * count)
    found = tfgate("history", tmp_path / "runs")
    assert (found.code, found.error) == (2, f"{count} of the {count} runs in {tmp_path / 'runs'} can be used: 2 make a history")


def test_a_folder_that_is_not_there(tfgate: Tfgate, tmp_path: Path) -> None:
    found = tfgate("history", tmp_path / "nowhere")
    assert (found.code, found.error) == (2, f"{tmp_path / 'nowhere'}: there is no such folder; name one that holds runs")


def test_hostile_names_change_nothing_but_the_text_shown(tfgate: Tfgate, keep: Keep, tmp_path: Path) -> None:
    keep_releases(keep, [1.0] * 4 + [1.2] * 4, HOSTILE.replace("{", "(").replace("}", ")"))
    page = tmp_path / "history.html"
    before = set(snapshot(tmp_path))
    found = tfgate("history", tmp_path / "runs", "--output", page)
    assert found.code == 1
    assert "\x1b" not in found.out + page.read_text(encoding="utf-8")
    assert "\u202e" not in found.out + page.read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8").count("<script") == 1
    assert set(snapshot(tmp_path)) - before == {"history.html"}
