"""Parses what a side of a comparison is asked to be, and up to when the package index is read for it."""

import contextlib
import dataclasses
import datetime
import os
import platform
import re
import urllib.parse
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from bench.record.failed import FailedError

# The space between two requirements: what follows begins a name, and what stands before doesn't wait for more
# ("keras >= 3", "keras @ URL"). The words of a marker (PEP 508) are no names.
BETWEEN = re.compile(r"(?<![<>=!~,;@\[(\s])(?<!\sand)(?<!\sor)(?<!\sin)\s+(?!(?:and|or|not|in)\s)(?=[A-Za-z])")

USER = re.compile(r"//[^/\s]*@")  # in a URL, with a password, which may hold an @
VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")  # of the environment, whose value uv puts in its place


class RequestError(ValueError):
    """A side that can't be what was asked for."""


class BuildError(FailedError):
    """A side that can be what was asked for, but could not be installed."""


class ClusterError(FailedError):
    """A cluster that isn't there, or is no more."""


@dataclasses.dataclass(frozen=True)
class AsOf:
    """Up to when the package index is read.

    `moment` is empty where each environment is as of its own TensorFlow's release.
    """

    moment: str  # ISO 8601, UTC
    present: bool = False  # the moment is the command's own start: an index that gives no upload times is as good


@dataclasses.dataclass(frozen=True)
class Interpreter:
    """A Python that is there already."""

    path: str


@dataclasses.dataclass(frozen=True)
class Requirements:
    """Requirements (PEP 508) of what is to be installed."""

    lines: tuple[str, ...]


def read_as_of(text: str) -> AsOf:
    """Reads --as-of: `now`, `release`, a date (to its end) or a date and time, in UTC unless it says otherwise.

    Call it once for both sides, so that they see the same index. Raises RequestError.
    """
    if text == "release":
        return AsOf("")
    if text == "now":
        return AsOf(_utc(datetime.datetime.now(datetime.UTC)), present=True)
    try:
        with contextlib.suppress(ValueError):
            return AsOf(end_of_day(datetime.date.fromisoformat(text)))
        moment = datetime.datetime.fromisoformat(text)
        return AsOf(_utc(moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)))
    except (ValueError, OverflowError):
        raise RequestError(
            f"--as-of {text!r} is not a date: use now, release, or one such as 2024-06-28 or 2024-06-28T12:00:00Z"
        ) from None


def end_of_day(date: datetime.date) -> str:
    """Returns the first moment of the next day, UTC."""
    return _utc(datetime.datetime.combine(date + datetime.timedelta(days=1), datetime.time(), datetime.UTC))


def _utc(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_request(text: str, gpu: bool = False) -> Interpreter | Requirements:
    """Tells a version, requirements, a wheel file and the path of an interpreter apart. Raises RequestError.

    A version means `tensorflow-cpu`, the same source built without CUDA and a third of the size, or for a GPU
    `tensorflow` with its CUDA libraries. Other processors than x86-64 have one build, `tensorflow`.
    """
    text = text.strip()
    if is_version(text):
        cpu = "tensorflow-cpu" if platform.machine() == "x86_64" else "tensorflow"
        return Requirements((f"{'tensorflow[and-cuda]' if gpu else cpu}=={text}",))
    path = Path(text)
    if is_path(text) and text.endswith(".whl"):
        return Requirements((_wheel_requirement(path),))
    if is_path(text):
        if not (path.is_file() and os.access(path, os.X_OK)):
            raise RequestError(
                f"{text}: there is no interpreter; name a Python, a version, requirements or a wheel file"
            )
        # Not resolve(): a virtual environment's interpreter is a link that must not be followed.
        return Interpreter(os.path.abspath(path))
    lines = tuple(BETWEEN.split(text))
    for line in lines:
        _check_requirement(line)
    return Requirements(lines)


def is_path(text: str) -> bool:
    """Returns whether text is the path of an interpreter or of a wheel."""
    return (os.sep in text or text.endswith(".whl")) and "://" not in text


def is_version(text: str) -> bool:
    """Returns whether text is a version (PEP 440)."""
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _check_requirement(line: str) -> None:
    shown = repr(USER.sub("//…@", line))
    try:
        requirement = Requirement(line)
        url = urllib.parse.urlsplit(requirement.url or "")
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise RequestError(
            f"{shown} is not a requirement ({reason}): name a version, requirements, a wheel file or an interpreter"
        ) from error
    except ValueError as error:
        raise RequestError(f"{shown} has no URL that can be read: {error}") from error
    secret = url.password or (url.username != "git" and url.username)  # a name alone is a token: https://TOKEN@…
    if secret and not VARIABLE.fullmatch(secret):
        raise RequestError(
            f"{requirement.name}: its URL holds a password or a token, and reports hold what is given here: name a "
            "variable of your shell in its place, '${NAME}', or write it into ~/.netrc"
        )


def _wheel_requirement(path: Path) -> str:
    """Returns `name @ file://…` for a wheel file."""
    if not path.is_file():
        raise RequestError(f"{path}: there is no such wheel file; among requirements write NAME @ file:///PATH.whl")
    try:
        name, *_ = parse_wheel_filename(path.name)
    except InvalidWheelFilename as error:
        raise RequestError(
            f"{path.name} is not a wheel's file name (name-version-python-abi-platform.whl): keep the name that it was "
            "built with"
        ) from error
    # Not path.resolve(): the file that a link leads to, as in a store of artifacts, may have no wheel's name.
    return f"{name} @ {(path.parent.resolve() / path.name).as_uri()}"
