"""Lists the kinds of stored files, each with the commands that read it, and writes a valid one of each."""

import dataclasses
import fcntl
import hashlib
import math
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bench.cli import main
from bench.commands.errors import guarded
from bench.drive.cache import STORED_FILE, Stored
from bench.drive.environments import read_locks
from bench.drive.lock import host_lock
from bench.record.files import read_record, write_record
from bench.record.ledger import AcceptedRegression, Ledger
from bench.record.paired import Package
from bench.record.types import SCHEMA
from experiments.abuse.archives import ARCHIVES, NAMES, WHEEL, archive_of, members, read_archive, read_name
from experiments.abuse.mutations import BYTES, JSON, TOML, Mutation
from lm.config import CONFIGS
from lm.training.checkpoint import Checkpoint, EpochResult, load_checkpoint, save_checkpoint
from lm.training.initial import initial_weights
from tests.builders.commands import MARGINS_TEXT
from tests.builders.launches import accepted, launches, lockstep
from tests.builders.micro import MICRO_RUN, STEP, write_launch
from tests.builders.paired import gate_run, paired_run
from tests.builders.profiles import two_operations
from tests.builders.records import SUBJECT, baseline, record, records, run
from tests.builders.surveys import keep_survey, surveyed

CONFIG = CONFIGS["tiny"]
REFERENCE_LOCK = "baselines/reference/cpython-3.11-linux-x86_64.txt"
EPOCH = EpochResult(1, 1.0, 1 / 3, 9.5, 9.0, 800.0)
REGRESSION = AcceptedRegression(SUBJECT.name, "import", 0.08, "known", "https://example.org/1", "2027-03-31")
Reader = Callable[[Path], int]  # reads what lies in a laid-out folder, prints what it found, returns an exit code


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of stored file, and what reads it."""

    name: str
    path: str  # in a laid-out folder
    readers: Sequence[Reader]
    mutations: Sequence[Mutation] = BYTES + JSON
    ours: bool = True  # whether unknown fields are refused: other programs write other files
    sealed: bool = False  # whether a changed value is found out
    finite: bool = True  # whether its numbers must be
    refusal: int = 2  # the exit code that says so


def words(*arguments: str) -> Reader:
    """Returns a reader that calls the command line; {0} is the folder."""
    return lambda folder: main([argument.format(folder) for argument in arguments])


def printing(read: Callable[[Path], object]) -> Reader:
    """Returns a reader that prints what a function returns, and what it raises as commands do."""

    def reader(folder: Path) -> int:
        def printed() -> int:
            print(read(folder))
            return 0

        return guarded(printed)

    return reader


def lay_out(folder: Path) -> None:
    """Writes one whole file of each kind, and what is read with it."""
    standards = folder / "baselines"
    write_record(standards / f"{SUBJECT.name}.json", baseline())
    (standards / "margins.toml").write_text(MARGINS_TEXT, encoding="utf-8")
    write_record(standards / "ledger.json", Ledger(SCHEMA, (accepted(1.02), accepted(1.01, "2.19.2")), (REGRESSION,)))
    write_record(folder / "run" / "run.json", run(records()), seal=True)
    whole = dataclasses.replace(
        paired_run(launches(6), [record(), record(launch=0)]), lockstep=lockstep(), budget_minutes=15.0
    )
    write_record(folder / "history" / "upgrade" / "paired.json", whole, seal=True)
    write_record(folder / "history" / "gate" / "gate.json", gate_run(launches(6)), seal=True)
    before = "2026-01-01T00:00:00+00:00"
    write_record(folder / "earlier" / "upgrade" / "paired.json", dataclasses.replace(whole, created=before))
    write_record(folder / "earlier" / "gate" / "gate.json", gate_run(launches(6, step=0.001), created=before))
    write_record(folder / "micro" / "micro.json", MICRO_RUN, seal=True)
    for number in range(4):
        for role in ("reference", "candidate"):
            seconds = 0.1 + 0.001 * math.sin(7 * number + len(role))
            write_launch(folder / "micro" / f"{role}-{number:02}.json", {STEP: seconds})
    for side, nanoseconds in (("reference", 700), ("candidate", 900)):
        write_record(folder / "profile" / side / "profile.json", two_operations(nanoseconds, 300), seal=True)
    keep_survey(folder / "survey", surveyed({"2.12.1": 0.0, "2.13.1": 0.001, "2.14.1": 0.2}))
    save_checkpoint(folder / "training" / "checkpoint.npz", _checkpoint())
    packages = (Package("numpy", "2.4.0"), Package("tensorflow-cpu", "2.21.0"))
    stored = Stored(SCHEMA, "2.21.0", "", "2026-01-02T03:04:05+00:00", "3.11.7", packages)
    write_record(folder / "environment" / STORED_FILE, stored, seal=True)
    (folder / "tfgate.lock").write_text(str(os.getpid()))
    (folder / "archive.tgz").write_bytes(archive_of(members()))
    (folder / "name.txt").write_text(WHEEL)
    (folder / WHEEL).touch()
    lock = Path(__file__).parents[2] / REFERENCE_LOCK
    (folder / "reference.txt").write_bytes(lock.read_bytes())


def _checkpoint() -> Checkpoint:
    weights = initial_weights(CONFIG)
    state = {name: np.zeros(shape, np.float32) for name, shape in CONFIG.state_shapes().items()}
    return Checkpoint("f00d", "cells", 7, 0.1, 1 / 7, 2.5, (EPOCH,), weights, state)


def _resumed(folder: Path) -> str:
    """Returns a digest of the checkpoint that a training resumes from."""
    found = load_checkpoint(folder / "training" / "checkpoint.npz", "f00d", "cells")
    digest = hashlib.sha256(repr(dataclasses.replace(found, weights={}, state={})).encode())
    for name, value in (found.weights | found.state).items():
        digest.update(name.encode() + value.tobytes())
    return digest.hexdigest()


def _locked(folder: Path) -> None:
    """Asks for a lock that another holds: its content is no more than a word in a message."""
    with (folder / "tfgate.lock").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with host_lock(folder / "tfgate.lock"):
            pass


def _recorded(path: str, *options: str) -> Reader:
    """Returns a reader that records a report in a copy of the baselines, whose ledger is empty."""

    def read(folder: Path) -> int:
        standards = folder / "out" / "baselines"
        shutil.rmtree(standards, ignore_errors=True)
        shutil.copytree(folder / "baselines", standards, ignore=shutil.ignore_patterns("ledger.json"))
        return main(["record", str(folder / path), "--baselines", str(standards), "--reason", "known", *options])

    return read


BASELINES = ("--baselines", "{0}/baselines")


def _report_of(path: str) -> tuple[Reader, ...]:
    report = ("report", f"{{0}}/{path}", "--output", "{0}/out", "--replace", *BASELINES)
    formats = [word for name in ("html", "json", "junit", "markdown") for word in ("--format", name)]
    return (
        words("check", f"{{0}}/{path}", *BASELINES, "--json"),
        words("check", f"{{0}}/{path}", *BASELINES),
        words("show", f"{{0}}/{path}"),
        words("show", f"{{0}}/{path}", "--json"),
        words(*report, *formats),
        words("compare", f"{{0}}/earlier/{Path(path).name}", f"{{0}}/{path}", *BASELINES),
    )


GATED = words("check", "{0}/history/gate", *BASELINES, "--json")
WHEELS_NAME = "wheel's name"
KINDS = (
    Kind("run", "run/run.json", (*_report_of("run")[:-1], _recorded("run", "--replace")), sealed=True, finite=False),
    Kind("upgrade", "history/upgrade/paired.json", (
        *_report_of("history/upgrade"), _recorded("history/upgrade", "--despite-verdict"),
    ), sealed=True, finite=False),
    Kind("gate", "history/gate/gate.json", (
        *_report_of("history/gate"), _recorded("history/gate", "--despite-verdict"),
    ), sealed=True, finite=False),
    Kind("micro", "micro/micro.json", (
        words("check", "{0}/micro", *BASELINES), _recorded("micro", "--despite-verdict"),
    ), sealed=True),
    Kind(
        "launch of micro", "micro/reference-01.json", (words("check", "{0}/micro", *BASELINES, "--json"),), ours=False
    ),
    Kind("profile", "profile/candidate/profile.json", (
        words("profile", "--compare", "{0}/profile/reference", "{0}/profile/candidate"),
        words("profile", "--compare", "{0}/profile/reference", "{0}/profile/candidate", "--json"),
    ), sealed=True, finite=False),
    Kind("survey", "survey/survey.json", (
        words("check", "{0}/survey", *BASELINES, "--json"),
        words("check", "{0}/survey", *BASELINES),
        words("report", "{0}/survey", "--output", "{0}/out", "--replace", "--format", "html", *BASELINES),
    ), sealed=True),
    Kind("ledger", "baselines/ledger.json", (GATED, words("show", "{0}/baselines/ledger.json"))),
    Kind(
        "baseline",
        f"baselines/{SUBJECT.name}.json",
        (GATED, words("check", "{0}/run", *BASELINES), words("show", f"{{0}}/baselines/{SUBJECT.name}.json")),
    ),
    Kind("margins", "baselines/margins.toml", (GATED, words("check", "{0}/run", *BASELINES)), BYTES + TOML),
    Kind("checkpoint", "training/checkpoint.npz", (printing(_resumed),), BYTES, sealed=True),
    Kind("environment", f"environment/{STORED_FILE}", (
        printing(lambda folder: read_record(Stored, folder / "environment" / STORED_FILE)),
    ), sealed=True),
    Kind("reference lock", "reference.txt", (
        printing(lambda folder: read_locks(folder / "reference.txt").packages),
    ), BYTES),
    Kind("archive", "archive.tgz", (read_archive,), ARCHIVES, sealed=True),
    Kind(WHEELS_NAME, "name.txt", (printing(read_name),), NAMES, ours=False),
    Kind("host lock", "tfgate.lock", (printing(_locked),), BYTES, refusal=4),
)  # fmt: skip
