"""`tfgate check`: verdicts, exit codes, and every input that can't be judged."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.judge.types import Scope
from bench.record.files import write_record
from bench.record.ledger import Ledger
from bench.record.types import SCHEMA, Failure, Machine
from bench.stats.outcome import Outcome
from tests.builders.commands import INCONCLUSIVE, NOT_GATED, PASS, REGRESSION, Keep, Tfgate, gate_run, in_turn
from tests.builders.paired import pair, paired_run
from tests.builders.records import MACHINE, OTHER_MACHINE, SUBJECT, record, records


@pytest.mark.parametrize(
    ("launches", "code"),
    [
        (records(), 0),
        (records([5.1] * 4), 1),
        (records([5.008] * 4), 3),
        ([*records()[:3], record(launch=3, failure=Failure("crashed", "killed"))], 4),
    ],
)
def test_each_outcome_has_its_exit_code(
    tfgate: Tfgate, keep: Keep, baselines: Path, launches: list[object], code: int
) -> None:
    found = tfgate("check", keep("run", launches), "--baselines", baselines)
    assert (found.code, found.err) == (code, "")
    assert "\x1b" not in found.out  # no colour where there is no terminal


def test_a_run_can_be_named_by_its_file(tfgate: Tfgate, keep: Keep, baselines: Path) -> None:
    assert tfgate("check", keep("run") / "run.json", "--baselines", baselines).code == 0


def test_json_can_be_read(tfgate: Tfgate, keep: Keep, baselines: Path) -> None:
    found = tfgate("check", keep("run"), "--baselines", baselines, "--json")
    assert (found.outcome, found.plain["scope"]) == (PASS, Scope.NUMBERS.value)


@pytest.mark.parametrize("machine", [MACHINE, OTHER_MACHINE])
@pytest.mark.parametrize("seconds", [0.05, 0.1, 0.2])
def test_a_run_s_stored_speed_is_context(
    tfgate: Tfgate, keep: Keep, baselines: Path, machine: Machine, seconds: float
) -> None:
    """No stored time travels, so none decides: above, in and below the range of 2,885 to 3,061 words/s, or without."""
    folder = keep("run", records(speeds=[seconds] * 4, machine=machine))
    found = tfgate("check", folder, "--baselines", baselines, "--json")
    assert (found.code, found.outcomes["words/s"]) == (0, NOT_GATED)


@pytest.mark.parametrize(("step", "outcome"), [(0.0, PASS), (0.2, REGRESSION)])
def test_a_gate_is_judged_again(tfgate: Tfgate, tmp_path: Path, baselines: Path, step: float, outcome: Outcome) -> None:
    write_record(tmp_path / "gate.json", gate_run(in_turn(step=step)))
    found = tfgate("check", tmp_path, "--baselines", baselines, "--json")
    assert (found.outcome, found.outcomes["perplexity"], found.outcomes["step time"]) == (outcome, PASS, outcome)


@pytest.mark.parametrize("report", ["ledger.json", f"{SUBJECT.name}.json"])
def test_a_file_of_baselines_is_no_report(tfgate: Tfgate, baselines: Path, report: str) -> None:
    write_record(baselines / "ledger.json", Ledger(SCHEMA, ()))
    found = tfgate("check", baselines / report, "--baselines", baselines)
    assert found.code == 2
    assert report in found.error


def test_without_a_baseline_nothing_can_be_judged(tfgate: Tfgate, keep: Keep, empty_baselines: Path) -> None:
    found = tfgate("check", keep("run"), "--baselines", empty_baselines)
    assert found.code == 3


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text[: len(text) // 2], "run.json is damaged or was not written by tfgate: "),
        (lambda text: text.replace('"schema": 5', '"schema": 2'), "its schema version is 2 and this tfgate reads 5"),
    ],
    ids=["truncated", "schema"],
)
def test_a_damaged_run_is_refused_in_a_line(
    tfgate: Tfgate, keep: Keep, baselines: Path, spoil: Callable[[str], str], said: str
) -> None:
    folder = keep("run")
    text = (folder / "run.json").read_text(encoding="utf-8")
    assert spoil(text) != text
    write(folder, "run.json", spoil(text))
    found = tfgate("check", folder, "--baselines", baselines)
    assert found.code == 2
    assert said in found.error


def test_a_record_that_lost_losses_is_refused(tfgate: Tfgate, keep: Keep, baselines: Path) -> None:
    folder = keep("run", [type(one)(**{**vars(one), "losses": one.losses[:4]}) for one in records()])
    found = tfgate("check", folder, "--baselines", baselines)
    assert (found.code, found.error) == (
        2,
        f"{folder} can't be judged, and may be damaged: {SUBJECT.name}: 4 losses in a training of 10 steps: "
        "measure or record it again",
    )


def test_a_folder_without_a_run(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    assert tfgate("check", tmp_path, "--baselines", baselines).error.startswith(f"{tmp_path} holds no report")


def test_a_damaged_baseline_is_named(tfgate: Tfgate, keep: Keep, baselines: Path) -> None:
    path = baselines / f"{SUBJECT.name}.json"
    write(baselines, path.name, path.read_text(encoding="utf-8")[:500])
    found = tfgate("check", keep("run"), "--baselines", baselines)
    assert found.code == 2
    assert found.error.startswith(f"{path} is damaged")


def test_a_baseline_in_a_file_of_another_name_is_refused(tfgate: Tfgate, keep: Keep, baselines: Path) -> None:
    (baselines / f"{SUBJECT.name}.json").rename(baselines / "copy.json")
    found = tfgate("check", keep("run"), "--baselines", baselines)
    assert found.error == f"{baselines / 'copy.json'} holds the baseline of {SUBJECT.name}: name it {SUBJECT.name}.json"


@pytest.mark.parametrize(
    ("text", "said"),
    [("speed = 2\n", "entry 'between_hosts' is missing"), ("speed = ", "is not TOML"), (None, "No such file")],
)
def test_wrong_margins_are_named(tfgate: Tfgate, keep: Keep, baselines: Path, text: str | None, said: str) -> None:
    (baselines / "margins.toml").unlink()
    if text is not None:
        write(baselines, "margins.toml", text)
    found = tfgate("check", keep("run"), "--baselines", baselines)
    assert found.code == 2
    assert said in found.error


def test_the_summary_is_appended(
    tfgate: Tfgate, keep: Keep, baselines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("an earlier step's\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    found = tfgate("check", keep("run", records([5.1] * 4)), "--summary", "--baselines", baselines)
    assert found.code == 1
    assert summary.read_text(encoding="utf-8").startswith("an earlier step's\n### ")


def test_without_a_summary_s_file_it_says_so(
    tfgate: Tfgate, keep: Keep, baselines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    found = tfgate("check", keep("run"), "--summary", "--baselines", baselines)
    assert found.code == 0
    assert "GITHUB_STEP_SUMMARY" in found.err


@pytest.mark.parametrize(
    ("path", "why"), [("none/summary.md", "No such file or directory"), ("/dev/full", "No space left on device")]
)
def test_a_summary_that_cannot_be_written_does_not_hide_the_verdict(
    tfgate: Tfgate, keep: Keep, baselines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, why: str
) -> None:
    summary = tmp_path / path
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    found = tfgate("check", keep("run", records([5.1] * 4)), "--summary", "--baselines", baselines)
    assert found.code == 1
    assert REGRESSION.value in found.out
    assert found.err == f"no summary is written: {summary}: {why}\n"


@pytest.mark.parametrize("growth", [1e200, 1e308])
def test_a_forged_report_whose_spread_no_float_holds_proves_nothing(
    tfgate: Tfgate, tmp_path: Path, baselines: Path, growth: float
) -> None:
    forged = paired_run([pair(launch, growth=(-1) ** launch * growth) for launch in range(10)])
    write_record(tmp_path / "paired.json", forged)
    found = tfgate("check", tmp_path, "--baselines", baselines, "--json")
    assert (found.outcome, found.outcomes["memory growth"]) == (INCONCLUSIVE, INCONCLUSIVE)


def test_a_quad_that_lost_times_is_refused_whatever_reads_it(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    whole = in_turn(launches=2)
    first, *others = whole.pairs
    for changes in ({"cpu_seconds": (0.1,)}, {"seconds": (0.1,) * 3}, {"seconds": (0.1, 0.1, 0.1, 0.0)}):
        quad = dataclasses.replace(first.steps[0], **changes)
        damaged = dataclasses.replace(whole, pairs=(dataclasses.replace(first, steps=(quad,)), *others))
        path = tmp_path / f"{len(str(changes))}" / "paired.json"
        write_record(path, damaged)
        for command in (["show", path.parent], ["check", path.parent, "--baselines", baselines]):
            found = tfgate(*command)
            assert (found.code, found.error.startswith(f"{path} can't be judged")) == (2, True), found


@pytest.mark.parametrize("command", ["check", "report", "show"])
def test_a_folder_of_several_reports_names_them(tfgate: Tfgate, tmp_path: Path, command: str) -> None:
    """As an upgrade of two workloads leaves it."""
    reports = [tmp_path / "out" / name for name in ("mine-own", "save-tiny")]
    for folder in reports:
        write_record(folder / "paired.json", paired_run([pair(0)]))
    found = tfgate(command, tmp_path / "out")
    assert found.code == 2
    assert found.error == f"{tmp_path / 'out'} holds no report itself: name {reports[0]} or {reports[1]}"
