"""`tfgate env`: lists or removes the environments that were built to be compared."""

import argparse
import dataclasses
import sys

from tabulate import tabulate

from bench.commands.messages import print_json
from bench.commands.options import add_shared, at_least
from bench.commands.usage import UsageError
from bench.drive.cache import Listed, cache_folder, environments, remove
from bench.drive.lockfile import keras_of, tensorflow_of
from bench.record.codec import to_plain
from bench.record.paired import Package

EXAMPLES = """\
tfgate env list
tfgate env remove --keep-newest 2"""
HEADERS = ("name", "TensorFlow", "Keras", "Python", "size", "last used")


@dataclasses.dataclass(frozen=True)
class Listing:
    """A request to list all environments."""

    json: bool


@dataclasses.dataclass(frozen=True)
class Removal:
    """A request to remove environments: those named, or all but the newest."""

    names: tuple[str, ...]
    keep_newest: int


Request = Listing | Removal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", allow_abbrev=False, help="list the environments, the most recently used first")
    add_shared(listing, "json")
    removal = actions.add_parser("remove", allow_abbrev=False, help="remove environments")
    removal.add_argument("name", metavar="NAME", nargs="*", help="an environment, as `tfgate env list` names it")
    removal.add_argument("--all", action="store_true", help="remove all")
    removal.add_argument(
        "--keep-newest", type=at_least(0), metavar="N", help="remove all but the N that were used last"
    )


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError for a removal without a clear wish."""
    if options.action == "list":
        return Listing(options.json)
    if bool(options.name) + options.all + (options.keep_newest is not None) != 1:
        raise UsageError("env remove takes one of these: names, --all, or --keep-newest N")
    return Removal(tuple(dict.fromkeys(options.name)), options.keep_newest or 0)


def run(asked: Request) -> int:
    """Returns 0. Raises RequestError for a name that isn't there."""
    return _list(asked) if isinstance(asked, Listing) else _remove(asked)


def _list(asked: Listing) -> int:
    found = environments(cache_folder())
    if asked.json:
        print_json([[to_plain(listed) for listed in found]])
    elif found:
        print(tabulate([_row(listed) for listed in found], HEADERS, "simple", disable_numparse=True))
        print(f"in {cache_folder()}: an environment's interpreter is NAME/bin/python there")
    else:
        print(f"no environments in {cache_folder()}")
    return 0


def _row(listed: Listed) -> tuple[str, ...]:
    stored, size = listed.stored, f"{listed.size_bytes / 2**20:,.0f} MiB"
    if stored is None:
        return listed.name, "damaged", "–", "–", size, listed.last_used
    tensorflow, keras = _version(tensorflow_of(stored.packages)), _version(keras_of(stored.packages))
    return listed.name, tensorflow, keras, stored.python, size, listed.last_used


def _version(package: Package | None) -> str:
    return package.version if package else "–"


def _remove(asked: Removal) -> int:
    cache = cache_folder()
    names = asked.names or [listed.name for listed in environments(cache)[asked.keep_newest :]]
    remove(cache, names)
    for name in names:
        print(f"removed {name}", file=sys.stderr)
    return 0
