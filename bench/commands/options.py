"""From a command line's options to what is measured, and where it is kept."""

import argparse
import dataclasses
import datetime
import re
from collections.abc import Sequence
from pathlib import Path

from bench.commands.errors import UsageError
from bench.drive.pair import Blocks, PairPlan
from bench.drive.plan import Plan
from bench.drive.run import RUN_FILE
from bench.drive.upgrade import PAIRED_FILE
from bench.judge.gate import Standards
from bench.judge.margins import read_margins
from bench.record.codec import FormatError, parse
from bench.record.files import read_record
from bench.record.gate import GateRun
from bench.record.ledger import Ledger
from bench.record.micro import MICRO_FILE
from bench.record.paired import PairedRun
from bench.record.profile import Profile, flaw
from bench.record.types import SCHEMA, Baseline, Run
from lm.config import LAUNCH_PLANS, config_by_name, require_implementation
from lm.data.load import load_corpus

PACKAGE = Path(__file__).resolve().parents[1]
BASELINES = (
    PACKAGE / "baselines",
    PACKAGE.parent / "baselines",
)  # those that an installation carries, else the checkout's
GATE_FILE, LEDGER_FILE = "gate.json", "ledger.json"
Report = Run | PairedRun | GateRun  # what `report` and `check` take, besides micro's
GATE_CONFIGS = tuple(name for name, launch in LAUNCH_PLANS.items() if launch.gated)
LAUNCHES = 4
DEVICE = re.compile(r"(cpu|gpu):\d{1,2}")  # as in bench/micro/selection.py, which the measured environments import
FILE_NAME = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
)  # a subject's name comes from a run's file: it must not lead out of a folder
JITTERS = range(2**31)  # what a NumPy stream takes, with room for a run's launches


def plans(options: argparse.Namespace, names: Sequence[str] | None = None) -> list[Plan]:
    """What each configuration's launches do. Raises ConfigError, CorpusError and UsageError before any process is started."""
    require_implementation(options.implementation)
    require_device_name(options.device)
    if options.threads < 0:
        raise UsageError(f"--threads is {options.threads}; it must be at least 1, or 0 for as many as cores")
    made = []
    for name in dict.fromkeys(names or options.config or GATE_CONFIGS):  # one named twice is measured once
        config = config_by_name(name)
        load_corpus(options.corpus, config, Path(options.corpus_path) if options.corpus_path else None)
        made.append(
            Plan(
                name,
                LAUNCH_PLANS[name].steps,
                options.corpus,
                options.corpus_path,
                options.implementation,
                options.device,
                options.threads,
                speed=not getattr(options, "no_speed", False),
            )
        )
    return made


def paired(plan: Plan) -> PairPlan:
    """Returns the plan for launches of two sides in turn, in the configuration's blocks."""
    return PairPlan.of(plan, Blocks(**dataclasses.asdict(LAUNCH_PLANS[plan.config].blocks)))


def require_device_name(name: str) -> None:
    """Raises UsageError for a --device that can't be one's name."""
    if not DEVICE.fullmatch(name):
        raise UsageError(f"--device is {name!r}; it must be a name such as cpu:0 or gpu:0")


def variables(options: argparse.Namespace, field: str = "env") -> dict[str, str]:
    """The --env options (or those kept in another field) as a mapping. Raises UsageError for one without a name or without =."""
    items = getattr(options, field)
    shown = field.replace("_", "-")
    wrong = next((item for item in items if not item.partition("=")[0] or "=" not in item), None)
    if wrong is not None:
        raise UsageError(f"--{shown} {wrong!r} is not NAME=VALUE")
    return dict(item.split("=", 1) for item in items)


def output_folder(options: argparse.Namespace, name: str) -> Path:
    """The --output folder, or one under reports/ named by the time."""
    if options.output:
        return Path(options.output)
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    return Path("reports") / f"{stamp}-{name}"


def launch_count(options: argparse.Namespace, default: int = LAUNCHES) -> int:
    """The --launches option. Raises UsageError for less than one."""
    launches = default if options.launches is None else int(options.launches)
    if launches < 1:
        raise UsageError(f"--launches is {launches}; it must be at least 1")
    return launches


def first_jitter(options: argparse.Namespace) -> int:
    """The --jitter option. Raises UsageError for one that no stream can be made of."""
    jitter = int(options.jitter)
    if jitter not in JITTERS:
        raise UsageError(f"--jitter is {jitter}; it must be at least 0 and below {JITTERS.stop}")
    return jitter


def read_profile(path: Path) -> Profile:
    """A profile that can be read. Raises FormatError, OSError."""
    found = read_record(Profile, path)
    if problem := flaw(found.trace):
        raise FormatError(f"{path} has a trace that can't be read: {problem}; profile again")
    return found


def read_report(name: str) -> Report:
    """A gate, a paired run or a run, from its folder or file. Raises UsageError for anything else of ours, FormatError, OSError."""
    stored = read_stored(name)
    if isinstance(stored, (Baseline, Ledger)):
        kind = "baseline" if isinstance(stored, Baseline) else "ledger"
        raise UsageError(f"{name} is a {kind}: name the report of a gate, an upgrade or a run")
    return stored


def read_stored(name: str) -> Report | Baseline | Ledger:
    """What a folder or a file holds, by the fields that are in it. Raises UsageError for a micro report, FormatError, OSError."""
    path = _file(Path(name))
    try:
        plain = parse(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, FormatError) as error:
        raise FormatError(f"{path} is damaged or was not written by tfgate: {error}") from error
    fields = set(plain) if isinstance(plain, dict) else set()
    kinds = {"numbers": GateRun, "pairs": PairedRun, "replicas": Baseline, "entries": Ledger}
    if path.name == MICRO_FILE:
        raise UsageError(f"{name} is a report of micro: `tfgate check` judges it")
    return read_record(next((kind for field, kind in kinds.items() if field in fields), Run), path)


def is_micro(name: str) -> bool:
    """Whether a folder or a file is a report of `tfgate micro`."""
    return _file(Path(name)).name == MICRO_FILE


def _file(path: Path) -> Path:
    """A folder's report, or the file itself."""
    if not path.is_dir():
        return path
    found = (path / name for name in (GATE_FILE, PAIRED_FILE, MICRO_FILE) if (path / name).exists())
    return next(found, path / RUN_FILE)


def baselines_folder(options: argparse.Namespace) -> Path:
    """The --baselines folder, else the installed one, else the checkout's. Raises UsageError if it isn't there."""
    folders = (Path(options.baselines),) if options.baselines else BASELINES
    found = next((folder for folder in folders if folder.is_dir()), None)
    if found is None:
        raise UsageError(f"{folders[-1]}: there is no such folder; name the one with the baselines by --baselines")
    return found


def baselines_to_change(options: argparse.Namespace) -> Path:
    """The same, to be written to. Raises UsageError for those of an installation, which nobody can review."""
    folder = baselines_folder(options)
    if not options.baselines and folder == BASELINES[0]:
        raise UsageError(f"{folder} belongs to the installation: name the folder with your baselines by --baselines")
    return folder


def baseline_path(folder: Path, name: str) -> Path:
    """Where the baseline of a subject is kept. Raises UsageError for a name that is no file's."""
    if not FILE_NAME.fullmatch(name):
        raise UsageError(f"{name!r} can't name a baseline's file: the run was not written by tfgate")
    return folder / f"{name}.json"


def read_baselines(folder: Path) -> dict[str, Baseline]:
    """All baselines of a folder by subject name. Raises FormatError, also for one in a file of another name."""
    found = {path: read_record(Baseline, path) for path in sorted(folder.glob("*.json")) if path.name != LEDGER_FILE}
    for path, baseline in found.items():
        if path.stem != baseline.subject.name:
            raise FormatError(
                f"{path} holds the baseline of {baseline.subject.name}: name it {baseline.subject.name}.json"
            )
    return {baseline.subject.name: baseline for baseline in found.values()}


def read_folder(folder: Path) -> Standards:
    """Everything of a folder that reports are judged by. Raises FormatError, MarginsError, OSError."""
    return Standards(read_baselines(folder), read_margins(folder / "margins.toml"), read_ledger(folder))


def read_ledger(folder: Path) -> Ledger:
    """The ledger of a folder of baselines; an empty one where there is none. Raises FormatError, OSError."""
    path = folder / LEDGER_FILE
    return read_record(Ledger, path) if path.exists() else Ledger(SCHEMA, ())
