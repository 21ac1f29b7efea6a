"""A survey: the releases that were asked for, and where the comparison of each with another lies.

A comparison is a paired run, as `tfgate upgrade` keeps it; the survey's own file holds none.
"""

import dataclasses
import itertools
import re

from bench.record.codec import FormatError

SURVEY_FILE = "survey.json"
UNSAFE = re.compile(r"[^A-Za-z0-9.]+")  # letters of a request that a folder's name is made without
PLAN = re.compile(r"[^./\0][^/\0]*")  # a name that doesn't lead out of a folder
MOST_LETTERS = 60  # of a request in a folder's name, the last ones: a path's end tells it from others


@dataclasses.dataclass(frozen=True)
class Survey:
    """The survey that was asked for: every release against the one before it and against a fixed one."""

    schema: int
    created: str  # ISO 8601, UTC
    command: tuple[str, ...]
    releases: tuple[str, ...]  # as they were asked for, in their order
    reference: str  # the fixed one; it may be one of them
    plans: tuple[str, ...]  # names of what is measured: a workload in a configuration
    as_of: str  # up to when all of them see the package index; "": each as of its own release
    numerics: bool  # the oracle and lockstep
    speed: bool
    left_out: dict[str, str]  # releases that can't be had, and why

    def planned(self) -> list[tuple[str, str]]:
        """Returns each (reference, candidate) that is compared where every release runs."""
        fixed = ((self.reference, release) for release in self.releases if release != self.reference)
        return list(dict.fromkeys((*itertools.pairwise(self.releases), *fixed)))

    def folder(self, reference: str, candidate: str) -> str:
        """Returns the name of a comparison's folder: 02-2.13.1-from-01-2.12.1."""
        return f"{self._named(candidate)}-from-{self._named(reference)}"

    def plan_folder(self, reference: str, candidate: str, plan: str) -> str:
        """Returns the same for one of several plans, which has a folder of its own."""
        folder = self.folder(reference, candidate)
        return f"{folder}/{plan}" if len(self.plans) > 1 else folder

    def _named(self, release: str) -> str:
        return folder_name(self.releases.index(release) + 1 if release in self.releases else 0, release)


def folder_name(place: int, what: str) -> str:
    """Returns the name of a folder for what was asked for, with the last letters of it: 02-2.13.1."""
    return f"{place:02}-{UNSAFE.sub('-', what).strip('-')[-MOST_LETTERS:]}"


def require_sound(survey: Survey) -> None:
    """Raises FormatError for a survey that no command writes: of nothing, with names twice, or that name no folder."""
    if len(set(survey.releases)) < max(2, len(survey.releases)):
        raise FormatError("releases: a survey has two or more, and each of them once")
    if not survey.plans or len(set(survey.plans)) < len(survey.plans):
        raise FormatError("plans: nothing is measured, or two things of one name")
    wrong = next((name for name in survey.plans if not PLAN.fullmatch(name)), None)
    if wrong is not None:
        raise FormatError(f"plans: {wrong!r} can't name a folder")
    strange = sorted(survey.left_out.keys() - set(survey.releases))
    if strange:
        raise FormatError(f"left_out: {strange[0]!r} is none of the releases")
