"""Groups of options that several commands share, each with the type that is made of it.

A wrong word is refused by its option's `type` or `choices`, whose message names the option; what takes a look at the
machine, or at two options together, is refused when a request is made. Both happen before anything is measured.
"""

import argparse
import contextlib
import dataclasses
import datetime
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from bench.commands.stored import baselines_folder
from bench.drive.private import OURS
from bench.record.paired import Side
from bench.record.variables import is_secret

BUDGET_MINUTES = 15.0  # of the launches in turn of one workload in one configuration
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Telling:
    """The baselines that a verdict rests on, and its form."""

    baselines: Path  # the folder by which reports are judged
    json: bool
    summary: bool  # append Markdown to the CI job's summary
    verbose: bool  # every reason, the environments and the precision, too


def at_least(least: int) -> Callable[[str], int]:
    """Returns an argparse type for integers of at least `least`."""

    def integer(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not an integer") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is too small; it must be at least {least}")
        return value

    return integer


def below(limit: float, what: str) -> Callable[[str], float]:
    """Returns an argparse type for numbers above 0 and below `limit`."""

    def number(text: str) -> float:
        with contextlib.suppress(ValueError):
            if 0 < (value := float(text)) < limit:
                return value
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")

    return number


fraction = below(1, "a fraction above 0 and below 1")
minutes = below(1e6, "a number of minutes above 0 and below 1,000,000")

SHARED: dict[str, dict[str, Any]] = {
    "margin": {
        "type": fraction,
        "metavar": "FRACTION",
        "help": "how much slower a step may be, on all cores and on one, such as 0.03 (default: the margins file's)",
    },
    "resume": {"action": "store_true", "help": "continue from the launches that are kept in the --output folder"},
    "replace": {"action": "store_true", "help": "replace files that exist"},
    "baselines": {
        "metavar": "DIR",
        "help": "folder of the baselines, the margins and the ledger (default: tfgate's own)",
    },
    "json": {"action": "store_true", "help": "print the answer as JSON"},
    "summary": {"action": "store_true", "help": "append Markdown to the CI job's summary ($GITHUB_STEP_SUMMARY)"},
    "verbose": {"action": "store_true", "help": "print every reason, the environments and the precision, too"},
    "quiet": {"action": "store_true", "help": "print no progress on standard error, only the answer"},
}


def add_shared(parser: argparse.ArgumentParser, *names: str) -> None:
    """Adds the options of these names, which SHARED describes, in this order."""
    for name in names:
        parser.add_argument(f"--{name}", **SHARED[name])


def keeping_message(read: Callable[[str], T]) -> Callable[[str], T]:
    """Returns an argparse type that keeps the message of `read`'s ValueError, which argparse would leave out."""

    def typed(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return typed


def variable(text: str) -> tuple[str, str]:
    """Reads NAME=VALUE. Records keep it, so that it can't be a secret; nor can it be what tfgate sets itself."""
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    if is_secret(name):
        raise argparse.ArgumentTypeError(
            f"{name} may be a secret, and reports hold what is given here: set it in the shell, for both sides"
        )
    if name in OURS:
        raise argparse.ArgumentTypeError(f"tfgate sets {name} itself: leave it out")
    return name, value


def add_variables(parser: argparse.ArgumentParser, option: str, whose: str) -> None:
    """Adds an option for environment variables, which may be repeated."""
    parser.add_argument(
        option,
        action="append",
        type=variable,
        default=[],
        metavar="NAME=VALUE",
        help=f"environment variable {whose}; may be repeated",
    )


def add_environment(parser: argparse.ArgumentParser) -> None:
    """Adds --python and --env, of a command with one side."""
    parser.add_argument(
        "--python",
        default=sys.executable,
        metavar="INTERPRETER",
        help="interpreter of the environment to measure (default: this one)",
    )
    add_variables(parser, "--env", "for the measured process")


def environment_request(options: argparse.Namespace) -> Side:
    """Makes the side of add_environment's options."""
    return Side(options.python, options.python, dict(options.env))


def add_launches(parser: argparse.ArgumentParser, default: int, what: str, least: int = 1) -> None:
    """Adds --launches."""
    parser.add_argument(
        "--launches", type=at_least(least), default=default, metavar="N", help=f"{what} (default: %(default)s)"
    )


def add_budget(
    parser: argparse.ArgumentParser,
    default: float = BUDGET_MINUTES,
    what: str = "minutes that the launches of one workload in one configuration may take, at the pace of the first "
    "four of each kind, which are measured in any case",
) -> None:
    """Adds --budget."""
    parser.add_argument(
        "--budget", type=minutes, default=default, metavar="MINUTES", help=f"{what} (default: %(default)g)"
    )


def add_extent(parser: argparse.ArgumentParser) -> None:
    """Adds --speed-only and --numerics-only, which exclude each other."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--speed-only", action="store_true", help="measure speed and memory alone, not the numbers")
    group.add_argument(
        "--numerics-only",
        action="store_true",
        help="compare numbers alone (oracle and lockstep); takes no lock, so it disturbs timed jobs beside it",
    )


def add_output(parser: argparse.ArgumentParser, default: str = "reports/TIME-COMMAND") -> None:
    """Adds --output."""
    parser.add_argument("--output", metavar="DIR", help=f"the folder of the command's files (default: {default})")


def output_folder(options: argparse.Namespace, name: str) -> Path:
    """Returns the --output folder, or one under reports/ named by the time."""
    if options.output:
        return Path(options.output)
    return stamped(Path("reports"), name)


def stamped(folder: Path, name: str) -> Path:
    """Returns a folder below another one, named by the time, which tells commands of one second apart."""
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return folder / f"{stamp}-{name}"


def telling(options: argparse.Namespace) -> Telling:
    """Makes the request of --baselines, --json, --summary and --verbose; without one of the last two it is False.

    Raises UsageError for a folder that isn't there.
    """
    summary, verbose = (getattr(options, name, False) for name in ("summary", "verbose"))
    return Telling(baselines_folder(options.baselines), options.json, summary, verbose)
