"""`tfgate record`: makes, adds and replaces, and writes nothing when it refuses."""

import dataclasses
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.commands import options
from bench.record.files import read_record, write_record
from bench.record.types import Baseline, Failure
from tests.bench.commands.conftest import Tfgate, snapshot
from tests.bench.paired_samples import pair, paired_run
from tests.bench.samples import LOG_PERPLEXITIES, SPEEDS, SUBJECT, TINY, record, records

ROOT = Path(__file__).resolve().parents[3]
Keep = Callable[..., Path]
FILE = f"{SUBJECT.name}.json"
DAYS = [f"2026-02-0{day}T00:00:00+00:00" for day in (1, 2, 3)]


def sibling(keep: Keep, day: int) -> Path:
    """A run of another day: other jitter, a percent slower or faster."""
    return keep(f"run{day}", records([value + day * 1e-4 for value in LOG_PERPLEXITIES], [0.1 + day / 1000] * 4), DAYS[day])


def test_run_record_check_passes_on_a_sibling(tfgate: Tfgate, keep: Keep, empty_baselines: Path) -> None:
    one, two, three = (sibling(keep, day) for day in range(3))
    made = tfgate("record", one, two, "--baselines", empty_baselines)
    assert made.code == 0
    assert made.out == f"{SUBJECT.name}: new; 8 replicas, 2 sessions, perplexity 148.49\n"
    assert made.err == f"written to {empty_baselines}: review the difference and commit it\n"
    checked = tfgate("check", three, "--baselines", empty_baselines, "--strict")
    assert checked.code == 0, checked.out
    kept = read_record(Baseline, empty_baselines / FILE)
    assert (kept.reason, kept.command[:2]) == ("first baseline", ("tfgate", "record"))


def test_what_the_run_warns_of_is_said_before_it_becomes_a_baseline(tfgate: Tfgate, keep: Keep, empty_baselines: Path) -> None:
    line = "notebook launch 2: other processes had 31% of the machine's CPU: its speed is disturbed"
    launches = [dataclasses.replace(one, others_cpu=0.31 if one.launch == 1 else 0.01) for one in records()]
    disturbed = keep("run", launches, DAYS[0], warnings=[line])
    said = tfgate("record", disturbed, "--baselines", empty_baselines).err.splitlines()
    assert said[:2] == [f"warning: {line}", "warning: disturbed launches, which are in no session: 1"]
    (kept,) = read_record(Baseline, empty_baselines / FILE).sessions
    assert [launch.step_seconds for launch in kept.launches] == pytest.approx([SPEEDS[0], SPEEDS[2], SPEEDS[3]])
    assert len(read_record(Baseline, empty_baselines / FILE).replicas) == 4


def test_a_run_that_was_disturbed_throughout_is_no_session(tfgate: Tfgate, keep: Keep, empty_baselines: Path) -> None:
    disturbed = keep("run", [dataclasses.replace(one, others_cpu=0.5) for one in records()], DAYS[0])
    assert "in no session: 4" in tfgate("record", disturbed, "--baselines", empty_baselines).err
    assert read_record(Baseline, empty_baselines / FILE).sessions == ()


def test_what_is_no_run_of_one_environment_makes_no_baseline(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    write_record(tmp_path / "paired" / "paired.json", paired_run([pair()]))
    before = snapshot(baselines)
    found = tfgate("record", tmp_path / "paired", "--baselines", baselines)
    assert (found.code, found.error) == (
        2,
        f"{tmp_path / 'paired'} is a paired run, which holds two environments: `tfgate check {tmp_path / 'paired'}` judges it",
    )
    found = tfgate("record", baselines / FILE, "--baselines", baselines)
    assert (found.code, found.error) == (2, f"{baselines / FILE} is a baseline: name a run, which `tfgate run` makes")
    assert snapshot(baselines) == before


def test_an_installations_baselines_are_read_and_not_changed(
    tfgate: Tfgate, keep: Keep, tmp_path: Path, baselines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "BASELINES", (baselines, tmp_path / "no-checkout"))
    before = snapshot(baselines)
    assert tfgate("check", keep("run")).code == 0
    found = tfgate("record", sibling(keep, 1), "--add")
    assert (found.code, found.error) == (2, f"{baselines} belongs to the installation: name the folder with your baselines by --baselines")
    assert snapshot(baselines) == before


def test_an_installation_carries_the_baselines() -> None:
    """Where options.BASELINES looks for them first."""
    built = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert built["force-include"] == {"baselines": options.BASELINES[0].relative_to(ROOT).as_posix()}
    assert options.BASELINES[1] == ROOT / "baselines"


def test_an_existing_baseline_is_left_alone(tfgate: Tfgate, keep: Keep, baselines: Path) -> None:
    before = snapshot(baselines)
    found = tfgate("record", keep("run"), "--baselines", baselines)
    assert found.code == 2
    assert found.error == f"{SUBJECT.name} has a baseline already: --add adds a session to it, --replace --reason TEXT replaces it"
    assert snapshot(baselines) == before


def test_nothing_is_written_where_one_of_two_is_refused(tfgate: Tfgate, keep: Keep, baselines: Path) -> None:
    before = snapshot(baselines)
    assert tfgate("record", keep("run", [*records(subject=TINY), *records()]), "--baselines", baselines).code == 2
    assert snapshot(baselines) == before


def test_add_keeps_what_was(tfgate: Tfgate, keep: Keep, baselines: Path) -> None:
    old = read_record(Baseline, baselines / FILE)
    found = tfgate("record", "--add", sibling(keep, 1), "--baselines", baselines, "--reason", "a quiet night")
    assert found.code == 0
    new = read_record(Baseline, baselines / FILE)
    assert (len(new.replicas), len(new.sessions)) == (len(old.replicas) + 4, len(old.sessions) + 1)
    assert new.replicas[: len(old.replicas)] == old.replicas
    assert new.reason == "first baseline; a quiet night"


def test_the_same_run_is_added_once(tfgate: Tfgate, keep: Keep, baselines: Path) -> None:
    folder = sibling(keep, 1)
    assert tfgate("record", "--add", folder, "--baselines", baselines).code == 0
    before = snapshot(baselines)
    again = tfgate("record", "--add", folder, "--baselines", baselines)
    assert again.code == 2
    assert again.error == f"{SUBJECT.name}: the session of {DAYS[1]} is in the baseline already"
    assert snapshot(baselines) == before


def test_add_makes_a_baseline_where_there_is_none(tfgate: Tfgate, keep: Keep, empty_baselines: Path) -> None:
    assert tfgate("record", "--add", keep("run"), "--baselines", empty_baselines).code == 0
    assert (empty_baselines / FILE).exists()


def test_replace_needs_a_reason(tfgate: Tfgate, keep: Keep, baselines: Path) -> None:
    before, folder = snapshot(baselines), keep("run")
    refused = tfgate("record", "--replace", folder, "--baselines", baselines)
    assert (refused.code, refused.error.partition(":")[0]) == (2, "--replace needs --reason TEXT")
    assert snapshot(baselines) == before
    replaced = tfgate("record", "--replace", "--reason", "TensorFlow 2.22", folder, "--baselines", baselines)
    assert replaced.code == 0
    assert replaced.out == (
        f"{SUBJECT.name}: 10 replicas, 3 sessions, perplexity 148.44 → 4 replicas, 1 session, perplexity 148.49 (+0.04%)\n"
    )
    assert read_record(Baseline, baselines / FILE).reason == "TensorFlow 2.22"


def test_replace_and_add_exclude_each_other(tfgate: Tfgate, keep: Keep, baselines: Path) -> None:
    found = tfgate("record", "--replace", "--add", keep("run"), "--baselines", baselines)
    assert found.code == 2
    assert "not allowed with argument" in found.err


@pytest.mark.parametrize(
    ("launches", "warnings", "said"),
    [
        ([record(failure=Failure("crashed", "killed"))], (), "a baseline needs whole runs"),
        (records(), ("incomplete: interrupted",), "a baseline needs whole runs"),
        ((), (), "hold no launch"),
        (records(subject=type(SUBJECT)(**{**vars(SUBJECT), "config": "../../outside"})), (), "can't name a baseline's file"),
    ],
    ids=["failed", "incomplete", "empty", "a name that leads elsewhere"],
)
def test_runs_that_make_no_baseline(
    tfgate: Tfgate, keep: Keep, tmp_path: Path, empty_baselines: Path, launches: list[object], warnings: tuple[str, ...], said: str
) -> None:
    folder = keep("run", launches, warnings=warnings)
    before = snapshot(tmp_path)
    found = tfgate("record", folder, "--baselines", empty_baselines)
    assert found.code == 2
    assert said in found.error
    assert snapshot(tmp_path) == before


def test_a_run_that_is_not_there(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    assert tfgate("record", tmp_path / "nowhere", "--baselines", baselines).error.endswith("nowhere: No such file or directory")
