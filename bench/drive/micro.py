"""Launches of the micro-benchmarks: each is a fresh pytest in a measured environment and leaves a JSON file."""

import contextlib
import dataclasses
import functools
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.drive.children import ending_with_us, not_started
from bench.drive.folders import held_folder
from bench.drive.patience import FACTOR, GRACE_SECONDS, STARTUP_SECONDS
from bench.drive.private import private_environment
from bench.drive.process import FULL, STDERR_TAIL_BYTES, WorkerError, changed, how_it_ended
from bench.drive.repeats import twice
from bench.machine import now, this_machine
from bench.record.files import keeper, write_text
from bench.record.micro import MICRO_FILE, Micro, MicroLaunch, MicroRun, launch_file, read_launch
from bench.record.paired import CANDIDATE, REFERENCE, Side
from bench.record.types import HUNG, NO_ROOM, NO_TENSORFLOW, NOT_THE_CANDIDATE_S, SCHEMA, Failure

LAUNCH_SECONDS = 1800.0  # deadline of a launch where the reference's hasn't told how long one takes
COLLECT_SECONDS = STARTUP_SECONDS  # of collecting the cases, which imports TensorFlow
COLLECT = "--collect-only"
NO_PYTEST, INTERNAL_ERROR, USAGE_ERROR, NOTHING_COLLECTED = 1, 3, 4, 5  # exit codes, of pytest but for the first

# Python says this of -m; an import that fails quotes the name.
WITHOUT_PYTEST = re.compile(r"No module named pytest$", re.MULTILINE)

SKIPPED = re.compile(r"SKIPPED \[\d+\] \S+ (.*)")
# What pytest says in one line: of a failed test (--tb=line), of a usage error, of pytest.exit, of a skip (-rs); what
# Python says of a module that is missing.
REASONS = (
    re.compile(r"E\s+(.*)"),
    re.compile(r"/.*?:\d+: (.*)"),
    re.compile(r"ERROR: (?!ld\.so)(.*)"),  # the dynamic linker's own lines tell of each program that is started
    re.compile(r"!+ _pytest\.outcomes\.Exit: (.*?) !+"),
    SKIPPED,
    re.compile(r".*(No module named .*)"),
)


@dataclasses.dataclass(frozen=True)
class Suite:
    """The cases that a launch times."""

    targets: Sequence[str]  # "step": of test_step.py
    options: Sequence[str]  # of bench/micro, such as --config=tiny; its default of a kind of which none is named
    gpu: bool = False  # one is timed
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)  # of the environment: the workload's

    def arguments(self, folder: Path) -> list[str]:
        """Returns pytest's arguments, the cases' files in `folder`."""
        return [*(str(folder / f"test_{target}.py") for target in self.targets), *self.options]


@dataclasses.dataclass(frozen=True)
class MicroRequest:
    """A micro report that is asked for."""

    sides: Mapping[str, Side]  # by role
    suite: Suite
    launches: int  # of each side, at most
    folder: Path
    command: Sequence[str]
    warnings: Sequence[str]


@dataclasses.dataclass
class LaunchesSoFar:
    """The launches of both sides so far, and how long they took."""

    launches: dict[str, list[MicroLaunch]] = dataclasses.field(default_factory=lambda: {REFERENCE: [], CANDIDATE: []})
    seconds: list[float] = dataclasses.field(default_factory=list)  # of the reference's
    files: dict[str, str] = dataclasses.field(default_factory=dict)  # fingerprints of own models', by case

    def deadline(self, role: str) -> float:
        """Returns the seconds that a side's next launch may take: the candidate's in proportion to the reference's."""
        if role == CANDIDATE and self.seconds:
            return FACTOR * max(self.seconds) + GRACE_SECONDS
        return LAUNCH_SECONDS


def measure_micro(
    request: MicroRequest,
    settled: Callable[[MicroRun, Sequence[MicroLaunch], Sequence[MicroLaunch]], bool],
    say: Callable[[str], None],
) -> Micro:
    """Times the suite in both sides in turn; which goes first alternates.

    It ends after `launches` of each, when `settled` says so of what there is (the run, the reference's launches, the
    candidate's), or when the candidate has failed twice in a launch and the reference still runs after it. Files are
    `folder`/ROLE-NN.json and micro.json. Raises FileExistsError if the folder holds a report, OSError, and WorkerError
    where the reference fails twice, or once where the candidate does, or nothing can be measured.
    """
    created = now()
    sides, folder = request.sides, request.folder
    run = MicroRun(
        schema=SCHEMA,
        created=created,
        command=tuple(request.command),
        machine=this_machine(),
        reference=sides[REFERENCE],
        candidate=sides[CANDIDATE],
        failure=None,
        warnings=tuple(request.warnings),
        launches=request.launches,
    )
    keep = keeper(folder / MICRO_FILE)
    keep(dataclasses.replace(run, incomplete="the run was interrupted"))
    measured = LaunchesSoFar()
    for number in range(request.launches):
        failed_too = ""  # how the reference failed in this launch
        for role in (REFERENCE, CANDIDATE) if number % 2 == 0 else (CANDIDATE, REFERENCE):
            path = launch_file(folder, role, number)
            launch = functools.partial(_launch, role, sides[role], request.suite, path, measured)
            found, once = twice(f"launch {number + 1} of the {role}", launch, _failed, _is_another_s)
            failed_too += "".join(once) if role == REFERENCE else ""
            skipped = () if isinstance(found, Failure) else found.skipped
            warnings = (*run.warnings, *once, *(f"the {role} skipped cases: {why}" for why in skipped))
            run = dataclasses.replace(run, warnings=tuple(dict.fromkeys(warnings)))
            if isinstance(found, Failure):
                if role == REFERENCE or found.kind in NOT_THE_CANDIDATE_S:
                    why = f"launch {number + 1} of the {role} failed: {found.message}"
                    keep(dataclasses.replace(run, failure=None, incomplete=why))  # the candidate's says nothing
                    raise WorkerError(found)
                run = dataclasses.replace(run, failure=found)
            said = found.message if isinstance(found, Failure) else f"{len(found.cases)} cases"
            say(f"{role} launch {number + 1} of at most {request.launches}: {said}")
        if run.failure and role == CANDIDATE:  # after which the reference has not run yet
            failed_too = failed_too or _fails_now(sides[REFERENCE], request.suite, measured)
        if run.failure and failed_too:
            why = f"the candidate failed ({run.failure.message}), which says nothing: {failed_too}"
            keep(dataclasses.replace(run, failure=None, incomplete=why))
            raise WorkerError(Failure("failed", why))
        if run.failure or settled(run, measured.launches[REFERENCE], measured.launches[CANDIDATE]):
            break
    keep(run)
    return Micro(run, measured.launches[REFERENCE], measured.launches[CANDIDATE])


def _fails_now(reference: Side, suite: Suite, measured: LaunchesSoFar) -> str:
    """Returns how one more launch of the reference fails, which isn't kept; "" if it doesn't. Where the machine ended
    the candidate's, as for lack of memory, it may end this one as well.
    """
    with held_folder() as home:
        try:
            time_suite(reference, suite, home / "again.json", measured.deadline(REFERENCE))
        except WorkerError as error:
            return f"the reference failed after the candidate had: {error}"
    return ""


def _failed(found: MicroLaunch | Failure) -> Failure | None:
    return found if isinstance(found, Failure) else None


def _is_another_s(found: MicroLaunch | Failure) -> bool:
    return isinstance(found, Failure) and found.kind in NOT_THE_CANDIDATE_S


def _launch(role: str, side: Side, suite: Suite, path: Path, measured: LaunchesSoFar) -> MicroLaunch | Failure:
    """Takes a launch of a side, and returns it, or how it failed. Raises WorkerError where a user's own file is no
    longer what it was in the first one: then this one isn't kept.
    """
    started = time.monotonic()
    try:
        found = time_suite(side, suite, path, measured.deadline(role))
    except WorkerError as error:
        return error.failure
    for case in found.cases.values():
        if case.own and measured.files.setdefault(case.name, case.fingerprint) != case.fingerprint:
            path.unlink()
            raise changed(case.workload)
    if role == REFERENCE:
        measured.seconds.append(time.monotonic() - started)
    measured.launches[role].append(found)
    return found


def time_suite(side: Side, suite: Suite, path: Path, limit: float = LAUNCH_SECONDS) -> MicroLaunch:
    """Times the suite in one fresh process, which has `limit` seconds. Raises FileExistsError, WorkerError, OSError."""
    with held_folder() as home:
        part = home / "benchmarks.json"
        output = _run_pytest(side, suite, home, limit, f"--benchmark-json={part}")
        if not part.is_file() or not part.stat().st_size:
            raise _failure(NO_TENSORFLOW, f"{side.interpreter} timed nothing: {_reason(output)}", output)
        found = read_launch(part)
        write_text(path, part.read_text(encoding="utf-8"))
    skipped = tuple(match[1] for line in output.splitlines() if (match := SKIPPED.fullmatch(line.strip())))
    return dataclasses.replace(found, path=path, skipped=skipped)


def require_suite(side: Side, suite: Suite) -> None:
    """Collects the cases and times none. Raises WorkerError, of the kind NO_TENSORFLOW where the environment lacks what
    they need, and OSError.
    """
    with held_folder() as home:
        _run_pytest(side, suite, home, COLLECT_SECONDS, COLLECT)


def _run_pytest(side: Side, suite: Suite, home: Path, limit: float, *more: str) -> str:
    """Returns what pytest printed. Raises WorkerError unless all cases passed or were skipped in `limit` seconds."""
    python = side.interpreter
    variables = {**side.variables, **suite.variables}
    environment = private_environment(home, "gpu:0" if suite.gpu else "cpu:0", variables)
    environment["PY_COLORS"] = "0"  # REASONS have none, whatever the user's FORCE_COLOR says
    (home / "pytest.ini").write_text(
        "[pytest]\naddopts = --import-mode=importlib -p no:cacheprovider\n", encoding="utf-8"
    )
    # Relative paths: from a `[` on, as in TMPDIR of a PBS job array, pytest takes a file's path for parameters.
    command = [python, "-m", "pytest", "-c", "pytest.ini", "--rootdir", "imports"]
    command += ["-q", "-rs", "--tb=line", *(f"--variable={name}={value}" for name, value in variables.items())]
    command += [*more, *suite.arguments(Path("imports/bench/micro"))]
    try:
        process = subprocess.Popen(
            command,
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=ending_with_us(),
        )
    except OSError as error:
        raise _failure(NO_TENSORFLOW, not_started(python, error)) from error
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        doing = "collect the cases" if COLLECT in more else "finish the micro-benchmarks"
        raise _failure(HUNG, f"{python} did not {doing} within {limit:.0f} s") from None
    finally:  # Ctrl-C may come while we wait
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode not in (0, NOTHING_COLLECTED):
        how = how_it_ended(process.returncode) if process.returncode < 0 else _reason(output)
        how += "; install pytest and pytest-benchmark there" if WITHOUT_PYTEST.search(output) else ""
        kind = _kind(process.returncode, output, collecting=COLLECT in more)
        raise _failure(kind, f"micro-benchmarks under {python}: {how}", output)
    return output


def _kind(code: int, output: str, *, collecting: bool) -> str:
    """Returns a Failure's kind: killed, without room on the disk, unable to run any case, or a case that failed."""
    if code < 0:
        return "crashed"
    if FULL.search(output):
        return NO_ROOM
    # Where no case runs, 1 is no failed case but Python's own: pytest, or a plugin, can't be imported.
    unable = (INTERNAL_ERROR, USAGE_ERROR, *((NO_PYTEST,) if collecting else ()))
    return NO_TENSORFLOW if code in unable or WITHOUT_PYTEST.search(output) else "failed"


def _reason(output: str) -> str:
    """Returns the line of pytest's output that says why it failed, or why it timed nothing: the first that the most
    telling pattern finds.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    found = (match[1].strip() for pattern in REASONS for line in lines if (match := pattern.fullmatch(line)))
    return next(found, lines[-1] if lines else "it printed nothing")


def _failure(kind: str, message: str, output: str = "") -> WorkerError:
    return WorkerError(Failure(kind, message, output[-STDERR_TAIL_BYTES:]))
