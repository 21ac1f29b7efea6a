"""Ends between which a package index can list releases, by the texts that name them."""

import re
from typing import NamedTuple

NIGHTLIES = ("tf-nightly", "tf-nightly-cpu")
# The first requirement of a text: `2.20.0`, `tf-nightly`, `tensorflow[and-cuda]==2.20.0 keras==3.1`.
FIRST = re.compile(
    r"(?:(?P<package>[A-Za-z][\w.-]*)(?:\[[^]]*])?)?(?:\s*==\s*)?(?P<version>v?\d[\w.!+-]*)?(?=\s+[A-Za-z]|$)"
)


class End(NamedTuple):
    """A package and its exact version; "" for what a text doesn't name."""

    package: str
    version: str


def end(text: str) -> End:
    """Returns what a text's first requirement names: nothing of a range, of a wheel file or of a path."""
    found = FIRST.match(text)
    return End(*(found.groups("") if found else ("", "")))


def are_listed(good: End, bad: End) -> bool:
    """Tells whether an index lists releases between two ends: two versions of one package, or a version and a nightly,
    which without a version comes after all releases.
    """
    before_nightly = bad.package in NIGHTLIES and good.package not in NIGHTLIES
    alike = before_nightly or good.package == bad.package
    return alike and bool(good.version) and (bool(bad.version) or before_nightly)
