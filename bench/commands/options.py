"""From a command line's options to what is measured, and where it is kept."""

import argparse
import datetime
from pathlib import Path

from bench.commands.errors import UsageError
from bench.drive.launch import Plan
from bench.drive.run import RUN_FILE
from bench.record.files import read_record
from bench.record.types import Baseline, Run
from lm.config import GATE_STEPS, config_by_name, require_implementation
from lm.corpus import load_corpus

ROOT = Path(__file__).resolve().parents[2]
GATE_CONFIGS = ("tiny", "notebook", "small")
LAUNCHES = 4


def plans(options: argparse.Namespace, names: list[str] | None = None) -> list[Plan]:
    """What each configuration's launches do. Raises ConfigError and CorpusError before any process is started."""
    require_implementation(options.implementation)
    made = []
    for name in names or options.config or GATE_CONFIGS:
        config = config_by_name(name)
        load_corpus(options.corpus, config, Path(options.corpus_path) if options.corpus_path else None)
        made.append(
            Plan(
                name,
                GATE_STEPS[name],
                options.corpus,
                options.corpus_path,
                options.implementation,
                options.device,
                options.threads,
                speed=not getattr(options, "no_speed", False),
            )
        )
    return made


def variables(options: argparse.Namespace) -> dict[str, str]:
    """The --env options as a mapping. Raises UsageError for one without =."""
    wrong = next((item for item in options.env if "=" not in item), None)
    if wrong is not None:
        raise UsageError(f"--env {wrong!r} is not NAME=VALUE")
    return dict(item.split("=", 1) for item in options.env)


def output_folder(options: argparse.Namespace, name: str) -> Path:
    """The --output folder, or one under reports/ named by the time."""
    if options.output:
        return Path(options.output)
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    return Path("reports") / f"{stamp}-{name}"


def launch_count(options: argparse.Namespace) -> int:
    """The --launches option. Raises UsageError for less than one."""
    launches = LAUNCHES if options.launches is None else int(options.launches)
    if launches < 1:
        raise UsageError(f"--launches is {launches}; it must be at least 1")
    return launches


def read_run(name: str) -> Run:
    """A run from its folder or file. Raises FormatError, OSError."""
    path = Path(name)
    return read_record(Run, path / RUN_FILE if path.is_dir() else path)


def baselines_folder(options: argparse.Namespace) -> Path:
    """The --baselines folder, or the checkout's. Raises UsageError if it isn't there."""
    folder = Path(options.baselines) if options.baselines else ROOT / "baselines"
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; name the one with the baselines by --baselines")
    return folder


def baseline_path(folder: Path, name: str) -> Path:
    """Where the baseline of a subject is kept."""
    return folder / f"{name}.json"


def read_baselines(folder: Path) -> dict[str, Baseline]:
    """All baselines of a folder by subject name. Raises FormatError."""
    found = [read_record(Baseline, path) for path in sorted(folder.glob("*.json"))]
    return {baseline.subject.name: baseline for baseline in found}
