"""A folder of baselines and a run on disk, and the command line called in this process."""

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from bench.judge.planning import SoFar
from bench.record.files import write_record
from bench.record.paired import ALL_CORES
from bench.record.types import Machine, Record
from lm.config import LAUNCH_PLANS, Blocks
from tests.builders.cluster import CLUSTER, in_this_process
from tests.builders.commands import FIRST_PASS, MARGINS_TEXT, Answer, Keep, OneHost, Tfgate, noisy_side, snapshot
from tests.builders.records import SUBJECT, baseline, records, run


@pytest.fixture(autouse=True)
def short_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands watch the machine for a moment instead of a second: their tests are not of what they see."""
    monkeypatch.setattr("bench.drive.doctor.SAMPLE_SECONDS", 0.02)


@pytest.fixture(autouse=True)
def quick_starts(forked_workers: None, unforked_programs: None) -> None:
    """Workers that need no TensorFlow are forks of this process; other programs start without one."""


@pytest.fixture(autouse=True)
def quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else works on this machine, which is the one of which fake sessions tell."""
    monkeypatch.setattr("bench.commands.timing.examine", tuple)
    monkeypatch.setattr("bench.commands.resume.this_machine", lambda: Machine("fake", 2, "fake", 1))


@pytest.fixture(autouse=True)
def enough_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workloads have the memory that they need, whatever else runs here."""
    monkeypatch.setattr("bench.commands.model.available_gib", lambda: 64.0)


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Surveys of numbers are measured in this process, whatever machine it is."""
    monkeypatch.setattr("bench.commands.clustered.cores_at_once", lambda: 2)


@pytest.fixture
def short_launches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer launches, of fewer steps and quads: sides that only play at training are known by a few.

    A PASS may come at the first look.
    """
    monkeypatch.setattr("bench.stats.sequential.PASS_LAUNCHES", FIRST_PASS)
    blocks = Blocks(quads=2, steps=8, dropped=2, evaluation_quads=2, evaluation_steps=3)
    one_core = dataclasses.replace(blocks, evaluation_quads=0, evaluation_steps=0)
    for name, plan in LAUNCH_PLANS.items():
        short = dataclasses.replace(plan, steps=20, blocks=blocks, one_core=one_core, upgrade_steps=20)
        monkeypatch.setitem(LAUNCH_PLANS, name, short)


@pytest.fixture
def one_launch(monkeypatch: pytest.MonkeyPatch, short_launches: None) -> None:
    """Launches in turn end with the first, for tests that aren't of what they come to."""
    monkeypatch.setattr(SoFar, "next_kind", lambda so_far: None if so_far.run.pairs else ALL_CORES)


@pytest.fixture
def one_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OneHost:
    """Gives a command a cluster of one host, this process; returns the list of the keys of its calls."""

    def arrange(command: str) -> list[Any]:
        calls: list[Any] = []

        @contextlib.contextmanager
        def opened(address: str, *, timed: bool) -> Iterator[Any]:
            assert (address, timed) == (CLUSTER[1], True)
            yield functools.partial(in_this_process, tmp_path / f"scratch{len(calls)}", calls)

        monkeypatch.setattr(f"bench.commands.{command}.cluster_hosts", opened)
        for module in ("searches", "survey"):
            monkeypatch.setattr(f"bench.commands.{module}.cluster_request", lambda options: options.cluster or "")
        return calls

    return arrange


@pytest.fixture
def slowness(tmp_path: Path) -> dict[str, str]:
    """Interpreters by name: the step takes 20% longer from `d` on."""
    return {name: noisy_side(tmp_path / name, slowness=1.0 if name < "d" else 1.2) for name in "abcdef"}


@pytest.fixture
def tfgate(capsys: pytest.CaptureFixture[str]) -> Tfgate:
    """Calls the command line; an argument may be a path."""

    def call(*arguments: str | Path) -> Answer:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as left:  # argparse's way out
            code = int(str(left.code))
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


@pytest.fixture
def baselines(tmp_path: Path) -> Path:
    """A folder with margins and the baseline of `notebook`."""
    folder = tmp_path / "baselines"
    write_record(folder / f"{SUBJECT.name}.json", baseline())
    (folder / "margins.toml").write_text(MARGINS_TEXT, encoding="utf-8")
    return folder


@pytest.fixture
def unchanged(baselines: Path) -> Iterator[Path]:
    """The folder of baselines, which is afterwards what it was."""
    before = snapshot(baselines)
    yield baselines
    assert snapshot(baselines) == before


@pytest.fixture
def empty_baselines(tmp_path: Path) -> Path:
    """A folder with margins alone."""
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "margins.toml").write_text(MARGINS_TEXT, encoding="utf-8")
    return folder


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """Writes a run of records into a folder, and returns the folder."""

    def write(
        name: str,
        of: Sequence[Record] | None = None,
        created: str = "2026-01-05T00:00:00+00:00",
        warnings: Sequence[str] = (),
        incomplete: str = "",
    ) -> Path:
        folder = tmp_path / name
        made = run(records() if of is None else of, created, warnings, incomplete)
        write_record(folder / "run.json", made)
        return folder

    return write
