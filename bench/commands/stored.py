"""Reads what is stored: reports of every kind, profiles, and a folder of baselines with its margins and ledger."""

import contextlib
import datetime
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TypeVar

from bench.commands.usage import UsageError
from bench.drive.paired import PAIRED_FILE
from bench.drive.profile import PROFILE_FILE
from bench.drive.run import RUN_FILE
from bench.judge.baselines import BaselineError
from bench.judge.gate import Standards
from bench.judge.ledger import NO_LEDGER
from bench.judge.margins import read_margins
from bench.judge.reports import Report, paired_runs
from bench.record.codec import FormatError
from bench.record.files import read_by_fields, read_record
from bench.record.gate import GateRun
from bench.record.ledger import Ledger
from bench.record.micro import MICRO_FILE, Micro, read_micro
from bench.record.paired import PairedRun
from bench.record.profile import Profile, flaw
from bench.record.survey import SURVEY_FILE, Survey
from bench.record.types import Baseline, Run
from bench.report.judged import AnyReport, AnyRun

PACKAGE = Path(__file__).resolve().parents[1]
# Those that an installation carries, else the checkout's.
BASELINES = (PACKAGE / "baselines", PACKAGE.parent / "baselines")
GATE_FILE, LEDGER_FILE = "gate.json", "ledger.json"
KINDS: dict[type, str] = {
    GateRun: "a report of gate",
    PairedRun: "a report of upgrade",
    Run: "a run of one environment",
    Micro: "a report of micro",
    Survey: "a survey",
    Baseline: "a baseline",
    Ledger: "the ledger",
}
ANSWER_FILE = "answer.txt"  # what bisect and blame have printed
# A subject's name comes from a run's file: it must not lead out of a folder.
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
T = TypeVar("T")


@contextlib.contextmanager
def judging(*names: str) -> Iterator[None]:
    """Turns errors in computing with damaged files into a FormatError that names the files."""
    try:
        yield
    except (ValueError, ArithmeticError, LookupError) as error:
        if type(error).__module__.partition(".")[0] in ("bench", "lm"):
            raise  # an error of ours, which says what is wrong, and with which file
        raise FormatError(f"{' or '.join(names)} can't be judged, and may be damaged: {error}") from error


def read_profile(path: Path) -> Profile:
    """Reads a profile. Raises FormatError, OSError."""
    found = read_record(Profile, path)
    if problem := flaw(found.trace):
        raise FormatError(f"{path} has a trace that can't be read: {problem}; profile again")
    return found


def read_report(name: str) -> AnyReport:
    """Reads a report that can be judged, from its folder or file. Raises what read_as does."""
    kinds: tuple[type[AnyReport], ...] = (GateRun, PairedRun, Run, Micro)
    return read_as(name, kinds, "name a report of gate, upgrade, run or micro")


def read_ratios(name: str) -> Report:
    """Reads a report of ratios to a reference, from its folder or file. Raises what read_as does."""
    kinds: tuple[type[Report], ...] = (GateRun, PairedRun)
    return read_as(name, kinds, "name a report of gate or upgrade, which has ratios to a reference")


def read_as(name: str, kinds: tuple[type[T], ...], mend: str) -> T:
    """Reads a folder's report, or a file.

    Raises UsageError, with what would mend it, unless it is of one of these kinds; FormatError, OSError.
    """
    found = _read(_file(Path(name)))
    if not isinstance(found, kinds):
        raise UsageError(f"{name} is {KINDS[type(found)]}: {mend}")
    return found


def _read(path: Path) -> AnyReport | Survey | Baseline | Ledger:
    """Reads a file: micro's and a survey's are known by their names, others by the fields in them."""
    if path.name == MICRO_FILE:
        return read_micro(path)
    if path.name == SURVEY_FILE:
        return read_record(Survey, path)
    found = read_by_fields(_kind_of, path)
    with judging(str(path)):
        _require_quads(found)
    return found


def _kind_of(fields: Collection[str]) -> type[AnyRun | Baseline | Ledger]:
    kinds = {"numbers": GateRun, "pairs": PairedRun, "replicas": Baseline, "entries": Ledger}
    return next((kind for field, kind in kinds.items() if field in fields), Run)


def _require_quads(report: AnyRun | Baseline | Ledger) -> None:
    """Raises ValueError for a report that holds a quad with too few blocks, or with times that are none."""
    pairs = (pair for run in paired_runs(report) for pair in run.pairs)
    for quad in (quad for pair in pairs for quad in (*pair.steps, *pair.evaluations)):
        quad.log_ratio()
        if len(quad.cpu_seconds) != len(quad.seconds):
            raise ValueError(
                f"a quad with CPU times of {len(quad.cpu_seconds)} blocks: the run is damaged, measure again"
            )


def _file(path: Path) -> Path:
    """Returns a folder's report, or the file itself. Raises UsageError for one of several, or of profiles."""
    if not path.is_dir():
        return path
    files = (GATE_FILE, PAIRED_FILE, MICRO_FILE, SURVEY_FILE, RUN_FILE)
    if found := next((path / name for name in files if (path / name).exists()), None):
        return found
    if inside := sorted(str(one.parent) for one in path.glob(f"*/{PAIRED_FILE}")):
        answer = f", or read {path / ANSWER_FILE}" if (path / ANSWER_FILE).exists() else ""
        raise UsageError(f"{path} holds no report itself: name {' or '.join(inside)}{answer}")
    if any((*path.glob(PROFILE_FILE), *path.glob(f"*/{PROFILE_FILE}"))):
        raise UsageError(f"{path} holds profiles: open profile.html there, or `tfgate profile --compare` two of them")
    raise UsageError(f"{path} holds no report: name a folder that a command wrote, or its file")


def baselines_folder(name: str | None) -> Path:
    """Returns that folder, else the installed one, else the checkout's. Raises UsageError if there is none."""
    folders = (Path(name),) if name else BASELINES
    found = next((folder for folder in folders if folder.is_dir()), None)
    if found is None:
        raise UsageError(f"{folders[-1]}: there is no such folder; name the one with the baselines by --baselines")
    return found


def baselines_option(folder: Path) -> tuple[str, ...]:
    """Returns the option that names a folder of baselines; none for the folders that commands find by themselves."""
    return () if folder in BASELINES else ("--baselines", str(folder))


def baselines_to_change(name: str | None) -> Path:
    """Returns the folder of baselines that a command may change. Raises UsageError for that of an installation, which
    nobody can review.
    """
    folder = baselines_folder(name)
    if not name and folder == BASELINES[0]:
        raise UsageError(f"{folder} belongs to the installation: name the folder with your baselines by --baselines")
    return folder


def baseline_path(folder: Path, name: str) -> Path:
    """Returns the path of a subject's baseline. Raises BaselineError for a name that is no file's."""
    if not FILE_NAME.fullmatch(name):
        raise BaselineError(f"{name!r} can't name a baseline's file: the run was not written by tfgate")
    return folder / f"{name}.json"


def read_baselines(folder: Path) -> dict[str, Baseline]:
    """Reads all baselines of a folder, by subject name. Raises FormatError, also for one in a file of another name."""
    found = {path: read_record(Baseline, path) for path in sorted(folder.glob("*.json")) if path.name != LEDGER_FILE}
    for path, baseline in found.items():
        if path.stem != baseline.subject.name:
            raise FormatError(
                f"{path} holds the baseline of {baseline.subject.name}: name it {baseline.subject.name}.json"
            )
    return {baseline.subject.name: baseline for baseline in found.values()}


def read_folder(folder: Path) -> Standards:
    """Reads everything of a folder that reports are judged by. Raises FormatError, MarginsError, OSError."""
    return Standards(read_baselines(folder), read_margins(folder / "margins.toml"), read_ledger(folder))


def read_ledger(folder: Path) -> Ledger:
    """Reads the ledger of a folder of baselines; an empty one where there is none. Raises FormatError, OSError."""
    path = folder / LEDGER_FILE
    ledger = read_record(Ledger, path) if path.exists() else NO_LEDGER
    for accepted in ledger.regressions:  # people edit them
        day = accepted.expires
        try:
            sound = datetime.date.fromisoformat(day).isoformat() == day  # 20270331 would compare otherwise
        except ValueError:
            sound = False
        if not sound:
            raise FormatError(f"{path}: a regression expires on {day!r}: write a date such as 2027-03-31")
    return ledger
