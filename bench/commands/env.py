"""`tfgate env`: the environments that `tfgate upgrade` has built, and their removal."""

import argparse
import json
import sys

from tabulate import tabulate

from bench.commands.errors import UsageError
from bench.drive.lockfile import keras_of, tensorflow_of
from bench.drive.stored import Listed, cache_folder, environments, remove
from bench.record.codec import to_plain
from bench.record.paired import Package

HEADERS = ("name", "TensorFlow", "Keras", "Python", "size", "last used")


def main(options: argparse.Namespace) -> int:
    """0."""
    return _list(options) if options.action == "list" else _remove(options)


def _list(options: argparse.Namespace) -> int:
    found = environments(cache_folder())
    if options.json:
        print(json.dumps([to_plain(listed) for listed in found]))
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


def _remove(options: argparse.Namespace) -> int:
    keep = options.keep_newest
    if bool(options.name) + options.all + (keep is not None) != 1:
        raise UsageError("say what to remove: names, --all, or --keep-newest N")
    if keep is not None and keep < 0:
        raise UsageError(f"--keep-newest is {keep}; it must be at least 0")
    cache = cache_folder()
    names = list(dict.fromkeys(options.name)) or [listed.name for listed in environments(cache)[keep or 0 :]]
    remove(cache, names)
    for name in names:
        print(f"removed {name}", file=sys.stderr)
    return 0
