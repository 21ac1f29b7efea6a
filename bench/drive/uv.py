"""uv, which resolves and installs.

Its own settings (UV_DEFAULT_INDEX, UV_FIND_LINKS, UV_OFFLINE, uv.toml, …) pass through untouched, but for
UV_EXCLUDE_NEWER: each call says itself up to when it reads the index, if it says so at all.
"""

import contextlib
import datetime
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from uv import find_uv_bin

from bench.drive.children import EXHAUSTED, ending_with_us
from bench.drive.folders import held_folder
from bench.drive.lockfile import TENSORFLOW, Lock, read_lock, wheel_version
from bench.drive.requests import AsOf, BuildError, RequestError, end_of_day

NO_UPLOAD_TIME = "is missing an upload date"  # uv's warning for each file that --exclude-newer leaves out for that
TREE = re.compile(r"[×╰─▶├│]")
CONFLICT = re.compile(r"The package .*")  # uv pip check's line for a requirement that isn't met
# A line's `==V` of a release: no wildcard, no build of one's own (V+ours), no `===`, and nothing of a URL, a marker or
# an option. That `===V` isn't V+ours to uv, tests show: by astral-sh/uv#14981 it once was.
RELEASE = re.compile(r"^(?!\s*-)([^;@#\n]*?[^=!~<>;@#\n])==(?!=|\s*[^\s;,)]*[+*])", re.MULTILINE)


def make_venv(folder: Path, python: str) -> str:
    """Makes a virtual environment and returns its interpreter. uv finds the Python, or downloads it if it may.

    Raises RequestError.
    """
    done = _uv("venv", "--clear", "--no-project", "--python", python, str(folder))
    if done.returncode:
        raise RequestError(f"uv can't make an environment of Python {python}: {_reason(done.stderr)}")
    return str(folder / "bin" / "python")


def resolve(
    requested: str, lines: Sequence[str], as_of: AsOf, interpreter: str, pins: Sequence[str] = ()
) -> tuple[Lock, str]:
    """Returns the lock of requirements for an interpreter, and up to when the index was read; "" if as it is.

    `pins` are exact versions, in the place of what wheels require. `==V` is the release itself, and no build of one's
    own, V+ours. Raises RequestError with uv's own reason, or with the build that could be had in the release's place.
    """
    asked = [_exact(line) for line in lines]
    moment = as_of.moment or _release(requested, lines, interpreter)
    with _overriding(pins) as pinned:
        options = ("--generate-hashes", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", *pinned)
        done = _compile(asked, interpreter, *options, *limit(moment))
        if NO_UPLOAD_TIME in done.stderr:  # it may have found a version with a time, older than one without
            if not as_of.present:
                raise RequestError(
                    f"--as-of says nothing about {requested!r}: the index gives no upload times (PEP 700); "
                    "use --as-of now"
                )
            moment = ""
            done = _compile(asked, interpreter, *options)
        if done.returncode:
            raise _unresolved(requested, done.stderr, lines, interpreter, *options, *limit(moment))
    lock = read_lock(done.stdout)
    if not pins:
        _require_met(lines, lock)
    return lock, moment


def _require_met(lines: Sequence[str], lock: Lock) -> None:
    """Raises RequestError for a requirement in whose place uv's own settings put another version."""
    versions = {one.name: one.version for one in lock.packages}
    for requirement in map(Requirement, lines):
        version = versions.get(canonicalize_name(requirement.name))
        named = f"=={wheel}" if requirement.url and (wheel := wheel_version(requirement.url)) else requirement.specifier
        wanted = SpecifierSet(str(named).replace("===", "=="))  # 3.2 is 3.2.0
        if version and not requirement.marker and not wanted.contains(version, prereleases=True):
            raise RequestError(
                f"uv puts {requirement.name} {version} in the place of {requirement}: take the override out of its "
                "settings (UV_OVERRIDE, uv.toml, pyproject.toml)"
            )


def _exact(text: str) -> str:
    """Returns lines of requirements whose `==V` is that release alone. By PEP 440 it is V+ours as well, and the higher
    of the two.
    """
    return RELEASE.sub(r"\1===", text)


def _unresolved(requested: str, stderr: str, lines: Sequence[str], interpreter: str, *options: str) -> RequestError:
    """Returns the error for lines that uv can't resolve: its own reason, or the builds of one's own (V+ours) that it
    would take in the place of releases.
    """
    exact = [line for line in lines if _exact(line) != line]
    if exact and "No solution found" in stderr:
        names = {canonicalize_name(Requirement(line).name) for line in exact}
        lock = read_lock(_compile(lines, interpreter, *options).stdout)  # empty if that fails, too
        builds = [f"{one.name}=={one.version}" for one in lock.packages if one.name in names and "+" in one.version]
        if builds:
            return RequestError(
                f"{requested!r} can't be resolved to the release, only to a build of that number: to measure it, name "
                f"{' '.join(builds)}"
            )
    return RequestError(f"{requested!r} can't be resolved: {_reason(stderr)}")


def conflicts(interpreter: str) -> list[str]:
    """Returns, in uv's words, the requirements of installed packages that others don't meet."""
    done = _uv("pip", "check", "--python", interpreter)
    return [line.replace("`", "").removeprefix("The package ") for line in CONFLICT.findall(done.stdout + done.stderr)]


def releases_between(name: str, above: str, below: str, as_of: AsOf, interpreter: str) -> list[str]:
    """Returns a package's releases between two others, oldest first, that an interpreter can have (`below` "": all
    above one); nightlies and candidates above one of those alone. Where a number has builds of one's own alone
    (2.22.0+ours), the highest of them.

    uv lists none, but resolves to the newest: again and again below the one that it found. Raises RequestError.
    """
    found: list[str] = []
    early = "allow" if Version(above).is_prerelease else "disallow"
    low, high = Version(above).public, below and Version(below).public
    # Not `<high`, which by PEP 440 leaves out the candidates of `high` as well.
    while newest := _newest(name, f">{low}" + (f",<={high},!={high}" if high else ""), early, as_of, interpreter):
        high = Version(newest).public
        release = Version(newest).local and _newest(name, f"==={high}", early, as_of, interpreter)
        found.append(release or newest)
    return found[::-1]


def _newest(name: str, bounds: str, early: str, as_of: AsOf, interpreter: str) -> str:
    """Returns the newest version of a package within bounds that an interpreter can have; "" if there is none. Raises
    RequestError.
    """
    options = ("--no-deps", "--prerelease", early)
    done = _compile((f"{name}{bounds}",), interpreter, *options, *limit(as_of.moment))
    if NO_UPLOAD_TIME in done.stderr and as_of.present:
        done = _compile((f"{name}{bounds}",), interpreter, *options)
    if not done.returncode:
        lock = read_lock(done.stdout)
        _require_met((f"{name}{bounds}",), lock)
        return lock.packages[0].version
    if "No solution found" in done.stderr:
        return ""
    raise RequestError(f"the releases of {name} can't be listed: {_reason(done.stderr)}")


def install(lock: Path, interpreter: str, moment: str) -> None:
    """Installs what a lock file holds, by its hashes, into an interpreter's environment, as the index was at a moment
    ("": as it is).

    Raises BuildError with uv's own reason. Compiles to bytecode at once: the first launch's import would else be slower
    than the rest.
    """
    words = ("pip", "sync", "--require-hashes", "--compile-bytecode", "--python", interpreter, "-")
    text = _exact(lock.read_text(encoding="utf-8"))
    done = _uv(*words, *limit(moment), text=text)
    if done.returncode and NO_UPLOAD_TIME in done.stderr:  # another index made the lock, whose hashes say which files
        done = _uv(*words, text=text)
    if done.returncode:
        raise BuildError(f"uv can't install the environment: {_reason(done.stderr)}")


def limit(moment: str) -> tuple[str, ...]:
    """Returns uv's options for a date and time; no option without one."""
    return ("--exclude-newer", moment) if moment else ()


@contextlib.contextmanager
def _overriding(pins: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yields uv's options for exact versions."""
    if not pins:
        yield ()
        return
    with held_folder() as folder:
        path = folder / "pins.txt"
        path.write_text(_exact("\n".join(pins)) + "\n", encoding="utf-8")
        yield "--override", str(path)


def _release(requested: str, lines: Sequence[str], interpreter: str) -> str:
    """Returns the end of the day (UTC) on which the TensorFlow that is asked for came out, by the upload times of its
    files.

    The day's end, since a release's files and those of the packages that came with it are uploaded over hours.
    """
    asked = [_exact(line) for line in lines]
    done = _compile(asked, interpreter, "--no-deps", "--format", "pylock.toml")
    if done.returncode:
        raise _unresolved(requested, done.stderr, lines, interpreter, "--no-deps")
    packages = {package["name"]: package for package in tomllib.loads(done.stdout).get("packages", ())}
    found = next((packages[name] for name in TENSORFLOW if name in packages), None)
    if found is None:
        raise RequestError(
            f"--as-of release: {requested!r} names no TensorFlow whose release it could be; use --as-of DATE"
        )
    times: list[datetime.datetime] = [
        wheel["upload-time"] for wheel in found.get("wheels", ()) if "upload-time" in wheel
    ]
    if not times:
        what = f"{found['name']} {found.get('version', '')}".strip()
        raise RequestError(
            f"--as-of release: nothing says when {what} came out (a local file, or an index without upload times, "
            "PEP 700): use a date"
        )
    return end_of_day(max(times).astimezone(datetime.UTC).date())


def _compile(lines: Sequence[str], interpreter: str, *options: str) -> subprocess.CompletedProcess[str]:
    return _uv("pip", "compile", "--no-header", "--python", interpreter, *options, "-", text="\n".join(lines) + "\n")


def _uv(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs uv in the working folder, where it looks for its settings as it always does.

    Raises OSError where the machine has no room: that says nothing of what uv was asked for.
    """
    command = [find_uv_bin(), "--color", "never", "--no-progress", *arguments]
    done = subprocess.run(
        command,
        input=text,
        stdin=None if text else subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name != "UV_EXCLUDE_NEWER"},
        capture_output=True,
        encoding="utf-8",  # as uv reads and writes, whatever the locale
        errors="replace",
        check=False,
        preexec_fn=ending_with_us(),
    )
    told = re.search(r"\(os error (\d+)\)", done.stderr) if done.returncode else None
    if told and int(told[1]) in EXHAUSTED:
        raise OSError(int(told[1]), os.strerror(int(told[1])), f"uv: {_reason(done.stderr)}")
    return done


def _reason(stderr: str) -> str:
    """Returns uv's error, causes and hints in one line, without its warnings and its tree of lines."""
    lines = [TREE.sub("", line).strip() for line in stderr.splitlines() if not line.startswith("warning:")]
    start = next((index for index, line in enumerate(lines) if line.startswith("error:")), 0)
    text = " ".join(line for line in lines[start:] if line).removeprefix("error:").strip()
    return re.sub(r"\s*\bcause: ", ": ", text) or "uv gives no reason"
